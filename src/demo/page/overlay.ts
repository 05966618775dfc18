/** What the overlay shows; rates are per second. */
export interface Figures {
  pingMs: number;
  tick: number;
  snapshotBytes: number;
  snapshots: number;
  latenessMs: number;
  frames: number;
  entities: number;
  keyframes: number;
  resyncs: number;
}

const labels: Readonly<Record<keyof Figures, string>> = {
  pingMs: 'ping',
  tick: 'tick',
  snapshotBytes: 'snapshot bytes/s',
  snapshots: 'snapshots/s',
  latenessMs: 'server lateness',
  frames: 'frames/s',
  entities: 'entities',
  keyframes: 'keyframes',
  resyncs: 'resyncs',
};

/** The network figures, shown and hidden with F3 or the key left of 1. */
export class Overlay {
  private readonly values = new Map<keyof Figures, HTMLElement>();

  constructor(private readonly list: HTMLElement) {
    for (const [key, label] of Object.entries(labels) as [keyof Figures, string][]) {
      const term = document.createElement('dt');
      term.textContent = label;
      const value = document.createElement('dd');
      value.dataset.figure = key;
      value.textContent = '–';
      list.append(term, value);
      this.values.set(key, value);
    }
    addEventListener('keydown', (event) => {
      if (event.target instanceof HTMLInputElement || event.repeat) return;
      if (event.code !== 'F3' && event.code !== 'Backquote') return;
      event.preventDefault(); // F3 would open the browser's search
      list.hidden = !list.hidden;
    });
  }

  get isVisible(): boolean {
    return !this.list.hidden;
  }

  update(figures: Figures): void {
    for (const [key, value] of this.values) {
      const figure = figures[key];
      const isMs = key === 'pingMs' || key === 'latenessMs';
      const digits = key === 'latenessMs' ? 2 : isMs ? 1 : 0;
      value.textContent = Number.isFinite(figure) ? `${figure.toFixed(digits)}${isMs ? ' ms' : ''}` : '–';
    }
  }
}

/** Turns growing counts into rates per second. */
export class RateMeter {
  private lastCount = 0;
  private lastMs = NaN;

  /** The rate since the last call; NaN at the first. */
  read(count: number, nowMs: number): number {
    const rate = ((count - this.lastCount) * 1000) / (nowMs - this.lastMs);
    this.lastCount = count;
    this.lastMs = nowMs;
    return rate;
  }
}

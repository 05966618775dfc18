/** How one figure is shown. */
export interface FigureLook {
  readonly label: string;
  /** Decimals; default none. */
  readonly digits?: number;
  readonly unit?: string;
}

/** What both demos show of their room; rates are per second. */
export const roomFigures = {
  pingMs: { label: 'ping', digits: 1, unit: ' ms' },
  tick: { label: 'tick' },
  latenessMs: { label: 'server lateness', digits: 2, unit: ' ms' },
  frames: { label: 'frames/s' },
  bytesPerSec: { label: 'bytes/s' },
  snapshotsPerSec: { label: 'snapshots/s' },
  bytes: { label: 'bytes' },
  keyframes: { label: 'keyframes' },
  skipped: { label: 'skipped' },
  resyncs: { label: 'resyncs' },
} satisfies Readonly<Record<string, FigureLook>>;

/** The network figures, shown and hidden with F3 or the key left of 1. */
export class Overlay<Name extends string> {
  private readonly values = new Map<Name, HTMLElement>();

  constructor(private readonly list: HTMLElement, private readonly looks: Readonly<Record<Name, FigureLook>>) {
    for (const name of Object.keys(looks) as Name[]) {
      const term = document.createElement('dt');
      term.textContent = looks[name].label;
      const value = document.createElement('dd');
      value.dataset.figure = name;
      value.textContent = '–';
      list.append(term, value);
      this.values.set(name, value);
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

  update(figures: Readonly<Record<Name, number>>): void {
    for (const [name, value] of this.values) {
      const figure = figures[name];
      const { digits = 0, unit = '' } = this.looks[name];
      const shown = figure.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
      value.textContent = Number.isFinite(figure) ? `${shown}${unit}` : '–';
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

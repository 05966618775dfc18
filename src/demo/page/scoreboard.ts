/** What the table shows of a player. */
export interface Ranked {
  readonly id: number;
  readonly name: string;
  readonly score: number;
  readonly isMe: boolean;
  readonly bot: boolean;
  readonly dead: boolean;
  /** Degrees. */
  readonly hue: number;
}

const rowsMax = 10;

/** The table of scores: the best ten, and the own player wherever they stand. */
export class Scoreboard {
  private shown = '';

  constructor(private readonly body: HTMLElement) {}

  update(figures: readonly Ranked[]): void {
    // Ties keep the order of arrival, so that rows don't swap places for nothing.
    const ranked = [...figures].sort((a, b) => b.score - a.score || a.id % 65536 - (b.id % 65536));
    const mine = ranked.findIndex((figure) => figure.isMe);
    const rows = ranked.slice(0, rowsMax);
    if (mine >= rowsMax) rows[rowsMax - 1] = ranked[mine]!;
    const next = JSON.stringify(rows.map(({ id, name, score, dead }) => [id, name, score, dead]));
    if (next === this.shown) return;
    this.shown = next;
    this.body.replaceChildren(...rows.map(rowOf));
  }
}

function rowOf(figure: Ranked): HTMLTableRowElement {
  const row = document.createElement('tr');
  row.classList.toggle('me', figure.isMe);
  row.classList.toggle('human', !figure.bot);
  row.classList.toggle('dead', figure.dead);
  const name = row.insertCell();
  const swatch = document.createElement('span');
  swatch.className = 'swatch';
  swatch.style.background = `hsl(${figure.hue}, 78%, 55%)`;
  name.append(swatch, figure.name);
  row.insertCell().textContent = String(figure.score);
  return row;
}

/**
 * Where rows are drawn that are sent at different rates: a near one with each snapshot, a far one with every fourth.
 *
 *   updates     T - n              T              T + n, when the next one is due
 *   drawn                   from ================> to
 *
 * Each update starts a glide from where the row is drawn to where it now is, as long as the time since its last update. So
 * every row moves steadily, one update of its own behind the room, and nobody has to know which rate it is sent at. A track
 * of samples as the arena keeps for its players would have to draw all rows as late as the slowest.
 *
 * Arrays by row index, as in a table: a thousand rows move in each frame, and nothing is allocated.
 */
export class Glides {
  /** 1 where a row is held. */
  readonly held: Uint8Array;
  /** Where the row is drawn, as of the latest `advance`. */
  readonly x: Float64Array;
  readonly y: Float64Array;
  /** The direction of its latest step, of length 1. */
  readonly facingX: Float64Array;
  readonly facingY: Float64Array;
  private readonly fromX: Float64Array;
  private readonly fromY: Float64Array;
  private readonly toX: Float64Array;
  private readonly toY: Float64Array;
  private readonly fromTick: Float64Array;
  private readonly toTick: Float64Array;
  private readonly updatedAtTick: Float64Array;
  private drawTick = 0;

  /** @param longestTicks between two updates; a row that was still for longer than that isn't slow, it starts to move. */
  constructor(private readonly capacity: number, private readonly longestTicks: number) {
    const column = (): Float64Array => new Float64Array(capacity);
    this.held = new Uint8Array(capacity);
    this.x = column();
    this.y = column();
    this.facingX = column();
    this.facingY = column();
    this.fromX = column();
    this.fromY = column();
    this.toX = column();
    this.toY = column();
    this.fromTick = column();
    this.toTick = column();
    this.updatedAtTick = column();
  }

  /** A row comes, at rest. */
  begin(i: number, x: number, y: number, tick: number): void {
    this.held[i] = 1;
    this.x[i] = this.fromX[i] = this.toX[i] = x;
    this.y[i] = this.fromY[i] = this.toY[i] = y;
    this.fromTick[i] = this.toTick[i] = this.updatedAtTick[i] = tick;
    this.facingX[i] = 1;
    this.facingY[i] = 0;
  }

  /** The snapshot of `tick` has the row at a new place. */
  update(i: number, x: number, y: number, tick: number): void {
    const dx = x - this.toX[i]!;
    const dy = y - this.toY[i]!;
    const length = Math.sqrt(dx * dx + dy * dy);
    if (length > 0) {
      this.facingX[i] = dx / length;
      this.facingY[i] = dy / length;
    }
    this.fromX[i] = this.x[i]!;
    this.fromY[i] = this.y[i]!;
    this.toX[i] = x;
    this.toY[i] = y;
    this.fromTick[i] = this.drawTick;
    this.toTick[i] = tick + Math.min(Math.max(tick - this.updatedAtTick[i]!, 1), this.longestTicks);
    this.updatedAtTick[i] = tick;
  }

  end(i: number): void {
    this.held[i] = 0;
  }

  /** Moves every row to where it is drawn at `drawTick`, a tick with its fraction. */
  advance(drawTick: number): void {
    this.drawTick = drawTick;
    for (let i = 0; i < this.capacity; i += 1) {
      if (this.held[i] === 0) continue;
      const span = this.toTick[i]! - this.fromTick[i]!;
      const part = span <= 0 ? 1 : Math.min(Math.max((drawTick - this.fromTick[i]!) / span, 0), 1);
      this.x[i] = this.fromX[i]! + (this.toX[i]! - this.fromX[i]!) * part;
      this.y[i] = this.fromY[i]! + (this.toY[i]! - this.fromY[i]!) * part;
    }
  }
}

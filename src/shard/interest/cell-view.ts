/**
 * Which cells of a grid one client is sent, ring by ring, and which of them it has to be sent whole.
 *
 * ```
 *   none --within a ring's enter radius--> held, to be sent whole --its keyframe is sent--> held, in step
 *     ^                                      ^-----no room in the byte budget---------------'
 *     '------beyond the ring's leave radius (a ring further out may take it)--------
 * ```
 */
import type { CellGrid } from './cell-grid.js';
import type { Ring } from './grid.js';

/** A focus that crosses a cell looks about so often on its way. */
const LOOKS_PER_CELL = 8;

export const CellState = {
  /** Deltas fit. */
  InStep: 0,
  /** The client holds nothing of the cell and is to get its keyframe. */
  Entered: 1,
  /** The client holds an older state of the cell and is to get its keyframe. */
  Skipped: 2,
} as const;

export class CellView {
  /** Cells held of each ring, row by row. */
  readonly cells: Uint16Array[];
  readonly counts: Int32Array;
  /** A CellState per cell. */
  readonly states: Uint8Array;
  /** How long a cell has waited for its turn, weighed with how near it is. */
  readonly priorities: Float32Array;
  /** Cells that were left by the newest `look`, with the ring they were held in. */
  readonly left: Uint16Array;
  readonly leftRings: Uint8Array;
  leftCount = 0;

  /** 1 + the ring that each cell is held in; 0: not held. */
  private readonly held: Uint8Array;
  private readonly seen: Uint16Array;
  private looks = 0;
  private lookedX = NaN;
  private lookedY = NaN;
  /** How far the focus may move between two looks. */
  private readonly slack: number;
  private spare: Uint16Array;

  constructor(
    private readonly grid: CellGrid,
    private readonly rings: readonly Ring[],
  ) {
    const { count } = grid;
    this.slack = grid.cellSize / LOOKS_PER_CELL;
    this.cells = rings.map(() => new Uint16Array(count));
    this.counts = new Int32Array(rings.length);
    this.states = new Uint8Array(count);
    this.priorities = new Float32Array(count);
    // At most once each: a cell that is left in one ring may be entered in another, and is left there at a later look.
    this.left = new Uint16Array(count);
    this.leftRings = new Uint8Array(count);
    this.held = new Uint8Array(count);
    this.seen = new Uint16Array(count);
    this.spare = new Uint16Array(count);
  }

  get isBehind(): boolean {
    return this.cells.some((cells, r) => {
      const held = cells.subarray(0, this.counts[r]!);
      return held.some((cell) => this.holds(cell, r) && this.states[cell] === CellState.Skipped);
    });
  }

  /** Forgets every cell, as the client does when it gets a keyframe frame. */
  clear(): void {
    this.lookedX = NaN;
    this.held.fill(0);
    this.counts.fill(0);
    this.leftCount = 0;
  }

  /** Looks from a place, unless it is where it looked from last or hardly away. */
  look(x: number, y: number): void {
    this.leftCount = 0;
    const moved = Math.abs(x - this.lookedX) + Math.abs(y - this.lookedY);
    if (moved <= this.slack) return;
    this.lookedX = x;
    this.lookedY = y;
    for (let r = 0; r < this.rings.length; r += 1) this.lookInRing(r, x, y);
  }

  /** Leaves every cell. */
  lookAway(): void {
    this.leftCount = 0;
    this.lookedX = NaN;
    for (let r = 0; r < this.rings.length; r += 1) {
      const cells = this.cells[r]!;
      for (let i = 0; i < this.counts[r]!; i += 1) if (this.held[cells[i]!] === r + 1) this.leave(cells[i]!, r);
      this.counts[r] = 0;
    }
  }

  private lookInRing(r: number, x: number, y: number): void {
    const { grid, held, seen, rings } = this;
    // As much wider as the focus may move before the next look.
    const enterRadius = rings[r]!.enterRadius + this.slack;
    const leaveRadius = Math.max(rings[r]!.leaveRadius, enterRadius) + this.slack;
    const look = this.nextLook();
    const old = this.cells[r]!;
    const next = this.spare;
    let count = 0;
    const columnEnd = grid.columnAt(x + leaveRadius);
    const rowEnd = grid.rowAt(y + leaveRadius);
    const columnStart = grid.columnAt(x - leaveRadius);
    for (let row = grid.rowAt(y - leaveRadius); row <= rowEnd; row += 1) {
      const dy = grid.distanceY(row, y);
      for (let column = columnStart; column <= columnEnd; column += 1) {
        const cell = row * grid.columns + column;
        const home = held[cell]!;
        if (home !== 0 && home <= r) continue; // held nearer
        const dx = grid.distanceX(column, x);
        const squared = dx * dx + dy * dy;
        if (home === r + 1) {
          seen[cell] = look;
          if (squared > leaveRadius * leaveRadius) {
            this.leave(cell, r); // a ring further out may take it
            continue;
          }
        } else {
          if (squared > enterRadius * enterRadius) continue;
          if (home !== 0) this.leave(cell, home - 1);
          held[cell] = r + 1;
          seen[cell] = look;
          this.states[cell] = CellState.Entered;
          this.priorities[cell] = 0;
        }
        next[count] = cell;
        count += 1;
      }
    }
    for (let i = 0; i < this.counts[r]!; i += 1) {
      const cell = old[i]!;
      if (held[cell] === r + 1 && seen[cell] !== look) this.leave(cell, r);
    }
    this.spare = old;
    this.cells[r] = next;
    this.counts[r] = count;
  }

  private nextLook(): number {
    this.looks += 1;
    if (this.looks > 0xffff) {
      this.seen.fill(0);
      this.looks = 1;
    }
    return this.looks;
  }

  private leave(cell: number, r: number): void {
    this.held[cell] = 0;
    this.left[this.leftCount] = cell;
    this.leftRings[this.leftCount] = r;
    this.leftCount += 1;
  }

  /** The ring that a held cell is held in. */
  ringOf(cell: number): number {
    return this.held[cell]! - 1;
  }

  /** Whether a cell of a ring's list is still held there: a nearer ring may have taken it since. */
  holds(cell: number, r: number): boolean {
    return this.held[cell] === r + 1;
  }
}

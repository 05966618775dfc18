import { cellSize, farRadius, nearRadius, swarmSize } from '../../swarm-rules.js';
import type { Glides } from './glides.js';

export const cellsAcross = swarmSize / cellSize;

/** How a cell is sent. */
export const Sent = { Not: 0, Near: 1, Far: 2 } as const;
export type Sent = (typeof Sent)[keyof typeof Sent];

/** A cell is left later than it is entered, so that a body on a border doesn't have cells come and go with each step. */
const leaveLater = cellSize / 2;

/** Creatures cross a border between two snapshots, but not this many at once: then the cell they are in is sent. */
const rowsOfSentCell = 3;

/**
 * Which cells of the grid the room sends. The client is told rows and no cells: this is for drawing them, by the rule that
 * the room goes by. The room doesn't look at each step of a body, and holds on to a cell a little longer; so a cell that
 * rows are held of is one that is sent, whatever the rule says.
 */
export class CellsSent {
  nearCount = 0;
  farCount = 0;
  private readonly sent = new Uint8Array(cellsAcross * cellsAcross);
  private readonly rowCounts = new Uint16Array(cellsAcross * cellsAcross);

  /** The room has the own body at (x, y), and has sent these creatures. */
  update(x: number, y: number, creatures: Glides): void {
    this.nearCount = 0;
    this.farCount = 0;
    this.countRows(creatures);
    for (let row = 0; row < cellsAcross; row += 1) {
      for (let column = 0; column < cellsAcross; column += 1) {
        const at = row * cellsAcross + column;
        const distance = Math.hypot(outside(x, column * cellSize), outside(y, row * cellSize));
        const was = this.sent[at]!;
        let sent: Sent = Sent.Not;
        if (distance <= nearRadius + (was === Sent.Near ? leaveLater : 0)) sent = Sent.Near;
        else if (distance <= farRadius + (was === Sent.Not ? 0 : leaveLater)) sent = Sent.Far;
        else if (this.rowCounts[at]! >= rowsOfSentCell) sent = Sent.Far;
        this.sent[at] = sent;
        if (sent === Sent.Near) this.nearCount += 1;
        if (sent === Sent.Far) this.farCount += 1;
      }
    }
  }

  /** How the cell in this column and row is sent. */
  cell(column: number, row: number): Sent {
    return this.sent[row * cellsAcross + column] as Sent;
  }

  /** How the cell is sent that a place of the world is in. */
  at(x: number, y: number): Sent {
    return this.cell(across(x), across(y));
  }

  private countRows({ held, x, y }: Glides): void {
    this.rowCounts.fill(0);
    for (let i = 0; i < held.length; i += 1) {
      if (held[i] === 1) this.rowCounts[across(y[i]!) * cellsAcross + across(x[i]!)]! += 1;
    }
  }
}

/** How far a coordinate is outside a cell that begins at `start`; 0 inside. */
function outside(at: number, start: number): number {
  return Math.max(start - at, 0, at - start - cellSize);
}

function across(at: number): number {
  return Math.min(Math.max(Math.floor(at / cellSize), 0), cellsAcross - 1);
}

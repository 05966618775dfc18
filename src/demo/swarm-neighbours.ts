import type { Table } from '../index.js';
import { creatureCount, shoalKind, swarmSize } from './swarm-rules.js';
import type { Creature } from './swarm-tables.js';

/** Side of a block. What is sought is at most a scare's radius away, so a search looks into four to nine blocks. */
const blockSize = 200;
const blocksAcross = swarmSize / blockSize;
const blockCount = blocksAcross * blocksAcross;

/**
 * Who is near whom: the creatures by block of the world, and what the shoals in each block do together.
 *
 *   starts   0     3        7  7  ...      creatures of block b are order[starts[b]] to order[starts[b + 1]] - 1
 *   order    a b c | d e f g |  | h ...
 *
 * A counting sort builds it anew for each tick: two passes over the columns, without keeping track of who moved where.
 */
export class SwarmNeighbours {
  /** Row indices that the latest `gather` found. */
  readonly found = new Uint16Array(creatureCount);
  private readonly blockOf = new Uint16Array(creatureCount);
  private readonly starts = new Uint16Array(blockCount + 1);
  private readonly order = new Uint16Array(creatureCount);
  private readonly sizes = new Uint16Array(blockCount);
  private readonly shoalX = new Float64Array(blockCount);
  private readonly shoalY = new Float64Array(blockCount);
  private readonly shoalCourseX = new Float64Array(blockCount);
  private readonly shoalCourseY = new Float64Array(blockCount);
  /** The shoal that the latest `lookAtShoal` saw: its size, its middle and its mean course. */
  size = 0;
  middleX = 0;
  middleY = 0;
  courseX = 0;
  courseY = 0;

  constructor(private readonly creatures: Table<(typeof Creature)['fields']>) {}

  refresh(courseX: Float64Array, courseY: Float64Array): void {
    const { creatures, starts, blockOf, order, sizes } = this;
    const { x, y, kind } = creatures.columns;
    starts.fill(0);
    sizes.fill(0);
    for (const sum of [this.shoalX, this.shoalY, this.shoalCourseX, this.shoalCourseY]) sum.fill(0);
    for (let i = 0; i < creatures.rowEnd; i += 1) {
      if (creatures.alive[i] === 0) continue;
      const block = across(y[i]!) * blocksAcross + across(x[i]!);
      blockOf[i] = block;
      starts[block] = starts[block]! + 1;
      if (kind[i] !== shoalKind) continue;
      sizes[block] = sizes[block]! + 1;
      this.shoalX[block] = this.shoalX[block]! + x[i]!;
      this.shoalY[block] = this.shoalY[block]! + y[i]!;
      this.shoalCourseX[block] = this.shoalCourseX[block]! + courseX[i]!;
      this.shoalCourseY[block] = this.shoalCourseY[block]! + courseY[i]!;
    }
    // Counts become ends; filling each block from its end backwards leaves the starts.
    let end = 0;
    for (let block = 0; block <= blockCount; block += 1) starts[block] = end += starts[block]!;
    for (let i = creatures.rowEnd - 1; i >= 0; i -= 1) {
      if (creatures.alive[i] === 0) continue;
      const block = blockOf[i]!;
      const at = (starts[block] = starts[block]! - 1);
      order[at] = i;
    }
  }

  /**
   * Puts the creatures of every block that the square round a place touches into `found`, those too that have been moved
   * since `refresh`: the caller measures. Returns their number.
   */
  gather(x: number, y: number, radius: number): number {
    const { starts, order, found } = this;
    const left = across(x - radius);
    const right = across(x + radius);
    let count = 0;
    for (let row = across(y - radius); row <= across(y + radius); row += 1) {
      // Blocks of one row lie side by side, and so do their creatures.
      const end = starts[row * blocksAcross + right + 1]!;
      for (let at = starts[row * blocksAcross + left]!; at < end; at += 1) {
        found[count] = order[at]!;
        count += 1;
      }
    }
    return count;
  }

  /** Sets middle and course to those of the shoal in the block of creature `i`, which is one of it. */
  lookAtShoal(i: number): void {
    const block = this.blockOf[i]!;
    const size = (this.size = this.sizes[block]!);
    this.middleX = this.shoalX[block]! / size;
    this.middleY = this.shoalY[block]! / size;
    this.courseX = this.shoalCourseX[block]! / size;
    this.courseY = this.shoalCourseY[block]! / size;
  }
}

/** The column, or the row, of blocks that a coordinate is in; the world's edge belongs to the last. */
function across(at: number): number {
  return Math.min(Math.max(Math.floor(at / blockSize), 0), blocksAcross - 1);
}

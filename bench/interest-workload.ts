/**
 * A crowd in one room, and clients who each follow one of it: who sees whom.
 *
 * The world is as large as it takes for a client to see about `SEEN_COUNT` entities, however many there are. Entities come
 * into a client's sight within `RADIUS` units and leave it beyond `LEAVE_RADIUS`, so that one at the edge doesn't come and
 * go with every snapshot.
 */
import { ArenaWorkload } from './arena-workload.js';

export const RADIUS = 250;
export const LEAVE_RADIUS = 300;
/** Between the two: entities who leave stay a while. Found by trying. */
const RADIUS_SEEN = 268;
const SEEN_COUNT = 100;

export interface InterestOptions {
  readonly clientCount: number;
  readonly entityCount: number;
  readonly seed: number;
}

export class InterestWorkload {
  readonly arena: ArenaWorkload;
  readonly clientCount: number;
  /** Row of the entity that each client follows. */
  readonly followed: Int32Array;

  constructor({ clientCount, entityCount, seed }: InterestOptions) {
    this.clientCount = clientCount;
    const worldSize = Math.ceil(worldSizeFor(entityCount));
    this.arena = new ArenaWorkload({ count: entityCount, seed, worldSize, movingShare: 1 });
    this.followed = Int32Array.from({ length: clientCount }, (_, c) => Math.floor((c * entityCount) / clientCount));
  }

  advance(): void {
    this.arena.advance();
  }

  /** Squared units between the entity that a client follows and another. */
  distanceSquared(client: number, row: number): number {
    const { x, y } = this.arena.table.columns;
    const followed = this.followed[client]!;
    return (x[row]! - x[followed]!) ** 2 + (y[row]! - y[followed]!) ** 2;
  }
}

/** The side of a square in which an entity sees, on average, `SEEN_COUNT` of `count`, itself included. */
function worldSizeFor(count: number): number {
  let smallest = RADIUS_SEEN;
  let largest = 1000 * RADIUS_SEEN;
  while (largest - smallest > 0.5) {
    const size = (smallest + largest) / 2;
    // Share of a square that lies within r sides of a random point of it, on average: the borders cut discs off.
    const r = RADIUS_SEEN / size;
    const share = Math.PI * r ** 2 - (8 / 3) * r ** 3 + r ** 4 / 2;
    if (share * count > SEEN_COUNT) smallest = size;
    else largest = size;
  }
  return smallest;
}

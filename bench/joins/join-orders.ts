/** What the load of the joins bench is told, and what it answers. */

interface Joining {
  /** Whose clients: the driver is `bench/load/${contender}-client.js`. */
  readonly contender: string;
  readonly url: string;
  readonly room: string;
  readonly count: number;
}

export type JoinOrder =
  /** So many joins are under way at any time: as soon as one is done the next one begins. */
  | (Joining & { readonly step: 'closed'; readonly atOnce: number })
  /** Joins begin at a rate, each at a random moment of its turn, however long the others take. */
  | (Joining & { readonly step: 'open'; readonly ratePerSec: number; readonly seed: number })
  /** All who are there leave, and say so. Answered with an error when somebody was closed before, or got no keyframe. */
  | { readonly step: 'leave' };

/** Of the clients that joined on one order; all of them are still there. */
export interface JoinFigures {
  /** From the first call to the last keyframe. */
  readonly elapsedMs: number;
  /** From each client's call to its first keyframe. */
  readonly joinsMs: readonly number[];
  /** CPU time of this process: of a load with one core, all of `elapsedMs` means that it is the load that saturates. */
  readonly cpuMs: number;
  /** How many clients each room has, by their rooms' ids. */
  readonly roomSizes: readonly number[];
}

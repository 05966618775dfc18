/**
 * How many rooms a larger machine would hold: a model, from the CPU time of each thread.
 *
 * ```
 *   front    rooms * frontShare                      <= limit             one thread
 *   shards   rooms * (shardShare + otherShare)       <= limit * shards    shards = cores - 1
 *   rooms    the lower of the two
 * ```
 *
 * Shares are of a core's time, for each room, at the most rooms that one front and one shard held on two cores. `limit` is
 * how much of its core the busiest thread used there: what a thread can be used and still be on time. `otherShare` is of the
 * collector's and the compiler's threads, which have to run on some core: on the shards'. Assumed are clients on other
 * machines, cores that don't slow each other down, rooms spread evenly, and a front that costs as much for each room however
 * many there are; it costs less with more.
 */
export interface ThreadShares {
  readonly front: number;
  readonly shard: number;
  readonly other: number;
}

export class CoreModel {
  readonly limit: number;

  /** @param used of a core, by the threads of a server that holds so many rooms */
  constructor(private readonly rooms: number, private readonly used: ThreadShares) {
    this.limit = Math.max(used.front, used.shard);
  }

  roomsOn(cores: number): number {
    return Math.floor(Math.min(this.frontRooms(), this.shardRooms() * (cores - 1)));
  }

  /** What the front alone would hold, however many shards there are. */
  frontRooms(): number {
    return (this.limit * this.rooms) / this.used.front;
  }

  /** What each shard would hold. */
  private shardRooms(): number {
    return (this.limit * this.rooms) / (this.used.shard + this.used.other);
  }
}

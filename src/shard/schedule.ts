/**
 * When each room of a shard ticks. Pure: every time is handed in, as float milliseconds of one monotonic clock.
 *
 * Rooms of one tick rate share a grid of deadlines, and the grid is cut into slots so that a shard's work and packets
 * are spread over the period instead of arriving in one burst:
 *
 *   slot        0       1       2       3       0       1       2       3
 *   time   -----|-------|-------|-------|-------|-------|-------|-------|----->
 *          origin + n periods           origin + (n + 1) periods
 *
 * A *slot group* is the rooms of one (tick rate, slot). The shard wakes once per group, not once per room: with little
 * to do, waking up is most of the cost.
 *
 * Deadlines are computed from n, never accumulated:
 *
 *   deadline(n) = origin + ((n * SLOTS + slot) * 1000) / (SLOTS * rate)
 *
 * The numerator is an integer and exact while it is below 2^53, so n may reach 2.2e12: 297 years at 240 Hz. The
 * division and the addition round once each. At 1e10 ms (115 days of uptime) neighbouring doubles are 1.9e-6 ms
 * apart, so a deadline is wrong by about two nanoseconds, the same after ten million ticks as after one.
 */

/** Thread entry files make the real one; tests and simulations make their own. */
export interface Clock {
  /** Monotonic time in float milliseconds, any origin. */
  nowMs(): number;
}

/**
 * When a tick was due and when it came, in float milliseconds. One object, used again for every tick: numbers with a
 * fraction, passed as arguments, would each be an allocation. Copy what is to be kept.
 */
export interface TickTiming {
  /** When the tick was due. Two deadlines more than a period apart mean that ticks were skipped. */
  readonly deadlineMs: number;
  /** How long after the deadline this very room was started, 0 or more. */
  readonly latenessMs: number;
}

/** A tick that ran. */
export interface TickRecord extends TickTiming {
  /** How long it took. */
  readonly durationMs: number;
}

/** Told of every tick after it ran, before the next begins. The record is used again, as `TickTiming` is. */
export interface TickObserver {
  tickRan(tick: TickRecord): void;
}

export interface Scheduled {
  /** Ticks per second, 1 to 240. Read when the room is added and fixed from then on. */
  readonly tickRateHz: number;
  /**
   * Runs one tick. It must handle its own failures: what it throws leaves `runDue`, and the rooms behind it in its slot
   * group miss that deadline.
   */
  runTick(timing: TickTiming): void;
}

/**
 * Parts of a period that rooms are spread over. 1, 4 and 8 cost the same at 32 and 64 rooms; fewer slots means fewer
 * wake-ups when a shard has few rooms, more slots means smaller bursts.
 */
export const SLOTS_PER_PERIOD = 4;

/**
 * Ticks that a group may run in a row while it is a period or more behind. Past that the missed deadlines are dropped:
 * a room that cannot keep up would otherwise fall behind without end. 5 ticks repay a pause of 83 ms at 60 Hz, longer
 * than a major collection of a healthy heap.
 */
export const CATCH_UP_TICKS_MAX = 5;

export const TICK_RATE_HZ_MIN = 1;
export const TICK_RATE_HZ_MAX = 240;

/**
 * Rooms that share a slot before the next slot is used, as long as their ticks are short: a wake-up costs more than the
 * tick of a small room, and nobody waits long behind three of those. A group whose ticks become long gives rooms to slots
 * that are empty.
 */
export const ROOMS_TOGETHER_MAX = 4;

/** Up to here the ticks of a group count as short, all its rooms together. */
export const SHORT_PASS_MS = 0.25;

/** Weight of a new pass in a group's mean. */
const PASS_WEIGHT = 0.1;

/** Equally full slots are taken in this order, so that two groups are half a period apart and not a quarter. */
const SLOT_ORDER: readonly number[] = [0, 2, 1, 3];

/** The deadlines of one (tick rate, slot): see the drawing and the formula above. */
export class DeadlineGrid {
  readonly tickRateHz: number;
  readonly slot: number;
  readonly #originMs: number;
  readonly #slotsPerSec: number;

  constructor(originMs: number, tickRateHz: number, slot: number) {
    this.tickRateHz = tickRateHz;
    this.slot = slot;
    this.#originMs = originMs;
    this.#slotsPerSec = SLOTS_PER_PERIOD * tickRateHz;
  }

  deadlineMs(index: number): number {
    return this.#originMs + ((index * SLOTS_PER_PERIOD + this.slot) * 1000) / this.#slotsPerSec;
  }

  /** The smallest index whose deadline is after `nowMs`; a deadline of exactly `nowMs` has passed. */
  indexAfter(nowMs: number): number {
    const slots = ((nowMs - this.#originMs) * this.#slotsPerSec) / 1000;
    let index = Math.floor((slots - this.slot) / SLOTS_PER_PERIOD) + 1;
    // The division above rounds on its own, so near a deadline it can be one off from `deadlineMs`, which decides.
    while (this.deadlineMs(index) <= nowMs) index++;
    while (this.deadlineMs(index - 1) > nowMs) index--;
    return index;
  }
}

class SlotGroup<R extends Scheduled> {
  readonly grid: DeadlineGrid;
  readonly rooms: R[] = [];
  /** Parallel to `rooms`: the first index a room may tick for. Later than `nextIndex` if it joined a late group. */
  readonly firstIndexes: number[] = [];
  nextIndex: number;
  nextDeadlineMs: number;
  /** Ticks run in a row, each while its successor's deadline had passed as well. */
  catchUpTicks = 0;
  /** Mean time that the ticks of all its rooms take, in milliseconds; newer ones count for more. */
  meanPassMs = 0;
  /** The last `runDue` call that ran this group. */
  passNumber = 0;
  /** While the group ticks, `rooms[cursor]` is ticking and `rooms[end]` is past the last to tick; otherwise -1, 0. */
  cursor = -1;
  end = 0;

  constructor(grid: DeadlineGrid, nowMs: number) {
    this.grid = grid;
    this.nextIndex = grid.indexAfter(nowMs);
    this.nextDeadlineMs = grid.deadlineMs(this.nextIndex);
  }
}

/** The rooms of one shard and their deadlines. Linear scans throughout: a shard rarely has more than a dozen groups. */
export class Schedule<R extends Scheduled = Scheduled> {
  /** Room ticks that never ran because their group was too far behind. Only grows. */
  ticksSkipped = 0;
  /** Room ticks that ran a whole period late or more. Only grows. */
  ticksCaughtUp = 0;

  readonly #originMs: number;
  readonly #groups: SlotGroup<R>[] = [];
  readonly #groupOf = new Map<R, SlotGroup<R>>();
  readonly #observer: TickObserver | undefined;
  readonly #roomsTogetherMax: number;
  // NaN, so that all are doubles from the start, which the engine writes in place.
  readonly #timing = { deadlineMs: NaN, latenessMs: NaN, durationMs: NaN };
  #passNumber = 0;
  #running = false;

  /**
   * @param originMs where every grid of this schedule starts; usually the clock's time when the shard starts
   * @param roomsTogetherMax rooms with short ticks that share a slot before the next one is used
   */
  constructor(originMs: number, observer?: TickObserver, roomsTogetherMax = ROOMS_TOGETHER_MAX) {
    this.#originMs = originMs;
    this.#observer = observer;
    this.#roomsTogetherMax = roomsTogetherMax;
  }

  /** Number of rooms. */
  get size(): number {
    return this.#groupOf.size;
  }

  /**
   * Puts a room into a slot of its rate: see `ROOMS_TOGETHER_MAX`. Its first tick is its group's first deadline after `nowMs`,
   * also when the group is late and still has older deadlines to catch up. May be called from inside a tick.
   *
   * @throws RangeError (`TICK_RATE_OUT_OF_RANGE`) for a rate outside 1 to 240; Error (`ROOM_ALREADY_SCHEDULED`).
   */
  add(room: R, nowMs: number): void {
    const { tickRateHz } = room;
    if (!(tickRateHz >= TICK_RATE_HZ_MIN && tickRateHz <= TICK_RATE_HZ_MAX)) {
      const message = `tickRate is ${tickRateHz}; expected ${TICK_RATE_HZ_MIN} to ${TICK_RATE_HZ_MAX}`;
      throw Object.assign(new RangeError(message), { code: 'TICK_RATE_OUT_OF_RANGE' });
    }
    if (this.#groupOf.has(room)) {
      const message = 'the room is scheduled already; remove it before adding it again';
      throw Object.assign(new Error(message), { code: 'ROOM_ALREADY_SCHEDULED' });
    }
    this.#addTo(this.#slotForNext(tickRateHz), room, nowMs);
  }

  #addTo(slot: number, room: R, nowMs: number): void {
    const { tickRateHz } = room;
    let group = this.#find(tickRateHz, slot);
    if (group === undefined) {
      group = new SlotGroup<R>(new DeadlineGrid(this.#originMs, tickRateHz, slot), nowMs);
      this.#groups.push(group);
    }
    group.rooms.push(room);
    group.firstIndexes.push(Math.max(group.nextIndex, group.grid.indexAfter(nowMs)));
    this.#groupOf.set(room, group);
  }

  /**
   * Takes a room out; it is not ticked again. May be called from inside a tick, for the ticking room or any other: the
   * rooms that stay still tick exactly once.
   *
   * @returns false when the room was not scheduled.
   */
  remove(room: R): boolean {
    const group = this.#groupOf.get(room);
    if (group === undefined) return false;
    this.#groupOf.delete(room);
    const index = group.rooms.indexOf(room);
    // Shifting instead of swapping the last one in keeps the rooms behind the cursor behind it.
    group.rooms.splice(index, 1);
    group.firstIndexes.splice(index, 1);
    if (index < group.end) group.end--;
    if (index <= group.cursor) group.cursor--;
    if (group.rooms.length === 0) this.#groups.splice(this.#groups.indexOf(group), 1);
    return true;
  }

  /** The earliest deadline not run yet, which may have passed; Infinity without rooms. */
  nextDeadlineMs(): number {
    let earliestMs = Infinity;
    for (let i = 0; i < this.#groups.length; i++) {
      const { nextDeadlineMs } = this.#groups[i]!;
      if (nextDeadlineMs < earliestMs) earliestMs = nextDeadlineMs;
    }
    return earliestMs;
  }

  /**
   * Runs one tick of every group whose deadline has passed when the call starts, oldest deadline first.
   *
   * One tick per group and call is the bound on its work: catching up takes several calls, and between them the caller
   * drains its rings and gives the event loop a turn. A deadline that passes meanwhile waits for the next call. Oldest
   * first means that a slow group of a high rate cannot starve one of a low rate.
   *
   * A group is behind when a deadline's successor has passed too. It then runs late ticks, at most CATCH_UP_TICKS_MAX
   * in a row; if it is still behind, the missed deadlines are skipped and counted, and the newest that has passed runs:
   *
   *   deadlines    1   2   3   4   5   6   7   8   9 | now
   *   ticks        late late late late late  skipped  9
   *
   * @returns room ticks run; 0 when nothing was due.
   */
  runDue(clock: Clock): number {
    if (this.#running) throw new Error('runDue was called from inside a tick; only the shard pass may call it');
    this.#running = true;
    this.#passNumber++;
    const dueMs = clock.nowMs();
    let ticks = 0;
    try {
      let group = this.#oldestDue(dueMs);
      while (group !== undefined) {
        ticks += this.#runGroup(group, clock);
        group = this.#oldestDue(dueMs);
      }
    } finally {
      this.#running = false;
    }
    return ticks;
  }

  #oldestDue(dueMs: number): SlotGroup<R> | undefined {
    let oldest: SlotGroup<R> | undefined;
    for (let i = 0; i < this.#groups.length; i++) {
      const group = this.#groups[i]!;
      if (group.nextDeadlineMs > dueMs || group.passNumber === this.#passNumber) continue;
      if (oldest === undefined || group.nextDeadlineMs < oldest.nextDeadlineMs) oldest = group;
    }
    return oldest;
  }

  #runGroup(group: SlotGroup<R>, clock: Clock): number {
    const { grid, rooms, firstIndexes } = group;
    const newestIndex = grid.indexAfter(clock.nowMs()) - 1;
    let index = group.nextIndex;
    let late = false;
    if (index >= newestIndex) {
      group.catchUpTicks = 0;
    } else if (group.catchUpTicks < CATCH_UP_TICKS_MAX) {
      group.catchUpTicks++;
      late = true;
    } else {
      this.#countSkipped(group, newestIndex);
      group.catchUpTicks = 0;
      index = newestIndex;
    }
    // Moved on before any room runs, so that rooms which add, remove or throw meet a consistent schedule.
    group.passNumber = this.#passNumber;
    group.nextIndex = index + 1;
    group.nextDeadlineMs = grid.deadlineMs(index + 1);
    const timing = this.#timing;
    timing.deadlineMs = grid.deadlineMs(index);
    let ticks = 0;
    group.end = rooms.length;
    // One reading per room: the end of a tick is the start of the next.
    const startedAfterMs = clock.nowMs() - timing.deadlineMs;
    timing.latenessMs = startedAfterMs;
    try {
      for (group.cursor = 0; group.cursor < group.end; group.cursor++) {
        if (firstIndexes[group.cursor]! > index) continue;
        ticks++;
        rooms[group.cursor]!.runTick(timing);
        const endAfterMs = clock.nowMs() - timing.deadlineMs;
        timing.durationMs = endAfterMs - timing.latenessMs;
        this.#observer?.tickRan(timing);
        timing.latenessMs = endAfterMs;
      }
    } finally {
      group.cursor = -1;
      group.end = 0;
    }
    if (ticks > 0) group.meanPassMs += PASS_WEIGHT * (timing.latenessMs - startedAfterMs - group.meanPassMs);
    // Not of a late group: the room would lose the deadlines that are still to be caught up.
    if (!late && rooms.length > 1 && group.meanPassMs >= SHORT_PASS_MS) this.#spread(group, clock.nowMs());
    if (late) this.ticksCaughtUp += ticks;
    return ticks;
  }

  /** Counts what `group` misses by going on at `index`; a room misses nothing from before it was added. */
  #countSkipped(group: SlotGroup<R>, index: number): void {
    for (let i = 0; i < group.firstIndexes.length; i++) {
      this.ticksSkipped += Math.max(0, index - Math.max(group.nextIndex, group.firstIndexes[i]!));
    }
  }

  /**
   * Moves the last room of a group with long ticks to a slot that has none, if there is one. One of its intervals is a part
   * of a period longer or shorter then, and none after it.
   */
  #spread(group: SlotGroup<R>, nowMs: number): void {
    const { tickRateHz } = group.grid;
    const emptySlot = SLOT_ORDER.find((slot) => this.#find(tickRateHz, slot) === undefined);
    if (emptySlot === undefined) return;
    const room = group.rooms.at(-1)!;
    this.remove(room);
    this.#addTo(emptySlot, room, nowMs);
    // Without it the ticks are shorter; how much, the next passes tell.
    group.meanPassMs = 0;
  }

  #find(tickRateHz: number, slot: number): SlotGroup<R> | undefined {
    return this.#groups.find((group) => group.grid.tickRateHz === tickRateHz && group.grid.slot === slot);
  }

  /** Beside other rooms while those are few and quick, else where the fewest are. */
  #slotForNext(tickRateHz: number): number {
    let bestSlot = 0;
    let bestCount = Infinity;
    for (const slot of SLOT_ORDER) {
      const group = this.#find(tickRateHz, slot);
      const count = group?.rooms.length ?? 0;
      if (group !== undefined && count < this.#roomsTogetherMax && group.meanPassMs < SHORT_PASS_MS) return slot;
      if (count < bestCount) {
        bestSlot = slot;
        bestCount = count;
      }
    }
    return bestSlot;
  }
}

/**
 * A room's own time. It moves only when the room ticks, so timers fire inside ticks, in the same order in every replay,
 * fall behind together with an overloaded room instead of piling up in front of it, and end with the room.
 */

/** What `setTimeout` and `setInterval` return. */
export interface Delayed {
  /** False once a timeout has fired or the timer was cleared. */
  readonly active: boolean;
  /** The callback will not run again. Harmless when it has already. May be called from inside any callback. */
  clear(): void;
}

/**
 * Timers one room may have at a time. Far above what a game sets on purpose, so reaching it means that a tick sets
 * timers and forgets them; low enough that inserting moves at most 128 KiB (8 bytes each).
 */
export const ROOM_TIMERS_MAX = 16_384;

/**
 * A timer is due this much early: 60 steps of 1000 / 60 ms must reach a timer of 1000 ms also when the product rounds
 * down. A microsecond covers that rounding for a thousand years of game time.
 */
const DUE_TOLERANCE_MS = 0.001;

class Timer implements Delayed {
  active = true;
  dueMs: number;
  /** Interval in ms; -1 for a timeout. */
  readonly repeatMs: number;
  readonly sequence: number;
  readonly callback: () => unknown;
  /** When it was set. An interval fires on the grid that starts here, `#step` steps later. */
  readonly #startMs: number;
  #step = 1;
  readonly #queue: Timer[];

  constructor(
    queue: Timer[], sequence: number, callback: () => unknown, startMs: number, dueMs: number, repeatMs: number,
  ) {
    this.#queue = queue;
    this.sequence = sequence;
    this.callback = callback;
    this.#startMs = startMs;
    this.dueMs = dueMs;
    this.repeatMs = repeatMs;
  }

  clear(): void {
    if (!this.active) return;
    this.active = false;
    const index = positionIn(this.#queue, this);
    // A timer whose step is running is out of the queue.
    if (this.#queue[index] === this) this.#queue.splice(index, 1);
  }

  /** Moves an interval to its next time on the grid; an interval shorter than a tick fires once per tick. */
  moveOn(elapsedMs: number): void {
    if (this.repeatMs === 0) {
      this.dueMs = elapsedMs;
      return;
    }
    const stepsPassed = Math.floor((elapsedMs + DUE_TOLERANCE_MS - this.#startMs) / this.repeatMs);
    this.#step = Math.max(this.#step, stepsPassed) + 1;
    this.dueMs = this.#startMs + this.#step * this.repeatMs;
  }
}

/** Where `timer` is, or belongs: behind all that are due later, or at the same time and were set later. */
function positionIn(queue: readonly Timer[], timer: Timer): number {
  let low = 0;
  let high = queue.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const other = queue[middle]!;
    const otherIsLater = other.dueMs > timer.dueMs || (other.dueMs === timer.dueMs && other.sequence > timer.sequence);
    if (otherIsLater) low = middle + 1;
    else high = middle;
  }
  return low;
}

export class RoomClock {
  /** Length of the last step in ms of game time; 0 before the first. */
  deltaMs = 0;

  readonly #onRejected: ((error: unknown) => void) | undefined;
  /** Active timers, the next one due last, so that taking it is a pop. */
  readonly #queue: Timer[] = [];
  /** The timers of the current step; empty outside `advance`. Kept, so that a step allocates nothing. */
  readonly #firing: Timer[] = [];
  #nextSequence = 0;
  #advancing = false;
  // elapsedMs = base + steps * delta: equal steps are multiplied, never accumulated, like the deadlines they stand for.
  #baseMs = 0;
  #steps = 0;

  /**
   * @param onRejected told what the promise of an `async` callback rejects with. Without it such a rejection is an
   *   unhandled one, and ends the thread by Node's default.
   */
  constructor(onRejected?: (error: unknown) => void) {
    this.#onRejected = onRejected;
  }

  /** Game time since the room was created, in ms. Inside a callback: of the tick that runs it. */
  get elapsedMs(): number {
    return this.#baseMs + this.#steps * this.deltaMs;
  }

  /**
   * Runs `callback(...args)` once, in the first tick that is `delayMs` of game time or more from now. A delay of 0 (or
   * below, taken as 0) means the next tick.
   *
   * @throws RangeError (`TIMER_DELAY_INVALID`) for a delay that is not finite; Error (`TOO_MANY_TIMERS`).
   */
  setTimeout<A extends unknown[]>(callback: (...args: A) => unknown, delayMs: number, ...args: A): Delayed {
    return this.#set(() => callback(...args), delayMs, false);
  }

  /**
   * Runs `callback(...args)` every `intervalMs` of game time, counted from now and not from the last run, so it does
   * not drift. At most once per tick: of several times that lie between two ticks, one is used.
   *
   * @throws as `setTimeout`.
   */
  setInterval<A extends unknown[]>(callback: (...args: A) => unknown, intervalMs: number, ...args: A): Delayed {
    return this.#set(() => callback(...args), intervalMs, true);
  }

  /** Clears every timer, also those that are still to fire in the current tick. */
  clear(): void {
    for (const timer of this.#queue) timer.active = false;
    for (const timer of this.#firing) timer.active = false;
    this.#queue.length = 0;
  }

  /**
   * Moves time on and runs what has become due: earliest first, of equal ones the one set first. Timers set meanwhile
   * wait for the next call. For the room's runner, not for game code.
   *
   * A callback that throws does not keep the others from running: the error is thrown once all have run; several come
   * as one AggregateError.
   *
   * @param dtMs length of the step in ms, 0 or more.
   */
  advance(dtMs: number): void {
    if (this.#advancing) throw new Error('advance was called from inside a timer; only the room\'s runner may call it');
    if (!(dtMs >= 0 && dtMs < Infinity)) throw new RangeError(`dtMs is ${dtMs}; expected a finite number, 0 or more`);
    if (dtMs !== this.deltaMs) {
      this.#baseMs = this.elapsedMs;
      this.#steps = 0;
      this.deltaMs = dtMs;
    }
    this.#steps++;
    const elapsedMs = this.elapsedMs;
    const queue = this.#queue;
    // Taken out before any runs: what the callbacks set now cannot fire now, so a step always ends.
    while (queue.length > 0 && queue[queue.length - 1]!.dueMs <= elapsedMs + DUE_TOLERANCE_MS) {
      this.#firing.push(queue.pop()!);
    }
    if (this.#firing.length > 0) this.#fire(elapsedMs);
  }

  #set(callback: () => unknown, delayMs: number, repeats: boolean): Delayed {
    if (!Number.isFinite(delayMs)) {
      const message = `the timer's delay is ${delayMs}; expected a finite number of milliseconds`;
      throw Object.assign(new RangeError(message), { code: 'TIMER_DELAY_INVALID' });
    }
    if (this.#queue.length >= ROOM_TIMERS_MAX) {
      const message = `the room has ${this.#queue.length} timers, limit ${ROOM_TIMERS_MAX}; clear those not needed`;
      throw Object.assign(new Error(message), { code: 'TOO_MANY_TIMERS' });
    }
    const sequence = this.#nextSequence++;
    const startMs = this.elapsedMs;
    const waitMs = Math.max(0, delayMs);
    const timer = new Timer(this.#queue, sequence, callback, startMs, startMs + waitMs, repeats ? waitMs : -1);
    this.#insert(timer);
    return timer;
  }

  #insert(timer: Timer): void {
    this.#queue.splice(positionIn(this.#queue, timer), 0, timer);
  }

  #fire(elapsedMs: number): void {
    const errors: unknown[] = [];
    this.#advancing = true;
    for (const timer of this.#firing) {
      if (!timer.active) continue;
      if (timer.repeatMs < 0) {
        timer.active = false;
      } else {
        timer.moveOn(elapsedMs);
        this.#insert(timer);
      }
      try {
        const result = timer.callback();
        if (this.#onRejected !== undefined && result instanceof Promise) result.catch(this.#onRejected);
      } catch (error) {
        errors.push(error);
      }
    }
    this.#firing.length = 0;
    this.#advancing = false;
    if (errors.length === 1) throw errors[0];
    if (errors.length > 1) throw new AggregateError(errors, `${errors.length} timers threw in the same tick`);
  }
}

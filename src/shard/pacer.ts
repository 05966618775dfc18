/**
 * Brings a thread to each deadline on time without taking the event loop away from it.
 *
 *   pass ----------- coarse sleep ------------ | --- fine wait --- | pass
 *        setTimeout: promises, timers and      |   Atomics.wait    |
 *        ports of the thread run as usual      |  (optional spin)  |
 *                                     deadline - margin         deadline
 *
 * States, and what moves between them:
 *
 *   stopped --start--.          .--deadline far-----------> sleeping --timer-----.
 *                     >-- arm --+--deadline near or past--> turning --immediate--+--> passing --> arm
 *   idle -----wake---'          '--no deadline------------> idle
 *
 *   sleeping --wake, the deadline has changed--> arm        any state --stop--> stopped
 *
 * `turning` is what keeps an overloaded thread alive: even when the next deadline has passed already, the event loop
 * gets one full turn (timers, ports, sockets, promises) between two passes.
 */

import type { Clock } from './schedule.js';

export interface PacerOptions {
  clock: Clock;
  /** The next deadline in milliseconds of `clock`; Infinity for none. Must not allocate: called around every pass. */
  nextDeadlineMs: () => number;
  /**
   * Called once the next deadline has passed; expected to move that deadline on. What it throws becomes the thread's
   * uncaught exception. That ends the thread, unless the entry file handles it: then the next pass comes in time.
   */
  pass: () => void;
  /** Time before the deadline at which the event loop must be left, in milliseconds; default COARSE_MARGIN_MS. */
  coarseMarginMs?: number;
  /**
   * The last part of the wait spent spinning, in microseconds; default 0. Saves the kernel's wake-up delay for as much
   * of a core as it takes: 300 us at 60 Hz are 1.8 % of one.
   */
  spinUs?: number;
}

/**
 * How early to leave the event loop, in milliseconds. A timer of Node's ends some 0.2 ms after its time (median), and
 * callbacks of room code may hold it up; what the margin does not cover makes the tick late. The thread is deaf while
 * it waits, for up to 1 ms more than the margin since `setTimeout` takes whole milliseconds, so a large one is not
 * free: with rooms in all four slots at 60 Hz it counts 240 times a second.
 *
 * Lateness of one 60 Hz room, Node 20, 2 shared cores: `bench/tick-thread.ts` with its `coarseMarginMs`, medians of 4
 * runs of 2.5 s, margins taking turns. Busy is the part of the time outside the event loop.
 *
 *   margin (ms)                                   0      0.25   0.5    1      1.5
 *   idle thread      p50 (ms)                     0.12   0.14   0.14   0.15   0.16
 *                    p90                          0.16   0.18   0.19   0.19   0.20
 *                    busy                         3.5 %  3.8 %  6.8 %  9.6 %  14.5 %
 *   0.3 ms of other  p50 (ms)                     0.13   0.13   0.14   0.15   0.15
 *   callbacks each   p90                          0.39   0.24   0.24   0.19   0.20
 *   3 ms             busy, callbacks included     14 %   15 %   17 %   20 %   22 %
 *
 * p99 (0.2 to 12 ms in single runs, of 150 ticks each) followed the machine's noise, not the margin.
 */
export const COARSE_MARGIN_MS = 0.5;

/** A timer is never set for longer: Node turns delays over 2^31 - 1 ms into 1 ms. Waking for nothing costs nothing. */
const COARSE_SLEEP_MS_MAX = 3_600_000;

/**
 * Timers of up to this many whole milliseconds are kept and started again: a new one is an allocation in every pass. A
 * shard looks at its ring every 20 ms, so it never sleeps longer while it has rooms.
 */
const KEPT_TIMER_MS_MAX = 20;

export type PacerState = 'stopped' | 'idle' | 'sleeping' | 'turning' | 'passing';

export class Pacer {
  readonly #clock: Clock;
  readonly #nextDeadlineMs: () => number;
  readonly #pass: () => void;
  readonly #coarseMarginMs: number;
  readonly #spinMs: number;
  /** Private to this pacer and never written: nobody notifies it, so a wait on it always runs into its timeout. */
  readonly #word = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  readonly #onTimer = (): void => {
    this.#timeout = undefined;
    this.#approach();
  };
  readonly #onImmediate = (): void => {
    this.#immediate = undefined;
    this.#approach();
  };
  /** By their milliseconds; those that have ended, and the one that runs. */
  readonly #keptTimers: (NodeJS.Timeout | undefined)[] = new Array<undefined>(KEPT_TIMER_MS_MAX + 1).fill(undefined);
  #state: PacerState = 'stopped';
  /** The timer that runs. */
  #timeout: NodeJS.Timeout | undefined;
  #immediate: NodeJS.Immediate | undefined;
  /** The deadline that the coarse timer was set for. */
  #sleepDeadlineMs = Infinity;

  constructor(options: PacerOptions) {
    this.#clock = options.clock;
    this.#nextDeadlineMs = options.nextDeadlineMs;
    this.#pass = options.pass;
    this.#coarseMarginMs = options.coarseMarginMs ?? COARSE_MARGIN_MS;
    this.#spinMs = (options.spinUs ?? 0) / 1000;
  }

  get state(): PacerState {
    return this.#state;
  }

  /** Without effect when started already. */
  start(): void {
    if (this.#state === 'stopped') this.#arm();
  }

  /** No pass begins after this, until the next `start`. May be called from inside the pass. */
  stop(): void {
    this.#disarm();
    this.#state = 'stopped';
  }

  /** Call after the deadlines have changed outside the pass: a room was added, or the last one removed. */
  wake(): void {
    // A turning pacer reads the deadline anew in a moment, a passing one when the pass ends.
    if (this.#state === 'idle' || (this.#state === 'sleeping' && this.#nextDeadlineMs() !== this.#sleepDeadlineMs)) {
      this.#arm();
    }
  }

  #arm(): void {
    this.#disarm();
    const deadlineMs = this.#nextDeadlineMs();
    if (deadlineMs === Infinity) {
      this.#state = 'idle';
      return;
    }
    // Node drops the fraction of a delay and makes 1 of anything below 1, so less than 1 ms cannot be slept.
    const sleepMs = Math.floor(deadlineMs - this.#coarseMarginMs - this.#clock.nowMs());
    if (sleepMs >= 1) {
      this.#state = 'sleeping';
      this.#sleepDeadlineMs = deadlineMs;
      this.#timeout = this.#startTimer(sleepMs);
    } else {
      this.#state = 'turning';
      this.#immediate = setImmediate(this.#onImmediate);
    }
  }

  #startTimer(sleepMs: number): NodeJS.Timeout {
    if (sleepMs > KEPT_TIMER_MS_MAX) return setTimeout(this.#onTimer, Math.min(sleepMs, COARSE_SLEEP_MS_MAX));
    const kept = this.#keptTimers[sleepMs];
    if (kept !== undefined) return kept.refresh();
    return (this.#keptTimers[sleepMs] = setTimeout(this.#onTimer, sleepMs));
  }

  #disarm(): void {
    if (this.#timeout !== undefined) {
      clearTimeout(this.#timeout);
      // A cleared timer can't be started again.
      const keptAt = this.#keptTimers.indexOf(this.#timeout);
      if (keptAt >= 0) this.#keptTimers[keptAt] = undefined;
      this.#timeout = undefined;
    }
    if (this.#immediate !== undefined) {
      clearImmediate(this.#immediate);
      this.#immediate = undefined;
    }
    this.#sleepDeadlineMs = Infinity;
  }

  #approach(): void {
    const deadlineMs = this.#nextDeadlineMs();
    // The deadline may have moved away during the sleep, and a long sleep comes in pieces. Waiting for it here would
    // block the event loop; the extra millisecond is what `#arm` cannot sleep.
    if (deadlineMs - this.#clock.nowMs() > this.#coarseMarginMs + 1) {
      this.#arm();
      return;
    }
    this.#waitUntil(deadlineMs);
    this.#state = 'passing';
    try {
      this.#pass();
    } finally {
      this.#afterPass();
    }
  }

  /** Goes on to the next deadline, unless the pass has stopped the pacer (and perhaps started it again). */
  #afterPass(): void {
    if (this.#state === 'passing') this.#arm();
  }

  #waitUntil(deadlineMs: number): void {
    for (;;) {
      const waitMs = deadlineMs - this.#spinMs - this.#clock.nowMs();
      if (waitMs <= 0) break;
      Atomics.wait(this.#word, 0, 0, waitMs);
    }
    if (this.#spinMs > 0) while (this.#clock.nowMs() < deadlineMs);
  }
}

import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { COARSE_MARGIN_MS, Pacer } from '../src/shard/pacer.js';
import { SimulatedClock } from './support/simulated-time.js';

/**
 * A thread in simulated time: what the pacer asks of Node (a timer, an immediate, a blocking wait) moves a simulated
 * clock, with the errors of the real ones. The pacer itself is the real one.
 */
class SimulatedThread {
  readonly clock = new SimulatedClock(1000.25);
  /** Timers of Node's end this much after their time. */
  overshootMs = 0.2;
  readonly sleepsMs: number[] = [];
  readonly waitsMs: number[] = [];
  turns = 0;
  #pending: { run: () => void; atMs: number } | undefined;

  constructor() {
    const arm = (run: () => void, afterMs: number): NodeJS.Timeout => {
      const handle = {
        run,
        atMs: 0,
        refresh: () => {
          expect(this.#pending).toBeUndefined();
          handle.atMs = this.clock.timeMs + afterMs;
          this.#pending = handle;
          return handle;
        },
      };
      return handle.refresh() as unknown as NodeJS.Timeout;
    };
    const disarm = (handle: unknown): void => {
      if (handle !== undefined && handle === this.#pending) this.#pending = undefined;
    };
    vi.stubGlobal('setTimeout', (run: () => void, delayMs: number) => {
      this.sleepsMs.push(delayMs);
      const handle = arm(run, Math.max(1, Math.trunc(delayMs)) + this.overshootMs);
      const { refresh } = handle;
      handle.refresh = () => {
        this.sleepsMs.push(delayMs);
        return refresh();
      };
      return handle;
    });
    vi.stubGlobal('setImmediate', (run: () => void) => {
      this.turns++;
      return arm(run, 0.01);
    });
    vi.stubGlobal('clearTimeout', disarm);
    vi.stubGlobal('clearImmediate', disarm);
    const wait = (_words: unknown, _index: number, _value: unknown, timeoutMs = 0): 'timed-out' => {
      this.waitsMs.push(timeoutMs);
      this.clock.timeMs += timeoutMs;
      return 'timed-out';
    };
    vi.spyOn(Atomics, 'wait').mockImplementation(wait);
  }

  get armed(): boolean {
    return this.#pending !== undefined;
  }

  runUntil(endMs: number): void {
    while (this.#pending !== undefined && this.#pending.atMs <= endMs) {
      const { run, atMs } = this.#pending;
      this.#pending = undefined;
      this.clock.timeMs = Math.max(this.clock.timeMs, atMs);
      run();
    }
    this.clock.timeMs = Math.max(this.clock.timeMs, endMs);
  }
}

let thread: SimulatedThread;

beforeEach(() => { thread = new SimulatedThread(); });

afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

/** A pacer over deadlines `periodMs` apart; returns the passes' times less their deadlines. */
function paced(periodMs: number, options: { costMs?: number; coarseMarginMs?: number } = {}): {
  pacer: Pacer;
  latenessesMs: number[];
} {
  const { clock } = thread;
  const originMs = clock.timeMs;
  const latenessesMs: number[] = [];
  let number = 1;
  const pacer = new Pacer({
    clock,
    nextDeadlineMs: () => originMs + number * periodMs,
    pass: () => {
      latenessesMs.push(clock.timeMs - (originMs + number * periodMs));
      clock.timeMs += options.costMs ?? 0.3;
      number++;
    },
    ...(options.coarseMarginMs !== undefined && { coarseMarginMs: options.coarseMarginMs }),
  });
  return { pacer, latenessesMs };
}

it.each([240, 128, 64, 60, 30, 20, 1])('every deadline of %i Hz is met, none early', (tickRateHz) => {
  const { pacer, latenessesMs } = paced(1000 / tickRateHz);
  pacer.start();
  thread.runUntil(thread.clock.timeMs + 10_000.5);
  expect(latenessesMs.length).toBe(10 * tickRateHz);
  for (const latenessMs of latenessesMs) expect(Math.abs(latenessMs)).toBeLessThan(1e-6);
});

it('it sleeps in the event loop and blocks only for the margin and what timers cannot sleep', () => {
  const { pacer } = paced(1000 / 60);
  pacer.start();
  thread.runUntil(thread.clock.timeMs + 10_000);
  expect(thread.sleepsMs.length).toBeGreaterThanOrEqual(600);
  for (const sleepMs of thread.sleepsMs) expect(sleepMs).toBe(Math.max(1, Math.trunc(sleepMs)));
  expect(Math.max(...thread.waitsMs)).toBeLessThanOrEqual(COARSE_MARGIN_MS + 1);
});

it('deadlines closer together than the margin still give the event loop a turn each', () => {
  const { pacer, latenessesMs } = paced(1, { costMs: 0.1, coarseMarginMs: 1.5 });
  pacer.start();
  thread.runUntil(thread.clock.timeMs + 1000.5);
  expect(latenessesMs.length).toBeGreaterThanOrEqual(1000);
  expect(thread.sleepsMs.length + thread.turns).toBeGreaterThanOrEqual(latenessesMs.length);
  expect(Math.max(...latenessesMs)).toBeLessThan(1e-6);
});

it('passes that take longer than the period follow each other, a turn between them', () => {
  const { pacer, latenessesMs } = paced(10, { costMs: 15 });
  pacer.start();
  thread.runUntil(thread.clock.timeMs + 1500);
  expect(latenessesMs.length).toBeGreaterThanOrEqual(99);
  expect(thread.turns).toBeGreaterThanOrEqual(latenessesMs.length - 1);
  expect(thread.waitsMs.length).toBeLessThanOrEqual(1);
});

it('a new room with an earlier deadline wakes it; one that leaves lets it sleep on or go idle', () => {
  const { clock } = thread;
  const startMs = clock.timeMs;
  const passesMs: number[] = [];
  let deadlineMs = Infinity;
  const pacer = new Pacer({
    clock,
    nextDeadlineMs: () => deadlineMs,
    pass: () => {
      passesMs.push(clock.timeMs - startMs);
      deadlineMs = Infinity;
    },
  });
  pacer.start();
  expect([pacer.state, thread.armed]).toEqual(['idle', false]);

  deadlineMs = startMs + 500;
  pacer.wake();
  thread.runUntil(startMs + 100);
  deadlineMs = startMs + 150;
  pacer.wake();
  expect(pacer.state).toBe('sleeping');
  thread.runUntil(startMs + 200);
  expect(passesMs).toEqual([150]);
  expect([pacer.state, thread.armed]).toEqual(['idle', false]);

  deadlineMs = startMs + 300;
  pacer.wake();
  deadlineMs = Infinity;
  pacer.wake();
  expect([pacer.state, thread.armed]).toEqual(['idle', false]);

  // Nobody wakes it when the deadline moves away: it finds out by itself and does not block until then.
  deadlineMs = startMs + 300;
  pacer.wake();
  deadlineMs = startMs + 900;
  thread.runUntil(startMs + 800);
  expect(passesMs).toEqual([150]);
  thread.runUntil(startMs + 1000);
  expect(passesMs).toEqual([150, 900]);
  expect(Math.max(...thread.waitsMs)).toBeLessThanOrEqual(COARSE_MARGIN_MS + 1);
});

it('a deadline months away is slept for in pieces that a timer can hold', () => {
  const { pacer, latenessesMs } = paced(90 * 24 * 3_600_000);
  pacer.start();
  thread.runUntil(thread.clock.timeMs + 90 * 24 * 3_600_000 + 1);
  expect(latenessesMs.length).toBe(1);
  expect(Math.max(...thread.sleepsMs)).toBeLessThan(2 ** 31);
});

it('wake inside a pass does not arm a second time', () => {
  const { clock } = thread;
  let passes = 0;
  const pacer = new Pacer({
    clock, nextDeadlineMs: () => 1000.25 + 10 * (passes + 1), pass: () => { passes++; pacer.wake(); pacer.start(); },
  });
  pacer.start();
  thread.runUntil(1000.25 + 100.5);
  expect(passes).toBe(10);
});

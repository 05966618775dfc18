import fc from 'fast-check';
import { expect, it } from 'vitest';
import { DeadlineGrid, Schedule, SLOTS_PER_PERIOD } from '../src/shard/schedule.js';
import { RecordingRoom, runUntil, SimulatedClock } from './support/simulated-time.js';

const RATES_HZ = [1, 7, 20, 30, 60, 64, 128, 240];

it('the tick number ten million belongs to deadline number ten million', () => {
  const originMs = 123_456.789;
  const clock = new SimulatedClock(originMs);
  const schedule = new Schedule(originMs);
  let ticks = 0;
  let lastDeadlineMs = 0;
  schedule.add({ tickRateHz: 60, runTick: ({ deadlineMs }) => { ticks++; lastDeadlineMs = deadlineMs; } }, clock.nowMs());
  while (ticks < 10_000_000) {
    clock.timeMs = schedule.nextDeadlineMs();
    schedule.runDue(clock);
  }
  // 10^7 / 60 s is not a whole number of milliseconds; 9,999,960 ticks are 166,666 s exactly.
  expect(lastDeadlineMs - originMs).toBeCloseTo(1e10 / 60, 5);
  expect(new DeadlineGrid(originMs, 60, 0).deadlineMs(9_999_960)).toBe(originMs + 166_666_000);
  expect(schedule.ticksSkipped + schedule.ticksCaughtUp).toBe(0);
});

it.each(RATES_HZ)('at %i Hz every whole second has exactly that many ticks, for an hour', (tickRateHz) => {
  const clock = new SimulatedClock(0);
  const schedule = new Schedule<RecordingRoom>(0);
  const room = new RecordingRoom(tickRateHz);
  schedule.add(room, 0);
  runUntil(schedule, clock, 3_600_000);
  expect(room.deadlinesMs.length).toBe(3600 * tickRateHz);
  for (let second = 1; second <= 3600; second++) expect(room.deadlinesMs[second * tickRateHz - 1]).toBe(second * 1000);
});

it('deadlines match exact rational arithmetic to within rounding, at any rate, slot, origin and number', () => {
  fc.assert(fc.property(
    fc.integer({ min: 1, max: 240 }), fc.integer({ min: 0, max: SLOTS_PER_PERIOD - 1 }),
    fc.integer({ min: 0, max: 1e9 }), fc.integer({ min: 0, max: 1e10 }),
    (tickRateHz, slot, originMs, index) => {
      // In whole picoseconds, 1e-9 ms.
      const parts = BigInt(index) * BigInt(SLOTS_PER_PERIOD) + BigInt(slot);
      const picoseconds = (parts * 1_000_000_000_000n) / BigInt(SLOTS_PER_PERIOD * tickRateHz);
      const exactMs = Number(BigInt(originMs) * 1_000_000_000n + picoseconds) / 1e9;
      const deadlineMs = new DeadlineGrid(originMs, tickRateHz, slot).deadlineMs(index);
      expect(Math.abs(deadlineMs - exactMs)).toBeLessThanOrEqual(exactMs * 2 ** -51 + 1e-9);
    },
  ), { seed: 2, numRuns: 2000 });
});

it('the index after a time is the first whose deadline lies after it, also exactly on a deadline', () => {
  fc.assert(fc.property(
    fc.integer({ min: 1, max: 240 }), fc.integer({ min: 0, max: SLOTS_PER_PERIOD - 1 }),
    fc.double({ min: 0, max: 1e9, noNaN: true }), fc.integer({ min: 0, max: 1e8 }),
    fc.constantFrom(-1e-3, -1e-7, 0, 1e-7, 1e-3, 1),
    (tickRateHz, slot, originMs, index, offMs) => {
      const grid = new DeadlineGrid(originMs, tickRateHz, slot);
      const nowMs = grid.deadlineMs(index) + offMs;
      const after = grid.indexAfter(nowMs);
      expect(grid.deadlineMs(after)).toBeGreaterThan(nowMs);
      expect(grid.deadlineMs(after - 1)).toBeLessThanOrEqual(nowMs);
    },
  ), { seed: 3, numRuns: 2000 });
});

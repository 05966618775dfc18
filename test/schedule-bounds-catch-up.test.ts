import { expect, it } from 'vitest';
import { CATCH_UP_TICKS_MAX, Schedule } from '../src/shard/schedule.js';
import { RecordingRoom, runUntil, SimulatedClock } from './support/simulated-time.js';

/** Passes at one moment until nothing is due; returns how many it took. */
function passesUntilCurrent(schedule: Schedule<RecordingRoom>, clock: SimulatedClock): number {
  let passes = 0;
  while (schedule.nextDeadlineMs() <= clock.timeMs) {
    schedule.runDue(clock);
    expect(++passes).toBeLessThan(100);
  }
  return passes;
}

it('a pause of a few ticks is repaid in full, each tick with its own deadline', () => {
  const schedule = new Schedule<RecordingRoom>(0, undefined, 1);
  const clock = new SimulatedClock();
  const room = new RecordingRoom(50);
  schedule.add(room, 0);
  clock.timeMs = 20 * (CATCH_UP_TICKS_MAX + 1) + 3;
  expect(passesUntilCurrent(schedule, clock)).toBe(CATCH_UP_TICKS_MAX + 1);
  expect(room.deadlinesMs).toEqual([20, 40, 60, 80, 100, 120]);
  expect(room.latenessesMs).toEqual([103, 83, 63, 43, 23, 3]);
  expect([schedule.ticksCaughtUp, schedule.ticksSkipped]).toEqual([CATCH_UP_TICKS_MAX, 0]);
});

it('after a jump of 10 s a room runs five late ticks and the newest, and the rest are skipped and counted', () => {
  const schedule = new Schedule<RecordingRoom>(0, undefined, 1);
  const clock = new SimulatedClock();
  const rooms = [new RecordingRoom(60), new RecordingRoom(60), new RecordingRoom(20)];
  for (const room of rooms) schedule.add(room, 0);
  runUntil(schedule, clock, 1000);
  expect(rooms.map((room) => room.deadlinesMs.length)).toEqual([60, 60, 20]);

  clock.timeMs = 11_001;
  passesUntilCurrent(schedule, clock);
  expect(rooms.map((room) => room.deadlinesMs.length)).toEqual([66, 66, 26]);
  expect(schedule.ticksCaughtUp).toBe(3 * CATCH_UP_TICKS_MAX);
  expect(schedule.ticksSkipped).toBe(2 * (600 - 6) + 200 - 6);
  expect(rooms[0]!.deadlinesMs.at(-1)).toBe(11_000);

  // Back on the same grid, not on one that starts at the jump.
  runUntil(schedule, clock, 12_000);
  expect(rooms.map((room) => room.deadlinesMs.length)).toEqual([126, 126, 46]);
  expect(rooms[0]!.deadlinesMs.at(-1)).toBe(12_000);
  expect(rooms[0]!.latenessesMs.at(-1)).toBe(0);
  expect(schedule.ticksCaughtUp).toBe(3 * CATCH_UP_TICKS_MAX);
});

it('one call runs each group at most once, however late it is', () => {
  const schedule = new Schedule<RecordingRoom>(0, undefined, 1);
  const clock = new SimulatedClock();
  const rooms = [1, 20, 60, 240].flatMap((tickRateHz) => [1, 2, 3, 4, 5].map(() => new RecordingRoom(tickRateHz)));
  for (const room of rooms) schedule.add(room, 0);
  clock.timeMs = 60_000;
  for (let pass = 1; pass <= CATCH_UP_TICKS_MAX; pass++) {
    expect(schedule.runDue(clock)).toBe(rooms.length);
    expect(rooms.every((room) => room.deadlinesMs.length === pass)).toBe(true);
  }
});

it('deadlines that pass while a call runs wait for the next call', () => {
  const schedule = new Schedule<RecordingRoom>(0, undefined, 1);
  const clock = new SimulatedClock();
  const slow = new RecordingRoom(50, () => { clock.timeMs += 6; });
  const other = new RecordingRoom(50);
  schedule.add(other, 0);
  schedule.add(slow, 0);
  clock.timeMs = 15;
  expect(schedule.runDue(clock)).toBe(1);
  expect([slow.deadlinesMs, other.deadlinesMs]).toEqual([[10], []]);
  expect(schedule.runDue(clock)).toBe(1);
  expect([other.deadlinesMs, other.latenessesMs]).toEqual([[20], [1]]);
});

it('rooms that take longer than their period fall behind by a bounded time, and no deadline is lost count of', () => {
  const schedule = new Schedule<RecordingRoom>(0, undefined, 1);
  const clock = new SimulatedClock();
  const room = new RecordingRoom(50, () => { clock.timeMs += 30; });
  schedule.add(room, 0);
  runUntil(schedule, clock, 60_000);
  const runNumbers = room.deadlinesMs.map((deadlineMs) => Math.round(deadlineMs / 20));
  expect(runNumbers).toEqual([...new Set(runNumbers)].sort((a, b) => a - b));
  expect(runNumbers.length + schedule.ticksSkipped).toBe(runNumbers.at(-1));
  // No idling under overload: 60 s of work in ticks of 30 ms.
  expect(runNumbers.length).toBeGreaterThanOrEqual(1999);
  // On time within a period to begin with, then six ticks in a row may each lose 10 ms more.
  expect(Math.max(...room.latenessesMs)).toBeLessThanOrEqual(20 + (CATCH_UP_TICKS_MAX + 1) * 10);
});

it('a slow group of a high rate does not starve a group of a low rate', () => {
  const schedule = new Schedule<RecordingRoom>(0, undefined, 1);
  const clock = new SimulatedClock();
  const greedy = new RecordingRoom(240, () => { clock.timeMs += 25; });
  const modest = new RecordingRoom(10, () => { clock.timeMs += 1; });
  schedule.add(greedy, 0);
  schedule.add(modest, 0);
  runUntil(schedule, clock, 10_000);
  expect(modest.deadlinesMs).toEqual(Array.from({ length: 100 }, (_, i) => (i + 1) * 100));
  // It waits for the greedy tick that is running, and for one more whose deadline is older than its own.
  expect(Math.max(...modest.latenessesMs)).toBeLessThanOrEqual(2 * 25);
  expect(schedule.ticksSkipped).toBeGreaterThan(1000);
});

it('the skip counter counts room ticks, and nothing from before a room was added', () => {
  const schedule = new Schedule<RecordingRoom>(0, undefined, 1);
  const clock = new SimulatedClock();
  const old = new RecordingRoom(50);
  const fillers = [1, 2, 3].map(() => new RecordingRoom(50));
  for (const room of [old, ...fillers]) schedule.add(room, 0);
  for (const room of fillers) schedule.remove(room);
  runUntil(schedule, clock, 20);
  // Fill the other slots again, so that the next one shares the slot of `old`.
  for (const room of fillers) schedule.add(room, 300);
  const young = new RecordingRoom(50);
  schedule.add(young, 300);
  for (const room of fillers) schedule.remove(room);
  clock.timeMs = 401;
  passesUntilCurrent(schedule, clock);
  expect(old.deadlinesMs).toEqual([20, 40, 60, 80, 100, 120, 400]);
  expect(young.deadlinesMs).toEqual([400]);
  // `old` misses 140 to 380, `young` 320 to 380.
  expect(schedule.ticksSkipped).toBe(13 + 4);
});

import { expect, it } from 'vitest';
import { Schedule } from '../src/shard/schedule.js';
import { RecordingRoom, runUntil, SimulatedClock } from './support/simulated-time.js';
import { SeededRandom } from './support/record-sequence.js';

const PERIOD_MS = 20;

/** Rooms that all share one slot. */
function sameSlot(schedule: Schedule<RecordingRoom>, count: number): RecordingRoom[] {
  const rooms: RecordingRoom[] = [];
  const fillers: RecordingRoom[] = [];
  for (let i = 0; i < count * 4; i++) {
    const room = new RecordingRoom(1000 / PERIOD_MS);
    schedule.add(room, 0);
    (i % 4 === 0 ? rooms : fillers).push(room);
  }
  for (const room of fillers) schedule.remove(room);
  return rooms;
}

function ticksOf(rooms: readonly RecordingRoom[]): number[] {
  return rooms.map((room) => room.deadlinesMs.length);
}

it.each([
  { who: 'itself', ticking: 2, removed: [2], expected: [2, 2, 1, 2, 2] },
  { who: 'one before it', ticking: 2, removed: [1], expected: [2, 1, 2, 2, 2] },
  { who: 'one behind it', ticking: 2, removed: [3], expected: [2, 2, 2, 0, 2] },
  { who: 'itself as the last', ticking: 4, removed: [4], expected: [2, 2, 2, 2, 1] },
  { who: 'its neighbours and itself', ticking: 2, removed: [1, 2, 3], expected: [2, 1, 1, 0, 2] },
  { who: 'everyone', ticking: 0, removed: [0, 1, 2, 3, 4], expected: [1, 0, 0, 0, 0] },
  { who: 'everyone from behind', ticking: 4, removed: [4, 3, 2, 1, 0], expected: [1, 1, 1, 1, 1] },
])('a room removes $who: the others miss no tick and get none twice', ({ ticking, removed, expected }) => {
  const schedule = new Schedule<RecordingRoom>(0, undefined, 1);
  const rooms = sameSlot(schedule, 5);
  rooms[ticking]!.onTick = () => removed.forEach((index) => schedule.remove(rooms[index]!));
  runUntil(schedule, new SimulatedClock(), 2 * PERIOD_MS);
  expect(ticksOf(rooms)).toEqual(expected);
  expect(schedule.size).toBe(5 - removed.length);
});

it('a room added by a tick has its first tick at the next deadline of its slot', () => {
  const schedule = new Schedule<RecordingRoom>(0, undefined, 1);
  const clock = new SimulatedClock();
  const added: RecordingRoom[] = [];
  const [parent] = sameSlot(schedule, 1);
  parent!.onTick = () => {
    if (added.length > 0) return;
    for (let i = 0; i < 4; i++) {
      const room = new RecordingRoom(1000 / PERIOD_MS);
      added.push(room);
      schedule.add(room, clock.nowMs());
    }
  };
  runUntil(schedule, clock, 3 * PERIOD_MS);
  expect(added.map((room) => room.deadlinesMs)).toEqual([[30, 50], [25, 45], [35, 55], [40, 60]]);
});

it('a room that moves itself out and in again in one tick ticks once per deadline', () => {
  const schedule = new Schedule<RecordingRoom>(0, undefined, 1);
  const clock = new SimulatedClock();
  const rooms = sameSlot(schedule, 1);
  rooms[0]!.onTick = () => {
    schedule.remove(rooms[0]!);
    schedule.add(rooms[0]!, clock.nowMs());
  };
  runUntil(schedule, clock, 5 * PERIOD_MS);
  expect(rooms[0]!.deadlinesMs).toEqual([20, 40, 60, 80, 100]);
});

it('an error of a room leaves the schedule usable, and a nested run is refused', () => {
  const schedule = new Schedule<RecordingRoom>(0, undefined, 1);
  const clock = new SimulatedClock();
  const rooms = sameSlot(schedule, 3);
  rooms[1]!.onTick = () => { schedule.runDue(clock); };
  clock.timeMs = PERIOD_MS;
  expect(() => schedule.runDue(clock)).toThrow('from inside a tick');
  rooms[1]!.onTick = undefined;
  clock.timeMs = 2 * PERIOD_MS;
  expect(schedule.runDue(clock)).toBe(3);
  expect(ticksOf(rooms)).toEqual([2, 2, 1]);
});

it('random adding and removing inside ticks: every room has each deadline of its life once', () => {
  const random = new SeededRandom(20);
  const schedule = new Schedule<RecordingRoom>(0, undefined, 1);
  const clock = new SimulatedClock();
  const alive = new Set<RecordingRoom>();
  const bornMs = new Map<RecordingRoom, number>();
  const goneMs = new Map<RecordingRoom, number>();
  const churn = (): void => {
    if (random.below(4) === 0 && alive.size > 2) {
      const victim = [...alive][random.below(alive.size)]!;
      alive.delete(victim);
      goneMs.set(victim, clock.nowMs());
      expect(schedule.remove(victim)).toBe(true);
    }
    if (random.below(4) === 0 && alive.size < 60) {
      const room = new RecordingRoom([20, 30, 60][random.below(3)]!, churn);
      alive.add(room);
      bornMs.set(room, clock.nowMs());
      schedule.add(room, clock.nowMs());
    }
  };
  for (let i = 0; i < 100; i++) churn();
  runUntil(schedule, clock, 20_000);

  expect(bornMs.size).toBeGreaterThan(1000);
  for (const [room, born] of bornMs) {
    const periodMs = 1000 / room.tickRateHz;
    const lifeMs = (goneMs.get(room) ?? 20_000) - born;
    expect(Math.abs(room.deadlinesMs.length - lifeMs / periodMs)).toBeLessThanOrEqual(1 + 1e-6);
    room.deadlinesMs.forEach((deadlineMs, i) => {
      if (i > 0) expect(deadlineMs - room.deadlinesMs[i - 1]!).toBeCloseTo(periodMs, 6);
      else expect(deadlineMs).toBeGreaterThan(born);
    });
  }
});

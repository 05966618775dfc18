import { expect, it } from 'vitest';
import { Schedule, SLOTS_PER_PERIOD } from '../src/shard/schedule.js';
import { RecordingRoom, runUntil, SimulatedClock } from './support/simulated-time.js';

function roomsAt(schedule: Schedule<RecordingRoom>, tickRateHz: number, count: number, nowMs = 0): RecordingRoom[] {
  const rooms = Array.from({ length: count }, () => new RecordingRoom(tickRateHz));
  for (const room of rooms) schedule.add(room, nowMs);
  return rooms;
}

/** How many rooms tick in each quarter of the period. */
function roomsPerSlot(rooms: readonly RecordingRoom[]): number[] {
  const counts = new Array<number>(SLOTS_PER_PERIOD).fill(0);
  for (const room of rooms) {
    const slot = Math.round((room.deadlinesMs[0]! * room.tickRateHz * SLOTS_PER_PERIOD) / 1000) % SLOTS_PER_PERIOD;
    counts[slot]!++;
  }
  return counts;
}

it('ten rooms of one rate share the four slots of the period evenly', () => {
  const schedule = new Schedule<RecordingRoom>(0, undefined, 1);
  const rooms = roomsAt(schedule, 50, 10);
  runUntil(schedule, new SimulatedClock(), 20);
  expect(roomsPerSlot(rooms)).toEqual([3, 2, 3, 2]);
  expect(new Set(rooms.map((room) => room.deadlinesMs[0]))).toEqual(new Set([20, 5, 10, 15]));
});

it('two rooms tick half a period apart', () => {
  const schedule = new Schedule<RecordingRoom>(0, undefined, 1);
  const [first, second] = roomsAt(schedule, 50, 2);
  runUntil(schedule, new SimulatedClock(), 20);
  expect([first!.deadlinesMs, second!.deadlinesMs]).toEqual([[20], [10]]);
});

it('a room takes the slot that others have left', () => {
  const schedule = new Schedule<RecordingRoom>(0, undefined, 1);
  const rooms = roomsAt(schedule, 50, 8);
  // Slots are taken in the order 0, 2, 1, 3: the third and the seventh room are those of slot 1.
  schedule.remove(rooms[2]!);
  schedule.remove(rooms[6]!);
  const late = roomsAt(schedule, 50, 2);
  runUntil(schedule, new SimulatedClock(), 20);
  expect(late.map((room) => room.deadlinesMs)).toEqual([[5], [5]]);
});

it('rooms of one slot run in the order in which they were added', () => {
  const schedule = new Schedule<RecordingRoom>(0, undefined, 1);
  const order: number[] = [];
  for (let i = 0; i < 12; i++) schedule.add(new RecordingRoom(60, () => order.push(i)), 0);
  runUntil(schedule, new SimulatedClock(), 1000 / 60);
  expect(order).toEqual([2, 6, 10, 1, 5, 9, 3, 7, 11, 0, 4, 8]);
});

it('rooms of different rates tick side by side, each at its own rate, oldest deadline first', () => {
  const schedule = new Schedule<RecordingRoom>(0, undefined, 1);
  const clock = new SimulatedClock();
  const ran: number[] = [];
  const rooms = [1, 20, 30, 60, 64, 128, 240].flatMap((tickRateHz) => roomsAt(schedule, tickRateHz, 5));
  for (const room of rooms) room.onTick = () => ran.push(room.deadlinesMs.at(-1)!);
  runUntil(schedule, clock, 10_000);
  for (const room of rooms) {
    expect(room.deadlinesMs.length).toBe(10 * room.tickRateHz);
    expect(Math.max(...room.latenessesMs)).toBe(0);
  }
  expect(ran).toEqual(ran.slice().sort((a, b) => a - b));
});

it('a late pass runs what is due of every rate by age', () => {
  const schedule = new Schedule<RecordingRoom>(0, undefined, 1);
  const clock = new SimulatedClock();
  const ran: string[] = [];
  for (const tickRateHz of [10, 25, 40]) {
    schedule.add(new RecordingRoom(tickRateHz, () => ran.push(`${tickRateHz} Hz`)), 0);
  }
  clock.timeMs = 104;
  expect(schedule.runDue(clock)).toBe(3);
  expect(ran).toEqual(['40 Hz', '25 Hz', '10 Hz']);
});

it('the first tick is the next deadline after the room was added, never one that has passed', () => {
  const schedule = new Schedule<RecordingRoom>(1000, undefined, 1);
  const clock = new SimulatedClock(5000);
  const onDeadline = new RecordingRoom(50);
  schedule.add(onDeadline, 5000);
  expect(schedule.nextDeadlineMs()).toBe(5020);
  // Three deadlines of its group have passed by the time this one joins; they are not its own.
  const others = roomsAt(schedule, 50, 3, 5000);
  const joinedLate = new RecordingRoom(50);
  schedule.add(joinedLate, 5065);
  clock.timeMs = 5065;
  while (schedule.nextDeadlineMs() <= clock.timeMs) schedule.runDue(clock);
  expect(onDeadline.deadlinesMs).toEqual([5020, 5040, 5060]);
  expect(others.map((room) => room.deadlinesMs.length)).toEqual([3, 4, 3]);
  expect(joinedLate.deadlinesMs).toEqual([]);
  runUntil(schedule, clock, 5080);
  expect(joinedLate.deadlinesMs).toEqual([5080]);
});

it('an empty schedule has no deadline, and a rate outside 1 to 240 is refused by name', () => {
  const schedule = new Schedule<RecordingRoom>(0, undefined, 1);
  expect(schedule.nextDeadlineMs()).toBe(Infinity);
  expect(schedule.runDue(new SimulatedClock(1e6))).toBe(0);
  for (const tickRateHz of [0, 0.5, 241, -60, NaN, Infinity]) {
    const room = new RecordingRoom(tickRateHz);
    expect(() => schedule.add(room, 0)).toThrow(`tickRate is ${tickRateHz}; expected 1 to 240`);
  }
  const room = new RecordingRoom(60);
  schedule.add(room, 0);
  expect(() => schedule.add(room, 0)).toThrow('scheduled already');
  expect(schedule.size).toBe(1);
  expect([schedule.remove(room), schedule.remove(room), schedule.size]).toEqual([true, false, 0]);
  expect(schedule.nextDeadlineMs()).toBe(Infinity);
});

it('rooms with short ticks share a slot, four at a time, and then another one', () => {
  const schedule = new Schedule<RecordingRoom>(0);
  const rooms = roomsAt(schedule, 50, 18);
  runUntil(schedule, new SimulatedClock(), 20);
  expect(roomsPerSlot(rooms)).toEqual([5, 4, 5, 4]);
  expect(rooms.slice(0, 9).map((room) => room.deadlinesMs[0])).toEqual([20, 20, 20, 20, 10, 10, 10, 10, 5]);
});

it('a room whose ticks take long keeps its slot to itself', () => {
  const schedule = new Schedule<RecordingRoom>(0);
  const clock = new SimulatedClock();
  const [busy] = roomsAt(schedule, 50, 1);
  busy!.onTick = () => (clock.timeMs += 3);
  runUntil(schedule, clock, 1000);
  const late = roomsAt(schedule, 50, 2, 1000);
  runUntil(schedule, clock, 1020);
  expect(late.map((room) => room.deadlinesMs[0])).toEqual([1010, 1010]);
});

it('rooms that shared a slot while their ticks were short get slots of their own when those become long', () => {
  const schedule = new Schedule<RecordingRoom>(0);
  const clock = new SimulatedClock();
  const rooms = roomsAt(schedule, 50, 4);
  runUntil(schedule, clock, 200);
  expect(rooms.map((room) => room.deadlinesMs.at(-1))).toEqual([200, 200, 200, 200]);
  for (const room of rooms) room.onTick = () => (clock.timeMs += 1);
  runUntil(schedule, clock, 1200);
  const lastDeadlines = rooms.map((room) => room.deadlinesMs.at(-1)!);
  expect(lastDeadlines.map((deadlineMs) => deadlineMs % 20).sort((a, b) => a - b)).toEqual([0, 5, 10, 15]);
  for (const room of rooms) {
    // 60 periods: nobody lost or got more than a part of one.
    expect(Math.abs(room.deadlinesMs.length - 60)).toBeLessThanOrEqual(1);
    const intervals = room.deadlinesMs.slice(1).map((deadlineMs, i) => deadlineMs - room.deadlinesMs[i]!);
    expect(intervals.filter((intervalMs) => Math.abs(intervalMs - 20) > 1e-6).length).toBeLessThanOrEqual(1);
    expect(Math.min(...intervals)).toBeGreaterThan(1);
  }
  expect(schedule.ticksSkipped).toBe(0);
});

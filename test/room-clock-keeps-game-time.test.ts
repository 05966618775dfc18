import { expect, it } from 'vitest';
import { RoomClock } from '../src/shard/room-clock.js';
import { SeededRandom } from './support/record-sequence.js';

const TICK_MS = 1000 / 60;

function ticksUntil(clock: RoomClock, reached: () => boolean): number {
  for (let tick = 1; tick <= 100_000; tick++) {
    clock.advance(TICK_MS);
    if (reached()) return tick;
  }
  throw new Error('not reached in 100,000 ticks');
}

it.each([
  { delayMs: 1000, ticks: 60 }, { delayMs: 50, ticks: 3 }, { delayMs: 16, ticks: 1 }, { delayMs: 17, ticks: 2 },
  { delayMs: 100, ticks: 6 }, { delayMs: 60_000, ticks: 3600 }, { delayMs: 0, ticks: 1 }, { delayMs: -5, ticks: 1 },
])('a timeout of $delayMs ms fires in tick $ticks at 60 Hz', ({ delayMs, ticks }) => {
  const clock = new RoomClock();
  let fired = false;
  clock.setTimeout(() => { fired = true; }, delayMs);
  expect(ticksUntil(clock, () => fired)).toBe(ticks);
});

it('a timeout of a second takes 60 ticks also after days of game time', () => {
  const clock = new RoomClock();
  for (let tick = 0; tick < 10_000_000; tick++) clock.advance(TICK_MS);
  expect(clock.elapsedMs).toBeCloseTo(1e10 / 60, 4);
  let fired = 0;
  clock.setTimeout(() => { fired++; }, 1000);
  expect(ticksUntil(clock, () => fired > 0)).toBe(60);
});

it('an interval keeps to its own grid and does not drift', () => {
  const clock = new RoomClock();
  const firedMs: number[] = [];
  clock.setInterval(() => firedMs.push(clock.elapsedMs), 25);
  for (let tick = 0; tick < 60 * 100; tick++) clock.advance(TICK_MS);
  expect(firedMs.length).toBe(4000);
  firedMs.forEach((timeMs, i) => {
    expect(timeMs).toBeGreaterThanOrEqual((i + 1) * 25 - 0.001);
    expect(timeMs).toBeLessThan((i + 1) * 25 + TICK_MS);
  });
});

it.each([0, 1, 5])('an interval of %i ms, shorter than a tick, fires once per tick', (intervalMs) => {
  const clock = new RoomClock();
  let fired = 0;
  clock.setInterval(() => { fired++; }, intervalMs);
  for (let tick = 1; tick <= 100; tick++) {
    clock.advance(TICK_MS);
    expect(fired).toBe(tick);
  }
});

it('timers fire earliest first, of equal ones the one set first, with their arguments', () => {
  const clock = new RoomClock();
  const fired: string[] = [];
  const note = (name: string, count: number): void => { fired.push(`${name}${count}`); };
  clock.setTimeout(note, 12, 'c', 1);
  clock.setTimeout(note, 4, 'a', 2);
  clock.setTimeout(note, 12, 'd', 3);
  clock.setInterval(note, 8, 'b', 4);
  clock.advance(TICK_MS);
  expect(fired).toEqual(['a2', 'b4', 'c1', 'd3']);
});

it('time stands still between steps, and steps of other lengths add up', () => {
  const clock = new RoomClock();
  expect([clock.elapsedMs, clock.deltaMs]).toEqual([0, 0]);
  for (const dtMs of [10, 10, 20, 0, 5]) clock.advance(dtMs);
  expect([clock.elapsedMs, clock.deltaMs]).toEqual([45, 5]);
  expect(() => clock.advance(-1)).toThrow('dtMs is -1');
  expect(() => clock.advance(NaN)).toThrow('dtMs is NaN');
});

it('the same calls give the same order, against a naive model', () => {
  for (let seed = 1; seed <= 50; seed++) {
    const random = new SeededRandom(seed);
    const clock = new RoomClock();
    const fired: number[] = [];
    const expected: number[] = [];
    const model: { id: number; dueMs: number; clear: () => void }[] = [];
    let elapsedMs = 0;
    for (let id = 0; id < 400; id++) {
      const delayMs = random.below(200);
      const delayed = clock.setTimeout(() => fired.push(id), delayMs);
      model.push({ id, dueMs: elapsedMs + delayMs, clear: () => delayed.clear() });
      if (random.below(5) === 0) model.splice(random.below(model.length), 1)[0]!.clear();
      if (random.below(3) === 0) {
        elapsedMs += 16;
        clock.advance(16);
        const due = model.filter((timer) => timer.dueMs <= elapsedMs).sort((a, b) => a.dueMs - b.dueMs || a.id - b.id);
        for (const timer of due) model.splice(model.indexOf(timer), 1);
        expected.push(...due.map((timer) => timer.id));
      }
    }
    expect(fired, `seed ${seed}`).toEqual(expected);
  }
});

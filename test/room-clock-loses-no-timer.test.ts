import { expect, it, vi } from 'vitest';
import { ROOM_TIMERS_MAX, RoomClock } from '../src/shard/room-clock.js';

it('a timer that throws does not keep the others from running, and its error reaches the caller', () => {
  const clock = new RoomClock();
  const fired: string[] = [];
  clock.setTimeout(() => fired.push('before'), 1);
  clock.setTimeout(() => { throw new Error('boom'); }, 2);
  clock.setTimeout(() => fired.push('behind'), 3);
  clock.setTimeout(() => fired.push('later'), 20);
  expect(() => clock.advance(10)).toThrow('boom');
  expect(fired).toEqual(['before', 'behind']);
  clock.advance(10);
  expect(fired).toEqual(['before', 'behind', 'later']);
});

it('several errors of one tick arrive together', () => {
  const clock = new RoomClock();
  const errors = [new Error('one'), new Error('two')];
  for (const error of errors) clock.setTimeout(() => { throw error; }, 1);
  let caught: unknown;
  try {
    clock.advance(10);
  } catch (error) {
    caught = error;
  }
  expect((caught as AggregateError).errors).toEqual(errors);
});

it('an interval that throws goes on', () => {
  const clock = new RoomClock();
  let runs = 0;
  clock.setInterval(() => { runs++; throw new Error('again'); }, 10);
  for (let tick = 0; tick < 3; tick++) expect(() => clock.advance(10)).toThrow('again');
  expect(runs).toBe(3);
});

it('a cleared timer does not run: before its tick, in its tick, by itself, all at once', () => {
  const clock = new RoomClock();
  const fired: string[] = [];
  const early = clock.setTimeout(() => fired.push('early'), 10);
  early.clear();
  clock.setTimeout(() => behind.clear(), 10);
  const behind = clock.setTimeout(() => fired.push('behind'), 10);
  const interval = clock.setInterval(() => { fired.push('interval'); interval.clear(); }, 10);
  clock.advance(10);
  clock.advance(10);
  expect(fired).toEqual(['interval']);
  expect([early.active, behind.active, interval.active]).toEqual([false, false, false]);
  early.clear();

  clock.setTimeout(() => { clock.clear(); clock.setTimeout(() => fired.push('new'), 0); }, 1);
  clock.setTimeout(() => fired.push('same tick'), 2);
  clock.setInterval(() => fired.push('repeating'), 3);
  clock.setTimeout(() => fired.push('next tick'), 15);
  clock.advance(10);
  clock.advance(10);
  expect(fired).toEqual(['interval', 'new']);
});

it('what a timer sets runs in a later tick, so a tick always ends', () => {
  const clock = new RoomClock();
  let runs = 0;
  const again = (): void => { runs++; clock.setTimeout(again, 0); };
  clock.setTimeout(again, 0);
  for (let tick = 1; tick <= 5; tick++) {
    clock.advance(10);
    expect(runs).toBe(tick);
  }
  clock.setTimeout(() => { clock.advance(10); }, 0);
  expect(() => clock.advance(10)).toThrow('from inside a timer');
});

it('a handle says whether its timer is still to come', () => {
  const clock = new RoomClock();
  const timeout = clock.setTimeout(() => {}, 5);
  const interval = clock.setInterval(() => {}, 5);
  expect([timeout.active, interval.active]).toEqual([true, true]);
  clock.advance(10);
  expect([timeout.active, interval.active]).toEqual([false, true]);
});

it('the rejection of an async timer reaches whoever the clock was told', async () => {
  const onRejected = vi.fn();
  const clock = new RoomClock(onRejected);
  const error = new Error('late');
  clock.setTimeout(async () => { throw error; }, 0);
  clock.advance(10);
  await vi.waitFor(() => expect(onRejected).toHaveBeenCalledWith(error));
});

it('delays that are not finite and timers without end are refused', () => {
  const clock = new RoomClock();
  for (const delayMs of [NaN, Infinity, -Infinity]) {
    expect(() => clock.setTimeout(() => {}, delayMs)).toThrow(`delay is ${delayMs}; expected a finite number`);
  }
  const timers = Array.from({ length: ROOM_TIMERS_MAX }, (_, i) => clock.setTimeout(() => {}, i));
  expect(() => clock.setInterval(() => {}, 10)).toThrow(`limit ${ROOM_TIMERS_MAX}`);
  timers[500]!.clear();
  clock.setTimeout(() => {}, 10);
});

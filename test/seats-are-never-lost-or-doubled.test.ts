/** Races between joins, drops, resumes and the ends of rooms, message by message. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { Session } from '../src/host/matchmaking/session.js';
import { LIMITS, MatchmakerBench, roomType } from './support/fake-shard.js';

const ANY = { method: 'joinOrCreate', type: 'duel' } as const;
const GRACE_MS = 20_000;

let bench: MatchmakerBench;

beforeEach(() => {
  vi.useFakeTimers();
  bench = new MatchmakerBench([roomType('duel', { maxClients: 2 })]);
});
afterEach(() => {
  vi.useRealTimers();
});

function expectNothingLeft(): void {
  expect(bench.matchmaker.seats.size).toBe(0);
  expect(bench.matchmaker.rooms.size).toBe(0);
  expect(bench.shard.load).toBe(0);
  expect(vi.getTimerCount()).toBe(0);
}

it('200 who ask at once, before any room is there, fill 13 rooms of 16', () => {
  bench = new MatchmakerBench([roomType('duel')]);
  for (let key = 1; key <= 200; key += 1) expect(bench.join(ANY, key)).toBeNull();
  const creates = bench.take('create');
  expect(creates).toHaveLength(13);
  expect(bench.take('seat')).toHaveLength(0);
  for (const { roomId } of creates) bench.created(roomId);
  const seats = bench.take('seat');
  const perRoom = creates.map(({ roomId }) => seats.filter((seat) => seat.roomId === roomId).length);
  expect(perRoom).toEqual([16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 8]);
  expect(new Set(seats.map(({ sessionId }) => sessionId)).size).toBe(200);
});

it('a room that can’t be created answers everybody who waits for it, and is gone', () => {
  for (const key of [1, 2]) bench.join(ANY, key);
  const [create] = bench.take('create');
  bench.say({ kind: 'create-failed', roomId: create!.roomId, reason: 'no map' });
  expect(bench.refusals.map(({ key, code }) => [key, code])).toEqual([[1, 4002], [2, 4002]]);
  expect(bench.refusals[0]!.reason).toContain('no map');
  expectNothingLeft();
});

it('a room whose onCreate never ends answers who waits, and is told to end should it ever begin', () => {
  bench.join(ANY, 1);
  const { roomId } = bench.take('create')[0]!;
  vi.advanceTimersByTime(LIMITS.createTimeoutMs);
  expect(bench.refusals).toMatchObject([{ key: 1, code: 4010, reason: expect.stringContaining('30000 ms') }]);
  expect(bench.take('dispose')).toMatchObject([{ roomId }]);
  bench.say({ kind: 'ending', roomId });
  bench.say({ kind: 'disposed', roomId });
  expectNothingLeft();
});

it('an onJoin that never ends is answered too', () => {
  bench.join(ANY, 1);
  bench.created(bench.take('create')[0]!.roomId);
  const [seat] = bench.take('seat');
  vi.advanceTimersByTime(LIMITS.createTimeoutMs);
  expect(bench.refusals).toMatchObject([{ key: 1, code: 4010 }]);
  expect(bench.take('leave')).toMatchObject([{ sessionId: seat!.sessionId }]);
});

it('who comes to a room that is about to end is sent to another one', () => {
  const first = bench.joined(ANY, 1);
  bench.join(ANY, 2);
  const [seat] = bench.take('seat');
  bench.say({ kind: 'ending', roomId: first.room.id });
  const { roomId, sessionId } = seat!;
  bench.say({ kind: 'refused', roomId, sessionId, code: 4010, reason: 'the room is ending', ending: true });
  const [create] = bench.take('create');
  expect(create!.roomId).not.toBe(roomId);
  bench.created(create!.roomId);
  expect(bench.take('seat')).toMatchObject([{ roomId: create!.roomId, sessionId, sessionKey: 2 }]);
  expect(bench.refusals).toEqual([]);
});

it('who asked for that very room is told that it has ended', () => {
  const { room } = bench.joined(ANY, 1);
  bench.join({ method: 'joinById', roomId: room.id }, 2);
  const { sessionId } = bench.take('seat')[0]!;
  bench.say({ kind: 'refused', roomId: room.id, sessionId, code: 4010, reason: 'the room is ending', ending: true });
  expect(bench.refusals).toMatchObject([{ key: 2, code: 4010, reason: 'the room is ending' }]);
  bench.say({ kind: 'ending', roomId: room.id });
  expect(bench.join({ method: 'joinById', roomId: room.id }, 3)).toMatchObject({ code: 4010 });
});

it('a lost socket keeps its seat for the grace that the room gave, and no longer', () => {
  const session = bench.joined(ANY, 1);
  bench.matchmaker.seats.lost(session.id, 1, 1006, 7);
  expect(session.state).toBe('dropped');
  bench.say({ kind: 'dropped', roomId: session.room.id, sessionId: session.id, sessionKey: 1, graceMs: GRACE_MS });
  vi.advanceTimersByTime(GRACE_MS - 1);
  expect(bench.take('leave')).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(bench.take('leave')).toMatchObject([{ sessionId: session.id, code: 1006 }]);
  // From here on nobody takes it over, though the shard hasn't answered.
  expect(bench.matchmaker.seats.resume(session.id, session.resumeToken, 2, 0, false)).toMatchObject({ code: 4401 });
  bench.say({ kind: 'left', roomId: session.room.id, sessionId: session.id });
  bench.say({ kind: 'disposed', roomId: session.room.id });
  expectNothingLeft();
});

it('a resume gives the session its next connection; the late close of the last one does no harm', () => {
  const session = bench.joined(ANY, 1);
  const token = session.resumeToken;
  bench.taken.set(1, 5);
  expect(bench.matchmaker.seats.resume(session.id, token, 2, 3, false)).toBeNull();
  expect(bench.ended).toEqual([1]);
  expect(bench.take('resume')).toMatchObject([{ sessionKey: 2, received: 3, taken: 5, resumeToken: session.resumeToken }]);
  bench.matchmaker.seats.lost(session.id, 1, 1006, 99);
  expect(session).toMatchObject({ state: 'joined', key: 2, taken: 5 });
  expect(bench.take('drop')).toEqual([]);
});

it('what a shard says of an earlier connection’s loss doesn’t drop the session that is back', () => {
  const session = bench.joined(ANY, 1);
  bench.matchmaker.seats.lost(session.id, 1, 1006, 0);
  bench.matchmaker.seats.resume(session.id, session.resumeToken, 2, 0, false);
  bench.say({ kind: 'dropped', roomId: session.room.id, sessionId: session.id, sessionKey: 1, graceMs: 0 });
  vi.advanceTimersByTime(1000);
  expect(session.state).toBe('joined');
  expect(bench.take('leave')).toEqual([]);
});

it('a resume token is rotated, and the one before it is good until the new one has arrived', () => {
  const { seats } = bench.matchmaker;
  const session = bench.joined(ANY, 1);
  const first = session.resumeToken;
  expect(seats.resume(session.id, first, 2, 0, false)).toBeNull();
  const second = session.resumeToken;
  expect(second).not.toBe(first);
  // The answer was lost with its socket.
  expect(seats.resume(session.id, first, 3, 0, false)).toBeNull();
  seats.confirmed(session.id, 3);
  expect(seats.resume(session.id, first, 4, 0, false)).toMatchObject({ code: 4401 });
  expect(seats.resume(session.id, second, 4, 0, false)).toMatchObject({ code: 4401 });
  expect(seats.resume(session.id, session.resumeToken, 4, 0, false)).toBeNull();
  expect(seats.resume('nobody', 'x', 5, 0, false)).toEqual(seats.resume(session.id, '', 5, 0, false));
});

it('a reserved seat is taken once, in time, in its own room; every other try is answered with the same words', () => {
  const { seats } = bench.matchmaker;
  let reserved = '';
  bench.matchmaker.reserve(
    { wish: ANY, options: {}, auth: undefined },
    { reserved: (session) => (reserved = session.id), refused: () => expect.fail('refused') },
  );
  const { roomId } = bench.take('create')[0]!;
  expect(reserved).toBe('');
  bench.created(roomId);
  expect(reserved).not.toBe('');
  const wrongRoom = seats.take(reserved, 'another', 1);
  expect(wrongRoom).toMatchObject({ code: 4401 });
  expect(seats.take(reserved, roomId, 1)).toBeNull();
  expect(seats.take(reserved, roomId, 2)).toBe(wrongRoom);
  expect(seats.take('nobody', roomId, 2)).toBe(wrongRoom);
  expect(bench.take('seat')).toHaveLength(1);
});

it('a seat that nobody takes is free again, and an empty room ends', () => {
  let sessionId = '';
  const listener = { reserved: ({ id }: { id: string }) => void (sessionId = id), refused: () => expect.fail('refused') };
  bench.matchmaker.reserve({ wish: ANY, options: {}, auth: undefined }, listener);
  const { roomId } = bench.take('create')[0]!;
  bench.created(roomId);
  vi.advanceTimersByTime(LIMITS.seatTimeoutMs);
  expect(bench.matchmaker.seats.take(sessionId, roomId, 1)).toMatchObject({ code: 4401 });
  expect(bench.take('dispose')).toMatchObject([{ roomId }]);
  bench.say({ kind: 'disposed', roomId });
  expectNothingLeft();
});

it('a reserved seat whose room has ended is one in another room', () => {
  let sessionId = '';
  const listener = { reserved: ({ id }: { id: string }) => void (sessionId = id), refused: () => expect.fail('refused') };
  bench.matchmaker.reserve({ wish: ANY, options: {}, auth: undefined }, listener);
  const { roomId } = bench.take('create')[0]!;
  bench.created(roomId);
  bench.say({ kind: 'ending', roomId });
  bench.say({ kind: 'disposed', roomId });
  expect(bench.matchmaker.seats.take(sessionId, roomId, 1)).toBeNull();
  expect(bench.take('create')).toHaveLength(1);
});

it('an empty room waits for its autoDispose, and a newcomer keeps it', () => {
  const session = bench.joined(ANY, 1);
  const { room } = session;
  bench.say({ kind: 'listing', roomId: room.id, listing: { ...room.listing, disposeAfterMs: 1000 } });
  bench.matchmaker.seats.lost(session.id, 1, 4000, 0);
  bench.say({ kind: 'left', roomId: room.id, sessionId: session.id });
  vi.advanceTimersByTime(999);
  expect(bench.join(ANY, 2)).toBeNull();
  vi.advanceTimersByTime(5000);
  expect(bench.take('dispose')).toEqual([]);
  expect(bench.session(2).room).toBe(room);
});

it('a change of autoDispose counts from when it is made, in an empty room too', () => {
  const session = bench.joined(ANY, 1);
  const { room } = session;
  const listing = (disposeAfterMs: number): void =>
    bench.say({ kind: 'listing', roomId: room.id, listing: { ...room.listing, disposeAfterMs } });
  listing(1000);
  bench.matchmaker.seats.lost(session.id, 1, 4000, 0);
  bench.say({ kind: 'left', roomId: room.id, sessionId: session.id });
  listing(60_000);
  vi.advanceTimersByTime(59_999);
  expect(bench.take('dispose')).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(bench.take('dispose')).toHaveLength(1);
});

it('a seat whose ticket reached nobody is free at once', () => {
  const { seats } = bench.matchmaker;
  const listener = { reserved: (session: Session) => seats.release(session), refused: () => expect.fail('refused') };
  bench.matchmaker.reserve({ wish: ANY, options: {}, auth: undefined }, listener);
  const { roomId } = bench.take('create')[0]!;
  bench.created(roomId);
  expect(bench.take('dispose')).toMatchObject([{ roomId }]);
  bench.say({ kind: 'disposed', roomId });
  expectNothingLeft();
});

it('a server that closes waits for nothing', () => {
  bench.joined(ANY, 1);
  bench.join(ANY, 2);
  bench.matchmaker.reserve({ wish: ANY, options: {}, auth: undefined }, { reserved: () => {}, refused: () => {} });
  expect(vi.getTimerCount()).toBeGreaterThan(0);
  bench.matchmaker.close();
  expect(vi.getTimerCount()).toBe(0);
});

it('who leaves on purpose can’t come back with the token', () => {
  const session = bench.joined(ANY, 1);
  const token = session.resumeToken;
  bench.matchmaker.seats.lost(session.id, 1, 4000, 0);
  expect(bench.take('leave')).toMatchObject([{ code: 4000 }]);
  expect(bench.matchmaker.seats.resume(session.id, token, 2, 0, false)).toMatchObject({ code: 4401 });
});

it('a draining server gives no seats', () => {
  const { room } = bench.joined(ANY, 1);
  bench.matchmaker.drain();
  expect(room.state).toBe('draining');
  expect(bench.join(ANY, 2)).toMatchObject({ code: 4010, reason: expect.stringContaining('shutting down') });
  expect(bench.join({ method: 'joinById', roomId: room.id }, 3)).toMatchObject({ code: 4010 });
});

it('rooms are chosen by filterBy and sortBy', () => {
  const type = roomType('duel', { filterBy: ['mode', 'map'], sortBy: [['level', -1]], maxClients: 4 });
  bench = new MatchmakerBench([type]);
  const open = (key: number, options: Record<string, unknown>, level: number): string => {
    bench.join({ method: 'create', type: 'duel' }, key, options);
    const { roomId } = bench.take('create')[0]!;
    bench.created(roomId, { metadata: { level } });
    return roomId;
  };
  const red = open(1, { mode: 'red', map: 1 }, 1);
  const blue = open(2, { mode: 'blue', map: 1 }, 5);
  const redder = open(3, { mode: 'red', map: 2 }, 3);
  const roomFor = (key: number, options: Record<string, unknown>): string => {
    expect(bench.join(ANY, key, options)).toBeNull();
    return bench.session(key).room.id;
  };
  expect(roomFor(4, { mode: 'red' })).toBe(redder);
  expect(roomFor(5, { mode: 'red', map: 1 })).toBe(red);
  expect(roomFor(6, {})).toBe(blue);
  expect([red, blue, redder]).not.toContain(roomFor(7, { mode: 'green' }));
  expect(bench.join(ANY, 8, { mode: { $ne: 1 } })).toMatchObject({ code: 4400, reason: expect.stringContaining('mode') });
});

it('a host that is full says so', () => {
  bench = new MatchmakerBench([roomType('duel', { maxClients: 1 })], { roomsMax: 2 });
  for (const key of [1, 2]) expect(bench.join(ANY, key)).toBeNull();
  expect(bench.join(ANY, 3)).toMatchObject({ code: 4010, status: 503, reason: expect.stringContaining('2 rooms') });
});

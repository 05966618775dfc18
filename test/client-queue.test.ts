/** Ways into a room besides a plain join: a queue that may last, a seat reserved over HTTP, a stored token. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { JoinError } from '../src/client/client-errors.js';
import { connect, type QueueOptions, type QueueStatus } from '../src/client/index.js';
import { decodeJoin, decodeResume, JoinMethod } from '../src/protocol/client-frames.js';
import { encodeQueued, encodeRefused } from '../src/protocol/server-frames.js';
import { MemoryNetwork } from './support/memory-network.js';

let network: MemoryNetwork;
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'performance', 'Date'] });
  network = new MemoryNetwork();
});
afterEach(() => {
  vi.useRealTimers();
});

const passed = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);
const client = (): ReturnType<typeof connect> => connect('ws://x', { WebSocket: network.WebSocket, token: 'secret' });

/** What a promise rejects with, and no unhandled rejection meanwhile. */
function failure(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => 'no failure',
    (error: unknown) => error,
  );
}

const STATUS: QueueStatus = { waiting: 3, waitedMs: 1000, tolerance: 150, reason: '' };

test('a queue says who waits for what, lasts as long as it takes, and ends in a room', async () => {
  const heard: QueueStatus[] = [];
  const player: QueueOptions = { rating: 1510.5, party: 'us', partySize: 2, onStatus: (status) => heard.push(status) };
  const queueing = client().queue('duel', { map: 'ice' }, player);
  const peer = await network.peer();
  const request = decodeJoin((await peer.next()).bytes);
  expect(request).toMatchObject({ method: JoinMethod.Queue, room: 'duel', token: 'secret' });
  expect(request).toMatchObject({ rating: 1510.5, party: 'us', partySize: 2 });
  expect(new TextDecoder().decode(request.options)).toBe('{"map":"ice"}');
  for (let second = 1; second <= 120; second += 1) {
    peer.send(encodeQueued({ ...STATUS, waitedMs: second * 1000 }));
    await passed(1000);
  }
  peer.send(encodeQueued({ ...STATUS, reason: 'the server is full' }));
  peer.join();
  await passed(5000);
  peer.keyframe(30);
  expect((await queueing).tick).toBe(30);
  expect(heard.length).toBe(121);
  expect(heard[1]).toEqual({ ...STATUS, waitedMs: 2000 });
  expect(heard.at(-1)!.reason).toBe('the server is full');
});

test('a queue of which nothing is heard any more is given up', async () => {
  const failing = failure(client().queue('duel'));
  const peer = await network.peer();
  peer.send(encodeQueued(STATUS));
  await passed(9900);
  peer.send(encodeQueued(STATUS));
  await passed(10_100);
  expect(await failing).toMatchObject({ code: 4010, message: expect.stringContaining('waiting for a word of the queue') });
});

test.each([
  ['while it waits', true],
  ['before the queue has answered', false],
])('the signal leaves the queue %s', async (_, isQueued) => {
  const abort = new AbortController();
  const failing = failure(client().queue('duel', {}, { signal: abort.signal }));
  const peer = await network.peer();
  await peer.next();
  if (isQueued) peer.send(encodeQueued(STATUS));
  await passed(0);
  abort.abort('tired');
  const error = await failing;
  expect(error).toBeInstanceOf(JoinError);
  expect(error).toMatchObject({ code: 4000, message: 'the queue was left', cause: 'tired' });
  expect((await peer.next()).kind).toBe('Leave');
  expect(peer.wire.closedByClient?.code).toBe(4000);
  expect(vi.getTimerCount()).toBe(0);
});

test('a signal that was given already opens no socket, one that comes after the match does nothing', async () => {
  expect(await failure(client().queue('duel', {}, { signal: AbortSignal.abort() }))).toMatchObject({ code: 4000 });
  expect(network.wires).toEqual([]);
  const abort = new AbortController();
  const queueing = client().queue('duel', {}, { signal: abort.signal });
  const peer = await network.peer();
  peer.join();
  peer.keyframe(30);
  const room = await queueing;
  abort.abort();
  await passed(0);
  expect(room.isConnected).toBe(true);
  expect(peer.wire.closedByClient).toBeUndefined();
});

test('what onStatus throws ends no wait', async () => {
  const toConsole = vi.spyOn(console, 'error').mockImplementation(() => {});
  const oops = new Error('oops');
  const queueing = client().queue('duel', {}, {
    onStatus: () => {
      throw oops;
    },
  });
  const peer = await network.peer();
  peer.send(encodeQueued(STATUS));
  peer.join();
  peer.keyframe(30);
  await queueing;
  expect(toConsole).toHaveBeenCalledExactlyOnceWith(oops);
  toConsole.mockRestore();
});

test.each<[QueueOptions, string]>([
  [{ rating: Infinity }, 'rating is Infinity; expected a finite number'],
  [{ partySize: 65, party: 'us' }, 'partySize is 65; expected 1 to 64'],
  [{ partySize: 2 }, 'there is no party'],
])('a queue of players that cannot be is refused before any socket: %j', async (player, words) => {
  await expect(client().queue('duel', {}, player)).rejects.toThrow(words);
  expect(network.wires).toEqual([]);
});

test('a ticket is all that its join needs', async () => {
  const joining = client().joinWithTicket('T1');
  const peer = await network.peer();
  expect(decodeJoin((await peer.next()).bytes)).toMatchObject({ method: JoinMethod.Ticket, ticket: 'T1', room: '', roomId: '' });
  peer.join();
  peer.keyframe(1);
  await joining;
});

test('a reserved seat is taken at the server that has it, and resumed there', async () => {
  const seat = { url: 'https://eu7.play.example/', ticket: 'T1', expiresAt: new Date().toISOString() };
  const joining = client().consumeSeat(seat);
  const peer = await network.peer();
  peer.join({ resumeToken: 'first' });
  peer.keyframe(1);
  await joining;
  peer.wire.server.terminate();
  await passed(200);
  expect(network.wires.map(({ url }) => url)).toEqual(Array(2).fill('wss://eu7.play.example/ws'));
});

test.each([
  ['expired', -2500, 'the seat reservation expired at 2030-01-01T00:00:00.000Z, 2.5 s ago by this clock: ask for a new one'],
  ['not expired', 2500, 'the ticket is not valid'],
])('a refused ticket whose seat has %s', async (_, leftMs, words) => {
  const expiresAt = Date.UTC(2030, 0, 1);
  vi.setSystemTime(expiresAt - leftMs);
  for (const seat of [{ expiresAt }, { expiresAt: '2030-01-01T00:00:00Z' }]) {
    const failing = failure(client().consumeSeat({ url: 'ws://x', ticket: 'T1', ...seat }));
    const peer = await network.peer();
    peer.send(encodeRefused(4401, 'the ticket is not valid'));
    await passed(0);
    expect(await failing).toMatchObject({ name: 'JoinError', code: 4401, message: expect.stringContaining(words) });
  }
});

test('what is no reservation is said to be none', async () => {
  const bad = { url: 'ws://x', ticket: 'T1', expiresAt: 'soon' };
  await expect(client().consumeSeat(bad)).rejects.toThrow('expected { url, ticket, expiresAt }');
  expect(network.wires).toEqual([]);
});

test('a stored token takes its session over; what is no token is refused without being shown', async () => {
  const reconnecting = client().reconnect('r1.s1.t0ps3cret');
  const peer = await network.peer();
  const resume = decodeResume((await peer.next()).bytes);
  expect(resume).toEqual({ sessionId: 's1', token: 't0ps3cret', received: 0, anew: true });
  peer.join({ resumed: true, resumeToken: 'next', inputSeq: 70_000, received: 3 });
  peer.keyframe(30, 70_000 & 0xffff);
  const room = await reconnecting;
  expect([room.ackedInput, room.reconnectionToken]).toEqual([70_000, 'r1.s1.next']);
  for (const token of ['', 't0ps3cret', 'r1.s1.', 'r1.s1.t0ps3cret.x', null as never]) {
    const error = (await failure(client().reconnect(token))) as JoinError;
    expect(error).toMatchObject({ name: 'JoinError', code: 4400 });
    expect(error.message).toContain('expected roomId.sessionId.secret');
    expect(error.message).not.toContain('t0ps3cret');
  }
});

test('a token that is taken no more says why, and a failed try leaves the session for another', async () => {
  const refused = failure(client().reconnect('r1.s1.old'));
  (await network.peer()).send(encodeRefused(4401, 'the session is over'));
  expect(await refused).toMatchObject({ code: 4401, message: 'the session is over' });
  const hanging = failure(client().reconnect('r1.s1.old'));
  const peer = await network.peer();
  await passed(10_000);
  expect(await hanging).toMatchObject({ code: 4010 });
  expect(peer.wire.closedByClient?.code).toBe(4010); // 4000 would free the seat
  const other = failure(client().reconnect('r1.s1.old'));
  (await network.peer()).join({ resumed: true, sessionId: 's9' });
  expect(await other).toMatchObject({ code: 4400, message: expect.stringContaining('another session') });
});

/** A session outlives its sockets: a lost connection is replaced by itself, and nobody notices but who asks. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { ClientRoom } from '../src/client/client-room.js';
import type { ConnectOptions } from '../src/client/index.js';
import { connect } from '../src/client/index.js';
import { decodeResume } from '../src/protocol/client-frames.js';
import { encodePayload } from '../src/protocol/payload.js';
import { encodePong, encodeRefused, encodeServerMessage } from '../src/protocol/server-frames.js';
import { MemoryNetwork, type Wire } from './support/memory-network.js';
import type { Peer } from './support/scripted-server.js';

type MemoryPeer = Peer & { readonly wire: Wire };

let network: MemoryNetwork;
let peer: MemoryPeer;
let room: ClientRoom;
let events: unknown[];

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'performance'] });
  network = new MemoryNetwork();
  await enter();
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

/** Joins, and notes what the room says. Chance is always in the middle: waits are three quarters of the whole. */
async function enter(options: ConnectOptions = {}, resumeToken = 'first'): Promise<void> {
  const arriving = network.peer();
  const joining = connect('ws://x', { WebSocket: network.WebSocket, random: () => 0.5, ...options }).join('arena');
  peer = await arriving;
  await peer.next();
  peer.players.spawn({ name: 'Ann', health: 100 });
  peer.join({ resumeToken });
  peer.keyframe(30);
  room = await joining;
  const seen: unknown[] = [];
  const entered = room;
  room.onDrop((code, reason) => seen.push(['drop', code, reason]));
  room.onReconnect(() => seen.push(['reconnect', entered.tick, entered.isConnected]));
  room.onLeave((code, reason) => seen.push(['leave', code, reason]));
  events = seen;
  await passed(0);
}

const passed = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);

/** The next connection, whose Resume has come. */
async function returning(): Promise<{ peer: MemoryPeer; resume: ReturnType<typeof decodeResume> }> {
  let next: MemoryPeer | undefined;
  void network.peer().then((arrived) => (next = arrived));
  while (next === undefined) await passed(10);
  const frame = await next.next();
  expect(frame.kind).toBe('Resume');
  return { peer: next, resume: decodeResume(frame.bytes) };
}

/** The session goes on over another peer, whose world begins as `peer`'s was. */
async function resumed(joined: object = {}): Promise<void> {
  ({ peer } = await returning());
  peer.join({ resumed: true, resumeToken: 'second', ...joined });
  await passed(0);
}

const LOST = ['drop', 1006, 'the connection was lost'];

test('a lost connection is told of once and replaced; the session goes on with the keyframe', async () => {
  expect(room.isConnected).toBe(true);
  peer.wire.server.terminate();
  await passed(0);
  expect(events).toEqual([LOST]);
  expect(room.isConnected).toBe(false);
  const { resume, peer: next } = await returning();
  expect(resume).toEqual({ sessionId: 's1', token: 'first', received: 0, anew: false });
  next.join({ resumed: true, resumeToken: 'second' });
  await passed(0);
  expect(room.isConnected).toBe(false);
  next.players.spawn({ name: 'Ann', health: 100 });
  next.keyframe(90);
  await passed(0);
  expect(events).toEqual([LOST, ['reconnect', 90, true]]);
  expect(room.stats).toMatchObject({ reconnects: 1, keyframes: 2, skipped: 0, resyncs: 0 });
  expect(network.wires.length).toBe(2);
});

test('the keyframe is told of as differences: rows that stayed are the same objects', async () => {
  const { players } = room.state;
  const bob = peer.players.spawn({ name: 'Bob' });
  peer.players.spawn({ name: 'Cid' });
  peer.delta(33, 3);
  await passed(0);
  const [ann, , cid] = [...players!];
  const seen: string[] = [];
  players!.onAdd((row) => seen.push(`+${row.name}`));
  players!.onChange((row) => seen.push(`${row.name}:${row.health}`));
  players!.onRemove((row) => seen.push(`-${row.name}`));
  seen.length = 0;
  const world = peer;
  peer.wire.server.terminate();
  await resumed();
  const [annThere] = world.players;
  world.players.despawn(bob);
  annThere!.health = 7;
  world.players.spawn({ name: 'Dan' });
  expect(seen).toEqual([]);
  peer.send(world.frame(true, 60, 0));
  await passed(0);
  expect(seen).toEqual(['-Bob', '+Dan', 'Ann:7']);
  const [annNow, , cidNow] = [...players!];
  expect([annNow === ann, cidNow === cid]).toEqual([true, true]);
});

test('inputs are of their moment: none is kept, and none of those under way is waited for', async () => {
  expect([room.input({ dx: 1 }), room.input({ dx: 2 })]).toEqual([1, 2]);
  expect(room.ackedInput).toBe(0);
  peer.wire.server.terminate();
  await passed(0);
  expect(room.input({ dx: 3 })).toBe(0);
  await resumed();
  expect(room.input({ dx: 3 })).toBe(0);
  expect(room.ackedInput).toBe(0);
  peer.keyframe(60, 1);
  await passed(0);
  expect(room.ackedInput).toBe(2);
  expect(room.input({ dx: 4 })).toBe(3);
  await passed(0);
  expect((await peer.next()).reader).toMatchObject({ seq: 3, ackTick: 60 });
  peer.delta(63, 3, 3);
  await passed(0);
  expect(room.ackedInput).toBe(3);
  expect(peer.unread).toEqual([]);
});

test('until the keyframe has come the server is told that nothing is held', async () => {
  peer.wire.server.terminate();
  await passed(0);
  const arriving = network.peer();
  await passed(100);
  const next = await arriving;
  const pings: number[] = [];
  const ping = next.nextPing().then((frame) => pings.push(frame.ackTick));
  next.join({ resumed: true, resumeToken: 'second' });
  await ping;
  await passed(0);
  const later = next.nextPing().then((frame) => pings.push(frame.ackTick));
  next.keyframe(60);
  await passed(1000);
  await later;
  expect(pings).toEqual([0, 60]);
});

test('the token changes with each resumption, and whoever stores it is told', async () => {
  const told: string[] = [];
  room.onTokenChange((token) => told.push(token));
  expect(room.reconnectionToken).toBe('r1.s1.first');
  peer.wire.server.terminate();
  await resumed();
  expect(room.reconnectionToken).toBe('r1.s1.second');
  peer.keyframe(60);
  await passed(0);
  peer.wire.server.terminate();
  const { resume, peer: next } = await returning();
  expect(resume.token).toBe('second');
  next.join({ resumed: true, resumeToken: 'third' });
  await passed(0);
  expect(told).toEqual(['r1.s1.second', 'r1.s1.third']);
});

test('what comes late from a socket that was given up does nothing', async () => {
  const old = peer;
  old.wire.isSilent = true;
  old.players.spawn({ name: 'Eve' });
  old.delta(33, 3);
  old.send(encodeServerMessage('chat', 0, encodePayload('late').bytes));
  await passed(6000);
  expect(events).toEqual([['drop', 1006, 'nothing came any more, not even answers to pings']]);
  // Not with 4000: the session is to go on.
  expect(old.wire.closedByClient?.code).toBe(4010);
  await resumed();
  peer.keyframe(60);
  await passed(0);
  const hash = room.stateHash();
  const chat = vi.fn();
  room.onMessage('*', chat);
  old.wire.isSilent = false;
  while (old.wire.carry('down'));
  old.wire.server.close(4000, 'taken over by a newer connection');
  await passed(0);
  expect(room.stateHash()).toBe(hash);
  expect(room.tick).toBe(60);
  expect(chat).not.toHaveBeenCalled();
  expect(events.slice(1)).toEqual([['reconnect', 60, true]]);
});

test('five pings in a row without a word are silence; anything that comes is a word', async () => {
  for (let second = 0; second < 20; second += 1) {
    await passed(1000);
    if (second % 4 === 3) peer.send(encodePong(0, 0));
  }
  await passed(5000);
  expect(events).toEqual([]);
  await passed(1000);
  expect(events.length).toBe(1);
});

test('a page whose timers stood still for a minute is not cut off for that', async () => {
  vi.spyOn(performance, 'now').mockReturnValue(performance.now() + 60_000);
  await passed(1000);
  peer.send(encodePong(0, 0));
  await passed(1000);
  expect(events).toEqual([]);
  vi.mocked(performance.now).mockRestore();
});

test('waits double from 100 ms to 5 s, each cut by chance to between half and all of it', async () => {
  for (const [chance, factor] of [[0, 0.5], [0.5, 0.75], [1 - 2 ** -53, 1]] as const) {
    network = new MemoryNetwork();
    await enter({ random: () => chance, reconnect: { giveUpAfterMs: 600_000 } });
    network.mode = 'refuse';
    peer.wire.server.terminate();
    await passed(0);
    const waits: number[] = [];
    let startMs = performance.now();
    for (let count = 2; count < 11; count += 1) {
      while (network.wires.length < count) await passed(1);
      waits.push(performance.now() - startMs);
      startMs = performance.now();
    }
    const wholes = [100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000];
    waits.forEach((waitMs, i) => {
      expect(waitMs).toBeGreaterThanOrEqual(Math.floor(wholes[i]! * factor));
      expect(waitMs).toBeLessThanOrEqual(wholes[i]! * factor + 2);
    });
    await room.leave();
  }
});

test('a connection that lasted makes the waits short again, one that did not does not', async () => {
  const attemptAfter = async (): Promise<number> => {
    const count = network.wires.length;
    const startMs = performance.now();
    peer.wire.server.terminate();
    await passed(0);
    while (network.wires.length === count) await passed(1);
    return performance.now() - startMs;
  };
  const back = async (): Promise<void> => {
    peer = await network.peer();
    await peer.next();
    peer.join({ resumed: true, resumeToken: 'again' });
    peer.keyframe(90);
    await passed(0);
  };
  await passed(4900);
  peer.send(encodePong(0, 0));
  expect(await attemptAfter()).toBeLessThanOrEqual(76);
  await back();
  expect(await attemptAfter()).toBeGreaterThan(148);
  await back();
  expect(await attemptAfter()).toBeGreaterThan(298);
  await back();
  for (let second = 0; second < 6; second += 1) {
    await passed(1000);
    peer.send(encodePong(0, 0));
  }
  expect(await attemptAfter()).toBeLessThanOrEqual(76);
});

test('an attempt that hangs is given up after 5 s, connecting or waiting for an answer', async () => {
  network.mode = 'hang';
  peer.wire.server.terminate();
  await passed(100);
  expect(network.wires.length).toBe(2);
  network.mode = 'open';
  const arriving = network.peer();
  await passed(4990);
  expect(network.wires.length).toBe(2);
  await passed(300);
  const unanswering = await arriving;
  expect((await unanswering.next()).kind).toBe('Resume');
  expect(network.wires.length).toBe(3);
  await passed(5000);
  expect(unanswering.wire.closedByClient?.code).toBe(4010);
  await resumed();
  // An answer that comes when nobody waits for it any more.
  unanswering.join({ resumed: true, resumeToken: 'late' });
  peer.keyframe(60);
  await passed(0);
  expect(room.reconnectionToken).toBe('r1.s1.second');
  expect(events).toEqual([LOST, ['reconnect', 60, true]]);
});

test('a refusal with 4010 is tried again, any other ends the session with its code and reason', async () => {
  peer.wire.server.close(1013, 'read too slowly');
  const first = await returning();
  first.peer.send(encodeRefused(4010, 'recovering'));
  await passed(0);
  expect(events).toEqual([['drop', 1013, 'read too slowly']]);
  const second = await returning();
  second.peer.send(encodeRefused(4401, 'the session is over'));
  await passed(0);
  expect(events.slice(1)).toEqual([['leave', 4401, 'the session is over']]);
  const count = network.wires.length;
  await passed(100_000);
  expect(network.wires.length).toBe(count);
});

test('a connection that is lost again before the keyframe is one loss', async () => {
  peer.wire.server.terminate();
  await resumed();
  peer.wire.server.terminate();
  await passed(0);
  expect(events).toEqual([LOST]);
  const { resume, peer: next } = await returning();
  expect(resume.token).toBe('second');
  next.join({ resumed: true, resumeToken: 'third' });
  next.keyframe(70);
  await passed(0);
  expect(events).toEqual([LOST, ['reconnect', 70, true]]);
});

test('after a minute, or the grace period if that is longer, no attempt follows', async () => {
  network.mode = 'refuse';
  peer.wire.server.terminate();
  await passed(54_000);
  expect(events).toEqual([LOST]);
  await passed(7000);
  const [, end] = events as [unknown, [string, number, string]];
  expect(end.slice(0, 2)).toEqual(['leave', 1006]);
  expect(end[2]).toMatch(/within 60000 ms; the last attempt: the connection was lost/);
  const count = network.wires.length;
  await passed(100_000);
  expect(network.wires.length).toBe(count);
});

test('leaving while the connection is lost resolves at once and ends the attempts', async () => {
  network.mode = 'hang';
  peer.wire.server.terminate();
  await passed(200);
  expect(await room.leave()).toBe(4000);
  expect(events).toEqual([LOST, ['leave', 4000, 'left on purpose']]);
  expect(room.send('chat')).toBe(false);
  expect(await room.leave()).toBe(4000);
  await passed(100_000);
  expect(network.wires.length).toBe(2);
  expect(vi.getTimerCount()).toBe(0);
});

test('leaving in onDrop makes no attempt', async () => {
  room.onDrop(() => void room.leave());
  peer.wire.server.terminate();
  await passed(10_000);
  expect(events).toEqual([LOST, ['leave', 4000, 'left on purpose']]);
  expect(network.wires.length).toBe(1);
});

test('leaving between the answer and the keyframe tells the server', async () => {
  peer.wire.server.terminate();
  await resumed();
  const leaving = room.leave();
  await passed(0);
  expect((await peer.next()).kind).toBe('Leave');
  peer.wire.server.close(4000, 'left');
  await passed(0);
  expect(await leaving).toBe(4000);
});

test.each<[string, object, string]>([
  ['another session', { sessionId: 's2' }, 'not the one that was left'],
  ['other tables', { tables: [] }, 'not the one that was left'],
  ['a new session', { resumed: false }, 'not the one that was left'],
])('an answer of %s ends the room and says so', async (_, joined, words) => {
  peer.wire.server.terminate();
  await resumed(joined);
  expect(events).toEqual([LOST, ['leave', 4400, expect.stringContaining(words)]]);
  expect(peer.wire.closedByClient?.code).toBe(4010);
  expect(vi.getTimerCount()).toBe(0);
});

test.each([
  [4000, 'taken over by a newer connection'],
  [4001, 'update'],
  [4002, 'the room failed'],
  [1008, 'sent too much'],
  [1000, 'closed'],
])('a close with %i is no loss', async (code, reason) => {
  peer.wire.server.close(code, reason);
  await passed(10_000);
  expect(events).toEqual([['leave', code, reason]]);
  expect(network.wires.length).toBe(1);
});

test('without resumption a loss is the end, and silence is nobody’s business', async () => {
  network = new MemoryNetwork();
  await enter({ reconnect: false });
  await passed(60_000);
  expect(events).toEqual([]);
  const ping = peer.nextPing();
  await passed(1000);
  await ping; // it goes on asking
  peer.wire.server.terminate();
  await passed(10_000);
  expect(events).toEqual([LOST, ['leave', 1006, 'the connection was lost']]);
  expect(room.send('chat')).toBe(false);
  expect(network.wires.length).toBe(1);
});

test('where the network returns, no wait is sat out', async () => {
  const online = new Set<() => void>();
  vi.stubGlobal('addEventListener', (_: string, listener: () => void) => online.add(listener));
  vi.stubGlobal('removeEventListener', (_: string, listener: () => void) => online.delete(listener));
  network = new MemoryNetwork();
  await enter({ reconnect: { delayMs: 60_000 } });
  peer.wire.server.terminate();
  await passed(1000);
  expect(network.wires.length).toBe(1);
  for (const listener of online) listener();
  await passed(0);
  expect(network.wires.length).toBe(2);
  const next = await network.peer();
  next.join({ resumed: true, resumeToken: 'second' });
  await passed(0);
  expect(online.size).toBe(0);
});

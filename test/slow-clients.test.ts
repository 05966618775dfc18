/**
 * Clients that stop reading, over real sockets: the others of their room see no change, the server's memory stays bounded,
 * and they are back a moment after they read again. What is lost on them is snapshots, never messages.
 */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeJoin, encodePing, encodeResync, JoinMethod } from '../src/protocol/client-frames.js';
import { decodeJoined, ServerFrameKind, ServerFrameReader, SnapshotKind } from '../src/protocol/server-frames.js';
import type { Wish } from './rooms/crowd.js';
import { Guest } from './support/guest.js';
import { frameOf, RawSocket } from './support/raw-socket.js';
import { ServerProcess } from './support/server-process.js';
import { ROOMS_FOLDER } from './support/setup.js';

const GUESTS = 100;
const SLOW_GUESTS = 10;
const JOINS_AT_ONCE = 10;
const GROWTH_BYTES_MAX = 32 * 1024 * 1024;
const BACK_WITHIN_MS = 1000;

const reader = new ServerFrameReader();

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

function residentBytes(server: ServerProcess): number {
  const status = readFileSync(`/proc/${server.child.pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)![1]) * 1024;
}

function expectAllSnapshots(guest: Guest): void {
  expect(guest.problems).toEqual([]);
  expect(guest.gaps).toEqual([]);
  expect(guest.keyframes).toHaveLength(1);
  expect(guest.room.stats).toMatchObject({ keyframes: 1 + guest.welcomes, resyncs: 0, skipped: 0 });
}

describe('a room that has patience', () => {
  let server: ServerProcess;
  // More than by default: a machine that others use too may hold this process up for a second.
  beforeAll(async () => {
    const limits = ['--lag-limit-ms', '4000', '--ack-timeout-ms', '15000'];
    server = await ServerProcess.start({ args: ['--rooms', ROOMS_FOLDER, '--log-level', 'warn', ...limits] });
  });
  afterAll(() => server?.stop());

  const lagging = (): Promise<number> => server.metric('escapement_clients_lagging');

  it('of a hundred, ten stop reading: ninety miss nothing, and ten are back within a second', { timeout: 60_000 }, async () => {
    const guests = [await Guest.create(server.url)];
    const { id } = guests[0]!.room;
    while (guests.length < GUESTS) {
      const count = Math.min(JOINS_AT_ONCE, GUESTS - guests.length);
      guests.push(...(await Promise.all(Array.from({ length: count }, () => Guest.join(server.url, id)))));
    }
    const slow = guests.slice(-SLOW_GUESTS);
    const others = guests.slice(0, -SLOW_GUESTS);
    const before = residentBytes(server);

    for (const guest of slow) guest.stopReading();
    await expect.poll(lagging, { timeout: 20_000 }).toBe(SLOW_GUESTS);
    const skipped = await server.metric('escapement_snapshots_lagged_total');
    await sleep(1000);
    // Each of the ten was spared at least fifteen snapshots of that second.
    expect((await server.metric('escapement_snapshots_lagged_total')) - skipped).toBeGreaterThan(15 * SLOW_GUESTS);
    expect(residentBytes(server) - before).toBeLessThan(GROWTH_BYTES_MAX);
    expect(slow.every((guest) => guest.keyframes.length === 1)).toBe(true);

    const backMs = slow.map(async (guest) => {
      const startMs = performance.now();
      const keyframe = guest.nextKeyframe();
      guest.goOnReading();
      await keyframe;
      return performance.now() - startMs;
    });
    expect(Math.max(...(await Promise.all(backMs)))).toBeLessThan(BACK_WITHIN_MS);
    await expect.poll(lagging, { timeout: 20_000 }).toBe(0);

    // Until each has compared a few states since.
    const hashes = guests.map((guest) => guest.hashesEqual);
    await expect
      .poll(() => guests.every((guest, i) => guest.hashesEqual >= hashes[i]! + 2), { timeout: 10_000 })
      .toBe(true);
    for (const guest of others) expectAllSnapshots(guest);
    for (const guest of slow) {
      expect(guest.problems).toEqual([]);
      expect(guest.keyframes).toHaveLength(2);
      expect(guest.gaps).toHaveLength(1);
      expect(guest.room.stats).toMatchObject({ keyframes: 2 + guest.welcomes, resyncs: 0 });
      // The one gap is where the second keyframe is, and as long as the client says.
      const [from, to] = guest.gaps[0]!.split(' to ').map(Number);
      expect(to).toBe(guest.keyframes[1]);
      expect(guest.room.stats.skipped).toBe((to! - from!) / 3 - 1);
    }
    expect(await server.metric('escapement_clients_too_slow_total')).toBe(0);
    await Promise.all(guests.map((guest) => guest.room.leave()));
  });

  it('messages reach a client that was slow, all and in order', async () => {
    const neighbour = await Guest.create(server.url, { counts: true });
    const guest = await Guest.join(server.url, neighbour.room.id);
    const counts: number[] = [];
    guest.room.onMessage('count', (count: number) => counts.push(count));
    guest.stopReading();
    await expect.poll(lagging, { timeout: 20_000 }).toBe(1);
    await sleep(500);
    const keyframe = guest.nextKeyframe();
    guest.goOnReading();
    await keyframe;
    const heard = counts.length;
    await expect.poll(() => counts.length, { timeout: 10_000 }).toBeGreaterThan(heard + 60);
    expect(counts).toEqual(Array.from(counts, (_, i) => counts[0]! + i));
    // More than four seconds of them: those of the time when it was sent no snapshots as well.
    expect(counts.length).toBeGreaterThan(4 * 60);
    expect(guest.problems).toEqual([]);
    expectAllSnapshots(neighbour);
    await Promise.all([guest.room.leave(), neighbour.room.leave()]);
  });

  it('a client that is behind and whose socket is full as well comes back with one keyframe, or two', async () => {
    const neighbour = await Guest.create(server.url);
    const guest = await Guest.join(server.url, neighbour.room.id);
    const numbers: number[] = [];
    guest.room.onMessage('fill', (bytes: Uint8Array) => numbers.push(bytes[0]!));
    guest.stopReading();
    const skipped = await server.metric('escapement_snapshots_skipped_total');
    // One of them is more than the soft limit and less than the hard one. Full is the socket long before the lag's limit.
    for (let number = 0; (await server.metric('escapement_snapshots_skipped_total')) === skipped; number += 1) {
      expect(number).toBeLessThan(250);
      guest.room.send('fill', { number, bytes: 128 * 1024 } satisfies Wish);
      await neighbour.nextSnapshot();
    }
    await expect.poll(lagging, { timeout: 20_000 }).toBe(1);
    const keyframe = guest.nextKeyframe();
    guest.goOnReading();
    await keyframe;
    const { hashesEqual } = guest;
    await expect.poll(() => guest.hashesEqual, { timeout: 10_000 }).toBeGreaterThan(hashesEqual + 2);
    // The socket has drained before the client says that it has read everything: either may bring it a keyframe.
    expect(guest.keyframes.length).toBeLessThanOrEqual(3);
    expect(guest.problems).toEqual([]);
    expect(guest.room.stats.resyncs).toBe(0);
    expect(numbers).toEqual(numbers.map((_, i) => i));
    expectAllSnapshots(neighbour);
    await Promise.all([guest.room.leave(), neighbour.room.leave()]);
  });

  it('messages beyond the hard limit: it is closed, and what came before has no hole', async () => {
    const neighbour = await Guest.create(server.url);
    const guest = await Guest.join(server.url, neighbour.room.id);
    const numbers: number[] = [];
    guest.room.onMessage('fill', (bytes: Uint8Array) => numbers.push(bytes[0]!));
    guest.stopReading();
    const closes = await server.metric('escapement_sockets_too_slow_total');
    let number = 0;
    // More of them than the buffers of a kernel hold, a hundred and twenty-eight kilobytes at a time.
    while ((await server.metric('escapement_sockets_too_slow_total')) === closes && number < 250) {
      guest.room.send('fill', { number, bytes: 128 * 1024 } satisfies Wish);
      number += 1;
      await neighbour.nextSnapshot();
    }
    guest.goOnReading();
    expect(await guest.left).toEqual({
      code: 1013,
      reason: 'too slow: the server had more unsent data for you than it keeps',
    });
    expect(numbers.length).toBeGreaterThan(2);
    expect(numbers).toEqual(numbers.map((_, i) => i));
    expect(guest.problems).toEqual([]);
    expectAllSnapshots(neighbour);
    await neighbour.room.leave();
  });

  it('a client that asks for keyframes without end gets four a second, and the others none', async () => {
    const neighbour = await Guest.create(server.url);
    const raw = await joinRaw(server, neighbour.room.id);
    const keyframes: number[] = [];
    let held = 0;
    while (keyframes.length < 12) {
      expect(reader.read((await raw.next())!)).toBe(0);
      if (reader.kind !== ServerFrameKind.Snapshot) continue;
      if (reader.snapshotKind === SnapshotKind.Keyframe) keyframes.push(reader.tick);
      else expect(reader.tick - reader.age).toBe(held);
      held = reader.tick;
      raw.send(encodePing(0, held));
      for (let i = 0; i < 5; i += 1) raw.send(encodeResync(held));
    }
    // The first came with the join, the second for the first wish.
    for (let i = 2; i < keyframes.length; i += 1) expect(keyframes[i]! - keyframes[i - 1]!).toBeGreaterThanOrEqual(15);
    raw.drop();
    expectAllSnapshots(neighbour);
    await neighbour.room.leave();
  });
});

describe('a room that has little patience', () => {
  const REASON = /^too slow: no snapshot acknowledged for 1[5-9]\d\d ms; expected one within 1500 ms, in an input or a ping$/;
  let server: ServerProcess;
  let roomId: string;
  let keeper: RawSocket;

  beforeAll(async () => {
    const limits = ['--lag-limit-ms', '500', '--ack-timeout-ms', '1500'];
    server = await ServerProcess.start({ args: ['--rooms', ROOMS_FOLDER, '--log-level', 'warn', ...limits] });
    // Keeps the room, and says that it has read what is sent years from now: nothing holds it to that but its socket.
    keeper = new RawSocket(server.url, frameOf(encodeJoin({ method: JoinMethod.Create, room: 'crowd' })));
    roomId = await roomIdOf(keeper);
    const timer = setInterval(() => keeper.send(encodePing(0, 2 ** 30)), 100);
    void keeper.ended.then(() => clearInterval(timer));
  });
  afterAll(async () => {
    keeper?.drop();
    await server?.stop();
  });

  it('a client that reads everything and acknowledges nothing is closed with 1013 and the reason', async () => {
    const raw = await joinRaw(server, roomId);
    expect(await raw.ended).toEqual({ code: 1013, reason: expect.stringMatching(REASON) });
    // It was sent half a second of snapshots after the keyframe of the room's first, and nothing after.
    const ticks = raw.received.flatMap((frame) => snapshotTick(frame));
    expect(ticks.at(-1)! - ticks[0]!).toBeLessThanOrEqual(32);
  });

  it('a client that always acknowledges the same is closed as well', async () => {
    const raw = await joinRaw(server, roomId);
    let first = 0;
    while (first === 0) [first = 0] = snapshotTick((await raw.next())!);
    const timer = setInterval(() => raw.send(encodePing(0, first)), 50);
    expect(await raw.ended).toEqual({ code: 1013, reason: expect.stringMatching(REASON) });
    clearInterval(timer);
  });

  it('a client that stopped reading finds the reason behind what it was sent before', async () => {
    const closes = await server.metric('escapement_clients_too_slow_total');
    const guest = await Guest.join(server.url, roomId);
    guest.stopReading();
    await expect.poll(() => server.metric('escapement_clients_too_slow_total'), { timeout: 10_000 }).toBe(closes + 1);
    expect(await server.metric('escapement_clients_lagging')).toBe(0);
    guest.goOnReading();
    expect(await guest.left).toEqual({ code: 1013, reason: expect.stringMatching(REASON) });
    expect(guest.problems).toEqual([]);
    expect(guest.gaps).toEqual([]);
  });

  it('a client that acknowledges only once a second is never closed, and always catches up', async () => {
    const raw = await joinRaw(server, roomId);
    const timer = setInterval(() => raw.send(encodePing(0, reader.tick)), 1000);
    let held = 0;
    for (let keyframes = 0; keyframes < 4; ) {
      const frame = await raw.next();
      expect(frame).not.toBeNull();
      const isSnapshot = snapshotTick(frame!).length > 0;
      if (!isSnapshot) continue;
      if (reader.snapshotKind === SnapshotKind.Keyframe) keyframes += 1;
      else expect(reader.tick - reader.age).toBe(held);
      held = reader.tick;
    }
    clearInterval(timer);
    raw.drop();
  });
});

/** The tick of a snapshot, or nothing for another frame. */
function snapshotTick(frame: Buffer): number[] {
  expect(reader.read(frame)).toBe(0);
  return reader.kind === ServerFrameKind.Snapshot ? [reader.tick] : [];
}

async function joinRaw(server: ServerProcess, roomId: string): Promise<RawSocket> {
  const raw = new RawSocket(server.url, frameOf(encodeJoin({ method: JoinMethod.JoinById, roomId })));
  await roomIdOf(raw);
  return raw;
}

/** Takes the answer to the join. */
async function roomIdOf(raw: RawSocket): Promise<string> {
  const frame = (await raw.next())!;
  expect(reader.read(frame)).toBe(0);
  expect(reader.kind).toBe(ServerFrameKind.Joined);
  return decodeJoined(frame).roomId;
}

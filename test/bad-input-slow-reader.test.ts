/**
 * A client that stops reading, but says that it has read everything, is known by what waits in its socket: it loses its own
 * snapshots and then its seat; the others of its room lose nothing. (slow-clients.test.ts has those that say nothing.)
 */
import { connect, type ClientRoom } from 'escapement/client';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { encodeClientMessage, encodeJoin, encodePing, JoinMethod } from '../src/protocol/client-frames.js';
import { encodePayload } from '../src/protocol/payload.js';
import { ServerFrameKind, ServerFrameReader, SnapshotKind } from '../src/protocol/server-frames.js';
import type Levers from './rooms/levers.js';
import { Bystanders } from './support/bystanders.js';
import { frameOf, RawSocket } from './support/raw-socket.js';
import { ServerProcess } from './support/server-process.js';
import { ROOMS_FOLDER } from './support/setup.js';

/** Twice the soft limit of a socket's buffer and half the hard one: the first that stays in it stops the snapshots. */
const FILL_BYTES = 128 * 1024;
/** More of them than all buffers between two sockets on one machine hold. */
const FILLS_MAX = 400;
/** A tick that the room is years away from: whoever claims to hold it has acknowledged all that it was sent. */
const FAR_TICK = 2 ** 30;
const LIE_INTERVAL_MS = 100;

let server: ServerProcess;
let bystanders: Bystanders;
/** Plays in the room of the slow client. */
let neighbour: ClientRoom<typeof Levers>;

beforeAll(async () => {
  server = await ServerProcess.start({ args: ['--rooms', ROOMS_FOLDER, '--log-level', 'warn'] });
  bystanders = await Bystanders.join(server);
});
beforeEach(async () => {
  neighbour = await connect(server.url).create<typeof Levers>('levers');
});
afterAll(async () => {
  await bystanders?.leave();
  await server?.stop();
});

/** Leaves, and expects that the neighbour has had every snapshot of the room, and everybody else what is theirs. */
async function expectOthersUnharmed(watched: Watched): Promise<void> {
  expect(watched.gaps).toEqual([]);
  expect(watched.ticks.length).toBeGreaterThan(2);
  expect(neighbour.stats.resyncs).toBe(0);
  await neighbour.leave();
  await bystanders.expectUnharmed();
}

/** The ticks of the neighbour's snapshots, and those that came more than one snapshot after the one before. */
interface Watched {
  readonly ticks: number[];
  readonly gaps: string[];
}

function watchNeighbour(): Watched {
  const watched: Watched = { ticks: [], gaps: [] };
  neighbour.onStateChange((_, tick) => {
    const last = watched.ticks.at(-1);
    // 20 snapshots a second of 60 ticks.
    if (last !== undefined && tick !== last + 3) watched.gaps.push(`${last} to ${tick}`);
    watched.ticks.push(tick);
  });
  return watched;
}

/** Resolves when the neighbour has had `count` more snapshots. */
function neighbourSees(count: number): Promise<void> {
  return new Promise((resolve) => {
    const stop = neighbour.onStateChange(() => {
      count -= 1;
      if (count > 0) return;
      stop();
      resolve();
    });
  });
}

async function joinSlow(): Promise<RawSocket> {
  const join = encodeJoin({ method: JoinMethod.JoinById, roomId: neighbour.id });
  const raw = new RawSocket(server.url, frameOf(join));
  const reader = new ServerFrameReader();
  do expect(reader.read((await raw.next())!)).toBe(0);
  while (reader.kind !== ServerFrameKind.Snapshot || reader.snapshotKind !== SnapshotKind.Delta);
  raw.stopReading();
  const timer = setInterval(() => raw.send(encodePing(0, FAR_TICK)), LIE_INTERVAL_MS);
  void raw.ended.then(() => clearInterval(timer));
  return raw;
}

function askForBytes(raw: RawSocket, bytes: number): void {
  raw.send(encodeClientMessage('fill', 0, encodePayload(bytes).bytes));
}

const skippedSnapshots = (): Promise<number> => server.metric('escapement_snapshots_skipped_total');

/** Has the server send to the client that doesn't read, until snapshots for it are skipped. */
async function fillBuffers(raw: RawSocket): Promise<void> {
  const before = await skippedSnapshots();
  for (let fill = 0; fill < FILLS_MAX; fill += 1) {
    askForBytes(raw, FILL_BYTES);
    // The room answers before its next snapshot, and what the neighbour has seen has been skipped for the slow one.
    await neighbourSees(2);
    if ((await skippedSnapshots()) > before) return;
  }
  throw new Error(`no snapshot skipped after ${FILLS_MAX} times ${FILL_BYTES} bytes`);
}

it('is skipped while it does not read, and gets one keyframe when it does', async () => {
  const raw = await joinSlow();
  const watched = watchNeighbour();
  await fillBuffers(raw);
  const skipped = await skippedSnapshots();
  await neighbourSees(20);
  expect(await skippedSnapshots()).toBeGreaterThanOrEqual(skipped + 19);

  raw.goOnReading();
  const reader = new ServerFrameReader();
  const seen: { tick: number; kind: SnapshotKind; baseline: number }[] = [];
  let isBack = false;
  // Up to the tenth delta behind the keyframe.
  for (let deltas = 0; deltas < 10; ) {
    expect(reader.read((await raw.next())!)).toBe(0);
    if (reader.kind !== ServerFrameKind.Snapshot) continue;
    seen.push({ tick: reader.tick, kind: reader.snapshotKind, baseline: reader.tick - reader.age });
    if (reader.snapshotKind === SnapshotKind.Keyframe) isBack = true;
    else if (isBack) deltas += 1;
  }
  const keyframe = seen.findIndex(({ kind }) => kind === SnapshotKind.Keyframe);
  // It has missed at least those twenty, and no delta but the next one in line was sent to it.
  expect(seen[keyframe]!.tick - seen[keyframe - 1]!.tick).toBeGreaterThan(20 * 3);
  seen.forEach(({ kind, baseline }, i) => {
    if (i === 0 || i === keyframe) return;
    expect({ kind, baseline }).toEqual({ kind: SnapshotKind.Delta, baseline: seen[i - 1]!.tick });
  });
  raw.drop();
  await expectOthersUnharmed(watched);
});

it('is closed with 1013 when more waits for it than the hard limit', async () => {
  const connections = await server.metric('escapement_connections');
  const raw = await joinSlow();
  const watched = watchNeighbour();
  await fillBuffers(raw);
  for (let i = 0; i < 4; i += 1) askForBytes(raw, FILL_BYTES);
  await expect.poll(() => server.metric('escapement_connections'), { timeout: 10_000 }).toBe(connections);
  raw.goOnReading();
  expect(await raw.ended).toEqual({
    code: 1013,
    reason: 'too slow: the server had more unsent data for you than it keeps',
  });
  await expectOthersUnharmed(watched);
});

it('is closed with 1013 when it has not read for five seconds', async () => {
  const connections = await server.metric('escapement_connections');
  const raw = await joinSlow();
  const watched = watchNeighbour();
  await fillBuffers(raw);
  await expect.poll(() => server.metric('escapement_connections'), { timeout: 20_000 }).toBe(connections);
  raw.goOnReading();
  expect(await raw.ended).toEqual({ code: 1013, reason: 'too slow: no snapshot could be sent for 5000 ms' });
  await expectOthersUnharmed(watched);
});

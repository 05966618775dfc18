/** The server hears soon, and not too often, what a client holds; the client counts what it was not sent. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { ClientRoom } from '../src/client/client-room.js';
import { connect } from '../src/client/node.js';
import { ClientFrameKind, ClientFrameReader } from '../src/protocol/client-frames.js';
import { ScriptedServer, type Peer } from './support/scripted-server.js';

let server: ScriptedServer;
let peer: Peer;
let room: ClientRoom;
let nowMs = 0;
/** Ticks that pings acknowledged, in order. */
let pinged: number[];

beforeEach(async () => {
  // The ping of every second goes by the machine's clock, which has no place in what is expected here.
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  server = await ScriptedServer.start();
  nowMs = 1000;
  pinged = [];
  const arriving = server.peer();
  const joining = connect(server.url, { now: () => nowMs }).join('arena');
  peer = await arriving;
  const reader = new ClientFrameReader();
  peer.socket.on('message', (data: Buffer) => {
    if (reader.read(new Uint8Array(data)) === 0 && reader.kind === ClientFrameKind.Ping) pinged.push(reader.ackTick);
  });
  await peer.next();
  peer.players.spawn({ name: 'Ann' });
  peer.join();
  peer.keyframe(30);
  room = await joining;
  await pingsAre([30]);
});
afterEach(async () => {
  vi.useRealTimers();
  await server.stop();
});

const pingsAre = (ticks: readonly number[]): Promise<void> => expect.poll(() => pinged, { timeout: 5000 }).toEqual(ticks);

/** Sends deltas, one for each tick, and resolves when the client has applied them. */
async function deltas(...ticks: readonly number[]): Promise<void> {
  const applied = new Promise<void>((resolve) => {
    const stop = room.onStateChange((_, tick) => {
      if (tick !== ticks.at(-1)) return;
      stop();
      resolve();
    });
  });
  let held = room.tick;
  for (const tick of ticks) {
    peer.delta(tick, tick - held);
    held = tick;
  }
  await applied;
}

/** Without waiting for anything but the client's next message. */
async function heard(): Promise<void> {
  room.input({});
  await peer.next();
}

test('a snapshot 250 ms after the last acknowledgement is acknowledged at once', async () => {
  nowMs += 249;
  await deltas(33);
  await heard();
  expect(pinged).toEqual([30]);
  nowMs += 250;
  await deltas(36);
  await heard();
  expect(pinged).toEqual([30, 36]);
});

test('an input is an acknowledgement too: who sends inputs sends no more than that', async () => {
  for (let tick = 33; tick < 333; tick += 3) {
    nowMs += 50;
    await deltas(tick);
    await heard();
  }
  expect(pinged).toEqual([30]);
});

test('the last of several snapshots that come at once is acknowledged without another', async () => {
  nowMs += 1000;
  await deltas(33, 36, 39, 42);
  expect(pinged.length).toBeLessThanOrEqual(2);
  nowMs += 250;
  await pingsAre([30, 33, 42]);
});

test('a minute of twenty snapshots a second takes four pings a second', async () => {
  for (let tick = 33; tick <= 30 + 60 * 60; tick += 3) {
    nowMs += 50;
    await deltas(tick);
  }
  await heard();
  expect(pinged.length).toBe(1 + 240);
});

test('snapshots that were skipped are counted when the keyframe behind them comes', async () => {
  expect(room.stats.skipped).toBe(0);
  await deltas(33, 36);
  const changed = (): Promise<void> => new Promise((resolve) => void room.onStateChange(() => resolve()));
  for (const [tick, skipped] of [[39, 0], [99, 19], [100, 19], [103, 19], [109, 20]] as const) {
    const applied = changed();
    peer.keyframe(tick);
    await applied;
    expect(room.stats.skipped).toBe(skipped);
  }
  expect(room.stats).toMatchObject({ snapshots: 8, keyframes: 6, resyncs: 0 });
});

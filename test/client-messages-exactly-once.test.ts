/**
 * Messages arrive once each and in order, both ways, wherever connections are lost. Every parcel on every wire is carried by
 * the test, which cuts wires at random moments: before, between and after a message is taken and the sender hears of it. A
 * seed replays its run.
 */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { ClientRoom } from '../src/client/client-room.js';
import { connect } from '../src/client/index.js';
import { OUTBOX_BYTES_MAX, OUTBOX_MESSAGES_MAX } from '../src/client/message-outbox.js';
import {
  ClientFrameKind,
  ClientFrameReader,
  decodeClientMessage,
  decodeResume,
  type ResumeFrame,
} from '../src/protocol/client-frames.js';
import { decodePayload, encodePayload } from '../src/protocol/payload.js';
import { encodeJoined, encodePong, encodeRefused, encodeServerMessage } from '../src/protocol/server-frames.js';
import { MemoryNetwork, type Wire } from './support/memory-network.js';
import { JOINED, Peer } from './support/scripted-server.js';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

const passed = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);

/** One session as a server keeps it: what it took, and what it hasn't been told was received. */
class SessionModel {
  /** Payloads of the messages taken. */
  readonly taken: unknown[] = [];
  /** Kept messages; the first is the one after `receivedCount` of the client. */
  readonly kept: Uint8Array[] = [];
  private receivedCount = 0;
  private tokens = ['t0'];
  private tokenCount = 0;
  private wire: Wire | undefined;
  private readonly world = new Peer({ on() {} } as never);
  private tick = 30;

  /** A wire that a client has opened. */
  accept(wire: Wire): void {
    const reader = new ClientFrameReader();
    wire.server.on('message', (data: Buffer) => {
      const bytes = new Uint8Array(data);
      expect(reader.read(bytes)).toBe(0);
      if (reader.kind === ClientFrameKind.Join) this.join(wire);
      else if (reader.kind === ClientFrameKind.Resume) this.resume(wire, decodeResume(bytes));
      else if (wire === this.wire) this.take(bytes, reader);
    });
  }

  send(payload: unknown): void {
    const { encoding, bytes } = encodePayload(payload);
    const frame = encodeServerMessage('news', encoding, bytes);
    this.kept.push(frame);
    this.wire?.server.send(frame);
  }

  private take(bytes: Uint8Array, reader: ClientFrameReader): void {
    this.tokens = this.tokens.slice(-1); // what was sent after the answer shows that the answer came
    if (reader.kind === ClientFrameKind.Message) {
      const { encoding, payload } = decodeClientMessage(bytes);
      this.taken.push(decodePayload(encoding, payload));
    } else if (reader.kind === ClientFrameKind.Ping) {
      this.forget(reader.received);
      this.wire!.server.send(encodePong(reader.timeMs, 0, this.taken.length));
    }
  }

  private join(wire: Wire): void {
    this.wire = wire;
    wire.server.send(encodeJoined({ ...JOINED, resumeToken: 't0' }));
    wire.server.send(this.world.frame(true, this.tick, 0));
  }

  private resume(wire: Wire, { token, received, anew }: ResumeFrame): void {
    if (!this.tokens.includes(token)) {
      wire.server.send(encodeRefused(4401, `token ${token}; expected ${this.tokens.join(' or ')}`));
      return;
    }
    this.tokenCount += 1;
    this.tokens = [token, `t${this.tokenCount}`];
    this.wire?.server.close(4000, 'taken over by a newer connection');
    this.wire = wire;
    if (anew) this.receivedCount = 0;
    else this.forget(received);
    const answer = { resumed: true, resumeToken: this.tokens[1]!, received: this.taken.length, inputSeq: 7 };
    wire.server.send(encodeJoined({ ...JOINED, ...answer }));
    for (const frame of this.kept) wire.server.send(frame);
    this.tick += 3;
    wire.server.send(this.world.frame(true, this.tick, 0));
  }

  private forget(received: number): void {
    const count = received - this.receivedCount;
    expect(count).toBeGreaterThanOrEqual(0);
    expect(count).toBeLessThanOrEqual(this.kept.length);
    this.kept.splice(0, count);
    this.receivedCount = received;
  }
}

/** A small generator of its own, so that a seed means the same everywhere (mulberry32). */
function chanceOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

class Run {
  readonly network = new MemoryNetwork();
  readonly session = new SessionModel();
  readonly got: unknown[] = [];
  readonly errors: Error[] = [];
  room!: ClientRoom;
  clientSent = 0;
  serverSent = 0;
  drops = 0;
  resumptions = 0;
  private readonly chance: () => number;

  constructor(seed: number) {
    this.chance = chanceOf(seed);
    this.network.isManual = true;
    this.network.connected = (wire) => this.session.accept(wire);
  }

  async join(): Promise<void> {
    const { network, chance } = this;
    const joining = connect('ws://x', { WebSocket: network.WebSocket, random: chance }).join('arena');
    let isDone = false;
    void joining.finally(() => (isDone = true));
    while (!isDone) await this.carryAll();
    this.room = await joining;
    this.room.onMessage('news', (payload) => this.got.push(payload));
    this.room.onDrop(() => (this.drops += 1));
    this.room.onTokenChange(() => (this.resumptions += 1));
    this.room.onError((error) => this.errors.push(error));
    this.room.onLeave((code, reason) => this.errors.push(new Error(`left with ${code} ${reason}`)));
    await passed(0);
  }

  async step(): Promise<void> {
    const dice = this.chance();
    if (dice < 0.15) this.clientSays();
    else if (dice < 0.3) this.session.send((this.serverSent += 1));
    else if (dice < 0.85) for (let i = 0; i < 6; i += 1) this.carryOne();
    else if (dice < 0.87) this.cut();
    else await passed([20, 150, 1100][Math.floor(this.chance() * 3)]!);
    await passed(0);
  }

  /** No more faults: what is under way arrives. */
  async settle(): Promise<void> {
    for (let round = 0; round < 60; round += 1) {
      await this.carryAll();
      await passed(250);
    }
  }

  private clientSays(): void {
    this.clientSent += 1;
    expect(this.room.send('say', this.clientSent)).toBe(true);
  }

  /** Any wire, old ones too: what is on them may arrive as late as it likes. */
  private carryOne(): void {
    const { wires } = this.network;
    const wire = wires[Math.max(0, wires.length - 1 - Math.floor(this.chance() ** 3 * 3))]!;
    wire.carry(this.chance() < 0.5 ? 'up' : 'down');
  }

  private async carryAll(): Promise<void> {
    for (const wire of this.network.wires) while (wire.carry('up') || wire.carry('down'));
    await passed(0);
  }

  /** The newest wire is lost: for the client at once, with what was under way to it, or without its noticing. */
  private cut(): void {
    const wire = this.network.wires.at(-1)!;
    if (this.chance() < 0.5) wire.lose('up'); // else the server gets it yet, however late
    if (this.chance() < 0.7) wire.server.terminate();
    else wire.lose('down');
  }
}

describe('every message once and in order, both ways', () => {
  test.each(Array.from({ length: 40 }, (_, i) => i + 1))('seed %i', async (seed) => {
    const run = new Run(seed);
    await run.join();
    for (let i = 0; i < 1500; i += 1) await run.step();
    await run.settle();
    expect(run.errors).toEqual([]);
    const countTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i + 1);
    expect(run.session.taken).toEqual(countTo(run.clientSent));
    expect(run.got).toEqual(countTo(run.serverSent));
    expect(run.session.kept).toEqual([]);
    expect(run.clientSent).toBeGreaterThan(100);
    expect(run.drops).toBeGreaterThan(3);
    expect(run.resumptions).toBeGreaterThan(run.drops - 1);
    expect(run.room.isConnected).toBe(true);
  });
});

/** A run without faults, whose wires carry by themselves. */
async function calm(): Promise<Run> {
  const run = new Run(1);
  run.network.isManual = false;
  const joining = run.join();
  await passed(0);
  await joining;
  return run;
}

test('a message that was taken just before the loss is not sent again', async () => {
  const run = await calm();
  run.room.send('say', 'once');
  await passed(0);
  expect(run.session.taken).toEqual(['once']);
  run.network.wires[0]!.server.terminate(); // no pong has said so
  await passed(0);
  expect(run.room.send('say', 'meanwhile')).toBe(true);
  await passed(1000);
  expect(run.room.isConnected).toBe(true);
  expect(run.session.taken).toEqual(['once', 'meanwhile']);
});

test('a page loaded anew goes on with the session: kept messages, numbers of inputs, and its own count', async () => {
  const run = await calm();
  run.room.send('say', 1);
  run.session.send('heard');
  await passed(1000);
  const token = run.room.reconnectionToken;
  run.network.wires[0]!.isSilent = true;
  run.session.send('missed');
  const client = connect('ws://x', { WebSocket: run.network.WebSocket });
  const got: unknown[] = [];
  const reconnecting = client.reconnect(token).then((back) => {
    back.onMessage('*', (_, payload) => got.push(payload));
    return back;
  });
  await passed(0);
  const room = await reconnecting;
  expect(got).toEqual(['missed']);
  expect([room.id, room.sessionId, room.ackedInput, room.tick]).toEqual(['r1', 's1', 7, 33]);
  expect(room.reconnectionToken).not.toBe(token);
  expect(room.input({})).toBe(8);
  room.send('say', 2);
  await passed(2000);
  expect(run.session.kept).toEqual([]);
  // It resumes by itself as any other.
  run.network.wires.at(-1)!.server.terminate();
  room.send('say', 3);
  await passed(1000);
  expect(run.session.taken).toEqual([1, 2, 3]);
  expect(room.stats.reconnects).toBe(1);
});

test('what waits is sent at a rate that servers allow, and what is said meanwhile waits behind it', async () => {
  const run = await calm();
  run.network.mode = 'refuse';
  run.network.wires[0]!.server.terminate();
  await passed(0);
  for (let i = 1; i <= 300; i += 1) run.room.send('say', i);
  run.network.mode = 'open';
  while (!run.room.isConnected) await passed(10);
  const { tickRate } = run.room;
  expect(run.session.taken.length).toBeLessThanOrEqual(tickRate);
  expect(run.session.taken.length).toBeGreaterThan(tickRate / 2);
  run.room.send('say', 301);
  const before = run.session.taken.length;
  await passed(1000);
  expect(run.session.taken.length - before).toBeLessThanOrEqual(tickRate + 1);
  expect(run.session.taken.length - before).toBeGreaterThan(tickRate / 2);
  await passed(5000);
  expect(run.session.taken).toEqual(Array.from({ length: 301 }, (_, i) => i + 1));
});

test.each([
  ['messages', 'x', OUTBOX_MESSAGES_MAX],
  ['bytes', 'x'.repeat(4000), Math.floor(OUTBOX_BYTES_MAX / 4064)],
])('too many %s that wait are refused, and said to be', async (_, text, count) => {
  const run = await calm();
  run.network.mode = 'refuse';
  run.network.wires[0]!.server.terminate();
  await passed(0);
  let sent = 0;
  while (sent < 2000 && run.room.send('say', text)) sent += 1;
  expect(Math.abs(sent - count)).toBeLessThanOrEqual(count / 100);
  expect(run.errors).toMatchObject([{ name: 'OutboxFullError', code: 'ERR_ESCAPEMENT_OUTBOX' }]);
  expect(run.errors[0]!.message).toContain('1024 messages, or 1048576 bytes');
  run.network.mode = 'open';
  await passed(600_000);
  expect(run.session.taken.length).toBe(sent);
});

/** Inputs and messages that only a modified client sends: refused or ignored; state stays finite. */
import { connect, type ClientRoom } from 'escapement/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  encodeClientMessage,
  encodeJoin,
  encodePing,
  encodeResync,
  InputFrameWriter,
  JoinMethod,
} from '../src/protocol/client-frames.js';
import { decodePayload, encodePayload, PAYLOAD_DEPTH_MAX } from '../src/protocol/payload.js';
import {
  decodeRejected,
  decodeServerMessage,
  ServerFrameKind,
  ServerFrameReader,
  SnapshotKind,
  type RejectedFrame,
} from '../src/protocol/server-frames.js';
import { SeededRandom } from './corpus/seeded-random.js';
import type Levers from './rooms/levers.js';
import type { LeverValues, Readings } from './rooms/levers.js';
import { Bystanders } from './support/bystanders.js';
import { frameOf, RawSocket } from './support/raw-socket.js';
import { ServerProcess } from './support/server-process.js';
import { ROOMS_FOLDER } from './support/setup.js';

const SEED = 20_260_204;
/**
 * Larger than the defaults, so that it can be seen what a room does with a flood: 64 x 60 messages a second, and twice
 * that at once. The longest burst here are 5,000 inputs.
 */
const LIMITS = { messagesPerTickMax: 64, bytesPerSecMax: 1024 * 1024 };
/** Bytes of the packed record of the levers room, and where its fields begin that bytes can be wrong for. */
const RECORD_BYTES = 29;
const REAL_AT = 14;
const PULL_AT = 18;
const REACH_AT = 19;
const DEPTH_AT = 21;
const TURN_AT = 25;
const BEARING_AT = 26;
const HELD_AT = 28;

/** Least and greatest value of every field of the levers room. */
const RANGES: Readonly<Record<keyof LeverValues, readonly [number, number]>> = {
  i8: [-128, 127],
  u8: [0, 255],
  i16: [-32_768, 32_767],
  u16: [0, 65_535],
  i32: [-(2 ** 31), 2 ** 31 - 1],
  u32: [0, 2 ** 32 - 1],
  real: [-3.5e38, 3.5e38],
  pull: [-1, 1],
  reach: [-1000, 1000],
  depth: [0, 1_000_000],
  turn: [0, 2 * Math.PI],
  bearing: [0, 2 * Math.PI],
  held: [0, 1],
};

let server: ServerProcess;
let bystanders: Bystanders;
/** Shares the levers room with the attacker, and compares each of its snapshots with the room's own hash. */
let witness: ClientRoom<typeof Levers>;
let compared = 0;
const differences: string[] = [];

beforeAll(async () => {
  const rooms = Object.fromEntries(['drift', 'levers', 'probe'].map((name) => [name, `${ROOMS_FOLDER}${name}.js`]));
  server = await ServerProcess.startEmbedded({ rooms, logLevel: 'warn', reconnectGrace: 0, ...LIMITS });
  bystanders = await Bystanders.join(server);
  witness = await connect(server.url).create<typeof Levers>('levers');
  const firstTick = witness.tick;
  witness.onMessage('hash', ({ tick, hash }: { tick: number; hash: number }) => {
    if (tick < firstTick) return;
    compared += 1;
    if (tick !== witness.tick || hash !== witness.stateHash()) differences.push(`tick ${tick}`);
  });
  witness.onError((error) => differences.push(String(error)));
});
afterAll(async () => {
  await bystanders?.leave();
  await server?.stop();
});

const reader = new ServerFrameReader();

/** A seat of the witness's room, over a raw socket. */
class Attacker {
  private readonly writer = new InputFrameWriter(RECORD_BYTES);
  seq = 0;
  /** Low 16 bits of the last input the room has processed, as of the newest snapshot. */
  acked = 0;
  /** Of the newest snapshot looked at: what its inputs say it holds. */
  tick = 0;
  keyframes = 0;
  readonly rejections: RejectedFrame[] = [];

  private constructor(readonly raw: RawSocket) {}

  static async join(): Promise<Attacker> {
    const raw = new RawSocket(server.url, frameOf(encodeJoin({ method: JoinMethod.JoinById, roomId: witness.id })));
    const attacker = new Attacker(raw);
    expect(reader.read((await raw.next())!)).toBe(0);
    expect(reader.kind).toBe(ServerFrameKind.Joined);
    return attacker;
  }

  input(record: Uint8Array, seq = (this.seq += 1), ackTick = this.tick): void {
    this.writer.frame.set(record, this.writer.bodyOffset);
    this.raw.send(this.writer.write(seq, ackTick));
  }

  say(type: string, payload: unknown): void {
    const { encoding, bytes } = encodePayload(payload);
    this.raw.send(encodeClientMessage(type, encoding, bytes));
  }

  /** The next message of this type; snapshots that come before it are looked at. */
  async hear(type: string): Promise<unknown> {
    for (let frame = await this.raw.next(); frame !== null; frame = await this.raw.next()) {
      this.look(frame);
      if (reader.kind !== ServerFrameKind.Message) continue;
      const message = decodeServerMessage(frame);
      if (message.type === type) return decodePayload(message.encoding, message.payload);
    }
    throw new Error(`closed instead of ${type}: ${JSON.stringify(await this.raw.ended)}`);
  }

  /** Resolves at the next snapshot that satisfies. */
  async until(satisfied: () => boolean): Promise<void> {
    while (!satisfied()) this.look((await this.raw.next())!);
  }

  /** What the room has read since the last time, in order. */
  async readings(): Promise<Readings> {
    this.say('read', null);
    return (await this.hear('read')) as Readings;
  }

  private look(frame: Buffer): void {
    expect(reader.read(frame)).toBe(0);
    if (reader.kind === ServerFrameKind.Rejected) this.rejections.push(decodeRejected(frame));
    if (reader.kind !== ServerFrameKind.Snapshot) return;
    this.tick = reader.tick;
    this.acked = reader.ack;
    if (reader.snapshotKind === SnapshotKind.Keyframe) this.keyframes += 1;
  }
}

function expectInRange(values: LeverValues): void {
  for (const [name, [least, greatest]] of Object.entries(RANGES)) {
    const value = Number(values[name as keyof LeverValues]);
    expect(Number.isFinite(value), name).toBe(true);
    expect(value, name).toBeGreaterThanOrEqual(least);
    expect(value, name).toBeLessThanOrEqual(greatest);
  }
}

/** Sends records and expects that the room has read none of them; the client is told of this field. */
async function expectRefused(attacker: Attacker, field: string, reason: RegExp, ...records: Uint8Array[]): Promise<void> {
  const rejected = await server.metric('escapement_inputs_rejected_total');
  for (const record of records) attacker.input(record);
  expect((await attacker.readings()).values).toEqual([]);
  expect(await server.metric('escapement_inputs_rejected_total')).toBe(rejected + records.length);
  // Once in a second at most, however many there are.
  expect(attacker.rejections.length).toBeGreaterThan(0);
  expect(attacker.rejections.length).toBeLessThan(5);
  expect(attacker.rejections[0]).toEqual({ type: '', field, reason: expect.stringMatching(reason) });
}

/** Sends records and expects that the room has read each, with every value finite and in its range. */
async function expectRead(attacker: Attacker, records: readonly Uint8Array[]): Promise<LeverValues[]> {
  for (const record of records) attacker.input(record);
  const { values, notFinite } = await attacker.readings();
  expect(notFinite).toEqual([]);
  expect(values.length).toBe(records.length);
  for (const each of values) expectInRange(each);
  expect(attacker.rejections).toEqual([]);
  return [...values];
}

function realRecord(bits: number): Uint8Array {
  const record = new Uint8Array(RECORD_BYTES);
  new DataView(record.buffer).setUint32(REAL_AT, bits, true);
  return record;
}

function recordWith(at: number, ...bytes: number[]): Uint8Array {
  const record = new Uint8Array(RECORD_BYTES);
  record.set(bytes, at);
  return record;
}

/** Every snapshot that the witness has had so far equals the room's, one more has come, and its values are in range. */
async function expectWitnessAgrees(): Promise<void> {
  const before = compared;
  await expect.poll(() => compared, { timeout: 10_000 }).toBeGreaterThan(before + 1);
  expect(differences).toEqual([]);
  for (const board of witness.state.boards) expectInRange(board as LeverValues);
}

describe('inputs', () => {
  it('at the ends of every field’s range are read', async () => {
    const attacker = await Attacker.join();
    const most = new Uint8Array(RECORD_BYTES).fill(0xff);
    const view = new DataView(most.buffer);
    view.setUint32(REAL_AT, 0x7f7fffff, true);
    most[PULL_AT] = 200;
    view.setUint16(REACH_AT, 8000, true);
    view.setUint32(DEPTH_AT, 1_000_000_000, true);
    most[TURN_AT] = 31;
    view.setUint16(BEARING_AT, 4095, true);
    most[HELD_AT] = 1;
    const bits = [0xff7fffff, 0x00000001].map(realRecord);
    const [zeros, ends, least, denormal] = await expectRead(attacker, [new Uint8Array(RECORD_BYTES), most, ...bits]);
    expect(zeros).toMatchObject({ i8: 0, u32: 0, real: 0, pull: -1, reach: -1000, depth: 0, turn: 0, held: false });
    expect(ends).toMatchObject({ i8: -1, u8: 255, u32: 2 ** 32 - 1, pull: 1, reach: 1000, held: true });
    expect(ends!.depth).toBeCloseTo(1_000_000);
    const greatest = (2 - 2 ** -23) * 2 ** 127;
    expect([ends!.real, least!.real, denormal!.real]).toEqual([greatest, -greatest, 2 ** -149]);
    await expectWitnessAgrees();
    attacker.raw.drop();
  });

  it.each<[field: string, reason: RegExp, ...records: Uint8Array[]]>([
    ['pull', /^1\.01; expected -1 to 1$/, recordWith(PULL_AT, 201), recordWith(PULL_AT, 255)],
    ['reach', /^1000\.25; expected -1000 to 1000$/, recordWith(REACH_AT, 0x41, 0x1f), recordWith(REACH_AT, 0xff, 0xff)],
    ['depth', /; expected 0 to 1000000$/, recordWith(DEPTH_AT, 1, 0xca, 0x9a, 0x3b), recordWith(DEPTH_AT, 255, 255, 255, 255)],
    ['turn', /; expected 0 to 6\.0/, recordWith(TURN_AT, 32), recordWith(TURN_AT, 0xff)],
    ['bearing', /; expected 0 to 6\.2/, recordWith(BEARING_AT, 0, 0x10), recordWith(BEARING_AT, 0xff, 0xff)],
    ['held', /^2; expected 0 or 1$/, recordWith(HELD_AT, 2), recordWith(HELD_AT, 0xff)],
    ['reach', /expected -1000 to 1000/, ...[0x7f, 0x55].map((byte) => new Uint8Array(RECORD_BYTES).fill(byte))],
  ])('with %s out of its range are refused, and the client told why', async (field, reason, ...records) => {
    const attacker = await Attacker.join();
    await expectRefused(attacker, field, reason, ...records);
    // And it goes on.
    attacker.rejections.length = 0;
    await expectRead(attacker, [new Uint8Array(RECORD_BYTES)]);
    await expectWitnessAgrees();
    attacker.raw.drop();
  });

  it('with NaN and infinities are refused', async () => {
    const attacker = await Attacker.join();
    const notFinite = [0x7fc00000, 0xffc00000, 0x7f800001, 0xffffffff, 0x7fffffff, 0x7f800000, 0xff800000];
    await expectRefused(attacker, 'real', /^NaN; expected a finite number$/, ...notFinite.map(realRecord));
    await expectWitnessAgrees();
    attacker.raw.drop();
  });

  it('of random bytes are refused, of which hardly any could pass', async () => {
    const attacker = await Attacker.join();
    const random = new SeededRandom(SEED);
    const records = Array.from({ length: 1000 }, () => random.bytes(RECORD_BYTES));
    await expectRefused(attacker, expect.any(String), /; expected /, ...records);
    await expectWitnessAgrees();
    attacker.raw.drop();
  });

  it.each([0, 1, RECORD_BYTES - 1, RECORD_BYTES + 1, 3000])('of %i bytes: 4400', async (bytes) => {
    const attacker = await Attacker.join();
    attacker.raw.send(new InputFrameWriter(bytes).write(1, 1));
    expect(await attacker.raw.ended).toEqual({
      code: 4400,
      reason: `input of ${bytes} bytes; expected ${RECORD_BYTES}`,
    });
  });

  it('out of order, repeated, or too far ahead are dropped and counted', async () => {
    const attacker = await Attacker.join();
    const dropped = await server.metric('escapement_inputs_dropped_total');
    const send = (value: number, seq: number): void => {
      const record = new Uint8Array(RECORD_BYTES);
      record[1] = value;
      attacker.input(record, seq);
    };
    const taken: number[] = [];
    [
      [0, 'dropped'], // the first is 1
      [1, 'taken'],
      [1, 'dropped'],
      [3, 'taken'],
      [2, 'dropped'],
      [3 + 0x8000, 'dropped'], // one further than a 16-bit acknowledgement can tell apart
      [3 + 0x7fff, 'taken'],
      [3, 'dropped'],
      [0, 'dropped'],
      [2 ** 32 - 1, 'dropped'],
      [2 ** 31, 'dropped'],
      [4 + 0x7fff, 'taken'],
    ].forEach(([seq, fate], i) => {
      send(i, seq as number);
      if (fate === 'taken') taken.push(i);
    });
    const { values } = await attacker.readings();
    expect(values.map(({ u8 }) => u8)).toEqual(taken);
    expect((await server.metric('escapement_inputs_dropped_total')) - dropped).toBe(12 - taken.length);
    await attacker.until(() => attacker.acked === 4 + 0x7fff);
    attacker.raw.drop();
  });

  it('more than a room keeps between ticks: the newest are read', async () => {
    const attacker = await Attacker.join();
    const frames: Buffer[] = [];
    const writer = new InputFrameWriter(RECORD_BYTES);
    for (let seq = 1; seq <= 5000; seq += 1) {
      new DataView(writer.frame.buffer).setUint16(writer.bodyOffset + 4, seq, true);
      frames.push(frameOf(writer.write(seq, 1)));
    }
    attacker.raw.write(Buffer.concat(frames));
    await attacker.until(() => attacker.acked === 5000);
    const { values } = await attacker.readings();
    const read = values.map(({ u16 }) => u16 as number);
    expect(read.at(-1)).toBe(5000);
    expect(read).toEqual([...read].sort((a, b) => a - b));
    attacker.raw.drop();
  });

  it('that claim to hold ticks of the future, or of never, change nothing', async () => {
    const attacker = await Attacker.join();
    for (const ackTick of [0, 1, 2 ** 31, 2 ** 32 - 1]) {
      attacker.input(new Uint8Array(RECORD_BYTES), undefined, ackTick);
      attacker.raw.send(encodePing(-1e308, ackTick));
      attacker.raw.send(encodeResync(ackTick));
    }
    expect((await attacker.readings()).values.length).toBe(4);
    await expectWitnessAgrees();
    attacker.raw.drop();
  });

  it('with a thousand resyncs between cost one keyframe a snapshot at most', async () => {
    const attacker = await Attacker.join();
    await attacker.until(() => attacker.keyframes === 1);
    const keyframes = await server.metric('escapement_keyframes_total');
    attacker.raw.write(Buffer.concat(new Array<Buffer>(1000).fill(frameOf(encodeResync(0)))));
    await attacker.until(() => attacker.keyframes === 2);
    // The thousand may have fallen into two passes of the shard, and other rooms owe no keyframes.
    expect((await server.metric('escapement_keyframes_total')) - keyframes).toBeLessThanOrEqual(4);
    await expectWitnessAgrees();
    attacker.raw.drop();
  });
});

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const noHandler = (type: string): string => `the room has no handler for messages of type ${type}`;

describe('messages', () => {
  it.each([
    ['an empty type', '', noHandler('')],
    ['an unknown type', 'jump', noHandler('jump')],
    ['another case', 'READ', noHandler('READ')],
    ['*', '*', noHandler('*')],
    ['__proto__', '__proto__', noHandler('__proto__')],
    ['constructor', 'constructor', noHandler('constructor')],
    ['hasOwnProperty', 'hasOwnProperty', noHandler('hasOwnProperty')],
    ['a type that goes on after a NUL', 'read\0', noHandler('read\0')],
    ['a byte order mark', '\ufeffread', noHandler('\ufeffread')],
    ['3 kB of type', 'x'.repeat(3000), noHandler('x'.repeat(32))],
    ['a character at the cut', `${'x'.repeat(31)}😀`, expect.stringContaining(noHandler('x'.repeat(31)))],
  ])('%s: 4400', async (_, type, reason) => {
    const attacker = await Attacker.join();
    attacker.say(type, 1);
    expect(await attacker.raw.ended).toEqual({ code: 4400, reason });
  });

  it('a type of 10 kB: 1009', async () => {
    const attacker = await Attacker.join();
    attacker.say('x'.repeat(10_000), 1);
    expect(await attacker.raw.ended).toMatchObject({ code: 1009 });
  });

  it.each([
    ['no JSON', bytes('{'), /not JSON/],
    ['not UTF-8', Uint8Array.of(0x22, 0xff, 0x22), /not UTF-8/],
    ['__proto__', bytes('{"__proto__":{"polluted":1}}'), /__proto__/],
    ['constructor', bytes('[{"constructor":1}]'), /constructor/],
    ['deep nesting', bytes('['.repeat(PAYLOAD_DEPTH_MAX + 1) + ']'.repeat(PAYLOAD_DEPTH_MAX + 1)), /deeper than 32/],
    ['4 kB of nesting', bytes('['.repeat(2000) + ']'.repeat(2000)), /deeper than 32/],
    ['an infinite number', bytes('-1e400'), /too great/],
  ])('a payload with %s: 4400', async (_, payload, words) => {
    const attacker = await Attacker.join();
    attacker.raw.send(encodeClientMessage('read', 0, payload));
    const { code, reason } = await attacker.raw.ended;
    expect(code).toBe(4400);
    expect(reason).toMatch(/^message payload: /);
    expect(reason).toMatch(words);
  });
});

it('after all that nobody else has noticed anything', async () => {
  expect(differences).toEqual([]);
  await witness.leave();
  await bystanders.expectUnharmed();
  expect(await server.metric('escapement_hook_errors_total')).toBe(0);
  expect(await server.metric('escapement_ring_drops_total')).toBe(0);
  expect(await server.metric('escapement_frames_over_rate_total')).toBe(0);
});

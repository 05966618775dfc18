/**
 * The format in schemas/ is enough to write a client from: a decoder in Python, written from nothing else, reads what real
 * clients received and holds the state that they hold, at every tick.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { WebSocket } from 'ws';
import { connect, type ClientRoom, type ConnectOptions } from 'escapement/client';
import { encodeResync } from '../src/protocol/client-frames.js';
import { ServerFrameKind, ServerFrameReader } from '../src/protocol/server-frames.js';
import type { HashMessage } from './rooms/drift.js';
import type Menagerie from './rooms/menagerie.js';
import type Safari from './rooms/safari.js';
import { REPOSITORY, ServerProcess } from './support/server-process.js';
import { ROOMS_FOLDER } from './support/setup.js';

const DECODER_FOLDER = path.join(REPOSITORY, 'test/second-decoder');
const RECORDINGS_FOLDER = path.join(REPOSITORY, 'test/.tmp/recordings');
/** What decode.py says when it exits with 1. A traceback is none of it. */
const VERDICT = /^(malformed|mismatch): frame \d+: .+\n$/;

/** What decode.py prints. */
interface Summary {
  readonly frames: number;
  readonly bytes: number;
  readonly body_bytes: number;
  readonly keyframes: number;
  readonly deltas: number;
  readonly ignored: number;
  readonly hashes: number;
  readonly rows: number;
  readonly elements: Readonly<Record<'layout' | 'delta' | 'laid_delta' | 'keyframe' | 'drop', number>>;
  readonly counts: Readonly<Record<'arrived' | 'departed' | 'kept' | 'keyframe_rows' | 'motions' | 'texts', number>>;
}

const RecordKind = { Frame: 0, ExpectedHash: 1 } as const;
const RECORD_HEAD_BYTES = 5;

/** A connection as decode.py reads it: every message of the server's, and what the state was after those that changed it. */
class Recording {
  readonly records: { kind: number; payload: Buffer }[] = [];
  hashes = 0;
  socket: WebSocket | undefined;
  /** The client's state is not the room's. */
  readonly problems: string[] = [];

  /** A WebSocket whose messages are recorded before anybody else sees them. */
  tap(): NonNullable<ConnectOptions['WebSocket']> {
    const recording = this;
    return class TappedWebSocket extends WebSocket {
      constructor(url: string | URL, protocols?: string | string[]) {
        super(url, protocols, { perMessageDeflate: false });
        recording.socket = this;
        this.addEventListener('message', ({ data }) => {
          recording.records.push({ kind: RecordKind.Frame, payload: Buffer.from((data as unknown as ArrayBuffer).slice(0)) });
        });
      }
    };
  }

  /** Records the hash after each snapshot from now on, and that of the newest one if it is the newest message. */
  follow(room: ClientRoom<any>): void {
    if (this.newestTick() === room.tick) this.expectHash(room);
    room.onStateChange(() => this.expectHash(room));
    room.onError((error) => this.problems.push(String(error)));
  }

  bytes(): Buffer {
    return Buffer.concat(
      this.records.flatMap(({ kind, payload }) => {
        const head = Buffer.alloc(RECORD_HEAD_BYTES);
        head.writeUInt8(kind, 0);
        head.writeUInt32LE(payload.length, 1);
        return [head, payload];
      }),
    );
  }

  /** The same with one bit of a record turned over. */
  bytesWithFlip(record: number, bit: number): Buffer {
    const { payload } = this.records[record]!;
    payload[bit >> 3]! ^= 1 << (bit & 7);
    const bytes = this.bytes();
    payload[bit >> 3]! ^= 1 << (bit & 7);
    return bytes;
  }

  /** Where the bodies of snapshots are: record, and bits of its payload. */
  bodies(): { record: number; start: number; end: number }[] {
    const reader = new ServerFrameReader();
    return this.records.flatMap(({ kind, payload }, record) => {
      if (kind !== RecordKind.Frame || reader.read(payload) !== 0 || reader.kind !== ServerFrameKind.Snapshot) return [];
      return [{ record, start: 8 * reader.bodyOffset, end: 8 * (reader.bodyOffset + reader.bodyLength) }];
    });
  }

  private expectHash(room: ClientRoom): void {
    const payload = Buffer.alloc(8);
    payload.writeUInt32LE(room.tick, 0);
    payload.writeUInt32LE(room.stateHash(), 4);
    this.records.push({ kind: RecordKind.ExpectedHash, payload });
    this.hashes += 1;
  }

  private newestTick(): number {
    const reader = new ServerFrameReader();
    return reader.read(this.records.at(-1)!.payload) === 0 && reader.kind === ServerFrameKind.Snapshot ? reader.tick : -1;
  }
}

interface Verdict {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program of the decoder's folder. -B: it leaves no compiled files there. */
function python(program: string, ...args: string[]): Verdict {
  const command = ['-B', path.join(DECODER_FOLDER, program), ...args];
  return spawnSync(inject('python'), command, { encoding: 'utf8' });
}

function decode(name: string, bytes: Uint8Array): Verdict {
  const file = path.join(RECORDINGS_FOLDER, name);
  writeFileSync(file, bytes);
  return python('decode.py', file);
}

function summaryOf(name: string, recording: Recording): Summary {
  const { status, stdout, stderr } = decode(name, recording.bytes());
  expect(stderr).toBe('');
  expect(status).toBe(0);
  return JSON.parse(stdout);
}

const passMs = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

let server: ServerProcess;

beforeAll(async () => {
  mkdirSync(RECORDINGS_FOLDER, { recursive: true });
  const rooms = { menagerie: path.join(ROOMS_FOLDER, 'menagerie.js'), safari: path.join(ROOMS_FOLDER, 'safari.js') };
  server = await ServerProcess.startEmbedded({ rooms, shards: 1, seed: 3, logLevel: 'warn' });
});
afterAll(async () => {
  await server?.stop();
});

it('its parts hold on their own, and the example in schemas/README.md is right', () => {
  const { status, stderr } = python('self_check.py');
  expect(stderr).toMatch(/^Ran \d\d tests in .*\n\nOK$/m);
  expect(status).toBe(0);
});

it('it holds what clients hold at every tick, and finds what does not fit', { timeout: 120_000 }, async () => {
  const early = new Recording();
  const late = new Recording();
  const first = await connect(server.url, { WebSocket: early.tap() }).create<typeof Menagerie>('menagerie');
  early.follow(first);
  compareWithRoom(first, early.problems);
  await passMs(2000);

  // Joins while everything moves: its first keyframe says how.
  const second = await connect(server.url, { WebSocket: late.tap() }).joinById<typeof Menagerie>(first.id);
  late.follow(second);
  await passMs(1500);
  // A keyframe on top of what is held.
  early.socket!.send(encodeResync(first.tick));
  await passMs(1500);
  await second.leave();
  await passMs(500);
  await first.leave();
  expect([...early.problems, ...late.problems]).toEqual([]);

  const whole = summaryOf('early.bin', early);
  const { keyframes, deltas, hashes } = whole;
  expect(whole).toMatchObject({ ignored: 0, frames: early.records.length - early.hashes, hashes: early.hashes });
  expect(keyframes).toBe(2);
  expect(deltas).toBeGreaterThan(60);
  // All, but for the first one if others came in the same instant.
  expect(hashes).toBeGreaterThanOrEqual(keyframes + deltas - 1);
  expect(whole.rows).toBeGreaterThan(180);
  for (const count of [whole.counts.arrived, whole.counts.departed, whole.counts.texts]) expect(count).toBeGreaterThan(20);
  expect(whole.counts.motions).toBeGreaterThan(50);

  const joined = summaryOf('late.bin', late);
  expect(joined).toMatchObject({ ignored: 0, keyframes: 1, hashes: late.hashes });
  expect(joined.deltas).toBeGreaterThan(30);
  expect(joined.hashes).toBeGreaterThanOrEqual(joined.deltas);
  expect(joined.counts.motions).toBeGreaterThan(50);

  damage(late);
});

it('it holds what clients see of a room of which nobody sees all', { timeout: 120_000 }, async () => {
  const recordings = [new Recording(), new Recording()];
  const rooms: ClientRoom<typeof Safari>[] = [];
  for (const recording of recordings) {
    const room = await connect(server.url, { WebSocket: recording.tap() }).joinOrCreate<typeof Safari>('safari');
    recording.follow(room);
    rooms.push(room);
    await passMs(1000);
  }
  await passMs(2500);
  recordings[0]!.socket!.send(encodeResync(rooms[0]!.tick));
  await passMs(2500);
  // Everybody sees that there are caches; what is in them, only the team that each is for.
  const passwords = rooms.map(({ state }) => [...state.caches].map(({ password }) => password));
  expect(passwords.map((each) => [...each].sort())).toEqual([['', '', 'sesame'], ['', '', 'sesame']]);
  expect(passwords[0]).not.toEqual(passwords[1]);
  await Promise.all(rooms.map((room) => room.leave()));

  recordings.forEach((recording, i) => {
    expect(recording.problems).toEqual([]);
    const { ignored, hashes, deltas, keyframes, rows, elements, counts } = summaryOf(`safari-${i}.bin`, recording);
    expect({ ignored, hashes }).toEqual({ ignored: 0, hashes: recording.hashes });
    expect(hashes).toBeGreaterThanOrEqual(keyframes + deltas - 1);
    expect(keyframes).toBe(i === 0 ? 2 : 1);
    expect(deltas).toBeGreaterThan(60);
    expect(rows).toBeGreaterThan(5);
    // Cells come into view while others go on, and rows go from one to the next.
    for (const count of [elements.keyframe, elements.drop, counts.arrived, counts.departed]) expect(count).toBeGreaterThan(20);
    expect(elements.layout + elements.laid_delta).toBeGreaterThan(deltas / 2);
    expect(counts.motions).toBeGreaterThan(20);
  });
});

/** Messages tell the room's own hash of the snapshot before; the client's is what gets recorded. */
function compareWithRoom(room: ClientRoom<typeof Menagerie>, problems: string[]): void {
  room.onMessage('hash', ({ tick, hash }: HashMessage) => {
    if (tick === room.tick && hash !== room.stateHash()) problems.push(`tick ${tick}: ${room.stateHash()} is not ${hash}`);
  });
}

/** Turns bits over, one at a time: decode.py has to notice, and to say where. */
function damage(recording: Recording): void {
  const hashRecord = recording.records.findIndex(({ kind }) => kind === RecordKind.ExpectedHash);
  const hashFlip = decode('hash-flip.bin', recording.bytesWithFlip(hashRecord, 8 * 4 + 5));
  expect(hashFlip.stderr).toMatch(VERDICT);
  expect(hashFlip.stderr).toContain('hash is');
  expect(hashFlip).toMatchObject({ status: 1, stdout: '' });

  const bodies = recording.bodies().filter(({ start, end }) => end > start);
  const flips = 12;
  let noticed = 0;
  for (let i = 0; i < flips; i += 1) {
    const { record, start, end } = bodies[Math.floor((i / flips) * bodies.length)]!;
    const bit = start + Math.floor(((i * 0.618034) % 1) * (end - start));
    const { status, stdout, stderr } = decode('body-flip.bin', recording.bytesWithFlip(record, bit));
    expect([0, 1]).toContain(status);
    if (status === 0) continue;
    noticed += 1;
    expect(stderr).toMatch(VERDICT);
    expect(stdout).toBe('');
  }
  // Not every bit means something: the width of a column without rows, or whether motions that are 0 go on. Which bits are
  // turned over depends on how much was recorded, so only half of them are counted on; nearly all are noticed.
  expect(noticed).toBeGreaterThanOrEqual(flips / 2);

  const cut = decode('cut.bin', recording.bytes().subarray(0, -3));
  expect(cut.stderr).toMatch(VERDICT);
  expect(cut.status).toBe(1);
}

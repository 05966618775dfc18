/** Every truncation and bit flip of every kind of client frame, and frames out of turn, against a live server: 4400. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { CloseCode } from '../src/protocol/close-codes.js';
import {
  ClientFrameKind,
  ClientFrameReader,
  decodeClientMessage,
  encodeClientMessage,
  encodeJoin,
  encodeLeave,
  encodePing,
  encodeResume,
  encodeResync,
  encodeWatch,
  InputFrameWriter,
  JoinMethod,
} from '../src/protocol/client-frames.js';
import { decodePayload, encodePayload } from '../src/protocol/payload.js';
import { ServerFrameKind, ServerFrameReader } from '../src/protocol/server-frames.js';
import { problemText } from '../src/protocol/verifier.js';
import { readHostileFrames } from './corpus/hostile-frames.js';
import { SERVER_FRAMES } from './corpus/legal-frames.js';
import { SeededRandom } from './corpus/seeded-random.js';
import { Bystanders } from './support/bystanders.js';
import { frameOf, Opcode, RawSocket, type Ending } from './support/raw-socket.js';
import { ServerProcess } from './support/server-process.js';
import { ROOMS_FOLDER } from './support/setup.js';

const SEED = 20_260_202;
const ATTACKERS = 32;
/** The server's default. What is over it is told so and not looked at. */
const PAYLOAD_BYTES_MAX = 4096;
/** The probe room's input is one int16. */
const INPUT_BYTES = 2;
const JOIN = encodeJoin({ room: 'probe', options: encodePayload({ name: 'Ada' }).bytes });

function inputFrame(body: readonly number[], seq = 1): Uint8Array {
  const writer = new InputFrameWriter(body.length);
  writer.frame.set(body, writer.bodyOffset);
  return writer.write(seq, 1).slice();
}

/** One legal frame of every kind, each of which the probe room has an answer to. */
const FRAMES: Readonly<Record<string, Uint8Array>> = {
  input: inputFrame([1, 0]),
  join: JOIN,
  'join by id': encodeJoin({ method: JoinMethod.JoinById, roomId: 'r-7f3k' }),
  'join with a ticket': encodeJoin({ method: JoinMethod.Ticket, ticket: 'AQJrMQZyLTdmM2s' }),
  resume: encodeResume({ sessionId: 's-0001', token: 'Zk3vQ8bX0tYw1mN5rLpC7a', received: 3, anew: true }),
  watch: encodeWatch({ room: 'probe', filter: encodePayload({ map: 'dunes' }).bytes }),
  message: encodeClientMessage('echo', 0, encodePayload({ text: 'hé', to: [1, null] }).bytes),
  'message of bytes': encodeClientMessage('echo', 1, new Uint8Array([0, 1, 2])),
  ping: encodePing(1234.5, 1),
  resync: encodeResync(1),
  leave: encodeLeave(4321),
};

/** Every proper prefix of the frame, and the frame with each single bit the other way round. */
function* mutationsOf(frame: Uint8Array): Generator<Uint8Array> {
  for (let length = 0; length < frame.length; length += 1) yield frame.slice(0, length);
  for (let bit = 0; bit < frame.length * 8; bit += 1) {
    const flipped = frame.slice();
    flipped[bit >> 3]! ^= 1 << (bit & 7);
    yield flipped;
  }
}

function* malformedFrames(): Generator<Uint8Array> {
  for (const frame of Object.values(FRAMES)) yield* mutationsOf(frame);
  for (const { schema, bytes } of readHostileFrames()) {
    if (schema === 'client' && bytes.length <= PAYLOAD_BYTES_MAX) yield bytes;
  }
  for (const { bytes } of SERVER_FRAMES) yield bytes;
  const random = new SeededRandom(SEED);
  for (let run = 0; run < 300; run += 1) yield random.bytes(random.below(200));
  for (let run = 0; run < 30; run += 1) yield random.bytes(4000);
}

let server: ServerProcess;
let bystanders: Bystanders;
beforeAll(async () => {
  server = await ServerProcess.start({ args: ['--rooms', ROOMS_FOLDER, '--log-level', 'warn'] });
  bystanders = await Bystanders.join(server);
});
afterAll(async () => {
  await bystanders?.leave();
  await server?.stop();
});

/** Runs `attack` on all items, on several connections at a time. */
async function storm<T>(items: Iterable<T>, attack: (item: T, attacker: number) => Promise<void>): Promise<void> {
  const iterator = items[Symbol.iterator]();
  const worker = async (_: unknown, attacker: number): Promise<void> => {
    for (let next = iterator.next(); next.done !== true; next = iterator.next()) await attack(next.value, attacker);
  };
  await Promise.all(Array.from({ length: ATTACKERS }, worker));
}

const reader = new ClientFrameReader();
const answerReader = new ServerFrameReader();

function kindOf(frame: Uint8Array): ServerFrameKind {
  expect(answerReader.read(frame)).toBe(0);
  return answerReader.kind;
}

/** The next answer of one of these kinds; or how the connection ended, if it ends first. */
async function answer(raw: RawSocket, ...kinds: ServerFrameKind[]): Promise<ServerFrameKind | Ending> {
  for (let frame = await raw.next(); frame !== null; frame = await raw.next()) {
    const kind = kindOf(frame);
    if (kinds.includes(kind)) return kind;
  }
  return raw.ended;
}

async function join(): Promise<RawSocket> {
  const raw = new RawSocket(server.url, frameOf(JOIN));
  expect(await answer(raw, ServerFrameKind.Joined)).toBe(ServerFrameKind.Joined);
  return raw;
}

/** What a socket is closed with whose client leaves with this code. */
function closeCodeOf(leaveCode: number): number {
  return leaveCode >= 4000 && leaveCode <= 4999 && leaveCode !== CloseCode.MayRetry ? leaveCode : 4000;
}

/** Sends the frame first thing on a new connection and expects the answer that is due. */
async function expectAnswerBeforeJoin(frame: Uint8Array): Promise<void> {
  const problem = reader.read(frame);
  const { kind, code, timeMs } = reader;
  const raw = new RawSocket(server.url, frameOf(frame));
  if (problem !== 0) {
    expect(await raw.ended).toEqual({ code: 4400, reason: problemText(problem) });
  } else if (kind === ClientFrameKind.Ping) {
    if (timeMs === 0) await raw.upgraded.then(() => raw.send(FRAMES.ping!)); // one without a time only acknowledges
    expect(await answer(raw, ServerFrameKind.Pong)).toBe(ServerFrameKind.Pong);
  } else if (kind === ClientFrameKind.Leave) {
    expect(await raw.ended).toEqual({ code: closeCodeOf(code), reason: 'left' });
  } else if (kind === ClientFrameKind.Join) {
    const said = await answer(raw, ServerFrameKind.Joined, ServerFrameKind.Refused);
    if (typeof said === 'object') expect(said).toEqual({ code: 4400, reason: expect.stringMatching(/^join/) });
  } else if (kind === ClientFrameKind.Resume) {
    expect(await answer(raw, ServerFrameKind.Refused)).toBe(ServerFrameKind.Refused);
  } else if (kind === ClientFrameKind.Watch) {
    const said = await answer(raw, ServerFrameKind.Rooms);
    if (typeof said === 'object') expect(said).toEqual({ code: 4400, reason: expect.stringMatching(/^watch/) });
  } else {
    expect(await raw.ended).toEqual({ code: 4400, reason: 'the first frame must be a Join, Resume or Watch' });
  }
  raw.drop();
}

/** Whether the probe room will echo this message, which the verifier has let through. */
function isEchoed(frame: Uint8Array): boolean {
  const { type, encoding, payload } = decodeClientMessage(frame);
  try {
    decodePayload(encoding, payload);
  } catch {
    return false;
  }
  return type === 'echo';
}

/** Sends the frame from a seat and expects the answer that is due. @returns whether the seat is still there. */
async function expectAnswerAfterJoin(raw: RawSocket, frame: Uint8Array): Promise<boolean> {
  const problem = reader.read(frame);
  const { kind, bodyLength, code, timeMs } = reader;
  raw.send(frame);
  if (problem !== 0) {
    expect(await raw.ended).toEqual({ code: 4400, reason: problemText(problem) });
    return false;
  }
  switch (kind) {
    case ClientFrameKind.Join:
    case ClientFrameKind.Resume:
    case ClientFrameKind.Watch:
      expect(await raw.ended).toEqual({ code: 4400, reason: 'a Join, Resume or Watch on a connection that has joined' });
      return false;
    case ClientFrameKind.Leave:
      expect(await raw.ended).toEqual({ code: closeCodeOf(code), reason: 'left' });
      return false;
    case ClientFrameKind.Input:
      if (bodyLength === INPUT_BYTES) return true;
      expect(await raw.ended).toEqual({ code: 4400, reason: `input of ${bodyLength} bytes; expected ${INPUT_BYTES}` });
      return false;
    case ClientFrameKind.Message:
      if (isEchoed(frame)) {
        raw.send(encodeClientMessage('echo', 0, encodePayload('over').bytes));
        expect(await answer(raw, ServerFrameKind.Message)).toBe(ServerFrameKind.Message);
        expect(await answer(raw, ServerFrameKind.Message)).toBe(ServerFrameKind.Message);
        return true;
      }
      expect(await raw.ended).toEqual({ code: 4400, reason: expect.stringMatching(/no handler|message payload/) });
      return false;
    case ClientFrameKind.Ping:
      if (timeMs === 0) raw.send(FRAMES.ping!);
      expect(await answer(raw, ServerFrameKind.Pong)).toBe(ServerFrameKind.Pong);
      return true;
    default:
      return true;
  }
}

it('malformed frames before a join', { timeout: 60_000 }, async () => {
  let sent = 0;
  const refused = await server.metric('escapement_frames_refused_total');
  await storm(malformedFrames(), async (frame) => {
    sent += 1;
    await expectAnswerBeforeJoin(frame);
  });
  expect(sent).toBeGreaterThan(4000);
  expect(await server.metric('escapement_frames_refused_total')).toBeGreaterThan(refused + sent / 2);
  await bystanders.expectUnharmed();
});

it('malformed frames from a seat in a room', { timeout: 60_000 }, async () => {
  const seats = new Map<number, RawSocket>();
  let rejoins = 0;
  await storm(malformedFrames(), async (frame, attacker) => {
    const raw = seats.get(attacker) ?? (await join());
    seats.set(attacker, raw);
    if (await expectAnswerAfterJoin(raw, frame)) return;
    seats.delete(attacker);
    rejoins += 1;
  });
  // What was let through did no harm to the seat it came from either.
  for (const raw of seats.values()) {
    raw.send(FRAMES.ping!);
    expect(await answer(raw, ServerFrameKind.Pong)).toBe(ServerFrameKind.Pong);
    raw.drop();
  }
  expect(rejoins).toBeGreaterThan(2000);
  // No frame went unseen for coming too fast.
  expect(await server.metric('escapement_frames_over_rate_total')).toBe(0);
  await bystanders.expectUnharmed();
});

const TOO_SHORT = 'frame: shorter than 8 bytes; send one whole FlatBuffer per binary message';
const TEXT = 'text frame; expected a binary ClientFrame';

it.each<[string, Uint8Array | string, number, string]>([
  ['text', 'hello', Opcode.Text, TEXT],
  ['an empty text', '', Opcode.Text, TEXT],
  ['a text of the bytes of a Join', JOIN.map((byte) => byte & 0x7f), Opcode.Text, TEXT],
  ['nothing', '', Opcode.Binary, TOO_SHORT],
  ['one byte', 'a', Opcode.Binary, TOO_SHORT],
  ['two bytes', 'ab', Opcode.Binary, TOO_SHORT],
  ['three bytes', new Uint8Array(3), Opcode.Binary, TOO_SHORT],
])('%s: 4400 before a join and after', async (_, payload, opcode, reason) => {
  for (const raw of [await RawSocket.open(server.url), await join()]) {
    raw.send(payload, { opcode });
    expect(await raw.ended).toEqual({ code: 4400, reason });
  }
});

it.each(['input', 'message', 'resync'])('%s before a Join: 4400', async (name) => {
  const raw = new RawSocket(server.url, frameOf(FRAMES[name]!));
  expect(await raw.ended).toEqual({ code: 4400, reason: 'the first frame must be a Join, Resume or Watch' });
});

it.each(['input', 'message', 'resync', 'join'])('%s right behind a Join, before its answer: 4400', async (name) => {
  // In one write, so the server takes both before the room can have answered.
  const raw = new RawSocket(server.url, Buffer.concat([frameOf(JOIN), frameOf(FRAMES[name]!)]));
  expect(await raw.ended).toEqual({ code: 4400, reason: 'the join is not done yet' });
});

it('a Leave right behind a Join gives the seat back', async () => {
  const raw = new RawSocket(server.url, Buffer.concat([frameOf(JOIN), frameOf(FRAMES.leave!)]));
  expect(await raw.ended).toEqual({ code: 4321, reason: 'left' });
});

it.each([0, 1, 1000, 1006, 3999, 5000, 65_535])('a Leave with %i, no code to leave with: 4000', async (code) => {
  const raw = await join();
  raw.send(encodeLeave(code));
  expect(await raw.ended).toEqual({ code: 4000, reason: 'left' });
});

it('frames behind the one that ends the connection reach no room', async () => {
  const raw = await join();
  const before = await server.metric('escapement_messages_total');
  raw.write(Buffer.concat([frameOf('x'), ...new Array<Buffer>(100).fill(frameOf(FRAMES.message!))]));
  expect(await raw.ended).toMatchObject({ code: 4400 });
  expect(await server.metric('escapement_messages_total')).toBe(before);
});

it('connections that vanish in the middle of a frame or a join leave nothing behind', async () => {
  const random = new SeededRandom(SEED + 1);
  await storm(new Array(400).keys(), async (run) => {
    const whole = frameOf(JOIN);
    const raw = await RawSocket.open(server.url);
    if (run % 2 === 0) {
      raw.send(JOIN);
      if (run % 4 === 0) await answer(raw, ServerFrameKind.Joined);
    }
    raw.write(whole.subarray(0, random.below(whole.length)));
    await raw.flushed();
    raw.drop(run % 3 === 0);
  });
  await bystanders.expectUnharmed();
});

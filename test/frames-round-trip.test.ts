import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  ClientFrameKind,
  ClientFrameReader,
  decodeClientMessage,
  decodeJoin,
  encodeClientMessage,
  encodeJoin,
  encodeLeave,
  encodePing,
  encodeResync,
  JoinMethod,
} from '../src/protocol/client-frames.js';
import * as server from '../src/protocol/generated/server_generated.js';
import {
  decodeJoined,
  decodeRefused,
  decodeServerMessage,
  encodeJoined,
  encodePong,
  encodeRefused,
  encodeServerMessage,
  PongFrameWriter,
  ServerFrameKind,
  ServerFrameReader,
} from '../src/protocol/server-frames.js';
import { JOINED } from './corpus/legal-frames.js';
import { walkClientFrame, walkServerFrame } from './corpus/strict-walk.js';

const RUNS = { seed: 20_260_104, numRuns: 300 };

/** Any string that UTF-8 can say; lone surrogates become U+FFFD on their way and are no concern of frames. */
const text = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 40 }),
  fc.string({ unit: 'binary', maxLength: 40 }).filter((each) => !/\p{Cs}/u.test(each)),
  fc.constantFrom('', '\ufeffmark', '__proto__', 'a\0b', '\u{10ffff}'),
);
const bytes = fc.uint8Array({ maxLength: 200 });
const u16 = fc.nat(0xffff);
const u32 = fc.nat(0xffff_ffff);
const finite = fc.double({ noNaN: true, noDefaultInfinity: true }).map((each) => (each === 0 ? 0 : each));

describe('client frames come back as they went', () => {
  const reader = new ClientFrameReader();

  it('Join', () => {
    const method = fc.constantFrom(JoinMethod.JoinOrCreate, JoinMethod.Create, JoinMethod.Join, JoinMethod.JoinById);
    const join = fc.record({ method, room: text, roomId: text, token: text, options: bytes });
    fc.assert(
      fc.property(join, (sent) => {
        const frame = encodeJoin(sent);
        expect(reader.read(frame)).toBe(0);
        expect(reader.kind).toBe(ClientFrameKind.Join);
        expect(decodeJoin(frame)).toEqual(sent);
        walkClientFrame(frame);
      }),
      RUNS,
    );
  });

  it('Message', () => {
    fc.assert(
      fc.property(text, fc.nat(1), bytes, (type, encoding, payload) => {
        const frame = encodeClientMessage(type, encoding, payload);
        expect(reader.read(frame)).toBe(0);
        expect(reader.kind).toBe(ClientFrameKind.Message);
        expect(decodeClientMessage(frame)).toEqual({ type, encoding, payload });
      }),
      RUNS,
    );
  });

  it('Ping, Resync and Leave, without the FlatBuffers runtime', () => {
    fc.assert(
      fc.property(finite, u32, u32, u16, (timeMs, ackTick, haveTick, code) => {
        expect(reader.read(encodePing(timeMs, ackTick))).toBe(0);
        expect([reader.kind, reader.timeMs, reader.ackTick]).toEqual([ClientFrameKind.Ping, timeMs, ackTick]);
        expect(reader.read(encodeResync(haveTick))).toBe(0);
        expect([reader.kind, reader.haveTick]).toEqual([ClientFrameKind.Resync, haveTick]);
        expect(reader.read(encodeLeave(code))).toBe(0);
        expect([reader.kind, reader.code]).toEqual([ClientFrameKind.Leave, code]);
      }),
      RUNS,
    );
  });

  it('a Join of nothing asks for JoinOrCreate, a Leave of nothing says 4000', () => {
    expect(decodeJoin(encodeJoin({}))).toEqual({
      method: JoinMethod.JoinOrCreate,
      room: '',
      roomId: '',
      token: '',
      options: new Uint8Array(0),
    });
    reader.read(encodeLeave());
    expect(reader.code).toBe(4000);
  });
});

describe('server frames come back as they went', () => {
  const reader = new ServerFrameReader();
  const field = fc.record({
    name: text,
    kind: fc.nat(10),
    min: finite,
    max: finite,
    step: finite,
    bits: fc.nat(255),
    bytesMax: u16,
    secret: fc.boolean(),
  });
  const table = fc.record({ name: text, capacity: u32, fields: fc.array(field, { maxLength: 6 }) });

  it('Joined', () => {
    const joined = fc.record({
      room: text,
      roomId: text,
      sessionId: text,
      tickRate: u16,
      snapshotRate: u16,
      tables: fc.array(table, { maxLength: 4 }),
      input: fc.array(field, { maxLength: 6 }),
    });
    fc.assert(
      fc.property(joined, (sent) => {
        const frame = encodeJoined(sent);
        expect(reader.read(frame)).toBe(0);
        expect(reader.kind).toBe(ServerFrameKind.Joined);
        expect(decodeJoined(frame)).toEqual(sent);
        walkServerFrame(frame);
      }),
      RUNS,
    );
  });

  it('Joined of a room with as many fields as any game has', () => {
    const fields = Array.from({ length: 255 }, (_, i) => ({ ...JOINED.input[0]!, name: `field${i}` }));
    const tables = Array.from({ length: 64 }, (_, i) => ({ name: `table${i}`, capacity: 65_536, fields }));
    const sent = { ...JOINED, tables, input: fields };
    const frame = encodeJoined(sent);
    expect(reader.read(frame)).toBe(0);
    expect(decodeJoined(frame)).toEqual(sent);
  });

  it('Refused and Message', () => {
    fc.assert(
      fc.property(u16, text, fc.nat(1), bytes, (code, words, encoding, payload) => {
        const refused = encodeRefused(code, words);
        expect(reader.read(refused)).toBe(0);
        expect(reader.kind).toBe(ServerFrameKind.Refused);
        expect(decodeRefused(refused)).toEqual({ code, reason: words });
        const message = encodeServerMessage(words, encoding, payload);
        expect(reader.read(message)).toBe(0);
        expect(reader.kind).toBe(ServerFrameKind.Message);
        expect(decodeServerMessage(message)).toEqual({ type: words, encoding, payload });
      }),
      RUNS,
    );
  });

  it('Pong, from the encoder and from the writer', () => {
    const writer = new PongFrameWriter();
    fc.assert(
      fc.property(finite, u32, (timeMs, latenessUs) => {
        for (const frame of [encodePong(timeMs, latenessUs), writer.write(timeMs, latenessUs)]) {
          expect(reader.read(frame)).toBe(0);
          expect([reader.kind, reader.timeMs, reader.latenessUs]).toEqual([ServerFrameKind.Pong, timeMs, latenessUs]);
          walkServerFrame(frame);
        }
      }),
      RUNS,
    );
    expect(writer.write(1, 2)).toBe(writer.write(3, 4));
  });

  it('the enums are the generated ones', () => {
    expect(server.PayloadEncoding.Json).toBe(0);
    expect(server.PayloadEncoding.Bytes).toBe(1);
  });
});

describe('decoders', () => {
  it('give bytes of their own: the frame may be overwritten at once', () => {
    const frame = encodeClientMessage('raw', 1, new Uint8Array([1, 2, 3]));
    const shared = new Uint8Array(new SharedArrayBuffer(frame.length));
    shared.set(frame);
    const message = decodeClientMessage(shared);
    shared.fill(0);
    expect(message).toEqual({ type: 'raw', encoding: 1, payload: new Uint8Array([1, 2, 3]) });
    expect(message.payload.buffer).toBeInstanceOf(ArrayBuffer);
  });

  it('refuse a frame of another kind', () => {
    expect(() => decodeJoin(encodePing(1, 2))).toThrow('frame holds event 3; expected 1: look at the reader');
    expect(() => decodeJoined(encodePong(1, 2))).toThrow('frame holds event 4; expected 1: look at the reader');
  });
});

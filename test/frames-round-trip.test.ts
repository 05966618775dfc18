import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  ClientFrameKind,
  ClientFrameReader,
  decodeClientMessage,
  decodeJoin,
  decodeResume,
  decodeWatch,
  encodeClientMessage,
  encodeJoin,
  encodeLeave,
  encodePing,
  encodeResume,
  encodeResync,
  encodeWatch,
  JoinMethod,
} from '../src/protocol/client-frames.js';
import * as server from '../src/protocol/generated/server_generated.js';
import { decodeRooms, encodeRooms } from '../src/protocol/room-list-frames.js';
import {
  decodeDraining,
  decodeJoined,
  decodeQueued,
  decodeRefused,
  decodeRejected,
  decodeServerMessage,
  encodeDraining,
  encodeJoined,
  encodePong,
  encodeQueued,
  encodeRefused,
  encodeRejected,
  encodeServerMessage,
  PongFrameWriter,
  ServerFrameKind,
  ServerFrameReader,
} from '../src/protocol/server-frames.js';
import { JOINED, ROOM_INFO } from './corpus/legal-frames.js';
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
    const join = fc.record({
      method: fc.nat(JoinMethod.Ticket),
      room: text,
      roomId: text,
      token: text,
      options: bytes,
      ticket: text,
      rating: finite,
      party: text,
      partySize: fc.nat(255),
    });
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

  it('Resume', () => {
    const resume = fc.record({ sessionId: text, token: text, received: u32, anew: fc.boolean() });
    fc.assert(
      fc.property(resume, (sent) => {
        const frame = encodeResume(sent);
        expect(reader.read(frame)).toBe(0);
        expect(reader.kind).toBe(ClientFrameKind.Resume);
        expect(decodeResume(frame)).toEqual(sent);
        walkClientFrame(frame);
      }),
      RUNS,
    );
  });

  it('Watch', () => {
    fc.assert(
      fc.property(fc.record({ room: text, filter: bytes }), (sent) => {
        const frame = encodeWatch(sent);
        expect(reader.read(frame)).toBe(0);
        expect(reader.kind).toBe(ClientFrameKind.Watch);
        expect(decodeWatch(frame)).toEqual(sent);
        walkClientFrame(frame);
      }),
      RUNS,
    );
  });

  it('Ping, Resync and Leave, without the FlatBuffers runtime', () => {
    fc.assert(
      fc.property(finite, u32, u32, u16, u32, (timeMs, ackTick, haveTick, code, received) => {
        expect(reader.read(encodePing(timeMs, ackTick, received))).toBe(0);
        expect([reader.kind, reader.timeMs, reader.ackTick]).toEqual([ClientFrameKind.Ping, timeMs, ackTick]);
        expect(reader.received).toBe(received);
        expect(reader.read(encodeResync(haveTick))).toBe(0);
        expect([reader.kind, reader.haveTick]).toEqual([ClientFrameKind.Resync, haveTick]);
        expect(reader.read(encodeLeave(code))).toBe(0);
        expect([reader.kind, reader.code]).toEqual([ClientFrameKind.Leave, code]);
      }),
      RUNS,
    );
  });

  it('a Join of nothing asks for JoinOrCreate, a Leave of nothing says 4000, a Ping without a count says 0', () => {
    expect(decodeJoin(encodeJoin({}))).toEqual({
      method: JoinMethod.JoinOrCreate,
      room: '',
      roomId: '',
      token: '',
      options: new Uint8Array(0),
      ticket: '',
      rating: 0,
      party: '',
      partySize: 0,
    });
    reader.read(encodeLeave());
    expect(reader.code).toBe(4000);
    reader.read(encodePing(1, 2, 3));
    reader.read(encodePing(1, 2));
    expect(reader.received).toBe(0);
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
      resumeToken: text,
      resumed: fc.boolean(),
      received: u32,
      inputSeq: u32,
      graceMs: u32,
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

  it('Rejected, Draining and Queued', () => {
    const rejected = fc.record({ type: text, field: text, reason: text });
    const draining = fc.record({ reason: text, deadlineMs: u32 });
    const queued = fc.record({ waiting: u32, waitedMs: u32, tolerance: finite, reason: text });
    fc.assert(
      fc.property(rejected, draining, queued, (rejection, end, status) => {
        const rejectedFrame = encodeRejected(rejection.type, rejection.field, rejection.reason);
        expect(reader.read(rejectedFrame)).toBe(0);
        expect(reader.kind).toBe(ServerFrameKind.Rejected);
        expect(decodeRejected(rejectedFrame)).toEqual(rejection);
        const drainingFrame = encodeDraining(end.reason, end.deadlineMs);
        expect(reader.read(drainingFrame)).toBe(0);
        expect(reader.kind).toBe(ServerFrameKind.Draining);
        expect(decodeDraining(drainingFrame)).toEqual(end);
        const queuedFrame = encodeQueued(status);
        expect(reader.read(queuedFrame)).toBe(0);
        expect(reader.kind).toBe(ServerFrameKind.Queued);
        expect(decodeQueued(queuedFrame)).toEqual(status);
        for (const frame of [rejectedFrame, drainingFrame, queuedFrame]) walkServerFrame(frame);
      }),
      RUNS,
    );
  });

  it('Queued with a tolerance that has outgrown all numbers', () => {
    const frame = encodeQueued({ waiting: 1, waitedMs: 2000, tolerance: Infinity, reason: '' });
    expect(reader.read(frame)).toBe(0);
    expect(decodeQueued(frame).tolerance).toBe(Number.MAX_VALUE);
  });

  it('Rooms', () => {
    const info = fc.record({
      roomId: text,
      gone: fc.boolean(),
      room: text,
      clients: u32,
      clientsMax: u32,
      locked: fc.boolean(),
      createdMs: finite,
      metadata: bytes,
    });
    const list = fc.record({ rooms: fc.array(info, { maxLength: 8 }), complete: fc.boolean(), reset: fc.boolean() });
    fc.assert(
      fc.property(list, (sent) => {
        const frame = encodeRooms(sent);
        expect(reader.read(frame)).toBe(0);
        expect(reader.kind).toBe(ServerFrameKind.Rooms);
        expect(decodeRooms(frame)).toEqual(sent);
        walkServerFrame(frame);
      }),
      RUNS,
    );
  });

  it('Rooms of more than any server has', () => {
    const rooms = Array.from({ length: 20_000 }, (_, i) => ({ ...ROOM_INFO, roomId: `r-${i}`, clients: i }));
    const frame = encodeRooms({ rooms, complete: false, reset: true });
    expect(reader.read(frame)).toBe(0);
    expect(decodeRooms(frame)).toEqual({ rooms, complete: false, reset: true });
  });

  it('Pong, from the encoder and from the writer', () => {
    const writer = new PongFrameWriter();
    fc.assert(
      fc.property(finite, u32, u32, (timeMs, latenessUs, received) => {
        for (const frame of [encodePong(timeMs, latenessUs, received), writer.write(timeMs, latenessUs, received)]) {
          expect(reader.read(frame)).toBe(0);
          expect([reader.kind, reader.timeMs, reader.latenessUs]).toEqual([ServerFrameKind.Pong, timeMs, latenessUs]);
          expect(reader.received).toBe(received);
          walkServerFrame(frame);
        }
      }),
      RUNS,
    );
    expect(writer.write(1, 2, 3)).toBe(writer.write(4, 5, 6));
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
    expect(() => decodeResume(encodeJoin({}))).toThrow('frame holds event 1; expected 6: look at the reader');
    expect(() => decodeJoined(encodePong(1, 2))).toThrow('frame holds event 4; expected 1: look at the reader');
    expect(() => decodeRooms(encodeDraining('', 1))).toThrow('frame holds event 6; expected 8: look at the reader');
  });
});

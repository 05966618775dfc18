/**
 * Frames from server to client (schemas/server.fbs): writing them, and reading them after verification.
 *
 * A snapshot frame is `SNAPSHOT_PREFIX_BYTES` in the fixed layout of frame-prefix.ts and then the packed columns, so
 * that a shard encodes a body in place behind a prefix and the front changes two bytes of it for each receiver.
 */
import * as flatbuffers from 'flatbuffers';
import { FRAME_HEAD_OFFSET, FRAME_PREFIX_BYTES, writeFramePrefix } from './frame-prefix.js';
import {
  Draining,
  FieldSpec as WireFieldSpec,
  Joined,
  Message,
  Pong,
  Queued,
  Refused,
  Rejected,
  ServerEvent,
  SnapshotKind,
  TableSpec as WireTableSpec,
} from './generated/server_generated.js';
import { readF64, readU16, readU32, writeF64, writeU16, writeU32 } from './little-endian.js';
import { copyBytes, copyText, type MessageFrame } from './message-frame.js';
import { eventOf, finish } from './server-event.js';
import type { FieldSpec, TableSpec } from './specs.js';
import { createServerVerifier } from './verifier.js';

export { SnapshotKind } from './generated/server_generated.js';

/** Bytes of a snapshot frame before its body: 32. */
export const SNAPSHOT_PREFIX_BYTES = FRAME_PREFIX_BYTES;
/** Where the tick lies in a frame that `writeSnapshotPrefix` wrote: u32. */
export const SNAPSHOT_TICK_OFFSET = FRAME_HEAD_OFFSET;
/** Where the acknowledged input lies: u16. The front writes it for each receiver. */
export const SNAPSHOT_ACK_OFFSET = FRAME_HEAD_OFFSET + 4;
/** Where the age of the baseline lies: u8. */
export const SNAPSHOT_AGE_OFFSET = FRAME_HEAD_OFFSET + 6;
/** Where the kind lies: u8. */
export const SNAPSHOT_KIND_OFFSET = FRAME_HEAD_OFFSET + 7;
/** Oldest baseline a delta can name, in ticks: the age is a byte. */
export const SNAPSHOT_AGE_MAX = 255;

/**
 * Writes the 32 bytes before a snapshot's body. `target` has room for them at `offset`, which is the frame start and
 * may be any number: the format counts alignment from the frame start.
 *
 * tick: u32, wraps · ack: low 16 bits of the last processed input · age: ticks from baseline to tick, 1 to 255 for a
 * delta, 0 for a keyframe · bodyBytes: length of what follows. Allocates nothing.
 */
export function writeSnapshotPrefix(
  target: Uint8Array,
  offset: number,
  tick: number,
  ack: number,
  age: number,
  kind: SnapshotKind,
  bodyBytes: number,
): void {
  writeFramePrefix(target, offset, bodyBytes);
  writeU32(target, offset + SNAPSHOT_TICK_OFFSET, tick);
  writeU16(target, offset + SNAPSHOT_ACK_OFFSET, ack);
  target[offset + SNAPSHOT_AGE_OFFSET] = age;
  target[offset + SNAPSHOT_KIND_OFFSET] = kind;
}

/** What a server frame is: 0 for a snapshot, otherwise the type of its event. */
export const ServerFrameKind = {
  /** No frame has been read, or the last one was refused. */
  None: -1,
  Snapshot: 0,
  Joined: ServerEvent.Joined,
  Refused: ServerEvent.Refused,
  Message: ServerEvent.Message,
  Pong: ServerEvent.Pong,
  Rejected: ServerEvent.Rejected,
  Draining: ServerEvent.Draining,
  Queued: ServerEvent.Queued,
  Rooms: ServerEvent.Rooms,
} as const;

export type ServerFrameKind = (typeof ServerFrameKind)[keyof typeof ServerFrameKind];

/** The seat is taken: what the room is, and how its snapshots and inputs are packed. */
export interface JoinedFrame {
  room: string;
  roomId: string;
  sessionId: string;
  /** Hz. */
  tickRate: number;
  /** Hz. */
  snapshotRate: number;
  tables: readonly TableSpec[];
  /** Empty: the room takes no input. */
  input: readonly FieldSpec[];
  /** Takes the session over, once. */
  resumeToken: string;
  /** The answer to a Resume. */
  resumed: boolean;
  /** Messages of this client that the session has taken so far, u32. */
  received: number;
  /** Sequence number of the session's newest input, u32; 0 before the first. */
  inputSeq: number;
  /** How long the seat of a lost socket is kept, unless the room says otherwise. */
  graceMs: number;
}

/** The join did not succeed. */
export interface RefusedFrame {
  /** As the close codes. */
  code: number;
  reason: string;
}

/** Something that the client sent was not taken. */
export interface RejectedFrame {
  /** Type of the message; empty for an input. */
  type: string;
  /** Path of the field that is wrong; empty: the whole. */
  field: string;
  reason: string;
}

/** The room, or the whole server, is about to end. */
export interface DrainingFrame {
  reason: string;
  /** At the latest so much later. */
  deadlineMs: number;
}

/** How things stand in the queue. */
export interface QueuedFrame {
  /** Players in it. */
  waiting: number;
  waitedMs: number;
  /** How far apart the ratings of a match may be by now. */
  tolerance: number;
  /** Why nothing can be formed at the moment; empty: too few players. */
  reason: string;
}

/**
 * Reads server frames, one at a time. Only the members that belong to the `kind` just read are of use; the others keep
 * what earlier frames left in them.
 */
export class ServerFrameReader {
  kind: ServerFrameKind = ServerFrameKind.None;
  /** Snapshot: the room tick it shows, u32. */
  tick = 0;
  /** Snapshot: low 16 bits of the last processed input's sequence number. */
  ack = 0;
  /** Snapshot: a delta's baseline is the snapshot of tick - age. */
  age = 0;
  /** Snapshot: delta or keyframe. */
  snapshotKind: SnapshotKind = SnapshotKind.Delta;
  /** Snapshot: where the packed columns begin in the frame, in bytes. */
  bodyOffset = 0;
  /** Snapshot: bytes of the packed columns. */
  bodyLength = 0;
  /** Pong: the ping's own time, finite. NaN before the first pong: the field is a double from the start. */
  timeMs = NaN;
  /** Pong: how late the shard's newest tick began, in microseconds. */
  latenessUs = 0;
  /** Pong: messages of this client that the session has taken so far, u32. */
  received = 0;

  private readonly verifier = createServerVerifier();

  /** After a refusal: the byte of the frame at which the problem was found. */
  get problemOffset(): number {
    return this.verifier.problemOffset;
  }

  /** Verifies one whole frame and reads it. Returns 0, or a code for `problemText`. O(bytes), no allocation. */
  read(bytes: Uint8Array): number {
    const verifier = this.verifier;
    const problem = verifier.verify(bytes);
    if (problem !== 0) {
      this.kind = ServerFrameKind.None;
      return problem;
    }
    const kind = verifier.eventType as ServerFrameKind;
    this.kind = kind;
    if (kind === ServerFrameKind.Snapshot) {
      const headAt = verifier.rootFieldAt[0]!;
      const bodyAt = verifier.rootFieldAt[1]!;
      this.tick = readU32(bytes, headAt);
      this.ack = readU16(bytes, headAt + 4);
      this.age = bytes[headAt + 6]!;
      this.snapshotKind = bytes[headAt + 7]!;
      this.bodyLength = readU32(bytes, bodyAt);
      this.bodyOffset = bodyAt + 4;
    } else if (kind === ServerFrameKind.Pong) {
      const timeAt = verifier.eventFieldAt[0]!;
      const latenessAt = verifier.eventFieldAt[1]!;
      this.timeMs = timeAt === 0 ? 0 : readF64(bytes, timeAt);
      this.latenessUs = latenessAt === 0 ? 0 : readU32(bytes, latenessAt);
      const receivedAt = verifier.eventFieldAt[2]!;
      this.received = receivedAt === 0 ? 0 : readU32(bytes, receivedAt);
    }
    return 0;
  }
}

/** Reads a Joined out of a frame that has been verified. The result shares no memory with `bytes`. */
export function decodeJoined(bytes: Uint8Array): JoinedFrame {
  const joined = eventOf(bytes, ServerEvent.Joined, new Joined());
  const tables: TableSpec[] = [];
  for (let i = 0; i < joined.tablesLength(); i++) {
    const table = joined.tables(i)!;
    const fields: FieldSpec[] = [];
    for (let j = 0; j < table.fieldsLength(); j++) fields.push(plainFieldSpec(table.fields(j)!));
    tables.push({
      name: copyText(table.name(flatbuffers.Encoding.UTF8_BYTES)),
      capacity: table.capacity(),
      fields,
    });
  }
  const input: FieldSpec[] = [];
  for (let i = 0; i < joined.inputLength(); i++) input.push(plainFieldSpec(joined.input(i)!));
  return {
    room: copyText(joined.room(flatbuffers.Encoding.UTF8_BYTES)),
    roomId: copyText(joined.roomId(flatbuffers.Encoding.UTF8_BYTES)),
    sessionId: copyText(joined.sessionId(flatbuffers.Encoding.UTF8_BYTES)),
    tickRate: joined.tickRate(),
    snapshotRate: joined.snapshotRate(),
    tables,
    input,
    resumeToken: copyText(joined.resumeToken(flatbuffers.Encoding.UTF8_BYTES)),
    resumed: joined.resumed(),
    received: joined.received(),
    inputSeq: joined.inputSeq(),
    graceMs: joined.graceMs(),
  };
}

function plainFieldSpec(field: WireFieldSpec): FieldSpec {
  return {
    name: copyText(field.name(flatbuffers.Encoding.UTF8_BYTES)),
    kind: field.kind(),
    min: field.min(),
    max: field.max(),
    step: field.step(),
    bits: field.bits(),
    bytesMax: field.bytesMax(),
    secret: field.secret(),
  };
}

/** Reads a Refused out of a frame that has been verified. */
export function decodeRefused(bytes: Uint8Array): RefusedFrame {
  const refused = eventOf(bytes, ServerEvent.Refused, new Refused());
  return { code: refused.code(), reason: copyText(refused.reason(flatbuffers.Encoding.UTF8_BYTES)) };
}

/** Reads a Rejected out of a frame that has been verified. */
export function decodeRejected(bytes: Uint8Array): RejectedFrame {
  const rejected = eventOf(bytes, ServerEvent.Rejected, new Rejected());
  return {
    type: copyText(rejected.type(flatbuffers.Encoding.UTF8_BYTES)),
    field: copyText(rejected.field(flatbuffers.Encoding.UTF8_BYTES)),
    reason: copyText(rejected.reason(flatbuffers.Encoding.UTF8_BYTES)),
  };
}

/** Reads a Draining out of a frame that has been verified. */
export function decodeDraining(bytes: Uint8Array): DrainingFrame {
  const draining = eventOf(bytes, ServerEvent.Draining, new Draining());
  return { reason: copyText(draining.reason(flatbuffers.Encoding.UTF8_BYTES)), deadlineMs: draining.deadlineMs() };
}

/** Reads a Queued out of a frame that has been verified. */
export function decodeQueued(bytes: Uint8Array): QueuedFrame {
  const queued = eventOf(bytes, ServerEvent.Queued, new Queued());
  return {
    waiting: queued.waiting(),
    waitedMs: queued.waitedMs(),
    tolerance: queued.tolerance(),
    reason: copyText(queued.reason(flatbuffers.Encoding.UTF8_BYTES)),
  };
}

/** Reads a Message out of a frame that has been verified. The result shares no memory with `bytes`. */
export function decodeServerMessage(bytes: Uint8Array): MessageFrame {
  const message = eventOf(bytes, ServerEvent.Message, new Message());
  return {
    type: copyText(message.type(flatbuffers.Encoding.UTF8_BYTES)),
    encoding: message.encoding(),
    payload: copyBytes(message.payloadArray()),
  };
}

function writeFieldSpec(builder: flatbuffers.Builder, field: FieldSpec): flatbuffers.Offset {
  const name = builder.createString(field.name);
  return WireFieldSpec.createFieldSpec(
    builder,
    name,
    field.kind,
    field.min,
    field.max,
    field.step,
    field.bits,
    field.bytesMax,
    field.secret,
  );
}

function writeTableSpec(builder: flatbuffers.Builder, table: TableSpec): flatbuffers.Offset {
  const fields: flatbuffers.Offset[] = [];
  for (const field of table.fields) fields.push(writeFieldSpec(builder, field));
  const fieldsAt = WireTableSpec.createFieldsVector(builder, fields);
  const name = builder.createString(table.name);
  return WireTableSpec.createTableSpec(builder, name, table.capacity, fieldsAt);
}

/** The frame that tells a client it has a seat. */
export function encodeJoined(joined: JoinedFrame): Uint8Array<ArrayBuffer> {
  const builder = new flatbuffers.Builder(1024);
  const tables: flatbuffers.Offset[] = [];
  for (const table of joined.tables) tables.push(writeTableSpec(builder, table));
  const input: flatbuffers.Offset[] = [];
  for (const field of joined.input) input.push(writeFieldSpec(builder, field));
  const tablesAt = Joined.createTablesVector(builder, tables);
  const inputAt = input.length > 0 ? Joined.createInputVector(builder, input) : 0;
  const room = builder.createString(joined.room);
  const roomId = builder.createString(joined.roomId);
  const sessionId = builder.createString(joined.sessionId);
  const resumeToken = joined.resumeToken === '' ? 0 : builder.createString(joined.resumeToken);
  Joined.startJoined(builder);
  Joined.addRoom(builder, room);
  Joined.addRoomId(builder, roomId);
  Joined.addSessionId(builder, sessionId);
  Joined.addTickRate(builder, joined.tickRate);
  Joined.addSnapshotRate(builder, joined.snapshotRate);
  Joined.addTables(builder, tablesAt);
  Joined.addInput(builder, inputAt);
  Joined.addResumeToken(builder, resumeToken);
  Joined.addResumed(builder, joined.resumed);
  Joined.addReceived(builder, joined.received);
  Joined.addInputSeq(builder, joined.inputSeq);
  Joined.addGraceMs(builder, joined.graceMs);
  return finish(builder, ServerEvent.Joined, Joined.endJoined(builder));
}

/** The frame that tells a client why it has no seat. `code` as the close codes. */
export function encodeRefused(code: number, reason: string): Uint8Array<ArrayBuffer> {
  const builder = new flatbuffers.Builder(256);
  const reasonAt = builder.createString(reason);
  return finish(builder, ServerEvent.Refused, Refused.createRefused(builder, code, reasonAt));
}

/** A frame with a message from the room; `encoding` and `payload` as `encodePayload` gives them. */
export function encodeServerMessage(type: string, encoding: number, payload: Uint8Array): Uint8Array<ArrayBuffer> {
  const builder = new flatbuffers.Builder(64 + payload.length);
  const typeAt = builder.createString(type);
  const payloadAt = payload.length > 0 ? builder.createByteVector(payload) : 0;
  return finish(builder, ServerEvent.Message, Message.createMessage(builder, typeAt, encoding, payloadAt));
}

/** The frame that tells a client what of its was not taken, and why. */
export function encodeRejected(type: string, field: string, reason: string): Uint8Array<ArrayBuffer> {
  const builder = new flatbuffers.Builder(256);
  const typeAt = builder.createString(type);
  const fieldAt = builder.createString(field);
  const reasonAt = builder.createString(reason);
  return finish(builder, ServerEvent.Rejected, Rejected.createRejected(builder, typeAt, fieldAt, reasonAt));
}

/** The frame that tells a client that its room is about to end. */
export function encodeDraining(reason: string, deadlineMs: number): Uint8Array<ArrayBuffer> {
  const builder = new flatbuffers.Builder(128);
  const reasonAt = builder.createString(reason);
  return finish(builder, ServerEvent.Draining, Draining.createDraining(builder, reasonAt, deadlineMs));
}

/** The frame that tells a client how things stand in its queue. A tolerance without end is sent as the greatest number. */
export function encodeQueued({ waiting, waitedMs, tolerance, reason }: QueuedFrame): Uint8Array<ArrayBuffer> {
  const builder = new flatbuffers.Builder(128);
  const reasonAt = reason === '' ? 0 : builder.createString(reason);
  const tolerable = Math.min(tolerance, Number.MAX_VALUE);
  return finish(builder, ServerEvent.Queued, Queued.createQueued(builder, waiting, waitedMs, tolerable, reasonAt));
}

/** The answer to a ping: its own `timeMs`, how late the shard's newest tick began, and how many messages were taken. */
export function encodePong(timeMs: number, latenessUs: number, received = 0): Uint8Array<ArrayBuffer> {
  const builder = new flatbuffers.Builder(64);
  return finish(builder, ServerEvent.Pong, Pong.createPong(builder, timeMs, latenessUs, received));
}

/**
 * Writes pongs into one array that is made once, for the front that answers thousands of clients. The array is
 * overwritten by the next pong; uWebSockets.js copies it before `send` returns.
 */
export class PongFrameWriter {
  private readonly frame: Uint8Array<ArrayBuffer>;
  private readonly timeAt: number;
  private readonly latenessAt: number;
  private readonly receivedAt: number;

  constructor() {
    const builder = new flatbuffers.Builder(64);
    builder.forceDefaults(true); // fields that equal their default would be left out of the template
    this.frame = finish(builder, ServerEvent.Pong, Pong.createPong(builder, 0, 0, 0));
    const verifier = createServerVerifier();
    if (verifier.verify(this.frame) !== 0) throw new Error('the pong template is not a frame');
    this.timeAt = verifier.eventFieldAt[0]!;
    this.latenessAt = verifier.eventFieldAt[1]!;
    this.receivedAt = verifier.eventFieldAt[2]!;
  }

  /** `timeMs` is finite, the others u32. Returns the frame. */
  write(timeMs: number, latenessUs: number, received: number): Uint8Array<ArrayBuffer> {
    writeF64(this.frame, this.timeAt, timeMs);
    writeU32(this.frame, this.latenessAt, latenessUs);
    writeU32(this.frame, this.receivedAt, received);
    return this.frame;
  }
}

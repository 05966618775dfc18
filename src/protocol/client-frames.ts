/**
 * Frames from client to server (schemas/client.fbs): writing them, and reading them after verification.
 *
 * Inputs in the fixed layout are read from their places, others, pings and resyncs from the verifier's notes, without
 * allocation and without the FlatBuffers runtime. Join and Message are rare and become plain objects that own their bytes.
 */
import * as flatbuffers from 'flatbuffers';
import { CloseCode } from './close-codes.js';
import { FRAME_HEAD_OFFSET, FRAME_PREFIX_BYTES, hasFramePrefix, writeFramePrefix } from './frame-prefix.js';
import {
  ClientEvent,
  ClientFrame,
  Join,
  JoinMethod,
  Leave,
  Message,
  Ping,
  Resume,
  Resync,
  Watch,
} from './generated/client_generated.js';
import { readF64, readU16, readU32, writeU32 } from './little-endian.js';
import { copyBytes, copyText, type MessageFrame } from './message-frame.js';
import { CLIENT_FRAME_BYTES_MAX, createClientVerifier } from './verifier.js';

export { JoinMethod } from './generated/client_generated.js';

/** What a client frame is: 0 for an input, otherwise the type of its event. */
export const ClientFrameKind = {
  /** No frame has been read, or the last one was refused. */
  None: -1,
  Input: 0,
  Join: ClientEvent.Join,
  Message: ClientEvent.Message,
  Ping: ClientEvent.Ping,
  Resync: ClientEvent.Resync,
  Leave: ClientEvent.Leave,
  Resume: ClientEvent.Resume,
  Watch: ClientEvent.Watch,
} as const;

export type ClientFrameKind = (typeof ClientFrameKind)[keyof typeof ClientFrameKind];

/** A request for a seat. Strings that were not sent are ''. */
export interface JoinFrame {
  readonly method: JoinMethod;
  /** Name of the room's type. */
  readonly room: string;
  /** For JoinById only. */
  readonly roomId: string;
  readonly token: string;
  /** UTF-8 JSON object, or nothing: see `decodeOptions`. */
  readonly options: Uint8Array;
  /** For Ticket only. */
  readonly ticket: string;
  /** For Queue only, as the next two. Finite. */
  readonly rating: number;
  readonly party: string;
  /** 0 and 1: alone. */
  readonly partySize: number;
}

/** A request to take a session over. */
export interface ResumeFrame {
  readonly sessionId: string;
  readonly token: string;
  /** Messages of the session that the client has received. */
  readonly received: number;
  /** The client knows nothing of the session but its token. */
  readonly anew: boolean;
}

/** A request for the list of rooms and its changes. */
export interface WatchFrame {
  /** Name of a room type; empty: of all. */
  readonly room: string;
  /** UTF-8 JSON object, or nothing: see `decodeOptions`. */
  readonly filter: Uint8Array;
}

/**
 * Reads client frames, one at a time. Only the members that belong to the `kind` just read are of use; the others keep
 * what earlier frames left in them.
 *
 *   const reader = new ClientFrameReader();
 *   const problem = reader.read(bytes);
 *   if (problem !== 0) close(4400, problemText(problem));
 *   else if (reader.kind === ClientFrameKind.Input) …
 */
export class ClientFrameReader {
  kind: ClientFrameKind = ClientFrameKind.None;
  /** Input: its sequence number, u32. */
  seq = 0;
  /** Input and Ping: the newest tick the client holds, u32; 0 before its first keyframe. */
  ackTick = 0;
  /** Input: where the packed record begins in the frame, in bytes. */
  bodyOffset = 0;
  /** Input: bytes of the packed record. Whether they fit the room's declaration is for the caller to check. */
  bodyLength = 0;
  /** Ping: the client's own clock, finite. NaN before the first ping: the field is a double from the start. */
  timeMs = NaN;
  /** Ping: messages of the session that the client has received, u32. */
  received = 0;
  /** Resync: the tick the client still holds, u32; 0 for none. */
  haveTick = 0;
  /** Leave: the code for the room's onLeave, u16; whether it is one to close with is for the caller to check. */
  code = 0;

  private readonly verifier = createClientVerifier();

  /** After a refusal: the byte of the frame at which the problem was found. */
  get problemOffset(): number {
    return this.verifier.problemOffset;
  }

  /** Verifies one whole frame and reads it. Returns 0, or a code for `problemText`. O(bytes), no allocation. */
  read(bytes: Uint8Array): number {
    // Nearly all frames are inputs of our own SDK.
    if (hasFramePrefix(bytes) && bytes.length <= CLIENT_FRAME_BYTES_MAX) {
      this.kind = ClientFrameKind.Input;
      this.seq = readU32(bytes, FRAME_HEAD_OFFSET);
      this.ackTick = readU32(bytes, FRAME_HEAD_OFFSET + 4);
      this.bodyLength = bytes.length - FRAME_PREFIX_BYTES;
      this.bodyOffset = FRAME_PREFIX_BYTES;
      return 0;
    }
    const verifier = this.verifier;
    const problem = verifier.verify(bytes);
    if (problem !== 0) {
      this.kind = ClientFrameKind.None;
      return problem;
    }
    const kind = verifier.eventType as ClientFrameKind;
    this.kind = kind;
    if (kind === ClientFrameKind.Input) {
      const headAt = verifier.rootFieldAt[0]!;
      const bodyAt = verifier.rootFieldAt[1]!;
      this.seq = readU32(bytes, headAt);
      this.ackTick = readU32(bytes, headAt + 4);
      this.bodyLength = readU32(bytes, bodyAt);
      this.bodyOffset = bodyAt + 4;
      return 0;
    }
    // An absent field has its schema's default.
    const first = verifier.eventFieldAt[0]!;
    if (kind === ClientFrameKind.Ping) {
      const second = verifier.eventFieldAt[1]!;
      this.timeMs = first === 0 ? 0 : readF64(bytes, first);
      this.ackTick = second === 0 ? 0 : readU32(bytes, second);
      const third = verifier.eventFieldAt[2]!;
      this.received = third === 0 ? 0 : readU32(bytes, third);
    } else if (kind === ClientFrameKind.Resync) {
      this.haveTick = first === 0 ? 0 : readU32(bytes, first);
    } else if (kind === ClientFrameKind.Leave) {
      this.code = first === 0 ? CloseCode.Consented : readU16(bytes, first);
    }
    return 0;
  }
}

/** The event of a verified frame; `event` is of the class that belongs to `type`. */
function eventOf<T>(bytes: Uint8Array, type: ClientEvent, event: T): T {
  const frame = ClientFrame.getRootAsClientFrame(new flatbuffers.ByteBuffer(bytes));
  if (frame.eventType() !== type) {
    throw new Error(`frame holds event ${frame.eventType()}; expected ${type}: look at the reader's kind first`);
  }
  return frame.event(event) as T;
}

/** Reads a Join out of a frame that has been verified. The result shares no memory with `bytes`. */
export function decodeJoin(bytes: Uint8Array): JoinFrame {
  const join = eventOf(bytes, ClientEvent.Join, new Join());
  return {
    method: join.method(),
    room: copyText(join.room(flatbuffers.Encoding.UTF8_BYTES)),
    roomId: copyText(join.roomId(flatbuffers.Encoding.UTF8_BYTES)),
    token: copyText(join.token(flatbuffers.Encoding.UTF8_BYTES)),
    options: copyBytes(join.optionsArray()),
    ticket: copyText(join.ticket(flatbuffers.Encoding.UTF8_BYTES)),
    rating: join.rating(),
    party: copyText(join.party(flatbuffers.Encoding.UTF8_BYTES)),
    partySize: join.partySize(),
  };
}

/** Reads a Resume out of a frame that has been verified. The result shares no memory with `bytes`. */
export function decodeResume(bytes: Uint8Array): ResumeFrame {
  const resume = eventOf(bytes, ClientEvent.Resume, new Resume());
  return {
    sessionId: copyText(resume.sessionId(flatbuffers.Encoding.UTF8_BYTES)),
    token: copyText(resume.token(flatbuffers.Encoding.UTF8_BYTES)),
    received: resume.received(),
    anew: resume.anew(),
  };
}

/** Reads a Watch out of a frame that has been verified. The result shares no memory with `bytes`. */
export function decodeWatch(bytes: Uint8Array): WatchFrame {
  const watch = eventOf(bytes, ClientEvent.Watch, new Watch());
  return { room: copyText(watch.room(flatbuffers.Encoding.UTF8_BYTES)), filter: copyBytes(watch.filterArray()) };
}

/** Reads a Message out of a frame that has been verified. The result shares no memory with `bytes`. */
export function decodeClientMessage(bytes: Uint8Array): MessageFrame {
  const message = eventOf(bytes, ClientEvent.Message, new Message());
  return {
    type: copyText(message.type(flatbuffers.Encoding.UTF8_BYTES)),
    encoding: message.encoding(),
    payload: copyBytes(message.payloadArray()),
  };
}

function finish(builder: flatbuffers.Builder, type: ClientEvent, event: flatbuffers.Offset): Uint8Array {
  ClientFrame.startClientFrame(builder);
  ClientFrame.addEventType(builder, type);
  ClientFrame.addEvent(builder, event);
  ClientFrame.finishClientFrameBuffer(builder, ClientFrame.endClientFrame(builder));
  // The builder writes from the end of a larger array; a slice frees the rest.
  return builder.asUint8Array().slice();
}

/** A frame that asks for a seat. Members that are left out are not sent; `method` is then JoinOrCreate. */
export function encodeJoin(join: Partial<JoinFrame>): Uint8Array {
  const builder = new flatbuffers.Builder(256);
  const room = join.room ? builder.createString(join.room) : 0;
  const roomId = join.roomId ? builder.createString(join.roomId) : 0;
  const token = join.token ? builder.createString(join.token) : 0;
  const options = join.options?.length ? builder.createByteVector(join.options) : 0;
  const ticket = join.ticket ? builder.createString(join.ticket) : 0;
  const party = join.party ? builder.createString(join.party) : 0;
  const method = join.method ?? JoinMethod.JoinOrCreate;
  const { rating = 0, partySize = 0 } = join;
  const event = Join.createJoin(builder, method, room, roomId, token, options, ticket, rating, party, partySize);
  return finish(builder, ClientEvent.Join, event);
}

/** A frame that takes a session over. */
export function encodeResume({ sessionId, token, received, anew }: ResumeFrame): Uint8Array {
  const builder = new flatbuffers.Builder(128);
  const sessionAt = builder.createString(sessionId);
  const tokenAt = builder.createString(token);
  return finish(builder, ClientEvent.Resume, Resume.createResume(builder, sessionAt, tokenAt, received, anew));
}

/** A frame that asks for the list of rooms. */
export function encodeWatch({ room, filter }: WatchFrame): Uint8Array {
  const builder = new flatbuffers.Builder(128);
  const roomAt = room === '' ? 0 : builder.createString(room);
  const filterAt = filter.length > 0 ? builder.createByteVector(filter) : 0;
  return finish(builder, ClientEvent.Watch, Watch.createWatch(builder, roomAt, filterAt));
}

/** A frame with a message for the room; `encoding` and `payload` as `encodePayload` gives them. */
export function encodeClientMessage(type: string, encoding: number, payload: Uint8Array): Uint8Array {
  const builder = new flatbuffers.Builder(64 + payload.length);
  const typeAt = builder.createString(type);
  const payloadAt = payload.length > 0 ? builder.createByteVector(payload) : 0;
  return finish(builder, ClientEvent.Message, Message.createMessage(builder, typeAt, encoding, payloadAt));
}

/**
 * A frame that is answered with a Pong. `timeMs` is the client's clock, finite; it only comes back. `received`: how many
 * Messages of the session it has.
 */
export function encodePing(timeMs: number, ackTick: number, received = 0): Uint8Array {
  const builder = new flatbuffers.Builder(64);
  return finish(builder, ClientEvent.Ping, Ping.createPing(builder, timeMs, ackTick, received));
}

/** A frame that asks for a keyframe. `haveTick` is the newest tick the client holds, 0 for none. */
export function encodeResync(haveTick: number): Uint8Array {
  const builder = new flatbuffers.Builder(64);
  return finish(builder, ClientEvent.Resync, Resync.createResync(builder, haveTick));
}

/** A frame that leaves the room on purpose. `code` is handed to the room's onLeave if it is 4000 to 4999, else 4000. */
export function encodeLeave(code: number = CloseCode.Consented): Uint8Array {
  const builder = new flatbuffers.Builder(64);
  return finish(builder, ClientEvent.Leave, Leave.createLeave(builder, code));
}

/**
 * Writes input frames into one array that is made once, since an input record always has the same length.
 *
 *   const writer = new InputFrameWriter(record.bytes);
 *   … pack the record into writer.frame from writer.bodyOffset on …
 *   socket.send(writer.write(seq, ackTick));
 *
 * The array is overwritten by the next input. WebSocket.send copies before it returns; a transport that does not must
 * be given a copy.
 */
export class InputFrameWriter {
  /** The whole frame. */
  readonly frame: Uint8Array<ArrayBuffer>;
  /** Where the packed record begins. A multiple of 8. */
  readonly bodyOffset = FRAME_PREFIX_BYTES;

  /** `bodyBytes`: length of the room's packed input record. */
  constructor(readonly bodyBytes: number) {
    this.frame = new Uint8Array(FRAME_PREFIX_BYTES + bodyBytes);
    writeFramePrefix(this.frame, 0, bodyBytes);
  }

  /** Sets the head and returns the whole frame. Both numbers are u32 and wrap. */
  write(seq: number, ackTick: number): Uint8Array<ArrayBuffer> {
    writeU32(this.frame, FRAME_HEAD_OFFSET, seq);
    writeU32(this.frame, FRAME_HEAD_OFFSET + 4, ackTick);
    return this.frame;
  }
}

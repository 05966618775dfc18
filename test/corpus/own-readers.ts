/**
 * Reads a frame that the verifier has accepted with our own readers and decoders, which must find what the generated code
 * finds: the readers follow the verifier's notes and not the frame's own words.
 */
import * as flatbuffers from 'flatbuffers';
import {
  ClientFrameKind,
  ClientFrameReader,
  decodeClientMessage,
  decodeJoin,
  decodeResume,
  decodeWatch,
} from '../../src/protocol/client-frames.js';
import * as client from '../../src/protocol/generated/client_generated.js';
import * as server from '../../src/protocol/generated/server_generated.js';
import { decodeRooms } from '../../src/protocol/room-list-frames.js';
import {
  decodeDraining,
  decodeJoined,
  decodeQueued,
  decodeRefused,
  decodeRejected,
  decodeServerMessage,
  ServerFrameKind,
  ServerFrameReader,
} from '../../src/protocol/server-frames.js';

const clientReader = new ClientFrameReader();
const serverReader = new ServerFrameReader();

/** What is rare: each becomes a plain object. */
const CLIENT_DECODERS: Readonly<Partial<Record<ClientFrameKind, (bytes: Uint8Array) => unknown>>> = {
  [ClientFrameKind.Join]: decodeJoin,
  [ClientFrameKind.Message]: decodeClientMessage,
  [ClientFrameKind.Resume]: decodeResume,
  [ClientFrameKind.Watch]: decodeWatch,
};

const SERVER_DECODERS: Readonly<Partial<Record<ServerFrameKind, (bytes: Uint8Array) => unknown>>> = {
  [ServerFrameKind.Joined]: decodeJoined,
  [ServerFrameKind.Refused]: decodeRefused,
  [ServerFrameKind.Message]: decodeServerMessage,
  [ServerFrameKind.Rejected]: decodeRejected,
  [ServerFrameKind.Draining]: decodeDraining,
  [ServerFrameKind.Queued]: decodeQueued,
  [ServerFrameKind.Rooms]: decodeRooms,
};

function same(what: string, found: readonly unknown[], expected: readonly unknown[]): void {
  if (found.every((each, i) => Object.is(each, expected[i]))) return;
  throw new RangeError(`${what}: the reader found ${found.join(', ')}; the generated code ${expected.join(', ')}`);
}

/** Throws when the reader finds something else than the generated code. */
export function readClientFrame(bytes: Uint8Array): void {
  const reader = clientReader;
  if (reader.read(bytes) !== 0) throw new RangeError('the reader refuses what the verifier accepts');
  CLIENT_DECODERS[reader.kind]?.(bytes);
  const frame = client.ClientFrame.getRootAsClientFrame(new flatbuffers.ByteBuffer(bytes));
  switch (reader.kind) {
    case ClientFrameKind.Input: {
      const head = frame.head()!;
      same('input', [reader.seq, reader.ackTick, reader.bodyLength], [head.seq(), head.ackTick(), frame.bodyLength()]);
      break;
    }
    case ClientFrameKind.Ping: {
      const ping = frame.event(new client.Ping()) as client.Ping;
      same('ping', [reader.timeMs, reader.ackTick, reader.received], [ping.timeMs(), ping.ackTick(), ping.received()]);
      break;
    }
    case ClientFrameKind.Resync:
      same('resync', [reader.haveTick], [(frame.event(new client.Resync()) as client.Resync).haveTick()]);
      break;
    case ClientFrameKind.Leave:
      same('leave', [reader.code], [(frame.event(new client.Leave()) as client.Leave).code()]);
      break;
    default:
      if (CLIENT_DECODERS[reader.kind] === undefined) throw new RangeError(`nothing reads frames of kind ${reader.kind}`);
  }
}

/** Throws when the reader finds something else than the generated code. */
export function readServerFrame(bytes: Uint8Array): void {
  const reader = serverReader;
  if (reader.read(bytes) !== 0) throw new RangeError('the reader refuses what the verifier accepts');
  SERVER_DECODERS[reader.kind]?.(bytes);
  const frame = server.ServerFrame.getRootAsServerFrame(new flatbuffers.ByteBuffer(bytes));
  switch (reader.kind) {
    case ServerFrameKind.Snapshot: {
      const head = frame.head()!;
      const found = [reader.tick, reader.ack, reader.age, reader.snapshotKind, reader.bodyLength];
      same('snapshot', found, [head.tick(), head.ack(), head.age(), head.kind(), frame.bodyLength()]);
      break;
    }
    case ServerFrameKind.Pong: {
      const pong = frame.event(new server.Pong()) as server.Pong;
      const found = [reader.timeMs, reader.latenessUs, reader.received];
      same('pong', found, [pong.timeMs(), pong.latenessUs(), pong.received()]);
      break;
    }
    default:
      if (SERVER_DECODERS[reader.kind] === undefined) throw new RangeError(`nothing reads frames of kind ${reader.kind}`);
  }
}

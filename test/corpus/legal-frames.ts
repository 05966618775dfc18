/** One legal frame of every message type, as our own encoders write them. Mutations start from these. */
import {
  encodeClientMessage,
  encodeJoin,
  encodeLeave,
  encodePing,
  encodeResume,
  encodeResync,
  encodeWatch,
  InputFrameWriter,
  JoinMethod,
} from '../../src/protocol/client-frames.js';
import { encodePayload } from '../../src/protocol/payload.js';
import { encodeRooms, type RoomInfoFrame } from '../../src/protocol/room-list-frames.js';
import {
  encodeDraining,
  encodeJoined,
  encodePong,
  encodeQueued,
  encodeRefused,
  encodeRejected,
  encodeServerMessage,
  SNAPSHOT_PREFIX_BYTES,
  SnapshotKind,
  writeSnapshotPrefix,
  type JoinedFrame,
} from '../../src/protocol/server-frames.js';
import type { FieldSpec } from '../../src/protocol/specs.js';

export interface LegalFrame {
  readonly name: string;
  readonly bytes: Uint8Array;
}

const field = (name: string, kind: number, rest: Partial<FieldSpec> = {}): FieldSpec => ({
  name,
  kind,
  min: 0,
  max: 0,
  step: 0,
  bits: 0,
  bytesMax: 0,
  secret: false,
  ...rest,
});

export const JOINED: JoinedFrame = {
  room: 'arena',
  roomId: 'r-7f3k',
  sessionId: 's-0001',
  tickRate: 60,
  snapshotRate: 20,
  tables: [
    {
      name: 'players',
      capacity: 64,
      fields: [
        field('x', 7, { min: -10, max: 2000, step: 1 / 32 }),
        field('heading', 8, { bits: 8 }),
        field('name', 10, { bytesMax: 24 }),
      ],
    },
    { name: 'empty', capacity: 1, fields: [] },
  ],
  input: [field('dx', 0), field('fire', 9)],
  resumeToken: 'Zk3vQ8bX0tYw1mN5rLpC7a',
  resumed: false,
  received: 0,
  inputSeq: 0,
  graceMs: 20_000,
};

export const ROOM_INFO: RoomInfoFrame = {
  roomId: 'r-7f3k',
  gone: false,
  room: 'arena',
  clients: 3,
  clientsMax: 16,
  locked: false,
  createdMs: 1_767_225_600_000,
  metadata: encodePayload({ map: 'dünen' }).bytes,
};

/** A room that is gone has nothing but its id. */
const NOTHING_KNOWN: RoomInfoFrame = {
  roomId: '',
  gone: false,
  room: '',
  clients: 0,
  clientsMax: 0,
  locked: false,
  createdMs: 0,
  metadata: new Uint8Array(0),
};

export function snapshotFrame(kind: SnapshotKind, body: Uint8Array): Uint8Array {
  const frame = new Uint8Array(SNAPSHOT_PREFIX_BYTES + body.length);
  writeSnapshotPrefix(frame, 0, 1234, 56, kind === SnapshotKind.Delta ? 3 : 0, kind, body.length);
  frame.set(body, SNAPSHOT_PREFIX_BYTES);
  return frame;
}

function inputFrame(body: readonly number[]): Uint8Array {
  const writer = new InputFrameWriter(body.length);
  writer.frame.set(body, writer.bodyOffset);
  return writer.write(7, 1234).slice();
}

const json = encodePayload({ text: 'hé', to: [1, 2, null] });

export const CLIENT_FRAMES: readonly LegalFrame[] = [
  { name: 'input', bytes: inputFrame([1, 255, 128, 0, 9]) },
  { name: 'input without fields', bytes: inputFrame([]) },
  {
    name: 'join',
    bytes: encodeJoin({ room: 'arena', token: 'tökén', options: encodePayload({ name: 'Ada' }).bytes }),
  },
  { name: 'join by id', bytes: encodeJoin({ method: JoinMethod.JoinById, roomId: 'r-7f3k' }) },
  { name: 'join with nothing', bytes: encodeJoin({}) },
  {
    name: 'join of a queue',
    bytes: encodeJoin({ method: JoinMethod.Queue, room: 'duel', rating: 1512.5, party: 'owls', partySize: 2 }),
  },
  { name: 'join with a ticket', bytes: encodeJoin({ method: JoinMethod.Ticket, ticket: 'AQJrMQZyLTdmM2s' }) },
  { name: 'resume', bytes: encodeResume({ sessionId: 's-0001', token: JOINED.resumeToken, received: 77, anew: false }) },
  { name: 'resume anew', bytes: encodeResume({ sessionId: 's-0001', token: 't', received: 0, anew: true }) },
  { name: 'watch', bytes: encodeWatch({ room: 'duel', filter: encodePayload({ mode: 'ränked', open: true }).bytes }) },
  { name: 'watch of everything', bytes: encodeWatch({ room: '', filter: new Uint8Array(0) }) },
  { name: 'message', bytes: encodeClientMessage('chat', json.encoding, json.bytes) },
  { name: 'message of bytes', bytes: encodeClientMessage('raw', 1, new Uint8Array([0, 1, 2])) },
  { name: 'ping', bytes: encodePing(1234.5, 1234) },
  { name: 'ping that counts', bytes: encodePing(1234.5, 1234, 77) },
  { name: 'ping that only acknowledges', bytes: encodePing(0, 1234, 77) },
  { name: 'resync', bytes: encodeResync(1234) },
  { name: 'leave', bytes: encodeLeave(4321) },
  { name: 'leave by default', bytes: encodeLeave() },
];

export const SERVER_FRAMES: readonly LegalFrame[] = [
  { name: 'delta', bytes: snapshotFrame(SnapshotKind.Delta, new Uint8Array([1, 2, 3, 4, 5, 6, 7])) },
  { name: 'keyframe', bytes: snapshotFrame(SnapshotKind.Keyframe, new Uint8Array(40).fill(0xa5)) },
  { name: 'joined', bytes: encodeJoined(JOINED) },
  { name: 'joined again', bytes: encodeJoined({ ...JOINED, resumed: true, received: 77, inputSeq: 4_000_000_000 }) },
  { name: 'joined without resumption', bytes: encodeJoined({ ...JOINED, tables: [], input: [], resumeToken: '', graceMs: 0 }) },
  { name: 'refused', bytes: encodeRefused(4401, 'no room named arenaa; this server has arena') },
  { name: 'message', bytes: encodeServerMessage('chat', json.encoding, json.bytes) },
  { name: 'message of nothing', bytes: encodeServerMessage('round', 0, new Uint8Array(0)) },
  { name: 'pong', bytes: encodePong(1234.5, 180) },
  { name: 'pong that counts', bytes: encodePong(1234.5, 180, 77) },
  { name: 'rejected', bytes: encodeRejected('build', 'items.3.count', 'expected 1 to 64') },
  { name: 'rejected as a whole', bytes: encodeRejected('', '', 'not valid') },
  { name: 'draining', bytes: encodeDraining('the server is shutting down', 5000) },
  { name: 'queued', bytes: encodeQueued({ waiting: 3, waitedMs: 4500, tolerance: 87.5, reason: '' }) },
  { name: 'queued in vain', bytes: encodeQueued({ waiting: 8, waitedMs: 1, tolerance: 0, reason: 'the server is full' }) },
  {
    name: 'rooms',
    bytes: encodeRooms({
      rooms: [ROOM_INFO, { ...ROOM_INFO, roomId: 'r-9', locked: true, metadata: new Uint8Array(0) }],
      complete: true,
      reset: true,
    }),
  },
  {
    name: 'rooms that changed',
    bytes: encodeRooms({
      rooms: [ROOM_INFO, { ...NOTHING_KNOWN, roomId: 'r-8', gone: true }],
      complete: true,
      reset: false,
    }),
  },
  { name: 'no rooms', bytes: encodeRooms({ rooms: [], complete: true, reset: true }) },
];

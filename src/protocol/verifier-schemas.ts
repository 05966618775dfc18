/**
 * The shapes of schemas/client.fbs and schemas/server.fbs. `test/verifier-matches-schemas.test.ts` reads the .fbs files
 * and holds these to them, field by field.
 */
import {
  TableShape,
  byteVector,
  enumeration,
  finite,
  requiredText,
  struct,
  structWithEnum,
  tableVector,
  text,
  union,
  unsigned,
} from './verifier-shape.js';

const Join = new TableShape('Join', [
  enumeration('method', 5),
  text('room'),
  text('room_id'),
  text('token'),
  byteVector('options'),
  text('ticket'),
  finite('rating'),
  text('party'),
  unsigned('party_size', 1),
]);

const Resume = new TableShape('Resume', [
  requiredText('session_id'),
  requiredText('token'),
  unsigned('received', 4),
  unsigned('anew', 1),
]);

const Watch = new TableShape('Watch', [text('room'), byteVector('filter')]);

// Client and server schema both have this table, alike in every field.
const Message = new TableShape('Message', [
  requiredText('type'),
  enumeration('encoding', 1),
  byteVector('payload'),
]);

const Ping = new TableShape('Ping', [finite('time_ms'), unsigned('ack_tick', 4), unsigned('received', 4)]);
const Resync = new TableShape('Resync', [unsigned('have_tick', 4)]);
const Leave = new TableShape('Leave', [unsigned('code', 2)]);

/** Root of schemas/client.fbs. */
export const CLIENT_FRAME = new TableShape('ClientFrame', [
  struct('head', 8, 4),
  byteVector('body'),
  ...union('event', [Join, Message, Ping, Resync, Leave, Resume, Watch]),
]);

const FieldSpec = new TableShape('FieldSpec', [
  requiredText('name'),
  enumeration('kind', 10),
  finite('min'),
  finite('max'),
  finite('step'),
  unsigned('bits', 1),
  unsigned('bytes_max', 2),
  unsigned('secret', 1),
]);

const TableSpec = new TableShape('TableSpec', [
  requiredText('name'),
  unsigned('capacity', 4),
  tableVector('fields', [FieldSpec], true),
]);

const Joined = new TableShape('Joined', [
  requiredText('room'),
  requiredText('room_id'),
  requiredText('session_id'),
  unsigned('tick_rate', 2),
  unsigned('snapshot_rate', 2),
  tableVector('tables', [TableSpec], true),
  tableVector('input', [FieldSpec], false),
  text('resume_token'),
  unsigned('resumed', 1),
  unsigned('received', 4),
  unsigned('input_seq', 4),
  unsigned('grace_ms', 4),
]);

const Refused = new TableShape('Refused', [unsigned('code', 2), requiredText('reason')]);
const Pong = new TableShape('Pong', [finite('time_ms'), unsigned('lateness_us', 4), unsigned('received', 4)]);
const Rejected = new TableShape('Rejected', [requiredText('type'), requiredText('field'), requiredText('reason')]);
const Draining = new TableShape('Draining', [requiredText('reason'), unsigned('deadline_ms', 4)]);

const Queued = new TableShape('Queued', [
  unsigned('waiting', 4),
  unsigned('waited_ms', 4),
  finite('tolerance'),
  text('reason'),
]);

const RoomInfo = new TableShape('RoomInfo', [
  requiredText('room_id'),
  unsigned('gone', 1),
  text('room'),
  unsigned('clients', 4),
  unsigned('clients_max', 4),
  unsigned('locked', 1),
  finite('created_ms'),
  byteVector('metadata'),
]);

const Rooms = new TableShape('Rooms', [
  tableVector('rooms', [RoomInfo], true),
  unsigned('complete', 1),
  unsigned('reset', 1),
]);

/** Root of schemas/server.fbs. */
export const SERVER_FRAME = new TableShape('ServerFrame', [
  structWithEnum('head', 8, 4, 7, 1),
  byteVector('body'),
  ...union('event', [Joined, Refused, Message, Pong, Rejected, Draining, Queued, Rooms]),
]);

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
  enumeration('method', 3),
  text('room'),
  text('room_id'),
  text('token'),
  byteVector('options'),
]);

// Client and server schema both have this table, alike in every field.
const Message = new TableShape('Message', [
  requiredText('type'),
  enumeration('encoding', 1),
  byteVector('payload'),
]);

const Ping = new TableShape('Ping', [finite('time_ms'), unsigned('ack_tick', 4)]);
const Resync = new TableShape('Resync', [unsigned('have_tick', 4)]);
const Leave = new TableShape('Leave', [unsigned('code', 2)]);

/** Root of schemas/client.fbs. */
export const CLIENT_FRAME = new TableShape('ClientFrame', [
  struct('head', 8, 4),
  byteVector('body'),
  ...union('event', [Join, Message, Ping, Resync, Leave]),
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
]);

const Refused = new TableShape('Refused', [unsigned('code', 2), requiredText('reason')]);
const Pong = new TableShape('Pong', [finite('time_ms'), unsigned('lateness_us', 4)]);

/** Root of schemas/server.fbs. */
export const SERVER_FRAME = new TableShape('ServerFrame', [
  structWithEnum('head', 8, 4, 7, 1),
  byteVector('body'),
  ...union('event', [Joined, Refused, Message, Pong]),
]);

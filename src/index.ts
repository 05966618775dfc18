/**
 * Escapement: a high-tick, authoritative room server.
 *
 * Room modules import this too, inside shard threads; so what needs the main thread is loaded by `createServer` only.
 */
export { Room } from './shard/room.js';
export type { Client } from './shard/client.js';
export { grid, type GridInterest, type GridOptions } from './shard/interest/grid.js';
export type { Group } from './shard/interest/audience.js';
export type { Input } from './shard/input.js';
export type { QueueOptions } from './shard/queue-options.js';
export type { SortDirection } from './shard/room-class.js';
export type { StandardSchema } from './shard/standard-schema.js';
export type { AuthRequest } from './protocol/control.js';
export type { Table } from './state/table.js';
export type { Row } from './state/row.js';
export type { Field, Fields, Values } from './state/field.js';
export {
  angle,
  bool,
  fixed,
  float32,
  int8,
  int16,
  int32,
  secret,
  text,
  uint8,
  uint16,
  uint32,
} from './state/field.js';
export { input, table, type InputSchema, type TableSchema } from './state/schema.js';
import { importHost } from './node-support.js';

export { CloseCode } from './protocol/close-codes.js';
export type { Server } from './host/server.js';
export type { AuthOption, JwtAuthOptions } from './host/auth-option.js';
export type { ServerAuth } from './host/admission.js';
export type { RoomInfo } from './host/matchmaking/room-list.js';
export type { RoomApi, RoomsQuery, SeatReservation } from './host/room-api.js';
export type { ServerOptions } from './host/server-options.js';
import type { Server } from './host/server.js';
import type { ServerOptions } from './host/server-options.js';

/**
 * Makes a server: loads the room modules in its shards, and resolves when all is ready for `listen()`.
 *
 * ```ts
 * const server = await createServer({ rooms: { arena: new URL('./arena.js', import.meta.url) }, port: 2567 });
 * const { url } = await server.listen();
 * ```
 *
 * @throws ConfigError with every problem of `options`; RoomModuleError when a room module can't be used; an Error with
 *   the remedy when this version of Node has no uWebSockets.js.
 */
export async function createServer(options: ServerOptions): Promise<Server> {
  const { createServerHere } = await importHost(() => import('./host/create-server.js'));
  return createServerHere(options);
}

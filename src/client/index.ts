/**
 * The client SDK, `escapement/client`. Nothing here is of Node or of any browser in particular.
 *
 * ```ts
 * import type Arena from './arena.js';
 * const room = await connect('ws://localhost:2567').joinOrCreate<typeof Arena>('arena', { name: 'anon' });
 * room.state.players.onAdd((player) => console.log(player.name, 'is here'));
 * room.input({ dx: 1 });
 * ```
 */
import { Client } from './client.js';
import type { ConnectOptions } from './client-settings.js';

export { CloseCode } from '../protocol/close-codes.js';
export {
  InputError,
  JoinError,
  MalformedFrameError,
  OutboxFullError,
  RejectedError,
  RoomListError,
} from './client-errors.js';
export type { ClientRoom, RoomStats } from './client-room.js';
export type { ConnectOptions, ReconnectOptions } from './client-settings.js';
export type { Client, JoinOptions } from './client.js';
export type { WebSocketConstructor } from './connection.js';
export type { ListedRoom, RoomFilter } from './listed-room.js';
export type { Unsubscribe } from './listeners.js';
export type { QueueOptions, QueueStatus } from './queue-options.js';
export type { RoomList } from './room-list.js';
export type { InputOf, RoomType, StateOf } from './room-types.js';
export type { SeatReservation } from './seat-reservation.js';
export type { RowView, TableView } from './table-view.js';

/**
 * A client of the server at `server`. Opens nothing yet: each join has a socket of its own.
 *
 * @param server `ws://`, `wss://`, `http://` or `https://` URL; in a page by default the page's own server.
 * @throws TypeError for another URL, or where there is no WebSocket; RangeError for an option out of its range.
 */
export function connect(server?: string | URL, options: ConnectOptions = {}): Client {
  return new Client(server, options);
}

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
import { Client, type ConnectOptions } from './client.js';

export { InputError, JoinError, MalformedFrameError } from './client-errors.js';
export type { ClientRoom, RoomStats } from './client-room.js';
export type { Client, ConnectOptions, JoinOptions } from './client.js';
export type { WebSocketConstructor } from './connection.js';
export type { Unsubscribe } from './listeners.js';
export type { InputOf, RoomType, StateOf } from './room-types.js';
export type { RowView, TableView } from './table-view.js';

/**
 * A client of the server at `server`. Opens nothing yet: each join has a socket of its own.
 *
 * @param server `ws://`, `wss://`, `http://` or `https://` URL; in a page by default the page's own server.
 * @throws TypeError for another URL, or where there is no WebSocket.
 */
export function connect(server?: string | URL, options: ConnectOptions = {}): Client {
  return new Client(server, options);
}

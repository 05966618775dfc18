import { connect, type ClientRoom } from '../../client/index.js';
import type Arena from '../rooms/arena.js';
import type { ArenaOptions } from '../rooms/arena.js';

/** The arena as the SDK shows it; every type comes from the room's class. */
export type ArenaRoom = ClientRoom<typeof Arena>;

/** Joins the room that the page's address names, or any. */
export async function joinArena(name: string, address: URLSearchParams): Promise<ArenaRoom> {
  const client = connect(location.origin);
  const options: ArenaOptions = { name };
  const bots = address.get('bots');
  if (bots !== null) options.bots = Number(bots);
  const roomId = address.get('room');
  if (roomId !== null) return client.joinById<typeof Arena>(roomId, options);
  return client.joinOrCreate<typeof Arena>('arena', options);
}

import { connect, type ClientRoom } from '../../client/index.js';
import type Arena from '../rooms/arena.js';
import type { ArenaOptions } from '../rooms/arena.js';
import { resumeRoom } from './resumed-room.js';

const client = connect(location.origin);

/** The arena as the SDK shows it; every type comes from the room's class. */
export type ArenaRoom = ClientRoom<typeof Arena>;

/** Goes on with the session that this tab had, if it can. */
export function resumeArena(token: string, address: URLSearchParams): Promise<ArenaRoom | undefined> {
  return resumeRoom<typeof Arena>(client, token, address);
}

/** Joins the room that the page's address names, or any. */
export async function joinArena(name: string, address: URLSearchParams): Promise<ArenaRoom> {
  const options: ArenaOptions = { name };
  const bots = address.get('bots');
  if (bots !== null) options.bots = Number(bots);
  const roomId = address.get('room');
  if (roomId !== null) return client.joinById<typeof Arena>(roomId, options);
  return client.joinOrCreate<typeof Arena>('arena', options);
}

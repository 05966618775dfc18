import { connect, type ClientRoom } from '../../../client/index.js';
import type Swarm from '../../rooms/swarm.js';
import type { SwarmOptions } from '../../rooms/swarm.js';
import { resumeRoom } from '../resumed-room.js';

const client = connect(location.origin);

/** The swarm as the SDK shows it; every type comes from the room's class. */
export type SwarmRoom = ClientRoom<typeof Swarm>;

/** Goes on with the session that this tab had, if it can. */
export function resumeSwarm(token: string, address: URLSearchParams): Promise<SwarmRoom | undefined> {
  return resumeRoom<typeof Swarm>(client, token, address);
}

/** Joins the room that the page's address names, or any. */
export async function joinSwarm(name: string, address: URLSearchParams): Promise<SwarmRoom> {
  const options: SwarmOptions = { name };
  const roomId = address.get('room');
  if (roomId !== null) return client.joinById<typeof Swarm>(roomId, options);
  return client.joinOrCreate<typeof Swarm>('swarm', options);
}

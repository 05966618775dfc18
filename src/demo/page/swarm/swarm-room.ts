import { connect, type ClientRoom } from '../../../client/index.js';
import type Swarm from '../../rooms/swarm.js';
import type { SwarmOptions } from '../../rooms/swarm.js';

/** The swarm as the SDK shows it; every type comes from the room's class. */
export type SwarmRoom = ClientRoom<typeof Swarm>;

/** Joins the room that the page's address names, or any. */
export async function joinSwarm(name: string, address: URLSearchParams): Promise<SwarmRoom> {
  const client = connect(location.origin);
  const options: SwarmOptions = { name };
  const roomId = address.get('room');
  if (roomId !== null) return client.joinById<typeof Swarm>(roomId, options);
  return client.joinOrCreate<typeof Swarm>('swarm', options);
}

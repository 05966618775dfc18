import { connect, type ClientRoom } from '../../../client/index.js';
import type Swarm from '../../rooms/swarm.js';
import type { SwarmOptions } from '../../rooms/swarm.js';

const client = connect(location.origin);

/** The swarm as the SDK shows it; every type comes from the room's class. */
export type SwarmRoom = ClientRoom<typeof Swarm>;

/** Goes on with the session that this tab had, unless the page's address names another room. */
export async function resumeSwarm(token: string, address: URLSearchParams): Promise<SwarmRoom | undefined> {
  const roomId = address.get('room');
  if (token === '' || (roomId !== null && !token.startsWith(`${roomId}.`))) return undefined;
  // Its seat may be free again, or the server a new one: then there is nothing to go on with.
  return client.reconnect<typeof Swarm>(token).catch(() => undefined);
}

/** Joins the room that the page's address names, or any. */
export async function joinSwarm(name: string, address: URLSearchParams): Promise<SwarmRoom> {
  const options: SwarmOptions = { name };
  const roomId = address.get('room');
  if (roomId !== null) return client.joinById<typeof Swarm>(roomId, options);
  return client.joinOrCreate<typeof Swarm>('swarm', options);
}

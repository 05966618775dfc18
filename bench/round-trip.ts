/** How long a frame takes to the server's front and back, on a socket of its own. */
import { WebSocket } from 'ws';
import { encodePing } from '../src/protocol/client-frames.js';
import { SUBPROTOCOL } from '../src/protocol/version.js';

/** Between two pings, so that each meets a front that sleeps, as a player's input does. */
const PAUSE_MS = 5;

/**
 * Sends `count` pings, one after the other.
 *
 * @param url of the server, http
 * @returns the round trips in milliseconds
 */
export async function measureRoundTrips(url: string, count: number): Promise<Float64Array> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/ws`, SUBPROTOCOL, { perMessageDeflate: false });
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
  const roundTripsMs = new Float64Array(count);
  for (let i = 0; i < count; i += 1) {
    const sentMs = performance.now();
    await new Promise((resolve, reject) => {
      socket.once('message', resolve);
      socket.once('close', (code) => reject(new Error(`the server closed the ping socket with ${code}`)));
      socket.send(encodePing(sentMs, 0));
    });
    roundTripsMs[i] = performance.now() - sentMs;
    socket.removeAllListeners('close');
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
  socket.terminate();
  return roundTripsMs;
}

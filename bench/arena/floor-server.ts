/**
 * The floor: what the same traffic costs with no game server in it. uWebSockets.js publishes a ready-made payload to the
 * sockets of each room from a timer of the room's, and reads what they send. No game, no ticks, no acknowledgements, no
 * limits: nothing a server could be spared.
 *
 * ```
 *   node floor-server.js --payload-bytes 56
 * ```
 */
import { parseArgs } from 'node:util';
import { App, us_socket_local_port, type WebSocket } from 'uWebSockets.js';
import { SNAPSHOT_RATE_HZ } from '../arena-game.js';
import { INPUT_FRAME_BYTES } from './floor-protocol.js';

const { values } = parseArgs({ options: { 'payload-bytes': { type: 'string' } } });
const payload = new Uint8Array(Number(values['payload-bytes']));

interface Member {
  readonly room: string;
  heading: number;
}

let rooms = 0;
const app = App();

app.get('/create', (response) => {
  rooms += 1;
  const room = String(rooms);
  setInterval(() => {
    payload[0]! += 1;
    app.publish(room, payload, true, false);
  }, 1000 / SNAPSHOT_RATE_HZ);
  response.end(room);
});

app.ws<Member>('/room/:id', {
  upgrade: (response, request, context) => {
    response.upgrade(
      { room: request.getParameter(0)!, heading: 0 },
      request.getHeader('sec-websocket-key'),
      request.getHeader('sec-websocket-protocol'),
      request.getHeader('sec-websocket-extensions'),
      context,
    );
  },
  open: (socket: WebSocket<Member>) => {
    socket.subscribe(socket.getUserData().room);
  },
  message: (socket, message) => {
    if (message.byteLength === INPUT_FRAME_BYTES) {
      socket.getUserData().heading = new Uint8Array(message)[INPUT_FRAME_BYTES - 1]!;
    }
  },
});

app.listen('127.0.0.1', 0, (listening) => {
  if (!listening) throw new Error('no port to listen on');
  console.log(`ready http://127.0.0.1:${us_socket_local_port(listening)}`);
});

process.on('SIGTERM', () => process.exit(0));

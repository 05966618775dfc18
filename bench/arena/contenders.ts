/** The servers that play the arena, and how each is started. */
import { fileURLToPath } from 'node:url';
import type { ServerCommand } from './server-process.js';

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

// From dist/bench/bench/arena/, where the compiled form of this file is.
const REPOSITORY = '../../../../';
const SERVER = at('../../../server.js');
const ROOMS = at('../rooms/');
const THREAD_NAME = new URL('./thread-name.js', import.meta.url).href;
const FLOOR = at('./floor-server.js');
const PEERS = at(`${REPOSITORY}bench/peers/`);
/** Colyseus needs a newer Node than we do; all peers run in it. */
const PEER_NODE = `${PEERS}node_modules/node/bin/node`;

const READY = /^ready (\S+)$/m;

export interface Contender {
  /** As in the names of metrics. */
  readonly name: string;
  /** The load's driver: bench/load/NAME-client.ts. */
  readonly driver: string;
  readonly start: ServerCommand;
}

/** `shards`: of our server. */
export function escapement(shards = 1): Contender {
  const ports = ['--port', '0', '--admin-port', '0', '--host', '127.0.0.1'];
  // A load that lost its core for a second is no slow client: that shows as jitter, and not as another run.
  const patience = ['--lag-limit-ms', '5000', '--ack-timeout-ms', '20000'];
  const options = ['--shards', String(shards), '--log-level', 'warn', '--rooms', ROOMS, ...patience];
  return {
    name: 'escapement',
    driver: 'escapement',
    start: {
      command: [process.execPath, '--import', THREAD_NAME, SERVER, ...ports, ...options],
      ready: /escapement ready: (\S+) /,
    },
  };
}

/** `payloadBytes`: as long as our snapshots are. */
export function floor(payloadBytes: number): Contender {
  const command = [process.execPath, FLOOR, '--payload-bytes', String(payloadBytes)];
  return { name: 'floor', driver: 'floor', start: { command, ready: READY } };
}

export const COLYSEUS_UWS: Contender = {
  name: 'colyseusUws',
  driver: 'colyseus',
  start: peer('colyseus-server.ts', '--transport', 'uws'),
};

export const COLYSEUS_WS: Contender = {
  name: 'colyseusWs',
  driver: 'colyseus',
  start: peer('colyseus-server.ts', '--transport', 'ws'),
};

export const SOCKETIO: Contender = { name: 'socketio', driver: 'socketio', start: peer('socketio-server.ts') };

function peer(file: string, ...args: string[]): ServerCommand {
  // Types are taken away by Node itself, which it calls experimental.
  const node = [PEER_NODE, '--disable-warning=ExperimentalWarning'];
  return { command: [...node, `${PEERS}servers/${file}`, '--port', '0', ...args], ready: READY };
}

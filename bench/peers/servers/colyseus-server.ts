/**
 * The arena (bench/arena-game.ts) on Colyseus 0.18, as its documentation would have it: the fastest of what it recommends.
 *
 * ```
 *   node colyseus-server.ts --port 0 --transport uws|ws
 * ```
 *
 * What was chosen, and why:
 *
 *   transport   both: `uws` is what its documentation recommends for production, `ws` what one gets by default. Options are
 *               their defaults: no compression, ws pings every 3 s.
 *   state       a map of players, as its documentation's, in the smallest types that hold the numbers.
 *   simulation  `setTimestep` (until 0.18 `setSimulationInterval`) of 1000/60 ms, patches every 50 ms from a timer of
 *               their own, its default. `setFixedTimestep` keeps the average rate, but runs no step or two at a time.
 *   inputs      `onMessageBytes` with a number as type: 3 bytes on the wire, nothing to unpack. Dearer: `onMessage` unpacks
 *               msgpack, and `defineInput` gives every client a patch of its own, 8 bytes longer.
 *   questions   its requests: what a handler returns is the answer. In JSON, so that the load needs no msgpack.
 *   left out    monitor, playground, Express routes, Redis: one process needs none.
 */
import { performance } from 'node:perf_hooks';
import { registerHooks } from 'node:module';
import { parseArgs } from 'node:util';
import { Room, Server, type Client, type Transport } from '@colyseus/core';
import { schema, t, type SchemaType } from '@colyseus/schema';
import {
  HEALTH_FULL,
  healthAfter,
  moved,
  MOVE_X,
  MOVE_Y,
  PLAYERS_PER_ROOM,
  scoreAfter,
  SNAPSHOT_RATE_HZ,
  startOf,
  TICK_RATE_HZ,
  TickIntervals,
} from '../../arena-game.ts';
import type { RoomReport } from '../../load/contender.ts';
import { heavyRoomOf } from './rooms/heavy.ts';
import { JoinsRoom } from './rooms/joins.ts';
import { ThrongRoom, ThrongWithBotsRoom } from './rooms/throng.ts';

const Player = schema(
  { slot: t.uint8(), x: t.float32(), y: t.float32(), heading: t.uint8(), health: t.uint8(), score: t.uint16() },
  'Player',
);
type Player = SchemaType<typeof Player>;

const Arena = schema({ players: t.map(Player) }, 'Arena');
type Arena = SchemaType<typeof Arena>;

/** Type of the message whose one byte is the heading (bench/load/colyseus-client.ts). */
const INPUT_MESSAGE = 0;

class ArenaRoom extends Room<{ state: Arena; client: Client<{ userData: Player }> }> {
  override maxClients = PLAYERS_PER_ROOM;
  override patchRate = 1000 / SNAPSHOT_RATE_HZ;
  override state = new Arena();
  readonly #intervals = new TickIntervals();
  #tick = 0;
  #frozen = false;

  override onCreate(): void {
    this.onMessageBytes(INPUT_MESSAGE, (client, bytes: Uint8Array) => {
      if (!this.#frozen) client.userData!.heading = bytes[0]!;
    });
    this.onMessage('slot', (client) => JSON.stringify(client.userData!.slot));
    this.onMessage('begin', () => {
      this.#intervals.begin();
      return JSON.stringify(null);
    });
    this.onMessage('freeze', () => {
      this.#frozen = true;
      return JSON.stringify(null);
    });
    this.onMessage('report', () => JSON.stringify(this.#report()));
    this.setTimestep(() => this.#step(), 1000 / TICK_RATE_HZ);
  }

  override onJoin(client: Client<{ userData: Player }>): void {
    const taken = new Set([...this.state.players.values()].map(({ slot }) => slot));
    let slot = 0;
    while (taken.has(slot)) slot += 1;
    const player = new Player();
    player.assign({ slot, ...startOf(slot), heading: 0, health: HEALTH_FULL, score: 0 });
    client.userData = player;
    this.state.players.set(client.sessionId, player);
  }

  override onLeave(client: Client): void {
    this.state.players.delete(client.sessionId);
  }

  #step(): void {
    this.#intervals.tick(performance.now());
    if (this.#frozen) return;
    this.#tick += 1;
    this.state.players.forEach((player) => {
      const { slot, heading } = player;
      player.x = moved(player.x, MOVE_X[heading]!);
      player.y = moved(player.y, MOVE_Y[heading]!);
      player.health = healthAfter(player.health, this.#tick, slot);
      player.score = scoreAfter(player.score, this.#tick, slot);
    });
  }

  #report(): RoomReport {
    const players = [...this.state.players.values()].map(({ slot, x, y, heading, health, score }) => {
      return { slot, x, y, heading, health, score };
    });
    return { ...this.#intervals.report(), players };
  }
}

/**
 * uWebSockets.js is not in the registry under its own name. The package that stands in for it (package.json, overrides) has
 * named exports only, where the transport and its Express import a default: they get the module inside that has one.
 */
function giveUwsADefaultExport(): void {
  registerHooks({
    resolve(specifier, context, nextResolve) {
      const resolved = nextResolve(specifier, context);
      const isTheirs = specifier === 'uWebSockets.js' && context.parentURL !== import.meta.url;
      return isTheirs ? { ...resolved, url: new URL('uws.mjs', resolved.url).href } : resolved;
    },
  });
}

/** A transport, and the port it listens on once it does. */
async function makeTransport(name: string): Promise<{ transport: Transport; port: () => number }> {
  if (name === 'ws') {
    const { WebSocketTransport } = await import('@colyseus/ws-transport');
    const transport = new WebSocketTransport();
    return { transport, port: () => (transport.server!.address() as { port: number }).port };
  }
  if (name !== 'uws') throw new Error(`--transport is ${name}; expected uws or ws`);
  giveUwsADefaultExport();
  const { uWebSocketsTransport } = await import('@colyseus/uwebsockets-transport');
  const { us_socket_local_port: portOf } = await import('uWebSockets.js');
  const transport = new uWebSocketsTransport();
  // It doesn't say which port it was given.
  return { transport, port: () => portOf(transport['_listeningSocket']) };
}

process.env['NODE_ENV'] = 'production';
const { values } = parseArgs({
  options: { port: { type: 'string', default: '0' }, transport: { type: 'string', default: 'uws' } },
});
const { transport, port } = await makeTransport(values.transport);
const server = new Server({ transport, greet: false });
server.define('arena', ArenaRoom);
server.define('heavy', heavyRoomOf(ArenaRoom));
server.define('joins', JoinsRoom);
server.define('throng', ThrongRoom);
server.define('throng-with-bots', ThrongWithBotsRoom);
// On SIGTERM it closes its rooms and exits with 0 by itself.
await server.listen(Number(values.port), '127.0.0.1');
console.log(`ready http://127.0.0.1:${port()}`);

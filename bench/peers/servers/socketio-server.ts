/**
 * The arena (bench/arena-game.ts) on socket.io 4.8, as its games are written: rooms of its own, one timer per room, and the
 * full state as JSON to the room.
 *
 * ```
 *   node socketio-server.ts --port 0
 * ```
 *
 * What was chosen, and why:
 *
 *   transport  WebSocket only, no long polling before it, no compression: the cheapest it can do.
 *   state      an array of plain objects, encoded once per room by its adapter. A delta would be the game's own work.
 *   memory     the request that opened a connection is let go, which its page on performance recommends. The native
 *              add-ons recommended there change nothing here: ws uses them for longer messages than our inputs, and Node
 *              checks UTF-8 itself.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { Server, type Socket } from 'socket.io';
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
import type { PlayerState, RoomReport } from '../../load/contender.ts';

const SNAPSHOT_TICKS = TICK_RATE_HZ / SNAPSHOT_RATE_HZ;

type Player = { -readonly [Field in keyof PlayerState]: PlayerState[Field] };

class ArenaRoom {
  readonly players: Player[] = [];
  readonly #intervals = new TickIntervals();
  readonly #timer: NodeJS.Timeout;
  readonly #id: string;
  #tick = 0;
  #frozen = false;

  constructor(id: string) {
    this.#id = id;
    this.#timer = setInterval(() => this.#step(), 1000 / TICK_RATE_HZ);
  }

  add(socket: Socket): Player {
    const taken = new Set(this.players.map(({ slot }) => slot));
    let slot = 0;
    while (taken.has(slot)) slot += 1;
    const player = { slot, ...startOf(slot), heading: 0, health: HEALTH_FULL, score: 0 };
    this.players.push(player);
    void socket.join(this.#id);
    socket.on('input', (heading: number) => {
      if (!this.#frozen) player.heading = heading & 0xff;
    });
    socket.on('slot', (answer: (slot: number) => void) => answer(slot));
    socket.on('begin', (answer: (nothing: null) => void) => {
      this.#intervals.begin();
      answer(null);
    });
    socket.on('freeze', (answer: (nothing: null) => void) => {
      this.#frozen = true;
      answer(null);
    });
    socket.on('report', (answer: (report: RoomReport) => void) => {
      answer({ ...this.#intervals.report(), players: this.players });
    });
    return player;
  }

  remove(player: Player): void {
    this.players.splice(this.players.indexOf(player), 1);
    if (this.players.length > 0) return;
    clearInterval(this.#timer);
    rooms.delete(this.#id);
  }

  #step(): void {
    this.#intervals.tick(performance.now());
    this.#tick += 1;
    if (!this.#frozen) {
      for (const player of this.players) {
        player.x = moved(player.x, MOVE_X[player.heading]!);
        player.y = moved(player.y, MOVE_Y[player.heading]!);
        player.health = healthAfter(player.health, this.#tick, player.slot);
        player.score = scoreAfter(player.score, this.#tick, player.slot);
      }
    }
    if (this.#tick % SNAPSHOT_TICKS === 0) io.to(this.#id).emit('state', { players: this.players });
  }
}

const rooms = new Map<string, ArenaRoom>();
let roomsMade = 0;

process.env['NODE_ENV'] = 'production';
const { values } = parseArgs({ options: { port: { type: 'string', default: '0' } } });
const http = createServer();
const io = new Server(http, {
  transports: ['websocket'],
  allowUpgrades: false,
  perMessageDeflate: false,
  httpCompression: false,
  serveClient: false,
});

io.engine.on('connection', (connection: { request: unknown }) => {
  connection.request = null;
});

io.on('connection', (socket) => {
  type Joined = { roomId: string; slot: number } | { error: string };
  socket.once('join', ({ roomId }: { roomId: string | null }, answer: (joined: Joined) => void) => {
    let id = roomId;
    if (id === null) {
      roomsMade += 1;
      id = `arena${roomsMade}`;
      rooms.set(id, new ArenaRoom(id));
    }
    const room = rooms.get(id);
    if (room === undefined || room.players.length === PLAYERS_PER_ROOM) {
      answer({ error: room === undefined ? `no room ${id}` : `room ${id} is full` });
      return;
    }
    const player = room.add(socket);
    socket.once('disconnect', () => room.remove(player));
    answer({ roomId: id, slot: player.slot });
  });
});

process.once('SIGTERM', () => process.exit(0));
http.listen(Number(values.port), '127.0.0.1', () => {
  console.log(`ready http://127.0.0.1:${(http.address() as AddressInfo).port}`);
});

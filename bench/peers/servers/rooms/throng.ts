/**
 * The throng of the crowd bench (bench/throng-game.ts) on Colyseus 0.18, chosen as in colyseus-server.ts. Bots are players
 * without a client: the same map, the same fields.
 */
import { Room, type Client } from '@colyseus/core';
import { Encoder, schema, t, type SchemaType } from '@colyseus/schema';
import {
  FIELD_SIZE,
  HEALTH_FULL,
  healthAfter,
  moved,
  MOVE_X,
  MOVE_Y,
  scoreAfter,
  TICK_RATE_HZ,
  TickIntervals,
} from '../../../arena-game.ts';
import { BOTS, botHeadingAfter, placeOf, PLAYERS, SNAPSHOT_RATE_HZ } from '../../../throng-game.ts';
import type { RoomReport } from '../../../load/contender.ts';

/** Its first state of a thousand players is 55 kB: what its documentation says to do, or its buffer grows with a warning. */
Encoder.BUFFER_SIZE = 64 * 1024;

const Player = schema(
  { slot: t.uint16(), x: t.float32(), y: t.float32(), heading: t.uint8(), health: t.uint8(), score: t.uint16() },
  'ThrongPlayer',
);
type Player = SchemaType<typeof Player>;

const Throng = schema({ players: t.map(Player) }, 'Throng');
type Throng = SchemaType<typeof Throng>;

/** Type of the message whose one byte is the heading (bench/load/colyseus-client.ts). */
const INPUT_MESSAGE = 0;

export class ThrongRoom extends Room<{ state: Throng; client: Client<{ userData: Player }> }> {
  static bots = 0;
  override maxClients = PLAYERS;
  override patchRate = 1000 / SNAPSHOT_RATE_HZ;
  override state = new Throng();
  readonly #intervals = new TickIntervals();
  #tick = 0;
  #frozen = false;

  override onCreate(): void {
    const { bots } = this.constructor as typeof ThrongRoom;
    for (let slot = PLAYERS; slot < PLAYERS + bots; slot += 1) this.#spawn(`bot${slot}`, slot);
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
    client.userData = this.#spawn(client.sessionId, slot);
  }

  override onLeave(client: Client): void {
    this.state.players.delete(client.sessionId);
  }

  #spawn(key: string, slot: number): Player {
    const player = new Player();
    player.assign({ slot, ...placeOf(slot, FIELD_SIZE), heading: 0, health: HEALTH_FULL, score: 0 });
    this.state.players.set(key, player);
    return player;
  }

  #step(): void {
    this.#intervals.tick(performance.now());
    if (this.#frozen) return;
    this.#tick += 1;
    this.state.players.forEach((player) => {
      const { slot } = player;
      if (slot >= PLAYERS) player.heading = botHeadingAfter(player.heading, this.#tick, slot);
      const { heading } = player;
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

export class ThrongWithBotsRoom extends ThrongRoom {
  static override bots = BOTS;
}

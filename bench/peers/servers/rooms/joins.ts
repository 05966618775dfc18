/** The room of the joins bench (bench/rooms/joins.ts) on Colyseus 0.18, chosen as in colyseus-server.ts. */
import { Room, type Client } from '@colyseus/core';
import { schema, t, type SchemaType } from '@colyseus/schema';
import {
  HEALTH_FULL,
  PLAYERS_PER_ROOM,
  SNAPSHOT_RATE_HZ,
  startOf,
  TICK_RATE_HZ,
} from '../../../arena-game.ts';

const Player = schema(
  { slot: t.uint8(), x: t.float32(), y: t.float32(), heading: t.uint8(), health: t.uint8(), score: t.uint16() },
  'JoinsPlayer',
);
type Player = SchemaType<typeof Player>;

const Joins = schema({ players: t.map(Player), ticks: t.uint32() }, 'Joins');
type Joins = SchemaType<typeof Joins>;

export class JoinsRoom extends Room<{ state: Joins; client: Client<{ userData: Player }> }> {
  override maxClients = PLAYERS_PER_ROOM;
  override patchRate = 1000 / SNAPSHOT_RATE_HZ;
  override state = new Joins();

  override onCreate(): void {
    this.setTimestep(() => {
      this.state.ticks += 1;
    }, 1000 / TICK_RATE_HZ);
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
    // Whoever comes next shall find no room of those who are leaving.
    void this.lock();
  }
}

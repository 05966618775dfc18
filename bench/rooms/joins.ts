/**
 * The room of the joins bench: the arena's players, rates and seats, but nobody moves. A clock that everybody is shown goes on,
 * so that there is something to send at each snapshot, whatever a server does when there isn't.
 */
import { angle, fixed, Room, table, uint16, uint32, uint8, type Client, type Row } from 'escapement';
import {
  FIELD_SIZE,
  HEALTH_FULL,
  PLAYERS_PER_ROOM,
  SNAPSHOT_RATE_HZ,
  startOf,
  STEPS_PER_UNIT,
  TICK_RATE_HZ,
} from '../arena-game.js';

const Player = table(
  {
    slot: uint8,
    x: fixed(0, FIELD_SIZE, 1 / STEPS_PER_UNIT),
    y: fixed(0, FIELD_SIZE, 1 / STEPS_PER_UNIT),
    heading: angle(8),
    health: uint8,
    score: uint16,
  },
  { capacity: PLAYERS_PER_ROOM },
);

const Clock = table({ ticks: uint32 }, { capacity: 1 });

export default class JoinsRoom extends Room {
  static override tickRate = TICK_RATE_HZ;
  static override snapshotRate = SNAPSHOT_RATE_HZ;
  static override maxClients = PLAYERS_PER_ROOM;

  players = this.table(Player);
  clocks = this.table(Clock);
  readonly #clock = this.clocks.spawn();
  readonly #rows = new Map<Client, Row<typeof Player.fields>>();

  override onJoin(client: Client): void {
    const taken = new Set([...this.#rows.values()].map((row) => row.slot));
    let slot = 0;
    while (taken.has(slot)) slot += 1;
    this.#rows.set(client, this.players.spawn({ slot, ...startOf(slot), health: HEALTH_FULL }));
  }

  override onLeave(client: Client): void {
    this.players.despawn(this.#rows.get(client)!);
    this.#rows.delete(client);
    // Whoever comes next shall find no room of those who are leaving.
    this.lock();
  }

  override onTick(): void {
    this.#clock.ticks = this.tick;
  }
}

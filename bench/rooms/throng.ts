/**
 * The room of the crowd bench: a hundred players who all see each other (bench/throng-game.ts), by the arena's rules. With
 * bots among them it is another room: throng-with-bots.ts.
 */
import { angle, fixed, input, Room, table, uint16, uint8, type Client, type Row } from 'escapement';
import {
  FIELD_SIZE,
  HEADINGS,
  HEALTH_FULL,
  healthAfter,
  moved,
  MOVE_X,
  MOVE_Y,
  scoreAfter,
  STEPS_PER_UNIT,
  TICK_RATE_HZ,
  TickIntervals,
} from '../arena-game.js';
import type { RoomReport } from '../load/contender.js';
import { BOTS, botHeadingAfter, placeOf, PLAYERS, SNAPSHOT_RATE_HZ } from '../throng-game.js';

/** Slots of players come first, those of bots after them. */
const Player = table(
  {
    slot: uint16,
    x: fixed(0, FIELD_SIZE, 1 / STEPS_PER_UNIT),
    y: fixed(0, FIELD_SIZE, 1 / STEPS_PER_UNIT),
    heading: angle(8),
    health: uint8,
    score: uint16,
  },
  { capacity: PLAYERS + BOTS },
);

const Run = input({ heading: uint8 });

const RADIANS_PER_HEADING = (2 * Math.PI) / HEADINGS;

export default class ThrongRoom extends Room {
  static override tickRate = TICK_RATE_HZ;
  static override snapshotRate = SNAPSHOT_RATE_HZ;
  static override maxClients = PLAYERS;
  static bots = 0;

  players = this.table(Player);
  runs = this.input(Run);
  readonly #intervals = new TickIntervals();
  readonly #rows = new Map<Client, Row<typeof Player.fields>>();
  /** By slot: where each runs. */
  readonly #headings = new Uint8Array(PLAYERS + BOTS);
  #frozen = false;

  override onCreate(): void {
    const { bots } = this.constructor as typeof ThrongRoom;
    for (let slot = PLAYERS; slot < PLAYERS + bots; slot += 1) this.#spawn(slot);
    this.onMessage('slot', (client) => client.send('slot', this.#rows.get(client)!.slot));
    this.onMessage('begin', (client) => {
      this.#intervals.begin();
      client.send('begin', null);
    });
    this.onMessage('freeze', (client) => {
      this.#frozen = true;
      client.send('freeze', null);
    });
    this.onMessage('report', (client) => client.send('report', this.#report()));
  }

  override onJoin(client: Client): void {
    const taken = new Set([...this.#rows.values()].map((row) => row.slot));
    let slot = 0;
    while (taken.has(slot)) slot += 1;
    this.#rows.set(client, this.#spawn(slot));
  }

  override onLeave(client: Client): void {
    this.players.despawn(this.#rows.get(client)!);
    this.#rows.delete(client);
  }

  override onTick(): void {
    this.#intervals.tick(performance.now());
    this.#takeInputs();
    if (this.#frozen) return;
    const headings = this.#headings;
    const { players, tick } = this;
    const { slot, x, y, heading, health, score } = players.columns;
    for (let i = 0; i < players.rowEnd; i += 1) {
      if (players.alive[i] === 0) continue;
      const place = slot[i]!;
      if (place >= PLAYERS) headings[place] = botHeadingAfter(headings[place]!, tick, place);
      const wanted = headings[place]!;
      x[i] = moved(x[i]!, MOVE_X[wanted]!);
      y[i] = moved(y[i]!, MOVE_Y[wanted]!);
      heading[i] = wanted * RADIANS_PER_HEADING;
      health[i] = healthAfter(health[i]!, tick, place);
      score[i] = scoreAfter(score[i]!, tick, place);
    }
  }

  #spawn(slot: number): Row<typeof Player.fields> {
    this.#headings[slot] = 0;
    return this.players.spawn({ slot, ...placeOf(slot, FIELD_SIZE), health: HEALTH_FULL });
  }

  #takeInputs(): void {
    const { clients, runs } = this;
    for (let i = 0; i < clients.length; i += 1) {
      const client = clients[i]!;
      let run;
      while ((run = runs.next(client))) this.#headings[this.#rows.get(client)!.slot] = run.heading;
    }
  }

  #report(): RoomReport {
    const players = [...this.players].map(({ slot, x, y, heading, health, score }) => {
      return { slot, x, y, heading: Math.round(heading / RADIANS_PER_HEADING) % HEADINGS, health, score };
    });
    return { ...this.#intervals.report(), players };
  }
}

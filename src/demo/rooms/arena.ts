import { Room, type Client } from '../../index.js';
import { ArenaBots } from '../arena-bots.js';
import { cleanChat, cleanName } from '../arena-names.js';
import { chatIntervalSec, placesMax } from '../arena-rules.js';
import { Bullet, Move, Player } from '../arena-tables.js';
import { ArenaWorld, type ArenaEvents } from '../arena-world.js';

/** Options of `joinOrCreate('arena', …)`. */
export type ArenaOptions = {
  /** Shown over the player; cleaned and cut to 24 bytes. Default `Player`. */
  name?: string;
  /** When creating: most bots at one time, 0 to 16. Default 16, which keeps the arena full. */
  bots?: number;
};

/** What `kill` messages carry. Ids are entity ids; `killerId` is 0 when the killer has left. */
export interface Kill {
  killerId: number;
  killer: string;
  victimId: number;
  victim: string;
}

/** What `hit` messages carry, to the shooter alone. */
export interface Hit {
  victimId: number;
  damage: number;
}

export interface ChatLine {
  name: string;
  text: string;
}

/** What the room keeps for each client. */
interface Pilot {
  rowId: number;
  chatAtTick: number;
}

/**
 * A top-down arena for up to 16 players. Bots fill the places that humans leave empty.
 *
 * This file joins the room's life to the game; the game is in arena-world.ts and arena-bots.ts, which know nothing
 * of clients.
 */
export default class Arena extends Room implements ArenaEvents {
  static override tickRate = 60;
  static override snapshotRate = 20;
  static override maxClients = placesMax;

  players = this.table(Player);
  bullets = this.table(Bullet);
  moves = this.input(Move);

  private world!: ArenaWorld;
  private bots!: ArenaBots;
  private botsMax = placesMax;
  private humans = 0;

  override onCreate(options: ArenaOptions): void {
    const random = (): number => this.random();
    this.world = new ArenaWorld(this.players, this.bullets, Arena.tickRate, random, this);
    this.bots = new ArenaBots(this.world, Arena.tickRate, random);
    const { bots } = options;
    if (typeof bots === 'number' && Number.isInteger(bots) && bots >= 0 && bots < placesMax) this.botsMax = bots;
    this.onMessage('chat', (client, text) => this.chat(client, text));
    this.fillPlaces();
  }

  override onJoin(client: Client, options: ArenaOptions): void {
    this.humans += 1;
    this.fillPlaces();
    const row = this.world.addPlayer(cleanName(options.name), client.sessionId);
    client.data = { rowId: row.id, chatAtTick: -Infinity } satisfies Pilot;
  }

  /** The ship waits for its player: what the lost connection said last goes on no longer. */
  override onDrop(client: Client): void {
    const row = this.players.get((client.data as Pilot).rowId);
    if (row !== undefined) this.world.intents.clear(row.index);
  }

  override onLeave(client: Client): void {
    this.world.removePlayer((client.data as Pilot).rowId);
    this.humans -= 1;
    this.fillPlaces();
  }

  override onTick(dt: number): void {
    for (let c = 0; c < this.clients.length; c += 1) this.readMoves(this.clients[c]!);
    this.bots.steer();
    this.world.step(dt);
  }

  hit(shooter: number, victim: number, damage: number): void {
    if (shooter < 0 || this.players.columns.bot[shooter] === 1) return;
    const sessionId = this.players.columns.session[shooter];
    const client = this.clients.find((each) => each.sessionId === sessionId);
    client?.send('hit', { victimId: this.players.at(victim)!.id, damage } satisfies Hit);
  }

  kill(shooter: number, victim: number): void {
    const killer = shooter < 0 ? undefined : this.players.at(shooter);
    const dead = this.players.at(victim)!;
    this.broadcast('kill', {
      killerId: killer?.id ?? 0,
      killer: killer?.name ?? '',
      victimId: dead.id,
      victim: dead.name,
    } satisfies Kill);
  }

  /** Several inputs may wait, or none: see Intents for why that makes nobody faster or slower. */
  private readMoves(client: Client): void {
    const row = this.players.get((client.data as Pilot).rowId);
    let move;
    while ((move = this.moves.next(client)) !== undefined) {
      if (row === undefined || row.dead) continue;
      this.world.intents.write(row.index, move.dx, move.dy, move.aim, move.fire, this.world.tick);
    }
  }

  private fillPlaces(): void {
    this.bots.keep(Math.min(this.botsMax, placesMax - this.humans));
  }

  private chat(client: Client, sent: unknown): void {
    const pilot = client.data as Pilot;
    const row = this.players.get(pilot.rowId);
    const text = cleanChat(sent);
    if (row === undefined || text === '') return;
    if (this.world.tick - pilot.chatAtTick < chatIntervalSec * Arena.tickRate) return;
    pilot.chatAtTick = this.world.tick;
    this.broadcast('chat', { name: row.name, text } satisfies ChatLine);
  }
}

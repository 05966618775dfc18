import { ArenaBots } from '../../src/demo/arena-bots.js';
import { Bullet, Player } from '../../src/demo/arena-tables.js';
import { ArenaWorld, type PlayerRow } from '../../src/demo/arena-world.js';
import { Random } from '../../src/shard/random.js';
import { hashImages } from '../../src/state/image.js';
import { Table } from '../../src/state/table.js';

export const tickRate = 60;

/** An arena without room, shard or sockets: the tables, the rules and the bots, stepped by the test. */
export class BareArena {
  readonly players = new Table(Player);
  readonly bullets = new Table(Bullet);
  readonly hits: { shooter: number; victim: number; damage: number }[] = [];
  readonly kills: { shooter: number; victim: number }[] = [];
  readonly world: ArenaWorld;
  readonly bots: ArenaBots;

  constructor(seed = 1) {
    const generator = new Random(seed);
    const random = (): number => generator.next();
    this.world = new ArenaWorld(this.players, this.bullets, tickRate, random, {
      hit: (shooter, victim, damage) => this.hits.push({ shooter, victim, damage }),
      kill: (shooter, victim) => this.kills.push({ shooter, victim }),
    });
    this.bots = new ArenaBots(this.world, tickRate, random);
  }

  /** A human at a given place. */
  join(name: string, x: number, y: number): PlayerRow {
    const row = this.world.addPlayer(name, `session-${name}`);
    row.x = x;
    row.y = y;
    return row;
  }

  /** What one input of a client does. */
  input(row: PlayerRow, dx: number, dy: number, aim = 0, fire = false): void {
    this.world.intents.write(row.index, dx, dy, aim, fire, this.world.tick);
  }

  /** As a room's tick does it: the game, then quantising. */
  step(ticks = 1): void {
    for (let i = 0; i < ticks; i += 1) {
      this.bots.steer();
      this.world.step(1 / tickRate);
      this.players.settle();
      this.bullets.settle();
    }
  }

  hash(): number {
    return hashImages([this.players.image, this.bullets.image]);
  }
}

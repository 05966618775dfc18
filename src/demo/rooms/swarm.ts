import { grid, Room, type Client } from '../../index.js';
import { cleanName } from '../arena-names.js';
import { bodiesMax, cellSize, farRadius, farRateHz, nearRadius } from '../swarm-rules.js';
import { Body, Creature, Steer } from '../swarm-tables.js';
import { SwarmWorld, type BodyRow } from '../swarm-world.js';

/** Options of `joinOrCreate('swarm', …)`. */
export type SwarmOptions = {
  /** Shown over the body; cleaned and cut to 24 bytes. Default `Player`. */
  name?: string;
};

/** A line of `scores` messages: the best of the room, wherever they are. */
export interface ScoreLine {
  /** Entity id of the body. */
  bodyId: number;
  name: string;
  score: number;
  /** 0 to 255 round the colour wheel. */
  hue: number;
}

const scoreLinesMax = 10;
const scoresIntervalMs = 1000;

/** What the creatures' grid and the bodies' have in common: whoever is sent a cell's creatures is sent its bodies. */
const cells = { x: 'x', y: 'y', cellSize, radius: nearRadius, rings: [{ radius: farRadius, rate: farRateHz }] } as const;

/**
 * A world of 5,000 creatures, of which a client is sent those round its body: the nearest cells of the grid with every
 * snapshot, those beyond a few times a second, the rest not at all.
 */
export default class Swarm extends Room {
  static override tickRate = 20;
  static override snapshotRate = 20;
  static override maxClients = bodiesMax;

  creatures = this.table(Creature);
  bodies = this.table(Body);
  steering = this.input(Steer);
  override interest = [grid({ table: this.creatures, ...cells }), grid({ table: this.bodies, ...cells })];

  private world!: SwarmWorld;

  override onCreate(): void {
    this.world = new SwarmWorld(this.creatures, this.bodies, Swarm.tickRate, () => this.random());
    this.clock.setInterval(() => this.broadcast('scores', this.best()), scoresIntervalMs);
  }

  override onJoin(client: Client, options: SwarmOptions): void {
    const row = this.world.addBody(cleanName(options.name), client.sessionId);
    client.data = row;
    client.follow(row);
  }

  /** The body waits for its player: what the lost connection said last goes on no longer. */
  override onDrop(client: Client): void {
    this.world.steer(client.data as BodyRow, 0, 0);
  }

  override onLeave(client: Client): void {
    this.world.removeBody((client.data as BodyRow).id);
  }

  override onTick(dt: number): void {
    for (let c = 0; c < this.clients.length; c += 1) {
      const client = this.clients[c]!;
      let steer;
      while ((steer = this.steering.next(client)) !== undefined) {
        this.world.steer(client.data as BodyRow, steer.dx, steer.dy);
      }
    }
    this.world.step(dt);
  }

  private best(): ScoreLine[] {
    return [...this.bodies]
      .sort((a, b) => b.score - a.score)
      .slice(0, scoreLinesMax)
      .map(({ id, name, score, hue }) => ({ bodyId: id, name, score, hue }));
  }
}

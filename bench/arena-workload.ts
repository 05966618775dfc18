/**
 * The arena that the snapshot and interest benches encode: players who run straight on, turn now and then, get hit and
 * score. Seeded, so that every run and every contender sees the same states.
 *
 * The world is simulated at 60 Hz in a real table, which is settled at every tick as in a room: the next tick starts from
 * the numbers that clients can hold. Snapshots are of every third tick.
 */
import { Random } from '../src/shard/random.js';
import { angle, fixed, uint16, uint8 } from '../src/state/field.js';
import { table } from '../src/state/schema.js';
import { Table } from '../src/state/table.js';

export const TICK_RATE_HZ = 60;
export const TICKS_PER_SNAPSHOT = 3;
export const WORLD_SIZE = 2000;
const STEP = 1 / 32;

/** Units per second. */
const SPEED_MIN = 200;
const SPEED_MAX = 300;
/** How often a mover wants to go elsewhere, and how fast it turns there. */
const NEW_DIRECTIONS_PER_SEC = 1;
const TURN_RADIANS_PER_SEC = 4;

const HEALTH_FULL = 100;
const HIT_POINTS = 10;
const HITS_PER_SEC = 0.3;
const SCORES_PER_SEC = 0.1;

const TURN = 2 * Math.PI;

/** One row per player. */
const arenaTable = (worldSize: number, capacity: number) =>
  table(
    {
      x: fixed(0, worldSize, STEP),
      y: fixed(0, worldSize, STEP),
      heading: angle(8),
      health: uint8,
      score: uint16,
    },
    { capacity },
  );

export type ArenaFields = ReturnType<typeof arenaTable>['fields'];
export type ArenaTable = Table<ArenaFields>;

export interface ArenaOptions {
  readonly count: number;
  readonly seed: number;
  /** Units along each side. */
  readonly worldSize?: number;
  /** How likely each player is one that moves; the others stand, and only their health and score change. */
  readonly movingShare?: number;
}

export class ArenaWorkload {
  readonly count: number;
  readonly worldSize: number;
  readonly table: ArenaTable;
  private readonly random: Random;
  private readonly isMover: Uint8Array;
  private readonly speeds: Float64Array;
  /** Radians: where they look now and where they want to. Finer than the heading that is sent. */
  private readonly directions: Float64Array;
  private readonly goals: Float64Array;

  constructor({ count, seed, worldSize = WORLD_SIZE, movingShare = 0.8 }: ArenaOptions) {
    this.count = count;
    this.worldSize = worldSize;
    this.table = new Table(arenaTable(worldSize, count));
    this.isMover = new Uint8Array(count);
    this.speeds = new Float64Array(count);
    this.directions = new Float64Array(count);
    this.goals = new Float64Array(count);
    const random = (this.random = new Random(seed));
    for (let i = 0; i < count; i += 1) {
      this.isMover[i] = random.next() < movingShare ? 1 : 0;
      this.speeds[i] = SPEED_MIN + (SPEED_MAX - SPEED_MIN) * random.next();
      this.directions[i] = this.goals[i] = TURN * random.next();
      this.table.spawn({
        x: worldSize * random.next(),
        y: worldSize * random.next(),
        heading: this.directions[i]!,
        health: HEALTH_FULL,
      });
    }
    this.table.settle();
  }

  /** Simulates up to the next snapshot. */
  advance(): void {
    for (let tick = 0; tick < TICKS_PER_SNAPSHOT; tick += 1) this.tick();
  }

  private tick(): void {
    const { count, random, isMover } = this;
    const { health, score } = this.table.columns;
    for (let i = 0; i < count; i += 1) {
      if (isMover[i] === 1) this.move(i);
      if (random.next() < HITS_PER_SEC / TICK_RATE_HZ) {
        const left = health[i]! - HIT_POINTS;
        health[i] = left > 0 ? left : HEALTH_FULL;
      }
      if (random.next() < SCORES_PER_SEC / TICK_RATE_HZ) score[i] = score[i]! + 1;
    }
    this.table.settle();
  }

  private move(i: number): void {
    const { random, directions, goals, worldSize } = this;
    const { x, y, heading } = this.table.columns;
    if (random.next() < NEW_DIRECTIONS_PER_SEC / TICK_RATE_HZ) goals[i] = TURN * random.next();
    const turnMax = TURN_RADIANS_PER_SEC / TICK_RATE_HZ;
    const wanted = shortWay(goals[i]! - directions[i]!);
    let direction = directions[i]! + Math.min(turnMax, Math.max(-turnMax, wanted));
    const distance = this.speeds[i]! / TICK_RATE_HZ;
    x[i] = x[i]! + Math.cos(direction) * distance;
    y[i] = y[i]! + Math.sin(direction) * distance;
    // Borders reflect, and whoever is reflected goes on that way.
    if (x[i]! < 0 || x[i]! > worldSize) {
      x[i] = Math.min(worldSize, Math.max(0, x[i]!));
      goals[i] = direction = Math.PI - direction;
    }
    if (y[i]! < 0 || y[i]! > worldSize) {
      y[i] = Math.min(worldSize, Math.max(0, y[i]!));
      goals[i] = direction = -direction;
    }
    directions[i] = direction;
    heading[i] = direction;
  }
}

/** The same turn, from minus half a circle to half a circle. */
function shortWay(radians: number): number {
  return radians - TURN * Math.round(radians / TURN);
}

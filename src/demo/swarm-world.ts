import type { Row, Table } from '../index.js';
import {
  bodyRadius, bodySpeedPerSec, creatureCount, graceSec, huntRadius, kinds, scareRadius, shoalKind, shoalSizeMax,
  steerExpirySec, steerFull, stingerKind, stingPart, stunSec, swarmSize,
} from './swarm-rules.js';
import { SwarmNeighbours } from './swarm-neighbours.js';
import type { Body, Creature } from './swarm-tables.js';

export type CreatureTable = Table<(typeof Creature)['fields']>;
export type BodyTable = Table<(typeof Body)['fields']>;
export type BodyRow = Row<(typeof Body)['fields']>;

/** A creature thinks twice a second, and in between keeps its course. */
const thinkSec = 0.5;
/** A body scares what is round it this often. */
const scareSec = 0.2;
/** A creature this near the edge thinks of the middle. */
const edge = 160;
/** At this distance a shoal's middle draws its members as much as their own course does. */
const shoalReach = 120;
const scoreMax = 65_535;
/** Golden angle in 256ths of the wheel: each body's colour is far from those of the bodies just before. */
const hueStep = 97;

/**
 * The rules of the swarm, over the room's tables. Knows no clients and no clocks: time is counted in ticks and chance
 * comes from the function it is given, so the same calls give the same swarm.
 *
 * Creatures keep a course for half a second at a time. That looks alive enough, costs a tenth of thinking at every tick,
 * and is cheap to send: a creature on its course moves by the same number of steps each tick, as positions are rounded to
 * steps, and a snapshot says nothing of a row that moves as it did.
 */
export class SwarmWorld {
  /** Ticks stepped so far. */
  tick = 0;
  private readonly neighbours: SwarmNeighbours;
  /** Velocity of each creature, world units per second. */
  private readonly courseX = new Float64Array(creatureCount);
  private readonly courseY = new Float64Array(creatureCount);
  /** The stick of each body, a vector of length 0 to 1, and the tick at which it was last written. */
  private readonly stickX: Float64Array;
  private readonly stickY: Float64Array;
  private readonly steeredAtTick: Int32Array;
  private readonly stungAtTick: Int32Array;
  private readonly thinkTicks: number;
  private readonly scareTicks: number;
  private readonly stunTicks: number;
  private readonly graceTicks: number;
  private readonly steerExpiryTicks: number;
  private hueNext: number;

  /**
   * @param tickRate steps per second, Hz; `step` is called with exactly 1 / tickRate.
   * @param random uniform in [0, 1); the only source of chance.
   */
  constructor(
    readonly creatures: CreatureTable,
    readonly bodies: BodyTable,
    tickRate: number,
    private readonly random: () => number,
  ) {
    const ticksOf = (seconds: number): number => Math.max(1, Math.round(seconds * tickRate));
    this.neighbours = new SwarmNeighbours(creatures);
    this.stickX = new Float64Array(bodies.capacity);
    this.stickY = new Float64Array(bodies.capacity);
    this.steeredAtTick = new Int32Array(bodies.capacity);
    this.stungAtTick = new Int32Array(bodies.capacity);
    this.thinkTicks = ticksOf(thinkSec);
    this.scareTicks = ticksOf(scareSec);
    this.stunTicks = ticksOf(stunSec);
    this.graceTicks = ticksOf(stunSec + graceSec);
    this.steerExpiryTicks = ticksOf(steerExpirySec);
    this.hueNext = Math.floor(random() * 256);
    this.populate();
  }

  addBody(name: string, session: string): BodyRow {
    const row = this.bodies.spawn({
      name, session, hue: this.hueNext, x: this.between(600, swarmSize - 600), y: this.between(600, swarmSize - 600),
    });
    this.hueNext = (this.hueNext + hueStep) % 256;
    this.stickX[row.index] = 0;
    this.stickY[row.index] = 0;
    this.steeredAtTick[row.index] = this.tick;
    this.stungAtTick[row.index] = this.tick - this.graceTicks;
    return row;
  }

  removeBody(id: number): void {
    this.bodies.despawn(id);
  }

  /** What a client's input does. It holds until it is replaced, so sending faster moves nobody faster. */
  steer(row: BodyRow, dx: number, dy: number): void {
    const length = Math.max(steerFull, Math.sqrt(dx * dx + dy * dy));
    this.stickX[row.index] = dx / length;
    this.stickY[row.index] = dy / length;
    this.steeredAtTick[row.index] = this.tick;
  }

  step(dt: number): void {
    this.tick += 1;
    const { bodies, creatures } = this;
    this.neighbours.refresh(this.courseX, this.courseY);
    for (let b = 0; b < bodies.rowEnd; b += 1) {
      if (bodies.alive[b] === 0) continue;
      this.moveBody(b, dt);
      this.touch(b);
      if ((this.tick + b) % this.scareTicks === 0) this.scare(b);
    }
    for (let i = this.tick % this.thinkTicks; i < creatures.rowEnd; i += this.thinkTicks) this.think(i);
    this.moveCreatures(dt);
  }

  // --- Bodies --------------------------------------------------------------------------------------------------------

  private moveBody(b: number, dt: number): void {
    const { x, y, stunned } = this.bodies.columns;
    stunned[b] = this.tick - this.stungAtTick[b]! < this.stunTicks ? 1 : 0;
    if (stunned[b] === 1 || this.tick - this.steeredAtTick[b]! > this.steerExpiryTicks) return;
    x[b] = inWorld(x[b]! + this.stickX[b]! * bodySpeedPerSec * dt);
    y[b] = inWorld(y[b]! + this.stickY[b]! * bodySpeedPerSec * dt);
  }

  /** Eats what the body reaches; a stinger that it reaches stings. */
  private touch(b: number): void {
    const { x: bodyX, y: bodyY, score } = this.bodies.columns;
    const { x, y, kind } = this.creatures.columns;
    const reach = bodyRadius(score[b]!) + 6;
    const count = this.neighbours.gather(bodyX[b]!, bodyY[b]!, reach);
    for (let n = 0; n < count; n += 1) {
      const i = this.neighbours.found[n]!;
      const dx = x[i]! - bodyX[b]!;
      const dy = y[i]! - bodyY[b]!;
      if (dx * dx + dy * dy > reach * reach) continue;
      if (kind[i] !== stingerKind) {
        score[b] = Math.min(score[b]! + kinds[kind[i]!]!.points, scoreMax);
      } else {
        if (this.tick - this.stungAtTick[b]! < this.graceTicks) continue;
        score[b] = Math.floor(score[b]! * (1 - stingPart));
        this.stungAtTick[b] = this.tick;
      }
      this.comeBackElsewhere(i);
    }
  }

  private scare(b: number): void {
    const { x: bodyX, y: bodyY } = this.bodies.columns;
    const { x, y, kind } = this.creatures.columns;
    const count = this.neighbours.gather(bodyX[b]!, bodyY[b]!, scareRadius);
    for (let n = 0; n < count; n += 1) {
      const i = this.neighbours.found[n]!;
      const dx = x[i]! - bodyX[b]!;
      const dy = y[i]! - bodyY[b]!;
      if (kind[i] === stingerKind || dx * dx + dy * dy > scareRadius * scareRadius) continue;
      this.head(i, dx, dy, kinds[kind[i]!]!.fleeSpeedPerSec);
    }
  }

  // --- Creatures -----------------------------------------------------------------------------------------------------

  private populate(): void {
    kinds.forEach(({ percent }, kind) => {
      for (let n = (creatureCount * percent) / 100; n > 0; n -= 1) this.appear(kind);
    });
  }

  private appear(kind: number): void {
    const i = this.creatures.spawn({ kind, x: this.between(0, swarmSize), y: this.between(0, swarmSize) }).index;
    this.head(i, this.between(-1, 1), this.between(-1, 1), kinds[kind]!.speedPerSec);
  }

  /** Another one of the same kind, and not the same one moved: whoever saw it sees it go. */
  private comeBackElsewhere(i: number): void {
    const row = this.creatures.at(i)!;
    const { kind } = row;
    this.creatures.despawn(row);
    this.appear(kind);
  }

  /** A new course: as before and a little otherwise, with what the kind is after. */
  private think(i: number): void {
    const { creatures, courseX, courseY, neighbours } = this;
    if (creatures.alive[i] === 0) return;
    const x = creatures.columns.x[i]!;
    const y = creatures.columns.y[i]!;
    const kind = creatures.columns.kind[i]!;
    const speed = kinds[kind]!.speedPerSec;
    let toX = courseX[i]! / speed + this.between(-0.7, 0.7);
    let toY = courseY[i]! / speed + this.between(-0.7, 0.7);
    if (kind === shoalKind) {
      neighbours.lookAtShoal(i);
      const pull = (neighbours.size <= shoalSizeMax ? 1 : -1) / shoalReach;
      toX += (1.5 * neighbours.courseX) / speed + (neighbours.middleX - x) * pull;
      toY += (1.5 * neighbours.courseY) / speed + (neighbours.middleY - y) * pull;
    } else if (kind === stingerKind) {
      const prey = this.nearestBody(x, y);
      if (prey >= 0) {
        // Not straight, or all that hunt one body end up in one place.
        toX = this.bodies.columns.x[prey]! - x + this.between(-90, 90);
        toY = this.bodies.columns.y[prey]! - y + this.between(-90, 90);
      }
    }
    if (x < edge) toX += 4;
    if (x > swarmSize - edge) toX -= 4;
    if (y < edge) toY += 4;
    if (y > swarmSize - edge) toY -= 4;
    this.head(i, toX, toY, speed);
  }

  /** The nearest body within a stinger's sight, or -1. */
  private nearestBody(x: number, y: number): number {
    const { bodies } = this;
    let nearest = -1;
    let nearestSquared = huntRadius * huntRadius;
    for (let b = 0; b < bodies.rowEnd; b += 1) {
      if (bodies.alive[b] === 0) continue;
      const dx = bodies.columns.x[b]! - x;
      const dy = bodies.columns.y[b]! - y;
      const squared = dx * dx + dy * dy;
      if (squared >= nearestSquared) continue;
      nearestSquared = squared;
      nearest = b;
    }
    return nearest;
  }

  private head(i: number, toX: number, toY: number, speed: number): void {
    const length = Math.sqrt(toX * toX + toY * toY);
    // Nowhere in particular is as good as anywhere: east.
    this.courseX[i] = length === 0 ? speed : (toX / length) * speed;
    this.courseY[i] = length === 0 ? 0 : (toY / length) * speed;
  }

  private moveCreatures(dt: number): void {
    const { creatures, courseX, courseY } = this;
    const { alive, rowEnd } = creatures;
    const { x, y } = creatures.columns;
    for (let i = 0; i < rowEnd; i += 1) {
      if (alive[i] === 0) continue;
      const nextX = x[i]! + courseX[i]! * dt;
      const nextY = y[i]! + courseY[i]! * dt;
      if (nextX < 0 || nextX > swarmSize) courseX[i] = -courseX[i]!;
      if (nextY < 0 || nextY > swarmSize) courseY[i] = -courseY[i]!;
      x[i] = inWorld(nextX);
      y[i] = inWorld(nextY);
    }
  }

  private between(low: number, high: number): number {
    return low + (high - low) * this.random();
  }
}

function inWorld(at: number): number {
  return at < 0 ? 0 : at > swarmSize ? swarmSize : at;
}

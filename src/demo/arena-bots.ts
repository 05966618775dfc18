import { botName } from './arena-names.js';
import { castAtMap, Disc, isBlocked, Ray } from './arena-map.js';
import { bulletSpeedPerSec, playerRadius, worldSize } from './arena-rules.js';
import type { ArenaWorld } from './arena-world.js';

const thinkIntervalSec = 0.2;
const sightRange = 580;
/** A bot closes in beyond the far distance, backs off within the near one, and circles in between. */
const nearDistance = 150;
const farDistance = 330;
/** A bot's aim turns this fast at most, so that one can be outflanked. */
const turnPerSec = 5;
/** Widest aiming error, radians, redrawn at every decision: 0.22 is 66 to either side at 300, where a player is 20. */
const aimErrorMax = 0.22;
const cruise = 0.8;
const none = -1;

/**
 * Players that play themselves. A bot decides five times a second and only steers in between; decisions are spread
 * over the ticks by row index, so that sixteen bots cost about as much in each tick as in any other.
 *
 *   no enemy in sight       walk to a place drawn at random; draw another on arrival, or when stuck
 *   an enemy in sight       keep a middling distance and circle, changing direction now and then;
 *                           turn to where the enemy will be, give or take an error; shoot in bursts
 */
export class ArenaBots {
  /** Bots in the room now. */
  count = 0;
  private readonly wanderX: Float64Array;
  private readonly wanderY: Float64Array;
  private readonly thoughtX: Float64Array;
  private readonly thoughtY: Float64Array;
  private readonly aimError: Float64Array;
  private readonly target: Int32Array;
  private readonly circling: Int8Array;
  /** Decisions left in this burst (positive) or pause (negative). */
  private readonly burst: Int8Array;
  private readonly disc = new Disc(playerRadius + 10);
  private readonly ray = new Ray();
  private readonly thinkIntervalTicks: number;
  private readonly turnPerTick: number;
  private namesGiven = 0;

  constructor(
    private readonly world: ArenaWorld,
    tickRate: number,
    private readonly random: () => number,
  ) {
    const { capacity } = world.players;
    this.wanderX = new Float64Array(capacity);
    this.wanderY = new Float64Array(capacity);
    this.thoughtX = new Float64Array(capacity);
    this.thoughtY = new Float64Array(capacity);
    this.aimError = new Float64Array(capacity);
    this.target = new Int32Array(capacity).fill(none);
    this.circling = new Int8Array(capacity).fill(1);
    this.burst = new Int8Array(capacity);
    this.thinkIntervalTicks = Math.max(1, Math.round(thinkIntervalSec * tickRate));
    this.turnPerTick = turnPerSec / tickRate;
    this.namesGiven = Math.floor(random() * 24);
  }

  /** Adds or removes bots until there are `wanted`; the ones with the lowest scores go first. */
  keep(wanted: number): void {
    while (this.count < wanted) this.add();
    while (this.count > wanted) this.removeWorst();
  }

  /** Writes every living bot's intent for the coming tick. */
  steer(): void {
    const { players, tick } = this.world;
    for (let i = 0; i < players.rowEnd; i += 1) {
      if (players.alive[i] === 0 || players.columns.bot[i] === 0 || players.columns.dead[i] === 1) continue;
      if ((tick + i * 5) % this.thinkIntervalTicks === 0) this.decide(i);
      this.aim(i);
      this.world.intents.writtenAtTick[i] = tick;
    }
  }

  private add(): void {
    const { x, y } = this.world.players.columns;
    const i = this.world.addPlayer(botName(this.namesGiven), '').index;
    this.namesGiven += 1;
    this.count += 1;
    this.target[i] = none;
    this.circling[i] = this.random() < 0.5 ? 1 : -1;
    this.world.intents.aim[i] = this.random() * 2 * Math.PI;
    this.wanderX[i] = this.thoughtX[i] = x[i]!;
    this.wanderY[i] = this.thoughtY[i] = y[i]!;
  }

  private removeWorst(): void {
    const { players } = this.world;
    let worst = none;
    for (let i = 0; i < players.rowEnd; i += 1) {
      if (players.alive[i] === 0 || players.columns.bot[i] === 0) continue;
      if (worst === none || players.columns.score[i]! < players.columns.score[worst]!) worst = i;
    }
    if (worst === none) throw new Error(`bots: ${this.count} counted but none found`);
    this.world.removePlayer(players.at(worst)!.id);
    this.count -= 1;
  }

  private decide(i: number): void {
    const target = this.nearestSeen(i);
    this.target[i] = target;
    if (target === none) this.wander(i);
    else this.fight(i, target);
    const { x, y } = this.world.players.columns;
    this.thoughtX[i] = x[i]!;
    this.thoughtY[i] = y[i]!;
  }

  private nearestSeen(i: number): number {
    const { players } = this.world;
    const { x, y, dead } = players.columns;
    let nearest = none;
    let least = sightRange * sightRange;
    for (let j = 0; j < players.rowEnd; j += 1) {
      if (j === i || players.alive[j] === 0 || dead[j] === 1) continue;
      const dx = x[j]! - x[i]!;
      const dy = y[j]! - y[i]!;
      const squared = dx * dx + dy * dy;
      if (squared >= least || !this.sees(i, j)) continue;
      least = squared;
      nearest = j;
    }
    return nearest;
  }

  private sees(i: number, j: number): boolean {
    const { x, y } = this.world.players.columns;
    this.ray.fromX = x[i]!;
    this.ray.fromY = y[i]!;
    this.ray.toX = x[j]!;
    this.ray.toY = y[j]!;
    this.ray.reach = 1;
    return !castAtMap(this.ray);
  }

  private wander(i: number): void {
    const { x, y } = this.world.players.columns;
    this.world.intents.held[i] = 0;
    let dx = this.wanderX[i]! - x[i]!;
    let dy = this.wanderY[i]! - y[i]!;
    if (this.isStuck(i) || dx * dx + dy * dy < 60 * 60) {
      this.drawPlace(i);
      dx = this.wanderX[i]! - x[i]!;
      dy = this.wanderY[i]! - y[i]!;
    }
    this.walk(i, dx, dy, cruise);
  }

  /** Whether the bot hardly moved since its last decision, which is enough time for 40 to 50. */
  private isStuck(i: number): boolean {
    const { x, y } = this.world.players.columns;
    const dx = x[i]! - this.thoughtX[i]!;
    const dy = y[i]! - this.thoughtY[i]!;
    return dx * dx + dy * dy < 15 * 15;
  }

  private drawPlace(i: number): void {
    const { disc } = this;
    do {
      disc.x = this.random() * worldSize;
      disc.y = this.random() * worldSize;
    } while (isBlocked(disc));
    this.wanderX[i] = disc.x;
    this.wanderY[i] = disc.y;
  }

  private fight(i: number, target: number): void {
    const { x, y } = this.world.players.columns;
    const dx = x[target]! - x[i]!;
    const dy = y[target]! - y[i]!;
    const distance = Math.max(1, Math.sqrt(dx * dx + dy * dy));
    if (this.isStuck(i) || this.random() < 0.12) this.circling[i] = -this.circling[i]!;
    const side = this.circling[i]!;
    const approach = distance > farDistance ? 1 : distance < nearDistance ? -1 : 0;
    this.walk(i, dx * approach - dy * side * 0.9, dy * approach + dx * side * 0.9, 1);
    this.aimError[i] = (this.random() * 2 - 1) * aimErrorMax;
    this.pace(i);
    // A bot that lost sight walks on to where it last saw its enemy.
    this.wanderX[i] = x[target]!;
    this.wanderY[i] = y[target]!;
  }

  /** Counts down bursts of 2 to 4 decisions and pauses of 1 to 4. */
  private pace(i: number): void {
    const left = this.burst[i]!;
    if (left > 1) this.burst[i] = left - 1;
    else if (left < -1) this.burst[i] = left + 1;
    else this.burst[i] = left > 0 ? -1 - Math.floor(this.random() * 4) : 2 + Math.floor(this.random() * 3);
    this.world.intents.held[i] = this.burst[i]! > 0 ? 1 : 0;
  }

  private walk(i: number, dx: number, dy: number, speed: number): void {
    const { intents } = this.world;
    const length = Math.sqrt(dx * dx + dy * dy);
    intents.x[i] = length === 0 ? 0 : (dx / length) * speed;
    intents.y[i] = length === 0 ? 0 : (dy / length) * speed;
  }

  /** Turns the aim towards the target's place at the time a bullet arrives there, or the way the bot walks. */
  private aim(i: number): void {
    const { intents, players } = this.world;
    const { x, y, dead } = players.columns;
    const target = this.target[i]!;
    let wanted: number;
    if (target !== none && players.alive[target] === 1 && dead[target] === 0) {
      const dx = x[target]! - x[i]!;
      const dy = y[target]! - y[i]!;
      const flightSec = Math.sqrt(dx * dx + dy * dy) / bulletSpeedPerSec;
      const lead = 200 * flightSec;
      wanted = Math.atan2(dy + intents.y[target]! * lead, dx + intents.x[target]! * lead) + this.aimError[i]!;
    } else {
      intents.held[i] = 0;
      if (intents.x[i] === 0 && intents.y[i] === 0) return;
      wanted = Math.atan2(intents.y[i]!, intents.x[i]!);
    }
    const off = wanted - intents.aim[i]!;
    // The turn that is left, as -pi to pi: the short way round.
    const turn = off - 2 * Math.PI * Math.round(off / (2 * Math.PI));
    intents.aim[i] = intents.aim[i]! + Math.min(Math.max(turn, -this.turnPerTick), this.turnPerTick);
  }
}

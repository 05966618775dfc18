import type { Row, Table } from '../index.js';
import { Intents } from './arena-intents.js';
import { castAtMap, castAtRound, Disc, isBlocked, pushFree, Ray } from './arena-map.js';
import {
  bulletLifeSec, bulletSpeedPerSec, damageMax, damageMin, fireIntervalSec, healDelaySec, healPerSec, healthMax,
  moveExpirySec, playerRadius, playerSpeedPerSec, respawnSec, worldSize,
} from './arena-rules.js';
import type { Bullet, Player } from './arena-tables.js';

export type PlayerTable = Table<(typeof Player)['fields']>;
export type BulletTable = Table<(typeof Bullet)['fields']>;
export type PlayerRow = Row<(typeof Player)['fields']>;

/** What the world tells its room as it happens. Players are named by row index; -1 is a shooter who has left. */
export interface ArenaEvents {
  hit(shooter: number, victim: number, damage: number): void;
  kill(shooter: number, victim: number): void;
}

const spawnTries = 10;
/** Golden angle in 256ths of the wheel: each player's colour is far from those of the players just before. */
const hueStep = 97;

/**
 * The rules of the arena, over the room's tables. Knows no clients, sockets or clocks: time is counted in ticks and
 * chance comes from the function it is given, so the same calls give the same game.
 *
 * A step allocates nothing but the row of a new bullet: loops run over columns, geometry uses objects made once.
 */
export class ArenaWorld {
  /** Ticks stepped so far. */
  tick = 0;
  readonly intents: Intents;
  private readonly diedAtTick: Int32Array;
  private readonly hitAtTick: Int32Array;
  private readonly firedAtTick: Int32Array;
  private readonly bulletEndTick: Int32Array;
  private readonly disc = new Disc();
  private readonly ray = new Ray();
  private readonly target = new Disc();
  private readonly fireIntervalTicks: number;
  private readonly bulletLifeTicks: number;
  private readonly respawnTicks: number;
  private readonly healDelayTicks: number;
  private readonly healEveryTicks: number;
  private readonly moveExpiryTicks: number;
  private hueNext = 0;

  /**
   * @param tickRate steps per second, Hz; `step` is called with exactly 1 / tickRate.
   * @param random uniform in [0, 1); the only source of chance.
   */
  constructor(
    readonly players: PlayerTable,
    readonly bullets: BulletTable,
    tickRate: number,
    private readonly random: () => number,
    private readonly events: ArenaEvents,
  ) {
    const ticksOf = (seconds: number): number => Math.max(1, Math.round(seconds * tickRate));
    this.fireIntervalTicks = ticksOf(fireIntervalSec);
    this.bulletLifeTicks = ticksOf(bulletLifeSec);
    this.respawnTicks = ticksOf(respawnSec);
    this.healDelayTicks = ticksOf(healDelaySec);
    this.healEveryTicks = ticksOf(1 / healPerSec);
    this.moveExpiryTicks = ticksOf(moveExpirySec);
    this.intents = new Intents(players.capacity);
    this.diedAtTick = new Int32Array(players.capacity);
    this.hitAtTick = new Int32Array(players.capacity);
    this.firedAtTick = new Int32Array(players.capacity);
    this.bulletEndTick = new Int32Array(bullets.capacity);
    this.hueNext = Math.floor(random() * 256);
  }

  /** Adds a player at a free place. `session` is empty for a bot. */
  addPlayer(name: string, session: string): PlayerRow {
    const row = this.players.spawn({ name, session, bot: session === '', health: healthMax, hue: this.hueNext });
    this.hueNext = (this.hueNext + hueStep) % 256;
    const index = row.index;
    this.intents.clear(index);
    this.hitAtTick[index] = this.tick - this.healDelayTicks;
    this.firedAtTick[index] = this.tick - this.fireIntervalTicks;
    this.place(index);
    return row;
  }

  /** Removes a player. Bullets already fired fly on, and count for nobody. */
  removePlayer(id: number): void {
    this.players.despawn(id);
  }

  step(dt: number): void {
    this.tick += 1;
    const { players } = this;
    for (let i = 0; i < players.rowEnd; i += 1) {
      if (players.alive[i] === 0) continue;
      if (players.columns.dead[i] === 1) {
        if (this.tick - this.diedAtTick[i]! >= this.respawnTicks) this.respawn(i);
        continue;
      }
      this.expireIntent(i);
      this.move(i, dt);
      this.fire(i);
      this.heal(i);
    }
    this.separate();
    this.flyBullets(dt);
  }

  private expireIntent(i: number): void {
    // Bots write every tick, so this only ever meets clients that went silent.
    if (this.tick - this.intents.writtenAtTick[i]! > this.moveExpiryTicks) this.intents.clear(i);
  }

  private move(i: number, dt: number): void {
    const { x, y, heading } = this.players.columns;
    const { disc, intents } = this;
    heading[i] = intents.aim[i]!;
    if (intents.x[i] === 0 && intents.y[i] === 0) return;
    disc.x = x[i]! + intents.x[i]! * playerSpeedPerSec * dt;
    disc.y = y[i]! + intents.y[i]! * playerSpeedPerSec * dt;
    pushFree(disc);
    x[i] = disc.x;
    y[i] = disc.y;
  }

  /**
   * Bullets start at the centre of their shooter, who is immune to them: so a muzzle that sticks into a wall can't
   * shoot through it, and nobody is too close to be hit.
   */
  private fire(i: number): void {
    const { intents, bullets } = this;
    const wanted = intents.held[i] === 1 || intents.pulled[i] === 1;
    if (!wanted || this.tick - this.firedAtTick[i]! < this.fireIntervalTicks) return;
    intents.pulled[i] = 0;
    if (bullets.size === bullets.capacity) return;
    this.firedAtTick[i] = this.tick;
    const bullet = bullets.spawn().index;
    bullets.columns.x[bullet] = this.players.columns.x[i]!;
    bullets.columns.y[bullet] = this.players.columns.y[i]!;
    bullets.columns.heading[bullet] = this.players.columns.heading[i]!;
    bullets.columns.shooter[bullet] = this.players.at(i)!.id;
    this.bulletEndTick[bullet] = this.tick + this.bulletLifeTicks;
  }

  private heal(i: number): void {
    const { health } = this.players.columns;
    if (health[i]! >= healthMax || this.tick - this.hitAtTick[i]! < this.healDelayTicks) return;
    if (this.tick % this.healEveryTicks === 0) health[i] = health[i]! + 1;
  }

  /** Pushes overlapping players apart, half the overlap each, so that a crowd is not drawn as one player. */
  private separate(): void {
    const { alive, rowEnd } = this.players;
    const { x, y, dead } = this.players.columns;
    for (let i = 0; i < rowEnd; i += 1) {
      if (alive[i] === 0 || dead[i] === 1) continue;
      for (let j = i + 1; j < rowEnd; j += 1) {
        if (alive[j] === 0 || dead[j] === 1) continue;
        const dx = x[j]! - x[i]!;
        const dy = y[j]! - y[i]!;
        const squared = dx * dx + dy * dy;
        if (squared >= 4 * playerRadius * playerRadius) continue;
        const distance = Math.sqrt(squared);
        const overlap = 2 * playerRadius - distance;
        // Two players on exactly one spot part along x; any fixed direction will do.
        const partX = distance === 0 ? overlap / 2 : (dx / distance) * (overlap / 2);
        const partY = distance === 0 ? 0 : (dy / distance) * (overlap / 2);
        this.shift(i, -partX, -partY);
        this.shift(j, partX, partY);
      }
    }
  }

  private shift(i: number, dx: number, dy: number): void {
    const { x, y } = this.players.columns;
    this.disc.x = x[i]! + dx;
    this.disc.y = y[i]! + dy;
    pushFree(this.disc);
    x[i] = this.disc.x;
    y[i] = this.disc.y;
  }

  private flyBullets(dt: number): void {
    const { bullets, ray } = this;
    const { x, y, heading } = bullets.columns;
    const length = bulletSpeedPerSec * dt;
    // Downwards, so that rowEnd may shrink under the loop.
    for (let b = bullets.rowEnd - 1; b >= 0; b -= 1) {
      if (bullets.alive[b] === 0) continue;
      ray.fromX = x[b]!;
      ray.fromY = y[b]!;
      ray.toX = ray.fromX + Math.cos(heading[b]!) * length;
      ray.toY = ray.fromY + Math.sin(heading[b]!) * length;
      ray.reach = 1;
      const atWall = castAtMap(ray);
      const victim = this.firstInRay(bullets.columns.shooter[b]!);
      if (victim >= 0) this.strike(bullets.columns.shooter[b]!, victim);
      if (victim >= 0 || atWall || this.tick >= this.bulletEndTick[b]!) {
        bullets.despawn(bullets.at(b)!.id);
        continue;
      }
      x[b] = ray.toX;
      y[b] = ray.toY;
    }
  }

  /** The living player that `ray` meets first before whatever else has cut it short; -1 when it meets none. */
  private firstInRay(ownerId: number): number {
    const { players, ray, target } = this;
    const { x, y, dead } = players.columns;
    const owner = this.indexOf(ownerId);
    let first = -1;
    for (let i = 0; i < players.rowEnd; i += 1) {
      if (players.alive[i] === 0 || dead[i] === 1 || i === owner) continue;
      target.x = x[i]!;
      target.y = y[i]!;
      if (castAtRound(ray, target)) first = i;
    }
    return first;
  }

  private strike(shooterId: number, victim: number): void {
    const { health, score, dead } = this.players.columns;
    const shooter = this.indexOf(shooterId);
    const damage = damageMin + Math.floor(this.random() * (damageMax - damageMin + 1));
    this.hitAtTick[victim] = this.tick;
    health[victim] = Math.max(0, health[victim]! - damage);
    this.events.hit(shooter, victim, damage);
    if (health[victim]! > 0) return;
    dead[victim] = 1;
    this.diedAtTick[victim] = this.tick;
    this.intents.clear(victim);
    if (shooter >= 0) score[shooter] = score[shooter]! + 1;
    this.events.kill(shooter, victim);
  }

  private respawn(i: number): void {
    const { health, dead } = this.players.columns;
    dead[i] = 0;
    health[i] = healthMax;
    // A trigger pulled while dead would fire at once, into whatever the player can't see yet.
    this.intents.clear(i);
    this.place(i);
  }

  /** Of a few free places at random, puts the player on the one farthest from everybody else. */
  private place(i: number): void {
    const { x, y } = this.players.columns;
    const { disc } = this;
    let clearanceBest = -1;
    for (let tries = 0; tries < spawnTries || clearanceBest < 0; tries += 1) {
      disc.x = playerRadius + this.random() * (worldSize - 2 * playerRadius);
      disc.y = playerRadius + this.random() * (worldSize - 2 * playerRadius);
      if (isBlocked(disc)) continue;
      const clearance = this.clearance(i);
      if (clearance <= clearanceBest) continue;
      clearanceBest = clearance;
      x[i] = disc.x;
      y[i] = disc.y;
    }
  }

  /** Squared distance from `disc` to the nearest living player other than `except`. */
  private clearance(except: number): number {
    const { players, disc } = this;
    const { x, y, dead } = players.columns;
    let least = 2 * worldSize * worldSize;
    for (let i = 0; i < players.rowEnd; i += 1) {
      if (players.alive[i] === 0 || dead[i] === 1 || i === except) continue;
      const dx = x[i]! - disc.x;
      const dy = y[i]! - disc.y;
      least = Math.min(least, dx * dx + dy * dy);
    }
    return least;
  }

  private indexOf(id: number): number {
    const row = this.players.get(id);
    return row === undefined ? -1 : row.index;
  }
}

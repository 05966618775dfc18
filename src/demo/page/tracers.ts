import { castAtMap, castAtRound, Ray, type Pillar } from '../arena-map.js';
import { bulletLifeSec, bulletSpeedPerSec } from '../arena-rules.js';

/** A player as a shot meets them. */
export interface Target extends Pillar {
  readonly id: number;
}

/** A shot on the screen. Ticks have fractions; positions follow from the heading and the tick. */
export interface Tracer {
  /** Entity id of its shooter. */
  readonly owner: number;
  readonly hue: number;
  readonly cos: number;
  readonly sin: number;
  /** Where it was fired, and when. */
  readonly fromX: number;
  readonly fromY: number;
  readonly fromTick: number;
  /** When it stops, as far as is known. */
  endTick: number;
  /** Whether it stops at something, and so leaves sparks. */
  strikes: boolean;
}

/**
 * Shots, as lines drawn from a start, a direction and the speed that the rules give every bullet. A bullet's row is
 * read once, when it appears; walls in its way are found then, and its end in a player when the row is gone early.
 */
export class Tracers {
  readonly list: Tracer[] = [];
  private readonly byBullet = new Map<number, Tracer>();
  private readonly ray = new Ray();
  private readonly stepPerTick: number;
  private readonly lifeTicks: number;

  constructor(tickRate: number) {
    this.stepPerTick = bulletSpeedPerSec / tickRate;
    this.lifeTicks = bulletLifeSec * tickRate;
  }

  /** Starts a shot from a shooter at (x, y). */
  fire(owner: number, hue: number, x: number, y: number, heading: number, tick: number): Tracer {
    const { ray } = this;
    const cos = Math.cos(heading);
    const sin = Math.sin(heading);
    const length = this.lifeTicks * this.stepPerTick;
    ray.fromX = x;
    ray.fromY = y;
    ray.toX = x + cos * length;
    ray.toY = y + sin * length;
    ray.reach = 1;
    const strikes = castAtMap(ray);
    const endTick = tick + this.lifeTicks * ray.reach;
    const tracer: Tracer = { owner, hue, cos, sin, fromX: x, fromY: y, fromTick: tick, endTick, strikes };
    this.list.push(tracer);
    return tracer;
  }

  /** Starts the shot of a bullet that a snapshot shows at (x, y), some way from its shooter at (ownerX, ownerY). */
  appear(
    bullet: number, owner: number, hue: number, x: number, y: number, heading: number, tick: number,
    ownerX: number, ownerY: number,
  ): void {
    const flown = (x - ownerX) * Math.cos(heading) + (y - ownerY) * Math.sin(heading);
    const age = Math.min(Math.max(flown / this.stepPerTick, 0), this.lifeTicks);
    const fromX = x - Math.cos(heading) * age * this.stepPerTick;
    const fromY = y - Math.sin(heading) * age * this.stepPerTick;
    this.byBullet.set(bullet, this.fire(owner, hue, fromX, fromY, heading, tick - age));
  }

  /** Whether the bullet has appeared and not vanished yet. */
  has(bullet: number): boolean {
    return this.byBullet.has(bullet);
  }

  /**
   * The bullet is gone in the snapshot of `tick`. Unless a wall explains it, it hit one of `targets` since `seenTick`.
   */
  vanish(bullet: number, seenTick: number, tick: number, targets: readonly Target[]): void {
    const tracer = this.byBullet.get(bullet);
    this.byBullet.delete(bullet);
    if (tracer === undefined || tracer.endTick <= tick) return;
    const { ray } = this;
    this.aimRay(tracer, seenTick, tick);
    this.castAtTargets(tracer, targets);
    tracer.endTick = seenTick + (tick - seenTick) * ray.reach;
    tracer.strikes = true;
  }

  /**
   * Stops a shot of the own player at the first of `targets` it meets between two drawn ticks. The room decides about
   * the hit; this is only where the line ends.
   */
  clip(tracer: Tracer, fromTick: number, toTick: number, targets: readonly Target[]): void {
    if (toTick <= fromTick || tracer.endTick <= fromTick) return;
    this.aimRay(tracer, fromTick, toTick);
    if (!this.castAtTargets(tracer, targets)) return;
    tracer.endTick = Math.min(tracer.endTick, fromTick + (toTick - fromTick) * this.ray.reach);
    tracer.strikes = true;
  }

  /** Drops what has ended before `tick`; `onEnd` hears of each. */
  sweep(tick: (tracer: Tracer) => number, onEnd: (tracer: Tracer) => void): void {
    let kept = 0;
    for (let i = 0; i < this.list.length; i += 1) {
      const tracer = this.list[i]!;
      if (tracer.endTick <= tick(tracer)) onEnd(tracer);
      else this.list[kept++] = tracer;
    }
    this.list.length = kept;
  }

  xAt(tracer: Tracer, tick: number): number {
    return tracer.fromX + tracer.cos * this.stepPerTick * (tick - tracer.fromTick);
  }

  yAt(tracer: Tracer, tick: number): number {
    return tracer.fromY + tracer.sin * this.stepPerTick * (tick - tracer.fromTick);
  }

  private castAtTargets(tracer: Tracer, targets: readonly Target[]): boolean {
    let isHit = false;
    for (const target of targets) {
      if (target.id !== tracer.owner && castAtRound(this.ray, target)) isHit = true;
    }
    return isHit;
  }

  private aimRay(tracer: Tracer, fromTick: number, toTick: number): void {
    this.ray.fromX = this.xAt(tracer, fromTick);
    this.ray.fromY = this.yAt(tracer, fromTick);
    this.ray.toX = this.xAt(tracer, toTick);
    this.ray.toY = this.yAt(tracer, toTick);
    this.ray.reach = 1;
  }
}

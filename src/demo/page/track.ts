const samplesMax = 16;
/** A change of place farther than this between two snapshots is a respawn, not a walk: 270/s is 14 per snapshot. */
const jumpMin = 150;

/** What is known of a player at one tick. */
interface Sample {
  tick: number;
  x: number;
  y: number;
  heading: number;
  health: number;
  dead: boolean;
}

/**
 * Where a player was in the latest snapshots, and so where to draw them at any tick between. Beyond the newest
 * snapshot the player stands still: a guess that turns out wrong looks worse than a short stop.
 */
export class Track {
  /** The player at the tick given to `seek`. */
  x = 0;
  y = 0;
  heading = 0;
  health = 0;
  dead = false;
  private readonly samples: Sample[] = [];
  private next = 0;
  private count = 0;

  constructor() {
    for (let i = 0; i < samplesMax; i += 1) {
      this.samples.push({ tick: 0, x: 0, y: 0, heading: 0, health: 0, dead: false });
    }
  }

  record(tick: number, row: Omit<Sample, 'tick'>): void {
    if (this.count > 0 && tick <= this.sampleAgo(0).tick) return;
    const sample = this.samples[this.next]!;
    sample.tick = tick;
    sample.x = row.x;
    sample.y = row.y;
    sample.heading = row.heading;
    sample.health = row.health;
    sample.dead = row.dead;
    this.next = (this.next + 1) % samplesMax;
    this.count = Math.min(this.count + 1, samplesMax);
  }

  /** Sets the fields to the player at `tick`; false when nothing is known yet. */
  seek(tick: number): boolean {
    if (this.count === 0) return false;
    let after = this.sampleAgo(0);
    let before = after;
    for (let ago = 0; ago < this.count; ago += 1) {
      before = this.sampleAgo(ago);
      if (before.tick <= tick) break;
      after = before;
    }
    const span = after.tick - before.tick;
    const isJump = Math.hypot(after.x - before.x, after.y - before.y) > jumpMin;
    const part = span <= 0 || isJump ? 0 : Math.min(Math.max((tick - before.tick) / span, 0), 1);
    this.x = before.x + (after.x - before.x) * part;
    this.y = before.y + (after.y - before.y) * part;
    this.heading = before.heading + shortTurn(after.heading - before.heading) * part;
    this.health = before.health;
    this.dead = before.dead;
    return true;
  }

  private sampleAgo(ago: number): Sample {
    return this.samples[(this.next - 1 - ago + 2 * samplesMax) % samplesMax]!;
  }
}

/** The same turn as -pi to pi: the short way round. */
export function shortTurn(radians: number): number {
  return radians - 2 * Math.PI * Math.round(radians / (2 * Math.PI));
}

/**
 * The game that every server of the arena bench plays: its numbers and its rules, and how a room measures its own ticks.
 * This file imports nothing, and says nothing that isn't plain JavaScript once its types are taken away: the peers run it
 * in their own Node as it is.
 */

export const PLAYERS_PER_ROOM = 16;
export const TICK_RATE_HZ = 60;
export const SNAPSHOT_RATE_HZ = 20;
/** Of each client. */
export const INPUT_RATE_HZ = 30;

export const FIELD_SIZE = 2000;
/** Positions are kept in 1/32 of a unit, in every contender, so that all send the same numbers. */
export const STEPS_PER_UNIT = 32;
export const SPEED_PER_SEC = 240;
export const HEADINGS = 256;
export const HEALTH_FULL = 100;
export const HIT_POINTS = 10;

const DISTANCE = SPEED_PER_SEC / TICK_RATE_HZ;
/** What a player moves per tick in each heading. */
export const MOVE_X = Float64Array.from({ length: HEADINGS }, (_, i) => Math.cos((2 * Math.PI * i) / HEADINGS) * DISTANCE);
export const MOVE_Y = Float64Array.from({ length: HEADINGS }, (_, i) => Math.sin((2 * Math.PI * i) / HEADINGS) * DISTANCE);

/** Each player is hit about every 3 s and scores about every 10 s: counted in ticks, spread by slot. */
export const HIT_TICKS = 199;
export const SCORE_TICKS = 601;

/** The next position on one axis: whoever runs against a border stays at it. */
export function moved(position: number, distance: number): number {
  const next = Math.round((position + distance) * STEPS_PER_UNIT) / STEPS_PER_UNIT;
  // Not `next < 0`: there is a zero with a sign, which some of the contenders send and others don't.
  return next <= 0 ? 0 : next > FIELD_SIZE ? FIELD_SIZE : next;
}

/** Where a player starts. */
export function startOf(slot: number): { x: number; y: number } {
  return { x: 200 + 400 * (slot % 4) + slot, y: 200 + 400 * (Math.floor(slot / 4) % 4) + slot };
}

export function healthAfter(health: number, tick: number, slot: number): number {
  if ((tick + 12 * slot) % HIT_TICKS !== 0) return health;
  return health > HIT_POINTS ? health - HIT_POINTS : HEALTH_FULL;
}

export function scoreAfter(score: number, tick: number, slot: number): number {
  return (tick + 37 * slot) % SCORE_TICKS === 0 ? score + 1 : score;
}

/** Intervals between the ticks of one room, from `begin` on: a ring of the newest, so that keeping them costs nothing. */
export class TickIntervals {
  ticks = 0;
  beganMs = 0;
  lastMs = 0;
  isOn = false;
  intervals = new Float64Array(8192);

  begin(): void {
    this.isOn = true;
    this.ticks = 0;
  }

  /** To be called at the beginning of each tick with performance.now(). */
  tick(nowMs: number): void {
    if (!this.isOn) return;
    if (this.ticks === 0) this.beganMs = nowMs;
    else this.intervals[(this.ticks - 1) % this.intervals.length] = nowMs - this.lastMs;
    this.lastMs = nowMs;
    this.ticks += 1;
  }

  /** All of a RoomReport but its players. `ticks` doesn't count the one that begins. */
  report(): {
    ticks: number; elapsedMs: number; tickIntervalP50Ms: number; tickIntervalP99Ms: number; tickIntervalMaxMs: number;
  } {
    const count = Math.max(0, this.ticks - 1);
    const sorted = this.intervals.slice(0, Math.min(count, this.intervals.length)).sort();
    const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
    return {
      ticks: count,
      elapsedMs: this.lastMs - this.beganMs,
      tickIntervalP50Ms: at(0.5),
      tickIntervalP99Ms: at(0.99),
      tickIntervalMaxMs: at(1),
    };
  }
}

/** Who waits for a match of ranked play, in the two orders that they are looked for: by waiting, and by rating. */
import type { QueueRules } from '../../protocol/control.js';

/** What is matched as one: a player alone, or a party that is complete. */
export interface RankedUnit {
  /** Ids of its players. */
  readonly ids: readonly number[];
  /** Players in it. */
  readonly size: number;
  /** Mean of its players' ratings. */
  readonly rating: number;
  /** Since when it can be matched. */
  readonly sinceMs: number;
  /** Units are numbered as they begin to wait: the order of those that began at the same moment. */
  readonly number: number;
}

/** How far the ratings of its match may be apart, by now. Grows with waiting, so that of two units the older has the greater. */
export function toleranceOf(unit: RankedUnit, rules: QueueRules, nowMs: number): number {
  const waitedSec = Math.max(0, nowMs - unit.sinceMs) / 1000;
  return Math.min(rules.toleranceMax, rules.tolerance + rules.tolerancePerSec * waitedSec);
}

export function byWaiting(a: RankedUnit, b: RankedUnit): number {
  return a.sinceMs - b.sinceMs || a.number - b.number;
}

export function byRating(a: RankedUnit, b: RankedUnit): number {
  return a.rating - b.rating || byWaiting(a, b);
}

/**
 * Units in order. To add or remove one is a binary search and a move of the part behind it: of 10,000 pointers, which takes a
 * few microseconds. A balanced tree would be slower to walk, and it is walked far more often than changed.
 */
export class UnitLine {
  private readonly line: RankedUnit[] = [];

  constructor(private readonly compare: (a: RankedUnit, b: RankedUnit) => number) {}

  get length(): number {
    return this.line.length;
  }

  at(index: number): RankedUnit {
    return this.line[index]!;
  }

  add(unit: RankedUnit): void {
    this.line.splice(this.indexOf(unit), 0, unit);
  }

  remove(unit: RankedUnit): void {
    const index = this.indexOf(unit);
    if (this.line[index] === unit) this.line.splice(index, 1);
  }

  /** Where the unit is, or would be: how many come before it. */
  indexOf(unit: RankedUnit): number {
    let low = 0;
    let high = this.line.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.compare(this.line[middle]!, unit) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

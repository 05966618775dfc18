/** What a ranked queue may do, tried out in full: only for a few players. */
import type { QueueRules } from '../../src/protocol/control.js';

/** A player alone, or a party that is complete, as its members entered. */
export interface ModelUnit {
  readonly ids: readonly number[];
  readonly ratings: readonly number[];
  /** When the last of it entered. */
  readonly sinceMs: number;
}

export const RULES: QueueRules = {
  teams: 2, teamSize: 2, tolerance: 50, tolerancePerSec: 10, toleranceMax: 500, timeoutMs: 60_000,
};

export function meanOf({ ratings }: ModelUnit): number {
  return ratings.reduce((sum, rating) => sum + rating, 0) / ratings.length;
}

export function toleranceIn(rules: QueueRules, unit: ModelUnit, nowMs: number): number {
  return Math.min(rules.toleranceMax, rules.tolerance + (rules.tolerancePerSec * (nowMs - unit.sinceMs)) / 1000);
}

/** Whether the ratings of a match of these units are within the tolerance of each. */
export function tolerate(rules: QueueRules, units: readonly ModelUnit[], nowMs: number): boolean {
  const means = units.map(meanOf);
  const spread = Math.max(...means) - Math.min(...means);
  // Ratings of the tests are multiples of 1/4 at least, parties' means of 1/24: less than this is how it was computed.
  return spread <= Math.min(...units.map((unit) => toleranceIn(rules, unit, nowMs))) + 1e-9;
}

/** Every way to choose some of the units. */
export function* choices(units: readonly ModelUnit[]): Generator<ModelUnit[]> {
  for (let bits = 1; bits < 2 ** units.length; bits += 1) yield units.filter((_, i) => (bits >> i) & 1);
}

/** Whether the units fill the teams exactly. */
export function fill(rules: QueueRules, units: readonly ModelUnit[], places?: readonly number[]): boolean {
  const open = places ?? new Array<number>(rules.teams).fill(rules.teamSize);
  const [first, ...rest] = units;
  if (first === undefined) return open.every((left) => left === 0);
  return open.some((left, team) =>
    left >= first.ids.length && fill(rules, rest, open.map((each, i) => (i === team ? each - first.ids.length : each))));
}

/** Every match that could be made now. */
export function matchesOf(rules: QueueRules, units: readonly ModelUnit[], nowMs: number): ModelUnit[][] {
  return [...choices(units)].filter((chosen) =>
    chosen.reduce((sum, { ids }) => sum + ids.length, 0) === rules.teams * rules.teamSize
    && tolerate(rules, chosen, nowMs) && fill(rules, chosen));
}

/**
 * Looks for matches among the units that wait. Units are served longest waiting first: each in turn is the anchor, for which
 * a match is looked for among the units near it in rating. One that can't be served holds up nobody behind it.
 *
 * The ratings of a match may differ by the tolerance of each of its units, so by the least of them. That least one, the
 * limit, is what the search goes through: for a limit, only units that tolerate as much may be in, and they must lie in a
 * window of ratings that wide around the anchor.
 *
 * ```
 *                      anchor
 *   ratings ---x----x----A--x-----o---x-----x---->     x tolerates the limit, o doesn't yet
 *              [--- limit ---]
 *                   [--- limit ---]                    each window that holds the anchor is tried
 *                        [--- limit ---]
 * ```
 *
 * The least limit that makes a match is taken, so the match is among equals as far as the anchor's waiting allows. In a window
 * that can fill the teams, only as many units are taken as are needed, those nearest to the anchor.
 *
 * Cost. An anchor with too few units around it costs a binary search for each size of unit. One with enough costs at most
 * LIMITS_MAX walks over its candidates, of which there are at most about 2 * players * (1 + 1/2 + ... + 1/teamSize), and the
 * packings (team-packing.ts). A form() stops looking at anchors after STEPS_MAX steps, and the next one goes on where it stopped.
 */
import type { QueueRules } from '../../protocol/control.js';
import { byRating, byWaiting, toleranceOf, UnitLine, type RankedUnit } from './ranked-unit.js';
import { TeamBalance } from './team-balance.js';
import { TeamPacking } from './team-packing.js';

/** Steps of a form() after which it begins with no further anchor: one to three milliseconds. */
const STEPS_MAX = 50_000;

/** Steps after which a single anchor is given up for this time. Only parties of many sizes in teams of dozens need as many. */
const ANCHOR_STEPS_MAX = 100_000;

/** What a binary search among thousands costs, in steps. */
const SEARCH_STEPS = 16;

/** Limits tried for an anchor; of more, so many spread over all. */
const LIMITS_MAX = 16;

/**
 * Candidates of one size, besides twice as many as a match can hold: those on both sides of the anchor, and a few more, as
 * newcomers between them may tolerate too little.
 */
const CANDIDATES_MORE = 8;

interface Candidate {
  readonly unit: RankedUnit;
  readonly tolerance: number;
  /** From the anchor's rating. */
  readonly distance: number;
}

export class MatchFormer {
  private readonly waiting = new UnitLine(byWaiting);
  /** By size: units by rating. Index 0 is not used. */
  private readonly rated: readonly UnitLine[];
  private readonly packing: TeamPacking;
  private players = 0;
  /** The anchor that the next search begins with; null: the one that waits longest. */
  private next: RankedUnit | null = null;
  /** For which time nobody before `next` can be served, as far as is known; NaN: the steps ran out there, go on at any time. */
  private nextForMs = NaN;

  constructor(private readonly rules: QueueRules) {
    this.packing = new TeamPacking(rules.teams, rules.teamSize);
    this.rated = Array.from({ length: rules.teamSize + 1 }, () => new UnitLine(byRating));
  }

  add(unit: RankedUnit): void {
    this.waiting.add(unit);
    this.rated[unit.size]!.add(unit);
    this.players += unit.size;
    if (!Number.isNaN(this.nextForMs)) this.next = null; // whoever couldn't be served may be now
  }

  remove(unit: RankedUnit): void {
    this.waiting.remove(unit);
    this.rated[unit.size]!.remove(unit);
    this.players -= unit.size;
  }

  /** Takes a match out: its teams, each of `teamSize` players. Null when there is none for now. */
  form(nowMs: number): RankedUnit[][] | null {
    const begin = this.next !== null && (Number.isNaN(this.nextForMs) || this.nextForMs === nowMs) ? this.next : null;
    this.next = null;
    this.nextForMs = NaN;
    if (this.players < this.packing.players) return null;
    const stepsEnd = this.packing.steps + STEPS_MAX;
    for (let i = begin === null ? 0 : this.waiting.indexOf(begin); i < this.waiting.length; i += 1) {
      const anchor = this.waiting.at(i);
      if (this.packing.steps > stepsEnd) {
        this.next = anchor;
        return null;
      }
      const teams = this.matchFor(anchor, nowMs);
      if (teams === null) continue;
      for (const unit of teams.flat()) this.remove(unit);
      // The next match of the same look needn't try those again who found nobody before there were fewer.
      this.next = anchor;
      this.nextForMs = nowMs;
      return teams;
    }
    return null;
  }

  private matchFor(anchor: RankedUnit, nowMs: number): RankedUnit[][] | null {
    const tolerance = toleranceOf(anchor, this.rules, nowMs);
    const candidates = this.candidatesOf(anchor, tolerance, nowMs);
    const counts = this.countsOf(candidates);
    // Before the details: are there enough at all?
    if (playersIn(counts) < this.packing.players || this.packing.pack(counts, anchor.size) === null) return null;
    candidates.sort((a, b) => byRating(a.unit, b.unit));
    const stepsEnd = this.packing.steps + ANCHOR_STEPS_MAX;
    for (const limit of limitsOf(candidates, tolerance)) {
      if (this.packing.steps > stepsEnd) return null;
      const within = candidates.filter((each) => each.tolerance >= limit && isWithin(each.distance, limit));
      const window = this.windowOf(within, anchor, limit);
      if (window !== null) return this.nearestOf(window, anchor);
    }
    return null;
  }

  /** The anchor, and the units that it could be in a match with: of each size those nearest in rating. */
  private candidatesOf(anchor: RankedUnit, tolerance: number, nowMs: number): Candidate[] {
    const candidates: Candidate[] = [{ unit: anchor, tolerance, distance: 0 }];
    for (let size = 1; size <= this.rules.teamSize; size += 1) {
      const line = this.rated[size]!;
      if (line.length === 0) continue;
      this.packing.steps += SEARCH_STEPS;
      let right = line.indexOf(anchor);
      let left = right - 1;
      if (right < line.length && line.at(right) === anchor) right += 1;
      const end = candidates.length + 2 * this.packing.unitsMax(size) + CANDIDATES_MORE;
      while (candidates.length < end) {
        const below = left >= 0 ? anchor.rating - line.at(left).rating : Infinity;
        const above = right < line.length ? line.at(right).rating - anchor.rating : Infinity;
        const distance = Math.min(below, above);
        if (!isWithin(distance, tolerance) || distance === Infinity) break;
        this.packing.steps += 1;
        const unit = below <= above ? line.at(left--) : line.at(right++);
        const theirs = toleranceOf(unit, this.rules, nowMs);
        if (isWithin(distance, theirs)) candidates.push({ unit, tolerance: theirs, distance });
      }
    }
    return candidates;
  }

  /** The first window of ratings with units that fill the teams, the anchor among them. `within` is in order of rating. */
  private windowOf(within: readonly Candidate[], anchor: RankedUnit, limit: number): readonly Candidate[] | null {
    const counts = this.countsOf([]);
    let players = 0;
    let end = 0;
    for (let begin = 0; begin < within.length; begin += 1) {
      const before = end;
      const lowest = within[begin]!.unit;
      while (end < within.length && isWithin(within[end]!.unit.rating - lowest.rating, limit)) {
        const { size } = within[end]!.unit;
        counts[size]! += 1;
        players += size;
        end += 1;
      }
      this.packing.steps += 1 + end - before;
      // One that has gained nobody is part of the last one.
      if (end > before && players >= this.packing.players && this.packing.pack(counts, anchor.size) !== null) {
        return within.slice(begin, end);
      }
      if (lowest === anchor) return null;
      counts[lowest.size]! -= 1;
      players -= lowest.size;
    }
    return null;
  }

  /** Teams of the units of a window that are nearest to the anchor, with no more of them than are needed. */
  private nearestOf(window: readonly Candidate[], anchor: RankedUnit): RankedUnit[][] {
    const nearest = window
      .filter(({ unit }) => unit !== anchor)
      .sort((a, b) => a.distance - b.distance || byWaiting(a.unit, b.unit));
    nearest.unshift(window.find(({ unit }) => unit === anchor)!);
    const pack = (length: number) => this.packing.pack(this.countsOf(nearest.slice(0, length)), anchor.size);
    let tooFew = 0;
    let enough = nearest.length;
    while (enough - tooFew > 1) {
      const middle = (tooFew + enough) >>> 1;
      if (pack(middle) === null) tooFew = middle;
      else enough = middle;
    }
    const packing = pack(enough)!;
    const needed = packing.flat();
    const units = nearest.map(({ unit }) => unit).filter(({ size }) => {
      const at = needed.indexOf(size);
      if (at >= 0) needed.splice(at, 1);
      return at >= 0;
    });
    return new TeamBalance(units, packing, this.rules.teamSize).teams();
  }

  private countsOf(candidates: readonly Candidate[]): number[] {
    const counts = new Array<number>(this.rules.teamSize + 1).fill(0);
    for (const { unit } of candidates) counts[unit.size]! += 1;
    return counts;
  }
}

function playersIn(counts: readonly number[]): number {
  return counts.reduce((players, count, size) => players + count * size, 0);
}

/** Means of parties are rounded: two that are just as far apart as they may be can come out a little further. */
const ROUNDING = 1e-9;

function isWithin(distance: number, tolerance: number): boolean {
  return distance <= tolerance + ROUNDING;
}

/** The tolerances that may be the least of a match, smallest first. None is above the anchor's own, which is in each match. */
function limitsOf(candidates: readonly Candidate[], anchorTolerance: number): readonly number[] {
  const all = [...new Set(candidates.map(({ tolerance }) => Math.min(tolerance, anchorTolerance)))].sort((a, b) => a - b);
  if (all.length <= LIMITS_MAX) return all;
  return Array.from({ length: LIMITS_MAX }, (_, i) => all[Math.round((i * (all.length - 1)) / (LIMITS_MAX - 1))]!);
}

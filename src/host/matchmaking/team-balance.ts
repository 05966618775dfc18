/**
 * Who plays in which team, so that the teams of a match are about equally strong: their mean ratings as near to each other as
 * can be found. As all teams have as many players, equal means are equal sums; a unit weighs what it brings to the sum of its
 * team, measured from the mean of the match.
 *
 * It is number partitioning, hard in general. Of small matches all ways are tried. Of others some are, and then units of one
 * size change places as long as that helps (hill climbing, as after Kernighan and Lin): always full teams, never the worst.
 */
import { byWaiting, type RankedUnit } from './ranked-unit.js';
import type { Packing } from './team-packing.js';

/**
 * Placings tried, each counted once for each team: two to three milliseconds. Two teams of 5 alone have 126 ways and take
 * 700 of them, two of 7 have 1,716 and take 9,500. Teams of parties have fewer ways.
 */
const PLACINGS_MAX = 20_000;

/** Exchanges looked at afterwards: a millisecond. Ten teams of 10 look at about 10,000 until none helps. */
const EXCHANGES_MAX = 100_000;

export class TeamBalance {
  /** What each team is above or below the mean. */
  private readonly sums: Float64Array;
  private readonly mean: number;
  /** Largest first, of one size the best first: so the first way tried is a fair one already. */
  private readonly units: readonly RankedUnit[];

  /**
   * @param units of the sizes in `packing`, in any order
   * @param packing a way to fill the teams, each with `teamSize` players
   */
  constructor(
    units: readonly RankedUnit[],
    private readonly packing: Packing,
    private readonly teamSize: number,
  ) {
    this.units = [...units].sort((a, b) => b.size - a.size || b.rating - a.rating || byWaiting(a, b));
    this.mean = units.reduce((sum, { rating, size }) => sum + rating * size, 0) / (packing.length * teamSize);
    this.sums = new Float64Array(packing.length);
  }

  /** The units of each team. */
  teams(): RankedUnit[][] {
    const { best, isBest } = this.tried();
    const teams: RankedUnit[][] = this.packing.map(() => []);
    this.units.forEach((unit, index) => teams[best[index]!]!.push(unit));
    if (!isBest) this.exchange(teams);
    return teams;
  }

  /** Tries ways to place the units, one after the other: the best found, and whether there can be no better one. */
  private tried(): { best: readonly number[]; isBest: boolean } {
    const { units, sums } = this;
    const open = this.packing.map(() => this.teamSize);
    /** Team of each unit; -1: in none. */
    const teamOf = new Array<number>(units.length).fill(-1);
    /** For each unit that is placed, what its team's sum was before: taking it off again would not always give that. */
    const sumsBefore = new Float64Array(units.length);
    let best: readonly number[] = this.asPacked();
    let leastSpread = Infinity;
    let placings = 0;
    /** For each unit that is placed, and the next one: the teams that it hasn't been in. */
    const untried = [this.teamsFor(units[0]!, open)];
    while (untried.length > 0 && leastSpread > 0) {
      if ((placings += sums.length) > PLACINGS_MAX) return { best, isBest: false };
      const index = untried.length - 1;
      const unit = units[index]!;
      const before = teamOf[index]!;
      if (before >= 0) {
        sums[before] = sumsBefore[index]!;
        open[before]! += unit.size;
        teamOf[index] = -1;
      }
      const team = untried[index]!.shift();
      if (team === undefined) {
        untried.pop();
        continue;
      }
      sumsBefore[index] = sums[team]!;
      sums[team]! += this.weightOf(unit);
      open[team]! -= unit.size;
      teamOf[index] = team;
      if (index + 1 < units.length) {
        untried.push(this.teamsFor(units[index + 1]!, open));
        continue;
      }
      const spread = Math.max(...sums) - Math.min(...sums);
      if (spread >= leastSpread) continue;
      best = [...teamOf];
      leastSpread = spread;
    }
    return { best, isBest: true };
  }

  /** Teams with room for the unit, those with most room first, then the weakest; of teams that are alike only one. */
  private teamsFor({ size }: RankedUnit, open: readonly number[]): number[] {
    const { sums } = this;
    const teams: number[] = [];
    for (let team = 0; team < sums.length; team += 1) {
      if (open[team]! < size) continue;
      if (!teams.some((other) => open[other] === open[team] && sums[other] === sums[team])) teams.push(team);
    }
    return teams.sort((a, b) => open[b]! - open[a]! || sums[a]! - sums[b]!);
  }

  /** Has the strongest team, or the weakest, exchange units with others, those most unlike it first, until none helps. */
  private exchange(teams: RankedUnit[][]): void {
    const { sums } = this;
    teams.forEach((units, team) => {
      sums[team] = units.reduce((sum, unit) => sum + this.weightOf(unit), 0);
    });
    let looks = 0;
    for (let isBetter = true; isBetter && looks < EXCHANGES_MAX;) {
      const order = [...sums.keys()].sort((a, b) => sums[b]! - sums[a]!);
      const pairs = order.slice(1).reverse().flatMap((other) => [[order[0]!, other]] as const)
        .concat(order.slice(1, -1).map((other) => [other, order.at(-1)!] as const));
      isBetter = pairs.some(([strong, weak]) => {
        looks += teams[strong]!.length * teams[weak]!.length;
        return this.exchangeBetween(teams, strong, weak);
      });
    }
  }

  /** Exchanges the two units of one size that bring the two teams nearest to each other. @returns whether any does */
  private exchangeBetween(teams: RankedUnit[][], strong: number, weak: number): boolean {
    const gap = this.sums[strong]! - this.sums[weak]!;
    let least = gap;
    let best: readonly [number, number] | null = null;
    teams[strong]!.forEach((a, i) => teams[weak]!.forEach((b, j) => {
      if (a.size !== b.size) return;
      const left = Math.abs(gap - 2 * (this.weightOf(a) - this.weightOf(b)));
      if (left >= least) return;
      least = left;
      best = [i, j];
    }));
    // What rounding alone could have gained is no gain: it would go to and fro.
    if (best === null || gap - least <= gap * 1e-9) return false;
    const [i, j] = best as readonly [number, number];
    const [a, b] = [teams[strong]![i]!, teams[weak]![j]!];
    const moved = this.weightOf(a) - this.weightOf(b);
    this.sums[strong]! -= moved;
    this.sums[weak]! += moved;
    teams[strong]![i] = b;
    teams[weak]![j] = a;
    return true;
  }

  /** The team of each unit as the packing has it, where units of one size are dealt out to and fro, the best first. */
  private asPacked(): number[] {
    /** For each size: the teams that have one, those that have a second one, and so on. */
    const rounds: number[][][] = [];
    this.packing.forEach((sizes, team) => {
      const had = new Map<number, number>();
      for (const size of sizes) {
        const round = had.get(size) ?? 0;
        had.set(size, round + 1);
        ((rounds[size] ??= [])[round] ??= []).push(team);
      }
    });
    const places = rounds.map((ofSize) => ofSize.flatMap((teams, round) => (round % 2 === 0 ? teams : teams.reverse())));
    const dealt = places.map(() => 0);
    return this.units.map(({ size }) => places[size]![dealt[size]!++]!);
  }

  private weightOf({ rating, size }: RankedUnit): number {
    return (rating - this.mean) * size;
  }
}

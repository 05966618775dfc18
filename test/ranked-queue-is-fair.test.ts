/** Who is matched with whom: within everybody's tolerance, in whole parties and full teams, longest waiting first. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RankedQueue } from '../src/host/matchmaking/ranked-queue.js';
import type { QueueRules } from '../src/protocol/control.js';
import { fill, matchesOf, meanOf, RULES, tolerate, type ModelUnit } from './support/ranked-model.js';

const DUEL: QueueRules = { ...RULES, teamSize: 1 };

interface Arrival {
  readonly ratings: readonly number[];
  /** After the one before. */
  readonly afterMs: number;
}

const aRules = fc.record({
  teams: fc.integer({ min: 1, max: 3 }),
  teamSize: fc.integer({ min: 1, max: 4 }),
  tolerance: fc.integer({ min: 0, max: 60 }),
  tolerancePerSec: fc.constantFrom(0, 1, 10),
  toleranceMax: fc.constantFrom(60, 200, Infinity),
  timeoutMs: fc.constant(Infinity),
});

const arrivalsIn = ({ teamSize }: QueueRules, maxLength: number) =>
  fc.array(
    fc.record({
      ratings: fc.array(fc.integer({ min: 0, max: 200 }), { minLength: 1, maxLength: teamSize }),
      afterMs: fc.constantFrom(0, 1, 3000, 20_000),
    }),
    { minLength: 1, maxLength },
  );

const aQueue = (maxLength: number) =>
  aRules.chain((rules) => fc.record({ rules: fc.constant(rules), arrivals: arrivalsIn(rules, maxLength) }));
const pauses = fc.array(fc.constantFrom(0, 1000, 7000), { minLength: 3, maxLength: 3 });

/** Takes all in, each party at one moment. @returns the units that wait, longest first, and the time. */
function enterAll(queue: RankedQueue, arrivals: readonly Arrival[]): { units: ModelUnit[]; nowMs: number } {
  let nowMs = 5000;
  let id = 100;
  const units = arrivals.map(({ ratings, afterMs }) => {
    nowMs += afterMs;
    const ids = ratings.map(() => (id += 1));
    ids.forEach((each, i) => {
      const entry = { id: each, rating: ratings[i]!, party: `party ${ids[0]}`, partySize: ids.length };
      expect(queue.enter(entry, nowMs)).toBeNull();
    });
    return { ids, ratings, sinceMs: nowMs };
  });
  return { units, nowMs };
}

/** The units that a match is made of. Fails when a party isn't in one team, or a player is no one's. */
function unitsIn(teams: readonly (readonly number[])[], units: readonly ModelUnit[]): ModelUnit[] {
  const found = teams.map((team) => units.filter(({ ids }) => ids.some((id) => team.includes(id))));
  found.forEach((inTeam, i) => {
    expect(inTeam.flatMap(({ ids }) => ids).sort()).toEqual([...teams[i]!].sort());
  });
  return found.flat();
}

describe('whoever waits, in whatever parties and for however long,', () => {
  it('is matched in full teams, with the party, within everybody’s tolerance, the longest waiting first', () => {
    let matches = 0;
    fc.assert(
      fc.property(aQueue(8), pauses, ({ rules, arrivals }, pausesMs) => {
        const queue = new RankedQueue(rules);
        let { units, nowMs } = enterAll(queue, arrivals);
        for (const pauseMs of pausesMs) {
          nowMs += pauseMs;
          for (;;) {
            const possible = matchesOf(rules, units, nowMs);
            const match = queue.form(nowMs);
            if (possible.length === 0) {
              expect(match).toBeNull();
              break;
            }
            expect(match).not.toBeNull();
            matches += 1;
            expect(match!.teams.map((team) => team.length)).toEqual(new Array(rules.teams).fill(rules.teamSize));
            const chosen = unitsIn(match!.teams, units);
            expect(tolerate(rules, chosen, nowMs)).toBe(true);
            const first = units.find((unit) => possible.some((each) => each.includes(unit)));
            expect(chosen).toContain(first);
            units = units.filter((unit) => !chosen.includes(unit));
            expect(queue.size).toBe(units.flatMap(({ ids }) => ids).length);
          }
        }
      }),
      { numRuns: 1500 },
    );
    expect(matches).toBeGreaterThan(500);
  });

  it('is matched when parties’ means are apart by just the tolerance, however they are rounded', () => {
    const queue = new RankedQueue({ ...RULES, teams: 3, teamSize: 3, tolerance: 32, tolerancePerSec: 0, toleranceMax: 60 });
    const parties = [[136, 184, 47], [153, 51, 67], [69, 57, 145]];
    enterAll(queue, parties.map((ratings) => ({ ratings, afterMs: 0 })));
    expect(queue.form(5000)).not.toBeNull();
  });

  it('is matched in the end, when the tolerance widens without end and there are others who fit', () => {
    fc.assert(
      fc.property(aQueue(12), ({ rules, arrivals }) => {
        const queue = new RankedQueue({ ...rules, tolerancePerSec: 0.5, toleranceMax: Infinity });
        let { units, nowMs } = enterAll(queue, arrivals);
        for (let look = 0; look < 200; look += 1) {
          nowMs += 5000;
          for (let match = queue.form(nowMs); match !== null; match = queue.form(nowMs)) {
            const chosen = unitsIn(match.teams, units);
            units = units.filter((unit) => !chosen.includes(unit));
          }
        }
        // 1,000 seconds widen it by 500, and ratings differ by 200: who is left are too few, or too large.
        expect(matchesOf({ ...rules, tolerance: Infinity, toleranceMax: Infinity }, units, nowMs)).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });

  it('is put in the one of two small teams that leaves them most equal', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 400 }), { minLength: 8, maxLength: 8 }), (ratings) => {
        const rules = { ...RULES, teamSize: 4, tolerance: 400 };
        const queue = new RankedQueue(rules);
        enterAll(queue, ratings.map((rating) => ({ ratings: [rating], afterMs: 0 })));
        const [a, b] = queue.form(5000)!.teams.map((team) => team.reduce((sum, id) => sum + ratings[id - 101]!, 0));
        const all = ratings.reduce((sum, rating) => sum + rating, 0);
        let least = Infinity;
        for (let bits = 0; bits < 256; bits += 1) {
          const team = ratings.filter((_, i) => (bits >> i) & 1);
          if (team.length === 4) least = Math.min(least, Math.abs(all - 2 * team.reduce((sum, rating) => sum + rating, 0)));
        }
        expect(Math.abs(a! - b!)).toBe(least);
      }),
    );
  });
});

describe('for example', () => {
  const alone = (queue: RankedQueue, id: number, rating: number, nowMs: number): void => {
    expect(queue.enter({ id, rating, party: '', partySize: 0 }, nowMs)).toBeNull();
  };
  const sorted = (match: { teams: readonly (readonly number[])[] } | null) => match?.teams.flat().sort((a, b) => a - b);

  it('two of like rating play at once, and two of unlike rating once both have waited', () => {
    const queue = new RankedQueue(DUEL);
    alone(queue, 1, 1000, 0);
    alone(queue, 2, 1050, 0);
    expect(queue.form(0)!.teams).toHaveLength(2);
    alone(queue, 3, 1000, 0);
    alone(queue, 4, 1100, 0);
    expect(queue.form(4999)).toBeNull();
    expect(sorted(queue.form(5000))).toEqual([3, 4]);
  });

  it('a newcomer isn’t given to one who waited long, until it tolerates that too', () => {
    const queue = new RankedQueue(DUEL);
    alone(queue, 1, 1000, 0);
    alone(queue, 2, 1200, 20_000);
    expect(queue.status(1, 20_000).tolerance).toBe(250);
    expect(queue.form(34_999)).toBeNull();
    expect(sorted(queue.form(35_000))).toEqual([1, 2]);
  });

  it('the tolerance ends where it is said to', () => {
    const queue = new RankedQueue({ ...DUEL, toleranceMax: 80 });
    alone(queue, 1, 1000, 0);
    alone(queue, 2, 1081, 0);
    expect(queue.form(1e9)).toBeNull();
    expect(queue.status(1, 1e9)).toEqual({ waiting: 2, waitedMs: 1e9, tolerance: 80 });
    alone(queue, 3, 1080, 1e9);
    expect(sorted(queue.form(1e9))).toEqual([2, 3]);
    expect(queue.status(1, 1e9).waiting).toBe(1);
  });

  it('one whom nobody is like holds up nobody', () => {
    const queue = new RankedQueue(DUEL);
    alone(queue, 1, 5000, 0);
    for (let id = 2; id <= 9; id += 1) alone(queue, id, 1000 + id, 1000);
    for (let matches = 0; matches < 4; matches += 1) expect(queue.form(1000)).not.toBeNull();
    expect(queue.form(1000)).toBeNull();
    expect(queue.status(1, 1000).waiting).toBe(1);
  });

  it('of many who tolerate each other, the nearest in rating play', () => {
    const queue = new RankedQueue(DUEL);
    [1000, 1049, 1003, 1020, 990].forEach((rating, id) => alone(queue, id, rating, id));
    expect(sorted(queue.form(10))).toEqual([0, 2]);
    expect(sorted(queue.form(10))).toEqual([1, 3]);
  });

  it('a party is rated by its mean, and met by another party or by two alone', () => {
    const queue = new RankedQueue(RULES);
    queue.enter({ id: 1, rating: 800, party: 'us', partySize: 2 }, 0);
    queue.enter({ id: 2, rating: 1200, party: 'us', partySize: 2 }, 0);
    alone(queue, 3, 990, 0);
    expect(queue.form(0)).toBeNull();
    alone(queue, 4, 1010, 0);
    const teams = queue.form(0)!.teams.map((team) => [...team].sort());
    expect(teams.sort()).toEqual([[1, 2], [3, 4]]);
  });

  it('parties that fill no team with others wait, and those behind them play', () => {
    const queue = new RankedQueue({ ...RULES, teamSize: 3 });
    for (let party = 0; party < 5; party += 1) {
      for (const id of [10 * party, 10 * party + 1]) queue.enter({ id, rating: 1000, party: `${party}`, partySize: 2 }, party);
    }
    expect(queue.form(10)).toBeNull();
    alone(queue, 100, 1000, 11);
    expect(queue.form(12)).toBeNull();
    alone(queue, 101, 1000, 13);
    const match = queue.form(14)!;
    expect(sorted(match)).toEqual([0, 1, 10, 11, 100, 101]);
    expect(queue.size).toBe(6);
  });

  it('the largest match that rules allow is made of players alone', () => {
    const queue = new RankedQueue({ ...RULES, teams: 64, teamSize: 64 });
    for (let id = 0; id < 4096; id += 1) alone(queue, id, 1000 + (id % 50), 0);
    const { teams } = queue.form(0)!;
    expect(teams.map((team) => team.length)).toEqual(new Array(64).fill(64));
    expect(new Set(teams.flat()).size).toBe(4096);
    const means = teams.map((team) => team.reduce((sum, id) => sum + 1000 + (id % 50), 0) / 64);
    expect(Math.max(...means) - Math.min(...means)).toBeLessThan(1);
  });

  it('in a queue of thousands a look finds the matches behind those who can’t be served', () => {
    const queue = new RankedQueue({ ...RULES, teamSize: 1, tolerancePerSec: 0 });
    for (let id = 0; id < 8000; id += 1) alone(queue, id, id * 1000, 0);
    alone(queue, 9000, 500_510, 1);
    alone(queue, 9001, 500_490, 1);
    let matches = 0;
    for (let look = 0; look < 5; look += 1) while (queue.form(1000 + look) !== null) matches += 1;
    expect(matches).toBe(1);
    expect(queue.size).toBe(8000);
  });
});

it('what the model of these tests calls full is full', () => {
  const unit = (size: number): ModelUnit => ({ ids: new Array(size).fill(0), ratings: new Array(size).fill(7), sinceMs: 0 });
  const rules = { ...RULES, teamSize: 3 };
  expect(fill(rules, [unit(2), unit(2), unit(1), unit(1)])).toBe(true);
  expect(fill(rules, [unit(2), unit(2), unit(2)])).toBe(false);
  expect(meanOf(unit(3))).toBe(7);
});

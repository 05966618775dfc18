/** Who is in the queue for ranked play, and with whom: parties gather and fall apart, and nobody is lost on the way. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RankedQueue, type Match } from '../src/host/matchmaking/ranked-queue.js';
import { RULES } from './support/ranked-model.js';

const entry = (id: number, party = '', partySize = 0, rating = 1000) => ({ id, rating, party, partySize });

describe('a player', () => {
  it.each([NaN, Infinity, -Infinity, 1.1e12, Number.MAX_VALUE])('rated %d isn’t taken in', (rating) => {
    const queue = new RankedQueue(RULES);
    expect(queue.enter(entry(1, '', 0, rating), 0)).toBe(`rating is ${rating}; expected a number from -1e12 to 1e12`);
    expect(queue.size).toBe(0);
  });

  it('whose party can’t be is told why', () => {
    const queue = new RankedQueue({ ...RULES, teamSize: 4 });
    const refused = (party: string, partySize: number, words: string): void => {
      expect(queue.enter(entry(99, party, partySize), 0)).toContain(words);
    };
    refused('us', 5, 'partySize is 5; expected at most 4, as a party plays in one team');
    refused('', 2, 'partySize is 2 and party is empty; expected the same word from all of the party');
    refused('u'.repeat(65), 2, 'party has 65 characters; expected at most 64');
    for (const size of [-1, 1.5, NaN, Infinity]) refused('us', size, `partySize is ${size}; expected a whole number`);

    expect(queue.enter(entry(1, 'us', 2), 0)).toBeNull();
    refused('us', 3, 'partySize is 3; expected 2, as the others of the party say');
    expect(queue.enter(entry(1, 'us', 2), 0)).toBe('you are in this queue already; leave it first');
    expect(queue.enter(entry(2, 'us', 2), 0)).toBeNull();
    refused('us', 2, 'the party is complete with 2 players: choose another word');
    expect(queue.size).toBe(2);
  });

  it('who says a party of one is alone, whatever the word', () => {
    const queue = new RankedQueue({ ...RULES, teamSize: 1 });
    expect(queue.enter(entry(1, '__proto__', 1), 0)).toBeNull();
    expect(queue.enter(entry(2, '__proto__', 0), 0)).toBeNull();
    expect(queue.form(0)!.teams.flat().sort()).toEqual([1, 2]);
  });

  it('who isn’t there can’t leave, and has no status', () => {
    const queue = new RankedQueue(RULES);
    expect(queue.leave(1)).toBe(false);
    expect(() => queue.status(1, 0)).toThrow(/player 1 isn't in this queue/);
    queue.enter(entry(1), 0);
    expect(queue.leave(1)).toBe(true);
    expect(queue.leave(1)).toBe(false);
    expect(queue.size).toBe(0);
  });
});

describe('a party', () => {
  const duo = { ...RULES, teams: 1, tolerance: 50 };

  it('waits until all are there, and is matched from then on, with a tolerance from then on', () => {
    const queue = new RankedQueue({ ...RULES, teams: 2, teamSize: 2 });
    queue.enter(entry(1, 'us', 2), 0);
    queue.enter(entry(3, '', 0, 1100), 0);
    queue.enter(entry(4, '', 0, 1100), 0);
    expect(queue.status(1, 20_000)).toEqual({ waiting: 3, waitedMs: 20_000, tolerance: 50 });
    expect(queue.form(20_000)).toBeNull();
    queue.enter(entry(2, 'us', 2), 20_000);
    expect(queue.status(1, 21_000)).toEqual({ waiting: 4, waitedMs: 21_000, tolerance: 60 });
    expect(queue.status(3, 21_000).tolerance).toBe(260);
    expect(queue.form(24_999)).toBeNull();
    expect(queue.form(25_000)!.teams.map((team) => [...team].sort()).sort()).toEqual([[1, 2], [3, 4]]);
  });

  it('that one has left waits for another one', () => {
    const queue = new RankedQueue(duo);
    queue.enter(entry(1, 'us', 2), 0);
    queue.enter(entry(2, 'us', 2), 0);
    queue.leave(1);
    expect(queue.form(1)).toBeNull();
    expect(queue.enter(entry(3, 'us', 2), 2)).toBeNull();
    expect(queue.form(2)!.teams).toEqual([[2, 3]]);
  });

  it('that all have left leaves its word to others', () => {
    const queue = new RankedQueue({ ...RULES, teamSize: 3 });
    queue.enter(entry(1, 'us', 2), 0);
    queue.leave(1);
    expect(queue.enter(entry(2, 'us', 3), 0)).toBeNull();
  });

  it('times out together when it is complete, each by itself when it isn’t', () => {
    const queue = new RankedQueue({ ...RULES, teamSize: 3, timeoutMs: 1000 });
    queue.enter(entry(1, 'whole', 2), 0);
    queue.enter(entry(2, 'whole', 2), 600);
    queue.enter(entry(3, 'part', 3), 0);
    queue.enter(entry(4, 'part', 3), 600);
    queue.enter(entry(5), 0);
    queue.enter(entry(6), 600);
    expect(queue.expired(1000)).toEqual([]);
    expect(queue.expired(1001).sort()).toEqual([1, 2, 3, 5]);
    expect(queue.size).toBe(2);
    expect(queue.expired(1600)).toEqual([]);
    expect(queue.expired(1601).sort()).toEqual([4, 6]);
    expect(queue.size).toBe(0);
  });
});

describe('a match that is put back', () => {
  const duel = { ...RULES, teamSize: 1 };

  it('waits where it was, for as long as it had', () => {
    const queue = new RankedQueue(duel);
    queue.enter(entry(1, '', 0, 1000), 0);
    queue.enter(entry(2, '', 0, 1010), 10);
    queue.enter(entry(3, '', 0, 1005), 20);
    const match = queue.form(20)!;
    expect(match.teams.flat().sort()).toEqual([1, 3]);
    expect(queue.size).toBe(1);
    queue.putBack(match);
    expect(queue.status(1, 5000)).toEqual({ waiting: 3, waitedMs: 5000, tolerance: 100 });
    expect(queue.form(20)!.teams.flat().sort()).toEqual([1, 3]);
  });

  it('is taken once, by its own queue', () => {
    const queue = new RankedQueue(duel);
    queue.enter(entry(1), 0);
    queue.enter(entry(2), 0);
    const match = queue.form(0)!;
    expect(() => new RankedQueue(duel).putBack(match)).toThrow(/put each back once/);
    queue.putBack(match);
    expect(() => queue.putBack(match)).toThrow(/put each back once/);
    expect(queue.size).toBe(2);
  });

  it('comes without those who have left, and their party waits for others', () => {
    const queue = new RankedQueue({ ...RULES, teams: 1 });
    queue.enter(entry(1, 'us', 2), 0);
    queue.enter(entry(2, 'us', 2), 0);
    queue.putBack(queue.form(0)!, new Set([1]));
    expect(queue.size).toBe(1);
    expect(queue.form(0)).toBeNull();
    queue.enter(entry(3, 'us', 2), 1);
    expect(queue.form(1)!.teams).toEqual([[2, 3]]);
  });

  it('has its word again: nobody else can join the party', () => {
    const queue = new RankedQueue({ ...RULES, teams: 1 });
    queue.enter(entry(1, 'us', 2), 0);
    queue.enter(entry(2, 'us', 2), 0);
    queue.putBack(queue.form(0)!);
    expect(queue.enter(entry(3, 'us', 2), 0)).toContain('the party is complete');
  });

  it('is a party still though others have taken its word meanwhile', () => {
    const queue = new RankedQueue({ ...RULES, teams: 1 });
    queue.enter(entry(1, 'us', 2), 0);
    queue.enter(entry(2, 'us', 2), 0);
    const match = queue.form(0)!;
    queue.enter(entry(3, 'us', 2), 0);
    queue.putBack(match);
    expect(queue.form(0)!.teams).toEqual([[1, 2]]);
    expect(queue.enter(entry(4, 'us', 2), 0)).toBeNull();
    expect(queue.form(0)!.teams).toEqual([[3, 4]]);
  });
});

type Step =
  | { readonly do: 'enter'; readonly id: number; readonly party: number; readonly size: number; readonly rating: number }
  | { readonly do: 'leave'; readonly id: number }
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'form' | 'settle' | 'expire' }
  | { readonly do: 'putBack'; readonly gone: number };

const anId = fc.integer({ min: 1, max: 12 });
const aStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 12, arbitrary: fc.record({
    do: fc.constant('enter' as const), id: anId, party: fc.integer({ min: 0, max: 2 }), size: fc.constantFrom(1, 1, 2, 2, 3, 4),
    rating: fc.integer({ min: 0, max: 150 }),
  }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('leave' as const), id: anId }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(1, 500, 4000, 20_000) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constantFrom('form' as const, 'settle' as const, 'expire' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('putBack' as const), gone: anId }) },
);

it('whatever happens, each player is in one place: waiting, in one match, or gone for a reason', () => {
  let matches = 0;
  let putBack = 0;
  fc.assert(
    fc.property(fc.array(aStep, { minLength: 50, maxLength: 150, size: 'max' }), (steps) => {
      const rules = { ...RULES, teams: 1, teamSize: 3 };
      const queue = new RankedQueue(rules);
      const waiting = new Map<number, number>(); // when they entered
      const underway: { match: Match; since: Map<number, number> }[] = [];
      let nowMs = 0;
      for (const step of steps) {
        switch (step.do) {
          case 'wait': nowMs += step.ms; break;
          case 'enter': {
            if (underway.some(({ since }) => since.has(step.id))) break; // ids of players in a match are taken
            const wasWaiting = waiting.has(step.id);
            const refusal = queue.enter(entry(step.id, step.party === 0 ? '' : `p${step.party}`, step.size, step.rating), nowMs);
            if (wasWaiting) expect(refusal).not.toBeNull();
            if (refusal === null) waiting.set(step.id, nowMs);
            if (step.size <= 1 && !wasWaiting) expect(refusal).toBeNull();
            break;
          }
          case 'leave':
            expect(queue.leave(step.id)).toBe(waiting.delete(step.id));
            break;
          case 'expire': {
            const ids = queue.expired(nowMs);
            for (const id of ids) expect(waiting.delete(id)).toBe(true);
            for (const sinceMs of waiting.values()) expect(nowMs - sinceMs).toBeLessThanOrEqual(rules.timeoutMs);
            break;
          }
          case 'form': {
            const match = queue.form(nowMs);
            if (match === null) break;
            matches += 1;
            const ids = match.teams.flat();
            expect(ids).toHaveLength(3);
            const since = new Map(ids.map((id) => [id, waiting.get(id)!]));
            for (const id of ids) expect(waiting.delete(id)).toBe(true);
            underway.push({ match, since });
            break;
          }
          case 'settle': underway.shift(); break;
          case 'putBack': {
            const last = underway.pop();
            if (last === undefined) break;
            putBack += 1;
            queue.putBack(last.match, new Set([step.gone].filter((id) => last.since.has(id))));
            for (const [id, sinceMs] of last.since) if (id !== step.gone) waiting.set(id, sinceMs);
            break;
          }
        }
        expect(queue.size).toBe(waiting.size);
        for (const [id, sinceMs] of waiting) {
          const status = queue.status(id, nowMs);
          expect(status.waiting).toBe(waiting.size);
          expect(status.waitedMs).toBe(nowMs - sinceMs);
          expect(status.tolerance).toBeGreaterThanOrEqual(rules.tolerance);
          const widest = Math.min(rules.toleranceMax, rules.tolerance + (nowMs - sinceMs) / 100);
          expect(status.tolerance).toBeLessThanOrEqual(widest + 1e-9);
        }
      }
      for (const id of waiting.keys()) expect(queue.leave(id)).toBe(true);
      expect(queue.size).toBe(0);
      expect(queue.form(nowMs + 1e6)).toBeNull();
    }),
    { numRuns: 100 },
  );
  expect(matches).toBeGreaterThan(100);
  expect(putBack).toBeGreaterThan(30);
});

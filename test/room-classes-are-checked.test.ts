/** What is wrong with a room class's declarations is said when the server starts, all at once and in words. */
import { describe, expect, it } from 'vitest';
import { Room } from '../src/index.js';
import { roomClassProblems, roomTypeOf, type RoomClass } from '../src/shard/room-class.js';

const make = (statics: object): RoomClass => Object.assign(class extends Room {}, statics) as RoomClass;
const problems = (statics: object): string[] => roomClassProblems('arena', make(statics));

describe('a declaration that can’t be used is named with what it is and what is expected', () => {
  it.each([
    [{ tickRate: 0 }, 'tickRate is 0; expected a whole number from 1 to 240'],
    [{ reconnectGrace: -1 }, 'reconnectGrace is -1; expected 0 to 3600 seconds'],
    [{ reconnectGrace: 3601 }, 'reconnectGrace is 3601; expected 0 to 3600 seconds'],
    [{ reconnectGrace: '20' }, 'reconnectGrace is "20"; expected 0 to 3600 seconds'],
    [{ filterBy: 'mode' }, 'filterBy is "mode"; expected an array of names of options'],
    [{ filterBy: ['a', 'b c'] }, 'filterBy has "b c"; expected 1 to 64 letters, digits or _'],
    [{ filterBy: [7] }, 'filterBy has 7; expected 1 to 64 letters, digits or _'],
    [{ filterBy: ['x'.repeat(65)] }, `filterBy has "${'x'.repeat(65)}"; expected 1 to 64 letters, digits or _`],
    [{ filterBy: ['a', 'b', 'a'] }, 'filterBy has "a" twice'],
    [{ filterBy: [...'abcdefghi'] }, 'filterBy has 9 names; expected at most 8'],
    [{ sortBy: ['level'] }, "sortBy is an array of 1; expected an object such as { clients: 'desc', level: 1 }"],
    [{ sortBy: { level: 2 } }, "sortBy has 2 for \"level\"; expected 1 or 'asc', -1 or 'desc'"],
    [{ sortBy: { level: 'constructor' } }, "sortBy has \"constructor\" for \"level\"; expected 1 or 'asc', -1 or 'desc'"],
    [{ sortBy: { 'a.b': 1 } }, 'sortBy has a field "a.b"; expected 1 to 64 letters, digits or _'],
    [{ sortBy: { a: 1, b: 1, c: 1, d: 1, e: 1 } }, 'sortBy has 5 fields; expected at most 4'],
    [{ queue: 'ranked' }, 'queue is no object; expected one such as { teams: 2, teamSize: 3 }'],
    [{ queue: { teams: 0 } }, 'queue.teams is 0; expected a whole number from 1 to 64'],
    [{ queue: { teamSize: 1.5 } }, 'queue.teamSize is 1.5; expected a whole number from 1 to 64'],
    [{ queue: { tolerance: -1 } }, 'queue.tolerance is -1; expected a finite number, 0 or more'],
    [{ queue: { tolerancePerSec: Infinity } }, 'queue.tolerancePerSec is Infinity; expected a finite number, 0 or more'],
    [{ queue: { toleranceMax: 50 } }, 'queue.toleranceMax is 50; expected a number of at least queue.tolerance, 100'],
    [{ queue: { toleranceMax: NaN } }, 'queue.toleranceMax is NaN; expected a number of at least queue.tolerance, 100'],
    [{ queue: { timeout: 0 } }, 'queue.timeout is 0; expected seconds, above 0 and at most 3600'],
    [{ queue: { teamsize: 3 } },
      'queue has "teamsize"; expected any of teams, teamSize, tolerance, tolerancePerSec, toleranceMax, timeout'],
    [{ queue: { teams: 5, teamSize: 4 } }, 'queue has 5 teams of 4, maxClients is 16; expected room for a whole match'],
  ])('%o', (statics, problem) => {
    expect(problems(statics)).toEqual([`room arena: ${problem}`]);
  });

  it('all of them together', () => {
    const wrong = { maxClients: 0, reconnectGrace: NaN, filterBy: [''], sortBy: { a: 0 }, queue: { teams: -1 } };
    expect(problems(wrong)).toHaveLength(5);
  });
});

it('a class without declarations is fine, and so are all that keep to their limits', () => {
  expect(problems({})).toEqual([]);
  expect(problems({
    reconnectGrace: 0, filterBy: [...'abcdefgh'], sortBy: { clients: 'desc', a: 1, b: -1, c: 'asc' },
    queue: { teams: 4, teamSize: 4, tolerance: 0, tolerancePerSec: 0, toleranceMax: 0, timeout: 3600 },
  })).toEqual([]);
});

it('the host is told of a class in numbers and lists, with every default', () => {
  expect(roomTypeOf('plain', make({}))).toEqual({
    name: 'plain', tickRateHz: 60, snapshotRateHz: 20, maxClients: 16, authenticates: false,
    filterBy: [], sortBy: [], queue: null,
  });
  const sortBy = { clients: 'desc', level: 1, age: -1, name: 'asc' };
  const ranked = make({ tickRate: 10, filterBy: ['mode'], sortBy, queue: {}, onAuth: () => true });
  expect(roomTypeOf('ranked', ranked)).toEqual({
    name: 'ranked', tickRateHz: 10, snapshotRateHz: 10, maxClients: 16, authenticates: true, filterBy: ['mode'],
    sortBy: [['clients', -1], ['level', 1], ['age', -1], ['name', 1]],
    queue: {
      teams: 2, teamSize: 1, tolerance: 100, tolerancePerSec: 10, toleranceMax: Number.MAX_VALUE, timeoutMs: 60_000,
    },
  });
  const limited = make({ queue: { tolerance: 5, toleranceMax: 500, timeout: 0.5, teams: undefined } });
  expect(roomTypeOf('limited', limited).queue).toMatchObject({ teams: 2, tolerance: 5, toleranceMax: 500, timeoutMs: 500 });
});

it('a room’s metadata has the type it says', () => {
  class Typed extends Room<{ mode: string }> {
    describe(): string {
      this.setMetadata({ mode: 'duel' });
      // @ts-expect-error no such field
      this.setMetadata({ level: 3 });
      return this.metadata?.mode ?? 'none';
    }
  }
  class Loose extends Room {
    describe(): unknown {
      this.setMetadata({ anything: 1 });
      return this.metadata.anything;
    }
  }
  const named: RoomClass[] = [Typed, Loose];
  expect(named.flatMap((each) => roomClassProblems('typed', each))).toEqual([]);
});

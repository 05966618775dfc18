/**
 * The queue for ranked play of one room type: who waits, alone or in a party, for how long, and who may play with whom.
 * Time is handed in; what a match is for is the caller's.
 *
 * The life of an entry:
 *
 * ```
 *   enter --alone, or the last of its party---------------------> ready --form--> matched --its room is made--> (gone)
 *     |                                                           ^   |  ^____________|  put back
 *     +--others of its party to come--> gathering --the last came-+   |
 *                                        |   ^______one of them left__|
 *                                        |                            |
 *                                        +-- leaves, waits too long --+--> (gone)
 * ```
 *
 * A party waits for a match from when it is complete: one that gathered for long jumps over nobody, and finds others as near
 * in rating as anyone would. The time-out counts from when a player came in, so that nobody waits longer. In `gathering` each
 * times out by itself; in `ready` the whole party does with the first of it, as it came to play together.
 */
import type { QueueRules } from '../../protocol/control.js';
import { MatchFormer } from './match-former.js';
import { toleranceOf, type RankedUnit } from './ranked-unit.js';

/** Ratings are from -1e12 to 1e12: the sum of a match, of 4,096 players at most, is then exact to a thousandth. */
const RATING_MAX = 1e12;

/** Longest word of a party, in UTF-16 units. It is kept while they wait. */
const PARTY_LENGTH_MAX = 64;

/** A player who wants to be matched. */
export interface QueueEntry {
  /** What the queue knows the player by; two in it have different ones. */
  readonly id: number;
  /** In the game's own unit. */
  readonly rating: number;
  /** Those who give the same word play in one team. Empty: alone. */
  readonly party: string;
  /** How many of them there are, this one included; 0 and 1: alone. */
  readonly partySize: number;
}

/** Who plays with whom. */
export interface Match {
  /** Ids of the players in each team. */
  readonly teams: readonly (readonly number[])[];
}

/** How things stand for one player. */
export interface QueueStatus {
  /** Players in the queue, this one included. */
  readonly waiting: number;
  readonly waitedMs: number;
  /** How far apart the ratings of its match may be by now. */
  readonly tolerance: number;
}

interface Player {
  readonly id: number;
  readonly rating: number;
  readonly enteredMs: number;
  readonly party: Party;
}

/** Players who are matched as one; of a player alone, a party of one without a word. */
interface Party {
  readonly word: string;
  readonly size: number;
  readonly players: Player[];
  /** While all are there: what waits for a match. */
  unit: RankedUnit | null;
}

export class RankedQueue {
  private readonly players = new Map<number, Player>();
  /** By word: the party that is joined with it, and no other while it waits. */
  private readonly parties = new Map<string, Party>();
  private readonly former: MatchFormer;
  /** Who is in a match, until it is forgotten or put back. */
  private readonly matched = new WeakMap<Match, readonly Party[]>();
  private units = 0;

  constructor(private readonly rules: QueueRules) {
    this.former = new MatchFormer(rules);
  }

  /** Players waiting, those included whose party isn't complete. */
  get size(): number {
    return this.players.size;
  }

  /** Takes a player in. Returns null, or why not, in words for the player. */
  enter({ id, rating, party: word, partySize }: QueueEntry, nowMs: number): string | null {
    const problem = this.problemOf(id, rating, word, partySize);
    if (problem !== null) return problem;
    const isAlone = partySize <= 1;
    const known = isAlone ? undefined : this.parties.get(word);
    const party: Party = known ?? { word, size: isAlone ? 1 : partySize, players: [], unit: null };
    this.takeWord(party);
    const player: Player = { id, rating, enteredMs: nowMs, party };
    party.players.push(player);
    this.players.set(id, player);
    if (party.players.length === party.size) this.complete(party, nowMs);
    return null;
  }

  /** Takes a player out; the others of its party go on waiting, for another one. Returns whether it was there. */
  leave(id: number): boolean {
    const player = this.players.get(id);
    if (player === undefined) return false;
    const { party } = player;
    this.players.delete(id);
    party.players.splice(party.players.indexOf(player), 1);
    if (party.unit !== null) {
      this.former.remove(party.unit);
      party.unit = null;
    }
    if (party.players.length === 0) this.freeWord(party);
    else this.takeWord(party);
    return true;
  }

  /** Takes out who has waited for longer than `timeoutMs`, with the rest of a party that was complete. In O(size). */
  expired(nowMs: number): number[] {
    const ids = new Set<number>();
    for (const { id, enteredMs, party } of this.players.values()) {
      if (nowMs - enteredMs <= this.rules.timeoutMs) continue;
      ids.add(id);
      if (party.unit !== null) for (const other of party.players) ids.add(other.id);
    }
    for (const id of ids) this.leave(id);
    return [...ids];
  }

  /**
   * Takes a match out: `teams` teams of `teamSize` players. Null when there is none for now. Called again at the same time
   * until then, it finds all that there are, but those for which a queue of many thousands must be searched longer
   * (match-former.ts): those are found by the next calls.
   */
  form(nowMs: number): Match | null {
    const teams = this.former.form(nowMs);
    if (teams === null) return null;
    const match: Match = { teams: teams.map((units) => units.flatMap(({ ids }) => ids)) };
    const parties = teams.flat().map(({ ids }) => this.players.get(ids[0]!)!.party);
    for (const party of parties) {
      for (const { id } of party.players) this.players.delete(id);
      this.freeWord(party);
    }
    this.matched.set(match, parties);
    return match;
  }

  /**
   * Takes the players of a match in again, who keep their place and their waiting time: its room could not be made. Not to be
   * called for a match twice.
   *
   * Whoever has entered again meanwhile is as before.
   *
   * @param gone those who have left meanwhile; what is left of a party waits for others, as after `leave`
   */
  putBack(match: Match, gone: ReadonlySet<number> = new Set()): void {
    const parties = this.matched.get(match);
    if (parties === undefined) throw new Error('the match is put back already, or of another queue: put each back once');
    this.matched.delete(match);
    for (const party of parties) {
      for (const player of party.players) {
        this.leave(player.id);
        this.players.set(player.id, player);
      }
      if (party.unit !== null) this.former.add(party.unit);
      this.takeWord(party);
    }
    for (const id of gone) this.leave(id);
  }

  /** @throws RangeError when the player isn't waiting */
  status(id: number, nowMs: number): QueueStatus {
    const player = this.players.get(id);
    if (player === undefined) throw new RangeError(`player ${id} isn't in this queue; expected one who is: enter it first`);
    const { rules } = this;
    const { unit } = player.party;
    const tolerance = unit === null ? Math.min(rules.tolerance, rules.toleranceMax) : toleranceOf(unit, rules, nowMs);
    return { waiting: this.size, waitedMs: Math.max(0, nowMs - player.enteredMs), tolerance };
  }

  private problemOf(id: number, rating: number, word: string, partySize: number): string | null {
    if (this.players.has(id)) return 'you are in this queue already; leave it first';
    if (!Number.isFinite(rating) || Math.abs(rating) > RATING_MAX) {
      return `rating is ${rating}; expected a number from -1e12 to 1e12`;
    }
    if (!Number.isInteger(partySize) || partySize < 0) {
      return `partySize is ${partySize}; expected a whole number, 1 when alone`;
    }
    if (partySize <= 1) return null;
    const { teamSize } = this.rules;
    if (partySize > teamSize) return `partySize is ${partySize}; expected at most ${teamSize}, as a party plays in one team`;
    if (word === '') return `partySize is ${partySize} and party is empty; expected the same word from all of the party`;
    if (word.length > PARTY_LENGTH_MAX) {
      return `party has ${word.length} characters; expected at most ${PARTY_LENGTH_MAX}: choose a shorter word`;
    }
    const party = this.parties.get(word);
    if (party === undefined) return null;
    if (party.size !== partySize) {
      return `partySize is ${partySize}; expected ${party.size}, as the others of the party say: agree on one size`;
    }
    return party.unit === null ? null : `the party is complete with ${party.size} players: choose another word`;
  }

  private complete(party: Party, nowMs: number): void {
    const { players, size } = party;
    // The mean as it grows: of equal ratings exactly that rating, which a sum of them divided by their number may not be.
    const rating = players.reduce((mean, player, index) => mean + (player.rating - mean) / (index + 1), 0);
    party.unit = { ids: players.map(({ id }) => id), size, rating, sinceMs: nowMs, number: this.units };
    this.units += 1;
    this.former.add(party.unit);
  }

  /** The party can be joined by its word, unless others took the word while it was in a match. */
  private takeWord(party: Party): void {
    if (party.size > 1 && !this.parties.has(party.word)) this.parties.set(party.word, party);
  }

  private freeWord(party: Party): void {
    if (this.parties.get(party.word) === party) this.parties.delete(party.word);
  }
}

/** What a player says of itself when queueing for ranked play, and what it hears of the queue. */

/** How things stand in the queue. */
export interface QueueStatus {
  /** Players in it, this one included. */
  readonly waiting: number;
  /** How long this player has waited, in milliseconds. */
  readonly waitedMs: number;
  /** How far apart the ratings of a match may be by now. */
  readonly tolerance: number;
  /** Why no match can be formed at the moment; empty when there are too few players. */
  readonly reason: string;
}

export interface QueueOptions {
  /** In the game's own unit; finite. Default 0. */
  rating?: number;
  /** Those who give the same word play in one team. Default: alone. */
  party?: string;
  /** Players in the party, this one included: 1 to 64. The match waits for all of them. Default 1. */
  partySize?: number;
  /** Called when the queue is entered, and about once a second. */
  onStatus?: (status: QueueStatus) => void;
  /** Leaves the queue; the promise rejects with a JoinError of code 4000. */
  signal?: AbortSignal;
}

const PARTY_SIZE_MAX = 64;

/** @throws RangeError, TypeError for what makes no sense. */
export function checkQueueOptions({ rating = 0, party = '', partySize = 1 }: QueueOptions): {
  rating: number;
  party: string;
  partySize: number;
} {
  if (!Number.isFinite(rating)) throw new RangeError(`rating is ${String(rating)}; expected a finite number`);
  if (typeof party !== 'string') throw new TypeError(`party is a ${typeof party}; expected a word that its players share`);
  if (!Number.isInteger(partySize) || partySize < 1 || partySize > PARTY_SIZE_MAX) {
    throw new RangeError(`partySize is ${String(partySize)}; expected 1 to ${PARTY_SIZE_MAX}`);
  }
  if (partySize > 1 && party === '') {
    throw new TypeError(`partySize is ${partySize}, but there is no party: name one that all its players give`);
  }
  return { rating, party, partySize };
}

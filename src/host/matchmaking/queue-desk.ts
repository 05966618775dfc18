/**
 * The queues for ranked play, one for each room type that has one: takes players in, tells them how things stand, and sends
 * each match that a queue forms to a fresh room.
 *
 * ```
 *   waiting --a match is formed--> seated with all the others, in a room of their own
 *      |  ^____the host is full____/
 *      +-- leaves, socket gone --> (gone)
 *      +-- waits too long -------> refused with 4010
 * ```
 */
import { CloseCode } from '../../protocol/close-codes.js';
import type { RoomType } from '../../protocol/control.js';
import { encodeQueued } from '../../protocol/server-frames.js';
import type { Matchmaker, MatchSeat } from './matchmaker.js';
import { RankedQueue, type Match } from './ranked-queue.js';
import type { Applicant, Refusal } from './session.js';

/** How often matches are looked for; a person doesn't notice a quarter of a second. */
const FORM_INTERVAL_MS = 250;

/** How often players are told how things stand, in looks for a match. */
const STATUS_EVERY = 4;

/** Matches formed at one look, so that a rush doesn't hold up the sockets: 400 rooms a second. */
const MATCHES_PER_LOOK_MAX = 100;

export interface QueueEvents {
  send(connectionKey: number, frame: Uint8Array): void;
  refused(connectionKey: number, code: number, reason: string): void;
}

/** What a player says of itself. */
export interface QueueEntry {
  readonly rating: number;
  readonly party: string;
  readonly partySize: number;
}

interface Player {
  readonly connectionKey: number;
  readonly applicant: Applicant;
  readonly rating: number;
}

interface Queue {
  readonly type: RoomType;
  readonly ranked: RankedQueue;
  readonly players: Map<number, Player>;
  /** Why matches can't be made at the moment; empty: they can. */
  hindrance: string;
}

export class QueueDesk {
  private readonly queues = new Map<string, Queue>();
  private readonly queueOf = new Map<number, Queue>();
  private timer: NodeJS.Timeout | undefined;
  private looks = 0;
  private isClosed = false;

  constructor(
    private readonly matchmaker: Matchmaker,
    private readonly events: QueueEvents,
    private readonly nowMs: () => number,
  ) {}

  /** Players waiting, in all queues. */
  get size(): number {
    return this.queueOf.size;
  }

  /** Takes a player into the queue of the type. Returns why it can't, or null. */
  enter(connectionKey: number, type: RoomType, applicant: Applicant, entry: QueueEntry): Refusal | null {
    if (this.isClosed) return { code: CloseCode.MayRetry, status: 503, reason: 'the server is shutting down' };
    if (type.queue === null) {
      return wrong(`${type.name} has no queue; declare one in the room: static queue = { teams: 2, teamSize: 1 }`);
    }
    let queue = this.queues.get(type.name);
    if (queue === undefined) {
      queue = { type, ranked: new RankedQueue(type.queue), players: new Map(), hindrance: '' };
      this.queues.set(type.name, queue);
    }
    const nowMs = this.nowMs();
    const problem = queue.ranked.enter({ id: connectionKey, ...entry }, nowMs);
    if (problem !== null) return wrong(problem);
    queue.players.set(connectionKey, { connectionKey, applicant, rating: entry.rating });
    this.queueOf.set(connectionKey, queue);
    this.tell(queue, connectionKey, nowMs);
    this.timer ??= setInterval(() => this.look(), FORM_INTERVAL_MS);
    return null;
  }

  /** The player's socket has gone, or it doesn't want to wait any longer. */
  leave(connectionKey: number): void {
    this.queueOf.get(connectionKey)?.ranked.leave(connectionKey);
    this.forget(connectionKey);
  }

  /** Nobody is going to be matched any more. */
  close(code: number, reason: string): void {
    this.isClosed = true;
    clearInterval(this.timer);
    this.timer = undefined;
    for (const connectionKey of [...this.queueOf.keys()]) {
      this.forget(connectionKey);
      this.events.refused(connectionKey, code, reason);
    }
  }

  private look(): void {
    const nowMs = this.nowMs();
    this.looks += 1;
    for (const queue of this.queues.values()) {
      for (const connectionKey of queue.ranked.expired(nowMs)) {
        this.forget(connectionKey);
        const reason = `no match within ${queue.type.queue!.timeoutMs / 1000} s`;
        this.events.refused(connectionKey, CloseCode.MayRetry, reason);
      }
      this.form(queue, nowMs);
      if (this.looks % STATUS_EVERY !== 0) continue;
      for (const connectionKey of queue.players.keys()) this.tell(queue, connectionKey, nowMs);
    }
    if (this.queueOf.size > 0) return;
    clearInterval(this.timer);
    this.timer = undefined;
  }

  private form(queue: Queue, nowMs: number): void {
    queue.hindrance = '';
    for (let matches = 0; matches < MATCHES_PER_LOOK_MAX; matches += 1) {
      const match = queue.ranked.form(nowMs);
      if (match === null) return;
      const refusal = this.seat(queue, match);
      if (refusal !== null) {
        queue.hindrance = refusal;
        queue.ranked.putBack(match);
        return;
      }
    }
  }

  /** Sends the players of a match into a room of their own. Returns why that can't be made. */
  private seat(queue: Queue, match: Match): string | null {
    const teams = match.teams.map((team) => team.map((connectionKey) => queue.players.get(connectionKey)!));
    const seats: MatchSeat[] = teams.flatMap((players, team) =>
      players.map(({ applicant, connectionKey }) => ({ applicant, connectionKey, team })),
    );
    const known = teams.map((players) =>
      players.map(({ rating, applicant }) => ({ rating, options: applicant.options, auth: applicant.auth })),
    );
    for (const { connectionKey } of seats) this.queueOf.delete(connectionKey);
    const refusal = this.matchmaker.createMatch(queue.type, { match: { teams: known } }, seats);
    for (const { connectionKey } of seats) {
      if (refusal === null) queue.players.delete(connectionKey);
      else this.queueOf.set(connectionKey, queue);
    }
    return refusal?.reason ?? null;
  }

  private tell(queue: Queue, connectionKey: number, nowMs: number): void {
    const { waiting, waitedMs, tolerance } = queue.ranked.status(connectionKey, nowMs);
    this.events.send(connectionKey, encodeQueued({ waiting, waitedMs, tolerance, reason: queue.hindrance }));
  }

  private forget(connectionKey: number): void {
    this.queueOf.get(connectionKey)?.players.delete(connectionKey);
    this.queueOf.delete(connectionKey);
  }
}

function wrong(reason: string): Refusal {
  return { code: CloseCode.Malformed, status: 400, reason };
}

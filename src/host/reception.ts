/**
 * Receives whoever comes to the front: has it admitted, finds it a seat, a place in a queue or a list of rooms, and gives
 * sessions their new connections.
 */
import type { Connection } from '../front/connection.js';
import type { Front } from '../front/front.js';
import type {
  JoinRequest,
  ReserveRequest,
  ReserveResult,
  WatchRequest,
} from '../front/front-events.js';
import { JoinMethod, type ResumeFrame } from '../protocol/client-frames.js';
import { CloseCode } from '../protocol/close-codes.js';
import type { RoomType } from '../protocol/control.js';
import type { Admission } from './admission.js';
import type { Matchmaker } from './matchmaking/matchmaker.js';
import type { QueueDesk } from './matchmaking/queue-desk.js';
import type { RoomWatchers } from './matchmaking/room-watchers.js';
import { TICKET_REFUSED } from './matchmaking/seats.js';
import type { Applicant, Refusal, Session, Wish } from './matchmaking/session.js';
import type { SeatReservation } from './room-api.js';
import type { Tickets } from './tickets.js';

export class Reception {
  /** What to undo when a connection goes that waits to be admitted or matched. */
  private readonly waiting = new Map<number, () => void>();

  constructor(
    private readonly front: Front,
    private readonly admission: Admission,
    private readonly matchmaker: Matchmaker,
    private readonly queues: QueueDesk,
    private readonly watchers: RoomWatchers,
    private readonly tickets: Tickets,
    private readonly reservationOf: (session: Session) => SeatReservation,
  ) {}

  join(connection: Connection, request: JoinRequest): void {
    this.unwatch(connection);
    if (request.method === JoinMethod.Ticket) {
      this.takeTicket(connection, request.ticket);
      return;
    }
    const wish = wishOf(request);
    const isQueue = request.method === JoinMethod.Queue;
    const type = this.matchmaker.typeOf(wish);
    this.whileWaiting(connection, (done) =>
      this.admission.ask(type, request.token, connection.request, {
        admitted: (auth) => {
          done();
          const applicant: Applicant = { wish, options: request.options, auth };
          if (isQueue && type !== undefined) this.queue(connection, type, applicant, request);
          else this.refuseIf(connection, this.matchmaker.place(applicant, connection.key));
        },
        refused: (refusal) => {
          done();
          this.refuseIf(connection, refusal);
        },
      }),
    );
  }

  resume(connection: Connection, { sessionId, token, received, anew }: ResumeFrame): void {
    this.unwatch(connection);
    this.refuseIf(connection, this.matchmaker.seats.resume(sessionId, token, connection.key, received, anew));
  }

  watch(connection: Connection, request: WatchRequest): void {
    const problem = this.watchers.watch(connection.key, request);
    if (problem === null) return;
    connection.isWatching = false;
    this.front.refuse(connection, CloseCode.MayRetry, problem);
  }

  joined(connection: Connection): void {
    this.matchmaker.seats.joined(connection.sessionId, connection.key);
  }

  confirmed(connection: Connection): void {
    this.matchmaker.seats.confirmed(connection.sessionId, connection.key);
  }

  closed(connection: Connection, code: number): void {
    this.waiting.get(connection.key)?.();
    this.waiting.delete(connection.key);
    this.watchers.forget(connection.key);
    if (connection.sessionId === '') return;
    this.matchmaker.seats.lost(connection.sessionId, connection.key, code, connection.taken);
  }

  /** Keeps a seat for whoever brings its ticket. Answers when the room is there. */
  reserve(request: ReserveRequest, answer: (result: ReserveResult) => boolean): void {
    const wish = wishOf(request);
    const refused = ({ code, status, reason }: Refusal): unknown => answer({ ok: false, status, code, reason });
    this.admission.ask(this.matchmaker.typeOf(wish), request.token, request.request, {
      admitted: (auth) =>
        this.matchmaker.reserve(
          { wish, options: request.options, auth },
          {
            reserved: (session) => {
              const isTaken = answer({ ok: true, ...this.reservationOf(session) });
              if (!isTaken) this.matchmaker.seats.release(session);
            },
            refused,
          },
        ),
      refused,
    });
  }

  /** A connection that is about to be a session's watches no list any more. */
  private unwatch(connection: Connection): void {
    this.watchers.forget(connection.key);
    connection.isWatching = false;
  }

  private takeTicket(connection: Connection, ticket: string): void {
    const claims = this.tickets.verify(ticket);
    const refusal =
      claims === null ? TICKET_REFUSED : this.matchmaker.seats.take(claims.sessionId, claims.roomId, connection.key);
    this.refuseIf(connection, refusal);
  }

  private queue(connection: Connection, type: RoomType, applicant: Applicant, request: JoinRequest): void {
    const rating = ratingOf(applicant.auth) ?? request.rating;
    const { party, partySize } = request;
    const { key } = connection;
    // First, as the first status may find the socket full and end it.
    this.waiting.set(key, () => this.queues.leave(key));
    const refusal = this.queues.enter(key, type, applicant, { rating, party, partySize });
    if (refusal === null) return;
    this.waiting.delete(key);
    this.refuseIf(connection, refusal);
  }

  /** Remembers what undoes `begin` while it isn't done. */
  private whileWaiting({ key }: Connection, begin: (done: () => void) => () => void): void {
    let isDone = false;
    const undo = begin(() => {
      isDone = true;
      this.waiting.delete(key);
    });
    if (!isDone) this.waiting.set(key, undo);
  }

  private refuseIf(connection: Connection, refusal: Refusal | null): void {
    if (refusal !== null) this.front.refuse(connection, refusal.code, refusal.reason);
  }
}

/** What the server knows of a player's rating: a number `rating` of what its auth returned. What players say is second to it. */
function ratingOf(auth: unknown): number | undefined {
  const rating = (auth as { rating?: unknown } | null | undefined)?.rating;
  return typeof rating === 'number' && Number.isFinite(rating) ? rating : undefined;
}

function wishOf(request: Pick<JoinRequest, 'method' | 'type' | 'roomId'>): Wish {
  switch (request.method) {
    case JoinMethod.JoinById:
      return { method: 'joinById', roomId: request.roomId };
    case JoinMethod.Create:
    case JoinMethod.Queue:
      return { method: 'create', type: request.type };
    case JoinMethod.Join:
      return { method: 'join', type: request.type };
    default:
      return { method: 'joinOrCreate', type: request.type };
  }
}

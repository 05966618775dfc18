/**
 * A session: one client's identity in one room. It outlives its sockets.
 *
 * ```
 *   reserved --its ticket comes--> joining --the shard says joined--> joined <--resumed--> dropped
 *       |                            |                                   |       socket lost  |
 *       +---- not taken in time -----+---- refused, socket gone ---------+---- leaves --------+---- grace over
 *       v                            v                                   v                    v
 *      left                         left                                left                 left
 * ```
 */
import type { RoomEntry } from './room-entry.js';

export type SessionState = 'reserved' | 'joining' | 'joined' | 'dropped' | 'left';

const MOVES: Readonly<Record<SessionState, readonly SessionState[]>> = {
  reserved: ['joining', 'left'],
  joining: ['joined', 'left'],
  joined: ['dropped', 'left'],
  dropped: ['joined', 'left'],
  left: [],
};

/** What a client asks for: a room of a type, or one room. */
export type Wish =
  | { readonly method: 'joinOrCreate' | 'create' | 'join'; readonly type: string }
  | { readonly method: 'joinById'; readonly roomId: string };

/** Who asks for a seat, once admitted. */
export interface Applicant {
  readonly wish: Wish;
  /** Handed to onCreate and onJoin. */
  readonly options: Readonly<Record<string, unknown>>;
  /** What the server's `auth`, or the room's onAuth, returned. */
  readonly auth: unknown;
}

export class Session {
  state: SessionState;
  /** Key of its present connection; 0 while it has none. Another connection's late close is told apart by it. */
  key: number;
  /** The token that takes it over. */
  resumeToken = '';
  /** The token before, good until the client has shown that the new one arrived; empty otherwise. */
  earlierToken = '';
  /** The new one was given to a page that knew nothing of the session but its token. */
  isAnew = false;
  /** Messages of the client that earlier connections of it have taken. */
  taken = 0;
  /** Rooms it was sent to in vain: each was about to end. */
  detours = 0;
  /** Number of its team in a match; -1 without. */
  team = -1;
  /** A reserved seat's answer, until it is given. */
  answer: ReservationListener | null = null;
  /** What ends its present state: the ticket's expiry, a join's time-out, or the grace period. */
  timer: NodeJS.Timeout | undefined;

  constructor(
    readonly id: string,
    readonly applicant: Applicant,
    /** The room it has a seat in. */
    public room: RoomEntry,
    connectionKey: number,
  ) {
    this.state = connectionKey === 0 ? 'reserved' : 'joining';
    this.key = connectionKey;
  }

  /** The one function that changes its state. What ended the state before ends nothing any more. */
  move(to: SessionState): void {
    if (!MOVES[this.state].includes(to)) throw new Error(`session ${this.id} can't go from ${this.state} to ${to}`);
    clearTimeout(this.timer);
    this.timer = undefined;
    this.state = to;
  }
}

/** Hears once what has become of a seat that was asked for without a connection. */
export interface ReservationListener {
  /** The room is there and the seat kept until it is taken or its time is over. */
  reserved(session: Session): void;
  refused(refusal: Refusal): void;
}

/** Why there is no seat. */
export interface Refusal {
  /** As the close codes. */
  readonly code: number;
  /** For HTTP. */
  readonly status: number;
  readonly reason: string;
}

/**
 * A room as the host knows it.
 *
 * ```
 *   creating --created--> open --server stops--> draining
 *      |                    |                       |
 *      |                    +-- empty for its grace, or it says so itself --> closing
 *      |                                            +----- its hooks done --> closing --disposed--> gone
 *      +-- failed, took too long, its shard died (from any state) ----------------------------------> gone
 * ```
 *
 * Seats are given in `creating` and `open` only. While it is being created clients wait for it; it is listed once it is open.
 */
import type { RoomListing, RoomType } from '../../protocol/control.js';
import type { RoomInfoFrame } from '../../protocol/room-list-frames.js';
import type { ShardHandle } from '../shard-handle.js';
import type { Session } from './session.js';

export type RoomState = 'creating' | 'open' | 'draining' | 'closing' | 'gone';

const MOVES: Readonly<Record<RoomState, readonly RoomState[]>> = {
  creating: ['open', 'draining', 'closing', 'gone'],
  open: ['draining', 'closing', 'gone'],
  draining: ['closing', 'gone'],
  closing: ['gone'],
  gone: [],
};

/** What lists show of a room, and a text that differs when they show something else. */
export interface ListedRoom {
  readonly info: RoomInfoFrame;
  readonly signature: string;
}

export class RoomEntry {
  state: RoomState = 'creating';
  listing: RoomListing;
  /** Everyone who has a seat or is about to, by session id. */
  readonly sessions = new Map<string, Session>();
  /** Whether anybody ever had a seat. */
  wasTaken = false;
  /** Holds the room's last snapshot beyond the life of its shard's thread. */
  shadow: SharedArrayBuffer | null = null;
  /** Null until a list asks for it, and when it has changed. */
  listed: ListedRoom | null = null;
  /** How long it may stay empty, when it is. */
  emptyMs = 0;
  /** What ends its present state: the time it may take to be created, or to stay empty. */
  timer: NodeJS.Timeout | undefined;
  /** Whoever asked for the room itself, without a seat in it. */
  awaited: ((failure: string | null) => void) | null = null;

  constructor(
    readonly id: string,
    readonly type: RoomType,
    readonly shard: ShardHandle,
    /** Values of the options that the type is filtered by. */
    readonly filter: Readonly<Record<string, unknown>>,
    /** Since 1970, for lists. */
    readonly createdMs: number,
    /** Rooms are numbered as they are made: the older one is preferred. */
    readonly number: number,
    isPrivate: boolean,
  ) {
    this.listing = {
      locked: false,
      private: isPrivate,
      disposeAfterMs: Infinity,
      maxClients: type.maxClients,
      metadata: undefined,
    };
  }

  /** The one function that changes its state. */
  move(to: RoomState): void {
    if (!MOVES[this.state].includes(to)) throw new Error(`room ${this.id} can't go from ${this.state} to ${to}`);
    clearTimeout(this.timer);
    this.timer = undefined;
    this.state = to;
  }

  /** Whether it may be given a seat by its id. */
  get takesSeats(): boolean {
    return (this.state === 'creating' || this.state === 'open') && !this.listing.locked && this.hasSeat;
  }

  /** Whether it may be found by its type. */
  get isFindable(): boolean {
    return this.takesSeats && !this.listing.private;
  }

  get isListed(): boolean {
    return this.state === 'open' && !this.listing.private;
  }

  get hasSeat(): boolean {
    return this.sessions.size < this.listing.maxClients;
  }
}

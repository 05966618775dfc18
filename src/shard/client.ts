/** A client as room code sees it: one session's place in one room. */
import { CloseCode } from '../protocol/close-codes.js';
import type { Row } from '../state/row.js';
import type { InputQueue } from './input-queue.js';
import type { ClientView } from './interest/client-view.js';
import { KeptMessages } from './kept-messages.js';
import type { WaitingMessages } from './message-handlers.js';
import type { Reconnection } from './reconnection.js';

/** Codes of the WebSocket standard that a server may close with for a reason of its own. */
const STANDARD_CODES: ReadonlySet<number> = new Set([
  CloseCode.Normal,
  CloseCode.RateExceeded,
  CloseCode.TooBig,
  CloseCode.TooSlow,
]);

/** What a client is sent at a snapshot. */
export const Turn = { None: 0, Delta: 1, Keyframe: 2 } as const;
export type Turn = (typeof Turn)[keyof typeof Turn];

/** A row that a client's view follows, with the columns of its place. */
export interface Followed {
  readonly row: { readonly alive: boolean; readonly index: number };
  readonly x: Float64Array;
  readonly y: Float64Array;
}

/** What a client's room does for it. */
export interface ClientPort {
  /** @throws RangeError when the row has no place in a grid of the room's */
  followed(row: object): Followed;
  sendTo(client: Client, type: string, payload: unknown): void;
  closeClient(client: Client, code: number, reason: string): void;
}

/**
 * One drawing of a client's life in its room:
 *
 * ```
 *   joining --onJoin done--> joined --its socket is lost--> dropped
 *      |                      |  ^-------another socket-------' |
 *      | socket lost,         | it leaves or is sent away,      | the grace period is over,
 *      | onJoin throws        | the room ends                   | or as from joined
 *      v                      v                                 v
 *     left                   left                              left
 * ```
 *
 * A joined client whose next socket comes before its last one is known to be lost stays joined.
 */
export type ClientState = 'joining' | 'joined' | 'dropped' | 'left';

const MOVES: Readonly<Record<ClientState, readonly ClientState[]>> = {
  joining: ['joined', 'left'],
  joined: ['dropped', 'left'],
  dropped: ['joined', 'left'],
  left: [],
};

export class Client {
  /** Yours: whatever the room wants to remember about this client. */
  data: any = {};
  /** What `onAuth` returned; undefined while there is none. */
  auth: any = undefined;
  private current: ClientState = 'joining';
  private hasSocket = true;
  /** @internal What it may have missed; also what it is sent before its join is complete. */
  readonly kept = new KeptMessages();
  /** @internal While it is dropped: how long for, and who waits for it. Null otherwise. */
  reconnection: Reconnection | null = null;
  /** @internal Messages behind one whose validator is still at work; null: nothing waits. */
  waiting: WaitingMessages | null = null;
  /** @internal From this tick on it may be told again that an input of its was refused. */
  inputRejectedFromTick = 0;
  /** @internal Null when the room takes no input. */
  inputs: InputQueue | null = null;
  /** @internal Deltas follow only from the room's newest baseline; a client without it is owed a keyframe. */
  inStep = false;
  /** @internal What this snapshot brings it. */
  turn: Turn = Turn.None;
  /** @internal What it is sent of a room whose clients are sent different things; null elsewhere. */
  view: ClientView | null = null;
  /** @internal Where it looks; NaN until it looks anywhere. */
  lookX = NaN;
  lookY = NaN;
  private followed: Followed | null = null;
  /** @internal The code it left with. */
  leftCode: number = CloseCode.Abnormal;
  /** Newest tick that the client said it holds, never one it wasn't sent; 0 before its (new) socket's first keyframe. */
  ackTick = 0;
  /** @internal This and the following are the pace's: see client-pace.ts. Tick of the newest snapshot sent to it. */
  sentTick = 0;
  /** @internal Its lag counts from here: the newest tick it acknowledged, or when it was first sent one after a rest. */
  lagFromTick = 0;
  /** @internal When it last acknowledged something new, or began to owe an acknowledgement. */
  ackedAtTick = 0;
  /** @internal It is sent no snapshots until it has acknowledged all that it was sent. */
  lagging = false;
  /** @internal It has asked for a keyframe that it wasn't sent yet. */
  wantsKeyframe = false;
  /** @internal No keyframe that it asks for comes before this tick. */
  keyframeFromTick = 0;

  constructor(
    /** Unique on this host; the same for this client as `room.sessionId`. */
    readonly sessionId: string,
    /** @internal The connection that it has, or had last: each socket has a key of its own. */
    public sessionKey: number,
    private readonly port: ClientPort,
    /** Number of its team in a match of ranked play, from 0; -1 for who came another way. */
    readonly team: number = -1,
  ) {}

  /** True while it has a socket: not from `onDrop` to `onReconnect`, and not once it has left. */
  get connected(): boolean {
    return this.hasSocket;
  }

  /** @internal */
  get state(): ClientState {
    return this.current;
  }

  /** @internal The one function that changes its state. */
  move(to: ClientState): void {
    if (!MOVES[this.current].includes(to)) throw new Error(`client ${this.sessionId} can't go from ${this.current} to ${to}`);
    this.current = to;
    this.hasSocket = to === 'joined';
  }

  /**
   * Sends a message, in order, after what was sent before. Payload: any JSON value, or a Uint8Array. A client that is not
   * connected gets it when it is back. Does nothing once the client has left.
   */
  send(type: string, payload?: unknown): void {
    this.port.sendTo(this, type, payload);
  }

  /**
   * In a room with a grid: what this client is sent is what is near this row, wherever it goes. When the row is despawned
   * the view stays where it was last.
   *
   * @param row of a table that has a grid
   * @throws RangeError for another row
   */
  follow(row: Row<any>): void {
    this.followed = this.port.followed(row);
    this.look();
  }

  /** In a room with a grid: what this client is sent is what is near this place. */
  lookAt(x: number, y: number): void {
    if (!Number.isFinite(x) || !Number.isFinite(y)) {
      throw new RangeError(`client.lookAt(${String(x)}, ${String(y)}): expected finite numbers`);
    }
    this.followed = null;
    this.lookX = x;
    this.lookY = y;
  }

  /** @internal Whether it was ever told to look anywhere. */
  looksSomewhere(): boolean {
    return this.lookX === this.lookX;
  }

  /** @internal Brings the place up to date with the row that is followed. */
  look(): void {
    const { followed } = this;
    if (followed === null || !followed.row.alive) return;
    this.lookX = followed.x[followed.row.index]!;
    this.lookY = followed.y[followed.row.index]!;
  }

  /**
   * Ends this client's session for good: its socket is closed with `code` and `reason`, and `onLeave` runs. A client that
   * is not connected can't come back.
   *
   * @param code 4000 to 4999, or one of CloseCode
   * @param reason cut at 123 bytes
   * @throws RangeError for another code: a socket can't be closed with it
   */
  leave(code: number = CloseCode.Consented, reason = 'left'): void {
    if (!Number.isInteger(code) || ((code < 4000 || code > 4999) && !STANDARD_CODES.has(code))) {
      throw new RangeError(`client.leave(${String(code)}): expected a close code from 4000 to 4999`);
    }
    this.port.closeClient(this, code, reason);
  }
}

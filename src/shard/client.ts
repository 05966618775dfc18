/** A client as room code sees it: one session's place in one room. */
import { CloseCode } from '../protocol/close-codes.js';
import type { InputQueue } from './input-queue.js';

/** Codes of the WebSocket standard that a server may close with for a reason of its own. */
const STANDARD_CODES: ReadonlySet<number> = new Set([
  CloseCode.Normal,
  CloseCode.RateExceeded,
  CloseCode.TooBig,
  CloseCode.TooSlow,
]);

/** What a client's room does for it. */
export interface ClientPort {
  sendTo(client: Client, type: string, payload: unknown): void;
  closeClient(client: Client, code: number, reason: string): void;
}

/**
 * One drawing of a client's life in its room:
 *
 * ```
 *   joining --onJoin done--> joined --leave, socket gone, room ends--> left
 *      \________________________________socket gone____________________/
 * ```
 */
export type ClientState = 'joining' | 'joined' | 'left';

export class Client {
  /** Yours: whatever the room wants to remember about this client. */
  data: any = {};
  /** What `onAuth` returned; undefined while there is none. */
  auth: unknown = undefined;
  /** @internal */
  state: ClientState = 'joining';
  /** @internal Null when the room takes no input. */
  inputs: InputQueue | null = null;
  /** @internal Deltas follow only from the room's newest baseline; a client without it is owed a keyframe. */
  inStep = false;
  /** @internal The code it left with. */
  leftCode: number = CloseCode.Abnormal;
  /** @internal Messages sent to the client before its join was complete. */
  readonly early: Uint8Array[] = [];
  /** Newest tick that the client said it holds; 0 before its first keyframe. */
  ackTick = 0;

  constructor(
    /** Unique on this host; the same for this client as `room.sessionId`. */
    readonly sessionId: string,
    /** @internal */
    readonly sessionKey: number,
    private readonly port: ClientPort,
  ) {}

  /**
   * Sends a message, in order, after what was sent before. Payload: any JSON value, or a Uint8Array.
   * Does nothing once the client has left.
   */
  send(type: string, payload?: unknown): void {
    this.port.sendTo(this, type, payload);
  }

  /**
   * Ends this client's session: its socket is closed with `code` and `reason`, and `onLeave` runs.
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

/**
 * The way back to a server: opens one connection after another until one is answered.
 *
 * ```
 *   waiting --delay over, or back online--> connecting --open--> asking --answer--> done (answered)
 *      ^                                        |                  |  \_ refused for good, senseless --> done (failed)
 *      +-----lost, time-out, "may retry"--------+------------------+
 *      \____ too late for another attempt ____________________________________________________________> done (failed)
 * ```
 *
 * A connection that was given up is never listened to again, so what comes from it late does nothing.
 */
import { CloseCode, closeCodeText, isDrop } from '../protocol/close-codes.js';
import { decodeRefused, ServerFrameKind, ServerFrameReader } from '../protocol/server-frames.js';
import { problemText } from '../protocol/verifier.js';
import { SUBPROTOCOL } from '../protocol/version.js';
import type { BackOff } from './back-off.js';
import type { ClientSettings } from './client-settings.js';
import { Connection, type ConnectionListener } from './connection.js';

/** How long one attempt may take, from the socket to the answer. */
export const ATTEMPT_TIMEOUT_MS = 5000;

export interface RedialListener {
  /** The frame that a connection begins with. */
  request(): Uint8Array;
  /**
   * The server's answer. The listener takes the connection over.
   *
   * @throws Error when the answer makes no sense; then `failed` follows.
   */
  answered(connection: Connection, kind: ServerFrameKind, bytes: Uint8Array): void;
  /** No attempt follows. */
  failed(code: number, reason: string): void;
}

/** When attempts are made, and when no more. */
export interface RedialPlan {
  readonly backOff: BackOff;
  /** By the client's clock. */
  readonly giveUpAtMs: number;
  readonly giveUpAfterMs: number;
}

type OnlineListener = (type: 'online', listener: () => void) => void;
const events = globalThis as { addEventListener?: OnlineListener; removeEventListener?: OnlineListener };

export class Redial implements ConnectionListener {
  private readonly reader = new ServerFrameReader();
  private phase: 'waiting' | 'connecting' | 'asking' | 'done' = 'waiting';
  private connection: Connection | undefined;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private readonly online = (): void => this.attempt();

  /** @param plan null: one attempt, at once. */
  constructor(
    private readonly settings: ClientSettings,
    private readonly plan: RedialPlan | null,
    private readonly attemptTimeoutMs: number,
    private readonly listener: RedialListener,
  ) {
    // Where there are such events (browsers), the network's return is not waited past.
    events.addEventListener?.('online', this.online);
    if (plan === null) this.attempt();
    else this.timer = setTimeout(() => this.attempt(), plan.backOff.nextMs());
  }

  /** Makes no more attempts. */
  stop(): void {
    this.phase = 'done';
    clearTimeout(this.timer);
    events.removeEventListener?.('online', this.online);
    const { connection } = this;
    this.connection = undefined;
    // Not 4000: that would say that the session is over.
    connection?.abandon(CloseCode.MayRetry, 'attempt given up');
  }

  connectionOpened(): void {
    this.phase = 'asking';
    this.connection!.send(this.listener.request());
  }

  frameReceived(bytes: Uint8Array | null): void {
    const problem = bytes === null ? -1 : this.reader.read(bytes);
    if (bytes === null || problem !== 0) {
      this.fail(CloseCode.Malformed, `the answer is malformed: ${bytes === null ? 'text' : problemText(problem)}`);
    } else if (this.reader.kind === ServerFrameKind.Refused) {
      const { code, reason } = decodeRefused(bytes);
      if (code === CloseCode.MayRetry) this.tryLater(code, reason);
      else this.fail(code, reason);
    } else if (this.reader.kind !== ServerFrameKind.Pong) {
      this.hand(bytes);
    }
  }

  connectionClosed(code: number, reason: string): void {
    if (this.connection === undefined) return;
    const words = reason === '' ? closeCodeText(code) : reason;
    if (isDrop(code)) this.tryLater(code, words);
    else this.fail(code, words);
  }

  private attempt(): void {
    if (this.phase !== 'waiting') return;
    clearTimeout(this.timer);
    this.phase = 'connecting';
    const { settings, attemptTimeoutMs } = this;
    this.timer = setTimeout(() => {
      this.tryLater(CloseCode.MayRetry, `no answer from ${settings.url} after ${attemptTimeoutMs} ms`);
    }, attemptTimeoutMs);
    this.connection = new Connection(settings.webSocket, settings.url, SUBPROTOCOL, this);
  }

  private hand(bytes: Uint8Array): void {
    const connection = this.connection!;
    this.connection = undefined;
    this.stop();
    try {
      this.listener.answered(connection, this.reader.kind, bytes);
    } catch (error) {
      connection.listener = this;
      connection.abandon(CloseCode.MayRetry, 'the answer makes no sense');
      this.listener.failed(CloseCode.Malformed, (error as Error).message);
    }
  }

  private tryLater(code: number, words: string): void {
    const { plan, connection } = this;
    clearTimeout(this.timer);
    this.connection = undefined;
    connection?.abandon(CloseCode.MayRetry, 'attempt given up');
    if (plan === null) {
      this.fail(code, words);
      return;
    }
    const waitMs = plan.backOff.nextMs();
    if (this.settings.now() + waitMs > plan.giveUpAtMs) {
      this.fail(code, `no connection came about within ${plan.giveUpAfterMs} ms; the last attempt: ${words}`);
      return;
    }
    this.phase = 'waiting';
    this.timer = setTimeout(() => this.attempt(), waitMs);
  }

  private fail(code: number, reason: string): void {
    this.stop();
    this.listener.failed(code, reason);
  }
}


/**
 * A join under way: it opens the socket, asks for a seat, and gives the connection to the room once its first keyframe is
 * there.
 *
 * ```
 *   connecting --open--> asking --Joined--> filling --keyframe--> done (resolved)
 *        \__________________\__________________\______ Refused, malformed, closed, time-out --> done (rejected)
 * ```
 */
import { encodeJoin, type JoinFrame } from '../protocol/client-frames.js';
import { CloseCode, closeCodeText } from '../protocol/close-codes.js';
import { decodeJoined, decodeRefused, ServerFrameKind, ServerFrameReader } from '../protocol/server-frames.js';
import { problemText } from '../protocol/verifier.js';
import { SUBPROTOCOL } from '../protocol/version.js';
import { JoinError } from './client-errors.js';
import { ClientRoom } from './client-room.js';
import { Connection, type ConnectionListener, type WebSocketConstructor } from './connection.js';
import type { RoomType } from './room-types.js';

/** What all joins of one client have in common. */
export interface JoinSettings {
  readonly url: string;
  readonly webSocket: WebSocketConstructor;
  readonly joinTimeoutMs: number;
  readonly now: () => number;
}

export class JoinAttempt<R extends RoomType> implements ConnectionListener {
  private readonly connection: Connection;
  private readonly reader = new ServerFrameReader();
  private readonly timer: ReturnType<typeof setTimeout>;
  private room: ClientRoom<R> | undefined;
  private phase: 'connecting' | 'asking' | 'filling' | 'done' = 'connecting';

  constructor(
    private readonly settings: JoinSettings,
    private readonly request: JoinFrame,
    private readonly resolve: (room: ClientRoom<R>) => void,
    private readonly reject: (error: unknown) => void,
  ) {
    this.connection = new Connection(settings.webSocket, settings.url, SUBPROTOCOL, this);
    this.timer = setTimeout(() => this.timeOut(), settings.joinTimeoutMs);
  }

  connectionOpened(): void {
    this.phase = 'asking';
    this.connection.send(encodeJoin(this.request));
  }

  frameReceived(bytes: Uint8Array | null): void {
    if (this.phase === 'done') return;
    if (this.room === undefined) {
      this.takeAnswer(bytes);
      return;
    }
    this.room.frameReceived(bytes);
    if (!this.room.isFilled) return;
    this.end();
    this.connection.listener = this.room;
    this.resolve(this.room);
    this.room.begin();
  }

  connectionClosed(code: number, reason: string): void {
    const words = reason === '' ? closeCodeText(code) : reason;
    if (this.phase === 'connecting') {
      this.fail(
        code,
        `cannot connect to ${this.settings.url} (${words}): check that a server listens there, that it is of this ` +
          'version, and that it allows this origin',
      );
    } else {
      this.fail(code, `the connection closed before the join was done: ${words}`);
    }
  }

  private takeAnswer(bytes: Uint8Array | null): void {
    if (bytes === null) {
      this.fail(CloseCode.Malformed, 'the server sent text; expected a server of this protocol');
      return;
    }
    const problem = this.reader.read(bytes);
    if (problem !== 0) {
      this.fail(CloseCode.Malformed, `the server's answer is malformed: ${problemText(problem)}`);
    } else if (this.reader.kind === ServerFrameKind.Joined) {
      try {
        this.room = new ClientRoom<R>(this.connection, decodeJoined(bytes), this.settings.now);
        this.phase = 'filling';
      } catch (error) {
        this.fail(CloseCode.Malformed, `the room's description makes no sense: ${(error as Error).message}`, error);
      }
    } else if (this.reader.kind === ServerFrameKind.Refused) {
      const { code, reason } = decodeRefused(bytes);
      this.fail(code, reason);
    } else if (this.reader.kind !== ServerFrameKind.Pong) {
      this.fail(CloseCode.Malformed, 'the server sent state or messages before its answer to the join');
    }
  }

  private timeOut(): void {
    const missing = { connecting: 'a connection', asking: 'an answer', filling: 'the first keyframe', done: '' };
    this.fail(
      CloseCode.MayRetry,
      `no join after ${this.settings.joinTimeoutMs} ms: still waiting for ${missing[this.phase]} from ${this.settings.url}`,
    );
  }

  private fail(code: number, message: string, cause?: unknown): void {
    if (this.phase === 'done') return;
    this.end();
    // Nothing waits for the answer: the server frees the seat when the socket goes.
    this.connection.abandon(CloseCode.Consented, 'join given up');
    this.reject(new JoinError(code, message, cause === undefined ? undefined : { cause }));
  }

  private end(): void {
    this.phase = 'done';
    clearTimeout(this.timer);
  }
}

/**
 * A join under way: it opens the socket, asks for a seat, and gives the connection to the room once its first keyframe is
 * there.
 *
 * ```
 *   connecting --open--> asking --Joined--> filling --keyframe--> done (resolved)
 *       |                  | \--Queued--> queued --Joined--^ |
 *       |                  |          (Queued again) |       |
 *       +------------------+-------------------------+-------+--> done (rejected)
 *               Refused, malformed, closed, time-out, called off
 * ```
 */
import { encodeLeave } from '../protocol/client-frames.js';
import { CloseCode, closeCodeText } from '../protocol/close-codes.js';
import {
  decodeJoined,
  decodeQueued,
  decodeRefused,
  ServerFrameKind,
  ServerFrameReader,
  type JoinedFrame,
  type QueuedFrame,
} from '../protocol/server-frames.js';
import { problemText } from '../protocol/verifier.js';
import { SUBPROTOCOL } from '../protocol/version.js';
import { JoinError } from './client-errors.js';
import { ClientRoom } from './client-room.js';
import type { ClientSettings } from './client-settings.js';
import { Connection, type ConnectionListener } from './connection.js';
import type { RoomType } from './room-types.js';

/** What is asked of the server. */
export interface JoinRequest {
  readonly frame: Uint8Array;
  /** The session that a Resume takes over; absent for joins. */
  readonly resumes?: { readonly roomId: string; readonly sessionId: string };
  /** The join waits in a queue. */
  readonly queued?: (status: QueuedFrame) => void;
  /** Calls the join off. */
  readonly signal?: AbortSignal | undefined;
  /** The words for a refusal, where there are better ones than the server's. */
  readonly explain?: (code: number, reason: string) => string;
}

const CALLED_OFF = 'the queue was left';

export class JoinAttempt<R extends RoomType> implements ConnectionListener {
  private readonly connection: Connection;
  private readonly reader = new ServerFrameReader();
  private readonly callOff = (): void => this.leave();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private room: ClientRoom<R> | undefined;
  private phase: 'connecting' | 'asking' | 'queued' | 'filling' | 'done' = 'connecting';

  /** @throws JoinError when it is called off already. */
  constructor(
    private readonly settings: ClientSettings,
    private readonly request: JoinRequest,
    private readonly resolve: (room: ClientRoom<R>) => void,
    private readonly reject: (error: unknown) => void,
  ) {
    if (request.signal?.aborted) throw new JoinError(CloseCode.Consented, CALLED_OFF, { cause: request.signal.reason });
    this.connection = new Connection(settings.webSocket, settings.url, SUBPROTOCOL, this);
    request.signal?.addEventListener('abort', this.callOff);
    this.startTimer();
  }

  connectionOpened(): void {
    this.phase = 'asking';
    this.connection.send(this.request.frame);
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
      this.fail(code, `the connection closed before the join was done: ${this.explained(code, words)}`);
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
      return;
    }
    switch (this.reader.kind) {
      case ServerFrameKind.Joined:
        this.takeSeat(decodeJoined(bytes));
        break;
      case ServerFrameKind.Refused: {
        const { code, reason } = decodeRefused(bytes);
        this.fail(code, this.explained(code, reason));
        break;
      }
      case ServerFrameKind.Queued:
        this.phase = 'queued';
        this.startTimer();
        this.showStatus(decodeQueued(bytes));
        break;
      case ServerFrameKind.Pong:
      case ServerFrameKind.Draining:
        break;
      default:
        this.fail(CloseCode.Malformed, 'the server sent state or messages before its answer to the join');
    }
  }

  private takeSeat(joined: JoinedFrame): void {
    const { resumes } = this.request;
    if (resumes !== undefined && (joined.roomId !== resumes.roomId || joined.sessionId !== resumes.sessionId)) {
      this.fail(CloseCode.Malformed, 'the server answered with another session than the one to go on with');
      return;
    }
    try {
      this.room = new ClientRoom<R>(this.connection, joined, this.settings.now, this.settings);
      this.phase = 'filling';
      this.startTimer();
    } catch (error) {
      this.fail(CloseCode.Malformed, `the room's description makes no sense: ${(error as Error).message}`, error);
    }
  }

  /** What the game's callback throws is the game's: the wait goes on. */
  private showStatus(status: QueuedFrame): void {
    try {
      this.request.queued?.(status);
    } catch (error) {
      console.error(error);
    }
  }

  private explained(code: number, reason: string): string {
    return this.request.explain?.(code, reason) ?? reason;
  }

  /** While queued each word of the queue starts it anew: there is no limit to how long a match may take. */
  private startTimer(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.timeOut(), this.settings.joinTimeoutMs);
  }

  private timeOut(): void {
    const missing = {
      connecting: 'a connection',
      asking: 'an answer',
      queued: 'a word of the queue',
      filling: 'the first keyframe',
      done: '',
    };
    this.fail(
      CloseCode.MayRetry,
      `no join after ${this.settings.joinTimeoutMs} ms: still waiting for ${missing[this.phase]} from ${this.settings.url}`,
    );
  }

  private leave(): void {
    this.connection.send(encodeLeave(CloseCode.Consented));
    this.fail(CloseCode.Consented, CALLED_OFF, this.request.signal?.reason);
  }

  private fail(code: number, message: string, cause?: unknown): void {
    if (this.phase === 'done') return;
    this.end();
    // Nothing waits for the answer: the server frees the seat when the socket goes. A session that was to be taken over stays,
    // for another try.
    const isSeatKept = this.request.resumes !== undefined;
    this.connection.abandon(isSeatKept ? CloseCode.MayRetry : CloseCode.Consented, 'join given up');
    this.reject(new JoinError(code, message, cause === undefined ? undefined : { cause }));
  }

  private end(): void {
    this.phase = 'done';
    clearTimeout(this.timer);
    this.request.signal?.removeEventListener('abort', this.callOff);
  }
}

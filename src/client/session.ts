/**
 * A client's session in a room, which outlives its sockets:
 *
 * ```
 *            +------------------------ keyframe -------------------------+
 *            v                                                           |
 *   --> open --lost--> dropped --a new socket, Joined{resumed}--> resuming
 *         |              |  ^                                      |   |
 *         |              |  +---------------- lost ----------------+   |
 *      leave()           |                                             | leave()
 *         |           leave(), too late, refused                       |
 *         v              |                                             |
 *      leaving <---------|---------------------------------------------+
 *         |              v
 *         +-closed--> closed <-- open, resuming: closed with a code that is no loss
 * ```
 *
 * Lost is a connection that closed with one of the codes of `isDrop`, or over which nothing comes any more. Its socket is
 * never listened to again.
 */
import { encodeLeave, encodePing, encodeResume } from '../protocol/client-frames.js';
import { CloseCode, closeCodeText, isDrop } from '../protocol/close-codes.js';
import { decodeJoined, ServerFrameKind, type JoinedFrame } from '../protocol/server-frames.js';
import { BackOff } from './back-off.js';
import { GIVE_UP_AFTER_MS, type ClientSettings } from './client-settings.js';
import type { Connection, ConnectionListener } from './connection.js';
import { Heartbeat } from './heartbeat.js';
import { MessageOutbox } from './message-outbox.js';
import { reconnectionTokenText } from './reconnection-token.js';
import { ATTEMPT_TIMEOUT_MS, Redial } from './redial.js';

/** How long `leave()` waits for the server to close. */
const LEAVE_TIMEOUT_MS = 1000;

export type SessionPhase = 'open' | 'dropped' | 'resuming' | 'leaving' | 'closed';

const NEXT_PHASES: Readonly<Record<SessionPhase, readonly SessionPhase[]>> = {
  open: ['dropped', 'leaving', 'closed'],
  dropped: ['resuming', 'closed'],
  resuming: ['open', 'dropped', 'leaving', 'closed'],
  leaving: ['closed'],
  closed: [],
};

/** The room, as its session needs it. */
export interface SessionOwner {
  /** Tick of the newest snapshot held. */
  heldTick(): number;
  /** Messages of the session that came so far, u32. */
  receivedCount(): number;
  /** `null` for text. Comes while the session is open or resuming only. */
  takeFrame(bytes: Uint8Array | null): void;
  /** Once, however many attempts follow. */
  lost(code: number, reason: string): void;
  /** There is a new connection and a new token; a keyframe follows. */
  resumed(): void;
  ended(code: number, reason: string): void;
}

export class Session implements ConnectionListener {
  readonly heartbeat: Heartbeat;
  readonly outbox: MessageOutbox;
  private readonly backOff: BackOff | null;
  private readonly giveUpAfterMs: number;
  /** What later handshakes must have in common with the first. */
  private readonly description: string;
  private current: SessionPhase = 'open';
  private secret: string;
  private closeCode = 0;
  private openedAtMs: number;
  private giveUpAtMs = 0;
  private redial: Redial | undefined;
  private leaveTimer: ReturnType<typeof setTimeout> | undefined;
  private left: Promise<number> | undefined;
  private settleLeft: ((code: number) => void) | undefined;

  constructor(
    /** The present one, or the last. */
    private connection: Connection,
    private readonly joined: JoinedFrame,
    private readonly owner: SessionOwner,
    private readonly now: () => number,
    private readonly settings: ClientSettings | null,
  ) {
    const policy = settings?.reconnect ?? null;
    this.secret = joined.resumeToken;
    this.description = describe(joined);
    this.backOff = policy && new BackOff(policy, settings!.random);
    this.giveUpAfterMs = policy?.giveUpAfterMs ?? Math.max(GIVE_UP_AFTER_MS, joined.graceMs);
    this.openedAtMs = now();
    this.outbox = new MessageOutbox((frame) => this.isAlive && this.connection.send(frame), joined.tickRate, joined.received);
    this.heartbeat = new Heartbeat(
      () => this.heldTick,
      (timeMs) => this.connection.send(encodePing(timeMs, this.heldTick, owner.receivedCount())),
      () => this.fellSilent(),
      now,
    );
  }

  get phase(): SessionPhase {
    return this.current;
  }

  /** Whether there is a connection that belongs to the session. */
  get isAlive(): boolean {
    return this.current === 'open' || this.current === 'resuming';
  }

  /** Whether the socket takes what is sent: it may be closing already. */
  get isWritable(): boolean {
    return this.isAlive && this.connection.isOpen;
  }

  /** As a page stores it; '' when the server resumes nothing. */
  get token(): string {
    return reconnectionTokenText({ roomId: this.joined.roomId, sessionId: this.joined.sessionId, secret: this.secret });
  }

  /** Whether a lost connection is replaced. */
  get resumes(): boolean {
    return this.backOff !== null && this.secret !== '';
  }

  /** The tick to tell the server of. Of a state from before the loss it needn't hear: it owes a keyframe. */
  get heldTick(): number {
    return this.current === 'resuming' ? 0 : this.owner.heldTick();
  }

  /** From now on the connection is the session's. */
  begin(): void {
    this.connection.listener = this;
    this.heartbeat.start();
  }

  /** Hands a frame to the socket, if there is one: for what is of its moment. */
  send(frame: Uint8Array): boolean {
    return this.isAlive && this.connection.send(frame);
  }

  /** The keyframe is there. */
  filled(): void {
    if (this.current === 'resuming') this.move('open');
  }

  /** Resolves with the close code. */
  leave(): Promise<number> {
    if (this.current === 'dropped') this.end(CloseCode.Consented, closeCodeText(CloseCode.Consented));
    if (this.current === 'closed') return Promise.resolve(this.closeCode);
    this.left ??= new Promise((resolve) => {
      this.settleLeft = resolve;
      this.move('leaving');
      this.connection.send(encodeLeave(CloseCode.Consented));
      this.leaveTimer = setTimeout(() => this.connection.abandon(CloseCode.Consented, ''), LEAVE_TIMEOUT_MS);
    });
    return this.left;
  }

  connectionOpened(): void {}

  frameReceived(bytes: Uint8Array | null): void {
    this.heartbeat.heard();
    if (this.isAlive) this.owner.takeFrame(bytes);
  }

  connectionClosed(code: number, reason: string): void {
    const words = reason === '' ? closeCodeText(code) : reason;
    // Whoever left on purpose has left, whether or not the server's last word arrived.
    if (this.current === 'leaving' && code === CloseCode.Abnormal) {
      this.end(CloseCode.Consented, closeCodeText(CloseCode.Consented));
    } else if (this.isAlive && isDrop(code)) {
      this.lose(code, words);
    } else if (this.current !== 'closed') {
      this.end(code, words);
    }
  }

  /** The one place where the phase changes, and with it what runs only while there is a connection. */
  private move(to: SessionPhase): void {
    if (!NEXT_PHASES[this.current].includes(to)) throw new Error(`a session that is ${this.current} can't become ${to}`);
    this.current = to;
    if (to === 'resuming') this.heartbeat.start();
    if (this.isAlive) return;
    this.heartbeat.stop();
    this.outbox.hold();
  }

  private fellSilent(): void {
    // Without resumption only the socket says that it has ended.
    if (this.resumes) this.connection.abandon(CloseCode.MayRetry, 'nothing came any more, not even answers to pings');
  }

  private lose(code: number, reason: string): void {
    const isNews = this.current === 'open';
    this.move('dropped');
    if (isNews) {
      const nowMs = this.now();
      this.giveUpAtMs = nowMs + this.giveUpAfterMs;
      this.backOff?.connectionLost(nowMs - this.openedAtMs);
      this.owner.lost(code, reason);
      if (this.phase !== 'dropped') return; // the game has left the room
    }
    if (this.resumes) this.dial();
    else this.end(code, reason);
  }

  private dial(): void {
    const plan = { backOff: this.backOff!, giveUpAtMs: this.giveUpAtMs, giveUpAfterMs: this.giveUpAfterMs };
    this.redial = new Redial(this.settings!, plan, ATTEMPT_TIMEOUT_MS, {
      request: () => {
        const { joined, secret, owner } = this;
        return encodeResume({ sessionId: joined.sessionId, token: secret, received: owner.receivedCount(), anew: false });
      },
      answered: (connection, kind, bytes) => this.resume(connection, kind, bytes),
      failed: (code, reason) => this.end(code, reason),
    });
  }

  private resume(connection: Connection, kind: ServerFrameKind, bytes: Uint8Array): void {
    if (kind !== ServerFrameKind.Joined) throw new Error('the server sent state or messages before its answer');
    const joined = decodeJoined(bytes);
    if (!joined.resumed || describe(joined) !== this.description) {
      throw new Error('the room that answered is not the one that was left, as after a new start with other code: join anew');
    }
    this.connection = connection;
    this.secret = joined.resumeToken;
    this.openedAtMs = this.now();
    connection.listener = this;
    this.move('resuming');
    this.outbox.resume(joined.received);
    this.owner.resumed();
  }

  private end(code: number, reason: string): void {
    this.move('closed');
    this.closeCode = code;
    this.redial?.stop();
    clearTimeout(this.leaveTimer);
    this.owner.ended(code, reason);
    this.settleLeft?.(code);
  }
}

/** Everything that a session's later handshakes must have in common with its first. */
function describe({ room, roomId, sessionId, tickRate, snapshotRate, tables, input }: JoinedFrame): string {
  return JSON.stringify([room, roomId, sessionId, tickRate, snapshotRate, tables, input]);
}

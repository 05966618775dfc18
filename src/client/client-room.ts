/** A client's place in a room: its state, its inputs, its messages. How it comes by its connections is in session.ts. */
import { encodeClientMessage, encodeResync } from '../protocol/client-frames.js';
import { schemaOfSpec } from '../protocol/field-specs.js';
import { decodePayload, encodePayload } from '../protocol/payload.js';
import {
  decodeDraining,
  decodeRejected,
  decodeServerMessage,
  ServerFrameKind,
  ServerFrameReader,
  SnapshotKind,
  type JoinedFrame,
} from '../protocol/server-frames.js';
import { problemText } from '../protocol/verifier.js';
import { MalformedFrameError, OutboxFullError, RejectedError } from './client-errors.js';
import type { ClientSettings } from './client-settings.js';
import type { Connection } from './connection.js';
import { InputStream } from './input-stream.js';
import { Listeners, type Unsubscribe } from './listeners.js';
import { MessageInbox } from './message-inbox.js';
import { OUTBOX_BYTES_MAX, OUTBOX_MESSAGES_MAX } from './message-outbox.js';
import { RoomState } from './room-state.js';
import type { InputOf, RoomType, StateOf } from './room-types.js';
import { Session, type SessionOwner } from './session.js';

/** A room answers with its next snapshot; asking more often only costs it keyframes. */
const RESYNC_INTERVAL_MS = 500;

/** Counts since the room was joined. */
export interface RoomStats {
  readonly bytesIn: number;
  readonly framesIn: number;
  /** Snapshots applied, keyframes among them. */
  readonly snapshots: number;
  readonly keyframes: number;
  /** Snapshots of the room that weren't sent to this client, as it lagged: those missing before each later keyframe. */
  readonly skipped: number;
  /** Times that a keyframe had to be asked for. */
  readonly resyncs: number;
  /** Times that the session went on over a new connection. */
  readonly reconnects: number;
  /** How late the newest tick of the room's shard began when it was last asked, once a second. */
  readonly serverLatenessMs: number;
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

export class ClientRoom<R extends RoomType = RoomType> {
  /** The room's id: what `joinById` takes. */
  readonly id: string;
  /** Name of the room's type. */
  readonly name: string;
  /** The same as the server's `client.sessionId`, whatever connections the session has. */
  readonly sessionId: string;
  /** Hz. */
  readonly tickRate: number;
  /** Hz. */
  readonly snapshotRate: number;
  /** The room's tables by name, as of the newest snapshot. */
  readonly state: StateOf<R>;
  readonly stats: RoomStats;
  private readonly counts: Writable<RoomStats>;
  private readonly roomState: RoomState;
  private readonly reader = new ServerFrameReader();
  private readonly inbox: MessageInbox;
  private readonly inputs: InputStream;
  private readonly session: Session;
  private readonly stateChanges = new Listeners<[StateOf<R>, number]>();
  private readonly drops = new Listeners<[number, string]>();
  private readonly reconnects = new Listeners<[]>();
  private readonly leaves = new Listeners<[number, string]>();
  private readonly shutdowns = new Listeners<[string, number]>();
  private readonly tokenChanges = new Listeners<[string]>();
  private readonly errors = new Listeners<[Error]>();
  private readonly report = (thrown: unknown): void => this.reportError(thrown);
  private awaitsKeyframe = true;
  private resyncAtMs: number;

  /**
   * @internal Rooms are made by a join.
   * @param settings how a lost connection is replaced; null: it isn't.
   * @throws RangeError when the handshake describes what no room could declare.
   */
  constructor(
    connection: Connection,
    joined: JoinedFrame,
    private readonly now: () => number,
    settings: ClientSettings | null = null,
  ) {
    this.id = joined.roomId;
    this.name = joined.room;
    this.sessionId = joined.sessionId;
    this.tickRate = joined.tickRate;
    this.snapshotRate = joined.snapshotRate;
    this.counts = {
      bytesIn: 0, framesIn: 0, snapshots: 0, keyframes: 0, skipped: 0, resyncs: 0, reconnects: 0, serverLatenessMs: 0,
    };
    this.stats = this.counts;
    const names = joined.tables.map((spec) => spec.name);
    this.roomState = new RoomState(names, joined.tables.map(schemaOfSpec), this.report);
    this.state = this.roomState.tables as unknown as StateOf<R>;
    this.inbox = new MessageInbox(this.report);
    this.inputs = new InputStream(joined.room, joined.input, joined.inputSeq);
    this.session = new Session(connection, joined, this.owner(), now, settings);
    this.resyncAtMs = now(); // the first keyframe comes unasked
  }

  /** Tick of the newest snapshot held. */
  get tick(): number {
    return this.roomState.tick;
  }

  /** Round trip to the server in milliseconds, smoothed; 0 until the first answer. */
  get ping(): number {
    return this.session.heartbeat.pingMs;
  }

  /**
   * Sequence number of the last input whose effect is in the state held; 0 before the first. After a resumption it is that
   * of the last input sent: those on the way when the connection was lost are settled, whether or not the room had them.
   */
  get ackedInput(): number {
    return this.inputs.processedSeq;
  }

  /** Whether the room is connected: state comes, and inputs go. False from `onDrop` to `onReconnect`, and after the end. */
  get isConnected(): boolean {
    return this.session.phase === 'open';
  }

  /**
   * What `client.reconnect()` takes to go on with this session, from a page loaded anew for example. A secret: whoever has it
   * has the session. Good for one resumption, also one by this room itself: see `onTokenChange`. Empty when the server
   * resumes nothing.
   */
  get reconnectionToken(): string {
    return this.session.token;
  }

  /** Hash of the whole state; equals the room's `snapshotHash()` of the same tick. */
  stateHash(): number {
    return this.roomState.hash();
  }

  /**
   * Sends one input: the room reads it, in order, at one of its next ticks. Fields not given are 0; values are rounded
   * and clamped as in a table. Inputs are of their moment: none is kept for later.
   *
   * @returns its sequence number, for comparing with `ackedInput`; 0 when it wasn't sent, as the room isn't connected.
   * @throws InputError when the room takes no input, or none with such a field.
   */
  input(values: InputOf<R>): number {
    this.inputs.check(values as object);
    const { session, inputs } = this;
    if (session.phase !== 'open' || !session.isWritable) return 0;
    session.send(inputs.write(values as object, this.tick));
    session.heartbeat.told();
    return inputs.newestSeq;
  }

  /**
   * Sends a message to the room's `onMessage(type)`. Messages arrive once each and in order, also when the connection is
   * lost on the way: each is kept until the server has said that it took it. At most 1,024 are kept, and 1 MiB; after a
   * loss they are sent at half the rate that servers allow by default.
   *
   * @param payload any JSON value, or a Uint8Array, which arrives as bytes.
   * @returns whether it was sent or is kept; false once the room is being left, and, with an OutboxFullError at `onError`,
   *   when too many are kept. With `reconnect: false`: whether it was handed to the socket.
   */
  send(type: string, payload?: unknown): boolean {
    const { session } = this;
    if (session.phase === 'leaving' || session.phase === 'closed') return false;
    const { encoding, bytes } = encodePayload(payload);
    const frame = encodeClientMessage(type, encoding, bytes);
    if (!session.resumes) return session.send(frame);
    if (session.outbox.add(frame)) return true;
    const limit = `${OUTBOX_MESSAGES_MAX} messages, or ${OUTBOX_BYTES_MAX} bytes of them`;
    this.reportError(new OutboxFullError(type, limit));
    return false;
  }

  /**
   * Handles messages of one type, or with `'*'` those of every type that has no handler of its own. Messages that came
   * with the join are held until the task in which it resolved is over, so handlers registered right after
   * `await client.join(…)` miss nothing; a handler registered later gets what is sent from then on.
   */
  onMessage(type: '*', callback: (type: string, payload: any) => void): Unsubscribe;
  onMessage<T = any>(type: string, callback: (payload: T) => void): Unsubscribe;
  onMessage(type: string, callback: (...args: never[]) => void): Unsubscribe {
    return this.inbox.on(type, callback);
  }

  /** Calls back after every snapshot, changed or not, and after the tables' own callbacks. */
  onStateChange(callback: (state: StateOf<R>, tick: number) => void): Unsubscribe {
    return this.stateChanges.add(callback);
  }

  /**
   * Calls back when the connection is lost: once, however many attempts follow. Then either `onReconnect` follows, or
   * `onLeave`. Meanwhile the state stands still, inputs aren't taken and messages wait.
   */
  onDrop(callback: (code: number, reason: string) => void): Unsubscribe {
    return this.drops.add(callback);
  }

  /** Calls back when the session goes on over a new connection, its state up to date. */
  onReconnect(callback: () => void): Unsubscribe {
    return this.reconnects.add(callback);
  }

  /** Calls back once, when this place in the room is over for good. `code`: 4000 when the client left on purpose. */
  onLeave(callback: (code: number, reason: string) => void): Unsubscribe {
    return this.leaves.add(callback);
  }

  /** Calls back when the room, or its whole server, is about to end: at the latest `deadlineMs` milliseconds later. */
  onShutdown(callback: (reason: string, deadlineMs: number) => void): Unsubscribe {
    return this.shutdowns.add(callback);
  }

  /** Calls back with each new `reconnectionToken`: whoever stores it stores it anew. */
  onTokenChange(callback: (token: string) => void): Unsubscribe {
    return this.tokenChanges.add(callback);
  }

  /**
   * Calls back with whatever went wrong without ending the room: malformed frames, what the room rejected (RejectedError),
   * messages that couldn't be kept (OutboxFullError), and what the game's own callbacks throw. While nobody listens, errors
   * go to the console.
   */
  onError(callback: (error: Error) => void): Unsubscribe {
    return this.errors.add(callback);
  }

  /**
   * Leaves on purpose. Resolves with the close code once the connection is closed; the state stops changing at once. While
   * the connection is lost: resolves at once with 4000, and the server frees the seat when its grace period is over.
   */
  leave(): Promise<number> {
    return this.session.leave();
  }

  // --- The session's side --------------------------------------------------------------------------------------------

  /** @internal Whether the first keyframe has arrived. */
  get isFilled(): boolean {
    return this.counts.keyframes > 0;
  }

  /** @internal The join is done: its promise is resolved before this task ends. */
  begin(): void {
    this.session.begin();
    setTimeout(() => this.inbox.release(), 0);
  }

  /** @internal */
  frameReceived(bytes: Uint8Array | null): void {
    this.session.frameReceived(bytes);
  }

  /** @internal */
  connectionClosed(code: number, reason: string): void {
    this.session.connectionClosed(code, reason);
  }

  private owner(): SessionOwner {
    return {
      heldTick: () => this.tick,
      receivedCount: () => this.inbox.receivedCount,
      takeFrame: (bytes) => this.readFrame(bytes),
      lost: (code, reason) => this.drops.emit(this.report, code, reason),
      resumed: () => {
        this.awaitsKeyframe = true;
        this.resyncAtMs = this.now();
        this.tokenChanges.emit(this.report, this.reconnectionToken);
      },
      ended: (code, reason) => this.leaves.emit(this.report, code, reason),
    };
  }

  private readFrame(bytes: Uint8Array | null): void {
    this.counts.framesIn += 1;
    this.counts.bytesIn += bytes?.length ?? 0;
    try {
      if (bytes === null) throw new MalformedFrameError('text instead of bytes');
      const problem = this.reader.read(bytes);
      if (problem !== 0) throw new MalformedFrameError(problemText(problem));
      this.takeFrame(bytes);
    } catch (error) {
      // Only what the server sent can throw here; what callbacks throw is caught where they are called.
      this.reportError(error);
      this.loseBaseline();
    }
  }

  private takeFrame(bytes: Uint8Array): void {
    const { reader, session } = this;
    switch (reader.kind) {
      case ServerFrameKind.Snapshot:
        this.takeSnapshot(bytes);
        break;
      case ServerFrameKind.Message:
        this.takeMessage(bytes);
        break;
      case ServerFrameKind.Pong:
        this.counts.serverLatenessMs = reader.latenessUs / 1000;
        session.heartbeat.pong(reader.timeMs);
        session.outbox.taken(reader.received);
        break;
      case ServerFrameKind.Rejected: {
        const { type, field, reason } = decodeRejected(bytes);
        this.reportError(new RejectedError(type, field, reason));
        break;
      }
      case ServerFrameKind.Draining: {
        const { reason, deadlineMs } = decodeDraining(bytes);
        this.shutdowns.emit(this.report, reason, deadlineMs);
        break;
      }
      default:
        throw new MalformedFrameError('a second answer to the join');
    }
  }

  private takeMessage(bytes: Uint8Array): void {
    const message = decodeServerMessage(bytes);
    this.inbox.arrived();
    let payload: unknown;
    try {
      payload = decodePayload(message.encoding, message.payload);
    } catch (error) {
      this.reportError(error); // the state is as good as before
      return;
    }
    this.inbox.receive(message.type, payload);
  }

  private takeSnapshot(bytes: Uint8Array): void {
    const { reader, roomState, counts, session } = this;
    const start = reader.bodyOffset;
    const end = start + reader.bodyLength;
    const { tick } = reader;
    const isBack = session.phase === 'resuming';
    if (reader.snapshotKind === SnapshotKind.Keyframe) {
      if (isBack) this.inputs.settle();
      this.inputs.acknowledge(reader.ack);
      const heldTick = this.tick;
      roomState.applyKeyframe(tick, bytes, start, end);
      this.awaitsKeyframe = false;
      if (counts.keyframes > 0 && !isBack) this.countSkipped(heldTick, tick);
      counts.keyframes += 1;
    } else {
      if (this.awaitsKeyframe || (tick - reader.age) >>> 0 !== roomState.tick) {
        this.loseBaseline();
        return;
      }
      this.inputs.acknowledge(reader.ack);
      roomState.applyDelta(tick, bytes, start, end);
    }
    counts.snapshots += 1;
    session.filled();
    session.heartbeat.acknowledgeSoon();
    this.stateChanges.emit(this.report, this.state, tick);
    if (!isBack || !this.isConnected) return;
    counts.reconnects += 1;
    this.reconnects.emit(this.report);
  }

  /** Deltas are of no use until a keyframe comes: asks for one, unless it did so a moment ago. */
  private loseBaseline(): void {
    this.awaitsKeyframe = true;
    const nowMs = this.now();
    if (nowMs - this.resyncAtMs < RESYNC_INTERVAL_MS) return;
    this.resyncAtMs = nowMs;
    this.counts.resyncs += 1;
    this.session.send(encodeResync(this.session.heldTick));
  }

  /** Between the snapshot held and a keyframe there may be any number that were skipped. */
  private countSkipped(heldTick: number, tick: number): void {
    const intervals = Math.round((((tick - heldTick) | 0) * this.snapshotRate) / this.tickRate);
    this.counts.skipped += Math.max(0, intervals - 1);
  }

  private reportError(thrown: unknown): void {
    const error = thrown instanceof Error ? thrown : new Error(`a callback threw ${String(thrown)}`, { cause: thrown });
    if (this.errors.isEmpty) console.error(error);
    else this.errors.emit((inner) => console.error(inner), error);
  }
}

/**
 * A client's place in a room: its state, its inputs, its messages.
 *
 * ```
 *   open --leave()--> leaving --socket closed, or no answer in time--> closed
 *     \____________________socket closed______________________________/
 * ```
 */
import {
  encodeClientMessage,
  encodeLeave,
  encodePing,
  encodeResync,
  InputFrameWriter,
} from '../protocol/client-frames.js';
import { CloseCode, closeCodeText } from '../protocol/close-codes.js';
import { inputSchemaOfSpecs, schemaOfSpec } from '../protocol/field-specs.js';
import { InputRecordCodec } from '../protocol/input-record.js';
import { decodePayload, encodePayload } from '../protocol/payload.js';
import {
  decodeServerMessage,
  ServerFrameKind,
  ServerFrameReader,
  SnapshotKind,
  type JoinedFrame,
} from '../protocol/server-frames.js';
import { problemText } from '../protocol/verifier.js';
import type { InputSchema } from '../state/schema.js';
import { InputError, MalformedFrameError } from './client-errors.js';
import type { Connection, ConnectionListener } from './connection.js';
import { Listeners, type Unsubscribe } from './listeners.js';
import { MessageInbox } from './message-inbox.js';
import { RoomState } from './room-state.js';
import type { InputOf, RoomType, StateOf } from './room-types.js';

const PING_INTERVAL_MS = 1000;
/**
 * The longest that a snapshot is held without the server hearing of it: a quarter of the lag at which it sends no more by
 * default. Inputs carry the acknowledgement; a client that sends none pings four times a second.
 */
const ACK_INTERVAL_MS = 250;
/** Weight of a new round trip in `ping`: half of a change shows after three pings. */
const PING_WEIGHT = 0.2;
/** A room answers with its next snapshot; asking more often only costs it keyframes. */
const RESYNC_INTERVAL_MS = 500;
/** How long `leave()` waits for the server to close. */
const LEAVE_TIMEOUT_MS = 1000;

const SEQ_LOW_BITS = 0xffff;

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
  /** How late the newest tick of the room's shard began when it was last asked, once a second. */
  readonly serverLatenessMs: number;
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

export class ClientRoom<R extends RoomType = RoomType> implements ConnectionListener {
  /** The room's id: what `joinById` takes. */
  readonly id: string;
  /** Name of the room's type. */
  readonly name: string;
  /** The same as the server's `client.sessionId`. */
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
  private readonly inputSchema: InputSchema | null;
  private readonly inputCodec: InputRecordCodec | null;
  private readonly inputWriter: InputFrameWriter | null;
  private readonly reader = new ServerFrameReader();
  private readonly inbox: MessageInbox;
  private readonly stateChanges = new Listeners<[StateOf<R>, number]>();
  private readonly drops = new Listeners<[number, string]>();
  private readonly leaves = new Listeners<[number, string]>();
  private readonly errors = new Listeners<[Error]>();
  private readonly report = (thrown: unknown): void => this.reportError(thrown);
  private phase: 'open' | 'leaving' | 'closed' = 'open';
  private closeCode = 0;
  private awaitsKeyframe = true;
  private resyncAtMs: number;
  private sentSeq = 0;
  private processedSeq = 0;
  private pingMs = 0;
  /** When the server was last told what is held here, and which tick that was. */
  private toldMs: number;
  private toldTick = 0;
  private ackTimer: ReturnType<typeof setTimeout> | undefined;
  private pingTimer: ReturnType<typeof setInterval> | undefined;
  private leaveTimer: ReturnType<typeof setTimeout> | undefined;
  private left: Promise<number> | undefined;

  /**
   * @internal Rooms are made by a join.
   * @throws RangeError when the handshake describes what no room could declare.
   */
  constructor(
    /** The present one: a resumed session would go on over another. */
    private connection: Connection,
    joined: JoinedFrame,
    private readonly now: () => number,
  ) {
    this.id = joined.roomId;
    this.name = joined.room;
    this.sessionId = joined.sessionId;
    this.tickRate = joined.tickRate;
    this.snapshotRate = joined.snapshotRate;
    this.counts = { bytesIn: 0, framesIn: 0, snapshots: 0, keyframes: 0, skipped: 0, resyncs: 0, serverLatenessMs: 0 };
    this.stats = this.counts;
    const names = joined.tables.map((spec) => spec.name);
    this.roomState = new RoomState(names, joined.tables.map(schemaOfSpec), this.report);
    this.state = this.roomState.tables as unknown as StateOf<R>;
    this.inputSchema = inputSchemaOfSpecs(joined.input);
    this.inputCodec =
      this.inputSchema && new InputRecordCodec(this.inputSchema.fieldNames, this.inputSchema.fieldList);
    this.inputWriter = this.inputCodec && new InputFrameWriter(this.inputCodec.bytes);
    this.inbox = new MessageInbox(this.report);
    this.resyncAtMs = this.toldMs = now(); // the first keyframe comes unasked, and `begin` tells of it
  }

  /** Tick of the newest snapshot held. */
  get tick(): number {
    return this.roomState.tick;
  }

  /** Round trip to the server in milliseconds, smoothed; 0 until the first answer. */
  get ping(): number {
    return this.pingMs;
  }

  /** Sequence number of the last input whose effect is in the state held; 0 before the first. */
  get ackedInput(): number {
    return this.processedSeq;
  }

  /** Hash of the whole state; equals the room's `snapshotHash()` of the same tick. */
  stateHash(): number {
    return this.roomState.hash();
  }

  /**
   * Sends one input: the room reads it, in order, at one of its next ticks. Fields not given are 0; values are rounded
   * and clamped as in a table.
   *
   * @returns its sequence number, for comparing with `ackedInput`; 0 when it wasn't sent, as the room is being left.
   * @throws InputError when the room takes no input, or none with such a field.
   */
  input(values: InputOf<R>): number {
    const { inputSchema, inputCodec, inputWriter } = this;
    if (inputSchema === null || inputCodec === null || inputWriter === null) {
      throw new InputError(`room ${this.name} takes no input; declare one in it: moves = this.input(Move)`);
    }
    for (const name in values as object) {
      if (!(name in inputSchema.fields)) {
        throw new InputError(`room ${this.name} has no input field ${name}; it has ${inputSchema.fieldNames.join(', ')}`);
      }
    }
    if (this.phase !== 'open' || !this.connection.isOpen) return 0;
    this.sentSeq = (this.sentSeq + 1) >>> 0;
    inputCodec.write(inputWriter.frame, inputWriter.bodyOffset, values as Record<string, unknown>);
    this.connection.send(inputWriter.write(this.sentSeq, this.tick));
    this.toldTick = this.tick;
    this.toldMs = this.now();
    return this.sentSeq;
  }

  /**
   * Sends a message to the room's `onMessage(type)`.
   *
   * @param payload any JSON value, or a Uint8Array, which arrives as bytes.
   * @returns whether it was handed to the socket; false once the room is being left.
   */
  send(type: string, payload?: unknown): boolean {
    if (this.phase !== 'open') return false;
    const { encoding, bytes } = encodePayload(payload);
    return this.connection.send(encodeClientMessage(type, encoding, bytes));
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

  /** Calls back when the connection ended without anyone having meant it to; `onLeave` follows. */
  onDrop(callback: (code: number, reason: string) => void): Unsubscribe {
    return this.drops.add(callback);
  }

  /** Calls back once, when this place in the room is over for good. `code`: 4000 when the client left on purpose. */
  onLeave(callback: (code: number, reason: string) => void): Unsubscribe {
    return this.leaves.add(callback);
  }

  /**
   * Calls back with whatever went wrong without ending the room: malformed frames, and what the game's own callbacks
   * throw. While nobody listens, errors go to the console.
   */
  onError(callback: (error: Error) => void): Unsubscribe {
    return this.errors.add(callback);
  }

  /** Leaves on purpose. Resolves with the close code once the connection is closed; the state stops changing at once. */
  leave(): Promise<number> {
    if (this.phase === 'closed') return Promise.resolve(this.closeCode);
    this.left ??= new Promise((resolve) => {
      this.phase = 'leaving';
      this.onLeave(resolve);
      this.connection.send(encodeLeave(CloseCode.Consented));
      this.leaveTimer = setTimeout(() => this.connection.abandon(CloseCode.Consented, 'left'), LEAVE_TIMEOUT_MS);
    });
    return this.left;
  }

  // --- The connection's side -----------------------------------------------------------------------------------------

  /** @internal Whether the first keyframe has arrived. */
  get isFilled(): boolean {
    return this.counts.keyframes > 0;
  }

  /** @internal The join is done: its promise is resolved before this task ends. */
  begin(): void {
    this.sendPing();
    this.pingTimer = setInterval(() => this.sendPing(), PING_INTERVAL_MS);
    setTimeout(() => this.inbox.release(), 0);
  }

  /** @internal */
  connectionOpened(): void {}

  /** @internal */
  frameReceived(bytes: Uint8Array | null): void {
    this.counts.framesIn += 1;
    this.counts.bytesIn += bytes?.length ?? 0;
    if (this.phase !== 'open') return;
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

  /** @internal */
  connectionClosed(code: number, reason: string): void {
    if (this.phase === 'closed') return;
    const meant = this.phase === 'leaving' || code === CloseCode.Consented || code === CloseCode.Normal;
    // Whoever left on purpose has left, whether or not the server's last word arrived.
    const endCode = this.phase === 'leaving' && code === CloseCode.Abnormal ? CloseCode.Consented : code;
    const endReason = reason === '' ? closeCodeText(endCode) : reason;
    this.phase = 'closed';
    this.closeCode = endCode;
    clearInterval(this.pingTimer);
    clearTimeout(this.ackTimer);
    clearTimeout(this.leaveTimer);
    if (!meant) this.drops.emit(this.report, endCode, endReason);
    this.leaves.emit(this.report, endCode, endReason);
  }

  private takeFrame(bytes: Uint8Array): void {
    const { reader } = this;
    switch (reader.kind) {
      case ServerFrameKind.Snapshot:
        this.takeSnapshot(bytes);
        break;
      case ServerFrameKind.Message:
        this.takeMessage(bytes);
        break;
      case ServerFrameKind.Pong:
        this.takePong(reader.timeMs, reader.latenessUs);
        break;
      default:
        throw new MalformedFrameError('a second answer to the join');
    }
  }

  private takeMessage(bytes: Uint8Array): void {
    const message = decodeServerMessage(bytes);
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
    const { reader, roomState, counts } = this;
    const start = reader.bodyOffset;
    const end = start + reader.bodyLength;
    const { tick } = reader;
    if (reader.snapshotKind === SnapshotKind.Keyframe) {
      this.acknowledge(reader.ack);
      const heldTick = this.tick;
      roomState.applyKeyframe(tick, bytes, start, end);
      this.awaitsKeyframe = false;
      if (counts.keyframes > 0) this.countSkipped(heldTick, tick);
      counts.keyframes += 1;
    } else {
      if (this.awaitsKeyframe || (tick - reader.age) >>> 0 !== roomState.tick) {
        this.loseBaseline();
        return;
      }
      this.acknowledge(reader.ack);
      roomState.applyDelta(tick, bytes, start, end);
    }
    counts.snapshots += 1;
    this.acknowledgeSoon();
    this.stateChanges.emit(this.report, this.state, tick);
  }

  /** The frame carries the low 16 bits of the number; it can't be further than that behind the newest one sent. */
  private acknowledge(ack: number): void {
    const acked = this.sentSeq - ((this.sentSeq - ack) & SEQ_LOW_BITS);
    if (acked > this.processedSeq) this.processedSeq = acked;
  }

  private takePong(timeMs: number, latenessUs: number): void {
    this.counts.serverLatenessMs = latenessUs / 1000;
    const roundTripMs = this.now() - timeMs;
    if (!(roundTripMs >= 0)) return; // not a time of ours
    this.pingMs = this.pingMs === 0 ? roundTripMs : this.pingMs + PING_WEIGHT * (roundTripMs - this.pingMs);
  }

  /** Deltas are of no use until a keyframe comes: asks for one, unless it did so a moment ago. */
  private loseBaseline(): void {
    this.awaitsKeyframe = true;
    const nowMs = this.now();
    if (nowMs - this.resyncAtMs < RESYNC_INTERVAL_MS) return;
    this.resyncAtMs = nowMs;
    this.counts.resyncs += 1;
    this.connection.send(encodeResync(this.tick));
  }

  /** Between the snapshot held and a keyframe there may be any number that were skipped. */
  private countSkipped(heldTick: number, tick: number): void {
    const intervals = Math.round((((tick - heldTick) | 0) * this.snapshotRate) / this.tickRate);
    this.counts.skipped += Math.max(0, intervals - 1);
  }

  /**
   * The timer is for the last snapshot of several that came at once: the server may be waiting to hear that it has been
   * read before it sends another.
   */
  private acknowledgeSoon(): void {
    const waitMs = this.toldMs + ACK_INTERVAL_MS - this.now();
    if (waitMs <= 0) this.sendPing();
    else this.ackTimer ??= setTimeout(() => this.acknowledgeRest(), waitMs);
  }

  private acknowledgeRest(): void {
    this.ackTimer = undefined;
    if (this.phase === 'open' && this.toldTick !== this.tick) this.acknowledgeSoon();
  }

  private sendPing(): void {
    this.toldTick = this.tick;
    this.toldMs = this.now();
    this.connection.send(encodePing(this.toldMs, this.tick));
  }

  private reportError(thrown: unknown): void {
    const error = thrown instanceof Error ? thrown : new Error(`a callback threw ${String(thrown)}`, { cause: thrown });
    if (this.errors.isEmpty) console.error(error);
    else this.errors.emit((inner) => console.error(inner), error);
  }
}

/**
 * Runs one room: constructs it, calls its hooks, ticks it, sends its snapshots, and contains its failures.
 *
 * ```
 *   creating --onCreate done--> running --the server stops--> draining
 *      |                          |                              | saved, or the deadline
 *      | onCreate throws          | dispose, failure             | has passed, or as from running
 *      v                          v                              v
 *     ended <--onDispose done-- ending <-------------------------+
 * ```
 *
 * A room that is disposed of while it is being created goes on to running, and from there to ending at once.
 */
import type { Logger } from 'pino';
import { CloseCode } from '../protocol/close-codes.js';
import type { RoomListing } from '../protocol/control.js';
import type { Handshake } from '../protocol/joined-writer.js';
import type { DrainingFrame } from '../protocol/server-frames.js';
import type { Table } from '../state/table.js';
import type { Client } from './client.js';
import { ClientPace } from './client-pace.js';
import type { Input } from './input.js';
import type { InputQueue } from './input-queue.js';
import { RoomInterest } from './interest/room-interest.js';
import { MessageHandlers, type MessageHandler, type MessageRoom } from './message-handlers.js';
import { Random } from './random.js';
import { callableMethod } from './room-call.js';
import type { RoomClass } from './room-class.js';
import { RoomClock } from './room-clock.js';
import { RoomHooks } from './room-hooks.js';
import { RoomInputs, type InputRoom } from './room-inputs.js';
import { RoomSessions, type SessionRoom } from './room-sessions.js';
import { RoomState } from './room-state.js';
import { RoomTables } from './room-tables.js';
import { withRoomContext, type Room, type RoomContext } from './room.js';
import type { Scheduled, TickTiming } from './schedule.js';
import type { ShardServices } from './shard-services.js';
import { SnapshotSender, type SnapshotRoom } from './snapshot-sender.js';
import type { StandardSchema } from './standard-schema.js';

export type RunnerState = 'creating' | 'running' | 'draining' | 'ending' | 'ended';

const MOVES: Readonly<Record<RunnerState, readonly RunnerState[]>> = {
  creating: ['running', 'ended'],
  running: ['draining', 'ending'],
  draining: ['ending'],
  ending: ['ended'],
  ended: [],
};

/** Longest that an empty room can be kept: a day. */
const AUTO_DISPOSE_SEC_MAX = 86_400;

interface Ending {
  readonly code: number;
  readonly reason: string;
}

/** How long a room that ends waits for hooks: long enough to save over a slow network. */
const END_HOOK_MS_MAX = 30_000;

export class RoomRunner implements Scheduled, RoomContext, SessionRoom, SnapshotRoom, MessageRoom, InputRoom {
  readonly tickRateHz: number;
  readonly snapshotRateHz: number;
  readonly clock = new RoomClock((error) => this.fail(error, 'a timer'));
  readonly log: Logger;
  readonly interest = new RoomInterest();
  readonly sessions: RoomSessions;
  tick = 0;
  latenessMs = 0;
  /** Resolves when the room has ended, or couldn't be created. */
  readonly whenEnded: Promise<void>;
  /** The developer's. */
  room!: Room;

  private current: RunnerState = 'creating';
  private roomState!: RoomState;
  private snapshots!: SnapshotSender;
  private readonly pace: ClientPace;
  private readonly hooks: RoomHooks;
  private readonly handlers: MessageHandlers;
  private readonly inputs: RoomInputs;
  private readonly tables = new RoomTables();
  private readonly randomNumbers: Random;
  private readonly dtSec: number;
  private readonly dtMs: number;
  private readonly graceMs: number;
  private declaring = true;
  private disconnectsInCreate = false;
  private listedAutoDispose: boolean | number = true;
  /** What it is to end with as soon as it is created. */
  private endsAtOnce: Ending | null = null;
  private drainReason = '';
  /** By the room's clock. */
  private drainsUntilMs = 0;
  private settleEnded!: () => void;

  constructor(
    readonly roomId: string,
    readonly type: string,
    private readonly roomClass: RoomClass,
    seed: number,
    private readonly services: ShardServices,
    /** Whether it begins as a private room. */
    readonly beginsPrivate = false,
  ) {
    const { counters } = services;
    this.tickRateHz = roomClass.tickRate;
    this.snapshotRateHz = Math.min(roomClass.snapshotRate, roomClass.tickRate);
    this.dtSec = 1 / this.tickRateHz;
    this.dtMs = 1000 / this.tickRateHz;
    const { reconnectGrace } = roomClass;
    this.graceMs = reconnectGrace === undefined ? services.seats.reconnectGraceMs : 1000 * reconnectGrace;
    this.randomNumbers = new Random(seed);
    this.log = services.log.child({ room: roomId, type });
    this.pace = new ClientPace(services.pace, this.tickRateHz, counters);
    this.hooks = new RoomHooks(this.log, counters);
    this.handlers = new MessageHandlers(this, this.hooks, counters);
    this.inputs = new RoomInputs(this, counters);
    this.sessions = new RoomSessions(this, this.interest, this.hooks, services, this.log);
    this.whenEnded = new Promise((resolve) => (this.settleEnded = resolve));
  }

  get state(): RunnerState {
    return this.current;
  }

  /** The one function that changes its state. */
  private move(to: RunnerState): void {
    if (!MOVES[this.current].includes(to)) throw new Error(`room ${this.roomId} can't go from ${this.current} to ${to}`);
    this.current = to;
    if (to === 'ended') this.settleEnded();
  }

  /** Whether it ticks. */
  get isLive(): boolean {
    return this.current === 'running' || this.current === 'draining';
  }

  get takesSeats(): boolean {
    return this.current === 'running' && this.endsAtOnce === null;
  }

  // --- Life ----------------------------------------------------------------------------------------------------------

  /** Constructs the room and runs onCreate. Throws what they throw. */
  async create(options: unknown): Promise<void> {
    try {
      this.room = withRoomContext(this, () => new this.roomClass());
      await this.room.onCreate?.(options);
      if (this.disconnectsInCreate) throw new Error('the room called disconnect() in onCreate');
      this.declaring = false;
      this.tables.name(this.room);
      this.roomState = new RoomState(this.tables.list);
      this.interest.setGrids(this.room.interest);
      this.snapshots = new SnapshotSender(this.roomState, this.interest, this, this.pace, this.services);
      void this.listing; // says what is wrong with autoDispose
    } catch (error) {
      this.move('ended');
      this.clock.clear();
      throw error;
    }
    this.move('running');
    this.log.info('room created');
  }

  /** The shard knows the room now: it ends if that was asked for meanwhile. */
  begin(): void {
    if (this.endsAtOnce !== null) void this.dispose(this.endsAtOnce.code, this.endsAtOnce.reason);
  }

  get shadow(): SharedArrayBuffer {
    return this.roomState.shadow.sab;
  }

  get listing(): RoomListing {
    const { autoDispose, locked, metadata } = this.room;
    this.listedAutoDispose = autoDispose;
    return {
      locked,
      private: this.room.private,
      disposeAfterMs: disposeAfterMs(autoDispose),
      maxClients: this.roomClass.maxClients,
      metadata,
    };
  }

  /**
   * Ends the room: every client leaves with `code`, then onDispose runs, once. A room that is being created ends as soon as
   * it is. Resolves when it has ended; never rejects.
   */
  dispose(code: number, reason: string): Promise<void> {
    if (this.current === 'creating') this.endsAtOnce ??= { code, reason };
    else if (this.isLive) void this.end(code, reason);
    return this.whenEnded;
  }

  /**
   * Ends the room when its onBeforeShutdown is done, or the deadline has passed: until then it ticks, and takes nobody.
   * Resolves when it has ended; one that is still being created then isn't waited for. Never rejects.
   */
  async shutDown(deadlineMs: number, reason: string): Promise<void> {
    let callOff!: () => void;
    const deadline = new Promise<void>((resolve) => (callOff = this.services.after(deadlineMs, resolve)));
    if (this.current === 'creating') {
      await Promise.race([this.dispose(CloseCode.Shutdown, reason), deadline]);
    } else {
      if (this.current === 'running') {
        this.drainReason = reason;
        this.drainsUntilMs = this.clock.elapsedMs + deadlineMs;
        this.move('draining');
        this.sessions.drain();
        const saved = this.hooks.contain('onBeforeShutdown', () => this.room.onBeforeShutdown?.());
        await Promise.race([saved, deadline, this.whenEnded]);
      }
      await this.dispose(CloseCode.Shutdown, reason);
    }
    callOff();
  }

  private async end(code: number, reason: string): Promise<void> {
    this.move('ending');
    this.services.post({ kind: 'ending', roomId: this.roomId });
    this.sessions.end(code, reason);
    this.clock.clear();
    this.services.ending(this);
    await this.inTime('its hooks about clients', this.hooks.settled());
    await this.inTime('onDispose', this.hooks.contain('onDispose', () => this.room.onDispose?.()));
    this.log.info({ code, reason }, 'room disposed');
    this.services.ended(this);
    this.move('ended');
  }

  /** Waits for hooks while the room ends, but not for ever: it would be a ghost that takes a room's place. */
  private async inTime(hook: string, done: Promise<void>): Promise<void> {
    let callOff!: () => void;
    const deadline = new Promise<void>((resolve) => {
      callOff = this.services.after(END_HOOK_MS_MAX, () => {
        this.hooks.report(new Error(`not done within ${END_HOOK_MS_MAX} ms; the room ends without it`), hook);
        resolve();
      });
    });
    await Promise.race([done, deadline]);
    callOff();
  }

  private fail(error: unknown, hook: string): void {
    this.hooks.report(error, hook);
    void this.dispose(CloseCode.Error, `the room failed in ${hook}`);
  }

  // --- Ticks ---------------------------------------------------------------------------------------------------------

  runTick({ latenessMs }: TickTiming): void {
    if (!this.isLive) return;
    const { running } = this.services;
    this.tick += 1;
    running.tick = this.tick;
    this.latenessMs = latenessMs;
    let hook = 'a timer';
    try {
      this.sessions.settle();
      this.clock.advance(this.dtMs);
      if (!this.isLive) return; // a timer called disconnect()
      hook = 'onTick';
      const done: unknown = this.room.onTick?.(this.dtSec);
      if (done instanceof Promise) done.catch((error: unknown) => this.fail(error, 'onTick'));
      if (!this.isLive) return;
      this.roomState.settle();
      hook = 'its snapshot';
      this.snapshots.sendIfDue(this.tick);
      hook = 'autoDispose';
      // A plain field of the room, so that a class may declare it; a change of it is seen here.
      if (this.room.autoDispose !== this.listedAutoDispose) this.relist();
    } catch (error) {
      this.fail(error, hook);
    } finally {
      running.tick = 0;
    }
  }

  // --- What clients send ---------------------------------------------------------------------------------------------

  receive(client: Client, type: string, payload: unknown): void {
    if (this.isLive) this.handlers.receive(client, type, payload);
  }

  /** An input of the client: the record at `source[offset..)`. */
  takeInput(client: Client, seq: number, ackTick: number, source: Uint8Array, offset: number, bytes: number): void {
    if (client.connected) this.acknowledged(client, ackTick);
    this.inputs.take(client, seq, source, offset, bytes);
  }

  /** The client's baseline is gone: it is owed a keyframe. */
  resync(client: Client): void {
    this.pace.asked(client);
    this.snapshots.owe(client);
  }

  /** An input or a ping of the client says which tick it holds. */
  acknowledged(client: Client, ackTick: number): void {
    this.pace.acknowledged(client, ackTick, this.tick);
  }

  // --- What the room's parts ask for ---------------------------------------------------------------------------------

  get clients(): readonly Client[] {
    return this.sessions.clients;
  }

  get handshake(): Handshake {
    return {
      room: this.type,
      roomId: this.roomId,
      tickRate: this.tickRateHz,
      snapshotRate: Math.round(this.snapshotRateHz),
      tables: this.tables.specs,
      input: this.inputs.specs,
      graceMs: this.graceMs,
    };
  }

  get draining(): DrainingFrame | null {
    if (this.current !== 'draining') return null;
    return { reason: this.drainReason, deadlineMs: Math.max(0, Math.round(this.drainsUntilMs - this.clock.elapsedMs)) };
  }

  createInputs(): InputQueue | null {
    return this.inputs.createQueue();
  }

  disconnected(client: Client): void {
    this.snapshots.disconnected(client);
  }

  bind(client: Client): void {
    this.snapshots.arrived();
    this.services.bind(client, this);
  }

  unbind(client: Client): void {
    this.services.unbind(client);
  }

  closeClient(client: Client, code: number, reason: string): void {
    this.sessions.closeConnection(client, code, reason);
  }

  reject(client: Client, type: string, field: string, reason: string): void {
    this.sessions.reject(client, type, field, reason);
  }

  // --- RoomContext: what room code may ask for -----------------------------------------------------------------------

  addTable(table: Table, visible: boolean): void {
    if (!this.declaring) throw new Error('tables are declared in the class body or before onCreate ends');
    this.tables.add(table);
    this.interest.addTable(table, visible);
  }

  addInput(input: Input): void {
    if (!this.declaring) throw new Error('the input is declared in the class body or before onCreate ends');
    this.inputs.declare(input);
  }

  onMessage(type: string, handler: MessageHandler, validator: StandardSchema | null): () => void {
    return this.handlers.on(type, handler, validator);
  }

  broadcast(type: string, payload: unknown, except: Client | undefined): void {
    this.sessions.broadcast(type, payload, except);
  }

  allowReconnection(client: Client, seconds: number): Promise<Client> {
    return this.sessions.allowReconnection(client, seconds);
  }

  compute(module: string | URL, data: unknown): Promise<unknown> {
    return this.services.compute(String(module), data);
  }

  random(): number {
    return this.randomNumbers.next();
  }

  get snapshotTick(): number {
    return this.roomState.shadow.tick;
  }

  snapshotHash(): number {
    return this.roomState.snapshotHash();
  }

  disconnect(): void {
    if (this.current === 'creating') this.disconnectsInCreate = true;
    else void this.dispose(CloseCode.Consented, 'the room has ended');
  }

  relist(): void {
    if (this.isLive) this.services.post({ kind: 'listing', roomId: this.roomId, listing: this.listing });
  }

  // --- What the host's program asks for ------------------------------------------------------------------------------

  /** Calls a method of the room. Throws, or rejects with, whatever goes wrong. */
  async call(method: string, args: readonly unknown[]): Promise<unknown> {
    if (!this.isLive) throw new Error('the room has ended');
    return callableMethod(this.room, method).apply(this.room, [...args]);
  }
}

function disposeAfterMs(autoDispose: unknown): number {
  if (typeof autoDispose === 'boolean') return autoDispose ? 1000 : Infinity;
  if (typeof autoDispose === 'number' && autoDispose >= 0 && autoDispose <= AUTO_DISPOSE_SEC_MAX) return 1000 * autoDispose;
  throw new RangeError(
    `autoDispose is ${String(autoDispose).slice(0, 80)}; expected true, false, or 0 to ${AUTO_DISPOSE_SEC_MAX} seconds`,
  );
}

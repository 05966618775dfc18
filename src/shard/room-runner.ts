/**
 * Runs one room: constructs it, calls its hooks, ticks it, sends its snapshots, and contains its failures.
 *
 * ```
 *   creating --onCreate done--> running --dispose, failure--> ending --onDispose done--> ended
 *       \___________________onCreate throws_______________________________________________/
 * ```
 */
import type { Logger } from 'pino';
import type { BitWriter } from '../codec/bit-writer.js';
import type { EncoderScratch } from '../codec/encoder-scratch.js';
import { ShardCounter, type CounterBlock } from '../memory/counters.js';
import { CloseCode } from '../protocol/close-codes.js';
import type { HostToShard, PaceLimits, RoomListing, ShardToHost } from '../protocol/control.js';
import { specsOfFields, tableSpecOf } from '../protocol/field-specs.js';
import { encodePayload } from '../protocol/payload.js';
import { encodeJoined, encodeServerMessage } from '../protocol/server-frames.js';
import { rowOwner } from '../state/row.js';
import { assertName } from '../state/schema.js';
import { Table } from '../state/table.js';
import { Client, type ClientPort, type Followed } from './client.js';
import { ClientPace } from './client-pace.js';
import { logHookError, reasonOf } from './hook-error.js';
import type { Input } from './input.js';
import { InputQueue } from './input-queue.js';
import { RoomInterest } from './interest/room-interest.js';
import type { KeyframeBudget } from './keyframe-budget.js';
import type { Outbox } from './outbox.js';
import { Random } from './random.js';
import { RoomClock } from './room-clock.js';
import { RoomState } from './room-state.js';
import { withRoomContext, type MessageHandler, type Room, type RoomClass, type RoomContext } from './room.js';
import type { Scheduled, TickTiming } from './schedule.js';
import { SnapshotSender } from './snapshot-sender.js';

/** Which tick the shard is in, for the logs; 0 between ticks. */
export interface RunningRoom {
  tick: number;
}

/** What a shard lends to its rooms. */
export interface ShardServices {
  readonly outbox: Outbox;
  readonly pace: PaceLimits;
  readonly keyframeBudget: KeyframeBudget;
  readonly scratch: EncoderScratch;
  readonly bits: BitWriter;
  readonly counters: CounterBlock;
  readonly log: Logger;
  readonly running: RunningRoom;
  post(message: ShardToHost): void;
  compute(module: string, data: unknown): Promise<unknown>;
  /** The room ticks no more. */
  ending(runner: RoomRunner): void;
  /** The room has ended and is to be forgotten. */
  ended(runner: RoomRunner): void;
  joined(client: Client, runner: RoomRunner): void;
  left(client: Client, runner: RoomRunner): void;
}

/** Longest message type that a handler can be registered for. A `'*'` handler gets longer ones; the log doesn't. */
const TYPE_LENGTH_MAX = 64;

export type RunnerState = 'creating' | 'running' | 'ending' | 'ended';

export class RoomRunner implements Scheduled, RoomContext, ClientPort {
  readonly tickRateHz: number;
  readonly snapshotRateHz: number;
  /** Replaced, never changed in place: room code may iterate over it while clients come and go. */
  clients: readonly Client[] = [];
  readonly clock = new RoomClock((error) => this.fail(error, 'a timer'));
  readonly log: Logger;
  readonly interest = new RoomInterest();
  tick = 0;
  latenessMs = 0;
  state: RunnerState = 'creating';

  private room!: Room;
  private roomState!: RoomState;
  private snapshots!: SnapshotSender;
  private readonly pace: ClientPace;
  private readonly tables: Table[] = [];
  private tableNames: readonly string[] = [];
  private input: Input | undefined;
  private readonly handlers = new Map<string, MessageHandler>();
  private readonly randomNumbers: Random;
  private readonly dtSec: number;
  private readonly dtMs: number;
  private readonly pending = new Map<number, Client>();
  private declaring = true;
  private endsInCreate = false;
  private listedAutoDispose = true;
  private disposal: Promise<void> | null = null;
  /** Promises of onLeave that are to be done before onDispose. */
  private readonly leaving = new Set<Promise<void>>();

  constructor(
    readonly roomId: string,
    readonly type: string,
    private readonly roomClass: RoomClass,
    seed: number,
    private readonly services: ShardServices,
  ) {
    this.tickRateHz = roomClass.tickRate;
    this.snapshotRateHz = Math.min(roomClass.snapshotRate, roomClass.tickRate);
    this.dtSec = 1 / this.tickRateHz;
    this.dtMs = 1000 / this.tickRateHz;
    this.randomNumbers = new Random(seed);
    this.pace = new ClientPace(services.pace, this.tickRateHz, services.counters);
    this.log = services.log.child({ room: roomId, type });
  }

  // --- Life ----------------------------------------------------------------------------------------------------------

  /** Constructs the room and runs onCreate. Throws what they throw. */
  async create(options: unknown): Promise<void> {
    try {
      this.room = withRoomContext(this, () => new this.roomClass());
      await this.room.onCreate?.(options);
      if (this.endsInCreate) throw new Error('the room called disconnect() in onCreate');
      this.declaring = false;
      this.nameTables();
      this.roomState = new RoomState(this.tables);
      this.interest.setGrids(this.room.interest);
      this.snapshots = new SnapshotSender(this.roomState, this.interest, this, this.pace, this.services);
    } catch (error) {
      this.state = 'ended';
      this.clock.clear();
      throw error;
    }
    this.state = 'running';
    this.log.info('room created');
  }

  get shadow(): SharedArrayBuffer {
    return this.roomState.shadow.sab;
  }

  get listing(): RoomListing {
    this.listedAutoDispose = this.room.autoDispose;
    return {
      locked: this.room.locked,
      private: this.room.private,
      autoDispose: this.room.autoDispose,
      maxClients: this.roomClass.maxClients,
      metadata: this.room.metadata,
    };
  }

  /** Ends the room: every client leaves with `code`, then onDispose runs. Resolves when it has; never rejects. */
  dispose(code: number, reason: string): Promise<void> {
    if (this.state === 'running') this.disposal = this.end(code, reason);
    return this.disposal ?? Promise.resolve();
  }

  private async end(code: number, reason: string): Promise<void> {
    this.state = 'ending';
    this.services.post({ kind: 'ending', roomId: this.roomId });
    for (const client of [...this.pending.values(), ...this.clients]) {
      this.services.outbox.close(client.sessionKey, code, reason);
      this.remove(client, code);
    }
    this.clock.clear();
    this.services.ending(this);
    try {
      await Promise.all(this.leaving);
      await this.room.onDispose?.();
    } catch (error) {
      this.report(error, 'onDispose');
    }
    this.state = 'ended';
    this.log.info({ code, reason }, 'room disposed');
    this.services.ended(this);
  }

  private fail(error: unknown, hook: string): void {
    this.report(error, hook);
    void this.dispose(CloseCode.Error, `the room failed in ${hook}`);
  }

  private report(error: unknown, hook: string): void {
    this.services.counters.add(ShardCounter.hookErrors);
    logHookError(this.log, error, { hook }, `${hook} threw`);
  }

  private reportMessage(error: unknown, type: string): void {
    this.report(error, `onMessage ${type.slice(0, TYPE_LENGTH_MAX)}`);
  }

  private nameTables(): void {
    const names = new Map<Table, string>();
    for (const [name, value] of Object.entries(this.room)) {
      if (!(value instanceof Table)) continue;
      assertName('table', name);
      names.set(value, name);
    }
    const nameless = this.tables.filter((table) => !names.has(table)).length;
    if (nameless > 0) {
      throw new Error(
        `${nameless} of the room's tables belong to no property; write \`players = this.table(Player)\` in the class, ` +
          'or assign to a public property in onCreate',
      );
    }
    // By name, so that the order on the wire doesn't depend on how the class happens to be written.
    this.tables.sort((a, b) => (names.get(a)! < names.get(b)! ? -1 : 1));
    this.tableNames = this.tables.map((table) => names.get(table)!);
  }

  // --- Sessions ------------------------------------------------------------------------------------------------------

  /** Gives a session its seat: onJoin, then Joined, then a keyframe with the next snapshot. */
  async seat({ sessionKey, sessionId, options, auth }: Extract<HostToShard, { kind: 'seat' }>): Promise<void> {
    const client = new Client(sessionId, sessionKey, this);
    client.auth = auth;
    if (this.state !== 'running') {
      this.refuse(client, CloseCode.MayRetry, 'the room is ending');
      return;
    }
    if (this.input !== undefined) client.inputs = new InputQueue(this.input.codec.bytes);
    this.pending.set(sessionKey, client);
    try {
      await this.room.onJoin?.(client, options);
    } catch (error) {
      if (!this.pending.delete(sessionKey)) return; // it left meanwhile, and was told
      this.refuse(client, CloseCode.NotAllowed, reasonOf(error));
      this.report(error, 'onJoin');
      return;
    }
    if (!this.pending.delete(sessionKey)) {
      // The socket went while onJoin ran: what onJoin set up, onLeave takes down, and we what it showed to whom.
      this.interest.forget(client);
      this.runOnLeave(client, client.leftCode);
      return;
    }
    client.state = 'joined';
    this.clients = [...this.clients, client];
    this.services.joined(client, this);
    this.services.outbox.send(sessionKey, this.joinedFrame(client), true);
    for (const frame of client.early) this.services.outbox.send(sessionKey, frame);
    client.early.length = 0;
    this.log.debug({ session: sessionId }, 'client joined');
  }

  /** The session's socket has gone, or it left. Unknown keys are ignored: it may have been closed from here. */
  leave(sessionKey: number, code: number): void {
    const client = this.pending.get(sessionKey) ?? this.clients.find((each) => each.sessionKey === sessionKey);
    if (client === undefined) return;
    // Whoever leaves on purpose, or is sent away, is told apart by a code of ours.
    if (client.state === 'joined' && code < CloseCode.Consented) {
      this.runHook('onDrop', () => this.room.onDrop?.(client, code));
    }
    this.remove(client, code);
  }

  private refuse(client: Client, code: number, reason: string): void {
    client.state = 'left';
    this.services.post({ kind: 'refused', roomId: this.roomId, sessionKey: client.sessionKey, code, reason });
  }

  private remove(client: Client, code: number): void {
    if (client.state === 'left') return;
    const joined = client.state === 'joined';
    client.state = 'left';
    client.leftCode = code;
    this.pending.delete(client.sessionKey);
    this.pace.left(client);
    this.interest.forget(client);
    this.services.post({ kind: 'left', roomId: this.roomId, sessionKey: client.sessionKey });
    if (!joined) return;
    this.clients = this.clients.filter((each) => each !== client);
    this.services.left(client, this);
    this.runOnLeave(client, code);
    this.log.debug({ session: client.sessionId, code }, 'client left');
  }

  private runOnLeave(client: Client, code: number): void {
    this.runHook('onLeave', () => this.room.onLeave?.(client, code));
  }

  /** Runs a hook about a client that goes. Its failure is reported and costs nobody else anything; onDispose waits for it. */
  private runHook(hook: string, run: () => unknown): void {
    try {
      const done = run();
      if (!(done instanceof Promise)) return;
      const settled: Promise<void> = done
        .catch((error: unknown) => this.report(error, hook))
        .finally(() => this.leaving.delete(settled));
      this.leaving.add(settled);
    } catch (error) {
      this.report(error, hook);
    }
  }

  private joinedFrame(client: Client): Uint8Array {
    return encodeJoined({
      room: this.type,
      roomId: this.roomId,
      sessionId: client.sessionId,
      tickRate: this.tickRateHz,
      snapshotRate: Math.round(this.snapshotRateHz),
      tables: this.tables.map((table, t) => tableSpecOf(this.tableNames[t]!, table.schema)),
      input: this.input === undefined ? [] : specsOfFields(this.input.schema),
    });
  }

  // --- Ticks ---------------------------------------------------------------------------------------------------------

  runTick({ latenessMs }: TickTiming): void {
    if (this.state !== 'running') return;
    const { running } = this.services;
    this.tick += 1;
    running.tick = this.tick;
    this.latenessMs = latenessMs;
    let hook = 'a timer';
    try {
      this.clock.advance(this.dtMs);
      if (this.state !== 'running') return; // a timer called disconnect()
      hook = 'onTick';
      const done: unknown = this.room.onTick?.(this.dtSec);
      if (done instanceof Promise) done.catch((error: unknown) => this.fail(error, 'onTick'));
      if ((this.state as RunnerState) !== 'running') return;
      this.roomState.settle();
      hook = 'its snapshot';
      this.snapshots.sendIfDue(this.tick);
      // A plain field of the room, so that a class may declare it; a change of it is seen here.
      if (this.room.autoDispose !== this.listedAutoDispose) this.relist();
    } catch (error) {
      this.fail(error, hook);
    } finally {
      running.tick = 0;
    }
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

  followed(row: object): Followed {
    const table = (row === undefined || row === null ? undefined : rowOwner(row)) as unknown as Table;
    const grid = this.interest.gridOf(table);
    if (grid !== null && !(row as Followed['row']).alive) throw new RangeError('client.follow(row): the row is despawned');
    if (grid === null) throw new RangeError('client.follow(row): expected a row of a table that the room has a grid for');
    return { row: row as Followed['row'], x: grid.x, y: grid.y };
  }

  // --- Messages ------------------------------------------------------------------------------------------------------

  receive(client: Client, type: string, payload: unknown): void {
    if (this.state !== 'running') return;
    const handler = this.handlers.get(type) ?? this.handlers.get('*');
    if (handler === undefined) {
      this.closeClient(client, CloseCode.Malformed, `the room has no handler for messages of type ${type.slice(0, 32)}`);
      return;
    }
    try {
      const done = handler.call(this.room, client, payload);
      if (done instanceof Promise) done.catch((error: unknown) => this.reportMessage(error, type));
    } catch (error) {
      this.reportMessage(error, type);
    }
  }

  sendTo(client: Client, type: string, payload: unknown): void {
    if (client.state === 'left') return;
    const frame = messageFrame(type, payload);
    // Joined is to be the first that a client hears of its room.
    if (client.state === 'joining') {
      this.services.outbox.assertFits(frame.length);
      client.early.push(frame);
    } else {
      this.services.outbox.send(client.sessionKey, frame);
    }
  }

  closeClient(client: Client, code: number, reason: string): void {
    if (client.state === 'left') return;
    this.services.outbox.close(client.sessionKey, code, reason);
    this.remove(client, code);
  }

  // --- RoomContext: what room code may ask for -----------------------------------------------------------------------

  addTable(table: Table, visible: boolean): void {
    if (!this.declaring) throw new Error('tables are declared in the class body or before onCreate ends');
    this.tables.push(table);
    this.interest.addTable(table, visible);
  }

  addInput(input: Input): void {
    if (!this.declaring) throw new Error('the input is declared in the class body or before onCreate ends');
    if (this.input !== undefined) throw new Error('a room has one input record; put all fields into it');
    this.input = input;
  }

  onMessage(type: string, handler: MessageHandler): () => void {
    if (typeof type !== 'string' || type === '' || type.length > TYPE_LENGTH_MAX) {
      throw new RangeError(`message type ${JSON.stringify(type)}; expected 1 to ${TYPE_LENGTH_MAX} characters`);
    }
    this.handlers.set(type, handler);
    return () => {
      if (this.handlers.get(type) === handler) this.handlers.delete(type);
    };
  }

  broadcast(type: string, payload: unknown, except: Client | undefined): void {
    if (this.clients.length > 0) this.services.outbox.broadcast(this.clients, except, messageFrame(type, payload));
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
    this.endsInCreate = this.state === 'creating';
    void this.dispose(CloseCode.Consented, 'the room has ended');
  }

  relist(): void {
    if (this.state === 'running') this.services.post({ kind: 'listing', roomId: this.roomId, listing: this.listing });
  }
}

function messageFrame(type: string, payload: unknown): Uint8Array {
  const { encoding, bytes } = encodePayload(payload);
  return encodeServerMessage(type, encoding, bytes);
}

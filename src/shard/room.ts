/** The class that a game developer extends: one isolated, authoritative world. */
import type { Logger } from 'pino';
import type { AuthRequest } from '../protocol/control.js';
import type { Fields } from '../state/field.js';
import type { InputSchema, TableSchema } from '../state/schema.js';
import type { Row } from '../state/row.js';
import { Table } from '../state/table.js';
import type { Client } from './client.js';
import { Input } from './input.js';
import type { Group, Viewer } from './interest/audience.js';
import type { GridInterest } from './interest/grid.js';
import type { RoomInterest } from './interest/room-interest.js';
import type { MessageHandler } from './message-handlers.js';
import type { QueueOptions } from './queue-options.js';
import type { SortDirection } from './room-class.js';
import type { RoomClock } from './room-clock.js';
import type { SchemaOutput, StandardSchema } from './standard-schema.js';

export type { MessageHandler } from './message-handlers.js';

/** What a room is run by. The real one is RoomRunner. */
export interface RoomContext {
  readonly roomId: string;
  readonly type: string;
  readonly clients: readonly Client[];
  readonly tick: number;
  readonly latenessMs: number;
  readonly clock: RoomClock;
  readonly log: Logger;
  readonly interest: RoomInterest;
  readonly beginsPrivate: boolean;
  addTable(table: Table, visible: boolean): void;
  addInput(input: Input): void;
  onMessage(type: string, handler: MessageHandler, validator: StandardSchema | null): () => void;
  broadcast(type: string, payload: unknown, except: Client | undefined): void;
  allowReconnection(client: Client, seconds: number): Promise<Client>;
  compute(module: string | URL, data: unknown): Promise<unknown>;
  random(): number;
  readonly snapshotTick: number;
  snapshotHash(): number;
  disconnect(): void;
  relist(): void;
}

let constructing: RoomContext | undefined;

/** Runs `create` with `context` as the context of the room it constructs. */
export function withRoomContext<R>(context: RoomContext, create: () => R): R {
  const outer = constructing;
  constructing = context;
  try {
    return create();
  } finally {
    constructing = outer;
  }
}

/** Marks classes that extend Room, those of another copy of this package too. */
export const ROOM_BRAND = Symbol.for('escapement.Room');

/**
 * Extend this in a module of its own, as its default export. The module is loaded inside shards only.
 *
 * Order of a tick: waiting messages are handled, `clock` timers run, `onTick(dt)` runs, values are quantised, and when a
 * snapshot is due clients are sent what changed. An exception in `onTick` or a timer ends this room (its clients are
 * closed with 4002) and no other.
 *
 * @typeParam Metadata what `setMetadata` takes: `class Arena extends Room<{ mode: string }>`
 */
export abstract class Room<Metadata = any> {
  static readonly [ROOM_BRAND] = true;
  /** Ticks per second: a whole number from 1 to 240. */
  static tickRate: number = 60;
  /**
   * Snapshots per second, from 1; more than the tick rate means every tick. Where it doesn't divide the tick rate,
   * snapshots fall on the nearest ticks: 25 in 60 Hz are 2 or 3 ticks apart.
   */
  static snapshotRate: number = 20;
  /** Most clients at one time, 1 to 10,000. Dropped ones keep their seats. */
  static maxClients: number = 16;
  /**
   * Seconds that the seat of a client is kept whose socket is lost, 0 to 3600; 0: it leaves at once. Default: the server's
   * `reconnectGrace`, 20.
   */
  static reconnectGrace?: number;
  /**
   * Names of options that a room is found by: who joins with `{ mode: 'duel' }` gets a room that was created with the same.
   * At most 8, of 1 to 64 letters, digits or _.
   */
  static filterBy?: readonly string[];
  /**
   * Which of several rooms a client gets, most important first: `{ clients: 'desc', level: 1 }`. Fields are `clients`,
   * `maxClients`, `createdAt`, or those of the metadata; at most 4.
   */
  static sortBy?: Readonly<Record<string, SortDirection>>;
  /** Players queue for this room, and those of a match land together in a fresh one. Without it nobody can. */
  static queue?: QueueOptions;

  readonly #context: RoomContext;

  /**
   * When an empty room ends: after so many seconds, 0 to 86,400; true: after one; false: never, it is for `disconnect()` to
   * end it. Dropped clients still have their seats.
   */
  autoDispose: boolean | number = true;
  /**
   * What clients are sent of tables whose rows have a place: `interest = grid({ table: this.units, x: 'x', y: 'y', … })`.
   * Several tables may have a grid each. Set in the class body or in onCreate; tables without a grid are everyone's.
   */
  interest?: GridInterest | readonly GridInterest[];
  #locked = false;
  #private: boolean;
  #metadata: Metadata | undefined = undefined;

  constructor() {
    if (constructing === undefined) {
      throw new Error(`${new.target.name} can only be constructed by a shard; name its module in createServer({ rooms })`);
    }
    this.#context = constructing;
    this.#private = constructing.beginsPrivate;
  }

  // --- Hooks, all optional -------------------------------------------------------------------------------------------

  /**
   * Whether a client may come in, before a room is made or a seat taken for it. May be asynchronous. What it returns is
   * `client.auth`; it must be copyable to another thread. Falsy, or thrown: the client is refused with 4401.
   *
   * @param token what the client connected with; empty when it had none
   */
  static onAuth?(token: string, request: AuthRequest): unknown;

  /** The room begins. May be asynchronous: clients wait. What it throws refuses the room and whoever asked for it. */
  onCreate?(options: any): void | Promise<void>;
  /** A client has its seat. May be asynchronous: that client waits. What it throws refuses the client. */
  onJoin?(client: Client, options: any): void | Promise<void>;
  /** One step of the game, `dt` seconds long: always exactly 1 / tickRate. */
  onTick?(dt: number): void;
  /**
   * A client's socket is lost: nobody meant to end the session. Its seat is kept for `reconnectGrace`, or for as long as
   * `allowReconnection` says; then `onReconnect` follows, or `onLeave`. Until then it stays in `clients`, with `connected`
   * false. `code`: 1006 when the network did it, 1013 when it was too slow.
   */
  onDrop?(client: Client, code: number): void | Promise<void>;
  /** A client is back, over another socket: it has been sent what it missed. Without an onDrop when it came first. */
  onReconnect?(client: Client): void | Promise<void>;
  /** A client has gone for good. `code`: the WebSocket close code, 4000 when it left on purpose. */
  onLeave?(client: Client, code: number): void | Promise<void>;
  /**
   * The server is about to stop: save what is to be saved. May be asynchronous: the room ticks meanwhile, until it is done or
   * the server's deadline has passed. Nobody can join any more. Then clients are closed with 4001.
   */
  onBeforeShutdown?(): void | Promise<void>;
  /** The room ends. All clients have left. Called once. */
  onDispose?(): void | Promise<void>;

  // --- What a room has -----------------------------------------------------------------------------------------------

  get id(): string {
    return this.#context.roomId;
  }

  /** Name of the room's type, as clients ask for it. */
  get roomName(): string {
    return this.#context.type;
  }

  /** Joined clients, in the order they joined; also those that are not `connected` and may come back. */
  get clients(): readonly Client[] {
    return this.#context.clients;
  }

  /** Number of the tick that runs or ran last; the first is 1. */
  get tick(): number {
    return this.#context.tick;
  }

  /**
   * How long after its deadline the tick that runs, or ran last, began: 0 or more, in milliseconds of real time. For
   * rooms that drop optional work when their shard is behind; what the game computes should not depend on it.
   */
  get latenessMs(): number {
    return this.#context.latenessMs;
  }

  /** Timers in game time: they advance with ticks and end with the room. */
  get clock(): RoomClock {
    return this.#context.clock;
  }

  /** Logs with the room's id and tick. */
  get log(): Logger {
    return this.#context.log;
  }

  get locked(): boolean {
    return this.#locked;
  }

  /** What `setMetadata` was given last. */
  get metadata(): Metadata | undefined {
    return this.#metadata;
  }

  // --- What a room does ----------------------------------------------------------------------------------------------

  /**
   * Gives the room a table. The property it is assigned to is its name for clients:
   * `players = this.table(Player)` is `room.state.players` there.
   *
   * @param options.visible false: its rows are hidden from everyone until `show(row, …)`. Default true.
   */
  table<F extends Fields>(schema: TableSchema<F>, options: { visible?: boolean } = {}): Table<F> {
    const table = new Table(schema);
    this.#context.addTable(table as unknown as Table, options.visible ?? true);
    return table;
  }

  /** Declares what clients send with `room.input({...})`. Once per room. */
  input<F extends Fields>(schema: InputSchema<F>): Input<F> {
    const input = new Input(schema);
    this.#context.addInput(input as unknown as Input);
    return input;
  }

  /**
   * Handles messages of one type, or with `'*'` those of every other type (the handler then gets no type: give each its
   * own). A message that no handler takes closes its client with 4400. An error thrown here is logged and counted; the
   * room goes on. Returns a function that removes the handler.
   *
   * With a validator (any Standard Schema: zod, valibot, arktype, …) the handler gets what that makes of the payload. For a
   * payload that fails it isn't called, and the client is told which field is wrong. A client's messages are handled in their
   * order also when a validator is asynchronous: at most 64 wait behind it, further ones are rejected.
   *
   * @throws RangeError for a type that isn't 1 to 64 characters long, TypeError for what is no validator or no handler
   */
  onMessage(type: string, handler: MessageHandler): () => void;
  onMessage<S extends StandardSchema>(
    type: string,
    validator: S,
    handler: (client: Client, payload: SchemaOutput<S>) => unknown,
  ): () => void;
  onMessage(type: string, ...rest: [MessageHandler] | [StandardSchema, MessageHandler]): () => void {
    const [validator, handler] = rest.length === 1 ? [null, rest[0]] : rest;
    return this.#context.onMessage(type, handler, validator);
  }

  /**
   * Keeps a dropped client's seat for so many seconds from now, instead of `reconnectGrace`. To be called in `onDrop`, or
   * later while the client is not `connected`; the last call counts.
   *
   * @param seconds 0 to 3600; 0: it leaves at once
   * @returns resolves with the client when it is back, rejects when it has left. Nobody has to catch that
   * @throws RangeError for another number of seconds, Error for a client that isn't dropped
   */
  allowReconnection(client: Client, seconds: number): Promise<Client> {
    return this.#context.allowReconnection(client, seconds);
  }

  /**
   * Sends a message to every joined client, or all but one. Payload: any JSON value, or a Uint8Array. Those that are not
   * connected get it when they are back.
   */
  broadcast(type: string, payload?: unknown, options: { except?: Client } = {}): void {
    this.#context.broadcast(type, payload, options.except);
  }

  /** A new set of clients that see alike, for `show`, `hide`, `reveal` and `conceal`: a team, an alliance, the spectators. */
  group(): Group {
    return this.#context.interest.group();
  }

  /**
   * Who is sent a row: without `who` everyone, which is how rows begin; with it, these too. Takes effect with the next
   * snapshot. What a client may not see never leaves the server.
   *
   * @throws RangeError when the row is no living row of this room
   */
  show(row: Row<any>, ...who: Viewer[]): void {
    this.#context.interest.show(row, who);
  }

  /**
   * Who isn't sent a row: without `who` nobody is; with it, all but these of those who were. Clients and groups are taken at
   * their word: a client stays in a group that the row is shown to, and out of one that it is hidden from.
   */
  hide(row: Row<any>, ...who: Viewer[]): void {
    this.#context.interest.hide(row, who);
  }

  /** Who is sent a row's `secret` fields: without `who` everyone; with it, these too. At first nobody is. */
  reveal(row: Row<any>, ...who: Viewer[]): void {
    this.#context.interest.reveal(row, who);
  }

  /** Who isn't sent a row's `secret` fields: without `who` nobody is; with it, all but these of those who were. */
  conceal(row: Row<any>, ...who: Viewer[]): void {
    this.#context.interest.conceal(row, who);
  }

  /**
   * Runs a heavy one-off job off every tick, in the host's pool of worker threads: the default export of `module` is
   * called with `data` (copied), and what it returns comes back.
   *
   * @param module `new URL('./path-finding.js', import.meta.url)`
   */
  compute<T = unknown>(module: string | URL, data: unknown): Promise<T> {
    return this.#context.compute(module, data) as Promise<T>;
  }

  /** A number from 0 to below 1, from this room's own seeded generator. */
  random(): number {
    return this.#context.random();
  }

  /** No more clients may join, until `unlock()`. */
  lock(): void {
    this.#locked = true;
    this.#context.relist();
  }

  unlock(): void {
    this.#locked = false;
    this.#context.relist();
  }

  /** A private room is found by its id only. */
  setPrivate(isPrivate = true): void {
    this.#private = isPrivate;
    this.#context.relist();
  }

  get private(): boolean {
    return this.#private;
  }

  /**
   * What listings show of the room besides its name and clients.
   *
   * @throws DataCloneError for what can't be copied to another thread, such as functions.
   */
  setMetadata(metadata: Metadata): void {
    this.#metadata = structuredClone(metadata);
    this.#context.relist();
  }

  /** Ends the room: clients are closed with 4000. */
  disconnect(): void {
    this.#context.disconnect();
  }

  /** Tick of the newest snapshot, 0 before the first. */
  get snapshotTick(): number {
    return this.#context.snapshotTick;
  }

  /**
   * Hash of the newest snapshot; equals a client's `room.stateHash()` when its `room.tick` is `snapshotTick`. For finding
   * desyncs: it walks every row.
   */
  snapshotHash(): number {
    return this.#context.snapshotHash();
  }
}

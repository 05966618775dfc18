/**
 * What a room does with its clients' messages: finds the handler, has the payload validated, and calls it.
 *
 * Messages of one client are handled in the order in which they came. Most validators answer at once; while one is still at
 * work, what its client sends next waits behind it. At most WAITING_MESSAGES_MAX wait for each client; the client is told of
 * those beyond that they were rejected. Waiting messages of a client whose socket is lost are handled all the same, those of
 * one that has left aren't.
 */
import { ShardCounter, type CounterBlock } from '../memory/counters.js';
import { CloseCode } from '../protocol/close-codes.js';
import type { Client } from './client.js';
import type { RoomHooks } from './room-hooks.js';
import { isStandardSchema, issuePath, type SchemaResult, type StandardSchema } from './standard-schema.js';

export type MessageHandler = (client: Client, payload: any) => unknown;

/** Longest message type that a handler can be registered for. A `'*'` handler gets longer ones; the log doesn't. */
const TYPE_LENGTH_MAX = 64;

/** Two seconds of messages at 30 a second: a validator that takes longer is none for a game. */
export const WAITING_MESSAGES_MAX = 64;

/** Longest path of a field, and longest reason, that a client is told. Both may have come from itself. */
const FIELD_LENGTH_MAX = 128;
const REASON_LENGTH_MAX = 256;

interface Handler {
  readonly validator: StandardSchema | null;
  readonly handle: MessageHandler;
}

interface WaitingMessage {
  readonly type: string;
  readonly payload: unknown;
}

/** The oldest first. */
export type WaitingMessages = WaitingMessage[];

/** The room whose messages they are. */
export interface MessageRoom {
  /** Whether it takes messages. */
  readonly isLive: boolean;
  /** What handlers are called on. */
  readonly room: object;
  closeClient(client: Client, code: number, reason: string): void;
  /** Tells the client that something it sent was not taken. */
  reject(client: Client, type: string, field: string, reason: string): void;
}

export class MessageHandlers {
  private readonly byType = new Map<string, Handler>();

  constructor(
    private readonly room: MessageRoom,
    private readonly hooks: RoomHooks,
    private readonly counters: CounterBlock,
  ) {}

  /**
   * Returns what removes the handler.
   *
   * @throws RangeError for a type that is empty or too long; TypeError for what is no handler or no validator
   */
  on(type: string, handle: MessageHandler, validator: StandardSchema | null): () => void {
    if (typeof type !== 'string' || type === '' || type.length > TYPE_LENGTH_MAX) {
      throw new RangeError(`message type ${JSON.stringify(type)}; expected 1 to ${TYPE_LENGTH_MAX} characters`);
    }
    if (typeof handle !== 'function' || (validator === null && isStandardSchema(handle))) {
      throw new TypeError(`onMessage('${type}') without a handler; expected (type, handler) or (type, validator, handler)`);
    }
    if (validator !== null && !isStandardSchema(validator)) {
      throw new TypeError(`onMessage('${type}'): the validator is no Standard Schema, as those of zod, valibot and arktype are`);
    }
    const handler: Handler = { validator, handle };
    this.byType.set(type, handler);
    return () => {
      if (this.byType.get(type) === handler) this.byType.delete(type);
    };
  }

  receive(client: Client, type: string, payload: unknown): void {
    const { waiting } = client;
    if (waiting === null) this.take(client, type, payload);
    else if (waiting.length < WAITING_MESSAGES_MAX) waiting.push({ type, payload });
    else this.reject(client, type, '', `${waiting.length} messages wait for a validator, the limit: send fewer at once`);
  }

  private take(client: Client, type: string, payload: unknown): void {
    if (!this.room.isLive || client.state === 'left') return;
    const handler = this.byType.get(type) ?? this.byType.get('*');
    if (handler === undefined) {
      const reason = `the room has no handler for messages of type ${type.slice(0, 32)}`;
      this.room.closeClient(client, CloseCode.Malformed, reason);
    } else if (handler.validator === null) {
      this.handle(client, type, payload, handler);
    } else {
      this.validate(client, type, payload, handler, handler.validator);
    }
  }

  private validate(client: Client, type: string, payload: unknown, handler: Handler, validator: StandardSchema): void {
    try {
      const result = validator['~standard'].validate(payload);
      if (result instanceof Promise) void this.finishLater(client, type, result, handler);
      else this.finish(client, type, result, handler);
    } catch (error) {
      this.report(error, type);
    }
  }

  /** Holds the client's next messages back until the validator has answered. */
  private async finishLater(
    client: Client,
    type: string,
    answer: Promise<SchemaResult<unknown>>,
    handler: Handler,
  ): Promise<void> {
    client.waiting = [];
    try {
      const result = await answer;
      if (this.room.isLive && client.state !== 'left') this.finish(client, type, result, handler);
    } catch (error) {
      this.report(error, type);
    }
    const behind = client.waiting;
    client.waiting = null;
    while (behind.length > 0 && client.waiting === null) {
      const next = behind.shift()!;
      this.take(client, next.type, next.payload);
    }
    // One of them has to wait for a validator too: the others are behind that.
    if (client.waiting !== null) client.waiting = behind;
  }

  private finish(client: Client, type: string, result: SchemaResult<unknown>, handler: Handler): void {
    if (result.issues === undefined) {
      this.handle(client, type, result.value, handler);
      return;
    }
    const [issue] = result.issues;
    this.reject(client, type, issue === undefined ? '' : issuePath(issue), issue?.message ?? 'not valid');
  }

  private handle(client: Client, type: string, payload: unknown, { handle }: Handler): void {
    try {
      const done = handle.call(this.room.room, client, payload);
      if (done instanceof Promise) done.catch((error: unknown) => this.report(error, type));
    } catch (error) {
      this.report(error, type);
    }
  }

  private reject(client: Client, type: string, field: string, reason: string): void {
    this.counters.add(ShardCounter.messagesRejected);
    const shortType = type.slice(0, TYPE_LENGTH_MAX);
    this.room.reject(client, shortType, field.slice(0, FIELD_LENGTH_MAX), String(reason).slice(0, REASON_LENGTH_MAX));
  }

  private report(error: unknown, type: string): void {
    this.hooks.report(error, `onMessage ${type.slice(0, TYPE_LENGTH_MAX)}`);
  }
}

/** One shard: the rooms of one thread, and the pass that runs them. */
import { ShardCounter, type CounterBlock } from '../memory/counters.js';
import { Ingress, INPUT_HEAD_BYTES, MESSAGE_HEAD_BYTES, SESSION_SLOT_MASK } from '../memory/records.js';
import type { RingConsumer } from '../memory/ring-consumer.js';
import { decodeClientMessage } from '../protocol/client-frames.js';
import { CloseCode } from '../protocol/close-codes.js';
import type { HostToShard, ShardToHost } from '../protocol/control.js';
import { decodePayload } from '../protocol/payload.js';
import type { Client } from './client.js';
import { logHookError, reasonOf } from './hook-error.js';
import type { KeyframeBudget } from './keyframe-budget.js';
import type { Outbox } from './outbox.js';
import type { RoomClass } from './room-class.js';
import { RoomRunner } from './room-runner.js';
import type { Clock, Schedule } from './schedule.js';
import type { ShardServices } from './shard-services.js';

type Message<Kind extends HostToShard['kind']> = Extract<HostToShard, { kind: Kind }>;

/** Where a session's records go: its client and the room it is in. */
class Seat {
  constructor(
    readonly client: Client,
    readonly runner: RoomRunner,
  ) {}
}

/** Rooms with slow ticks still take messages at this pace. Longer than a tick at 60 Hz, which looks at the ring anyway. */
const INGRESS_POLL_MS_MAX = 20;

export class Shard {
  private readonly runners = new Map<string, RoomRunner>();
  /** Rooms whose onCreate runs. */
  private readonly creating = new Map<string, RoomRunner>();
  /**
   * By the slot of the connection's key; a key of another generation, or of a connection that was lost or replaced, finds
   * nobody.
   */
  private readonly seats: (Seat | undefined)[] = [];
  private lastPassMs = 0;

  constructor(
    private readonly ingress: RingConsumer,
    private readonly outbox: Outbox,
    private readonly schedule: Schedule<RoomRunner>,
    private readonly keyframeBudget: KeyframeBudget,
    private readonly counters: CounterBlock,
    private readonly clock: Clock,
    private readonly roomClasses: ReadonlyMap<string, RoomClass>,
  ) {}

  /** One pass: what clients sent, the rooms that are due, what they send. */
  pass(): void {
    this.lastPassMs = this.clock.nowMs();
    this.keyframeBudget.refill(this.lastPassMs);
    this.drainIngress();
    this.schedule.runDue(this.clock);
    this.counters.set(ShardCounter.ticksSkipped, this.schedule.ticksSkipped);
    this.counters.set(ShardCounter.ticksLate, this.schedule.ticksCaughtUp);
    this.outbox.flush();
  }

  /** When the next pass is due, in milliseconds of the clock; Infinity while there are no rooms. */
  nextPassMs(): number {
    const deadlineMs = this.schedule.nextDeadlineMs();
    return deadlineMs === Infinity ? Infinity : Math.min(deadlineMs, this.lastPassMs + INGRESS_POLL_MS_MAX);
  }

  // --- Data plane ----------------------------------------------------------------------------------------------------

  private drainIngress(): void {
    const ring = this.ingress;
    for (let at = ring.next(); at >= 0; at = ring.next()) {
      const word = at >> 2;
      const seat = this.seatOf(ring.words[word]! >>> 0);
      if (seat === undefined) continue;
      switch (ring.type) {
        case Ingress.Input:
          this.takeInput(seat, word, at);
          break;
        case Ingress.Ack:
          if (seat.client.connected) seat.runner.acknowledged(seat.client, ring.words[word + 1]! >>> 0);
          seat.runner.sessions.received(seat.client, ring.words[word + 2]! >>> 0);
          break;
        case Ingress.Resync:
          seat.runner.resync(seat.client);
          break;
        case Ingress.Message:
          this.takeMessage(seat, at, ring.words[word + 1]!);
          break;
      }
    }
    ring.release();
  }

  private takeInput({ client, runner }: Seat, word: number, at: number): void {
    const { words, bytes } = this.ingress;
    const seq = words[word + 1]! >>> 0;
    const ackTick = words[word + 2]! >>> 0;
    runner.takeInput(client, seq, ackTick, bytes, at + INPUT_HEAD_BYTES, words[word + 3]!);
  }

  private takeMessage(seat: Seat, at: number, frameBytes: number): void {
    this.counters.add(ShardCounter.messagesIn);
    // A copy: the text decoder refuses shared memory, and handlers may keep what they are given.
    const frame = this.ingress.bytes.slice(at + MESSAGE_HEAD_BYTES, at + MESSAGE_HEAD_BYTES + frameBytes);
    let type: string;
    let payload: unknown;
    try {
      const message = decodeClientMessage(frame);
      type = message.type;
      payload = decodePayload(message.encoding, message.payload);
    } catch (error) {
      seat.client.leave(CloseCode.Malformed, `message payload: ${(error as Error).message}`);
      return;
    }
    seat.runner.receive(seat.client, type, payload);
  }

  private seatOf(key: number): Seat | undefined {
    const seat = this.seats[key & SESSION_SLOT_MASK];
    return seat !== undefined && seat.client.sessionKey === key ? seat : undefined;
  }

  // --- Control plane -------------------------------------------------------------------------------------------------

  async handle(message: HostToShard, services: ShardServices): Promise<void> {
    switch (message.kind) {
      case 'create':
        await this.create(message, services);
        break;
      case 'auth':
        await this.authenticate(message, services);
        break;
      case 'seat':
        await this.seat(message, services);
        break;
      case 'computed':
        break; // the thread's compute client answers these
      default:
        // What clients sent before the host said this is still in the ring.
        this.drainIngress();
        await this.control(message, services);
    }
    // What hooks sent outside a pass is not to wait for the next one.
    this.outbox.flush();
  }

  private async control(
    message: Message<'drop' | 'leave' | 'resume' | 'dispose' | 'call' | 'broadcast' | 'stop'>,
    services: ShardServices,
  ): Promise<void> {
    switch (message.kind) {
      case 'drop':
        this.runners.get(message.roomId)?.sessions.drop(message.sessionId, message.code);
        break;
      case 'leave':
        this.runners.get(message.roomId)?.sessions.leave(message.sessionId, message.code);
        break;
      case 'resume':
        this.resume(message);
        break;
      case 'dispose':
        await this.runner(message.roomId)?.dispose(CloseCode.Consented, 'the room has ended');
        break;
      case 'call':
        await this.call(message, services);
        break;
      case 'broadcast':
        this.broadcast(message, services);
        break;
      case 'stop':
        await this.stop(message.deadlineMs, services);
        break;
    }
  }

  /** Also one that is being created. */
  private runner(roomId: string): RoomRunner | undefined {
    return this.runners.get(roomId) ?? this.creating.get(roomId);
  }

  private async authenticate({ requestId, type, token, request }: Message<'auth'>, services: ShardServices): Promise<void> {
    try {
      const auth = await this.roomClasses.get(type)!.onAuth!(token, request);
      if (!auth) throw new Error('not allowed in this room');
      services.post({ kind: 'authed', requestId, auth });
    } catch (error) {
      services.post({ kind: 'auth-failed', requestId, reason: reasonOf(error) });
    }
  }

  private async create(message: Message<'create'>, services: ShardServices): Promise<void> {
    const { roomId, type, options, seed } = message;
    const roomClass = this.roomClasses.get(type)!; // the host asks only for types that this shard reported
    const runner = new RoomRunner(roomId, type, roomClass, seed, services, message.private);
    this.creating.set(roomId, runner);
    try {
      await runner.create(options);
    } catch (error) {
      services.post({ kind: 'create-failed', roomId, reason: reasonOf(error) });
      this.counters.add(ShardCounter.hookErrors);
      logHookError(services.log, error, { room: roomId, type }, 'onCreate threw');
      return;
    } finally {
      this.creating.delete(roomId);
    }
    this.runners.set(roomId, runner);
    this.schedule.add(runner, this.clock.nowMs());
    this.counters.set(ShardCounter.rooms, this.runners.size);
    services.post({ kind: 'created', roomId, shadow: runner.shadow, listing: runner.listing });
    runner.begin();
  }

  private async seat(message: Message<'seat'>, services: ShardServices): Promise<void> {
    const { roomId, sessionId } = message;
    const runner = this.runners.get(roomId);
    const reason = 'the room has ended';
    if (runner !== undefined) await runner.sessions.seat(message);
    else services.post({ kind: 'refused', roomId, sessionId, code: CloseCode.MayRetry, reason, ending: true });
  }

  private resume(message: Message<'resume'>): void {
    const runner = this.runners.get(message.roomId);
    if (runner !== undefined) runner.sessions.resume(message);
    // The host knows by now that the session has ended with its room; only the connection has to be told.
    else this.outbox.close(message.sessionKey, CloseCode.NotAllowed, 'the session is over: join again');
  }

  private async call({ id, roomId, method, args }: Message<'call'>, services: ShardServices): Promise<void> {
    let answer: Extract<ShardToHost, { kind: 'called' }>;
    try {
      const runner = this.runners.get(roomId);
      if (runner === undefined) throw new Error('the room has ended');
      answer = { kind: 'called', id, value: await runner.call(method, args) };
    } catch (error) {
      answer = { kind: 'called', id, error: reasonOf(error) };
    }
    try {
      services.post(answer);
    } catch {
      services.post({ kind: 'called', id, error: `what ${method} returned can't be copied to another thread` });
    }
  }

  private broadcast({ roomIds, type, payload }: Message<'broadcast'>, { log }: ShardServices): void {
    for (const roomId of roomIds) {
      try {
        this.runners.get(roomId)?.broadcast(type, payload, undefined);
      } catch (error) {
        log.warn({ room: roomId, reason: reasonOf(error) }, 'broadcast failed');
      }
    }
  }

  private async stop(deadlineMs: number, services: ShardServices): Promise<void> {
    const reason = 'the server is shutting down';
    const rooms = [...this.runners.values(), ...this.creating.values()];
    const ended = Promise.all(rooms.map((runner) => runner.shutDown(deadlineMs, reason)));
    this.outbox.flush();
    await ended;
    this.outbox.flush();
    services.post({ kind: 'stopped' });
  }

  // --- What runners report -------------------------------------------------------------------------------------------

  bind(client: Client, runner: RoomRunner): void {
    this.seats[client.sessionKey & SESSION_SLOT_MASK] = new Seat(client, runner);
  }

  unbind(client: Client): void {
    const slot = client.sessionKey & SESSION_SLOT_MASK;
    if (this.seats[slot]?.client === client) this.seats[slot] = undefined;
  }

  ending(runner: RoomRunner): void {
    this.schedule.remove(runner);
    // Its clients' closes: nothing else may be due that would send them.
    this.outbox.flush();
  }

  ended(runner: RoomRunner, services: ShardServices): void {
    this.runners.delete(runner.roomId);
    this.counters.set(ShardCounter.rooms, this.runners.size);
    services.post({ kind: 'disposed', roomId: runner.roomId });
  }
}

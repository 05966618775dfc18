/** One shard: the rooms of one thread, and the pass that runs them. */
import { ShardCounter, type CounterBlock } from '../memory/counters.js';
import { Ingress, INPUT_HEAD_BYTES, MESSAGE_HEAD_BYTES, SESSION_SLOT_MASK } from '../memory/records.js';
import type { RingConsumer } from '../memory/ring-consumer.js';
import { decodeClientMessage } from '../protocol/client-frames.js';
import { CloseCode } from '../protocol/close-codes.js';
import type { HostToShard } from '../protocol/control.js';
import { decodePayload } from '../protocol/payload.js';
import type { Client } from './client.js';
import { logHookError, reasonOf } from './hook-error.js';
import type { KeyframeBudget } from './keyframe-budget.js';
import type { Outbox } from './outbox.js';
import { RoomRunner, type ShardServices } from './room-runner.js';
import type { RoomClass } from './room.js';
import type { Clock, Schedule } from './schedule.js';

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
  /** By the slot of the session's key; a key of another generation finds nobody. */
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
          seat.runner.acknowledged(seat.client, ring.words[word + 1]! >>> 0);
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
    const queue = client.inputs;
    if (queue === null || words[word + 3] !== queue.recordBytes) {
      const expected = queue === null ? 'none: the room takes no input' : `${queue.recordBytes}`;
      client.leave(CloseCode.Malformed, `input of ${words[word + 3]} bytes; expected ${expected}`);
      return;
    }
    runner.acknowledged(client, words[word + 2]! >>> 0);
    this.counters.add(ShardCounter.inputsIn);
    const dropped = queue.push(words[word + 1]! >>> 0, bytes, at + INPUT_HEAD_BYTES);
    if (dropped > 0) this.counters.add(ShardCounter.inputsDropped, dropped);
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
        await this.create(message.roomId, message.type, message.options, message.seed, services);
        break;
      case 'auth':
        await this.authenticate(message, services);
        break;
      case 'seat': {
        const runner = this.runners.get(message.roomId);
        if (runner !== undefined) {
          await runner.seat(message);
        } else {
          const { roomId, sessionKey } = message;
          services.post({ kind: 'refused', roomId, sessionKey, code: CloseCode.MayRetry, reason: 'the room has ended' });
        }
        break;
      }
      case 'leave':
        // What the client sent before it left is still in the ring.
        this.drainIngress();
        this.runners.get(message.roomId)?.leave(message.sessionKey, message.code);
        break;
      case 'dispose':
        this.drainIngress();
        await this.runners.get(message.roomId)?.dispose(CloseCode.Consented, 'the room has ended');
        break;
      case 'stop':
        this.drainIngress();
        await Promise.all(
          [...this.runners.values()].map((runner) => runner.dispose(CloseCode.Shutdown, 'the server is shutting down')),
        );
        this.outbox.flush();
        services.post({ kind: 'stopped' });
        break;
      case 'computed':
        break; // the thread's compute client answers these
    }
    // What hooks sent outside a pass is not to wait for the next one.
    this.outbox.flush();
  }

  private async authenticate(
    { sessionKey, type, token, request }: Extract<HostToShard, { kind: 'auth' }>,
    services: ShardServices,
  ): Promise<void> {
    try {
      const auth = await this.roomClasses.get(type)!.onAuth!(token, request);
      if (!auth) throw new Error('not allowed in this room');
      services.post({ kind: 'authed', sessionKey, auth });
    } catch (error) {
      services.post({ kind: 'auth-failed', sessionKey, reason: reasonOf(error) });
    }
  }

  private async create(
    roomId: string,
    type: string,
    options: unknown,
    seed: number,
    services: ShardServices,
  ): Promise<void> {
    const roomClass = this.roomClasses.get(type)!; // the host asks only for types that this shard reported
    const runner = new RoomRunner(roomId, type, roomClass, seed, services);
    try {
      await runner.create(options);
      // Inside, as metadata that can't be copied to another thread throws here.
      services.post({ kind: 'created', roomId, shadow: runner.shadow, listing: runner.listing });
    } catch (error) {
      services.post({ kind: 'create-failed', roomId, reason: reasonOf(error) });
      this.counters.add(ShardCounter.hookErrors);
      logHookError(services.log, error, { room: roomId, type }, 'onCreate threw');
      return;
    }
    this.runners.set(roomId, runner);
    this.schedule.add(runner, this.clock.nowMs());
    this.counters.set(ShardCounter.rooms, this.runners.size);
  }

  // --- What runners report -------------------------------------------------------------------------------------------

  joined(client: Client, runner: RoomRunner): void {
    this.seats[client.sessionKey & SESSION_SLOT_MASK] = new Seat(client, runner);
    this.counters.add(ShardCounter.clients);
  }

  left(client: Client): void {
    const slot = client.sessionKey & SESSION_SLOT_MASK;
    if (this.seats[slot]?.client === client) this.seats[slot] = undefined;
    this.counters.add(ShardCounter.clients, -1);
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

/**
 * A shard without its thread, the host and the front: the test posts what the host would, reads what the shard answers, puts
 * records into one ring and finds what is sent in the other. Time is the test's too.
 */
import { BitWriter } from '../../src/codec/bit-writer.js';
import { EncoderScratch } from '../../src/codec/encoder-scratch.js';
import { ShardLink } from '../../src/front/shard-link.js';
import { BellRinger } from '../../src/memory/bell.js';
import { CounterBlock, createCounterBlock } from '../../src/memory/counters.js';
import {
  Egress,
  FAN_OUT_HEAD_BYTES,
  FAN_OUT_RECEIVER_BYTES,
  GATHER_HEAD_BYTES,
  SEND_HEAD_BYTES,
} from '../../src/memory/records.js';
import { RingConsumer } from '../../src/memory/ring-consumer.js';
import { createRing } from '../../src/memory/ring-layout.js';
import { RingProducer } from '../../src/memory/ring-producer.js';
import { encodeClientMessage } from '../../src/protocol/client-frames.js';
import type { AuthRequest, HostToShard, PaceLimits, SeatLimits, ShardToHost } from '../../src/protocol/control.js';
import { decodePayload, encodePayload } from '../../src/protocol/payload.js';
import {
  decodeDraining,
  decodeJoined,
  decodeRejected,
  decodeServerMessage,
  ServerFrameKind,
  ServerFrameReader,
  SnapshotKind,
} from '../../src/protocol/server-frames.js';
import { KeyframeBudget } from '../../src/shard/keyframe-budget.js';
import { Outbox } from '../../src/shard/outbox.js';
import { roomClassProblems, type RoomClass } from '../../src/shard/room-class.js';
import { RoomRunner } from '../../src/shard/room-runner.js';
import type { Room } from '../../src/shard/room.js';
import { Schedule } from '../../src/shard/schedule.js';
import type { ShardServices } from '../../src/shard/shard-services.js';
import { Shard } from '../../src/shard/shard.js';
import { TickMeter } from '../../src/shard/tick-meter.js';

export interface BareShardOptions {
  readonly seats?: Partial<SeatLimits>;
  readonly pace?: Partial<PaceLimits>;
  readonly ringBytes?: number;
}

/** What a client is sent, but for the messages themselves, in words. */
export interface Arrived {
  readonly kind: 'joined' | 'message' | 'rejected' | 'draining' | 'delta' | 'keyframe' | 'closed';
  readonly value: any;
}

export class BareShard {
  readonly posts: ShardToHost[] = [];
  readonly counters = new CounterBlock(createCounterBlock());
  /** What room code threw, with the hook. */
  readonly errors: { hook?: string; err: unknown }[] = [];
  nowMs = 1000;
  readonly link: ShardLink;
  private readonly shard: Shard;
  private readonly egress: RingConsumer;
  private readonly services: ShardServices;
  private readonly timers = new Set<{ atMs: number; callback: () => void }>();
  private readonly wires = new Map<number, Wire>();
  private readonly reader = new ServerFrameReader();
  private keys = 0;
  private ids = 0;

  constructor(roomClasses: Readonly<Record<string, unknown>>, options: BareShardOptions = {}) {
    const ringBytes = options.ringBytes ?? 2 ** 20;
    const [ingress, egress] = [createRing(2 ** 20), createRing(ringBytes)];
    const { counters } = this;
    const classes = new Map<string, RoomClass>();
    for (const [name, each] of Object.entries(roomClasses)) {
      const problems = roomClassProblems(name, each);
      if (problems.length > 0) throw new Error(problems.join('\n'));
      classes.set(name, each as RoomClass);
    }
    const clock = { nowMs: () => this.nowMs };
    const outbox = new Outbox(new RingProducer(egress), new BellRinger(egress), counters);
    const keyframeBudget = new KeyframeBudget();
    const schedule = new Schedule<RoomRunner>(this.nowMs, new TickMeter(counters));
    this.egress = new RingConsumer(egress);
    this.link = new ShardLink(0, new RingProducer(ingress), this.egress, counters, new CounterBlock(createCounterBlock()));
    this.shard = new Shard(new RingConsumer(ingress), outbox, schedule, keyframeBudget, counters, clock, classes);
    const log: any = { info() {}, debug() {}, warn() {}, error: (fields: { err: unknown }) => this.errors.push(fields) };
    log.child = () => log;
    this.services = {
      outbox,
      pace: { lagLimitMs: 60_000, ackTimeoutMs: 90_000, ...options.pace },
      seats: { reconnectGraceMs: 20_000, resumeBufferBytes: 64 * 1024, ...options.seats },
      keyframeBudget,
      scratch: new EncoderScratch(),
      bits: new BitWriter(),
      counters,
      log,
      running: { tick: 0 },
      // What crosses to another thread is copied, or can't.
      post: (message) => void this.posts.push(structuredClone(message)),
      compute: () => Promise.reject(new Error('no compute pool here')),
      after: (delayMs, callback) => {
        const timer = { atMs: this.nowMs + delayMs, callback };
        this.timers.add(timer);
        return () => this.timers.delete(timer);
      },
      ending: (runner) => this.shard.ending(runner),
      ended: (runner) => this.shard.ended(runner, this.services),
      bind: (client, runner) => this.shard.bind(client, runner),
      unbind: (client) => this.shard.unbind(client),
    };
  }

  /** What the host says. Resolves when the shard is done with it. */
  async say(message: HostToShard): Promise<void> {
    this.link.publish();
    await this.shard.handle(structuredClone(message), this.services);
    this.drain();
  }

  /** Creates a room, and returns the developer's own object. */
  async create<R extends Room>(type: string, options: unknown = {}, isPrivate = false): Promise<R & { readonly roomId: string }> {
    const roomId = `r${(this.ids += 1)}`;
    await this.say({ kind: 'create', roomId, type, options, seed: 1, private: isPrivate });
    const failed = this.posted('create-failed').find((each) => each.roomId === roomId);
    if (failed !== undefined) throw new Error(failed.reason);
    return Object.assign(this.room<R>(roomId)!, { roomId });
  }

  room<R extends Room>(roomId: string): R | undefined {
    const { runners } = this.shard as unknown as { runners: ReadonlyMap<string, RoomRunner> };
    return runners.get(roomId)?.room as R | undefined;
  }

  /** Time goes by, pass after pass. */
  run(ms: number): void {
    const untilMs = this.nowMs + ms;
    while (this.nowMs < untilMs) {
      this.nowMs = Math.min(untilMs, this.shard.nextPassMs(), this.nowMs + 10);
      for (const timer of [...this.timers]) {
        if (timer.atMs > this.nowMs) continue;
        this.timers.delete(timer);
        timer.callback();
      }
      this.link.publish();
      this.shard.pass();
      this.drain();
    }
  }

  posted<K extends ShardToHost['kind']>(kind: K): Extract<ShardToHost, { kind: K }>[] {
    return this.posts.filter((each): each is Extract<ShardToHost, { kind: K }> => each.kind === kind);
  }

  async auth(type: string, token: string, request: AuthRequest): Promise<ShardToHost> {
    await this.say({ kind: 'auth', requestId: 7, type, token, request });
    return this.posts.at(-1)!;
  }

  async call(roomId: string, method: string, ...args: unknown[]): Promise<unknown> {
    const id = (this.ids += 1);
    await this.say({ kind: 'call', id, roomId, method, args });
    const answers = this.posted('called').filter((each) => each.id === id);
    if (answers.length !== 1) throw new Error(`${answers.length} answers to one call`);
    if (answers[0]!.error !== undefined) throw new Error(answers[0]!.error);
    return answers[0]!.value;
  }

  /** A connection that is to have a seat. */
  async join(roomId: string, options: unknown = {}, more: { team?: number; auth?: unknown } = {}): Promise<Wire> {
    const wire = this.connect(roomId, `s${(this.ids += 1)}`);
    await this.seat(wire, options, more);
    return wire;
  }

  seat(wire: Wire, options: unknown = {}, { team = -1, auth }: { team?: number; auth?: unknown } = {}): Promise<void> {
    const { roomId, sessionId, key } = wire;
    return this.say({ kind: 'seat', roomId, sessionId, sessionKey: key, resumeToken: `token ${key}`, options, auth, team });
  }

  connect(roomId: string, sessionId: string): Wire {
    const wire = new Wire(this, roomId, sessionId, (this.keys += 1));
    this.wires.set(wire.key, wire);
    return wire;
  }

  forget({ key }: Wire): void {
    this.wires.delete(key);
  }

  /** The front takes what is in the ring. */
  drain(): void {
    const ring = this.egress;
    for (let at = ring.next(); at >= 0; at = ring.next()) {
      const head = at >> 2;
      const [first, second, third] = [ring.words[head]!, ring.words[head + 1]!, ring.words[head + 2]!];
      if (ring.type === Egress.Send) {
        this.deliver(first, ring.bytes.slice(at + SEND_HEAD_BYTES, at + SEND_HEAD_BYTES + second));
      } else if (ring.type === Egress.Close) {
        const reason = new TextDecoder().decode(ring.bytes.slice(at + 12, at + 12 + third));
        this.wires.get(first >>> 0)?.take({ kind: 'closed', value: { code: second, reason } });
      } else if (ring.type === Egress.FanOut) {
        const frameAt = at + FAN_OUT_HEAD_BYTES + first * FAN_OUT_RECEIVER_BYTES;
        const frame = ring.bytes.slice(frameAt, frameAt + third);
        for (let i = 0; i < first; i += 1) this.deliver(ring.words[((at + FAN_OUT_HEAD_BYTES) >> 2) + 2 * i]!, frame);
      } else {
        let receiver = (at + GATHER_HEAD_BYTES) >> 2;
        for (let i = 0; i < first; i += 1) {
          const isKeyframe = ring.words[receiver + 1]! >>> 24 === 1;
          this.wires.get(ring.words[receiver]! >>> 0)?.take({ kind: isKeyframe ? 'keyframe' : 'delta', value: second });
          receiver += 3 + 2 * ring.words[receiver + 2]!;
        }
      }
    }
    ring.release();
  }

  private deliver(key: number, frame: Uint8Array): void {
    this.wires.get(key >>> 0)?.take(this.read(frame));
  }

  private read(frame: Uint8Array): Arrived {
    const { reader } = this;
    if (reader.read(frame) !== 0) throw new Error('the shard sent what no shard sends');
    switch (reader.kind) {
      case ServerFrameKind.Joined:
        return { kind: 'joined', value: decodeJoined(frame) };
      case ServerFrameKind.Message: {
        const { type, encoding, payload } = decodeServerMessage(frame);
        return { kind: 'message', value: { type, payload: decodePayload(encoding, payload) } };
      }
      case ServerFrameKind.Rejected:
        return { kind: 'rejected', value: decodeRejected(frame) };
      case ServerFrameKind.Draining:
        return { kind: 'draining', value: decodeDraining(frame) };
      case ServerFrameKind.Snapshot:
        return { kind: reader.snapshotKind === SnapshotKind.Keyframe ? 'keyframe' : 'delta', value: reader.tick };
      default:
        throw new Error(`the shard sent a frame of kind ${reader.kind}`);
    }
  }
}

/** One connection of a session. */
export class Wire {
  /** Everything that has come, in order. */
  readonly arrived: Arrived[] = [];
  private seq = 0;

  constructor(
    private readonly shard: BareShard,
    readonly roomId: string,
    readonly sessionId: string,
    readonly key: number,
  ) {}

  take(arrived: Arrived): void {
    this.arrived.push(arrived);
  }

  of(kind: Arrived['kind']): any[] {
    return this.arrived.filter((each) => each.kind === kind).map(({ value }) => value);
  }

  /** Payloads of the messages of one type. */
  heard(type: string): any[] {
    return this.of('message').filter((message) => message.type === type).map(({ payload }) => payload);
  }

  send(type: string, payload?: unknown): void {
    const { encoding, bytes } = encodePayload(payload);
    this.shard.link.message(this.key, encodeClientMessage(type, encoding, bytes));
  }

  input(record: Uint8Array, seq = (this.seq += 1), ackTick = 0): void {
    this.shard.link.input(this.key, seq, ackTick, record, 0, record.length);
  }

  /** As in a ping: the newest snapshot, and the number of messages of the session. */
  ack(received: number): void {
    const tick = this.arrived.filter(({ kind }) => kind === 'delta' || kind === 'keyframe').at(-1)?.value ?? 0;
    this.shard.link.ack(this.key, tick, received);
  }

  /** The socket is lost, and the host says so. */
  async drop(code = 1006): Promise<void> {
    await this.shard.say({ kind: 'drop', roomId: this.roomId, sessionId: this.sessionId, code });
    this.shard.forget(this);
  }

  leave(code = 4000): Promise<void> {
    return this.shard.say({ kind: 'leave', roomId: this.roomId, sessionId: this.sessionId, code });
  }

  /** The session goes on over another connection. */
  async resume(received: number, { anew = false, taken = 0 } = {}): Promise<Wire> {
    const { roomId, sessionId } = this;
    const next = this.shard.connect(roomId, sessionId);
    const resumeToken = `token ${next.key}`;
    await this.shard.say({ kind: 'resume', roomId, sessionId, sessionKey: next.key, resumeToken, received, anew, taken });
    return next;
  }
}

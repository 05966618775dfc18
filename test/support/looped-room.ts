/**
 * A room with everything that is between it and its clients in production, but sockets and threads: the runner sends
 * through an outbox and a ring, the front's pump puts frames together, and each client is the SDK's. The test says what
 * happens when: when the front drains its ring, which sockets are slow, and what the clients' own frames do. A client whose
 * socket is lost leaves at once here; sessions that go on are the matter of BareShard.
 */
import { BitWriter } from '../../src/codec/bit-writer.js';
import { EncoderScratch } from '../../src/codec/encoder-scratch.js';
import { ClientRoom } from '../../src/client/client-room.js';
import { Allowance } from '../../src/front/allowance.js';
import { Connection, ConnectionTable } from '../../src/front/connection.js';
import { EgressPump } from '../../src/front/egress.js';
import { ShardLink } from '../../src/front/shard-link.js';
import { BellRinger } from '../../src/memory/bell.js';
import { CounterBlock, createCounterBlock, FrontCounter, ShardCounter } from '../../src/memory/counters.js';
import { RingConsumer } from '../../src/memory/ring-consumer.js';
import { createRing } from '../../src/memory/ring-layout.js';
import { RingProducer } from '../../src/memory/ring-producer.js';
import { ClientFrameKind, ClientFrameReader } from '../../src/protocol/client-frames.js';
import { CloseCode, isDrop } from '../../src/protocol/close-codes.js';
import type { PaceLimits } from '../../src/protocol/control.js';
import { decodeJoined } from '../../src/protocol/server-frames.js';
import type { Client } from '../../src/shard/client.js';
import { KeyframeBudget } from '../../src/shard/keyframe-budget.js';
import { Outbox } from '../../src/shard/outbox.js';
import type { RoomClass } from '../../src/shard/room-class.js';
import { RoomRunner } from '../../src/shard/room-runner.js';
import type { Room } from '../../src/shard/room.js';
import type { ShardServices } from '../../src/shard/shard-services.js';

/** More than this waiting, and snapshots are skipped. */
const SOFT_BYTES = 300;
/** More than this, and the socket is closed. */
const HARD_BYTES = 6000;
const TICK_MS = 50;
/** A client's clock goes on by this whenever it is read: it tells the server what it holds after each snapshot. */
const CLIENT_CLOCK_STEP_MS = 1000;

export interface LoopOptions {
  readonly ringBytes: number;
  readonly pace: PaceLimits;
}

const noLog: any = { child: () => noLog, info() {}, debug() {}, warn() {} };
const reader = new ClientFrameReader();
// Encoders use these one after the other, as a shard's do.
const scratch = new EncoderScratch();
const bits = new BitWriter();

/** One client: the front's end of its connection, the network in between, and the SDK's room. */
export class LoopedClient {
  /** Null until Joined has come. */
  room: ClientRoom<any> | null = null;
  /** What went wrong at the client. */
  readonly errors: unknown[] = [];
  /** The socket takes what it is sent, and passes nothing on. */
  isStuck = false;
  /** What the client sends stays away. */
  isSilent = false;
  /** The next frame is lost, which no TCP connection does. */
  losesNext = false;
  closeCode = 0;
  private readonly waiting: Uint8Array[] = [];
  private waitingBytes = 0;
  private clockMs = 0;
  private readonly said: Uint8Array[] = [];

  constructor(
    readonly sessionId: string,
    readonly connection: Connection,
    private readonly loop: LoopedRoom,
    private readonly joined: (client: LoopedClient) => void,
  ) {
    connection.socket = {
      getBufferedAmount: () => this.waitingBytes,
      send: (frame: Uint8Array) => this.take(frame.slice()),
      cork: (send: () => void) => send(),
      end: (code: number) => this.loop.closed(this, code),
    } as never;
  }

  get key(): number {
    return this.connection.key;
  }

  /** The server's picture of it, while it is in the room. */
  get seat(): Client | undefined {
    return this.loop.runner.clients.find((each) => each.sessionId === this.sessionId);
  }

  /** The socket passes everything on that waits in it. */
  unstick(): void {
    this.isStuck = false;
    this.waitingBytes = 0;
    for (const frame of this.waiting.splice(0)) this.deliver(frame);
    // As the front does when uWebSockets.js says so.
    const { connection } = this;
    connection.pressed = false;
    connection.keyframeBytes = 0;
    if (connection.outOfStep && this.seat !== undefined) this.loop.runner.resync(this.seat);
  }

  /** What the client has said reaches the room, unless it is silent. */
  listen(): void {
    const { seat } = this;
    if (this.isSilent || seat === undefined) return;
    for (const frame of this.said.splice(0)) {
      if (reader.read(frame) !== 0) throw new Error('the client sent what no client sends');
      if (reader.kind === ClientFrameKind.Ping) this.loop.runner.acknowledged(seat, reader.ackTick);
      if (reader.kind === ClientFrameKind.Resync) this.loop.runner.resync(seat);
    }
  }

  /** As WebSocket.send of uWebSockets.js. */
  private take(frame: Uint8Array): number {
    if (!this.isStuck) {
      this.deliver(frame);
      return 1;
    }
    this.waiting.push(frame);
    this.waitingBytes += frame.length;
    return 0;
  }

  private deliver(frame: Uint8Array): void {
    if (this.room !== null && this.losesNext) {
      this.losesNext = false;
    } else if (this.room !== null) {
      this.room.frameReceived(frame);
    } else {
      const connection = { isOpen: true, send: (bytes: Uint8Array) => this.said.push(bytes.slice()) > 0, abandon() {} };
      this.room = new ClientRoom(connection as never, decodeJoined(frame), () => (this.clockMs += CLIENT_CLOCK_STEP_MS));
      this.room.onError((error) => this.errors.push(error));
      this.joined(this);
    }
  }
}

export class LoopedRoom {
  readonly counters = new CounterBlock(createCounterBlock());
  readonly frontCounters = new CounterBlock(createCounterBlock());
  readonly keyframeBudget = new KeyframeBudget();
  readonly runner: RoomRunner;
  clients: LoopedClient[] = [];
  tick = 0;
  /** Clients closed for being too slow. */
  tooSlow = 0;
  /** The shard's clock. */
  nowMs = 0;
  /** What room code threw, and the room died of. */
  failure: unknown;
  private readonly outbox: Outbox;
  private readonly connections = new ConnectionTable(1000);
  private readonly pump: EgressPump;
  private readonly link: ShardLink;
  private sessions = 0;

  private constructor(roomClass: RoomClass, { ringBytes, pace }: LoopOptions) {
    const ring = createRing(ringBytes);
    const { counters, frontCounters } = this;
    this.outbox = new Outbox(new RingProducer(ring), new BellRinger(ring), counters);
    this.link = new ShardLink(0, null as never, new RingConsumer(ring), counters, frontCounters);
    this.pump = new EgressPump(this.connections, frontCounters, SOFT_BYTES, HARD_BYTES, () => {});
    const services: ShardServices = {
      outbox: this.outbox,
      pace,
      seats: { reconnectGraceMs: 0, resumeBufferBytes: 1024 * 1024 },
      keyframeBudget: this.keyframeBudget,
      scratch,
      bits,
      counters,
      log: { ...noLog, child: () => ({ ...noLog, error: (context: { err: unknown }) => (this.failure ??= context.err) }) },
      running: { tick: 0 },
      post() {},
      compute: () => Promise.reject(new Error('no compute pool here')),
      after: () => () => {},
      ending() {},
      ended() {},
      bind() {},
      unbind() {},
    };
    this.runner = new RoomRunner('r1', 'looped', roomClass, 1, services);
  }

  static async create(roomClass: RoomClass, options: unknown, loop: LoopOptions): Promise<LoopedRoom> {
    const looped = new LoopedRoom(roomClass, loop);
    await looped.runner.create(options);
    return looped;
  }

  /** The room itself. */
  get room(): Room {
    return this.runner.room;
  }

  /** @param joined the client has its room, and no snapshot of it yet */
  async join(joined: (client: LoopedClient) => void): Promise<LoopedClient> {
    const connection = new Connection(0, new Allowance(1e6, 4096, 0), { address: '', origin: '', userAgent: '' });
    this.connections.add(connection);
    connection.state = 'joining';
    const client = new LoopedClient(`s${(this.sessions += 1)}`, connection, this, joined);
    this.clients.push(client);
    await this.runner.sessions.seat({
      kind: 'seat',
      roomId: 'r1',
      sessionId: client.sessionId,
      sessionKey: client.key,
      resumeToken: '',
      options: {},
      auth: undefined,
      team: -1,
    });
    this.outbox.flush();
    return client;
  }

  /** One tick of the room; what it sends waits in the ring. */
  runTick(): void {
    this.tick += 1;
    this.nowMs += TICK_MS;
    this.keyframeBudget.refill(this.nowMs);
    this.runner.runTick({ deadlineMs: 0, latenessMs: 0 });
    this.outbox.flush();
  }

  /** The front takes what is in the ring. */
  drain(): void {
    while (this.pump.drain(this.link));
    // What waited for room in the ring.
    this.outbox.flush();
    while (this.pump.drain(this.link));
  }

  leave(client: LoopedClient): void {
    this.closed(client, CloseCode.Consented);
  }

  /** The socket has closed. */
  closed(client: LoopedClient, code: number): void {
    if (client.closeCode !== 0) return;
    client.closeCode = code;
    if (code === CloseCode.TooSlow) this.tooSlow += 1;
    client.connection.socket = null;
    client.connection.state = 'closed';
    this.connections.remove(client.connection);
    this.clients = this.clients.filter((each) => each !== client);
    if (isDrop(code)) this.runner.sessions.drop(client.sessionId, code);
    else this.runner.sessions.leave(client.sessionId, code);
    client.room?.connectionClosed(code, '');
  }

  get snapshotsDropped(): number {
    return this.counters.get(ShardCounter.snapshotsDropped);
  }

  get snapshotsLagged(): number {
    return this.counters.get(ShardCounter.snapshotsLagged);
  }

  get snapshotsSkipped(): number {
    return this.frontCounters.get(FrontCounter.snapshotsSkipped);
  }
}

/** The host's hold on one shard: its thread, its rings, its control port. */
import { Worker } from 'node:worker_threads';
import { ShardLink } from '../front/shard-link.js';
import { CounterBlock, createCounterBlock } from '../memory/counters.js';
import { RingConsumer } from '../memory/ring-consumer.js';
import { createRing } from '../memory/ring-layout.js';
import { RingProducer } from '../memory/ring-producer.js';
import type { HostToShard, PaceLimits, RoomType, SeatLimits, ShardStart, ShardToHost } from '../protocol/control.js';

export interface ShardOptions {
  readonly rooms: Readonly<Record<string, string>>;
  readonly ingressRingBytes: number;
  readonly egressRingBytes: number;
  /** The front's. */
  readonly bell: SharedArrayBuffer;
  readonly pace: PaceLimits;
  readonly seats: SeatLimits;
  readonly logLevel: ShardStart['logLevel'];
}

export interface ShardEvents {
  message(shard: ShardHandle, message: ShardToHost): void;
  /** The thread has ended without being asked to. */
  died(shard: ShardHandle, error: Error): void;
}

/** Room modules that can't be used. */
export class RoomModuleError extends Error {
  readonly code = 'ERR_ESCAPEMENT_ROOMS';

  constructor(readonly problems: readonly string[]) {
    super(problems.join('\n'));
    this.name = 'RoomModuleError';
  }
}

export class ShardHandle {
  readonly link: ShardLink;
  readonly counters = createCounterBlock();
  /** Seats given and rooms placed here: what the next room's place is chosen by. */
  load = 0;
  private readonly worker: Worker;
  /** False once its thread has ended: what is posted to it then is lost. */
  alive = true;
  private stopping = false;
  /** What goes to the thread together, with the next publication of its ring. */
  private outgoing: HostToShard[] = [];

  constructor(
    readonly index: number,
    options: ShardOptions,
    frontCounters: CounterBlock,
    private readonly events: ShardEvents,
  ) {
    const ingress = createRing(options.ingressRingBytes);
    const egress = createRing(options.egressRingBytes);
    const start: ShardStart = {
      shardIndex: index,
      rooms: options.rooms,
      ingress,
      egress,
      frontBell: options.bell,
      counters: this.counters,
      pace: options.pace,
      seats: options.seats,
      logLevel: options.logLevel,
    };
    this.link = new ShardLink(
      index,
      new RingProducer(ingress),
      new RingConsumer(egress),
      new CounterBlock(this.counters),
      frontCounters,
      () => this.flush(),
    );
    this.worker = new Worker(new URL('../shard/shard-thread.js', import.meta.url), {
      workerData: start,
      name: `shard-${index}`,
    });
  }

  /** Resolves with the room types when the thread has loaded them; rejects with a RoomModuleError when it can't. */
  started(): Promise<readonly RoomType[]> {
    return new Promise((resolve, reject) => {
      let failure: Error | undefined;
      this.worker.on('message', (message: ShardToHost) => {
        if (message.kind === 'ready') resolve(message.types);
        else if (message.kind === 'failed') reject(new RoomModuleError(message.problems));
        else this.events.message(this, message);
      });
      this.worker.on('error', (error: Error) => (failure = error));
      this.worker.on('exit', (code) => {
        this.alive = false;
        const error = failure ?? new Error(`the thread of shard ${this.index} ended with code ${code}`);
        reject(error);
        if (!this.stopping) this.events.died(this, error);
      });
    });
  }

  /**
   * Tells the shard something. Goes out when the front's turn ends, together with what else was said in it: passing one message
   * to a thread costs as much as a join does otherwise. What can't be copied must not come here: it would take the others along.
   */
  post(message: HostToShard): void {
    this.outgoing.push(message);
    // For what is said outside the front's turns.
    if (this.outgoing.length === 1) setImmediate(() => this.link.publish());
  }

  /** Sends what was posted. What clients sent before is in the ring by now. */
  private flush(): void {
    if (this.outgoing.length === 0) return;
    this.worker.postMessage(this.outgoing);
    this.outgoing = [];
  }

  /**
   * Ends every room, and resolves when all have ended, or when `graceMs` have passed after the deadline for what they do
   * before they end.
   */
  async stop(deadlineMs: number, graceMs: number): Promise<void> {
    this.stopping = true;
    if (!this.alive) return;
    const stopped = new Promise<void>((resolve) => {
      this.worker.on('message', (message: ShardToHost) => {
        if (message.kind === 'stopped') resolve();
      });
      this.worker.on('exit', () => resolve());
    });
    this.post({ kind: 'stop', deadlineMs });
    let timer: NodeJS.Timeout | undefined;
    const deadline = new Promise<void>((resolve) => (timer = setTimeout(resolve, deadlineMs + graceMs)));
    await Promise.race([stopped, deadline]);
    clearTimeout(timer);
  }

  async terminate(): Promise<void> {
    this.stopping = true;
    await this.worker.terminate();
  }
}

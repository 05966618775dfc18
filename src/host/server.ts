/** A host: a front, its shards, one admin listener, and who sits where. */
import { availableParallelism } from 'node:os';
import type { TemplatedApp } from 'uWebSockets.js';
import type { Logger } from 'pino';
import type { Connection } from '../front/connection.js';
import { Front } from '../front/front.js';
import type { JoinRequest } from '../front/front-events.js';
import { StaticFiles } from '../front/static-files.js';
import { CounterBlock, createCounterBlock } from '../memory/counters.js';
import { JoinMethod } from '../protocol/client-frames.js';
import { CloseCode } from '../protocol/close-codes.js';
import type { ShardToHost } from '../protocol/control.js';
import { Admission } from './admission.js';
import { startAdmin, type AdminListener } from './admin.js';
import { ComputePool } from './compute-pool.js';
import { ListenError } from './listen-error.js';
import { Matchmaker, type RandomSource, type Wish } from './matchmaker.js';
import { createMetrics, type ShardSource } from './metrics.js';
import type { ServerConfig } from './server-options.js';
import { ShardHandle, type ShardOptions } from './shard-handle.js';

/** How long rooms may take to end before their threads are. */
const STOP_DEADLINE_MS = 5000;

/** How long closed sockets have to send their close frames. uWebSockets.js doesn't say when they have. */
const CLOSE_GRACE_MS = 250;

/** A shard that died again within this time is started after a pause. */
const RESPAWN_CALM_MS = 10_000;
const RESPAWN_PAUSE_MS = 1000;

/** What the thread that makes a server lends it. */
export interface ServerSources extends RandomSource {
  nowMs(): number;
}

export class Server {
  private readonly front: Front;
  private readonly frontCounters = new CounterBlock(createCounterBlock());
  private readonly shards: ShardHandle[] = [];
  private readonly matchmaker: Matchmaker;
  private readonly admission: Admission;
  private readonly compute: ComputePool;
  private admin: AdminListener | null = null;
  private listening: { url: string; port: number } | null = null;
  private closed: Promise<void> | null = null;
  private listenCalled = false;
  private respawnedMs = -Infinity;

  /** @internal Use `createServer`. */
  constructor(
    private readonly options: ServerConfig,
    private readonly log: Logger,
    private readonly writeLogLine: (line: string) => void,
    private readonly sources: ServerSources,
  ) {
    this.compute = new ComputePool(Math.max(1, availableParallelism() - 1));
    this.front = new Front(
      options,
      this.frontCounters,
      {
        join: (connection, request) => this.join(connection, request),
        closed: (connection, code) => this.socketClosed(connection, code),
        health: () => this.health(),
      },
      options.publicDir === undefined ? null : new StaticFiles(options.publicDir),
      sources.nowMs,
    );
    this.admission = new Admission({ refused: (...refusal) => this.refused(...refusal) });
    this.matchmaker = new Matchmaker(
      this.shards,
      { refused: (sessionKey, code, reason) => this.refused(sessionKey, code, reason) },
      sources,
      this.log,
    );
  }

  /** The uWebSockets.js app under this server: add your own routes before `listen()`. */
  get app(): TemplatedApp {
    return this.front.app;
  }

  /** Where the server listens; null before `listen()`. */
  get address(): { url: string; port: number } | null {
    return this.listening;
  }

  /** Port of the admin listener, or null when it is off or not up yet. */
  get adminPort(): number | null {
    return this.admin?.port ?? null;
  }

  /** @internal Starts the shards. Rejects when a room module can't be used. */
  async start(): Promise<void> {
    const shards = Array.from({ length: this.options.shards }, (_, index) => this.startShard(index));
    try {
      const [types] = await Promise.all(shards.map((shard) => shard.started()));
      this.matchmaker.setTypes(types!);
    } catch (error) {
      await Promise.all(shards.map((shard) => shard.terminate()));
      throw error;
    }
    for (const shard of shards) this.adopt(shard);
  }

  /**
   * Opens the port, and the admin listener.
   *
   * @returns the URL for clients, and the port, which the system chose if 0 was asked for.
   * @throws ListenError when a port is taken.
   */
  async listen(): Promise<{ url: string; port: number }> {
    if (this.listenCalled || this.closed !== null) {
      const state = this.closed !== null ? 'closed' : 'listening already';
      throw Object.assign(new Error(`server.listen(): the server is ${state}; make another one with createServer`), {
        code: 'ERR_ESCAPEMENT_STATE',
      });
    }
    this.listenCalled = true;
    const { host, port, adminHost, adminPort } = this.options;
    const bound = this.front.listen(host, port);
    if (bound === null) throw new ListenError('the server', host, port, 'port or --port');
    if (adminPort !== false) {
      const metrics = createMetrics({
        front: this.frontCounters.buffer,
        // Looked up at each scrape, as a shard that died has a successor with memory of its own.
        shards: this.shards.map((_, index) => this.shardSource(index)),
      });
      try {
        this.admin = await startAdmin({ host: adminHost, port: adminPort, metrics, health: () => this.health() });
      } catch (error) {
        this.front.unlisten();
        throw error;
      }
    }
    const shownHost = host === '0.0.0.0' || host === '::' ? 'localhost' : host;
    this.listening = { url: `http://${shownHost}:${bound}`, port: bound };
    return this.listening;
  }

  /**
   * Ends the server: no new joins, rooms end (their `onLeave` and `onDispose` run, for at most five seconds), clients are
   * closed with 4001.
   */
  close(): Promise<void> {
    this.closed ??= this.shutDown();
    return this.closed;
  }

  private async shutDown(): Promise<void> {
    this.matchmaker.drain();
    const reason = 'the server is shutting down';
    await Promise.all(this.shards.map((shard) => shard.stop(STOP_DEADLINE_MS)));
    await this.front.close(CloseCode.Shutdown, reason, CLOSE_GRACE_MS);
    await this.admin?.close();
    await this.compute.close();
    await Promise.all(this.shards.map((shard) => shard.terminate()));
    this.front.destroy();
    this.log.info('server closed');
  }

  private shardSource(index: number): ShardSource {
    const { shards } = this;
    return {
      get counters() {
        return shards[index]!.counters;
      },
      ringUsage: () => {
        const { ingress, egress } = shards[index]!.link;
        return {
          ingressUsedBytes: ingress.usedBytes,
          egressUsedBytes: egress.usedBytes,
          ingressBytes: ingress.capacityBytes,
          egressBytes: egress.capacityBytes,
        };
      },
    };
  }

  private health(): Record<string, unknown> {
    return {
      status: this.closed === null ? 'ok' : 'closing',
      shards: this.shards.length,
      rooms: this.matchmaker.roomCount,
    };
  }

  // --- Shards --------------------------------------------------------------------------------------------------------

  private startShard(index: number): ShardHandle {
    const options: ShardOptions = {
      rooms: this.options.rooms,
      ingressRingBytes: this.options.ingressRingBytes,
      egressRingBytes: this.options.egressRingBytes,
      bell: this.front.bell,
      pace: { lagLimitMs: this.options.lagLimitMs, ackTimeoutMs: this.options.ackTimeoutMs },
      logLevel: this.options.logLevel,
    };
    return new ShardHandle(index, options, this.frontCounters, {
      message: (shard, message) => this.shardSaid(shard, message),
      died: (shard, error) => void this.shardDied(shard, error),
    });
  }

  private adopt(shard: ShardHandle): void {
    this.shards[shard.index] = shard;
    this.front.attach(shard.link);
  }

  private shardSaid(shard: ShardHandle, message: ShardToHost): void {
    switch (message.kind) {
      case 'log':
        this.writeLogLine(message.line);
        break;
      case 'compute':
        void this.runJob(shard, message.id, message.module, message.data);
        break;
      case 'authed':
      case 'auth-failed':
        this.admission.handle(message);
        break;
      default:
        this.matchmaker.handle(message);
    }
  }

  private async runJob(shard: ShardHandle, id: number, module: string, data: unknown): Promise<void> {
    try {
      shard.post({ kind: 'computed', id, value: await this.compute.run(module, data) });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      shard.post({ kind: 'computed', id, error: `compute(${module}): ${reason}` });
    }
  }

  private async shardDied(shard: ShardHandle, error: Error): Promise<void> {
    if (this.shards[shard.index] !== shard) return; // it never came up: start() reports that
    this.log.fatal({ err: error, shard: shard.index }, 'shard died; its rooms are lost');
    this.front.detach(shard.link);
    this.admission.shardDied(shard);
    this.matchmaker.shardDied(shard);
    await this.respawnPause();
    if (this.closed !== null) return;
    const successor = this.startShard(shard.index);
    try {
      await successor.started();
      // The server may have closed meanwhile.
      if (this.closed !== null) await successor.terminate();
      else this.adopt(successor);
    } catch (cause) {
      this.log.fatal({ err: cause, shard: shard.index }, 'shard did not come back');
    }
  }

  /** A shard that dies as soon as it lives must not keep the machine busy with starting it. */
  private async respawnPause(): Promise<void> {
    const nowMs = this.sources.nowMs();
    const pauseMs = nowMs - this.respawnedMs < RESPAWN_CALM_MS ? RESPAWN_PAUSE_MS : 0;
    this.respawnedMs = nowMs + pauseMs;
    if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }

  // --- Sessions ------------------------------------------------------------------------------------------------------

  private join(connection: Connection, request: JoinRequest): void {
    const wish = wishOf(request);
    const type = this.matchmaker.typeOf(wish);
    const shard = type?.authenticates === true ? this.matchmaker.leastLoaded() : undefined;
    if (type === undefined || shard === undefined) {
      // Of a type without onAuth; or there is no such type, or no shard, which `place` has the words for.
      this.seat(connection, wish, request.options, undefined);
      return;
    }
    this.admission.ask(shard, connection.key, type.name, request.token, connection.request, (auth) =>
      this.seat(connection, wish, request.options, auth),
    );
  }

  private seat(connection: Connection, wish: Wish, options: unknown, auth: unknown): void {
    const sessionId = this.sources.id();
    const placement = this.matchmaker.place(wish, { sessionKey: connection.key, sessionId, options, auth });
    if (placement.ok) {
      const { shard, roomId, tickRateHz } = placement;
      this.front.assign(connection, shard.link, roomId, sessionId, tickRateHz);
    } else {
      this.front.refuse(connection, placement.code, placement.reason);
    }
  }

  private socketClosed(connection: Connection, code: number): void {
    this.admission.forget(connection.key);
    if (connection.roomId !== '') this.matchmaker.leave(connection.roomId, connection.key, code);
  }

  private refused(sessionKey: number, code: number, reason: string): void {
    const connection = this.front.connectionOf(sessionKey);
    if (connection === undefined) return;
    if (connection.state === 'joined') this.front.end(connection, code, reason);
    else this.front.refuse(connection, code, reason);
  }
}

function wishOf(request: JoinRequest): Wish {
  switch (request.method) {
    case JoinMethod.JoinById:
      return { method: 'joinById', roomId: request.roomId };
    case JoinMethod.Create:
      return { method: 'create', type: request.type };
    case JoinMethod.Join:
      return { method: 'join', type: request.type };
    default:
      return { method: 'joinOrCreate', type: request.type };
  }
}

/** A host: a front, its shards, one admin listener, and who sits where. */
import { availableParallelism } from 'node:os';
import type { TemplatedApp } from 'uWebSockets.js';
import type { Logger } from 'pino';
import { Front } from '../front/front.js';
import type { RoomListRequest } from '../front/front-events.js';
import { StaticFiles } from '../front/static-files.js';
import { CounterBlock, createCounterBlock } from '../memory/counters.js';
import { CloseCode } from '../protocol/close-codes.js';
import type { ShardToHost } from '../protocol/control.js';
import { Admission, type ServerAuth } from './admission.js';
import { startAdmin, type AdminListener } from './admin.js';
import { ComputePool } from './compute-pool.js';
import { ListenError } from './listen-error.js';
import { Matchmaker, type RandomSource } from './matchmaking/matchmaker.js';
import { QueueDesk } from './matchmaking/queue-desk.js';
import { infoOf, roomsMatching, type RoomInfo } from './matchmaking/room-list.js';
import { RoomWatchers } from './matchmaking/room-watchers.js';
import type { Session } from './matchmaking/session.js';
import { createMetrics, type ShardSource } from './metrics.js';
import { Reception } from './reception.js';
import { RoomApi, type SeatReservation } from './room-api.js';
import type { ServerConfig } from './server-options.js';
import { addSessionMetrics } from './session-metrics.js';
import { ShardHandle, type ShardOptions } from './shard-handle.js';
import { Tickets, type TicketKey } from './tickets.js';

/** What rooms may take beyond their drain deadline to end, before their threads are ended: onLeave and onDispose. */
const STOP_GRACE_MS = 5000;

/** How long closed sockets have to send their close frames. uWebSockets.js doesn't say when they have. */
const CLOSE_GRACE_MS = 250;

/** A shard that died again within this time is started after a pause. */
const RESPAWN_CALM_MS = 10_000;
const RESPAWN_PAUSE_MS = 1000;

/** What the thread that makes a server lends it. */
export interface ServerSources extends RandomSource {
  nowMs(): number;
  /** What the option `auth` stands for. */
  readonly auth: ServerAuth | undefined;
  /** A fresh secret that seats' tickets are signed with. */
  ticketKey(): TicketKey;
}

export class Server {
  private readonly front: Front;
  private readonly frontCounters = new CounterBlock(createCounterBlock());
  private readonly shards: ShardHandle[] = [];
  private readonly matchmaker: Matchmaker;
  private readonly admission: Admission;
  private readonly reception: Reception;
  private readonly queues: QueueDesk;
  private readonly watchers: RoomWatchers;
  private readonly tickets: Tickets;
  /** Makes rooms, finds them, calls them. */
  readonly rooms: RoomApi;
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
        join: (connection, request) => this.reception.join(connection, request),
        resume: (connection, request) => this.reception.resume(connection, request),
        watch: (connection, request) => this.reception.watch(connection, request),
        joined: (connection) => this.reception.joined(connection),
        confirmed: (connection) => this.reception.confirmed(connection),
        closed: (connection, code) => this.reception.closed(connection, code),
        reserve: (request, answer) => this.reception.reserve(request, answer),
        list: (request) => this.list(request),
        proxyIgnored: (peerAddress) => this.proxyIgnored(peerAddress),
        health: () => this.health(),
      },
      options.publicDir === undefined ? null : new StaticFiles(options.publicDir),
      sources.nowMs,
    );
    this.matchmaker = new Matchmaker(
      this.shards,
      options,
      {
        seated: (session) => this.seated(session),
        refused: (connectionKey, code, reason) => this.refused(connectionKey, code, reason),
        ended: (connectionKey, code, reason) => this.ended(connectionKey, code, reason),
        listed: (room) => this.watchers.changed(room),
      },
      sources,
      this.log,
    );
    const send = (connectionKey: number, frame: Uint8Array): void => this.send(connectionKey, frame);
    this.watchers = new RoomWatchers(this.matchmaker.rooms, send);
    this.queues = new QueueDesk(
      this.matchmaker,
      { send, refused: (connectionKey, code, reason) => this.refused(connectionKey, code, reason) },
      sources.nowMs,
    );
    this.tickets = new Tickets([sources.ticketKey()], sources.id());
    const reservationOf = (session: Session): SeatReservation => this.reservationOf(session);
    this.rooms = new RoomApi(this.matchmaker, reservationOf);
    this.admission = new Admission(sources.auth, () => this.matchmaker.leastLoaded());
    this.reception = new Reception(
      this.front,
      this.admission,
      this.matchmaker,
      this.queues,
      this.watchers,
      this.tickets,
      reservationOf,
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
    const bound = await this.front.listen(host, port);
    if (bound === null) throw new ListenError('the server', host, port, 'port or --port');
    if (adminPort !== false) {
      const metrics = createMetrics({
        front: this.frontCounters.buffer,
        // Looked up at each scrape, as a shard that died has a successor with memory of its own.
        shards: this.shards.map((_, index) => this.shardSource(index)),
      });
      addSessionMetrics(metrics.registry, this.matchmaker, this.queues, this.watchers);
      try {
        this.admin = await startAdmin({ host: adminHost, port: adminPort, metrics, health: () => this.health() });
      } catch (error) {
        this.front.unlisten();
        throw error;
      }
    }
    const shownHost = host === '0.0.0.0' || host === '::' ? 'localhost' : host;
    this.listening = { url: `${this.front.isTls ? 'https' : 'http'}://${shownHost}:${bound}`, port: bound };
    return this.listening;
  }

  /**
   * Ends the server: no new joins; rooms are told and may save (`onBeforeShutdown`, for at most `drainTimeoutMs`), then end
   * (`onLeave` and `onDispose`, for at most five seconds more); clients are closed with 4001.
   */
  close(): Promise<void> {
    this.closed ??= this.shutDown();
    return this.closed;
  }

  /**
   * Reads the TLS certificate and key again, as on SIGHUP. New connections get the new certificate, whether or not they send a
   * server name; those that are open stay. What can't be used changes nothing.
   *
   * @returns why nothing was changed; null when it was
   */
  async reloadTls(): Promise<string | null> {
    const problem = await this.front.reloadTls();
    if (problem === null) this.log.info('TLS certificate and key were read again');
    else this.log.error({ problem }, 'TLS certificate and key were not replaced');
    return problem;
  }

  private async shutDown(): Promise<void> {
    this.matchmaker.drain();
    const reason = 'the server is shutting down';
    this.queues.close(CloseCode.Shutdown, reason);
    const { drainTimeoutMs } = this.options;
    await Promise.all(this.shards.map((shard) => shard.stop(drainTimeoutMs, STOP_GRACE_MS)));
    this.watchers.close();
    await this.front.close(CloseCode.Shutdown, reason, CLOSE_GRACE_MS);
    await this.admin?.close();
    await this.compute.close();
    await Promise.all(this.shards.map((shard) => shard.terminate()));
    this.front.destroy();
    this.admission.close();
    this.rooms.close();
    this.matchmaker.close();
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
      rooms: this.matchmaker.rooms.size,
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
      seats: {
        reconnectGraceMs: this.options.reconnectGrace * 1000,
        resumeBufferBytes: this.options.resumeBufferBytes,
      },
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
      case 'called':
        this.rooms.handle(message);
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
    this.rooms.shardDied(shard);
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

  /** The session's connection belongs to its room's shard from now on. */
  private seated({ id, key, room, taken }: Session): void {
    const connection = this.front.connectionOf(key);
    if (connection !== undefined) this.front.assign(connection, room.shard.link, id, room.type.tickRateHz, taken);
  }

  private refused(connectionKey: number, code: number, reason: string): void {
    const connection = this.front.connectionOf(connectionKey);
    if (connection === undefined) return;
    if (connection.state === 'joined') this.front.end(connection, code, reason);
    else this.front.refuse(connection, code, reason);
  }

  private ended(connectionKey: number, code: number, reason: string): number | undefined {
    const connection = this.front.connectionOf(connectionKey);
    if (connection === undefined) return undefined;
    this.front.end(connection, code, reason);
    return connection.taken;
  }

  private send(connectionKey: number, frame: Uint8Array): void {
    const connection = this.front.connectionOf(connectionKey);
    if (connection !== undefined) this.front.send(connection, frame);
  }

  private reservationOf({ id, room }: Session): SeatReservation {
    const expiresInMs = this.options.seatTimeoutMs;
    const expiresAtMs = this.sources.wallMs() + expiresInMs;
    const ticket = this.tickets.sign({ roomId: room.id, sessionId: id, expiresAtMs });
    return { room: room.type.name, roomId: room.id, sessionId: id, ticket, expiresAtMs, expiresInMs };
  }

  private proxyIgnored(peerAddress: string): void {
    const remedy =
      'if a proxy of yours is there, add it to trustedProxies (--trusted-proxies); until then all its clients count as one';
    this.log.warn({ peerAddress }, `an X-Forwarded-For header was ignored: ${remedy}`);
  }

  private list({ type, fields, limit }: RoomListRequest): readonly RoomInfo[] {
    const infos: RoomInfo[] = [];
    for (const room of roomsMatching(this.matchmaker.rooms, { type, fields })) {
      if (infos.length >= limit) break;
      infos.push(infoOf(room));
    }
    return infos;
  }
}

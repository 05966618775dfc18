/**
 * The front: every socket of a host, on the main thread. It admits, verifies, and moves frames between sockets and the
 * rings of the shards. It never runs game code, and all policy about what is sent lives in the shards.
 */
import type { HttpRequest, HttpResponse, TemplatedApp, us_socket_context_t, WebSocket } from 'uWebSockets.js';
import { BELL_BYTES } from '../memory/bell.js';
import { FrontCounter, type CounterBlock } from '../memory/counters.js';
import { SUBPROTOCOL } from '../protocol/version.js';
import { encodeRefused } from '../protocol/server-frames.js';
import { CloseCode } from '../protocol/close-codes.js';
import { SERVER_FRAME_BYTES_MAX } from '../protocol/verifier.js';
import { Allowance } from './allowance.js';
import { Connection, ConnectionTable } from './connection.js';
import { authRequestOf, Door, type DoorOptions, type TooMany } from './door.js';
import { EgressPump } from './egress.js';
import type { FrontEvents } from './front-events.js';
import { FrontTurns, type TurnActions } from './front-turns.js';
import { HttpGateway } from './http-gateway.js';
import { Intake } from './intake.js';
import { GamePort } from './port.js';
import type { ShardLink } from './shard-link.js';
import type { StaticFiles } from './static-files.js';

/** Path of the WebSocket endpoint. */
export const SOCKET_PATH = '/ws';

/** 16 bytes in base64 (RFC 6455, 4.1). */
const SOCKET_KEY = /^[A-Za-z0-9+/]{22}==$/;

const BAD_KEY = 'Sec-WebSocket-Key is missing or malformed: this is a WebSocket endpoint';

/** Subprotocols that a client offers, if they can be repeated to it. */
const OFFER = /^[\w., -]{1,64}$/;

/** Version of the WebSocket protocol that RFC 6455 describes. */
const SOCKET_VERSION = '13';

/**
 * A message over the payload limit is closed with 1009 and told the limit, if it is under this many times the limit.
 * uWebSockets.js cuts off a longer one before it is there, without a close frame, so a socket holds no more than this.
 */
const OVERSIZE_FACTOR = 4;

/** Joins that one connection may try in vain. */
const REFUSALS_MAX = 8;

/** A client that reads nothing for so long, so that no snapshot can be sent, is closed. */
const STUCK_MS_MAX = 5000;

/**
 * A socket drains bit by bit and says so each time. Its keyframe comes within a snapshot's interval after the first time;
 * until then to ask again would only bring it a second one. Shorter than a sweep, which asks again.
 */
const ASK_INTERVAL_MS = 250;

/** How often connections are looked through for silent and slow ones. */
const SWEEP_MS = 500;

export interface FrontOptions extends DoorOptions {
  readonly payloadBytesMax: number;
  readonly messagesPerTickMax: number;
  readonly bytesPerSecMax: number;
  readonly socketSoftBytes: number;
  readonly socketHardBytes: number;
  /** Longest time that a socket's frame waits for others, 0 for none. */
  readonly coalesceMs: number;
  readonly idleTimeoutSec: number;
  readonly joinTimeoutMs: number;
  readonly connectionsMax: number;
  /** Paths of the certificate and its key, in PEM; undefined, both: no TLS. */
  readonly tlsCert: string | undefined;
  readonly tlsKey: string | undefined;
  /** Where clients are told to connect to; undefined: to the host that they asked. */
  readonly publicUrl: string | undefined;
}

export class Front implements TurnActions {
  private readonly port: GamePort;
  private readonly door: Door;
  private readonly connections: ConnectionTable;
  private readonly pump: EgressPump;
  private readonly intake: Intake;
  private readonly links: ShardLink[] = [];
  /** Shards ring it when there is something in their egress rings. */
  readonly bell = new SharedArrayBuffer(BELL_BYTES);
  private readonly turns: FrontTurns;
  private ownHost = '';
  private sweep: NodeJS.Timeout | undefined;
  private closing = false;

  constructor(
    private readonly options: FrontOptions,
    private readonly counters: CounterBlock,
    private readonly events: FrontEvents,
    private readonly files: StaticFiles | null,
    private readonly nowMs: () => number,
  ) {
    this.connections = new ConnectionTable(options.connectionsMax);
    this.pump = new EgressPump(this.connections, counters, options.socketSoftBytes, options.socketHardBytes, (connection) =>
      events.joined(connection),
    );
    this.turns = new FrontTurns(this.bell, options.coalesceMs, this, nowMs);
    this.intake = new Intake(counters, this.pump, events, options.payloadBytesMax, this.turns.nowMs);
    this.door = new Door(options, counters, events, nowMs);
    const { tlsCert: certFile, tlsKey: keyFile } = options;
    this.port = new GamePort(certFile === undefined || keyFile === undefined ? null : { certFile, keyFile });
    this.addRoutes(this.port.app);
  }

  get app(): TemplatedApp {
    return this.port.app;
  }

  /** Starts draining a shard's egress ring whenever the bell rings. */
  attach(link: ShardLink): void {
    this.links.push(link);
    this.turns.resume();
  }

  /** Stops draining a shard that is gone. */
  detach(link: ShardLink): void {
    this.links.splice(this.links.indexOf(link), 1);
    // It may have died after it had stopped the bell's sleep and before it woke anybody.
    this.turns.resume();
  }

  /** @returns the port, which the system chooses when 0 is asked for; null when it is taken. */
  async listen(host: string, port: number): Promise<number | null> {
    const bound = await this.port.listen(host, port);
    if (bound === null) return null;
    this.ownHost = `${host.includes(':') ? `[${host}]` : host}:${bound}`;
    this.sweep = setInterval(() => this.sweepConnections(), SWEEP_MS);
    return bound;
  }

  /** Whether clients come over TLS. */
  get isTls(): boolean {
    return this.options.tlsCert !== undefined;
  }

  /** @see GamePort.reloadTls */
  reloadTls(): Promise<string | null> {
    return this.port.reloadTls();
  }

  /** Takes no more connections. */
  unlisten(): void {
    clearInterval(this.sweep);
    this.port.unlisten();
  }

  /**
   * Takes no more connections and closes those there are. Resolves after `graceMs`, or at once when there were none:
   * a socket that has ended is off our table before its close frame is out, and `destroy` would cut it off.
   */
  async close(code: number, reason: string, graceMs: number): Promise<void> {
    this.closing = true;
    this.unlisten();
    // What shards sent before goes out before.
    while (this.drain());
    if (this.connections.size === 0) return;
    this.connections.forEach((connection) => connection.socket?.end(code, reason));
    await new Promise((resolve) => setTimeout(resolve, graceMs));
  }

  /** Lets go of the shards and of every socket that is still there. */
  destroy(): void {
    this.links.length = 0;
    this.turns.close();
    this.port.destroy();
  }

  /**
   * The connection is a session's from now on: its shard will say Joined through the ring. What the client may send follows
   * the tick rate.
   *
   * @param taken messages of the client that the session has taken over earlier connections
   */
  assign(connection: Connection, link: ShardLink, sessionId: string, tickRateHz: number, taken: number): void {
    connection.allowance.seat(this.options.messagesPerTickMax * tickRateHz);
    connection.shard = link;
    connection.sessionId = sessionId;
    connection.taken = taken;
    connection.isUnconfirmed = true;
  }

  /** No seat: says why, and lets the client ask again a few times. */
  refuse(connection: Connection, code: number, reason: string): void {
    if (connection.socket === null) return;
    // Whatever its room still has to say is not for the room that it may join next.
    this.connections.renew(connection);
    connection.greeting = null;
    connection.state = 'open';
    connection.allowance.unseat();
    connection.shard = null;
    connection.sessionId = '';
    connection.silentSinceMs = this.nowMs();
    connection.refusals += 1;
    this.pump.write(connection, encodeRefused(code, reason));
    // The write may have ended the socket of a client that doesn't read.
    if (connection.refusals >= REFUSALS_MAX) {
      connection.socket?.end(CloseCode.RateExceeded, `${REFUSALS_MAX} refused joins on one connection`);
    }
  }

  end(connection: Connection, code: number, reason: string): void {
    connection.socket?.end(code, reason);
  }

  /** Sends a frame that is neither of a room nor an answer to a join. */
  send(connection: Connection, frame: Uint8Array): void {
    if (connection.socket !== null) this.pump.write(connection, frame);
  }

  connectionOf(key: number): Connection | undefined {
    return this.connections.get(key);
  }

  get hasEgress(): boolean {
    for (let i = 0; i < this.links.length; i += 1) if (!this.links[i]!.egress.isEmpty) return true;
    return false;
  }

  publish(): void {
    for (let i = 0; i < this.links.length; i += 1) this.links[i]!.publish();
  }

  drain(): boolean {
    let more = false;
    for (let i = 0; i < this.links.length; i += 1) if (this.pump.drain(this.links[i]!)) more = true;
    return more;
  }

  // --- Sockets -------------------------------------------------------------------------------------------------------

  private addRoutes(app: TemplatedApp): void {
    app.ws<Connection>(SOCKET_PATH, {
      // Compression is off by default, and stays off: snapshots are packed already.
      maxPayloadLength: this.options.payloadBytesMax * OVERSIZE_FACTOR,
      // We close at the limit ourselves, with a reason. This one holds for the answers to pings, which we don't see.
      maxBackpressure: this.options.socketHardBytes * 2 + SERVER_FRAME_BYTES_MAX,
      closeOnBackpressureLimit: false,
      idleTimeout: this.options.idleTimeoutSec,
      sendPingsAutomatically: true,
      upgrade: (res, req, context) => this.upgrade(res, req, context),
      open: (socket) => this.opened(socket),
      message: (socket, message, isBinary) => {
        this.turns.arrived();
        this.intake.take(socket.getUserData(), message, isBinary);
      },
      // uWebSockets.js answers a ping by itself, before it says so.
      ping: (socket, message) => this.intake.takeControl(socket.getUserData(), message.byteLength),
      pong: (socket, message) => this.intake.takeControl(socket.getUserData(), message.byteLength),
      drain: (socket) => this.drained(socket.getUserData()),
      close: (socket, code) => {
        const connection = socket.getUserData();
        this.door.closed(connection.request.address);
        this.closed(connection, code);
      },
    });
    // uWebSockets.js passes on what has no key of 24 characters.
    app.get(SOCKET_PATH, (res) => answer(res, '400 Bad Request', BAD_KEY));
    app.get('/healthz', (res) => {
      res.writeHeader('Content-Type', 'application/json').end(JSON.stringify(this.events.health()));
    });
    const { payloadBytesMax, publicUrl } = this.options;
    const gateway = { payloadBytesMax, publicUrl, isTls: this.isTls, ownHost: () => this.ownHost, isClosing: () => this.closing };
    new HttpGateway(gateway, this.door, this.events).addRoutes(app);
    if (this.files !== null) {
      const { files } = this;
      app.get('/*', (res, req) => files.answer(res, req.getUrl()));
      app.head('/*', (res, req) => files.answer(res, req.getUrl(), true));
    }
  }

  private upgrade(res: HttpResponse, req: HttpRequest, context: us_socket_context_t): void {
    const key = req.getHeader('sec-websocket-key');
    const protocols = req.getHeader('sec-websocket-protocol');
    const offered = protocols.split(',').map((each) => each.trim());
    const { address } = this.door.originationOf(res, req);
    const tooMany = this.door.handshake(address);
    if (this.closing) {
      answer(res, '503 Service Unavailable', 'the server is shutting down');
    } else if (tooMany !== null) {
      refuseTooMany(res, tooMany);
    } else if (!SOCKET_KEY.test(key)) {
      answer(res, '400 Bad Request', BAD_KEY);
    } else if (req.getHeader('sec-websocket-version') !== SOCKET_VERSION) {
      res.writeStatus('426 Upgrade Required').writeHeader('Sec-WebSocket-Version', SOCKET_VERSION);
      res.end(`expected version ${SOCKET_VERSION} of the WebSocket protocol\n`);
    } else if (!this.door.isOriginAllowed(req)) {
      answer(res, '403 Forbidden', 'this Origin is not in the list of allowed origins');
    } else if (!offered.includes(SUBPROTOCOL)) {
      const seen = OFFER.test(protocols) ? protocols : 'none such';
      answer(res, '426 Upgrade Required', `the client speaks ${seen}; expected the WebSocket subprotocol ${SUBPROTOCOL}`);
    } else if (this.connections.full) {
      answer(res, '503 Service Unavailable', `the server holds ${this.options.connectionsMax} connections, its limit`);
    } else {
      const oneTooMany = this.door.oneMore(address);
      if (oneTooMany !== null) {
        refuseTooMany(res, oneTooMany);
        return;
      }
      const extensions = req.getHeader('sec-websocket-extensions');
      res.upgrade(this.newConnection(req, address), key, SUBPROTOCOL, extensions, context);
    }
  }

  private newConnection(req: HttpRequest, address: string): Connection {
    const { bytesPerSecMax, payloadBytesMax } = this.options;
    const nowMs = this.nowMs();
    return new Connection(nowMs, new Allowance(bytesPerSecMax, payloadBytesMax, nowMs), authRequestOf(req, address));
  }

  private opened(socket: WebSocket<Connection>): void {
    const connection = socket.getUserData();
    connection.socket = socket;
    this.connections.add(connection);
    this.door.opened(connection.request.address);
    this.counters.set(FrontCounter.connections, this.connections.size);
    this.counters.add(FrontCounter.connectionsTotal);
  }

  private drained(connection: Connection): void {
    if (connection.socket === null || connection.socket.getBufferedAmount() > this.options.socketSoftBytes) return;
    connection.pressed = connection.socket.getBufferedAmount() > 0;
    if (!connection.pressed) connection.keyframeBytes = 0;
    const nowMs = this.nowMs();
    if (!connection.outOfStep || nowMs - connection.askedMs < ASK_INTERVAL_MS) return;
    if (connection.shard?.resync(connection.key) === true) {
      connection.askedMs = nowMs;
      this.turns.arrived();
    }
  }

  private closed(connection: Connection, code: number): void {
    connection.socket = null;
    this.connections.remove(connection);
    this.counters.set(FrontCounter.connections, this.connections.size);
    if (code === CloseCode.TooSlow) this.counters.add(FrontCounter.socketsTooSlow);
    this.events.closed(connection, code);
    connection.state = 'closed';
  }

  private sweepConnections(): void {
    const nowMs = this.nowMs();
    this.door.sweep();
    const silentBeforeMs = nowMs - this.options.joinTimeoutMs;
    this.connections.forEach((connection) => {
      if (connection.state === 'open' && !connection.isWatching && connection.silentSinceMs < silentBeforeMs) {
        connection.socket?.end(CloseCode.NotAllowed, `no join within ${this.options.joinTimeoutMs} ms`);
      } else {
        this.sweepSlow(connection, nowMs);
      }
    });
  }

  private sweepSlow(connection: Connection, nowMs: number): void {
    const { socket } = connection;
    if (socket === null || !connection.outOfStep || socket.getBufferedAmount() <= this.options.socketSoftBytes) {
      connection.stuckSinceMs = 0;
      // The request for a keyframe may have met a full ring.
      if (connection.outOfStep) this.drained(connection);
    } else if (connection.stuckSinceMs === 0) {
      connection.stuckSinceMs = nowMs;
    } else if (nowMs - connection.stuckSinceMs > STUCK_MS_MAX) {
      socket.end(CloseCode.TooSlow, `too slow: no snapshot could be sent for ${STUCK_MS_MAX} ms`);
    }
  }
}

function answer(res: HttpResponse, status: string, text: string): void {
  res.writeStatus(status).writeHeader('Content-Type', 'text/plain').end(`${text}\n`);
}

function refuseTooMany(res: HttpResponse, { message, retryAfterSec }: TooMany): void {
  res.writeStatus('429 Too Many Requests').writeHeader('Retry-After', String(retryAfterSec));
  res.writeHeader('Content-Type', 'text/plain').end(`${message}\n`);
}

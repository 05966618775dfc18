/**
 * The front: every socket of a host, on the main thread. It admits, verifies, and moves frames between sockets and the
 * rings of the shards. It never runs game code, and all policy about what is sent lives in the shards.
 */
import {
  App,
  LIBUS_LISTEN_EXCLUSIVE_PORT,
  us_listen_socket_close,
  us_socket_local_port,
  type HttpRequest,
  type HttpResponse,
  type TemplatedApp,
  type us_listen_socket,
  type us_socket_context_t,
  type WebSocket,
} from 'uWebSockets.js';
import { BELL_BYTES } from '../memory/bell.js';
import { FrontCounter, type CounterBlock } from '../memory/counters.js';
import { SUBPROTOCOL } from '../protocol/version.js';
import { encodeRefused } from '../protocol/server-frames.js';
import { CloseCode } from '../protocol/close-codes.js';
import { SERVER_FRAME_BYTES_MAX } from '../protocol/verifier.js';
import { Allowance } from './allowance.js';
import { Connection, ConnectionTable } from './connection.js';
import { EgressPump } from './egress.js';
import type { FrontEvents } from './front-events.js';
import { FrontTurns, type TurnActions } from './front-turns.js';
import { Intake } from './intake.js';
import type { ShardLink } from './shard-link.js';
import type { StaticFiles } from './static-files.js';

// The packaged types leave out what the library has at run time.
declare module 'uWebSockets.js' {
  export const LIBUS_LISTEN_EXCLUSIVE_PORT: number;
  interface TemplatedApp {
    listen(
      host: string,
      port: number,
      options: number,
      callback: (socket: us_listen_socket | false) => void,
    ): TemplatedApp;
  }
}

/** Path of the WebSocket endpoint. */
export const SOCKET_PATH = '/ws';

/** 16 bytes in base64 (RFC 6455, 4.1). */
const SOCKET_KEY = /^[A-Za-z0-9+/]{22}==$/;

const BAD_KEY = 'Sec-WebSocket-Key is missing or malformed: this is a WebSocket endpoint';

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

/** Kept for onAuth, as long as the socket lives. */
const USER_AGENT_LENGTH_MAX = 256;

/**
 * A socket drains bit by bit and says so each time. Its keyframe comes within a snapshot's interval after the first time;
 * until then to ask again would only bring it a second one. Shorter than a sweep, which asks again.
 */
const ASK_INTERVAL_MS = 250;

/** How often connections are looked through for silent and slow ones. */
const SWEEP_MS = 500;

export interface FrontOptions {
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
  /** Exact origins that browsers may come from, besides the page's own host; '*' for any. */
  readonly origins: readonly string[] | '*';
}

export class Front implements TurnActions {
  readonly app: TemplatedApp;
  private readonly connections: ConnectionTable;
  private readonly pump: EgressPump;
  private readonly intake: Intake;
  private readonly links: ShardLink[] = [];
  /** Shards ring it when there is something in their egress rings. */
  readonly bell = new SharedArrayBuffer(BELL_BYTES);
  private readonly turns: FrontTurns;
  private listenSocket: us_listen_socket | false = false;
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
    this.pump = new EgressPump(this.connections, counters, options.socketSoftBytes, options.socketHardBytes);
    this.turns = new FrontTurns(this.bell, options.coalesceMs, this, nowMs);
    this.intake = new Intake(counters, this.pump, events, options.payloadBytesMax, this.turns.nowMs);
    this.app = this.routes(App());
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
  listen(host: string, port: number): number | null {
    // Exclusive: by default two processes could share the port, and each would get half the clients.
    this.app.listen(host, port, LIBUS_LISTEN_EXCLUSIVE_PORT, (socket) => (this.listenSocket = socket));
    if (!this.listenSocket) return null;
    this.sweep = setInterval(() => this.sweepConnections(), SWEEP_MS);
    return us_socket_local_port(this.listenSocket);
  }

  /** Takes no more connections. */
  unlisten(): void {
    clearInterval(this.sweep);
    if (this.listenSocket) us_listen_socket_close(this.listenSocket);
    this.listenSocket = false;
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
    this.app.close();
  }

  /** A seat was found: its shard will say Joined through the ring. What the client may send follows the tick rate. */
  assign(connection: Connection, link: ShardLink, roomId: string, sessionId: string, tickRateHz: number): void {
    connection.allowance.seat(this.options.messagesPerTickMax * tickRateHz);
    connection.shard = link;
    connection.roomId = roomId;
    connection.sessionId = sessionId;
  }

  /** No seat: says why, and lets the client ask again a few times. */
  refuse(connection: Connection, code: number, reason: string): void {
    if (connection.socket === null) return;
    connection.state = 'open';
    connection.allowance.unseat();
    connection.shard = null;
    connection.roomId = '';
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

  private routes(app: TemplatedApp): TemplatedApp {
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
      close: (socket, code) => this.closed(socket.getUserData(), code),
    });
    // uWebSockets.js passes on what has no key of 24 characters.
    app.get(SOCKET_PATH, (res) => answer(res, '400 Bad Request', BAD_KEY));
    app.get('/healthz', (res) => {
      res.writeHeader('Content-Type', 'application/json').end(JSON.stringify(this.events.health()));
    });
    if (this.files !== null) {
      const { files } = this;
      app.get('/*', (res, req) => files.answer(res, req.getUrl()));
    }
    return app;
  }

  private upgrade(res: HttpResponse, req: HttpRequest, context: us_socket_context_t): void {
    const key = req.getHeader('sec-websocket-key');
    const protocols = req.getHeader('sec-websocket-protocol');
    const offered = protocols.split(',').map((each) => each.trim());
    if (this.closing) {
      answer(res, '503 Service Unavailable', 'the server is shutting down');
    } else if (!SOCKET_KEY.test(key)) {
      answer(res, '400 Bad Request', BAD_KEY);
    } else if (req.getHeader('sec-websocket-version') !== SOCKET_VERSION) {
      res.writeStatus('426 Upgrade Required').writeHeader('Sec-WebSocket-Version', SOCKET_VERSION);
      res.end(`expected version ${SOCKET_VERSION} of the WebSocket protocol\n`);
    } else if (!this.originAllowed(req.getHeader('origin'), req.getHeader('host'))) {
      answer(res, '403 Forbidden', 'this Origin is not in the list of allowed origins');
    } else if (!offered.includes(SUBPROTOCOL)) {
      answer(res, '426 Upgrade Required', `expected the WebSocket subprotocol ${SUBPROTOCOL}`);
    } else if (this.connections.full) {
      answer(res, '503 Service Unavailable', `the server holds ${this.options.connectionsMax} connections, its limit`);
    } else {
      const extensions = req.getHeader('sec-websocket-extensions');
      res.upgrade(this.newConnection(res, req), key, SUBPROTOCOL, extensions, context);
    }
  }

  /** Programs send no Origin; browsers always do. The page's own host is allowed without being listed. */
  private originAllowed(origin: string, host: string): boolean {
    const { origins } = this.options;
    if (origin === '' || origins === '*') return true;
    return origins.includes(origin) || origin === `http://${host}` || origin === `https://${host}`;
  }

  private newConnection(res: HttpResponse, req: HttpRequest): Connection {
    const { bytesPerSecMax, payloadBytesMax } = this.options;
    const nowMs = this.nowMs();
    return new Connection(nowMs, new Allowance(bytesPerSecMax, payloadBytesMax, nowMs), {
      address: Buffer.from(res.getRemoteAddressAsText()).toString('latin1'),
      origin: req.getHeader('origin'),
      userAgent: req.getHeader('user-agent').slice(0, USER_AGENT_LENGTH_MAX),
    });
  }

  private opened(socket: WebSocket<Connection>): void {
    const connection = socket.getUserData();
    connection.socket = socket;
    this.connections.add(connection);
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
    const silentBeforeMs = nowMs - this.options.joinTimeoutMs;
    this.connections.forEach((connection) => {
      if (connection.state === 'open' && connection.silentSinceMs < silentBeforeMs) {
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

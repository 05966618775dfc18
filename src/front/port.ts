/**
 * The game's port: its listen socket, and the uWebSockets.js app behind it; over TLS, one app after the other.
 *
 * An app of uWebSockets.js has the certificate that it was made with. Server names can be added to one that runs, but that
 * serves only clients that send a name, with routers of their own, and to remove one frees what its open connections still use.
 * So a new certificate gets a new app, which shares the port for a moment:
 *
 * ```
 *   app 1   listens ------------------------------------.   its sockets stay as long as they like
 *   app 2                    made   listens ------------------------------------------------------->
 *                                   |<-- a turn of --->|
 *                                      the event loop
 * ```
 *
 * What the kernel has accepted for app 1 is read in that turn; a handshake of TCP that is half done is reset when app 1 stops
 * listening, about one for each 40 reloads at 700 connections a second. The old app is never freed: uWebSockets.js keeps all
 * it made, a few kilobytes each.
 *
 * TLS is 1.2 or 1.3; uWebSockets.js offers no other.
 */
import { lookup } from 'node:dns/promises';
import { createServer } from 'node:net';
import {
  App,
  LIBUS_LISTEN_EXCLUSIVE_PORT,
  SSLApp,
  us_listen_socket_close,
  us_socket_local_port,
  type TemplatedApp,
  type us_listen_socket,
} from 'uWebSockets.js';
import { tlsProblem, type TlsFiles } from './tls-files.js';

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

/** Shares the port with other sockets of this user that say so too, and takes it over from connections that have ended. */
const LISTEN_SHARED = 0;

/** How often a free port is looked for that stays free until it is taken. */
const ATTEMPTS_MAX = 5;

/** What adds a route to an app. A new app is given all that the first one was. */
const ROUTE_METHODS: ReadonlySet<PropertyKey> = new Set([
  'get', 'post', 'options', 'del', 'patch', 'put', 'head', 'connect', 'trace', 'any', 'ws',
]);

export class GamePort {
  /** Takes routes as an app does. */
  readonly app: TemplatedApp;
  private readonly apps: TemplatedApp[] = [];
  private readonly routes: ((app: TemplatedApp) => void)[] = [];
  /** The newest app's is the last one; more than one only while the certificate is replaced. */
  private readonly listenSockets: us_listen_socket[] = [];
  private bound: { host: string; port: number } | null = null;
  private isOver = false;

  /** @throws Error when the certificate or key can't be used. */
  constructor(private readonly tls: TlsFiles | null) {
    this.apps.push(this.makeApp());
    this.app = tls === null ? this.newest : this.recorder();
  }

  /** @returns the port, which the system chooses when 0 is asked for; null when it is taken. */
  async listen(host: string, port: number): Promise<number | null> {
    const address = await addressOf(host);
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
      const bound = this.tls === null && port === 0 ? this.listenOnAny(address) : await this.listenShared(address, port);
      if (bound !== null || port !== 0) return bound;
    }
    return null;
  }

  /**
   * Reads the certificate and key anew. Handshakes from then on get the new certificate, with a server name or without;
   * open sockets stay as they are.
   *
   * @returns why nothing was changed; null when it was
   */
  async reloadTls(): Promise<string | null> {
    if (this.tls === null) return 'the server has no TLS; start it with a certificate and a key';
    const problem = tlsProblem(this.tls);
    if (problem !== null) return problem;
    let app: TemplatedApp;
    try {
      app = this.makeApp();
    } catch (error) {
      return (error as Error).message;
    }
    for (const route of this.routes) route(app);
    if (this.bound === null) {
      this.apps.push(app);
      return null;
    }
    const listenSocket = listenOn(app, this.bound.host, this.bound.port, LISTEN_SHARED);
    if (!listenSocket) return `port ${this.bound.port} could not be shared with the new certificate`;
    this.listenSockets.push(listenSocket);
    this.apps.push(app);
    // The old app reads on for one turn: whom the kernel has accepted for it is greeted before it stops.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.listenSockets.length > 1) us_listen_socket_close(this.listenSockets.shift()!);
    return null;
  }

  /** Takes no more connections. */
  unlisten(): void {
    this.isOver = true;
    this.bound = null;
    for (const each of this.listenSockets.splice(0)) us_listen_socket_close(each);
  }

  /** Takes no more connections, and cuts off those there are. */
  destroy(): void {
    this.unlisten();
    for (const app of this.apps) app.close();
  }

  private get newest(): TemplatedApp {
    return this.apps.at(-1)!;
  }

  private makeApp(): TemplatedApp {
    if (this.tls === null) return App();
    const { certFile, keyFile } = this.tls;
    try {
      return SSLApp({ cert_file_name: certFile, key_file_name: keyFile });
    } catch (cause) {
      throw new Error(`${certFile} and ${keyFile}: ${tlsProblem(this.tls) ?? 'uWebSockets.js refuses them'}`, { cause });
    }
  }

  /** The newest app, and whoever adds a route adds it to those to come. */
  private recorder(): TemplatedApp {
    const recorder: TemplatedApp = new Proxy({} as TemplatedApp, {
      get: (_, method: keyof TemplatedApp) => {
        if (typeof this.newest[method] !== 'function') return undefined;
        return (...args: unknown[]) => {
          const { newest } = this;
          const call = (app: TemplatedApp): unknown => (app[method] as (...args: unknown[]) => unknown)(...args);
          if (ROUTE_METHODS.has(method)) this.routes.push(call);
          const result = call(newest);
          return result === newest ? recorder : result;
        };
      },
    });
    return recorder;
  }

  /** A port that the kernel chooses is nobody else's, and nothing is left on it from before. */
  private listenOnAny(address: string): number | null {
    const listenSocket = listenOn(this.newest, address, 0, LIBUS_LISTEN_EXCLUSIVE_PORT);
    if (!listenSocket) return null;
    this.listenSockets.push(listenSocket);
    return us_socket_local_port(listenSocket);
  }

  /**
   * Shared, so that a certificate can be replaced, and so that a server may be started again at once: to a socket that doesn't
   * share, a port is taken for a minute after the last server on it closed its clients. Whether another server has the port,
   * which would then get half of our clients, is seen before, by a socket that doesn't share it.
   */
  private async listenShared(host: string, wanted: number): Promise<number | null> {
    const port = await freePort(host, wanted);
    if (port === null || this.isOver) return null;
    const listenSocket = listenOn(this.newest, host, port, LISTEN_SHARED);
    if (!listenSocket) return null;
    this.listenSockets.push(listenSocket);
    this.bound = { host, port };
    return port;
  }
}

function listenOn(app: TemplatedApp, host: string, port: number, options: number): us_listen_socket | false {
  let listenSocket: us_listen_socket | false = false;
  app.listen(host, port, options, (socket) => (listenSocket = socket));
  return listenSocket;
}

/** The address that uWebSockets.js would listen on for a host name: the first of IPv6, else the first of IPv4. */
async function addressOf(host: string): Promise<string> {
  try {
    const found = await lookup(host, { all: true });
    return (found.find(({ family }) => family === 6) ?? found[0])?.address ?? host;
  } catch {
    return host; // that nobody can listen on it is said by whoever tries
  }
}

/** Whether nobody listens on a port, and which one it is when any will do; null when somebody does. */
function freePort(host: string, port: number): Promise<number | null> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', () => resolve(null));
    server.listen({ host, port, exclusive: true }, () => {
      const { port: found } = server.address() as { port: number };
      server.close(() => resolve(found));
    });
  });
}

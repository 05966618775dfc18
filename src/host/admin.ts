import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ListenError } from './listen-error.js';
import type { Metrics } from './metrics.js';

/** Connections at once. A scraper, a health check and a few people; the rest could only be a mistake or an attack. */
const ADMIN_CONNECTIONS_MAX = 64;

/** Milliseconds a request may take to arrive whole. */
const ADMIN_REQUEST_TIMEOUT_MS = 5000;

export interface AdminOptions {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  readonly metrics: Metrics;
  /** What /healthz answers, as JSON. `status` is `ok` when the server is ready; other words answer 503. */
  readonly health: () => Readonly<Record<string, unknown>>;
}

export interface AdminListener {
  /** The port it is on, which matters when 0 was asked for. */
  readonly port: number;
  /** Closes the listener and every connection on it. May be called again. */
  close(): Promise<void>;
}

/**
 * The listener for operators, apart from the game's port: `GET /metrics` (Prometheus) and `GET /healthz` (JSON).
 * HEAD works as GET does; other methods are answered 405, other paths 404. It has no access control of its own, which
 * is why configuration keeps it on loopback.
 *
 * @throws ListenError (code ERR_ESCAPEMENT_LISTEN) when the port or address cannot be had
 */
export async function startAdmin(options: AdminOptions): Promise<AdminListener> {
  const { host, port, metrics, health } = options;
  const server = createServer({ requestTimeout: ADMIN_REQUEST_TIMEOUT_MS }, (request, response) => {
    void answer(request, response, metrics, health);
  });
  server.maxConnections = ADMIN_CONNECTIONS_MAX;

  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(new ListenError('the admin listener', host, port, 'adminPort or --admin-port', error.code, error));
    });
    server.listen(port, host, resolve);
  });
  // From here on an error can only be one failed accept; without a listener it would end the process.
  server.removeAllListeners('error').on('error', () => {});

  let closing: Promise<void> | undefined;
  return {
    port: (server.address() as AddressInfo).port,
    close: () => {
      closing ??= new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
      return closing;
    },
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  metrics: Metrics,
  health: AdminOptions['health'],
): Promise<void> {
  const path = (request.url ?? '').split('?', 1)[0];
  if (path !== '/metrics' && path !== '/healthz') {
    send(response, 404, 'text/plain', 'not found; there are /metrics and /healthz\n');
  } else if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.setHeader('allow', 'GET, HEAD');
    send(response, 405, 'text/plain', 'method not allowed; use GET\n');
  } else {
    try {
      if (path === '/metrics') {
        send(response, 200, metrics.registry.contentType, await metrics.text());
      } else {
        const report = health();
        send(response, report.status === 'ok' ? 200 : 503, 'application/json', `${JSON.stringify(report)}\n`);
      }
    } catch (error) {
      // Loopback only, so the operator may see why; one failed scrape must not take the game down.
      send(response, 500, 'text/plain', `failed: ${(error as Error).message}\n`);
    }
  }
}

function send(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  });
  response.end(body);
}

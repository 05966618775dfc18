/**
 * haproxy before several servers, as people put it before Colyseus' processes: one address, and each room's clients reach
 * the process that has the room.
 *
 * ```
 *   POST /matchmake/create/heavy      the processes in turns
 *   POST /matchmake/joinById/p2-…     the one whose rooms' ids begin with p2-
 *   GET /processId/p2-…  (WebSocket)  the same
 * ```
 *
 * Colyseus gives every process an address of its own, which the answer of the matchmaker names (`publicAddress`), and lets
 * the processes find each other's rooms through Redis. Ids that name their process do the same with neither, so the proxy is
 * all that it costs.
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';

const PROGRAM = 'haproxy';
/** Debian has it in a folder that only root's path has. */
const PATH = `${process.env.PATH}:/usr/sbin`;
const DEBIAN_PACKAGE = 'haproxy';

/** More than rooms of any level have players. Two file descriptors each: more is refused where a process may have 10,000. */
const CONNECTIONS_MAX = 4500;
const STARTED_WITHIN_MS = 5000;
const LOOK_EVERY_MS = 20;

export interface ProxiedServer {
  /** What the ids of its rooms begin with. */
  readonly roomIdStart: string;
  readonly url: string;
}

/** @throws when it isn't on this machine, with the command that installs it. */
export function ensureProxy(): void {
  if (spawnSync(PROGRAM, ['-v'], { env: { ...process.env, PATH } }).status === 0) return;
  const command = `apt-get update && apt-get install -y --no-install-recommends ${DEBIAN_PACKAGE}`;
  throw new Error(`this bench needs ${PROGRAM}, which is not on this machine; install it: sudo sh -c '${command}'`);
}

export class Proxy {
  private constructor(readonly url: string, private readonly child: ChildProcess) {}

  static async start(servers: readonly ProxiedServer[]): Promise<Proxy> {
    const port = await freePort();
    const folder = await mkdtemp(path.join(tmpdir(), 'escapement-proxy-'));
    try {
      const file = path.join(folder, 'haproxy.cfg');
      await writeFile(file, configuration(port, servers));
      // -db: in the foreground. It ends with this process, however that ends.
      const child = spawn('setpriv', ['--pdeathsig', 'KILL', PROGRAM, '-db', '-f', file], {
        env: { ...process.env, PATH }, stdio: ['ignore', 'inherit', 'inherit'],
      });
      await listening(port, child);
      return new Proxy(`http://127.0.0.1:${port}`, child);
    } finally {
      // It has been read.
      await rm(folder, { recursive: true });
    }
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.child.once('exit', resolve));
    this.child.kill('SIGKILL');
    await ended;
  }
}

/** As many threads as there are cores, its default. */
function configuration(port: number, servers: readonly ProxiedServer[]): string {
  const lines = servers.map(({ url }, i) => `  server s${i} ${new URL(url).host}`);
  return [
    'global',
    `  maxconn ${CONNECTIONS_MAX}`,
    'defaults',
    '  mode http',
    `  maxconn ${CONNECTIONS_MAX}`,
    '  option http-no-delay',
    '  timeout connect 5s',
    '  timeout client 60s',
    '  timeout server 60s',
    '  timeout tunnel 1h',
    'frontend game',
    `  bind 127.0.0.1:${port}`,
    ...servers.map(({ roomIdStart }, i) => `  use_backend of${i} if { path_sub /${roomIdStart} }`),
    '  default_backend any',
    ...lines.flatMap((line, i) => [`backend of${i}`, line]),
    'backend any',
    '  balance roundrobin',
    ...lines,
    '',
  ].join('\n');
}

async function listening(port: number, child: ChildProcess): Promise<void> {
  const untilMs = performance.now() + STARTED_WITHIN_MS;
  while (!(await accepts(port))) {
    if (child.exitCode !== null) throw new Error(`${PROGRAM} ended with ${child.exitCode}`);
    if (performance.now() > untilMs) throw new Error(`${PROGRAM} doesn't listen within ${STARTED_WITHIN_MS} ms`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}

/** It wants a number, and can't say which one it was given. */
function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const answer = (does: boolean): void => {
      socket.destroy();
      resolve(does);
    };
    socket.once('connect', () => answer(true)).once('error', () => answer(false));
  });
}

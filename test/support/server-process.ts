/** A built server in a process of its own, on free ports. */
import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { ServerOptions } from 'escapement';

export const REPOSITORY = fileURLToPath(new URL('../../', import.meta.url));
const READY = /escapement ready: (\S+)/;
const ADMIN = /metrics at (\S+)\/metrics/;

/** A program that makes a server of the options in its only argument, as JSON. */
const EMBEDDED = `${REPOSITORY}test/support/embedded-server.mjs`;

export interface ServerProcessOptions {
  /** Arguments besides the ports. */
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Program to run it with; default: the Node that runs the tests. */
  readonly node?: string;
  /** Built entry; default dist/server.js. */
  readonly entry?: string;
}

/**
 * Limits for clients that lag, several times the defaults: a test's own process, where its clients are, may be held up for
 * seconds by what else runs on the machine. Tests of the limits set their own.
 */
const LAG_LIMIT_MS = 5000;
const ACK_TIMEOUT_MS = 20_000;

/** Seconds that a lost client's seat is kept: a test that is over soon shouldn't wait for the default, which is 20. */
const RECONNECT_GRACE_SEC = 1;

/** Options of `createServer` that can be written as JSON. */
export type EmbeddedOptions = Omit<ServerOptions, 'rooms'> & { readonly rooms: Readonly<Record<string, string>> };

export class ServerProcess {
  stdout = '';
  stderr = '';
  url = '';
  adminUrl = '';
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;

  private constructor(readonly child: ChildProcess) {
    child.stdout!.setEncoding('utf8').on('data', (text: string) => (this.stdout += text));
    child.stderr!.setEncoding('utf8').on('data', (text: string) => (this.stderr += text));
    this.exited = new Promise((resolve) => child.once('close', (code, signal) => resolve({ code, signal })));
  }

  /** Starts the process; it may fail to come up. */
  static spawn(options: ServerProcessOptions = {}): ServerProcess {
    const entry = options.entry ?? `${REPOSITORY}dist/server.js`;
    const child = spawn(options.node ?? process.execPath, [entry, ...(options.args ?? [])], {
      cwd: REPOSITORY,
      env: { ...process.env, ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    return new ServerProcess(child);
  }

  /** Starts it on free ports and waits for its ready line. */
  static async start(options: ServerProcessOptions = {}): Promise<ServerProcess> {
    const given = options.args ?? [];
    const args = ['--port', '0', '--admin-port', '0', '--host', '127.0.0.1', ...given];
    if (!given.includes('--lag-limit-ms')) args.push('--lag-limit-ms', `${LAG_LIMIT_MS}`);
    if (!given.includes('--ack-timeout-ms')) args.push('--ack-timeout-ms', `${ACK_TIMEOUT_MS}`);
    if (!given.includes('--reconnect-grace')) args.push('--reconnect-grace', `${RECONNECT_GRACE_SEC}`);
    const server = ServerProcess.spawn({ ...options, args });
    await server.ready();
    return server;
  }

  /** Starts a program that embeds a server, on free ports, and waits until it listens: for options without a flag. */
  static async startEmbedded(options: EmbeddedOptions): Promise<ServerProcess> {
    const limits = { lagLimitMs: LAG_LIMIT_MS, ackTimeoutMs: ACK_TIMEOUT_MS, reconnectGrace: RECONNECT_GRACE_SEC };
    const onFreePorts = { port: 0, adminPort: 0, host: '127.0.0.1', ...limits, ...options };
    const server = ServerProcess.spawn({ entry: EMBEDDED, args: [JSON.stringify(onFreePorts)] });
    await server.ready();
    return server;
  }

  async ready(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const look = (): void => {
        const ready = READY.exec(this.stdout);
        if (ready === null) return;
        this.url = ready[1]!;
        this.adminUrl = ADMIN.exec(this.stdout)?.[1] ?? '';
        this.child.stdout!.off('data', look);
        resolve();
      };
      this.child.stdout!.on('data', look);
      void this.exited.then(({ code, signal }) =>
        reject(new Error(`server ended with ${code ?? signal} before it was ready\n${this.stdout}\n${this.stderr}`)),
      );
      look();
    });
  }

  get socketUrl(): string {
    return `${this.url.replace('http', 'ws')}/ws`;
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
    this.child.kill(signal);
    return this.exited;
  }

  async metrics(): Promise<string> {
    return (await fetch(`${this.adminUrl}/metrics`)).text();
  }

  /** Sum of a metric over all its labels. */
  async metric(name: string): Promise<number> {
    const rows = (await this.metrics()).split('\n').filter((row) => row.startsWith(`${name}{`) || row.startsWith(`${name} `));
    if (rows.length === 0) throw new Error(`no metric ${name}`);
    return rows.reduce((sum, row) => sum + Number(row.slice(row.lastIndexOf(' ') + 1)), 0);
  }
}

/** An nginx in front of a server, with TLS, in a process and with files of its own. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { Certificates } from './certificates.js';

const STARTED_MS_MAX = 10_000;

export interface NginxOptions {
  /** The nginx to run. */
  readonly program: string;
  /** Of the server behind it. */
  readonly serverUrl: string;
  /** For each port that it listens on: after how long without a byte from the server it cuts a connection. */
  readonly idleCutsMs: readonly number[];
}

export class Nginx {
  /** `127.0.0.1:PORT`, in the order of the idle cuts. */
  readonly hosts: readonly string[];
  stderr = '';
  private readonly child: ChildProcess;
  private readonly exited: Promise<void>;

  private constructor(
    private readonly program: string,
    private readonly configFile: string,
    readonly certificates: Certificates,
    ports: readonly number[],
  ) {
    this.hosts = ports.map((port) => `127.0.0.1:${port}`);
    this.child = spawn(program, this.args('-g', 'daemon off;'), { stdio: ['ignore', 'ignore', 'pipe'] });
    this.child.stderr!.setEncoding('utf8').on('data', (text: string) => (this.stderr += text));
    this.exited = new Promise((resolve) => this.child.once('close', () => resolve()));
  }

  static async start({ program, serverUrl, idleCutsMs }: NginxOptions): Promise<Nginx> {
    const certificates = new Certificates();
    certificates.make('proxy');
    certificates.use('proxy');
    const ports = await Promise.all(idleCutsMs.map(freePort));
    const servers = ports.map((port, i) => serverOf(port, serverUrl, idleCutsMs[i]!));
    const configFile = certificates.file('nginx.conf');
    writeFileSync(configFile, configOf(certificates, servers));
    const nginx = new Nginx(program, configFile, certificates, ports);
    try {
      await Promise.all(ports.map((port) => nginx.listens(port)));
    } catch (error) {
      await nginx.stop();
      throw error;
    }
    return nginx;
  }

  /** Its processes that hold the connections. */
  get workers(): number[] {
    const { pid } = this.child;
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number);
  }

  /** New workers take over; the old ones cut what they hold 100 ms later. */
  reload(): void {
    execFileSync(this.program, this.args('-s', 'reload'), { stdio: 'pipe' });
  }

  /** As when they crash: the kernel resets every connection. Others are started in their place. */
  killWorkers(): void {
    for (const pid of this.workers) process.kill(pid, 'SIGKILL');
  }

  async stop(): Promise<void> {
    this.child.kill('SIGTERM');
    await this.exited;
    this.certificates.remove();
  }

  /** Nothing of the machine's own nginx is read or written. */
  private args(...more: string[]): string[] {
    return ['-e', 'stderr', '-p', this.certificates.file(''), '-c', this.configFile, ...more];
  }

  private async listens(port: number): Promise<void> {
    const endMs = performance.now() + STARTED_MS_MAX;
    while (!(await isListening(port))) {
      if (performance.now() > endMs || this.child.exitCode !== null) throw new Error(`nginx did not start: ${this.stderr}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

function configOf(certificates: Certificates, servers: readonly string[]): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (what) => `${what}_temp_path ${certificates.file(what)};`,
  );
  return `
${process.getuid?.() === 0 ? 'user root;' : ''}
pid ${certificates.file('nginx.pid')};
error_log stderr info;
worker_processes 2;
worker_shutdown_timeout 100ms;
events { worker_connections 512; }
http {
  access_log off;
  ${temporary.join('\n  ')}
  ssl_certificate ${certificates.certFile};
  ssl_certificate_key ${certificates.keyFile};
  map $http_upgrade $connection_upgrade { default upgrade; '' close; }
  proxy_http_version 1.1;
  proxy_set_header Host $http_host;
  proxy_set_header Upgrade $http_upgrade;
  proxy_set_header Connection $connection_upgrade;
  proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
  proxy_set_header X-Forwarded-Proto $scheme;
  ${servers.join('\n  ')}
}
`;
}

function serverOf(port: number, serverUrl: string, idleCutMs: number): string {
  return `server { listen 127.0.0.1:${port} ssl; location / { proxy_pass ${serverUrl}; proxy_read_timeout ${idleCutMs}ms; } }`;
}

/** A port that nobody has at the moment: nginx can't be asked which one it was given. */
function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = net.createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as net.AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1');
    socket.once('connect', () => (socket.destroy(), resolve(true)));
    socket.once('error', () => resolve(false));
  });
}

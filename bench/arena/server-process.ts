/** A server of any make in a process of its own, and what the kernel says it cost. Linux only: it reads /proc. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

/** The kernel tells user time in hundredths of a second. */
const USER_TICK_MS = 10;

const STARTED_WITHIN_MS = 20_000;
const STOPPED_WITHIN_MS = 10_000;

/** How to start one server. */
export interface ServerCommand {
  /** The program and its arguments. */
  readonly command: readonly string[];
  /** Finds the URL, its first group, in what the server writes once it listens. */
  readonly ready: RegExp;
}

/** CPU time by thread, in milliseconds. */
export interface ThreadTimes {
  readonly front: number;
  readonly shard: number;
  /** Collector and compiler, the pool of libuv; all of a server whose threads have no names. */
  readonly other: number;
}

export class MeasuredServer {
  url = '';
  /** Everything that was written so far. */
  output = '';
  private stopping = false;

  private constructor(private readonly child: ChildProcess, private readonly ready: RegExp) {}

  /** @param cores list of cores for taskset; null for any */
  static async start({ command, ready }: ServerCommand, cores: string | null): Promise<MeasuredServer> {
    const pinned = cores === null ? command : ['taskset', '-c', cores, ...command];
    const env = { ...process.env, NODE_ENV: 'production' };
    const child = spawn(pinned[0]!, pinned.slice(1), { env, stdio: ['ignore', 'pipe', 'pipe'] });
    const server = new MeasuredServer(child, ready);
    await server.listening();
    return server;
  }

  private listening(): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.child.kill('SIGKILL');
        reject(new Error(`not ready within ${STARTED_WITHIN_MS} ms:\n${this.output}`));
      }, STARTED_WITHIN_MS);
      const collect = (text: string): void => {
        this.output += text;
        const found = this.ready.exec(this.output);
        if (found === null || this.url !== '') return;
        clearTimeout(timer);
        this.url = found[1]!;
        resolve();
      };
      this.child.stdout!.setEncoding('utf8').on('data', collect);
      this.child.stderr!.setEncoding('utf8').on('data', collect);
      this.child.once('exit', (code, signal) => {
        clearTimeout(timer);
        const error = new Error(`the server ended with ${code ?? signal}:\n${this.output}`);
        reject(error);
        // After it was ready nobody waits for this promise; a bench must not go on against nothing.
        if (!this.stopping && this.url !== '') throw error;
      });
    });
  }

  get pid(): number {
    return this.child.pid!;
  }

  /** Moves front and shards to cores of their own. */
  pinThreads(frontCores: string, shardCores: string): void {
    for (const [tid, name] of this.threadNames()) {
      const cores = name === 'front' ? frontCores : shardCores;
      execFileSync('taskset', ['-c', '-p', cores, tid], { stdio: 'ignore' });
    }
  }

  /** User and system time of each thread so far. */
  threadTimes(): ThreadTimes {
    const names = this.threadNames();
    const times = { front: 0, shard: 0, other: 0 };
    for (const tid of readdirSync(`/proc/${this.child.pid}/task`)) {
      const name = names.get(tid) ?? 'other';
      // Nanoseconds on a core, the first of three numbers.
      const [ranNs] = readFileSync(`/proc/${this.child.pid}/task/${tid}/schedstat`, 'utf8').split(' ');
      times[name] += Number(ranNs) / 1e6;
    }
    return times;
  }

  /**
   * Time of all threads outside of the kernel so far. The sum of both times is exact; how it is shared out is sampled at the
   * kernel's ticks, which is far from exact for a server with ticks of its own: see user-sampler.ts.
   */
  userMs(): number {
    const stat = readFileSync(`/proc/${this.child.pid}/stat`, 'utf8');
    // The second field is the program's name in brackets, which may hold blanks; utime is the 14th.
    const utime = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[11]!;
    return Number(utime) * USER_TICK_MS;
  }

  private threadNames(): Map<string, 'front' | 'shard'> {
    const names = new Map<string, 'front' | 'shard'>();
    for (const [, tid, name] of this.output.matchAll(/^thread (\d+) (front|shard)$/gm)) {
      names.set(tid!, name as 'front' | 'shard');
    }
    return names;
  }

  /** Resident memory in MiB. */
  residentMiB(): number {
    const status = readFileSync(`/proc/${this.child.pid}/status`, 'utf8');
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)![1]) / 1024;
  }

  /** Bytes and segments its sockets have sent so far, in all. */
  sent(): { bytes: number; segments: number } {
    const port = new URL(this.url).port;
    const sockets = execFileSync('ss', ['-tinH', 'state', 'established', 'sport', '=', `:${port}`], {
      encoding: 'utf8',
      maxBuffer: 1 << 26,
    });
    return { bytes: sumOf(sockets, /bytes_sent:(\d+)/g), segments: sumOf(sockets, /segs_out:(\d+)/g) };
  }

  async stop(): Promise<void> {
    this.stopping = true;
    const ended = new Promise<void>((resolve) => this.child.once('close', () => resolve()));
    const timer = setTimeout(() => this.child.kill('SIGKILL'), STOPPED_WITHIN_MS);
    this.child.kill('SIGTERM');
    await ended;
    clearTimeout(timer);
  }
}

function sumOf(text: string, pattern: RegExp): number {
  let sum = 0;
  for (const [, digits] of text.matchAll(pattern)) sum += Number(digits);
  return sum;
}

/**
 * How much of its CPU time a process spends outside of the kernel, by perf (Linux, package linux-tools): a timer that runs
 * only while the process does stops it 2,000 times in each second of its time, and it's in the kernel or not.
 *
 * What /proc tells is sampled too, by the kernel's ticks: 250 times a second of the clock. A server that works 60 times a
 * second meets those at the same six moments of its own ticks for as long as it runs, and what it does between them is never
 * seen. User times of single runs came out up to 1.4 times what they are.
 */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const SAMPLES_PER_CPU_SEC = 1999;
/** Until perf has found all threads. */
const START_MS = 300;
/** Addresses of x64 and arm64 from here on are the kernel's. */
const KERNEL_FROM = 2n ** 63n;
/** Fewer samples say nothing. */
const SAMPLES_MIN = 20;

export class UserSampler {
  private constructor(
    private readonly perf: ChildProcess,
    private readonly ended: Promise<void>,
    private readonly folder: string,
  ) {}

  /**
   * @param cores for perf itself: list of cores for taskset; null for any
   * @returns null where there is no perf
   */
  static async start(pid: number, cores: string | null): Promise<UserSampler | null> {
    try {
      execFileSync('perf', ['--version'], { stdio: 'ignore' });
    } catch {
      return null;
    }
    const folder = mkdtempSync(path.join(tmpdir(), 'escapement-perf-'));
    const record = ['record', '-q', '-e', 'cpu-clock', '-F', String(SAMPLES_PER_CPU_SEC), '-p', String(pid)];
    const command = ['perf', ...record, '-o', path.join(folder, 'perf.data')];
    if (cores !== null) command.unshift('taskset', '-c', cores);
    const perf = spawn(command[0]!, command.slice(1), { stdio: 'ignore' });
    const ended = new Promise<void>((resolve) => perf.once('close', () => resolve()));
    await new Promise((resolve) => setTimeout(resolve, START_MS));
    return new UserSampler(perf, ended, folder);
  }

  /** @returns the share of its CPU time since `start`, from 0 to 1; null when perf may not tell. */
  async stop(): Promise<number | null> {
    this.perf.kill('SIGINT');
    await this.ended;
    try {
      const script = ['script', '-i', path.join(this.folder, 'perf.data'), '-F', 'ip'];
      const answer = execFileSync('perf', script, { encoding: 'utf8', maxBuffer: 1 << 28, stdio: ['ignore', 'pipe', 'ignore'] });
      const samples = answer.match(/[0-9a-f]+/g) ?? [];
      const inKernel = samples.filter((address) => BigInt(`0x${address}`) >= KERNEL_FROM).length;
      return samples.length < SAMPLES_MIN || inKernel === 0 ? null : 1 - inKernel / samples.length;
    } catch {
      return null;
    } finally {
      rmSync(this.folder, { recursive: true });
    }
  }
}

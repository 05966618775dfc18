import { execFileSync } from 'node:child_process';
import { cpus, release, totalmem, type } from 'node:os';

/** What a figure was measured on. Without it the figure means nothing. */
export interface Machine {
  readonly node: string;
  readonly v8: string;
  readonly cpu: string;
  readonly cores: number;
  readonly memoryMiB: number;
  readonly kernel: string;
}

export function describeMachine(): Machine {
  const cores = cpus();
  return {
    node: process.version,
    v8: process.versions.v8,
    cpu: cores[0]?.model.trim() ?? 'unknown',
    cores: cores.length,
    memoryMiB: Math.round(totalmem() / 2 ** 20),
    kernel: `${type()} ${release()}`,
  };
}

/** The commit that was measured, with `+changes` when the tree differs from it; `unknown` outside of a repository. */
export function describeCommit(): string {
  try {
    const commit = git('rev-parse', 'HEAD');
    return git('status', '--porcelain') === '' ? commit : `${commit}+changes`;
  } catch {
    return 'unknown';
  }
}

/**
 * How many cores other processes keep busy, from construction to `cores()`. Two spinning threads on a machine with two
 * cores measure their neighbours as much as themselves, so a figure of theirs comes with this one. Processes the bench
 * itself starts count as others.
 */
export class OtherLoad {
  private readonly wallMs = Date.now();
  private readonly otherMs = otherCpuMs();

  cores(): number {
    return Math.max(0, (otherCpuMs() - this.otherMs) / Math.max(1, Date.now() - this.wallMs));
  }
}

function otherCpuMs(): number {
  const own = process.cpuUsage();
  let busyMs = 0;
  for (const { times } of cpus()) busyMs += times.user + times.nice + times.sys + times.irq;
  return busyMs - (own.user + own.system) / 1000;
}

function git(...args: string[]): string {
  return execFileSync('git', args, {
    cwd: import.meta.dirname, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'],
  }).trim();
}

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

function git(...args: string[]): string {
  return execFileSync('git', args, {
    cwd: import.meta.dirname, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'],
  }).trim();
}

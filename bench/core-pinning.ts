/**
 * Keeps the server and its load on cores of their own, so that the figures show the server and not who was scheduled
 * first. Linux with `taskset` (util-linux) and two cores or more; elsewhere nothing is pinned.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** Lists of cores as taskset takes them, such as `1-3`. */
export interface CoreSplit {
  readonly server: string;
  readonly load: string;
  readonly all: string;
}

/** The first core that this process may use is the server's, the others are the load's; null: nothing can be pinned. */
export function splitCores(): CoreSplit | null {
  try {
    execFileSync('taskset', ['--version'], { stdio: 'ignore' });
    const all = /^Cpus_allowed_list:\s*(\S+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))![1]!;
    const cores = all.split(',').flatMap((range) => {
      const [first, last = first] = range.split('-').map(Number);
      return Array.from({ length: last! - first! + 1 }, (_, i) => first! + i);
    });
    return cores.length < 2 ? null : { server: String(cores[0]), load: cores.slice(1).join(','), all };
  } catch {
    return null;
  }
}

/** Moves every thread of this process. */
export function pinThisProcess(cores: string): void {
  execFileSync('taskset', ['-a', '-c', '-p', cores, String(process.pid)], { stdio: 'ignore' });
}

/** Where figures come from, in a line: a figure without its machine means nothing. */
import type { BenchReport } from '../run.js';

type Machine = BenchReport['machine'];

const HASH_DIGITS = 10;

export function machineText({ cpu, cores, memoryMiB, node, kernel }: Machine): string {
  const memory = `${(memoryMiB / 1024).toFixed(1)} GiB`;
  return `${cpu}, ${cores} ${cores === 1 ? 'core' : 'cores'}, ${memory}, Node ${node.replace(/^v/, '')}, ${kernel}`;
}

/** The beginning of its hash, and whether the tree differed from it. */
export function commitText(commit: string): string {
  const [hash = '', ...changes] = commit.split('+');
  return [hash.slice(0, HASH_DIGITS), ...changes].join(' + ');
}

export function sourceOf({ bench, machine, commit }: BenchReport): string {
  return `bench ${bench} at ${commitText(commit)}: ${machineText(machine)}`;
}

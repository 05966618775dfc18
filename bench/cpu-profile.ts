/** What `node --cpu-prof` writes at the end of a process, one file for each of its threads: where their time went. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** The fields of a .cpuprofile that are used here. Times are in microseconds, from CLOCK_MONOTONIC. */
interface CpuProfile {
  readonly nodes: readonly { readonly id: number; readonly callFrame: { readonly functionName: string; readonly url: string } }[];
  readonly startTime: number;
  /** Of each sample the node that ran. */
  readonly samples: readonly number[];
  /** From the sample before, or from the start. */
  readonly timeDeltas: readonly number[];
}

/** A function and its share of the time in which any function ran. */
export interface TopFrame {
  /** With its file: `encode (Encoder.js)`. */
  readonly name: string;
  readonly share: number;
}

/** The event loop's sleep. */
const IDLE = '(idle)';
/** Functions of ours that block their thread until it is time or somebody rings: the profiler takes that for work. */
const WAITS: ReadonlySet<string> = new Set(['nap (bell.js)', '#waitUntil (pacer.js)']);

/**
 * The functions that most time went to, without what they called, in all threads together.
 *
 * The profiler asks each thread once a millisecond where it is, in the kernel as well: a system call counts for the function
 * that made it. What isn't JavaScript and wasn't called by any, such as reading sockets, is partly `(program)` and partly
 * taken for sleep.
 *
 * @param span what counts, in microseconds of CLOCK_MONOTONIC
 */
export function topFrames(folder: string, span: { readonly fromUs: number; readonly toUs: number }, count: number): TopFrame[] {
  const files = readdirSync(folder).filter((file) => file.endsWith('.cpuprofile'));
  if (files.length === 0) throw new Error(`no profile in ${folder}: the server didn't end by itself`);
  const times = new Map<string, number>();
  let allUs = 0;
  for (const file of files) {
    const { nodes, startTime, samples, timeDeltas } = JSON.parse(readFileSync(path.join(folder, file), 'utf8')) as CpuProfile;
    const names = new Map(nodes.map(({ id, callFrame }) => [id, nameOf(callFrame)]));
    let atUs = startTime;
    for (let i = 0; i + 1 < samples.length; i += 1) {
      atUs += timeDeltas[i]!;
      const name = names.get(samples[i]!)!;
      if (atUs < span.fromUs || atUs > span.toUs || name === IDLE || WAITS.has(name)) continue;
      // What a sample found ran until the next one.
      const tookUs = timeDeltas[i + 1]!;
      times.set(name, (times.get(name) ?? 0) + tookUs);
      allUs += tookUs;
    }
  }
  return [...times]
    .sort((a, b) => b[1] - a[1])
    .slice(0, count)
    .map(([name, tookUs]) => ({ name, share: tookUs / allUs }));
}

/** What is no function of a file has its brackets from V8: `(garbage collector)`. */
function nameOf({ functionName, url }: { functionName: string; url: string }): string {
  const name = functionName === '' ? 'anonymous' : functionName;
  return url === '' ? name : `${name} (${url.slice(url.lastIndexOf('/') + 1)})`;
}

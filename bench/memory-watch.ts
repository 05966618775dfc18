/**
 * Loaded into a server with `--import`: says what memory its process, its main thread and its shard have, after the
 * garbage is gone. Asked over the IPC channel of the process with `'memory'`; answers with a `MemoryReport`.
 */
import { readFileSync } from 'node:fs';
import { Session } from 'node:inspector';
import { getHeapSpaceStatistics } from 'node:v8';
import { BroadcastChannel, isMainThread, workerData } from 'node:worker_threads';
import type { ShardStart } from '../src/protocol/control.js';

export interface HeapMemory {
  /** Objects in use after a full collection; compiled code, which grows for as long as there is something to optimise, not. */
  readonly objectBytes: number;
  /** Taken from the system for them, for code and for what comes next, semi-spaces included. */
  readonly committedBytes: number;
  /** ArrayBuffers and SharedArrayBuffers that this thread made. */
  readonly bufferBytes: number;
}

export interface MemoryReport {
  /** Memory that is this process's alone and that it has written to; all resident memory where the system doesn't say. */
  readonly privateBytes: number;
  /** As it ran, before the garbage was collected. */
  readonly residentBytes: number;
  readonly main: HeapMemory;
  readonly shard: HeapMemory;
}

/** Other threads give back what a collection frees, some of it only after the next one. */
const COLLECTIONS = 2;
const PAUSE_MS = 100;

/** Of the system, or less. */
const PAGE_BYTES = 4096;

/**
 * Collects as V8 does when it is told that memory is short. `gc()` would free the garbage, but keep the pages it was in: up
 * to 32 MiB of them for each thread, as many as there happened to be.
 */
async function collect(): Promise<void> {
  const session = new Session();
  session.connect();
  for (let i = 0; i < COLLECTIONS; i += 1) {
    await new Promise((resolve) => session.post('HeapProfiler.collectGarbage', resolve));
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
  session.disconnect();
}

function heapMemory(): HeapMemory {
  let objectBytes = 0;
  for (const { space_name: space, space_used_size: usedBytes } of getHeapSpaceStatistics()) {
    if (!space.startsWith('code')) objectBytes += usedBytes;
  }
  const { heapTotal: committedBytes, arrayBuffers: bufferBytes } = process.memoryUsage();
  return { objectBytes, committedBytes, bufferBytes };
}

/** Private_Dirty leaves out what could be read again from a file, such as Node's own code. */
function privateBytes(): number {
  if (process.platform !== 'linux') return process.memoryUsage.rss();
  const rollup = readFileSync('/proc/self/smaps_rollup', 'utf8');
  const kib = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(rollup)![1]);
  // Lazily freed: given back, but not taken yet as nobody needs it.
  return (kib('Private_Dirty') - kib('LazyFree')) * 1024;
}

/**
 * A ring takes its memory when it is first written to, page by page. It has all of it sooner or later, whoever connects,
 * so it is to have it before the first figure. Adding 0 to a word that another thread may write changes nothing.
 */
function fillIn(ring: SharedArrayBuffer): void {
  const words = new Int32Array(ring);
  for (let word = 0; word < words.length; word += PAGE_BYTES / 4) Atomics.add(words, word, 0);
}

const isShard = !isMainThread && (workerData as ShardStart | null)?.shardIndex !== undefined;

if (isMainThread || isShard) {
  const channel = new BroadcastChannel('escapement memory watch');
  // Must not keep a server alive that is to stop.
  channel.unref();
  if (isShard) {
    const { ingress, egress } = workerData as ShardStart;
    fillIn(ingress);
    fillIn(egress);
    channel.onmessage = () => void collect().then(() => channel.postMessage(heapMemory()));
  } else {
    process.on('message', () => {
      const residentBytes = process.memoryUsage.rss();
      const shardMemory = new Promise<HeapMemory>((resolve) => {
        channel.onmessage = (event) => resolve((event as { data: HeapMemory }).data);
      });
      // The main thread first: the shard answers for shared memory that both have to let go of.
      void collect().then(async () => {
        channel.postMessage('memory');
        const shard = await shardMemory;
        process.send!({ privateBytes: privateBytes(), residentBytes, main: heapMemory(), shard } satisfies MemoryReport);
      });
    });
    process.channel?.unref();
  }
}

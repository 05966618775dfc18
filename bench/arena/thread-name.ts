/** Loaded into our server with `--import`: each of its threads says which one of the process's threads it is. */
import { readlinkSync, writeSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';

const tid = readlinkSync('/proc/thread-self').split('/').at(-1);
// Straight to the process's own stderr: a worker's stream would go through the main thread first.
writeSync(2, `thread ${tid} ${isMainThread ? 'front' : 'shard'}\n`);

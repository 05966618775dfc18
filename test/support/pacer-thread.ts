/** Thread entry: what a pacer does to a thread as a whole. Ends by itself, or the test runs into its time limit. */
import { parentPort, workerData } from 'node:worker_threads';
import { Pacer } from '../../src/shard/pacer.js';

export interface PacerThreadData {
  role: 'run out of deadlines' | 'throw in the first pass';
}

const clock = { nowMs: () => performance.now() };
const { role } = workerData as PacerThreadData;
const errors: string[] = [];
let passes = 0;
let deadlineMs = clock.nowMs() + 5;

process.on('uncaughtException', (error) => errors.push(error.message));
process.on('exit', () => parentPort!.postMessage({ passes, errors, state: pacer.state }));

const pacer = new Pacer({
  clock,
  nextDeadlineMs: () => deadlineMs,
  pass: () => {
    passes++;
    deadlineMs = passes < 3 ? deadlineMs + 5 : Infinity;
    if (passes === 1 && role === 'throw in the first pass') throw new Error('thrown by the pass');
  },
});
pacer.start();

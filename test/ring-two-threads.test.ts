import { Worker } from 'node:worker_threads';
import { afterEach, beforeAll, expect, it } from 'vitest';
import { createRing } from '../src/memory/ring-layout.js';
import { bundleThread } from './support/bundle-thread.js';
import type { RingThreadData } from './support/ring-thread.js';

let script = '';
const threads: Worker[] = [];

beforeAll(async () => {
  script = await bundleThread(new URL('./support/ring-thread.ts', import.meta.url));
});

afterEach(async () => {
  await Promise.all(threads.splice(0).map((thread) => thread.terminate()));
});

/** Runs one end of a ring in a thread; resolves with what it reports, rejects with what it throws. */
function start(data: RingThreadData): Promise<Record<string, number | boolean>> {
  const thread = new Worker(script, { eval: true, workerData: data });
  threads.push(thread);
  return new Promise((resolve, reject) => {
    thread.once('message', resolve);
    thread.once('error', reject);
    thread.once('exit', (code) => reject(new Error(`${data.role} ended with code ${code} before it was done`)));
  });
}

it.each([
  { count: 500_000, capacityBytes: 256, seed: 11 },
  { count: 3_000_000, capacityBytes: 65_536, seed: 12 },
])('$count records pass through $capacityBytes bytes whole and in order', async ({ count, capacityBytes, seed }) => {
  const shared = { ring: createRing(capacityBytes, 2 ** 32 - 8), consumed: new SharedArrayBuffer(4), count, seed };
  const [produced, consumed] = await Promise.all([
    start({ role: 'produce', ...shared }), start({ role: 'consume', ...shared }),
  ]);
  expect(produced).toEqual({ sent: count });
  expect(consumed).toEqual({ received: count, empty: true });
}, 60_000);

it('no wake-up is lost between a thread that rings and one that sleeps', async () => {
  const count = 30_000;
  const shared = { ring: createRing(1024, 2 ** 32 - 8), consumed: new SharedArrayBuffer(4), count, seed: 13 };
  const [ringer, sleeper] = await Promise.all([
    start({ role: 'ring bell', ...shared }), start({ role: 'sleep on bell', ...shared }),
  ]);
  expect(ringer.sent).toBe(count);
  expect(sleeper.received).toBe(count);
  expect(sleeper.wakes).toBeGreaterThan(100);
  expect(sleeper.naps).toBeGreaterThan(100);
  // At most one notify per sleep. It may be more than the wakes: a notify can come when the sleeper is just getting up.
  expect(ringer.wakes).toBeGreaterThanOrEqual(sleeper.wakes as number);
  expect(ringer.wakes).toBeLessThanOrEqual(ringer.batches as number);
}, 60_000);

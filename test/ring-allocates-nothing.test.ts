import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { expect, it } from 'vitest';
import { bundleThread } from './support/bundle-thread.js';

it('millions of records leave the heap as it was', async () => {
  const script = await bundleThread(new URL('./support/ring-allocation-thread.ts', import.meta.url));
  const thread = new Worker(script, { eval: true });
  const [{ records, grownBytes, collections }] = await once(thread, 'message');
  await thread.terminate();
  expect(records).toBeGreaterThan(1_000_000);
  // One boxed number per record would be 16 bytes times millions, in every round: several collections each.
  expect(collections).toBe(0);
  expect(grownBytes).toBeLessThan(200_000);
}, 30_000);

import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { expect, it } from 'vitest';
import { bundleThread } from './support/bundle-thread.js';

it('thousands of snapshots leave the heap as it was', { timeout: 60_000 }, async () => {
  const script = await bundleThread(new URL('./support/encoder-allocation-thread.ts', import.meta.url));
  const thread = new Worker(script, { eval: true });
  const [{ bytes, snapshots, grownBytes, collections }] = await once(thread, 'message');
  await thread.terminate();
  expect(bytes).toBeGreaterThan(100 * snapshots);
  expect(collections).toBe(0);
  // One boxed number for each snapshot would be 16 bytes.
  expect(grownBytes).toBeLessThan(8 * snapshots);
});

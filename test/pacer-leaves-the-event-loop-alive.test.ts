import { MessageChannel, Worker } from 'node:worker_threads';
import { setImmediate as turn, setTimeout as delay } from 'node:timers/promises';
import { afterEach, expect, it } from 'vitest';
import { Pacer } from '../src/shard/pacer.js';
import { bundleThread } from './support/bundle-thread.js';
import type { PacerThreadData } from './support/pacer-thread.js';

const clock = { nowMs: () => performance.now() };
let pacer: Pacer | undefined;

afterEach(() => pacer?.stop());

it('ports, timers and promises go on although every deadline has passed already', async () => {
  let passes = 0;
  pacer = new Pacer({ clock, nextDeadlineMs: () => 0, pass: () => { passes++; } });
  pacer.start();

  const { port1, port2 } = new MessageChannel();
  port2.on('message', (count: number) => port2.postMessage(count + 1));
  const pinged = new Promise<void>((resolve) => {
    port1.on('message', (count: number) => {
      if (count >= 50) resolve();
      else port1.postMessage(count);
    });
  });
  port1.postMessage(0);
  await pinged;
  port1.close();
  for (let i = 0; i < 5; i++) await delay(1);
  expect(passes).toBeGreaterThan(50);
  expect(pacer.state).toBe('turning');
});

it('promises of one pass settle before the next', async () => {
  const settled: number[] = [];
  let passes = 0;
  await new Promise<void>((resolve) => {
    pacer = new Pacer({
      clock,
      nextDeadlineMs: () => 0,
      pass: () => {
        expect(settled.length).toBe(passes);
        const pass = ++passes;
        void Promise.resolve().then(() => {}).then(() => settled.push(pass));
        if (passes === 20) resolve();
      },
    });
    pacer.start();
  });
});

it('no pass begins after stop, from outside or from inside the pass', async () => {
  let passes = 0;
  pacer = new Pacer({ clock, nextDeadlineMs: () => 0, pass: () => { if (++passes === 3) pacer!.stop(); } });
  pacer.start();
  while (passes < 3) await turn();
  for (let i = 0; i < 10; i++) await turn();
  expect([passes, pacer.state]).toEqual([3, 'stopped']);
  pacer.wake();
  expect(pacer.state).toBe('stopped');

  pacer.start();
  while (passes < 6) await turn();
  pacer.stop();
  const stoppedAt = passes;
  for (let i = 0; i < 10; i++) await turn();
  expect([passes, pacer.state]).toEqual([stoppedAt, 'stopped']);
});

async function threadReport(role: PacerThreadData['role']): Promise<unknown> {
  const script = await bundleThread(new URL('./support/pacer-thread.ts', import.meta.url));
  const thread = new Worker(script, { eval: true, workerData: { role } });
  return new Promise((resolve, reject) => {
    thread.once('message', resolve);
    thread.once('error', reject);
  });
}

it('without deadlines it holds no timer: a thread with nothing else to do ends', async () => {
  expect(await threadReport('run out of deadlines')).toEqual({ passes: 3, errors: [], state: 'idle' });
});

it('an error of the pass is the thread\'s uncaught exception, and the next deadline is kept', async () => {
  expect(await threadReport('throw in the first pass')).toEqual({
    passes: 3, errors: ['thrown by the pass'], state: 'idle',
  });
});

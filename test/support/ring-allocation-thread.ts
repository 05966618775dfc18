/**
 * Thread entry: passes records through a ring with both ends in one thread and reports how much the heap grew and
 * how often it was collected. In a thread of its own, so that nothing else allocates.
 */
import { PerformanceObserver } from 'node:perf_hooks';
import { parentPort } from 'node:worker_threads';
import { BellRinger } from '../../src/memory/bell.js';
import { RingConsumer } from '../../src/memory/ring-consumer.js';
import { createRing } from '../../src/memory/ring-layout.js';
import { RingProducer } from '../../src/memory/ring-producer.js';

// Cursors cross 2^31 and 2^32 inside the measured part too, where a careless number becomes a boxed double.
const ring = createRing(4096, 2 ** 31 - 65_536);
const producer = new RingProducer(ring);
const consumer = new RingConsumer(ring);
const bell = new BellRinger(ring);

function pass(batches: number): number {
  let records = 0;
  for (let batch = 0; batch < batches; batch++) {
    let offset = producer.tryReserve(batch & 1023);
    while (offset !== -1) {
      producer.commit(1 + (batch & 7), batch & 511 & producer.recordBytesMax);
      offset = producer.tryReserve(batch & 511);
    }
    if (producer.publish()) bell.ring();
    while (consumer.next() !== -1) records += consumer.type > 0 ? 1 : 0;
    consumer.release();
  }
  return records;
}

const ROUNDS = 5;

interface Round {
  records: number;
  grownBytes: number;
  collections: number;
}

/**
 * Several rounds, and the cleanest of them: what V8 does on its own account (code, the leftovers of start-up) comes now
 * and then and may start a collection in any round, but what a record allocates comes in every one.
 */
async function measure(): Promise<void> {
  let collections = 0;
  new PerformanceObserver((list) => {
    collections += list.getEntries().length;
  }).observe({ entryTypes: ['gc'] });

  pass(20_000);
  const rounds: Round[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    // The observer hears of collections only between turns of the event loop.
    await new Promise(setImmediate);
    collections = 0;
    const before = process.memoryUsage().heapUsed;
    const records = pass(150_000);
    const grownBytes = process.memoryUsage().heapUsed - before;
    await new Promise(setImmediate);
    rounds.push({ records, grownBytes, collections });
  }
  rounds.sort((a, b) => a.collections - b.collections || a.grownBytes - b.grownBytes);
  parentPort!.postMessage(rounds[0]);
}

void measure();

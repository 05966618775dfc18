import { Worker } from 'node:worker_threads';
import { describe, expect, test } from 'vitest';
import {
  COUNTER_BLOCK_BYTES, COUNTER_WORDS, CounterBlock, createCounterBlock, FrontCounter, ShardCounter,
} from '../src/memory/counters.js';
import { HistogramBlock, histogramBoundsUs, ShardHistogram } from '../src/memory/histogram.js';

describe('a counter block', () => {
  test('starts at zero, adds and sets', () => {
    const block = new CounterBlock(createCounterBlock());
    expect(block.values.every((value) => value === 0)).toBe(true);
    block.add(ShardCounter.ticks);
    block.add(ShardCounter.ticks, 9);
    block.set(ShardCounter.rooms, 3);
    block.set(ShardCounter.rooms, 2);
    expect([block.get(ShardCounter.ticks), block.get(ShardCounter.rooms)]).toEqual([10, 2]);
  });

  test.each([
    ['shard', ShardCounter], ['front', FrontCounter],
  ])('has a word of its own for each %s counter', (_, map) => {
    const indexes = Object.values(map) as number[];
    expect(new Set(indexes).size).toBe(indexes.length);
    expect(Math.max(...indexes)).toBeLessThan(COUNTER_WORDS);
  });

  test('keeps counters and histograms apart', () => {
    const buffer = createCounterBlock();
    const block = new CounterBlock(buffer);
    block.values.fill(7);
    const lateness = new HistogramBlock(buffer, ShardHistogram.tickLatenessUs);
    const duration = new HistogramBlock(buffer, ShardHistogram.tickDurationUs);
    for (let n = 0; n < 5; n += 1) lateness.observe(2e6);
    duration.observe(1);
    expect([lateness.count, lateness.sumUs, duration.count, duration.sumUs]).toEqual([5, 1e7, 1, 1]);
    expect(block.values.every((value) => value === 7)).toBe(true);
  });

  test('refuses a buffer that is none, and a histogram that is none', () => {
    const wrong = new SharedArrayBuffer(COUNTER_BLOCK_BYTES - 8);
    expect(() => new CounterBlock(wrong)).toThrow('counter block is 536 bytes; expected 544: make it with');
    expect(() => new HistogramBlock(wrong, 0)).toThrow(RangeError);
    expect(() => new HistogramBlock(createCounterBlock(), 2)).toThrow('histogram index is 2; expected 0 to 1');
  });

  test('shows one thread what another wrote', async () => {
    const buffer = createCounterBlock();
    const worker = new Worker(
      `const { workerData, parentPort } = require('node:worker_threads');
       const words = new Float64Array(workerData);
       for (let n = 0; n < 100000; n += 1) words[${ShardCounter.ticks}] += 1;
       parentPort.postMessage('done');`,
      { eval: true, workerData: buffer },
    );
    await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
    expect(new CounterBlock(buffer).get(ShardCounter.ticks)).toBe(100_000);
    await worker.terminate();
  });
});

describe.each(Object.entries(ShardHistogram))('histogram %s', (_, index) => {
  const bounds = Array.from(histogramBoundsUs[index]!);

  test('has ascending bounds up to one second', () => {
    expect(bounds).toEqual([...new Set(bounds)].sort((a, b) => a - b));
    expect(bounds.at(-1)).toBe(1_000_000);
  });

  test('puts each value in the first bucket that holds it, bounds inclusive', () => {
    bounds.forEach((bound, bucket) => {
      const histogram = new HistogramBlock(createCounterBlock(), index);
      histogram.observe(bound);
      histogram.observe(bound * (1 + 1e-9));
      expect(histogram.counts[bucket]).toBe(1);
      expect(histogram.counts[bucket + 1]).toBe(1);
    });
  });

  test('agrees with a naive count over seeded values', () => {
    const histogram = new HistogramBlock(createCounterBlock(), index);
    const naive = new Array<number>(bounds.length + 1).fill(0);
    let seed = 12345;
    let sum = 0;
    for (let n = 0; n < 20_000; n += 1) {
      seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
      const value = Math.floor(10 ** ((seed / 2 ** 32) * 7));
      histogram.observe(value);
      const bucket = bounds.findIndex((bound) => value <= bound);
      naive[bucket < 0 ? bounds.length : bucket]! += 1;
      sum += value;
    }
    expect(Array.from(histogram.counts)).toEqual(naive);
    expect([histogram.count, histogram.sumUs]).toEqual([20_000, sum]);
  });

  test('stays finite whatever is observed', () => {
    const histogram = new HistogramBlock(createCounterBlock(), index);
    for (const value of [NaN, -1, -Infinity, 0]) histogram.observe(value);
    histogram.observe(Infinity);
    expect([histogram.counts[0], histogram.counts.at(-1), histogram.count, histogram.sumUs]).toEqual([4, 1, 5, 0]);
  });
});

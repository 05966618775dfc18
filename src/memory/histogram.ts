import { assertCounterBlock, HISTOGRAM_BOUNDS, HISTOGRAM_WORDS, histogramWord, HISTOGRAMS } from './counters.js';

/** Histograms of a shard's block, by index. Both are in microseconds and written by the shard's tick loop only. */
export const ShardHistogram = {
  /** How long after its deadline a tick began. One observation per tick of a room. */
  tickLatenessUs: 0,
  /** How long a tick of a room took: inputs, timers, `onTick` and the snapshot. One observation per tick. */
  tickDurationUs: 1,
} as const;

/**
 * Upper bounds in microseconds, both inclusive as Prometheus has it (`le`).
 *
 * Lateness is dense where the goals are (p50 200 us, p99 1 ms) and ends at 1 s, where a watchdog has acted long ago.
 * Duration begins lower, because an idle room takes microseconds, and has a bound at each common budget: 4,166 us is
 * the period at 240 Hz, 8,333 at 120 Hz, 16,667 at 60 Hz, 33,333 at 30 Hz, 50,000 at 20 Hz.
 */
export const histogramBoundsUs: readonly Float64Array[] = [
  Float64Array.of(
    50, 100, 150, 200, 300, 500, 750, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 300_000, 1_000_000,
  ),
  Float64Array.of(
    10, 20, 50, 100, 200, 500, 1_000, 2_000, 4_166, 8_333, 16_667, 33_333, 50_000, 100_000, 300_000, 1_000_000,
  ),
];

if (histogramBoundsUs.length !== HISTOGRAMS || histogramBoundsUs.some((bounds) => bounds.length !== HISTOGRAM_BOUNDS)) {
  throw new Error('histogram bounds do not fit the layout in counters.ts');
}

/**
 * A histogram inside a counter block, with fixed bounds. Counts are per bucket and made cumulative by the reader, so
 * an observation costs two stores instead of up to seventeen. Same contract as the counters: one writer, the block's
 * owner; a reader may find the sum one observation ahead of the counts or behind them.
 */
export class HistogramBlock {
  /** Upper bounds of the finite buckets, ascending, inclusive. Shared and not to be written. */
  readonly boundsUs: Float64Array;
  /** Observations per bucket, not cumulative; the last one is everything above the last bound. */
  readonly counts: Float64Array;

  private readonly words: Float64Array;

  /**
   * @param buffer a block of `createCounterBlock`
   * @param index one of `ShardHistogram`
   * @throws RangeError for a wrong buffer or index
   */
  constructor(buffer: SharedArrayBuffer, index: number) {
    assertCounterBlock(buffer);
    const bounds = histogramBoundsUs[index];
    if (bounds === undefined) {
      throw new RangeError(`histogram index is ${index}; expected 0 to ${HISTOGRAMS - 1}: use ShardHistogram`);
    }
    this.boundsUs = bounds;
    this.words = new Float64Array(
      buffer, histogramWord(index) * Float64Array.BYTES_PER_ELEMENT, HISTOGRAM_WORDS,
    );
    this.counts = this.words.subarray(0, HISTOGRAM_BOUNDS + 1);
  }

  /**
   * Counts one value. Below zero and NaN count as zero: a tick cannot be early, and one NaN would spoil the sum for
   * the life of the process. Allocates nothing. A walk from the low end beats a binary search here, since healthy
   * ticks end in the first few buckets.
   */
  observe(valueUs: number): void {
    const value = valueUs > 0 ? valueUs : 0;
    const bounds = this.boundsUs;
    let bucket = 0;
    while (bucket < HISTOGRAM_BOUNDS && value > bounds[bucket]!) bucket += 1;
    this.words[bucket]! += 1;
    // An infinite value is counted in the last bucket but kept out of the sum, for the reason NaN is.
    if (value !== Infinity) this.words[HISTOGRAM_BOUNDS + 1]! += value;
  }

  /** Sum of all values observed, in microseconds. */
  get sumUs(): number {
    return this.words[HISTOGRAM_BOUNDS + 1]!;
  }

  /** Observations so far: the sum of the buckets, so that it always agrees with them. */
  get count(): number {
    let count = 0;
    for (let bucket = 0; bucket <= HISTOGRAM_BOUNDS; bucket += 1) count += this.counts[bucket]!;
    return count;
  }
}

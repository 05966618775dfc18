/** Counts a shard's ticks, and how late and how long they were, for /metrics. */
import { ShardCounter, type CounterBlock } from '../memory/counters.js';
import { HistogramBlock, ShardHistogram } from '../memory/histogram.js';
import type { TickObserver, TickRecord } from './schedule.js';

export class TickMeter implements TickObserver {
  private readonly lateness: HistogramBlock;
  private readonly duration: HistogramBlock;

  constructor(private readonly counters: CounterBlock) {
    this.lateness = new HistogramBlock(counters.buffer, ShardHistogram.tickLatenessUs);
    this.duration = new HistogramBlock(counters.buffer, ShardHistogram.tickDurationUs);
  }

  /** Allocates nothing. */
  tickRan(tick: TickRecord): void {
    this.counters.add(ShardCounter.ticks);
    this.counters.set(ShardCounter.lastTickLatenessUs, tick.latenessMs * 1000);
    this.lateness.observe(tick.latenessMs * 1000);
    this.duration.observe(tick.durationMs * 1000);
  }
}

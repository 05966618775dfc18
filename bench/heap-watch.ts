/**
 * Loaded into a server with `--import`: watches the heaps of its main thread and of its shard from inside, as nothing
 * outside can. Asked over the IPC channel of the process (`HeapWatchRequest`); answers with a `HeapReport` for each of
 * the two threads when both are done.
 *
 * A heap that is only allocated in grows by what is allocated, to the byte; a collection takes away the garbage. So the
 * heap's size is read once a second, and the growth over those seconds in which nothing was collected, divided by
 * their length, is the rate of allocation. While a server only goes on, everything allocated is garbage. Live bytes are
 * measured after a forced full collection before and after, without the spaces of compiled code, which grow for as long
 * as the engine finds something to optimise. The watch's own share is some 1.5 KB a second.
 */
import { PerformanceObserver } from 'node:perf_hooks';
import { getHeapSpaceStatistics, getHeapStatistics } from 'node:v8';
import { BroadcastChannel, isMainThread, workerData } from 'node:worker_threads';

export type HeapWatchRequest = 'begin' | 'end';

export interface HeapReport {
  readonly durationSec: number;
  /** Bytes allocated per second, over all seconds without a collection; NaN when there was none. */
  readonly allocatedBytesPerSec: number;
  /** Seconds without a collection, which the rate is from. */
  readonly cleanSec: number;
  /** Collections within the duration, and what they took. */
  readonly collections: number;
  readonly pauseMaxMs: number;
  readonly pauseSumMs: number;
  /** Bytes in use after a full collection at the beginning and at the end, without compiled code. */
  readonly liveBeginBytes: number;
  readonly liveEndBytes: number;
  /** User and system time of the whole process. */
  readonly cpuSec: number;
}

export interface HeapReports {
  readonly main: HeapReport;
  readonly shard: HeapReport;
}

const SAMPLE_MS = 1000;
const SAMPLES_MAX = 1024;
/** The observer hears of a collection some turns of the event loop later. */
const OBSERVER_DELAY_MS = 100;

const collect = (globalThis as { gc?: () => void }).gc;

class HeapWatch {
  // Arrays of numbers that never grow: what the watch itself allocates would be counted.
  private readonly timesMs = new Float64Array(SAMPLES_MAX);
  private readonly bytes = new Float64Array(SAMPLES_MAX);
  private readonly pauses: { startMs: number; durationMs: number }[] = [];
  private readonly observer = new PerformanceObserver((list) => {
    for (const { startTime, duration } of list.getEntries()) {
      this.pauses.push({ startMs: startTime, durationMs: duration });
    }
  });
  private samples = 0;
  private timer: NodeJS.Timeout | undefined;
  private liveBeginBytes = 0;
  private cpu = process.cpuUsage();

  begin(): void {
    this.liveBeginBytes = liveBytes();
    this.observer.observe({ entryTypes: ['gc'] });
    this.cpu = process.cpuUsage();
    this.sample();
    this.timer = setInterval(() => this.sample(), SAMPLE_MS);
  }

  async end(): Promise<HeapReport> {
    clearInterval(this.timer);
    this.sample();
    const cpu = process.cpuUsage(this.cpu);
    await new Promise((resolve) => setTimeout(resolve, OBSERVER_DELAY_MS));
    this.observer.disconnect();
    const { timesMs, bytes, samples } = this;
    const beginMs = timesMs[0]!;
    const endMs = timesMs[samples - 1]!;
    const pauses = this.pauses.filter(({ startMs }) => startMs >= beginMs && startMs <= endMs);
    let cleanMs = 0;
    let allocatedBytes = 0;
    for (let i = 1; i < samples; i += 1) {
      if (pauses.some(({ startMs }) => startMs >= timesMs[i - 1]! && startMs <= timesMs[i]!)) continue;
      cleanMs += timesMs[i]! - timesMs[i - 1]!;
      allocatedBytes += bytes[i]! - bytes[i - 1]!;
    }
    return {
      durationSec: (endMs - beginMs) / 1000,
      allocatedBytesPerSec: (allocatedBytes / cleanMs) * 1000,
      cleanSec: cleanMs / 1000,
      collections: pauses.length,
      pauseMaxMs: Math.max(0, ...pauses.map(({ durationMs }) => durationMs)),
      pauseSumMs: pauses.reduce((sum, { durationMs }) => sum + durationMs, 0),
      liveBeginBytes: this.liveBeginBytes,
      liveEndBytes: liveBytes(),
      cpuSec: (cpu.user + cpu.system) / 1e6,
    };
  }

  private sample(): void {
    if (this.samples === SAMPLES_MAX) throw new RangeError(`the watch holds ${SAMPLES_MAX} samples; raise SAMPLES_MAX`);
    this.timesMs[this.samples] = performance.now();
    this.bytes[this.samples] = getHeapStatistics().used_heap_size;
    this.samples += 1;
  }
}

function liveBytes(): number {
  if (collect === undefined) throw new Error('the heap watch needs --expose-gc');
  collect();
  let bytes = 0;
  for (const { space_name: space, space_used_size: usedBytes } of getHeapSpaceStatistics()) {
    if (!space.startsWith('code')) bytes += usedBytes;
  }
  return bytes;
}

const isShard = !isMainThread && (workerData as { shardIndex?: number } | null)?.shardIndex !== undefined;

if (isMainThread || isShard) {
  const watch = new HeapWatch();
  const channel = new BroadcastChannel('escapement heap watch');
  // Must not keep a server alive that is to stop.
  channel.unref();
  if (isShard) {
    channel.onmessage = (event) => {
      const { data: request } = event as { data: HeapWatchRequest };
      if (request === 'begin') watch.begin();
      else void watch.end().then((report) => channel.postMessage(report));
    };
  } else {
    process.on('message', (request: HeapWatchRequest) => {
      channel.postMessage(request);
      if (request === 'begin') {
        watch.begin();
        process.send!('begun');
        return;
      }
      const shard = new Promise<HeapReport>((resolve) => {
        channel.onmessage = (event) => resolve((event as { data: HeapReport }).data);
      });
      void Promise.all([watch.end(), shard]).then(([main, report]) => {
        process.send!({ main, shard: report } satisfies HeapReports);
      });
    });
    process.channel?.unref();
  }
}

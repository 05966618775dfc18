import { Counter, collectDefaultMetrics, Gauge, Registry, type Metric } from 'prom-client';
import { CounterBlock, FrontCounter, ShardCounter } from '../memory/counters.js';
import { HistogramBlock, ShardHistogram } from '../memory/histogram.js';

/** How full a shard's two rings are. Bytes; `used` is as stale as the cursors it was computed from. */
export interface RingUsage {
  readonly ingressUsedBytes: number;
  readonly egressUsedBytes: number;
  readonly ingressBytes: number;
  readonly egressBytes: number;
}

/**
 * What is read of a shard. Both properties are read anew at every scrape, so a source may answer with the successor's
 * once a shard was replaced; its counters then begin at zero, which Prometheus takes as a restart.
 */
export interface ShardSource {
  /** A block of `createCounterBlock`, written by the shard. */
  readonly counters: SharedArrayBuffer;
  readonly ringUsage: () => RingUsage;
}

export interface MetricsSources {
  /** By shard index; the index is the value of the label `shard`. Read anew at every scrape too. */
  readonly shards: readonly ShardSource[];
  /** A block of `createCounterBlock`, written by the front. */
  readonly front: SharedArrayBuffer;
}

export interface Metrics {
  readonly registry: Registry;
  /** The Prometheus text format, version 0.0.4. */
  text(): Promise<string>;
}

/** One metric that is one counter of a block: kind, name without prefix, index, help text, and what divides it. */
type Row = readonly ['counter' | 'gauge', string, number, string, number?];

const MICROSECONDS_PER_SECOND = 1e6;

const shardRows: readonly Row[] = [
  ['gauge', 'rooms', ShardCounter.rooms, 'Rooms alive.'],
  ['gauge', 'clients', ShardCounter.clients, 'Sessions seated in rooms.'],
  ['counter', 'ticks_total', ShardCounter.ticks, 'Room ticks run.'],
  ['counter', 'ticks_skipped_total', ShardCounter.ticksSkipped, 'Room ticks given up after bounded catching up.'],
  ['counter', 'ticks_late_total', ShardCounter.ticksLate, 'Room ticks run as catch-up.'],
  ['gauge', 'tick_lateness_last_seconds', ShardCounter.lastTickLatenessUs, 'Lateness of the newest tick.',
    MICROSECONDS_PER_SECOND],
  ['counter', 'snapshots_total', ShardCounter.snapshots, 'Snapshots encoded, once for all clients that share them.'],
  ['counter', 'snapshots_dropped_total', ShardCounter.snapshotsDropped, 'Snapshots lost to a full egress ring.'],
  ['counter', 'keyframes_total', ShardCounter.keyframes, 'Keyframes among the snapshots.'],
  ['counter', 'egress_records_total', ShardCounter.egressRecords, 'Records from the shard to the front.'],
  ['counter', 'egress_bytes_total', ShardCounter.egressBytes, 'Payload bytes of those records.'],
  ['counter', 'inputs_total', ShardCounter.inputsIn, 'Inputs queued for rooms.'],
  ['counter', 'inputs_dropped_total', ShardCounter.inputsDropped, 'Inputs refused: queue full, or out of date.'],
  ['counter', 'inputs_rejected_total', ShardCounter.inputsRejected, 'Inputs with a value out of its field\'s range.'],
  ['counter', 'messages_total', ShardCounter.messagesIn, 'Client messages handed to rooms.'],
  ['counter', 'messages_rejected_total', ShardCounter.messagesRejected, 'Messages that a validator refused.'],
  ['counter', 'hook_errors_total', ShardCounter.hookErrors, 'Hooks, handlers and timers of rooms that failed.'],
  ['gauge', 'clients_lagging', ShardCounter.clientsLagging, 'Sessions too far behind to be sent snapshots.'],
  ['counter', 'snapshots_lagged_total', ShardCounter.snapshotsLagged, 'Snapshots not sent to a client that lags.'],
  ['counter', 'clients_too_slow_total', ShardCounter.clientsTooSlow, 'Clients closed for acknowledging nothing.'],
  ['gauge', 'shard_heap_used_bytes', ShardCounter.heapUsedBytes, 'JS heap in use by the shard.'],
];

const frontRows: readonly Row[] = [
  ['gauge', 'connections', FrontCounter.connections, 'Sockets open.'],
  ['counter', 'connections_opened_total', FrontCounter.connectionsTotal, 'Sockets accepted.'],
  ['counter', 'frames_in_total', FrontCounter.framesIn, 'WebSocket messages received.'],
  ['counter', 'bytes_in_total', FrontCounter.bytesIn, 'Payload bytes of the messages received.'],
  ['counter', 'frames_out_total', FrontCounter.framesOut, 'WebSocket messages sent, one per recipient.'],
  ['counter', 'bytes_out_total', FrontCounter.bytesOut, 'Payload bytes of the messages sent.'],
  ['counter', 'frames_refused_total', FrontCounter.framesRefused, 'Messages received that were malformed.'],
  ['counter', 'frames_over_rate_total', FrontCounter.framesOverRate, 'Frames over their connection\'s rate: dropped.'],
  ['counter', 'snapshots_skipped_total', FrontCounter.snapshotsSkipped, 'Snapshots not sent to a socket above its soft limit.'],
  ['counter', 'sockets_too_slow_total', FrontCounter.socketsTooSlow, 'Sockets closed with 1013, for whatever was slow.'],
  ['counter', 'handshakes_refused_total', FrontCounter.handshakesRefused, 'Upgrades and requests over their address\'s limits.'],
];

/**
 * The metrics of one server in a registry of its own, so that several servers in a process do not collide. Everything
 * is read from shared memory at the scrape; between scrapes metrics cost what the shared counters cost and no more.
 * All names begin with `escapement_`, in seconds and bytes, except the process metrics that prom-client brings.
 */
export function createMetrics(sources: MetricsSources): Metrics {
  const registry = new Registry();
  const { front } = sources;
  for (const row of shardRows) {
    addMetric(registry, row, ['shard'], (set) => sources.shards.forEach(({ counters }, shard) => {
      set({ shard: String(shard) }, valueOf(counters, row));
    }));
  }
  for (const row of frontRows) addMetric(registry, row, [], (set) => set({}, valueOf(front, row)));
  addRingMetrics(registry, sources);
  for (const [name, index, help] of [
    ['tick_lateness_seconds', ShardHistogram.tickLatenessUs, 'How long after its deadline a tick began.'],
    ['tick_duration_seconds', ShardHistogram.tickDurationUs, 'How long a tick took.'],
  ] as const) {
    // The registry calls name, get and reset and nothing else; its types ask for prom-client's own classes.
    const histogram = new SharedHistogram(`escapement_${name}`, help, sources, index);
    registry.registerMetric(histogram as unknown as Metric);
  }
  collectDefaultMetrics({ register: registry });
  return { registry, text: () => registry.metrics() };
}

type SetValue = (labels: Record<string, string>, value: number) => void;

/**
 * Registers a prom-client metric whose values are put in at each scrape. A counter of prom-client can only be added
 * to; as the total is in shared memory, it is emptied and given the whole total.
 */
function addMetric(registry: Registry, row: Row, labelNames: string[], collect: (set: SetValue) => void): void {
  const [kind, shortName, , help] = row;
  const base = { name: `escapement_${shortName}`, help, labelNames, registers: [registry] };
  if (kind === 'gauge') {
    const gauge: Gauge = new Gauge({ ...base, collect: () => {
      gauge.reset();
      collect((labels, value) => gauge.set(labels, value));
    } });
  } else {
    const counter: Counter = new Counter({ ...base, collect: () => {
      counter.reset();
      collect((labels, value) => counter.inc(labels, value));
    } });
  }
}

function valueOf(buffer: SharedArrayBuffer, [, , index, , divisor = 1]: Row): number {
  return new CounterBlock(buffer).get(index) / divisor;
}

function addRingMetrics(registry: Registry, sources: MetricsSources): void {
  const rings = (name: string, help: string, pick: (usage: RingUsage) => readonly [number, number]): void => {
    addMetric(registry, ['gauge', name, -1, help], ['shard', 'ring'], (set) => {
      sources.shards.forEach(({ ringUsage }, index) => {
        const shard = String(index);
        const [ingress, egress] = pick(ringUsage());
        set({ shard, ring: 'ingress' }, ingress);
        set({ shard, ring: 'egress' }, egress);
      });
    });
  };
  rings('ring_used_bytes', 'Bytes waiting in a ring.', (usage) => [usage.ingressUsedBytes, usage.egressUsedBytes]);
  rings('ring_capacity_bytes', 'Bytes a ring can hold.', (usage) => [usage.ingressBytes, usage.egressBytes]);

  // Egress drops keep their shard: as a sum they would fall a little when one shard is replaced, and Prometheus would
  // take that for a restart and count the rest twice. The front counts ingress drops of all shards as one.
  addMetric(registry, ['counter', 'ring_drops_total', -1, 'Records lost to a full ring.'], ['ring', 'shard'], (set) => {
    set({ ring: 'ingress' }, new CounterBlock(sources.front).get(FrontCounter.ingressDropped));
    sources.shards.forEach(({ counters }, shard) => {
      set({ ring: 'egress', shard: String(shard) }, new CounterBlock(counters).get(ShardCounter.snapshotsDropped));
    });
  });
}

interface Sample {
  readonly metricName: string;
  readonly labels: Record<string, string | number>;
  readonly value: number;
}

/**
 * A histogram whose data are in shared memory. prom-client's own one counts its observations itself, and replaying
 * bucket counts into it one by one would take as long as the observations took.
 */
class SharedHistogram {
  readonly type = 'histogram';
  readonly aggregator = 'sum';

  constructor(
    readonly name: string,
    readonly help: string,
    private readonly sources: MetricsSources,
    private readonly index: number,
  ) {}

  async get(): Promise<object> {
    const values = this.sources.shards.flatMap(({ counters }, shard) => this.samplesOf(counters, String(shard)));
    return { name: this.name, help: this.help, type: this.type, aggregator: this.aggregator, values };
  }

  /** Part of what a registry expects of a metric. The counts belong to the shards and stay. */
  reset(): void {}

  private samplesOf(counters: SharedArrayBuffer, shard: string): Sample[] {
    const { boundsUs, counts, sumUs } = new HistogramBlock(counters, this.index);
    const samples: Sample[] = [];
    let cumulative = 0;
    for (let bucket = 0; bucket < counts.length; bucket += 1) {
      cumulative += counts[bucket]!;
      const le = bucket < boundsUs.length ? boundsUs[bucket]! / MICROSECONDS_PER_SECOND : '+Inf';
      samples.push({ metricName: `${this.name}_bucket`, labels: { le, shard }, value: cumulative });
    }
    samples.push({ metricName: `${this.name}_sum`, labels: { shard }, value: sumUs / MICROSECONDS_PER_SECOND });
    // The same reads as the buckets: a count read on its own could disagree with the last bucket.
    samples.push({ metricName: `${this.name}_count`, labels: { shard }, value: cumulative });
    return samples;
  }
}

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { startAdmin, type AdminListener, type AdminOptions } from '../src/host/admin.js';
import { createMetrics, type ShardSource } from '../src/host/metrics.js';
import { CounterBlock, createCounterBlock, FrontCounter, ShardCounter } from '../src/memory/counters.js';
import { HistogramBlock, ShardHistogram } from '../src/memory/histogram.js';

interface Family { help: string; type: string; samples: Map<string, number> }

/** Name, labels, value. */
const SAMPLE = /^([a-zA-Z_:][\w:]*)(\{(?:[a-z_]+="[^"\n]*",?)+\})? (Na[nN]|[+-]?(?:Inf|[\d.]+(?:e[+-]?\d+)?))$/;

/**
 * A strict reader of the text format: every sample belongs to the family announced above it, none comes twice.
 * prom-client writes NaN as `Nan`, which Prometheus reads too, whatever the case.
 */
function parse(text: string): Map<string, Family> {
  const families = new Map<string, Family>();
  let name = '';
  expect(text.endsWith('\n')).toBe(true);
  for (const line of text.split('\n').filter((each) => each !== '')) {
    const help = /^# HELP ([a-zA-Z_:][\w:]*) (.+)$/.exec(line);
    const type = /^# TYPE ([a-zA-Z_:][\w:]*) (counter|gauge|histogram|summary)$/.exec(line);
    const sample = SAMPLE.exec(line);
    if (help) {
      name = help[1]!;
      expect(families.has(name), `${name} announced twice`).toBe(false);
      families.set(name, { help: help[2]!, type: '', samples: new Map() });
    } else if (type) {
      expect(type[1]).toBe(name);
      families.get(name)!.type = type[2]!;
    } else {
      expect(sample, line).not.toBeNull();
      const family = families.get(name)!;
      const suffix = sample![1]!.slice(name.length);
      expect(sample![1]!.startsWith(name), line).toBe(true);
      expect(family.type === 'histogram' ? ['_bucket', '_sum', '_count'] : ['']).toContain(suffix);
      const key = `${suffix}${sample![2] ?? ''}`;
      expect(family.samples.has(key), line).toBe(false);
      family.samples.set(key, Number(sample![3]));
    }
  }
  return families;
}

function shardSource(): ShardSource & { block: CounterBlock } {
  const counters = createCounterBlock();
  return {
    counters,
    block: new CounterBlock(counters),
    ringUsage: () => ({ ingressUsedBytes: 1, egressUsedBytes: 2, ingressBytes: 1024, egressBytes: 4096 }),
  };
}

describe('the metrics text', () => {
  const front = createCounterBlock();
  const shards = [shardSource(), shardSource()];
  const metrics = createMetrics({ shards, front });
  const family = async (name: string): Promise<Family> => parse(await metrics.text()).get(`escapement_${name}`)!;

  test('has every counter of every shard, whole at each scrape', async () => {
    shards[0]!.block.add(ShardCounter.ticks, 60);
    shards[1]!.block.add(ShardCounter.ticks, 30);
    shards[1]!.block.set(ShardCounter.rooms, 4);
    await metrics.text();
    shards[0]!.block.add(ShardCounter.ticks, 60);
    expect(await family('ticks_total')).toEqual({
      help: 'Room ticks run.', type: 'counter', samples: new Map([['{shard="0"}', 120], ['{shard="1"}', 30]]),
    });
    expect(await family('rooms')).toMatchObject({
      type: 'gauge', samples: new Map([['{shard="0"}', 0], ['{shard="1"}', 4]]),
    });
  });

  test('has the front\'s counters and the rings', async () => {
    const block = new CounterBlock(front);
    block.set(FrontCounter.connections, 7);
    block.add(FrontCounter.bytesOut, 2 ** 40);
    block.add(FrontCounter.ingressDropped, 5);
    shards[1]!.block.add(ShardCounter.snapshotsDropped, 6);
    expect((await family('connections')).samples.get('')).toBe(7);
    expect((await family('bytes_out_total')).samples.get('')).toBe(2 ** 40);
    expect([...(await family('ring_used_bytes')).samples]).toEqual([
      ['{shard="0",ring="ingress"}', 1], ['{shard="0",ring="egress"}', 2],
      ['{shard="1",ring="ingress"}', 1], ['{shard="1",ring="egress"}', 2],
    ]);
    expect((await family('ring_capacity_bytes')).samples.get('{shard="1",ring="egress"}')).toBe(4096);
    expect([...(await family('ring_drops_total')).samples]).toEqual([
      ['{ring="ingress"}', 5], ['{ring="egress",shard="0"}', 0], ['{ring="egress",shard="1"}', 6],
    ]);
  });

  test('names every counter there is', async () => {
    const names = [...parse(await metrics.text()).keys()].filter((name) => name.startsWith('escapement_'));
    for (const name of [
      'rooms', 'clients', 'ticks_total', 'ticks_skipped_total', 'ticks_late_total', 'tick_lateness_seconds',
      'tick_lateness_last_seconds', 'tick_duration_seconds', 'ring_used_bytes', 'ring_capacity_bytes',
      'ring_drops_total', 'frames_out_total', 'bytes_out_total', 'frames_in_total', 'bytes_in_total',
      'frames_refused_total', 'frames_over_rate_total',
      'inputs_total', 'inputs_dropped_total', 'messages_total', 'snapshots_total',
      'snapshots_dropped_total', 'snapshots_skipped_total', 'keyframes_total', 'egress_records_total',
      'clients_lagging', 'snapshots_lagged_total', 'clients_too_slow_total', 'sockets_too_slow_total',
      'egress_bytes_total', 'hook_errors_total', 'shard_heap_used_bytes', 'connections', 'connections_opened_total',
    ]) expect(names).toContain(`escapement_${name}`);
    // Every word of both maps is in exactly one metric, but `snapshotsDropped`, which is a ring's drops as well; and
    // there are two histograms, and two metrics of the rings' fill.
    const words = Object.keys(ShardCounter).length + Object.keys(FrontCounter).length;
    expect(names).toHaveLength(words + 4);
  });

  test('has cumulative histograms in seconds that end with +Inf', async () => {
    const histogram = new HistogramBlock(shards[0]!.counters, ShardHistogram.tickLatenessUs);
    for (const us of [10, 50, 51, 900, 5e6]) histogram.observe(us);
    const { type, samples } = await family('tick_lateness_seconds');
    expect(type).toBe('histogram');
    const buckets = [...samples].filter(([key]) => key.startsWith('_bucket') && key.includes('shard="0"'));
    expect(buckets).toHaveLength(17);
    const bounds = buckets.map(([key]) => /le="([^"]+)"/.exec(key)![1]!);
    expect(bounds.slice(0, 3).concat(bounds.slice(-2))).toEqual(['0.00005', '0.0001', '0.00015', '1', '+Inf']);
    const counts = buckets.map(([, value]) => value);
    expect(counts).toEqual([...counts].sort((a, b) => a - b));
    expect([counts[0], counts[1], counts.at(-2), counts.at(-1)]).toEqual([2, 3, 4, 5]);
    expect(samples.get('_count{shard="0"}')).toBe(5);
    expect(samples.get('_sum{shard="0"}')).toBeCloseTo(5.001011, 9);
    expect(samples.get('_count{shard="1"}')).toBe(0);
  });

  test('has the process\'s own metrics, in one registry for each server', async () => {
    const other = parse(await createMetrics({ shards: [shardSource()], front: createCounterBlock() }).text());
    expect(other.get('process_cpu_seconds_total')!.type).toBe('counter');
    expect([...other.get('escapement_ticks_total')!.samples]).toEqual([['{shard="0"}', 0]]);
    expect((await family('ticks_total')).samples.get('{shard="0"}')).toBe(120);
  });

  test('follows a shard that was replaced', async () => {
    const live = [shardSource()];
    live[0]!.block.add(ShardCounter.ticks, 5);
    const replaced = createMetrics({ shards: live, front });
    await replaced.text();
    live[0] = shardSource();
    live[0].block.add(ShardCounter.ticks, 1);
    const ticks = parse(await replaced.text()).get('escapement_ticks_total')!;
    expect([...ticks.samples]).toEqual([['{shard="0"}', 1]]);
  });
});

describe('the admin listener', () => {
  const open: AdminListener[] = [];
  afterEach(async () => {
    for (const admin of open.splice(0)) await admin.close();
  });

  async function start(options: Partial<AdminOptions> = {}): Promise<string> {
    const admin = await startAdmin({
      host: '127.0.0.1', port: 0, metrics: createMetrics({ shards: [shardSource()], front: createCounterBlock() }),
      health: () => ({ status: 'ok', version: '1.2.3' }), ...options,
    });
    open.push(admin);
    return `http://127.0.0.1:${admin.port}`;
  }

  test('serves metrics and health', async () => {
    const url = await start();
    const metrics = await fetch(`${url}/metrics`);
    expect([metrics.status, metrics.headers.get('content-type')]).toEqual([
      200, 'text/plain; version=0.0.4; charset=utf-8',
    ]);
    expect(parse(await metrics.text()).has('escapement_rooms')).toBe(true);
    const health = await fetch(`${url}/healthz?from=probe`);
    expect([health.status, health.headers.get('content-type')]).toEqual([200, 'application/json']);
    expect(await health.json()).toEqual({ status: 'ok', version: '1.2.3' });
    const head = await fetch(`${url}/healthz`, { method: 'HEAD' });
    expect([head.status, await head.text()]).toEqual([200, '']);
  });

  test('answers 503 on /healthz once the server is not ok', async () => {
    const url = await start({ health: () => ({ status: 'closing' }) });
    const health = await fetch(`${url}/healthz`);
    expect([health.status, await health.json()]).toEqual([503, { status: 'closing' }]);
  });

  test('answers 404 elsewhere, 405 to other methods, 500 when a callback fails, and stays up', async () => {
    const url = await start({ health: () => { throw new Error('no idea'); } });
    expect((await fetch(`${url}/`)).status).toBe(404);
    expect((await fetch(`${url}/metrics/`, { method: 'POST', body: 'x' })).status).toBe(404);
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) {
      const refused = await fetch(`${url}/metrics`, { method });
      expect([refused.status, refused.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
    }
    const failed = await fetch(`${url}/healthz`);
    expect([failed.status, await failed.text()]).toEqual([500, 'failed: no idea\n']);
    expect((await fetch(`${url}/metrics`)).status).toBe(200);
  });

  test('names a taken port and the remedy', async () => {
    const holder = createServer();
    await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve));
    const { port } = holder.address() as AddressInfo;
    await expect(start({ port })).rejects.toMatchObject({
      name: 'ListenError', code: 'ERR_ESCAPEMENT_LISTEN', cause: { code: 'EADDRINUSE' },
      message: `the admin listener cannot listen on 127.0.0.1:${port}: port ${port} is taken; stop its holder `
        + `(ss -ltnp 'sport = :${port}' names it), or choose another port (option adminPort or --admin-port; 0 takes `
        + 'any free one)',
    });
    await new Promise((resolve) => holder.close(resolve));
  });

  test('names an address that is not this machine\'s', async () => {
    await expect(start({ host: '192.0.2.1' })).rejects.toMatchObject({
      code: 'ERR_ESCAPEMENT_LISTEN', message: expect.stringContaining('this machine does not have that address'),
    });
  });

  test('closes with connections open, and closes once', async () => {
    const url = await start();
    await (await fetch(`${url}/healthz`)).text();
    const [admin] = open;
    expect(admin!.close()).toBe(admin!.close());
    await admin!.close();
    await expect(fetch(`${url}/healthz`)).rejects.toThrow();
  });
});

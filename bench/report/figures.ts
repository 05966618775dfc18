/** The plots of every bench, in the order of the page. */
import { ARENA_FIGURES } from './arena-figures.js';
import type { Bar } from './bar-chart.js';
import type { Tone } from './chart-card.js';
import { barsOf, groupsBySize, pointsOf, type Figure } from './figure.js';
import { JOINS_FIGURES } from './joins-figures.js';
import { shortNumber } from './metric-name.js';
import type { BenchReport } from '../run.js';

const HEAVY_FIGURES: readonly Figure[] = [
  {
    name: 'heavy-rooms',
    title: 'Rooms held when rooms compute',
    subtitle: 'The most rooms with every one of them at its rate; more is better. Outlines are of the model, not measured.',
    chart: (report) => ({
      kind: 'bars',
      groups: [
        {
          label: 'One core for the game',
          bars: barsOf(report, [
            ['escapement, 1 shard', 'maxRoomsEscapement', 'blue'],
            ['Colyseus, 1 process', 'maxRoomsColyseus', 'orange'],
          ]),
        },
        {
          label: 'Two cores for the game',
          bars: barsOf(report, [
            ['escapement, 2 shards', 'maxRoomsEscapementTwoShards', 'blue'],
            ['Colyseus, 2 processes', 'maxRoomsColyseusTwoProcesses', 'orange'],
          ]),
        },
        { label: 'Larger machines, by the model', bars: modelBars(report) },
      ],
      axis: 'rooms',
      unit: 'rooms',
    }),
  },
];

function modelBars(report: BenchReport): Bar[] {
  return pointsOf(report, 'modelRooms', 'At', 'Cores').map(({ x, y }) => ({
    label: `escapement, ${x} cores`, tone: 'blue', value: y, isModel: true,
  }));
}

const CROWD_PEERS = [['escapement', 'escapement', 'blue'], ['Colyseus', 'colyseus', 'orange']] as const;

const CROWD_FIGURES: readonly Figure[] = [
  {
    name: 'crowd-cpu',
    title: 'Crowds: CPU per snapshot',
    subtitle: 'Server process: what it takes itself, and what the kernel takes for it; less is better.',
    chart: (report) => ({
      kind: 'bars',
      groups: groupsBySize(report, CROWD_PEERS.map(([, key]) => `${key}CpuUsPerSnapshot`), (clients) => ({
        label: `${shortNumber(clients)} clients`,
        bars: CROWD_PEERS.flatMap(([label, key, tone]) => crowdBar(report, clients, label, key, tone)),
      })),
      axis: 'µs per snapshot',
      unit: 'µs',
      legend: [{ label: 'user', tone: 'grey' }, { label: 'kernel', tone: 'grey', isPale: true }],
    }),
  },
];

function crowdBar({ metrics }: BenchReport, clients: number, label: string, key: string, tone: Tone): Bar[] {
  const value = metrics[`${key}CpuUsPerSnapshot${clients}`];
  const userUs = metrics[`${key}UserUsPerSnapshot${clients}`];
  if (value === undefined) return [];
  if (userUs === undefined) return [{ label, tone, value }];
  const parts = [{ value: userUs, tone }, { value: Math.max(0, value - userUs), tone, isPale: true }];
  return [{ label, tone, value, parts }];
}

const SNAPSHOT_CONTENDERS: readonly (readonly [label: string, prefix: string, tone: Tone])[] = [
  ['escapement', '', 'blue'],
  ['@colyseus/schema', 'colyseus', 'orange'],
  ['FlatBuffers tables', 'flatbuffers', 'purple'],
  ['JSON', 'json', 'green'],
];

function snapshotBars(report: BenchReport, what: string, entities: number, more: typeof SNAPSHOT_CONTENDERS = []): Bar[] {
  return barsOf(report, [...more, ...SNAPSHOT_CONTENDERS].map(([label, prefix, tone]) => {
    const metric = prefix === '' ? what : prefix + what[0]!.toUpperCase() + what.slice(1);
    return [label, `${metric}${entities}`, tone];
  }));
}

const SNAPSHOT_FIGURES: readonly Figure[] = [
  {
    name: 'snapshot-bytes',
    title: 'Size of a snapshot',
    subtitle: 'Whole messages of an arena in motion; less is better. Entropy is of what changed, without a frame.',
    chart: (report) => ({
      kind: 'bars',
      groups: groupsBySize(report, ['bytes'], (players) => ({
        label: `${shortNumber(players)} players`,
        bars: snapshotBars(report, 'bytes', players, [['entropy', 'entropy', 'grey']]),
      })),
      axis: 'B per snapshot',
      unit: 'B',
      isLog: true,
    }),
  },
  {
    name: 'snapshot-encode',
    title: 'Time to encode a snapshot',
    subtitle: 'From settled state to a message, comparing or assigning included; less is better.',
    chart: (report) => ({
      kind: 'bars',
      groups: groupsBySize(report, ['encodeUs'], (players) => ({
        label: `${shortNumber(players)} players`,
        bars: snapshotBars(report, 'encodeUs', players),
      })),
      axis: 'µs per snapshot',
      unit: 'µs',
      isLog: true,
    }),
  },
];

const INTEREST_FIGURES: readonly Figure[] = [
  {
    name: 'interest-views',
    title: 'A snapshot for clients who each see a part',
    subtitle: 'Time for all clients\' frames, each of whom sees about 100 entities; less is better.',
    chart: (report) => ({
      kind: 'bars',
      groups: [
        {
          label: '100 clients, 1,000 entities',
          bars: barsOf(report, [
            ['escapement', 'usPerSnapshot', 'blue'],
            ['Colyseus, StateView', 'colyseusUsPerSnapshot', 'orange'],
          ]),
        },
        {
          label: '400 clients, 5,000 entities',
          bars: barsOf(report, [
            ['escapement', 'largeUsPerSnapshot', 'blue'],
            ['Colyseus, StateView', 'largeColyseusUsPerSnapshot', 'orange'],
          ]),
        },
      ],
      axis: 'µs per snapshot',
      unit: 'µs',
      isLog: true,
    }),
  },
  {
    name: 'interest-curve',
    title: 'How a snapshot\'s time grows with the crowd',
    subtitle: 'escapement, the time for all clients\' frames; less is better.',
    chart: (report) => ({
      kind: 'lines',
      series: [
        { label: 'clients, of 1,000 entities', tone: 'blue', points: pointsOf(report, 'usPerSnapshot', 'Of', 'Clients') },
        { label: 'entities, for 100 clients', tone: 'orange', points: pointsOf(report, 'usPerSnapshot', 'Of', 'Entities') },
      ],
      xAxis: 'clients, or entities',
      yAxis: 'µs per snapshot',
    }),
  },
];

const SLOW_FIGURES: readonly Figure[] = [
  {
    name: 'slow-delay',
    title: 'What 90 clients notice of 10 who stop reading',
    subtitle: 'From the beginning of a tick to its snapshot at one of the 90; less is better.',
    chart: (report) => ({
      kind: 'bars',
      groups: [
        { label: 'p50', bars: barsOf(report, [['all read', 'calmDelayP50Ms', 'grey'], ['10 don\'t', 'slowDelayP50Ms', 'blue']]) },
        { label: 'p99', bars: barsOf(report, [['all read', 'calmDelayP99Ms', 'grey'], ['10 don\'t', 'slowDelayP99Ms', 'blue']]) },
      ],
      axis: 'ms',
      unit: 'ms',
    }),
  },
];

function tickBars(report: BenchReport, quantile: string): Bar[] {
  return barsOf(report, [
    ['escapement', `lateness${quantile}Ms`, 'blue'],
    ['setInterval', `setIntervalLateness${quantile}Ms`, 'orange'],
    ['setTimeout, chained', `setTimeoutLateness${quantile}Ms`, 'purple'],
  ]);
}

const TICK_FIGURES: readonly Figure[] = [
  {
    name: 'tick-lateness',
    title: 'How far ticks are from their deadlines',
    subtitle: 'One room at 60 Hz; less is better. Timers drift, so their distance grows for as long as they run.',
    chart: (report) => ({
      kind: 'bars',
      groups: [
        { label: 'p50', bars: tickBars(report, 'P50') },
        { label: 'p99', bars: tickBars(report, 'P99') },
        { label: 'longest', bars: tickBars(report, 'Max') },
      ],
      axis: 'ms',
      unit: 'ms',
      isLog: true,
    }),
  },
];

const LATENCY_FIGURES: readonly Figure[] = [
  {
    name: 'latency-parts',
    title: 'From an input to the state that shows it, one client',
    subtitle: 'Over a socket, in a room of 60 ticks and 60 snapshots a second; less is better.',
    chart: (report) => ({
      kind: 'bars',
      groups: [['p50', 'P50'], ['p99', 'P99']].map(([label, quantile]) => ({
        label,
        bars: barsOf(report, [
          ['in all', `rawLatency${quantile}Ms`, 'grey'],
          ['wait for the tick', `wait${quantile}Ms`, 'grey'],
          ['the server\'s share', `latency${quantile}Ms`, 'blue'],
        ]),
      })),
      axis: 'ms',
      unit: 'ms',
    }),
  },
];

const RING_FIGURES: readonly Figure[] = [
  {
    name: 'ring-rate',
    title: '64 bytes from one thread to another',
    subtitle: 'Written, carried, read and checked; more is better. The range is over the rounds.',
    chart: (report) => ({
      kind: 'bars',
      groups: [{
        bars: barsOf(report, [
          ['ring', 'recordsPerSec', 'blue', { remark: rangeOf(report, 'recordsPerSec') }],
          ['postMessage', 'postMessagePerSec', 'orange', { remark: rangeOf(report, 'postMessagePerSec') }],
        ]),
      }],
      axis: 'records per second',
      unit: '/s',
    }),
  },
];

function rangeOf({ metrics }: BenchReport, name: string): string | undefined {
  const [low, high] = [metrics[`${name}Min`], metrics[`${name}Max`]];
  return low === undefined || high === undefined ? undefined : `(${shortNumber(low)} to ${shortNumber(high)})`;
}

/**
 * Benches in the order of the page, the ones against other servers first. Memory has two figures and the steady bench
 * figures of many kinds: tables say more of them than bars could. A bench that isn't here comes last, with its tables.
 */
export const FIGURES: ReadonlyMap<string, readonly Figure[]> = new Map([
  ['arena', ARENA_FIGURES],
  ['heavy', HEAVY_FIGURES],
  ['crowd', CROWD_FIGURES],
  ['joins', JOINS_FIGURES],
  ['memory', []],
  ['snapshot', SNAPSHOT_FIGURES],
  ['interest', INTEREST_FIGURES],
  ['slow', SLOW_FIGURES],
  ['tick', TICK_FIGURES],
  ['latency', LATENCY_FIGURES],
  ['steady', []],
  ['ring', RING_FIGURES],
]);

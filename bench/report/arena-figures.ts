/** The plots of the arena bench: five servers that run the same rooms. */
import type { BenchReport } from '../run.js';
import type { Tone } from './chart-card.js';
import { barsOf, pointsOf, type Figure } from './figure.js';
import type { Point, Series } from './line-chart.js';

interface Server {
  /** What its metrics begin with. */
  readonly key: string;
  readonly label: string;
  readonly tone: Tone;
  readonly maxRooms: string;
}

const ESCAPEMENT: Server = { key: 'escapement', label: 'escapement', tone: 'blue', maxRooms: 'maxRooms' };
const FLOOR: Server = { key: 'floor', label: 'floor: bare uWebSockets.js', tone: 'grey', maxRooms: 'maxRoomsFloor' };
const SERVERS: readonly Server[] = [
  ESCAPEMENT,
  FLOOR,
  { key: 'colyseusUws', label: 'Colyseus, uWebSockets.js', tone: 'orange', maxRooms: 'maxRoomsColyseusUws' },
  { key: 'colyseusWs', label: 'Colyseus, ws', tone: 'purple', maxRooms: 'maxRoomsColyseusWs' },
  { key: 'socketio', label: 'socket.io, JSON', tone: 'green', maxRooms: 'maxRoomsSocketio' },
];
/** What all servers are compared at when a plot has one place for each. */
const ROOMS = 32;

export const ARENA_FIGURES: readonly Figure[] = [
  {
    name: 'arena-cpu',
    title: 'CPU per delivered snapshot',
    subtitle: 'User and system time of the server process, the snapshot\'s 1.5 inputs included; less is better.',
    chart: (report) => overRooms(report, 'CpuUsPerSnapshot', { yAxis: 'µs of CPU per snapshot and client' }),
  },
  {
    name: 'arena-over-floor',
    title: 'Distance to the floor',
    subtitle: 'CPU per delivered snapshot; the floor publishes ready-made bytes and plays no game. Less is better.',
    chart: (report) => {
      const goal = report.goals.find(({ name }) => name === 'cpuOverFloor');
      return {
        kind: 'lines',
        series: SERVERS.filter((server) => server !== FLOOR)
          .map(({ key, label, tone }) => ({ label, tone, points: overFloor(report, key) })),
        references: [
          { label: 'floor', y: 1 },
          ...(goal === undefined ? [] : [{ label: `goal for escapement ${goal.limit}`, y: goal.limit }]),
        ],
        xAxis: ROOMS_AXIS,
        yAxis: 'times the floor',
        yFrom: 1,
      };
    },
  },
  {
    name: 'arena-jitter',
    title: 'Snapshot jitter, p99',
    subtitle: 'How far a snapshot comes from its turn, as clients see it, at 20 snapshots a second; less is better.',
    chart: (report) => overRooms(report, 'JitterP99Ms', { yAxis: 'ms', isLog: true }),
  },
  {
    name: 'arena-latency',
    title: `From an input to the state that shows it, ${ROOMS} rooms`,
    subtitle: 'At a client, the wait for the tick and the snapshot included; less is better.',
    chart: (report) => ({
      kind: 'bars',
      groups: [
        { label: 'p50', bars: atRooms(report, 'LatencyP50Ms') },
        { label: 'p99', bars: atRooms(report, 'LatencyP99Ms') },
      ],
      axis: 'ms',
      unit: 'ms',
    }),
  },
  {
    name: 'arena-bytes',
    title: `Bytes sent per client and second, ${ROOMS} rooms`,
    subtitle: '16 players, 20 snapshots a second; less is better.',
    chart: (report) => ({
      kind: 'bars',
      groups: [
        { label: 'Messages', bars: atRooms(report, 'BytesPerClientPerSec') },
        { label: 'On the wire', bars: atRooms(report, 'WireBytesPerClientPerSec') },
      ],
      axis: 'B/s per client',
      unit: 'B/s',
      isLog: true,
    }),
  },
  {
    name: 'arena-rooms',
    title: 'Rooms of 16 held on one core',
    subtitle: 'The most rooms with every one of them at its rate and its snapshots on time; more is better.',
    chart: (report) => ({
      kind: 'bars',
      groups: [{ bars: barsOf(report, SERVERS.map(({ label, maxRooms, tone }) => [label, maxRooms, tone])) }],
      axis: 'rooms',
      unit: 'rooms',
    }),
  },
  {
    name: 'arena-memory',
    title: 'Memory of the server process',
    subtitle: 'Resident, with 16 players in every room; less is better.',
    chart: (report) => overRooms(report, 'RssMiB', { yAxis: 'MiB' }),
  },
  {
    name: 'arena-threads',
    title: 'CPU by thread, on two cores',
    subtitle: 'Of escapement: the front takes sockets in and out, the shard plays and encodes. 100 % is one core.',
    chart: (report) => ({
      kind: 'bars',
      groups: [{ bars: threadBars(report) }],
      axis: '% of one core',
      unit: '%',
      legend: THREADS.map(([, label, look]) => ({ label, ...look })),
    }),
  },
];

const ROOMS_AXIS = 'rooms of 16 players';

function overRooms(report: BenchReport, what: string, more: { yAxis: string; isLog?: boolean }) {
  const series = SERVERS.map((server): Series => ({
    label: server.label,
    tone: server.tone,
    points: pointsOf(report, server.key + what, 'At'),
    isDashed: server === FLOOR,
  }));
  return { kind: 'lines' as const, series, xAxis: ROOMS_AXIS, ...more };
}

function atRooms(report: BenchReport, what: string) {
  return barsOf(report, SERVERS.map(({ key, label, tone }) => [label, `${key}${what}At${ROOMS}`, tone]));
}

/** As the bench says it, which may be from ratios within a run; else from the CPU of both. */
function overFloor(report: BenchReport, key: string): Point[] {
  const said = pointsOf(report, key === ESCAPEMENT.key ? 'cpuOverFloor' : `${key}OverFloor`, 'At');
  if (said.length > 0) return said;
  const floor = new Map(pointsOf(report, 'floorCpuUsPerSnapshot', 'At').map(({ x, y }) => [x, y]));
  return pointsOf(report, `${key}CpuUsPerSnapshot`, 'At').flatMap(({ x, y }) => {
    const floorUs = floor.get(x);
    return floorUs === undefined || floorUs === 0 ? [] : [{ x, y: y / floorUs }];
  });
}

const THREADS = [
  ['frontCorePercent', 'front', { tone: 'blue' }],
  ['shardCorePercent', 'shard', { tone: 'orange' }],
  ['otherCorePercent', 'other threads', { tone: 'grey' }],
] as const;

function threadBars(report: BenchReport) {
  const rooms = new Set(THREADS.flatMap(([stem]) => pointsOf(report, stem, 'At', 'TwoCores').map(({ x }) => x)));
  return [...rooms].sort((a, b) => a - b).map((count) => {
    const parts = THREADS.flatMap(([stem, , look]) => {
      const value = report.metrics[`${stem}At${count}TwoCores`];
      return value === undefined ? [] : [{ value, ...look }];
    });
    const value = parts.reduce((sum, part) => sum + part.value, 0);
    return { label: `${count} rooms`, tone: 'blue' as const, value, parts };
  });
}

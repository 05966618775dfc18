/**
 * One run: one server, so many full rooms, for some seconds.
 *
 * ```
 *   server    starts ------------------------------------------------------------------> stops
 *   load               joins, plays  | warm-up | measured ................... | settles
 *   probes             join          |         | one in each of some rooms .. | compare
 * ```
 */
import { PLAYERS_PER_ROOM, SNAPSHOT_RATE_HZ } from '../arena-game.js';
import { distributionOf } from '../distribution.js';
import { Load } from '../load/load.js';
import type { Contender } from './contenders.js';
import { MeasuredServer, type ThreadTimes } from './server-process.js';
import { UserSampler } from './user-sampler.js';

/** Bytes of one TCP segment besides what it carries: IPv4 20, TCP 20, its timestamps 12. */
const SEGMENT_HEAD_BYTES = 52;

/** Which cores who may use; null: any. */
export interface Placement {
  readonly server: string | null;
  readonly load: string | null;
  /** Front and shard on cores of their own; the load shares them, and gives way. */
  readonly threads: { readonly front: string; readonly shard: string } | null;
}

export interface RunSize {
  readonly rooms: number;
  /** The arena's, 16, unless the room is another one. */
  readonly playersPerRoom?: number;
  /** The arena's, 20, unless the room is another one. */
  readonly snapshotRateHz?: number;
  /** Whether user time is to be told by perf where there is one; false: by /proc, which is less exact. */
  readonly samplesUser?: boolean;
  readonly warmUpSec: number;
  readonly measureSec: number;
  /** Rooms with a probe in them. */
  readonly probes: number;
  readonly seed: number;
}

export interface RunFigures {
  readonly rooms: number;
  readonly cpuUsPerSnapshot: number;
  /** The part of it outside of the kernel. */
  readonly userUsPerSnapshot: number;
  /** Whether perf told it. */
  readonly isUserSampled: boolean;
  /** CPU time of each thread over the time measured. */
  readonly coreShare: ThreadTimes & { readonly all: number };
  /** Of its time, how much the load was busy. */
  readonly loadBusyShare: number;
  readonly snapshotsPerClientPerSec: number;
  readonly inputsPerClientPerSec: number;
  readonly bytesPerSnapshot: number;
  readonly bytesPerClientPerSec: number;
  readonly wireBytesPerClientPerSec: number;
  readonly jitterP50Ms: number;
  readonly jitterP99Ms: number;
  readonly latencyP50Ms: number;
  readonly latencyP99Ms: number;
  readonly worstRoomHz: number;
  readonly fastestRoomHz: number;
  readonly tickIntervalP99Ms: number;
  readonly residentMiB: number;
  readonly statesCompared: number;
  /** When it was measured, in microseconds of CLOCK_MONOTONIC, which all processes of a machine share. */
  readonly measured: { readonly fromUs: number; readonly toUs: number };
}

/** @throws when a client was closed, missed a snapshot or saw another state than its room's. */
export async function runArena(
  { driver, start }: Contender,
  size: RunSize,
  { server: serverCores, load: loadCores, threads }: Placement,
  room = 'arena',
): Promise<RunFigures> {
  const { rooms, playersPerRoom = PLAYERS_PER_ROOM, snapshotRateHz = SNAPSHOT_RATE_HZ } = size;
  const { samplesUser = false, warmUpSec, measureSec, probes, seed } = size;
  const server = await MeasuredServer.start(start, serverCores);
  const load = Load.start(loadCores, threads === null ? 0 : 19);
  // Little work, to be done at once: it must see when a frame came, not when the load left it the core.
  const probe = Load.start(loadCores, process.getuid?.() === 0 ? -10 : 0);
  try {
    if (threads !== null) server.pinThreads(threads.front, threads.shard);
    const { url } = server;
    const order = { contender: driver, url, room, snapshotRateHz, seed, sleeps: threads !== null };
    const all = Array.from({ length: rooms }, () => null);
    // The probes first: rooms without one get one more player like any other.
    const probed = await probe.join({ ...order, roomIds: all.slice(0, probes), clientsPerRoom: 1, isProbe: true });
    await load.join({ ...order, roomIds: probed, clientsPerRoom: playersPerRoom - 1, isProbe: false });
    await load.join({ ...order, roomIds: all.slice(probes), clientsPerRoom: playersPerRoom, isProbe: false });
    await sleep(warmUpSec);
    const sampler = samplesUser ? await UserSampler.start(server.pid, loadCores) : null;
    await Promise.all([load.begin(), probe.begin()]);
    const before = { times: server.threadTimes(), userMs: server.userMs(), sent: server.sent(), atUs: nowUs() };
    await sleep(measureSec);
    const times = server.threadTimes();
    const userMs = server.userMs();
    const atUs = nowUs();
    const elapsedMs = (atUs - before.atUs) / 1000;
    const sent = server.sent();
    const [figures, seen] = await Promise.all([load.end(), probe.end()]);
    const userShare = (await sampler?.stop()) ?? null;
    const residentMiB = server.residentMiB();
    const [, statesCompared] = await Promise.all([load.verify(), probe.verify()]);

    const front = times.front - before.times.front;
    const shard = times.shard - before.times.shard;
    const other = times.other - before.times.other;
    const perSec = 1000 / figures.elapsedMs;
    const clients = figures.clients;
    // Snapshots are counted over a little more time than the CPU: both are rates.
    const snapshotsPerSec = (figures.snapshots + seen.snapshots) * perSec;
    const cpuMs = front + shard + other;
    const wireBytes = sent.bytes - before.sent.bytes + SEGMENT_HEAD_BYTES * (sent.segments - before.sent.segments);
    const jitter = distributionOf(seen.jittersMs);
    const latency = distributionOf(seen.latenciesMs.length > 0 ? seen.latenciesMs : [0]);
    const usPerSnapshot = (ms: number): number => (ms * 1000) / elapsedMs / (snapshotsPerSec / 1000);
    const rates = figures.reports.map(({ ticks, elapsedMs: ms }) => (ms === 0 ? 0 : (ticks * 1000) / ms));
    return {
      rooms,
      cpuUsPerSnapshot: usPerSnapshot(cpuMs),
      userUsPerSnapshot: usPerSnapshot(userShare === null ? userMs - before.userMs : userShare * cpuMs),
      isUserSampled: userShare !== null,
      coreShare: {
        front: front / elapsedMs,
        shard: shard / elapsedMs,
        other: other / elapsedMs,
        all: cpuMs / elapsedMs,
      },
      loadBusyShare: figures.busyMs / figures.elapsedMs,
      snapshotsPerClientPerSec: snapshotsPerSec / (clients + seen.clients),
      inputsPerClientPerSec: (figures.inputs * perSec) / clients,
      bytesPerSnapshot: figures.bytes / figures.snapshots,
      bytesPerClientPerSec: (figures.bytes * perSec) / clients,
      wireBytesPerClientPerSec: wireBytes / (elapsedMs / 1000) / (clients + seen.clients),
      jitterP50Ms: jitter.p50,
      jitterP99Ms: jitter.p99,
      latencyP50Ms: latency.p50,
      latencyP99Ms: latency.p99,
      worstRoomHz: Math.min(...rates),
      fastestRoomHz: Math.max(...rates),
      tickIntervalP99Ms: Math.max(...figures.reports.map((report) => report.tickIntervalP99Ms)),
      residentMiB,
      statesCompared,
      measured: { fromUs: before.atUs, toUs: atUs },
    };
  } finally {
    load.stop();
    probe.stop();
    await server.stop();
  }
}

/** Of CLOCK_MONOTONIC, in microseconds. */
function nowUs(): number {
  return Number(process.hrtime.bigint() / 1000n);
}

function sleep(seconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, seconds * 1000));
}

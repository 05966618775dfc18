/**
 * One room in which a hundred players all see each other, at 60 ticks and 30 snapshots a second, each player moving and
 * sending 30 inputs a second; and the same room with 900 bots. What a delivered snapshot costs our server and Colyseus, on
 * the same core with the same load: in the kernel, which sends and receives the same for both, and outside of it.
 *
 * ```
 *   rounds      100: ours, Colyseus   1,000: ours, Colyseus   100: ours, …     figures: medians over the rounds
 *   profiled    100: ours, Colyseus   1,000: ours, Colyseus                    top frames
 * ```
 *
 * Ratios are medians of the ratios within a round. Right or wrong: a frozen room's state is what the probe in it sees, no
 * client of ours missed a snapshot or was closed, and our room ticked and sent at its rates.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { COLYSEUS_UWS, escapement, type Contender } from './arena/contenders.js';
import { runArena, type Placement, type RunFigures } from './arena/arena-run.js';
import { INPUT_RATE_HZ, TICK_RATE_HZ } from './arena-game.js';
import { splitCores } from './core-pinning.js';
import { topFrames } from './cpu-profile.js';
import { atMost } from './goal.js';
import { OtherLoad } from './machine.js';
import { ensurePeers } from './peers-installed.js';
import { BOTS, PLAYERS, SNAPSHOT_RATE_HZ } from './throng-game.js';
import type { BenchOptions, BenchResult } from './run.js';

export const name = 'crowd';
export const about = 'one room of 100 players, and of 1,000 entities, beside Colyseus: CPU outside the kernel, top frames';

const SEED = 0xc403d;

/**
 * A tick's functions run 60 times a second, so it takes long until all of them are compiled. The small size is about
 * what is right: its few runs are profiled ones, which cost more, its rates are of less than a second, and it has no time for
 * perf.
 */
const SIZES = {
  full: { rounds: 3, warmUpSec: 20, measureSec: 10, samplesUser: true, rateShareMin: 0.99 },
  small: { rounds: 0, warmUpSec: 0.3, measureSec: 0.7, samplesUser: false, rateShareMin: 0.8 },
};
type Size = (typeof SIZES)['full' | 'small'];

const ROOMS = [
  { entities: PLAYERS, room: 'throng' },
  { entities: PLAYERS + BOTS, room: 'throng-with-bots' },
] as const;

const OURS = escapement();
const CONTENDERS: readonly Contender[] = [OURS, { ...COLYSEUS_UWS, name: 'colyseus' }];

const TOP_FRAMES = 8;

const USER_OVER_COLYSEUS_MAX = 0.1;

/** Figures of one run that become a metric each, between the contender's name and the number of entities. */
const SHOWN: readonly (readonly [string, (run: RunFigures) => number])[] = [
  ['UserUsPerSnapshot', (run) => run.userUsPerSnapshot],
  ['CpuUsPerSnapshot', (run) => run.cpuUsPerSnapshot],
  ['BytesPerClientPerSec', (run) => run.bytesPerClientPerSec],
  ['SnapshotsPerClientPerSec', (run) => run.snapshotsPerClientPerSec],
  ['InputsPerClientPerSec', (run) => run.inputsPerClientPerSec],
  ['TicksPerSec', (run) => run.worstRoomHz],
  ['JitterP50Ms', (run) => run.jitterP50Ms],
  ['JitterP99Ms', (run) => run.jitterP99Ms],
  ['LatencyP50Ms', (run) => run.latencyP50Ms],
  ['LatencyP99Ms', (run) => run.latencyP99Ms],
  ['CoreShare', (run) => run.coreShare.all],
  ['LoadBusyShare', (run) => run.loadBusyShare],
];

type Runs = Map<string, RunFigures[]>;

export async function run({ small, keep }: BenchOptions): Promise<BenchResult> {
  ensurePeers();
  const size = small ? SIZES.small : SIZES.full;
  const otherLoad = new OtherLoad();
  const runs: Runs = new Map();
  const profiled: Runs = new Map();
  const frames: string[] = [];

  for (let round = 0; round < size.rounds; round += 1) {
    for (const { entities, room } of ROOMS) {
      for (const contender of CONTENDERS) {
        const head = `round ${round + 1}/${size.rounds}`;
        add(runs, contender, entities, await runOne(contender, room, entities, size, SEED + round, head));
        keep(SEED, metricsOf(runs));
      }
    }
  }
  for (const { entities, room } of ROOMS) {
    for (const contender of CONTENDERS) {
      const { figures, top } = await runProfiled(contender, room, entities, size);
      add(profiled, contender, entities, figures);
      frames.push(`${contender.name} at ${entities.toLocaleString('en-US')}: ${top}`);
    }
  }

  const metrics = metricsOf(small ? profiled : runs);
  metrics.statesCompared = [...runs.values(), ...profiled.values()].flat().reduce((sum, each) => sum + each.statesCompared, 0);
  const isSampled = [...runs.values(), ...profiled.values()].flat().every((each) => each.isUserSampled);
  metrics.otherProcessesCores = otherLoad.cores();
  return {
    seed: SEED,
    metrics,
    goals: ROOMS.map(({ entities }) => {
      const goal = `userOverColyseus${entities}`;
      return atMost(goal, metrics[goal]!, USER_OVER_COLYSEUS_MAX);
    }),
    notes: [
      'a hundred clients send 30 inputs and are to receive 30 snapshots a second; one of them decodes all it receives',
      'CpuUsPerSnapshot: time of the whole server process by snapshots that arrived, inputs included',
      'UserUsPerSnapshot: the part of it outside the kernel',
      `user time is told by ${isSampled ? 'perf, from 2,000 samples a second of CPU' : '/proc, for want of perf: not exact'}`,
      'top frames: share of the time in which functions ran, what they called not included, system calls included',
      ...frames,
    ],
  };
}

/** Runs with Node's profiler in all of the server's threads, which costs some time itself. */
async function runProfiled(
  contender: Contender, room: string, entities: number, size: Size,
): Promise<{ figures: RunFigures; top: string }> {
  const folder = mkdtempSync(path.join(tmpdir(), 'escapement-profile-'));
  try {
    const [node, ...args] = contender.start.command;
    const command = [node!, '--cpu-prof', `--cpu-prof-dir=${folder}`, ...args];
    const profiledServer = { ...contender, start: { ...contender.start, command } };
    const figures = await runOne(profiledServer, room, entities, size, SEED, 'profiled');
    const frames = topFrames(folder, figures.measured, TOP_FRAMES);
    return { figures, top: frames.map((frame) => `${(100 * frame.share).toFixed(0)} % ${frame.name}`).join(', ') };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function runOne(
  contender: Contender, room: string, entities: number, { rateShareMin, ...size }: Size, seed: number, head: string,
): Promise<RunFigures> {
  const split = splitCores();
  const placement: Placement = { server: split?.server ?? null, load: split?.load ?? null, threads: null };
  const of = { rooms: 1, playersPerRoom: PLAYERS, snapshotRateHz: SNAPSHOT_RATE_HZ, probes: 1, seed };
  const figures = await runArena(contender, { ...of, ...size }, placement, room);
  if (contender.name === OURS.name) checkRates(figures, rateShareMin);
  const { userUsPerSnapshot, cpuUsPerSnapshot, snapshotsPerClientPerSec } = figures;
  console.log(
    `  ${head}  ${String(entities).padStart(5)} entities  ${contender.name.padEnd(12)} ${userUsPerSnapshot.toFixed(1)} of ` +
      `${cpuUsPerSnapshot.toFixed(1)} us per snapshot are user time, ${snapshotsPerClientPerSec.toFixed(1)} snapshots a second`,
  );
  return figures;
}

/** @throws when a run of ours isn't at its rates: then its cost says nothing. A skipped tick would be missing for good. */
function checkRates({ snapshotsPerClientPerSec, inputsPerClientPerSec, worstRoomHz }: RunFigures, shareMin: number): void {
  const rates = { snapshots: snapshotsPerClientPerSec, inputs: inputsPerClientPerSec, ticks: worstRoomHz };
  const expected = { snapshots: SNAPSHOT_RATE_HZ, inputs: INPUT_RATE_HZ, ticks: TICK_RATE_HZ };
  for (const what of ['snapshots', 'inputs', 'ticks'] as const) {
    if (rates[what] >= shareMin * expected[what]) continue;
    throw new Error(`${rates[what].toFixed(2)} ${what} a second; expected ${expected[what]}`);
  }
}

function add(runs: Runs, contender: Contender, entities: number, figures: RunFigures): void {
  const key = `${contender.name} ${entities}`;
  runs.set(key, [...(runs.get(key) ?? []), figures]);
}

/** Of the rounds so far. Ours come first in each. */
function metricsOf(runs: Runs): Record<string, number> {
  const metrics: Record<string, number> = {};
  for (const { entities } of ROOMS) {
    const [ours, theirs] = CONTENDERS.map((contender) => runs.get(`${contender.name} ${entities}`) ?? []);
    const ratio = (figure: (run: RunFigures) => number): number =>
      median(theirs!.map((each, round) => figure(ours![round]!) / figure(each)));
    metrics[`userOverColyseus${entities}`] = ratio((each) => each.userUsPerSnapshot);
    metrics[`cpuOverColyseus${entities}`] = ratio((each) => each.cpuUsPerSnapshot);
    metrics[`bytesOverColyseus${entities}`] = ratio((each) => each.bytesPerClientPerSec);
    metrics[`bytesPerClientPerSec${entities}`] = median(ours!.map((each) => each.bytesPerClientPerSec));
    for (const contender of CONTENDERS) {
      const own = runs.get(`${contender.name} ${entities}`) ?? [];
      for (const [figure, of] of SHOWN) metrics[`${contender.name}${figure}${entities}`] = median(own.map(of));
    }
  }
  return metrics;
}

/** NaN of none: not all has been measured yet. */
function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? NaN;
}

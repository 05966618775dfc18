/**
 * Rooms of sixteen players at 60 Hz with 20 snapshots a second, each player sending 30 inputs a second: what a delivered
 * snapshot costs our server, the floor under any server, and the peers, on the same cores with the same load.
 *
 * ```
 *   one core      server, all its threads | load and probes      every contender, at each number of rooms, in turns
 *   two cores     front | shard; the load shares both and gives way                        ours
 *   most rooms    the most that are held on one core, by bisection                         every contender
 * ```
 *
 * Runs take turns (ours, floor, peers, ours, …), so that all see the same weather; figures are medians over the rounds,
 * ratios are medians of the ratios within a round. Right or wrong: a frozen room's state is what the probe in it sees, no
 * client of ours missed a snapshot or was closed, and every run of ours sent the snapshots it should.
 */
import { COLYSEUS_UWS, COLYSEUS_WS, escapement, floor, SOCKETIO, type Contender } from './arena/contenders.js';
import { runArena, type Placement, type RunFigures, type RunSize } from './arena/arena-run.js';
import { FigureTable } from './arena/figure-table.js';
import { heldRooms } from './arena/held-rooms.js';
import { INPUT_RATE_HZ, SNAPSHOT_RATE_HZ } from './arena-game.js';
import { splitCores } from './core-pinning.js';
import { atLeast, atMost } from './goal.js';
import { OtherLoad } from './machine.js';
import { ensurePeers } from './peers-installed.js';
import type { BenchOptions, BenchResult } from './run.js';

export const name = 'arena';
export const about = 'rooms of 16 beside the bare floor, Colyseus and socket.io: CPU per snapshot, most rooms';

const SEED = 0xa2e4a;

/** `rateShareMin`: what rates of ours may be off in a run; the small size counts for a second and is not about speed. */
const SIZES = {
  full: {
    rooms: [4, 16, 32, 64], rounds: 3, warmUpSec: 6, measureSec: 6, twoCoreRooms: [32, 64], searchFrom: 64, searchStep: 8,
    rateShareMin: 0.97,
  },
  small: {
    rooms: [2], rounds: 1, warmUpSec: 0.5, measureSec: 1, twoCoreRooms: [2], searchFrom: 0, searchStep: 0,
    rateShareMin: 0.7,
  },
};

/** Of each level of the search for the most rooms. */
const SEARCH = { warmUpSec: 4, measureSec: 5, searchSecMax: 150 };

/** The rooms that the headline figures are about. */
const MAIN_ROOMS = 32;
const PROBES_MAX = 16;

export async function run({ small, keep }: BenchOptions): Promise<BenchResult> {
  ensurePeers();
  const size = small ? SIZES.small : SIZES.full;
  const otherLoad = new OtherLoad();
  const mainRooms = small ? size.rooms[0]! : MAIN_ROOMS;
  const table = new FigureTable();
  const split = splitCores();
  const oneCore: Placement = { server: split?.server ?? null, load: split?.load ?? null, threads: null };

  for (let round = 0; round < size.rounds; round += 1) {
    for (const rooms of size.rooms) {
      const ours = (await runOne(escapement(), rooms, oneCore, size, round))!;
      table.add('escapement', rooms, ours);
      const others = [floor(Math.round(ours.bytesPerSnapshot)), COLYSEUS_UWS, COLYSEUS_WS, SOCKETIO];
      for (const contender of others) table.add(contender.name, rooms, await runOne(contender, rooms, oneCore, size, round));
      keep(SEED, table.metrics(size.rooms, mainRooms));
    }
  }
  const metrics = table.metrics(size.rooms, mainRooms);

  if (split !== null) {
    const [front] = split.server.split(',');
    const [shard] = split.load.split(',');
    const twoCores: Placement = { server: null, load: null, threads: { front: front!, shard: shard! } };
    for (let round = 0; round < size.rounds; round += 1) {
      for (const rooms of size.twoCoreRooms) {
        table.add('twoCores', rooms, await runOne(escapement(), rooms, twoCores, size, round));
        keep(SEED, { ...metrics, ...table.twoCoreMetrics(size.twoCoreRooms, mainRooms) });
      }
    }
    Object.assign(metrics, table.twoCoreMetrics(size.twoCoreRooms, mainRooms));
  }

  if (!small) {
    const found = await searchMost(oneCore, size, (known) => keep(SEED, { ...metrics, ...known }));
    Object.assign(metrics, found);
  }
  metrics.otherProcessesCores = otherLoad.cores();

  return {
    seed: SEED,
    metrics,
    goals: [
      atMost('cpuOverFloor', metrics.cpuOverFloor!, 1.05),
      ...(small ? [] : [
        atMost('cpuOverFloorAt64', metrics.cpuOverFloorAt64!, 1.05),
        atMost('cpuOverFloorAt4', metrics.cpuOverFloorAt4!, 1.4),
        atLeast('maxRoomsOverColyseusUws', metrics.maxRoomsOverColyseusUws!, 1.5),
      ]),
      atMost('bytesOverColyseus', metrics.bytesOverColyseus!, 0.25),
      atMost('jitterP99MsOneCore', metrics.jitterP99MsOneCore!, 6),
      ...(split === null ? [] : [atMost('jitterP99MsTwoCores', metrics.jitterP99MsTwoCores!, 3)]),
    ],
    notes: [
      'a run: so many rooms of 16, each player sends 30 inputs a second, each at a moment of its own',
      'CpuUsPerSnapshot: user and kernel time of the whole server process by snapshots that arrived, inputs included',
      'floor: uWebSockets.js publishing ready-made payloads of our length from timers, inputs read, no game',
      `cpuOverFloor, …OverFloor: medians of the ratios within a round, at ${mainRooms} rooms`,
      'jitter: how far the time between two snapshots is from 50 ms, at probes that run before the load does',
      'wire: payload, WebSocket heads, and 52 bytes for each TCP segment the server sent, acknowledgements among them',
      'rooms are held when the slowest ticks at 59 Hz or more, jitter p99 is below 25 ms and no client is closed',
      'two cores: front and shard have one each; the load runs on both with the lowest priority',
    ],
  };
}

async function runOne(
  contender: Contender,
  rooms: number,
  placement: Placement,
  { warmUpSec, measureSec, rounds, rateShareMin }: (typeof SIZES)['full'],
  round: number,
): Promise<RunFigures | null> {
  const size: RunSize = { rooms, warmUpSec, measureSec, probes: Math.min(rooms, PROBES_MAX), seed: SEED + round };
  const place = placement.threads === null ? 'one core' : 'two cores';
  const head = `  round ${round + 1}/${rounds}  ${String(rooms).padStart(3)} rooms  ${place}  ${contender.name.padEnd(12)}`;
  try {
    const figures = await runArena(contender, size, placement);
    if (contender.name === 'escapement') check(figures, rateShareMin);
    const { cpuUsPerSnapshot, jitterP99Ms } = figures;
    console.log(`${head} ${cpuUsPerSnapshot.toFixed(1)} us per snapshot, jitter p99 ${jitterP99Ms.toFixed(1)} ms`);
    return figures;
  } catch (error) {
    // A peer may break under a load that others bear: that is a result. We may not.
    if (contender.name === 'escapement' || contender.name === 'floor') throw error;
    console.log(`${head} failed: ${(error as Error).message.split('\n', 1)[0]}`);
    return null;
  }
}

/** @throws when a run of ours isn't what it should be: then its cost says nothing. */
function check(figures: RunFigures, rateShareMin: number): void {
  const { snapshotsPerClientPerSec, inputsPerClientPerSec, statesCompared, worstRoomHz } = figures;
  const isSound =
    snapshotsPerClientPerSec >= rateShareMin * SNAPSHOT_RATE_HZ &&
    inputsPerClientPerSec >= rateShareMin * INPUT_RATE_HZ &&
    statesCompared > 0;
  if (isSound) return;
  throw new Error(
    `${figures.rooms} rooms: ${snapshotsPerClientPerSec.toFixed(2)} snapshots and ${inputsPerClientPerSec.toFixed(2)} inputs ` +
      `per client and second, ticks at ${worstRoomHz.toFixed(2)} Hz, ${statesCompared} states compared`,
  );
}

async function searchMost(
  placement: Placement,
  { searchFrom, searchStep }: { searchFrom: number; searchStep: number },
  keep: (known: Record<string, number>) => void,
): Promise<Record<string, number>> {
  const metrics: Record<string, number> = {};
  const search = { room: 'arena', placement, from: searchFrom, step: searchStep, seed: SEED, ...SEARCH };
  const contenders = {
    '': escapement(), ColyseusUws: COLYSEUS_UWS, ColyseusWs: COLYSEUS_WS, Socketio: SOCKETIO,
  };
  for (const [suffix, contender] of Object.entries(contenders)) {
    const { rooms, figures } = await heldRooms(contender, `most rooms, ${contender.name}`, search);
    metrics[`maxRooms${suffix}`] = rooms;
    metrics[`maxRooms${suffix}LoadBusyShare`] = figures?.loadBusyShare ?? NaN;
    keep(metrics);
  }
  metrics.maxRoomsOverColyseusUws = metrics.maxRooms! / metrics.maxRoomsColyseusUws!;
  return metrics;
}

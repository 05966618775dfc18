/**
 * Rooms of sixteen players as in the arena bench, with 200 us of game work in each tick of each room: how many rooms are held,
 * by one process on one core and by as many cores as there are.
 *
 * ```
 *                                server                                       load
 *   one core    ours             front and shard, both on the first core      on the other cores
 *               Colyseus         one process, on the first core               on the other cores
 *   two cores   ours             one front, one shard; one front, two shards  shares them, gives way
 *               Colyseus         two processes behind a proxy                 shares them, gives way
 * ```
 *
 * On two cores nobody is pinned. With two cores in all, the load takes its part of what the servers of two cores have, and
 * not of what those of one core have: the ratios say less than two cores can do. With four or more it has cores of its own.
 *
 * Held: every room at 59 Hz or more, the jitter of snapshots below 25 ms in 99 of 100, no client closed, and clients sending
 * and receiving what they should. A level that isn't held is tried again before it's believed.
 *
 * `modelRoomsAt…Cores` is a model, not a measurement, of one front and a shard on every other core, from what the threads
 * took at the most rooms held with one shard (bench/heavy/core-model.ts):
 *
 * ```
 *   limit = busiest thread's share of its core
 *   rooms = min(limit / front's share for each room, (cores - 1) * limit / shard's and collector's share for each room)
 * ```
 *
 * Right or wrong: the work's result is the same number everywhere, in this Node, in the peers' and in every room.
 */
import { fileURLToPath } from 'node:url';
import { COLYSEUS_UWS, escapement, type Contender } from './arena/contenders.js';
import { runArena, type Placement, type RunFigures } from './arena/arena-run.js';
import { splitCores } from './core-pinning.js';
import { atLeast, type Goal } from './goal.js';
import { CoreModel } from './heavy/core-model.js';
import { heldRooms, type HeldRooms } from './arena/held-rooms.js';
import { ensureProxy } from './heavy/proxy.js';
import { medianStepUs } from './heavy/step-time.js';
import { OtherLoad } from './machine.js';
import { ensurePeers } from './peers-installed.js';
import type { BenchOptions, BenchResult } from './run.js';

export const name = 'heavy';
export const about = 'rooms with 200 us of work a tick beside Colyseus: most rooms on one core and on two';

const SEED = 0x4ea57;
const ROOM = 'heavy';
const MODEL_CORES = [4, 8, 16];

const FULL = { warmUpSec: 4, measureSec: 6, searchSecMax: 90 };
const SMALL = { rooms: 2, warmUpSec: 0.2, measureSec: 0.6 };

/** From dist/bench/bench/, where the compiled form of this file is. */
const WORK_COMPILED = new URL('./heavy-physics.js', import.meta.url).href;
const WORK = new URL('../../../bench/heavy-physics.ts', import.meta.url).href;
const CLUSTER = fileURLToPath(new URL('./heavy/colyseus-cluster.js', import.meta.url));

const COLYSEUS_TWO_PROCESSES: Contender = {
  name: 'colyseusTwoProcesses',
  driver: COLYSEUS_UWS.driver,
  start: { command: [process.execPath, CLUSTER], ready: COLYSEUS_UWS.start.ready },
};

interface Candidate {
  /** Of the metric that says how many rooms it holds: `maxRoomsNAME`. */
  readonly key: 'EscapementOneCore' | 'Colyseus' | 'Escapement' | 'EscapementTwoShards' | 'ColyseusTwoProcesses';
  readonly label: string;
  readonly contender: Contender;
  readonly cores: 1 | 2;
  /** Where its search begins, and how exactly the answer is wanted. */
  readonly from: number;
  readonly step: number;
}

const CANDIDATES: readonly Candidate[] = [
  { key: 'Colyseus', label: 'one core, Colyseus', contender: COLYSEUS_UWS, cores: 1, from: 28, step: 2 },
  { key: 'EscapementOneCore', label: 'one core, ours', contender: escapement(1), cores: 1, from: 36, step: 2 },
  { key: 'Escapement', label: 'two cores, ours', contender: escapement(1), cores: 2, from: 48, step: 2 },
  { key: 'EscapementTwoShards', label: 'two cores, ours, two shards', contender: escapement(2), cores: 2, from: 60, step: 2 },
  {
    key: 'ColyseusTwoProcesses', label: 'two cores, Colyseus twice',
    contender: COLYSEUS_TWO_PROCESSES, cores: 2, from: 40, step: 2,
  },
];

export async function run({ small, keep }: BenchOptions): Promise<BenchResult> {
  ensurePeers();
  ensureProxy();
  const otherLoad = new OtherLoad();
  const metrics: Record<string, number> = {
    stepUs: medianStepUs(process.execPath, WORK_COMPILED),
    colyseusStepUs: medianStepUs(COLYSEUS_UWS.start.command[0]!, WORK),
  };
  const goals = small ? await check(metrics) : await search(metrics, () => keep(SEED, metrics));
  metrics.otherProcessesCores = otherLoad.cores();
  return {
    seed: SEED,
    metrics,
    goals,
    notes: [
      'a room: 16 players who send 30 inputs and receive 20 snapshots a second; 60 ticks a second, each with the work',
      'stepUs, colyseusStepUs: what the work of a tick takes in this Node and in the one that runs Colyseus',
      'held: slowest room at 59 Hz or more, jitter p99 below 25 ms, no client closed; each level not held was tried twice',
      'one core: all threads of the server on it, the load on the others; two cores: nobody pinned',
      ...(coresFor(2).threads === null ? [] : ['two cores: the load runs on the same two with the lowest priority']),
      'Colyseus twice: two processes behind haproxy, which finds a room\'s process by the room\'s id; no Redis',
      ...(small ? [] : ['modelRooms…: a MODEL of one front and a shard on each other core, from CPU by thread; not measured']),
    ],
  };
}

async function search(metrics: Record<string, number>, keep: () => void): Promise<Goal[]> {
  const found = {} as Record<Candidate['key'], HeldRooms>;
  for (const { key, label, contender, cores, from, step } of CANDIDATES) {
    const held = await heldRooms(contender, label, { ...FULL, room: ROOM, placement: coresFor(cores), from, step, seed: SEED });
    found[key] = held;
    metrics[`maxRooms${key}`] = held.rooms;
    metrics[`roomsNotHeld${key}`] = held.roomsNotHeld;
    metrics[`jitterP99Ms${key}`] = held.figures?.jitterP99Ms ?? NaN;
    keep();
  }
  const ours = found.Escapement;
  metrics.heavyOverOneProcess = ours.rooms / found.Colyseus.rooms;
  metrics.heavyTwoCoresOverOneCore = ours.rooms / found.EscapementOneCore.rooms;
  if (ours.figures !== null) Object.assign(metrics, modelMetrics(ours.figures));
  return [atLeast('heavyOverOneProcess', metrics.heavyOverOneProcess, 1.8)];
}

function modelMetrics({ rooms, coreShare }: RunFigures): Record<string, number> {
  const model = new CoreModel(rooms, coreShare);
  return {
    frontCorePercentPerRoom: (100 * coreShare.front) / rooms,
    shardCorePercentPerRoom: (100 * coreShare.shard) / rooms,
    otherCorePercentPerRoom: (100 * coreShare.other) / rooms,
    limitCorePercent: 100 * model.limit,
    modelRoomsOfOneFront: Math.floor(model.frontRooms()),
    ...Object.fromEntries(MODEL_CORES.map((cores) => [`modelRoomsAt${cores}Cores`, model.roomsOn(cores)])),
  };
}

/** The small size: everyone plays, and nobody's work or state is wrong. */
async function check(metrics: Record<string, number>): Promise<Goal[]> {
  let worstHz = Infinity;
  metrics.statesCompared = 0;
  for (const { key, label, contender, cores } of CANDIDATES) {
    // The same server again.
    if (key === 'EscapementOneCore') continue;
    const size = { ...SMALL, probes: SMALL.rooms, seed: SEED };
    const { statesCompared, worstRoomHz } = await runArena(contender, size, coresFor(cores), ROOM);
    console.log(`  ${label.padEnd(30)} slowest room ${worstRoomHz.toFixed(1)} Hz`);
    if (statesCompared !== SMALL.rooms) throw new Error(`${label}: ${statesCompared} states compared of ${SMALL.rooms}`);
    metrics.statesCompared += statesCompared;
    worstHz = Math.min(worstHz, worstRoomHz);
  }
  metrics.worstRoomHz = worstHz;
  return [atLeast('worstRoomHz', worstHz, 59)];
}

/** Who runs where when the server has so many cores. Nothing is pinned where nothing can be. */
function coresFor(cores: 1 | 2): Placement {
  const split = splitCores();
  if (split === null) return { server: null, load: null, threads: null };
  if (cores === 1) return { server: split.server, load: split.load, threads: null };
  const [second, ...rest] = split.load.split(',');
  const both = `${split.server},${second}`;
  // Probe and load want one each: with three cores in all, they share with the server as with two.
  if (rest.length >= 2) return { server: both, load: rest.join(','), threads: null };
  return { server: both, load: both, threads: { front: both, shard: both } };
}

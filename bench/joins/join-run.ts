/**
 * One run: one server, which is joined by one batch of clients after the other. Each batch leaves before the next one comes,
 * so that there are never more clients to serve than in a batch.
 *
 * ```
 *   server    starts ---------------------------------------------------------------------------> stops
 *   load               join all, leave | … again | join all, leave | … again | join at a rate, leave
 *                      warm-up ................. | rate measured ........... | time measured
 * ```
 */
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Placement } from '../arena/arena-run.js';
import type { Contender } from '../arena/contenders.js';
import { MeasuredServer } from '../arena/server-process.js';
import { PLAYERS_PER_ROOM } from '../arena-game.js';
import { ToldProcess } from '../load/told-process.js';
import type { JoinFigures, JoinOrder } from './join-orders.js';

const PROCESS = fileURLToPath(new URL('./join-process.js', import.meta.url));
const ROOM = 'joins';

/** After a batch has left: its rooms have been closed. */
const SETTLE_MS = 1000;

export interface JoinRunSize {
  readonly warmUpBatches: number;
  readonly batches: number;
  /** Clients of each batch; a multiple of a room's seats, as `timedJoins`. */
  readonly joins: number;
  /** Joins under way at any time. */
  readonly atOnce: number;
  /** Clients that join at a rate, however long the others' joins take. */
  readonly timedJoins: number;
  readonly timedPerSec: number;
  readonly seed: number;
}

/** Of some batches. */
export interface BatchFigures {
  readonly joinsPerSec: number;
  /** From each call to the client's first keyframe. */
  readonly joinsMs: readonly number[];
  /** CPU time of the whole server process for each join, what its rooms took meanwhile included. */
  readonly serverCpuUsPerJoin: number;
  /** While clients joined, how much of one core the server took, and the load. */
  readonly serverCoreShare: number;
  readonly loadCoreShare: number;
  /** How many clients each room had. */
  readonly roomSizes: readonly number[];
}

export interface JoinRunFigures {
  readonly rate: BatchFigures;
  readonly time: BatchFigures;
}

interface Batch extends JoinFigures {
  readonly serverCpuMs: number;
}

/** @throws when a client was refused or closed, or got no keyframe; or a room had more clients than seats. */
export async function runJoins(
  { driver, start }: Contender, size: JoinRunSize, { server: serverCores, load: loadCores }: Placement,
): Promise<JoinRunFigures> {
  const { warmUpBatches, batches, joins, atOnce, timedJoins, timedPerSec, seed } = size;
  const server = await MeasuredServer.start(start, serverCores);
  const load = new ToldProcess<JoinOrder>(PROCESS, loadCores);
  const where = { contender: driver, url: server.url, room: ROOM };
  const runBatch = async (order: JoinOrder): Promise<Batch> => {
    const beforeMs = cpuMsOf(server);
    const figures = await load.tell<JoinFigures>(order);
    const serverCpuMs = cpuMsOf(server) - beforeMs;
    await load.tell({ step: 'leave' });
    await sleep(SETTLE_MS);
    return { ...figures, serverCpuMs };
  };
  try {
    const measured: Batch[] = [];
    for (let i = 0; i < warmUpBatches + batches; i += 1) {
      const batch = await runBatch({ step: 'closed', ...where, count: joins, atOnce });
      if (i >= warmUpBatches) measured.push(batch);
    }
    const timed = await runBatch({ step: 'open', ...where, count: timedJoins, ratePerSec: timedPerSec, seed });
    return { rate: figuresOf(measured), time: figuresOf([timed]) };
  } finally {
    load.stop();
    await server.stop();
  }
}

function figuresOf(batches: readonly Batch[]): BatchFigures {
  const sum = (of: (batch: Batch) => number): number => batches.reduce((all, batch) => all + of(batch), 0);
  const joinsMs = batches.flatMap((batch) => batch.joinsMs);
  const roomSizes = batches.flatMap((batch) => batch.roomSizes);
  const sizeMax = Math.max(...roomSizes);
  if (sizeMax > PLAYERS_PER_ROOM) throw new Error(`a room has ${sizeMax} clients and ${PLAYERS_PER_ROOM} seats`);
  const elapsedMs = sum((batch) => batch.elapsedMs);
  const serverCpuMs = sum((batch) => batch.serverCpuMs);
  return {
    joinsPerSec: (1000 * joinsMs.length) / elapsedMs,
    joinsMs,
    serverCpuUsPerJoin: (1000 * serverCpuMs) / joinsMs.length,
    serverCoreShare: serverCpuMs / elapsedMs,
    loadCoreShare: sum((batch) => batch.cpuMs) / elapsedMs,
    roomSizes,
  };
}

function cpuMsOf(server: MeasuredServer): number {
  const { front, shard, other } = server.threadTimes();
  return front + shard + other;
}

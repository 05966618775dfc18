/** The most rooms that a server holds, found by striding up or down from a guess and then by bisection. */
import { runArena, type Placement, type RunFigures } from './arena-run.js';
import type { Contender } from './contenders.js';
import { INPUT_RATE_HZ, SNAPSHOT_RATE_HZ } from '../arena-game.js';

/** A room is held at this rate or above. */
const HELD_HZ_MIN = 59;
/** Half a snapshot's interval: beyond, every client needs more than one interval of interpolation. */
const HELD_JITTER_P99_MS_MAX = 25;
/** Of what the clients should send and receive; below, the load may be what didn't keep up, and nothing was held. */
const LOAD_RATE_SHARE_MIN = 0.97;
/** Of a load with cores of its own: above, it is the load that saturates. */
const LOAD_BUSY_SHARE_MAX = 0.95;
const ROOMS_MAX = 256;
const PROBES_MAX = 16;

export interface Search {
  /** The room's name. */
  readonly room: string;
  readonly placement: Placement;
  /** Of each level. */
  readonly warmUpSec: number;
  readonly measureSec: number;
  /** Where the search begins, in rooms. */
  readonly from: number;
  /** How exactly the answer is wanted, in rooms; `from` is a multiple of it. */
  readonly step: number;
  /** Once it has taken so long, the search settles for the most that was held so far, as soon as there is one. */
  readonly searchSecMax: number;
  readonly seed: number;
}

export interface HeldRooms {
  readonly rooms: number;
  /** Not held, both times it was tried. */
  readonly roomsNotHeld: number;
  /** Of the run with the most rooms held; null when none were. */
  readonly figures: RunFigures | null;
}

/** @param label of the contender and its place, for the lines about each level */
export async function heldRooms(contender: Contender, label: string, search: Search): Promise<HeldRooms> {
  const { from, step, searchSecMax } = search;
  const endMs = performance.now() + 1000 * searchSecMax;
  let low = 0;
  let high = ROOMS_MAX + step;
  let figures: RunFigures | null = null;
  let rooms = from;
  let stride = roundedTo(step, from / 4);
  while (high - low > step && (low === 0 || performance.now() < endMs)) {
    // What one bad second of the machine did is not taken for the server's limit.
    const held = (await level(contender, label, rooms, search)) ?? (await level(contender, label, rooms, search));
    if (held === null) {
      high = rooms;
    } else {
      low = rooms;
      figures = held;
    }
    if (high <= ROOMS_MAX && low > 0) {
      rooms = roundedTo(step, (low + high) / 2);
    } else {
      rooms = Math.max(step, Math.min(ROOMS_MAX, low > 0 ? low + stride : high - stride));
      stride *= 2;
    }
  }
  return { rooms: low, roomsNotHeld: high, figures };
}

/** The figures of one run, or null when its rooms weren't held. */
async function level(contender: Contender, label: string, rooms: number, search: Search): Promise<RunFigures | null> {
  const { placement, warmUpSec, measureSec, seed, room } = search;
  const size = { rooms, warmUpSec, measureSec, probes: Math.min(PROBES_MAX, rooms), seed };
  let figures: RunFigures | null = null;
  let words: string;
  try {
    const run = await runArena(contender, size, placement, room);
    if (isHeld(run, placement)) figures = run;
    words = inWords(run);
  } catch (error) {
    words = (error as Error).message.split('\n', 1)[0]!;
  }
  console.log(`  ${label.padEnd(30)} ${String(rooms).padStart(3)} rooms ${figures === null ? 'NOT held' : 'held    '}  ${words}`);
  return figures;
}

export function isHeld(run: RunFigures, { threads, load }: Placement): boolean {
  return run.worstRoomHz >= HELD_HZ_MIN
    && run.jitterP99Ms < HELD_JITTER_P99_MS_MAX
    && run.snapshotsPerClientPerSec >= LOAD_RATE_SHARE_MIN * SNAPSHOT_RATE_HZ
    && run.inputsPerClientPerSec >= LOAD_RATE_SHARE_MIN * INPUT_RATE_HZ
    // A load that sleeps doesn't know when it was busy.
    && (threads !== null || load === null || run.loadBusyShare <= LOAD_BUSY_SHARE_MAX);
}

function inWords(run: RunFigures): string {
  const percent = (share: number): string => `${Math.round(100 * share)}`;
  const { front, shard, other } = run.coreShare;
  return `slowest ${run.worstRoomHz.toFixed(1)} Hz, jitter p99 ${run.jitterP99Ms.toFixed(1)} ms, `
    + `${run.snapshotsPerClientPerSec.toFixed(1)} snapshots/s, ${run.inputsPerClientPerSec.toFixed(1)} inputs/s, `
    + `front ${percent(front)} % shard ${percent(shard)} % other ${percent(other)} %, load ${percent(run.loadBusyShare)} %`;
}

/** The nearest multiple, at least one step. */
function roundedTo(step: number, rooms: number): number {
  return Math.max(1, Math.round(rooms / step)) * step;
}

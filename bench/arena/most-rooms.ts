/** The most rooms of sixteen that a server holds on one core, found by bisection. */
import { runArena, type Placement } from './arena-run.js';
import type { Contender } from './contenders.js';

/** A room is held at this rate or above. */
const HELD_HZ_MIN = 59;
/** Half a snapshot's interval: beyond, every client needs more than one interval of interpolation. */
const HELD_JITTER_P99_MS_MAX = 25;
/** Above this the load itself is what saturates. */
const LOAD_BUSY_SHARE_MAX = 0.95;
const ROOMS_MAX = 256;

const WARM_UP_SEC = 4;
const MEASURE_SEC = 5;
const PROBES = 16;

export interface MostRooms {
  readonly rooms: number;
  /** How busy the load was there, from 0 to 1. */
  readonly loadBusyShare: number;
}

/**
 * @param from where the search begins, in rooms: it doubles from there until a level isn't held
 * @param step how exactly the answer is wanted, in rooms
 */
export async function mostRooms(
  contender: Contender,
  { from, step, seed, placement }: { from: number; step: number; seed: number; placement: Placement },
): Promise<MostRooms> {
  const busy = new Map<number, number>([[0, 0]]);

  const holds = async (rooms: number): Promise<boolean> => {
    const size = { rooms, warmUpSec: WARM_UP_SEC, measureSec: MEASURE_SEC, probes: Math.min(PROBES, rooms), seed };
    let words: string;
    let held = false;
    try {
      const { worstRoomHz, jitterP99Ms, loadBusyShare } = await runArena(contender, size, placement);
      const ticks = contender.name === 'floor' || worstRoomHz >= HELD_HZ_MIN;
      held = ticks && jitterP99Ms < HELD_JITTER_P99_MS_MAX && loadBusyShare <= LOAD_BUSY_SHARE_MAX;
      busy.set(rooms, loadBusyShare);
      const load = `load ${Math.round(100 * loadBusyShare)} % busy`;
      words = `slowest room ${worstRoomHz.toFixed(1)} Hz, jitter p99 ${jitterP99Ms.toFixed(1)} ms, ${load}`;
    } catch (error) {
      words = (error as Error).message.split('\n', 1)[0]!;
    }
    console.log(`  ${String(rooms).padStart(3)} rooms  ${contender.name.padEnd(12)} ${held ? 'held' : 'NOT held'}: ${words}`);
    return held;
  };
  // What one bad second of the machine did is not taken for the server's limit.
  const holdsAtLast = async (rooms: number): Promise<boolean> => (await holds(rooms)) || (await holds(rooms));

  let low = 0;
  let high = from;
  while (high <= ROOMS_MAX && (await holdsAtLast(high))) {
    low = high;
    high *= 2;
  }
  while (high - low > step) {
    const middle = Math.round((low + high) / 2 / step) * step;
    if (await holdsAtLast(middle)) low = middle;
    else high = middle;
  }
  return { rooms: low, loadBusyShare: busy.get(low)! };
}

/**
 * 32 rooms of 16 moving bots, each with one real client, for a minute: what a tick leaves behind for the garbage
 * collector, and whether the heap grows.
 *
 * Rooms tick at 60 Hz and send snapshots at 20 Hz, all on one shard of a server process. The heaps are watched inside
 * the server (heap-watch.ts), ticks are read from its metrics. Right or wrong: no snapshot was lost on the way, and
 * once a second the hash of every client's state is the room's.
 */
import { connect, type ClientRoom } from 'escapement/client';
import { CloseCode } from '../src/protocol/close-codes.js';
import { atMost, exactly } from './goal.js';
import type { HeapReports } from './heap-watch.js';
import { OtherLoad } from './machine.js';
import type HerdRoom from './rooms/herd.js';
import type { BenchOptions, BenchResult } from './run.js';
import { ServerProcess } from './server-process.js';

export const name = 'steady';
export const about = '32 rooms of 16 moving bots: garbage per tick, heap slope, collections';

/** Rooms are seeded by the server, one after the other; the load itself is not random. */
const SEED = 0;
const ROOMS = 32;
const TICK_RATE_HZ = 60;
const SNAPSHOT_RATE_HZ = 20;

const SIZES = {
  full: { warmUpSec: 20, durationSec: 60 },
  small: { warmUpSec: 1, durationSec: 3 },
};

/**
 * A tick itself allocates nothing once it is compiled. What is left is of the pass that the 8 rooms of a slot share:
 * some 300 bytes for a timer of Node's, and 16 for each number that crosses a call the engine doesn't inline. Together
 * they are about 50 for each tick; 64 leaves less than one boxed number for the tick itself.
 */
const GARBAGE_BYTES_PER_TICK_MAX = 64;
/**
 * What the engine learns about the code still trickles in, some kilobytes at each late optimisation. A leak of one
 * object of 32 bytes per room and second would be 1,024.
 */
const HEAP_SLOPE_BYTES_PER_SEC_MAX = 1024;

const WATCH = new URL('./heap-watch.js', import.meta.url).href;

export async function run({ small }: BenchOptions): Promise<BenchResult> {
  const { warmUpSec, durationSec } = small ? SIZES.small : SIZES.full;
  const server = await ServerProcess.start(['--expose-gc', '--import', WATCH]);
  try {
    const watchers = await Promise.all(Array.from({ length: ROOMS }, () => Watcher.join(server.url)));
    await sleep(warmUpSec);
    const otherLoad = new OtherLoad();
    await server.ask('begin');
    const before = await readCounters(server);
    await sleep(durationSec);
    const after = await readCounters(server);
    const { main, shard } = await server.ask<HeapReports>('end');
    const otherProcessesCores = otherLoad.cores();
    let hashes = 0;
    for (const watcher of watchers) hashes += await watcher.finish();

    const ticks = after.ticks - before.ticks;
    const ticksSkipped = after.ticksSkipped - before.ticksSkipped;
    checkTicks(ticks + ticksSkipped, before, after);
    const elapsedSec = (after.answeredMs - before.answeredMs) / 1000;
    const ticksPerSec = ticks / elapsedSec;
    const garbageBytesPerTick = shard.allocatedBytesPerSec / ticksPerSec;
    const heapSlopeBytesPerSec = (shard.liveEndBytes - shard.liveBeginBytes) / shard.durationSec;
    return {
      seed: SEED,
      metrics: {
        rooms: ROOMS,
        ticks,
        ticksSkipped,
        ticksPerSec,
        snapshots: after.snapshots - before.snapshots,
        hashesCompared: hashes,
        garbageBytesPerTick,
        heapSlopeBytesPerSec,
        heapLiveBytes: shard.liveEndBytes,
        gcCount: shard.collections,
        gcPauseMaxMs: shard.pauseMaxMs,
        gcPauseSumMs: shard.pauseSumMs,
        secondsWithoutGc: shard.cleanSec,
        frontGarbageBytesPerSnapshot: main.allocatedBytesPerSec / (ROOMS * SNAPSHOT_RATE_HZ),
        frontHeapSlopeBytesPerSec: (main.liveEndBytes - main.liveBeginBytes) / main.durationSec,
        frontGcPauseMaxMs: main.pauseMaxMs,
        cpuPercent: (main.cpuSec / main.durationSec) * 100,
        otherProcessesCores,
      },
      goals: [
        atMost('garbageBytesPerTick', garbageBytesPerTick, GARBAGE_BYTES_PER_TICK_MAX),
        atMost('heapSlopeBytesPerSec', heapSlopeBytesPerSec, HEAP_SLOPE_BYTES_PER_SEC_MAX),
        exactly('ticksSkipped', ticksSkipped, 0),
      ],
      notes: [
        'garbage: all that the shard\'s thread allocates, by room tick; the snapshot of every third tick included',
        'heap slope: bytes in use after a full collection, without compiled code, at the end less at the beginning',
      'front: the main thread, for information; a snapshot there is one frame to one client',
        'cpuPercent: of one core, by the whole server: front, shard and collector',
      ],
    };
  } finally {
    await server.stop();
  }
}

/** One room's client, which keeps what it needs to say whether it saw what the room showed. */
class Watcher {
  private readonly hashes = new Map<number, number>();
  private readonly errors: Error[] = [];

  private constructor(private readonly room: ClientRoom<typeof HerdRoom>) {
    room.onStateChange((_, tick) => {
      if (tick % TICK_RATE_HZ === 0) this.hashes.set(tick, room.stateHash());
    });
    room.onError((error) => this.errors.push(error));
    room.onLeave((code, reason) => {
      if (code !== CloseCode.Consented) this.errors.push(new Error(`the server closed with ${code}: ${reason}`));
    });
  }

  static async join(url: string): Promise<Watcher> {
    return new Watcher(await connect(url, { reconnect: false }).create<typeof HerdRoom>('herd'));
  }

  /** Leaves, and compares. Returns how many hashes were equal; throws when one wasn't, or something else was wrong. */
  async finish(): Promise<number> {
    const { room, hashes } = this;
    const answer = new Promise<Uint8Array>((resolve) => room.onMessage<Uint8Array>('hashes', resolve));
    room.send('hashes');
    const bytes = await answer;
    const pairs = new Uint32Array(bytes.slice().buffer);
    const { keyframes, resyncs, snapshots } = room.stats;
    await room.leave();
    if (this.errors.length > 0) throw new AggregateError(this.errors, `room ${room.id} had errors`);
    if (keyframes !== 1 || resyncs !== 0) {
      throw new Error(`room ${room.id}: ${keyframes} keyframes and ${resyncs} resyncs; expected 1 and 0`);
    }
    let equal = 0;
    for (let i = 0; i < pairs.length; i += 2) {
      const seen = hashes.get(pairs[i]!);
      if (seen === undefined) continue;
      if (seen !== pairs[i + 1]) throw new Error(`room ${room.id}: state differs from the room's at tick ${pairs[i]}`);
      equal += 1;
    }
    // The first may be before the client came, and the last may still be on its way.
    const expected = Math.floor(snapshots / SNAPSHOT_RATE_HZ) - 1;
    if (equal < expected) throw new Error(`room ${room.id}: ${equal} hashes to compare; expected ${expected} or more`);
    return equal;
  }
}

interface Counters {
  /** The ticks are those of some moment between these two. */
  readonly askedMs: number;
  readonly answeredMs: number;
  readonly ticks: number;
  readonly ticksSkipped: number;
  readonly snapshots: number;
}

async function readCounters(server: ServerProcess): Promise<Counters> {
  const askedMs = performance.now();
  const ticks = await server.metric('escapement_ticks_total');
  const answeredMs = performance.now();
  return {
    askedMs,
    answeredMs,
    ticks,
    ticksSkipped: await server.metric('escapement_ticks_skipped_total'),
    snapshots: await server.metric('escapement_snapshots_total'),
  };
}

/** Every deadline was run or skipped, but for those that a room may still have to catch up. */
function checkTicks(ticks: number, before: Counters, after: Counters): void {
  const ticksIn = (ms: number): number => (ms / 1000) * TICK_RATE_HZ * ROOMS;
  const slack = 6 * ROOMS;
  const least = ticksIn(after.askedMs - before.answeredMs) - slack;
  const most = ticksIn(after.answeredMs - before.askedMs) + slack;
  if (ticks < least || ticks > most) {
    throw new Error(`${ticks} ticks were run or skipped; expected ${Math.floor(least)} to ${Math.ceil(most)}`);
  }
}

function sleep(seconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, seconds * 1000));
}

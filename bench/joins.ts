/**
 * How fast players come in: clients join rooms of sixteen seats by `joinOrCreate`, each as its server's own SDK does, and
 * stay. Rooms tick at 60 Hz and send 20 snapshots a second, in which nothing but a clock changes, so that joins are most of
 * what there is to do; one join in sixteen makes a room.
 *
 * ```
 *                      ours                                       Colyseus, on both its transports
 *   a join             WebSocket, Join -> Joined, keyframe        POST joinOrCreate -> seat; WebSocket,
 *                                                                 JOIN_ROOM <-> JOIN_ROOM -> full state
 *   rate   closed      a fixed number of joins under way, until all of a batch are there       joinsPerSec, CPU
 *   time   open        joins begin at a rate that all of them bear                             joinP50Ms, joinP99Ms
 * ```
 *
 * The server has one core with all its threads, the load another. Contenders take turns; figures are medians over the rounds,
 * ratios medians of those within a round.
 *
 * Right or wrong: each client got a keyframe before anything else, and none was closed; and of ours, each room has sixteen
 * clients: as many rooms as are needed, never two half-empty ones.
 */
import { COLYSEUS_UWS, COLYSEUS_WS, escapement, type Contender } from './arena/contenders.js';
import { PLAYERS_PER_ROOM } from './arena-game.js';
import { splitCores } from './core-pinning.js';
import { distributionOf } from './distribution.js';
import { atLeast } from './goal.js';
import { runJoins, type BatchFigures, type JoinRunFigures, type JoinRunSize } from './joins/join-run.js';
import { OtherLoad } from './machine.js';
import { ensurePeers } from './peers-installed.js';
import type { BenchOptions, BenchResult } from './run.js';

export const name = 'joins';
export const about = 'clients join rooms of 16 beside Colyseus: joins per second, time to the first keyframe';

const SEED = 0x701e5;

/**
 * Compilers are busy with a server's code for the first thousands of joins. `atOnce` joins under way make a server busy that
 * lets each of them wait for its room’s next tick. Counts of clients are multiples of a room's seats.
 */
const SIZES = {
  full: { rounds: 3, warmUpBatches: 6, batches: 6, joins: 1024, atOnce: 512, timedJoins: 800, timedPerSec: 100 },
  small: { rounds: 1, warmUpBatches: 1, batches: 1, joins: 96, atOnce: 32, timedJoins: 32, timedPerSec: 50 },
};

const OURS = escapement();
const PEERS: readonly Contender[] = [COLYSEUS_UWS, COLYSEUS_WS];

const JOINS_OVER_COLYSEUS_MIN = 3;

/** Figures of a run that become a metric each: the metric's name after the contender's, and where it comes from. */
const SHOWN: readonly (readonly [string, (run: JoinRunFigures) => number])[] = [
  ['JoinsPerSec', ({ rate }) => rate.joinsPerSec],
  ['CpuUsPerJoin', ({ rate }) => rate.serverCpuUsPerJoin],
  ['ServerCoreShare', ({ rate }) => rate.serverCoreShare],
  ['LoadCoreShare', ({ rate }) => rate.loadCoreShare],
  ['BusyJoinP50Ms', ({ rate }) => distributionOf(rate.joinsMs).p50],
  ['BusyJoinP99Ms', ({ rate }) => distributionOf(rate.joinsMs).p99],
  ['JoinP50Ms', ({ time }) => distributionOf(time.joinsMs).p50],
  ['JoinP99Ms', ({ time }) => distributionOf(time.joinsMs).p99],
  ['TimedServerCoreShare', ({ time }) => time.serverCoreShare],
  ['TimedLoadCoreShare', ({ time }) => time.loadCoreShare],
  ['Rooms', ({ rate }) => rate.roomSizes.length],
];

export async function run({ small, keep }: BenchOptions): Promise<BenchResult> {
  ensurePeers();
  const size = small ? SIZES.small : SIZES.full;
  const otherLoad = new OtherLoad();
  const rounds = new Map<Contender, JoinRunFigures[]>([OURS, ...PEERS].map((contender) => [contender, []]));
  for (let round = 0; round < size.rounds; round += 1) {
    for (const [contender, done] of rounds) {
      const head = `  round ${round + 1}/${size.rounds}  ${contender.name.padEnd(12)}`;
      done.push(await runOne(contender, { ...size, seed: SEED + round }, head));
      keep(SEED, metricsOf(rounds));
    }
  }
  const metrics = metricsOf(rounds);
  metrics.otherProcessesCores = otherLoad.cores();
  return {
    seed: SEED,
    metrics,
    goals: [atLeast('joinsOverColyseus', metrics.joinsOverColyseus!, JOINS_OVER_COLYSEUS_MIN)],
    notes: [
      `joinsPerSec: ${size.atOnce} joins under way at any time, until ${size.joins} clients are in rooms of 16; ` +
        'then they leave, and others come',
      `joinP50Ms, joinP99Ms: from the call to the first keyframe, at ${size.timedPerSec} joins a second until ` +
        `${size.timedJoins} are there`,
      'rooms tick 60 times a second and send each client 20 snapshots a second, in which a clock has changed',
      'Colyseus gives seats over HTTP: a join is a POST on a connection of its own, as each player\'s is, and then a WebSocket',
      'joinsOverColyseus: over the faster of its transports, which differs from round to round',
      'CpuUsPerJoin: of the whole server process, by joins; what rooms and clients took meanwhile included',
      'CoreShare: of one core, of which server and load have one each: whoever is near 1 is what limits joinsPerSec',
    ],
  };
}

async function runOne(contender: Contender, size: JoinRunSize, head: string): Promise<JoinRunFigures> {
  const split = splitCores();
  const run = await runJoins(contender, size, { server: split?.server ?? null, load: split?.load ?? null, threads: null });
  const { rate, time } = run;
  console.log(
    `${head} ${rate.joinsPerSec.toFixed(0)} joins/s, ${rate.serverCpuUsPerJoin.toFixed(0)} us of CPU each, ${cores(rate)}`,
  );
  const { p50, p99 } = distributionOf(time.joinsMs);
  console.log(`${head} at ${size.timedPerSec} joins/s p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms, ${cores(time)}`);
  if (contender === OURS) {
    checkRooms(rate.roomSizes, size.batches * size.joins);
    checkRooms(time.roomSizes, size.timedJoins);
  }
  return run;
}

function cores({ serverCoreShare, loadCoreShare, roomSizes }: BatchFigures): string {
  return `server ${Math.round(100 * serverCoreShare)} %, load ${Math.round(100 * loadCoreShare)} %, ${roomSizes.length} rooms`;
}

/** @throws when rooms were made that weren't needed. A peer's are counted, and shown. */
function checkRooms(sizes: readonly number[], joins: number): void {
  if (sizes.length === joins / PLAYERS_PER_ROOM && sizes.every((clients) => clients === PLAYERS_PER_ROOM)) return;
  const short = sizes.filter((clients) => clients !== PLAYERS_PER_ROOM);
  throw new Error(`${joins} clients are in ${sizes.length} rooms, of which ${short.length} aren't full: ${short.join(', ')}`);
}

/** Of the rounds so far, in which ours come first and the last peer last. */
function metricsOf(rounds: ReadonlyMap<Contender, readonly JoinRunFigures[]>): Record<string, number> {
  const metrics: Record<string, number> = {};
  const ours = rounds.get(OURS)!;
  const peers = PEERS.map((peer) => rounds.get(peer)!);
  /** Of all peers' figures in a round, the one that is hardest to beat. */
  const ratio = (figure: (run: JoinRunFigures) => number, best: (...figures: number[]) => number): number =>
    median(peers.at(-1)!.map((_, i) => figure(ours[i]!) / best(...peers.map((peer) => figure(peer[i]!)))));
  metrics.joinsPerSec = median(ours.map(({ rate }) => rate.joinsPerSec));
  metrics.joinP50Ms = median(ours.map(({ time }) => distributionOf(time.joinsMs).p50));
  metrics.joinP99Ms = median(ours.map(({ time }) => distributionOf(time.joinsMs).p99));
  metrics.joinsOverColyseus = ratio(({ rate }) => rate.joinsPerSec, Math.max);
  metrics.joinCpuOverColyseus = ratio(({ rate }) => rate.serverCpuUsPerJoin, Math.min);
  for (const [contender, done] of rounds) {
    for (const [figure, of] of SHOWN) metrics[`${contender.name}${figure}`] = median(done.map(of));
  }
  return metrics;
}

/** Of an even number the lower one in the middle, so that it is a figure that was measured; NaN of none. */
function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[(values.length - 1) >> 1] ?? NaN;
}

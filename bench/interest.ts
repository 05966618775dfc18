/**
 * A crowd in one room, of which each client is sent what is near it: what a snapshot for all clients costs, beside
 * `@colyseus/schema` with a StateView for each client, and how the cost grows with clients and with entities.
 *
 * The crowds are seeded, so both send the same one. They take turns of some snapshots, after each of which every client's
 * copy is compared with the table: all that is within the radius of what the client follows is there, nothing from far
 * away is, and everything that is there is as it should be.
 */
import { distributionOf } from './distribution.js';
import { atMost } from './goal.js';
import type { CrowdContender } from './interest-contender.js';
import { EscapementCrowd } from './interest-escapement.js';
import { InterestWorkload } from './interest-workload.js';
import { OtherLoad } from './machine.js';
import { ColyseusViews } from './peers/colyseus-views.js';
import type { BenchOptions, BenchResult } from './run.js';

export const name = 'interest';
export const about = 'a crowd of which each client sees a part: time per snapshot, beside StateView of @colyseus/schema';

const SEED = 0xc20d;

interface CrowdSize {
  readonly clientCount: number;
  readonly entityCount: number;
}

const MAIN: CrowdSize = { clientCount: 100, entityCount: 1000 };
const LARGE: CrowdSize = { clientCount: 400, entityCount: 5000 };
/** The world grows with the crowd, so clients see about as many entities at every size. */
const CURVE_CLIENTS = [25, 50, 100, 200, 400];
const CURVE_ENTITIES = [500, 1000, 2000, 5000];

interface Effort {
  /** Not measured: the compiler's. */
  readonly warmUpRounds: number;
  readonly rounds: number;
  readonly snapshotsPerRound: number;
}

const SIZES = {
  full: {
    main: { warmUpRounds: 8, rounds: 12, snapshotsPerRound: 50 },
    large: { warmUpRounds: 2, rounds: 4, snapshotsPerRound: 20 },
    curve: { warmUpRounds: 1, rounds: 4, snapshotsPerRound: 40 },
  },
  small: {
    main: { warmUpRounds: 1, rounds: 2, snapshotsPerRound: 3 },
    large: { warmUpRounds: 1, rounds: 1, snapshotsPerRound: 1 },
    curve: { warmUpRounds: 1, rounds: 1, snapshotsPerRound: 2 },
  },
};

const PER_COLYSEUS_MAX = 1 / 20;
/** Sums that leave the caches cost a little more than their parts; a product would be 20 / (4 + 5 - 1) = 2.5. */
const LARGE_PER_SUM_MAX = 1.5;

export async function run({ small }: BenchOptions): Promise<BenchResult> {
  const { main, large, curve } = small ? SIZES.small : SIZES.full;
  const otherLoad = new OtherLoad();
  const metrics: Record<string, number> = {};
  compare(MAIN, main, (what) => what, metrics);
  compare(LARGE, large, (what) => `large${capital(what)}`, metrics);
  for (const clientCount of CURVE_CLIENTS) {
    metrics[`usPerSnapshotOf${clientCount}Clients`] = alone({ ...MAIN, clientCount }, curve);
  }
  for (const entityCount of CURVE_ENTITIES) {
    metrics[`usPerSnapshotOf${entityCount}Entities`] = alone({ ...MAIN, entityCount }, curve);
  }
  const sumUs =
    metrics['usPerSnapshotOf400Clients']! + metrics['usPerSnapshotOf5000Entities']! - metrics['usPerSnapshotOf100Clients']!;
  metrics['largePerSum'] = metrics['largeUsPerSnapshot']! / sumUs;
  metrics['otherProcessesCores'] = otherLoad.cores();
  const { clientCount, entityCount } = MAIN;
  return {
    seed: SEED,
    metrics,
    goals: [
      atMost('perColyseus', metrics['perColyseus']!, PER_COLYSEUS_MAX),
      atMost('largePerColyseus', metrics['largePerColyseus']!, PER_COLYSEUS_MAX),
      atMost('largePerSum', metrics['largePerSum']!, LARGE_PER_SUM_MAX),
    ],
    notes: [
      `${clientCount} clients and ${entityCount} entities; large: ${LARGE.clientCount} and ${LARGE.entityCount}. Medians.`,
      'usPerSnapshot: all that shard and front do for a snapshot, from settled tables to frames in the sockets',
      'colyseusUsPerSnapshot: encode and every encodeView alone; assignments (Writes) and changes of views (Views) are apart',
      'SeenPerClient: ours are sent whole cells, so they see more than what is in their radius, which is all that a view has',
      `curve: of ${entityCount} entities for 25 to 400 clients, and of 500 to 5,000 entities for ${clientCount} clients`,
      'largePerSum: large, beside what 4 times the clients and 5 times the entities cost, each added to the smaller size;',
      'about 1 when cost grows with clients plus entities, 2.5 when it grows with their product',
    ],
  };
}

/** Ours and the peer, in turns. */
function compare(size: CrowdSize, effort: Effort, key: (what: string) => string, metrics: Record<string, number>): void {
  const ours = new Crowd(size, (workload) => new EscapementCrowd(workload));
  const theirs = new Crowd(size, (workload) => new ColyseusViews(workload));
  const writesUs: number[] = [];
  const viewsUs: number[] = [];
  let entered = 0;
  for (let round = -effort.warmUpRounds; round < effort.rounds; round += 1) {
    ours.pass(effort.snapshotsPerRound, round >= 0);
    theirs.pass(effort.snapshotsPerRound, round >= 0, (views) => {
      writesUs.push(views.writesUs);
      viewsUs.push(views.viewsUs);
      entered += views.entered;
    });
  }
  metrics[key('usPerSnapshot')] = ours.usPerSnapshot;
  metrics[key('colyseusUsPerSnapshot')] = theirs.usPerSnapshot;
  metrics[key('colyseusWritesUsPerSnapshot')] = distributionOf(writesUs).p50;
  metrics[key('colyseusViewsUsPerSnapshot')] = distributionOf(viewsUs).p50;
  metrics[key('perColyseus')] = ours.usPerSnapshot / theirs.usPerSnapshot;
  metrics[key('bytesPerClient')] = ours.bytesPerClient;
  metrics[key('colyseusBytesPerClient')] = theirs.bytesPerClient;
  metrics[key('seenPerClient')] = ours.seenPerClient;
  metrics[key('colyseusSeenPerClient')] = theirs.seenPerClient;
  metrics[key('colyseusEnteredPerClient')] = entered / writesUs.length / size.clientCount;
}

/** Ours only, for the curve: microseconds per snapshot. */
function alone(size: CrowdSize, { warmUpRounds, rounds, snapshotsPerRound }: Effort): number {
  const crowd = new Crowd(size, (workload) => new EscapementCrowd(workload));
  for (let round = -warmUpRounds; round < rounds; round += 1) crowd.pass(snapshotsPerRound, round >= 0);
  return crowd.usPerSnapshot;
}

/** One contender with a crowd of its own, and what was measured of it. */
class Crowd<C extends CrowdContender> {
  private readonly workload: InterestWorkload;
  private readonly contender: C;
  private readonly us: number[] = [];
  private bytes = 0;

  constructor(
    private readonly size: CrowdSize,
    make: (workload: InterestWorkload) => C,
  ) {
    this.workload = new InterestWorkload({ ...size, seed: SEED });
    this.contender = make(this.workload);
  }

  get usPerSnapshot(): number {
    return distributionOf(this.us).p50;
  }

  get bytesPerClient(): number {
    return this.bytes / this.us.length / this.size.clientCount;
  }

  get seenPerClient(): number {
    return this.contender.seen / this.size.clientCount;
  }

  pass(snapshots: number, isMeasured: boolean, measure?: (contender: C) => void): void {
    const { workload, contender } = this;
    for (let s = 0; s < snapshots; s += 1) {
      workload.advance();
      contender.snapshot();
      if (!isMeasured) continue;
      this.us.push(contender.us);
      this.bytes += contender.bytes;
      measure?.(contender);
    }
    contender.catchUp();
  }
}

function capital(word: string): string {
  return word[0]!.toUpperCase() + word.slice(1);
}

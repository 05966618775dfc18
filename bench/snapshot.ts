/**
 * The arena's snapshots at 16, 100 and 1,000 players, as this package encodes them, beside JSON, plain FlatBuffers tables
 * and `@colyseus/schema`, and beside the entropy of what there is to say.
 *
 * The arenas are seeded, so all contenders encode the same states. They take turns, some hundred snapshots each, as a shard
 * goes from room to room with the same code; every value that a client would read is compared with the table's, at every
 * snapshot. A few microseconds are too short for a clock, so a reading is of as many arenas as make about 1,000 players,
 * divided by their number.
 */
import { SNAPSHOT_PREFIX_BYTES } from '../src/protocol/server-frames.js';
import { ArenaWorkload, type ArenaTable } from './arena-workload.js';
import { distributionOf } from './distribution.js';
import { garbageBytesPerCall } from './garbage-meter.js';
import { atMost, type Goal } from './goal.js';
import { OtherLoad } from './machine.js';
import { ColyseusArena } from './peers/colyseus-arena.js';
import { FlatBuffersArena } from './peers/flatbuffers-arena.js';
import { JsonArena } from './peers/json-arena.js';
import type { BenchOptions, BenchResult } from './run.js';
import type { SnapshotContender } from './snapshot-contender.js';
import { ImageMotion, ResidualEntropy } from './snapshot-entropy.js';
import { EscapementArena } from './snapshot-escapement.js';

export const name = 'snapshot';
export const about = 'bytes and time of arena snapshots, beside @colyseus/schema, JSON, FlatBuffers and the entropy';

const SEED = 0xa4e7a;
const PLAYER_COUNTS = [16, 100, 1000];
/** Players of all arenas that one clock reading is for. */
const PLAYERS_PER_READING = 1000;

const SIZES = {
  full: { rounds: 5, snapshotsPerRound: 200, warmUpSnapshots: 300, replays: 20 },
  small: { rounds: 1, snapshotsPerRound: 20, warmUpSnapshots: 10, replays: 2 },
};

const BYTES_16_MAX = 56;
const BODY_PER_ENTROPY_MAX = 1.5;
const BYTES_PER_COLYSEUS_MAX = 0.2;
const ENCODE_PER_COLYSEUS_MAX = 1 / 3;
const ENCODE_US_1000_MAX = 60;
/** The smallest thing there is to allocate, a boxed number, has 16 bytes. Reading the heap's size leaves some per round. */
const GARBAGE_BYTES_MAX = 1;

/** In the order of the metrics. */
const CONTENDERS: Readonly<Record<string, new (table: ArenaTable) => SnapshotContender>> = {
  '': EscapementArena,
  colyseus: ColyseusArena,
  json: JsonArena,
  flatbuffers: FlatBuffersArena,
};

export async function run({ small }: BenchOptions): Promise<BenchResult> {
  const { rounds, snapshotsPerRound, warmUpSnapshots, replays } = small ? SIZES.small : SIZES.full;
  const otherLoad = new OtherLoad();
  const sizes = PLAYER_COUNTS.map((count) => ({
    count,
    entrants: Object.entries(CONTENDERS).map(([prefix, Contender]) => new Entrant(prefix, Contender, count)),
  }));
  const passAll = (snapshots: number, isMeasured: boolean): void => {
    for (const { entrants } of sizes) for (const entrant of entrants) entrant.pass(snapshots, isMeasured);
  };
  passAll(warmUpSnapshots, false);
  // In turns, so that a neighbour who takes the core for some seconds slows all of them down.
  for (let round = 0; round < rounds; round += 1) passAll(snapshotsPerRound, true);
  const otherProcessesCores = otherLoad.cores();

  const metrics: Record<string, number> = {};
  const goals: Goal[] = [];
  for (const { count, entrants } of sizes) {
    report(count, entrants, metrics, goals);
    const garbage = `garbageBytesPerSnapshot${count}`;
    metrics[garbage] = await garbageOf(count, replays);
    goals.push(atMost(garbage, metrics[garbage], GARBAGE_BYTES_MAX));
  }
  goals.unshift(atMost('bytes16', metrics['bytes16']!, BYTES_16_MAX));
  goals.push(atMost('encodeUs1000', metrics['encodeUs1000']!, ENCODE_US_1000_MAX));
  return {
    seed: SEED,
    metrics: { ...metrics, otherProcessesCores, snapshots: rounds * snapshotsPerRound },
    goals,
    notes: [
      `bytes: whole messages, ours with the ${SNAPSHOT_PREFIX_BYTES} bytes of its frame that body leaves out; means`,
      'encode: difference and message, from settled columns; times are medians',
      'colyseus: one assignment for each changed field (colyseusWritesUs), then encode; colyseusEncodeUs is both. A game',
      'assigns at each of the three ticks, so its writes take three times as long; ours are stores into columns',
      'decode: from the message to numbers that a game reads; ours verifies the frame, too',
      'entropy: order 0, of the residuals of each field over all players, standing ones included',
      'garbage: by encoding alone, replayed without the simulation',
    ],
  };
}

/** One contender in as many arenas of one size as make a reading, and what was measured of it. */
class Entrant {
  private readonly arenas: readonly ArenaWorkload[];
  private readonly contenders: readonly SnapshotContender[];
  private readonly motions: readonly ImageMotion[];
  private readonly entropy = new ResidualEntropy(5);
  private bytes = 0;
  private messages = 0;
  private readonly writesUs: number[] = [];
  /** With the writes. */
  private readonly encodesUs: number[] = [];
  private readonly decodesUs: number[] = [];

  constructor(
    private readonly prefix: string,
    Contender: new (table: ArenaTable) => SnapshotContender,
    private readonly count: number,
  ) {
    const length = Math.ceil(PLAYERS_PER_READING / count);
    this.arenas = Array.from({ length }, (_, i) => new ArenaWorkload({ count, seed: SEED + count + i }));
    this.contenders = this.arenas.map(({ table }) => new Contender(table));
    this.motions = this.arenas.map(({ table }) => new ImageMotion(table.image));
  }

  get entropyBytes(): number {
    return this.entropy.bytesPerSnapshot;
  }

  pass(snapshots: number, isMeasured: boolean): void {
    for (let s = 0; s < snapshots; s += 1) {
      for (const arena of this.arenas) arena.advance();
      for (const motion of this.motions) {
        motion.advance();
        if (isMeasured) this.entropy.add(motion);
      }
      this.snapshot(isMeasured);
    }
  }

  report(metrics: Record<string, number>): void {
    const { prefix, count } = this;
    const key = (what: string): string =>
      (prefix === '' ? what : prefix + what[0]!.toUpperCase() + what.slice(1)) + String(count);
    metrics[key('bytes')] = this.bytes / this.messages;
    if (prefix === 'colyseus') metrics[key('writesUs')] = distributionOf(this.writesUs).p50;
    metrics[key('encodeUs')] = distributionOf(this.encodesUs).p50;
    metrics[key('decodeUs')] = distributionOf(this.decodesUs).p50;
  }

  private snapshot(isMeasured: boolean): void {
    const { contenders } = this;
    for (const contender of contenders) contender.prepare();
    let bytes = 0;
    const startMs = performance.now();
    for (let i = 0; i < contenders.length; i += 1) contenders[i]!.write();
    const writtenMs = performance.now();
    for (let i = 0; i < contenders.length; i += 1) bytes += contenders[i]!.encode();
    const encodedMs = performance.now();
    for (let i = 0; i < contenders.length; i += 1) contenders[i]!.decode();
    const decodedMs = performance.now();
    for (const contender of contenders) contender.check();
    if (!isMeasured) return;
    this.bytes += bytes;
    this.messages += contenders.length;
    this.writesUs.push(((writtenMs - startMs) * 1000) / contenders.length);
    this.encodesUs.push(((encodedMs - startMs) * 1000) / contenders.length);
    this.decodesUs.push(((decodedMs - encodedMs) * 1000) / contenders.length);
  }
}

/** Bytes, entropy and the figures to reach of one size; ours is the first entrant. */
function report(count: number, entrants: readonly Entrant[], metrics: Record<string, number>, goals: Goal[]): void {
  for (const entrant of entrants) entrant.report(metrics);
  const bytes = metrics[`bytes${count}`]!;
  const encodeUs = metrics[`encodeUs${count}`]!;
  const bodyBytes = (metrics[`bodyBytes${count}`] = bytes - SNAPSHOT_PREFIX_BYTES);
  const entropyBytes = (metrics[`entropyBytes${count}`] = entrants[0]!.entropyBytes);
  const ratio = (what: string, value: number, limit: number): void => {
    metrics[`${what}${count}`] = value;
    goals.push(atMost(`${what}${count}`, value, limit));
  };
  ratio('bodyPerEntropy', bodyBytes / entropyBytes, BODY_PER_ENTROPY_MAX);
  ratio('bytesPerColyseus', bytes / metrics[`colyseusBytes${count}`]!, BYTES_PER_COLYSEUS_MAX);
  ratio('encodePerColyseus', encodeUs / metrics[`colyseusEncodeUs${count}`]!, ENCODE_PER_COLYSEUS_MAX);
}

const RECORDED_SNAPSHOTS = 100;

/**
 * Bytes that a snapshot leaves on the heap. The arena is recorded and played back, to and fro, as the simulation's own
 * garbage would be counted.
 */
async function garbageOf(count: number, replays: number): Promise<number> {
  const arena = new ArenaWorkload({ count, seed: SEED });
  const contender = new EscapementArena(arena.table);
  const { quanta } = arena.table.image;
  const recording = Array.from({ length: RECORDED_SNAPSHOTS }, () => {
    arena.advance();
    return quanta.map((column) => column.slice());
  });
  let at = 0;
  let step = 1;
  const snapshot = (): void => {
    if (at + step < 0 || at + step >= recording.length) step = -step;
    at += step;
    const columns = recording[at]!;
    for (let f = 0; f < columns.length; f += 1) quanta[f]!.set(columns[f]!);
    contender.prepare();
    contender.encode();
  };
  const calls = Math.ceil((replays * RECORDED_SNAPSHOTS * 100) / Math.min(count, 100));
  for (let call = 0; call < calls; call += 1) snapshot();
  return garbageBytesPerCall(calls, snapshot);
}

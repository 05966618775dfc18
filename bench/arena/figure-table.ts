/** The figures of all runs, by contender and number of rooms, and the metrics made of them. */
import type { RunFigures } from './arena-run.js';

/** Figures of one run that become a metric each: the metric's name after the contender's, and where it comes from. */
const SHOWN: readonly (readonly [string, (run: RunFigures) => number])[] = [
  ['CpuUsPerSnapshot', (run) => run.cpuUsPerSnapshot],
  ['JitterP50Ms', (run) => run.jitterP50Ms],
  ['JitterP99Ms', (run) => run.jitterP99Ms],
  ['TickIntervalP99Ms', (run) => run.tickIntervalP99Ms],
  ['WorstRoomHz', (run) => run.worstRoomHz],
  ['LatencyP50Ms', (run) => run.latencyP50Ms],
  ['LatencyP99Ms', (run) => run.latencyP99Ms],
  ['BytesPerClientPerSec', (run) => run.bytesPerClientPerSec],
  ['WireBytesPerClientPerSec', (run) => run.wireBytesPerClientPerSec],
  ['RssMiB', (run) => run.residentMiB],
  ['CoreShare', (run) => run.coreShare.all],
  ['LoadBusyShare', (run) => run.loadBusyShare],
];

/** The floor has no ticks and no state. */
const NOT_OF_THE_FLOOR = /^(TickInterval|WorstRoom|Latency)/;

export class FigureTable {
  /** One entry for each round; null for a run that failed. */
  private readonly runs = new Map<string, (RunFigures | null)[]>();

  add(contender: string, rooms: number, figures: RunFigures | null): void {
    const key = `${contender} ${rooms}`;
    this.runs.set(key, [...(this.runs.get(key) ?? []), figures]);
  }

  /** @param mainRooms the number of rooms that the metrics without one in their name are about */
  metrics(roomCounts: readonly number[], mainRooms: number): Record<string, number> {
    const metrics: Record<string, number> = {};
    for (const contender of ['escapement', 'floor', 'colyseusUws', 'colyseusWs', 'socketio']) {
      for (const rooms of roomCounts) {
        const runs = this.of(contender, rooms);
        if (runs.length === 0) continue;
        for (const [name, figure] of SHOWN) {
          if (contender === 'floor' && NOT_OF_THE_FLOOR.test(name)) continue;
          metrics[`${contender}${name}At${rooms}`] = median(runs.map(figure));
        }
        if (contender === 'floor') continue;
        const prefix = contender === 'escapement' ? 'cpu' : contender;
        const ratio = this.ratio(contender, 'floor', rooms, (run) => run.cpuUsPerSnapshot);
        metrics[`${prefix}OverFloorAt${rooms}`] = ratio;
        if (rooms === mainRooms) metrics[`${prefix}OverFloor`] = ratio;
      }
    }
    const ours = this.of('escapement', mainRooms);
    metrics.bytesPerClientPerSec = median(ours.map((run) => run.bytesPerClientPerSec));
    metrics.escapementBytesPerSnapshot = median(ours.map((run) => run.bytesPerSnapshot));
    metrics.bytesOverColyseus = this.ratio('escapement', 'colyseusUws', mainRooms, (run) => run.bytesPerClientPerSec);
    metrics.jitterP99MsOneCore = median(ours.map((run) => run.jitterP99Ms));
    metrics.statesCompared = [...this.runs.values()].flat().reduce((sum, run) => sum + (run?.statesCompared ?? 0), 0);
    metrics.runsFailed = [...this.runs.values()].flat().filter((run) => run === null).length;
    return metrics;
  }

  /** Of the runs with front and shard on cores of their own, added as `twoCores`. */
  twoCoreMetrics(roomCounts: readonly number[], mainRooms: number): Record<string, number> {
    const metrics: Record<string, number> = {};
    for (const rooms of roomCounts) {
      const runs = this.of('twoCores', rooms);
      metrics[`frontCorePercentAt${rooms}TwoCores`] = median(runs.map((run) => 100 * run.coreShare.front));
      metrics[`shardCorePercentAt${rooms}TwoCores`] = median(runs.map((run) => 100 * run.coreShare.shard));
      metrics[`otherCorePercentAt${rooms}TwoCores`] = median(runs.map((run) => 100 * run.coreShare.other));
      metrics[`jitterP99MsAt${rooms}TwoCores`] = median(runs.map((run) => run.jitterP99Ms));
      metrics[`tickIntervalP99MsAt${rooms}TwoCores`] = median(runs.map((run) => run.tickIntervalP99Ms));
      metrics[`latencyP50MsAt${rooms}TwoCores`] = median(runs.map((run) => run.latencyP50Ms));
      if (rooms === mainRooms) metrics.jitterP99MsTwoCores = metrics[`jitterP99MsAt${rooms}TwoCores`]!;
    }
    return metrics;
  }

  private of(contender: string, rooms: number): RunFigures[] {
    return (this.runs.get(`${contender} ${rooms}`) ?? []).filter((run) => run !== null);
  }

  /** Median of the ratios within each round that both have. */
  private ratio(contender: string, other: string, rooms: number, figure: (run: RunFigures) => number): number {
    const own = this.runs.get(`${contender} ${rooms}`) ?? [];
    const theirs = this.runs.get(`${other} ${rooms}`) ?? [];
    const ratios = own.flatMap((run, i) => (run !== null && theirs[i] != null ? [figure(run) / figure(theirs[i])] : []));
    return median(ratios);
  }
}

/** Of an even number the lower one in the middle, so that it is a figure that was measured; NaN of none. */
function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[(values.length - 1) >> 1] ?? NaN;
}

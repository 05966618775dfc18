/**
 * Which rows of a facet are in which stream: as the receivers hold it, and as it is to be.
 *
 * ```
 *   order    rows by stream, then by slot:  | 3 8 9 | 1 4 | … |     as held
 *   starts   where each stream begins:        0       3     5
 * ```
 *
 * `compare` finds who stays (kept), who has left and who has come; `settle` makes the new placement the one held. Both
 * walk the rows once; while no row moves, that is all that happens.
 */
import type { TableImage } from '../state/image.js';

export const RowStatus = {
  /** In no stream. */
  Absent: 0,
  /** In the stream it was in. */
  Kept: 1,
  /** New in its stream. */
  Arrived: 2,
} as const;

export class Placement {
  readonly order: Uint16Array;
  starts: Int32Array = new Int32Array(2);
  /** Those of `order` that stay. */
  keptOrder: Uint16Array;
  keptStarts: Int32Array = new Int32Array(2);
  /** Rows new in their streams, by stream, then by slot. */
  readonly arrived: Uint16Array;
  arrivedStarts: Int32Array = new Int32Array(2);
  arrivedCount = 0;
  /** Per stream. */
  departures: Int32Array = new Int32Array(1);
  arrivals: Int32Array = new Int32Array(1);
  /** Rows that left or came, in all streams; 0: the per-stream counts are not to be read. */
  moves = 0;
  /** A RowStatus per slot; only after moves. */
  readonly status: Uint8Array;
  /** Generation of each row held. */
  readonly generations: Uint16Array;
  /** 1 + the stream of each row held, by slot; 0: not held. */
  private readonly homes: Uint16Array;
  private readonly targets: Uint16Array;
  private readonly spareOrder: Uint16Array;
  private spareStarts: Int32Array = new Int32Array(2);
  private cursors: Int32Array = new Int32Array(1);
  private rowEnd = 0;
  /** The image's `membership` at the last comparison; -1: to be compared in any case. */
  private membership = -1;
  private streamCount = 0;

  constructor(capacity: number) {
    this.order = new Uint16Array(capacity);
    this.spareOrder = new Uint16Array(capacity);
    this.keptOrder = this.order;
    this.arrived = new Uint16Array(capacity);
    this.status = new Uint8Array(capacity);
    this.generations = new Uint16Array(capacity);
    this.homes = new Uint16Array(capacity);
    this.targets = new Uint16Array(capacity);
  }

  /** How many rows are held in a stream. */
  rowsIn(stream: number): number {
    return stream < this.streamCount ? this.starts[stream + 1]! - this.starts[stream]! : 0;
  }

  hasMoves(stream: number): boolean {
    return this.departures[stream] !== 0 || this.arrivals[stream] !== 0;
  }

  /** Forgets every row, as if nobody held any. */
  clear(): void {
    this.homes.fill(0, 0, this.rowEnd);
    this.starts.fill(0);
    this.membership = -1;
    this.rowEnd = 0;
  }

  /** @param streamOf 1 + the stream of each living row, 0 for none; null: all are in stream 0 */
  compare(image: TableImage, streamOf: Uint16Array | null, streamCount: number): void {
    const { homes, generations, targets } = this;
    const now = image.generations;
    const end = Math.max(this.rowEnd, image.rowEnd);
    this.fitStreams(streamCount);
    let moves = 0;
    const isStill = streamOf === null && this.membership === image.membership;
    for (let slot = 0; slot < end && !isStill; slot += 1) {
      const generation = now[slot]!;
      const target = generation === 0 ? 0 : streamOf === null ? 1 : streamOf[slot]!;
      targets[slot] = target;
      if (target !== homes[slot] || (target !== 0 && generation !== generations[slot])) moves += 1;
    }
    this.moves = moves;
    this.arrivedCount = 0;
    // Only while all rows are in one stream does their membership alone say where they are.
    this.membership = streamOf === null ? image.membership : -1;
    if (moves === 0) {
      this.keptOrder = this.order;
      this.keptStarts = this.starts;
      return;
    }
    this.markStatus(now, end, streamCount);
    this.listKept(streamCount);
    this.listArrived(end, streamCount);
  }

  /** Makes what `compare` found the placement held. */
  settle(image: TableImage): void {
    if (this.moves === 0) return;
    const { homes, targets, generations, streamCount } = this;
    const end = Math.max(this.rowEnd, image.rowEnd);
    for (let slot = 0; slot < end; slot += 1) {
      homes[slot] = targets[slot]!;
      generations[slot] = image.generations[slot]!;
    }
    this.rowEnd = image.rowEnd;
    this.merge(streamCount);
  }

  private markStatus(now: Uint16Array, end: number, streamCount: number): void {
    const { homes, generations, targets, status, departures, arrivals } = this;
    departures.fill(0, 0, streamCount);
    arrivals.fill(0, 0, streamCount);
    for (let slot = 0; slot < end; slot += 1) {
      const home = homes[slot]!;
      const target = targets[slot]!;
      if (home === target && (target === 0 || now[slot] === generations[slot])) {
        status[slot] = target === 0 ? RowStatus.Absent : RowStatus.Kept;
        continue;
      }
      status[slot] = target === 0 ? RowStatus.Absent : RowStatus.Arrived;
      if (home !== 0) departures[home - 1]! += 1;
      if (target !== 0) arrivals[target - 1]! += 1;
    }
  }

  private listKept(streamCount: number): void {
    const { order, starts, status } = this;
    const kept = (this.keptOrder = this.spareOrder);
    const keptStarts = (this.keptStarts = this.spareStarts);
    let count = 0;
    for (let stream = 0; stream < streamCount; stream += 1) {
      keptStarts[stream] = count;
      for (let k = starts[stream]!; k < starts[stream + 1]!; k += 1) {
        const slot = order[k]!;
        if (status[slot] === RowStatus.Kept) {
          kept[count] = slot;
          count += 1;
        }
      }
    }
    keptStarts[streamCount] = count;
  }

  private listArrived(end: number, streamCount: number): void {
    const { arrivals, arrivedStarts, arrived, targets, status, cursors } = this;
    let count = 0;
    for (let stream = 0; stream < streamCount; stream += 1) {
      arrivedStarts[stream] = cursors[stream] = count;
      count += arrivals[stream]!;
    }
    this.arrivedCount = count;
    for (let slot = 0; slot < end; slot += 1) {
      if (status[slot] !== RowStatus.Arrived) continue;
      const stream = targets[slot]! - 1;
      arrived[cursors[stream]!] = slot;
      cursors[stream]! += 1;
    }
  }

  /** Kept and arrived rows, stream by stream, in the order of their slots. */
  private merge(streamCount: number): void {
    const { keptOrder, keptStarts, arrived, arrivedStarts, arrivals, order, starts } = this;
    let count = 0;
    for (let stream = 0; stream < streamCount; stream += 1) {
      let k = keptStarts[stream]!;
      const keptEnd = keptStarts[stream + 1]!;
      let a = arrivedStarts[stream]!;
      const arrivedEnd = a + arrivals[stream]!;
      starts[stream] = count;
      while (k < keptEnd || a < arrivedEnd) {
        if (a >= arrivedEnd || (k < keptEnd && keptOrder[k]! < arrived[a]!)) {
          order[count] = keptOrder[k]!;
          k += 1;
        } else {
          order[count] = arrived[a]!;
          a += 1;
        }
        count += 1;
      }
    }
    starts[streamCount] = count;
    this.keptOrder = order;
    this.keptStarts = starts;
  }

  /** Streams are only ever added; one that is used no more is empty. */
  private fitStreams(streamCount: number): void {
    if (streamCount < this.streamCount) throw new RangeError(`${streamCount} streams; there were ${this.streamCount}`);
    if (streamCount > this.departures.length) {
      const length = Math.max(streamCount, 2 * this.departures.length);
      const grown = (old: Int32Array, more: number): Int32Array => {
        const array = new Int32Array(length + more);
        array.set(old);
        return array;
      };
      this.starts = grown(this.starts, 1);
      this.spareStarts = grown(this.spareStarts, 1);
      this.arrivedStarts = grown(this.arrivedStarts, 1);
      this.departures = grown(this.departures, 0);
      this.arrivals = grown(this.arrivals, 0);
      this.cursors = grown(this.cursors, 0);
    }
    const rows = this.starts[this.streamCount]!;
    for (let stream = this.streamCount; stream < streamCount; stream += 1) this.starts[stream + 1] = rows;
    this.streamCount = streamCount;
  }
}

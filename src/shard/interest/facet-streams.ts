/**
 * The streams of one facet: which row goes to which, and their encoders.
 *
 * A stream is a cell for an audience. Facets without a grid have one cell; rows that nothing was said about are everyone's.
 * Each ring of a grid has an encoder of its own, as its receivers hold older snapshots. On the wire the numbers of the
 * rings' streams are interleaved: stream s of ring r of n is s * n + r.
 */
import type { BitWriter } from '../../codec/bit-writer.js';
import { STREAMS_MAX } from '../../codec/body-format.js';
import type { EncoderScratch } from '../../codec/encoder-scratch.js';
import type { Facet } from '../../codec/facet.js';
import { FacetEncoder } from '../../codec/facet-encoder.js';
import type { Table } from '../../state/table.js';
import { EVERYONE, NOBODY, type Audiences, type RowAudiences } from './audience.js';
import type { CellGrid } from './cell-grid.js';
import type { GridInterest, Ring } from './grid.js';

/** Streams of restricted audiences that there may be before those without rows are looked for. */
const RECLAIM_STREAMS = 1024;

const ONE_RING: readonly Ring[] = [{ enterRadius: 0, leaveRadius: 0, every: 1 }];

/** A stream's keyframe or Drop, written once per snapshot, when the first client needs it. */
class Pieces {
  starts: Int32Array = new Int32Array(1);
  ends: Int32Array = new Int32Array(1);
  /** Snapshot that each was written for. */
  private snapshots: Int32Array = new Int32Array(1);

  has(stream: number, snapshot: number): boolean {
    return this.snapshots[stream] === snapshot;
  }

  set(stream: number, snapshot: number, start: number, end: number): void {
    this.snapshots[stream] = snapshot;
    this.starts[stream] = start;
    this.ends[stream] = end;
  }

  fit(streams: number): void {
    if (streams <= this.starts.length) return;
    const grown = (old: Int32Array): Int32Array => {
      const array = new Int32Array(Math.max(streams, 2 * old.length));
      array.set(old);
      return array;
    };
    this.starts = grown(this.starts);
    this.ends = grown(this.ends);
    this.snapshots = grown(this.snapshots);
  }
}

export class FacetStreams {
  readonly rings: readonly Ring[];
  readonly encoders: readonly FacetEncoder[];
  readonly cells: CellGrid | null;
  readonly cellCount: number;
  readonly snapshotBytesMax: number;
  private readonly keyframes: readonly Pieces[];
  private readonly drops: readonly Pieces[];
  /** By audience: the stream of each cell, -1 while it has none. */
  private readonly streamsByAudience: (Int32Array | undefined)[] = [];
  private readonly freeStreams: number[] = [];
  /** Streams in use from which on the facet is crowded. */
  private reclaimFrom: number;
  private streamCount = 0;
  private readonly streamOf: Uint16Array;
  /** What of `streamOf` the encoders are to look at; null: every row is in stream 0. */
  private placement: Uint16Array | null = null;
  private snapshot = 0;

  constructor(
    readonly facet: Facet,
    private readonly table: Table,
    private readonly registry: Audiences,
    /** Who is let in on each row's part of this facet. */
    private readonly audiences: RowAudiences,
    /** Of a secret facet: who sees the row at all; null: no more is asked. */
    private readonly within: RowAudiences | null,
    private readonly grid: GridInterest | null,
    snapshotRateHz: number,
    scratch: EncoderScratch,
  ) {
    this.rings = grid === null ? ONE_RING : grid.ringsAt(snapshotRateHz);
    this.cells = grid === null ? null : grid.cells;
    this.cellCount = this.cells === null ? 1 : this.cells.count;
    this.snapshotBytesMax = grid === null ? Infinity : grid.snapshotBytesMax;
    this.encoders = this.rings.map((_, r) => new FacetEncoder(facet, table.image, scratch, this.rings.length, r));
    this.keyframes = this.rings.map(() => new Pieces());
    this.drops = this.rings.map(() => new Pieces());
    this.reclaimFrom = this.cellCount + RECLAIM_STREAMS;
    this.streamOf = new Uint16Array(facet.capacity);
    // Everyone's streams exist from the start and lie side by side, so that what a client is sent is few pieces.
    if (audiences.defaultId === EVERYONE) for (let cell = 0; cell < this.cellCount; cell += 1) this.addStream(EVERYONE, cell);
  }

  /** The stream of a cell for an audience; -1 while there is none, as no row ever was in it. */
  streamAt(audience: number, cell: number): number {
    const streams = this.streamsByAudience[audience];
    return streams === undefined ? -1 : streams[cell]!;
  }

  /** The streams of an audience by cell, as `streamAt`; undefined while it has none. */
  streamsOf(audience: number): Int32Array | undefined {
    return this.streamsByAudience[audience];
  }

  /** Settles which stream each row is in. To be called once for each snapshot. */
  place(snapshot: number): void {
    this.snapshot = snapshot;
    const { audiences, grid, streamOf } = this;
    if (!audiences.isUsed && audiences.defaultId === NOBODY) {
      streamOf.fill(0, 0, this.table.rowEnd);
      this.placement = streamOf;
    } else if (grid === null && !audiences.isUsed) {
      this.placement = null;
    } else {
      this.placement = streamOf;
      if (audiences.isUsed) this.placeByAudience();
      else this.placeByCell(grid!);
    }
    if (this.streamCount === 0) this.addStream(EVERYONE, 0); // encoders want one, however empty
  }

  /** Writes what changed in a ring's streams. */
  advance(out: BitWriter, ring: number): void {
    this.encoders[ring]!.advance(out, this.placement, this.streamCount);
  }

  /** Writes who has left a ring's streams and who has come: for snapshots that the ring doesn't take. */
  move(out: BitWriter, ring: number): void {
    this.encoders[ring]!.move(out, this.placement, this.streamCount);
  }

  /** Nobody holds what was sent in a ring. */
  reset(ring: number): void {
    this.encoders[ring]!.reset(this.placement, this.streamCount);
  }

  /** Writes a stream's keyframe, unless it was for this snapshot. Returns whether it has any rows. */
  keyframe(out: BitWriter, ring: number, stream: number): boolean {
    const pieces = this.keyframes[ring]!;
    if (!pieces.has(stream, this.snapshot)) {
      const start = out.byteLength;
      this.encoders[ring]!.keyframe(out, stream);
      pieces.set(stream, this.snapshot, start, out.byteLength);
    }
    return pieces.starts[stream] !== pieces.ends[stream];
  }

  keyframeStart(ring: number, stream: number): number {
    return this.keyframes[ring]!.starts[stream]!;
  }

  keyframeEnd(ring: number, stream: number): number {
    return this.keyframes[ring]!.ends[stream]!;
  }

  /** Writes a stream's Drop, unless it was for this snapshot. */
  drop(out: BitWriter, ring: number, stream: number): void {
    const pieces = this.drops[ring]!;
    if (pieces.has(stream, this.snapshot)) return;
    const start = out.byteLength;
    this.encoders[ring]!.drop(out, stream);
    pieces.set(stream, this.snapshot, start, out.byteLength);
  }

  dropStart(ring: number, stream: number): number {
    return this.drops[ring]!.starts[stream]!;
  }

  dropEnd(ring: number, stream: number): number {
    return this.drops[ring]!.ends[stream]!;
  }

  /** Whether a search for streams without rows is worth its while. */
  get isCrowded(): boolean {
    return this.streamCount - this.freeStreams.length >= this.reclaimFrom;
  }

  /** Streams without rows give their numbers back, but for everyone's. */
  reclaim(): void {
    this.streamsByAudience.forEach((streams, audience) => {
      if (streams === undefined || audience === EVERYONE) return;
      streams.forEach((stream, cell) => {
        if (stream < 0 || this.encoders.some(({ placement }) => placement.rowsIn(stream) > 0)) return;
        streams[cell] = -1;
        this.freeStreams.push(stream);
      });
    });
    const restricted = this.streamCount - this.freeStreams.length - this.cellCount;
    this.reclaimFrom = this.cellCount + Math.max(RECLAIM_STREAMS, 2 * restricted);
  }

  /** Audiences that no row has any more give their streams back. */
  release(audiences: readonly number[]): void {
    for (const id of audiences) {
      const streams = this.streamsByAudience[id];
      if (streams === undefined) continue;
      for (const stream of streams) if (stream >= 0) this.freeStreams.push(stream);
      this.streamsByAudience[id] = undefined;
    }
  }

  private placeByCell({ cells, x, y }: GridInterest): void {
    const { table, streamOf } = this;
    const { alive, rowEnd } = table;
    for (let slot = 0; slot < rowEnd; slot += 1) {
      if (alive[slot] === 1) streamOf[slot] = 1 + cells.cellAt(x[slot]!, y[slot]!);
    }
  }

  private placeByAudience(): void {
    const { table, streamOf, audiences, within, registry, grid } = this;
    const { alive, rowEnd } = table;
    for (let slot = 0; slot < rowEnd; slot += 1) {
      if (alive[slot] === 0) continue;
      const own = audiences.of(slot);
      const audience = within === null ? own : registry.bothOf(own, within.of(slot));
      if (audience === NOBODY) {
        streamOf[slot] = 0;
        continue;
      }
      const cell = grid === null ? 0 : grid.cells.cellAt(grid.x[slot]!, grid.y[slot]!);
      let stream = this.streamAt(audience, cell);
      if (stream < 0) stream = this.addStream(audience, cell);
      streamOf[slot] = 1 + stream;
    }
  }

  private addStream(audience: number, cell: number): number {
    let streams = this.streamsByAudience[audience];
    if (streams === undefined) {
      streams = this.streamsByAudience[audience] = new Int32Array(this.cellCount).fill(-1);
    }
    const stream = this.freeStreams.pop() ?? this.streamCount;
    if ((stream + 1) * this.rings.length > STREAMS_MAX) {
      throw new RangeError(
        `the room's rows have too many different audiences in too many cells: over ${STREAMS_MAX} streams; ` +
          'use groups, larger cells or fewer rings',
      );
    }
    streams[cell] = stream;
    if (stream === this.streamCount) {
      this.streamCount += 1;
      for (const pieces of [...this.keyframes, ...this.drops]) pieces.fit(this.streamCount);
    }
    return stream;
  }
}

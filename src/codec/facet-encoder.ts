/**
 * Encodes one facet at one rate: what changed in each of its streams since the last time, and whole streams.
 *
 * The encoder holds the *baseline*: for each row the stream it is in, and for each number the quantum and the motion (its
 * last change) that those who are sent the stream hold. `advance` writes the difference to the table's current image and
 * makes that the baseline; `keyframe` writes the baseline itself. Nothing here allocates once the buffers have grown.
 *
 * Prediction and packing follow what fast-paced games have done since Quake III (deltas against what the receiver has) and
 * the frame-of-reference coding of column stores (one width per column, exceptions behind an escape).
 */
import type { TableImage } from '../state/image.js';
import { gapLowBits } from './bits.js';
import {
  COLUMN_WIDTH_BITS,
  ELEMENT_KIND_BITS,
  ElementKind,
  MaskMode,
} from './body-format.js';
import type { BitWriter } from './bit-writer.js';
import { pickWidthCode } from './column-widths.js';
import { putGap, writeColumn } from './column-writer.js';
import type { EncoderScratch } from './encoder-scratch.js';
import type { DiffLoop } from './diff-loop.js';
import { movesOn, type Facet } from './facet.js';
import { writeMotions, writeRest, writeSlots, writeValues } from './keyframe-columns.js';
import { Placement, RowStatus } from './placement.js';

/** How much cheaper the other predictor must have been for a column to change to it. */
const PREDICTOR_GAIN = 0.9;
/** Snapshots from one look at a column to the next. */
const PREDICTOR_INTERVAL = 4;
/** Rows looked at for that, about, out of however many. */
const PREDICTOR_SAMPLES = 64;

export class FacetEncoder {
  /** Where each stream's element of the newest `advance` lies in the writer; equal where nothing changed. */
  partStarts = new Int32Array(1);
  partEnds = new Int32Array(1);
  /** Where the Layout lies that they need; empty when there is none. */
  layoutStart = 0;
  layoutEnd = 0;
  /** Which rows are in which stream. */
  readonly placement: Placement;

  private readonly diff: DiffLoop;
  /** Where the facet's columns begin in the image's words. */
  private readonly offsets: Int32Array;
  /** Columns of quanta, then of motions. */
  private readonly baseline: Int32Array;
  private readonly quanta: Int32Array[];
  private readonly motions: Int32Array[];
  private readonly textVersions: Int32Array[];
  /** 1 where a column is predicted to go on as it went. */
  private readonly linear: Uint8Array;
  private readonly widthCodes: Uint8Array;
  /** 1 where a stream has a number that isn't at rest, or a new text. */
  private active = new Uint8Array(1);
  /** Where each stream's rows begin in the scratch's `masked`. */
  private maskedStarts = new Int32Array(2);
  private advances = 0;

  /**
   * @param image the table's current state, of which the facet's fields are read
   * @param stride on the wire stream s has the number s * stride + offset, so that several encoders can share a facet
   */
  constructor(
    readonly facet: Facet,
    private readonly image: TableImage,
    private readonly scratch: EncoderScratch,
    private readonly stride = 1,
    private readonly offset = 0,
  ) {
    const { capacity, numbers } = facet;
    this.baseline = new Int32Array(2 * numbers.length * capacity);
    const column = (n: number): Int32Array => this.baseline.subarray(n * capacity, (n + 1) * capacity);
    this.placement = new Placement(facet.capacity);
    this.quanta = numbers.map((_, n) => column(n));
    this.motions = numbers.map((_, n) => column(numbers.length + n));
    this.textVersions = facet.texts.map(() => new Int32Array(capacity));
    this.linear = Uint8Array.from(facet.numbers, (coding) => (movesOn(coding) ? 1 : 0));
    this.widthCodes = new Uint8Array(facet.numbers.length);
    scratch.fit(facet);
    this.offsets = Int32Array.from(facet.numbers, ({ fieldIndex }) => fieldIndex * image.columnWords);
    this.diff = scratch.diffLoops.of(facet.numbers);
  }

  /**
   * Writes what changed, one element for each stream with any change, and makes the current image the baseline.
   *
   * @param streamOf 1 + the stream of each living row, 0 for none; null: all rows are in stream 0
   * @param streamCount streams 0 to streamCount - 1 exist
   */
  advance(out: BitWriter, streamOf: Uint16Array | null, streamCount: number): void {
    const { placement, scratch } = this;
    this.fitStreams(streamCount);
    placement.compare(this.image, streamOf, streamCount);
    this.watchPredictor(placement.keptStarts[streamCount]!);
    const masked = this.diff(
      scratch,
      this.image.words,
      this.offsets,
      this.baseline,
      this.facet.capacity,
      placement.keptOrder,
      placement.keptStarts,
      streamCount,
      this.active,
      this.maskedStarts,
      this.linear,
    );
    if (this.textVersions.length > 0) this.diffTexts(streamCount);
    for (let n = 0; n < this.quanta.length; n += 1) {
      this.widthCodes[n] = pickWidthCode(scratch.counts[n]!, masked, scratch.small[n]!, scratch.large[n]!);
    }
    this.writeStreams(out, streamCount);
    this.settleArrivals();
    placement.settle(this.image);
  }

  /**
   * Writes who has left each stream and who has come, for a snapshot in which only that is sent. The rows that stay keep
   * their baseline.
   */
  move(out: BitWriter, streamOf: Uint16Array | null, streamCount: number): void {
    const { placement } = this;
    this.fitStreams(streamCount);
    placement.compare(this.image, streamOf, streamCount);
    this.layoutStart = this.layoutEnd = out.byteLength;
    for (let stream = 0; stream < streamCount; stream += 1) {
      this.partStarts[stream] = out.byteLength;
      if (placement.moves > 0 && placement.hasMoves(stream)) {
        out.reserve(this.deltaBytesMax(stream));
        this.tag(out, ElementKind.Moves);
        this.number(out, stream);
        this.writeMembers(out, stream);
        out.align();
      }
      this.partEnds[stream] = out.byteLength;
    }
    this.settleArrivals();
    placement.settle(this.image);
  }

  /** Makes the current image the baseline, at rest, without writing anything: nobody holds an older one. */
  reset(streamOf: Uint16Array | null, streamCount: number): void {
    const { placement, image } = this;
    this.fitStreams(streamCount);
    this.layoutStart = this.layoutEnd = 0; // what they said is of an earlier advance
    placement.clear();
    placement.compare(image, streamOf, streamCount);
    this.settleArrivals();
    placement.settle(image);
  }

  /** Writes a stream's baseline as a Keyframe element. Writes nothing, and returns false, when it has no rows. */
  keyframe(out: BitWriter, stream: number): boolean {
    const { starts, order, generations } = this.placement;
    const from = starts[stream]!;
    const to = starts[stream + 1]!;
    if (from === to) return false;
    const count = this.quanta.length;
    out.reserve((to - from) * (8 + 16 * count) + 16 * count + 64);
    this.tag(out, ElementKind.Keyframe);
    this.number(out, stream);
    writeSlots(out, order, generations, from, to);
    for (let n = 0; n < count; n += 1) writeValues(out, this.quanta[n]!, order, from, to, this.scratch);
    for (let n = 0; n < count; n += 1) writeMotions(out, this.motions[n]!, order, from, to, this.scratch);
    for (let t = 0; t < this.textVersions.length; t += 1) {
      for (let k = from; k < to; k += 1) this.text(out, t, order[k]!);
    }
    out.align();
    return true;
  }

  /**
   * Writes all rows of the current image, at rest, as a Keyframe element of stream 0, and leaves the baseline as it is: whoever
   * is sent this is owed a keyframe all the same. Writes nothing, and returns false, when there are no rows.
   */
  glimpse(out: BitWriter): boolean {
    const { image, scratch } = this;
    const { numbers, texts } = this.facet;
    const order = scratch.masked;
    let rows = 0;
    for (let slot = 0; slot < image.rowEnd; slot += 1) if (image.generations[slot] !== 0) order[rows++] = slot;
    if (rows === 0) return false;
    out.reserve(rows * (8 + 16 * numbers.length) + 16 * numbers.length + 64);
    this.tag(out, ElementKind.Keyframe);
    this.number(out, 0);
    writeSlots(out, order, image.generations, 0, rows);
    for (let n = 0; n < numbers.length; n += 1) {
      writeValues(out, image.quanta[numbers[n]!.fieldIndex]!, order, 0, rows, scratch);
    }
    for (let n = 0; n < numbers.length; n += 1) writeRest(out);
    for (let t = 0; t < texts.length; t += 1) for (let k = 0; k < rows; k += 1) this.text(out, t, order[k]!);
    out.align();
    return true;
  }

  /** Writes that a stream is sent no more. */
  drop(out: BitWriter, stream: number): void {
    out.reserve(16);
    this.tag(out, ElementKind.Drop);
    this.number(out, stream);
    out.align();
  }

  // --- What changed --------------------------------------------------------------------------------------------------

  private diffTexts(streamCount: number): void {
    const { active, image, facet, scratch } = this;
    const { keptOrder, keptStarts } = this.placement;
    scratch.textMasks.fill(0, 0, keptStarts[streamCount]!);
    for (let t = 0; t < facet.texts.length; t += 1) {
      const current = image.quanta[facet.texts[t]!.fieldIndex]!;
      const versions = this.textVersions[t]!;
      for (let stream = 0; stream < streamCount; stream += 1) {
        for (let k = keptStarts[stream]!; k < keptStarts[stream + 1]!; k += 1) {
          const slot = keptOrder[k]!;
          if (versions[slot] === current[slot]) continue;
          versions[slot] = current[slot]!;
          scratch.textMasks[k]! |= 1 << t;
          active[stream] = 1;
        }
      }
    }
  }

  /** Looks at some rows of one column each time, whether the other predictor would have been better, and changes to it. */
  private watchPredictor(rows: number): void {
    const count = this.quanta.length;
    if (count === 0 || rows === 0) return;
    this.advances += 1;
    if (this.advances % PREDICTOR_INTERVAL !== 0) return;
    const n = (this.advances / PREDICTOR_INTERVAL) % count;
    const { keptOrder } = this.placement;
    const { fieldIndex, wrapShift } = this.facet.numbers[n]!;
    const current = this.image.quanta[fieldIndex]!;
    const quanta = this.quanta[n]!;
    const motions = this.motions[n]!;
    let holdBits = 0;
    let linearBits = 0;
    const stride = 1 + Math.floor(rows / PREDICTOR_SAMPLES);
    for (let k = this.advances % stride; k < rows; k += stride) {
      const slot = keptOrder[k]!;
      const change = ((current[slot]! - quanta[slot]!) << wrapShift) >> wrapShift;
      const residual = ((change - motions[slot]!) << wrapShift) >> wrapShift;
      holdBits += 32 - Math.clz32(change ^ (change >> 31));
      linearBits += 32 - Math.clz32(residual ^ (residual >> 31));
      if (change !== 0) holdBits += 1;
      if (residual !== 0) linearBits += 1;
    }
    if (this.linear[n] === 1 ? holdBits < PREDICTOR_GAIN * linearBits : linearBits < PREDICTOR_GAIN * holdBits) {
      this.linear[n] = 1 - this.linear[n]!;
    }
  }

  // --- Elements of a delta -------------------------------------------------------------------------------------------

  private writeStreams(out: BitWriter, streamCount: number): void {
    const { active, facet, placement } = this;
    const isSplit = streamCount > 1;
    let any = placement.moves > 0;
    for (let stream = 0; stream < streamCount && !any; stream += 1) any = active[stream] !== 0;
    out.reserve(64 + facet.numbers.length);
    this.layoutStart = this.layoutEnd = out.byteLength;
    if (any && isSplit) {
      this.tag(out, ElementKind.Layout);
      this.layout(out);
      out.align();
      this.layoutEnd = out.byteLength;
    }
    for (let stream = 0; stream < streamCount; stream += 1) {
      this.partStarts[stream] = out.byteLength;
      if (active[stream] !== 0 || (placement.moves > 0 && placement.hasMoves(stream))) {
        out.reserve(this.deltaBytesMax(stream));
        this.tag(out, isSplit ? ElementKind.Delta : ElementKind.LaidDelta);
        this.number(out, stream);
        if (!isSplit) this.layout(out);
        this.writeMembers(out, stream);
        this.writeRows(out, stream);
        out.align();
      }
      this.partEnds[stream] = out.byteLength;
    }
  }

  private tag(out: BitWriter, kind: number): void {
    out.putVarint((this.facet.index << ELEMENT_KIND_BITS) | kind);
  }

  private number(out: BitWriter, stream: number): void {
    out.putVarint(stream * this.stride + this.offset);
  }

  private layout(out: BitWriter): void {
    const { linear, widthCodes } = this;
    let bits = 0;
    let length = 0;
    for (let n = 0; n < linear.length; n += 1) {
      bits |= (linear[n]! | (widthCodes[n]! << 1)) << length;
      length += 1 + COLUMN_WIDTH_BITS;
      if (length < 30) continue;
      out.put(bits, length);
      bits = length = 0;
    }
    out.put(bits, length);
  }

  /** Who left the stream, and who came, whole. */
  private writeMembers(out: BitWriter, stream: number): void {
    const { placement, image, facet } = this;
    if (placement.moves === 0) {
      out.put(0b11, 2);
      return;
    }
    const { order, starts, status } = placement;
    const from = starts[stream]!;
    const to = starts[stream + 1]!;
    const departures = placement.departures[stream]!;
    out.putGamma(departures);
    let previous = from - 1;
    for (let k = from; departures > 0 && k < to; k += 1) {
      if (status[order[k]!] === RowStatus.Kept) continue;
      out.putGamma(k - previous - 1);
      previous = k;
    }
    const arrivals = placement.arrivals[stream]!;
    out.putGamma(arrivals);
    const first = placement.arrivedStarts[stream]!;
    let previousSlot = -1;
    for (let a = first; a < first + arrivals; a += 1) {
      const slot = placement.arrived[a]!;
      out.reserve(16 + 4 * facet.numbers.length); // texts have used up what was reserved
      out.putGamma(slot - previousSlot - 1);
      previousSlot = slot;
      out.putGamma(image.generations[slot]! - 1);
      for (const { fieldIndex, quantumMin, rawBits } of facet.numbers) {
        out.put((image.quanta[fieldIndex]![slot]! - quantumMin) | 0, rawBits);
      }
      for (let t = 0; t < facet.texts.length; t += 1) this.text(out, t, slot);
    }
  }

  private writeRows(out: BitWriter, stream: number): void {
    out.reserve(this.deltaBytesMax(stream)); // arrived texts have used up what was reserved
    const { keptStarts } = this.placement;
    const rows = keptStarts[stream + 1]! - keptStarts[stream]!;
    if (rows === 0) return;
    const from = this.maskedStarts[stream]!;
    const to = this.maskedStarts[stream + 1]!;
    this.writeMask(out, keptStarts[stream]!, rows, from, to);
    if (to > from) {
      for (let n = 0; n < this.quanta.length; n += 1) {
        writeColumn(out, this.scratch.written[n]!, from, to, this.widthCodes[n]!);
      }
    }
    if (this.textVersions.length > 0) this.writeTexts(out, keptStarts[stream]!, rows);
  }

  /** Which of the stream's rows differ from their prediction: `masked[from..to)`, less `first`, out of `rows`. */
  private writeMask(out: BitWriter, first: number, rows: number, from: number, to: number): void {
    const count = to - from;
    if (count === 0 || count === rows) {
      out.put(count === 0 ? MaskMode.None : MaskMode.All, 2);
      return;
    }
    const lowBits = gapLowBits(rows, count);
    if (count * (lowBits + 3) >= rows) {
      out.put(MaskMode.Bitmap, 2);
      out.putFlags(this.scratch.dirty, first, first + rows);
      return;
    }
    out.put(MaskMode.Sparse, 2);
    out.putGamma(count - 1);
    let previous = first - 1;
    for (let i = from; i < to; i += 1) {
      const k = this.scratch.masked[i]!;
      putGap(out, k - previous - 1, lowBits);
      previous = k;
    }
  }

  private writeTexts(out: BitWriter, from: number, rows: number): void {
    const { textMasks } = this.scratch;
    const to = from + rows;
    let count = 0;
    for (let k = from; k < to; k += 1) if (textMasks[k] !== 0) count += 1;
    out.put(count === 0 ? 0 : 1, 1);
    if (count === 0) return;
    out.putGamma(count - 1);
    let previous = from - 1;
    for (let k = from; k < to; k += 1) {
      const mask = textMasks[k]!;
      if (mask === 0) continue;
      out.reserve(16);
      out.putGamma(k - previous - 1);
      previous = k;
      out.put(mask, this.textVersions.length);
      const slot = this.placement.keptOrder[k]!;
      for (let t = 0; t < this.textVersions.length; t += 1) if ((mask & (1 << t)) !== 0) this.text(out, t, slot);
    }
  }

  private text(out: BitWriter, t: number, slot: number): void {
    const { fieldIndex, bytesMax } = this.facet.texts[t]!;
    const length = this.image.textLengths[fieldIndex]![slot]!;
    const bytes = this.image.texts[fieldIndex]!;
    const start = slot * bytesMax;
    out.reserve(length + 8);
    out.putGamma(length);
    for (let i = start; i < start + length; i += 1) out.put(bytes[i]!, 8);
  }

  /** Bytes that a stream's delta can take at most, but for texts. */
  private deltaBytesMax(stream: number): number {
    const { placement } = this;
    const rows = placement.keptStarts[stream + 1]! - placement.keptStarts[stream]!;
    const moves = placement.moves === 0 ? 0 : placement.departures[stream]! + placement.arrivals[stream]!;
    return 64 + (rows + moves) * (8 * this.quanta.length + 10);
  }

  /** The values that arrived rows were written with become the baseline, at rest. */
  private settleArrivals(): void {
    const { placement, image, facet } = this;
    const count = placement.arrivedCount;
    for (let a = 0; a < count; a += 1) {
      const slot = placement.arrived[a]!;
      for (let n = 0; n < facet.numbers.length; n += 1) {
        this.quanta[n]![slot] = image.quanta[facet.numbers[n]!.fieldIndex]![slot]!;
        this.motions[n]![slot] = 0;
      }
      for (let t = 0; t < facet.texts.length; t += 1) {
        this.textVersions[t]![slot] = image.quanta[facet.texts[t]!.fieldIndex]![slot]!;
      }
    }
  }

  private fitStreams(streamCount: number): void {
    if (streamCount <= this.partStarts.length) return;
    const length = Math.max(streamCount, 2 * this.partStarts.length);
    this.partStarts = new Int32Array(length);
    this.partEnds = new Int32Array(length);
    this.active = new Uint8Array(length);
    this.maskedStarts = new Int32Array(length + 1);
  }
}

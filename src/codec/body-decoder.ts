/**
 * Reads snapshot bodies into a client's facet images. Every read is checked against the end of the body, every slot and
 * count against the table's capacity, every quantum against its field's range; a stream is taken once per body, so the work
 * is in proportion to the body's bytes and the rows held.
 *
 * A malformed body leaves the images half changed: they are of use again after the next keyframe frame. What the game sees
 * is only touched by `conclude`d changes.
 */
import { isQuantum } from '../state/field.js';
import { BitReader } from './bit-reader.js';
import { gapLowBits, unzigzag } from './bits.js';
import { COLUMN_WIDTH_BITS, COLUMN_WIDTHS, ELEMENT_KIND_BITS, ElementKind, MaskMode, STREAMS_MAX } from './body-format.js';
import type { NumberCoding } from './facet.js';
import type { FacetImage, StreamRows } from './facet-image.js';
import type { RowChanges } from './row-changes.js';

const GENERATION_MAX = 65535;
const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });

export class BodyDecoder {
  private readonly reader = new BitReader();
  /** Per facet: the predictors and width codes of its newest layout. */
  private readonly linear: Uint8Array[];
  private readonly widthCodes: Uint8Array[];
  private readonly hasLayout: Uint8Array;
  /** Per facet: which streams this body has had. */
  private readonly taken: Set<number>[];
  /** Every field of the facet. */
  private readonly wholeMasks: Int32Array;
  // Working memory for one stream's rows.
  private kept = new Uint16Array(0);
  private arrived = new Uint16Array(0);
  private readonly masked: Int32Array;
  private readonly codes: Uint32Array;
  private readonly text = new Uint8Array(1024);

  /** @param changes by table, as `images` refer to them */
  constructor(
    private readonly images: readonly FacetImage[],
    private readonly changes: readonly RowChanges[],
  ) {
    this.linear = images.map(({ facet }) => new Uint8Array(facet.numbers.length));
    this.widthCodes = images.map(({ facet }) => new Uint8Array(facet.numbers.length));
    this.hasLayout = new Uint8Array(images.length);
    this.taken = images.map(() => new Set<number>());
    this.wholeMasks = Int32Array.from(images, ({ facet }) =>
      [...facet.numbers, ...facet.texts].reduce((mask, { fieldIndex }) => mask | (1 << fieldIndex), 0),
    );
    const capacityMax = images.reduce((most, { facet }) => Math.max(most, facet.capacity), 0);
    this.kept = new Uint16Array(capacityMax);
    this.arrived = new Uint16Array(capacityMax);
    this.masked = new Int32Array(capacityMax);
    this.codes = new Uint32Array(capacityMax);
  }

  /**
   * Applies the body `bytes[start..end)`.
   *
   * @param isKeyframe the client holds nothing but what this body has
   * @throws MalformedSnapshotError
   */
  apply(bytes: Uint8Array, start: number, end: number, isKeyframe: boolean): void {
    const { images, reader } = this;
    for (let i = 0; i < images.length; i += 1) {
      this.taken[i]!.clear();
      if (isKeyframe) this.dropAll(images[i]!);
    }
    this.hasLayout.fill(0);
    reader.begin(bytes, start, end);
    while (!reader.isAtEnd) this.element();
    for (const image of images) this.concludeFacet(image);
  }

  private element(): void {
    const { reader } = this;
    const tag = reader.getVarint();
    const index = tag >> ELEMENT_KIND_BITS;
    const image = this.images[index];
    if (image === undefined) throw reader.problem(`facet ${index}; the room has ${this.images.length}`);
    const kind = tag & ((1 << ELEMENT_KIND_BITS) - 1);
    switch (kind) {
      case ElementKind.Layout:
        this.layout(index);
        break;
      case ElementKind.Delta:
      case ElementKind.LaidDelta: {
        const stream = this.takeStream(index);
        if (kind === ElementKind.LaidDelta) this.layout(index);
        else if (this.hasLayout[index] === 0) throw reader.problem('a delta without a layout');
        this.delta(index, image, stream);
        break;
      }
      case ElementKind.Keyframe:
        this.keyframe(index, image, this.takeStream(index));
        break;
      case ElementKind.Moves: {
        const stream = this.takeStream(index);
        const rows = image.stream(stream);
        const keptCount = this.depart(image, rows, stream);
        this.merge(rows, keptCount, this.arrive(index, image, stream));
        break;
      }
      case ElementKind.Drop:
        this.drop(image, reader.getVarint());
        break;
      default:
        throw reader.problem(`element of kind ${kind}`);
    }
    reader.align();
  }

  private takeStream(index: number): number {
    const stream = this.reader.getVarint();
    if (stream >= STREAMS_MAX) throw this.reader.problem(`stream ${stream}`);
    const taken = this.taken[index]!;
    if (taken.has(stream)) throw this.reader.problem(`stream ${stream} for a second time`);
    taken.add(stream);
    return stream;
  }

  private layout(index: number): void {
    const linear = this.linear[index]!;
    const widthCodes = this.widthCodes[index]!;
    for (let n = 0; n < linear.length; n += 1) {
      linear[n] = this.reader.get(1);
      widthCodes[n] = this.reader.get(COLUMN_WIDTH_BITS);
    }
    this.hasLayout[index] = 1;
  }

  // --- Changes of a stream -------------------------------------------------------------------------------------------

  private delta(index: number, image: FacetImage, stream: number): void {
    const rows = image.stream(stream);
    const keptCount = this.depart(image, rows, stream);
    const arrivedCount = this.arrive(index, image, stream);
    if (keptCount > 0) this.keptRows(index, image, keptCount);
    this.merge(rows, keptCount, arrivedCount);
  }

  /** Lists in `kept` who stays. */
  private depart(image: FacetImage, rows: StreamRows, stream: number): number {
    const { reader, kept } = this;
    const { slots, count } = rows;
    const departures = reader.getGamma();
    if (departures > count) throw reader.problem(`${departures} departures; the stream has ${count} rows`);
    let keptCount = 0;
    let next = 0;
    for (let d = 0; d < departures; d += 1) {
      const index = next + reader.getGamma();
      if (index >= count) throw reader.problem(`departure of row ${index}; the stream has ${count}`);
      while (next < index) kept[keptCount++] = slots[next++]!;
      this.unhome(image, slots[index]!, stream);
      next = index + 1;
    }
    while (next < count) kept[keptCount++] = slots[next++]!;
    for (let k = 0; k < keptCount; k += 1) {
      if (image.homes[kept[k]!] !== stream + 1) throw reader.problem(`slot ${kept[k]} has moved to another stream`);
    }
    return keptCount;
  }

  /** Takes in whole rows; lists them in `arrived`. */
  private arrive(index: number, image: FacetImage, stream: number): number {
    const { reader, arrived } = this;
    const { facet } = image;
    const count = reader.getGamma();
    if (count > facet.capacity) throw reader.problem(`${count} arrivals; capacity ${facet.capacity}`);
    let slot = -1;
    for (let a = 0; a < count; a += 1) {
      slot = this.nextSlot(image, slot);
      const generation = this.generation();
      if (image.homes[slot] === stream + 1) throw reader.problem(`a second row in slot ${slot}`);
      arrived[a] = slot;
      image.homes[slot] = stream + 1;
      image.generations[slot] = generation;
      this.touch(image, slot, this.wholeMasks[index]!);
      for (let n = 0; n < facet.numbers.length; n += 1) {
        const { rawBits, quantumMin, field } = facet.numbers[n]!;
        const quantum = (reader.get(rawBits) + quantumMin) | 0;
        if (!isQuantum(field, quantum)) throw this.outside(quantum, facet.numbers[n]!);
        image.quanta[n]![slot] = quantum;
        image.motions[n]![slot] = 0;
      }
      for (let t = 0; t < facet.texts.length; t += 1) this.readText(image, t, slot);
    }
    return count;
  }

  private keptRows(index: number, image: FacetImage, keptCount: number): void {
    const { reader } = this;
    const { facet } = image;
    const maskedCount = this.readMask(keptCount);
    for (let n = 0; n < facet.numbers.length; n += 1) {
      const widthCode = this.widthCodes[index]![n]!;
      this.codes.fill(0, 0, keptCount);
      if (maskedCount > 0) this.readColumn(widthCode, maskedCount);
      this.advance(image, n, keptCount, this.linear[index]![n]! === 1);
    }
    if (facet.texts.length > 0 && reader.get(1) === 1) this.readTexts(image, keptCount);
  }

  /** Lists in `masked` the positions of the rows that columns are written for. */
  private readMask(keptCount: number): number {
    const { reader, masked } = this;
    const mode = reader.get(2);
    if (mode === MaskMode.None) return 0;
    let count = 0;
    if (mode === MaskMode.All) {
      for (; count < keptCount; count += 1) masked[count] = count;
    } else if (mode === MaskMode.Bitmap) {
      for (let k = 0; k < keptCount; k += 24) {
        const length = Math.min(24, keptCount - k);
        const bits = reader.get(length);
        for (let j = 0; j < length; j += 1) if ((bits & (1 << j)) !== 0) masked[count++] = k + j;
      }
      if (count === 0) throw reader.problem('an empty mask');
    } else {
      count = reader.getGamma() + 1;
      if (count > keptCount) throw reader.problem(`${count} rows in a mask of ${keptCount}`);
      const lowBits = gapLowBits(keptCount, count);
      let position = -1;
      for (let i = 0; i < count; i += 1) {
        position = this.nextPosition(position, lowBits, keptCount);
        masked[i] = position;
      }
    }
    return count;
  }

  /** Reads a column's codes to the positions that `masked` lists. */
  private readColumn(widthCode: number, count: number): void {
    const { reader, masked, codes } = this;
    const width = COLUMN_WIDTHS[widthCode]!;
    if (width > 0) {
      const escape = 2 ** width - 1;
      for (let i = 0; i < count; i += 1) {
        const code = reader.get(width);
        codes[masked[i]!] = code === escape ? this.exception(escape) : code;
      }
      return;
    }
    const exceptions = reader.getGamma();
    if (exceptions > count) throw reader.problem(`${exceptions} exceptions of ${count}`);
    const lowBits = gapLowBits(count, exceptions);
    let position = -1;
    for (let i = 0; i < exceptions; i += 1) {
      position = this.nextPosition(position, lowBits, count);
      codes[masked[position]!] = this.exception(1);
    }
  }

  private exception(from: number): number {
    const code = from + this.reader.getBig();
    if (code > 0xffffffff) throw this.reader.problem(`code ${code}`);
    return code;
  }

  /** Moves one number of every kept row on: by its prediction and its residual. */
  private advance(image: FacetImage, n: number, keptCount: number, isLinear: boolean): void {
    const { kept, codes } = this;
    const { facet } = image;
    const { field, fieldIndex, wrapShift, wrapMask } = facet.numbers[n]!;
    const quanta = image.quanta[n]!;
    const motions = image.motions[n]!;
    const changes = this.changes[facet.tableIndex]!;
    const motionMask = isLinear ? -1 : 0;
    const fieldMask = 1 << fieldIndex;
    for (let k = 0; k < keptCount; k += 1) {
      const slot = kept[k]!;
      const code = codes[k]!;
      const motion = motions[slot]!;
      if (code === 0 && motion === 0) continue;
      const old = quanta[slot]!;
      const quantum = (old + (motion & motionMask) + unzigzag(code)) & wrapMask;
      if (quantum === old) {
        motions[slot] = 0;
        continue;
      }
      if (!isQuantum(field, quantum)) throw this.outside(quantum, facet.numbers[n]!);
      motions[slot] = ((quantum - old) << wrapShift) >> wrapShift;
      quanta[slot] = quantum;
      changes.touch(slot, fieldMask);
    }
  }

  private readTexts(image: FacetImage, keptCount: number): void {
    const { reader, kept } = this;
    const { texts } = image.facet;
    const count = reader.getGamma() + 1;
    if (count > keptCount) throw reader.problem(`${count} rows with new texts of ${keptCount}`);
    let position = -1;
    for (let i = 0; i < count; i += 1) {
      position = this.nextPosition(position, 0, keptCount);
      const mask = reader.get(texts.length);
      if (mask === 0) throw reader.problem('a row with new texts, and none of them');
      const slot = kept[position]!;
      for (let t = 0; t < texts.length; t += 1) {
        if ((mask & (1 << t)) === 0) continue;
        this.readText(image, t, slot);
        this.touch(image, slot, 1 << texts[t]!.fieldIndex);
      }
    }
  }

  /** The stream's rows are now `kept` and `arrived`. */
  private merge(rows: StreamRows, keptCount: number, arrivedCount: number): void {
    const { kept, arrived } = this;
    rows.fit(keptCount + arrivedCount);
    const { slots } = rows;
    let k = 0;
    let a = 0;
    for (let i = 0; i < keptCount + arrivedCount; i += 1) {
      const takesKept = a >= arrivedCount || (k < keptCount && kept[k]! < arrived[a]!);
      slots[i] = takesKept ? kept[k++]! : arrived[a++]!;
    }
    rows.count = keptCount + arrivedCount;
  }

  // --- Whole streams -------------------------------------------------------------------------------------------------

  private keyframe(index: number, image: FacetImage, stream: number): void {
    const { reader, arrived, masked, codes } = this;
    const { facet } = image;
    const rows = image.stream(stream);
    for (let i = 0; i < rows.count; i += 1) this.unhome(image, rows.slots[i]!, stream);
    rows.count = 0;
    const count = reader.getGamma();
    if (count > facet.capacity) throw reader.problem(`${count} rows; capacity ${facet.capacity}`);
    let slot = -1;
    for (let i = 0; i < count; i += 1) {
      slot = this.nextSlot(image, slot);
      image.generations[slot] = this.generation();
      image.homes[slot] = stream + 1;
      arrived[i] = slot;
      masked[i] = i;
      this.touch(image, slot, this.wholeMasks[index]!);
    }
    if (count === 0) return;
    for (let n = 0; n < facet.numbers.length; n += 1) {
      const widthCode = reader.get(COLUMN_WIDTH_BITS);
      const reference = unzigzag(reader.getBig());
      codes.fill(0, 0, count);
      this.readColumn(widthCode, count);
      for (let i = 0; i < count; i += 1) {
        const quantum = (codes[i]! + reference) | 0;
        if (!isQuantum(facet.numbers[n]!.field, quantum)) throw this.outside(quantum, facet.numbers[n]!);
        image.quanta[n]![arrived[i]!] = quantum;
      }
    }
    for (let n = 0; n < facet.numbers.length; n += 1) {
      codes.fill(0, 0, count);
      if (reader.get(1) === 1) this.readColumn(reader.get(COLUMN_WIDTH_BITS), count);
      const motions = image.motions[n]!;
      const { wrapShift } = facet.numbers[n]!;
      for (let i = 0; i < count; i += 1) motions[arrived[i]!] = (unzigzag(codes[i]!) << wrapShift) >> wrapShift;
    }
    for (let t = 0; t < facet.texts.length; t += 1) {
      for (let i = 0; i < count; i += 1) this.readText(image, t, arrived[i]!);
    }
    this.merge(rows, 0, count);
  }

  private drop(image: FacetImage, stream: number): void {
    const rows = image.streams.get(stream);
    if (rows === undefined) return;
    for (let i = 0; i < rows.count; i += 1) this.unhome(image, rows.slots[i]!, stream);
    image.streams.delete(stream);
  }

  private dropAll(image: FacetImage): void {
    for (const stream of [...image.streams.keys()]) this.drop(image, stream);
    // A malformed body has left its marks, and rows with a home whose list they aren't in.
    const { touched, touchedCount } = this.changes[image.facet.tableIndex]!;
    for (let i = 0; i < touchedCount; i += 1) image.homes[touched[i]!] = 0;
  }

  /** The row is in this stream no more. It may be in another already, or arrive there later in the body. */
  private unhome(image: FacetImage, slot: number, stream: number): void {
    if (image.homes[slot] !== stream + 1) return;
    image.homes[slot] = 0;
    this.touch(image, slot, 0);
  }

  // --- End of the body -----------------------------------------------------------------------------------------------

  private concludeFacet(image: FacetImage): void {
    const { facet, homes, generations } = image;
    const changes = this.changes[facet.tableIndex]!;
    for (let i = 0; i < changes.touchedCount; i += 1) {
      const slot = changes.touched[i]!;
      if (homes[slot] !== 0 || generations[slot] === 0) continue;
      image.clearRow(slot);
      changes.touch(slot, this.wholeMasks[facet.index]!);
    }
    // The public facet says which rows there are; the table's secret facet, if any, comes after it.
    const isLast = this.images[facet.index + 1]?.facet.tableIndex !== facet.tableIndex;
    if (!isLast) return;
    const main = facet.isSecret ? this.images[facet.index - 1]! : image;
    changes.conclude(main.homes, main.generations);
  }

  // --- Pieces --------------------------------------------------------------------------------------------------------

  private touch(image: FacetImage, slot: number, mask: number): void {
    this.changes[image.facet.tableIndex]!.touch(slot, mask);
  }

  private readText(image: FacetImage, t: number, slot: number): void {
    const { reader, text } = this;
    const length = reader.getGamma();
    const { bytesMax } = image.facet.texts[t]!;
    if (length > bytesMax) throw reader.problem(`text of ${length} bytes; at most ${bytesMax}`);
    for (let i = 0; i < length; i += 1) text[i] = reader.get(8);
    image.texts[t]![slot] = length === 0 ? '' : utf8.decode(text.subarray(0, length));
  }

  private generation(): number {
    const generation = this.reader.getGamma() + 1;
    if (generation > GENERATION_MAX) throw this.reader.problem(`generation ${generation}`);
    return generation;
  }

  private nextSlot(image: FacetImage, previous: number): number {
    const slot = previous + 1 + this.reader.getGamma();
    if (slot >= image.facet.capacity) throw this.reader.problem(`slot ${slot}; capacity ${image.facet.capacity}`);
    return slot;
  }

  private nextPosition(previous: number, lowBits: number, total: number): number {
    const high = this.reader.getGamma();
    const position = previous + 1 + high * 2 ** lowBits + this.reader.get(lowBits);
    if (position >= total) throw this.reader.problem(`position ${position} of ${total}`);
    return position;
  }

  private outside(quantum: number, { fieldIndex }: NumberCoding): Error {
    return this.reader.problem(`value ${quantum} outside the range of field ${fieldIndex}`);
  }
}

/**
 * A table's image: its whole state as integers and bytes, laid out in one piece of memory.
 *
 * Images are what is compared, encoded, hashed and restored. A room has three of each table: the current one, and two in
 * the shadow (see memory/shadow.ts). All have the same layout, so one memcpy copies a table:
 *
 *   byte 0          int32   rowEnd: 1 + the highest slot that may be in use
 *   4               int32   (padding)
 *   8               uint16  generation[capacity]         0 = no row in this slot
 *   align 8         int32   quanta[field][capacity]      text fields: a version, raised at each change
 *   per text field  uint16  textBytes[capacity]
 *                   uint8   text[capacity][bytesMax]
 *   align 8         end
 */
import { FieldKind, type Field } from './field.js';
import { StateHash } from './state-hash.js';

export interface ImageShape {
  readonly capacity: number;
  readonly fieldList: readonly Field[];
}

/** Most bytes of one room's images: what a server can declare and a client will reserve. */
export const STATE_BYTES_MAX = 64 * 1024 * 1024;

const HEADER_BYTES = 8;
const align8 = (bytes: number): number => (bytes + 7) & ~7;

/** Bytes of one image of this shape: a multiple of 8. */
export function imageBytes(shape: ImageShape): number {
  let bytes = HEADER_BYTES + align8(2 * shape.capacity);
  for (const field of shape.fieldList) {
    bytes += align8(4 * shape.capacity);
    if (field.kind === FieldKind.Text) bytes += align8(2 * shape.capacity) + align8(field.bytesMax * shape.capacity);
  }
  return bytes;
}

export class TableImage {
  readonly capacity: number;
  readonly fieldList: readonly Field[];
  /** All of it, for copying. */
  readonly bytes: Uint8Array;
  readonly generations: Uint16Array;
  /** One array per field, in declared order. */
  readonly quanta: readonly Int32Array[];
  /** All of them: field f of a row is at f * columnWords + slot. */
  readonly words: Int32Array;
  readonly columnWords: number;
  /** One array per field; null where the field isn't text. */
  readonly textLengths: readonly (Uint16Array | null)[];
  readonly texts: readonly (Uint8Array | null)[];
  /** Counts the rows spawned and despawned, so that who follows them can tell at a glance that there were none. */
  membership = 0;
  private readonly header: Int32Array;

  /** Maps an image over `buffer` at `byteOffset` (a multiple of 8). Zeroed memory is an empty table. */
  constructor(
    shape: ImageShape,
    buffer: ArrayBufferLike = new ArrayBuffer(imageBytes(shape)),
    byteOffset = 0,
  ) {
    const { capacity, fieldList } = shape;
    this.capacity = capacity;
    this.fieldList = fieldList;
    this.bytes = new Uint8Array(buffer, byteOffset, imageBytes(shape));
    this.header = new Int32Array(buffer, byteOffset, 2);
    let at = byteOffset + HEADER_BYTES;
    this.generations = new Uint16Array(buffer, at, capacity);
    at += align8(2 * capacity);
    this.columnWords = align8(4 * capacity) >> 2;
    this.words = new Int32Array(buffer, at, fieldList.length * this.columnWords);
    // Lists as long as they have to be: one that grows by `push` reserves 17 places, of which there are three here.
    this.quanta = fieldList.map((_, f) => new Int32Array(buffer, at + f * 4 * this.columnWords, capacity));
    at += fieldList.length * 4 * this.columnWords;
    const textLengths = fieldList.map((): Uint16Array | null => null);
    const texts = fieldList.map((): Uint8Array | null => null);
    fieldList.forEach((field, f) => {
      if (field.kind !== FieldKind.Text) return;
      textLengths[f] = new Uint16Array(buffer, at, capacity);
      at += align8(2 * capacity);
      texts[f] = new Uint8Array(buffer, at, capacity * field.bytesMax);
      at += align8(capacity * field.bytesMax);
    });
    this.textLengths = textLengths;
    this.texts = texts;
  }

  get rowEnd(): number {
    return this.header[0]!;
  }

  set rowEnd(rowEnd: number) {
    this.header[0] = rowEnd;
  }

  clear(): void {
    this.bytes.fill(0);
  }

  /** Zeroes a slot, as both ends do before a row is spawned in it. */
  clearRow(slot: number): void {
    this.generations[slot] = 0;
    for (let f = 0; f < this.quanta.length; f += 1) {
      this.quanta[f]![slot] = 0;
      const lengths = this.textLengths[f]!;
      if (lengths !== null) lengths[slot] = 0;
    }
  }
}

/** Hash of a room's whole tables; a client that is shown everything has the same. */
export function hashImages(images: readonly TableImage[]): number {
  const hash = new StateHash();
  for (const image of images) {
    for (let slot = 0; slot < image.rowEnd; slot += 1) {
      const generation = image.generations[slot]!;
      if (generation === 0) continue;
      hash.add(slot);
      hash.add(generation);
      for (let f = 0; f < image.quanta.length; f += 1) {
        const lengths = image.textLengths[f]!;
        // Text versions, which only the server counts, are left out.
        if (lengths === null) hash.add(image.quanta[f]![slot]!);
        else hash.addText(image.texts[f]!, slot * image.fieldList[f]!.bytesMax, lengths[slot]!);
      }
    }
    hash.endTable();
  }
  return hash.value;
}

/**
 * Reads snapshot bodies (format: snapshot-encoder.ts) into a client's images. Every read is checked against the end of the
 * body, every slot and count against the table's capacity, every quantum against its field's range.
 */
import { isQuantum } from '../state/field.js';
import type { TableImage } from '../state/image.js';
import { PART_ADDED, PART_CHANGED, PART_REMOVED } from './snapshot-encoder.js';

/** Which slots one body touched, in the order they were written. Reused from one snapshot to the next. */
export class TableChanges {
  readonly removed: Uint16Array;
  readonly added: Uint16Array;
  /** Rows with changed fields; added rows with any field other than zero are here too. */
  readonly changed: Uint16Array;
  readonly changedMasks: Int32Array;
  removedCount = 0;
  addedCount = 0;
  changedCount = 0;

  constructor(capacity: number) {
    this.removed = new Uint16Array(capacity);
    this.added = new Uint16Array(capacity);
    this.changed = new Uint16Array(capacity);
    this.changedMasks = new Int32Array(capacity);
  }

  reset(): void {
    this.removedCount = 0;
    this.addedCount = 0;
    this.changedCount = 0;
  }
}

/** A body that can't be what the room sent. The images it was applied to are to be thrown away. */
export class MalformedSnapshotError extends Error {
  readonly code = 'ERR_ESCAPEMENT_SNAPSHOT';

  constructor(what: string, at: number) {
    super(`malformed snapshot: ${what} at byte ${at} of the body`);
    this.name = 'MalformedSnapshotError';
  }
}

export class SnapshotDecoder {
  private bytes: Uint8Array = new Uint8Array(0);
  private at = 0;
  private end = 0;

  /**
   * Applies the body `bytes[start..end)` to `images`, and lists in `changes` what it touched.
   *
   * @throws MalformedSnapshotError; `images` may then be half changed.
   */
  apply(
    bytes: Uint8Array,
    start: number,
    end: number,
    images: readonly TableImage[],
    changes: readonly TableChanges[],
  ): void {
    this.bytes = bytes;
    this.at = start;
    this.end = end;
    for (let t = 0; t < images.length; t += 1) this.applyTable(images[t]!, changes[t]!);
    if (this.at !== end) throw new MalformedSnapshotError('bytes left over', this.at - start);
  }

  private applyTable(image: TableImage, changes: TableChanges): void {
    changes.reset();
    const parts = this.byte();
    if (parts > (PART_REMOVED | PART_ADDED | PART_CHANGED)) throw this.problem(`unknown parts ${parts}`);
    if ((parts & PART_REMOVED) !== 0) this.applyRemoved(image, changes);
    if ((parts & PART_ADDED) !== 0) this.applyAdded(image, changes);
    if ((parts & PART_CHANGED) !== 0) this.applyChanged(image, changes);
  }

  private applyRemoved(image: TableImage, changes: TableChanges): void {
    const count = this.count(image);
    let slot = -1;
    for (let i = 0; i < count; i += 1) {
      slot = this.nextSlot(image, slot);
      if (image.generations[slot] === 0) throw this.problem(`removal of the empty slot ${slot}`);
      image.clearRow(slot);
      changes.removed[i] = slot;
    }
    changes.removedCount = count;
    let rowEnd = image.rowEnd;
    while (rowEnd > 0 && image.generations[rowEnd - 1] === 0) rowEnd -= 1;
    image.rowEnd = rowEnd;
  }

  private applyAdded(image: TableImage, changes: TableChanges): void {
    const count = this.count(image);
    let slot = -1;
    for (let i = 0; i < count; i += 1) {
      slot = this.nextSlot(image, slot);
      const generation = this.varint();
      if (image.generations[slot] !== 0) throw this.problem(`a second row in slot ${slot}`);
      if (generation < 1 || generation > 0xffff) throw this.problem(`generation ${generation}`);
      image.clearRow(slot);
      image.generations[slot] = generation;
      changes.added[i] = slot;
    }
    changes.addedCount = count;
    if (slot >= image.rowEnd) image.rowEnd = slot + 1;
  }

  private applyChanged(image: TableImage, changes: TableChanges): void {
    const count = this.count(image);
    const fieldCount = image.fieldList.length;
    const maskEnd = 2 ** fieldCount;
    let slot = -1;
    for (let i = 0; i < count; i += 1) {
      slot = this.nextSlot(image, slot);
      if (image.generations[slot] === 0) throw this.problem(`change of the empty slot ${slot}`);
      const mask = this.varint();
      if (mask === 0 || mask >= maskEnd) throw this.problem(`field mask ${mask}`);
      for (let f = 0; f < fieldCount; f += 1) {
        if ((mask & (1 << f)) === 0) continue;
        if (image.texts[f] !== null) this.applyText(image, f, slot);
        else this.applyNumber(image, f, slot);
      }
      changes.changed[i] = slot;
      changes.changedMasks[i] = mask;
    }
    changes.changedCount = count;
  }

  private applyNumber(image: TableImage, f: number, slot: number): void {
    const zigzag = this.varint();
    const residual = (zigzag >>> 1) ^ -(zigzag & 1);
    const quantum = (image.quanta[f]![slot]! + residual) | 0;
    if (!isQuantum(image.fieldList[f]!, quantum)) throw this.problem(`value ${quantum} outside field ${f}`);
    image.quanta[f]![slot] = quantum;
  }

  private applyText(image: TableImage, f: number, slot: number): void {
    const length = this.varint();
    const bytesMax = image.fieldList[f]!.bytesMax;
    if (length > bytesMax) throw this.problem(`text of ${length} bytes; at most ${bytesMax}`);
    if (this.at + length > this.end) throw this.problem('text cut short');
    const texts = image.texts[f]!;
    for (let i = 0; i < length; i += 1) texts[slot * bytesMax + i] = this.bytes[this.at + i]!;
    image.textLengths[f]![slot] = length;
    this.at += length;
  }

  private count(image: TableImage): number {
    const count = this.varint();
    if (count < 1 || count > image.capacity) throw this.problem(`count ${count}; capacity ${image.capacity}`);
    return count;
  }

  private nextSlot(image: TableImage, previous: number): number {
    const slot = previous + 1 + this.varint();
    if (slot >= image.capacity) throw this.problem(`slot ${slot}; capacity ${image.capacity}`);
    return slot;
  }

  private byte(): number {
    if (this.at >= this.end) throw this.problem('end of the body');
    const byte = this.bytes[this.at]!;
    this.at += 1;
    return byte;
  }

  private varint(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.byte();
      // The fifth byte may hold the last four bits of 32, and nothing may follow it.
      if (shift === 28 && byte > 0x0f) throw this.problem('varint over 32 bits');
      value = (value | ((byte & 0x7f) << shift)) >>> 0;
      if (byte < 0x80) return value;
    }
    throw this.problem('varint over 5 bytes');
  }

  private problem(what: string): MalformedSnapshotError {
    return new MalformedSnapshotError(what, this.at);
  }
}

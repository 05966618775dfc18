/**
 * Writes snapshot bodies: what changed between two images of a room's tables. A keyframe is the change from nothing.
 *
 * Format, for each table in declared order (schemas/README.md has the same with examples). All counts, slots and values
 * are LEB128 varints; slots ascend and are written as the distance to the one before, less one (the first: to -1).
 *
 *   parts      1 byte   bit 0: removed follows, bit 1: added, bit 2: changed
 *   removed    count, then a slot each
 *   added      count, then slot and generation each; the row begins with every quantum 0 and every text empty
 *   changed    count, then for each row: slot, field mask, and for each field in the mask
 *                number: zigzag(quantum - baseline quantum, modulo 2^32)
 *                text: length in bytes, UTF-8
 */
import { FieldKind } from '../state/field.js';
import type { ImageShape, TableImage } from '../state/image.js';

export const PART_REMOVED = 1;
export const PART_ADDED = 2;
export const PART_CHANGED = 4;

const VARINT_BYTES_MAX = 5;
/** A slot or count is below 65,536. */
const SLOT_BYTES_MAX = 3;

/** The most bytes a body of these tables can take: every row replaced and every value at its widest. */
export function bodyBytesMax(shapes: readonly ImageShape[]): number {
  let bytes = 0;
  for (const shape of shapes) {
    let rowBytes = SLOT_BYTES_MAX + 2 * SLOT_BYTES_MAX + SLOT_BYTES_MAX + VARINT_BYTES_MAX;
    for (const field of shape.fieldList) {
      rowBytes += field.kind === FieldKind.Text ? SLOT_BYTES_MAX + field.bytesMax : VARINT_BYTES_MAX;
    }
    bytes += 1 + 3 * SLOT_BYTES_MAX + shape.capacity * rowBytes;
  }
  return bytes;
}

export class SnapshotEncoder {
  /** The newest body, in `bytes[0..length)`; overwritten by the next call. */
  bytes: Uint8Array;
  length = 0;

  constructor(shapes: readonly ImageShape[] = []) {
    this.bytes = new Uint8Array(bodyBytesMax(shapes));
  }

  /** Makes room for the bodies of these tables, so that one encoder can serve every room of a shard. */
  fit(shapes: readonly ImageShape[]): void {
    const bytesMax = bodyBytesMax(shapes);
    if (bytesMax > this.bytes.length) this.bytes = new Uint8Array(bytesMax);
  }

  /** Encodes the change from `baseline` to `current`. Returns whether there was any. */
  encode(baseline: readonly TableImage[], current: readonly TableImage[]): boolean {
    this.length = 0;
    let changed = false;
    for (let t = 0; t < current.length; t += 1) {
      if (this.encodeTable(baseline[t]!, current[t]!)) changed = true;
    }
    return changed;
  }

  private encodeTable(baseline: TableImage, current: TableImage): boolean {
    const partsAt = this.length;
    this.length += 1;
    let parts = 0;
    if (this.encodeRemoved(baseline, current)) parts |= PART_REMOVED;
    if (this.encodeAdded(baseline, current)) parts |= PART_ADDED;
    if (this.encodeChanged(baseline, current)) parts |= PART_CHANGED;
    this.bytes[partsAt] = parts;
    return parts !== 0;
  }

  private encodeRemoved(baseline: TableImage, current: TableImage): boolean {
    const before = baseline.generations;
    const now = current.generations;
    const end = baseline.rowEnd;
    let count = 0;
    for (let slot = 0; slot < end; slot += 1) if (before[slot] !== 0 && before[slot] !== now[slot]) count += 1;
    if (count === 0) return false;
    this.varint(count);
    let previous = -1;
    for (let slot = 0; slot < end; slot += 1) {
      if (before[slot] === 0 || before[slot] === now[slot]) continue;
      this.varint(slot - previous - 1);
      previous = slot;
    }
    return true;
  }

  private encodeAdded(baseline: TableImage, current: TableImage): boolean {
    const before = baseline.generations;
    const now = current.generations;
    const end = current.rowEnd;
    let count = 0;
    for (let slot = 0; slot < end; slot += 1) if (now[slot] !== 0 && before[slot] !== now[slot]) count += 1;
    if (count === 0) return false;
    this.varint(count);
    let previous = -1;
    for (let slot = 0; slot < end; slot += 1) {
      if (now[slot] === 0 || before[slot] === now[slot]) continue;
      this.varint(slot - previous - 1);
      this.varint(now[slot]!);
      previous = slot;
    }
    return true;
  }

  private encodeChanged(baseline: TableImage, current: TableImage): boolean {
    const end = current.rowEnd;
    let count = 0;
    for (let slot = 0; slot < end; slot += 1) {
      if (current.generations[slot] !== 0 && changeMask(baseline, current, slot) !== 0) count += 1;
    }
    if (count === 0) return false;
    this.varint(count);
    let previous = -1;
    for (let slot = 0; slot < end; slot += 1) {
      if (current.generations[slot] === 0) continue;
      const mask = changeMask(baseline, current, slot);
      if (mask === 0) continue;
      this.varint(slot - previous - 1);
      previous = slot;
      this.varint(mask);
      const fresh = baseline.generations[slot] !== current.generations[slot];
      for (let f = 0; f < current.quanta.length; f += 1) {
        if ((mask & (1 << f)) === 0) continue;
        if (current.texts[f] !== null) {
          this.text(current, f, slot);
        } else {
          const residual = (current.quanta[f]![slot]! - (fresh ? 0 : baseline.quanta[f]![slot]!)) | 0;
          this.varint(((residual << 1) ^ (residual >> 31)) >>> 0);
        }
      }
    }
    return true;
  }

  private text(image: TableImage, f: number, slot: number): void {
    const length = image.textLengths[f]![slot]!;
    const texts = image.texts[f]!;
    const start = slot * image.fieldList[f]!.bytesMax;
    this.varint(length);
    for (let i = 0; i < length; i += 1) this.bytes[this.length + i] = texts[start + i]!;
    this.length += length;
  }

  private varint(value: number): void {
    let rest = value;
    while (rest > 0x7f) {
      this.bytes[this.length] = (rest & 0x7f) | 0x80;
      this.length += 1;
      rest >>>= 7;
    }
    this.bytes[this.length] = rest;
    this.length += 1;
  }
}

/** Bit f is set when field f of this row differs from the baseline, or from zero where the row is new. */
function changeMask(baseline: TableImage, current: TableImage, slot: number): number {
  const fresh = baseline.generations[slot] !== current.generations[slot];
  let mask = 0;
  for (let f = 0; f < current.quanta.length; f += 1) {
    const before = fresh ? 0 : baseline.quanta[f]![slot]!;
    if (current.quanta[f]![slot] !== before) mask |= 1 << f;
  }
  return mask;
}

/** The parts of a Keyframe element: who is in the stream, and its columns of values and motions. */
import type { BitWriter } from './bit-writer.js';
import { zigzag } from './bits.js';
import { COLUMN_WIDTH_BITS } from './body-format.js';
import { coveringWidthCode } from './column-widths.js';
import { writeColumn } from './column-writer.js';
import type { EncoderScratch } from './encoder-scratch.js';

const INT32_MIN = -(2 ** 31);

/** Up to so many rows, as in a cell of a grid, an outlier widens its column by less than it would cost to count the codes. */
const ROWS_UNCOUNTED_MAX = 64;

/** The rows `order[from..to)` with their generations. */
export function writeSlots(out: BitWriter, order: Uint16Array, generations: Uint16Array, from: number, to: number): void {
  out.putGamma(to - from);
  let previous = -1;
  for (let k = from; k < to; k += 1) {
    const slot = order[k]!;
    out.putGamma(slot - previous - 1);
    out.putGamma(generations[slot]! - 1);
    previous = slot;
  }
}

/** One number of the rows `order[from..to)`: the least quantum, and each one's distance from it. */
export function writeValues(
  out: BitWriter,
  quanta: Int32Array,
  order: Uint16Array,
  from: number,
  to: number,
  scratch: EncoderScratch,
): void {
  const codes = scratch.written[0]!;
  let reference = quanta[order[from]!]!;
  for (let k = from + 1; k < to; k += 1) reference = Math.min(reference, quanta[order[k]!]!);
  // One more than the least int32: its zigzag code is the largest that there is a way to write.
  if (reference === INT32_MIN) reference += 1;
  let all = 0;
  for (let k = from; k < to; k += 1) {
    const code = (quanta[order[k]!]! - reference) >>> 0;
    codes[k - from] = code;
    all |= code;
  }
  const widthCode = widthCodeOf(codes, to - from, all, scratch);
  out.put(widthCode, COLUMN_WIDTH_BITS);
  out.putBig(zigzag(reference));
  writeColumn(out, codes, 0, to - from, widthCode);
}

/** One number's motions; a single bit when nothing moves. */
export function writeMotions(
  out: BitWriter,
  motions: Int32Array,
  order: Uint16Array,
  from: number,
  to: number,
  scratch: EncoderScratch,
): void {
  const codes = scratch.written[0]!;
  let moving = 0;
  for (let k = from; k < to; k += 1) {
    const motion = motions[order[k]!]!;
    const code = zigzag(motion);
    codes[k - from] = code;
    moving |= code;
  }
  out.put(moving === 0 ? 0 : 1, 1);
  if (moving === 0) return;
  const widthCode = widthCodeOf(codes, to - from, moving, scratch);
  out.put(widthCode, COLUMN_WIDTH_BITS);
  writeColumn(out, codes, 0, to - from, widthCode);
}

/** One number's motions where nothing moves. */
export function writeRest(out: BitWriter): void {
  out.put(0, 1);
}

/** @param all the codes' bits, or-ed together */
function widthCodeOf(codes: Uint32Array, count: number, all: number, scratch: EncoderScratch): number {
  if (count <= ROWS_UNCOUNTED_MAX) return coveringWidthCode(all);
  for (let i = 0; i < count; i += 1) scratch.keyframeCounts.add(codes[i]!);
  return scratch.keyframeCounts.pick(count);
}

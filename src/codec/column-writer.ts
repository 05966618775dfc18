/** Writes columns of codes, and positions in lists, as schemas/README.md describes them. */
import type { BitWriter } from './bit-writer.js';
import { gapLowBits } from './bits.js';
import { COLUMN_WIDTHS } from './body-format.js';

/** Writes the codes `codes[from..to)` as a column of this width. */
export function writeColumn(out: BitWriter, codes: Uint32Array, from: number, to: number, widthCode: number): void {
  if (widthCode !== 0) {
    out.putCodes(codes, from, to, COLUMN_WIDTHS[widthCode]!);
    return;
  }
  let exceptions = 0;
  for (let i = from; i < to; i += 1) if (codes[i] !== 0) exceptions += 1;
  out.putGamma(exceptions);
  if (exceptions === 0) return;
  const lowBits = gapLowBits(to - from, exceptions);
  let previous = from - 1;
  for (let i = from; i < to; i += 1) {
    if (codes[i] === 0) continue;
    putGap(out, i - previous - 1, lowBits);
    previous = i;
    out.putBig(codes[i]! - 1);
  }
}

/** The distance from one position to the next, less one. */
export function putGap(out: BitWriter, value: number, lowBits: number): void {
  out.putGamma(value >> lowBits);
  out.put(value & ((1 << lowBits) - 1), lowBits);
}


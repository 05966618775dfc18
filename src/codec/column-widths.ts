/**
 * Chooses the width of a column of codes: the one that makes the column shortest, with the codes that don't fit written as
 * exceptions. Codes are counted by class while they are computed:
 *
 *   class 0 to 14    the code itself
 *   class 15 to 43   11 + its length in bits, for codes from 15 on
 *
 * Which classes there are is kept in two words, so that only those are looked at: bit z of `small` for a code z below 15, and
 * bit length - 1 of `large` for one of that length.
 */
import { bitLength, gapLowBits } from './bits.js';
import { COLUMN_WIDTHS } from './body-format.js';

export const CODE_CLASSES = 44;
const CLASS_OF_LARGE_BIT = 12;

const LENGTH_OF_CLASS = new Uint8Array(CODE_CLASSES);
/** The least width code that a class fits; the widest, which larger ones don't fit either, for all from there on. */
const COVERING_CODE = new Uint8Array(CODE_CLASSES);

for (let c = 0; c < CODE_CLASSES; c += 1) {
  LENGTH_OF_CLASS[c] = c < 15 ? bitLength(c) : c - 11;
  let code = 1;
  while (code < COLUMN_WIDTHS.length - 1 && firstException(COLUMN_WIDTHS[code]!) <= c) code += 1;
  COVERING_CODE[c] = code;
}

/** The class at which the exceptions of a width begin. */
function firstException(width: number): number {
  // A width's largest code is its escape. From 5 bits on it shares its class with codes that fit; it is too rare to matter.
  return width < 5 ? classOf(2 ** width - 1) : CLASS_OF_LARGE_BIT + width;
}

export function classOf(code: number): number {
  return code < 15 ? code : 43 - Math.clz32(code);
}

/** The width code that has no exceptions, for codes with these bits, or-ed together: for columns too short to be counted. */
export function coveringWidthCode(all: number): number {
  return all === 0 ? 0 : COVERING_CODE[classOf(all >>> 0)]!;
}

/** Counts codes that the loop of diff-loop.ts doesn't see. */
export class CodeCounts {
  readonly counts = new Int32Array(CODE_CLASSES);
  small = 0;
  large = 0;

  add(code: number): void {
    this.counts[classOf(code)]! += 1;
    if (code < 15) this.small |= 1 << code;
    else this.large |= 1 << (31 - Math.clz32(code));
  }

  /** The best width code for what was added; the next codes are another column's. */
  pick(total: number): number {
    const widthCode = pickWidthCode(this.counts, total, this.small, this.large);
    this.small = this.large = 0;
    return widthCode;
  }
}

/**
 * @param counts codes by class; all set to 0 again
 * @param total number of codes that would be written
 * @param small, large the classes that there are
 * @returns a width code: an index into COLUMN_WIDTHS
 */
export function pickWidthCode(counts: Int32Array, total: number, small: number, large: number): number {
  if ((large | (small & ~1)) === 0) {
    counts[0] = 0;
    return 0; // nothing but zeros, as most columns have at most times
  }
  let exceptions = 0;
  let exceptionBits = 0;
  let best = 0;
  let bestBits = Infinity;
  // From the longest codes down: only a width that a class just fits can be the best.
  for (let words = 0; words < 2; words += 1) {
    let rest = words === 0 ? large : small;
    while (rest !== 0) {
      const bit = 31 - Math.clz32(rest);
      rest &= ~(1 << bit);
      const c = words === 0 ? CLASS_OF_LARGE_BIT + bit : bit;
      const widthCode = COVERING_CODE[c]!;
      const bits = total * COLUMN_WIDTHS[widthCode]! + exceptionBits;
      if (bits < bestBits) {
        bestBits = bits;
        best = widthCode;
      }
      if (c === 0) break;
      exceptions += counts[c]!;
      exceptionBits += counts[c]! * (4 + LENGTH_OF_CLASS[c]!);
      counts[c] = 0;
    }
  }
  counts[0] = 0;
  // Width 0: the codes that aren't 0 are listed by position.
  const listBits = exceptionBits + exceptions * (gapLowBits(total, exceptions) + 2) + 2 * bitLength(exceptions + 1);
  return listBits <= bestBits ? 0 : best;
}

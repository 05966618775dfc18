/** Small arithmetic that writer and reader of snapshot bodies share. */

/** Bits that `value`, taken as unsigned, needs: 0 for 0, 32 for -1. */
export function bitLength(value: number): number {
  return 32 - Math.clz32(value);
}

/** 0, -1, 1, -2, 2 … become 0, 1, 2, 3, 4 …: int32 to uint32. */
export function zigzag(value: number): number {
  return ((value << 1) ^ (value >> 31)) >>> 0;
}

export function unzigzag(code: number): number {
  return (code >>> 1) ^ -(code & 1);
}

/**
 * Low bits in which the gaps between `count` positions out of `total` are written as they are; the rest of a gap is gamma
 * coded (Golomb's idea: near the mean gap's own length, so that gaps of either size stay short).
 */
export function gapLowBits(total: number, count: number): number {
  const bits = bitLength(Math.floor(total / (count + 1))) - 1;
  return bits < 0 ? 0 : bits;
}

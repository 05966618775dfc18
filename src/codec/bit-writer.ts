/**
 * Writes bits, least significant first, into a buffer that grows. Everything goes through one 32-bit accumulator, so that
 * a value costs a shift and an or; whole words are stored as they fill.
 *
 * ```
 *   put(0b101, 3); put(0b11, 2)      first byte: ...11101
 * ```
 *
 * Words are stored in the machine's order, which is little-endian wherever Node runs with uWebSockets.js.
 */
import { bitLength } from './bits.js';

const BYTES_FIRST = 4096;

export class BitWriter {
  /** What was written, in `bytes[0..byteLength)` after `align()`. Another array after growth. */
  bytes: Uint8Array;
  private words: Int32Array;
  private word = 0;
  private used = 0;
  private accumulator = 0;

  constructor(bytesFirst = BYTES_FIRST) {
    this.words = new Int32Array(bytesFirst >> 2);
    this.bytes = new Uint8Array(this.words.buffer);
  }

  /** Bytes begun so far. */
  get byteLength(): number {
    return (this.word << 2) + ((this.used + 7) >> 3);
  }

  reset(): void {
    this.word = 0;
    this.used = 0;
    this.accumulator = 0;
  }

  /** Makes room for `bytes` more. Values are written without a check: call this first. */
  reserve(bytes: number): void {
    const needed = this.word + 2 + (bytes >> 2);
    if (needed <= this.words.length) return;
    const words = new Int32Array(Math.max(needed, 2 * this.words.length));
    words.set(this.words);
    this.words = words;
    this.bytes = new Uint8Array(words.buffer);
  }

  /** Writes the `bits` low bits of `value`, 0 to 32; the others must be 0. */
  put(value: number, bits: number): void {
    const used = this.used;
    this.accumulator |= value << used;
    const total = used + bits;
    if (total < 32) {
      this.used = total;
      return;
    }
    this.words[this.word] = this.accumulator;
    this.word += 1;
    this.used = total - 32;
    this.accumulator = total > 32 ? value >>> (32 - used) : 0;
  }

  /** Elias gamma code of value + 1: 1 bit for 0, 3 for 1 and 2, 5 for 3 to 6. `value` is below 2^16. */
  putGamma(value: number): void {
    const low = bitLength(value + 1) - 1;
    // low zeros, a one, then the value's low bits: at most 33 bits, so in two steps.
    this.put(1 << low, low + 1);
    this.put((value + 1) ^ (1 << low), low);
  }

  /** A number of any size up to 2^32 - 2: 5 bits for the length of value + 1, then that without its leading one. */
  putBig(value: number): void {
    const next = (value + 1) >>> 0;
    const low = 31 - Math.clz32(next);
    const rest = low === 31 ? next & 0x7fffffff : next & ((1 << low) - 1);
    if (low < 28) {
      this.put(low | (rest << 5), 5 + low);
    } else {
      this.put(low, 5);
      this.put(rest, low);
    }
  }

  /** LEB128, at a byte's border. */
  putVarint(value: number): void {
    let rest = value;
    while (rest > 0x7f) {
      this.put((rest & 0x7f) | 0x80, 8);
      rest >>>= 7;
    }
    this.put(rest, 8);
  }

  /**
   * Writes one code of `width` bits, 1 to 24, for each of `codes[from..to)`: those from 2^width - 1 on as that escape and
   * the rest of the value. The loop that most bits are written by.
   */
  putCodes(codes: Uint32Array, from: number, to: number, width: number): void {
    const escape = 2 ** width - 1;
    const { words } = this;
    let { accumulator, used, word } = this;
    for (let i = from; i < to; i += 1) {
      const code = codes[i]!;
      const short = code < escape ? code : escape;
      accumulator |= short << used;
      used += width;
      if (used >= 32) {
        words[word] = accumulator;
        word += 1;
        used -= 32;
        accumulator = used === 0 ? 0 : short >>> (width - used);
      }
      if (code < escape) continue;
      this.accumulator = accumulator;
      this.used = used;
      this.word = word;
      this.putBig(code - escape);
      accumulator = this.accumulator;
      used = this.used;
      word = this.word;
    }
    this.accumulator = accumulator;
    this.used = used;
    this.word = word;
  }

  /** Writes one bit for each of `flags[from..to)`, which are 0 or 1. */
  putFlags(flags: Uint8Array, from: number, to: number): void {
    for (let i = from; i < to; i += 24) {
      const end = Math.min(i + 24, to);
      let bits = 0;
      for (let j = i; j < end; j += 1) bits |= flags[j]! << (j - i);
      this.put(bits, end - i);
    }
  }

  /** Goes on at the next byte. Stores the word begun, so that `bytes` is complete up to here. */
  align(): void {
    const used = (this.used + 7) & ~7;
    this.words[this.word] = this.accumulator;
    if (used === 32) {
      this.word += 1;
      this.used = 0;
      this.accumulator = 0;
    } else {
      this.used = used;
    }
  }
}

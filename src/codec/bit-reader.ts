/** Reads bits as BitWriter wrote them. Every read is checked against the end of the body. */
import { MalformedSnapshotError } from './malformed-snapshot.js';

export class BitReader {
  private bytes: Uint8Array = new Uint8Array(0);
  private startBit = 0;
  private endBit = 0;
  private bit = 0;

  /** Reads `bytes[start..end)` from here on; less than 2^28 bytes. */
  begin(bytes: Uint8Array, start: number, end: number): void {
    this.bytes = bytes;
    this.startBit = start << 3;
    this.endBit = end << 3;
    this.bit = this.startBit;
  }

  get isAtEnd(): boolean {
    return this.bit >= this.endBit;
  }

  /** @returns the next `bits` bits, 0 to 32, as unsigned. */
  get(bits: number): number {
    const value = this.peek();
    this.skip(bits);
    return bits < 25 ? value & ((1 << bits) - 1) : this.wide(bits);
  }

  getGamma(): number {
    const window = this.peek() & 0x1ffff;
    if (window === 0) throw this.problem('gamma code over 16 bits');
    const low = 31 - Math.clz32(window & -window);
    this.skip(low + 1);
    return (low === 0 ? 1 : (1 << low) | this.get(low)) - 1;
  }

  getBig(): number {
    const low = this.get(5);
    // 2^32 - 1 is nobody's: value + 1 would need a 33rd bit.
    const next = low === 31 ? 0x80000000 + this.get(31) : (1 << low) | this.get(low);
    return next - 1;
  }

  getVarint(): number {
    let value = 0;
    for (let shift = 0; shift < 21; shift += 7) {
      const byte = this.get(8);
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    throw this.problem('varint over 3 bytes');
  }

  /** Goes on at the next byte. The bits between must be 0: a body has one form. */
  align(): void {
    const over = -this.bit & 7;
    if (over !== 0 && this.get(over) !== 0) throw this.problem('padding that is not 0');
  }

  problem(what: string): MalformedSnapshotError {
    return new MalformedSnapshotError(what, (this.bit - this.startBit) >> 3);
  }

  /** The next bits, at least 25 of them; zeros beyond the end. */
  private peek(): number {
    const { bytes, bit } = this;
    const at = bit >> 3;
    if (at + 3 < bytes.length) {
      return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> (bit & 7);
    }
    let word = 0;
    for (let i = at; i < bytes.length; i += 1) word |= bytes[i]! << (8 * (i - at));
    return word >>> (bit & 7);
  }

  private skip(bits: number): void {
    this.bit += bits;
    if (this.bit > this.endBit) {
      this.bit = this.endBit;
      throw this.problem('end of the body');
    }
  }

  /** The 25 to 32 bits just skipped. */
  private wide(bits: number): number {
    this.bit -= bits;
    const low = this.peek() & 0xffff;
    this.bit += 16;
    const high = this.peek() & ((1 << (bits - 16)) - 1);
    this.bit += bits - 16;
    return ((high << 16) | low) >>> 0;
  }
}

/** Numbers from a seed, for tests that print it and replay from it: mulberry32. */
export class SeededRandom {
  constructor(private state: number) {}

  /** u32 */
  next(): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let x = Math.imul(this.state ^ (this.state >>> 15), this.state | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return (x ^ (x >>> 14)) >>> 0;
  }

  /** 0 to end - 1 */
  below(end: number): number {
    return this.next() % end;
  }

  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.next() & 0xff);
  }
}

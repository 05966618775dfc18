/** Seeded 32-bit generator (mulberry32, Tommy Ettinger, public domain): same seed, same sequence, in every thread. */
export class SeededRandom {
  private state: number;

  constructor(seed: number) {
    this.state = seed | 0;
  }

  /** u32. */
  next(): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.state ^ (this.state >>> 15), this.state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  }

  /** Integer from 0 to `limit` - 1. */
  below(limit: number): number {
    return this.next() % limit;
  }
}

const CANARY = 0xa5;

/**
 * A seeded sequence of records, the same for the thread that writes them and the one that checks them. Payload: the
 * record's sequence number (u32), bytes made from it, a canary at the end, all of which must arrive.
 */
export class RecordSequence {
  type = 0;
  lengthBytes = 0;
  /** What to reserve: sometimes more than is committed. */
  reserveBytes = 0;
  /** Records in the batch that starts here. */
  batchCount = 0;

  private readonly random: SeededRandom;
  private readonly lengthBytesMax: number;
  private number = -1;

  constructor(seed: number, lengthBytesMax: number) {
    this.random = new SeededRandom(seed);
    this.lengthBytesMax = Math.min(lengthBytesMax, 72);
  }

  advance(): void {
    const bits = this.random.next();
    this.number++;
    this.type = 1 + (bits & 0xffff);
    this.lengthBytes = 5 + ((bits >>> 16) & 0xff) % (this.lengthBytesMax - 4);
    this.reserveBytes = bits >>> 31 === 0 ? this.lengthBytes : this.lengthBytesMax;
    this.batchCount = 1 + ((bits >>> 24) & 0x3f);
  }

  fill(bytes: Uint8Array, offset: number): void {
    const { number, lengthBytes } = this;
    const end = offset + lengthBytes - 1;
    bytes[offset] = number;
    bytes[offset + 1] = number >>> 8;
    bytes[offset + 2] = number >>> 16;
    bytes[offset + 3] = number >>> 24;
    for (let i = offset + 4; i < end; i++) bytes[i] = number + i - offset;
    bytes[end] = CANARY;
  }

  check(bytes: Uint8Array, offset: number, type: number, lengthBytes: number): void {
    const { number } = this;
    if (type !== this.type || lengthBytes !== this.lengthBytes) {
      throw new Error(
        `record ${number}: type ${type}, ${lengthBytes} bytes; expected type ${this.type}, ${this.lengthBytes} bytes`,
      );
    }
    const seen = bytes[offset] | (bytes[offset + 1] << 8) | (bytes[offset + 2] << 16) | (bytes[offset + 3] << 24);
    if (seen !== number) throw new Error(`record ${number}: its sequence number is ${seen}`);
    const end = offset + lengthBytes - 1;
    for (let i = offset + 4; i < end; i++) {
      if (bytes[i] !== ((number + i - offset) & 0xff)) {
        throw new Error(`record ${number}: byte ${i - offset} is ${bytes[i]}`);
      }
    }
    if (bytes[end] !== CANARY) throw new Error(`record ${number}: canary is ${bytes[end]}`);
  }
}

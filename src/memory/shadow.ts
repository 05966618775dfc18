/**
 * A room's shadow: the state its clients hold, in memory that outlives the shard.
 *
 * The SharedArrayBuffer is made by the shard when the room is created and handed to the host, whose reference keeps it
 * when the shard's thread dies. Two banks alternate, so that a commit never touches what a restore would read:
 *
 *   byte 0     int32   commit: number of commits so far; its lowest bit is the bank that holds the newest whole one
 *   4          int32   bytes of one bank
 *   8..63              (padding to a cache line)
 *   64         bank 0: 64 bytes of head (below), then one image per table
 *   64 + bank  bank 1
 *
 *   bank head  uint32  tick of this snapshot
 *              ...     (room for sequence numbers and epochs)
 *
 * Contract on `commit`: written by the shard that runs the room, read by the host and by the shard that takes over;
 * published by one Atomics.store after the whole bank is written; never stale for a reader that started after the
 * writer's thread ended. A thread killed between two commits leaves the older bank untouched and `commit` pointing at it.
 */

export const SHADOW_HEAD_BYTES = 64;
export const BANK_HEAD_BYTES = 64;

const COMMIT_WORD = 0;
const BANK_BYTES_WORD = 1;
const TICK_WORD = 0;

/** @param imagesBytes bytes of all tables' images together, a multiple of 8. */
export function createShadow(imagesBytes: number): SharedArrayBuffer {
  if (imagesBytes % 8 !== 0) throw new RangeError(`imagesBytes is ${imagesBytes}; expected a multiple of 8`);
  // Banks start on a cache line of their own.
  const bankBytes = BANK_HEAD_BYTES + Math.ceil(imagesBytes / 64) * 64;
  const sab = new SharedArrayBuffer(SHADOW_HEAD_BYTES + 2 * bankBytes);
  new Int32Array(sab)[BANK_BYTES_WORD] = bankBytes;
  return sab;
}

export class Shadow {
  readonly sab: SharedArrayBuffer;
  private readonly head: Int32Array;
  private readonly bankHeads: readonly [Uint32Array, Uint32Array];

  constructor(sab: SharedArrayBuffer) {
    this.sab = sab;
    this.head = new Int32Array(sab, 0, SHADOW_HEAD_BYTES / 4);
    this.bankHeads = [this.bankHead(0), this.bankHead(1)];
  }

  /** Where the images of a bank begin, in bytes. */
  imagesOffset(bank: 0 | 1): number {
    return SHADOW_HEAD_BYTES + bank * this.head[BANK_BYTES_WORD]! + BANK_HEAD_BYTES;
  }

  /** Commits so far; 0 means that there is nothing to restore. */
  get commits(): number {
    return Atomics.load(this.head, COMMIT_WORD) >>> 0;
  }

  /** The bank with the newest whole snapshot (meaningful once `commits` > 0). */
  get committedBank(): 0 | 1 {
    return (Atomics.load(this.head, COMMIT_WORD) & 1) as 0 | 1;
  }

  /** The bank to write next. */
  get spareBank(): 0 | 1 {
    return (this.committedBank ^ 1) as 0 | 1;
  }

  /** Tick of the newest commit. */
  get tick(): number {
    return this.bankHeads[this.committedBank][TICK_WORD]!;
  }

  /** Publishes the spare bank, whose images the caller has just written. */
  commit(tick: number): void {
    const next = (Atomics.load(this.head, COMMIT_WORD) + 1) | 0;
    this.bankHeads[(next & 1) as 0 | 1][TICK_WORD] = tick;
    Atomics.store(this.head, COMMIT_WORD, next);
  }

  private bankHead(bank: 0 | 1): Uint32Array {
    return new Uint32Array(this.sab, this.imagesOffset(bank) - BANK_HEAD_BYTES, BANK_HEAD_BYTES / 4);
  }
}

import {
  checkCursors, checkRing, PADDING_TYPE, RECORD_HEADER_BYTES, recordBytes, recordBytesMax, RING_DATA_OFFSET,
  RING_HEAD_INDEX, RING_TAIL_INDEX, RingError,
} from './ring-layout.js';

/**
 * The reading end of a ring. One thread has it; it must not have the producer of the same ring too.
 *
 * ```ts
 * for (let offset = ring.next(); offset !== -1; offset = ring.next()) {
 *   switch (ring.type) { case RECORD_INPUT: ... ring.view.getUint32(offset, true) ... ring.lengthBytes ... }
 * }
 * ring.release();
 * ```
 *
 * This loop ends even if the producer never rests: nothing is given back before `release`, so it passes at most one
 * capacity of bytes.
 *
 * ```
 *        releasedHead                head                 cachedTail          tail
 *             v                       v                       v                v
 *   free      |  returned by next,    |  known to be there    |  there, not    |  producer's
 *             |  still the caller's   |                       |  seen yet      |
 * ```
 *
 * The consumer doesn't trust what it reads. A length or a type that no producer writes throws `RING_CORRUPT` before any
 * offset made from it is used, and goes on throwing it: after that the ring's contents mean nothing.
 */
export class RingConsumer {
  /** The data of the ring, as bytes, 32-bit words and a DataView. Index with the offset that `next` returned. */
  readonly bytes: Uint8Array;
  readonly words: Int32Array;
  readonly view: DataView;

  readonly capacityBytes: number;

  /** Of the record that `next` returned last: its type, greater than 0, and the bytes of its payload. */
  type = 0;
  lengthBytes = 0;

  private readonly control: Int32Array;
  private readonly mask: number;
  private readonly recordBytesMax: number;

  // Cursors as the i32 of their 32 bits, see ring-layout.ts.
  private head: number;
  private releasedHead: number;
  /** Last tail seen: never ahead of the real one, so a record before it is really there. */
  private cachedTail: number;

  /**
   * Attaches to a ring at its published head. What an earlier consumer had read and not released is read again.
   *
   * @throws RingError when the buffer is no ring or its cursors can't be
   */
  constructor(sab: SharedArrayBuffer) {
    this.capacityBytes = checkRing(sab);
    this.recordBytesMax = recordBytesMax(this.capacityBytes);
    this.mask = this.capacityBytes - 1;
    this.control = new Int32Array(sab, 0, RING_DATA_OFFSET >> 2);
    this.bytes = new Uint8Array(sab, RING_DATA_OFFSET, this.capacityBytes);
    this.words = new Int32Array(sab, RING_DATA_OFFSET, this.capacityBytes >> 2);
    this.view = new DataView(sab, RING_DATA_OFFSET, this.capacityBytes);
    this.head = Atomics.load(this.control, RING_HEAD_INDEX);
    this.releasedHead = this.head;
    this.cachedTail = this.head;
  }

  /**
   * Steps to the next record and sets `type` and `lengthBytes`. Allocates nothing.
   *
   * @returns offset of the payload in `bytes`, a multiple of 8, valid until `release`; -1 when there is no record
   * @throws RingError `RING_CORRUPT`
   */
  next(): number {
    let head = this.head;
    if (head === this.cachedTail) {
      // Only now is the producer's line touched. This load is also what makes the records before tail readable.
      const tail = Atomics.load(this.control, RING_TAIL_INDEX);
      if (tail === head) return -1;
      checkCursors(tail, this.releasedHead, this.capacityBytes);
      this.cachedTail = tail;
    }

    let start = head & this.mask;
    let lengthBytes = this.words[start >> 2];
    let type = this.words[(start >> 2) + 1];
    if (type === PADDING_TYPE) {
      const toEndBytes = this.capacityBytes - start;
      // Padding fills the rest exactly, and a record follows it: both were published by the same store.
      if (lengthBytes !== toEndBytes - RECORD_HEADER_BYTES || ((this.cachedTail - head) | 0) <= toEndBytes) {
        this.refuseRecord(start, lengthBytes, type);
      }
      head = (head + toEndBytes) | 0;
      start = 0;
      lengthBytes = this.words[0];
      type = this.words[1];
    }

    // First the length alone, because only then can the sum not overflow; as u32, which makes negative ones too long.
    if (lengthBytes >>> 0 > this.recordBytesMax || type <= 0) this.refuseRecord(start, lengthBytes, type);
    const sizeBytes = recordBytes(lengthBytes);
    if (sizeBytes > ((this.cachedTail - head) | 0) || sizeBytes > this.capacityBytes - start) {
      this.refuseRecord(start, lengthBytes, type);
    }

    this.head = (head + sizeBytes) | 0;
    this.type = type;
    this.lengthBytes = lengthBytes;
    return start + RECORD_HEADER_BYTES;
  }

  /**
   * Gives every record that `next` has returned back to the producer: one store of head, once per batch. Offsets from
   * before are not to be used any more. Allocates nothing.
   */
  release(): void {
    if (this.head === this.releasedHead) return;
    Atomics.store(this.control, RING_HEAD_INDEX, this.head);
    this.releasedHead = this.head;
  }

  /**
   * Whether `next` would return -1. Always looks at the shared tail, which is what a consumer needs between announcing
   * that it sleeps and sleeping (bell.ts). Stale towards true: a record may have come since.
   */
  get isEmpty(): boolean {
    return Atomics.load(this.control, RING_TAIL_INDEX) === this.head;
  }

  /** Bytes published and not yet released. Stale low: the producer may have published more. */
  get usedBytes(): number {
    return (Atomics.load(this.control, RING_TAIL_INDEX) - this.releasedHead) >>> 0;
  }

  private refuseRecord(start: number, lengthBytes: number, type: number): never {
    throw new RingError(
      'RING_CORRUPT',
      `record at ${start} has type ${type} and ${lengthBytes} bytes; expected a type from 1, at most`
      + ` ${this.recordBytesMax} bytes, inside the ${(this.cachedTail - this.head) >>> 0} that were published and the`
      + ` ${this.capacityBytes - start} before the end; make a new ring, this one is lost`,
    );
  }
}

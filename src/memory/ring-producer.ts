import {
  checkCursors, checkRing, PADDING_TYPE, RECORD_HEADER_BYTES, recordBytes, recordBytesMax, RING_DATA_OFFSET,
  RING_HEAD_INDEX, RING_TAIL_INDEX, RingError,
} from './ring-layout.js';

const NOTHING_RESERVED = -1;

/** How far ahead of a record the producer takes lines over from the consumer's core: a quarter of a level-1 cache. */
const CLAIM_BYTES = 8192;
const CACHE_LINE_BYTES = 64;

/**
 * The writing end of a ring. One thread has it; it must not have the consumer of the same ring too.
 *
 * ```ts
 * const offset = ring.tryReserve(12);
 * if (offset === -1) { ... full: drop, or publish() and try later ... }
 * ring.view.setUint32(offset, session, true); ...
 * ring.commit(RECORD_INPUT);
 * ... more records ...
 * if (ring.publish()) bell.ring();
 * ```
 *
 * ```
 *        head            publishedTail         tail        reservedAt
 *         v                    v                v              v
 *   free  |  consumer's        |  the batch     |  (padding)   |  being written  |  free
 *         |  visible           |  committed, not visible       |  reserved       |
 * ```
 *
 * After Agrona's OneToOneRingBuffer (real-logic/agrona, Apache-2.0), with one difference in how records become visible.
 * There each record is published by a release store of its length, and the space ahead is zeroed for it. Here only tail
 * publishes: an atomic store in JS is a full fence, affordable once per batch but not per record.
 */
export class RingProducer {
  /** The data of the ring, as bytes, 32-bit words and a DataView. Index with the offset that `tryReserve` returned. */
  readonly bytes: Uint8Array;
  readonly words: Int32Array;
  readonly view: DataView;

  readonly capacityBytes: number;

  /** Longest payload in bytes: capacity / 2 - 8, so that an empty ring always has room, wherever its cursors stand. */
  readonly recordBytesMax: number;

  private readonly control: Int32Array;
  private readonly mask: number;

  // Cursors as the i32 of their 32 bits, see ring-layout.ts.
  private tail: number;
  private publishedTail: number;
  /** Last head seen: never ahead of the real one, so room judged by it is really there. */
  private cachedHead: number;
  /** Lines before this are in our cache already, see `claimLines`. */
  private claimedTail: number;
  private reservedAt = 0;
  private reservedLengthBytes = NOTHING_RESERVED;

  /**
   * Attaches to a ring at its published tail. What an earlier producer had not published is overwritten.
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
    this.tail = Atomics.load(this.control, RING_TAIL_INDEX);
    this.publishedTail = this.tail;
    this.claimedTail = this.tail;
    this.cachedHead = Atomics.load(this.control, RING_HEAD_INDEX);
  }

  /**
   * Finds room for a record. Allocates nothing.
   *
   * Reserving again without a commit gives the first reservation up.
   *
   * @param lengthBytes of the payload, 0 to `recordBytesMax`; `commit` may make it less
   * @returns offset of the payload in `bytes`, a multiple of 8; -1 when the ring is full. Records of one's own batch
   *   fill it too: whoever waits for room must `publish` first.
   * @throws RingError `RING_MISUSE` for a length out of range, `RING_CORRUPT` for a head that can't be
   */
  tryReserve(lengthBytes: number): number {
    if (lengthBytes >>> 0 !== lengthBytes || lengthBytes > this.recordBytesMax) this.refuseLength(lengthBytes);

    const sizeBytes = recordBytes(lengthBytes);
    const tail = this.tail;
    const toEndBytes = this.capacityBytes - (tail & this.mask);
    const paddingBytes = sizeBytes > toEndBytes ? toEndBytes : 0;

    if (sizeBytes + paddingBytes > this.capacityBytes - ((tail - this.cachedHead) | 0)) {
      // Only now is the consumer's line touched: while there is room by the old head, it stays in the consumer's cache.
      const head = Atomics.load(this.control, RING_HEAD_INDEX);
      checkCursors(tail, head, this.capacityBytes);
      this.cachedHead = head;
      if (sizeBytes + paddingBytes > this.capacityBytes - ((tail - head) | 0)) {
        this.reservedLengthBytes = NOTHING_RESERVED;
        return -1;
      }
    }

    if (paddingBytes !== 0) {
      // Written now, part of the batch only when the record after it is committed: until then tail stays before it.
      const wordIndex = (tail & this.mask) >> 2;
      this.words[wordIndex] = paddingBytes - RECORD_HEADER_BYTES;
      this.words[wordIndex + 1] = PADDING_TYPE;
    }
    const at = (tail + paddingBytes) | 0;
    if (((at + sizeBytes - this.claimedTail) | 0) > 0) this.claimLines(at, sizeBytes);
    this.reservedAt = at;
    this.reservedLengthBytes = lengthBytes;
    return (at & this.mask) + RECORD_HEADER_BYTES;
  }

  /**
   * Makes the reserved record part of the batch. The consumer sees it after `publish`. Allocates nothing.
   *
   * @param type i32 greater than 0
   * @param lengthBytes of the payload really written, default and maximum what was reserved
   * @throws RingError `RING_MISUSE` when nothing is reserved, or type or length are out of range
   */
  commit(type: number, lengthBytes: number = this.reservedLengthBytes): void {
    const reservedLengthBytes = this.reservedLengthBytes;
    if (
      reservedLengthBytes === NOTHING_RESERVED || (type | 0) !== type || type <= 0
      || lengthBytes >>> 0 !== lengthBytes || lengthBytes > reservedLengthBytes
    ) {
      this.refuseCommit(type, lengthBytes);
    }
    const at = this.reservedAt;
    const wordIndex = (at & this.mask) >> 2;
    this.words[wordIndex] = lengthBytes;
    this.words[wordIndex + 1] = type;
    this.tail = (at + recordBytes(lengthBytes)) | 0;
    this.reservedLengthBytes = NOTHING_RESERVED;
  }

  /**
   * Shows the batch to the consumer: one store of tail, which comes after every write to the records. A reservation
   * that is not committed stays valid. Allocates nothing.
   *
   * @returns whether there was anything to publish; only then is there reason to ring the bell
   */
  publish(): boolean {
    if (this.tail === this.publishedTail) return false;
    Atomics.store(this.control, RING_TAIL_INDEX, this.tail);
    this.publishedTail = this.tail;
    return true;
  }

  /** Bytes taken by what the consumer has not released, with this batch. Stale high: it may have released since. */
  get usedBytes(): number {
    return (this.tail - Atomics.load(this.control, RING_HEAD_INDEX)) >>> 0;
  }

  /**
   * Bytes not taken. Stale low: there may be more by now, never less. A record needs them in one piece, so one that is
   * shorter than this may still not fit.
   */
  get freeBytes(): number {
    return this.capacityBytes - this.usedBytes;
  }

  /**
   * Takes the next free lines over from the consumer's core before records need them, by one store to each.
   *
   * The consumer has read these lines, so its core holds them and the first store to each has to fetch it. Records have
   * a dozen stores per line, which retire in order: the store buffer fills with those of two or three lines, and their
   * fetches wait for each other. With one store per line it spans dozens, and the fetches overlap. Measured on an EPYC:
   * from 11 to 19 M/s between cores that share no cache (450 ns there and back), from 14 to 27 M/s in a ring larger
   * than the level-2 cache, no difference between cores that share one (110 ns).
   */
  private claimLines(at: number, sizeBytes: number): void {
    const free = (this.cachedHead + this.capacityBytes) | 0;
    const ahead = (at + CLAIM_BYTES) | 0;
    const end = ((free - ahead) | 0) < 0 ? free : ahead;
    let cursor = ((this.claimedTail - at) | 0) > 0 ? this.claimedTail : at;
    for (; ((end - cursor) | 0) > 0; cursor = (cursor + CACHE_LINE_BYTES) | 0) {
      this.words[(cursor & this.mask) >> 2] = 0;
    }
    // A record longer than that isn't claimed to its end: its first lines would be gone from level 1 by the last ones.
    const recordEnd = (at + sizeBytes) | 0;
    this.claimedTail = ((end - recordEnd) | 0) > 0 ? end : recordEnd;
  }

  private refuseLength(lengthBytes: number): never {
    throw new RingError(
      'RING_MISUSE',
      `record of ${lengthBytes} bytes; expected 0 to ${this.recordBytesMax} (half the ring of ${this.capacityBytes}`
      + ' less the header); split the record or make the ring larger',
    );
  }

  private refuseCommit(type: number, lengthBytes: number): never {
    if (this.reservedLengthBytes === NOTHING_RESERVED) {
      throw new RingError('RING_MISUSE', 'commit without a reservation; commit once per tryReserve that is not -1');
    }
    if ((type | 0) !== type || type <= 0) {
      throw new RingError('RING_MISUSE', `record type is ${type}; expected an integer from 1 to 2^31 - 1`);
    }
    throw new RingError(
      'RING_MISUSE', `commit of ${lengthBytes} bytes; expected 0 to the ${this.reservedLengthBytes} that were reserved`,
    );
  }
}

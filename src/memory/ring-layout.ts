/**
 * Layout of a ring: a single-producer, single-consumer byte queue in one SharedArrayBuffer. Every offset of it is in
 * this file. The algorithm is in ring-producer.ts and ring-consumer.ts, the wake-up in bell.ts.
 *
 * ```
 *  byte
 *     0  +--------------------+--------------------+------------------------------------+
 *        | magic          i32 | capacityBytes  i32 | unused                             |  descriptor
 *   128  +--------------------+--------------------+------------------------------------+
 *        | tail cursor    u32 | unused                                                  |  the producer's line
 *   256  +--------------------+---------------------------------------------------------+
 *        | head cursor    u32 | unused                                                  |  the consumer's line
 *   384  +--------------------+---------------------------------------------------------+
 *        | bell           i32 | naps           i32 | unused                             |  see bell.ts
 *   512  +--------------------+---------------------------------------------------------+
 *        | data: capacityBytes, a power of two                                          |
 *        +------------------------------------------------------------------------------+
 * ```
 *
 * Words that both threads write or read often lie 128 bytes apart: a core's prefetcher pulls 64-byte lines in pairs, so
 * at 64 the two cursors would still be fought over. It is the distance that matters, not the alignment: a
 * SharedArrayBuffer may start anywhere in a line.
 *
 * | word | written by | read by | published by | stale which way |
 * |---|---|---|---|---|
 * | magic, capacityBytes | `createRing`, once | both, when they attach | handing the buffer to a thread | never |
 * | tail cursor | producer | consumer | `Atomics.store`, once per batch | behind: fewer records than there are |
 * | head cursor | consumer | producer | `Atomics.store`, once per batch | behind: less room than there is |
 * | bell, naps | both | both | atomics only | see bell.ts |
 * | data between head and tail | nobody | consumer | the store of tail | never |
 * | data between tail and head + capacity | producer | nobody | - | - |
 *
 * Both cursors count bytes since the ring was made and are never reduced to an index: they run freely through 2^32 and
 * wrap there. `cursor & (capacityBytes - 1)` is the place in the data, `tail - head` modulo 2^32 the bytes in use. So a
 * full ring and an empty one differ without giving a byte away. They are kept as the i32 of the same 32 bits (`| 0`),
 * which V8 holds as a small integer; as u32 half of them would be boxed doubles.
 *
 * A record starts at a multiple of 8 and never straddles the end of the data: what reads it sees one plain piece.
 *
 * ```
 *     0  +----------------------------------------+----------------------------------------+
 *        | lengthBytes i32: of the payload, >= 0  | type i32: > 0, or PADDING              |
 *     8  +----------------------------------------+----------------------------------------+
 *        | payload, lengthBytes; then 0 to 7 bytes that mean nothing, up to a multiple of 8 |
 *        +----------------------------------------------------------------------------------+
 * ```
 *
 * When a record doesn't fit before the end, a padding record fills the rest and the record starts at 0:
 *
 * ```
 *   ... | record | record | PADDING ~~~~~~~~~ |      the padding and the record after it become visible
 *   | record that did not fit | free ...             by the same store of tail, never one without the other
 * ```
 */

/** Distance between words that different threads write. */
const LINE_BYTES = 128;

/** Byte offsets in the SharedArrayBuffer. */
export const RING_MAGIC_OFFSET = 0;
export const RING_CAPACITY_OFFSET = 4;
export const RING_TAIL_OFFSET = LINE_BYTES;
export const RING_HEAD_OFFSET = 2 * LINE_BYTES;
export const RING_BELL_OFFSET = 3 * LINE_BYTES;
export const RING_DATA_OFFSET = 4 * LINE_BYTES;

/** Indices of the same words in an Int32Array over the whole SharedArrayBuffer. */
export const RING_TAIL_INDEX = RING_TAIL_OFFSET >> 2;
export const RING_HEAD_INDEX = RING_HEAD_OFFSET >> 2;

/** 'ring' in ASCII: tells a ring from any other shared memory. */
export const RING_MAGIC = 0x72696e67;

export const RECORD_HEADER_BYTES = 8;
export const RECORD_ALIGN_BYTES = 8;

/** Type of the record that fills the rest of the data before the end. Types of real records are greater than 0. */
export const PADDING_TYPE = -1;

/** Two of the smallest records that carry anything. */
export const RING_BYTES_MIN = 32;

/** Cursors differ by at most the capacity, and that difference has to fit an i32 with room to spare. */
export const RING_BYTES_MAX = 2 ** 30;

/**
 * `RING_MISUSE`: the caller broke the contract; the ring is unharmed.
 * `RING_CORRUPT`: shared memory holds what no producer or consumer writes; the ring can't be used any more.
 */
export type RingErrorCode = 'RING_MISUSE' | 'RING_CORRUPT';

export class RingError extends Error {
  override readonly name = 'RingError';

  constructor(readonly code: RingErrorCode, message: string) {
    super(message);
  }
}

/** Bytes of the data that a record with this payload takes: header, payload, rest to the alignment. */
export function recordBytes(lengthBytes: number): number {
  return (lengthBytes + RECORD_HEADER_BYTES + RECORD_ALIGN_BYTES - 1) & -RECORD_ALIGN_BYTES;
}

/**
 * Longest payload a ring of this capacity accepts: half the capacity less the header.
 *
 * A record of n bytes that doesn't fit before the end costs the rest r < n as padding, so it needs r + n < 2n bytes
 * free. With n at most half the capacity an empty ring takes any legal record wherever its cursors stand. One byte more
 * and there would be positions where it waits for ever.
 */
export function recordBytesMax(capacityBytes: number): number {
  return capacityBytes / 2 - RECORD_HEADER_BYTES;
}

/**
 * Makes an empty ring.
 *
 * @param capacityBytes bytes of data: a power of two, 32 to 2^30. What doesn't fit is the producer's to drop or keep.
 * @param firstCursor where both cursors start, u32, a multiple of 8, default 0. Tests start just below 2^32.
 * @throws RingError `RING_MISUSE`
 */
export function createRing(capacityBytes: number, firstCursor = 0): SharedArrayBuffer {
  checkCapacity(capacityBytes, 'RING_MISUSE');
  if (firstCursor >>> 0 !== firstCursor || firstCursor % RECORD_ALIGN_BYTES !== 0) {
    throw new RingError('RING_MISUSE', `firstCursor is ${firstCursor}; expected a multiple of 8 from 0 to 2^32 - 8`);
  }
  const sab = new SharedArrayBuffer(RING_DATA_OFFSET + capacityBytes);
  const control = new Int32Array(sab, 0, RING_DATA_OFFSET >> 2);
  control[RING_MAGIC_OFFSET >> 2] = RING_MAGIC;
  control[RING_CAPACITY_OFFSET >> 2] = capacityBytes;
  // Plain stores would do, as nobody else has the buffer yet; these say what the words are.
  Atomics.store(control, RING_TAIL_INDEX, firstCursor | 0);
  Atomics.store(control, RING_HEAD_INDEX, firstCursor | 0);
  return sab;
}

/**
 * Checks that a buffer is a ring, sound enough to attach to, and returns its capacity in bytes.
 *
 * @throws RingError `RING_MISUSE` when it never was a ring, `RING_CORRUPT` when its cursors can't be
 */
export function checkRing(sab: SharedArrayBuffer): number {
  if (sab.byteLength < RING_DATA_OFFSET + RING_BYTES_MIN) {
    throw new RingError('RING_MISUSE', `buffer of ${sab.byteLength} bytes is no ring; make one with createRing`);
  }
  const control = new Int32Array(sab, 0, RING_DATA_OFFSET >> 2);
  const magic = control[RING_MAGIC_OFFSET >> 2];
  if (magic !== RING_MAGIC) {
    throw new RingError(
      'RING_MISUSE', `buffer starts with ${hex(magic)}, a ring with ${hex(RING_MAGIC)}; make one with createRing`,
    );
  }
  const capacityBytes = control[RING_CAPACITY_OFFSET >> 2];
  checkCapacity(capacityBytes, 'RING_CORRUPT');
  if (sab.byteLength !== RING_DATA_OFFSET + capacityBytes) {
    throw new RingError(
      'RING_CORRUPT',
      `ring says ${capacityBytes} bytes of data, its buffer has room for ${sab.byteLength - RING_DATA_OFFSET}`,
    );
  }
  checkCursors(Atomics.load(control, RING_TAIL_INDEX), Atomics.load(control, RING_HEAD_INDEX), capacityBytes);
  return capacityBytes;
}

/**
 * The invariant of the two cursors: both at a record's edge, tail 0 to capacityBytes ahead of head. Each side checks it
 * whenever it takes over the other side's cursor, so that no wild cursor turns into a wild index.
 *
 * @throws RingError `RING_CORRUPT`
 */
export function checkCursors(tail: number, head: number, capacityBytes: number): void {
  if ((tail - head) >>> 0 > capacityBytes || ((tail | head) & (RECORD_ALIGN_BYTES - 1)) !== 0) {
    throw new RingError(
      'RING_CORRUPT',
      `tail ${tail >>> 0} and head ${head >>> 0} can't be: expected multiples of 8 at most ${capacityBytes} apart`,
    );
  }
}

function checkCapacity(capacityBytes: number, code: RingErrorCode): void {
  const powerOfTwo = capacityBytes > 0 && Number.isInteger(Math.log2(capacityBytes));
  if (!powerOfTwo || capacityBytes < RING_BYTES_MIN || capacityBytes > RING_BYTES_MAX) {
    throw new RingError(code, `capacityBytes is ${capacityBytes}; expected a power of two from 32 to 2^30`);
  }
}

function hex(word: number): string {
  return `0x${(word >>> 0).toString(16).padStart(8, '0')}`;
}

/** Asserts at boot: the arithmetic above, in case someone moves a line. */
function assertLayout(holds: boolean, what: string): void {
  if (!holds) throw new Error(`ring layout: ${what}`);
}

const sharedWordOffsets = [RING_MAGIC_OFFSET, RING_TAIL_OFFSET, RING_HEAD_OFFSET, RING_BELL_OFFSET, RING_DATA_OFFSET];
for (let i = 1; i < sharedWordOffsets.length; i++) {
  assertLayout(sharedWordOffsets[i] - sharedWordOffsets[i - 1] >= LINE_BYTES, 'lines are at least 128 bytes apart');
  assertLayout(sharedWordOffsets[i] % RECORD_ALIGN_BYTES === 0, 'every line starts at a multiple of 8');
}
assertLayout(RECORD_HEADER_BYTES % RECORD_ALIGN_BYTES === 0, 'a payload starts at a multiple of 8');
assertLayout(RECORD_HEADER_BYTES <= RECORD_ALIGN_BYTES, 'the smallest rest before the end holds a padding header');
assertLayout(recordBytes(0) === 8 && recordBytes(1) === 16 && recordBytes(8) === 16, 'records are rounded up to 8');
assertLayout(recordBytes(recordBytesMax(RING_BYTES_MIN)) === RING_BYTES_MIN / 2, 'the longest record is half the ring');
assertLayout(
  new Uint8Array(Int32Array.of(1).buffer)[0] === 1,
  'the payload formats are little-endian and read through typed arrays; this machine is big-endian',
);

/**
 * The shared counters behind /metrics: one block per shard and one for the front.
 *
 * A block is a SharedArrayBuffer of 64-bit floats. Floats hold whole numbers exactly up to 2^53, so a counter that
 * grows by 10 million a second is exact for 28 years, and unlike BigInt64Array reading one allocates nothing.
 *
 *   word  0                       COUNTER_WORDS (32)      50                      68
 *         +-----------------------+-----------------------+-----------------------+
 *         | counters, by index    | histogram 0           | histogram 1           |
 *         +-----------------------+-----------------------+-----------------------+
 *                                 | 17 bucket counts, sum |
 *
 * Contract of every word: written by the one thread that owns the block, with plain stores (no read-modify-write by
 * anyone else, so no Atomics on the hot path); read by the main thread at a scrape, published by nothing, so a reader
 * may be late by a moment and may see one word of an event before another, but a single word is always whole: aligned
 * 64-bit accesses do not tear on x64 and arm64, the platforms we have a socket library for.
 *
 * One block has one writer, so words inside it need no padding against false sharing; blocks are separate buffers.
 */

/** Words kept for plain counters in a block; more than either map uses, so a new counter moves no offset. */
export const COUNTER_WORDS = 32;

/** Finite bucket bounds of a histogram; the bucket after the last one takes everything above it. */
export const HISTOGRAM_BOUNDS = 16;

/** Words of one histogram: a count for each bound, one for the overflow bucket, and the sum. */
export const HISTOGRAM_WORDS = HISTOGRAM_BOUNDS + 2;

/** Histograms in a block. */
export const HISTOGRAMS = 2;

/** Bytes of one block: (32 + 2 x 18) x 8 = 544. */
export const COUNTER_BLOCK_BYTES = (COUNTER_WORDS + HISTOGRAMS * HISTOGRAM_WORDS) * Float64Array.BYTES_PER_ELEMENT;

/**
 * Indexes into a shard's block. Written by that shard's thread only. "Now" is a level that is set; the others only
 * grow while the shard's block lives.
 */
export const ShardCounter = {
  /** Rooms alive now. Unit: rooms. Set when a room is created or disposed. */
  rooms: 0,
  /** Sessions seated in this shard's rooms now. Unit: sessions. Set at join and leave. */
  clients: 1,
  /** Room ticks run, catch-up ticks included. Unit: ticks. Added by the tick loop. */
  ticks: 2,
  /** Room ticks given up because catching up had reached its bound. Unit: ticks. Added by the tick loop. */
  ticksSkipped: 3,
  /** Ticks run as catch-up, after their own deadline had already passed to the next. Unit: ticks. Tick loop. */
  ticksLate: 4,
  /** Snapshots written to the egress ring, deltas and keyframes, once per room or group and not per client. */
  snapshots: 5,
  /** Snapshots not written because the egress ring was full. Unit: snapshots. */
  snapshotsDropped: 6,
  /** Keyframes among `snapshots`. Unit: snapshots. */
  keyframes: 7,
  /** Records of any kind written to the egress ring. Unit: records. */
  egressRecords: 8,
  /** Payload bytes of those records, without record headers. Unit: bytes. */
  egressBytes: 9,
  /** Input frames taken from the ingress ring and queued for a room. Unit: frames. */
  inputsIn: 10,
  /** Input frames lost: queue of that client full, or sequence number old. Unit: frames. */
  inputsDropped: 11,
  /** Messages (`room.send` of a client) handed to a room. Unit: messages. */
  messagesIn: 12,
  /** Hooks, message handlers and timers of room code that threw or rejected. Unit: errors. */
  hookErrors: 13,
  /** Bytes of JS heap in use in the shard's isolate now. Set about once a second. Unit: bytes. */
  heapUsedBytes: 14,
  /** Lateness of the newest tick against its deadline. Unit: microseconds. Set by the tick loop. */
  lastTickLatenessUs: 15,
  /** Clients that are sent no snapshots now, as they are too far behind. Unit: sessions. */
  clientsLagging: 16,
  /** Snapshots not sent to one client because it lagged. Unit: frames. */
  snapshotsLagged: 17,
  /** Clients closed because they acknowledged no snapshot in time. Unit: sessions. */
  clientsTooSlow: 18,
  /** Messages that their handler's validator refused, or that found too many waiting for one. Unit: messages. */
  messagesRejected: 19,
  /** Input frames with a value out of its field's range. Unit: frames. */
  inputsRejected: 20,
} as const;

/** Indexes into the front's block. Written by the main thread only. */
export const FrontCounter = {
  /** Sockets open now. Unit: sockets. Set at open and close. */
  connections: 0,
  /** Sockets accepted since the start. Unit: sockets. */
  connectionsTotal: 1,
  /** WebSocket messages received, refused ones included. Unit: frames. */
  framesIn: 2,
  /** Payload bytes of those, without WebSocket headers. Unit: bytes. */
  bytesIn: 3,
  /** WebSocket messages given to the socket library, one per recipient. Unit: frames. */
  framesOut: 4,
  /** Payload bytes of those, without WebSocket headers. Unit: bytes. */
  bytesOut: 5,
  /** Frames that the verifier or the protocol refused; each also closes its socket. Unit: frames. */
  framesRefused: 6,
  /** Frames dropped because a shard's ingress ring was full. Unit: frames. */
  ingressDropped: 7,
  /** Snapshots not sent to one client because its socket was above the soft limit. Unit: frames. */
  snapshotsSkipped: 8,
  /** Messages (dropped then), pings and pongs that were over their connection's rate. Unit: frames. */
  framesOverRate: 9,
  /** Sockets closed with 1013: for what waited on them unread, or by their shard (`clientsTooSlow`). Unit: sockets. */
  socketsTooSlow: 10,
  /** Upgrades and HTTP requests answered with 429: their address was over its rate or had too many sockets. */
  handshakesRefused: 11,
} as const;

/** A zeroed block, for a shard or for the front: the layout is the same, the front leaves its histograms empty. */
export function createCounterBlock(): SharedArrayBuffer {
  return new SharedArrayBuffer(COUNTER_BLOCK_BYTES);
}

/**
 * A thread's view over a block. Only the block's owner may call `add` and `set`; any thread may `get`.
 * Calls allocate nothing.
 */
export class CounterBlock {
  /** The counters alone, by index of `ShardCounter` or `FrontCounter`. */
  readonly values: Float64Array;

  /** @throws RangeError when the buffer is not a counter block. */
  constructor(readonly buffer: SharedArrayBuffer) {
    assertCounterBlock(buffer);
    this.values = new Float64Array(buffer, 0, COUNTER_WORDS);
  }

  /** Adds to a counter that grows. */
  add(index: number, n = 1): void {
    this.values[index]! += n;
  }

  /** Sets a level. */
  set(index: number, value: number): void {
    this.values[index] = value;
  }

  /** The value, possibly a moment old when another thread writes it. */
  get(index: number): number {
    return this.values[index]!;
  }
}

/** Word at which histogram `index` begins. */
export function histogramWord(index: number): number {
  return COUNTER_WORDS + index * HISTOGRAM_WORDS;
}

/** A wrong buffer here would put one thread's counters over another's data, so it stops the thread at boot. */
export function assertCounterBlock(buffer: SharedArrayBuffer): void {
  if (buffer.byteLength !== COUNTER_BLOCK_BYTES) {
    throw new RangeError(
      `counter block is ${buffer.byteLength} bytes; expected ${COUNTER_BLOCK_BYTES}: make it with createCounterBlock()`,
    );
  }
}

/**
 * What travels in the rings between the front and a shard.
 *
 * A record's payload begins with 32-bit words (offsets below count words from the payload's start), then bytes. A session
 * key names a place in the front's connection table: slot in the low 20 bits, generation in the high 12, so that a record
 * for a connection that has gone finds nothing.
 */

/** Front to shard. */
export const Ingress = {
  /** [key, seq, ackTick, bytes] then the packed input record. */
  Input: 1,
  /** [key, bytes] then a verified ClientFrame whose event is a Message. */
  Message: 2,
  /** [key, ackTick, received]: the newest tick the client holds, and how many messages of its session. */
  Ack: 3,
  /** [key]: the client's baseline is gone; it is to get a keyframe. */
  Resync: 4,
} as const;

/** Shard to front. */
export const Egress = {
  /**
   * [count, ackOffset, frameBytes, frameKind], then count times [key, ack], then the frame. The front writes each
   * receiver's ack (16 bits) at ackOffset of the frame before it sends, unless ackOffset is -1.
   */
  FanOut: 1,
  /** [key, frameBytes, joined] then the frame. joined = 1: from here on the session's inputs may flow. */
  Send: 2,
  /** [key, code, reasonBytes] then the reason in UTF-8, at most 123 bytes. */
  Close: 3,
  /**
   * A snapshot whose receivers are sent different things: [count, tick, listBytes, partsBytes], then the list, then the
   * parts. The list has for each receiver [key, ack | age << 16 | frameKind << 24, rangeCount], then rangeCount times
   * [start, end]: the bytes of the parts that its frame is put together from.
   */
  Gather: 4,
} as const;

/** How a fanned-out frame is treated when a receiver's socket is slow. */
export const FrameKind = {
  /** Skipped, and the session told apart as out of step until its keyframe. */
  Delta: 0,
  /** Sent; brings the session into step. */
  Keyframe: 1,
  /** Sent always. */
  Reliable: 2,
} as const;

export const INPUT_HEAD_BYTES = 16;
export const MESSAGE_HEAD_BYTES = 8;
export const FAN_OUT_HEAD_BYTES = 16;
export const FAN_OUT_RECEIVER_BYTES = 8;
export const GATHER_HEAD_BYTES = 16;
export const GATHER_RECEIVER_BYTES = 12;
export const SEND_HEAD_BYTES = 16; // 12 used; the frame after it starts on a multiple of 8
export const CLOSE_HEAD_BYTES = 12;

/** A WebSocket close reason is at most 123 bytes (RFC 6455, 5.5). */
export const CLOSE_REASON_BYTES_MAX = 123;

export const SESSION_SLOT_BITS = 20;
export const SESSION_SLOT_MASK = (1 << SESSION_SLOT_BITS) - 1;
export const SESSION_GENERATION_MASK = 0xfff;

/** @returns u32 key of a connection's slot and generation. */
export function sessionKey(slot: number, generation: number): number {
  return ((generation << SESSION_SLOT_BITS) | slot) >>> 0;
}

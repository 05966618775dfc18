/**
 * The one layout we use for frames that are sent many times a second: inputs from clients, snapshots from rooms.
 *
 * Both root tables begin with `head`, a struct of 8 bytes with 4-byte members, and `body`, a byte vector. With the
 * event absent a FlatBuffers builder would spell them in many ways; we always spell them so, and a frame becomes
 * 32 constant-size bytes followed by the body as it is:
 *
 *    0  u32  12            root: table at 0 + 12
 *    4  u16   8            vtable: its own bytes
 *    6  u16  16            vtable: bytes of the table
 *    8  u16   4            vtable: head at table + 4
 *   10  u16  12            vtable: body at table + 12
 *   12  i32   8            table: vtable at 12 - 8
 *   16       head          8 bytes, the struct
 *   24  u32   4            body: vector at 24 + 4
 *   28  u32  body bytes    vector: count
 *   32       body
 *
 * Every word lies on a multiple of its size counted from the frame start, as the format asks, and the body on a
 * multiple of 8. Receivers rely on none of this, as other builders place the parts as they like; but a frame that is spelled
 * so, which six comparisons show, needs no walk to be verified.
 */
import { readI32, writeU16, writeU32 } from './little-endian.js';

/** Bytes before the body. */
export const FRAME_PREFIX_BYTES = 32;
/** Where the 8 bytes of the head begin. */
export const FRAME_HEAD_OFFSET = 16;

/** Writes the 24 bytes around the head; the head is the caller's. `bodyBytes` is the length of the body to follow. */
export function writeFramePrefix(target: Uint8Array, offset: number, bodyBytes: number): void {
  writeU32(target, offset, 12);
  writeU16(target, offset + 4, 8);
  writeU16(target, offset + 6, 16);
  writeU16(target, offset + 8, 4);
  writeU16(target, offset + 10, 12);
  writeU32(target, offset + 12, 8);
  writeU32(target, offset + 24, 4);
  writeU32(target, offset + 28, bodyBytes);
}

/** Whether a frame is spelled as above, from its first byte to its last: then it is valid, head and body being any bytes. */
export function hasFramePrefix(bytes: Uint8Array): boolean {
  return (
    bytes.length >= FRAME_PREFIX_BYTES &&
    readI32(bytes, 0) === 12 &&
    readI32(bytes, 4) === (8 | (16 << 16)) &&
    readI32(bytes, 8) === (4 | (12 << 16)) &&
    readI32(bytes, 12) === 8 &&
    readI32(bytes, 24) === 4 &&
    readI32(bytes, 28) === bytes.length - FRAME_PREFIX_BYTES
  );
}

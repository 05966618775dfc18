/**
 * Little-endian words in a byte array, at any offset.
 *
 * Bytes and not a DataView: a DataView would have to be made for every incoming frame, and words over the ring's
 * memory need no alignment here. Offsets are the caller's to check: past the end, reads give nonsense and writes do
 * nothing.
 */

export function readU16(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8);
}

export function readI32(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
}

export function readU32(bytes: Uint8Array, at: number): number {
  return readI32(bytes, at) >>> 0;
}

// A double needs its eight bytes in one place; this is that place.
const doubleView = new DataView(new ArrayBuffer(8));

export function readF64(bytes: Uint8Array, at: number): number {
  doubleView.setInt32(0, readI32(bytes, at), true);
  doubleView.setInt32(4, readI32(bytes, at + 4), true);
  return doubleView.getFloat64(0, true);
}

export function writeU16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
}

export function writeU32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
  bytes[at + 2] = value >>> 16;
  bytes[at + 3] = value >>> 24;
}

export function writeF64(bytes: Uint8Array, at: number, value: number): void {
  doubleView.setFloat64(0, value, true);
  writeU32(bytes, at, doubleView.getInt32(0, true));
  writeU32(bytes, at + 4, doubleView.getInt32(4, true));
}

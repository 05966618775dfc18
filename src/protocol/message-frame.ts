/** What messages of both directions have in common, and how parts are taken out of a frame. */

/** A message for `onMessage(type)`. */
export interface MessageFrame {
  type: string;
  /** A `PayloadEncoding`. */
  encoding: number;
  /** For `decodePayload`. Empty when the message has none. */
  payload: Uint8Array;
}

// The verifier has seen to it that strings are UTF-8. A leading U+FEFF is part of a string here: two types or ids that
// differ must not become equal.
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * The bytes as an array of their own. Frames live in memory that is reused at once (a ring, a socket's buffer), and
 * what is decoded from them goes to game code that may keep it.
 */
export function copyBytes(bytes: Uint8Array | null): Uint8Array {
  return bytes === null ? new Uint8Array(0) : bytes.slice();
}

/** The string in a verified frame's bytes; '' when it is absent. Copied first: browsers decode no shared memory. */
export function copyText(bytes: string | Uint8Array | null): string {
  if (bytes === null || typeof bytes === 'string') return bytes ?? '';
  return decoder.decode(bytes.slice());
}

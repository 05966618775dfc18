/**
 * Payloads of messages: any JSON value, or bytes.
 *
 * JSON from outside is refused where it could harm code that trusts it: keys that reach prototypes when a value is
 * copied or merged, nesting that overflows a recursive visitor, and numbers that JSON.parse reads as infinities.
 */

/** How a payload is to be read. Numbered as in schemas/client.fbs and schemas/server.fbs. */
export const PayloadEncoding = { Json: 0, Bytes: 1 } as const;

/** Deepest nesting of arrays and objects in a JSON payload. A bare number has depth 0, `[]` has 1. */
export const PAYLOAD_DEPTH_MAX = 32;

export type PayloadErrorCode =
  | 'PAYLOAD_NOT_UTF8'
  | 'PAYLOAD_NOT_JSON'
  | 'PAYLOAD_TOO_DEEP'
  | 'PAYLOAD_KEY_REFUSED'
  | 'PAYLOAD_NOT_FINITE'
  | 'PAYLOAD_NOT_OBJECT'
  | 'PAYLOAD_ENCODING_UNKNOWN'
  | 'PAYLOAD_NOT_ENCODABLE';

/** A payload that cannot be sent, or that was received and is not given to anyone. */
export class PayloadError extends Error {
  override readonly name = 'PayloadError';

  constructor(
    readonly code: PayloadErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** An encoded payload. No bytes at all under Json stand for `undefined`: a message without a payload. */
export interface Payload {
  readonly encoding: number;
  readonly bytes: Uint8Array;
}

const NO_BYTES = new Uint8Array(0);
const encoder = new TextEncoder();
// JSON has no byte order mark; keeping one makes JSON.parse refuse it.
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Encodes a value: a Uint8Array as bytes (the array itself, not a copy), anything else as JSON.
 * Throws PayloadError for what JSON cannot say (functions, symbols, BigInt, cycles) and for what `decodePayload` would
 * refuse, so that the sender hears of it and not only the receiver. NaN becomes null, as JSON.stringify has it.
 */
export function encodePayload(value: unknown): Payload {
  if (value instanceof Uint8Array) return { encoding: PayloadEncoding.Bytes, bytes: value };
  if (value === undefined) return { encoding: PayloadEncoding.Json, bytes: NO_BYTES };
  let json: string | undefined;
  try {
    json = JSON.stringify(value);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.split('\n', 1)[0] : String(cause);
    throw new PayloadError('PAYLOAD_NOT_ENCODABLE', `payload is not JSON: ${reason}`, { cause });
  }
  if (json === undefined) {
    const remedy = 'send a JSON value or a Uint8Array';
    throw new PayloadError('PAYLOAD_NOT_ENCODABLE', `payload is a ${typeof value}; ${remedy}`);
  }
  // The text and not the value is what the receiver sees: toJSON may have replaced any part of it.
  if (typeof value === 'object' && value !== null) checkJson(JSON.parse(json), 0);
  return { encoding: PayloadEncoding.Json, bytes: encoder.encode(json) };
}

/**
 * The value of a received payload. Bytes come back as the array given, JSON as fresh values.
 * Throws PayloadError: not UTF-8, not JSON, nested deeper than 32, an own key `__proto__`, `constructor` or
 * `prototype` at any depth, a number too great for a double.
 */
export function decodePayload(encoding: number, bytes: Uint8Array): unknown {
  if (encoding === PayloadEncoding.Bytes) return bytes;
  if (encoding !== PayloadEncoding.Json) {
    const message = `payload encoding is ${encoding}; expected 0 (JSON) or 1 (bytes)`;
    throw new PayloadError('PAYLOAD_ENCODING_UNKNOWN', message);
  }
  if (bytes.length === 0) return undefined;
  let json: string;
  try {
    // Browsers decode no shared memory.
    json = decoder.decode(bytes.buffer instanceof ArrayBuffer ? bytes : bytes.slice());
  } catch (cause) {
    throw new PayloadError('PAYLOAD_NOT_UTF8', 'payload is not UTF-8; send JSON as UTF-8', { cause });
  }
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (cause) {
    // The parser's own message quotes the input, which may be hostile text on its way to a log.
    throw new PayloadError('PAYLOAD_NOT_JSON', `payload of ${bytes.length} bytes is not JSON`, { cause });
  }
  checkJson(value, 0);
  return value;
}

/**
 * The options of a Join: a JSON object, `{}` when no bytes were sent.
 * Throws PayloadError as `decodePayload` does, and PAYLOAD_NOT_OBJECT for any other value.
 */
export function decodeOptions(bytes: Uint8Array): Record<string, unknown> {
  const value = bytes.length === 0 ? {} : decodePayload(PayloadEncoding.Json, bytes);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    const seen = value === null ? 'null' : Array.isArray(value) ? 'an array' : `a ${typeof value}`;
    throw new PayloadError('PAYLOAD_NOT_OBJECT', `options are ${seen}; send a JSON object`);
  }
  return value as Record<string, unknown>;
}

/**
 * Throws PayloadError for what may not come in, as `decodePayload` does. `value` is fresh from JSON.parse, so it cannot be
 * cyclic; recursion ends at the depth limit.
 */
export function checkJson(value: unknown, depth: number): void {
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) {
      throw new PayloadError('PAYLOAD_NOT_FINITE', 'payload has a number too great for a double; send it as a string');
    }
    return;
  }
  if (typeof value !== 'object' || value === null) return;
  if (depth >= PAYLOAD_DEPTH_MAX) {
    throw new PayloadError('PAYLOAD_TOO_DEEP', `payload nests deeper than ${PAYLOAD_DEPTH_MAX}; flatten it`);
  }
  if (Array.isArray(value)) {
    for (const element of value) checkJson(element, depth + 1);
    return;
  }
  // Own keys only: JSON.parse makes `__proto__` an own property like any other.
  for (const key of Object.keys(value)) {
    if (key === '__proto__' || key === 'constructor' || key === 'prototype') {
      throw new PayloadError('PAYLOAD_KEY_REFUSED', `payload has a key ${key}; rename it`);
    }
    checkJson((value as Record<string, unknown>)[key], depth + 1);
  }
}

/**
 * Seat tickets: what a client that reserved a seat over HTTP shows when it comes to take it over its socket. A ticket is for
 * one session, in one room, on one host. The version, the key and the host are in it, so that formats, secrets and hosts can
 * change one after the other while tickets are under way.
 *
 * That a ticket is used once, and in time, isn't seen to here: the host looks the session up, and gives its seat once, while
 * it is reserved. So no list of used tickets is needed.
 *
 * The text is base64url without padding, of these bytes:
 *
 * ```
 *   | version | key id    | room id   | session id | host id   | expiry  | HMAC-SHA256 |
 *   |   u8    | u8 + text | u8 + text | u8 + text  | u8 + text | u48, ms |  32 bytes   |
 * ```
 *
 * It holds no secret but itself: whoever has it can take the seat. So it is never logged, and neither is what `verify` was given.
 */
import { createHmac, createSecretKey, timingSafeEqual, type KeyObject } from 'node:crypto';

/** What a ticket is signed with. */
export interface TicketKey {
  /** Tickets name their key by it: 1 to 32 characters of ASCII, no spaces. Not secret. */
  readonly id: string;
  /** 32 bytes, random: as many as the hash has, more would add nothing (RFC 2104, section 3). Copied. */
  readonly secret: Buffer;
}

/** What is signed: 1 to 96 characters of ASCII without spaces in each id. */
export interface TicketContent {
  readonly roomId: string;
  readonly sessionId: string;
  /** Whole milliseconds since 1970, 0 to 2^48 - 1. */
  readonly expiresAtMs: number;
}

export interface TicketClaims extends TicketContent {
  /** The host that signed it: always the one that verified it. */
  readonly hostId: string;
}

const VERSION = 1;
const KEY_ID_LENGTH_MAX = 32;
const ID_LENGTH_MAX = 96;
const EXPIRY_BYTES = 6;
const EXPIRY_MS_END = 2 ** 48;
const MAC_BYTES = 32;

/** Version, key id, three ids, expiry: 1 + 33 + 3 * 97 + 6 = 331. */
const BODY_BYTES_MAX = 1 + (1 + KEY_ID_LENGTH_MAX) + 3 * (1 + ID_LENGTH_MAX) + EXPIRY_BYTES;

/** Longest text that is looked at. The longest ticket has 331 + 32 bytes, which are 484 characters. */
export const TICKET_LENGTH_MAX = 512;
const DECODED_BYTES_MAX = (TICKET_LENGTH_MAX / 4) * 3;

/**
 * Stands before what is signed, so that nothing else which may ever be signed with the same key is a ticket. Its last two
 * bytes are the length of the body, so that zeros at its end aren't those after it.
 */
const LABEL_TEXT = 'escapement seat ticket\0\0\0';
const LABEL = Buffer.from(LABEL_TEXT, 'latin1');
const LENGTH_AT = LABEL.length - 2;

/** Ids that are taken: printable, and one byte each, so that lengths are what they seem. */
const ID = /^[\x21-\x7e]+$/;

interface ParsedTicket extends TicketClaims {
  readonly keyId: string;
  readonly bodyBytes: number;
}

const NO_TICKET: ParsedTicket = { keyId: '', roomId: '', sessionId: '', hostId: '', expiresAtMs: 0, bodyBytes: 0 };

/**
 * Signs tickets and verifies them. Secrets are in key objects of Node and in `#` fields: neither printing nor serializing
 * it shows them.
 */
export class Tickets {
  readonly #keys: ReadonlyMap<string, KeyObject>;
  readonly #newestId: string;
  readonly #newest: KeyObject;
  /** A text, decoded; reused. What a text doesn't fill is zero. */
  readonly #decoded = Buffer.alloc(DECODED_BYTES_MAX);
  /** What is signed, reused, always of this size: label, body, zeros. */
  readonly #signed = Buffer.alloc(LABEL.length + BODY_BYTES_MAX);

  /**
   * @param keys newest first. The newest signs; the others are for tickets signed before it came, and can be left out once
   *   those have expired
   * @param hostId this host, as its tickets name it
   * @throws RangeError when a key or an id can't be used
   */
  constructor(keys: readonly TicketKey[], private readonly hostId: string) {
    const newest = keys[0];
    if (newest === undefined) throw new RangeError('there are 0 ticket keys; expected at least 1: give one of 32 random bytes');
    const known = new Map<string, KeyObject>();
    for (const { id, secret } of keys) {
      checkId('the id of a ticket key', id, KEY_ID_LENGTH_MAX);
      if (known.has(id)) throw new RangeError(`two ticket keys have the id ${id}; expected one each: rename one`);
      if (secret.length !== MAC_BYTES) {
        throw new RangeError(`ticket key ${id} has ${secret.length} bytes; expected ${MAC_BYTES}: take random ones`);
      }
      known.set(id, createSecretKey(secret));
    }
    checkId('the id of the host', hostId, ID_LENGTH_MAX);
    this.#keys = known;
    this.#newestId = newest.id;
    this.#newest = known.get(newest.id)!;
    LABEL.copy(this.#signed);
  }

  /**
   * A ticket for a seat. Nothing in it is random: the session's id is, and one session has one ticket.
   *
   * @throws RangeError when an id or the expiry is none that a ticket can hold
   */
  sign({ roomId, sessionId, expiresAtMs }: TicketContent): string {
    checkId('the id of the room', roomId, ID_LENGTH_MAX);
    checkId('the id of the session', sessionId, ID_LENGTH_MAX);
    if (!Number.isInteger(expiresAtMs) || expiresAtMs < 0 || expiresAtMs >= EXPIRY_MS_END) {
      throw new RangeError(`the expiry of a ticket is ${expiresAtMs}; expected whole milliseconds since 1970: round it`);
    }
    const ticket = Buffer.alloc(BODY_BYTES_MAX + MAC_BYTES);
    let at = ticket.writeUInt8(VERSION);
    for (const id of [this.#newestId, roomId, sessionId, this.hostId]) {
      at = ticket.writeUInt8(id.length, at);
      at += ticket.write(id, at, 'latin1');
    }
    at = ticket.writeUIntBE(expiresAtMs, at, EXPIRY_BYTES);
    at += this.#macOf(this.#newest, ticket, at).copy(ticket, at);
    return ticket.toString('base64url', 0, at);
  }

  /**
   * What the ticket says, or null when it isn't one of this host's: the caller learns no reason, and so can't tell one.
   *
   * Whatever the text is, one HMAC is made, over the same number of bytes, and compared by one `timingSafeEqual`: the time
   * taken doesn't tell how much of a forged signature was right. Decoding the text and reading its fields takes the time that
   * it takes; that depends only on what whoever sends the text knows already.
   */
  verify(text: string): TicketClaims | null {
    const parsed = parse(this.#decoded, this.#decode(text));
    const { keyId, roomId, sessionId, hostId, expiresAtMs, bodyBytes } = parsed ?? NO_TICKET;
    const key = this.#keys.get(keyId);
    const expected = this.#macOf(key ?? this.#newest, this.#decoded, bodyBytes);
    const isSigned = timingSafeEqual(expected, this.#decoded.subarray(bodyBytes, bodyBytes + MAC_BYTES));
    if (!isSigned || parsed === null || key === undefined || hostId !== this.hostId) return null;
    return { roomId, sessionId, hostId, expiresAtMs };
  }

  /** Puts the text's bytes into `#decoded`. @returns how many, 0 for a text that no `sign` has made */
  #decode(text: string): number {
    this.#decoded.fill(0);
    if (typeof text !== 'string' || text.length > TICKET_LENGTH_MAX) return 0;
    const bytes = this.#decoded.write(text, 'base64url');
    // Node passes over what is no base64url, takes + and / too, and drops bits that are left over. Only the text that these
    // bytes are written as is taken: else one ticket would have many texts, and whoever looks for used ones would miss some.
    return this.#decoded.toString('base64url', 0, bytes) === text ? bytes : 0;
  }

  #macOf(key: KeyObject, body: Buffer, bodyBytes: number): Buffer {
    this.#signed.fill(0, LABEL.length);
    this.#signed.writeUInt16BE(bodyBytes, LENGTH_AT);
    body.copy(this.#signed, LABEL.length, 0, bodyBytes);
    return createHmac('sha256', key).update(this.#signed).digest();
  }
}

/** Reads the fields of a ticket whose signature is still to be checked; null when they aren't those of one. */
function parse(decoded: Buffer, bytes: number): ParsedTicket | null {
  const bodyBytes = bytes - MAC_BYTES;
  if (bodyBytes < 1 || bodyBytes > BODY_BYTES_MAX || decoded[0] !== VERSION) return null;
  const ids: string[] = [];
  let at = 1;
  for (const lengthMax of [KEY_ID_LENGTH_MAX, ID_LENGTH_MAX, ID_LENGTH_MAX, ID_LENGTH_MAX]) {
    // Beyond the bytes of the text there are zeros, and a length of 0 is refused: nothing is read that isn't there.
    const length = decoded[at]!;
    if (length < 1 || length > lengthMax) return null;
    ids.push(decoded.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  if (at + EXPIRY_BYTES !== bodyBytes) return null;
  const [keyId, roomId, sessionId, hostId] = ids as [string, string, string, string];
  return { keyId, roomId, sessionId, hostId, expiresAtMs: decoded.readUIntBE(at, EXPIRY_BYTES), bodyBytes };
}

function checkId(what: string, id: string, lengthMax: number): void {
  if (id.length <= lengthMax && ID.test(id)) return;
  throw new RangeError(`${what} has ${id.length} characters; expected 1 to ${lengthMax} of ASCII, no spaces: choose another`);
}

/**
 * Writes the Joined frames of one room. They differ in a few fields only, and hold the room's whole declaration: it is
 * encoded once, and those fields are written over for each client.
 */
import type { JoinedFrame } from './server-frames.js';
import { encodeJoined } from './server-frames.js';
import { writeU32 } from './little-endian.js';
import { createServerVerifier } from './verifier.js';

/** The part of Joined that is the same for all clients of a room. */
export type Handshake = Pick<JoinedFrame, 'room' | 'roomId' | 'tickRate' | 'snapshotRate' | 'tables' | 'input' | 'graceMs'>;

/** The part that is each client's. */
export type Greeting = Pick<JoinedFrame, 'sessionId' | 'resumeToken' | 'resumed' | 'received' | 'inputSeq'>;

/** Places of the fields in the event's table, in order of their ids (schemas/server.fbs). */
const SESSION_ID = 2;
const RESUME_TOKEN = 7;
const RESUMED = 8;
const RECEIVED = 9;
const INPUT_SEQ = 10;

/** A text begins behind its length. */
const TEXT_OFFSET = 4;

/** Fields that equal their default would be left out of the template. */
const NOT_DEFAULT = { resumed: true, received: 1, inputSeq: 1 };

const ascii = new TextEncoder();

export class JoinedWriter {
  /** Null until the first client has come. */
  private frame: Uint8Array | null = null;
  private readonly fieldAt = new Int32Array(INPUT_SEQ + 1);
  private sessionIdLength = 0;
  private tokenLength = 0;

  constructor(private readonly handshake: Handshake) {}

  /** The frame for one client; overwritten by the next call. */
  write(greeting: Greeting): Uint8Array {
    const { sessionId, resumeToken, resumed, received, inputSeq } = greeting;
    const frame = (this.frame ??= this.template(greeting));
    // Ids and tokens of one server are equally long; those of another one may not be.
    if (sessionId.length !== this.sessionIdLength || resumeToken.length !== this.tokenLength) {
      return encodeJoined({ ...this.handshake, ...greeting });
    }
    ascii.encodeInto(sessionId, frame.subarray(this.fieldAt[SESSION_ID]! + TEXT_OFFSET));
    ascii.encodeInto(resumeToken, frame.subarray(this.fieldAt[RESUME_TOKEN]! + TEXT_OFFSET));
    frame[this.fieldAt[RESUMED]!] = resumed ? 1 : 0;
    writeU32(frame, this.fieldAt[RECEIVED]!, received);
    writeU32(frame, this.fieldAt[INPUT_SEQ]!, inputSeq);
    return frame;
  }

  private template(greeting: Greeting): Uint8Array {
    const frame = encodeJoined({ ...this.handshake, ...greeting, ...NOT_DEFAULT });
    const verifier = createServerVerifier();
    if (verifier.verify(frame) !== 0) throw new Error('the template of Joined is not a frame');
    for (let f = 0; f <= INPUT_SEQ; f += 1) this.fieldAt[f] = verifier.eventFieldAt[f]!;
    this.sessionIdLength = greeting.sessionId.length;
    this.tokenLength = greeting.resumeToken.length;
    return frame;
  }
}

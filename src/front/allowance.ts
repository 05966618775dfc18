/**
 * What one connection may send: two token buckets, one of messages and one of bytes, that fill with time. Source of the
 * algorithm: the leaky bucket as a meter (ITU-T I.371, annex A), a token bucket counted from the other end.
 *
 * ```
 *   tokens  burst ................. 0 ................. -burst ...........
 *   spent   0 ................... burst ............. 2 x burst ..........
 *           |--------Within--------|--------Over--------|----Excessive----
 *                  taken              dropped, counted      closed 1008
 * ```
 *
 * Kept is what was spent and time has not given back, rather than the tokens left, so that a join, which changes rate
 * and depth, forgives nothing and takes nothing away.
 *
 * The depth is two seconds of the rate. In a room of 60 ticks a second, with the defaults:
 *
 *   messages   2 x 60 = 120 a second: an input each tick, and as much again for messages and pings. Burst 240: the
 *              network may hold up a client that sends 60 inputs a second for 4 s and deliver them all at once.
 *   bytes      16,384 a second: 136 for each of the 120 messages; an input of ten bytes is a frame of 42. Burst 32,768:
 *              eight messages of the greatest size, 4,096.
 *
 * Who sends n times the rate without a pause is first dropped after 2 / (n - 1) seconds and closed after twice that: at
 * twice the rate 2 s and 4 s, at a hundred times 20 ms and 40 ms. Of what is sent all at once, 240 messages reach the
 * room and the 481st closes.
 */

/** Answers of `charge`. */
export const Verdict = {
  /** To be taken. */
  Within: 0,
  /** To be dropped. */
  Over: 1,
  /** The connection is to be closed. */
  Excessive: 2,
} as const;

export type Verdict = (typeof Verdict)[keyof typeof Verdict];

/** Depth of a bucket, in seconds of its rate. */
const BURST_SEC = 2;

/**
 * Messages a second without a seat: those of a room of 30 ticks. A client needs a Join and perhaps a ping a second; the
 * rest is for tools that measure the way to the server by a hundred pings in a row, and no room is troubled by them.
 */
export const SEATLESS_MESSAGES_PER_SEC = 60;

/**
 * Messages a second that every room allows at least: the SDK of a client that sends no inputs pings five times a second,
 * four of them to acknowledge snapshots, and people click as fast as they do, also in a room of one tick a second.
 */
export const ROOM_MESSAGES_PER_SEC_MIN = 10;

/** One for each connection. Time is handed in, in milliseconds of one clock that never runs backwards. */
export class Allowance {
  private messagesPerSec = SEATLESS_MESSAGES_PER_SEC;
  private messagesSpent = 0;
  private bytesSpent = 0;
  private readonly bytesBurst: number;

  /**
   * @param bytesPerSec rate of bytes, seated or not
   * @param payloadBytesMax largest legal message: the bucket of bytes holds one at least, or it could never be sent
   * @param chargedMs now
   */
  constructor(
    private readonly bytesPerSec: number,
    payloadBytesMax: number,
    private chargedMs: number,
  ) {
    this.bytesBurst = Math.max(BURST_SEC * bytesPerSec, payloadBytesMax);
  }

  /** A seat was found in a room that allows so many messages a second. */
  seat(messagesPerSec: number): void {
    this.messagesPerSec = Math.max(messagesPerSec, ROOM_MESSAGES_PER_SEC_MIN);
  }

  /** There is no seat after all. */
  unseat(): void {
    this.messagesPerSec = SEATLESS_MESSAGES_PER_SEC;
  }

  /**
   * Charges one message of `bytes`, also one that is to be dropped; `messages` for one that costs as much as so many. O(1),
   * allocates nothing.
   */
  charge(bytes: number, nowMs: number, messages = 1): Verdict {
    const elapsedSec = (nowMs - this.chargedMs) / 1000;
    this.chargedMs = nowMs;
    this.messagesSpent = Math.max(0, this.messagesSpent - elapsedSec * this.messagesPerSec) + messages;
    this.bytesSpent = Math.max(0, this.bytesSpent - elapsedSec * this.bytesPerSec) + bytes;
    const burstsSpent = Math.max(this.messagesSpent / this.messagesBurst, this.bytesSpent / this.bytesBurst);
    if (burstsSpent <= 1) return Verdict.Within;
    return burstsSpent <= 2 ? Verdict.Over : Verdict.Excessive;
  }

  /** Which bucket is the emptier one, its rate and its limit: at most 100 bytes, for a close frame. */
  get problem(): string {
    const { messagesSpent, messagesBurst, messagesPerSec, bytesSpent, bytesBurst, bytesPerSec } = this;
    return messagesSpent / messagesBurst >= bytesSpent / bytesBurst
      ? excess(messagesSpent, 'messages', messagesPerSec, messagesBurst)
      : excess(bytesSpent, 'bytes', bytesPerSec, bytesBurst);
  }

  private get messagesBurst(): number {
    return BURST_SEC * this.messagesPerSec;
  }
}

function excess(spent: number, unit: string, perSec: number, burst: number): string {
  return `over the rate: ${Math.ceil(spent)} ${unit} ahead of ${perSec} a second; expected at most ${burst} ahead`;
}

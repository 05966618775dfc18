/**
 * Messages on their way to the room, each kept until the server says that it was taken.
 *
 * Nothing is numbered on the wire: sockets keep the order, so "taken so far" says all. After a lost connection what wasn't
 * taken is sent again, in order, and what the game sends meanwhile waits behind it.
 *
 * ```
 *   frames: | taken, forgotten | given to the present socket | waiting |
 *                              0                        sentCount     length
 * ```
 */

/** Most messages that wait to be taken, and most bytes of their frames. */
export const OUTBOX_MESSAGES_MAX = 1024;
export const OUTBOX_BYTES_MAX = 1024 * 1024;

/**
 * What waits is sent at half the rate that servers allow by default (messages: twice the tick rate; bytes: 16 KiB/s), and a
 * second's worth of it at once: what is over the rate would be dropped, and count as taken.
 */
const BYTES_PER_SEC = 8192;
const MESSAGES_PER_SEC_MIN = 5;
const PORTION_INTERVAL_MS = 100;
const PORTION_SEC = PORTION_INTERVAL_MS / 1000;

export class MessageOutbox {
  private readonly frames: Uint8Array[] = [];
  private bytes = 0;
  private sentCount = 0;
  /** What the present portion may still send; below zero it is owed to the next ones. */
  private messagesLeft = 0;
  private bytesLeft = 0;
  private timer: ReturnType<typeof setInterval> | undefined;
  private readonly messagesPerSec: number;

  /**
   * @param send hands a frame to the socket; false when that isn't open.
   * @param tickRate of the room, Hz.
   * @param takenCount messages of the session that were taken before this outbox was made, u32.
   */
  constructor(
    private readonly send: (frame: Uint8Array) => boolean,
    tickRate: number,
    private takenCount: number,
  ) {
    this.messagesPerSec = Math.max(tickRate, MESSAGES_PER_SEC_MIN);
  }

  /** Sends a message at once if none waits, or else after those. Returns false, having done nothing, when it is full. */
  add(frame: Uint8Array): boolean {
    if (this.frames.length >= OUTBOX_MESSAGES_MAX || this.bytes + frame.length > OUTBOX_BYTES_MAX) return false;
    const isNext = this.sentCount === this.frames.length;
    this.frames.push(frame);
    this.bytes += frame.length;
    if (isNext && this.send(frame)) this.sentCount += 1;
    return true;
  }

  /** The server has taken so many messages of the session. A number that makes no sense is ignored. */
  taken(count: number): void {
    const newCount = (count - this.takenCount) >>> 0;
    if (newCount > this.frames.length) return;
    for (const frame of this.frames.splice(0, newCount)) this.bytes -= frame.length;
    this.sentCount = Math.max(0, this.sentCount - newCount);
    this.takenCount = count;
  }

  /** The connection is lost: nothing that wasn't taken counts as sent. */
  hold(): void {
    clearInterval(this.timer);
    this.sentCount = 0;
  }

  /** There is a connection again, over which `count` messages of the session were taken before. */
  resume(count: number): void {
    this.taken(count);
    this.messagesLeft = this.messagesPerSec;
    this.bytesLeft = BYTES_PER_SEC;
    if (this.sendPortion()) return;
    this.timer = setInterval(() => {
      this.messagesLeft += this.messagesPerSec * PORTION_SEC;
      this.bytesLeft += BYTES_PER_SEC * PORTION_SEC;
      if (this.sendPortion()) clearInterval(this.timer);
    }, PORTION_INTERVAL_MS);
  }

  /** Returns whether nothing waits any more. */
  private sendPortion(): boolean {
    while (this.sentCount < this.frames.length) {
      const frame = this.frames[this.sentCount]!;
      if (this.messagesLeft < 1 || this.bytesLeft <= 0 || !this.send(frame)) return false;
      this.sentCount += 1;
      this.messagesLeft -= 1;
      this.bytesLeft -= frame.length;
    }
    return true;
  }
}

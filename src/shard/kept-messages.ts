/**
 * The messages to one client that it hasn't said it has, for the socket that comes after a lost one.
 *
 * Nothing is numbered on the wire: sockets keep the order, so "I have received so many" says all.
 *
 * ```
 *   messages:  | received, forgotten | given up | kept                |
 *              0                 released     first                   first + length
 * ```
 *
 * Numbers are taken modulo 2^32, as the wire's counts wrap.
 */

/** So many forgotten places at the array's start are cleared away at once. */
const FORGOTTEN_MAX = 64;

export class KeptMessages {
  private frames: (Uint8Array | undefined)[] = [];
  /** Place of the first that is kept. */
  private head = 0;
  private firstNumber = 0;
  private releasedNumber = 0;
  private keptBytes = 0;

  get length(): number {
    return this.frames.length - this.head;
  }

  /** Bytes of the frames. A frame that many clients keep counts for each. */
  get bytes(): number {
    return this.keptBytes;
  }

  /** The frame may be other clients' too: nobody writes to it any more. */
  push(frame: Uint8Array): void {
    this.frames.push(frame);
    this.keptBytes += frame.length;
  }

  /** Gives the oldest up until the others take `bytesMax` at most. Returns whether any had to be. */
  trim(bytesMax: number): boolean {
    if (this.keptBytes <= bytesMax) return false;
    while (this.keptBytes > bytesMax) this.shift();
    return true;
  }

  /** The client has so many. More than were sent, or fewer than it has said before, is no news and ignored. */
  release(received: number): void {
    const count = (received - this.firstNumber) >>> 0;
    if (count > this.length) return;
    for (let i = 0; i < count; i += 1) this.shift();
    this.releasedNumber = received >>> 0;
  }

  /** Whether all that comes after the first `received` is still there. More than were sent make no sense: false. */
  hasAllAfter(received: number): boolean {
    return (received - this.firstNumber) >>> 0 <= this.length;
  }

  /** Whether nothing was given up that the client hasn't said it has. */
  get isWhole(): boolean {
    return this.releasedNumber === this.firstNumber;
  }

  /** From now on the client counts anew: the first that is kept is its first. */
  restart(): void {
    this.firstNumber = 0;
    this.releasedNumber = 0;
  }

  /** Forgets all. */
  clear(): void {
    this.firstNumber = (this.firstNumber + this.length) >>> 0;
    this.releasedNumber = this.firstNumber;
    this.frames = [];
    this.head = 0;
    this.keptBytes = 0;
  }

  /** The frames in order. Those that are added meanwhile come too. */
  *[Symbol.iterator](): IterableIterator<Uint8Array> {
    for (let i = 0; i < this.length; i += 1) yield this.frames[this.head + i]!;
  }

  private shift(): void {
    this.keptBytes -= this.frames[this.head]!.length;
    this.frames[this.head] = undefined;
    this.head += 1;
    this.firstNumber = (this.firstNumber + 1) >>> 0;
    // Half of the array at least, so that a message is moved once on average.
    if (this.head < FORGOTTEN_MAX || 2 * this.head < this.frames.length) return;
    this.frames.splice(0, this.head);
    this.head = 0;
  }
}

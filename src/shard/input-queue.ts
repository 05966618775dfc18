/** Where a client's inputs wait for the room's next tick. */

/** Two seconds of inputs at 30 a second: more than any tick should find waiting. */
export const QUEUE_INPUTS_MAX = 64;

/** Sequence numbers further ahead than this are refused: clients unwrap a 16-bit acknowledgement. */
const SEQ_AHEAD_MAX = 0x7fff;

const NO_SEQS = new Uint32Array(0);
const NO_RECORDS = new Uint8Array(0);

/**
 * One client's waiting inputs: a ring of packed records. Full: the oldest is dropped, as the newest says what the player
 * wants.
 */
export class InputQueue {
  /** Sequence number of the last input that the room has read; what the client is told. */
  processedSeq = 0;
  /** Sequence number of the newest input that was taken or refused for its values: what comes next is ahead of it. */
  seenSeq = 0;
  private head = 0;
  private count = 0;
  private seqs = NO_SEQS;
  /** Empty until the first input comes: who only watches has none. */
  records = NO_RECORDS;

  constructor(readonly recordBytes: number) {}

  get length(): number {
    return this.count;
  }

  /**
   * Queues the record at `source[offset..)`.
   *
   * @returns how many inputs were lost by it: 1 when it was refused (its sequence number isn't ahead, or is too far
   *   ahead) or took the place of the oldest, else 0.
   */
  push(seq: number, source: Uint8Array, offset: number): number {
    if (!this.isAhead(seq)) return 1;
    this.seenSeq = seq;
    if (this.seqs === NO_SEQS) {
      this.seqs = new Uint32Array(QUEUE_INPUTS_MAX);
      this.records = new Uint8Array(QUEUE_INPUTS_MAX * this.recordBytes);
    }
    let dropped = 0;
    if (this.count === QUEUE_INPUTS_MAX) {
      this.head = (this.head + 1) % QUEUE_INPUTS_MAX;
      this.count -= 1;
      dropped = 1;
    }
    const place = (this.head + this.count) % QUEUE_INPUTS_MAX;
    this.count += 1;
    this.seqs[place] = seq;
    const start = place * this.recordBytes;
    for (let i = 0; i < this.recordBytes; i += 1) this.records[start + i] = source[offset + i]!;
    return dropped;
  }

  /** Counts an input as seen whose record isn't to be read. Returns false when its sequence number is refused. */
  skip(seq: number): boolean {
    if (!this.isAhead(seq)) return false;
    this.seenSeq = seq;
    if (this.count === 0) this.processedSeq = seq;
    return true;
  }

  private isAhead(seq: number): boolean {
    const ahead = (seq - this.seenSeq) | 0;
    return ahead > 0 && ahead <= SEQ_AHEAD_MAX;
  }

  /** Takes the oldest: returns its offset in `records`, or -1. */
  shift(): number {
    if (this.count === 0) return -1;
    const place = this.head;
    this.head = (place + 1) % QUEUE_INPUTS_MAX;
    this.count -= 1;
    this.processedSeq = this.seqs[place]!;
    return place * this.recordBytes;
  }
}

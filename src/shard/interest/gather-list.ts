/**
 * What each client's frame is put together from: for each client a list of byte ranges of what the encoders wrote. The
 * layout is that of the Gather record in memory/records.ts, so that it is copied into the ring as it is.
 */
import { GATHER_RECEIVER_BYTES } from '../../memory/records.js';

export class GatherList {
  words: Int32Array = new Int32Array(1024);
  /** Where each client's words begin; one more says where the last client's end. */
  heads: Int32Array = new Int32Array(64);
  /** Words used. */
  length = 0;
  count = 0;
  /** Bytes of the ranges of the client at hand. */
  bytes = 0;
  private head = 0;
  private lastEnd = -1;

  reset(): void {
    this.length = 0;
    this.count = 0;
  }

  begin(sessionKey: number, ack: number, age: number, kind: number): void {
    this.fit(GATHER_RECEIVER_BYTES >> 2);
    if (this.count + 2 > this.heads.length) this.heads = grown(this.heads);
    this.head = this.heads[this.count] = this.length;
    this.words[this.head] = sessionKey;
    this.words[this.head + 1] = (ack & 0xffff) | (age << 16) | (kind << 24);
    this.words[this.head + 2] = 0;
    this.length += GATHER_RECEIVER_BYTES >> 2;
    this.count += 1;
    this.heads[this.count] = this.length;
    this.bytes = 0;
    this.lastEnd = -1;
  }

  /** Adds bytes to the client's frame; what lies next to the range before becomes one with it. */
  add(start: number, end: number): void {
    if (start === end) return;
    this.bytes += end - start;
    if (start === this.lastEnd) {
      this.words[this.length - 1] = end;
    } else {
      this.fit(2);
      this.words[this.length] = start;
      this.words[this.length + 1] = end;
      this.length += 2;
      this.words[this.head + 2]! += 1;
      this.heads[this.count] = this.length;
    }
    this.lastEnd = end;
  }

  private fit(more: number): void {
    if (this.length + more > this.words.length) this.words = grown(this.words);
  }
}

function grown(words: Int32Array): Int32Array {
  const larger = new Int32Array(2 * words.length);
  larger.set(words);
  return larger;
}

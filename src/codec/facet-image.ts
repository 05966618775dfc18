/** What a client holds of one facet: the rows of the streams it is sent. */
import type { Facet } from './facet.js';

/** The rows of one stream, by ascending slot. */
export class StreamRows {
  slots = new Uint16Array(8);
  count = 0;

  /** Makes room for `count` rows; the rows held stay. */
  fit(count: number): void {
    if (count <= this.slots.length) return;
    const slots = new Uint16Array(Math.max(count, 2 * this.slots.length));
    slots.set(this.slots);
    this.slots = slots;
  }
}

export class FacetImage {
  /** 1 + the stream that each row is held in; 0: the client doesn't hold the row. */
  readonly homes: Uint16Array;
  readonly generations: Uint16Array;
  /** By number of the facet, then by slot. Rows that aren't held have 0 everywhere. */
  readonly quanta: Int32Array[];
  readonly motions: Int32Array[];
  readonly texts: string[][];
  readonly streams = new Map<number, StreamRows>();

  constructor(readonly facet: Facet) {
    const { capacity } = facet;
    this.homes = new Uint16Array(capacity);
    this.generations = new Uint16Array(capacity);
    this.quanta = facet.numbers.map(() => new Int32Array(capacity));
    this.motions = facet.numbers.map(() => new Int32Array(capacity));
    this.texts = facet.texts.map(() => new Array<string>(capacity).fill(''));
  }

  /** The stream's rows; a stream that isn't held has none. */
  stream(number: number): StreamRows {
    let rows = this.streams.get(number);
    if (rows === undefined) this.streams.set(number, (rows = new StreamRows()));
    return rows;
  }

  clearRow(slot: number): void {
    this.generations[slot] = 0;
    for (const column of this.quanta) column[slot] = 0;
    for (const column of this.motions) column[slot] = 0;
    for (const column of this.texts) column[slot] = '';
  }
}

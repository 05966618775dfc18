/** Working memory for facet encoders: one for all rooms of a shard, as they encode one after the other. */
import { FIELDS_MAX } from '../state/schema.js';
import { CODE_CLASSES, CodeCounts } from './column-widths.js';
import type { Facet } from './facet.js';

export class EncoderScratch {
  /** For each number of a facet the codes that are written, one after the other. */
  readonly written: Uint32Array[] = [];
  /** And which classes they have: see column-widths.ts. */
  readonly small = new Int32Array(FIELDS_MAX);
  readonly large = new Int32Array(FIELDS_MAX);
  /** The same of the columns of keyframes, one at a time. */
  readonly keyframeCounts = new CodeCounts();
  /** How often codes of each class occur, for each number; all 0 between uses. */
  readonly counts: Int32Array[] = [];
  /** 1 where a row differs from its prediction. */
  dirty = new Uint8Array(0);
  /** The positions where it is. */
  masked = new Uint16Array(0);
  /** Bit t: the row's text t has changed. */
  textMasks = new Int32Array(0);
  private rows = 0;

  /** Makes room for a facet. */
  fit({ capacity, numbers }: Facet): void {
    if (capacity > this.rows) {
      this.rows = capacity;
      this.dirty = new Uint8Array(capacity);
      this.masked = new Uint16Array(capacity);
      this.textMasks = new Int32Array(capacity);
      this.written.forEach((_, n) => (this.written[n] = new Uint32Array(capacity)));
    }
    // Keyframes need one column for facets without numbers too.
    while (this.written.length < Math.max(1, numbers.length)) {
      this.written.push(new Uint32Array(this.rows));
      this.counts.push(new Int32Array(CODE_CLASSES));
    }
  }
}

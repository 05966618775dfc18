/** Working memory for facet encoders: one for all rooms of a shard, as they encode one after the other. */
import { FIELDS_MAX } from '../state/schema.js';
import { CODE_CLASSES, CodeCounts } from './column-widths.js';
import { DiffLoops } from './diff-loop.js';
import type { Facet } from './facet.js';

export class EncoderScratch {
  readonly diffLoops = new DiffLoops();
  /** How often codes of each class occur, for each number: CODE_CLASSES words each, all 0 between uses. */
  readonly allCounts = new Int32Array(CODE_CLASSES * FIELDS_MAX);
  /** And which classes they have: see column-widths.ts. */
  readonly small = new Int32Array(FIELDS_MAX);
  readonly large = new Int32Array(FIELDS_MAX);
  /** The same of the columns of keyframes, one at a time. */
  readonly keyframeCounts = new CodeCounts();
  /** The codes that are written, one column of `rows` after the other. */
  allWritten = new Uint32Array(0);
  /** 1 where a row differs from its prediction. */
  dirty = new Uint8Array(0);
  /** The positions where it is. */
  masked = new Uint16Array(0);
  /** Bit t: the row's text t has changed. */
  textMasks = new Int32Array(0);
  /** Rows that there is room for. */
  rows = 0;
  /** Views of `allWritten` and `allCounts`, by number. */
  written: Uint32Array[] = [];
  readonly counts: Int32Array[] = [];

  constructor() {
    for (let n = 0; n < FIELDS_MAX; n += 1) {
      this.counts.push(this.allCounts.subarray(n * CODE_CLASSES, (n + 1) * CODE_CLASSES));
    }
  }

  /** Makes room for a facet. */
  fit({ capacity, numbers }: Facet): void {
    // Keyframes need one column for facets without numbers too.
    const columns = Math.max(1, numbers.length);
    if (capacity <= this.rows && columns <= this.written.length) return;
    const rows = Math.max(capacity, this.rows);
    const count = Math.max(columns, this.written.length);
    this.rows = rows;
    this.allWritten = new Uint32Array(rows * count);
    this.written = Array.from({ length: count }, (_, n) => this.allWritten.subarray(n * rows, (n + 1) * rows));
    this.dirty = new Uint8Array(rows);
    this.masked = new Uint16Array(rows);
    this.textMasks = new Int32Array(rows);
  }
}

/**
 * What the residuals of an arena's snapshots would take at the least: their order-0 entropy, the bits that an ideal code
 * spends which knows how often each residual comes, and nothing else. Standing players count too.
 *
 * The predictors are those of the snapshot body, each field's better one for the whole run: positions and headings go on
 * as they went, health and score stay.
 */
import { FieldKind } from '../src/state/field.js';
import type { TableImage } from '../src/state/image.js';

export class ResidualEntropy {
  private readonly counts: Map<number, number>[];
  private snapshots = 0;

  constructor(fieldCount: number) {
    this.counts = Array.from({ length: fieldCount }, () => new Map<number, number>());
  }

  /** Counts the residuals of one snapshot. */
  add(motion: ImageMotion): void {
    this.snapshots += 1;
    for (let f = 0; f < this.counts.length; f += 1) {
      const counts = this.counts[f]!;
      for (const residual of motion.residuals[f]!) counts.set(residual, (counts.get(residual) ?? 0) + 1);
    }
  }

  /** Bytes per snapshot, over all fields and rows. */
  get bytesPerSnapshot(): number {
    let bits = 0;
    for (const counts of this.counts) {
      let total = 0;
      for (const count of counts.values()) total += count;
      for (const count of counts.values()) bits -= count * Math.log2(count / total);
    }
    return bits / 8 / this.snapshots;
  }
}

/** Follows one image from snapshot to snapshot and says by how much each prediction was wrong. */
export class ImageMotion {
  /** Of the newest snapshot, by field and row. */
  readonly residuals: Int32Array[];
  private readonly last: Int32Array[];
  private readonly motions: Int32Array[];

  constructor(private readonly image: TableImage) {
    this.last = image.quanta.map((quanta) => quanta.slice());
    this.motions = image.quanta.map(() => new Int32Array(image.capacity));
    this.residuals = image.quanta.map(() => new Int32Array(image.capacity));
  }

  advance(): void {
    this.image.fieldList.forEach((field, f) => {
      const goesOn = field.kind === FieldKind.Fixed || field.kind === FieldKind.Angle;
      const wrapShift = field.kind === FieldKind.Angle ? 32 - field.bits : 0;
      const quanta = this.image.quanta[f]!;
      const last = this.last[f]!;
      const motions = this.motions[f]!;
      for (let i = 0; i < this.image.rowEnd; i += 1) {
        const change = ((quanta[i]! - last[i]!) << wrapShift) >> wrapShift;
        this.residuals[f]![i] = goesOn ? ((change - motions[i]!) << wrapShift) >> wrapShift : change;
        motions[i] = change;
        last[i] = quanta[i]!;
      }
    });
  }
}

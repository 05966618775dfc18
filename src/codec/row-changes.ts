/**
 * What one snapshot body did to the rows of one table. While the body is read, rows are only marked as touched; what that
 * amounts to (removed, added, changed) is known at its end, when a row that left one stream may have arrived in another.
 * The marks of a malformed body stay: what they amount to is known when the next keyframe has been read.
 */
export class RowChanges {
  readonly removed: Uint16Array;
  readonly added: Uint16Array;
  /** Rows that were there before and may have new values in the fields of their mask. */
  readonly changed: Uint16Array;
  /** Bit f: field f of the table. By position in `changed`. */
  readonly changedMasks: Int32Array;
  removedCount = 0;
  addedCount = 0;
  changedCount = 0;
  /** Slots marked, in the order of their first mark. */
  readonly touched: Uint16Array;
  touchedCount = 0;
  private readonly masks: Int32Array;
  private readonly isTouched: Uint8Array;
  /** Generation of each row as the game knows it; 0: none. */
  private readonly shown: Uint16Array;

  constructor(capacity: number) {
    this.removed = new Uint16Array(capacity);
    this.added = new Uint16Array(capacity);
    this.changed = new Uint16Array(capacity);
    this.changedMasks = new Int32Array(capacity);
    this.touched = new Uint16Array(capacity);
    this.masks = new Int32Array(capacity);
    this.isTouched = new Uint8Array(capacity);
    this.shown = new Uint16Array(capacity);
  }

  touch(slot: number, mask: number): void {
    if (this.isTouched[slot] === 0) {
      this.isTouched[slot] = 1;
      this.touched[this.touchedCount] = slot;
      this.touchedCount += 1;
    }
    this.masks[slot]! |= mask;
  }

  /** Sums up, for rows whose present generations are these (0: gone). */
  conclude(homes: Uint16Array, generations: Uint16Array): void {
    const { touched, touchedCount, shown, masks } = this;
    this.removedCount = this.addedCount = this.changedCount = 0;
    for (let i = 0; i < touchedCount; i += 1) {
      const slot = touched[i]!;
      const now = homes[slot] === 0 ? 0 : generations[slot]!;
      const was = shown[slot]!;
      if (was === now) {
        if (now !== 0 && masks[slot] !== 0) {
          this.changed[this.changedCount] = slot;
          this.changedMasks[this.changedCount] = masks[slot]!;
          this.changedCount += 1;
        }
      } else {
        if (was !== 0) {
          this.removed[this.removedCount] = slot;
          this.removedCount += 1;
        }
        if (now !== 0) {
          this.added[this.addedCount] = slot;
          this.addedCount += 1;
        }
        shown[slot] = now;
      }
    }
    this.forget();
  }

  private forget(): void {
    for (let i = 0; i < this.touchedCount; i += 1) {
      const slot = this.touched[i]!;
      this.isTouched[slot] = 0;
      this.masks[slot] = 0;
    }
    this.touchedCount = 0;
  }
}

/** A room's tables with their shadow: what is settled, committed and hashed. */
import { createShadow, Shadow } from '../memory/shadow.js';
import { hashImages, imageBytes, STATE_BYTES_MAX, TableImage } from '../state/image.js';
import type { Table } from '../state/table.js';

export class RoomState {
  readonly shadow: Shadow;
  /** The tables' images as the room last settled them. */
  readonly current: readonly TableImage[];
  private readonly banks: readonly [readonly TableImage[], readonly TableImage[]];

  constructor(readonly tables: readonly Table[]) {
    this.current = tables.map((table) => table.image);
    const bytes = tables.reduce((sum, table) => sum + imageBytes(table.schema), 0);
    if (bytes > STATE_BYTES_MAX) {
      throw new RangeError(`the room's tables need ${bytes} bytes; at most ${STATE_BYTES_MAX}: declare smaller capacities`);
    }
    this.shadow = new Shadow(createShadow(bytes));
    this.banks = [this.mapBank(0), this.mapBank(1)];
  }

  settle(): void {
    for (let t = 0; t < this.tables.length; t += 1) this.tables[t]!.settle();
  }

  /** Keeps the current state in the shadow, as what clients hold. */
  commit(tick: number): void {
    const bank = this.banks[this.shadow.spareBank];
    for (let t = 0; t < bank.length; t += 1) bank[t]!.copyFrom(this.current[t]!);
    this.shadow.commit(tick);
  }

  /** Hash of the newest snapshot; of empty tables before the first. */
  snapshotHash(): number {
    return hashImages(this.banks[this.shadow.committedBank]);
  }

  private mapBank(bank: 0 | 1): readonly TableImage[] {
    let at = this.shadow.imagesOffset(bank);
    return this.tables.map((table) => {
      const image = new TableImage(table.schema, this.shadow.sab, at);
      at += imageBytes(table.schema);
      return image;
    });
  }
}

/** A room's tables with their shadow: what is settled, committed and hashed. */
import { createShadow, Shadow } from '../memory/shadow.js';
import { hashImages, imageBytes, STATE_BYTES_MAX, TableImage } from '../state/image.js';
import type { Table } from '../state/table.js';

export class RoomState {
  readonly shadow: Shadow;
  /** The tables' images as the room last settled them. */
  readonly current: readonly TableImage[];
  /** All images of each bank, one table after the other. */
  private readonly banks: readonly [Uint8Array, Uint8Array];
  /** The same as images; null until a hash is asked for, which most rooms never are. */
  private mapped: readonly [readonly TableImage[], readonly TableImage[]] | null = null;

  constructor(readonly tables: readonly Table[]) {
    this.current = tables.map((table) => table.image);
    const bytes = tables.reduce((sum, table) => sum + imageBytes(table.schema), 0);
    if (bytes > STATE_BYTES_MAX) {
      throw new RangeError(`the room's tables need ${bytes} bytes; at most ${STATE_BYTES_MAX}: declare smaller capacities`);
    }
    this.shadow = new Shadow(createShadow(bytes));
    const bank = (index: 0 | 1): Uint8Array => new Uint8Array(this.shadow.sab, this.shadow.imagesOffset(index), bytes);
    this.banks = [bank(0), bank(1)];
  }

  settle(): void {
    for (let t = 0; t < this.tables.length; t += 1) this.tables[t]!.settle();
  }

  /** Keeps the current state in the shadow, as what clients hold. */
  commit(tick: number): void {
    const bank = this.banks[this.shadow.spareBank];
    let at = 0;
    for (let t = 0; t < this.current.length; t += 1) {
      const { bytes } = this.current[t]!;
      bank.set(bytes, at);
      at += bytes.length;
    }
    this.shadow.commit(tick);
  }

  /** Hash of the newest snapshot; of empty tables before the first. */
  snapshotHash(): number {
    this.mapped ??= [this.mapBank(0), this.mapBank(1)];
    return hashImages(this.mapped[this.shadow.committedBank]);
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

/** A client's read-only picture of one of the room's tables. */
import type { FacetImage } from '../codec/facet-image.js';
import type { RowChanges } from '../codec/row-changes.js';
import { FieldKind, fromQuantum, toQuantum, type Fields } from '../state/field.js';
import { rowClassOf, type Column, type Row, type RowClass, type RowObject, type RowOwner } from '../state/row.js';
import type { TableSchema } from '../state/schema.js';
import type { StateHash } from '../state/state-hash.js';
import { Listeners, type ErrorSink, type Unsubscribe } from './listeners.js';

/**
 * One row as the client sees it. The same object for as long as the row lives, so it may be kept and compared. It always
 * shows the newest snapshot.
 */
export type RowView<F extends Fields = Fields> = Readonly<Row<F>>;

const utf8 = new TextEncoder();

export class TableView<F extends Fields = Fields> implements RowOwner {
  /** @internal */
  readonly columnList: Column[] = [];
  private readonly schema: TableSchema<F>;
  private readonly rowClass: RowClass;
  private readonly rows: (RowObject | undefined)[] = [];
  private rowCount = 0;
  /** 1 where a row was added by the snapshot at hand; it is announced by onAdd and not by onChange. */
  private readonly isNew: Uint8Array;
  /** 1 where onAdd has run for the row, or would have, had anyone listened. */
  private readonly isAnnounced: Uint8Array;
  /** Rows that the snapshot at hand removed. */
  private readonly leaving: RowObject[] = [];
  private readonly added = new Listeners<[RowView<F>]>();
  private readonly changed = new Listeners<[RowView<F>]>();
  private readonly removed = new Listeners<[RowView<F>]>();
  private readonly report: ErrorSink;
  private readonly generations: Uint16Array;
  private readonly secretGenerations: Uint16Array;
  /** By field of the table; null for the other kind. */
  private readonly quanta: (Int32Array | null)[];
  private readonly texts: (string[] | null)[];

  /**
   * @internal Tables are made by the room's handshake.
   * @param facets the table's facets, of which the first is the public one
   */
  constructor(schema: TableSchema<F>, facets: readonly FacetImage[], report: ErrorSink) {
    this.schema = schema;
    this.report = report;
    this.generations = facets[0]!.generations;
    this.secretGenerations = facets.at(-1)!.generations;
    this.quanta = schema.fieldList.map(() => null);
    this.texts = schema.fieldList.map(() => null);
    for (const { facet, quanta, texts } of facets) {
      facet.numbers.forEach(({ fieldIndex }, n) => (this.quanta[fieldIndex] = quanta[n]!));
      facet.texts.forEach(({ fieldIndex }, t) => (this.texts[fieldIndex] = texts[t]!));
    }
    this.rowClass = rowClassOf(schema);
    this.isNew = new Uint8Array(schema.capacity);
    this.isAnnounced = new Uint8Array(schema.capacity);
    for (const field of schema.fieldList) {
      this.columnList.push(field.kind === FieldKind.Text ? [] : new Float64Array(schema.capacity));
    }
  }

  /** Number of rows. */
  get size(): number {
    return this.rowCount;
  }

  /** The row with this entity id, or undefined when there is none (any more). */
  get(id: number): RowView<F> | undefined {
    const row = this.rows[id & 0xffff];
    return row !== undefined && row.id === id >>> 0 ? (row as unknown as RowView<F>) : undefined;
  }

  has(id: number): boolean {
    return this.get(id) !== undefined;
  }

  *[Symbol.iterator](): IterableIterator<RowView<F>> {
    for (let slot = 0; slot < this.rows.length; slot += 1) {
      const row = this.rows[slot];
      if (row !== undefined) yield row as unknown as RowView<F>;
    }
  }

  /**
   * Calls back for every row that exists now, at once, and for every row that is added later. When it is called the
   * whole state, of all tables, is that of the new snapshot.
   */
  onAdd(callback: (row: RowView<F>) => void): Unsubscribe {
    const unsubscribe = this.added.add(callback);
    // Rows of the snapshot at hand that aren't announced yet are left to the announcement, lest they come twice.
    for (const row of [...this]) {
      if (this.isAnnounced[row.index] === 0) continue;
      try {
        callback(row);
      } catch (error) {
        this.report(error);
      }
    }
    return unsubscribe;
  }

  /**
   * Calls back for every row with changed fields, once for each snapshot; not for rows that the same snapshot added. When
   * it is called the whole state is that of the new snapshot.
   */
  onChange(callback: (row: RowView<F>) => void): Unsubscribe {
    return this.changed.add(callback);
  }

  /**
   * Calls back for every row that is removed. During the callback the row still has its last values (but `get` and
   * iteration no longer find it), and other rows those of the snapshot before; afterwards the row is dead.
   */
  onRemove(callback: (row: RowView<F>) => void): Unsubscribe {
    return this.removed.add(callback);
  }

  /** @internal Texts written by the game last until the room's next change, as numbers do; types forbid both. */
  setText(f: number, slot: number, value: string): void {
    this.columnList[f]![slot] = value;
  }

  // A snapshot arrives in four steps. Each is taken by all tables before any takes the next, so that callbacks see either
  // the whole old state (onRemove) or the whole new one (onAdd, onChange).

  /** @internal Step 1: removed rows can't be found any more. */
  takeOut(changes: RowChanges): void {
    for (let i = 0; i < changes.removedCount; i += 1) {
      const slot = changes.removed[i]!;
      const row = this.rows[slot];
      if (row === undefined) continue;
      this.rows[slot] = undefined;
      this.rowCount -= 1;
      this.leaving.push(row);
    }
  }

  /** @internal Step 2: onRemove runs; then the rows are dead. */
  announceRemoved(): void {
    if (this.leaving.length === 0) return;
    for (const row of this.leaving) this.removed.emit(this.report, row as unknown as RowView<F>);
    for (const row of this.leaving) row.index = -1;
    this.leaving.length = 0;
  }

  /** @internal Step 3: columns and rows become those of the snapshot. */
  fill(changes: RowChanges): void {
    const { columnList, rows } = this;
    for (let i = 0; i < changes.addedCount; i += 1) {
      const slot = changes.added[i]!;
      // A sparse array would be slow to walk.
      while (rows.length < slot) rows.push(undefined);
      rows[slot] = new this.rowClass(this, slot, (slot | (this.generations[slot]! << 16)) >>> 0);
      this.rowCount += 1;
      this.isNew[slot] = 1;
      this.isAnnounced[slot] = 0;
      for (let f = 0; f < columnList.length; f += 1) this.fillField(f, slot);
    }
    for (let i = 0; i < changes.changedCount; i += 1) {
      const slot = changes.changed[i]!;
      const mask = changes.changedMasks[i]!;
      // A row that was written whole, for having come from another stream or with a keyframe, may be as it was.
      let differs = false;
      for (let f = 0; f < columnList.length; f += 1) {
        if ((mask & (1 << f)) !== 0 && this.fillField(f, slot)) differs = true;
      }
      if (!differs) changes.changedMasks[i] = 0;
    }
  }

  /** @internal Step 4: onAdd and onChange run. */
  announce(changes: RowChanges): void {
    for (let i = 0; i < changes.addedCount; i += 1) {
      const slot = changes.added[i]!;
      this.isAnnounced[slot] = 1;
      this.added.emit(this.report, this.rows[slot] as unknown as RowView<F>);
    }
    if (!this.changed.isEmpty) {
      for (let i = 0; i < changes.changedCount; i += 1) {
        if (changes.changedMasks[i] === 0) continue;
        this.changed.emit(this.report, this.rows[changes.changed[i]!] as unknown as RowView<F>);
      }
    }
    for (let i = 0; i < changes.addedCount; i += 1) this.isNew[changes.added[i]!] = 0;
  }

  /** @internal Adds the rows shown to a hash of the state. */
  addTo(hash: StateHash): void {
    for (const row of this.rows) {
      if (row === undefined) continue;
      hash.add(row.index);
      hash.add(row.id >>> 16);
      this.schema.fieldList.forEach((field, f) => {
        const value = this.columnList[f]![row.index]!;
        if (typeof value === 'number') {
          hash.add(toQuantum(field, value, 0));
        } else {
          const bytes = utf8.encode(value);
          hash.addText(bytes, 0, bytes.length);
        }
      });
    }
    hash.endTable();
  }

  /** Returns whether the field has another value now. */
  private fillField(f: number, slot: number): boolean {
    const quanta = this.quanta[f]!;
    const column = this.columnList[f]!;
    const field = this.schema.fieldList[f]!;
    // The secrets held may be those of the slot's next row, which this client isn't shown yet.
    const isHeld = !field.secret || this.secretGenerations[slot] === this.generations[slot];
    const value = quanta === null ? (isHeld ? this.texts[f]![slot]! : '') : fromQuantum(field, isHeld ? quanta[slot]! : 0);
    // A sparse array would be slow to walk here too.
    while (column.length < slot) (column as string[]).push('');
    if (Object.is(column[slot], value)) return false; // 0 and -0 are two values
    column[slot] = value;
    return true;
  }
}

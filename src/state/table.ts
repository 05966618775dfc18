/**
 * A room's table: a struct of arrays with recycled slots.
 *
 * Game code writes `columns` (or rows over them) freely during a tick. `settle()` ends the tick: every value is quantised
 * into the table's image and written back. Nothing on that path allocates.
 */
import { FieldKind, fromQuantum, TEXT_BYTES_MAX, toQuantum, type Field, type Fields, type Values } from './field.js';
import { TableImage } from './image.js';
import { rowClassOf, type Column, type Columns, type Row, type RowClass, type RowObject } from './row.js';
import type { TableSchema } from './schema.js';

const GENERATION_MAX = 65535;
const utf8 = new TextEncoder();
/** Keeps a byte order mark, which is a character like others in a game's text. */
const utf8Decoder = new TextDecoder('utf-8', { ignoreBOM: true });
const textScratch = new Uint8Array(TEXT_BYTES_MAX);

export class Table<F extends Fields = Fields> {
  readonly schema: TableSchema<F>;
  readonly capacity: number;
  /**
   * One column per field, indexed by row index; `Float64Array` for all but texts. For tight loops:
   * `for (let i = 0; i < t.rowEnd; i += 1) if (t.alive[i]) t.columns.x[i] += …`.
   */
  readonly columns: Columns<F>;
  /** 1 where a row lives. */
  readonly alive: Uint8Array;
  readonly image: TableImage;
  /** @internal How many rows each slot has had: unlike its generation, this never comes again. */
  readonly spawns: Uint32Array;
  /** @internal */
  readonly columnList: readonly Column[];
  private readonly generations: Uint16Array; // of the latest row in each slot, alive or not
  private readonly freeSlots: Uint16Array; // a stack; the top is the lowest slot while none was freed
  private freeCount: number;
  private textVersion = 0;
  private readonly rows: (RowObject | undefined)[];
  private readonly rowClass: RowClass;

  constructor(schema: TableSchema<F>) {
    this.schema = schema;
    this.capacity = schema.capacity;
    this.image = new TableImage(schema);
    this.alive = new Uint8Array(schema.capacity);
    this.spawns = new Uint32Array(schema.capacity);
    this.generations = new Uint16Array(schema.capacity);
    this.freeSlots = new Uint16Array(schema.capacity);
    for (let i = 0; i < schema.capacity; i += 1) this.freeSlots[i] = schema.capacity - 1 - i;
    this.freeCount = schema.capacity;
    this.rows = new Array<RowObject | undefined>(schema.capacity).fill(undefined);
    this.columnList = schema.fieldList.map((field) =>
      field.kind === FieldKind.Text ? new Array<string>(schema.capacity).fill('') : new Float64Array(schema.capacity),
    );
    this.rowClass = rowClassOf(schema);
    // A copy of an object that has all its members, with the usual prototype: one that grows member by member, or has no
    // prototype, V8 makes a hash table, which is larger, and slower in every tick.
    const columns: Record<string, unknown> = { ...schema.fields };
    this.columnList.forEach((column, f) => (columns[schema.fieldNames[f]!] = column));
    this.columns = columns as unknown as Columns<F>;
  }

  /** Number of living rows. */
  get size(): number {
    return this.capacity - this.freeCount;
  }

  /** 1 + the highest index in use: where loops over columns end. */
  get rowEnd(): number {
    return this.image.rowEnd;
  }

  /**
   * Adds a row. Fields not given start at 0, false, '' or, for `fixed`, at the value nearest to 0.
   *
   * @throws RangeError when the table is full or `values` names an unknown field.
   */
  spawn(values?: Partial<Values<F>>): Row<F> {
    if (this.freeCount === 0) {
      throw new RangeError(
        `table is full: ${this.capacity} rows; despawn some, or declare it with a larger { capacity }`,
      );
    }
    if (values !== undefined) {
      for (const name in values) {
        if (!Object.hasOwn(this.schema.fields, name)) throw new RangeError(`spawn: the table has no field ${name}`);
      }
    }
    const slot = this.freeSlots[(this.freeCount -= 1)]!;
    const generation = this.generations[slot]! === GENERATION_MAX ? 1 : this.generations[slot]! + 1;
    this.generations[slot] = generation;
    this.alive[slot] = 1;
    this.spawns[slot]! += 1;
    this.image.clearRow(slot);
    this.image.generations[slot] = generation;
    this.image.membership += 1;
    if (slot >= this.image.rowEnd) this.image.rowEnd = slot + 1;
    const row = new this.rowClass(this, slot, (slot | (generation << 16)) >>> 0);
    this.rows[slot] = row;
    try {
      this.fillRow(slot, values as Record<string, unknown> | undefined);
    } catch (error) {
      // What a client sent may be an object that doesn't convert to text or number; the slot is not to be lost with it.
      this.despawn(row.id);
      throw error;
    }
    return row as unknown as Row<F>;
  }

  /** Removes a row, given as a view or an id. Returns false when it was gone already. */
  despawn(rowOrId: Row<F> | number): boolean {
    const id = typeof rowOrId === 'number' ? rowOrId : rowOrId.id;
    const row = this.get(id) as unknown as RowObject | undefined;
    if (row === undefined || (typeof rowOrId !== 'number' && (rowOrId as unknown) !== row)) return false;
    const slot = row.index;
    row.index = -1;
    this.rows[slot] = undefined;
    this.alive[slot] = 0;
    this.image.clearRow(slot);
    this.image.membership += 1;
    this.freeSlots[this.freeCount] = slot;
    this.freeCount += 1;
    let end = this.image.rowEnd;
    while (end > 0 && this.alive[end - 1] === 0) end -= 1;
    this.image.rowEnd = end;
    return true;
  }

  /** Removes every row. */
  clear(): void {
    for (let slot = this.rowEnd - 1; slot >= 0; slot -= 1) {
      const row = this.rows[slot];
      if (row !== undefined) this.despawn(row.id);
    }
  }

  get(id: number): Row<F> | undefined {
    const row = this.rows[id & 0xffff];
    return row !== undefined && row.id === id >>> 0 ? (row as unknown as Row<F>) : undefined;
  }

  has(id: number): boolean {
    return this.get(id) !== undefined;
  }

  /** The living row at a column index. */
  at(index: number): Row<F> | undefined {
    return this.rows[index] as unknown as Row<F> | undefined;
  }

  *[Symbol.iterator](): IterableIterator<Row<F>> {
    for (let slot = 0; slot < this.rowEnd; slot += 1) {
      const row = this.rows[slot];
      if (row !== undefined) yield row as unknown as Row<F>;
    }
  }

  /** @internal Row views write texts here: the image is brought up to date at once, as texts change rarely. */
  setText(f: number, slot: number, value: string): void {
    const column = this.columnList[f] as string[];
    if (column[slot] === value) return;
    const field = this.schema.fieldList[f]!;
    const start = slot * field.bytesMax;
    // encodeInto stops before a character that doesn't fit, so a cut text is still well formed.
    const { written } = utf8.encodeInto(String(value), textScratch.subarray(0, field.bytesMax));
    const encoded = textScratch.subarray(0, written);
    // What clients will decode, which differs from `value` when it was cut or had a lone surrogate.
    const decoded = utf8Decoder.decode(encoded);
    if (column[slot] === decoded) return;
    column[slot] = decoded;
    this.image.texts[f]!.set(encoded, start);
    this.image.textLengths[f]![slot] = written;
    // Counted for the whole table, so that no row ever comes to a version that its slot has had.
    this.image.quanta[f]![slot] = this.textVersion = (this.textVersion + 1) | 0;
  }

  /** @internal Ends a tick: quantises every value into the image, and writes back what clients will hold. */
  settle(): void {
    for (let f = 0; f < this.columnList.length; f += 1) {
      const field = this.schema.fieldList[f]!;
      switch (field.kind) {
        case FieldKind.Text:
          break;
        case FieldKind.Float32:
        case FieldKind.Angle:
        case FieldKind.Uint32:
          this.settleAny(field, this.columnList[f] as Float64Array, this.image.quanta[f]!);
          break;
        default:
          this.settleLinear(field, this.columnList[f] as Float64Array, this.image.quanta[f]!);
      }
    }
  }

  /** The loop that nearly all columns take: no calls, no branches on the field's kind. */
  private settleLinear(field: Field, values: Float64Array, quanta: Int32Array): void {
    const { alive, rowEnd } = this;
    const { offset, step, quantumMin, quantumMax } = field;
    for (let i = 0; i < rowEnd; i += 1) {
      if (alive[i] === 0) continue;
      let quantum = Math.round((values[i]! - offset) / step);
      if (quantum !== quantum) quantum = quanta[i]!;
      else if (quantum < quantumMin) quantum = quantumMin;
      else if (quantum > quantumMax) quantum = quantumMax;
      quanta[i] = quantum;
      values[i] = offset + quantum * step;
    }
  }

  private settleAny(field: Field, values: Float64Array, quanta: Int32Array): void {
    const { alive, rowEnd } = this;
    for (let i = 0; i < rowEnd; i += 1) {
      if (alive[i] === 0) continue;
      const quantum = toQuantum(field, values[i]!, quanta[i]!);
      quanta[i] = quantum;
      values[i] = fromQuantum(field, quantum);
    }
  }

  private fillRow(slot: number, values: Record<string, unknown> | undefined): void {
    for (let f = 0; f < this.columnList.length; f += 1) {
      const field = this.schema.fieldList[f]!;
      const given = values?.[this.schema.fieldNames[f]!];
      if (field.kind === FieldKind.Text) {
        (this.columnList[f] as string[])[slot] = '';
        if (given !== undefined) this.setText(f, slot, String(given));
        continue;
      }
      const quantum = toQuantum(field, Number(given ?? 0), toQuantum(field, 0, 0));
      this.image.quanta[f]![slot] = quantum;
      (this.columnList[f] as Float64Array)[slot] = fromQuantum(field, quantum);
    }
  }
}

/** Row views: one row of a table with its fields as properties, for game code that prefers comfort to raw columns. */
import { FieldKind, type Field, type Fields, type FieldValue, type Values } from './field.js';

/**
 * A live view of one row. Reading and writing its fields reads and writes the table's columns. The fields are accessors of
 * its class, so a spread doesn't copy them: use `row.toJSON()` for a plain copy.
 */
export type Row<F extends Fields> = Values<F> & {
  /** Entity id: slot in the low 16 bits, generation in the high ones; never 0, not reused for 65,535 spawns. */
  readonly id: number;
  /** Index of this row in the table's columns; -1 once despawned. */
  readonly index: number;
  /** False once despawned: fields then read as undefined (booleans: false) and writes go nowhere. */
  readonly alive: boolean;
  /** A plain copy of the row, with its id. */
  toJSON(): Values<F> & { id: number };
};

/** One column per field. Booleans are 0 and 1; texts are for reading only. */
export type Columns<F extends Fields> = {
  readonly [K in keyof F]: FieldValue<F[K]> extends string ? readonly string[] : Float64Array;
};

export type Column = Float64Array | string[];

/** What a row class is made of. */
interface RowSchema {
  readonly fieldNames: readonly string[];
  readonly fieldList: readonly Field[];
}

/** What a row class needs of its table. */
export interface RowOwner {
  readonly columnList: readonly Column[];
  setText(fieldIndex: number, slot: number, value: string): void;
}

export interface RowObject {
  index: number;
  id: number;
}

export type RowClass = new (owner: RowOwner, slot: number, id: number) => RowObject;

/** Where a row keeps its table: a symbol, so that it takes no field's name. */
const OWNER = Symbol('owner');

/** The table that a row is of; undefined for what is no row. */
export function rowOwner(row: object): RowOwner | undefined {
  return (row as { [OWNER]?: RowOwner })[OWNER];
}

/** By the list of fields that a declaration made. */
const rowClasses = new WeakMap<readonly Field[], RowClass>();

/**
 * The class whose instances view rows of these fields: one for each declaration, so that room code meets the same class in
 * every room. Not kept in the declaration, which is plain data and may be copied to another thread.
 */
export function rowClassOf({ fieldNames, fieldList }: RowSchema): RowClass {
  let rowClass = rowClasses.get(fieldList);
  if (rowClass === undefined) rowClasses.set(fieldList, (rowClass = createRowClass(fieldNames, fieldList)));
  return rowClass;
}

function createRowClass(fieldNames: readonly string[], fieldList: readonly Field[]): RowClass {
  class RowView implements RowObject {
    readonly [OWNER]: RowOwner;

    constructor(
      owner: RowOwner,
      public index: number,
      readonly id: number,
    ) {
      this[OWNER] = owner;
    }

    get alive(): boolean {
      return this.index >= 0;
    }

    /** What Node prints. */
    [Symbol.for('nodejs.util.inspect.custom')](): unknown {
      return this.toJSON();
    }

    toJSON(): Record<string, unknown> {
      const plain: Record<string, unknown> = { id: this.id };
      for (const name of fieldNames) plain[name] = (this as unknown as Record<string, unknown>)[name];
      return plain;
    }
  }
  for (let f = 0; f < fieldNames.length; f += 1) {
    Object.defineProperty(RowView.prototype, fieldNames[f]!, accessorOf(fieldList[f]!.kind, f));
  }
  return RowView;
}

interface RowInternals {
  readonly [OWNER]: RowOwner;
  readonly index: number;
}

function accessorOf(kind: FieldKind, f: number): PropertyDescriptor & ThisType<RowInternals> {
  if (kind === FieldKind.Text) {
    return {
      enumerable: true,
      get() {
        return this[OWNER].columnList[f]![this.index];
      },
      set(value: string) {
        if (this.index >= 0) this[OWNER].setText(f, this.index, value);
      },
    };
  }
  if (kind === FieldKind.Bool) {
    return {
      enumerable: true,
      get() {
        return this[OWNER].columnList[f]![this.index] === 1;
      },
      set(value: boolean) {
        (this[OWNER].columnList[f] as Float64Array)[this.index] = value ? 1 : 0;
      },
    };
  }
  return {
    enumerable: true,
    get() {
      return this[OWNER].columnList[f]![this.index];
    },
    set(value: number) {
      (this[OWNER].columnList[f] as Float64Array)[this.index] = value;
    },
  };
}

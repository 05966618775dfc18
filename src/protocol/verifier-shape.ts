/**
 * What the verifier knows of a schema: small constant objects that say, per table and in order of field ids, how many
 * bytes a field takes inside the table, how it is aligned and what it points to. `verifier-schemas.ts` writes ours
 * with them. Names are those of the .fbs files, since they end up in messages to people who write other clients.
 */
import { registerPlace } from './verifier-problems.js';

/** What there is to check of a field beyond its place inside the table. */
export const FieldType = {
  /** Any value is good: unsigned integers. */
  Scalar: 0,
  /** A byte with a greatest value; in a struct, one byte of it. */
  Enum: 1,
  /** A finite float64. */
  Finite: 2,
  /** Offset to a vector of bytes. */
  Bytes: 3,
  /** Offset to a string. */
  Text: 4,
  /** Offset to a vector of offsets to tables. */
  Tables: 5,
  /** The type byte of the union in the next field. */
  UnionType: 6,
  /** Offset to the union's table. */
  Union: 7,
} as const;

export class FieldShape {
  /** For problem codes; set when the field joins its table. */
  place = 0;

  constructor(
    readonly name: string,
    readonly type: number,
    /** Bytes inside the table. A power of two, or a struct's size. */
    readonly bytes: number,
    /** Power of two, counted from the frame start. */
    readonly align: number,
    readonly required: boolean,
    /** Enum: greatest value; UnionType: number of member tables. */
    readonly valueMax: number,
    /** Enum: which byte of the field it is. */
    readonly valueAt: number,
    /** Tables: the element's shape alone; Union: member tables, type 1 first. */
    readonly tables: readonly TableShape[],
  ) {}
}

export class TableShape {
  readonly place: number;

  constructor(
    readonly name: string,
    readonly fields: readonly FieldShape[],
  ) {
    this.place = registerPlace(name);
    for (const field of fields) field.place = registerPlace(`${name}.${field.name}`);
  }
}

const NO_TABLES: readonly TableShape[] = [];

/** ubyte, ushort or uint: `bytes` is 1, 2 or 4. */
export const unsigned = (name: string, bytes: 1 | 2 | 4): FieldShape =>
  new FieldShape(name, FieldType.Scalar, bytes, bytes, false, 0, 0, NO_TABLES);

/** An enum of ubyte whose values run from 0 to `valueMax`. */
export const enumeration = (name: string, valueMax: number): FieldShape =>
  new FieldShape(name, FieldType.Enum, 1, 1, false, valueMax, 0, NO_TABLES);

/** A struct of unsigned integers. */
export const struct = (name: string, bytes: number, align: number): FieldShape =>
  new FieldShape(name, FieldType.Scalar, bytes, align, false, 0, 0, NO_TABLES);

/** A struct whose byte `valueAt` is an enum with values from 0 to `valueMax`. */
export const structWithEnum = (
  name: string,
  bytes: number,
  align: number,
  valueAt: number,
  valueMax: number,
): FieldShape => new FieldShape(name, FieldType.Enum, bytes, align, false, valueMax, valueAt, NO_TABLES);

/** A double. No schema of ours has a use for NaN or an infinity, so they are refused. */
export const finite = (name: string): FieldShape =>
  new FieldShape(name, FieldType.Finite, 8, 8, false, 0, 0, NO_TABLES);

/** [ubyte]. */
export const byteVector = (name: string): FieldShape =>
  new FieldShape(name, FieldType.Bytes, 4, 4, false, 0, 0, NO_TABLES);

export const text = (name: string): FieldShape => new FieldShape(name, FieldType.Text, 4, 4, false, 0, 0, NO_TABLES);

export const requiredText = (name: string): FieldShape =>
  new FieldShape(name, FieldType.Text, 4, 4, true, 0, 0, NO_TABLES);

/** [Table]. `element` is a list of one so that a shape may contain itself. */
export const tableVector = (name: string, element: readonly TableShape[], required: boolean): FieldShape =>
  new FieldShape(name, FieldType.Tables, 4, 4, required, 0, 0, element);

/** A union takes two fields: its type, then its value. */
export const union = (name: string, members: readonly TableShape[]): [FieldShape, FieldShape] => [
  new FieldShape(`${name}_type`, FieldType.UnionType, 1, 1, false, members.length, 0, NO_TABLES),
  new FieldShape(name, FieldType.Union, 4, 4, false, 0, 0, members),
];

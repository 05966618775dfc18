/** Declarations: a table or an input record is a named set of fields. */
import { FieldKind, type Field, type Fields } from './field.js';

/** Field masks are 32-bit words on the wire, with room to spare for a sign. */
export const FIELDS_MAX = 30;
/** An entity id gives 16 bits to the row's slot. */
export const CAPACITY_MAX = 65535;
const CAPACITY_DEFAULT = 256;

const NAME = /^[A-Za-z][A-Za-z0-9_]{0,31}$/;
/** Names that every row already has, or that every object does. */
const RESERVED = new Set(['id', 'index', 'alive', 'constructor', 'prototype', 'toString', 'valueOf', 'toJSON']);

/** A table's declaration, as `table({...})` makes it. */
export interface TableSchema<F extends Fields = Fields> {
  readonly fields: F;
  readonly fieldNames: readonly string[];
  readonly fieldList: readonly Field[];
  /** Most rows at one time. */
  readonly capacity: number;
}

/** An input record's declaration, as `input({...})` makes it. */
export interface InputSchema<F extends Fields = Fields> {
  readonly fields: F;
  readonly fieldNames: readonly string[];
  readonly fieldList: readonly Field[];
}

/** Throws a RangeError unless `name` can name a field, table or message in a schema. */
export function assertName(what: string, name: string): void {
  if (!NAME.test(name) || RESERVED.has(name)) {
    throw new RangeError(
      `${what} ${JSON.stringify(name)}: expected a letter, then up to 31 letters, digits or underscores, ` +
        `and none of ${[...RESERVED].join(', ')}`,
    );
  }
}

function assertFields(what: string, fields: Fields): void {
  const names = Object.keys(fields);
  if (names.length < 1 || names.length > FIELDS_MAX) {
    throw new RangeError(`${what} has ${names.length} fields; expected 1 to ${FIELDS_MAX}`);
  }
  for (const name of names) assertName(`${what}: field`, name);
}

/**
 * Declares a table: rows of typed fields that every client sees.
 *
 * @param options.capacity most rows at one time, 1 to 65,535, default 256. Memory is reserved for all of them: about
 *   20 bytes per row and field.
 * @throws RangeError for a bad name, more than 30 fields, or a capacity out of range.
 */
export function table<const F extends Fields>(fields: F, options: { capacity?: number } = {}): TableSchema<F> {
  assertFields('table', fields);
  const capacity = options.capacity ?? CAPACITY_DEFAULT;
  if (!Number.isInteger(capacity) || capacity < 1 || capacity > CAPACITY_MAX) {
    throw new RangeError(`table capacity is ${capacity}; expected a whole number from 1 to ${CAPACITY_MAX}`);
  }
  return Object.freeze({ fields, fieldNames: Object.keys(fields), fieldList: Object.values(fields), capacity });
}

/**
 * Declares the record that a client sends as its input. Any field type but `text`.
 *
 * @throws RangeError for a bad name, more than 30 fields, or a `text` field.
 */
export function input<const F extends Fields>(fields: F): InputSchema<F> {
  assertFields('input', fields);
  for (const [name, field] of Object.entries(fields)) {
    if (field.kind === FieldKind.Text) {
      throw new RangeError(`input field ${name} is text; send texts with room.send() and read them in onMessage()`);
    }
  }
  return Object.freeze({ fields, fieldNames: Object.keys(fields), fieldList: Object.values(fields) });
}

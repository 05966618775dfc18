/**
 * Declarations and their description on the wire, both ways: a server describes its room's tables and input in Joined, a
 * client builds the same declarations from that.
 *
 * What comes over the wire is built with the very functions that game code declares with, so their checks hold for
 * descriptions too: no range, width or capacity exists here that could not have been declared.
 */
import {
  angle,
  bool,
  FieldKind,
  fixed,
  float32,
  int16,
  int32,
  int8,
  secret,
  text,
  uint16,
  uint32,
  uint8,
  type Field,
  type Fields,
} from '../state/field.js';
import { assertName, input, table, type InputSchema, type TableSchema } from '../state/schema.js';
import type { FieldSpec, TableSpec } from './specs.js';

export function specOfField(name: string, field: Field): FieldSpec {
  return {
    name,
    kind: field.kind,
    min: field.min,
    max: field.max,
    step: field.kind === FieldKind.Fixed ? field.step : 0,
    bits: field.bits,
    bytesMax: field.bytesMax,
    secret: field.secret,
  };
}

/**
 * The field that a description means.
 *
 * @throws RangeError for a kind that doesn't exist and for numbers out of its range.
 */
export function fieldOfSpec(spec: FieldSpec): Field {
  const field = openFieldOfSpec(spec);
  return spec.secret ? secret(field) : field;
}

function openFieldOfSpec(spec: FieldSpec): Field {
  switch (spec.kind) {
    case FieldKind.Int8:
      return int8;
    case FieldKind.Int16:
      return int16;
    case FieldKind.Int32:
      return int32;
    case FieldKind.Uint8:
      return uint8;
    case FieldKind.Uint16:
      return uint16;
    case FieldKind.Uint32:
      return uint32;
    case FieldKind.Float32:
      return float32;
    case FieldKind.Bool:
      return bool;
    case FieldKind.Fixed:
      return fixed(spec.min, spec.max, spec.step);
    case FieldKind.Angle:
      return angle(spec.bits);
    case FieldKind.Text:
      return text(spec.bytesMax);
    default:
      throw new RangeError(`field ${spec.name} has kind ${String(spec.kind)}; this version knows 0 to ${FieldKind.Text}`);
  }
}

export function tableSpecOf(name: string, schema: TableSchema): TableSpec {
  return { name, capacity: schema.capacity, fields: specsOfFields(schema) };
}

/** @throws RangeError for names, fields and capacities that `table()` would refuse, and for a field named twice. */
export function schemaOfSpec(spec: TableSpec): TableSchema {
  assertName('table', spec.name);
  return table(fieldsOfSpecs(`table ${spec.name}`, spec.fields), { capacity: spec.capacity });
}

export function specsOfFields(schema: { fieldNames: readonly string[]; fieldList: readonly Field[] }): FieldSpec[] {
  return schema.fieldList.map((field, f) => specOfField(schema.fieldNames[f]!, field));
}

/** The input record that a description means; null when it has no fields, as the room then takes no input. */
export function inputSchemaOfSpecs(specs: readonly FieldSpec[]): InputSchema | null {
  return specs.length === 0 ? null : input(fieldsOfSpecs('input', specs));
}

function fieldsOfSpecs(what: string, specs: readonly FieldSpec[]): Fields {
  // No prototype: a field may have any name, and the order of assignment is the order on the wire.
  const fields = Object.create(null) as Record<string, Field>;
  for (const spec of specs) {
    assertName(`${what}: field`, spec.name);
    if (spec.name in fields) throw new RangeError(`${what} has two fields named ${spec.name}`);
    fields[spec.name] = fieldOfSpec(spec);
  }
  return fields;
}

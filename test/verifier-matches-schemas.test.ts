/** The verifier's shapes are written by hand. This reads the .fbs files and holds the shapes to them. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CLIENT_FRAME, SERVER_FRAME } from '../src/protocol/verifier-schemas.js';
import { FieldType, type FieldShape, type TableShape } from '../src/protocol/verifier-shape.js';

interface Schema {
  readonly tables: Map<string, [name: string, type: string, isRequired: boolean][]>;
  readonly structs: Map<string, [name: string, type: string][]>;
  readonly enums: Map<string, number>;
  readonly unions: Map<string, string[]>;
  readonly root: string;
}

const SCALAR_BYTES: Record<string, number> = { ubyte: 1, bool: 1, ushort: 2, uint: 4, double: 8 };

function parse(file: string): Schema {
  const text = readFileSync(new URL(`../schemas/${file}`, import.meta.url), 'utf8').replace(/\/\/.*$/gm, '');
  const blocks = (keyword: string): RegExpMatchArray[] => [
    ...text.matchAll(new RegExp(`\\b${keyword}\\s+(\\w+)[^{]*\\{([^}]*)\\}`, 'g')),
  ];
  const fieldsOf = (body: string): [string, string, boolean][] =>
    [...body.matchAll(/(\w+)\s*:\s*([[\]\w]+)([^;]*);/g)].map((m) => [m[1]!, m[2]!, m[3]!.includes('required')]);
  const enums = blocks('enum').map(([, name, body]): [string, number] => {
    const values = [...body!.matchAll(/\w+\s*=\s*(\d+)/g)].map((m) => Number(m[1]));
    expect(values, `${name} counts from 0 without gaps`).toEqual(values.map((_, i) => i));
    return [name!, values.length - 1];
  });
  return {
    tables: new Map(blocks('table').map(([, name, body]) => [name!, fieldsOf(body!)])),
    structs: new Map(blocks('struct').map(([, name, body]) => [name!, fieldsOf(body!).map(([f, t]) => [f, t])])),
    enums: new Map(enums),
    unions: new Map(blocks('union').map(([, name, body]) => [name!, body!.split(',').map((each) => each.trim())])),
    root: /root_type\s+(\w+)/.exec(text)![1]!,
  };
}

/** What a shape would have to be for a field of the schema: the same words as `describeShape`. */
function describeField(schema: Schema, name: string, type: string, isRequired: boolean): string[] {
  const required = isRequired ? ' required' : '';
  if (type === 'string') return [`${name}: text${required}`];
  if (type === '[ubyte]') return [`${name}: bytes${required}`];
  if (type.startsWith('[')) return [`${name}: tables of ${type.slice(1, -1)}${required}`];
  if (type === 'double') return [`${name}: finite`];
  if (type in SCALAR_BYTES) return [`${name}: ${SCALAR_BYTES[type]} bytes on ${SCALAR_BYTES[type]}`];
  if (schema.enums.has(type)) return [`${name}: 1 bytes on 1, byte 0 up to ${schema.enums.get(type)}`];
  if (schema.unions.has(type)) {
    const members = schema.unions.get(type)!;
    return [`${name}_type: one of ${members.length}`, `${name}: union of ${members.join(' ')}`];
  }
  const members = schema.structs.get(type)!;
  let bytes = 0;
  let align = 1;
  let check = '';
  for (const [, memberType] of members) {
    const size = SCALAR_BYTES[memberType] ?? 1;
    expect(bytes % size, `${type} needs no padding`).toBe(0);
    if (schema.enums.has(memberType)) check = `, byte ${bytes} up to ${schema.enums.get(memberType)}`;
    bytes += size;
    align = Math.max(align, size);
  }
  return [`${name}: ${bytes} bytes on ${align}${check}`];
}

function describeShape(field: FieldShape): string {
  const required = field.required ? ' required' : '';
  const inline = `${field.name}: ${field.bytes} bytes on ${field.align}`;
  const isOffset = field.bytes === 4 && field.align === 4;
  switch (field.type) {
    case FieldType.Scalar:
      return inline + required;
    case FieldType.Enum:
      return `${inline}, byte ${field.valueAt} up to ${field.valueMax}${required}`;
    case FieldType.Finite:
      return field.bytes === 8 && field.align === 8 ? `${field.name}: finite${required}` : inline;
    case FieldType.UnionType:
      return field.bytes === 1 && field.align === 1 ? `${field.name}: one of ${field.valueMax}${required}` : inline;
    case FieldType.Text:
      return isOffset ? `${field.name}: text${required}` : inline;
    case FieldType.Bytes:
      return isOffset ? `${field.name}: bytes${required}` : inline;
    case FieldType.Tables:
      return isOffset ? `${field.name}: tables of ${field.tables.map((t) => t.name).join(' ')}${required}` : inline;
    default:
      return isOffset ? `${field.name}: union of ${field.tables.map((t) => t.name).join(' ')}${required}` : inline;
  }
}

function reachable(shape: TableShape, found = new Map<string, TableShape>()): Map<string, TableShape> {
  found.set(shape.name, shape);
  for (const field of shape.fields) for (const table of field.tables) reachable(table, found);
  return found;
}

describe.each([
  ['client.fbs', CLIENT_FRAME],
  ['server.fbs', SERVER_FRAME],
])('%s', (file, root) => {
  const schema = parse(file);
  const shapes = reachable(root);

  it('has the same root and tables', () => {
    expect(root.name).toBe(schema.root);
    expect([...shapes.keys()].sort()).toEqual([...schema.tables.keys()].sort());
  });

  it.each([...shapes])('%s has the same fields in the same order', (name, shape) => {
    const written = schema.tables.get(name)!.flatMap(([field, type, req]) => describeField(schema, field, type, req));
    expect(shape.fields.map(describeShape)).toEqual(written);
  });

  it('begins with head, body and event, on which the frame rule rests', () => {
    expect(root.fields.map((field) => field.name)).toEqual(['head', 'body', 'event_type', 'event']);
  });
});

/** A client builds the room's own declarations from the handshake, and refuses what no room could declare. */
import { expect, test } from 'vitest';
import { fieldOfSpec, inputSchemaOfSpecs, schemaOfSpec, specsOfFields, tableSpecOf } from '../src/protocol/field-specs.js';
import type { FieldSpec } from '../src/protocol/specs.js';
import {
  angle,
  bool,
  FieldKind,
  fixed,
  float32,
  int16,
  int32,
  int8,
  text,
  uint16,
  uint32,
  uint8,
} from '../src/state/field.js';
import { input, table } from '../src/state/schema.js';

const spec = (part: Partial<FieldSpec>): FieldSpec => ({
  name: 'x',
  kind: FieldKind.Int8,
  min: 0,
  max: 0,
  step: 0,
  bits: 0,
  bytesMax: 0,
  secret: false,
  ...part,
});

test('every kind of field survives the way to the wire and back', () => {
  const Every = table(
    {
      a: int8,
      b: int16,
      c: int32,
      d: uint8,
      e: uint16,
      f: uint32,
      g: float32,
      h: fixed(-1, 1, 0.1),
      i: angle(13),
      j: bool,
      k: text(77),
      hasOwnProperty: int8,
    },
    { capacity: 65535 },
  );
  const back = schemaOfSpec(structuredClone(tableSpecOf('things', Every)));
  expect(back.capacity).toBe(65535);
  expect(back.fieldNames).toEqual(Every.fieldNames);
  expect(back.fieldList).toEqual(Every.fieldList);

  const Move = input({ dx: int8, aim: angle(8) });
  expect(inputSchemaOfSpecs(specsOfFields(Move))).toMatchObject({
    fieldNames: Move.fieldNames,
    fieldList: Move.fieldList,
  });
  expect(inputSchemaOfSpecs([])).toBeNull();
});

test.each([
  ['a kind of the future', { kind: 11 }, 'has kind 11'],
  ['an endless range', { kind: FieldKind.Fixed, min: 0, max: Infinity, step: 1 }, 'fixed(0, Infinity, 1)'],
  ['a range that is not a number', { kind: FieldKind.Fixed, min: NaN, max: 1, step: 1 }, 'fixed(NaN, 1, 1)'],
  ['a range backwards', { kind: FieldKind.Fixed, min: 1, max: 0, step: 1 }, 'fixed(1, 0, 1)'],
  ['a step of zero', { kind: FieldKind.Fixed, min: 0, max: 1, step: 0 }, 'fixed(0, 1, 0)'],
  ['more steps than quanta', { kind: FieldKind.Fixed, min: 0, max: 1, step: 1e-300 }, '1 to 2^31 - 1 steps'],
  ['an angle of no bits', { kind: FieldKind.Angle, bits: 0 }, 'angle(0)'],
  ['an angle of 25 bits', { kind: FieldKind.Angle, bits: 25 }, 'angle(25)'],
  ['an endless text', { kind: FieldKind.Text, bytesMax: 65535 }, 'text(65535)'],
])('%s is refused', (_, part, words) => {
  expect(() => fieldOfSpec(spec(part))).toThrow(words);
});

test.each([
  ['a name with a prototype behind it', { name: '__proto__', capacity: 1, fields: [spec({})] }],
  ['a reserved table name', { name: 'constructor', capacity: 1, fields: [spec({})] }],
  ['a reserved field name', { name: 't', capacity: 1, fields: [spec({ name: 'id' })] }],
  ['a field named twice', { name: 't', capacity: 1, fields: [spec({}), spec({})] }],
  ['no fields', { name: 't', capacity: 1, fields: [] }],
  ['31 fields', { name: 't', capacity: 1, fields: Array.from({ length: 31 }, (_, f) => spec({ name: `f${f}` })) }],
  ['no rows', { name: 't', capacity: 0, fields: [spec({})] }],
  ['4,294,967,295 rows', { name: 't', capacity: 0xffffffff, fields: [spec({})] }],
])('a table with %s is refused', (_, tableSpec) => {
  expect(() => schemaOfSpec(tableSpec)).toThrow(RangeError);
});

/** Input records arrive as the values that were sent, and any bytes at all are values the room can use. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { InputRecordCodec, inputRecordBytes } from '../src/protocol/input-record.js';
import {
  angle,
  bool,
  FieldKind,
  fixed,
  float32,
  fromQuantum,
  int16,
  int32,
  int8,
  text,
  toQuantum,
  uint16,
  uint32,
  uint8,
  type Field,
} from '../src/state/field.js';
import { input } from '../src/state/schema.js';

const codecOf = (fields: Record<string, Field>): InputRecordCodec =>
  new InputRecordCodec(Object.keys(fields), Object.values(fields));

test.each([
  ['int8, uint8, bool', { a: int8, b: uint8, c: bool }, 3],
  ['int16, uint16', { a: int16, b: uint16 }, 4],
  ['int32, uint32, float32', { a: int32, b: uint32, c: float32 }, 12],
  ['fixed of 256, 257, 65,536 and 65,537 values', {
    a: fixed(0, 255, 1),
    b: fixed(0, 256, 1),
    c: fixed(0, 65535, 1),
    d: fixed(0, 65536, 1),
  }, 1 + 2 + 2 + 4],
  ['angles of 8, 9, 16 and 17 bits', { a: angle(8), b: angle(9), c: angle(16), d: angle(17) }, 1 + 2 + 2 + 4],
])('%s take their natural width', (_, fields, bytes) => {
  expect(inputRecordBytes(Object.values(fields))).toBe(bytes);
  expect(codecOf(fields).bytes).toBe(bytes);
});

test('the layout is the documented one, byte for byte', () => {
  const codec = codecOf({ dx: int8, far: int16, flags: uint32, on: bool, x: fixed(-1, 1, 1 / 512) });
  const bytes = new Uint8Array(12).fill(0xee);
  codec.write(bytes, 1, { dx: -2, far: -32768, flags: 0x89abcdef, on: true, x: -0.5 });
  expect([...bytes]).toEqual([0xee, 0xfe, 0x00, 0x80, 0xef, 0xcd, 0xab, 0x89, 0x01, 0x00, 0x01, 0xee]);
});

test('fields that are missing or make no sense count as 0, or the nearest to it', () => {
  const codec = codecOf({ dx: int8, aim: angle(8), speed: float32, on: bool, x: fixed(10, 20, 1), y: fixed(-5, 5, 1) });
  const bytes = new Uint8Array(codec.bytes);
  const record = {};
  codec.write(bytes, 0, { dx: NaN, aim: Infinity, speed: 1e300, y: undefined });
  codec.readInto(bytes, 0, record);
  expect(record).toEqual({ dx: 0, aim: 0, speed: 0, on: false, x: 10, y: 0 });
});

test('text is refused, by the declaration and by the codec', () => {
  expect(() => input({ say: text(8) })).toThrow('send texts with room.send()');
  expect(() => codecOf({ say: text(8) })).toThrow('no text fields');
});

const field: fc.Arbitrary<Field> = fc.oneof(
  fc.constantFrom<Field>(int8, int16, int32, uint8, uint16, uint32, float32, bool),
  fc.integer({ min: 1, max: 24 }).map((bits) => angle(bits) as Field),
  fc
    .tuple(fc.integer({ min: -1000, max: 1000 }), fc.integer({ min: 1, max: 2 ** 31 - 1 }), fc.constantFrom(1, 0.5, 3))
    .map(([min, steps, step]) => fixed(min, min + steps * step, step) as Field),
);
const fields = fc
  .array(field, { minLength: 1, maxLength: 30 })
  .map((list) => Object.fromEntries(list.map((each, f) => [`f${f}`, each])));

test('what is written is read, as a table would have quantised it', () => {
  const value = fc.oneof(fc.double(), fc.integer({ min: -(2 ** 33), max: 2 ** 33 }), fc.integer({ min: -300, max: 300 }));
  fc.assert(
    fc.property(fields, fc.array(value, { minLength: 30, maxLength: 30 }), fc.nat({ max: 5 }), (declared, values, at) => {
      const codec = codecOf(declared);
      const given: Record<string, number | boolean> = {};
      const expected: Record<string, number | boolean> = {};
      Object.entries(declared).forEach(([name, each], f) => {
        given[name] = each.kind === FieldKind.Bool ? values[f]! > 0 : values[f]!;
        const quantised = fromQuantum(each, toQuantum(each, Number(given[name]), toQuantum(each, 0, 0)));
        expected[name] = each.kind === FieldKind.Bool ? quantised === 1 : quantised;
      });
      const bytes = new Uint8Array(at + codec.bytes);
      const read: Record<string, number | boolean> = {};
      codec.write(bytes, at, given);
      codec.readInto(bytes, at, read);
      expect(read).toEqual(expected);
    }),
    { seed: 7, numRuns: 500 },
  );
});

test('any bytes give finite values inside the declared range', () => {
  fc.assert(
    fc.property(fields, fc.uint8Array({ minLength: 120, maxLength: 120 }), (declared, bytes) => {
      const codec = codecOf(declared);
      Object.values(declared).forEach((each, f) => {
        const value = codec.readValue(bytes, 0, f);
        expect(Number.isFinite(value)).toBe(true);
        if (each.kind === FieldKind.Float32) return;
        expect(value).toBeGreaterThanOrEqual(each.offset + each.quantumMin * each.step);
        expect(value).toBeLessThanOrEqual(each.offset + each.quantumMax * each.step);
      });
    }),
    { seed: 8, numRuns: 500 },
  );
});

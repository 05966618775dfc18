/** Tables and rows: what game code reads back is what it wrote, quantised, and what clients will hold. */
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { angle, bool, fixed, float32, int16, int8, text, uint16, uint32, uint8 } from '../src/state/field.js';
import { input, table } from '../src/state/schema.js';
import { Table } from '../src/state/table.js';

const Thing = table(
  {
    owner: text(8),
    x: fixed(-10, 10, 0.25),
    heading: angle(8),
    small: int8,
    count: uint32,
    weight: float32,
    on: bool,
    level: uint8,
  },
  { capacity: 4 },
);

describe('rows', () => {
  it('fields may have any name that rows do not need themselves', () => {
    const row = new Table(table({ owner: uint8, table: uint8, column: uint8 })).spawn({ owner: 7, table: 8, column: 9 });
    expect([row.owner, row.table, row.column]).toEqual([7, 8, 9]);
    for (const name of ['id', 'index', 'alive', '__proto__', 'constructor', '', '1a', 'a b']) {
      expect(() => table(Object.fromEntries([[name, uint8]])), name).toThrow(RangeError);
    }
  });

  it('values are rounded, clamped and written back when the tick settles', () => {
    const things = new Table(Thing);
    const row = things.spawn({ x: 1.1, small: 3 });
    expect(row.x).toBe(1);
    row.x = 99;
    row.small = -300;
    row.count = 2 ** 32 + 5;
    row.level = 300.4;
    row.heading = -Math.PI / 2;
    row.weight = 0.1;
    row.on = true;
    things.settle();
    expect([row.x, row.small, row.count, row.level]).toEqual([10, -128, 2 ** 32 - 1, 255]);
    expect(row.heading).toBeCloseTo(1.5 * Math.PI, 10);
    expect(row.weight).toBe(Math.fround(0.1));
    expect(row.on).toBe(true);
  });

  it('what is not finite keeps the value before', () => {
    const things = new Table(Thing);
    const row = things.spawn({ x: 2, weight: 5, heading: 1, count: 3 });
    things.settle();
    const before = row.heading;
    Object.assign(row, { x: NaN, weight: Infinity, heading: NaN, count: NaN });
    things.settle();
    expect([row.x, row.weight, row.heading, row.count]).toEqual([2, 5, before, 3]);
    row.x = -Infinity;
    things.settle();
    expect(row.x).toBe(-10);
  });

  it('settling twice changes nothing', () => {
    const odd = new Table(table({ a: fixed(0, 1, 0.1), b: fixed(-1e6, 1e6, 0.001), c: angle(11), d: float32, e: int16 }));
    const row = odd.spawn();
    let seed = 1;
    for (let i = 0; i < 5000; i += 1) {
      seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
      const unit = seed / 2 ** 32;
      Object.assign(row, { a: unit, b: (unit - 0.5) * 2e6, c: unit * 40 - 20, d: unit * 1e20, e: unit * 65_536 - 32_768 });
      odd.settle();
      const once = [row.a, row.b, row.c, row.d, row.e];
      odd.settle();
      expect([row.a, row.b, row.c, row.d, row.e]).toEqual(once);
    }
  });

  it('are copied and printed as plain values', () => {
    const row = new Table(Thing).spawn({ owner: 'Ada', x: 2 });
    const plain = { id: row.id, owner: 'Ada', x: 2, heading: 0, small: 0, count: 0, weight: 0, on: false, level: 0 };
    expect(row.toJSON()).toEqual(plain);
    expect(JSON.parse(JSON.stringify(row))).toEqual(plain);
    expect(inspect(row)).toBe(inspect(plain));
  });

  it('texts are cut at a character, and read back as clients get them', () => {
    const row = new Table(Thing).spawn({ owner: 'ééééé' });
    expect(row.owner).toBe('éééé');
    row.owner = 'abc😀😀';
    expect(row.owner).toBe('abc😀');
    row.owner = '\ud800';
    expect(row.owner).toBe('\ufffd');
  });
});

describe('slots', () => {
  it('a full table says so, and how to mend it', () => {
    const things = new Table(Thing);
    for (let i = 0; i < 4; i += 1) things.spawn();
    expect(() => things.spawn()).toThrow(/table is full: 4 rows; .*capacity/);
    expect(() => things.spawn({ nope: 1 } as object)).toThrow(/no field nope|table is full/);
  });

  it('a spawn that fails on its values takes no slot', () => {
    const things = new Table(Thing);
    const hostile = JSON.parse('{"toString":1,"valueOf":1}') as string;
    for (let i = 0; i < 20; i += 1) expect(() => things.spawn({ owner: hostile })).toThrow(TypeError);
    expect([things.size, things.rowEnd]).toEqual([0, 0]);
    expect(things.spawn({ owner: 'fine' }).owner).toBe('fine');
  });

  it('a row is dead once despawned, and its slot comes back under another id', () => {
    const things = new Table(Thing);
    const first = things.spawn({ x: 5, owner: 'first' });
    const { id } = first;
    expect(things.despawn(first)).toBe(true);
    expect(things.despawn(first)).toBe(false);
    expect(things.despawn(id)).toBe(false);
    expect([first.alive, things.has(id), things.size]).toEqual([false, false, 0]);
    const second = things.spawn();
    expect(second.id).not.toBe(id);
    first.x = 7; // goes nowhere
    first.owner = 'ghost';
    expect([second.x, second.owner]).toEqual([0, '']);
  });

  it('ids are never 0, and 65,535 spawns apart when they come again', () => {
    const one = new Table(table({ a: uint16 }, { capacity: 1 }));
    const seen = new Set<number>();
    for (let i = 0; i < 65_535; i += 1) {
      const row = one.spawn();
      seen.add(row.id);
      one.despawn(row);
    }
    expect(seen.size).toBe(65_535);
    expect(seen.has(0)).toBe(false);
    expect(seen.has(one.spawn().id)).toBe(true);
  });

  it('rows may be despawned while iterating', () => {
    const things = new Table(Thing);
    for (let i = 0; i < 4; i += 1) things.spawn({ small: i });
    for (const row of things) if (row.small % 2 === 0) things.despawn(row);
    expect([...things].map(({ small }) => small)).toEqual([1, 3]);
    things.clear();
    expect([things.size, things.rowEnd]).toEqual([0, 0]);
  });
});

describe('declarations say what is wrong', () => {
  it.each([
    [() => fixed(1, 1, 0.1), /fixed\(1, 1, 0.1\): expected finite numbers with min < max/],
    [() => fixed(0, NaN, 1), /fixed\(0, NaN, 1\)/],
    [() => fixed(0, 1, 0), /step > 0/],
    [() => fixed(0, 1e12, 0.001), /1 to 2\^31 - 1 steps/],
    [() => angle(0), /angle\(0\): expected a whole number of bits from 1 to 24/],
    [() => text(5000), /text\(5000\): expected a whole number of bytes from 1 to 1024/],
    [() => table({}), /0 fields; expected 1 to 30/],
    [() => table({ a: uint8 }, { capacity: 70_000 }), /capacity is 70000; expected a whole number from 1 to 65535/],
    [() => input({ a: text(4) }), /input field a is text/],
  ])('%s', (make, message) => {
    expect(make).toThrow(message);
  });
});

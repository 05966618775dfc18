/** An input with a value that its field can't have is not read: the client is told which, and goes on. */
import { describe, expect, it } from 'vitest';
import { angle, bool, fixed, float32, input, int16, int32, int8, Room, table, uint16, uint32, uint8 } from '../src/index.js';
import { ShardCounter } from '../src/memory/counters.js';
import { InputRecordCodec } from '../src/protocol/input-record.js';
import { isQuantum, type Field } from '../src/state/field.js';
import { SeededRandom } from './corpus/seeded-random.js';
import { BareShard, type Wire } from './support/bare-shard.js';

const fields = {
  i8: int8, // at byte 0
  real: float32, // 1
  pull: fixed(-1, 1, 0.01), // 5: 201 quanta in one byte
  reach: fixed(-1000, 1000, 0.25), // 6: 8,001 in two
  depth: fixed(0, 1_000_000, 0.001), // 8: 1,000,000,001 in four
  turn: angle(5), // 12: 32 in one byte
  all: angle(8), // 13: 256 in one byte
  held: bool, // 14
};
const RECORD_BYTES = 15;

class Levers extends Room {
  static override tickRate = 20;
  static override snapshotRate = 20;
  nothing = this.table(table({ a: uint8 }));
  pulls = this.input(input(fields));
  read: Record<string, unknown>[] = [];
  reads = true;

  override onTick(): void {
    for (const client of this.reads ? this.clients : []) {
      for (let pull = this.pulls.next(client); pull !== undefined; pull = this.pulls.next(client)) this.read.push({ ...pull });
    }
  }
}

async function open(): Promise<{ shard: BareShard; room: Levers & { roomId: string }; wire: Wire }> {
  const shard = new BareShard({ levers: Levers });
  const room = await shard.create<Levers>('levers');
  return { shard, room, wire: await shard.join(room.roomId) };
}

function record(at = 0, bytes: readonly number[] = []): Uint8Array {
  const made = new Uint8Array(RECORD_BYTES);
  made.set(bytes, at);
  return made;
}

const NAN = [0, 0, 0xc0, 0x7f];

describe('a value out of its range', () => {
  it.each([
    ['real', 1, NAN, 'NaN; expected a finite number'],
    ['real', 1, [1, 0, 0x80, 0xff], 'NaN; expected a finite number'],
    ['real', 1, [0, 0, 0x80, 0x7f], 'Infinity; expected a finite number'],
    ['real', 1, [0, 0, 0x80, 0xff], '-Infinity; expected a finite number'],
    ['pull', 5, [201], '1.01; expected -1 to 1'],
    ['reach', 6, [0xff, 0xff], '15383.75; expected -1000 to 1000'],
    ['depth', 8, [0xff, 0xff, 0xff, 0xff], '4294967.295; expected 0 to 1000000'],
    ['turn', 12, [32], /^6\.28\d+; expected 0 to 6\.08\d+$/],
    ['held', 14, [2], '2; expected 0 or 1'],
  ])('of %s is not queued; the client hears why', async (field, at, bytes, reason) => {
    const { shard, room, wire } = await open();
    wire.input(record(at, bytes));
    shard.run(100);
    expect(room.read).toEqual([]);
    const [rejected] = wire.of('rejected');
    expect(rejected).toMatchObject({ type: '', field });
    expect(rejected.reason).toMatch(reason instanceof RegExp ? reason : new RegExp(`^${reason.replace(/[.+]/g, '\\$&')}$`));
    expect(shard.counters.get(ShardCounter.inputsRejected)).toBe(1);
    expect(room.clients).toHaveLength(1);
  });

  it('is told of once in a second of the room’s time, however many there are; each is counted', async () => {
    const { shard, room, wire } = await open();
    for (let tick = 0; tick < 60; tick += 1) {
      wire.input(record(14, [9]));
      shard.run(50);
    }
    expect(room.tick).toBe(60);
    expect(wire.of('rejected')).toHaveLength(3);
    expect(shard.counters.get(ShardCounter.inputsRejected)).toBe(60);
  });

  it('leaves its sequence number behind: the same isn’t taken again, the next ones are', async () => {
    const { shard, room, wire } = await open();
    wire.input(record(0, [1]), 1);
    wire.input(record(14, [9]), 2);
    wire.input(record(0, [2]), 2);
    wire.input(record(0, [3]), 3);
    shard.run(100);
    expect(room.read.map(({ i8 }) => i8)).toEqual([1, 3]);
    expect(shard.counters.get(ShardCounter.inputsDropped)).toBe(1);
    expect(room.clients[0]!.inputs!.processedSeq).toBe(3);
  });

  it('is acknowledged like one that was read, unless others still wait before it', async () => {
    const { shard, room, wire } = await open();
    const queue = room.clients[0]!.inputs!;
    wire.input(record(14, [9]), 5);
    shard.run(50);
    expect(queue.processedSeq).toBe(5);
    room.reads = false;
    wire.input(record(), 6);
    wire.input(record(14, [9]), 7);
    shard.run(50);
    expect([queue.processedSeq, queue.length, queue.seenSeq]).toEqual([5, 1, 7]);
  });
});

it('values at the ends of their ranges are read', async () => {
  const { shard, room, wire } = await open();
  const most = record();
  most.set([127, 0xff, 0xff, 0x7f, 0x7f, 200], 0); // 3.4e38, 1
  new DataView(most.buffer).setUint16(6, 8000, true);
  new DataView(most.buffer).setUint32(8, 1_000_000_000, true);
  most.set([31, 255, 1], 12);
  wire.input(most);
  wire.input(record(0, [128]));
  shard.run(50);
  expect(wire.of('rejected')).toEqual([]);
  expect(room.read).toMatchObject([
    { i8: 127, real: (2 - 2 ** -23) * 2 ** 127, reach: 1000, held: true },
    { i8: -128, real: 0, pull: -1, reach: -1000, depth: 0, turn: 0, all: 0, held: false },
  ]);
  expect([room.read[0]!.pull, room.read[0]!.depth]).toEqual([expect.closeTo(1), expect.closeTo(1_000_000)]);
});

it('of random bytes exactly those records pass whose every quantum its field can have', () => {
  const random = new SeededRandom(7);
  const harmless = { u8: uint8, i16: int16, u16: uint16, i32: int32, u32: uint32, wide: fixed(0, 255, 1), far: angle(16) };
  const every = { ...fields, ...harmless };
  const [names, list] = [Object.keys(every), Object.values(every) as Field[]];
  const codec = new InputRecordCodec(names, list);
  const alone = list.map((field) => new InputRecordCodec(['only'], [field]));
  let passed = 0;
  for (let n = 0; n < 20_000; n += 1) {
    // Many bytes are small, or nothing would ever pass.
    const bytes = random.bytes(codec.bytes).map((byte) => (random.below(3) === 0 ? byte : byte & 1));
    let at = 0;
    let expected = -1;
    list.forEach((field, f) => {
      const { bytes: width } = alone[f]!;
      const view = new DataView(bytes.buffer, at, width);
      const unsigned = width === 1 ? view.getUint8(0) : width === 2 ? view.getUint16(0, true) : view.getUint32(0, true);
      const signed = width === 1 ? view.getInt8(0) : width === 2 ? view.getInt16(0, true) : view.getInt32(0, true);
      const quantum = field.kind === int8.kind || field.kind === int16.kind || width === 4 ? signed : unsigned;
      if (expected < 0 && !isQuantum(field, quantum)) expected = f;
      at += width;
    });
    expect(codec.problemField(bytes, 0)).toBe(expected);
    if (expected < 0) passed += 1;
  }
  expect(passed).toBeGreaterThan(100);
});

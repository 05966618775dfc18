/** Cases that once went wrong: each is the shortest room that shows what is promised. */
import { expect, test } from 'vitest';
import { BitWriter } from '../src/codec/bit-writer.js';
import { EncoderScratch } from '../src/codec/encoder-scratch.js';
import { FacetEncoder } from '../src/codec/facet-encoder.js';
import { facetsOf } from '../src/codec/facet.js';
import { RoomState } from '../src/client/room-state.js';
import { grid } from '../src/shard/interest/grid.js';
import { Room } from '../src/shard/room.js';
import { fixed, int32, secret, text, uint16, uint8, type Fields } from '../src/state/field.js';
import { hashImages } from '../src/state/image.js';
import { table, type TableSchema } from '../src/state/schema.js';
import { Table } from '../src/state/table.js';
import { SeededRandom } from './corpus/seeded-random.js';
import { LoopedRoom } from './support/looped-room.js';

const PREFIX_BYTES = 32;
const pace = { lagLimitMs: 5000, ackTimeoutMs: 9000 };

async function loopOf<R extends Room>(type: new () => R, ringBytes = 1 << 20) {
  const loop = await LoopedRoom.create(type as never, {}, { ringBytes, pace });
  const step = (): void => {
    loop.runTick();
    loop.drain();
    for (const each of loop.clients) each.listen();
  };
  return { loop, room: loop.room as unknown as R, step };
}

type Looped = Awaited<ReturnType<LoopedRoom['join']>>;

/** Rows of a table as a client sees them. */
const rowsOf = (client: Looped, name: string): any[] => [...(client.room as any).state[name]].map((row: any) => row.toJSON());

/** Every frame that the client is sent from now on. */
function framesOf(client: Looped): Uint8Array[] {
  const frames: Uint8Array[] = [];
  const deliver = (client as any).deliver.bind(client);
  (client as any).deliver = (frame: Uint8Array) => {
    frames.push(frame);
    deliver(frame);
  };
  return frames;
}

class Twenty extends Room {
  static override tickRate = 20;
  static override snapshotRate = 20;
}

test('long texts of arriving rows leave room for what follows them', () => {
  for (let rows = 1; rows <= 40; rows += 3) {
    for (let length = 8; length <= 256; length += 31) {
      const fields: Record<string, Fields[string]> = { name: text(256) };
      for (let i = 0; i < 20; i += 1) fields[`n${i}`] = int32;
      const schema = table(fields, { capacity: 100 }) as TableSchema;
      const rowsTable = new Table(schema);
      const bits = new BitWriter();
      const encoder = new FacetEncoder(facetsOf([schema])[0]!, rowsTable.image, new EncoderScratch());
      const client = new RoomState(['t'], [schema], (error) => expect.unreachable(String(error)));
      encoder.reset(null, 1);
      client.applyKeyframe(1, bits.bytes, 0, 0);
      for (let i = 0; i < rows; i += 1) {
        const values: Record<string, unknown> = { name: 'x'.repeat(length) };
        for (let j = 0; j < 20; j += 1) values[`n${j}`] = -1 - i;
        rowsTable.spawn(values as never);
      }
      rowsTable.settle();
      encoder.advance(bits, null, 1);
      client.applyDelta(2, bits.bytes, 0, bits.byteLength);
      expect(client.hash()).toBe(hashImages([rowsTable.image]));
    }
  }
});

test('a text may begin with a byte order mark', () => {
  const schema = table({ name: text(16) }, { capacity: 1 });
  const names = new Table(schema);
  const row = names.spawn({ name: '\ufeffAda' });
  names.settle();
  expect(row.name).toBe('\ufeffAda');
  const bits = new BitWriter();
  const encoder = new FacetEncoder(facetsOf([schema])[0]!, names.image, new EncoderScratch());
  encoder.reset(null, 1);
  encoder.keyframe(bits, 0);
  const client = new RoomState(['names'], [schema as unknown as TableSchema], (error) => expect.unreachable(String(error)));
  client.applyKeyframe(1, bits.bytes, 0, bits.byteLength);
  expect(client.hash()).toBe(hashImages([names.image]));
});

const Unit = table({ x: fixed(0, 640, 1), y: fixed(0, 640, 1), hp: uint16 }, { capacity: 1000 });

class Tight extends Twenty {
  units = this.table(Unit);
  override interest = grid({
    table: this.units,
    x: 'x',
    y: 'y',
    cellSize: 40,
    radius: 60,
    rings: [{ radius: 200, rate: 10 }],
    snapshotBytesMax: 200,
  });
}

test('a byte budget starves no cell: neither a far one beside busy near ones, nor one that is larger than the budget', async () => {
  const { loop, room, step } = await loopOf(Tight, 1 << 22);
  const client = await loop.join(() => {});
  client.seat!.lookAt(320, 320);
  const seeded = new SeededRandom(1);
  const random = (): number => seeded.next() / 2 ** 32;
  const near = Array.from({ length: 40 }, () => room.units.spawn({ x: 321, y: 321, hp: 1 }));
  for (let i = 0; i < 5; i += 1) room.units.spawn({ x: 450, y: 320, hp: 5 });
  for (let i = 0; i < 100; i += 1) room.units.spawn({ x: 481 + random() * 30, y: 321 + random() * 38, hp: random() * 60000 });
  for (let t = 0; t < 600; t += 1) {
    for (const unit of near) {
      unit.x = 300 + random() * 40;
      unit.y = 300 + random() * 40;
      unit.hp = random() * 60000;
    }
    step();
  }
  const held = rowsOf(client, 'units');
  expect(held.filter(({ hp, x }) => hp === 5 && x === 450).length).toBe(5);
  expect(held.filter(({ x }) => x > 480).length).toBe(100);
});

const Trap = table({ kind: uint8 }, { capacity: 4 });

class Traps extends Twenty {
  traps = this.table(Trap, { visible: false });
}

test('a hidden row stays hidden when its slot and generation have been a shown row before', async () => {
  const { loop, room, step } = await loopOf(Traps);
  const client = await loop.join(() => {});
  const shown = room.traps.spawn({ kind: 7 });
  room.show(shown);
  step();
  expect(rowsOf(client, 'traps')).toMatchObject([{ kind: 7 }]);
  room.traps.despawn(shown);
  step();
  for (let i = 0; i < 65534; i += 1) room.traps.despawn(room.traps.spawn({}));
  const hidden = room.traps.spawn({ kind: 42 });
  expect(hidden.id).toBe(shown.id);
  step();
  step();
  expect(rowsOf(client, 'traps')).toEqual([]);
});

const Player = table({ hp: uint8, gold: secret(int32) }, { capacity: 8 });

class Purses extends Twenty {
  players = this.table(Player);
  team = this.group();
}

test('who has no part in a secret is sent nothing when it changes, not even how many bits it takes', async () => {
  const { loop, room, step } = await loopOf(Purses);
  const [owner, stranger] = [await loop.join(() => {}), await loop.join(() => {})];
  const row = room.players.spawn({ hp: 1 });
  room.reveal(row, owner.seat!);
  step();
  step();
  step();
  const frames = framesOf(stranger);
  for (const gold of [1, 2, 30000, 2 ** 30, 0]) {
    row.gold = gold;
    step();
    expect(rowsOf(owner, 'players')).toMatchObject([{ gold }]);
  }
  expect(frames.map((frame) => frame.length)).toEqual(new Array(5).fill(PREFIX_BYTES));
});

test('secrets of a row that is hidden are hidden too', async () => {
  const { loop, room, step } = await loopOf(Purses);
  const client = await loop.join(() => {});
  const row = room.players.spawn({ hp: 1, gold: 0x5ec3e7 });
  room.reveal(row);
  room.hide(row);
  step();
  const frames = framesOf(client);
  step();
  step();
  expect(frames.map((frame) => frame.length)).toEqual([PREFIX_BYTES, PREFIX_BYTES]);
  room.show(row, room.team);
  room.team.add(client.seat!);
  step();
  expect(rowsOf(client, 'players')).toMatchObject([{ hp: 1, gold: 0x5ec3e7 }]);
});

test('clients that have left are kept by no audience and no group', async () => {
  const { loop, room, step } = await loopOf(Purses);
  const boss = room.players.spawn({ hp: 1 });
  await loop.join(() => {});
  for (let i = 0; i < 100; i += 1) {
    const guest = await loop.join(() => {});
    const seat = guest.seat!;
    room.hide(boss, seat);
    step();
    loop.leave(guest);
    room.team.add(seat);
    step();
  }
  expect(room.team.size).toBe(0);
  const { interest } = (loop as any).runner;
  const kept = interest.audiences.get(interest.audiencesOf(room.players, false).of(boss.index)).who.size;
  expect(kept).toBeLessThanOrEqual(1);
});

test('what can only be a mistake says so', async () => {
  const { loop, room } = await loopOf(Tight);
  const other = await loopOf(Purses);
  const client = (await loop.join(() => {})).seat!;
  const dead = room.units.spawn({ x: 1, y: 1 });
  room.units.despawn(dead);
  expect(() => client.follow(dead)).toThrow('despawned');
  expect(() => client.follow(undefined as never)).toThrow('a table that the room has a grid for');
  expect(() => client.lookAt(NaN, 1)).toThrow('expected finite numbers');
  expect(() => room.hide(undefined as never)).toThrow('as spawn() returns it');
  expect(() => room.hide(dead)).toThrow('despawned');
  const row = room.units.spawn({ x: 1, y: 1 });
  expect(() => other.room.hide(row as never)).toThrow('as spawn() returns it');
  expect(() => room.show(row, other.room.team)).toThrow("this room's group()");
});

const Wide = table(
  { a: int32, b: int32, c: int32, d: int32, e: int32, f: int32, g: int32, h: int32, i: int32 },
  { capacity: 20_000 },
);

class Vast extends Twenty {
  rows = this.table(Wide);
}

test('a keyframe that can never pass through the ring closes who needs it, and not the room', async () => {
  const { loop, room, step } = await loopOf(Vast, 1 << 19);
  const first = await loop.join(() => {});
  const seeded = new SeededRandom(1);
  const random = (): number => seeded.next() | 0;
  while (room.rows.size < 20_000) {
    for (let k = 0; k < 1000; k += 1) {
      room.rows.spawn({ a: random(), b: random(), c: random(), d: random(), e: random(), f: random(), g: random() });
    }
    step();
  }
  await loop.join(() => {});
  step();
  step();
  expect((loop as any).runner.state).toBe('running');
  expect(room.clients.map((each) => each.sessionId)).toEqual([first.seat!.sessionId]);
});

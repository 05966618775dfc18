/** A client's state is the room's, whatever the room did and whichever snapshots were skipped or lost on the way. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { RoomState } from '../src/client/room-state.js';
import type { RowView, TableView } from '../src/client/table-view.js';
import { SnapshotEncoder } from '../src/protocol/snapshot-encoder.js';
import { angle, bool, fixed, float32, int32, text, uint32, uint8 } from '../src/state/field.js';
import { hashImages, TableImage } from '../src/state/image.js';
import { table } from '../src/state/schema.js';
import { Table } from '../src/state/table.js';

const Player = table(
  {
    x: fixed(-100, 2000, 1 / 32),
    heading: angle(8),
    health: uint8,
    balance: int32,
    flags: uint32,
    speed: float32,
    dead: bool,
    name: text(9),
    title: text(5),
  },
  { capacity: 6 },
);
const Crate = table({ y: fixed(10, 20, 0.25) }, { capacity: 40 });

const NUMBERS = ['x', 'heading', 'health', 'balance', 'flags', 'speed'] as const;

type Step =
  | { kind: 'spawn'; crate: boolean; value: number }
  | { kind: 'despawn'; crate: boolean; pick: number }
  | { kind: 'write'; pick: number; field: number; value: number }
  | { kind: 'name'; pick: number; title: boolean; value: string }
  | { kind: 'snapshot'; how: 'delta' | 'skipped' | 'lost' | 'keyframe'; cut: number };

const number = fc.oneof(
  fc.integer({ min: -3000, max: 3000 }).map((n) => n / 7),
  fc.constantFrom(0, -0, NaN, Infinity, -Infinity, 2 ** 31, -(2 ** 31), 2 ** 32 - 1, 255, 256, 1e300),
);
const pick = fc.nat({ max: 39 });
const snapshot = fc.record({
  kind: fc.constant('snapshot' as const),
  how: fc.constantFrom('delta', 'delta', 'delta', 'skipped', 'lost', 'keyframe'),
  // Where a damaged copy that comes first is cut off. (fc.double would nearly always be close to 0.)
  cut: fc.nat({ max: 999 }).map((n) => n / 1000),
});
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('spawn' as const), crate: fc.boolean(), value: number }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('despawn' as const), crate: fc.boolean(), pick }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('write' as const),
      pick,
      field: fc.nat({ max: NUMBERS.length }),
      value: number,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('name' as const),
      pick,
      title: fc.boolean(),
      value: fc.oneof(fc.string({ unit: 'binary', maxLength: 8 }), fc.constantFrom('', 'ab', '\ud800', 'äöüß€')),
    }),
  },
  { weight: 4, arbitrary: snapshot },
);

/** The room's half: tables, the baseline its clients hold, and the encoder. */
class RoomModel {
  readonly players = new Table(Player);
  readonly crates = new Table(Crate);
  readonly images = [this.crates.image, this.players.image];
  readonly baseline = [new TableImage(Crate), new TableImage(Player)];
  readonly nothing = [new TableImage(Crate), new TableImage(Player)];
  readonly encoder = new SnapshotEncoder([Crate, Player]);

  settle(): void {
    this.crates.settle();
    this.players.settle();
  }

  body(keyframe: boolean): Uint8Array {
    this.encoder.encode(keyframe ? this.nothing : this.baseline, this.images);
    return this.encoder.bytes.slice(0, this.encoder.length);
  }

  commit(): void {
    this.images.forEach((image, t) => this.baseline[t]!.copyFrom(image));
  }

  hash(): number {
    return hashImages(this.images);
  }
}

/** What a game that only listens to callbacks believes the table to hold. */
class Replay {
  readonly rows = new Map<number, string>();
  readonly objects = new Map<number, object>();

  constructor(view: TableView) {
    view.onAdd((row) => {
      expect(this.rows.has(row.id)).toBe(false);
      this.rows.set(row.id, JSON.stringify(row));
      this.objects.set(row.id, row);
    });
    view.onChange((row) => {
      expect(this.rows.has(row.id)).toBe(true);
      expect(view.get(row.id)).toBe(row);
      this.rows.set(row.id, JSON.stringify(row));
    });
    view.onRemove((row) => {
      expect(row.alive).toBe(true);
      expect(view.get(row.id)).toBeUndefined();
      expect(JSON.stringify(row)).toBe(this.rows.get(row.id));
      this.rows.delete(row.id);
    });
  }
}

const asMap = (rows: Iterable<{ id: number }>): Map<number, string> =>
  new Map([...rows].map((row) => [row.id, JSON.stringify(row)]));

function perform(room: RoomModel, action: Exclude<Step, { kind: 'snapshot' }>): void {
  if (action.kind === 'spawn') {
    if (action.crate && room.crates.size < Crate.capacity) room.crates.spawn({ y: action.value });
    if (!action.crate && room.players.size < Player.capacity) room.players.spawn({ x: action.value, name: 'new' });
    return;
  }
  if (action.kind === 'despawn') {
    const table = (action.crate ? room.crates : room.players) as unknown as Table;
    const rows = [...table];
    if (rows.length > 0) table.despawn(rows[action.pick % rows.length]!);
    return;
  }
  const rows = [...room.players];
  const row = rows[action.pick % Math.max(1, rows.length)];
  if (row === undefined) return;
  if (action.kind === 'name') {
    if (action.title) row.title = action.value;
    else row.name = action.value;
  } else if (action.field === NUMBERS.length) {
    row.dead = !row.dead;
  } else {
    row[NUMBERS[action.field]!] = action.value;
  }
}

test('hash, rows and replayed callbacks equal the room after every snapshot that arrives', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const room = new RoomModel();
      const errors: unknown[] = [];
      const state = new RoomState(['crates', 'players'], [Crate, Player], (error) => errors.push(error));
      const replays = [new Replay(state.tables.crates!), new Replay(state.tables.players!)];
      let tick = 0;
      let outOfStep = true;
      for (const action of [...steps, { kind: 'snapshot', how: 'keyframe', cut: 0.5 } as const]) {
        if (action.kind !== 'snapshot') {
          perform(room, action);
          continue;
        }
        tick += 3;
        room.settle();
        if (action.how === 'skipped') continue; // the room keeps its baseline; the next delta spans both
        if (action.how === 'lost') {
          room.commit();
          outOfStep = true;
          continue;
        }
        const keyframe = outOfStep || action.how === 'keyframe';
        const body = room.body(keyframe);
        room.commit();
        outOfStep = false;
        const hashBefore = state.hash();
        const rowsBefore = replays.map((replay) => new Map(replay.rows));
        const cut = Math.floor(body.length * action.cut);
        const apply = keyframe ? state.applyKeyframe : state.applyDelta;
        expect(() => apply.call(state, tick, body, 0, cut)).toThrow('malformed snapshot');
        expect(state.hash()).toBe(hashBefore);
        expect(replays.map((replay) => replay.rows)).toEqual(rowsBefore);

        apply.call(state, tick, body, 0, body.length);
        expect(state.hash()).toBe(room.hash());
        expect(state.tick).toBe(tick);
        [room.crates, room.players].forEach((table, t) => {
          const view = state.tables[t === 0 ? 'crates' : 'players']!;
          const expected = asMap(table as unknown as Table);
          expect(view.size).toBe(table.size);
          expect(asMap(view)).toEqual(expected);
          expect(replays[t]!.rows).toEqual(expected);
          for (const row of view) expect(replays[t]!.objects.get(row.id)).toBe(row);
        });
      }
      expect(errors).toEqual([]);
    }),
    { seed: 20251121, numRuns: 300 },
  );
});

test('bytes flipped anywhere are refused whole or taken whole', () => {
  const room = new RoomModel();
  for (let i = 0; i < 5; i += 1) room.players.spawn({ x: i * 10, name: `p${i}`, speed: i / 3 });
  for (let i = 0; i < 30; i += 1) room.crates.spawn({ y: 10 + i / 4 });
  room.settle();
  const body = room.body(true);
  let refused = 0;
  for (let bit = 0; bit < body.length * 8; bit += 1) {
    const state = new RoomState(['crates', 'players'], [Crate, Player], (error) => expect.unreachable(String(error)));
    state.applyKeyframe(1, body, 0, body.length);
    const damaged = body.slice();
    damaged[bit >> 3]! ^= 1 << (bit & 7);
    try {
      state.applyKeyframe(2, damaged, 0, damaged.length);
      expect(state.tick).toBe(2);
    } catch (error) {
      expect(error).toMatchObject({ code: 'ERR_ESCAPEMENT_SNAPSHOT' });
      expect(state.hash()).toBe(room.hash());
      expect(state.tick).toBe(1);
      refused += 1;
    }
    // Damaged or not, the next whole keyframe puts everything right.
    state.applyKeyframe(3, body, 0, body.length);
    expect(state.hash()).toBe(room.hash());
    expect(asMap(state.tables.players!)).toEqual(asMap(room.players as unknown as Table));
  }
  expect(refused).toBeGreaterThan(0);
});

test('a keyframe keeps the objects of rows that live on, and a recycled slot gets a new one', () => {
  const room = new RoomModel();
  const stays = room.players.spawn({ name: 'stays' });
  const goes = room.players.spawn({ name: 'goes', health: 7 });
  room.settle();
  const state = new RoomState(['crates', 'players'], [Crate, Player], (error) => expect.unreachable(String(error)));
  const first = room.body(true);
  state.applyKeyframe(1, first, 0, first.length);
  const players = state.tables.players!;
  const before = players.get(stays.id);
  const old = players.get(goes.id) as unknown as RowView<typeof Player.fields>;
  const events: string[] = [];
  players.onRemove((row) => events.push(`-${String(row.name)} ${String(row.health)} ${row.alive}`));
  players.onAdd((row) => events.push(`+${String(row.name)}`));
  room.players.despawn(goes);
  const next = room.players.spawn({ name: 'next' });
  expect(next.index).toBe(old.index);
  room.settle();
  const second = room.body(true);
  state.applyKeyframe(9, second, 0, second.length);
  expect(events).toEqual(['+stays', '+goes', '-goes 7 true', '+next']);
  expect(players.get(stays.id)).toBe(before);
  expect(old.alive).toBe(false);
  expect(players.get(next.id)).not.toBe(old);
});

/** A client's state is the room's, whatever the room did and whichever snapshots were skipped or lost on the way. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BitWriter } from '../src/codec/bit-writer.js';
import { EncoderScratch } from '../src/codec/encoder-scratch.js';
import { facetsOf } from '../src/codec/facet.js';
import { FacetEncoder } from '../src/codec/facet-encoder.js';
import { MalformedSnapshotError } from '../src/codec/malformed-snapshot.js';
import { RoomState } from '../src/client/room-state.js';
import type { RowView, TableView } from '../src/client/table-view.js';
import { angle, bool, fixed, float32, int32, text, uint32, uint8 } from '../src/state/field.js';
import { hashImages } from '../src/state/image.js';
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
  | { kind: 'snapshot'; how: 'delta' | 'skipped' | 'lost' | 'cut' | 'keyframe'; cut: number };

const number = fc.oneof(
  fc.integer({ min: -3000, max: 3000 }).map((n) => n / 7),
  fc.constantFrom(0, -0, NaN, Infinity, -Infinity, 2 ** 31, -(2 ** 31), 2 ** 32 - 1, 255, 256, 1e300),
);
const pick = fc.nat({ max: 39 });
const snapshot = fc.record({
  kind: fc.constant('snapshot' as const),
  how: fc.constantFrom('delta', 'delta', 'delta', 'skipped', 'lost', 'cut', 'keyframe'),
  // Where one is cut off. (fc.double would nearly always be close to 0.)
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

/** The room's half: tables, and the encoders with the baseline that its clients hold. */
class RoomModel {
  readonly players = new Table(Player);
  readonly crates = new Table(Crate);
  readonly images = [this.crates.image, this.players.image];
  private readonly encoders = facetsOf([Crate, Player]).map(
    (facet) => new FacetEncoder(facet, this.images[facet.tableIndex]!, new EncoderScratch()),
  );
  private readonly bits = new BitWriter();

  /** What changed since the last body; what the room is now is then the baseline. */
  delta(): Uint8Array {
    this.settle();
    this.bits.reset();
    for (const encoder of this.encoders) encoder.advance(this.bits, null, 1);
    return this.body();
  }

  keyframe(): Uint8Array {
    this.delta();
    this.bits.reset();
    for (const encoder of this.encoders) encoder.keyframe(this.bits, 0);
    return this.body();
  }

  hash(): number {
    return hashImages(this.images);
  }

  private settle(): void {
    this.crates.settle();
    this.players.settle();
  }

  private body(): Uint8Array {
    return this.bits.bytes.slice(0, this.bits.byteLength);
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
        if (action.how === 'skipped') continue; // the room keeps its baseline; the next delta spans both
        const isKeyframe = outOfStep || action.how === 'keyframe';
        const body = isKeyframe ? room.keyframe() : room.delta();
        outOfStep = action.how === 'lost' || action.how === 'cut';
        if (action.how === 'lost') continue;
        const apply = isKeyframe ? state.applyKeyframe : state.applyDelta;
        if (action.how === 'cut') {
          const hashBefore = state.hash();
          const rowsBefore = replays.map((replay) => new Map(replay.rows));
          const end = Math.floor(body.length * action.cut);
          try {
            apply.call(state, tick, body, 0, end); // what ends with an element is a body
          } catch (error) {
            expect(error).toBeInstanceOf(MalformedSnapshotError);
            expect(state.hash()).toBe(hashBefore);
            expect(replays.map((replay) => replay.rows)).toEqual(rowsBefore);
          }
          continue;
        }
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
    { seed: 20251121, numRuns: 1000 },
  );
});

test('a keyframe keeps the objects of rows that live on, and a recycled slot gets a new one', () => {
  const room = new RoomModel();
  const stays = room.players.spawn({ name: 'stays' });
  const goes = room.players.spawn({ name: 'goes', health: 7 });
  const state = new RoomState(['crates', 'players'], [Crate, Player], (error) => expect.unreachable(String(error)));
  const first = room.keyframe();
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
  const second = room.keyframe();
  state.applyKeyframe(9, second, 0, second.length);
  expect(events).toEqual(['+stays', '+goes', '-goes 7 true', '+next']);
  expect(players.get(stays.id)).toBe(before);
  expect(old.alive).toBe(false);
  expect(players.get(next.id)).not.toBe(old);
});

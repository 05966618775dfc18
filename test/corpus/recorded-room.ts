/**
 * A seeded recording of a room's snapshots as its encoders write them: deltas, keyframes, and the rows they stand for.
 * With public and secret facets, several streams, moves between them, texts and numbers of every kind.
 */
import { BitWriter } from '../../src/codec/bit-writer.js';
import { EncoderScratch } from '../../src/codec/encoder-scratch.js';
import { facetsOf } from '../../src/codec/facet.js';
import { FacetEncoder } from '../../src/codec/facet-encoder.js';
import { angle, bool, fixed, float32, int32, secret, text, uint32, uint8 } from '../../src/state/field.js';
import { table } from '../../src/state/schema.js';
import { Table } from '../../src/state/table.js';
import { SeededRandom } from './seeded-random.js';

const Crate = table({ y: fixed(10, 20, 0.25), open: bool }, { capacity: 60 });
const Player = table(
  {
    x: fixed(-100, 2000, 1 / 32),
    heading: angle(8),
    health: uint8,
    balance: int32,
    flags: uint32,
    speed: float32,
    name: text(9),
    ammo: secret(uint8),
    plan: secret(text(6)),
  },
  { capacity: 24 },
);

export const TABLE_NAMES = ['crates', 'players'];
export const SCHEMAS = [Crate, Player];
const STREAMS = 3;

export interface RecordedSnapshot {
  readonly delta: Uint8Array;
  readonly keyframe: Uint8Array;
  /** What a client holds then: its tables' rows, as JSON. */
  readonly rows: string;
}

export class RecordedRoom {
  readonly snapshots: RecordedSnapshot[] = [];
  private readonly random: SeededRandom;
  private readonly crates = new Table(Crate);
  private readonly players = new Table(Player);
  private readonly bits = new BitWriter();
  private readonly encoders = facetsOf(SCHEMAS).map((facet) => {
    const image = facet.tableIndex === 0 ? this.crates.image : this.players.image;
    return new FacetEncoder(facet, image, new EncoderScratch());
  });
  private readonly streamOf = this.encoders.map(({ facet }) => new Uint16Array(facet.capacity));

  constructor(seed: number, count = 6) {
    this.random = new SeededRandom(seed);
    for (let n = 0; n < count; n += 1) {
      this.change();
      this.record();
    }
  }

  private change(): void {
    const { random, crates, players } = this;
    for (let n = random.below(12); n > 0 && crates.size < Crate.capacity; n -= 1) crates.spawn({ y: 10 + random.below(40) / 4 });
    for (let n = random.below(4); n > 0 && players.size < Player.capacity; n -= 1) {
      const player = players.spawn({ x: random.below(1000), name: `n${random.below(1000)}`, flags: random.next() });
      player.ammo = random.below(256);
      player.plan = `p${random.below(100)}`;
    }
    for (const rows of [crates, players] as unknown as Table[]) {
      for (const row of rows) if (random.below(8) === 0) rows.despawn(row.id);
    }
    for (const crate of crates) if (random.below(3) === 0) crate.y += 0.5;
    for (const player of players) {
      player.x += 3;
      player.heading += 0.2;
      if (random.below(3) === 0) player.balance = random.next() | 0;
      if (random.below(3) === 0) player.speed = random.below(1000) / 7;
      if (random.below(4) === 0) player.name = `m${random.below(1000)}`;
      if (random.below(4) === 0) player.plan = `q${random.below(100)}`;
    }
    crates.settle();
    players.settle();
  }

  private record(): void {
    const { bits, encoders, streamOf, random } = this;
    bits.reset();
    encoders.forEach((encoder, f) => {
      const streams = streamOf[f]!;
      for (let slot = 0; slot < streams.length; slot += 1) {
        // Public rows are all somewhere; secret ones may be nowhere.
        const least = encoder.facet.isSecret ? 0 : 1;
        if (streams[slot] === 0 || random.below(6) === 0) streams[slot] = least + random.below(STREAMS + 1 - least);
      }
      encoder.advance(bits, streams, STREAMS);
    });
    const delta = bits.bytes.slice(0, bits.byteLength);
    bits.reset();
    for (const encoder of encoders) for (let stream = 0; stream < STREAMS; stream += 1) encoder.keyframe(bits, stream);
    const keyframe = bits.bytes.slice(0, bits.byteLength);
    this.snapshots.push({ delta, keyframe, rows: JSON.stringify([this.rowsOf(this.crates), this.rowsOf(this.players)]) });
  }

  private rowsOf(table: Iterable<any>): unknown {
    const secrets = this.streamOf[2]!;
    return [...table].map((row) => {
      const plain = row.toJSON();
      if ('ammo' in plain && secrets[row.index] === 0) Object.assign(plain, { ammo: 0, plan: '' });
      return plain;
    });
  }
}

/**
 * The codec alone: whatever is written to a table, and however its rows move between streams, who is sent every stream holds
 * the table; who is sent some of them holds the rows of those. From seeds: ESCAPEMENT_SEED='streams 7' replays one.
 */
import { expect, it } from 'vitest';
import { BitWriter } from '../src/codec/bit-writer.js';
import { BodyDecoder } from '../src/codec/body-decoder.js';
import { EncoderScratch } from '../src/codec/encoder-scratch.js';
import { facetsOf, type Facet } from '../src/codec/facet.js';
import { FacetEncoder } from '../src/codec/facet-encoder.js';
import { FacetImage } from '../src/codec/facet-image.js';
import { RowChanges } from '../src/codec/row-changes.js';
import { angle, bool, fixed, float32, int16, int32, int8, text, uint16, uint32, uint8 } from '../src/state/field.js';
import { table } from '../src/state/schema.js';
import { Table } from '../src/state/table.js';
import { SeededRandom } from './corpus/seeded-random.js';

const SEQUENCES = 4200;
const STEPS = 24;
const FILE = 'test/streams-arrive-as-sent.test.ts';

const replayed = process.env.ESCAPEMENT_SEED;
const scratch = new EncoderScratch();
const bits = new BitWriter(64);

const FIELDS = {
  x: fixed(0, 2000, 1 / 32),
  heading: angle(9),
  turn: angle(24),
  i8: int8,
  i16: int16,
  i32: int32,
  u8: uint8,
  u16: uint16,
  u32: uint32,
  speed: float32,
  on: bool,
  name: text(12),
  note: text(40),
};

/** A client of the codec's: what it holds of some streams. */
class Receiver {
  readonly image: FacetImage;
  private readonly decoder: BodyDecoder;
  private isHolding = false;

  constructor(facet: Facet, readonly streams: readonly number[]) {
    this.image = new FacetImage(facet);
    this.decoder = new BodyDecoder([this.image], [new RowChanges(facet.capacity)]);
  }

  take(encoder: FacetEncoder, wantsKeyframe: boolean): void {
    const isKeyframe = wantsKeyframe || !this.isHolding;
    this.isHolding = true;
    const parts: Uint8Array[] = [];
    const add = (start: number, end: number): void => void parts.push(bits.bytes.slice(start, end));
    if (!isKeyframe) add(encoder.layoutStart, encoder.layoutEnd);
    for (const stream of this.streams) {
      if (!isKeyframe) {
        add(encoder.partStarts[stream]!, encoder.partEnds[stream]!);
        continue;
      }
      const start = bits.byteLength;
      encoder.keyframe(bits, stream);
      add(start, bits.byteLength);
    }
    const body = Buffer.concat(parts);
    this.decoder.apply(body, 0, body.length, isKeyframe);
  }
}

class Sequence {
  step = 0;
  private readonly random: SeededRandom;
  private readonly rows: Table<typeof FIELDS>;
  private readonly encoder: FacetEncoder;
  private readonly receivers: readonly Receiver[];
  private readonly streamOf: Uint16Array;
  private readonly streamCount: number;

  constructor(seed: number) {
    const random = (this.random = new SeededRandom(Math.imul(seed, 0x9e3779b1)));
    const capacity = 1 + random.below(random.below(4) === 0 ? 200 : 40);
    const schema = table(FIELDS, { capacity });
    this.rows = new Table(schema);
    const facet = facetsOf([schema])[0]!;
    this.encoder = new FacetEncoder(facet, this.rows.image, scratch);
    this.streamCount = random.below(3) === 0 ? 1 : 1 + random.below(5);
    this.streamOf = new Uint16Array(capacity);
    const all = Array.from({ length: this.streamCount }, (_, stream) => stream);
    this.receivers = [new Receiver(facet, all), new Receiver(facet, all.filter(() => random.below(2) === 0))];
  }

  run(): void {
    const { random, rows, encoder, streamOf, streamCount } = this;
    for (this.step = 1; this.step <= STEPS; this.step += 1) {
      this.change();
      rows.settle();
      for (let slot = 0; slot < rows.rowEnd; slot += 1) {
        if (streamOf[slot] === 0 || random.below(10) === 0) streamOf[slot] = random.below(streamCount + 1);
      }
      const streams = streamCount === 1 ? null : streamOf;
      const isReset = random.below(12) === 0;
      bits.reset();
      if (isReset) encoder.reset(streams, streamCount);
      else encoder.advance(bits, streams, streamCount);
      for (const receiver of this.receivers) {
        receiver.take(encoder, isReset || random.below(12) === 0);
        this.check(receiver);
      }
    }
  }

  private change(): void {
    const { random, rows } = this;
    const anything = (): number => {
      const special = [0, -1, 1, 255, 65_536, 2 ** 31, -(2 ** 31), 2 ** 32 - 1, NaN, random.next(), random.next() | 0];
      return special[random.below(special.length)]!;
    };
    for (let n = random.below(8); n > 0 && rows.size < rows.capacity; n -= 1) {
      rows.spawn({ x: random.below(2000), i32: random.next() | 0, u32: random.next(), name: `n${random.below(1000)}` });
    }
    const names = Object.keys(FIELDS).slice(0, 11) as (keyof typeof FIELDS)[];
    for (const row of rows) {
      const dice = random.below(100);
      if (dice < 6) rows.despawn(row);
      else if (dice < 14) row.name = ['', 'ä', 'x'.repeat(30), `m${dice}`][dice % 4]!;
      else if (dice < 20) row.note = 'note '.repeat(random.below(9));
      else if (dice < 40) (row as any)[names[random.below(names.length)]!] = anything();
      if (dice >= 40 && dice < 95) {
        row.x += 3;
        row.heading += 0.1;
        row.turn -= 0.01;
        row.speed *= 1.01;
      }
    }
  }

  private check({ image, streams }: Receiver): void {
    const { rows, streamOf, streamCount } = this;
    for (let slot = 0; slot < rows.capacity; slot += 1) {
      const stream = streamCount === 1 ? 0 : streamOf[slot]! - 1;
      const isSent = rows.alive[slot] === 1 && streams.includes(stream);
      if (isSent !== (image.homes[slot] !== 0)) throw new Error(`slot ${slot} is ${isSent ? '' : 'not '}to be held`);
      if (!isSent) continue;
      if (image.generations[slot] !== rows.image.generations[slot]) throw new Error(`slot ${slot} is of another row`);
      image.facet.numbers.forEach(({ fieldIndex }, n) => {
        const [held, sent] = [image.quanta[n]![slot], rows.image.quanta[fieldIndex]![slot]];
        if (held !== sent) throw new Error(`slot ${slot}, field ${fieldIndex} is ${held}, and should be ${sent}`);
      });
      for (const [t, name] of (['name', 'note'] as const).entries()) {
        if (image.texts[t]![slot] !== rows.columns[name][slot]) throw new Error(`slot ${slot} has another ${name}`);
      }
    }
  }
}

it('through any sequence of changes, moves and keyframes', { timeout: 120_000 }, () => {
  const [, replayedSeed] = /^streams (\d+)$/.exec(replayed ?? '') ?? [];
  if (replayed !== undefined && replayedSeed === undefined) return;
  const first = Number(replayedSeed ?? 1);
  const last = replayedSeed === undefined ? SEQUENCES : first;
  for (let seed = first; seed <= last; seed += 1) {
    const sequence = new Sequence(seed);
    try {
      sequence.run();
    } catch (error) {
      const replay = `ESCAPEMENT_SEED='streams ${seed}' npx vitest run --config test/vitest.config.ts ${FILE}`;
      throw new Error(`seed ${seed}, step ${sequence.step}: ${(error as Error).stack}\nreplay: ${replay}`);
    }
  }
  expect(last).toBeGreaterThanOrEqual(first);
});

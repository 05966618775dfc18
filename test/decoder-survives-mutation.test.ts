/**
 * Bodies that no encoder wrote: every flipped bit and every cut of recorded ones is refused, or taken for another body; the
 * next keyframe puts everything right; and what it costs is bounded by the bytes and by the rows held.
 */
import { describe, expect, it } from 'vitest';
import { BitWriter } from '../src/codec/bit-writer.js';
import { ELEMENT_KIND_BITS, ElementKind, MaskMode } from '../src/codec/body-format.js';
import { MalformedSnapshotError } from '../src/codec/malformed-snapshot.js';
import { ClientRoom } from '../src/client/client-room.js';
import { RoomState } from '../src/client/room-state.js';
import { tableSpecOf } from '../src/protocol/field-specs.js';
import { SnapshotKind } from '../src/protocol/server-frames.js';
import { int32, text, uint8 } from '../src/state/field.js';
import { table } from '../src/state/schema.js';
import { JOINED, snapshotFrame } from './corpus/legal-frames.js';
import { RecordedRoom, SCHEMAS, TABLE_NAMES, type RecordedSnapshot } from './corpus/recorded-room.js';
import { SeededRandom } from './corpus/seeded-random.js';
import { CountedDecoder } from './support/counted-decoder.js';

const SEED = 20_261_121;
const recorded = new RecordedRoom(SEED).snapshots;
const pairs = recorded.slice(1).map((after, i) => ({ number: i + 2, before: recorded[i]!, after }));

const rowsOf = (tables: Record<string, Iterable<{ toJSON(): unknown }>>): string =>
  JSON.stringify(TABLE_NAMES.map((name) => [...tables[name]!].map((row) => row.toJSON())));

/** Every body that differs from this one in one bit, and every one that ends before it. */
function* mutationsOf(body: Uint8Array): Generator<Uint8Array> {
  const copy = body.slice();
  for (let bit = 0; bit < 8 * body.length; bit += 1) {
    copy[bit >> 3]! ^= 1 << (bit & 7);
    yield copy;
    copy[bit >> 3]! ^= 1 << (bit & 7);
  }
  for (let length = 0; length < body.length; length += 1) yield body.subarray(0, length);
}

describe.each(pairs)('snapshot $number with a flipped bit or a cut', ({ before, after }) => {
  function survives(kind: 'applyDelta' | 'applyKeyframe', body: Uint8Array): void {
    const state = new RoomState(TABLE_NAMES, SCHEMAS, (error) => expect.unreachable(String(error)));
    const show = ({ keyframe, rows }: RecordedSnapshot): void => {
      state.applyKeyframe(7, keyframe, 0, keyframe.length);
      if (rowsOf(state.tables) !== rows) expect(JSON.parse(rowsOf(state.tables))).toEqual(JSON.parse(rows));
    };
    show(before);
    let refused = 0;
    for (const mutation of mutationsOf(body)) {
      try {
        state[kind](8, mutation, 0, mutation.length);
      } catch (error) {
        refused += 1;
        if (!(error instanceof MalformedSnapshotError)) throw error;
        if (rowsOf(state.tables) !== before.rows || state.tick !== 7) expect.unreachable('a refused body has changed something');
      }
      // Refused or taken, either keyframe puts everything right: also one without the rows that the body had.
      if (refused % 2 === 0) show(after);
      show(before);
    }
    expect(refused).toBeGreaterThan(body.length);
  }

  it('of a delta leaves the tables alone or is another delta', () => survives('applyDelta', after.delta));
  it('of a keyframe leaves the tables alone or is another keyframe', () => survives('applyKeyframe', after.keyframe));
});

it('whole frames with flipped bits and cuts leave a room that the next keyframe puts right', () => {
  const { before, after } = pairs[2]!;
  const joined = { ...JOINED, tables: SCHEMAS.map((schema, t) => tableSpecOf(TABLE_NAMES[t]!, schema)) };
  let resyncs = 0;
  let timeMs = 0;
  const connection = { isOpen: true, send: () => (resyncs += 1), abandon: () => expect.unreachable('it gave up') };
  const room = new ClientRoom(connection as never, joined, () => (timeMs += 1000));
  const errors: Error[] = [];
  room.onError((error) => errors.push(error));
  const show = ({ keyframe, rows }: RecordedSnapshot): void => {
    room.frameReceived(snapshotFrame(SnapshotKind.Keyframe, keyframe));
    if (rowsOf(room.state) !== rows) expect(JSON.parse(rowsOf(room.state))).toEqual(JSON.parse(rows));
  };
  show(before);
  const frame = snapshotFrame(SnapshotKind.Delta, after.delta);
  for (const mutation of mutationsOf(frame)) {
    room.frameReceived(mutation);
    show(before);
  }
  expect(new Set(errors.map(({ name }) => name))).toEqual(new Set(['MalformedSnapshotError', 'MalformedFrameError']));
  expect(resyncs).toBeGreaterThan(frame.length);
});

describe('the work of a body is bounded', () => {
  const FIELDS = 4;
  const CAPACITY = 5000;
  const Wide = table({ a: int32, b: int32, c: uint8, d: text(8) }, { capacity: CAPACITY });
  /**
   * Dearest bits: 2 list a row of a keyframe, whose 3 numbers of 4 bits each for all rows have value and motion. So 6 of
   * those accesses a row, its home, generation and place in the list with what may be looked at again at the end, 16 in all:
   * 64 a byte. A row held costs its place, home and numbers, in each stream of the body once.
   */
  const STEPS_PER_BYTE = 80;
  const STEPS_PER_ROW_HELD = 6 + 4 * FIELDS;
  const STEPS_AT_LEAST = 64;

  function checkedSteps(decoder: CountedDecoder, body: Uint8Array, isKeyframe: boolean): number {
    const bound = STEPS_AT_LEAST + STEPS_PER_BYTE * body.length + STEPS_PER_ROW_HELD * decoder.rowsHeld;
    const { steps, error } = decoder.apply(body, isKeyframe);
    expect(steps).toBeLessThanOrEqual(bound);
    if (error !== undefined) expect(error).toBeInstanceOf(MalformedSnapshotError);
    return steps;
  }

  const bodyOf = (write: (out: BitWriter) => void): Uint8Array => {
    const out = new BitWriter();
    out.reserve(2_000_000);
    write(out);
    out.align();
    return out.bytes.slice(0, out.byteLength);
  };
  const tag = (out: BitWriter, kind: number, stream: number): void => {
    out.align();
    out.putVarint((0 << ELEMENT_KIND_BITS) | kind);
    if (kind !== ElementKind.Layout) out.putVarint(stream);
  };
  /** Rows in a row, all 0, at rest. */
  const keyframe = (out: BitWriter, stream: number, count: number): void => {
    tag(out, ElementKind.Keyframe, stream);
    out.putGamma(count);
    for (let n = 0; n < count; n += 1) out.put(0b11, 2); // the next slot, generation 1
    for (let n = 0; n < 3; n += 1) {
      out.put(0, 4); // width 0,
      out.putBig(0); // from 0,
      out.putGamma(0); // no exceptions
    }
    out.put(0, 3); // no motions
    for (let n = 0; n < count; n += 1) out.putGamma(0); // no text
  };
  const emptyLayout = (out: BitWriter): void => out.put(0, 15);
  const stayDelta = (out: BitWriter, stream: number): void => {
    tag(out, ElementKind.LaidDelta, stream);
    emptyLayout(out);
    out.put(0b11, 2); // nobody left, nobody came
  };
  const holding = (rows: number): CountedDecoder => {
    const decoder = new CountedDecoder([Wide]);
    expect(decoder.apply(bodyOf((out) => keyframe(out, 0, rows)), true).error).toBeUndefined();
    return decoder;
  };

  it('a keyframe costs its rows, whose bits are there', () => {
    const steps = [1000, 2000, 4000].map((count) => {
      const body = bodyOf((out) => keyframe(out, 0, count));
      return checkedSteps(new CountedDecoder([Wide]), body, true);
    });
    expect((steps[2]! - steps[1]!) / (steps[1]! - steps[0]!)).toBeCloseTo(2, 1);
  });

  it.each([
    ['departures', (out: BitWriter) => (tag(out, ElementKind.LaidDelta, 0), emptyLayout(out), out.putGamma(65_535))],
    ['arrivals', (out: BitWriter) => (tag(out, ElementKind.LaidDelta, 1), emptyLayout(out), out.put(1, 1), out.putGamma(65_535))],
    ['rows of a keyframe', (out: BitWriter) => (tag(out, ElementKind.Keyframe, 1), out.putGamma(CAPACITY))],
    ['rows of a mask', (out: BitWriter) => (stayDelta(out, 0), out.put(MaskMode.Sparse, 2), out.putGamma(65_535))],
    ['rows of a bitmap', (out: BitWriter) => (stayDelta(out, 0), out.put(MaskMode.Bitmap, 2))],
  ])('huge numbers of %s that never come are refused', (_, write) => {
    const decoder = holding(3000);
    const body = bodyOf(write);
    expect(body.length).toBeLessThan(12);
    checkedSteps(decoder, body, false);
    expect(decoder.apply(body, false).error).toBeInstanceOf(MalformedSnapshotError);
  });

  it('a stream is looked at once in a body', () => {
    const once = bodyOf((out) => (stayDelta(out, 0), out.put(MaskMode.None, 2), out.put(0, 1)));
    const steps = checkedSteps(holding(4000), once, false);
    const often = bodyOf((out) => {
      for (let n = 0; n < 10_000; n += 1) stayDelta(out, 0), out.put(MaskMode.None, 2), out.put(0, 1);
    });
    const decoder = holding(4000);
    expect(checkedSteps(decoder, often, false)).toBeLessThanOrEqual(steps + 10);
    expect(decoder.apply(often, false).error).toMatchObject({ message: expect.stringContaining('a second time') as string });
  });

  it('rows that are listed in many streams are of one', () => {
    // Each stream takes the rows over from the one before, whose list stays.
    const decoder = holding(1);
    for (let stream = 0; stream < 50; stream += 1) checkedSteps(decoder, bodyOf((out) => keyframe(out, stream, 4000)), false);
    const all = bodyOf((out) => {
      for (let stream = 0; stream < 50; stream += 1) stayDelta(out, stream), out.put(MaskMode.None, 2), out.put(0, 1);
    });
    const { steps, error } = decoder.apply(all, false);
    expect(error).toMatchObject({ message: expect.stringContaining('moved to another stream') as string });
    expect(steps).toBeLessThan(4 * 4000);
  });

  it('sixty thousand streams of nothing cost their bytes', () => {
    const body = bodyOf((out) => {
      for (let stream = 0; stream < 60_000; stream += 1) stayDelta(out, stream);
    });
    checkedSteps(holding(100), body, false);
    const drops = bodyOf((out) => {
      for (let stream = 0; stream < 60_000; stream += 1) tag(out, ElementKind.Drop, stream % 3);
    });
    checkedSteps(holding(100), drops, false);
  });

  it('no mutation of recorded bodies and no bytes without a meaning exceed it', () => {
    const random = new SeededRandom(SEED);
    const decoder = new CountedDecoder(SCHEMAS);
    let taken = 0;
    for (let run = 0; run < 6000; run += 1) {
      const { before, after } = pairs[random.below(pairs.length)]!;
      const isKeyframe = random.below(2) === 0;
      decoder.apply(before.keyframe, true);
      let body = (isKeyframe ? after.keyframe : after.delta).slice();
      if (run % 3 === 0) body = random.bytes(random.below(100)).map((byte) => (run % 2 === 0 ? byte & 0x1f : byte));
      else for (let n = 1 + random.below(3); n > 0; n -= 1) body[random.below(body.length)] = random.next() & 0xff;
      // Steps of this bound are those of one table with 3 numbers; the recorded ones have 7 and 1, of 24 and 60 rows.
      const bound = STEPS_AT_LEAST + 3 * STEPS_PER_BYTE * body.length + 2 * STEPS_PER_ROW_HELD * decoder.rowsHeld;
      const { steps, error } = decoder.apply(body, isKeyframe);
      expect(steps).toBeLessThanOrEqual(bound);
      if (error === undefined) taken += 1;
      else if (!(error instanceof MalformedSnapshotError)) throw error;
    }
    // Of use only when both outcomes happen.
    expect(taken).toBeGreaterThan(100);
    expect(taken).toBeLessThan(5900);
  });
});

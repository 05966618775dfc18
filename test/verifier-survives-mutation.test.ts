import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { verifyClientFrame, verifyServerFrame } from '../src/protocol/verifier.js';
import { readHostileFrames } from './corpus/hostile-frames.js';
import { CLIENT_FRAMES, SERVER_FRAMES } from './corpus/legal-frames.js';
import { readClientFrame, readServerFrame } from './corpus/own-readers.js';
import { SeededRandom } from './corpus/seeded-random.js';
import { walkClientFrame, walkServerFrame } from './corpus/strict-walk.js';

const SEED = 20_260_101;

/** Either refused, or everything the generated code can reach is inside, and our readers find the same. Tells which. */
function isHeldTo(schema: 'client' | 'server', bytes: Uint8Array): boolean {
  if (schema === 'client') {
    if (verifyClientFrame(bytes) !== 0) return false;
    walkClientFrame(bytes);
    readClientFrame(bytes);
  } else {
    if (verifyServerFrame(bytes) !== 0) return false;
    walkServerFrame(bytes);
    readServerFrame(bytes);
  }
  return true;
}

const frames = [
  ...CLIENT_FRAMES.map(({ name, bytes }) => ({ schema: 'client' as const, name, bytes })),
  ...SERVER_FRAMES.map(({ name, bytes }) => ({ schema: 'server' as const, name, bytes })),
];

describe.each(frames)('$schema $name', ({ schema, bytes }) => {
  it('is accepted as it is', () => {
    expect(isHeldTo(schema, bytes)).toBe(true);
  });

  it('every bit flip is refused or reads inside', () => {
    const copy = bytes.slice();
    for (let at = 0; at < copy.length; at++) {
      for (let bit = 0; bit < 8; bit++) {
        copy[at]! ^= 1 << bit;
        isHeldTo(schema, copy);
        copy[at]! ^= 1 << bit;
      }
    }
    expect(copy).toEqual(bytes);
  });

  it('every value of every byte of the structure is refused or reads inside', () => {
    const copy = bytes.slice();
    for (let at = 0; at < Math.min(copy.length, 96); at++) {
      const kept = copy[at]!;
      for (let value = 0; value < 256; value++) {
        copy[at] = value;
        isHeldTo(schema, copy);
      }
      copy[at] = kept;
    }
    expect(copy).toEqual(bytes);
  });

  it('every truncation is refused or reads inside', () => {
    for (let length = 0; length < bytes.length; length++) isHeldTo(schema, bytes.slice(0, length));
  });

  it('read as the other side would send it, it is refused or reads inside', () => {
    isHeldTo(schema === 'client' ? 'server' : 'client', bytes);
  });
});

describe('random', () => {
  it('words of structure overwritten with telling values are refused or read inside', () => {
    const random = new SeededRandom(SEED);
    const telling = [0, 1, 2, 4, 8, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff];
    let accepted = 0;
    for (let run = 0; run < 40_000; run++) {
      const { schema, bytes } = frames[random.below(frames.length)]!;
      const copy = bytes.slice();
      const view = new DataView(copy.buffer);
      for (let n = 1 + random.below(4); n > 0; n--) {
        const value = random.below(3) === 0 ? random.below(copy.length) : telling[random.below(telling.length)]!;
        if (random.below(2) === 0) view.setUint16(2 * random.below((copy.length >> 1) - 1), value, true);
        else view.setUint32(4 * random.below(copy.length >> 2), value, true);
      }
      if (isHeldTo(schema, copy)) accepted += 1;
    }
    // Of use only when both outcomes happen.
    expect(accepted).toBeGreaterThan(1000);
    expect(accepted).toBeLessThan(39_000);
  });

  it('two frames cut and joined are refused or read inside', () => {
    const random = new SeededRandom(SEED + 1);
    for (let run = 0; run < 10_000; run++) {
      const first = frames[random.below(frames.length)]!;
      const second = frames[random.below(frames.length)]!;
      const head = first.bytes.subarray(0, random.below(first.bytes.length));
      const tail = second.bytes.subarray(random.below(second.bytes.length));
      const spliced = new Uint8Array(head.length + tail.length);
      spliced.set(head);
      spliced.set(tail, head.length);
      isHeldTo(first.schema, spliced);
    }
  });

  it('bytes without any meaning are refused or read inside', () => {
    const random = new SeededRandom(SEED + 2);
    for (let run = 0; run < 20_000; run++) {
      const bytes = random.bytes(random.below(96));
      // Small numbers make offsets that land inside, and so walks that get further.
      if (run % 2 === 0) for (let i = 0; i < bytes.length; i++) bytes[i]! &= i % 4 === 0 ? 0x3c : 0;
      isHeldTo('client', bytes);
      isHeldTo('server', bytes);
    }
  });

  it('hostile frames with single bits flipped are refused or read inside', () => {
    for (const { schema, bytes } of readHostileFrames()) {
      const end = Math.min(bytes.length, 256);
      for (let at = 0; at < end; at++) {
        for (let bit = 0; bit < 8; bit++) {
          bytes[at]! ^= 1 << bit;
          isHeldTo(schema, bytes);
          bytes[at]! ^= 1 << bit;
        }
      }
    }
  });

  it('holds for whatever fast-check thinks of', () => {
    const word = fc.oneof(fc.nat(64), fc.constantFrom(0x00080006, 0x000c000a, 0x00040008), fc.nat(0xffff_ffff));
    fc.assert(
      fc.property(fc.array(word, { minLength: 2, maxLength: 40 }), fc.nat(3), (words, cut) => {
        const bytes = new Uint8Array(Uint32Array.from(words).buffer).slice(0, words.length * 4 - cut);
        isHeldTo('client', bytes);
        isHeldTo('server', bytes);
      }),
      { seed: SEED, numRuns: 5000 },
    );
  });
});

/**
 * The loop that compares a facet with its baseline: where an encoder spends most of its time.
 *
 * It is generated for each coding of numbers, which are written out one after the other. A loop over numbers inside the loop
 * over rows has to fetch each number's coding for every single value, as V8 moves it out of neither: 1,000 rows of 5 numbers
 * took 42 us that way, a loop over rows inside one over numbers 43 us with the passes it needs besides, and this takes 17 us
 * (medians, one run, Node 20). All columns of a kind are in one array, as each array more costs the loop a register or two.
 * For a facet of one number, a Fixed, the source is:
 *
 * ```
 *   const c0 = offsets[0], q0 = 0, m0 = stride, w0 = 0;           // where the columns begin
 *   for (let stream = 0; stream < streamCount; stream += 1) {
 *     let moving = 0;
 *     maskedStarts[stream] = count;
 *     for (let k = starts[stream]; k < starts[stream + 1]; k += 1) {
 *       const slot = order[k];
 *       let any = 0, r0 = 0;
 *       const now0 = current[c0 + slot], motion0 = baseline[m0 + slot], change0 = (now0 - baseline[q0 + slot]) | 0;
 *       if ((change0 | motion0) !== 0) {                          // not at rest, as most numbers are
 *         moving = 1;
 *         any |= r0 = (change0 - (motion0 & linear0)) | 0;        // linear0: -1 when predicted to go on as it went, else 0
 *         baseline[q0 + slot] = now0;
 *         baseline[m0 + slot] = change0;
 *       }
 *       if (any === 0) { dirty[k] = 0; continue; }
 *       dirty[k] = 1;
 *       masked[count] = k;
 *       const z0 = ((r0 << 1) ^ (r0 >> 31)) >>> 0;                // zigzag
 *       written[w0 + count] = z0;
 *       if (z0 < 15) { counts[z0] += 1; small0 |= 1 << z0; }      // the code's class: see column-widths.ts
 *       else { const e0 = 31 - Math.clz32(z0); counts[12 + e0] += 1; large0 |= 1 << e0; }
 *       count += 1;
 *     }
 *     active[stream] = moving;
 *   }
 * ```
 *
 * Nothing but counted names and numbers goes into the source, so no schema can smuggle code into it.
 */
import { CODE_CLASSES } from './column-widths.js';
import type { EncoderScratch } from './encoder-scratch.js';
import type { NumberCoding } from './facet.js';

/**
 * Moves the baseline on, and lists in the scratch which rows differ from their prediction, and their codes.
 *
 * @param current the table's quanta; number n of a row is at offsets[n] + slot
 * @param baseline of n numbers first n columns of quanta, then n of motions, `stride` words each
 * @param order rows by stream, `starts` where each stream's begin
 * @param active by stream: 1 is written where any number isn't at rest, 0 elsewhere
 * @param maskedStarts where each stream's rows begin in the list
 * @param linear by number: 1 when it is predicted to go on as it went
 * @returns how many rows are listed
 */
export type DiffLoop = (
  scratch: EncoderScratch,
  current: Int32Array,
  offsets: Int32Array,
  baseline: Int32Array,
  stride: number,
  order: Uint16Array,
  starts: Int32Array,
  streamCount: number,
  active: Uint8Array,
  maskedStarts: Int32Array,
  linear: Uint8Array,
) => number;

/** The loops of a shard: one for all facets whose numbers are coded alike, so that it is compiled and warmed up once. */
export class DiffLoops {
  private readonly loops = new Map<string, DiffLoop>();

  of(numbers: readonly NumberCoding[]): DiffLoop {
    const shifts = numbers.map(({ wrapShift }) => wrapShift);
    const key = shifts.join();
    let loop = this.loops.get(key);
    if (loop === undefined) this.loops.set(key, (loop = compile(shifts)));
    return loop;
  }
}

/** @param shifts the wrapShift of each number */
function compile(shifts: readonly number[]): DiffLoop {
  /** A line of the source for each number. `wrap` makes a sum a signed integer of the number's bits. */
  const each = (line: (n: number, wrap: (sum: string) => string) => string): string =>
    shifts.map((by, n) => line(n, (sum) => (by === 0 ? `(${sum}) | 0` : `((${sum}) << ${by}) >> ${by}`))).join('\n');
  const source = `'use strict';
    return function diff(
      scratch, current, offsets, baseline, stride, order, starts, streamCount, active, maskedStarts, linear
    ) {
      const dirty = scratch.dirty, masked = scratch.masked, small = scratch.small, large = scratch.large;
      const written = scratch.allWritten, rows = scratch.rows, counts = scratch.allCounts;
      ${each((n) => `const c${n} = offsets[${n}], q${n} = ${n} * stride, m${n} = ${shifts.length + n} * stride;`)}
      ${each((n) => `const w${n} = ${n} * rows, linear${n} = -linear[${n}];`)}
      ${each((n) => `let small${n} = 0, large${n} = 0;`)}
      let count = 0;
      for (let stream = 0; stream < streamCount; stream += 1) {
        let moving = 0;
        maskedStarts[stream] = count;
        const end = starts[stream + 1];
        for (let k = starts[stream]; k < end; k += 1) {
          const slot = order[k];
          let any = 0;
          ${each(
            (n, wrap) => `
          let r${n} = 0;
          const now${n} = current[c${n} + slot], motion${n} = baseline[m${n} + slot];
          const change${n} = ${wrap(`now${n} - baseline[q${n} + slot]`)};
          if ((change${n} | motion${n}) !== 0) {
            moving = 1;
            any |= r${n} = ${wrap(`change${n} - (motion${n} & linear${n})`)};
            baseline[q${n} + slot] = now${n};
            baseline[m${n} + slot] = change${n};
          }`,
          )}
          if (any === 0) {
            dirty[k] = 0;
            continue;
          }
          dirty[k] = 1;
          masked[count] = k;
          ${each(
            (n) => `
          const z${n} = ((r${n} << 1) ^ (r${n} >> 31)) >>> 0;
          written[w${n} + count] = z${n};
          if (z${n} < 15) {
            counts[${CODE_CLASSES * n} + z${n}] += 1;
            small${n} |= 1 << z${n};
          } else {
            const e${n} = 31 - Math.clz32(z${n});
            counts[${CODE_CLASSES * n + 12} + e${n}] += 1;
            large${n} |= 1 << e${n};
          }`,
          )}
          count += 1;
        }
        active[stream] = moving;
      }
      maskedStarts[streamCount] = count;
      ${each((n) => `small[${n}] = small${n}; large[${n}] = large${n};`)}
      return count;
    };`;
  return (new Function(source) as () => DiffLoop)();
}

/**
 * The loop that compares a facet with its baseline: where an encoder spends most of its time.
 *
 * It is generated for each facet, its numbers written out one after the other. A loop over numbers inside the loop over rows
 * has to fetch each column's address and coding for every single value, as V8 moves neither out of it: 1,000 rows of 5
 * numbers took 42 us that way, a loop over rows inside one over numbers 43 us with the passes it needs besides, and this
 * takes 17 us (medians, one run, Node 20). For a facet of one number x, a Fixed, the source is:
 *
 * ```
 *   for (let stream = 0; stream < streamCount; stream += 1) {
 *     let moving = 0;
 *     maskedStarts[stream] = count;
 *     for (let k = starts[stream]; k < starts[stream + 1]; k += 1) {
 *       const slot = order[k];
 *       let any = 0, r0 = 0;
 *       const q0 = c0[slot], m0 = motions0[slot], d0 = (q0 - quanta0[slot]) | 0;   // c0: the column's current quanta
 *       if ((d0 | m0) !== 0) {                                  // not at rest, as most numbers are
 *         moving = 1;
 *         any |= r0 = (d0 - (m0 & linear0)) | 0;                // linear0: -1 when predicted to go on as it went, else 0
 *         quanta0[slot] = q0;
 *         motions0[slot] = d0;
 *       }
 *       if (any === 0) { dirty[k] = 0; continue; }
 *       dirty[k] = 1;
 *       masked[count] = k;
 *       const z0 = ((r0 << 1) ^ (r0 >> 31)) >>> 0;              // zigzag
 *       written0[count] = z0;
 *       if (z0 < 15) { counts0[z0] += 1; small0 |= 1 << z0; }   // the code's class: see column-widths.ts
 *       else { const e0 = 31 - Math.clz32(z0); counts0[12 + e0] += 1; large0 |= 1 << e0; }
 *       count += 1;
 *     }
 *     if (moving !== 0) active[stream] = 1;
 *   }
 * ```
 *
 * Nothing but counted names and numbers goes into the source, so no schema can smuggle code into it.
 */
import type { EncoderScratch } from './encoder-scratch.js';
import type { NumberCoding } from './facet.js';

/**
 * Moves the baseline on, and lists in the scratch which rows differ from their prediction, and their codes.
 *
 * @param order rows by stream, `starts` where each stream's begin
 * @param active 1 is written for streams with any number that isn't at rest
 * @param maskedStarts where each stream's rows begin in the list
 * @param linear by number: 1 when it is predicted to go on as it went
 * @returns how many rows are listed
 */
export type DiffLoop = (
  scratch: EncoderScratch,
  order: Uint16Array,
  starts: Int32Array,
  streamCount: number,
  active: Uint8Array,
  maskedStarts: Int32Array,
  linear: Uint8Array,
) => number;

/**
 * @param current by number: the table's quanta
 * @param quanta by number: the baseline
 * @param motions by number: the baseline's last change
 */
export function compileDiffLoop(
  numbers: readonly NumberCoding[],
  current: readonly Int32Array[],
  quanta: readonly Int32Array[],
  motions: readonly Int32Array[],
): DiffLoop {
  /** A line of the source for each number. `wrap` makes a sum a signed integer of the number's bits. */
  const each = (line: (n: number, wrap: (sum: string) => string) => string): string =>
    numbers
      .map(({ wrapShift: by }, n) => line(n, (sum) => (by === 0 ? `(${sum}) | 0` : `((${sum}) << ${by}) >> ${by}`)))
      .join('\n');
  const source = `
    'use strict';
    ${each((n) => `const c${n} = current[${n}], quanta${n} = quanta[${n}], motions${n} = motions[${n}];`)}
    return function diff(scratch, order, starts, streamCount, active, maskedStarts, linear) {
      const dirty = scratch.dirty, masked = scratch.masked, small = scratch.small, large = scratch.large;
      ${each((n) => `const written${n} = scratch.written[${n}], counts${n} = scratch.counts[${n}], linear${n} = -linear[${n}];`)}
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
          const q${n} = c${n}[slot], m${n} = motions${n}[slot], d${n} = ${wrap(`q${n} - quanta${n}[slot]`)};
          if ((d${n} | m${n}) !== 0) {
            moving = 1;
            any |= r${n} = ${wrap(`d${n} - (m${n} & linear${n})`)};
            quanta${n}[slot] = q${n};
            motions${n}[slot] = d${n};
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
          written${n}[count] = z${n};
          if (z${n} < 15) {
            counts${n}[z${n}] += 1;
            small${n} |= 1 << z${n};
          } else {
            const e${n} = 31 - Math.clz32(z${n});
            counts${n}[12 + e${n}] += 1;
            large${n} |= 1 << e${n};
          }`,
          )}
          count += 1;
        }
        if (moving !== 0) active[stream] = 1;
      }
      maskedStarts[streamCount] = count;
      ${each((n) => `small[${n}] = small${n}; large[${n}] = large${n};`)}
      return count;
    };`;
  const make = new Function('current', 'quanta', 'motions', source) as (...columns: (readonly Int32Array[])[]) => DiffLoop;
  return make(current, quanta, motions);
}

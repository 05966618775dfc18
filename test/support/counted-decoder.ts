/**
 * A decoder whose work is counted: every number of a row that it looks at or writes. Time would tell the same, with the
 * machine's noise in it.
 */
import { BodyDecoder } from '../../src/codec/body-decoder.js';
import { facetsOf } from '../../src/codec/facet.js';
import { FacetImage } from '../../src/codec/facet-image.js';
import { RowChanges } from '../../src/codec/row-changes.js';
import type { TableSchema } from '../../src/state/schema.js';

export class CountedDecoder {
  steps = 0;
  readonly images: readonly FacetImage[];
  private readonly decoder: BodyDecoder;

  constructor(schemas: readonly TableSchema[]) {
    this.images = facetsOf(schemas).map((facet) => {
      const image = new FacetImage(facet);
      const { stream } = image;
      return Object.assign(image, {
        homes: this.counted(image.homes),
        generations: this.counted(image.generations),
        quanta: image.quanta.map((column) => this.counted(column)),
        motions: image.motions.map((column) => this.counted(column)),
        stream: (number: number) => {
          const isNew = !image.streams.has(number);
          const rows = stream.call(image, number);
          this.steps += 1;
          if (isNew) this.countSlots(rows);
          return rows;
        },
      });
    });
    this.decoder = new BodyDecoder(this.images, schemas.map(({ capacity }) => new RowChanges(capacity)));
  }

  /** @returns the work that the body took, and whether it was taken */
  apply(body: Uint8Array, isKeyframe: boolean): { steps: number; error: unknown } {
    this.steps = 0;
    try {
      this.decoder.apply(body, 0, body.length, isKeyframe);
      return { steps: this.steps, error: undefined };
    } catch (error) {
      return { steps: this.steps, error };
    }
  }

  get rowsHeld(): number {
    return this.images.reduce((sum, { streams }) => {
      for (const { count } of streams.values()) sum += count;
      return sum;
    }, 0);
  }

  /** A stream's list may be replaced by a longer one. */
  private countSlots(rows: { slots: Uint16Array }): void {
    let slots = this.counted(rows.slots);
    Object.defineProperty(rows, 'slots', { get: () => slots, set: (next: Uint16Array) => (slots = this.counted(next)) });
  }

  private counted<T extends Uint16Array | Int32Array>(array: T): T {
    return new Proxy(array, {
      get: (target, key) => {
        if (typeof key === 'string' && key !== 'length') {
          this.steps += 1;
          return target[key as unknown as number];
        }
        return Reflect.get(target, key, target) as unknown;
      },
      set: (target, key, value) => {
        this.steps += 1;
        target[key as unknown as number] = value as number;
        return true;
      },
    });
  }
}

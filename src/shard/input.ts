/** Typed inputs: what clients send at their own rate, and the room reads at its ticks. */
import { InputRecordCodec } from '../protocol/input-record.js';
import type { Fields, Values } from '../state/field.js';
import type { InputSchema } from '../state/schema.js';
import type { Client } from './client.js';

/** A room's declared input, as `this.input(Move)` makes it. */
export class Input<F extends Fields = Fields> {
  /** @internal */
  readonly codec: InputRecordCodec;
  private readonly record: Record<string, number | boolean> = {};

  constructor(readonly schema: InputSchema<F>) {
    this.codec = new InputRecordCodec(schema.fieldNames, schema.fieldList);
    for (const name of schema.fieldNames) this.record[name] = 0;
  }

  /**
   * The client's next waiting input, oldest first, or undefined when there is none (any more). Its sequence number counts
   * as processed from here on. Always the same object: copy what is to be kept.
   *
   * ```ts
   * let move;
   * while ((move = this.moves.next(client))) { … }
   * ```
   */
  next(client: Client): Readonly<Values<F>> | undefined {
    const queue = client.inputs;
    if (queue === null) return undefined;
    const offset = queue.shift();
    if (offset < 0) return undefined;
    this.codec.readInto(queue.records, offset, this.record);
    return this.record as Readonly<Values<F>>;
  }
}

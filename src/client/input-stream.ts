/** A client's inputs to its room: numbered, packed as the room declared them, and acknowledged by its snapshots. */
import { InputFrameWriter } from '../protocol/client-frames.js';
import { inputSchemaOfSpecs } from '../protocol/field-specs.js';
import { InputRecordCodec } from '../protocol/input-record.js';
import type { FieldSpec } from '../protocol/specs.js';
import type { InputSchema } from '../state/schema.js';
import { InputError } from './client-errors.js';

const SEQ_LOW_BITS = 0xffff;

export class InputStream {
  /** Sequence number of the last input whose effect is in the state held; 0 before the first. */
  processedSeq: number;
  private readonly schema: InputSchema | null;
  private readonly codec: InputRecordCodec | null;
  private readonly writer: InputFrameWriter | null;

  /**
   * @param sentSeq of the session's newest input so far.
   * @throws RangeError when the handshake describes what no room could declare.
   */
  constructor(private readonly roomName: string, specs: readonly FieldSpec[], private sentSeq: number) {
    this.processedSeq = sentSeq;
    this.schema = inputSchemaOfSpecs(specs);
    this.codec = this.schema && new InputRecordCodec(this.schema.fieldNames, this.schema.fieldList);
    this.writer = this.codec && new InputFrameWriter(this.codec.bytes);
  }

  /** @throws InputError when the room takes no input, or none with such a field. */
  check(values: object): void {
    const { schema, roomName } = this;
    if (schema === null) {
      throw new InputError(`room ${roomName} takes no input; declare one in it: moves = this.input(Move)`);
    }
    for (const name in values) {
      if (!(name in schema.fields)) {
        throw new InputError(`room ${roomName} has no input field ${name}; it has ${schema.fieldNames.join(', ')}`);
      }
    }
  }

  /** The frame of the next input, which has been checked; it is overwritten by the one after. */
  write(values: object, heldTick: number): Uint8Array {
    const { codec, writer } = this;
    this.sentSeq = (this.sentSeq + 1) >>> 0;
    codec!.write(writer!.frame, writer!.bodyOffset, values as Record<string, unknown>);
    return writer!.write(this.sentSeq, heldTick);
  }

  /** Sequence number of the newest input. */
  get newestSeq(): number {
    return this.sentSeq;
  }

  /** A snapshot carries the low 16 bits of the number; it can't be further than that behind the newest one sent. */
  acknowledge(ack: number): void {
    const acked = this.sentSeq - ((this.sentSeq - ack) & SEQ_LOW_BITS);
    if (acked > this.processedSeq) this.processedSeq = acked;
  }

  /** What was sent over a connection that is lost was taken or is lost with it: nothing of it will be acknowledged. */
  settle(): void {
    this.processedSeq = this.sentSeq;
  }
}

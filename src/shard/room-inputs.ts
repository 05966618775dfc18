/** The inputs of a room's clients: what may come in, and where it waits for the room's next tick. */
import { ShardCounter, type CounterBlock } from '../memory/counters.js';
import { CloseCode } from '../protocol/close-codes.js';
import { specsOfFields } from '../protocol/field-specs.js';
import type { FieldSpec } from '../protocol/specs.js';
import type { Client } from './client.js';
import type { Input } from './input.js';
import { InputQueue } from './input-queue.js';

/** The room whose inputs they are. */
export interface InputRoom {
  readonly tick: number;
  readonly tickRateHz: number;
  closeClient(client: Client, code: number, reason: string): void;
  /** Tells the client that something it sent was not taken. */
  reject(client: Client, type: string, field: string, reason: string): void;
}

export class RoomInputs {
  private declared: Input | null = null;

  constructor(
    private readonly room: InputRoom,
    private readonly counters: CounterBlock,
  ) {}

  declare(input: Input): void {
    if (this.declared !== null) throw new Error('a room has one input record; put all fields into it');
    this.declared = input;
  }

  /** A new client's; null when the room takes no input. */
  createQueue(): InputQueue | null {
    return this.declared === null ? null : new InputQueue(this.declared.codec.bytes);
  }

  /** For the handshake; empty when the room takes no input. */
  get specs(): FieldSpec[] {
    return this.declared === null ? [] : specsOfFields(this.declared.schema);
  }

  /**
   * Queues the record at `source[offset..)`. One with a value out of its field's range isn't queued, but its sequence number
   * counts as seen: the client goes on, and is told of it at most once in a second of the room's time. A record of another
   * length than declared ends the client's session.
   */
  take(client: Client, seq: number, source: Uint8Array, offset: number, bytes: number): void {
    const { inputs } = client;
    if (inputs === null || bytes !== inputs.recordBytes) {
      const expected = inputs === null ? 'none: the room takes no input' : `${inputs.recordBytes}`;
      this.room.closeClient(client, CloseCode.Malformed, `input of ${bytes} bytes; expected ${expected}`);
      return;
    }
    this.counters.add(ShardCounter.inputsIn);
    const f = this.declared!.codec.problemField(source, offset);
    if (f < 0) {
      const dropped = inputs.push(seq, source, offset);
      if (dropped > 0) this.counters.add(ShardCounter.inputsDropped, dropped);
    } else if (inputs.skip(seq)) {
      this.reject(client, source, offset, f);
    } else {
      this.counters.add(ShardCounter.inputsDropped);
    }
  }

  private reject(client: Client, source: Uint8Array, offset: number, f: number): void {
    const { room, declared } = this;
    this.counters.add(ShardCounter.inputsRejected);
    if (room.tick < client.inputRejectedFromTick) return;
    client.inputRejectedFromTick = room.tick + room.tickRateHz;
    room.reject(client, '', declared!.codec.fieldName(f), declared!.codec.problemText(source, offset, f));
  }
}

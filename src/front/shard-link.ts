/** The front's ends of one shard's rings: inputs go in, egress instructions come out. */
import { FrontCounter, type CounterBlock } from '../memory/counters.js';
import { Ingress, INPUT_HEAD_BYTES, MESSAGE_HEAD_BYTES } from '../memory/records.js';
import type { RingConsumer } from '../memory/ring-consumer.js';
import type { RingProducer } from '../memory/ring-producer.js';

export class ShardLink {
  constructor(
    readonly index: number,
    readonly ingress: RingProducer,
    readonly egress: RingConsumer,
    /** The shard's own counters, to read only. */
    readonly shardCounters: CounterBlock,
    private readonly counters: CounterBlock,
    /** Called after each publication: what is said to the shard otherwise comes after what clients sent. */
    private readonly published: () => void = () => {},
  ) {}

  /**
   * The shard sees records after `publish`, and isn't woken by it: it looks at its ring when a tick is due.
   *
   * A full ring drops the record and counts it: the newest input supersedes it, and the front must not wait.
   */
  input(key: number, seq: number, ackTick: number, source: Uint8Array, offset: number, bytes: number): boolean {
    const ring = this.ingress;
    const at = ring.tryReserve(INPUT_HEAD_BYTES + bytes);
    if (at < 0) return this.dropped();
    const { words, bytes: target } = ring;
    const word = at >> 2;
    words[word] = key;
    words[word + 1] = seq;
    words[word + 2] = ackTick;
    words[word + 3] = bytes;
    const start = at + INPUT_HEAD_BYTES;
    for (let i = 0; i < bytes; i += 1) target[start + i] = source[offset + i]!;
    ring.commit(Ingress.Input);
    return true;
  }

  message(key: number, frame: Uint8Array): boolean {
    const ring = this.ingress;
    const at = ring.tryReserve(MESSAGE_HEAD_BYTES + frame.length);
    if (at < 0) return this.dropped();
    ring.words[at >> 2] = key;
    ring.words[(at >> 2) + 1] = frame.length;
    ring.bytes.set(frame, at + MESSAGE_HEAD_BYTES);
    ring.commit(Ingress.Message);
    return true;
  }

  ack(key: number, ackTick: number, received: number): boolean {
    return this.words3(Ingress.Ack, key, ackTick, received);
  }

  resync(key: number): boolean {
    return this.words3(Ingress.Resync, key, 0, 0);
  }

  private words3(type: number, first: number, second: number, third: number): boolean {
    const ring = this.ingress;
    const at = ring.tryReserve(12);
    if (at < 0) return this.dropped();
    ring.words[at >> 2] = first;
    ring.words[(at >> 2) + 1] = second;
    ring.words[(at >> 2) + 2] = third;
    ring.commit(type);
    return true;
  }

  /** Shows the shard what was written since the last time. */
  publish(): void {
    this.ingress.publish();
    this.published();
  }

  private dropped(): false {
    this.ingress.publish(); // or a ring that is full of what was never shown would stay full
    this.counters.add(FrontCounter.ingressDropped);
    return false;
  }
}

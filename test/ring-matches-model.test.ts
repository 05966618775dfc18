import { expect, it } from 'vitest';
import { RingConsumer } from '../src/memory/ring-consumer.js';
import { createRing } from '../src/memory/ring-layout.js';
import { RingProducer } from '../src/memory/ring-producer.js';
import { SeededRandom } from './support/record-sequence.js';

interface ModelRecord {
  type: number;
  payload: number[];
}

/**
 * What a ring promises, without bytes or cursors: three queues and a count of the bytes in use. Cursors here are plain
 * numbers that never wrap.
 */
class ModelRing {
  batch: ModelRecord[] = [];
  published: ModelRecord[] = [];
  private tail: number;
  private publishedTail: number;
  private head: number;
  private releasedHead: number;
  private ends: number[] = [];

  constructor(readonly capacityBytes: number, first: number) {
    this.tail = this.publishedTail = this.head = this.releasedHead = first;
  }

  /** Where a record of so many bytes would start, or -1 when it has no room. */
  place(lengthBytes: number): number {
    const sizeBytes = 8 + Math.ceil(lengthBytes / 8) * 8;
    const rest = this.capacityBytes - (this.tail % this.capacityBytes);
    const start = sizeBytes > rest ? this.tail + rest : this.tail;
    return start + sizeBytes - this.releasedHead > this.capacityBytes ? -1 : start;
  }

  commit(start: number, record: ModelRecord): void {
    this.tail = start + 8 + Math.ceil(record.payload.length / 8) * 8;
    this.ends.push(this.tail);
    this.batch.push(record);
  }

  publish(): boolean {
    const any = this.batch.length > 0;
    this.published.push(...this.batch.splice(0));
    this.publishedTail = this.tail;
    return any;
  }

  next(): ModelRecord | undefined {
    const record = this.published.shift();
    if (record !== undefined) this.head = this.ends.shift()!;
    return record;
  }

  release(): void {
    this.releasedHead = this.head;
  }

  get writtenBytes(): number {
    return this.tail - this.releasedHead;
  }

  get readableBytes(): number {
    return this.publishedTail - this.releasedHead;
  }
}

it.each([
  { seed: 1, capacityBytes: 32 }, { seed: 2, capacityBytes: 64 }, { seed: 3, capacityBytes: 256 },
  { seed: 4, capacityBytes: 4096 },
])('30,000 random steps agree with a naive model: seed $seed, $capacityBytes bytes', ({ seed, capacityBytes }) => {
  const random = new SeededRandom(seed);
  const firstCursor = 2 ** 32 - 8 * (1 + random.below(4 * capacityBytes / 8));
  const sab = createRing(capacityBytes, firstCursor);
  const producer = new RingProducer(sab);
  const consumer = new RingConsumer(sab);
  const model = new ModelRing(capacityBytes, firstCursor);
  let records = 0;
  let refusals = 0;

  for (let step = 0; step < 30_000; step++) {
    const where = `seed ${seed}, step ${step}`;
    const action = random.below(10);
    if (action < 5) {
      const reserveBytes = random.below(producer.recordBytesMax + 1) >> random.below(6);
      const start = model.place(reserveBytes);
      const offset = producer.tryReserve(reserveBytes);
      expect(offset, where).toBe(start === -1 ? -1 : (start % capacityBytes) + 8);
      if (offset === -1) {
        refusals++;
      } else if (random.below(8) > 0) { // else it is given up
        const lengthBytes = random.below(3) === 0 ? random.below(reserveBytes + 1) : reserveBytes;
        const payload = Array.from({ length: lengthBytes }, () => random.below(256));
        producer.bytes.set(payload, offset);
        const type = 1 + random.below(2 ** 31 - 1);
        producer.commit(type, lengthBytes);
        model.commit(start, { type, payload });
      }
    } else if (action < 7) {
      expect(producer.publish(), where).toBe(model.publish());
    } else if (action < 9) {
      for (let left = random.below(6); left > 0; left--) {
        const offset = consumer.next();
        const expected = model.next();
        if (expected === undefined) {
          expect(offset, where).toBe(-1);
          break;
        }
        const payload = Array.from(consumer.bytes.subarray(offset, offset + consumer.lengthBytes));
        expect({ type: consumer.type, payload }, where).toEqual(expected);
        records++;
      }
    } else {
      consumer.release();
      model.release();
    }
    if (producer.usedBytes !== model.writtenBytes || consumer.usedBytes !== model.readableBytes
      || consumer.isEmpty !== (model.published.length === 0)) {
      expect.fail(`${where}: used ${producer.usedBytes}, ${consumer.usedBytes}, empty ${consumer.isEmpty}`);
    }
  }
  expect(records).toBeGreaterThan(2_500);
  expect(refusals).toBeGreaterThan(500);
});

import { describe, expect, it } from 'vitest';
import { RingConsumer } from '../src/memory/ring-consumer.js';
import {
  createRing, PADDING_TYPE, RING_DATA_OFFSET, RING_HEAD_INDEX, RING_TAIL_INDEX,
} from '../src/memory/ring-layout.js';
import { RingProducer } from '../src/memory/ring-producer.js';

const CAPACITY = 64;

/** A ring of 64 bytes whose cursors both stand at `cursor`, with its two ends and a look at the raw words. */
function ringAt(cursor: number, capacityBytes = CAPACITY) {
  const sab = createRing(capacityBytes, cursor);
  const control = new Int32Array(sab, 0, RING_DATA_OFFSET >> 2);
  return {
    producer: new RingProducer(sab),
    consumer: new RingConsumer(sab),
    data: new Int32Array(sab, RING_DATA_OFFSET),
    tail: () => control[RING_TAIL_INDEX] >>> 0,
    head: () => control[RING_HEAD_INDEX] >>> 0,
  };
}

function write(producer: RingProducer, type: number, lengthBytes: number): number {
  const offset = producer.tryReserve(lengthBytes);
  if (offset !== -1) producer.commit(type);
  return offset;
}

describe('a batch', () => {
  it('is invisible until it is published, and published with one step of tail', () => {
    const { producer, consumer, tail } = ringAt(0);
    write(producer, 1, 8);
    write(producer, 2, 0);
    expect(tail()).toBe(0);
    expect(consumer.next()).toBe(-1);

    expect(producer.publish()).toBe(true);
    expect(tail()).toBe(16 + 8);
    expect(consumer.next()).toBe(8);
    expect([consumer.type, consumer.lengthBytes]).toEqual([1, 8]);
    expect(consumer.next()).toBe(24);
    expect([consumer.type, consumer.lengthBytes]).toEqual([2, 0]);
    expect(consumer.next()).toBe(-1);
  });

  it('that is empty publishes nothing and says so', () => {
    const { producer, tail } = ringAt(8);
    expect(producer.publish()).toBe(false);
    producer.tryReserve(8);
    expect(producer.publish()).toBe(false);
    expect(tail()).toBe(8);
  });

  it('gives its bytes back at release, not at next', () => {
    const { producer, consumer, head } = ringAt(0);
    write(producer, 1, 24);
    write(producer, 1, 24);
    producer.publish();
    expect(producer.tryReserve(0)).toBe(-1);
    consumer.next();
    expect(head()).toBe(0);
    expect(producer.tryReserve(0)).toBe(-1);
    consumer.release();
    expect(head()).toBe(32);
    expect(producer.tryReserve(24)).toBe(8);
    expect(producer.freeBytes).toBe(32);
    expect(consumer.usedBytes).toBe(32);
  });

  it('keeps a reservation made before publish', () => {
    const { producer, consumer } = ringAt(0);
    write(producer, 1, 8);
    const offset = producer.tryReserve(8);
    producer.publish();
    producer.view.setUint32(offset, 77, true);
    producer.commit(2);
    producer.publish();
    consumer.next();
    expect(consumer.view.getUint32(consumer.next(), true)).toBe(77);
    expect(consumer.type).toBe(2);
  });

  it('leaves out a reservation that was given up', () => {
    const { producer, consumer } = ringAt(0);
    expect(producer.tryReserve(24)).toBe(8);
    expect(write(producer, 3, 8)).toBe(8);
    producer.publish();
    expect(consumer.next()).toBe(8);
    expect([consumer.type, consumer.lengthBytes]).toEqual([3, 8]);
    expect(consumer.next()).toBe(-1);
  });
});

describe('full and empty', () => {
  it('differ although every byte can be used', () => {
    const { producer, consumer } = ringAt(0);
    expect(consumer.isEmpty).toBe(true);
    expect(producer.freeBytes).toBe(CAPACITY);
    for (let i = 0; i < CAPACITY / 8; i++) expect(write(producer, 1 + i, 0)).toBe(8 * i + 8);
    producer.publish();
    expect(producer.freeBytes).toBe(0);
    expect(producer.usedBytes).toBe(CAPACITY);
    expect(consumer.isEmpty).toBe(false);
    expect(producer.tryReserve(0)).toBe(-1);

    for (let i = 0; i < CAPACITY / 8; i++) {
      expect(consumer.next()).toBe(8 * i + 8);
      expect(consumer.type).toBe(1 + i);
    }
    expect(consumer.next()).toBe(-1);
    expect(consumer.isEmpty).toBe(true);
    consumer.release();
    expect(producer.freeBytes).toBe(CAPACITY);
    expect(write(producer, 9, 0)).toBe(8);
  });

  it('a record that exactly fits is taken, one that is 8 bytes larger is not', () => {
    const { producer } = ringAt(0);
    write(producer, 1, 24);
    expect(producer.tryReserve(24)).toBe(40);
    write(producer, 1, 16);
    expect(producer.tryReserve(8)).toBe(-1);
    expect(producer.tryReserve(1)).toBe(-1);
    expect(producer.tryReserve(0)).toBe(64);
  });

  it('after a refusal there is nothing to commit', () => {
    const { producer } = ringAt(0);
    write(producer, 1, 24);
    write(producer, 1, 24);
    expect(producer.tryReserve(8)).toBe(-1);
    expect(() => producer.commit(1)).toThrow('commit without a reservation');
  });
});

describe('the end of the data', () => {
  it('is met exactly without padding', () => {
    const { producer, consumer, data } = ringAt(40);
    expect(write(producer, 1, 16)).toBe(48);
    expect(write(producer, 2, 8)).toBe(8);
    producer.publish();
    expect(data[40 / 4 + 1]).toBe(1);
    expect(consumer.next()).toBe(48);
    expect(consumer.next()).toBe(8);
    expect(consumer.type).toBe(2);
  });

  it('gets a padding record when the next one would straddle it', () => {
    const { producer, consumer, data, tail, head } = ringAt(40);
    expect(write(producer, 1, 17)).toBe(8);
    producer.publish();
    expect([data[10], data[11]]).toEqual([16, PADDING_TYPE]);
    expect(tail()).toBe(64 + 32);
    expect(consumer.next()).toBe(8);
    expect([consumer.type, consumer.lengthBytes]).toEqual([1, 17]);
    expect(consumer.next()).toBe(-1);
    consumer.release();
    expect(head()).toBe(64 + 32);
  });

  it('has room for a padding header even when only 8 bytes are left', () => {
    const { producer, consumer, data } = ringAt(56);
    expect(write(producer, 1, 1)).toBe(8);
    producer.publish();
    expect([data[14], data[15]]).toEqual([0, PADDING_TYPE]);
    expect(consumer.next()).toBe(8);
  });

  it('counts padding as used: a record that fits only without it is refused', () => {
    const { producer, consumer, tail } = ringAt(16);
    write(producer, 1, 24); // 16 to 48
    producer.publish();
    expect(producer.tryReserve(16)).toBe(-1); // 16 bytes of padding, then 24 where only 16 are free
    expect(producer.tryReserve(8)).toBe(56);
    consumer.next();
    consumer.release();
    expect(write(producer, 2, 16)).toBe(8);
    producer.publish();
    expect(tail()).toBe(64 + 24);
    expect(consumer.next()).toBe(8);
  });

  it('is not padded by a reservation that is given up', () => {
    const { producer, consumer } = ringAt(40);
    producer.tryReserve(24); // would pad
    expect(write(producer, 1, 8)).toBe(48); // fits before the end
    producer.publish();
    expect(consumer.next()).toBe(48);
    expect([consumer.type, consumer.lengthBytes]).toEqual([1, 8]);
    expect(consumer.next()).toBe(-1);
  });

  it('leaves room for the longest record in an empty ring, wherever the cursors stand', () => {
    for (let cursor = 0; cursor < 2 * CAPACITY; cursor += 8) {
      const { producer, consumer } = ringAt(cursor);
      expect(write(producer, 1, producer.recordBytesMax)).toBeGreaterThan(0);
      producer.publish();
      const offset = consumer.next();
      expect(offset + consumer.lengthBytes).toBeLessThanOrEqual(CAPACITY);
      expect(consumer.lengthBytes).toBe(24);
    }
  });
});

describe('a smaller commit', () => {
  it('gives the rest back to the batch', () => {
    const { producer, consumer, tail } = ringAt(0);
    producer.tryReserve(24);
    producer.commit(1, 3);
    expect(write(producer, 2, 8)).toBe(16 + 8);
    producer.publish();
    expect(tail()).toBe(16 + 16);
    consumer.next();
    expect([consumer.type, consumer.lengthBytes]).toEqual([1, 3]);
    expect(consumer.next()).toBe(24);
  });

  it('of 0 bytes is a record', () => {
    const { producer, consumer } = ringAt(0);
    producer.tryReserve(24);
    producer.commit(1, 0);
    producer.publish();
    expect(consumer.next()).toBe(8);
    expect(consumer.lengthBytes).toBe(0);
  });

  it('after padding leaves the padding where it is', () => {
    const { producer, consumer, tail } = ringAt(48);
    expect(producer.tryReserve(24)).toBe(8);
    producer.commit(1, 4);
    producer.publish();
    expect(tail()).toBe(64 + 16);
    expect(consumer.next()).toBe(8);
    expect(consumer.lengthBytes).toBe(4);
  });
});

describe('cursors', () => {
  it('wrap at 2^32 inside a batch', () => {
    const { producer, consumer, tail, head } = ringAt(2 ** 32 - 8);
    expect(write(producer, 1, 0)).toBe(64);
    expect(write(producer, 2, 8)).toBe(8);
    producer.publish();
    expect(tail()).toBe(16);
    expect(producer.usedBytes).toBe(24);
    expect(producer.freeBytes).toBe(40);
    expect(consumer.usedBytes).toBe(24);
    expect(consumer.next()).toBe(64);
    expect(consumer.next()).toBe(8);
    expect(consumer.type).toBe(2);
    consumer.release();
    expect(head()).toBe(16);
    expect(producer.freeBytes).toBe(64);
  });

  it('wrap at 2^32 by padding', () => {
    const { producer, consumer, tail } = ringAt(2 ** 32 - 8);
    expect(write(producer, 1, 8)).toBe(8);
    producer.publish();
    expect(tail()).toBe(16);
    expect(consumer.next()).toBe(8);
  });

  it('wrap at 2^32 in a full ring', () => {
    const { producer, consumer } = ringAt(2 ** 32 - 32);
    write(producer, 1, 24);
    write(producer, 2, 24);
    producer.publish();
    expect(producer.tryReserve(0)).toBe(-1);
    expect(consumer.next()).toBe(40);
    consumer.release();
    expect(write(producer, 3, 24)).toBe(40);
    producer.publish();
    expect(consumer.next()).toBe(8);
    expect(consumer.next()).toBe(40);
    expect(consumer.type).toBe(3);
    expect(consumer.next()).toBe(-1);
  });

  it('pass 2^31, where their sign changes', () => {
    const { producer, consumer } = ringAt(2 ** 31 - 8);
    write(producer, 1, 0);
    write(producer, 2, 8);
    producer.publish();
    consumer.next();
    consumer.next();
    expect(consumer.type).toBe(2);
    consumer.release();
    expect(producer.freeBytes).toBe(64);
  });

  it('are taken over by a new producer and a new consumer', () => {
    const sab = createRing(CAPACITY, 2 ** 32 - 16);
    const first = new RingProducer(sab);
    write(first, 1, 8);
    first.publish();
    write(first, 2, 8); // never published: the next producer writes over it
    const second = new RingProducer(sab);
    expect(write(second, 3, 0)).toBe(8);
    second.publish();

    const reader = new RingConsumer(sab);
    reader.next();
    const again = new RingConsumer(sab); // the first reader died before its release
    again.next();
    expect(again.type).toBe(1);
    again.next();
    expect(again.type).toBe(3);
    expect(again.next()).toBe(-1);
  });
});

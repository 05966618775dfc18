import { describe, expect, it } from 'vitest';
import { RingConsumer } from '../src/memory/ring-consumer.js';
import {
  createRing, PADDING_TYPE, RING_CAPACITY_OFFSET, RING_DATA_OFFSET, RING_HEAD_INDEX, RING_MAGIC_OFFSET, RING_TAIL_INDEX,
} from '../src/memory/ring-layout.js';
import { RingProducer } from '../src/memory/ring-producer.js';
import { SeededRandom } from './support/record-sequence.js';

const misuse = expect.objectContaining({ name: 'RingError', code: 'RING_MISUSE' });
const corrupt = expect.objectContaining({ name: 'RingError', code: 'RING_CORRUPT' });

function thrownBy(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  throw new Error('expected an error, none was thrown');
}

function controlOf(sab: SharedArrayBuffer): Int32Array {
  return new Int32Array(sab, 0, RING_DATA_OFFSET >> 2);
}

describe('misuse names the value and the limit', () => {
  it.each([0, 8, 16, 33, 48, 100, -64, 2 ** 31, NaN, Infinity, 64.5])('capacityBytes %d', (capacityBytes) => {
    const error = thrownBy(() => createRing(capacityBytes));
    expect(error).toEqual(misuse);
    expect(String(error)).toContain(`capacityBytes is ${capacityBytes}; expected a power of two`);
  });

  it.each([-8, 4, 2 ** 32, 1.5, NaN])('firstCursor %d', (firstCursor) => {
    expect(thrownBy(() => createRing(64, firstCursor))).toEqual(misuse);
  });

  it.each([-1, 25, 2 ** 31, 2 ** 32, 1.5, NaN, Infinity])('record of %d bytes', (lengthBytes) => {
    const producer = new RingProducer(createRing(64));
    const error = thrownBy(() => producer.tryReserve(lengthBytes));
    expect(error).toEqual(misuse);
    expect(String(error)).toContain(`record of ${lengthBytes} bytes; expected 0 to 24`);
  });

  it.each([0, -1, PADDING_TYPE, 1.5, 2 ** 31, NaN])('type %d', (type) => {
    const producer = new RingProducer(createRing(64));
    producer.tryReserve(8);
    expect(thrownBy(() => producer.commit(type))).toEqual(misuse);
    producer.commit(1); // the reservation is still good
  });

  it.each([-1, 9, 1.5, NaN])('commit of %d bytes where 8 are reserved', (lengthBytes) => {
    const producer = new RingProducer(createRing(64));
    producer.tryReserve(8);
    expect(thrownBy(() => producer.commit(1, lengthBytes))).toEqual(misuse);
  });

  it('commit twice', () => {
    const producer = new RingProducer(createRing(64));
    producer.tryReserve(8);
    producer.commit(1);
    expect(thrownBy(() => producer.commit(1))).toEqual(misuse);
    expect(thrownBy(() => producer.commit(1, 0))).toEqual(misuse);
  });

  it('memory that is no ring', () => {
    expect(thrownBy(() => new RingProducer(new SharedArrayBuffer(64)))).toEqual(misuse);
    expect(thrownBy(() => new RingConsumer(new SharedArrayBuffer(4096)))).toEqual(misuse);
    const sab = createRing(64);
    controlOf(sab)[RING_MAGIC_OFFSET >> 2]++;
    expect(thrownBy(() => new RingConsumer(sab))).toEqual(misuse);
  });
});

describe('attaching refuses', () => {
  it.each([0, 32, 128, 63, -1])('a capacity of %d in a ring of 64', (capacityBytes) => {
    const sab = createRing(64);
    controlOf(sab)[RING_CAPACITY_OFFSET >> 2] = capacityBytes;
    expect(thrownBy(() => new RingProducer(sab))).toEqual(corrupt);
    expect(thrownBy(() => new RingConsumer(sab))).toEqual(corrupt);
  });

  it.each([[72, 0], [0, 8], [4, 0], [8, 4], [-8, 0]])('tail %d with head %d', (tail, head) => {
    const sab = createRing(64);
    controlOf(sab)[RING_TAIL_INDEX] = tail;
    controlOf(sab)[RING_HEAD_INDEX] = head;
    expect(thrownBy(() => new RingProducer(sab))).toEqual(corrupt);
    expect(thrownBy(() => new RingConsumer(sab))).toEqual(corrupt);
  });
});

describe('a consumer throws instead of running off', () => {
  /** Two published records of 8 bytes at 40 and 56 of 64, the second after padding at 0: 16 | 16 | 8 pad | 32. */
  function ringWithPadding() {
    const sab = createRing(64, 24);
    const producer = new RingProducer(sab);
    producer.tryReserve(24);
    producer.commit(1); // 24 to 56
    producer.tryReserve(8);
    producer.commit(2); // padding 56 to 64, record 0 to 16
    producer.publish();
    return { sab, data: new Int32Array(sab, RING_DATA_OFFSET), consumer: new RingConsumer(sab) };
  }

  it.each([
    -1, -8, -(2 ** 31), 25, 40, 48, 64, 2 ** 31 - 1, 2 ** 31 - 8, 2 ** 30,
  ])('a length of %d', (lengthBytes) => {
    const { data, consumer } = ringWithPadding();
    data[24 / 4] = lengthBytes;
    expect(thrownBy(() => consumer.next())).toEqual(corrupt);
    expect(thrownBy(() => consumer.next())).toEqual(corrupt); // and again: it has not moved
  });

  it.each([0, -1, -2, -(2 ** 31)])('a type of %d', (type) => {
    const { data, consumer } = ringWithPadding();
    data[24 / 4 + 1] = type;
    expect(thrownBy(() => consumer.next())).toEqual(corrupt);
  });

  it.each([-8, 8, 16, 2 ** 31 - 1])('padding of %d where the end is 0 further', (lengthBytes) => {
    const { data, consumer } = ringWithPadding();
    consumer.next();
    data[56 / 4] = lengthBytes;
    expect(thrownBy(() => consumer.next())).toEqual(corrupt);
  });

  it('padding after padding, and a record after padding that is longer than what was published', () => {
    const { data, consumer } = ringWithPadding();
    consumer.next();
    data[1] = PADDING_TYPE;
    expect(thrownBy(() => consumer.next())).toEqual(corrupt);
    data[1] = 2;
    data[0] = 9;
    expect(thrownBy(() => consumer.next())).toEqual(corrupt);
    data[0] = 8;
    expect(consumer.next()).toBe(8); // all well again
  });

  it('padding with nothing after it', () => {
    const sab = createRing(64, 56);
    const data = new Int32Array(sab, RING_DATA_OFFSET);
    data[56 / 4 + 1] = PADDING_TYPE;
    controlOf(sab)[RING_TAIL_INDEX] = 64;
    expect(thrownBy(() => new RingConsumer(sab).next())).toEqual(corrupt);
  });

  it.each([[0, 72], [0, 4], [8, 0], [0, -8]])('head at %d and a tail of %d', (head, tail) => {
    const sab = createRing(64, head);
    const consumer = new RingConsumer(sab);
    controlOf(sab)[RING_TAIL_INDEX] = tail;
    expect(thrownBy(() => consumer.next())).toEqual(corrupt);
    expect(thrownBy(() => consumer.next())).toEqual(corrupt);
  });

  it('whatever the data holds: 20,000 seeded fillings never lead outside, and each next moves or throws', () => {
    const random = new SeededRandom(0xbad);
    for (let round = 0; round < 20_000; round++) {
      const sab = createRing(64, random.below(16) * 8);
      const consumer = new RingConsumer(sab);
      const data = new Int32Array(sab, RING_DATA_OFFSET);
      const small = random.below(2) === 0;
      for (let i = 0; i < data.length; i++) data[i] = small ? random.below(40) - 3 : random.next();
      Atomics.add(controlOf(sab), RING_TAIL_INDEX, random.below(9) * 8);
      try {
        let records = 0;
        for (let offset = consumer.next(); offset !== -1; offset = consumer.next()) {
          if (offset < 8 || offset + consumer.lengthBytes > 64 || consumer.type <= 0 || ++records > 8) {
            throw new Error(`round ${round}: record ${records} at ${offset}, ${consumer.lengthBytes} bytes`);
          }
        }
      } catch (error) {
        if ((error as { code?: string }).code !== 'RING_CORRUPT') throw error;
      }
    }
  });
});

describe('a producer throws instead of writing over what is not its own', () => {
  it.each([72, 4, -8])('a head of %d in a full ring', (head) => {
    const sab = createRing(64);
    const producer = new RingProducer(sab);
    for (let i = 0; i < 8; i++) {
      producer.tryReserve(0);
      producer.commit(1);
    }
    producer.publish();
    controlOf(sab)[RING_HEAD_INDEX] = head;
    expect(thrownBy(() => producer.tryReserve(0))).toEqual(corrupt);
    expect(thrownBy(() => producer.tryReserve(0))).toEqual(corrupt);
  });
});

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BELL_BYTES, BellRinger, BellSleeper } from '../src/memory/bell.js';
import { RingConsumer } from '../src/memory/ring-consumer.js';
import { createRing, RING_BELL_OFFSET } from '../src/memory/ring-layout.js';
import { RingProducer } from '../src/memory/ring-producer.js';

const AWAKE = 0;
const ASLEEP = 1;

let word: Int32Array;
let producer: RingProducer;
let consumer: RingConsumer;
let ringer: BellRinger;
let sleeper: BellSleeper;
let wakes: number;
let woken: () => void;

beforeEach(() => {
  const sab = createRing(1024);
  word = new Int32Array(sab, RING_BELL_OFFSET, 1);
  producer = new RingProducer(sab);
  consumer = new RingConsumer(sab);
  ringer = new BellRinger(sab);
  wakes = 0;
  woken = () => {};
  sleeper = new BellSleeper(sab, () => !consumer.isEmpty, () => {
    wakes++;
    woken();
  });
});

afterEach(() => sleeper.close());

function send(): boolean {
  producer.tryReserve(8);
  producer.commit(1);
  producer.publish();
  return ringer.ring();
}

function wake(): Promise<void> {
  return new Promise((resolve) => {
    woken = resolve;
  });
}

/** Long enough for a notify that was sent to arrive: a notify sent later on another word has arrived. */
async function settle(): Promise<void> {
  const probe = new SharedArrayBuffer(BELL_BYTES);
  await new Promise<void>((resolve) => {
    new BellSleeper(probe, () => false, resolve, 0).sleep();
    new BellRinger(probe, 0).ring();
  });
}

describe('ringing', () => {
  it('does nothing while the consumer is awake', () => {
    expect(send()).toBe(false);
    expect(word[0]).toBe(AWAKE);
  });

  it('wakes a sleeper once, however often it rings', async () => {
    expect(sleeper.sleep()).toBe(true);
    expect(word[0]).toBe(ASLEEP);
    const up = wake();
    expect(send()).toBe(true);
    expect(word[0]).toBe(AWAKE);
    expect(send()).toBe(false);
    await up;
    await settle();
    expect(wakes).toBe(1);
  });

  it('by several ringers wakes once per sleep', async () => {
    const sab = new SharedArrayBuffer(2 * BELL_BYTES);
    const ringers = [1, 2, 3].map(() => new BellRinger(sab, BELL_BYTES));
    const shared = new BellSleeper(sab, () => false, () => woken(), BELL_BYTES);
    for (let round = 0; round < 3; round++) {
      shared.sleep();
      const up = wake();
      expect(ringers.map((each) => each.ring())).toEqual([true, false, false]);
      await up;
    }
    shared.close();
  });
});

describe('sleeping', () => {
  it('is refused when work came before the flag was set', () => {
    expect(send()).toBe(false); // nobody was asleep, so nobody was woken: this would be the lost wake-up
    expect(sleeper.sleep()).toBe(false);
    expect(word[0]).toBe(AWAKE);
    consumer.next();
    expect(sleeper.sleep()).toBe(true);
  });

  it('is refused when the bell rings between the look at the ring and the wait', () => {
    const sab = createRing(64);
    const late = new BellRinger(sab);
    const looking = new BellSleeper(sab, () => {
      late.ring();
      return false;
    }, () => {});
    expect(looking.sleep()).toBe(false);
    expect(new Int32Array(sab, RING_BELL_OFFSET, 1)[0]).toBe(AWAKE);
  });

  it('goes on after each wake-up', async () => {
    for (let round = 1; round <= 5; round++) {
      expect(sleeper.sleep()).toBe(true);
      const up = wake();
      expect(send()).toBe(true);
      await up;
      expect(wakes).toBe(round);
      consumer.next();
      expect(consumer.next()).toBe(-1);
    }
  });

  it('clears the flag of a sleeper that died asleep', () => {
    sleeper.sleep();
    new BellSleeper(word.buffer as SharedArrayBuffer, () => false, () => {});
    expect(word[0]).toBe(AWAKE);
  });
});

describe('napping', () => {
  it('ends without a bell when the time is over, and is awake then', () => {
    expect(sleeper.nap(1)).toBe(false);
    expect(word[0]).toBe(AWAKE);
  });

  it('does not begin when there is work', () => {
    send();
    expect(sleeper.nap(60_000)).toBe(true);
    expect(word[0]).toBe(AWAKE);
  });

  it('ends at once when the bell rings between the look at the ring and the wait', () => {
    const sab = createRing(64);
    const late = new BellRinger(sab);
    let rang = false;
    const looking = new BellSleeper(sab, () => {
      rang = late.ring();
      return false;
    }, () => {});
    expect(looking.nap(60_000)).toBe(true);
    expect(rang).toBe(true);
  });

  it('leaves a sleep that was taken up before as it was', async () => {
    expect(sleeper.sleep()).toBe(true);
    expect(sleeper.nap(1)).toBe(false);
    expect(sleeper.sleep()).toBe(true);
    const up = wake();
    expect(send()).toBe(true);
    await up;
    expect(wakes).toBe(1);
  });
});

describe('disarming', () => {
  it('means that ringing neither notifies nor wakes', async () => {
    sleeper.sleep();
    sleeper.disarm();
    expect(send()).toBe(false);
    await settle();
    expect(wakes).toBe(0);
  });

  it('after the bell rang means that onWake is not called', async () => {
    sleeper.sleep();
    expect(send()).toBe(true);
    sleeper.disarm();
    await settle();
    expect(wakes).toBe(0);
  });

  it('and sleeping again never leaves more than one wait standing', async () => {
    for (let round = 0; round < 100; round++) {
      expect(sleeper.sleep()).toBe(true);
      sleeper.disarm();
    }
    sleeper.sleep();
    const up = wake();
    Atomics.store(word, 0, AWAKE);
    expect(Atomics.notify(word, 0)).toBe(1); // the number of waits that were standing
    await up;
  });

  it('and sleeping again while a notify is on its way still wakes', async () => {
    sleeper.sleep();
    send();
    sleeper.disarm();
    consumer.next();
    expect(sleeper.sleep()).toBe(true);
    const up = wake();
    send();
    await up;
    expect(wakes).toBe(1);
    expect(word[0]).toBe(AWAKE);
  });
});

describe('closing', () => {
  it('ends the sleep for good', async () => {
    sleeper.sleep();
    sleeper.close();
    expect(send()).toBe(false);
    await settle();
    expect(wakes).toBe(0);
    expect(Atomics.notify(word, 0)).toBe(0);
    expect(() => sleeper.sleep()).toThrow('sleep on a closed bell');
    sleeper.close();
  });
});

it.each([-4, 2, 1, 1.5, 64, NaN])('a bell at byte %d of 64 is refused', (byteOffset) => {
  const sab = new SharedArrayBuffer(64);
  expect(() => new BellRinger(sab, byteOffset)).toThrow(`bell at byte ${byteOffset} of 64`);
});

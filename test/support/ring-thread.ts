/**
 * Thread entry of the ring tests: one end of a ring in a thread of its own. Both ends draw the same seeded sequence of
 * lengths, so the consumer knows every byte that has to arrive.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { BellRinger, BellSleeper } from '../../src/memory/bell.js';
import { RingConsumer } from '../../src/memory/ring-consumer.js';
import { RingProducer } from '../../src/memory/ring-producer.js';
import { RecordSequence } from './record-sequence.js';

export interface RingThreadData {
  role: 'produce' | 'consume' | 'ring bell' | 'sleep on bell';
  ring: SharedArrayBuffer;
  /** One i32 the consumer counts records in; the bell's producer waits on it. */
  consumed: SharedArrayBuffer;
  count: number;
  seed: number;
}

const data = workerData as RingThreadData;
const consumed = new Int32Array(data.consumed);
const napWord = new Int32Array(new SharedArrayBuffer(4));

/** Spins first; on a machine with one core the other thread needs ours to get on. */
function idle(spins: number): void {
  if (spins > 2000) Atomics.wait(napWord, 0, 0, 0.05);
}

function produce(): void {
  const ring = new RingProducer(data.ring);
  const sequence = new RecordSequence(data.seed, ring.recordBytesMax);
  let sent = 0;
  let spins = 0;
  sequence.advance();
  while (sent < data.count) {
    const batchEnd = Math.min(data.count, sent + sequence.batchCount);
    while (sent < batchEnd) {
      const offset = ring.tryReserve(sequence.reserveBytes);
      if (offset === -1) break;
      sequence.fill(ring.bytes, offset);
      ring.commit(sequence.type, sequence.lengthBytes);
      sequence.advance();
      sent++;
    }
    if (ring.publish()) spins = 0;
    else idle(++spins);
  }
  parentPort!.postMessage({ sent });
}

function consume(): void {
  const ring = new RingConsumer(data.ring);
  const sequence = new RecordSequence(data.seed, ring.capacityBytes / 2 - 8);
  let received = 0;
  let spins = 0;
  while (received < data.count) {
    let batch = 0;
    for (let offset = ring.next(); offset !== -1; offset = ring.next()) {
      sequence.advance();
      sequence.check(ring.bytes, offset, ring.type, ring.lengthBytes);
      batch++;
    }
    ring.release();
    received += batch;
    if (batch > 0) spins = 0;
    else idle(++spins);
  }
  parentPort!.postMessage({ received, empty: ring.isEmpty });
}

/**
 * Sends a small batch, then waits until all of it is consumed: every batch finds the consumer asleep or on its way
 * there, and one lost wake-up stops everything.
 */
function ringBell(): void {
  const ring = new RingProducer(data.ring);
  const bell = new BellRinger(data.ring);
  const sequence = new RecordSequence(data.seed, 64);
  let sent = 0;
  let batches = 0;
  let wakes = 0;
  sequence.advance();
  while (sent < data.count) {
    for (let left = Math.min(1 + (sequence.batchCount & 3), data.count - sent); left > 0; left--) {
      const offset = ring.tryReserve(sequence.reserveBytes);
      if (offset === -1) throw new Error('a ring emptied before each batch is full');
      sequence.fill(ring.bytes, offset);
      ring.commit(sequence.type, sequence.lengthBytes);
      sequence.advance();
      sent++;
    }
    ring.publish();
    batches++;
    if (bell.ring()) wakes++;
    // A seeded delay of 0 to a few microseconds moves the next batch across the consumer's way to sleep.
    for (let spin = (sequence.batchCount * 37) & 1023; spin > 0; spin--) Atomics.load(napWord, 0);
    for (let seen = Atomics.load(consumed, 0); seen < sent; seen = Atomics.load(consumed, 0)) {
      if (Atomics.wait(consumed, 0, seen, 10_000) === 'timed-out') {
        throw new Error(`lost wake-up: sent ${sent}, consumed ${seen} after ${batches} batches`);
      }
    }
  }
  parentPort!.postMessage({ sent, batches, wakes });
}

function sleepOnBell(): void {
  const ring = new RingConsumer(data.ring);
  const sequence = new RecordSequence(data.seed, 64);
  let received = 0;
  let wakes = 0;
  let naps = 0;

  const drain = () => {
    let batch = 0;
    for (let offset = ring.next(); offset !== -1; offset = ring.next()) {
      sequence.advance();
      sequence.check(ring.bytes, offset, ring.type, ring.lengthBytes);
      batch++;
    }
    ring.release();
    if (batch === 0) return;
    received += batch;
    Atomics.store(consumed, 0, received);
    Atomics.notify(consumed, 0);
  };
  // Some of its sleeps are naps. One that nobody ends is longer than the ringer waits before it calls a wake-up lost.
  const NAP_MS = 20_000;
  const isNapper = (): boolean => {
    if (received % 5 !== 1) return false;
    naps++;
    return true;
  };
  const drainAndSleep = () => {
    do drain(); while (received < data.count && (isNapper() ? bell.nap(NAP_MS) : !bell.sleep()));
    if (received < data.count) return;
    bell.close();
    parentPort!.off('message', ignore);
    parentPort!.postMessage({ received, wakes, naps });
  };
  const bell = new BellSleeper(data.ring, () => !ring.isEmpty, () => {
    wakes++;
    drainAndSleep();
    // Some of the time the consumer is up for a reason of its own, as a shard is for its ticks.
    if (received < data.count && received % 3 === 0) setImmediate(upAnyway);
  });
  const upAnyway = () => {
    if (received >= data.count) return;
    bell.disarm();
    drainAndSleep();
  };
  // waitAsync alone would let the thread end.
  const ignore = () => {};
  parentPort!.on('message', ignore);
  drainAndSleep();
}

const roles = { 'produce': produce, 'consume': consume, 'ring bell': ringBell, 'sleep on bell': sleepOnBell };
roles[data.role]();

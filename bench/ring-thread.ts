/**
 * Thread entry of the ring bench. One instance produces, the other consumes; what to do comes round by round.
 *
 * A record is sixteen 32-bit words: its number, fourteen made from number and seed, and the sum of those fifteen. The
 * sequence goes on from round to round.
 */
import { parentPort, workerData, type MessagePort } from 'node:worker_threads';
import { RingConsumer } from '../src/memory/ring-consumer.js';
import { RingProducer } from '../src/memory/ring-producer.js';

export interface RingThreadStart {
  readonly seed: number;
  readonly ring: SharedArrayBuffer;
}

export type RingThreadOrder =
  | { readonly do: 'hold'; readonly port: MessagePort }
  | { readonly do: 'ring out' | 'ring in' | 'post out' | 'post in'; readonly count: number };

export interface RingRoundResult {
  readonly count: number;
  readonly startMs: number;
  readonly endMs: number;
}

const RECORD_TYPE = 1;
const RECORD_BYTES = 64;
const BATCH_RECORDS = 128;
/** Without progress for this long the other side is dead. Looked at only after thousands of vain turns. */
const STALLED_MS = 10_000;
const SPINS_BEFORE_NAP = 5_000;
/**
 * Turns of an empty loop, some 2 us, before a consumer that found nothing looks again, so that a few batches gather. One
 * that looks all the time fetches each line while the producer writes the next, and slows both down by a tenth.
 */
const LINGER_TURNS = 3_000;

const { seed, ring } = workerData as RingThreadStart;
const napWord = new Int32Array(new SharedArrayBuffer(4));
let lingered = 0;
let port: MessagePort | null = null;
let recordNumber = 0;
let messageNumber = 0;
let postRound = 0;
let postStartMs = 0;
let postEnd = 0;

/** Milliseconds on the monotonic clock that all threads share; `performance.now` starts anew in each. */
function nowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

// Written out, because V8 unrolls no loops: as one, it would cost more than the ring itself.

function fill(words: Int32Array, at: number, number: number): void {
  let word = number;
  let sum = number;
  words[at] = number;
  word = (word + seed) | 0; sum = (sum + word) | 0; words[at + 1] = word;
  word = (word + seed) | 0; sum = (sum + word) | 0; words[at + 2] = word;
  word = (word + seed) | 0; sum = (sum + word) | 0; words[at + 3] = word;
  word = (word + seed) | 0; sum = (sum + word) | 0; words[at + 4] = word;
  word = (word + seed) | 0; sum = (sum + word) | 0; words[at + 5] = word;
  word = (word + seed) | 0; sum = (sum + word) | 0; words[at + 6] = word;
  word = (word + seed) | 0; sum = (sum + word) | 0; words[at + 7] = word;
  word = (word + seed) | 0; sum = (sum + word) | 0; words[at + 8] = word;
  word = (word + seed) | 0; sum = (sum + word) | 0; words[at + 9] = word;
  word = (word + seed) | 0; sum = (sum + word) | 0; words[at + 10] = word;
  word = (word + seed) | 0; sum = (sum + word) | 0; words[at + 11] = word;
  word = (word + seed) | 0; sum = (sum + word) | 0; words[at + 12] = word;
  word = (word + seed) | 0; sum = (sum + word) | 0; words[at + 13] = word;
  word = (word + seed) | 0; sum = (sum + word) | 0; words[at + 14] = word;
  words[at + 15] = sum;
}

function check(words: Int32Array, at: number, number: number): void {
  // 15 i32 add up exactly in a double, so one truncation at the end gives the same sum as truncating each time.
  const sum = (words[at] + words[at + 1] + words[at + 2] + words[at + 3] + words[at + 4] + words[at + 5]
    + words[at + 6] + words[at + 7] + words[at + 8] + words[at + 9] + words[at + 10] + words[at + 11]
    + words[at + 12] + words[at + 13] + words[at + 14]) | 0;
  if (words[at] !== number || words[at + 15] !== sum) {
    throw new Error(`record ${number}: number ${words[at]}, checksum ${words[at + 15]}, expected ${sum}`);
  }
}

/** Lets the other thread on when both share a core, and gives up when it is gone. */
function wait(spins: number, sinceMs: number): void {
  if (spins < SPINS_BEFORE_NAP) return;
  Atomics.wait(napWord, 0, 0, 0.05);
  if (nowMs() - sinceMs > STALLED_MS) throw new Error(`ring stalled for ${STALLED_MS} ms`);
}

function linger(): void {
  for (let turn = 0; turn < LINGER_TURNS; turn++) lingered = (lingered + turn) | 0;
}

function ringOut(producer: RingProducer, count: number): RingRoundResult {
  const startMs = nowMs();
  let left = count;
  let spins = 0;
  let progressMs = startMs;
  while (left > 0) {
    for (let batch = Math.min(BATCH_RECORDS, left); batch > 0; batch--) {
      const offset = producer.tryReserve(RECORD_BYTES);
      if (offset === -1) break;
      fill(producer.words, offset >> 2, recordNumber);
      producer.commit(RECORD_TYPE);
      recordNumber = (recordNumber + 1) | 0;
      left--;
    }
    if (producer.publish()) {
      if (spins > SPINS_BEFORE_NAP) progressMs = nowMs();
      spins = 0;
    } else {
      wait(++spins, progressMs);
    }
  }
  return { count, startMs, endMs: nowMs() };
}

function ringIn(consumer: RingConsumer, count: number): RingRoundResult {
  const startMs = nowMs();
  let left = count;
  let spins = 0;
  let progressMs = startMs;
  while (left > 0) {
    let batch = 0;
    while (batch < BATCH_RECORDS) {
      const offset = consumer.next();
      if (offset === -1) break;
      if (consumer.type !== RECORD_TYPE || consumer.lengthBytes !== RECORD_BYTES) {
        throw new Error(`record ${recordNumber}: type ${consumer.type}, ${consumer.lengthBytes} bytes`);
      }
      check(consumer.words, offset >> 2, recordNumber);
      recordNumber = (recordNumber + 1) | 0;
      batch++;
    }
    if (batch > 0) {
      consumer.release();
      left -= batch;
      if (spins > SPINS_BEFORE_NAP) progressMs = nowMs();
      spins = 0;
    } else {
      linger();
      wait(++spins, progressMs);
    }
  }
  return { count, startMs, endMs: nowMs() };
}

/** In one go, which is the fastest `postMessage` gets: the other thread takes them off while these are still coming. */
function postOut(count: number): RingRoundResult {
  const startMs = nowMs();
  const words = new Int32Array(RECORD_BYTES / 4);
  for (let left = count; left > 0; left--) {
    fill(words, 0, messageNumber);
    port!.postMessage(words);
    messageNumber++;
  }
  return { count, startMs, endMs: nowMs() };
}

/** The first messages of a round may be here before the order for it: two ports keep no order between them. */
function postIn(count: number): void {
  postRound = count;
  postStartMs = nowMs();
  postEnd += count;
  endPostRound();
}

function takeMessage(words: Int32Array): void {
  check(words, 0, messageNumber);
  messageNumber++;
  endPostRound();
}

function endPostRound(): void {
  if (messageNumber === postEnd) report({ count: postRound, startMs: postStartMs, endMs: nowMs() });
}

const report = (result: RingRoundResult) => parentPort!.postMessage(result);

let producer: RingProducer | null = null;
let consumer: RingConsumer | null = null;

parentPort!.on('message', (order: RingThreadOrder) => {
  switch (order.do) {
    case 'hold':
      port = order.port;
      port.on('message', takeMessage);
      break;
    case 'ring out':
      report(ringOut(producer ??= new RingProducer(ring), order.count));
      break;
    case 'ring in':
      report(ringIn(consumer ??= new RingConsumer(ring), order.count));
      break;
    case 'post out':
      report(postOut(order.count));
      break;
    case 'post in':
      postIn(order.count);
      break;
  }
});

/**
 * Thread entry of the ring bench. One instance produces, the other consumes; what to do comes round by round.
 *
 * A record is eight times eight bytes: the ring's header, its number, five numbers made from that and the seed, and the
 * sum of those six. A message is the same without the ring: eight numbers. The sequence goes on from round to round.
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
const PAYLOAD_BYTES = 56;
const MESSAGE_NUMBERS = 8;
const BATCH_RECORDS = 128;
/** Without progress for this long the other side is dead. Looked at only after thousands of vain turns. */
const STALLED_MS = 10_000;
const SPINS_BEFORE_NAP = 5_000;
/**
 * Turns of an empty loop, some 2 us, before a consumer that found nothing looks again, so that a few batches gather.
 * One that looks all the time fetches each line while the producer writes the next, and slows both down by a tenth.
 */
const LINGER_TURNS = 3_000;

const { seed, ring } = workerData as RingThreadStart;
const napWord = new Int32Array(new SharedArrayBuffer(4));
let lingered = 0;
let napsSinceMs = 0;
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

function fill(numbers: Float64Array, at: number, number: number): void {
  let word = number;
  let sum = number;
  numbers[at] = number;
  word = (word + seed) | 0; sum += word; numbers[at + 1] = word;
  word = (word + seed) | 0; sum += word; numbers[at + 2] = word;
  word = (word + seed) | 0; sum += word; numbers[at + 3] = word;
  word = (word + seed) | 0; sum += word; numbers[at + 4] = word;
  word = (word + seed) | 0; sum += word; numbers[at + 5] = word;
  numbers[at + 6] = sum;
}

function check(numbers: Float64Array, at: number, number: number): void {
  const sum = numbers[at] + numbers[at + 1] + numbers[at + 2] + numbers[at + 3] + numbers[at + 4] + numbers[at + 5];
  if (numbers[at] !== number || numbers[at + 6] !== sum) {
    throw new Error(`record ${number}: number ${numbers[at]}, checksum ${numbers[at + 6]}, expected ${sum}`);
  }
}

/** Lets the other thread on when both share a core, and gives up when it is gone. */
function wait(spins: number): void {
  if (spins < SPINS_BEFORE_NAP) return;
  if (spins === SPINS_BEFORE_NAP) napsSinceMs = nowMs();
  Atomics.wait(napWord, 0, 0, 0.05);
  if (nowMs() - napsSinceMs > STALLED_MS) throw new Error(`ring stalled for ${STALLED_MS} ms`);
}

/** The data of a ring as 64-bit numbers: payloads start at multiples of 8. */
function numbersOf(bytes: Uint8Array): Float64Array {
  return new Float64Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 8);
}

function linger(): void {
  for (let turn = 0; turn < LINGER_TURNS; turn++) lingered = (lingered + turn) | 0;
}

function ringOut(producer: RingProducer, count: number): RingRoundResult {
  const numbers = numbersOf(producer.bytes);
  const startMs = nowMs();
  let left = count;
  let spins = 0;
  while (left > 0) {
    for (let batch = Math.min(BATCH_RECORDS, left); batch > 0; batch--) {
      const offset = producer.tryReserve(PAYLOAD_BYTES);
      if (offset === -1) break;
      fill(numbers, offset >> 3, recordNumber);
      producer.commit(RECORD_TYPE);
      recordNumber = (recordNumber + 1) | 0;
      left--;
    }
    if (producer.publish()) {
      spins = 0;
    } else {
      wait(++spins);
    }
  }
  return { count, startMs, endMs: nowMs() };
}

function ringIn(consumer: RingConsumer, count: number): RingRoundResult {
  const numbers = numbersOf(consumer.bytes);
  const startMs = nowMs();
  let left = count;
  let spins = 0;
  while (left > 0) {
    let batch = 0;
    while (batch < BATCH_RECORDS) {
      const offset = consumer.next();
      if (offset === -1) break;
      if (consumer.type !== RECORD_TYPE || consumer.lengthBytes !== PAYLOAD_BYTES) {
        throw new Error(`record ${recordNumber}: type ${consumer.type}, ${consumer.lengthBytes} bytes`);
      }
      check(numbers, offset >> 3, recordNumber);
      recordNumber = (recordNumber + 1) | 0;
      batch++;
    }
    if (batch > 0) {
      consumer.release();
      left -= batch;
      spins = 0;
    } else {
      linger();
      wait(++spins);
    }
  }
  return { count, startMs, endMs: nowMs() };
}

/** In one go, which is the fastest `postMessage` gets: the other thread takes them off while these are still coming. */
function postOut(count: number): RingRoundResult {
  const startMs = nowMs();
  const numbers = new Float64Array(MESSAGE_NUMBERS);
  numbers[0] = RECORD_TYPE;
  for (let left = count; left > 0; left--) {
    fill(numbers, 1, messageNumber);
    port!.postMessage(numbers);
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

function takeMessage(numbers: Float64Array): void {
  check(numbers, 1, messageNumber);
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

/**
 * The single steps of a frame's way, each on its own, by tinybench: an input from its bytes into the ring and out of it, a
 * snapshot's prefix, what a connection is charged. What they cost together in a server is the arena bench's.
 *
 * Each step is run once before it is timed, and its result checked. A step is some tens of nanoseconds and a timer's
 * reading as much again, so one sample is a batch of `BATCH` steps.
 */
import { Bench } from 'tinybench';
import { Allowance, Verdict } from '../src/front/allowance.js';
import { Ingress, INPUT_HEAD_BYTES } from '../src/memory/records.js';
import { RingConsumer } from '../src/memory/ring-consumer.js';
import { createRing } from '../src/memory/ring-layout.js';
import { RingProducer } from '../src/memory/ring-producer.js';
import { ClientFrameKind, ClientFrameReader, InputFrameWriter } from '../src/protocol/client-frames.js';
import { SNAPSHOT_PREFIX_BYTES, SnapshotKind, writeSnapshotPrefix } from '../src/protocol/server-frames.js';
import { createClientVerifier } from '../src/protocol/verifier.js';
import { atMost } from './goal.js';
import type { BenchOptions, BenchResult } from './run.js';

export const name = 'micro';
export const about = 'single steps of a frame\'s way, in nanoseconds each';

const BATCH = 256;
const RECORD_BYTES = 8;

/** Reading an input is on the way of every frame in; a walk through its tables takes about twice as long. */
const READ_INPUT_NS_MAX = 60;

const SIZES = { full: { timeMs: 2000, warmupTimeMs: 500 }, small: { timeMs: 100, warmupTimeMs: 50 } };

interface Step {
  readonly metric: string;
  run(): void;
  /** Whether `run` has done what it should. */
  isRight(): boolean;
}

export async function run({ small }: BenchOptions): Promise<BenchResult> {
  const { timeMs, warmupTimeMs } = small ? SIZES.small : SIZES.full;
  const bench = new Bench({ time: timeMs, warmupTime: warmupTimeMs });
  const steps = [readInput(), walkInput(), passInput(), writePrefix(), charge()];
  for (const { metric, run: runOnce, isRight } of steps) {
    runOnce();
    if (!isRight()) throw new Error(`${metric}: the step didn't do what it should`);
    bench.add(metric, () => {
      for (let i = 0; i < BATCH; i += 1) runOnce();
    });
  }
  await bench.run();
  const metrics: Record<string, number> = {};
  for (const { name: metric, result } of bench.tasks) {
    if (result.state !== 'completed') throw new Error(`${metric}: tinybench says ${result.state}`);
    metrics[metric] = (result.latency.p50 * 1e6) / BATCH;
  }
  return {
    seed: 0,
    metrics,
    goals: [atMost('readInputNs', metrics.readInputNs!, READ_INPUT_NS_MAX)],
    notes: [
      `medians of tinybench samples, each of ${BATCH} steps`,
      'readInput: a frame as our SDK spells it; walkInput: the verifier\'s walk, which any other spelling gets',
      'passInput: written to the ring, published, read and released',
    ],
  };
}

function inputFrame(): Uint8Array {
  const writer = new InputFrameWriter(RECORD_BYTES);
  return new Uint8Array(writer.write(7, 11));
}

function readInput(): Step {
  const reader = new ClientFrameReader();
  const frame = inputFrame();
  return {
    metric: 'readInputNs',
    run: () => reader.read(frame),
    isRight: () => reader.kind === ClientFrameKind.Input && reader.seq === 7 && reader.bodyLength === RECORD_BYTES,
  };
}

function walkInput(): Step {
  const verifier = createClientVerifier();
  const frame = inputFrame();
  let problem = -1;
  return {
    metric: 'walkInputNs',
    run: () => {
      problem = verifier.verify(frame);
    },
    isRight: () => problem === 0,
  };
}

function passInput(): Step {
  const sab = createRing(64 * 1024);
  const producer = new RingProducer(sab);
  const consumer = new RingConsumer(sab);
  let seen = 0;
  return {
    metric: 'passInputNs',
    run: () => {
      const at = producer.tryReserve(INPUT_HEAD_BYTES + RECORD_BYTES);
      producer.words[at >> 2] = 42;
      producer.commit(Ingress.Input);
      producer.publish();
      seen = consumer.words[consumer.next() >> 2]!;
      consumer.release();
    },
    isRight: () => seen === 42,
  };
}

function writePrefix(): Step {
  const target = new Uint8Array(new SharedArrayBuffer(SNAPSHOT_PREFIX_BYTES));
  return {
    metric: 'writePrefixNs',
    run: () => writeSnapshotPrefix(target, 0, 300, 7, 3, SnapshotKind.Delta, 20),
    isRight: () => target[28] === 20,
  };
}

function charge(): Step {
  let nowMs = 0;
  let verdict: Verdict = Verdict.Excessive;
  const allowance = new Allowance(16_384, 4096, nowMs);
  return {
    metric: 'chargeNs',
    run: () => {
      nowMs += 20;
      verdict = allowance.charge(40, nowMs);
    },
    isRight: () => verdict === Verdict.Within,
  };
}

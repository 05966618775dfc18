/**
 * Thread entry: encodes snapshots of tables on the move and reports how much the heap grew and how often it was collected.
 * In a thread of its own, so that nothing else allocates.
 */
import { PerformanceObserver } from 'node:perf_hooks';
import { parentPort } from 'node:worker_threads';
import { BitWriter } from '../../src/codec/bit-writer.js';
import { EncoderScratch } from '../../src/codec/encoder-scratch.js';
import { facetsOf } from '../../src/codec/facet.js';
import { FacetEncoder } from '../../src/codec/facet-encoder.js';
import { angle, bool, fixed, float32, text, uint32, uint8 } from '../../src/state/field.js';
import { table } from '../../src/state/schema.js';
import { Table } from '../../src/state/table.js';

const ROWS = 60;
const STREAMS = 9;
const ROUNDS = 5;
const SNAPSHOTS = 20_000;

const Unit = table(
  { x: fixed(0, 2000, 1 / 32), heading: angle(8), health: uint8, stamp: uint32, speed: float32, on: bool, name: text(8) },
  { capacity: 64 },
);
const units = new Table(Unit);
for (let i = 0; i < ROWS; i += 1) units.spawn({ x: 20 * i, name: `unit ${i}` });

const scratch = new EncoderScratch();
const facet = facetsOf([Unit])[0]!;
const whole = new FacetEncoder(facet, units.image, scratch);
const split = new FacetEncoder(facet, units.image, scratch);
const streamOf = new Uint16Array(64);
const bits = new BitWriter();
let snapshot = 0;

function pass(snapshots: number): number {
  let bytes = 0;
  for (let n = 0; n < snapshots; n += 1) {
    snapshot = (snapshot + 1) & 0xffff;
    const { x, heading, health, stamp, speed, on } = units.columns;
    for (let i = 0; i < ROWS; i += 1) {
      x[i] = (x[i]! + 7 + (i & 3)) % 2000;
      heading[i]! += 0.1;
      if ((snapshot + i) % 7 === 0) health[i] = (snapshot * i) & 0xff;
      if ((snapshot + i) % 30 === 0) stamp[i] = 4e9 + snapshot;
      speed[i] = snapshot / (i + 1);
      on[i] = (snapshot >> 3) & 1;
      // Some move to another stream, some to none.
      if ((snapshot + i) % 40 === 0 || streamOf[i] === 0) streamOf[i] = (snapshot + i) % (STREAMS + 1);
    }
    units.settle();
    bits.reset();
    whole.advance(bits, null, 1);
    split.advance(bits, streamOf, STREAMS);
    if (snapshot % 16 === 0) for (let stream = 0; stream < STREAMS; stream += 1) split.keyframe(bits, stream);
    bytes += bits.byteLength;
  }
  return bytes;
}

interface Round {
  bytes: number;
  snapshots: number;
  grownBytes: number;
  collections: number;
}

/** Several rounds, and the cleanest of them, as V8 allocates on its own account now and then: see the ring's thread. */
async function measure(): Promise<void> {
  let collections = 0;
  new PerformanceObserver((list) => {
    collections += list.getEntries().length;
  }).observe({ entryTypes: ['gc'] });

  pass(8000);
  const rounds: Round[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    await new Promise(setImmediate);
    collections = 0;
    const before = process.memoryUsage().heapUsed;
    const bytes = pass(SNAPSHOTS);
    const grownBytes = process.memoryUsage().heapUsed - before;
    await new Promise(setImmediate);
    rounds.push({ bytes, snapshots: SNAPSHOTS, grownBytes, collections });
  }
  rounds.sort((a, b) => a.collections - b.collections || a.grownBytes - b.grownBytes);
  parentPort!.postMessage(rounds[0]);
}

void measure();

/**
 * Records of 64 bytes (8 of header, 56 of payload) from one thread to another through a ring, and the same 64 bytes by
 * `postMessage`. The consumer checks the sequence number and the checksum of every one, so both figures are for records
 * written, carried and read in full.
 */
import { once } from 'node:events';
import { MessageChannel, Worker } from 'node:worker_threads';
import { createRing } from '../src/memory/ring-layout.js';
import { atLeast } from './goal.js';
import { OtherLoad } from './machine.js';
import type { RingRoundResult, RingThreadStart } from './ring-thread.js';
import type { BenchOptions, BenchResult } from './run.js';

export const name = 'ring';
export const about = '64-byte records between two threads: a ring against postMessage';

const SEED = 0x51ce;

/** Holds 4,096 records, so neither side waits for the other's every batch. 32 KiB to 1 MiB make no difference. */
const RING_BYTES = 256 * 1024;

const SIZES = {
  full: { rounds: 7, records: 10_000_000, messages: 200_000 },
  small: { rounds: 1, records: 400_000, messages: 20_000 },
};

export async function run({ small }: BenchOptions): Promise<BenchResult> {
  const { rounds, records, messages } = small ? SIZES.small : SIZES.full;
  const seed = SEED;
  const start: RingThreadStart = { seed, ring: createRing(RING_BYTES, 2 ** 32 - 8) };
  const producer = new Worker(new URL('./ring-thread.js', import.meta.url), { workerData: start });
  const consumer = new Worker(new URL('./ring-thread.js', import.meta.url), { workerData: start });
  try {
    const { port1, port2 } = new MessageChannel();
    producer.postMessage({ do: 'hold', port: port1 }, [port1]);
    consumer.postMessage({ do: 'hold', port: port2 }, [port2]);

    const measure = async (way: 'ring' | 'post', count: number): Promise<number> => {
      producer.postMessage({ do: `${way} out`, count });
      consumer.postMessage({ do: `${way} in`, count });
      const [sent, received] = await Promise.all([result(producer), result(consumer)]);
      if (sent.count !== count || received.count !== count) {
        throw new Error(`${way}: sent ${sent.count}, received ${received.count}, expected ${count}`);
      }
      // From the first byte written to the last one checked. Both threads read one monotonic clock.
      return count / ((received.endMs - sent.startMs) / 1000);
    };

    // Warms both ways up, so that compiling is in no round.
    await measure('ring', Math.min(records, 2_000_000));
    await measure('post', Math.min(messages, 20_000));

    const otherLoad = new OtherLoad();
    // Alternating: a neighbour on the machine who takes a core for a while slows both ways down.
    const recordsPerSec: number[] = [];
    const postMessagePerSec: number[] = [];
    for (let round = 0; round < rounds; round++) {
      recordsPerSec.push(await measure('ring', records));
      postMessagePerSec.push(await measure('post', messages));
    }
    const ratio = median(recordsPerSec) / median(postMessagePerSec);
    return {
      seed,
      metrics: {
        recordsPerSec: Math.round(median(recordsPerSec)),
        recordsPerSecMin: Math.round(Math.min(...recordsPerSec)),
        recordsPerSecMax: Math.round(Math.max(...recordsPerSec)),
        postMessagePerSec: Math.round(median(postMessagePerSec)),
        postMessagePerSecMin: Math.round(Math.min(...postMessagePerSec)),
        postMessagePerSecMax: Math.round(Math.max(...postMessagePerSec)),
        ratio,
        otherProcessesCores: otherLoad.cores(),
        rounds,
        recordsPerRound: records,
        messagesPerRound: messages,
      },
      goals: [
        atLeast('recordsPerSec', Math.round(median(recordsPerSec)), 20_000_000),
        atLeast('ratio', ratio, 20),
      ],
      notes: [
        `Medians of ${rounds} rounds. A record is 64 bytes in the ring, 56 of them payload; a message the same 64.`,
        'Each thread wants a core of its own: what other processes take (otherProcessesCores) is missing here.',
      ],
    };
  } finally {
    await Promise.all([producer.terminate(), consumer.terminate()]);
  }
}

/** What a thread reports of a round; what it throws, that is a wrong result, rejects. */
async function result(thread: Worker): Promise<RingRoundResult> {
  const [message] = await once(thread, 'message');
  return message as RingRoundResult;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

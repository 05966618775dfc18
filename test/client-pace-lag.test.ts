/** Who lags and since when: exact ticks of one client in a room of 60 ticks, with a snapshot every third. */
import { beforeEach, describe, expect, it } from 'vitest';
import { createCounterBlock, CounterBlock, ShardCounter } from '../src/memory/counters.js';
import { Client, type ClientPort } from '../src/shard/client.js';
import { ClientPace, PaceVerdict } from '../src/shard/client-pace.js';

const { Send, Skip, Close } = PaceVerdict;
const LIMITS = { lagLimitMs: 1000, ackTimeoutMs: 5000 };
const START = 60;

let counters: CounterBlock;
let pace: ClientPace;
let client: Client;
let tick: number;

beforeEach(() => {
  counters = new CounterBlock(createCounterBlock());
  pace = new ClientPace(LIMITS, 60, counters);
  client = newClient();
  tick = START;
});

function newClient(): Client {
  return new Client('s', 1, {} as ClientPort);
}

/** The snapshot of this tick, then on to the next one's. As SnapshotSender does it. */
function snapshot(of = pace): PaceVerdict {
  const verdict = of.judge(client, tick);
  if (verdict !== Send) client.inStep = false;
  else of.sent(client, tick, !client.inStep);
  if (verdict === Send) client.inStep = true;
  tick += 3;
  return verdict;
}

/** Snapshots until one isn't sent. @returns its tick and verdict */
function untilNotSent(): [number, PaceVerdict] {
  for (let i = 0; i < 1000; i += 1) {
    const verdict = snapshot();
    if (verdict !== Send) return [tick - 3, verdict];
  }
  throw new Error('a thousand snapshots were sent');
}

const laggingCount = (): number => counters.get(ShardCounter.clientsLagging);

describe('a client that acknowledges', () => {
  it('at once is sent everything', () => {
    for (let i = 0; i < 1000; i += 1) {
      expect(snapshot()).toBe(Send);
      pace.acknowledged(client, tick - 3, tick - 2);
    }
    expect(client.ackTick).toBe(tick - 3);
    expect(counters.get(ShardCounter.snapshotsLagged)).toBe(0);
  });

  it('always 60 ticks late is at the limit, and 61 over it', () => {
    for (let i = 0; i < 20; i += 1) expect(snapshot()).toBe(Send);
    for (let i = 0; i < 1000; i += 1) {
      pace.acknowledged(client, tick - 60, tick);
      expect(snapshot()).toBe(Send);
    }
    pace.acknowledged(client, tick - 61, tick);
    expect(snapshot()).toBe(Skip);
  });

  it('only every 300 ms and after a way of 400 more is sent everything', () => {
    for (let i = 0; i < 1000; i += 1) {
      expect(snapshot()).toBe(Send);
      if (i % 6 === 0 && tick - 24 >= START) pace.acknowledged(client, tick - 24, tick);
    }
  });
});

describe('a client that reads nothing', () => {
  it('from the start is sent snapshots for a second after its first keyframe', () => {
    expect(untilNotSent()).toEqual([START + 63, Skip]);
    expect(client).toMatchObject({ lagging: true, ackTick: 0, sentTick: START + 60 });
  });

  it('any more is sent snapshots for a second after the last one that it acknowledged', () => {
    for (let i = 0; i < 5; i += 1) snapshot();
    pace.acknowledged(client, 66, 70);
    expect(untilNotSent()).toEqual([66 + 63, Skip]);
  });

  it('is closed five seconds after its last acknowledgement, and not before', () => {
    for (let i = 0; i < 5; i += 1) snapshot();
    pace.acknowledged(client, 66, 72);
    untilNotSent();
    while (tick <= 72 + 300) expect(snapshot()).toBe(Skip);
    expect(tick).toBe(375);
    expect(counters.get(ShardCounter.clientsTooSlow)).toBe(0);
    expect(snapshot()).toBe(Close);
    expect(counters.get(ShardCounter.clientsTooSlow)).toBe(1);
    expect(pace.problem(client, 375)).toBe(
      'too slow: no snapshot acknowledged for 5050 ms; expected one within 5000 ms, in an input or a ping',
    );
  });

  it('from the start is closed five seconds after its first keyframe', () => {
    untilNotSent();
    while (tick <= START + 300) expect(snapshot()).toBe(Skip);
    expect(snapshot()).toBe(Close);
  });

  it('is not kept by saying the same again, or something older', () => {
    for (let i = 0; i < 5; i += 1) snapshot();
    pace.acknowledged(client, 66, 72);
    while (tick <= 372) {
      snapshot();
      pace.acknowledged(client, 66, tick);
      pace.acknowledged(client, 63, tick);
      pace.acknowledged(client, 0, tick);
    }
    expect(snapshot()).toBe(Close);
    expect(client.ackTick).toBe(66);
  });
});

describe('a client that lags', () => {
  beforeEach(() => {
    untilNotSent();
    expect(client.sentTick).toBe(120);
  });

  it('is counted once, with each snapshot that it is not sent', () => {
    for (let i = 0; i < 9; i += 1) expect(snapshot()).toBe(Skip);
    expect(laggingCount()).toBe(1);
    expect(counters.get(ShardCounter.snapshotsLagged)).toBe(10);
    pace.disconnected(client);
    pace.disconnected(client);
    expect(laggingCount()).toBe(0);
  });

  it('is sent nothing until it has acknowledged all that it was sent, then a keyframe and deltas again', () => {
    pace.acknowledged(client, 117, 200);
    tick = 201;
    expect(snapshot()).toBe(Skip);
    pace.acknowledged(client, 120, 203);
    expect(client.inStep).toBe(false);
    expect(snapshot()).toBe(Send);
    expect(client).toMatchObject({ inStep: true, lagging: false, sentTick: 204 });
    expect(laggingCount()).toBe(0);
    // Its lag counts from the keyframe now, and it may owe an answer to it as long as to any first snapshot.
    expect(untilNotSent()).toEqual([204 + 63, Skip]);
    while (tick <= 204 + 300) expect(snapshot()).toBe(Skip);
    expect(snapshot()).toBe(Close);
  });

  it('and reads bit by bit has five seconds for each bit', () => {
    tick = 420;
    expect(pace.judge(client, 360)).toBe(Skip);
    expect(pace.judge(client, 361)).toBe(Close);
    pace.acknowledged(client, 63, 360);
    expect(pace.judge(client, 361)).toBe(Skip);
    expect(pace.judge(client, 660)).toBe(Skip);
    expect(pace.judge(client, 661)).toBe(Close);
  });
});

describe('ticks that were never sent', () => {
  it('are taken for the newest that was', () => {
    snapshot();
    for (const lie of [61, 1e6, 2 ** 31, START + 2 ** 31 - 1]) {
      pace.acknowledged(client, lie, tick);
      expect(client.ackTick).toBe(START);
    }
    snapshot();
    pace.acknowledged(client, 2 ** 31 - 1, tick);
    expect(client.ackTick).toBe(63);
  });

  it('mean nothing before the first snapshot', () => {
    pace.acknowledged(client, 77, tick);
    expect(client.ackTick).toBe(0);
    expect(snapshot()).toBe(Send);
  });
});

it('a pause in which nothing is sent to anybody makes nobody lag', () => {
  snapshot();
  pace.acknowledged(client, 60, 62);
  tick = 6000;
  expect(snapshot()).toBe(Send);
  expect(snapshot()).toBe(Send);
});

it.each([
  [1, 1, 5],
  [20, 20, 100],
  [60, 60, 300],
  [240, 240, 1200],
])('at %i ticks a second the limits are %i and %i ticks', (tickRateHz, lagTicks, silentTicks) => {
  const other = new ClientPace(LIMITS, tickRateHz, counters);
  other.sent(client, 1000, true);
  expect(other.judge(client, 1000 + lagTicks)).toBe(Send);
  expect(other.judge(client, 1000 + lagTicks + 1)).toBe(Skip);
  expect(other.judge(client, 1000 + silentTicks)).toBe(Skip);
  expect(other.judge(client, 1000 + silentTicks + 1)).toBe(Close);
});

it.each([2 ** 31 - 31, 2 ** 32 - 31])('all of it holds where the ticks of the wire turn over: from %i on', (start) => {
  tick = start;
  for (let i = 0; i < 100; i += 1) {
    expect(snapshot()).toBe(Send);
    pace.acknowledged(client, (tick - 3) >>> 0, tick);
    pace.acknowledged(client, (tick - 9) >>> 0, tick);
    expect(client.ackTick).toBe((tick - 3) >>> 0);
  }
  tick = start;
  client = newClient();
  pace.acknowledged(client, 0, tick);
  expect(untilNotSent()).toEqual([start + 63, Skip]);
  pace.acknowledged(client, (start + 60) >>> 0, tick);
  expect(snapshot()).toBe(Send);
});

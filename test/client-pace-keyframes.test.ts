/** Keyframes that a client asks for: one at once, then at most one in 250 ms, and none that is owed is forgotten. */
import { beforeEach, expect, it } from 'vitest';
import { createCounterBlock, CounterBlock, ShardCounter } from '../src/memory/counters.js';
import { Client, type ClientPort } from '../src/shard/client.js';
import { ClientPace, PaceVerdict } from '../src/shard/client-pace.js';

const { Send, Skip, Close } = PaceVerdict;

let counters: CounterBlock;
let pace: ClientPace;
let client: Client;
let tick: number;
/** Ticks of the keyframes that were sent. */
let keyframes: number[];
let deltas: number[];

beforeEach(() => {
  counters = new CounterBlock(createCounterBlock());
  pace = new ClientPace({ lagLimitMs: 1000, ackTimeoutMs: 5000 }, 60, counters);
  client = new Client('s', 1, {} as ClientPort);
  tick = 60;
  keyframes = [];
  deltas = [];
});

function ask(): void {
  pace.asked(client);
  client.inStep = false;
}

function snapshot(): PaceVerdict {
  const verdict = pace.judge(client, tick);
  if (verdict === Send) {
    (client.inStep ? deltas : keyframes).push(tick);
    pace.sent(client, tick, !client.inStep);
  }
  client.inStep = verdict === Send;
  tick += 3;
  return verdict;
}

/** As a client that holds what it was sent. */
function acknowledge(): void {
  pace.acknowledged(client, client.sentTick, tick);
}

it('the first is sent with the next snapshot, right after the keyframe of the join too', () => {
  snapshot();
  ask();
  snapshot();
  snapshot();
  expect(keyframes).toEqual([60, 63]);
  expect(deltas).toEqual([66]);
});

it('the next is remembered and sent 15 ticks after the first; until then there is nothing', () => {
  snapshot();
  ask();
  snapshot(); // 63
  ask();
  for (let i = 0; i < 4; i += 1) expect(snapshot()).toBe(Skip); // 66 to 75
  expect(snapshot()).toBe(Send); // 78
  expect(snapshot()).toBe(Send);
  expect(keyframes).toEqual([60, 63, 78]);
  expect(deltas).toEqual([81]);
  expect(counters.get(ShardCounter.snapshotsLagged)).toBe(0);
});

it('one that is asked for after 15 ticks is sent at once', () => {
  snapshot();
  ask();
  while (tick <= 78) snapshot();
  ask();
  snapshot();
  expect(keyframes).toEqual([60, 63, 81]);
});

it('a client that asks before every snapshot gets four a second and no deltas', () => {
  snapshot();
  while (tick < 60 + 10 * 60) {
    ask();
    ask();
    snapshot();
    acknowledge();
  }
  expect(keyframes.slice(0, 4)).toEqual([60, 63, 78, 93]);
  expect(keyframes).toHaveLength(41);
  expect(deltas).toEqual([]);
});

it('a client that asks and never acknowledges is closed like any other', () => {
  let verdict: PaceVerdict = snapshot();
  while (verdict !== Close) {
    ask();
    verdict = snapshot();
  }
  expect(tick - 3).toBe(60 + 303);
});

it('before the first keyframe there is nothing to ask for', () => {
  ask();
  snapshot();
  ask();
  snapshot();
  expect(keyframes).toEqual([60, 63]);
});

it('a snapshot that found no room on the way is owed still', () => {
  snapshot();
  ask();
  expect(pace.judge(client, 63)).toBe(Send);
  // Not sent: the ring was full.
  tick = 66;
  snapshot();
  ask();
  while (snapshot() === Skip);
  expect(keyframes).toEqual([60, 66, 81]);
});

it('one that lags and asks is sent one at once: it may never acknowledge what it holds no baseline for', () => {
  snapshot();
  acknowledge();
  while (snapshot() === Send);
  expect(client).toMatchObject({ lagging: true, ackTick: 60, sentTick: 123 });
  expect(snapshot()).toBe(Skip);
  ask();
  expect(snapshot()).toBe(Send);
  expect(keyframes).toEqual([60, 132]);
  expect(client.lagging).toBe(false);
  expect(counters.get(ShardCounter.clientsLagging)).toBe(0);
  // What it asked for is on its way: a second passes before it lags again, and it must answer within five all in all.
  while (snapshot() === Send);
  expect(tick - 3).toBe(132 + 63);
  expect(pace.judge(client, 63 + 300)).toBe(Skip);
  expect(pace.judge(client, 63 + 301)).toBe(Close);
});

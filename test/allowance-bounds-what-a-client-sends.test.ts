/** The two buckets of a connection in simulated time: what is taken, what is dropped, and when it is enough. */
import { describe, expect, it } from 'vitest';
import {
  Allowance, ROOM_MESSAGES_PER_SEC_MIN, SEATLESS_MESSAGES_PER_SEC, Verdict,
} from '../src/front/allowance.js';
import { SeededRandom } from './corpus/seeded-random.js';

const SEED = 20_260_205;
const BYTES_PER_SEC = 16_384;
const PAYLOAD_BYTES_MAX = 4096;
/** Of a room of 60 ticks a second. */
const MESSAGES_PER_SEC = 120;
/** No whole number, and not zero. */
const START_MS = 1234.5;

function seated(messagesPerSec = MESSAGES_PER_SEC): Allowance {
  const allowance = new Allowance(BYTES_PER_SEC, PAYLOAD_BYTES_MAX, START_MS);
  allowance.seat(messagesPerSec);
  return allowance;
}

/** Charges messages at one moment until one is not `expected`. @returns how many were. */
function countOf(expected: Verdict, allowance: Allowance, nowMs: number, bytes = 0): number {
  let count = 0;
  while (allowance.charge(bytes, nowMs) === expected) count += 1;
  return count;
}

describe('a burst', () => {
  it('of two seconds of messages is taken, as many are dropped, and one more is excessive', () => {
    const allowance = seated();
    expect(countOf(Verdict.Within, allowance, START_MS)).toBe(240);
    expect(countOf(Verdict.Over, allowance, START_MS)).toBe(239); // the first one ended the count before
    expect(allowance.charge(0, START_MS)).toBe(Verdict.Excessive);
    expect(allowance.problem).toBe('over the rate: 482 messages ahead of 120 a second; expected at most 240 ahead');
  });

  it('of two seconds of bytes likewise', () => {
    const allowance = seated();
    expect(countOf(Verdict.Within, allowance, START_MS, 4096)).toBe(8);
    expect(countOf(Verdict.Over, allowance, START_MS, 4096)).toBe(7);
    expect(allowance.problem).toBe('over the rate: 69632 bytes ahead of 16384 a second; expected at most 32768 ahead');
  });

  it('after any silence is no greater', () => {
    const allowance = seated();
    expect(countOf(Verdict.Within, allowance, START_MS + 3_600_000)).toBe(240);
  });

  it('may always be one message of the greatest size', () => {
    const allowance = new Allowance(1024, 65_536, START_MS);
    expect(allowance.charge(65_536, START_MS)).toBe(Verdict.Within);
    expect(allowance.charge(1, START_MS)).toBe(Verdict.Over);
    expect(allowance.charge(65_535, START_MS)).toBe(Verdict.Over);
    expect(allowance.charge(1, START_MS)).toBe(Verdict.Excessive);
  });
});

describe('a steady client', () => {
  /** Sends at `perSec` for a minute. @returns seconds until the first message that was dropped, and until the close. */
  function secondsUntil(perSec: number, bytes = 0): { over: number; excessive: number } {
    const allowance = seated();
    const until = { over: Infinity, excessive: Infinity };
    for (let i = 0; i < perSec * 60; i += 1) {
      const sec = i / perSec;
      const verdict = allowance.charge(bytes, START_MS + sec * 1000);
      if (verdict !== Verdict.Within) until.over = Math.min(until.over, sec);
      if (verdict !== Verdict.Excessive) continue;
      until.excessive = sec;
      break;
    }
    return until;
  }

  it('at the rate is never dropped from', () => {
    expect(secondsUntil(MESSAGES_PER_SEC)).toEqual({ over: Infinity, excessive: Infinity });
    expect(secondsUntil(64, 256)).toEqual({ over: Infinity, excessive: Infinity });
  });

  it.each([1.1, 2, 5, 100])('at n = %d times the rate is over after 2 / (n - 1) s, closed after twice that', (times) => {
    for (const { over, excessive } of [secondsUntil(times * MESSAGES_PER_SEC), secondsUntil(times * 64, 256)]) {
      const tolerance = 0.05 + 0.02 / (times - 1);
      expect(Math.abs(over - 2 / (times - 1))).toBeLessThan(tolerance);
      expect(Math.abs(excessive - 4 / (times - 1))).toBeLessThan(tolerance);
    }
  });

  it('that the network held up for four seconds loses no input', () => {
    const allowance = seated();
    for (let i = 0; i < 600; i += 1) allowance.charge(42, START_MS + (i * 1000) / 60);
    expect(countOf(Verdict.Within, allowance, START_MS + 14_000, 42)).toBeGreaterThanOrEqual(4 * 60 - 1);
  });
});

it('what was spent comes back with time, at the rate', () => {
  const allowance = seated();
  countOf(Verdict.Within, allowance, START_MS);
  countOf(Verdict.Over, allowance, START_MS); // 481 spent
  expect(allowance.charge(0, START_MS + 2000)).toBe(Verdict.Over);
  expect(countOf(Verdict.Within, allowance, START_MS + 3000)).toBe(118); // 242 spent, 120 of them back
  expect(countOf(Verdict.Within, allowance, START_MS + 60_000)).toBe(240);
});

describe('a join', () => {
  it('changes the rate, and neither forgives nor takes away', () => {
    const allowance = new Allowance(BYTES_PER_SEC, PAYLOAD_BYTES_MAX, START_MS);
    expect(countOf(Verdict.Within, allowance, START_MS)).toBe(2 * SEATLESS_MESSAGES_PER_SEC);
    allowance.seat(MESSAGES_PER_SEC);
    expect(countOf(Verdict.Within, allowance, START_MS)).toBe(2 * MESSAGES_PER_SEC - 2 * SEATLESS_MESSAGES_PER_SEC - 1);
    allowance.unseat();
    expect(allowance.charge(0, START_MS)).toBe(Verdict.Excessive);
  });

  it('of a room that hardly ticks leaves enough for pings and clicks', () => {
    expect(countOf(Verdict.Within, seated(2), START_MS)).toBe(2 * ROOM_MESSAGES_PER_SEC_MIN);
  });
});

it('no pattern gets more through than the burst and the rate of the time that has passed', () => {
  const random = new SeededRandom(SEED);
  for (let run = 0; run < 200; run += 1) {
    const allowance = seated();
    let nowMs = START_MS;
    let messages = 0;
    let bytes = 0;
    for (let i = 0; i < 1000; i += 1) {
      nowMs += random.below(4) === 0 ? random.below(2000) / 10 : 0;
      const size = random.below(3) === 0 ? random.below(PAYLOAD_BYTES_MAX) : random.below(100);
      if (allowance.charge(size, nowMs) !== Verdict.Within) continue;
      messages += 1;
      bytes += size;
      const sec = (nowMs - START_MS) / 1000;
      expect(messages).toBeLessThanOrEqual(240 + sec * MESSAGES_PER_SEC + 1e-6);
      expect(bytes).toBeLessThanOrEqual(2 * BYTES_PER_SEC + sec * BYTES_PER_SEC + 1e-6);
    }
  }
});

/**
 * One room at 60 Hz, paced as a shard paces it, for a minute: every tick belongs to its deadline, and how late it came.
 * `setInterval(1000 / 60)` and a chain of `setTimeout(1000 / 60)` run for the same minute, each in its own thread.
 */
import { Worker } from 'node:worker_threads';
import { atMost, exactly } from './goal.js';
import type { BenchOptions, BenchResult } from './run.js';
import type { TickMethod, TickReport, TickThreadData } from './tick-thread.js';

export const name = 'tick';
export const about = 'a 60 Hz room on time: ticks, drift and lateness, with setInterval and setTimeout beside it';

const TICK_RATE_HZ = 60;
const PERIOD_MS = 1000 / TICK_RATE_HZ;
const DURATION_SEC = 60;
const SMALL_DURATION_SEC = 2;

const LATENESS_P50_MS_MAX = 0.2;
const LATENESS_P99_MS_MAX = 1;

/** Far above what doubles round (nanoseconds), far below what could be a wrong deadline. */
const ROUNDING_MS = 0.000_1;

export async function run(options: BenchOptions): Promise<BenchResult> {
  const durationSec = options.small ? SMALL_DURATION_SEC : DURATION_SEC;
  const ticksExpected = durationSec * TICK_RATE_HZ;
  const [schedule, interval, timeout] = await Promise.all([
    runThread('schedule', durationSec),
    runThread('setInterval', durationSec),
    runThread('setTimeout', durationSec),
  ]);
  checkDeadlines(schedule, ticksExpected);

  const ticks = schedule.startsMs.length;
  const lateness = quantiles(schedule.latenessesMs);
  // Of the deadlines, not of the moments: those are late by the lateness, which is shown on its own.
  const driftMs = roundedMs(driftOf(schedule.deadlinesMs, schedule.firstDeadlineMs));
  const metrics: Record<string, number> = {
    ticks,
    ticksSkipped: schedule.ticksSkipped,
    ticksCaughtUp: schedule.ticksCaughtUp,
    driftMs,
    latenessP50Ms: lateness.p50,
    latenessP99Ms: lateness.p99,
    latenessMaxMs: lateness.max,
    busyRatio: schedule.busyRatio,
    ...timerMetrics('setInterval', interval),
    ...timerMetrics('setTimeout', timeout),
  };
  const goals = [
    exactly('ticks', ticks, ticksExpected),
    exactly('driftMs', driftMs, 0),
    atMost('latenessP50Ms', lateness.p50, LATENESS_P50_MS_MAX),
    atMost('latenessP99Ms', lateness.p99, LATENESS_P99_MS_MAX),
  ];
  const notes = [
    'drift: time the ticks stand for less the time that passed; positive is ahead of real time',
    'lateness of the timers: distance from the deadline of the same number, early or late',
    'busyRatio: part of the time outside the event loop, which is mostly the wait for the deadline; nothing is random',
  ];
  return { seed: 0, metrics, goals, notes };
}

function runThread(method: TickMethod, durationSec: number): Promise<TickReport> {
  const workerData: TickThreadData = { method, tickRateHz: TICK_RATE_HZ, durationMs: durationSec * 1000 };
  const thread = new Worker(new URL('./tick-thread.js', import.meta.url), { workerData });
  return new Promise((resolve, reject) => {
    thread.once('message', resolve);
    thread.once('error', reject);
    thread.once('exit', (code) => reject(new Error(`the ${method} thread ended with code ${code} without a report`)));
  });
}

/** Every deadline of the duration ran once or was counted as skipped, in order, on the grid, and never early. */
function checkDeadlines(report: TickReport, ticksExpected: number): void {
  const { deadlinesMs, startsMs, latenessesMs, firstDeadlineMs, ticksSkipped } = report;
  if (deadlinesMs.length + ticksSkipped !== ticksExpected) {
    const seen = `${deadlinesMs.length} ticks ran and ${ticksSkipped} were skipped`;
    throw new Error(`${seen}; expected ${ticksExpected} in all`);
  }
  let previousNumber = -1;
  for (let i = 0; i < deadlinesMs.length; i++) {
    const sinceFirstMs = deadlinesMs[i]! - firstDeadlineMs;
    const number = Math.round(sinceFirstMs / PERIOD_MS);
    const offMs = sinceFirstMs - (number * 1000) / TICK_RATE_HZ;
    if (Math.abs(offMs) > ROUNDING_MS) throw new Error(`tick ${i} was for ${offMs} ms beside deadline ${number}`);
    // Only a skip may leave deadlines out; without one the n-th tick is the n-th deadline's.
    const inOrder = ticksSkipped === 0 ? number === i : number > previousNumber;
    if (!inOrder) throw new Error(`tick ${i} was for deadline ${number}, after ${previousNumber}`);
    const latenessMs = startsMs[i]! - deadlinesMs[i]!;
    if (!(latenessesMs[i]! >= 0 && latenessesMs[i]! <= latenessMs)) {
      throw new Error(`tick ${i} was told it is ${latenessesMs[i]} ms late; it was ${latenessMs}`);
    }
    previousNumber = number;
  }
}

function timerMetrics(method: string, report: TickReport): Record<string, number> {
  const { startsMs, firstDeadlineMs } = report;
  const distancesMs = startsMs.map((startMs, i) => Math.abs(startMs - firstDeadlineMs - i * PERIOD_MS));
  const { p50, p99, max } = quantiles(distancesMs);
  return {
    [`${method}Ticks`]: startsMs.length,
    [`${method}DriftMs`]: driftOf(startsMs, firstDeadlineMs),
    [`${method}LatenessP50Ms`]: p50,
    [`${method}LatenessP99Ms`]: p99,
    [`${method}LatenessMaxMs`]: max,
  };
}

/** Game time at the last tick less real time: the n-th tick stands for n periods after the first deadline. */
function driftOf(timesMs: Float64Array, firstDeadlineMs: number): number {
  const last = timesMs.length - 1;
  return (last * 1000) / TICK_RATE_HZ - (timesMs[last]! - firstDeadlineMs);
}

/** Drops what doubles round at the size of a clock's reading. */
function roundedMs(value: number): number {
  return Math.abs(value) < ROUNDING_MS ? 0 : value;
}

function quantiles(values: Float64Array): { p50: number; p99: number; max: number } {
  const sorted = values.slice().sort();
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!;
  return { p50: at(0.5), p99: at(0.99), max: sorted[sorted.length - 1]! };
}

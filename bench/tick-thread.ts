/**
 * Thread entry of the tick bench: runs one way of ticking for some time and reports when each tick came. In a thread of
 * its own, as a shard is, so that nothing but the way of ticking decides.
 */
import { performance } from 'node:perf_hooks';
import { parentPort, workerData } from 'node:worker_threads';
import { Pacer } from '../src/shard/pacer.js';
import { Schedule, type Clock, type TickTiming } from '../src/shard/schedule.js';

export type TickMethod = 'schedule' | 'setInterval' | 'setTimeout';

export interface TickThreadData {
  method: TickMethod;
  tickRateHz: number;
  durationMs: number;
  /** For `schedule`; default: the pacer's. */
  coarseMarginMs?: number;
  spinUs?: number;
}

export interface TickReport {
  /** Deadline 0: the schedule's first, or one period after the timer was set. */
  firstDeadlineMs: number;
  /** When each tick that came within the duration began. */
  startsMs: Float64Array;
  /** `schedule` only, parallel to `startsMs`: what the schedule said each tick was for, and how late it said it was. */
  deadlinesMs: Float64Array;
  latenessesMs: Float64Array;
  /** `schedule` only. */
  ticksSkipped: number;
  ticksCaughtUp: number;
  /** Part of the time that the thread was not waiting in its event loop, 0 to 1. */
  busyRatio: number;
}

const data = workerData as TickThreadData;
const clock: Clock = { nowMs: () => performance.now() };
const periodMs = 1000 / data.tickRateHz;

/** Room for a timer that runs at twice the rate. */
const ticksMax = Math.ceil((data.durationMs / periodMs) * 2) + 16;
const startsMs = new Float64Array(ticksMax);
const deadlinesMs = new Float64Array(ticksMax);
const latenessesMs = new Float64Array(ticksMax);
let ticks = 0;

function report(firstDeadlineMs: number, schedule?: Schedule): void {
  const message: TickReport = {
    firstDeadlineMs,
    startsMs: startsMs.slice(0, ticks),
    deadlinesMs: deadlinesMs.slice(0, schedule === undefined ? 0 : ticks),
    latenessesMs: latenessesMs.slice(0, schedule === undefined ? 0 : ticks),
    ticksSkipped: schedule?.ticksSkipped ?? 0,
    ticksCaughtUp: schedule?.ticksCaughtUp ?? 0,
    busyRatio: performance.eventLoopUtilization().utilization,
  };
  parentPort!.postMessage(message);
}

/** Ends with the first deadline that lies outside the duration. */
function runSchedule(): void {
  const schedule = new Schedule(clock.nowMs());
  const room = {
    tickRateHz: data.tickRateHz,
    runTick({ deadlineMs, latenessMs }: TickTiming): void {
      startsMs[ticks] = clock.nowMs();
      deadlinesMs[ticks] = deadlineMs;
      latenessesMs[ticks] = latenessMs;
      ticks++;
    },
  };
  schedule.add(room, clock.nowMs());
  const firstDeadlineMs = schedule.nextDeadlineMs();
  // Half a period before the first deadline outside, so that rounding cannot decide whether it is inside.
  const endMs = firstDeadlineMs + data.durationMs - periodMs / 2;
  const pacer = new Pacer({
    clock,
    nextDeadlineMs: () => schedule.nextDeadlineMs(),
    pass: () => {
      schedule.runDue(clock);
      if (schedule.nextDeadlineMs() > endMs) {
        pacer.stop();
        report(firstDeadlineMs, schedule);
      }
    },
    ...(data.coarseMarginMs !== undefined && { coarseMarginMs: data.coarseMarginMs }),
    ...(data.spinUs !== undefined && { spinUs: data.spinUs }),
  });
  pacer.start();
}

/** The same stretch of time: ticks count until half a period before the first deadline outside. */
function runTimer(method: 'setInterval' | 'setTimeout'): void {
  const firstDeadlineMs = clock.nowMs() + periodMs;
  const endMs = firstDeadlineMs + data.durationMs - periodMs / 2;
  let interval: NodeJS.Timeout | undefined;
  const tick = (): void => {
    const nowMs = clock.nowMs();
    if (nowMs > endMs || ticks === ticksMax) {
      clearInterval(interval);
      report(firstDeadlineMs);
      return;
    }
    startsMs[ticks++] = nowMs;
    if (method === 'setTimeout') setTimeout(tick, periodMs);
  };
  if (method === 'setInterval') interval = setInterval(tick, periodMs);
  else setTimeout(tick, periodMs);
}

if (data.method === 'schedule') runSchedule();
else runTimer(data.method);

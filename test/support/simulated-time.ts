import type { Clock, Schedule, Scheduled, TickTiming } from '../../src/shard/schedule.js';

/** A clock that stands still until it is told otherwise. */
export class SimulatedClock implements Clock {
  timeMs: number;

  constructor(timeMs = 0) {
    this.timeMs = timeMs;
  }

  nowMs(): number {
    return this.timeMs;
  }
}

/** A room that notes its ticks; `onTick` is what its game does. */
export class RecordingRoom implements Scheduled {
  readonly tickRateHz: number;
  readonly deadlinesMs: number[] = [];
  readonly latenessesMs: number[] = [];
  onTick: (() => void) | undefined;

  constructor(tickRateHz: number, onTick?: () => void) {
    this.tickRateHz = tickRateHz;
    this.onTick = onTick;
  }

  runTick({ deadlineMs, latenessMs }: TickTiming): void {
    this.deadlinesMs.push(deadlineMs);
    this.latenessesMs.push(latenessMs);
    this.onTick?.();
  }
}

/** Jumps from deadline to deadline, as an ideal thread would, through the last one that is not after `endMs`. */
export function runUntil(schedule: Schedule<RecordingRoom>, clock: SimulatedClock, endMs: number): void {
  for (let nextMs = schedule.nextDeadlineMs(); nextMs <= endMs; nextMs = schedule.nextDeadlineMs()) {
    clock.timeMs = Math.max(clock.timeMs, nextMs);
    schedule.runDue(clock);
  }
  clock.timeMs = Math.max(clock.timeMs, endMs);
}

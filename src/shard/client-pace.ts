/**
 * How far a room's clients are behind, and what they are sent because of it. Pure: ticks are handed in.
 *
 * The kernel takes megabytes for a client that reads nothing before a socket shows any pressure, so a client's lag is
 * judged by what it says it holds: the newest tick it has acknowledged, in inputs and pings, against the room's.
 *
 * ```
 *   tick          60  63  66  69  72  ...  126 129 132  ...  258 261 264    limit: 60 ticks
 *   sent           K   d   d   d   d  ...   d   -   -  ...    K   d   d
 *   acknowledged      60  63  66      (reads nothing)     126   258 261
 *   lag                    3   3   6  ...  60  63  66  ...        3   3
 *                  in step                   | lagging      | in step
 *
 *   in step --lag over the limit--> lagging --everything sent is acknowledged, or it asks--> in step, with a keyframe
 *       \______________________________\______ nothing new acknowledged for the timeout _____> to be closed
 * ```
 *
 * While a client lags it is sent no snapshots: they would only make what it has to read longer. What was on its way is
 * bounded by the limit, so that a client which reads again is done with it soon, says so, and gets one keyframe.
 *
 * Differences of ticks are taken modulo 2^32, as the wire's ticks wrap.
 */
import { ShardCounter, type CounterBlock } from '../memory/counters.js';
import type { PaceLimits } from '../protocol/control.js';
import type { Client } from './client.js';

/** Answers of `judge`. Who is closed may come back over another connection, and begins there with a keyframe. */
export const PaceVerdict = {
  /** The snapshot is to be sent: a delta to a client that is in step, a keyframe to another. */
  Send: 0,
  /** Nothing is to be sent, and the client is out of step from here on. */
  Skip: 1,
  /** The client is to be closed as too slow; it is counted as that. */
  Close: 2,
} as const;

export type PaceVerdict = (typeof PaceVerdict)[keyof typeof PaceVerdict];

/**
 * A client that asks for keyframes gets four a second. A keyframe may be a hundred times a delta; a client that has lost
 * its baseline, on the other hand, sees nothing move until one comes.
 */
export const KEYFRAME_INTERVAL_MS = 250;

/** Half of all tick numbers: what would be further behind than this is ahead. */
const HALF_RANGE = 2 ** 31;

/** The part of `Client` that is the pace's own; nobody else writes it. */
export type Paced = Pick<
  Client,
  'ackTick' | 'sentTick' | 'lagFromTick' | 'ackedAtTick' | 'lagging' | 'wantsKeyframe' | 'keyframeFromTick'
>;

/** One for each room. Calls are O(1) and allocate nothing, but for `problem`. */
export class ClientPace {
  private readonly lagLimitTicks: number;
  private readonly ackTimeoutTicks: number;
  private readonly keyframeIntervalTicks: number;

  constructor(
    private readonly limits: PaceLimits,
    private readonly tickRateHz: number,
    private readonly counters: CounterBlock,
  ) {
    this.lagLimitTicks = this.ticksIn(limits.lagLimitMs);
    this.ackTimeoutTicks = this.ticksIn(limits.ackTimeoutMs);
    this.keyframeIntervalTicks = this.ticksIn(KEYFRAME_INTERVAL_MS);
  }

  /** Whether the snapshot of this tick may be sent. To be called once for each snapshot and client. */
  judge(client: Paced, tick: number): PaceVerdict {
    const isWaiting = client.ackTick !== client.sentTick;
    if (isWaiting && ticksBetween(client.ackedAtTick, tick) > this.ackTimeoutTicks) {
      this.counters.add(ShardCounter.clientsTooSlow);
      return PaceVerdict.Close;
    }
    if (client.wantsKeyframe) {
      // Also to one that lags: what it was sent before is of no use to it, so it may never acknowledge that.
      if (ticksBetween(client.keyframeFromTick, tick) < 0) return PaceVerdict.Skip;
    } else if (isWaiting && (client.lagging || ticksBetween(client.lagFromTick, tick) > this.lagLimitTicks)) {
      this.setLagging(client, true);
      this.counters.add(ShardCounter.snapshotsLagged);
      return PaceVerdict.Skip;
    }
    this.setLagging(client, false);
    return PaceVerdict.Send;
  }

  /** A snapshot of this tick was handed over for sending. */
  sent(client: Paced, tick: number, isKeyframe: boolean): void {
    const isFirst = client.ackTick === client.sentTick;
    // Until now it held all that it was sent, so an answer is owed from here on only.
    if (isFirst) client.ackedAtTick = tick;
    // A keyframe supersedes what is still on its way.
    if (isFirst || isKeyframe) client.lagFromTick = tick;
    client.sentTick = tick >>> 0;
    if (!isKeyframe) return;
    client.keyframeFromTick = client.wantsKeyframe ? tick + this.keyframeIntervalTicks : tick;
    client.wantsKeyframe = false;
  }

  /**
   * An input or a ping says that the client holds `ackTick`; the room is at `tick`. What is no news is ignored, or a client
   * could stay for ever that reads nothing. A tick that was never sent is taken for the newest that was: who lies about
   * what it has read is left to what waits in its socket.
   */
  acknowledged(client: Paced, ackTick: number, tick: number): void {
    if (ackTick === 0) return; // it holds nothing yet
    const { sentTick } = client;
    const isAhead = (sentTick - ackTick) >>> 0 > HALF_RANGE;
    const newest = isAhead ? sentTick : ackTick;
    if ((sentTick - newest) >>> 0 >= (sentTick - client.ackTick) >>> 0) return;
    client.ackTick = newest;
    client.ackedAtTick = tick;
    if (ticksBetween(client.lagFromTick, newest) > 0) client.lagFromTick = newest;
  }

  /**
   * The client holds no baseline any more and asks for a keyframe, or its socket had no room for a snapshot and has drained.
   * The first keyframe is free; what is asked for sooner than KEYFRAME_INTERVAL_MS after that is answered then.
   */
  asked(client: Paced): void {
    // Before its first snapshot it is owed a keyframe anyway.
    if (client.sentTick !== 0) client.wantsKeyframe = true;
  }

  /** The client's connection is lost: what it was sent and what it holds belong to no other one. */
  disconnected(client: Paced): void {
    this.setLagging(client, false);
    client.ackTick = 0;
    client.sentTick = 0;
    client.lagFromTick = 0;
    client.ackedAtTick = 0;
    client.wantsKeyframe = false;
    client.keyframeFromTick = 0;
  }

  /** Why `judge` said Close, for the close frame: at most 110 bytes. */
  problem(client: Paced, tick: number): string {
    const silentMs = Math.round((ticksBetween(client.ackedAtTick, tick) * 1000) / this.tickRateHz);
    return (
      `too slow: no snapshot acknowledged for ${silentMs} ms; ` +
      `expected one within ${this.limits.ackTimeoutMs} ms, in an input or a ping`
    );
  }

  private setLagging(client: Paced, lagging: boolean): void {
    if (client.lagging === lagging) return;
    client.lagging = lagging;
    this.counters.add(ShardCounter.clientsLagging, lagging ? 1 : -1);
  }

  /** At least as long as asked for. */
  private ticksIn(durationMs: number): number {
    return Math.ceil((durationMs * this.tickRateHz) / 1000);
  }
}

/** Negative when `to` is the earlier one. */
function ticksBetween(from: number, to: number): number {
  return (to - from) | 0;
}

/**
 * Which tick to draw. Snapshots come 20 times a second with some jitter, frames are drawn 60 times or more: so the page
 * draws a moment a little in the past, for which it holds a snapshot on either side.
 *
 *      snapshots      |        |        |        |     newest
 *      ticks    ------+--------+--------+--------+---------->
 *                                  ^ drawn: delay before now
 */
export class Timeline {
  /** Local time of tick 0, ms, as the arrivals so far suggest; NaN before the first. */
  private originMs = NaN;
  private drawnTick = 0;

  /**
   * @param tickRate of the room, Hz.
   * @param delayMs how far behind the newest arrivals to draw: two snapshot periods bridge the loss of one.
   */
  constructor(
    private readonly tickRate: number,
    private readonly delayMs = 100,
  ) {}

  arrived(tick: number, nowMs: number): void {
    const sampleMs = nowMs - this.msOf(tick);
    const lateMs = sampleMs - this.originMs;
    // A jump means that the room or this page stood still. Otherwise arrivals are on time or late, hardly ever early,
    // so an early one says more about the true origin than a late one does.
    if (!(Math.abs(lateMs) < 250)) this.originMs = sampleMs;
    else this.originMs += lateMs * (lateMs < 0 ? 0.25 : 0.05);
  }

  /** Smoothed local time at which the snapshot of `tick` is due, ms. */
  dueMs(tick: number): number {
    return this.originMs + this.msOf(tick);
  }

  /** The tick to draw at `nowMs`, with its fraction. Never goes back by less than a second's worth. */
  drawTick(nowMs: number): number {
    if (Number.isNaN(this.originMs)) return 0;
    const tick = ((nowMs - this.originMs - this.delayMs) * this.tickRate) / 1000;
    const isSmallStepBack = tick < this.drawnTick && tick > this.drawnTick - this.tickRate;
    if (!isSmallStepBack) this.drawnTick = tick;
    return this.drawnTick;
  }

  private msOf(tick: number): number {
    return (tick * 1000) / this.tickRate;
  }
}

/**
 * Paces keyframes: how many bytes of them a shard hands to its front.
 *
 * A keyframe of a large room is a hundred deltas long. When a thousand clients join within a second, sending each its
 * keyframe at the next snapshot would fill the ring and keep the front busy while deltas wait. So keyframes get a share of
 * bytes per second, and who finds it used up is sent its keyframe with a later snapshot.
 *
 * 64 MiB/s are 1,000 keyframes of 64 KiB a second, which take the front about a fifth of a core; the burst is what it gets
 * rid of in a few milliseconds. What isn't taken in time is lost: one room, which takes once per snapshot, gets a burst for
 * each, at 20 Hz 20 MiB/s.
 */
const BYTES_PER_MS = (64 * 1024 * 1024) / 1000;
const BURST_BYTES = 1024 * 1024;

export class KeyframeBudget {
  private bytes = BURST_BYTES;
  private filledMs = NaN;

  /** Fills up for the time that has passed. */
  refill(nowMs: number): void {
    if (nowMs > this.filledMs) this.bytes = Math.min(BURST_BYTES, this.bytes + (nowMs - this.filledMs) * BYTES_PER_MS);
    this.filledMs = nowMs;
  }

  /** Whether a keyframe may be sent now: one is, of whatever size, while anything is left. */
  get isOpen(): boolean {
    return this.bytes > 0;
  }

  take(bytes: number): void {
    this.bytes -= bytes;
  }

  /** Takes for as many of `count` frames of equal size as may be sent now, and returns how many. */
  admit(count: number, frameBytes: number): number {
    const admitted = this.isOpen ? Math.min(count, Math.ceil(this.bytes / Math.max(1, frameBytes))) : 0;
    this.take(admitted * frameBytes);
    return admitted;
  }
}

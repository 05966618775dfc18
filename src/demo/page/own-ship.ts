import { Disc, pushFree } from '../arena-map.js';
import { playerSpeedPerSec, stickFull } from '../arena-rules.js';

const historyMax = 256;
const sentMax = 256;
/** An error beyond this is a push or a respawn we did not foresee; gliding there would be slower than jumping. */
const snapDistance = 120;
/** Part of the error taken off at each snapshot: at 20 a second, nine tenths are gone after 0.7 s. */
const correction = 0.15;

/**
 * The own player, moved at once by the own keys and steered back to the room's word.
 *
 * A snapshot shows the past: what the room made of inputs sent one `lag` ago. So its place is compared with where this
 * ship was one lag ago, and the difference is taken off little by little. Replaying unacknowledged inputs tick by tick
 * would be exact only if we knew at which tick each arrived; with inputs that hold until replaced we don't, and half an
 * input too many or too few shows as jitter. A smoothed lag has no such steps.
 */
export class OwnShip {
  x = 0;
  y = 0;
  private readonly disc = new Disc();
  private readonly timesMs = new Float64Array(historyMax);
  private readonly xs = new Float64Array(historyMax);
  private readonly ys = new Float64Array(historyMax);
  private frames = 0;
  private readonly sentAtMs = new Float64Array(sentMax);
  private ackedSeen = 0;
  /** Time from a key to the snapshot that shows its effect, ms; NaN until the first acknowledgement. */
  private lagMs = NaN;

  /** @param keepFree moves a disc out of what is solid, as the room does after each step. */
  constructor(
    private readonly speedPerSec = playerSpeedPerSec,
    private readonly keepFree: (disc: Disc) => void = pushFree,
  ) {}

  /** Puts the ship where the room says, as after a respawn. */
  reset(x: number, y: number): void {
    this.x = x;
    this.y = y;
    this.xs.fill(x);
    this.ys.fill(y);
  }

  /** Moves for one frame. `dx, dy` is the stick as sent to the room. */
  step(dx: number, dy: number, dtSec: number, nowMs: number): void {
    const scale = (this.speedPerSec * dtSec) / Math.max(stickFull, Math.hypot(dx, dy));
    this.disc.x = this.x + dx * scale;
    this.disc.y = this.y + dy * scale;
    this.keepFree(this.disc);
    this.x = this.disc.x;
    this.y = this.disc.y;
    const slot = this.frames % historyMax;
    this.timesMs[slot] = nowMs;
    this.xs[slot] = this.x;
    this.ys[slot] = this.y;
    this.frames += 1;
  }

  /** Input `seq` was sent at `nowMs`. */
  sent(seq: number, nowMs: number): void {
    this.sentAtMs[seq % sentMax] = nowMs;
  }

  /**
   * The room's word: after the inputs up to `ackedSeq` the ship is at (x, y), in a snapshot that was due at `dueMs`.
   *
   * @param inputPeriodMs time between inputs: the snapshot also shows what came of input `ackedSeq` being held for, on
   *   average, half of it.
   */
  reconcile(x: number, y: number, ackedSeq: number, dueMs: number, inputPeriodMs: number): void {
    if (ackedSeq !== this.ackedSeen && ackedSeq > 0) {
      this.ackedSeen = ackedSeq;
      const lagMs = Math.max(0, dueMs - this.sentAtMs[ackedSeq % sentMax]! - inputPeriodMs / 2);
      if (lagMs < 2000) this.lagMs = Number.isNaN(this.lagMs) ? lagMs : this.lagMs + (lagMs - this.lagMs) * 0.08;
    }
    if (Number.isNaN(this.lagMs) || this.frames === 0) {
      this.reset(x, y);
      return;
    }
    const slot = this.slotAt(dueMs - this.lagMs);
    const errorX = x - this.xs[slot]!;
    const errorY = y - this.ys[slot]!;
    if (Math.hypot(errorX, errorY) > snapDistance) {
      this.reset(x, y);
      return;
    }
    this.shift(errorX * correction, errorY * correction);
  }

  /** The history moves along, or the same error would be found and taken off again for a whole lag. */
  private shift(dx: number, dy: number): void {
    this.x += dx;
    this.y += dy;
    for (let i = 0; i < historyMax; i += 1) {
      this.xs[i] = this.xs[i]! + dx;
      this.ys[i] = this.ys[i]! + dy;
    }
  }

  /** The frame nearest before `timeMs`, or the oldest kept. */
  private slotAt(timeMs: number): number {
    const oldest = Math.max(0, this.frames - historyMax);
    let frame = this.frames - 1;
    while (frame > oldest && this.timesMs[frame % historyMax]! > timeMs) frame -= 1;
    return frame % historyMax;
  }
}

/**
 * Lets frames gather in the kernel for a moment, instead of waking up for each.
 *
 * Players' inputs come one by one, thousands a second, and nobody looks at them before the next tick. A thread that
 * returns to its event loop after each pays the way into the kernel, to sleep and back every time, which is more than the
 * input itself costs. So after a turn of the event loop in which frames came, the thread naps:
 *
 * ```
 *   event loop    | read: frames |  nap                      | read: all that came since |  nap ...
 *   shard's bell                       rings: drain, nap on
 * ```
 *
 * The nap ends at once when a shard has something to send, so snapshots don't wait; a frame waits for `napMs` at most, and
 * one that finds the thread idle not at all. Network cards do the same with their interrupts.
 */
import type { BellSleeper } from '../memory/bell.js';

/** What is done around a nap. */
export interface TurnActions {
  /** Shows the shards what was read. */
  publish(): void;
  /** Sends what shards have; returns whether there is more than for one turn. */
  drain(): boolean;
  /** Goes on draining, in the event loop, until there is nothing; then the bell is listened for. */
  resume(): void;
}

export class InputCoalescing {
  private isArmed = false;
  private turnMs = 0;

  constructor(
    private readonly sleeper: BellSleeper,
    private readonly napMs: number,
    private readonly actions: TurnActions,
    private readonly clockMs: () => number,
  ) {}

  /** Something for a shard has come: it is shown, and the thread naps, once the sockets of this turn have been read. */
  arrived(): void {
    if (this.isArmed) return;
    this.isArmed = true;
    this.turnMs = this.clockMs();
    setImmediate(this.endTurn);
  }

  /** One reading of the clock for all frames of a turn. */
  readonly nowMs = (): number => (this.isArmed ? this.turnMs : this.clockMs());

  private readonly endTurn = (): void => {
    this.isArmed = false;
    this.actions.publish();
    if (this.napMs === 0) return;
    const endMs = this.clockMs() + this.napMs;
    for (let leftMs = this.napMs; leftMs > 0; leftMs = endMs - this.clockMs()) {
      if (!this.sleeper.nap(leftMs)) break;
      if (this.actions.drain()) break;
    }
    this.actions.resume();
  };
}

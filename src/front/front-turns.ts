/**
 * When the front reads its sockets, when it sends what the shards have, and when it waits.
 *
 * Players' inputs come one by one, thousands a second, and nobody looks at them before the next tick. A thread that returns
 * to its event loop after each pays the way into the kernel, to sleep and back every time, which is more than the input
 * itself costs. So after a turn of the event loop in which frames came, the thread naps:
 *
 * ```
 *   event loop    | read: frames |  nap                      | read: all that came since |  nap ...
 *   shard's bell                       rings: drain, nap on
 * ```
 *
 * The nap ends at once when a shard has something to send, so snapshots don't wait; a frame waits for `napMs` at most, and
 * one that finds the thread idle not at all. Network cards do the same with their interrupts.
 *
 * Without frames the thread sleeps in its event loop, and the bell wakes it there. A shard that sends faster than sockets
 * take it is drained in portions, one a turn: there is one chain of them, however many had reason to begin it, and no naps
 * while it lasts.
 */
import { BellSleeper } from '../memory/bell.js';

/** What a turn is made of. */
export interface TurnActions {
  /** Shows the shards what was read. */
  publish(): void;
  /** Sends what shards have; returns whether there is more than for one turn. */
  drain(): boolean;
  /** Whether shards have something to send. */
  readonly hasEgress: boolean;
}

export class FrontTurns {
  private readonly sleeper: BellSleeper;
  /** Frames have come in this turn. */
  private isArmed = false;
  /** The next portion is to be sent in the next turn. */
  private isDraining = false;
  private isClosed = false;
  private turnMs = 0;

  /** @param napMs longest time that a frame waits for others, 0 for none */
  constructor(
    bell: SharedArrayBuffer,
    private readonly napMs: number,
    private readonly actions: TurnActions,
    private readonly clockMs: () => number,
  ) {
    this.sleeper = new BellSleeper(bell, () => actions.hasEgress, () => this.resume(), 0);
  }

  /** Something for a shard comes: it is shown, and the thread naps, once the sockets of this turn have been read. */
  arrived(): void {
    if (this.isArmed) return;
    this.isArmed = true;
    this.turnMs = this.clockMs();
    setImmediate(this.endTurn);
  }

  /** One reading of the clock for all frames of a turn. */
  readonly nowMs = (): number => (this.isArmed ? this.turnMs : this.clockMs());

  /** Drains until there is nothing, a portion a turn, and then listens for the bell. */
  resume(): void {
    if (this.isClosed || this.isDraining) return;
    // What was read is shown first: sending may take long, and ticks go on meanwhile.
    this.actions.publish();
    if (!this.actions.drain() && this.sleeper.sleep()) return;
    this.isDraining = true;
    setImmediate(this.drainOn);
  }

  /** Nothing is drained after this. */
  close(): void {
    this.isClosed = true;
    this.sleeper.close();
  }

  private readonly drainOn = (): void => {
    this.isDraining = false;
    this.resume();
  };

  private readonly endTurn = (): void => {
    this.isArmed = false;
    this.actions.publish();
    if (this.isClosed || this.isDraining || this.napMs === 0) return;
    const endMs = this.clockMs() + this.napMs;
    for (let leftMs = this.napMs; leftMs > 0; leftMs = endMs - this.clockMs()) {
      if (!this.sleeper.nap(leftMs)) break;
      if (!this.actions.drain()) continue;
      this.isDraining = true;
      setImmediate(this.drainOn);
      return;
    }
    this.resume();
  };
}

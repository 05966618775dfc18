import { stickFull } from './arena-rules.js';

/**
 * What each player wants to do, by row index. Clients and bots both write here, and the world only reads intents,
 * so it treats both alike.
 *
 * An intent is a state, not a step: it holds until it is replaced. Sending inputs faster therefore moves nobody
 * faster, which is what makes a speed hack pointless.
 */
export class Intents {
  /** Wanted velocity as a part of full speed: a vector of length 0 to 1. */
  readonly x: Float64Array;
  readonly y: Float64Array;
  readonly aim: Float64Array;
  /** 1 while the trigger is held. */
  readonly held: Uint8Array;
  /** 1 from a pull of the trigger to its shot, so that a click between two ticks, or while reloading, still fires. */
  readonly pulled: Uint8Array;
  /** Tick at which the intent was last replaced. */
  readonly writtenAtTick: Int32Array;

  constructor(capacity: number) {
    this.x = new Float64Array(capacity);
    this.y = new Float64Array(capacity);
    this.aim = new Float64Array(capacity);
    this.held = new Uint8Array(capacity);
    this.pulled = new Uint8Array(capacity);
    this.writtenAtTick = new Int32Array(capacity);
  }

  clear(index: number): void {
    this.x[index] = 0;
    this.y[index] = 0;
    this.held[index] = 0;
    this.pulled[index] = 0;
  }

  /** Replaces an intent by a client's input. Of several in one tick the last one steers, and any of them may fire. */
  write(index: number, dx: number, dy: number, aim: number, fire: boolean, tick: number): void {
    const length = Math.sqrt(dx * dx + dy * dy);
    const scale = length > stickFull ? 1 / length : 1 / stickFull;
    this.x[index] = dx * scale;
    this.y[index] = dy * scale;
    this.aim[index] = aim;
    // Only a new pull counts: a trigger held while reloading would otherwise fire once more after its release.
    if (fire && this.held[index] === 0) this.pulled[index] = 1;
    this.held[index] = fire ? 1 : 0;
    this.writtenAtTick[index] = tick;
  }
}

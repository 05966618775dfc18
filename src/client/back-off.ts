/** How long to wait before the next attempt: exponential back-off with jitter. */
import type { ReconnectPolicy } from './client-settings.js';

export class BackOff {
  private attempts = 0;

  constructor(private readonly policy: ReconnectPolicy, private readonly random: () => number) {}

  /** The wait before the next attempt, in milliseconds: between half and all of a delay that doubles each time. */
  nextMs(): number {
    const { delayMs, delayMaxMs } = this.policy;
    const wholeMs = Math.min(delayMs * 2 ** this.attempts, delayMaxMs);
    this.attempts += 1;
    return wholeMs * (0.5 + this.random() / 2);
  }

  /**
   * Begins anew after a connection that lasted for `stayedMs`. One that lasted shorter than the longest wait counts as
   * another failure: a server that takes sessions only to lose them isn't asked ten times a second.
   */
  connectionLost(stayedMs: number): void {
    if (stayedMs >= this.policy.delayMaxMs) this.attempts = 0;
  }
}

/** Runs a room's hooks so that what they throw is logged and counted, and costs nobody else anything. */
import type { Logger } from 'pino';
import { ShardCounter, type CounterBlock } from '../memory/counters.js';
import { logHookError } from './hook-error.js';
import { StayedAwayError } from './reconnection.js';

const nothing = (): void => {};

export class RoomHooks {
  /** Hooks about clients that are still at work. */
  private readonly running = new Set<Promise<void>>();

  constructor(
    private readonly log: Logger,
    private readonly counters: CounterBlock,
  ) {}

  report(error: unknown, hook: string): void {
    this.counters.add(ShardCounter.hookErrors);
    logHookError(this.log, error, { hook }, `${hook} threw`);
  }

  /** Resolves when the hook is done. Never rejects. */
  async contain(hook: string, run: () => unknown): Promise<void> {
    try {
      await run();
    } catch (error) {
      this.report(error, hook);
    }
  }

  /** Runs a hook about a client, which the room's end waits for. */
  run(hook: string, run: () => unknown): void {
    try {
      const done = run();
      if (!(done instanceof Promise)) return;
      const settled: Promise<void> = done
        .catch((error: unknown) => {
          // From an `await this.allowReconnection(…)` that nobody caught: the hook has ended as it was meant to.
          if (!(error instanceof StayedAwayError)) this.report(error, hook);
        })
        .finally(() => this.running.delete(settled));
      this.running.add(settled);
    } catch (error) {
      this.report(error, hook);
    }
  }

  /** Runs a hook about a client whose outcome the caller waits for, as the room's end does. Throws what it throws. */
  async during(run: () => unknown): Promise<void> {
    const done = run();
    if (!(done instanceof Promise)) return;
    const settled: Promise<void> = done.then(nothing, nothing).finally(() => this.running.delete(settled));
    this.running.add(settled);
    await done;
  }

  /** Resolves when no hook about a client is at work. */
  async settled(): Promise<void> {
    while (this.running.size > 0) await Promise.all(this.running);
  }
}

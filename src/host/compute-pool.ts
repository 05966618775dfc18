/** The pool for rooms' heavy one-off jobs, shared by all shards of a host. Its threads start with the first job. */
import { Piscina } from 'piscina';

/** Jobs that may wait for a thread; one more is rejected, so that rooms that ask too much hear of it. */
const QUEUE_JOBS_MAX = 1024;

/** A thread without a job for so long ends. */
const IDLE_MS_MAX = 10_000;

export class ComputePool {
  private pool: Piscina | null = null;

  constructor(private readonly threadsMax: number) {}

  /** Calls the default export of `module` with `data` in a thread of the pool. */
  async run(module: string, data: unknown): Promise<unknown> {
    this.pool ??= new Piscina({
      minThreads: 0,
      maxThreads: this.threadsMax,
      maxQueue: QUEUE_JOBS_MAX,
      idleTimeout: IDLE_MS_MAX,
    });
    return this.pool.run(data, { filename: module });
  }

  async close(): Promise<void> {
    await this.pool?.destroy();
    this.pool = null;
  }
}

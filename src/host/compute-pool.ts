/** The pool for rooms' heavy one-off jobs, shared by all shards of a host. Its threads start with the first job. */
import { Piscina } from 'piscina';

export class ComputePool {
  private pool: Piscina | null = null;

  constructor(private readonly threadsMax: number) {}

  /** Calls the default export of `module` with `data` in a thread of the pool. */
  async run(module: string, data: unknown): Promise<unknown> {
    this.pool ??= new Piscina({ minThreads: 0, maxThreads: this.threadsMax, idleTimeout: 10_000 });
    return this.pool.run(data, { filename: module });
  }

  async close(): Promise<void> {
    await this.pool?.destroy();
    this.pool = null;
  }
}

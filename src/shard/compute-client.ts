/** A shard's side of heavy jobs: asks the host's pool, and keeps who waits for what. */
import type { ShardToHost } from '../protocol/control.js';

interface Waiting {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

export class ComputeClient {
  private readonly waiting = new Map<number, Waiting>();
  private lastId = 0;

  constructor(private readonly post: (message: ShardToHost) => void) {}

  run(module: string, data: unknown): Promise<unknown> {
    const id = (this.lastId += 1);
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      try {
        this.post({ kind: 'compute', id, module, data });
      } catch (cause) {
        // Functions and the like can't be copied to another thread.
        this.waiting.delete(id);
        reject(new Error(`compute(${module}): data can't be copied to the pool`, { cause }));
      }
    });
  }

  answer(id: number, value: unknown, error: string | undefined): void {
    const waiting = this.waiting.get(id);
    this.waiting.delete(id);
    if (error === undefined) waiting?.resolve(value);
    else waiting?.reject(new Error(error));
  }
}

/** A room that lets no message through that isn't as it should be, and tells what came through. */
import { Room, table, uint8 } from 'escapement';
import { z } from 'zod';

const Order = z.object({
  name: z.string().min(1).max(8),
  at: z.object({ x: z.number().min(0).max(100) }),
  items: z.array(z.object({ count: z.number().int().max(9) })).max(3),
});

export default class Strict extends Room {
  static override tickRate = 20;

  override autoDispose: boolean | number = 0;
  nothing = this.table(table({ a: uint8 }));
  #orders = 0;

  override onCreate(): void {
    this.onMessage('order', Order, () => void (this.#orders += 1));
    this.onMessage('orders', (client) => client.send('orders', this.#orders));
  }
}

/** A room that does what tests ask of it: echoes, throws, computes, counts. */
import { input, int16, Room, table, text, uint32, type Client } from 'escapement';

const Mark = table({ session: text(16), count: uint32, lastSeq: uint32, sum: int16 }, { capacity: 64 });
const Step = input({ amount: int16 });

export default class Probe extends Room {
  static override tickRate = 30;
  static override snapshotRate = 30;
  static override maxClients = 4;

  override autoDispose: boolean | number = 0;
  marks = this.table(Mark);
  steps = this.input(Step);
  #throwInTick = false;
  #seen: number[] = [];
  #leaveCodes: number[] = [];

  async onCreate(options: { failCreate?: boolean; slowMs?: number; name?: string }): Promise<void> {
    if (options.failCreate === true) throw new Error('creation refused by the test');
    if (options.slowMs !== undefined) await new Promise((resolve) => setTimeout(resolve, options.slowMs));
    this.onMessage('echo', (client, payload) => client.send('echo', payload));
    this.onMessage('all', (client, payload) => this.broadcast('all', payload, { except: client }));
    this.onMessage('throw-in-handler', () => {
      throw new Error('handler failed by the test');
    });
    this.onMessage('throw-in-tick', () => (this.#throwInTick = true));
    this.onMessage('throw-in-timer', () => {
      this.clock.setTimeout(() => {
        throw new Error('timer failed by the test');
      }, 10);
    });
    this.onMessage('reject', () => {
      void Promise.reject(new Error('rejected by the test'));
    });
    this.onMessage('seen', (client) => client.send('seen', this.#seen));
    this.onMessage('leave-codes', (client) => client.send('leave-codes', this.#leaveCodes));
    this.onMessage('kick', (client) => client.leave(4000, 'kicked'));
    this.onMessage('lock', () => this.lock());
    this.onMessage('compute', async (client, data: number) => {
      client.send('computed', await this.compute(new URL('./jobs/square.js', import.meta.url), data));
    });
    this.onMessage('tick', (client) => client.send('tick', { tick: this.tick, clients: this.clients.length }));
    this.onMessage('timers', (client) => {
      this.clock.setTimeout(() => client.send('timer', 'game'), 50);
      setTimeout(() => client.send('timer', 'node'), 50);
      void Promise.resolve().then(() => client.send('timer', 'promise'));
    });
  }

  onJoin(client: Client, options: { failJoin?: boolean }): void {
    if (options.failJoin === true) throw new Error('no entry for the test');
    client.data.mark = this.marks.spawn({ session: client.sessionId });
    client.send('welcome', client.sessionId);
  }

  onTick(): void {
    if (this.#throwInTick) throw new Error('tick failed by the test');
    for (const client of this.clients) {
      const { mark } = client.data;
      let step;
      while ((step = this.steps.next(client))) {
        mark.count += 1;
        mark.sum += step.amount;
        this.#seen.push(step.amount);
      }
    }
  }

  onLeave(client: Client, code: number): void {
    this.#leaveCodes.push(code);
    this.marks.despawn(client.data.mark);
  }
}

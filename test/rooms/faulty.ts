/** A room that fails in every way a test asks for. */
import { Room, table, text, uint32, type Client } from 'escapement';

const Row = table({ name: text(16), count: uint32 }, { capacity: 8 });

/** Errors that can't even be looked at. */
const ODD_ERRORS: Readonly<Record<string, () => unknown>> = {
  proxy: () => new Proxy({}, { get: () => { throw new Error('no looking'); } }),
  bare: () => Object.create(null),
  getter: () => Object.defineProperty(new Error('x'), 'message', { get: () => { throw new Error('no reading'); } }),
  symbol: () => Symbol('thrown'),
};

interface FaultyOptions {
  odd?: string;
  where?: 'create' | 'join';
  endInCreate?: boolean;
  metadata?: 'function';
  keepOpen?: boolean;
  name?: string;
}

export default class Faulty extends Room {
  static override tickRate = 30;
  static override snapshotRate = 30;

  rows = this.table(Row);
  #tickError: (() => unknown) | undefined;
  #rejectTick = false;
  #saved = 0;

  override onCreate(options: FaultyOptions): void {
    if (options.where === 'create') throw ODD_ERRORS[options.odd!]!();
    if (options.endInCreate === true) this.disconnect();
    if (options.metadata === 'function') this.setMetadata({ call: () => 1 });
    if (options.keepOpen === true) this.autoDispose = false;
    this.onMessage('die', () => process.exit(3));
    this.onMessage('odd-tick', (_, which: string) => (this.#tickError = ODD_ERRORS[which]));
    this.onMessage('reject-tick', () => (this.#rejectTick = true));
    this.onMessage('kick-all', () => {
      for (const client of this.clients) client.leave(4000, 'all out');
    });
    this.onMessage('save', () => (this.#saved += 1));
    this.onMessage('saved', (client) => client.send('saved', this.#saved));
    this.onMessage('auto-dispose', (_, value: boolean) => (this.autoDispose = value ? 0 : false));
    this.onMessage('end', () => this.disconnect());
    this.onMessage('big', (client, bytes: number) => client.send('big', 'x'.repeat(bytes)));
    this.onMessage('bad-code', (client) => client.leave(70_000));
  }

  override onJoin(client: Client, options: FaultyOptions): void {
    if (options.where === 'join') throw ODD_ERRORS[options.odd!]!();
    client.data.row = this.rows.spawn({ name: options.name ?? 'x' });
  }

  override onTick(): void | Promise<void> {
    if (this.#tickError !== undefined) throw this.#tickError();
    if (this.#rejectTick) return Promise.reject(new Error('rejected tick'));
  }

  override onLeave(client: Client): void {
    this.rows.despawn(client.data.row);
  }

  override async onDispose(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, 200));
    this.log.fatal('disposed at last');
  }
}

/** A room to be found, filled, listed and left: it does at its creation what its options say. */
import { Room, table, uint8, type Client } from 'escapement';

export interface LoungeOptions {
  mode?: string;
  slowMs?: number;
  failCreate?: boolean;
  /** Seconds. */
  autoDispose?: number | boolean;
  level?: number;
  slowDisposeMs?: number;
  failDispose?: boolean;
  endsInJoin?: boolean;
}

export default class Lounge extends Room<{ mode: string; level: number }> {
  static override tickRate = 20;
  static override snapshotRate = 10;
  static override maxClients = 16;
  static filterBy = ['mode'];
  static sortBy = { level: -1 } as const;

  override autoDispose: boolean | number = 0;
  chairs = this.table(table({ a: uint8 }));
  greeting = 'hello';
  #options: LoungeOptions = {};

  override async onCreate(options: LoungeOptions): Promise<void> {
    this.#options = options;
    if (options.slowMs !== undefined) await new Promise((resolve) => setTimeout(resolve, options.slowMs));
    if (options.failCreate === true) throw new Error('creation refused by the test');
    if (options.autoDispose !== undefined) this.autoDispose = options.autoDispose;
    this.setMetadata({ mode: options.mode ?? 'any', level: options.level ?? 0 });
    this.onMessage('lock', () => this.lock());
    this.onMessage('unlock', () => this.unlock());
    this.onMessage('private', (_client, isPrivate: boolean) => this.setPrivate(isPrivate));
    this.onMessage('metadata', (_client, level: number) => this.setMetadata({ mode: 'any', level }));
    this.onMessage('end', () => this.disconnect());
    this.onMessage('team', (client) => client.send('team', client.team));
  }

  override onJoin(_client: Client, options: LoungeOptions): void {
    if (options.endsInJoin === true) this.disconnect();
  }

  override async onDispose(): Promise<void> {
    if (this.#options.slowDisposeMs !== undefined) {
      await new Promise((resolve) => setTimeout(resolve, this.#options.slowDisposeMs));
    }
    if (this.#options.failDispose === true) throw new Error('disposal failed by the test');
  }

  /** For `server.rooms.call`. */
  greet(name: string): string {
    return `${this.greeting} ${name}, there are ${this.clients.length} here`;
  }

  async fail(): Promise<void> {
    throw new Error('the call failed by the test');
  }

  unsendable(): () => void {
    return () => {};
  }
}

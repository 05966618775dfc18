/** A room that keeps its clients' seats, and account of everything that it and they have told each other. */
import { input, int16, Room, table, text, uint32, type Client } from 'escapement';

const Guest = table({ session: text(16), count: uint32, connected: uint32 }, { capacity: 64 });

export interface KeeperOptions {
  /** Seconds for allowReconnection in onDrop. */
  graceSec?: number;
  /** Numbered messages that each client is sent in a tick. */
  chatter?: number;
}

export default class Keeper extends Room {
  static override tickRate = 30;
  static override snapshotRate = 15;
  static override maxClients = 32;
  static override reconnectGrace = 10;

  override autoDispose: boolean | number = 0;
  guests = this.table(Guest);
  steps = this.input(input({ amount: int16 }));
  #options: KeeperOptions = {};
  #events: string[] = [];

  override onCreate(options: KeeperOptions): void {
    this.#options = options;
    // Numbers of a client must come in order, once each.
    this.onMessage('number', (client, number: number) => {
      if (number !== client.data.heard) client.data.faults.push(`${number} after ${client.data.heard - 1}`);
      client.data.heard = number + 1;
    });
    this.onMessage('account', (client) => {
      const { heard, sent, faults, steps } = client.data;
      client.send('account', { heard, sent, faults, steps });
    });
    this.onMessage('events', (client) => client.send('events', this.#events));
    this.onMessage('quiet', () => (this.#options = { ...this.#options, chatter: 0 }));
    this.onMessage('kick', (client, code: number) => client.leave(code, 'kicked'));
    this.onMessage('kick-dropped', () => {
      for (const client of this.clients) if (!client.connected) client.leave(4000, 'gone for too long');
    });
  }

  override onJoin(client: Client): void {
    client.data = { heard: 0, sent: 0, faults: [], steps: 0 };
    client.data.row = this.guests.spawn({ session: client.sessionId, connected: 1 });
    this.#events.push('join');
  }

  override onTick(): void {
    for (const client of this.clients) {
      while (this.steps.next(client)) client.data.steps += 1;
      client.data.row.count += 1;
      for (let i = 0; i < (this.#options.chatter ?? 0); i += 1) client.send('number', client.data.sent++);
    }
  }

  override onDrop(client: Client, code: number): void {
    this.#events.push(`drop ${code}`);
    client.data.row.connected = 0;
    const { graceSec } = this.#options;
    if (graceSec === undefined) return;
    this.allowReconnection(client, graceSec).then(
      () => this.#events.push('came back'),
      () => this.#events.push('stayed away'),
    );
  }

  override onReconnect(client: Client): void {
    this.#events.push('reconnect');
    client.data.row.connected = 1;
  }

  override onLeave(client: Client, code: number): void {
    this.#events.push(`leave ${code}`);
    this.guests.despawn(client.data.row);
  }
}

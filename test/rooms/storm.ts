/** A slow room that keeps account of everybody who comes, goes and talks, and tells it in the log when it ends. */
import { Room, table, uint32, type Client } from 'escapement';

const Guest = table({ heard: uint32 }, { capacity: 16 });

export interface StormOptions {
  /** Doomed rooms fail in onCreate, and nobody else is to be sent to one. */
  mode: 'calm' | 'doomed';
  /** How long onCreate and onJoin take. */
  slowMs?: number;
  failJoin?: boolean;
}

/** How a room has fared, for the line in the log. */
export interface StormAccount {
  joins: number;
  leaves: number;
  drops: number;
  returns: number;
  /** Messages that came out of order, or twice, or hooks that did. */
  faults: string[];
}

export default class Storm extends Room {
  static override tickRate = 4;
  static override snapshotRate = 2;
  static override maxClients = 16;
  static filterBy = ['mode'];
  static queue = { teams: 2, teamSize: 2, tolerance: 100, tolerancePerSec: 1000, timeout: 5 };

  override autoDispose: boolean | number = 0;
  guests = this.table(Guest);
  #account: StormAccount = { joins: 0, leaves: 0, drops: 0, returns: 0, faults: [] };

  override async onCreate(options: StormOptions): Promise<void> {
    await pause(options.slowMs);
    if (options.mode === 'doomed') throw new Error('no room in the storm');
    this.log.info('storm begins');
    this.onMessage('number', (client, number: number) => {
      const { data } = client;
      if (number !== data.heard) this.#fault(`${client.sessionId} said ${number} after ${data.heard - 1}`);
      data.heard = number + 1;
    });
    this.onMessage('account', (client, question: number) => {
      const { heard, sent } = client.data;
      client.send('account', { question, heard, sent });
    });
    this.onMessage('kick', (client, code: number) => client.leave(code, 'blown away'));
  }

  override async onJoin(client: Client, options: StormOptions): Promise<void> {
    await pause(options.slowMs);
    if (options.failJoin === true) throw new Error('no seat in the storm');
    client.data = { heard: 0, sent: 0, guest: this.guests.spawn({}), isAway: false };
    this.#account.joins += 1;
    client.send('number', client.data.sent++);
  }

  override onTick(): void {
    for (const client of this.clients) {
      client.data.guest.heard = client.data.heard;
      if (this.random() < 0.5) client.send('number', client.data.sent++);
    }
  }

  override onDrop(client: Client): void {
    if (client.data.isAway) this.#fault(`${client.sessionId} was dropped twice`);
    client.data.isAway = true;
    this.#account.drops += 1;
  }

  /** Also of who was never away: a new connection took over. */
  override onReconnect(client: Client): void {
    client.data.isAway = false;
    this.#account.returns += 1;
  }

  override onLeave(client: Client): void {
    const { data } = client;
    if (data.guest === null) this.#fault(`${client.sessionId} left twice`);
    else this.guests.despawn(data.guest);
    data.guest = null;
    this.#account.leaves += 1;
  }

  override onDispose(): void {
    if (this.guests.size > 0) this.#fault(`${this.guests.size} guests are still there`);
    this.log.info({ account: this.#account }, 'storm is over');
  }

  #fault(words: string): void {
    if (this.#account.faults.length < 10) this.#account.faults.push(words);
  }
}

async function pause(ms = 0): Promise<void> {
  if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms));
}

/** A front without shards: its port, its HTTP gateway and its limits, and a host that does what the test says. */
import { Front } from '../../src/front/front.js';
import type { FrontEvents, ReserveRequest, ReserveResult, RoomListRequest } from '../../src/front/front-events.js';
import { StaticFiles } from '../../src/front/static-files.js';
import { CounterBlock, createCounterBlock, FrontCounter } from '../../src/memory/counters.js';
import { validateServerOptions, type ServerOptions } from '../../src/host/server-options.js';

/** What the host answers unless the test says otherwise. */
export const RESERVED: ReserveResult = {
  ok: true, room: 'duel', roomId: 'room-1', sessionId: 'session-1', ticket: 'ticket-1', expiresAtMs: 1_800_000_000_000,
  expiresInMs: 15_000,
};

export class LoneFront {
  readonly reservations: ReserveRequest[] = [];
  readonly lists: RoomListRequest[] = [];
  readonly proxiesIgnored: string[] = [];
  /** Addresses of the sockets that have gone. */
  readonly closed: string[] = [];
  /** What `reserve` does: by default it answers at once. */
  reserve: FrontEvents['reserve'] = (_, answer) => answer(RESERVED);
  rooms: readonly object[] = [];
  port = 0;
  /** The front's clock. It stands still unless the test moves it. */
  nowMs = 1000;
  readonly front: Front;
  private readonly counters = new CounterBlock(createCounterBlock());

  private constructor(options: Omit<ServerOptions, 'rooms'>) {
    const config = validateServerOptions({ rooms: { duel: 'data:text/javascript,' }, coalesceMs: 0, ...options });
    const events: FrontEvents = {
      join: (connection) => this.front.refuse(connection, 4401, 'nobody is let in'),
      resume: (connection) => this.front.refuse(connection, 4401, 'nobody is let in'),
      watch: () => {},
      joined: () => {},
      confirmed: () => {},
      closed: (connection) => this.closed.push(connection.request.address),
      reserve: (request, answer) => {
        this.reservations.push(request);
        this.reserve(request, answer);
      },
      list: (request) => {
        this.lists.push(request);
        return this.rooms;
      },
      proxyIgnored: (address) => this.proxiesIgnored.push(address),
      health: () => ({ status: 'ok' }),
    };
    const files = config.publicDir === undefined ? null : new StaticFiles(config.publicDir);
    this.front = new Front(config, this.counters, events, files, () => this.nowMs);
  }

  static async listen(options: Omit<ServerOptions, 'rooms'> = {}, port = 0): Promise<LoneFront> {
    const lone = new LoneFront(options);
    lone.port = (await lone.front.listen('127.0.0.1', port)) ?? 0;
    return lone;
  }

  get url(): string {
    return `${this.front.isTls ? 'https' : 'http'}://127.0.0.1:${this.port}`;
  }

  /** Upgrades and requests answered with 429. */
  get handshakesRefused(): number {
    return this.counters.get(FrontCounter.handshakesRefused);
  }

  async close(): Promise<void> {
    await this.front.close(4001, 'the test is over', 50);
    this.front.destroy();
  }
}

/**
 * Sockets without a network: both ends are in the test's hands. What is sent travels at once, in order, in tasks of its own,
 * or when the test says so; a wire can be cut at either end, or go silent.
 */
import { EventEmitter } from 'node:events';
import { Peer } from './scripted-server.js';

const CONNECTING = 0;
const OPEN = 1;
const CLOSED = 3;

/** The client's end: what the SDK takes for a WebSocket. */
class ClientEnd {
  binaryType = 'blob';
  readyState = CONNECTING;
  onopen: ((event: unknown) => void) | null = null;
  onmessage: ((event: unknown) => void) | null = null;
  onerror: ((event: unknown) => void) | null = null;
  onclose: ((event: unknown) => void) | null = null;
  wire!: Wire;

  constructor(readonly url: string, readonly protocol: string) {}

  send(frame: Uint8Array): void {
    if (this.readyState !== OPEN) throw new Error('sent before the socket was open');
    this.wire.push('up', frame.slice());
  }

  close(code: number, reason: string): void {
    if (code !== 1000 && (code < 3000 || code > 4999)) throw new Error(`browsers refuse to close with ${code}`);
    this.wire.closedByClient = { code, reason };
  }
}

/** The server's end, as the `ws` package has it: events `message` and, from the test, `close`. */
export class ServerEnd extends EventEmitter {
  constructor(readonly wire: Wire) {
    super();
    // What came before anybody listened was read by nobody.
    this.on('newListener', (event) => event === 'message' && queueMicrotask(() => wire.flush()));
  }

  send(frame: Uint8Array): void {
    this.wire.push('down', frame.slice());
  }

  close(code: number, reason = ''): void {
    this.wire.push('down', { code, reason });
  }

  /** No closing handshake; what is under way is lost. */
  terminate(): void {
    this.wire.down.length = 0;
    this.wire.push('down', { code: 1006, reason: '' });
  }
}

type Parcel = Uint8Array | { readonly code: number; readonly reason: string };

export class Wire {
  readonly up: Parcel[] = [];
  readonly down: Parcel[] = [];
  readonly server = new ServerEnd(this);
  /** How the client closed it. */
  closedByClient: { readonly code: number; readonly reason: string } | undefined;
  /** Nothing travels, and nobody is told. */
  isSilent = false;
  private readonly lost = new Set<'up' | 'down'>();

  constructor(private readonly network: MemoryNetwork, readonly client: ClientEnd) {}

  get url(): string {
    return this.client.url;
  }

  /** One way, what is under way is lost, and all that follows. */
  lose(way: 'up' | 'down'): void {
    this[way].length = 0;
    this.lost.add(way);
  }

  push(way: 'up' | 'down', parcel: Parcel): void {
    if (this.lost.has(way)) return;
    this[way].push(parcel);
    if (!this.network.isManual) queueMicrotask(() => this.carry(way));
  }

  /** Everything that waits for the server arrives, unless the test carries it. */
  flush(): void {
    while (!this.network.isManual && this.carry('up'));
  }

  /** The next parcel arrives. Returns whether there was one. */
  carry(way: 'up' | 'down'): boolean {
    if (this.isSilent || (way === 'up' && this.server.listenerCount('message') === 0)) return false;
    const parcel = this[way].shift();
    if (parcel === undefined) return false;
    if (way === 'up') {
      this.server.emit('message', Buffer.from(parcel as Uint8Array));
    } else if (parcel instanceof Uint8Array) {
      this.client.onmessage?.({ data: parcel.slice().buffer });
    } else {
      this.client.readyState = CLOSED;
      this.client.onclose?.(parcel);
    }
    return true;
  }

  open(): void {
    this.client.readyState = OPEN;
    this.client.onopen?.({});
  }
}

export class MemoryNetwork {
  /** Every connection so far. */
  readonly wires: Wire[] = [];
  /** The test carries every parcel itself. */
  isManual = false;
  /** What becomes of new connections. */
  mode: 'open' | 'refuse' | 'hang' = 'open';
  readonly WebSocket: new (url: string, protocols?: string | string[]) => ClientEnd;
  private readonly arrivals: Wire[] = [];
  private readonly waiting: ((wire: Wire) => void)[] = [];
  /** Is told of each connection that opens. */
  connected: (wire: Wire) => void = (wire) => {
    const waiter = this.waiting.shift();
    if (waiter === undefined) this.arrivals.push(wire);
    else waiter(wire);
  };

  constructor() {
    const network = this;
    this.WebSocket = class extends ClientEnd {
      constructor(url: string, protocols?: string | string[]) {
        super(url, String(protocols));
        const wire = (this.wire = new Wire(network, this));
        network.wires.push(wire);
        const { mode } = network;
        if (mode === 'refuse') wire.push('down', { code: 1006, reason: '' });
        if (mode !== 'open') return;
        queueMicrotask(() => {
          network.connected(wire);
          wire.open();
        });
      }
    };
  }

  /** The next connection that opens, or has opened and wasn't asked for. */
  wire(): Promise<Wire> {
    const wire = this.arrivals.shift();
    if (wire !== undefined) return Promise.resolve(wire);
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  /** The next connection, with a scripted server at its other end. */
  async peer(): Promise<Peer & { readonly wire: Wire }> {
    const wire = await this.wire();
    return Object.assign(new Peer(wire.server as never), { wire });
  }
}

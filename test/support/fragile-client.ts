/** A client of the SDK whose sockets can be cut, frozen or counted. */
import { connect } from 'escapement/client';
import { WebSocket } from 'ws';

type ConnectOptions = NonNullable<Parameters<typeof connect>[1]>;

export class FragileClient {
  /** Every socket that it has opened, oldest first. */
  readonly sockets: WebSocket[] = [];
  readonly client: ReturnType<typeof connect>;

  constructor(url: string, options: ConnectOptions = {}) {
    const { sockets } = this;
    class Socket extends WebSocket {
      constructor(address: string, protocols?: string | string[]) {
        super(address, protocols, { perMessageDeflate: false, rejectUnauthorized: false });
        sockets.push(this);
      }
    }
    this.client = connect(url, { reconnect: { delayMs: 20, delayMaxMs: 200 }, ...options, WebSocket: Socket });
  }

  get socket(): WebSocket {
    return this.sockets.at(-1)!;
  }

  /** The network is gone: no close frame, the kernel sends RST or FIN. */
  cut(): void {
    this.socket.terminate();
  }

  /** A half-dead network: nothing of what the server sends arrives any more, and the server hears nothing of a close. */
  deafen(): void {
    this.socket.pause();
  }
}

/** The next event of a kind that takes a listener, such as `(callback) => room.onDrop(callback)`. */
export function once<A extends unknown[]>(subscribe: (callback: (...args: A) => void) => () => void): Promise<A> {
  return new Promise((resolve) => {
    const off = subscribe((...args) => {
      off();
      resolve(args);
    });
  });
}

/** The client SDK's entry for Node, whose versions before 22 have no WebSocket: the one of the `ws` package steps in. */
import { WebSocket, type ClientOptions } from 'ws';
import type { Client, ConnectOptions } from './index.js';
import { connect as connectAnywhere } from './index.js';

export * from './index.js';

class PlainWebSocket extends WebSocket {
  constructor(url: string | URL, protocols?: string | string[]) {
    super(url, protocols, OPTIONS);
  }
}

const OPTIONS = {
  // The protocol's frames are small and dense already: compressing them would cost time and win nothing.
  perMessageDeflate: false,
  // A server that doesn't answer a close holds the process no longer than leave() waits (ws: 30 s). Its types lack this.
  closeTimeout: 1000,
} as ClientOptions;

/** As in a browser, except that the server has to be named. */
export function connect(server?: string | URL, options: ConnectOptions = {}): Client {
  const fallback = 'WebSocket' in globalThis ? undefined : PlainWebSocket;
  return connectAnywhere(server, { ...options, WebSocket: options.WebSocket ?? fallback });
}

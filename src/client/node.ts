/** The client SDK's entry for Node, whose versions before 22 have no WebSocket: the one of the `ws` package steps in. */
import { WebSocket } from 'ws';
import type { Client, ConnectOptions } from './index.js';
import { connect as connectAnywhere } from './index.js';

export * from './index.js';

// The protocol's frames are small and dense already: compressing them would cost time and win nothing.
class PlainWebSocket extends WebSocket {
  constructor(url: string | URL, protocols?: string | string[]) {
    super(url, protocols, { perMessageDeflate: false });
  }
}

/** As in a browser, except that the server has to be named. */
export function connect(server?: string | URL, options: ConnectOptions = {}): Client {
  const fallback = 'WebSocket' in globalThis ? undefined : PlainWebSocket;
  return connectAnywhere(server, { ...options, WebSocket: options.WebSocket ?? fallback });
}

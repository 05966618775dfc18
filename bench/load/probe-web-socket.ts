/** A LoadSocket with the face of a standard WebSocket, so that the SDK of a contender can be used over it. */
import { LoadSocket } from './load-socket.js';

const CONNECTING = 0;
const OPEN = 1;
const CLOSED = 3;

export class ProbeWebSocket {
  binaryType = 'arraybuffer';
  readyState = CONNECTING;
  protocol = '';
  onopen: ((event: object) => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onerror: ((event: object) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;
  /** Once it is open. */
  loadSocket: LoadSocket | null = null;

  constructor(url: string, protocols: string | string[] = []) {
    const [protocol = ''] = [protocols].flat();
    LoadSocket.open(url, protocol).then((socket) => this.opened(socket, protocol), () => this.closed(1006, ''));
  }

  send(data: Uint8Array): void {
    this.loadSocket!.send(data);
  }

  close(): void {
    this.loadSocket?.destroy();
    this.closed(1006, '');
  }

  private opened(socket: LoadSocket, protocol: string): void {
    this.loadSocket = socket;
    this.readyState = OPEN;
    this.protocol = protocol;
    socket.handlers = {
      frame: (payload, isText) => {
        // The SDK may keep what it is given.
        const data = isText ? Buffer.from(payload).toString() : Uint8Array.from(payload).buffer;
        this.onmessage?.({ data });
      },
      closed: (code, reason) => this.closed(code, reason),
    };
    this.onopen?.({});
  }

  private closed(code: number, reason: string): void {
    if (this.readyState === CLOSED) return;
    this.readyState = CLOSED;
    this.onclose?.({ code, reason });
  }
}

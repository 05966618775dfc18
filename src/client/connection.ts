/** One WebSocket, from the moment it is asked for until it has closed. A room may have several in its life. */

/** The part of the WebSocket standard that the SDK uses; browsers, Node 22 and the `ws` package all have it. */
export interface WebSocketLike {
  binaryType: string;
  readonly readyState: number;
  readonly protocol: string;
  send(data: Uint8Array): void;
  close(code?: number, reason?: string): void;
  onopen: ((event: any) => void) | null;
  onmessage: ((event: any) => void) | null;
  onerror: ((event: any) => void) | null;
  onclose: ((event: any) => void) | null;
}

export type WebSocketConstructor = new (url: string, protocols?: string | string[]) => any;

/** Whoever uses the connection at the moment: a join or a redial under way, then the room or the list of rooms. */
export interface ConnectionListener {
  connectionOpened(): void;
  /** `bytes` may be kept. Null: the frame was a text, which no server of ours sends. */
  frameReceived(bytes: Uint8Array | null): void;
  /** Once, and the last call. `code` is 1006 when there was no closing handshake. */
  connectionClosed(code: number, reason: string): void;
}

const OPEN = 1;
const NO_CLOSE_FRAME = 1006;

/** In place of one that couldn't be made. */
const NO_SOCKET: WebSocketLike = {
  binaryType: '',
  readyState: 3,
  protocol: '',
  send: () => {},
  close: () => {},
  onopen: null,
  onmessage: null,
  onerror: null,
  onclose: null,
};

export class Connection {
  listener: ConnectionListener;
  private readonly socket: WebSocketLike;
  private isOver = false;
  /** What went wrong, where the socket says so: browsers don't. */
  private problem = '';

  constructor(webSocket: WebSocketConstructor, url: string, protocol: string, listener: ConnectionListener) {
    this.listener = listener;
    try {
      this.socket = new webSocket(url, [protocol]) as WebSocketLike;
    } catch (error) {
      // Such as an unsafe URL on a safe page. Told like any other failure, and not before whoever asked is ready for it.
      this.socket = NO_SOCKET;
      const reason = error instanceof Error ? error.message : String(error);
      queueMicrotask(() => this.end(NO_CLOSE_FRAME, reason));
      return;
    }
    this.socket.binaryType = 'arraybuffer';
    this.socket.onopen = () => {
      if (!this.isOver) this.listener.connectionOpened();
    };
    this.socket.onmessage = (event: { data: unknown }) => {
      if (this.isOver) return;
      this.listener.frameReceived(event.data instanceof ArrayBuffer ? new Uint8Array(event.data) : null);
    };
    // `onclose` always follows.
    this.socket.onerror = (event: { message?: unknown }) => {
      if (typeof event.message === 'string') this.problem = event.message;
    };
    this.socket.onclose = ({ code, reason }: { code: number; reason: string }) => {
      this.end(code, reason === '' && code === NO_CLOSE_FRAME ? this.problem : reason);
    };
  }

  get isOpen(): boolean {
    return !this.isOver && this.socket.readyState === OPEN;
  }

  /** Sends a frame, which is copied before this returns. Returns false when the socket isn't open. */
  send(frame: Uint8Array): boolean {
    if (!this.isOpen) return false;
    this.socket.send(frame);
    return true;
  }

  /** Begins the closing handshake. */
  close(code: number, reason: string): void {
    if (!this.isOver) this.socket.close(code, reason);
  }

  /**
   * Gives the connection up without waiting for the other side, which is told `code`. The listener hears of it at once, as of
   * a close without a frame, and of nothing that comes later.
   */
  abandon(code: number, reason: string): void {
    if (this.isOver) return;
    this.socket.close(code, reason);
    this.end(NO_CLOSE_FRAME, reason);
  }

  private end(code: number, reason: string): void {
    if (this.isOver) return;
    this.isOver = true;
    this.listener.connectionClosed(code, reason);
  }
}

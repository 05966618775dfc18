/**
 * A WebSocket client with the safety off: over a plain TCP socket it sends any bytes, frames of any shape, cut
 * anywhere, and it can stop reading.
 */
import net from 'node:net';

export const Opcode = { Continuation: 0, Text: 1, Binary: 2, Close: 8, Ping: 9, Pong: 10 } as const;

/** RFC 6455's own example. */
const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';
const HEADERS_END = '\r\n\r\n';
const NO_BYTES = Buffer.alloc(0);

/** An HTTP answer to what was no upgrade. */
export interface HttpAnswer {
  /** 0 when the connection ended without an answer. */
  readonly status: number;
  readonly text: string;
}

/** How a socket ended. `code` is 1006 when the server sent no close frame. */
export interface Ending {
  readonly code: number;
  readonly reason: string;
}

export interface FrameShape {
  /** Default Binary. */
  readonly opcode?: number;
  /** Default true: the last fragment. */
  readonly fin?: boolean;
  /** The three reserved bits, 0 to 7. Default 0. */
  readonly reserved?: number;
  /** Payload length to claim. Default: the payload's own. */
  readonly claimedBytes?: number;
}

/** One WebSocket frame as a client sends it, masked with a key of zeros: the payload is in it as it is. */
export function frameOf(payload: Uint8Array | string, shape: FrameShape = {}): Buffer {
  const { opcode = Opcode.Binary, fin = true, reserved = 0 } = shape;
  const body = typeof payload === 'string' ? Buffer.from(payload) : payload;
  const length = shape.claimedBytes ?? body.length;
  const first = (fin ? 0x80 : 0) | (reserved << 4) | opcode;
  const head = [first, 0x80];
  if (length < 126) head[1]! |= length;
  else if (length < 65_536) head.push(length >> 8, length & 0xff), (head[1]! |= 126);
  else head.push(0, 0, 0, 0, ...[24, 16, 8, 0].map((shift) => (length >>> shift) & 0xff)), (head[1]! |= 127);
  return Buffer.concat([Uint8Array.from([...head, 0, 0, 0, 0]), body]);
}

/** The head of an upgrade request. Headers given as undefined are left out. */
export function upgradeRequest(headers: Readonly<Record<string, string | undefined>> = {}, path = '/ws'): string {
  const all: Record<string, string | undefined> = {
    Host: 'localhost',
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': KEY,
    'Sec-WebSocket-Protocol': 'escapement.1',
    ...headers,
  };
  const lines = Object.entries(all).flatMap(([name, value]) => (value === undefined ? [] : [`${name}: ${value}\r\n`]));
  return `GET ${path} HTTP/1.1\r\n${lines.join('')}\r\n`;
}

function connectTo(url: string): net.Socket {
  const { hostname, port } = new URL(url);
  const socket = net.connect(Number(port), hostname);
  socket.setNoDelay(true);
  socket.on('error', () => {}); // what matters of it, `close` tells
  return socket;
}

/** Sends bytes to the server's port and gives its HTTP answer. */
export function askHttp(url: string, request: string | Uint8Array): Promise<HttpAnswer> {
  const socket = connectTo(url);
  let text = '';
  socket.write(request);
  return new Promise((resolve) => {
    socket.on('data', (bytes) => {
      text += bytes.toString('latin1');
      if (text.includes(HEADERS_END)) socket.destroy();
    });
    socket.on('close', () => resolve({ status: Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1] ?? 0), text }));
    socket.on('end', () => socket.destroy());
  });
}

export class RawSocket {
  /** Payloads of the data frames received and not taken by `next`. */
  readonly received: Buffer[] = [];
  /** Payloads of the pongs received. */
  pongs = 0;
  /** Resolves when the TCP connection is over, whoever ended it. */
  readonly ended: Promise<Ending>;
  private readonly socket: net.Socket;
  private unread: Buffer = NO_BYTES;
  private isUpgraded = false;
  private ending: Ending = { code: 1006, reason: '' };
  private isOver = false;
  private waiting: ((frame: Buffer | null) => void)[] = [];
  private readonly opened: Promise<void>;

  /** Asks for the upgrade, and sends `first` as soon as it is granted: the server drops what comes before that. */
  constructor(url: string, first: Uint8Array = NO_BYTES, headers: Readonly<Record<string, string>> = {}) {
    const socket = connectTo(url);
    this.socket = socket;
    socket.write(upgradeRequest(headers));
    let opened!: () => void;
    let refused!: (error: Error) => void;
    this.opened = new Promise((resolve, reject) => {
      opened = resolve;
      refused = reject;
    });
    this.opened.catch(() => {});
    socket.on('data', (bytes) => {
      this.unread = this.unread.length === 0 ? bytes : Buffer.concat([this.unread, bytes]);
      if (!this.isUpgraded) {
        const end = this.unread.indexOf(HEADERS_END);
        if (end < 0) return;
        const head = this.unread.toString('latin1', 0, end);
        if (!head.startsWith('HTTP/1.1 101')) return void socket.destroy(new Error(head));
        this.isUpgraded = true;
        this.unread = this.unread.subarray(end + HEADERS_END.length);
        if (first.length > 0) socket.write(first);
        opened();
      }
      this.readFrames();
    });
    socket.on('end', () => socket.end());
    this.ended = new Promise((resolve) => {
      socket.on('close', () => {
        this.isOver = true;
        refused(new Error(`no upgrade: ${this.unread.toString('latin1')}`));
        for (const each of this.waiting.splice(0)) each(null);
        resolve(this.ending);
      });
    });
  }

  /** Resolves when the server has granted the upgrade. */
  get upgraded(): Promise<void> {
    return this.opened;
  }

  static async open(url: string, headers?: Readonly<Record<string, string>>): Promise<RawSocket> {
    const raw = new RawSocket(url, NO_BYTES, headers);
    await raw.opened;
    return raw;
  }

  /** The next data frame, or null once the connection is over. */
  next(): Promise<Buffer | null> {
    const frame = this.received.shift();
    if (frame !== undefined) return Promise.resolve(frame);
    if (this.isOver) return Promise.resolve(null);
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  /** Writes bytes as they are. @returns whether the kernel took them at once. */
  write(bytes: Uint8Array): boolean {
    return this.socket.write(bytes);
  }

  send(payload: Uint8Array | string, shape?: FrameShape): boolean {
    return this.socket.write(frameOf(payload, shape));
  }

  /** Resolves when everything written has been handed to the kernel, or the connection is over. */
  flushed(): Promise<void> {
    if (this.isOver || this.socket.writableLength === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.socket.once('drain', resolve);
      this.socket.once('close', () => resolve());
    });
  }

  /** Stops taking bytes from the kernel, whose buffers then fill up. */
  stopReading(): void {
    this.socket.pause();
  }

  goOnReading(): void {
    this.socket.resume();
  }

  /** Ends without a word: the kernel sends FIN, or with `reset` RST. */
  drop(reset = false): void {
    if (reset) this.socket.resetAndDestroy();
    else this.socket.destroy();
  }

  private readFrames(): void {
    let at = 0;
    const bytes = this.unread;
    for (;;) {
      if (bytes.length - at < 2) break;
      let length = bytes[at + 1]! & 0x7f;
      let head = 2;
      if (length === 126) {
        head = 4;
        if (bytes.length - at < head) break;
        length = bytes.readUInt16BE(at + 2);
      } else if (length === 127) {
        head = 10;
        if (bytes.length - at < head) break;
        length = Number(bytes.readBigUInt64BE(at + 2));
      }
      if (bytes.length - at < head + length) break;
      this.take(bytes[at]! & 0x0f, bytes.subarray(at + head, at + head + length));
      at += head + length;
    }
    this.unread = bytes.subarray(at);
  }

  private take(opcode: number, payload: Buffer): void {
    if (opcode === Opcode.Close) {
      this.ending =
        payload.length < 2
          ? { code: 1005, reason: '' }
          : { code: payload.readUInt16BE(0), reason: payload.toString('utf8', 2) };
      this.socket.end();
    } else if (opcode === Opcode.Ping) {
      this.send(payload, { opcode: Opcode.Pong });
    } else if (opcode === Opcode.Pong) {
      this.pongs += 1;
    } else {
      const waiter = this.waiting.shift();
      // A copy: a frame kept must not keep the whole chunk it came in.
      if (waiter === undefined) this.received.push(Buffer.from(payload));
      else waiter(Buffer.from(payload));
    }
  }
}

/**
 * A WebSocket client that costs its process as little as it can: one read buffer for all sockets, frames handed on
 * where they lie in it, frames out written from one array each. For benches and load tests against servers that
 * behave: it speaks as much of RFC 6455 as those need.
 *
 * Frames to the server are masked with a key of zeros, which is a mask that changes nothing: the server unmasks as it
 * would any other.
 */
import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';

const OPCODE_CONTINUATION = 0;
const OPCODE_TEXT = 1;
const OPCODE_BINARY = 2;
const OPCODE_CLOSE = 8;
const OPCODE_PING = 9;
const OPCODE_PONG = 10;

const FIN = 0x80;
const MASKED = 0x80;
const LENGTH_16 = 126;
const LENGTH_64 = 127;

/** Longest head of a frame out: 2 bytes, 8 of length, 4 of mask. */
const HEAD_BYTES_MAX = 14;

const READ_BUFFER_BYTES = 256 * 1024;
/** All sockets read into it, one after the other: frames are handled before the next read. */
const readBuffer = Buffer.allocUnsafeSlow(READ_BUFFER_BYTES);

const NOTHING = Buffer.alloc(0);

export interface LoadSocketHandlers {
  /** `payload` is valid until the call returns. */
  frame(payload: Uint8Array, isText: boolean): void;
  closed(code: number, reason: string): void;
}

export class LoadSocket {
  /** Text and binary frames received by all sockets of this process. */
  static framesInAll = 0;
  /** Payload bytes of text and binary frames received. */
  bytesIn = 0;
  framesIn = 0;
  private theHandlers: LoadSocketHandlers | null = null;
  private readonly tcp: Socket;
  private rest: Buffer = NOTHING;
  private fragments: Buffer[] = [];
  /** Whether the fragments are of a text. */
  private isText = false;
  private upgraded: (() => void) | null = null;
  private refused: ((error: Error) => void) | null = null;
  private isOpen = false;
  private isClosed = false;

  private constructor(url: URL, request: string) {
    this.tcp = connect({
      host: url.hostname,
      port: Number(url.port),
      noDelay: true,
      onread: {
        buffer: readBuffer,
        callback: (bytes) => {
          this.read(bytes);
          return true;
        },
      },
    });
    this.tcp.on('connect', () => this.tcp.write(request));
    this.tcp.on('error', (error) => this.end(1006, error.message));
    this.tcp.on('close', () => this.end(1006, 'the connection ended'));
  }

  /**
   * Opens a socket.
   *
   * @param address `ws://host:port/path?query`
   * @throws when the server refuses the upgrade, with its answer.
   */
  static open(address: string, subprotocol?: string): Promise<LoadSocket> {
    const url = new URL(address);
    const lines = [
      `GET ${url.pathname}${url.search} HTTP/1.1`,
      `Host: ${url.host}`,
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}`,
    ];
    if (subprotocol !== undefined) lines.push(`Sec-WebSocket-Protocol: ${subprotocol}`);
    return new Promise((resolve, reject) => {
      const socket = new LoadSocket(url, `${lines.join('\r\n')}\r\n\r\n`);
      socket.refused = reject;
      socket.upgraded = () => resolve(socket);
    });
  }

  /** Frames that came with the answer to the upgrade wait for them. */
  set handlers(handlers: LoadSocketHandlers) {
    this.theHandlers = handlers;
    if (this.rest.length > 0) this.read(0);
  }

  /**
   * A frame of a fixed length that is sent again and again: its payload is changed in place. Only one that has left the
   * process may be changed, which a frame sent some milliseconds ago has, as long as the server reads.
   */
  static frame(payloadBytes: number, isText = false): LoadFrame {
    return new LoadFrame(payloadBytes, isText);
  }

  send(payload: Uint8Array, isText = false): void {
    const frame = LoadSocket.frame(payload.length, isText);
    frame.payload.set(payload);
    this.sendFrame(frame);
  }

  sendFrame(frame: LoadFrame): void {
    if (!this.isClosed) this.tcp.write(frame.bytes);
  }

  /** Closes without a farewell. */
  destroy(): void {
    this.isClosed = true;
    this.tcp.destroy();
  }

  private read(length: number): void {
    const bytes = readBuffer.subarray(0, length);
    const all = this.rest.length === 0 ? bytes : Buffer.concat([this.rest, bytes]);
    let at = 0;
    if (!this.isOpen) {
      at = this.readAnswer(all);
      if (at < 0) {
        this.rest = Buffer.from(all);
        return;
      }
    }
    while (!this.isClosed && this.theHandlers !== null) {
      const end = this.readFrame(all, at);
      if (end < 0) break;
      at = end;
    }
    this.rest = at === all.length ? NOTHING : Buffer.from(all.subarray(at));
  }

  /** Returns where the answer to the upgrade ends, -1 when it isn't all there. */
  private readAnswer(all: Buffer): number {
    const end = all.indexOf('\r\n\r\n');
    if (end < 0) return -1;
    const answer = all.toString('latin1', 0, end);
    if (!answer.startsWith('HTTP/1.1 101')) {
      this.refused?.(new Error(`the server refused the upgrade: ${answer}`));
      this.destroy();
    } else {
      this.isOpen = true;
      this.upgraded?.();
    }
    this.refused = this.upgraded = null;
    return end + 4;
  }

  /** Handles the frame that begins at `at`. Returns its end, -1 when it isn't all there. */
  private readFrame(all: Buffer, at: number): number {
    if (all.length < at + 2) return -1;
    const head = all[at]!;
    let length = all[at + 1]!;
    let payloadAt = at + 2;
    if (length === LENGTH_16) {
      if (all.length < at + 4) return -1;
      length = all.readUInt16BE(at + 2);
      payloadAt = at + 4;
    } else if (length === LENGTH_64) {
      if (all.length < at + 10) return -1;
      length = Number(all.readBigUInt64BE(at + 2));
      payloadAt = at + 10;
    }
    const end = payloadAt + length;
    if (all.length < end) return -1;
    this.takeFrame(head & 0x0f, (head & FIN) !== 0, all.subarray(payloadAt, end));
    return end;
  }

  private takeFrame(opcode: number, isLast: boolean, payload: Buffer): void {
    if (opcode === OPCODE_PING) {
      this.tcp.write(frameOf(OPCODE_PONG, payload));
      return;
    }
    if (opcode === OPCODE_CLOSE) {
      const code = payload.length >= 2 ? payload.readUInt16BE(0) : 1005;
      this.tcp.write(frameOf(OPCODE_CLOSE, payload.subarray(0, 2)));
      this.end(code, payload.toString('utf8', 2));
      return;
    }
    if (opcode === OPCODE_PONG) return;
    if (opcode !== OPCODE_CONTINUATION) this.isText = opcode === OPCODE_TEXT;
    if (!isLast || opcode === OPCODE_CONTINUATION) {
      this.fragments.push(Buffer.from(payload));
      if (!isLast) return;
      payload = Buffer.concat(this.fragments);
      this.fragments = [];
    }
    this.framesIn += 1;
    LoadSocket.framesInAll += 1;
    this.bytesIn += payload.length;
    this.theHandlers?.frame(payload, this.isText);
  }

  private end(code: number, reason: string): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.tcp.destroy();
    this.refused?.(new Error(`no connection: ${reason}`));
    this.theHandlers?.closed(code, reason);
  }
}

/** A masked frame and the place of its payload in it. */
export class LoadFrame {
  readonly bytes: Buffer;
  readonly payload: Uint8Array;

  constructor(payloadBytes: number, isText: boolean) {
    this.bytes = frameOf(isText ? OPCODE_TEXT : OPCODE_BINARY, Buffer.alloc(payloadBytes));
    this.payload = this.bytes.subarray(this.bytes.length - payloadBytes);
  }
}

function frameOf(opcode: number, payload: Uint8Array): Buffer {
  const head = Buffer.alloc(HEAD_BYTES_MAX);
  head[0] = FIN | opcode;
  let length = 2;
  if (payload.length < LENGTH_16) {
    head[1] = MASKED | payload.length;
  } else if (payload.length < 0x10000) {
    head[1] = MASKED | LENGTH_16;
    head.writeUInt16BE(payload.length, 2);
    length = 4;
  } else {
    head[1] = MASKED | LENGTH_64;
    head.writeBigUInt64BE(BigInt(payload.length), 2);
    length = 10;
  }
  return Buffer.concat([head.subarray(0, length + 4), payload]);
}

/** Every byte that a client's TCP socket was sent after its upgrade, and whether something is in it at any bit. */
import { WebSocket } from 'ws';

export class Tap {
  private readonly chunks: Buffer[] = [];

  /** A constructor of sockets for `connect(url, { WebSocket })`. */
  readonly WebSocket: typeof WebSocket;

  constructor() {
    const { chunks } = this;
    this.WebSocket = class extends WebSocket {
      constructor(address: string, protocols?: string | string[]) {
        super(address, protocols, { perMessageDeflate: false });
        this.once('upgrade', ({ socket }) => socket.on('data', (bytes: Buffer) => chunks.push(bytes)));
      }
    } as unknown as typeof WebSocket;
  }

  get bytes(): Buffer {
    return Buffer.concat(this.chunks);
  }

  /** Numbers that follow the text, wherever it is: columns are packed, so it may begin at any bit of a byte. */
  numbersAfter(text: string): number[] {
    const found: number[] = [];
    for (const shifted of shiftsOf(this.bytes)) {
      for (let at = shifted.indexOf(text); at >= 0; at = shifted.indexOf(text, at + 1)) {
        const from = at + text.length;
        found.push(Number(/^\d*/.exec(shifted.toString('latin1', from, from + 8))![0]));
      }
    }
    return found;
  }

  /** Whether the low 30 bits of a number are anywhere. */
  hasNumber(number: number): boolean {
    const { bytes } = this;
    const low = number & 0x3fffffff;
    for (let at = 0; at + 5 <= bytes.length; at += 1) {
      const word = bytes.readUInt32LE(at);
      const next = bytes[at + 4]!;
      for (let bit = 0; bit < 8; bit += 1) {
        if ((((bit === 0 ? word : (word >>> bit) | (next << (32 - bit))) ^ low) & 0x3fffffff) === 0) return true;
      }
    }
    return false;
  }
}

/** The same bits, read from each of the eight bits of the first byte on. */
function shiftsOf(bytes: Buffer): Buffer[] {
  return Array.from({ length: 8 }, (_, shift) => {
    const shifted = Buffer.alloc(bytes.length);
    for (let i = 0; i < bytes.length; i += 1) shifted[i] = (bytes[i]! >> shift) | ((bytes[i + 1] ?? 0) << (8 - shift));
    return shifted;
  });
}

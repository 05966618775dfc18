/** A server over real sockets that says only what a test tells it to, for what a well-behaved server never does. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { WebSocketServer, type WebSocket } from 'ws';
import { BitWriter } from '../../src/codec/bit-writer.js';
import { EncoderScratch } from '../../src/codec/encoder-scratch.js';
import { facetsOf } from '../../src/codec/facet.js';
import { FacetEncoder } from '../../src/codec/facet-encoder.js';
import { ClientFrameKind, ClientFrameReader } from '../../src/protocol/client-frames.js';
import { specsOfFields, tableSpecOf } from '../../src/protocol/field-specs.js';
import {
  encodeJoined,
  SNAPSHOT_PREFIX_BYTES,
  writeSnapshotPrefix,
  type JoinedFrame,
} from '../../src/protocol/server-frames.js';
import { problemText } from '../../src/protocol/verifier.js';
import { SUBPROTOCOL } from '../../src/protocol/version.js';
import { angle, bool, fixed, int8, text, uint8 } from '../../src/state/field.js';
import { hashImages } from '../../src/state/image.js';
import { input, table } from '../../src/state/schema.js';
import { Table } from '../../src/state/table.js';

export const Player = table({ x: fixed(0, 100, 0.5), health: uint8, name: text(16) }, { capacity: 8 });
export const Move = input({ dx: int8, aim: angle(8), fire: bool });

export const JOINED: JoinedFrame = {
  room: 'arena',
  roomId: 'r1',
  sessionId: 's1',
  tickRate: 60,
  snapshotRate: 20,
  tables: [tableSpecOf('players', Player)],
  input: specsOfFields(Move),
  // Without a token nothing is resumed: tests that resume give one.
  resumeToken: '',
  resumed: false,
  received: 0,
  inputSeq: 0,
  graceMs: 20_000,
};

const KINDS = Object.fromEntries(Object.entries(ClientFrameKind).map(([name, kind]) => [kind, name]));

/** One frame of the client's, read. */
export interface ReceivedFrame {
  readonly kind: string;
  readonly bytes: Uint8Array;
  readonly reader: Readonly<ClientFrameReader>;
}

/** The server's end of one connection. */
export class Peer {
  readonly players = new Table(Player);
  private readonly encoder = new FacetEncoder(facetsOf([Player])[0]!, this.players.image, new EncoderScratch());
  private readonly bits = new BitWriter();
  private readonly arrived: ReceivedFrame[] = [];
  private readonly waiting: ((frame: ReceivedFrame) => void)[] = [];

  constructor(readonly socket: WebSocket) {
    socket.on('message', (data: Buffer) => {
      const bytes = new Uint8Array(data);
      const reader = new ClientFrameReader();
      const problem = reader.read(bytes);
      if (problem !== 0) throw new Error(`the client sent a bad frame: ${problemText(problem)}`);
      if (reader.kind === ClientFrameKind.Ping) return; // asked for with `nextPing`
      const frame = { kind: KINDS[reader.kind]!, bytes, reader };
      const waiter = this.waiting.shift();
      if (waiter === undefined) this.arrived.push(frame);
      else waiter(frame);
    });
  }

  /** The client's next frame that isn't a ping. */
  next(): Promise<ReceivedFrame> {
    const frame = this.arrived.shift();
    if (frame !== undefined) return Promise.resolve(frame);
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  /** Frames that came and weren't asked for. */
  get unread(): readonly string[] {
    return this.arrived.map((frame) => frame.kind);
  }

  async nextPing(): Promise<ClientFrameReader> {
    for (;;) {
      const [data] = (await once(this.socket, 'message')) as [Buffer];
      const reader = new ClientFrameReader();
      if (reader.read(new Uint8Array(data)) === 0 && reader.kind === ClientFrameKind.Ping) return reader;
    }
  }

  send(bytes: Uint8Array | string): void {
    this.socket.send(bytes);
  }

  join(joined: Partial<JoinedFrame> = {}): void {
    this.send(encodeJoined({ ...JOINED, ...joined }));
  }

  keyframe(tick: number, ack = 0): void {
    this.send(this.frame(true, tick, 0, ack));
  }

  delta(tick: number, age: number, ack = 0): void {
    this.send(this.frame(false, tick, age, ack));
  }

  /** A snapshot frame of now, which becomes the baseline of the next delta. */
  frame(isKeyframe: boolean, tick: number, age: number, ack = 0): Uint8Array {
    this.players.settle();
    this.bits.reset();
    if (isKeyframe) {
      this.encoder.reset(null, 1);
      this.encoder.keyframe(this.bits, 0);
    } else {
      this.encoder.advance(this.bits, null, 1);
    }
    return snapshotFrame(tick, ack, age, isKeyframe, this.bits.bytes.subarray(0, this.bits.byteLength));
  }

  hash(): number {
    return hashImages([this.players.image]);
  }
}

export function snapshotFrame(tick: number, ack: number, age: number, isKeyframe: boolean, body: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(SNAPSHOT_PREFIX_BYTES + body.length);
  writeSnapshotPrefix(bytes, 0, tick, ack, age, isKeyframe ? 1 : 0, body.length);
  bytes.set(body, SNAPSHOT_PREFIX_BYTES);
  return bytes;
}

export class ScriptedServer {
  private constructor(private readonly server: WebSocketServer) {}

  static async start(): Promise<ScriptedServer> {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1', handleProtocols: () => SUBPROTOCOL });
    await once(server, 'listening');
    return new ScriptedServer(server);
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** The next client to connect. Call it before the client does. */
  async peer(): Promise<Peer> {
    const [socket] = (await once(this.server, 'connection')) as [WebSocket];
    return new Peer(socket);
  }

  /** Ends every connection without a closing handshake. */
  async stop(): Promise<void> {
    for (const socket of this.server.clients) socket.terminate();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

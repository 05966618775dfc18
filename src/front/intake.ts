/**
 * Takes what a socket received: charges it to the connection, verifies it, answers pings, hands joins to the host and the
 * rest to the room's shard.
 */
import { FrontCounter, ShardCounter, type CounterBlock } from '../memory/counters.js';
import { ClientFrameKind, ClientFrameReader, decodeJoin, JoinMethod } from '../protocol/client-frames.js';
import { CloseCode } from '../protocol/close-codes.js';
import { decodeOptions } from '../protocol/payload.js';
import { PongFrameWriter } from '../protocol/server-frames.js';
import { problemText } from '../protocol/verifier.js';
import { Verdict } from './allowance.js';
import type { Connection } from './connection.js';
import type { EgressPump } from './egress.js';
import type { FrontEvents, JoinRequest } from './front-events.js';

/** What names a room type or a room's id may be made of. */
const NAME = /^[A-Za-z0-9_-]{1,64}$/;

/** Close codes that a client may leave with: those that RFC 6455 (7.4.2) leaves to applications. */
const PRIVATE_CODE_MIN = 4000;
const PRIVATE_CODE_MAX = 4999;

export class Intake {
  private readonly reader = new ClientFrameReader();
  private readonly pongs = new PongFrameWriter();

  constructor(
    private readonly counters: CounterBlock,
    private readonly pump: EgressPump,
    private readonly events: FrontEvents,
    private readonly payloadBytesMax: number,
    private readonly nowMs: () => number,
  ) {}

  /** Takes one WebSocket message. `message` is only valid during the call: its memory goes back to the socket library. */
  take(connection: Connection, message: ArrayBuffer, isBinary: boolean): void {
    this.counters.add(FrontCounter.framesIn);
    this.counters.add(FrontCounter.bytesIn, message.byteLength);
    if (message.byteLength > this.payloadBytesMax) {
      this.counters.add(FrontCounter.framesRefused);
      const reason = `message of ${message.byteLength} bytes; expected at most ${this.payloadBytesMax}`;
      connection.socket!.end(CloseCode.TooBig, reason);
      return;
    }
    const verdict = connection.allowance.charge(message.byteLength, this.nowMs());
    if (verdict !== Verdict.Within) {
      this.takeOverRate(connection, message, isBinary, verdict);
      return;
    }
    if (!isBinary) {
      this.refuse(connection, 'text frame; expected a binary ClientFrame');
      return;
    }
    const bytes = new Uint8Array(message);
    const problem = this.reader.read(bytes);
    if (problem !== 0) {
      this.refuse(connection, problemText(problem));
      return;
    }
    const { reader } = this;
    if (connection.state === 'joined') {
      this.takeJoined(connection, bytes);
    } else if (reader.kind === ClientFrameKind.Join && connection.state === 'open') {
      this.join(connection, bytes);
    } else if (reader.kind === ClientFrameKind.Ping) {
      this.pong(connection);
    } else if (reader.kind === ClientFrameKind.Leave) {
      this.leave(connection);
    } else {
      this.refuse(connection, connection.state === 'open' ? 'the first frame must be a Join' : 'the join is not done yet');
    }
  }

  /** Takes a ping or pong of the WebSocket protocol, of which only the rate is our business. */
  takeControl(connection: Connection, bytes: number): void {
    if (connection.socket === null) return;
    const verdict = connection.allowance.charge(bytes, this.nowMs());
    if (verdict !== Verdict.Within) this.overRate(connection, verdict);
  }

  /** A Leave is obeyed at any rate: it can't be sent twice, and costs less than what would come instead. */
  private takeOverRate(connection: Connection, message: ArrayBuffer, isBinary: boolean, verdict: Verdict): void {
    const isFrame = isBinary && this.reader.read(new Uint8Array(message)) === 0;
    if (isFrame && this.reader.kind === ClientFrameKind.Leave) this.leave(connection);
    else this.overRate(connection, verdict);
  }

  private overRate(connection: Connection, verdict: Verdict): void {
    this.counters.add(FrontCounter.framesOverRate);
    if (verdict === Verdict.Excessive) connection.socket!.end(CloseCode.RateExceeded, connection.allowance.problem);
  }

  private takeJoined(connection: Connection, bytes: Uint8Array): void {
    const { reader } = this;
    const shard = connection.shard!;
    switch (reader.kind) {
      case ClientFrameKind.Input:
        shard.input(connection.key, reader.seq, reader.ackTick, bytes, reader.bodyOffset, reader.bodyLength);
        break;
      case ClientFrameKind.Message:
        // A message that is lost is a hole in what the room was told; the client is better off knowing.
        if (!shard.message(connection.key, bytes)) {
          connection.socket!.end(CloseCode.MayRetry, 'the server is overloaded: a message could not be delivered');
        }
        break;
      case ClientFrameKind.Ping:
        shard.ack(connection.key, reader.ackTick);
        this.pong(connection);
        break;
      case ClientFrameKind.Resync:
        shard.resync(connection.key);
        break;
      case ClientFrameKind.Leave:
        this.leave(connection);
        break;
      default:
        this.refuse(connection, 'a second Join on one connection');
    }
  }

  private join(connection: Connection, bytes: Uint8Array): void {
    let request: JoinRequest;
    try {
      const join = decodeJoin(bytes);
      const options = decodeOptions(join.options);
      request = { method: join.method, type: join.room, roomId: join.roomId, token: join.token, options };
    } catch (error) {
      this.refuse(connection, `join options: ${(error as Error).message}`);
      return;
    }
    if (JoinMethod[request.method] === undefined) {
      this.refuse(connection, `join: method ${request.method}; expected 0 to 3`);
      return;
    }
    const name = request.method === JoinMethod.JoinById ? request.roomId : request.type;
    if (!NAME.test(name)) {
      this.refuse(connection, 'join: a room name or id is 1 to 64 letters, digits, _ or -');
      return;
    }
    connection.state = 'joining';
    this.events.join(connection, request);
  }

  /** The room's onLeave is told the code that the socket is closed with. */
  private leave(connection: Connection): void {
    const { code } = this.reader;
    const isPrivate = code >= PRIVATE_CODE_MIN && code <= PRIVATE_CODE_MAX;
    connection.socket!.end(isPrivate ? code : CloseCode.Consented, 'left');
  }

  private pong(connection: Connection): void {
    if (connection.pressed) return; // a client that doesn't read gets no more to read
    const latenessUs = connection.shard?.shardCounters.get(ShardCounter.lastTickLatenessUs) ?? 0;
    this.pump.write(connection, this.pongs.write(this.reader.timeMs, Math.round(latenessUs)));
  }

  private refuse(connection: Connection, reason: string): void {
    this.counters.add(FrontCounter.framesRefused);
    connection.socket!.end(CloseCode.Malformed, reason);
  }
}

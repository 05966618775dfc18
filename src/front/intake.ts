/**
 * Takes what a socket received: charges it to the connection, verifies it, answers pings, hands joins to the host and the
 * rest to the room's shard.
 */
import { FrontCounter, ShardCounter, type CounterBlock } from '../memory/counters.js';
import {
  ClientFrameKind,
  ClientFrameReader,
  decodeJoin,
  decodeResume,
  decodeWatch,
  JoinMethod,
} from '../protocol/client-frames.js';
import { CloseCode, isDrop } from '../protocol/close-codes.js';
import { decodeOptions } from '../protocol/payload.js';
import { PongFrameWriter } from '../protocol/server-frames.js';
import { problemText } from '../protocol/verifier.js';
import { Verdict } from './allowance.js';
import type { Connection } from './connection.js';
import type { EgressPump } from './egress.js';
import type { FrontEvents, JoinRequest, WatchRequest } from './front-events.js';
import { LIST_FIELDS_MAX, LIST_VALUE_LENGTH_MAX, NAME } from './request-limits.js';

/** A party's word, which its players tell each other. */
const PARTY = /^[A-Za-z0-9_-]{0,64}$/;

/** What a Watch costs in messages, as it may ask for a thousand rooms: two a second, four at once. */
const WATCH_MESSAGES = 30;

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
    } else if (reader.kind === ClientFrameKind.Resume && connection.state === 'open') {
      connection.state = 'joining';
      this.events.resume(connection, decodeResume(bytes));
    } else if (reader.kind === ClientFrameKind.Watch && connection.state === 'open') {
      this.watch(connection, bytes);
    } else if (reader.kind === ClientFrameKind.Ping) {
      this.pong(connection);
    } else if (reader.kind === ClientFrameKind.Leave) {
      this.leave(connection);
    } else {
      const isOpen = connection.state === 'open';
      this.refuse(connection, isOpen ? 'the first frame must be a Join, Resume or Watch' : 'the join is not done yet');
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
    if (isFrame && this.reader.kind === ClientFrameKind.Leave) {
      this.leave(connection);
      return;
    }
    // It was answered, by being dropped: the client isn't to send it again after a resume.
    if (isFrame && this.reader.kind === ClientFrameKind.Message) this.tookMessage(connection);
    this.overRate(connection, verdict);
  }

  private tookMessage(connection: Connection): void {
    connection.taken = (connection.taken + 1) >>> 0;
  }

  private overRate(connection: Connection, verdict: Verdict): void {
    this.counters.add(FrontCounter.framesOverRate);
    if (verdict === Verdict.Excessive) connection.socket!.end(CloseCode.RateExceeded, connection.allowance.problem);
  }

  private takeJoined(connection: Connection, bytes: Uint8Array): void {
    const { reader } = this;
    const shard = connection.shard!;
    if (connection.isUnconfirmed) {
      connection.isUnconfirmed = false;
      this.events.confirmed(connection);
    }
    switch (reader.kind) {
      case ClientFrameKind.Input:
        shard.input(connection.key, reader.seq, reader.ackTick, bytes, reader.bodyOffset, reader.bodyLength);
        break;
      case ClientFrameKind.Message:
        // A message that is lost is a hole in what the room was told; the client is better off knowing.
        if (shard.message(connection.key, bytes)) {
          this.tookMessage(connection);
        } else {
          connection.socket!.end(CloseCode.MayRetry, 'the server is overloaded: a message could not be delivered');
        }
        break;
      case ClientFrameKind.Ping:
        shard.ack(connection.key, reader.ackTick, reader.received);
        this.pong(connection);
        break;
      case ClientFrameKind.Resync:
        shard.resync(connection.key);
        break;
      case ClientFrameKind.Leave:
        this.leave(connection);
        break;
      default:
        this.refuse(connection, 'a Join, Resume or Watch on a connection that has joined');
    }
  }

  private join(connection: Connection, bytes: Uint8Array): void {
    let request: JoinRequest;
    try {
      const { room: type, partySize, ...join } = decodeJoin(bytes);
      request = { ...join, type, partySize: Math.max(1, partySize), options: decodeOptions(join.options) };
    } catch (error) {
      this.refuse(connection, `join options: ${(error as Error).message}`);
      return;
    }
    const name = request.method === JoinMethod.JoinById ? request.roomId : request.type;
    if (request.method !== JoinMethod.Ticket && !NAME.test(name)) {
      this.refuse(connection, 'join: a room name or id is 1 to 64 letters, digits, _ or -');
      return;
    }
    if (!PARTY.test(request.party)) {
      this.refuse(connection, 'join: a party is a word of at most 64 letters, digits, _ or -');
      return;
    }
    connection.state = 'joining';
    this.events.join(connection, request);
  }

  private watch(connection: Connection, bytes: Uint8Array): void {
    const verdict = connection.allowance.charge(0, this.nowMs(), WATCH_MESSAGES - 1);
    if (verdict !== Verdict.Within) {
      this.overRate(connection, verdict);
      return;
    }
    let request: WatchRequest;
    try {
      const { room: type, filter } = decodeWatch(bytes);
      if (type !== '' && !NAME.test(type)) throw new RangeError('a room name is 1 to 64 letters, digits, _ or -');
      request = { type, fields: textFields(decodeOptions(filter)) };
    } catch (error) {
      this.refuse(connection, `watch: ${(error as Error).message}`);
      return;
    }
    connection.isWatching = true;
    this.events.watch(connection, request);
  }

  /** The room's onLeave is told the code that the socket is closed with. */
  private leave(connection: Connection): void {
    const { code } = this.reader;
    // Who says so has left, so not with a code that stands for a lost connection.
    const isMeant = code >= PRIVATE_CODE_MIN && code <= PRIVATE_CODE_MAX && !isDrop(code);
    connection.socket!.end(isMeant ? code : CloseCode.Consented, 'left');
  }

  private pong(connection: Connection): void {
    // One without a time only acknowledges; and a client that doesn't read gets no more to read.
    if (this.reader.timeMs === 0 || connection.pressed) return;
    const latenessUs = connection.shard?.shardCounters.get(ShardCounter.lastTickLatenessUs) ?? 0;
    this.pump.write(connection, this.pongs.write(this.reader.timeMs, Math.round(latenessUs), connection.taken));
  }

  private refuse(connection: Connection, reason: string): void {
    this.counters.add(FrontCounter.framesRefused);
    connection.socket!.end(CloseCode.Malformed, reason);
  }
}

/** Values to compare as text. @throws RangeError for too many, and for those that aren't plain. */
function textFields(filter: Readonly<Record<string, unknown>>): Record<string, string> {
  const fields = Object.entries(filter);
  if (fields.length > LIST_FIELDS_MAX) {
    throw new RangeError(`filter of ${fields.length} fields; expected at most ${LIST_FIELDS_MAX}`);
  }
  const texts: Record<string, string> = {};
  for (const [field, value] of fields) {
    if (!NAME.test(field)) throw new RangeError('a field of the filter is 1 to 64 letters, digits, _ or -');
    const isPlain = value === null || ['string', 'number', 'boolean'].includes(typeof value);
    if (!isPlain || String(value).length > LIST_VALUE_LENGTH_MAX) {
      const expected = `a number, a boolean or a text of at most ${LIST_VALUE_LENGTH_MAX}`;
      throw new RangeError(`filter ${field}: expected ${expected}`);
    }
    texts[field] = String(value);
  }
  return texts;
}

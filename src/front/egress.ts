/** Carries out a shard's egress instructions: ring records to sockets. The front decides nothing here but who is slow. */
import { FrontCounter, type CounterBlock } from '../memory/counters.js';
import {
  CLOSE_HEAD_BYTES,
  Egress,
  FAN_OUT_HEAD_BYTES,
  FAN_OUT_RECEIVER_BYTES,
  FrameKind,
  SEND_HEAD_BYTES,
} from '../memory/records.js';
import { CloseCode } from '../protocol/close-codes.js';
import type { Connection, ConnectionTable } from './connection.js';
import type { ShardLink } from './shard-link.js';

/** What WebSocket.send of uWebSockets.js returns when the frame was thrown away for being over maxBackpressure. */
const SEND_DROPPED = 2;
const SEND_OK = 1;

const TOO_SLOW = 'too slow: the server had more unsent data for you than it keeps';

/** Sends in one go: about 20 ms of them. Sockets, joins and other shards get their turn after that. */
const SENDS_PER_DRAIN_MAX = 2048;

const utf8 = new TextDecoder();

export class EgressPump {
  /** Since the start of this drain. */
  private sends = 0;

  constructor(
    private readonly connections: ConnectionTable,
    private readonly counters: CounterBlock,
    private readonly socketSoftBytes: number,
    private readonly socketHardBytes: number,
  ) {}

  /** Takes records until there are none, or until enough was sent for one turn of the event loop; then returns true. */
  drain(link: ShardLink): boolean {
    const ring = link.egress;
    this.sends = 0;
    while (this.sends < SENDS_PER_DRAIN_MAX) {
      const at = ring.next();
      if (at < 0) break;
      this.sends += 1;
      switch (ring.type) {
        case Egress.FanOut:
          this.fanOut(link, at);
          break;
        case Egress.Send:
          this.send(link, at);
          break;
        case Egress.Close:
          this.close(link, at);
          break;
      }
    }
    ring.release();
    return this.sends >= SENDS_PER_DRAIN_MAX;
  }

  /**
   * One frame to many sockets. The frame is sent from where it lies in the ring: uWebSockets.js copies it to the kernel
   * (or its own buffer) before `send` returns, so each receiver's acknowledgement can be written into the same bytes.
   */
  private fanOut(link: ShardLink, at: number): void {
    const { words, bytes } = link.egress;
    const head = at >> 2;
    const count = words[head]!;
    const ackOffset = words[head + 1]!;
    const frameBytes = words[head + 2]!;
    const kind = words[head + 3]!;
    const frameAt = at + FAN_OUT_HEAD_BYTES + count * FAN_OUT_RECEIVER_BYTES;
    const frame = bytes.subarray(frameAt, frameAt + frameBytes);
    this.sends += count;
    let receiver = (at + FAN_OUT_HEAD_BYTES) >> 2;
    for (let i = 0; i < count; i += 1, receiver += FAN_OUT_RECEIVER_BYTES >> 2) {
      const connection = this.connections.get(words[receiver]! >>> 0);
      if (connection === undefined || connection.socket === null) continue;
      if (kind !== FrameKind.Reliable && !this.takesSnapshot(connection, kind, frameBytes)) continue;
      if (ackOffset >= 0) {
        const ack = words[receiver + 1]!;
        bytes[frameAt + ackOffset] = ack & 0xff;
        bytes[frameAt + ackOffset + 1] = (ack >>> 8) & 0xff;
      }
      this.write(connection, frame);
    }
  }

  /** Whether a snapshot may be sent to this connection now; keeps account of who is out of step. */
  private takesSnapshot(connection: Connection, kind: number, frameBytes: number): boolean {
    if (connection.pressed && connection.socket!.getBufferedAmount() > this.socketSoftBytes) {
      connection.outOfStep = true;
    } else if (kind === FrameKind.Keyframe) {
      connection.outOfStep = false;
      connection.keyframeBytes = frameBytes;
    }
    if (connection.outOfStep) this.counters.add(FrontCounter.snapshotsSkipped);
    return !connection.outOfStep;
  }

  private send(link: ShardLink, at: number): void {
    const { words, bytes } = link.egress;
    const connection = this.connections.get(words[at >> 2]! >>> 0);
    if (connection === undefined || connection.socket === null) return;
    if (words[(at >> 2) + 2] === 1 && connection.state === 'joining') connection.state = 'joined';
    this.write(connection, bytes.subarray(at + SEND_HEAD_BYTES, at + SEND_HEAD_BYTES + words[(at >> 2) + 1]!));
  }

  private close(link: ShardLink, at: number): void {
    const { words, bytes } = link.egress;
    const connection = this.connections.get(words[at >> 2]! >>> 0);
    if (connection === undefined || connection.socket === null) return;
    const reasonAt = at + CLOSE_HEAD_BYTES;
    // A copy, as the text decoder refuses shared memory.
    const reason = utf8.decode(bytes.slice(reasonAt, reasonAt + words[(at >> 2) + 2]!));
    connection.socket.end(words[(at >> 2) + 1]!, reason);
  }

  /**
   * Sends to a connection, and closes it when its buffer is full: a frame is lost then, so nothing after it would fit.
   * uWebSockets.js would throw a frame away too, at a limit further up, and the close frame with it.
   */
  write(connection: Connection, frame: Uint8Array): void {
    const socket = connection.socket!;
    if (connection.pressed && socket.getBufferedAmount() > this.socketHardBytes + connection.keyframeBytes) {
      socket.end(CloseCode.TooSlow, TOO_SLOW);
      return;
    }
    const result = socket.send(frame as Uint8Array<ArrayBuffer>, true, false);
    if (result === SEND_OK) {
      this.counters.add(FrontCounter.framesOut);
      this.counters.add(FrontCounter.bytesOut, frame.length);
      return;
    }
    connection.pressed = true;
    if (result === SEND_DROPPED) {
      socket.end(CloseCode.TooSlow, TOO_SLOW);
      return;
    }
    this.counters.add(FrontCounter.framesOut);
    this.counters.add(FrontCounter.bytesOut, frame.length);
  }
}

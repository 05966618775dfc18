/** Carries out a shard's egress instructions: ring records to sockets. The front decides nothing here but who is slow. */
import { FrontCounter, type CounterBlock } from '../memory/counters.js';
import {
  CLOSE_HEAD_BYTES,
  Egress,
  FAN_OUT_HEAD_BYTES,
  FAN_OUT_RECEIVER_BYTES,
  FrameKind,
  GATHER_HEAD_BYTES,
  GATHER_RECEIVER_BYTES,
  SEND_HEAD_BYTES,
} from '../memory/records.js';
import { CloseCode } from '../protocol/close-codes.js';
import { SNAPSHOT_PREFIX_BYTES, SnapshotKind, writeSnapshotPrefix } from '../protocol/server-frames.js';
import type { RingConsumer } from '../memory/ring-consumer.js';
import type { Connection, ConnectionTable } from './connection.js';
import type { ShardLink } from './shard-link.js';

/** What WebSocket.send of uWebSockets.js returns when the frame was thrown away for being over maxBackpressure. */
const SEND_DROPPED = 2;
const SEND_OK = 1;

const TOO_SLOW = 'too slow: the server had more unsent data for you than it keeps';

/** Sends in one go: about 20 ms of them. Sockets, joins and other shards get their turn after that. */
const SENDS_PER_DRAIN_MAX = 2048;

/** Up to here a loop copies as fast as `set`, and needs no view to copy from. */
const COPY_LOOP_BYTES_MAX = 512;

/** Views of gathered frames are kept up to this length: at most 400 kB of them. */
const VIEWS_BYTES_MAX = 4096;

const utf8 = new TextDecoder();

/**
 * Copies the ring's bytes `start..end` to `at` of the frame, four at a time where it can. Returns where the copy ends.
 * `set` would need a view to copy from, which costs as much as some hundred bytes.
 */
function copyRange(ring: RingConsumer, start: number, end: number, frame: GatheredFrame, at: number): number {
  const atEnd = at + end - start;
  if (end - start > COPY_LOOP_BYTES_MAX) {
    frame.bytes.set(ring.bytes.subarray(start, end), at);
    return atEnd;
  }
  const from = ring.view;
  const to = frame.words;
  let i = start;
  for (; i + 4 <= end; i += 4) to.setInt32(at + i - start, from.getInt32(i, true), true);
  for (; i < end; i += 1) to.setUint8(at + i - start, from.getUint8(i));
  return atEnd;
}

/** Views of one buffer, each of which begins at 0: a view costs more to make than a small frame to copy, so they are kept. */
class GatheredFrame {
  bytes = new Uint8Array(VIEWS_BYTES_MAX);
  words = new DataView(this.bytes.buffer);
  private views: (Uint8Array | undefined)[] = [];

  fit(length: number): void {
    if (length <= this.bytes.length) return;
    this.bytes = new Uint8Array(2 * length);
    this.words = new DataView(this.bytes.buffer);
    this.views = [];
  }

  view(length: number): Uint8Array {
    if (length > VIEWS_BYTES_MAX) return this.bytes.subarray(0, length);
    while (this.views.length <= length) this.views.push(undefined);
    return (this.views[length] ??= this.bytes.subarray(0, length));
  }
}

export class EgressPump {
  /** Since the start of this drain. */
  private sends = 0;
  /** Where gathered frames are put together; uWebSockets.js copies them before `send` returns. */
  private readonly frame = new GatheredFrame();

  constructor(
    private readonly connections: ConnectionTable,
    private readonly counters: CounterBlock,
    private readonly socketSoftBytes: number,
    private readonly socketHardBytes: number,
    /** The connection has joined its room. */
    private readonly joined: (connection: Connection) => void,
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
        case Egress.Gather:
          this.gather(link, at);
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

  /** Frames of one snapshot, each put together from parts of its own. */
  private gather(link: ShardLink, at: number): void {
    const { words } = link.egress;
    const head = at >> 2;
    const count = words[head]!;
    const tick = words[head + 1]!;
    const partsAt = at + GATHER_HEAD_BYTES + words[head + 2]!;
    this.sends += count;
    let receiver = (at + GATHER_HEAD_BYTES) >> 2;
    for (let i = 0; i < count; i += 1) {
      const ranges = receiver + (GATHER_RECEIVER_BYTES >> 2);
      const rangesEnd = ranges + 2 * words[receiver + 2]!;
      const connection = this.connections.get(words[receiver]! >>> 0);
      const info = words[receiver + 1]!;
      receiver = rangesEnd;
      if (connection === undefined || connection.socket === null) continue;
      let bodyBytes = 0;
      for (let r = ranges; r < rangesEnd; r += 2) bodyBytes += words[r + 1]! - words[r]!;
      const frameBytes = SNAPSHOT_PREFIX_BYTES + bodyBytes;
      const frameKind = info >>> 24;
      if (!this.takesSnapshot(connection, frameKind, frameBytes)) continue;
      this.frame.fit(frameBytes);
      const kind = frameKind === FrameKind.Keyframe ? SnapshotKind.Keyframe : SnapshotKind.Delta;
      writeSnapshotPrefix(this.frame.bytes, 0, tick, info & 0xffff, (info >>> 16) & 0xff, kind, bodyBytes);
      let end = SNAPSHOT_PREFIX_BYTES;
      for (let r = ranges; r < rangesEnd; r += 2) {
        end = copyRange(link.egress, partsAt + words[r]!, partsAt + words[r + 1]!, this.frame, end);
      }
      this.write(connection, this.frame.view(end));
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
    const frameAt = at + SEND_HEAD_BYTES;
    const frameEnd = frameAt + words[(at >> 2) + 1]!;
    if (words[(at >> 2) + 2] !== 1 || connection.state !== 'joining') {
      this.write(connection, bytes.subarray(frameAt, frameEnd));
      return;
    }
    connection.state = 'joined';
    connection.greeting = bytes.slice(frameAt, frameEnd);
    this.joined(connection);
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
    if (connection.greeting !== null) this.greet(connection, frame);
    else this.writeOne(connection, frame);
  }

  /** Joined waits for what comes after it, a keyframe nearly always, and both go to the kernel at once. */
  private greet(connection: Connection, frame: Uint8Array): void {
    const greeting = connection.greeting!;
    connection.greeting = null;
    connection.socket!.cork(() => {
      this.writeOne(connection, greeting);
      if (connection.socket !== null) this.writeOne(connection, frame);
    });
  }

  private writeOne(connection: Connection, frame: Uint8Array): void {
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

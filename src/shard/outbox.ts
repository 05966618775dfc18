/**
 * What a shard sends: the writing side of its egress ring, with the policy for a full one.
 *
 * Snapshots are superseded by the next one, so they are dropped when the ring is full. Everything else (messages, joins,
 * closes) must arrive, in order: it waits in a backlog on this thread until there is room. While anything waits,
 * snapshots are dropped too, as they must not overtake.
 *
 * The backlog is bounded: at 30 messages a second of 1 KiB to 512 clients of one shard, 8 MiB are half a second during
 * which the front takes nothing. Beyond that a message isn't sent, and its sender closes the receiver's connection with 1013:
 * nobody plays on with a hole in their messages, and what is kept of them is sent over the next one.
 */
import {
  CLOSE_HEAD_BYTES,
  CLOSE_REASON_BYTES_MAX,
  Egress,
  FAN_OUT_HEAD_BYTES,
  FAN_OUT_RECEIVER_BYTES,
  FrameKind,
  GATHER_HEAD_BYTES,
  SEND_HEAD_BYTES,
} from '../memory/records.js';
import type { RingProducer } from '../memory/ring-producer.js';
import type { BellRinger } from '../memory/bell.js';
import { ShardCounter, type CounterBlock } from '../memory/counters.js';
import type { Client, Turn } from './client.js';
import type { GatherList } from './interest/gather-list.js';

export const BACKLOG_BYTES_MAX = 8 * 1024 * 1024;

interface Waiting {
  readonly type: number;
  readonly payload: Uint8Array;
}

const utf8 = new TextEncoder();

export class Outbox {
  private readonly backlog: Waiting[] = [];
  private backlogBytes = 0;

  constructor(
    private readonly ring: RingProducer,
    private readonly bell: BellRinger,
    private readonly counters: CounterBlock,
  ) {}

  /**
   * Begins a snapshot for those of `clients` whose turn it is; the frame is `frameBytes` long.
   *
   * @returns where in `ring.bytes` the frame is to be written before `commitFanOut`, or -1 when there is no room.
   */
  tryFanOut(
    clients: readonly Client[],
    turn: Turn,
    count: number,
    frameBytes: number,
    ackOffset: number,
    kind: number,
  ): number {
    if (this.backlog.length > 0) return -1;
    const ring = this.ring;
    const recordBytes = FAN_OUT_HEAD_BYTES + count * FAN_OUT_RECEIVER_BYTES + frameBytes;
    if (recordBytes > ring.recordBytesMax) return -1;
    const start = ring.tryReserve(recordBytes);
    if (start < 0) return -1;
    const words = ring.words;
    let at = start >> 2;
    words[at] = count;
    words[at + 1] = ackOffset;
    words[at + 2] = frameBytes;
    words[at + 3] = kind;
    at += FAN_OUT_HEAD_BYTES >> 2;
    for (let i = 0; i < clients.length; i += 1) {
      const client = clients[i]!;
      if (client.turn !== turn) continue;
      words[at] = client.sessionKey;
      words[at + 1] = client.inputs === null ? 0 : client.inputs.processedSeq;
      at += FAN_OUT_RECEIVER_BYTES >> 2;
    }
    return start + FAN_OUT_HEAD_BYTES + count * FAN_OUT_RECEIVER_BYTES;
  }

  /** The bytes that `tryFanOut`'s offset points into. */
  get frameTarget(): Uint8Array {
    return this.ring.bytes;
  }

  commitFanOut(frameBytes: number): void {
    this.ring.commit(Egress.FanOut);
    this.counters.add(ShardCounter.egressRecords);
    this.counters.add(ShardCounter.egressBytes, frameBytes);
  }

  /** Whether a snapshot of about so many bytes would fit. */
  hasRoom(bytes: number): boolean {
    return this.backlog.length === 0 && this.ring.tryReserve(Math.min(bytes, this.ring.recordBytesMax)) >= 0;
  }

  /** Longest record that can pass through the ring, in bytes. */
  get recordBytesMax(): number {
    return this.ring.recordBytesMax;
  }

  /**
   * Sends a snapshot of which every receiver is sent parts of its own, to the receivers `from` to `to` of the list. Returns
   * false when there is no room. The record must not be longer than `recordBytesMax`.
   */
  tryGather(list: GatherList, from: number, to: number, tick: number, parts: Uint8Array, partsBytes: number): boolean {
    if (this.backlog.length > 0) return false;
    const ring = this.ring;
    const listStart = list.heads[from]!;
    const listEnd = list.heads[to]!;
    const listBytes = 4 * (listEnd - listStart);
    const recordBytes = GATHER_HEAD_BYTES + listBytes + partsBytes;
    const start = ring.tryReserve(recordBytes);
    if (start < 0) return false;
    const { words } = ring;
    const at = start >> 2;
    words[at] = to - from;
    words[at + 1] = tick;
    words[at + 2] = listBytes;
    words[at + 3] = partsBytes;
    words.set(list.words.subarray(listStart, listEnd), at + (GATHER_HEAD_BYTES >> 2));
    ring.bytes.set(parts.subarray(0, partsBytes), start + GATHER_HEAD_BYTES + listBytes);
    ring.commit(Egress.Gather);
    this.counters.add(ShardCounter.egressRecords);
    this.counters.add(ShardCounter.egressBytes, recordBytes);
    return true;
  }

  /**
   * Sends one frame over one connection. `joined`: inputs may flow over it from here on.
   *
   * @returns false when the backlog has no room for it
   * @throws RangeError when it could never pass through the ring
   */
  send(sessionKey: number, frame: Uint8Array, joined = false): boolean {
    const payload = new Uint8Array(SEND_HEAD_BYTES + frame.length);
    const words = new Int32Array(payload.buffer, 0, SEND_HEAD_BYTES / 4);
    words[0] = sessionKey;
    words[1] = frame.length;
    words[2] = joined ? 1 : 0;
    payload.set(frame, SEND_HEAD_BYTES);
    return this.enqueue(Egress.Send, payload);
  }

  /** Sends one frame to all that are connected, or all but one, once through the ring. Returns and throws as `send`. */
  broadcast(clients: readonly Client[], except: Client | undefined, frame: Uint8Array): boolean {
    let count = 0;
    for (const client of clients) if (client !== except && client.connected) count += 1;
    if (count === 0) return true;
    const payload = new Uint8Array(FAN_OUT_HEAD_BYTES + count * FAN_OUT_RECEIVER_BYTES + frame.length);
    const words = new Int32Array(payload.buffer, 0, (payload.length - frame.length) / 4);
    words[0] = count;
    words[1] = -1;
    words[2] = frame.length;
    words[3] = FrameKind.Reliable;
    let at = FAN_OUT_HEAD_BYTES >> 2;
    for (const client of clients) {
      if (client === except || !client.connected) continue;
      words[at] = client.sessionKey;
      at += FAN_OUT_RECEIVER_BYTES >> 2;
    }
    payload.set(frame, payload.length - frame.length);
    return this.enqueue(Egress.FanOut, payload);
  }

  close(sessionKey: number, code: number, reason: string): void {
    const payload = new Uint8Array(CLOSE_HEAD_BYTES + CLOSE_REASON_BYTES_MAX);
    const { written } = utf8.encodeInto(reason, payload.subarray(CLOSE_HEAD_BYTES));
    const words = new Int32Array(payload.buffer, 0, CLOSE_HEAD_BYTES / 4);
    words[0] = sessionKey;
    words[1] = code;
    words[2] = written;
    this.push(Egress.Close, payload.subarray(0, CLOSE_HEAD_BYTES + written));
  }

  /** Moves what waits into the ring, publishes the batch and wakes the front: once per pass. */
  flush(): void {
    let sent = 0;
    while (sent < this.backlog.length) {
      const { type, payload } = this.backlog[sent]!;
      if (!this.tryWrite(type, payload)) break;
      this.backlogBytes -= payload.length;
      sent += 1;
    }
    if (sent > 0) this.backlog.splice(0, sent);
    if (this.ring.publish()) this.bell.ring();
  }

  /** @throws RangeError when a frame could never be sent over one connection. */
  assertSendable(frame: Uint8Array): void {
    this.assertFits(SEND_HEAD_BYTES + frame.length);
  }

  private assertFits(bytes: number): void {
    const { recordBytesMax } = this.ring;
    if (bytes <= recordBytesMax) return;
    throw new RangeError(
      `${bytes} bytes to send at once; at most ${recordBytesMax}: send less (smaller messages, tables of less capacity), ` +
        'or raise egressRingBytes',
    );
  }

  private enqueue(type: number, payload: Uint8Array): boolean {
    this.assertFits(payload.length);
    if (this.backlogBytes + payload.length > BACKLOG_BYTES_MAX) return false;
    this.push(type, payload);
    return true;
  }

  private push(type: number, payload: Uint8Array): void {
    if (this.backlog.length === 0 && this.tryWrite(type, payload)) return;
    this.backlog.push({ type, payload });
    this.backlogBytes += payload.length;
  }

  private tryWrite(type: number, payload: Uint8Array): boolean {
    const at = this.ring.tryReserve(payload.length);
    if (at < 0) return false;
    this.ring.bytes.set(payload, at);
    this.ring.commit(type);
    this.counters.add(ShardCounter.egressRecords);
    this.counters.add(ShardCounter.egressBytes, payload.length);
    return true;
  }
}

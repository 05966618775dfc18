/** Snapshots of a room whose clients all see the same: one delta for those in step, one keyframe for the others. */
import { facetsOf } from '../codec/facet.js';
import { FacetEncoder } from '../codec/facet-encoder.js';
import { ShardCounter } from '../memory/counters.js';
import { FAN_OUT_HEAD_BYTES, FAN_OUT_RECEIVER_BYTES, FrameKind } from '../memory/records.js';
import { CloseCode } from '../protocol/close-codes.js';
import {
  SNAPSHOT_ACK_OFFSET,
  SNAPSHOT_PREFIX_BYTES,
  SnapshotKind,
  writeSnapshotPrefix,
} from '../protocol/server-frames.js';
import { Turn, type Client } from './client.js';
import type { ClientPace } from './client-pace.js';
import type { RoomState } from './room-state.js';
import type { Outbox } from './outbox.js';
import type { CloseLater, SnapshotServices } from './snapshot-sender.js';

/** Rows of a state that newcomers are sent twice: some kilobytes. */
const WELCOME_ROWS_MAX = 128;

/** Up to here a loop copies as fast as `set`, and needs no view to copy from. */
const COPY_LOOP_BYTES_MAX = 1024;

export class SharedSnapshots {
  private readonly encoders: readonly FacetEncoder[];
  /** What the next snapshot is expected to take in the ring. */
  private expectedBytes = 1024;

  constructor(
    private readonly state: RoomState,
    private readonly pace: ClientPace,
    private readonly services: SnapshotServices,
    private readonly close: CloseLater,
  ) {
    const { tables } = state;
    this.encoders = facetsOf(tables.map((table) => table.schema)).map(
      (facet) => new FacetEncoder(facet, tables[facet.tableIndex]!.image, services.scratch),
    );
  }

  /**
   * Sends to each client what its turn says. The baseline is then the current state.
   *
   * @returns false when the ring had no room for it. Found out beforehand, as nearly always, clients keep their baseline and
   *   the next delta spans both; found out too late, they have lost it and are owed a keyframe
   */
  send(tick: number, clients: readonly Client[]): boolean {
    const { bits, keyframeBudget, outbox } = this.services;
    const deltas = countTurns(clients, Turn.Delta);
    const keyframes = countTurns(clients, Turn.Keyframe);
    if (deltas + keyframes === 0) return true;
    if (!outbox.hasRoom(this.expectedBytes)) return false;
    let isSent = true;
    if (deltas > 0) {
      bits.reset();
      for (let e = 0; e < this.encoders.length; e += 1) this.encoders[e]!.advance(bits, null, 1);
      isSent = this.fanOut(tick, clients, Turn.Delta, deltas);
    } else {
      for (const encoder of this.encoders) encoder.reset(null, 1);
    }
    if (keyframes > 0) {
      bits.reset();
      for (const encoder of this.encoders) encoder.keyframe(bits, 0);
      const admitted = keyframeBudget.admit(keyframes, bits.byteLength);
      putOff(clients, keyframes - admitted);
      if (admitted > 0 && !this.fanOut(tick, clients, Turn.Keyframe, admitted)) {
        isSent &&= deltas > 0; // what those in step were sent is the room's newest snapshot all the same
        const recordBytes = FAN_OUT_HEAD_BYTES + admitted * FAN_OUT_RECEIVER_BYTES + SNAPSHOT_PREFIX_BYTES + bits.byteLength;
        if (recordBytes > outbox.recordBytesMax) this.closeOversized(clients, recordBytes);
      }
    }
    return isSent;
  }

  /**
   * Sends the present state to those whose turn is a keyframe, while the others have to wait for the next snapshot. It is no
   * baseline: with that snapshot they are sent a keyframe like anybody who comes then. Small states only.
   */
  welcome(tick: number, clients: readonly Client[]): void {
    const { bits, keyframeBudget, outbox } = this.services;
    let rows = 0;
    for (const table of this.state.tables) rows += table.image.rowEnd;
    const newcomers = countTurns(clients, Turn.Keyframe);
    if (newcomers === 0 || rows > WELCOME_ROWS_MAX || !outbox.hasRoom(this.expectedBytes)) return;
    bits.reset();
    for (const encoder of this.encoders) encoder.glimpse(bits);
    const admitted = keyframeBudget.admit(newcomers, bits.byteLength);
    putOff(clients, newcomers - admitted);
    if (admitted > 0) this.fanOut(tick, clients, Turn.Keyframe, admitted);
    for (const client of clients) if (client.turn === Turn.Keyframe) client.inStep = false;
  }

  /** A keyframe that can never pass through the ring: nobody can join such a room. */
  private closeOversized(clients: readonly Client[], bytes: number): void {
    for (const client of clients) {
      if (client.turn === Turn.Keyframe) this.close(client, CloseCode.Error, oversizedReason(bytes, this.services.outbox));
    }
  }

  /** Sends what was encoded to the clients of one turn. When it doesn't fit, they have lost their baseline. */
  private fanOut(tick: number, clients: readonly Client[], turn: Turn, count: number): boolean {
    const { outbox, bits, counters } = this.services;
    const isKeyframe = turn === Turn.Keyframe;
    const bodyBytes = bits.byteLength;
    const frameBytes = SNAPSHOT_PREFIX_BYTES + bodyBytes;
    const frameKind = isKeyframe ? FrameKind.Keyframe : FrameKind.Delta;
    const at = outbox.tryFanOut(clients, turn, count, frameBytes, SNAPSHOT_ACK_OFFSET, frameKind);
    let age = 0;
    for (let i = 0; i < clients.length; i += 1) {
      const client = clients[i]!;
      if (client.turn !== turn) continue;
      if (!isKeyframe) age = tick - client.sentTick; // all in step hold the same snapshot
      client.inStep = at >= 0;
      if (at >= 0) this.pace.sent(client, tick, isKeyframe);
    }
    if (at < 0) return false;
    const target = outbox.frameTarget;
    const kind = isKeyframe ? SnapshotKind.Keyframe : SnapshotKind.Delta;
    writeSnapshotPrefix(target, at, tick, 0, age, kind, bodyBytes);
    const body = bits.bytes;
    const bodyAt = at + SNAPSHOT_PREFIX_BYTES;
    if (bodyBytes > COPY_LOOP_BYTES_MAX) target.set(body.subarray(0, bodyBytes), bodyAt);
    else for (let i = 0; i < bodyBytes; i += 1) target[bodyAt + i] = body[i]!;
    outbox.commitFanOut(frameBytes);
    counters.add(ShardCounter.snapshots);
    if (isKeyframe) counters.add(ShardCounter.keyframes);
    else this.expectedBytes = 1024 + 2 * frameBytes + 8 * clients.length;
    return true;
  }
}

/** @param bytes what the snapshot takes in the ring */
export function oversizedReason(bytes: number, outbox: Outbox): string {
  return `a snapshot of ${bytes} bytes; the ring takes ${outbox.recordBytesMax}: raise egressRingBytes`;
}

function countTurns(clients: readonly Client[], turn: Turn): number {
  let count = 0;
  for (let i = 0; i < clients.length; i += 1) if (clients[i]!.turn === turn) count += 1;
  return count;
}

/** Takes the turn of the last `count` clients that are owed a keyframe: those who joined first are sent theirs first. */
function putOff(clients: readonly Client[], count: number): void {
  let left = count;
  for (let i = clients.length - 1; left > 0; i -= 1) {
    const client = clients[i]!;
    if (client.turn !== Turn.Keyframe) continue;
    client.turn = Turn.None;
    left -= 1;
  }
}

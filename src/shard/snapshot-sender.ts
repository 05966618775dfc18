/** Sends a room's snapshots: one delta for the clients in step, one keyframe for those that are owed one. */
import { ShardCounter, type CounterBlock } from '../memory/counters.js';
import { FrameKind } from '../memory/records.js';
import {
  SNAPSHOT_ACK_OFFSET,
  SNAPSHOT_AGE_MAX,
  SNAPSHOT_PREFIX_BYTES,
  SnapshotKind,
  writeSnapshotPrefix,
} from '../protocol/server-frames.js';
import type { SnapshotEncoder } from '../protocol/snapshot-encoder.js';
import type { Client } from './client.js';
import type { Outbox } from './outbox.js';
import type { RoomState } from './room-state.js';

/** Up to here a loop copies as fast as `set`, and needs no view to copy from. */
const COPY_LOOP_BYTES_MAX = 1024;

/** Makes a ratio such as 1/3 reach 1 at its third tick in spite of rounding. */
const RATIO_ALLOWANCE = 1e-9;

export interface SnapshotServices {
  readonly outbox: Outbox;
  readonly encoder: SnapshotEncoder;
  readonly counters: CounterBlock;
}

/** The room whose snapshots they are. */
export interface SnapshotRoom {
  readonly clients: readonly Client[];
  readonly tickRateHz: number;
  readonly snapshotRateHz: number;
}

export class SnapshotSender {
  private readonly snapshotsPerTick: number;
  private inStepCount = 0;

  constructor(
    private readonly state: RoomState,
    private readonly room: SnapshotRoom,
    private readonly services: SnapshotServices,
  ) {
    this.snapshotsPerTick = room.snapshotRateHz / room.tickRateHz;
  }

  /** The client holds no baseline (any more): its next snapshot is a keyframe. */
  owe(client: Client): void {
    if (!client.inStep) return;
    client.inStep = false;
    this.inStepCount -= 1;
  }

  /**
   * Sends a snapshot when one falls on this tick: on the ticks nearest to an even spacing, whatever the two rates.
   * Expects settled tables.
   */
  sendIfDue(tick: number): void {
    const count = Math.floor(tick * this.snapshotsPerTick + RATIO_ALLOWANCE);
    if (count > Math.floor((tick - 1) * this.snapshotsPerTick + RATIO_ALLOWANCE)) this.send(tick);
  }

  private send(tick: number): void {
    const { state } = this;
    const { clients } = this.room;
    const { encoder, counters } = this.services;
    const { shadow } = state;
    const age = tick - shadow.tick;
    if (shadow.commits === 0 || age > SNAPSHOT_AGE_MAX) this.oweAll();
    if (this.inStepCount > 0) {
      encoder.encode(state.baseline, state.current);
      if (!this.fanOut(tick, true, this.inStepCount, age, SnapshotKind.Delta)) {
        // Not sent, so not committed: clients keep their baseline, and the next delta spans both snapshots.
        counters.add(ShardCounter.snapshotsDropped);
        return;
      }
    }
    const owedCount = clients.length - this.inStepCount;
    if (owedCount > 0) {
      encoder.encode(state.empty, state.current);
      if (this.fanOut(tick, false, owedCount, 0, SnapshotKind.Keyframe)) {
        for (let i = 0; i < clients.length; i += 1) clients[i]!.inStep = true;
        this.inStepCount = clients.length;
        counters.add(ShardCounter.keyframes);
      } else {
        counters.add(ShardCounter.snapshotsDropped);
      }
    }
    state.commit(tick);
  }

  /** Sends the encoder's newest body to the clients that are, or aren't, in step. */
  private fanOut(tick: number, inStep: boolean, count: number, age: number, kind: SnapshotKind): boolean {
    const { outbox, encoder, counters } = this.services;
    const frameBytes = SNAPSHOT_PREFIX_BYTES + encoder.length;
    const frameKind = kind === SnapshotKind.Keyframe ? FrameKind.Keyframe : FrameKind.Delta;
    const at = outbox.tryFanOut(this.room.clients, inStep, count, frameBytes, SNAPSHOT_ACK_OFFSET, frameKind);
    if (at < 0) return false;
    const target = outbox.frameTarget;
    writeSnapshotPrefix(target, at, tick, 0, age, kind, encoder.length);
    const body = encoder.bytes;
    const length = encoder.length;
    const bodyAt = at + SNAPSHOT_PREFIX_BYTES;
    if (length > COPY_LOOP_BYTES_MAX) target.set(body.subarray(0, length), bodyAt);
    else for (let i = 0; i < length; i += 1) target[bodyAt + i] = body[i]!;
    outbox.commitFanOut(frameBytes);
    counters.add(ShardCounter.snapshots);
    return true;
  }

  private oweAll(): void {
    const { clients } = this.room;
    for (let i = 0; i < clients.length; i += 1) clients[i]!.inStep = false;
    this.inStepCount = 0;
  }
}

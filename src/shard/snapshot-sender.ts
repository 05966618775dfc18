/**
 * Sends a room's snapshots: decides which client is sent what at this snapshot, and has it sent.
 *
 * Clients that are all sent the same share one frame (SharedSnapshots). In a room with a grid, hidden rows or secret fields
 * each has a frame of its own, put together from parts that are encoded once (SplitSnapshots).
 */
import { ShardCounter, type CounterBlock } from '../memory/counters.js';
import { CloseCode } from '../protocol/close-codes.js';
import { SNAPSHOT_AGE_MAX } from '../protocol/server-frames.js';
import type { EncoderScratch } from '../codec/encoder-scratch.js';
import type { BitWriter } from '../codec/bit-writer.js';
import { Turn, type Client } from './client.js';
import { PaceVerdict, type ClientPace } from './client-pace.js';
import type { RoomInterest } from './interest/room-interest.js';
import type { KeyframeBudget } from './keyframe-budget.js';
import type { Outbox } from './outbox.js';
import type { RoomState } from './room-state.js';
import { SharedSnapshots } from './shared-snapshots.js';
import { SplitSnapshots } from './split-snapshots.js';

/** Makes a ratio such as 1/3 reach 1 at its third tick in spite of rounding. */
const RATIO_ALLOWANCE = 1e-9;

export interface SnapshotServices {
  readonly outbox: Outbox;
  readonly counters: CounterBlock;
  readonly keyframeBudget: KeyframeBudget;
  /** Working memory, for one room after the other. */
  readonly scratch: EncoderScratch;
  readonly bits: BitWriter;
}

/** The room whose snapshots they are. */
export interface SnapshotRoom {
  readonly clients: readonly Client[];
  readonly tickRateHz: number;
  readonly snapshotRateHz: number;
  /** Closes the client's connection: for good, or so that it may come back, as the code says. */
  closeClient(client: Client, code: number, reason: string): void;
}

/** Closes a client when the snapshot is done: the room's onLeave may change tables that were settled for it. */
export type CloseLater = (client: Client, code: number, reason: string) => void;

interface Closing {
  readonly client: Client;
  readonly code: number;
  readonly reason: string;
}

/** So long a room keeps what it needs for clients when it has none: they may be on their way, or come back. */
const EMPTY_SEC = 2;

export class SnapshotSender {
  private readonly snapshotsPerTick: number;
  /** Null after some time without clients: what their baselines took is free for others meanwhile. */
  private snapshots: SharedSnapshots | SplitSnapshots | null;
  private emptySnapshots = 0;
  /** Clients have come since the last tick. */
  private hasNewcomers = false;
  private readonly closings: Closing[] = [];
  private readonly closeLater: CloseLater = (client, code, reason) => this.closings.push({ client, code, reason });

  constructor(
    private readonly state: RoomState,
    private readonly interest: RoomInterest,
    private readonly room: SnapshotRoom,
    private readonly pace: ClientPace,
    private readonly services: SnapshotServices,
  ) {
    this.snapshotsPerTick = room.snapshotRateHz / room.tickRateHz;
    // Made here although nobody is there yet: what is wrong with the room's tables or grids is found out now.
    this.snapshots = this.begin();
  }

  /** The client holds no baseline (any more): its next snapshot is a keyframe. */
  owe(client: Client): void {
    client.inStep = false;
  }

  /** The client has no connection any more. What it was shown is gone with it. */
  disconnected(client: Client): void {
    client.inStep = false;
    client.view = null;
    this.pace.disconnected(client);
  }

  /**
   * Sends a snapshot when one falls on this tick: on the ticks nearest to an even spacing, whatever the two rates.
   * Expects settled tables.
   */
  sendIfDue(tick: number): void {
    const count = Math.floor(tick * this.snapshotsPerTick + RATIO_ALLOWANCE);
    if (count > Math.floor((tick - 1) * this.snapshotsPerTick + RATIO_ALLOWANCE)) this.send(tick);
    else if (this.hasNewcomers) this.welcome(tick);
    this.hasNewcomers = false;
  }

  /** The client has just been greeted: it holds nothing of the room. */
  arrived(): void {
    this.hasNewcomers = true;
  }

  /**
   * Newcomers needn't wait for the next snapshot. When nobody holds a baseline yet, it is sent now; else they are sent the state
   * as it is, if that is small. In a room whose clients are sent different things they wait.
   */
  private welcome(tick: number): void {
    const { clients } = this.room;
    if (this.interest.isSplit || clients.length === 0) return;
    if (!clients.some((client) => client.inStep)) {
      this.send(tick);
      return;
    }
    if (!(this.snapshots instanceof SharedSnapshots)) return;
    for (const client of clients) {
      client.turn = client.connected && client.sentTick === 0 ? Turn.Keyframe : Turn.None;
    }
    this.snapshots.welcome(tick, clients);
  }

  private send(tick: number): void {
    if (this.room.clients.length === 0) {
      this.emptySnapshots += 1;
      if (this.emptySnapshots > EMPTY_SEC * this.room.snapshotRateHz) this.snapshots = null;
      this.state.commit(tick);
      return;
    }
    this.emptySnapshots = 0;
    if (this.snapshots instanceof SharedSnapshots && this.interest.isSplit) this.split();
    this.snapshots ??= this.begin();
    this.giveTurns(tick);
    if (this.snapshots.send(tick, this.room.clients)) this.state.commit(tick);
    else this.services.counters.add(ShardCounter.snapshotsDropped);
    if (this.closings.length > 0) this.close();
  }

  /** Who is sent a delta, who a keyframe, and who nothing for being too slow. */
  private giveTurns(tick: number): void {
    const { clients } = this.room;
    for (let i = 0; i < clients.length; i += 1) {
      const client = clients[i]!;
      if (!client.connected) {
        client.turn = Turn.None;
        continue;
      }
      const verdict = this.pace.judge(client, tick);
      if (verdict === PaceVerdict.Send) {
        if (client.inStep && ((tick - client.sentTick) | 0) > SNAPSHOT_AGE_MAX) client.inStep = false;
        client.turn = client.inStep ? Turn.Delta : Turn.Keyframe;
        continue;
      }
      client.turn = Turn.None;
      client.inStep = false;
      if (verdict === PaceVerdict.Close) this.closeLater(client, CloseCode.TooSlow, this.pace.problem(client, tick));
    }
  }

  private close(): void {
    for (const { client, code, reason } of this.closings) this.room.closeClient(client, code, reason);
    this.closings.length = 0;
  }

  /** From now on clients are sent different things. Streams are cut anew, so all of them start with a keyframe. */
  private split(): void {
    for (const client of this.room.clients) client.inStep = false;
    this.snapshots = this.begin();
  }

  private begin(): SharedSnapshots | SplitSnapshots {
    const { state, interest, room, pace, services, closeLater } = this;
    return interest.isSplit
      ? new SplitSnapshots(state, interest, room.snapshotRateHz, pace, services, closeLater)
      : new SharedSnapshots(state, pace, services, closeLater);
  }
}

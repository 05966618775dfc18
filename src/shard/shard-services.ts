/** What a shard lends to its rooms. */
import type { Logger } from 'pino';
import type { PaceLimits, SeatLimits, ShardToHost } from '../protocol/control.js';
import type { Client } from './client.js';
import type { RoomRunner } from './room-runner.js';
import type { SnapshotServices } from './snapshot-sender.js';

/** Which tick the shard is in, for the logs; 0 between ticks. */
export interface RunningRoom {
  tick: number;
}

export interface ShardServices extends SnapshotServices {
  readonly pace: PaceLimits;
  readonly seats: SeatLimits;
  readonly log: Logger;
  readonly running: RunningRoom;
  post(message: ShardToHost): void;
  compute(module: string, data: unknown): Promise<unknown>;
  /** Calls back once, after so much real time. Returns what calls it off. */
  after(delayMs: number, callback: () => void): () => void;
  /** The room ticks no more. */
  ending(runner: RoomRunner): void;
  /** The room has ended and is to be forgotten. */
  ended(runner: RoomRunner): void;
  /** Records of the client's connection are for this room from now on. */
  bind(client: Client, runner: RoomRunner): void;
  /** Records of the client's connection are for nobody any more. */
  unbind(client: Client): void;
}

/**
 * What the load generator needs to know of a server: how one client of it joins, plays and is told the state.
 *
 * Every contender plays the same game (bench/arena-game.ts): a room of players who run where their inputs tell them, at
 * 60 ticks and 20 snapshots a second. Most clients of a load are cheap: they count what they receive and send inputs.
 * A few are probes, which decode every snapshot.
 */
import type { LoadSocket } from './load-socket.js';

/** Where a client goes. */
export interface Target {
  /** Of the server, `http://127.0.0.1:2567`. */
  readonly url: string;
  /** The room's name at the server: `arena`, `heavy`, … */
  readonly room: string;
  /** The room to join; null creates one. */
  readonly roomId: string | null;
  /** Without a room's id: whether any room of that name with a free seat does, and one is created only where none is. */
  readonly joinsAny?: boolean;
  /** Whether this client decodes. */
  readonly isProbe: boolean;
}

/** One player as it is shown, in the numbers of the wire. */
export interface PlayerState {
  /** Which of the room's players it is, 0 to 255. */
  readonly slot: number;
  readonly x: number;
  readonly y: number;
  /** 0 to 255, a full turn. */
  readonly heading: number;
  readonly health: number;
  readonly score: number;
}

/** What a room says of itself: how it ran since `begin`, and its state as its next snapshot will show it. */
export interface RoomReport {
  readonly ticks: number;
  /** From the tick that begins the measurement to the last one. */
  readonly elapsedMs: number;
  /** Between two ticks of the room. */
  readonly tickIntervalP50Ms: number;
  readonly tickIntervalP99Ms: number;
  readonly tickIntervalMaxMs: number;
  readonly players: readonly PlayerState[];
}

/** `slot`: which player am I. `begin`: start measuring ticks. `freeze`: nobody moves any more. `report`: how was it. */
export interface Answers {
  readonly slot: number;
  readonly begin: null;
  readonly freeze: null;
  readonly report: RoomReport;
}

export type Question = keyof Answers;

/** One joined client. */
export interface LoadClient {
  readonly roomId: string;
  readonly socket: LoadSocket;
  /** Snapshots received since the join: deltas, patches, whatever carries the state. */
  readonly snapshots: number;
  /** Probes: called after a snapshot was decoded; `arrivedMs` is performance.now() of when its bytes were read. */
  onSnapshot: ((arrivedMs: number) => void) | null;
  /** Sends one input: run that way. */
  input(heading: number): void;
  /** Says which snapshot is the newest, as a client that sends no inputs has to; where the protocol wants it. */
  acknowledge?(): void;
  ask<Q extends Question>(question: Q): Promise<Answers[Q]>;
  /** Probes: the players as of the newest snapshot, by slot. */
  players(): PlayerState[];
  /** The heading of one player in the newest snapshot; -1 when there is no such player. */
  headingOf(slot: number): number;
  /** @throws when something was wrong so far: a snapshot lost, a frame that can't be decoded. */
  check(): void;
  leave(): void;
}

/** Joins one client; resolves when it holds its first state. */
export type Join = (target: Target) => Promise<LoadClient>;

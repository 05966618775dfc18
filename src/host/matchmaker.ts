/**
 * Finds or makes a room for whoever asks, and keeps account of rooms and seats. It runs on the main thread only, so each
 * decision is atomic: a seat is taken the moment it is found, and a room being created counts as there.
 *
 * ```
 *   creating --created--> open --last seat freed, ending--> closing --disposed--> (gone)
 *       \___create-failed, its shard died________________________________________/
 * ```
 */
import type { Logger } from 'pino';
import { CloseCode } from '../protocol/close-codes.js';
import type { RoomListing, RoomType, ShardToHost } from '../protocol/control.js';
import type { ShardHandle } from './shard-handle.js';

export type RoomState = 'creating' | 'open' | 'closing';

interface RoomEntry {
  readonly id: string;
  readonly type: RoomType;
  readonly shard: ShardHandle;
  state: RoomState;
  listing: RoomListing;
  /** Keys of sessions that have a seat, or are about to. */
  readonly seats: Set<number>;
  /** Seats to hand to the shard once the room is there. */
  readonly waiting: Seating[];
  /** Holds the room's last snapshot beyond the life of its shard's thread. */
  shadow: SharedArrayBuffer | null;
}

/** One session that is to be seated. */
export interface Seating {
  readonly sessionKey: number;
  readonly sessionId: string;
  readonly options: unknown;
  /** What onAuth returned. */
  readonly auth: unknown;
}

export type Wish =
  | { readonly method: 'joinOrCreate' | 'create' | 'join'; readonly type: string }
  | { readonly method: 'joinById'; readonly roomId: string };

/** Where a session is to sit, or why it can't. */
export type Placement =
  | { readonly ok: true; readonly shard: ShardHandle; readonly roomId: string; readonly tickRateHz: number }
  | { readonly ok: false; readonly code: number; readonly reason: string };

export interface MatchmakerEvents {
  /** A session's join has failed, or its room has gone before it was seated. */
  refused(sessionKey: number, code: number, reason: string): void;
}

export interface RandomSource {
  id(): string;
  seed(): number;
}

/** A room weighs as much as a seat: it ticks even when empty. */
const LOAD_OF_ROOM = 1;

const UNLISTED: RoomListing = { locked: false, private: false, autoDispose: true, maxClients: 0, metadata: undefined };

export class Matchmaker {
  private readonly rooms = new Map<string, RoomEntry>();
  private types = new Map<string, RoomType>();
  private draining = false;

  constructor(
    private readonly shards: readonly ShardHandle[],
    private readonly events: MatchmakerEvents,
    private readonly random: RandomSource,
    private readonly log: Logger,
  ) {}

  setTypes(types: readonly RoomType[]): void {
    this.types = new Map(types.map((type) => [type.name, type]));
  }

  get roomCount(): number {
    return this.rooms.size;
  }

  /** From here on nobody gets a seat. */
  drain(): void {
    this.draining = true;
  }

  /** The room type that is wished for, if there is one. */
  typeOf(wish: Wish): RoomType | undefined {
    return wish.method === 'joinById' ? this.rooms.get(wish.roomId)?.type : this.types.get(wish.type);
  }

  /** Finds a seat for the session, at once; the shard's answer comes later through `handle`. */
  place(wish: Wish, seating: Seating): Placement {
    if (this.draining) return refusal(CloseCode.MayRetry, 'the server is shutting down');
    if (wish.method === 'joinById') {
      const room = this.rooms.get(wish.roomId);
      if (room === undefined || room.state === 'closing') return refusal(CloseCode.MayRetry, `there is no room ${wish.roomId}`);
      if (room.listing.locked) return refusal(CloseCode.MayRetry, `room ${wish.roomId} is locked`);
      if (!hasSeat(room)) return refusal(CloseCode.MayRetry, `room ${wish.roomId} is full`);
      return this.seat(room, seating);
    }
    const type = this.types.get(wish.type);
    if (type === undefined) {
      const known = [...this.types.keys()].join(', ');
      return refusal(CloseCode.Malformed, `there is no room type ${wish.type}; this server has ${known}`);
    }
    const found = wish.method === 'create' ? undefined : this.findOpen(type);
    if (found !== undefined) return this.seat(found, seating);
    if (wish.method === 'join') return refusal(CloseCode.MayRetry, `no ${wish.type} room has a free seat`);
    const shard = this.leastLoaded();
    if (shard === undefined) return refusal(CloseCode.MayRetry, 'the server is recovering; try again in a second');
    return this.seat(this.create(type, shard, seating.options), seating);
  }

  /** The session's socket has gone. */
  leave(roomId: string, sessionKey: number, code: number): void {
    const room = this.rooms.get(roomId);
    if (room === undefined) return;
    const waiting = room.waiting.findIndex((each) => each.sessionKey === sessionKey);
    if (waiting >= 0) {
      room.waiting.splice(waiting, 1);
      this.freeSeat(room, sessionKey);
    } else if (room.seats.has(sessionKey)) {
      room.shard.post({ kind: 'leave', roomId, sessionKey, code });
    }
  }

  /** Takes what a shard reports of its rooms. */
  handle(message: ShardToHost): void {
    if (!('roomId' in message)) return;
    const room = this.rooms.get(message.roomId);
    if (room === undefined) return;
    switch (message.kind) {
      case 'created':
        this.created(room, message.listing, message.shadow);
        break;
      case 'create-failed':
        this.forget(room, CloseCode.Error, `the room could not be created: ${message.reason}`);
        break;
      case 'listing':
        room.listing = message.listing;
        this.closeIfEmpty(room);
        break;
      case 'ending':
        room.state = 'closing';
        break;
      case 'refused':
        this.events.refused(message.sessionKey, message.code, message.reason);
        this.freeSeat(room, message.sessionKey);
        break;
      case 'left':
        this.freeSeat(room, message.sessionKey);
        break;
      case 'disposed':
        this.forget(room, CloseCode.MayRetry, 'the room has ended');
        break;
    }
  }

  /** A shard's thread has died, and its rooms with it. */
  shardDied(shard: ShardHandle): void {
    for (const room of [...this.rooms.values()]) {
      if (room.shard === shard) this.forget(room, CloseCode.Error, 'the room’s shard has died');
    }
  }

  private findOpen(type: RoomType): RoomEntry | undefined {
    for (const room of this.rooms.values()) {
      if (room.type === type && room.state !== 'closing' && !room.listing.locked && !room.listing.private && hasSeat(room)) {
        return room;
      }
    }
    return undefined;
  }

  /** The shard with least to do, of those that live. */
  leastLoaded(): ShardHandle | undefined {
    let least: ShardHandle | undefined;
    for (const shard of this.shards) {
      if (shard.alive && (least === undefined || shard.load < least.load)) least = shard;
    }
    return least;
  }

  private create(type: RoomType, shard: ShardHandle, options: unknown): RoomEntry {
    const room: RoomEntry = {
      id: this.random.id(),
      type,
      shard,
      state: 'creating',
      listing: { ...UNLISTED, maxClients: type.maxClients },
      seats: new Set(),
      waiting: [],
      shadow: null,
    };
    this.rooms.set(room.id, room);
    shard.load += LOAD_OF_ROOM;
    shard.post({ kind: 'create', roomId: room.id, type: type.name, options, seed: this.random.seed() });
    return room;
  }

  private seat(room: RoomEntry, seating: Seating): Placement {
    room.seats.add(seating.sessionKey);
    room.shard.load += 1;
    if (room.state === 'creating') room.waiting.push(seating);
    else room.shard.post({ kind: 'seat', roomId: room.id, ...seating });
    return { ok: true, shard: room.shard, roomId: room.id, tickRateHz: room.type.tickRateHz };
  }

  private created(room: RoomEntry, listing: RoomListing, shadow: SharedArrayBuffer): void {
    room.state = 'open';
    room.listing = listing;
    room.shadow = shadow;
    for (const seating of room.waiting.splice(0)) room.shard.post({ kind: 'seat', roomId: room.id, ...seating });
    this.closeIfEmpty(room);
  }

  private freeSeat(room: RoomEntry, sessionKey: number): void {
    if (!room.seats.delete(sessionKey)) return;
    room.shard.load -= 1;
    this.closeIfEmpty(room);
  }

  private closeIfEmpty(room: RoomEntry): void {
    if (room.state !== 'open' || room.seats.size > 0 || !room.listing.autoDispose) return;
    room.state = 'closing';
    room.shard.post({ kind: 'dispose', roomId: room.id });
  }

  private forget(room: RoomEntry, code: number, reason: string): void {
    this.rooms.delete(room.id);
    room.shard.load -= LOAD_OF_ROOM + room.seats.size;
    for (const sessionKey of room.seats) this.events.refused(sessionKey, code, reason);
    this.log.debug({ room: room.id }, 'room forgotten');
  }
}

function hasSeat(room: RoomEntry): boolean {
  return room.seats.size < room.listing.maxClients;
}

function refusal(code: number, reason: string): Placement {
  return { ok: false, code, reason };
}

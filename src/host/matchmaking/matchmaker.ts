/**
 * Finds or makes a room for whoever asks, and keeps account of rooms. It runs on the main thread only, so each decision is
 * atomic: a seat is taken the moment it is found, and a room being created counts as there.
 */
import type { Logger } from 'pino';
import { CloseCode } from '../../protocol/close-codes.js';
import type { RoomType, ShardToHost } from '../../protocol/control.js';
import type { ShardHandle } from '../shard-handle.js';
import { RoomEntry } from './room-entry.js';
import { filterOf, filterProblem, RoomIndex } from './room-index.js';
import { Seats, type SeatEvents, type SeatLimits, type TokenSource } from './seats.js';
import type { Applicant, Refusal, ReservationListener, Session, Wish } from './session.js';

export interface MatchmakerLimits extends SeatLimits {
  readonly roomsMax: number;
}

export interface MatchmakerEvents extends Pick<SeatEvents, 'seated' | 'refused' | 'ended'> {
  /** A room has opened, has gone, or what lists show of it has changed. */
  listed(room: RoomEntry): void;
}

export interface RandomSource extends TokenSource {
  seed(): number;
  /** Milliseconds since 1970, for lists only. */
  wallMs(): number;
}

/** A player of a match, for a seat in its room. */
export interface MatchSeat {
  readonly applicant: Applicant;
  readonly connectionKey: number;
  readonly team: number;
}

/** A room weighs as much as a seat: it ticks even when empty. */
const LOAD_OF_ROOM = 1;

export class Matchmaker {
  readonly seats: Seats;
  readonly rooms = new RoomIndex();
  private types = new Map<string, RoomType>();
  private isDraining = false;
  private roomsMade = 0;

  constructor(
    private readonly shards: readonly ShardHandle[],
    private readonly limits: MatchmakerLimits,
    private readonly events: MatchmakerEvents,
    private readonly random: RandomSource,
    private readonly log: Logger,
  ) {
    this.seats = new Seats(
      limits,
      {
        seated: events.seated,
        refused: events.refused,
        ended: events.ended,
        changed: (room) => this.seatsChanged(room),
        elsewhere: (session) => this.elsewhere(session),
      },
      random,
    );
  }

  setTypes(types: readonly RoomType[]): void {
    this.types = new Map(types.map((type) => [type.name, type]));
  }

  /** The room type of this name. */
  type(name: string): RoomType | undefined {
    return this.types.get(name);
  }

  /** The room type that is wished for, if there is one. */
  typeOf(wish: Wish): RoomType | undefined {
    return wish.method === 'joinById' ? this.rooms.get(wish.roomId)?.type : this.types.get(wish.type);
  }

  /** From here on nobody gets a seat, and rooms end one after the other. */
  drain(): void {
    this.isDraining = true;
    for (const room of this.rooms.values()) {
      if (room.state !== 'creating' && room.state !== 'open') continue;
      room.move('draining');
      this.rooms.update(room);
      this.events.listed(room);
    }
  }

  /** The server has closed: nothing is waited for any more. */
  close(): void {
    for (const room of this.rooms.values()) clearTimeout(room.timer);
    this.seats.close();
  }

  /** Finds the connection a seat, at once; what comes of it is told through the events. */
  place(applicant: Applicant, connectionKey: number): Refusal | null {
    const room = this.findOrCreate(applicant);
    if (!(room instanceof RoomEntry)) return room;
    this.seats.give(room, applicant, connectionKey);
    return null;
  }

  /** Finds a seat for somebody who comes later, with a ticket. */
  reserve(applicant: Applicant, listener: ReservationListener): void {
    const room = this.findOrCreate(applicant);
    if (room instanceof RoomEntry) this.seats.reserve(room, applicant, listener);
    else listener.refused(room);
  }

  /** Makes a private room for a match and seats its players, all or none. */
  createMatch(type: RoomType, options: Readonly<Record<string, unknown>>, players: readonly MatchSeat[]): Refusal | null {
    const room = this.create(type, options, true);
    if (!(room instanceof RoomEntry)) return room;
    for (const { applicant, connectionKey, team } of players) this.seats.give(room, applicant, connectionKey, team);
    return null;
  }

  /** Makes a room without anybody in it. Resolves when it is open; rejects with the reason when it can't be made. */
  createRoom(typeName: string, options: Readonly<Record<string, unknown>>): Promise<RoomEntry> {
    return new Promise((resolve, reject) => {
      const type = this.types.get(typeName);
      const room = type === undefined ? this.unknownType(typeName) : this.create(type, options, false);
      if (!(room instanceof RoomEntry)) {
        reject(new Error(room.reason));
        return;
      }
      room.awaited = (failure) => (failure === null ? resolve(room) : reject(new Error(failure)));
    });
  }

  /** Takes what a shard reports of its rooms and their sessions. */
  handle(message: ShardToHost): void {
    if (!('roomId' in message)) return;
    if ('sessionId' in message) {
      this.seats.handle(message);
      return;
    }
    const room = this.rooms.get(message.roomId);
    if (room === undefined) return;
    switch (message.kind) {
      case 'created':
        room.listing = message.listing;
        room.shadow = message.shadow;
        this.created(room);
        break;
      case 'create-failed':
        this.forget(room, CloseCode.Error, `the room could not be created: ${message.reason}`);
        break;
      case 'listing':
        room.listing = message.listing;
        this.seatsChanged(room);
        break;
      case 'ending':
        if (room.state !== 'closing') this.closing(room);
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

  /** The shard with least to do, of those that live. */
  leastLoaded(): ShardHandle | undefined {
    let least: ShardHandle | undefined;
    for (const shard of this.shards) {
      if (shard.alive && (least === undefined || shard.load < least.load)) least = shard;
    }
    return least;
  }

  // --- Finding -------------------------------------------------------------------------------------------------------

  private findOrCreate({ wish, options }: Applicant): RoomEntry | Refusal {
    if (this.isDraining) return unavailable('the server is shutting down');
    if (wish.method === 'joinById') return this.byId(wish.roomId);
    const type = this.types.get(wish.type);
    if (type === undefined) return this.unknownType(wish.type);
    const problem = filterProblem(type, options);
    if (problem !== null) return { code: CloseCode.Malformed, status: 400, reason: problem };
    const found = wish.method === 'create' ? undefined : this.rooms.find(type, options);
    if (found !== undefined) return found;
    if (wish.method === 'join') return noSeat(404, `no ${wish.type} room has a free seat`);
    return this.create(type, options, false);
  }

  private byId(roomId: string): RoomEntry | Refusal {
    const room = this.rooms.get(roomId);
    if (room === undefined || room.state === 'closing' || room.state === 'gone') return noSeat(404, `there is no room ${roomId}`);
    if (room.listing.locked) return noSeat(409, `room ${roomId} is locked`);
    return room.takesSeats ? room : noSeat(409, `room ${roomId} is full`);
  }

  private unknownType(name: string): Refusal {
    const known = [...this.types.keys()].join(', ');
    return { code: CloseCode.Malformed, status: 404, reason: `there is no room type ${name}; this server has ${known}` };
  }

  /** Another room for a session whose room was about to end when it came. */
  private elsewhere({ applicant }: Session): RoomEntry | undefined {
    const { method } = applicant.wish;
    if (method !== 'joinOrCreate' && method !== 'join') return undefined;
    const room = this.findOrCreate(applicant);
    return room instanceof RoomEntry ? room : undefined;
  }

  // --- Rooms ---------------------------------------------------------------------------------------------------------

  private create(type: RoomType, options: Readonly<Record<string, unknown>>, isPrivate: boolean): RoomEntry | Refusal {
    const shard = this.leastLoaded();
    if (shard === undefined) return unavailable('the server is recovering; try again in a second');
    const { roomsMax, createTimeoutMs } = this.limits;
    if (this.rooms.size >= roomsMax) return unavailable(`the server holds ${roomsMax} rooms, its limit`);
    const id = this.random.id();
    this.roomsMade += 1;
    const room = new RoomEntry(id, type, shard, filterOf(type, options), this.random.wallMs(), this.roomsMade, isPrivate);
    this.rooms.add(room);
    shard.load += LOAD_OF_ROOM;
    shard.post({ kind: 'create', roomId: id, type: type.name, options, seed: this.random.seed(), private: isPrivate });
    room.timer = setTimeout(() => this.gaveUp(room), createTimeoutMs);
    return room;
  }

  private created(room: RoomEntry): void {
    if (room.state !== 'creating') return; // it is to end already
    room.move('open');
    this.seats.opened(room);
    room.awaited?.(null);
    room.awaited = null;
    this.seatsChanged(room);
  }

  /** Its onCreate has taken too long: whoever waits is told so, and should it end yet, so does the room. */
  private gaveUp(room: RoomEntry): void {
    room.shard.post({ kind: 'dispose', roomId: room.id });
    this.forget(room, CloseCode.MayRetry, `the room was not created within ${this.limits.createTimeoutMs} ms`);
  }

  private seatsChanged(room: RoomEntry): void {
    this.rooms.update(room);
    this.events.listed(room);
    if (room.state !== 'open') return;
    // Who made a room by itself has to tell its players of it first.
    const disposeAfterMs = Math.max(room.listing.disposeAfterMs, room.wasTaken ? 0 : this.limits.seatTimeoutMs);
    if (room.sessions.size > 0 || disposeAfterMs === Infinity) {
      clearTimeout(room.timer);
      room.timer = undefined;
    } else if (disposeAfterMs === 0) {
      this.dispose(room);
    } else if (room.timer === undefined || room.emptyMs !== disposeAfterMs) {
      clearTimeout(room.timer);
      room.emptyMs = disposeAfterMs;
      room.timer = setTimeout(() => this.dispose(room), disposeAfterMs);
    }
  }

  private dispose(room: RoomEntry): void {
    room.shard.post({ kind: 'dispose', roomId: room.id });
    this.closing(room);
  }

  private closing(room: RoomEntry): void {
    room.move('closing');
    this.rooms.update(room);
    this.events.listed(room);
  }

  private forget(room: RoomEntry, code: number, reason: string): void {
    room.move('gone');
    this.rooms.remove(room);
    room.shard.load -= LOAD_OF_ROOM;
    this.seats.roomGone(room, code, reason);
    room.awaited?.(reason);
    room.awaited = null;
    this.events.listed(room);
    this.log.debug({ room: room.id }, 'room forgotten');
  }
}

function noSeat(status: number, reason: string): Refusal {
  return { code: CloseCode.MayRetry, status, reason };
}

function unavailable(reason: string): Refusal {
  return { code: CloseCode.MayRetry, status: 503, reason };
}

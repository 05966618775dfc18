/** The host's rooms for the program that the server is part of: `server.rooms`. */
import { LIST_MAX } from '../front/request-limits.js';
import { infoOf, roomsMatching, type RoomInfo } from './matchmaking/room-list.js';
import type { Matchmaker } from './matchmaking/matchmaker.js';
import type { Applicant, Refusal, Session, Wish } from './matchmaking/session.js';
import type { ShardToHost } from '../protocol/control.js';
import type { ShardHandle } from './shard-handle.js';

/** How long a room's method may take to answer a call. */
const CALL_TIMEOUT_MS = 30_000;

/** A seat that is kept for whoever brings its ticket. */
export interface SeatReservation {
  /** Name of the room's type. */
  readonly room: string;
  readonly roomId: string;
  readonly sessionId: string;
  /** For the client's `joinWithTicket`; good once. */
  readonly ticket: string;
  /** When the ticket expires, in milliseconds since 1970, and how long from now. */
  readonly expiresAtMs: number;
  readonly expiresInMs: number;
}

/** Which rooms are meant: all fields that are given have to fit. */
export interface RoomsQuery {
  /** Name of a room type. */
  type?: string;
  /** Whether private rooms, and those about to end, are looked at too. Default false. */
  all?: boolean;
  /** Any option that the type is filtered by, or field of the metadata. */
  [field: string]: string | number | boolean | undefined;
}

/** A room can't be made, or called. */
export class RoomError extends Error {
  readonly code = 'ERR_ESCAPEMENT_ROOM';

  constructor(message: string) {
    super(message);
    this.name = 'RoomError';
  }
}

/** A seat that can't be had. `closeCode` as a client's close codes: 4010 may be tried again. */
export class SeatError extends Error {
  readonly code = 'ERR_ESCAPEMENT_SEAT';

  constructor(
    readonly closeCode: number,
    message: string,
  ) {
    super(message);
    this.name = 'SeatError';
  }
}

interface Call {
  readonly shard: ShardHandle;
  readonly timer: NodeJS.Timeout;
  resolve(value: unknown): void;
  reject(error: Error): void;
}

type Options = Readonly<Record<string, unknown>>;

export class RoomApi {
  private readonly calls = new Map<number, Call>();
  private callsMade = 0;

  /** @internal */
  constructor(
    private readonly matchmaker: Matchmaker,
    private readonly reservationOf: (session: Session) => SeatReservation,
  ) {}

  /**
   * Makes a room without a player. It ends by itself when nobody has taken a seat for 15 seconds (`seatTimeoutMs`), unless its
   * `autoDispose` says otherwise.
   *
   * @throws RoomError when there is no such type, its onCreate throws, or the server is full
   */
  async create(type: string, options: Options = {}): Promise<RoomInfo> {
    try {
      return infoOf(await this.matchmaker.createRoom(type, structuredClone(options)));
    } catch (error) {
      throw new RoomError(`rooms.create(${type}): ${(error as Error).message}`);
    }
  }

  /** A seat in a room of this type that has one, or in a new one. `auth`: the player's `client.auth`. @throws SeatError */
  joinOrCreate(type: string, options: Options = {}, auth?: unknown): Promise<SeatReservation> {
    return this.reserve({ method: 'joinOrCreate', type }, options, auth);
  }

  /** A seat in a room of this type that exists. @throws SeatError */
  join(type: string, options: Options = {}, auth?: unknown): Promise<SeatReservation> {
    return this.reserve({ method: 'join', type }, options, auth);
  }

  /** A seat in this room, private or not. @throws SeatError */
  joinById(roomId: string, options: Options = {}, auth?: unknown): Promise<SeatReservation> {
    return this.reserve({ method: 'joinById', roomId }, options, auth);
  }

  /** The rooms that fit, in the order they were made; at most 1,000. */
  query(query: RoomsQuery = {}): RoomInfo[] {
    return [...this.find(query)].slice(0, LIST_MAX).map(infoOf);
  }

  /**
   * Calls a public method of a room, inside its shard, and resolves with what it returns. Arguments and result are copied.
   *
   * @throws RoomError when there is no such room or method, when it throws, or takes more than 30 seconds
   */
  call<T = unknown>(roomId: string, method: string, ...args: unknown[]): Promise<T> {
    const room = this.matchmaker.rooms.get(roomId);
    const name = `rooms.call(${roomId}, ${method})`;
    if (room === undefined) return Promise.reject(new RoomError(`${name}: there is no such room`));
    let copied: unknown[];
    try {
      copied = structuredClone(args);
    } catch (error) {
      return Promise.reject(new RoomError(`${name}: ${(error as Error).message}`));
    }
    this.callsMade += 1;
    const id = this.callsMade;
    return new Promise<T>((resolve, reject) => {
      const fail = (error: Error): void => reject(new RoomError(`${name}: ${error.message}`));
      const late = new Error(`no answer within ${CALL_TIMEOUT_MS} ms`);
      const timer = setTimeout(() => this.take(id)?.reject(late), CALL_TIMEOUT_MS);
      this.calls.set(id, { shard: room.shard, timer, resolve: resolve as (value: unknown) => void, reject: fail });
      room.shard.post({ kind: 'call', id, roomId, method, args: copied });
    });
  }

  /**
   * Sends a message to every client of the rooms that fit, private ones included.
   *
   * @returns to how many rooms
   */
  broadcast(type: string, payload?: unknown, query: RoomsQuery = {}): number {
    const copied: unknown = structuredClone(payload);
    const idsByShard = new Map<ShardHandle, string[]>();
    let count = 0;
    for (const room of this.find({ all: true, ...query })) {
      const ids = idsByShard.get(room.shard) ?? [];
      ids.push(room.id);
      idsByShard.set(room.shard, ids);
      count += 1;
    }
    for (const [shard, roomIds] of idsByShard) shard.post({ kind: 'broadcast', roomIds, type, payload: copied });
    return count;
  }

  /** @internal */
  handle(message: Extract<ShardToHost, { kind: 'called' }>): void {
    const call = this.take(message.id);
    if (message.error === undefined) call?.resolve(message.value);
    else call?.reject(new Error(message.error));
  }

  /** @internal */
  shardDied(shard: ShardHandle): void {
    for (const [id, call] of [...this.calls]) {
      if (call.shard === shard) this.take(id)?.reject(new Error('the room’s shard has died'));
    }
  }

  /** @internal The server has closed. */
  close(): void {
    for (const id of [...this.calls.keys()]) this.take(id)?.reject(new Error('the server has closed'));
  }

  private reserve(wish: Wish, options: Options, auth: unknown): Promise<SeatReservation> {
    return new Promise((resolve, reject) => {
      const applicant: Applicant = { wish, options: structuredClone(options), auth: structuredClone(auth) };
      this.matchmaker.reserve(applicant, {
        reserved: (session) => resolve(this.reservationOf(session)),
        refused: ({ code, reason }: Refusal) => reject(new SeatError(code, reason)),
      });
    });
  }

  private *find({ type = '', all = false, ...rest }: RoomsQuery) {
    const fields: Record<string, string> = {};
    for (const [field, value] of Object.entries(rest)) if (value !== undefined) fields[field] = String(value);
    yield* roomsMatching(this.matchmaker.rooms, { type, fields }, all);
  }

  private take(id: number): Call | undefined {
    const call = this.calls.get(id);
    if (call === undefined) return undefined;
    clearTimeout(call.timer);
    this.calls.delete(id);
    return call;
  }
}

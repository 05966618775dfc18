/** A matchmaker with a shard that does nothing by itself: tests read what was posted to it, and answer in its name. */
import { pino } from 'pino';
import { Matchmaker } from '../../src/host/matchmaking/matchmaker.js';
import type { RoomEntry } from '../../src/host/matchmaking/room-entry.js';
import type { Applicant, Refusal, Session, Wish } from '../../src/host/matchmaking/session.js';
import type { ShardHandle } from '../../src/host/shard-handle.js';
import type { HostToShard, RoomListing, RoomType, ShardToHost } from '../../src/protocol/control.js';

export const LIMITS = { seatTimeoutMs: 15_000, createTimeoutMs: 30_000, roomsMax: 100 };

export function roomType(name: string, overrides: Partial<RoomType> = {}): RoomType {
  return {
    name,
    tickRateHz: 60,
    snapshotRateHz: 20,
    maxClients: 16,
    authenticates: false,
    filterBy: [],
    sortBy: [],
    queue: null,
    ...overrides,
  };
}

export class MatchmakerBench {
  readonly posted: HostToShard[] = [];
  readonly shard = {
    index: 0,
    load: 0,
    alive: true,
    link: {},
    post: (message: HostToShard) => this.posted.push(message),
  } as unknown as ShardHandle;
  readonly refusals: { key: number; code: number; reason: string }[] = [];
  readonly ended: number[] = [];
  readonly listed: RoomEntry[] = [];
  /** Messages that connections have taken, by key, for takeovers. */
  readonly taken = new Map<number, number>();
  readonly matchmaker: Matchmaker;
  private ids = 0;

  constructor(types: readonly RoomType[], limits: Partial<typeof LIMITS> = {}) {
    this.matchmaker = new Matchmaker(
      [this.shard],
      { ...LIMITS, ...limits },
      {
        seated: () => {},
        refused: (key, code, reason) => this.refusals.push({ key, code, reason }),
        ended: (key) => {
          this.ended.push(key);
          return this.taken.get(key);
        },
        listed: (room) => this.listed.push(room),
      },
      { id: () => `id${(this.ids += 1)}`, token: () => `token-${(this.ids += 1)}`, seed: () => 1, wallMs: () => 0 },
      pino({ level: 'silent' }),
    );
    this.matchmaker.setTypes(types);
  }

  join(wish: Wish, key: number, options: Record<string, unknown> = {}): Refusal | null {
    const applicant: Applicant = { wish, options, auth: undefined };
    return this.matchmaker.place(applicant, key);
  }

  say(message: ShardToHost): void {
    this.matchmaker.handle(message);
  }

  /** Takes what was posted of one kind. */
  take<K extends HostToShard['kind']>(kind: K): Extract<HostToShard, { kind: K }>[] {
    const found = this.posted.filter((message) => message.kind === kind);
    for (const message of found) this.posted.splice(this.posted.indexOf(message), 1);
    return found as Extract<HostToShard, { kind: K }>[];
  }

  created(roomId: string, listing: Partial<RoomListing> = {}): void {
    const maxClients = this.matchmaker.rooms.get(roomId)!.type.maxClients;
    this.say({
      kind: 'created',
      roomId,
      shadow: new SharedArrayBuffer(0),
      listing: { locked: false, private: false, disposeAfterMs: 0, maxClients, metadata: undefined, ...listing },
    });
  }

  /** A session whose shard has said that it joined. */
  joined(wish: Wish, key: number): Session {
    const refusal = this.join(wish, key);
    if (refusal !== null) throw new Error(refusal.reason);
    for (const { roomId } of this.take('create')) this.created(roomId);
    const [seat] = this.take('seat');
    this.matchmaker.seats.joined(seat!.sessionId, key);
    return this.session(key);
  }

  /** The session of a connection. */
  session(key: number): Session {
    for (const session of this.matchmaker.seats.values()) if (session.key === key) return session;
    throw new Error(`no session of connection ${key}`);
  }
}

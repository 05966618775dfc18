/** All rooms of the host, and which of them a newcomer may be given a seat in: by type, filter and preference. */
import type { RoomType } from '../../protocol/control.js';
import type { RoomEntry } from './room-entry.js';

/** Longest text that rooms are filtered by. */
const FILTER_LENGTH_MAX = 256;

type Rank = (room: RoomEntry) => number | string | boolean | undefined;

export class RoomIndex {
  private readonly rooms = new Map<string, RoomEntry>();
  /** By type name: the rooms that have a free seat for whoever asks. A join looks at no others. */
  private readonly findable = new Map<string, Set<RoomEntry>>();

  get size(): number {
    return this.rooms.size;
  }

  get(roomId: string): RoomEntry | undefined {
    return this.rooms.get(roomId);
  }

  values(): IterableIterator<RoomEntry> {
    return this.rooms.values();
  }

  add(room: RoomEntry): void {
    this.rooms.set(room.id, room);
    this.update(room);
  }

  remove(room: RoomEntry): void {
    this.rooms.delete(room.id);
    this.findable.get(room.type.name)?.delete(room);
  }

  /** To be called when its state, its seats or its listing have changed. */
  update(room: RoomEntry): void {
    let rooms = this.findable.get(room.type.name);
    if (rooms === undefined) this.findable.set(room.type.name, (rooms = new Set()));
    if (room.isFindable) rooms.add(room);
    else rooms.delete(room);
  }

  /**
   * The room of the type that fits the options and is preferred: by `sortBy`, then the older one. Fields of `filterBy` that
   * the options don't have are not looked at.
   */
  find(type: RoomType, options: Readonly<Record<string, unknown>>): RoomEntry | undefined {
    const rooms = this.findable.get(type.name);
    if (rooms === undefined) return undefined;
    const filter = filterOf(type, options);
    let best: RoomEntry | undefined;
    for (const room of rooms) {
      if (fits(room, filter) && (best === undefined || isPreferred(room, best))) best = room;
    }
    return best;
  }
}

/** The options that rooms of this type are filtered by. */
export function filterOf(type: RoomType, options: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const filter: Record<string, unknown> = {};
  for (const field of type.filterBy) if (Object.hasOwn(options, field)) filter[field] = options[field];
  return filter;
}

/** What is wrong with the options that rooms are filtered by, in words; null when they can be used. */
export function filterProblem(type: RoomType, options: Readonly<Record<string, unknown>>): string | null {
  for (const [field, value] of Object.entries(filterOf(type, options))) {
    if (value === null || typeof value === 'number' || typeof value === 'boolean') continue;
    if (typeof value === 'string' && value.length <= FILTER_LENGTH_MAX) continue;
    const seen = typeof value === 'string' ? `a text of ${value.length} characters` : 'an array or object';
    const expected = `a number, a boolean, null or a text of at most ${FILTER_LENGTH_MAX}`;
    return `option ${field} is ${seen}; rooms are chosen by it, so expected ${expected}`;
  }
  return null;
}

function fits(room: RoomEntry, filter: Readonly<Record<string, unknown>>): boolean {
  for (const field in filter) if (room.filter[field] !== filter[field]) return false;
  return true;
}

function isPreferred(room: RoomEntry, other: RoomEntry): boolean {
  for (const [field, direction] of room.type.sortBy) {
    const rank = RANKS[field] ?? metadataRank(field);
    const [a, b] = [rank(room), rank(other)];
    if (a === b) continue;
    // Rooms without a value come last, whichever way.
    if (a === undefined || b === undefined) return b === undefined;
    return direction === 1 ? a < b : a > b;
  }
  return room.number < other.number;
}

const RANKS: Readonly<Record<string, Rank | undefined>> = Object.assign(Object.create(null) as object, {
  clients: (room: RoomEntry) => room.sessions.size,
  maxClients: (room: RoomEntry) => room.listing.maxClients,
  createdAt: (room: RoomEntry) => room.number,
});

function metadataRank(field: string): Rank {
  return ({ listing: { metadata } }) => {
    if (typeof metadata !== 'object' || metadata === null || !Object.hasOwn(metadata, field)) return undefined;
    const value = (metadata as Record<string, unknown>)[field];
    return typeof value === 'number' || typeof value === 'string' || typeof value === 'boolean' ? value : undefined;
  };
}

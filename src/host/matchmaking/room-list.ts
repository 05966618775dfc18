/** What lists show of the host's rooms, and which rooms a query finds. */
import { encodePayload } from '../../protocol/payload.js';
import type { RoomInfoFrame } from '../../protocol/room-list-frames.js';
import type { RoomEntry } from './room-entry.js';
import type { RoomIndex } from './room-index.js';

const NO_BYTES = new Uint8Array(0);

/** Which rooms are asked for. */
export interface RoomQuery {
  /** Name of a room type; empty: of all. */
  readonly type: string;
  /** Values of the options that the type is filtered by, or of the room's metadata, as text. */
  readonly fields: Readonly<Record<string, string>>;
}

/** A room as lists show it. */
export interface RoomInfo {
  readonly roomId: string;
  readonly type: string;
  /** Seats taken, kept and reserved. */
  readonly clients: number;
  readonly maxClients: number;
  readonly locked: boolean;
  /** ISO 8601, in UTC. */
  readonly createdAt: string;
  /** What the room gave to `setMetadata`; null when it gave nothing. */
  readonly metadata: unknown;
}

export function infoOf({ id, type, sessions, listing, createdMs }: RoomEntry): RoomInfo {
  const { maxClients, locked, metadata } = listing;
  const createdAt = new Date(createdMs).toISOString();
  return { roomId: id, type: type.name, clients: sessions.size, maxClients, locked, createdAt, metadata: metadata ?? null };
}

export function infoFrameOf({ id, type, sessions, listing, createdMs }: RoomEntry): RoomInfoFrame {
  return {
    roomId: id,
    gone: false,
    room: type.name,
    clients: sessions.size,
    clientsMax: listing.maxClients,
    locked: listing.locked,
    createdMs,
    metadata: metadataBytes(listing.metadata),
  };
}

/** A room that isn't in a list any more. */
export function goneFrame(roomId: string): RoomInfoFrame {
  return { roomId, gone: true, room: '', clients: 0, clientsMax: 0, locked: false, createdMs: 0, metadata: NO_BYTES };
}

/**
 * The rooms that a query finds, in the order they were made.
 *
 * @param all private ones too, and those that begin or end
 */
export function* roomsMatching(rooms: RoomIndex, query: RoomQuery, all = false): Iterable<RoomEntry> {
  for (const room of rooms.values()) if ((all || room.isListed) && fits(room, query)) yield room;
}

/** Whether a list of this query shows the room. */
export function isShown(room: RoomEntry, query: RoomQuery): boolean {
  return room.isListed && fits(room, query);
}

function fits(room: RoomEntry, { type, fields }: RoomQuery): boolean {
  if (type !== '' && room.type.name !== type) return false;
  for (const [field, value] of Object.entries(fields)) if (textOf(room, field) !== value) return false;
  return true;
}

/** What a field of a room is as text; undefined when it has none of that name, or no plain value. */
function textOf({ filter, listing }: RoomEntry, field: string): string | undefined {
  const metadata = listing.metadata as Record<string, unknown> | null | undefined;
  const source = Object.hasOwn(filter, field) ? filter : metadata;
  if (typeof source !== 'object' || source === null || !Object.hasOwn(source, field)) return undefined;
  const value = source[field];
  return value === null || ['string', 'number', 'boolean'].includes(typeof value) ? String(value) : undefined;
}

/** Metadata may be anything that can be copied between threads; what JSON can't say isn't listed over sockets. */
function metadataBytes(metadata: unknown): Uint8Array {
  if (metadata === undefined) return NO_BYTES;
  try {
    return encodePayload(metadata).bytes;
  } catch {
    return NO_BYTES;
  }
}

/** One room of a list, as the SDK shows it; whether it came over the socket or over HTTP. */
import { decodePayload, PayloadEncoding } from '../protocol/payload.js';
import type { RoomInfoFrame } from '../protocol/room-list-frames.js';
import { RoomListError } from './client-errors.js';
import type { ClientSettings } from './client-settings.js';

/** A room as it was when it was listed: never changed, replaced by the next word of it. */
export interface ListedRoom {
  readonly roomId: string;
  /** Name of the room's type. */
  readonly type: string;
  /** Seats taken. */
  readonly clients: number;
  readonly maxClients: number;
  readonly locked: boolean;
  readonly createdAt: Date;
  /** What the room says of itself; null when it says nothing. */
  readonly metadata: unknown;
}

/** Fields of rooms' metadata and their values, all of which a room must have. */
export type RoomFilter = Readonly<Record<string, string | number | boolean>>;

export function listedRoomOf(info: RoomInfoFrame): ListedRoom {
  const { roomId, room: type, clients, clientsMax: maxClients, locked, createdMs } = info;
  const metadata = decodePayload(PayloadEncoding.Json, info.metadata) ?? null;
  return { roomId, type, clients, maxClients, locked, createdAt: new Date(createdMs), metadata };
}

/** @throws TypeError for a value that can't be in a URL. */
export function checkFilter(filter: RoomFilter): void {
  for (const [field, value] of Object.entries(filter)) {
    if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') continue;
    throw new TypeError(`filter ${field} is ${value === null ? 'null' : `a ${typeof value}`}; expected text, number or boolean`);
  }
}

const SOCKET_PATH_END = /\/ws$/;

/** The list over HTTP. @throws RoomListError when there is no answer, or none of use. */
export async function fetchRooms({ url }: ClientSettings, roomName: string, filter: RoomFilter): Promise<ListedRoom[]> {
  checkFilter(filter);
  // ws: becomes http:, wss: https:.
  const address = new URL(url.replace(/^ws/, 'http').replace(SOCKET_PATH_END, '/rooms'));
  if (roomName !== '') address.searchParams.set('type', roomName);
  for (const [field, value] of Object.entries(filter)) address.searchParams.set(field, String(value));
  let answer: Response;
  try {
    answer = await fetch(address);
  } catch (cause) {
    throw new RoomListError(0, `no list of rooms from ${address}: check that a server listens there`, { cause });
  }
  const body = (await answer.json().catch(() => null)) as RoomsAnswer | null;
  if (answer.ok && Array.isArray(body?.rooms)) return body.rooms.map(listedRoomOfAnswer);
  const words = body?.error?.message ?? 'the answer is no list';
  throw new RoomListError(answer.status, `no list of rooms from ${address}: ${answer.status}, ${words}`);
}

interface RoomsAnswer {
  readonly rooms?: readonly AnsweredRoom[];
  readonly error?: { readonly message?: string };
}

/** The server's own words, which are those of its rooms' classes. */
interface AnsweredRoom extends Omit<ListedRoom, 'createdAt'> {
  readonly maxClients: number;
  readonly createdAt: string;
}

function listedRoomOfAnswer({ roomId, type, clients, maxClients, locked, createdAt, metadata }: AnsweredRoom): ListedRoom {
  return { roomId, type, clients, maxClients, locked, createdAt: new Date(createdAt), metadata };
}

/**
 * Live lists of rooms over sockets: first the whole list, of a thousand rooms at most, then what changes, gathered over a
 * moment. Watchers who ask the same share a group, and what they are sent is encoded once.
 */
import { encodeRooms, type RoomInfoFrame } from '../../protocol/room-list-frames.js';
import type { ListedRoom, RoomEntry } from './room-entry.js';
import type { RoomIndex } from './room-index.js';
import { LIST_MAX } from '../../front/request-limits.js';
import { goneFrame, infoFrameOf, isShown, roomsMatching, type RoomQuery } from './room-list.js';

/** Changes are sent at most this often: a person sees no difference, and a room that fills is one change. */
const FLUSH_MS = 100;

/** Rooms in one message: about 150 bytes each, metadata apart, so 20 kB. */
const ROOMS_PER_FRAME = 128;

/** Different lists at one time; each costs a comparison for every room that changes. */
export const GROUPS_MAX = 1000;

/** Sends a frame to a connection, if it is still there. */
export type SendFrame = (connectionKey: number, frame: Uint8Array) => void;

class Group {
  readonly connectionKeys = new Set<number>();
  /** What the watchers know, by room id. */
  readonly shown = new Map<string, string>();

  constructor(readonly query: RoomQuery) {}
}

export class RoomWatchers {
  private readonly groups = new Map<string, Group>();
  private readonly groupOf = new Map<number, string>();
  private readonly changes = new Map<string, RoomEntry>();
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly rooms: RoomIndex,
    private readonly send: SendFrame,
  ) {}

  get size(): number {
    return this.groupOf.size;
  }

  /** Sends the connection the list, and changes from now on; another list takes the place of its last one. */
  watch(connectionKey: number, query: RoomQuery): string | null {
    this.forget(connectionKey);
    const key = JSON.stringify([query.type, Object.entries(query.fields).sort(([a], [b]) => (a < b ? -1 : 1))]);
    let group = this.groups.get(key);
    if (group === undefined) {
      if (this.groups.size >= GROUPS_MAX) {
        return `${GROUPS_MAX} different lists are watched already, the limit: ask for fewer fields`;
      }
      this.groups.set(key, (group = new Group(query)));
    } else {
      this.flush(); // what the others are about to hear, this one would otherwise hear twice
    }
    group.connectionKeys.add(connectionKey);
    this.groupOf.set(connectionKey, key);
    this.sendAll(connectionKey, group);
    return null;
  }

  /** The connection has gone, or has joined a room. */
  forget(connectionKey: number): void {
    const key = this.groupOf.get(connectionKey);
    if (key === undefined) return;
    this.groupOf.delete(connectionKey);
    const group = this.groups.get(key)!;
    group.connectionKeys.delete(connectionKey);
    if (group.connectionKeys.size === 0) this.groups.delete(key);
  }

  /** Something that lists show of the room has changed. */
  changed(room: RoomEntry): void {
    room.listed = null;
    if (this.groups.size === 0) return;
    this.changes.set(room.id, room);
    this.timer ??= setTimeout(() => this.flush(), FLUSH_MS);
  }

  close(): void {
    clearTimeout(this.timer);
    this.groups.clear();
    this.groupOf.clear();
  }

  private sendAll(connectionKey: number, group: Group): void {
    const infos: RoomInfoFrame[] = [];
    group.shown.clear();
    for (const room of roomsMatching(this.rooms, group.query)) {
      if (infos.length === LIST_MAX) break;
      const { info, signature } = listedOf(room);
      group.shown.set(room.id, signature);
      infos.push(info);
    }
    for (let at = 0; at === 0 || at < infos.length; at += ROOMS_PER_FRAME) {
      const rooms = infos.slice(at, at + ROOMS_PER_FRAME);
      const complete = at + ROOMS_PER_FRAME >= infos.length;
      this.send(connectionKey, encodeRooms({ rooms, complete, reset: at === 0 }));
    }
  }

  private flush(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    const changes = [...this.changes.values()];
    this.changes.clear();
    if (changes.length === 0) return;
    for (const group of this.groups.values()) {
      const infos = changes.flatMap((room) => changeOf(room, group));
      for (let at = 0; at < infos.length; at += ROOMS_PER_FRAME) {
        const rooms = infos.slice(at, at + ROOMS_PER_FRAME);
        const frame = encodeRooms({ rooms, complete: true, reset: false });
        for (const connectionKey of group.connectionKeys) this.send(connectionKey, frame);
      }
    }
  }
}

/** What the group's watchers don't know yet of the room. */
function changeOf(room: RoomEntry, { query, shown }: Group): RoomInfoFrame[] {
  if (!isShown(room, query)) return shown.delete(room.id) ? [goneFrame(room.id)] : [];
  const { info, signature } = listedOf(room);
  const known = shown.get(room.id);
  if (known === signature || (known === undefined && shown.size >= LIST_MAX)) return [];
  shown.set(room.id, signature);
  return [info];
}

/** What lists show of a room, made once for all of them. */
function listedOf(room: RoomEntry): ListedRoom {
  if (room.listed === null) {
    const info = infoFrameOf(room);
    room.listed = { info, signature: signatureOf(info) };
  }
  return room.listed;
}

function signatureOf({ clients, clientsMax, locked, metadata }: RoomInfoFrame): string {
  return `${clients}/${clientsMax}/${locked}/${Buffer.from(metadata).toString('latin1')}`;
}

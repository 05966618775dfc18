/**
 * A live list of rooms: all of them at first, then what changes.
 *
 * ```
 *   opening --the whole list (resolved)--> live --lost--> dropped --the whole list--> live
 *      |                                    |                |
 *      +--refused, too late (rejected)      +--- close(), refused, too late ---+--> ended (onEnd)
 * ```
 */
import { encodePing, encodeWatch } from '../protocol/client-frames.js';
import { CloseCode, closeCodeText, isDrop } from '../protocol/close-codes.js';
import { decodeRooms, type RoomInfoFrame } from '../protocol/room-list-frames.js';
import { decodeRefused, ServerFrameKind, ServerFrameReader } from '../protocol/server-frames.js';
import { problemText } from '../protocol/verifier.js';
import { BackOff } from './back-off.js';
import { JoinError } from './client-errors.js';
import { GIVE_UP_AFTER_MS, type ClientSettings } from './client-settings.js';
import type { Connection, ConnectionListener } from './connection.js';
import { Heartbeat } from './heartbeat.js';
import { Listeners, type Unsubscribe } from './listeners.js';
import { ATTEMPT_TIMEOUT_MS, Redial } from './redial.js';
import { listedRoomOf, type ListedRoom } from './listed-room.js';

const report = (error: unknown): void => console.error(error);

export class RoomList implements ConnectionListener {
  /** The rooms by id, as of the newest word. While the connection is lost: as they were. */
  readonly rooms: ReadonlyMap<string, ListedRoom>;
  private readonly byId = new Map<string, ListedRoom>();
  private readonly added = new Listeners<[ListedRoom]>();
  private readonly changed = new Listeners<[ListedRoom, ListedRoom]>();
  private readonly removed = new Listeners<[ListedRoom]>();
  private readonly ends = new Listeners<[number, string]>();
  private readonly reader = new ServerFrameReader();
  private readonly backOff: BackOff | null;
  private readonly heartbeat: Heartbeat;
  private phase: 'opening' | 'live' | 'dropped' | 'ended' = 'opening';
  /** A whole list that is arriving: it replaces the one held when it is complete. */
  private incoming: Map<string, ListedRoom> | null = null;
  private connection: Connection | undefined;
  private redial: Redial | undefined;
  private openedAtMs = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;

  /** @internal Use `client.watchRooms()`. */
  constructor(
    private readonly settings: ClientSettings,
    private readonly roomName: string,
    private readonly filter: Uint8Array,
    private readonly resolve: (list: RoomList) => void,
    private readonly reject: (error: unknown) => void,
  ) {
    this.rooms = this.byId;
    this.backOff = settings.reconnect && new BackOff(settings.reconnect, settings.random);
    this.heartbeat = new Heartbeat(
      () => 0,
      (timeMs) => this.connection?.send(encodePing(timeMs, 0)),
      () => this.backOff && this.connection?.abandon(CloseCode.MayRetry, 'nothing came any more, not even answers to pings'),
      settings.now,
    );
    this.timer = setTimeout(() => {
      this.end(CloseCode.MayRetry, `no list of rooms after ${settings.joinTimeoutMs} ms from ${settings.url}`);
    }, settings.joinTimeoutMs);
    this.dial(settings.joinTimeoutMs);
  }

  /** Whether the list is up to date. */
  get isConnected(): boolean {
    return this.phase === 'live' && this.incoming === null;
  }

  /** Calls back for every room in the list now, at once, and for every one that is added later. */
  onAdd(callback: (room: ListedRoom) => void): Unsubscribe {
    const unsubscribe = this.added.add(callback);
    for (const room of [...this.byId.values()]) {
      try {
        callback(room);
      } catch (error) {
        report(error);
      }
    }
    return unsubscribe;
  }

  /** Calls back with a room that has changed, and with what it was before. */
  onChange(callback: (room: ListedRoom, before: ListedRoom) => void): Unsubscribe {
    return this.changed.add(callback);
  }

  /** Calls back with a room that has ended, or that the filter doesn't let through any more. */
  onRemove(callback: (room: ListedRoom) => void): Unsubscribe {
    return this.removed.add(callback);
  }

  /** Calls back once, when the list is kept no longer: 4000 after `close()`. */
  onEnd(callback: (code: number, reason: string) => void): Unsubscribe {
    return this.ends.add(callback);
  }

  /** Ends the list. */
  close(): void {
    this.end(CloseCode.Consented, 'closed');
  }

  /** @internal */
  connectionOpened(): void {}

  /** @internal */
  frameReceived(bytes: Uint8Array | null): void {
    this.heartbeat.heard();
    const problem = bytes === null ? -1 : this.reader.read(bytes);
    if (bytes === null || problem !== 0) {
      this.end(CloseCode.Malformed, `malformed frame from the server: ${bytes === null ? 'text' : problemText(problem)}`);
    } else if (this.reader.kind === ServerFrameKind.Rooms) {
      try {
        this.takeRooms(bytes);
      } catch (error) {
        this.end(CloseCode.Malformed, `the list makes no sense: ${(error as Error).message}`); // metadata that is no JSON
      }
    } else if (this.reader.kind === ServerFrameKind.Refused) {
      const { code, reason } = decodeRefused(bytes);
      if (code === CloseCode.MayRetry) this.connection?.abandon(code, reason);
      else this.end(code, reason);
    } else if (this.reader.kind === ServerFrameKind.Pong) {
      this.heartbeat.pong(this.reader.timeMs);
    }
  }

  /** @internal */
  connectionClosed(code: number, reason: string): void {
    if (this.phase === 'ended') return;
    const words = reason === '' ? closeCodeText(code) : reason;
    this.heartbeat.stop();
    this.incoming = null;
    if (this.phase === 'opening' || this.backOff === null || !isDrop(code)) {
      this.end(code, words);
      return;
    }
    this.phase = 'dropped';
    this.backOff.connectionLost(this.settings.now() - this.openedAtMs);
    this.dial(ATTEMPT_TIMEOUT_MS);
  }

  /** The first connection is asked for once; whoever waits for the list is told why there is none. */
  private dial(attemptTimeoutMs: number): void {
    const { settings, backOff } = this;
    const giveUpAfterMs = settings.reconnect?.giveUpAfterMs ?? GIVE_UP_AFTER_MS;
    const giveUpAtMs = settings.now() + giveUpAfterMs;
    const plan = this.phase === 'opening' ? null : { backOff: backOff!, giveUpAtMs, giveUpAfterMs };
    this.redial = new Redial(settings, plan, attemptTimeoutMs, {
      request: () => encodeWatch({ room: this.roomName, filter: this.filter }),
      answered: (connection, kind, bytes) => {
        if (kind !== ServerFrameKind.Rooms) throw new Error('the server sent something else before the list of rooms');
        this.connection = connection;
        connection.listener = this;
        this.openedAtMs = settings.now();
        if (this.phase === 'dropped') this.phase = 'live';
        this.heartbeat.start();
        this.takeRooms(bytes);
      },
      failed: (code, reason) => this.end(code, reason),
    });
  }

  private takeRooms(bytes: Uint8Array): void {
    const { rooms, complete, reset } = decodeRooms(bytes);
    if (reset) this.incoming = new Map();
    const { incoming } = this;
    for (const info of rooms) {
      if (incoming === null) this.apply(info);
      else if (info.gone) incoming.delete(info.roomId);
      else incoming.set(info.roomId, listedRoomOf(info));
    }
    if (incoming === null || !complete) return;
    this.incoming = null;
    for (const roomId of [...this.byId.keys()]) if (!incoming.has(roomId)) this.remove(roomId);
    for (const room of incoming.values()) this.set(room);
    if (this.phase !== 'opening') return;
    this.phase = 'live';
    clearTimeout(this.timer);
    this.resolve(this);
  }

  private apply(info: RoomInfoFrame): void {
    if (info.gone) this.remove(info.roomId);
    else this.set(listedRoomOf(info));
  }

  private set(room: ListedRoom): void {
    const before = this.byId.get(room.roomId);
    // Everything in it is JSON, or a date.
    if (before !== undefined && JSON.stringify(before) === JSON.stringify(room)) return;
    this.byId.set(room.roomId, room);
    if (before === undefined) this.added.emit(report, room);
    else this.changed.emit(report, room, before);
  }

  private remove(roomId: string): void {
    const room = this.byId.get(roomId);
    if (room === undefined) return;
    this.byId.delete(roomId);
    this.removed.emit(report, room);
  }

  private end(code: number, reason: string): void {
    if (this.phase === 'ended') return;
    const wasOpening = this.phase === 'opening';
    this.phase = 'ended';
    clearTimeout(this.timer);
    this.heartbeat.stop();
    this.redial?.stop();
    this.connection?.abandon(CloseCode.Consented, 'list closed');
    if (wasOpening) this.reject(new JoinError(code, `no list of rooms from ${this.settings.url}: ${reason}`));
    else this.ends.emit(report, code, reason);
  }
}

/** A client of one server: where joins begin. */
import { encodeJoin, encodeResume, JoinMethod, type JoinFrame } from '../protocol/client-frames.js';
import { encodePayload } from '../protocol/payload.js';
import type { ClientRoom } from './client-room.js';
import { settingsOf, type ClientSettings, type ConnectOptions } from './client-settings.js';
import { JoinAttempt, type JoinRequest } from './join-attempt.js';
import { checkFilter, fetchRooms, type ListedRoom, type RoomFilter } from './listed-room.js';
import { checkQueueOptions, type QueueOptions } from './queue-options.js';
import { readReconnectionToken } from './reconnection-token.js';
import { RoomList } from './room-list.js';
import type { RoomType } from './room-types.js';
import { checkReservation, ticketRefusal, type SeatReservation } from './seat-reservation.js';
import { socketUrl } from './server-url.js';

/** Handed to the room's `onCreate` and `onJoin`: a JSON object. */
export type JoinOptions = Readonly<Record<string, unknown>>;

export class Client {
  /** Handed to the room's `onAuth` with every join from now on. */
  token: string;
  private readonly settings: ClientSettings;

  /** @internal Use `connect()`. */
  constructor(server: string | URL | undefined, options: ConnectOptions) {
    this.token = options.token ?? '';
    this.settings = settingsOf(server, options, {
      now: () => performance.now(),
      random: Math.random,
      wallMs: Date.now,
    });
  }

  /**
   * Joins a room of this type that has a free seat, or a new one. Resolves when the first keyframe is there, so
   * `room.state` is filled.
   *
   * Name the room's class for types: `joinOrCreate<typeof Arena>('arena')`; `import type` it, so that none of the
   * server's code comes along.
   *
   * @throws JoinError when it is refused, fails or takes too long; PayloadError for options that JSON can't express.
   */
  joinOrCreate<R extends RoomType = RoomType>(room: string, options: JoinOptions = {}): Promise<ClientRoom<R>> {
    return this.enter(() => this.request({ method: JoinMethod.JoinOrCreate, room }, options));
  }

  /** Joins a new room of this type. @throws as `joinOrCreate`. */
  create<R extends RoomType = RoomType>(room: string, options: JoinOptions = {}): Promise<ClientRoom<R>> {
    return this.enter(() => this.request({ method: JoinMethod.Create, room }, options));
  }

  /** Joins a room of this type that exists and has a free seat. @throws as `joinOrCreate`. */
  join<R extends RoomType = RoomType>(room: string, options: JoinOptions = {}): Promise<ClientRoom<R>> {
    return this.enter(() => this.request({ method: JoinMethod.Join, room }, options));
  }

  /** Joins the room with this id, private or not. @throws as `joinOrCreate`. */
  joinById<R extends RoomType = RoomType>(roomId: string, options: JoinOptions = {}): Promise<ClientRoom<R>> {
    return this.enter(() => this.request({ method: JoinMethod.JoinById, roomId }, options));
  }

  /**
   * Queues for a match of ranked play in a room of this type. Resolves when a match was formed and its room joined; there is
   * no limit to how long that takes. Leave the queue with `signal`.
   *
   * @throws as `joinOrCreate`; JoinError with code 4000 when the queue was left by the signal; RangeError, TypeError for a
   *   rating, party or party size that makes no sense.
   */
  queue<R extends RoomType = RoomType>(
    room: string,
    options: JoinOptions = {},
    player: QueueOptions = {},
  ): Promise<ClientRoom<R>> {
    return this.enter(() => ({
      ...this.request({ method: JoinMethod.Queue, room, ...checkQueueOptions(player) }, options),
      queued: player.onStatus ?? (() => {}),
      signal: player.signal,
    }));
  }

  /** Takes the seat that a ticket was signed for, on this server. @throws as `joinOrCreate`. */
  joinWithTicket<R extends RoomType = RoomType>(ticket: string): Promise<ClientRoom<R>> {
    return this.enter(() => this.request({ method: JoinMethod.Ticket, ticket }, {}));
  }

  /**
   * Takes a seat that was reserved over HTTP: give it what `POST /matchmake/:method/:room` answered. It connects to the
   * answer's `url`.
   *
   * @throws as `joinOrCreate`, the JoinError saying so when the reservation has expired; TypeError for what is none.
   */
  consumeSeat<R extends RoomType = RoomType>(reservation: SeatReservation): Promise<ClientRoom<R>> {
    const { settings } = this;
    return this.enter(() => {
      checkReservation(reservation);
      const { url, ticket, expiresAt } = reservation;
      return {
        ...this.request({ method: JoinMethod.Ticket, ticket }, {}),
        url: socketUrl(url),
        explain: (code, reason) => ticketRefusal(code, reason, expiresAt, settings.wallMs()),
      };
    });
  }

  /**
   * Goes on with a session whose `room.reconnectionToken` was stored, as after a page was loaded anew. The seat must be kept
   * still. Messages that the page before hadn't yet said it has come again.
   *
   * @throws as `joinOrCreate`; JoinError with code 4400 for a malformed token.
   */
  reconnect<R extends RoomType = RoomType>(reconnectionToken: string): Promise<ClientRoom<R>> {
    return this.enter(() => {
      const { roomId, sessionId, secret } = readReconnectionToken(reconnectionToken);
      const frame = encodeResume({ sessionId, token: secret, received: 0, anew: true });
      return { frame, resumes: { roomId, sessionId } };
    });
  }

  /**
   * Lists rooms, and keeps the list up to date. Resolves when it is complete. Private rooms aren't listed.
   *
   * @param roomName name of a room type; empty: of all.
   * @param filter fields that the rooms must have, of their metadata or of what their type is filtered by.
   * @throws JoinError when there is no answer; TypeError for a filter that makes no sense.
   */
  watchRooms(roomName = '', filter: RoomFilter = {}): Promise<RoomList> {
    return new Promise((resolve, reject) => {
      checkFilter(filter);
      const isEmpty = Object.keys(filter).length === 0;
      const bytes = isEmpty ? new Uint8Array(0) : encodePayload(filter).bytes;
      new RoomList(this.settings, roomName, bytes, resolve, reject);
    });
  }

  /**
   * Lists rooms as they are now, over HTTP: `GET /rooms`, at most 100 of them.
   *
   * @param roomName name of a room type; empty: of all.
   * @param filter as for `watchRooms`.
   * @throws RoomListError when there is no answer, or none of use; TypeError for a filter that makes no sense.
   */
  listRooms(roomName = '', filter: RoomFilter = {}): Promise<readonly ListedRoom[]> {
    return fetchRooms(this.settings, roomName, filter);
  }

  private request(join: Partial<JoinFrame>, options: JoinOptions): JoinRequest {
    return { frame: encodeJoin({ ...join, token: this.token, options: encodePayload(options).bytes }) };
  }

  private enter<R extends RoomType>(request: () => JoinRequest & { readonly url?: string }): Promise<ClientRoom<R>> {
    // What is thrown here (no JSON, a bad URL) rejects too.
    return new Promise((resolve, reject) => {
      const { url = this.settings.url, ...rest } = request();
      new JoinAttempt<R>({ ...this.settings, url }, rest, resolve, reject);
    });
  }
}

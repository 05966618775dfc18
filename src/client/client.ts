/** A client of one server: where joins begin. */
import { JoinMethod } from '../protocol/client-frames.js';
import { encodePayload } from '../protocol/payload.js';
import type { ClientRoom } from './client-room.js';
import type { WebSocketConstructor } from './connection.js';
import { JoinAttempt, type JoinSettings } from './join-attempt.js';
import type { RoomType } from './room-types.js';
import { socketUrl } from './server-url.js';

const JOIN_TIMEOUT_MS = 10_000;
/** The longest that timers take: 2^31 - 1 ms. Beyond, they would fire at once. */
const TIMEOUT_MAX_MS = 2 ** 31 - 1;

export interface ConnectOptions {
  /** Handed to the room's `onAuth` with every join. */
  token?: string;
  /** How long a join may take, from the socket to the first keyframe, in milliseconds. Default 10,000. */
  joinTimeoutMs?: number;
  /** The WebSocket class to use. Default: the global one; in Node without one, that of the `ws` package. */
  WebSocket?: WebSocketConstructor;
  /** A monotonic clock in milliseconds. Default: `performance.now`. */
  now?: () => number;
}

/** Handed to the room's `onCreate` and `onJoin`: a JSON object. */
export type JoinOptions = Readonly<Record<string, unknown>>;

export class Client {
  /** Handed to the room's `onAuth` with every join from now on. */
  token: string;
  private readonly settings: JoinSettings;

  /** @internal Use `connect()`. */
  constructor(server: string | URL | undefined, options: ConnectOptions) {
    const webSocket = options.WebSocket ?? (globalThis as { WebSocket?: WebSocketConstructor }).WebSocket;
    if (webSocket === undefined) {
      throw new TypeError("there is no global WebSocket here; pass connect(url, { WebSocket }), for example the ws package's");
    }
    const joinTimeoutMs = options.joinTimeoutMs ?? JOIN_TIMEOUT_MS;
    if (!(joinTimeoutMs > 0 && joinTimeoutMs <= TIMEOUT_MAX_MS)) {
      throw new RangeError(`joinTimeoutMs is ${joinTimeoutMs}; expected more than 0 and at most ${TIMEOUT_MAX_MS}`);
    }
    this.token = options.token ?? '';
    this.settings = {
      url: socketUrl(server),
      webSocket,
      joinTimeoutMs,
      now: options.now ?? (() => performance.now()),
    };
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
  joinOrCreate<R extends RoomType = RoomType>(roomName: string, options: JoinOptions = {}): Promise<ClientRoom<R>> {
    return this.start(JoinMethod.JoinOrCreate, roomName, '', options);
  }

  /** Joins a new room of this type. @throws as `joinOrCreate`. */
  create<R extends RoomType = RoomType>(roomName: string, options: JoinOptions = {}): Promise<ClientRoom<R>> {
    return this.start(JoinMethod.Create, roomName, '', options);
  }

  /** Joins a room of this type that exists and has a free seat. @throws as `joinOrCreate`. */
  join<R extends RoomType = RoomType>(roomName: string, options: JoinOptions = {}): Promise<ClientRoom<R>> {
    return this.start(JoinMethod.Join, roomName, '', options);
  }

  /** Joins the room with this id, private or not. @throws as `joinOrCreate`. */
  joinById<R extends RoomType = RoomType>(roomId: string, options: JoinOptions = {}): Promise<ClientRoom<R>> {
    return this.start(JoinMethod.JoinById, '', roomId, options);
  }

  private start<R extends RoomType>(
    method: JoinMethod,
    room: string,
    roomId: string,
    options: JoinOptions,
  ): Promise<ClientRoom<R>> {
    const { token, settings } = this;
    // What the constructor throws (no JSON, a bad URL) rejects too.
    return new Promise((resolve, reject) => {
      const request = { method, room, roomId, token, options: encodePayload(options).bytes };
      new JoinAttempt<R>(settings, request, resolve, reject);
    });
  }
}

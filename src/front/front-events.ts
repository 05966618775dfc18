/** What the front tells the host. */
import type { JoinMethod, ResumeFrame } from '../protocol/client-frames.js';
import type { AuthRequest } from '../protocol/control.js';
import type { Connection } from './connection.js';

/** A client's wish for a seat, checked. */
export interface JoinRequest {
  readonly method: JoinMethod;
  /** Name of a room type; empty for JoinById. */
  readonly type: string;
  readonly roomId: string;
  readonly token: string;
  readonly options: Readonly<Record<string, unknown>>;
  /** For Ticket only. */
  readonly ticket: string;
  /** For Queue only. */
  readonly rating: number;
  readonly party: string;
  /** 1: alone. */
  readonly partySize: number;
}

/** A client's wish for a list of rooms, checked. */
export interface WatchRequest {
  /** Name of a room type; empty: of all. */
  readonly type: string;
  readonly fields: Readonly<Record<string, string>>;
}

/** A wish for a seat that came over HTTP, checked. */
export interface ReserveRequest {
  readonly method: JoinMethod;
  /** Name of a room type; empty for JoinById. */
  readonly type: string;
  /** For JoinById only. */
  readonly roomId: string;
  readonly token: string;
  readonly options: Readonly<Record<string, unknown>>;
  /** Who asks. */
  readonly request: AuthRequest;
}

export type ReserveResult =
  | {
      readonly ok: true;
      /** Name of the room's type. */
      readonly room: string;
      readonly roomId: string;
      readonly sessionId: string;
      readonly ticket: string;
      /** When the ticket expires, in milliseconds since 1970, and how long from now. */
      readonly expiresAtMs: number;
      readonly expiresInMs: number;
    }
  | {
      readonly ok: false;
      /** Of the HTTP answer: 400, 401, 403, 404, 409, 429 or 503. */
      readonly status: number;
      /** As the close codes. */
      readonly code: number;
      /** For people; without anything from outside that isn't JSON's to escape. */
      readonly reason: string;
      /** Of the options, when one is to blame. */
      readonly field?: string;
    };

/** A wish for a list of rooms that came over HTTP, checked. */
export interface RoomListRequest extends WatchRequest {
  /** 1 to 1000. */
  readonly limit: number;
}

export interface FrontEvents {
  join(connection: Connection, request: JoinRequest): void;
  /** A client wants to go on with a session. */
  resume(connection: Connection, request: ResumeFrame): void;
  watch(connection: Connection, request: WatchRequest): void;
  /** The shard has said that the connection's session has joined its room. */
  joined(connection: Connection): void;
  /** The first frame has come since the connection was given its session. */
  confirmed(connection: Connection): void;
  /** The socket has gone, for whatever reason. */
  closed(connection: Connection, code: number): void;
  /** Somebody wants a seat kept over HTTP. `answer` is called once, now or later; it says whether anybody still waits for it. */
  reserve(request: ReserveRequest, answer: (result: ReserveResult) => boolean): void;
  /** Rooms as lists show them: plain objects, to be written as JSON. */
  list(request: RoomListRequest): readonly object[];
  /** A proxy on this machine says for whom it speaks, and isn't among the trusted ones. Told once. */
  proxyIgnored(peerAddress: string): void;
  health(): Record<string, unknown>;
}

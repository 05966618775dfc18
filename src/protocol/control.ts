/**
 * The control plane: what host and shard tell each other over a MessagePort. Rare events only (a room is created, a seat
 * is taken); everything per tick goes through the rings.
 */

/** From when on a client is too slow. Milliseconds of the room's time: a shard that stands still holds nobody to them. */
export interface PaceLimits {
  /** Behind the room by more, a client is sent no snapshots until it has caught up. */
  readonly lagLimitMs: number;
  /** Without a new acknowledgement for longer, it is closed. More than `lagLimitMs`. */
  readonly ackTimeoutMs: number;
}

/** How long and how much is kept for a session whose socket is lost. */
export interface SeatLimits {
  /** Of rooms that don't declare their own `reconnectGrace`. 0: a lost socket ends the session. */
  readonly reconnectGraceMs: number;
  /** Messages to one client that it hasn't said it has: beyond, the oldest are given up, and with them the resumption. */
  readonly resumeBufferBytes: number;
}

/** What a shard's thread is started with. */
export interface ShardStart {
  readonly shardIndex: number;
  /** Room type names and the URLs of their modules. */
  readonly rooms: Readonly<Record<string, string>>;
  readonly ingress: SharedArrayBuffer;
  readonly egress: SharedArrayBuffer;
  /** Wakes the front: the one bell of all egress rings. */
  readonly frontBell: SharedArrayBuffer;
  readonly counters: SharedArrayBuffer;
  readonly pace: PaceLimits;
  readonly seats: SeatLimits;
  readonly logLevel: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';
}

/** How players are matched who queue for a room type. Ratings and tolerances are in the game's own unit. */
export interface QueueRules {
  /** Teams of a match, 1 to 64, and players in each, 1 to 64. Their product is at most the room's maxClients. */
  readonly teams: number;
  readonly teamSize: number;
  /** How far apart the ratings in a match may be: at first, what a second of waiting adds, and the most. */
  readonly tolerance: number;
  readonly tolerancePerSec: number;
  readonly toleranceMax: number;
  /** Who waits longer is refused. */
  readonly timeoutMs: number;
}

/** A room type as its class declares it. */
export interface RoomType {
  readonly name: string;
  readonly tickRateHz: number;
  readonly snapshotRateHz: number;
  readonly maxClients: number;
  /** It has an onAuth. */
  readonly authenticates: boolean;
  /** Fields of the options that a room is chosen by. */
  readonly filterBy: readonly string[];
  /** What rooms are preferred by, most important first: `clients`, `maxClients`, `createdAt` or a field of the metadata. */
  readonly sortBy: readonly (readonly [field: string, direction: 1 | -1])[];
  /** Null: nobody can queue for it. */
  readonly queue: QueueRules | null;
}

/** What `onAuth` learns of a client besides its token. Strings from outside: don't trust, don't log as they are. */
export interface AuthRequest {
  /** IP address of the client: of the socket's other end, or what a trusted proxy says it is. */
  readonly address: string;
  /** Header Origin; empty for programs. */
  readonly origin: string;
  /** Header User-Agent; empty when there is none. */
  readonly userAgent: string;
  /** What the server's own `auth` returned, for the room's `onAuth`; undefined when there is none. */
  readonly auth?: unknown;
}

/** What a room shows of itself to whoever chooses rooms. */
export interface RoomListing {
  readonly locked: boolean;
  readonly private: boolean;
  /** Empty for so long, the room ends; Infinity: never for that. */
  readonly disposeAfterMs: number;
  readonly maxClients: number;
  readonly metadata: unknown;
}

/** Messages about one session name its room and its id; `sessionKey` is the connection that it has at that moment. */
export type HostToShard =
  | {
      readonly kind: 'create';
      readonly roomId: string;
      readonly type: string;
      readonly options: unknown;
      readonly seed: number;
      /** It begins as a private room: found by its id only. */
      readonly private: boolean;
    }
  | {
      readonly kind: 'seat';
      readonly roomId: string;
      readonly sessionId: string;
      readonly sessionKey: number;
      readonly resumeToken: string;
      readonly options: unknown;
      /** What onAuth returned. */
      readonly auth: unknown;
      /** Number of its team in a match of ranked play, from 0; -1 without. */
      readonly team: number;
    }
  /** The session's socket is lost: its seat is kept for a while. Answered with `dropped`, or with `left` at once. */
  | { readonly kind: 'drop'; readonly roomId: string; readonly sessionId: string; readonly code: number }
  /** The session is over: it left on purpose, or its grace period has passed. Answered with `left`. */
  | { readonly kind: 'leave'; readonly roomId: string; readonly sessionId: string; readonly code: number }
  /** The session goes on over another connection, whether or not its last one is known to be lost. */
  | {
      readonly kind: 'resume';
      readonly roomId: string;
      readonly sessionId: string;
      readonly sessionKey: number;
      readonly resumeToken: string;
      /** Messages of the session that the client has received; of no meaning when it begins anew. */
      readonly received: number;
      readonly anew: boolean;
      /** Messages of the client that the front has taken for the session. */
      readonly taken: number;
    }
  | {
      readonly kind: 'auth';
      readonly requestId: number;
      readonly type: string;
      readonly token: string;
      readonly request: AuthRequest;
    }
  /** Ends the room. One that is still being created ends as soon as it is. */
  | { readonly kind: 'dispose'; readonly roomId: string }
  /** Calls a method of the room. Answered with `called`. */
  | {
      readonly kind: 'call';
      readonly id: number;
      readonly roomId: string;
      readonly method: string;
      readonly args: readonly unknown[];
    }
  /** Sends a message to every client of the rooms. */
  | { readonly kind: 'broadcast'; readonly roomIds: readonly string[]; readonly type: string; readonly payload: unknown }
  | { readonly kind: 'computed'; readonly id: number; readonly value?: unknown; readonly error?: string }
  /** Ends every room, each after its onBeforeShutdown or the deadline; answered with `stopped`. */
  | { readonly kind: 'stop'; readonly deadlineMs: number };

export type ShardToHost =
  | { readonly kind: 'ready'; readonly types: readonly RoomType[] }
  | { readonly kind: 'failed'; readonly problems: readonly string[] }
  | { readonly kind: 'created'; readonly roomId: string; readonly shadow: SharedArrayBuffer; readonly listing: RoomListing }
  | { readonly kind: 'create-failed'; readonly roomId: string; readonly reason: string }
  /** The room has begun to end: it takes nobody any more. */
  | { readonly kind: 'ending'; readonly roomId: string }
  | { readonly kind: 'listing'; readonly roomId: string; readonly listing: RoomListing }
  | { readonly kind: 'authed'; readonly requestId: number; readonly auth: unknown }
  | { readonly kind: 'auth-failed'; readonly requestId: number; readonly reason: string }
  | {
      readonly kind: 'refused';
      readonly roomId: string;
      readonly sessionId: string;
      readonly code: number;
      readonly reason: string;
      /** The room was about to end: another one may do. */
      readonly ending: boolean;
    }
  /**
   * The seat of a lost connection is kept for so long from now on. Comes again when the room changes its mind. `sessionKey`
   * is the connection that was lost: the session may have another by now.
   */
  | {
      readonly kind: 'dropped';
      readonly roomId: string;
      readonly sessionId: string;
      readonly sessionKey: number;
      readonly graceMs: number;
    }
  /** The session's seat is free again. */
  | { readonly kind: 'left'; readonly roomId: string; readonly sessionId: string }
  | { readonly kind: 'disposed'; readonly roomId: string }
  | { readonly kind: 'called'; readonly id: number; readonly value?: unknown; readonly error?: string }
  | { readonly kind: 'compute'; readonly id: number; readonly module: string; readonly data: unknown }
  | { readonly kind: 'log'; readonly line: string }
  | { readonly kind: 'stopped' };

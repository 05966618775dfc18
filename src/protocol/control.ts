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
  readonly logLevel: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';
}

/** A room type as its class declares it. */
export interface RoomType {
  readonly name: string;
  readonly tickRateHz: number;
  readonly snapshotRateHz: number;
  readonly maxClients: number;
  /** It has an onAuth. */
  readonly authenticates: boolean;
}

/** What `onAuth` learns of a client besides its token. Strings from outside: don't trust, don't log as they are. */
export interface AuthRequest {
  /** IP address of the socket's other end: a proxy's when there is one. */
  readonly address: string;
  /** Header Origin; empty for programs. */
  readonly origin: string;
  /** Header User-Agent; empty when there is none. */
  readonly userAgent: string;
}

/** What a room shows of itself to whoever chooses rooms. */
export interface RoomListing {
  readonly locked: boolean;
  readonly private: boolean;
  readonly autoDispose: boolean;
  readonly maxClients: number;
  readonly metadata: unknown;
}

export type HostToShard =
  | { readonly kind: 'create'; readonly roomId: string; readonly type: string; readonly options: unknown; readonly seed: number }
  | {
      readonly kind: 'seat';
      readonly roomId: string;
      readonly sessionKey: number;
      readonly sessionId: string;
      readonly options: unknown;
      /** What onAuth returned. */
      readonly auth: unknown;
    }
  | {
      readonly kind: 'auth';
      readonly sessionKey: number;
      readonly type: string;
      readonly token: string;
      readonly request: AuthRequest;
    }
  /** The session's socket has gone, or it asked to leave. */
  | { readonly kind: 'leave'; readonly roomId: string; readonly sessionKey: number; readonly code: number }
  | { readonly kind: 'dispose'; readonly roomId: string }
  | { readonly kind: 'computed'; readonly id: number; readonly value?: unknown; readonly error?: string }
  /** Ends every room; answered with `stopped`. */
  | { readonly kind: 'stop' };

export type ShardToHost =
  | { readonly kind: 'ready'; readonly types: readonly RoomType[] }
  | { readonly kind: 'failed'; readonly problems: readonly string[] }
  | { readonly kind: 'created'; readonly roomId: string; readonly shadow: SharedArrayBuffer; readonly listing: RoomListing }
  | { readonly kind: 'create-failed'; readonly roomId: string; readonly reason: string }
  /** The room has begun to end: it takes nobody any more. */
  | { readonly kind: 'ending'; readonly roomId: string }
  | { readonly kind: 'listing'; readonly roomId: string; readonly listing: RoomListing }
  | { readonly kind: 'authed'; readonly sessionKey: number; readonly auth: unknown }
  | { readonly kind: 'auth-failed'; readonly sessionKey: number; readonly reason: string }
  | {
      readonly kind: 'refused';
      readonly roomId: string;
      readonly sessionKey: number;
      readonly code: number;
      readonly reason: string;
    }
  /** The session's seat is free again. */
  | { readonly kind: 'left'; readonly roomId: string; readonly sessionKey: number }
  | { readonly kind: 'disposed'; readonly roomId: string }
  | { readonly kind: 'compute'; readonly id: number; readonly module: string; readonly data: unknown }
  | { readonly kind: 'log'; readonly line: string }
  | { readonly kind: 'stopped' };

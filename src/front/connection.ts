/**
 * A connection: one client's socket, from its upgrade to its close.
 *
 * ```
 *   open --Join, Resume--> joining --shard says Joined--> joined
 *     ^__________Refused______/                             |
 *     |                                                     |
 *     +----------------------> closed <---------------------+     (any state: socket gone)
 * ```
 *
 * A session may have several connections, one after the other. Each has a key of its own, so what is said of an earlier one
 * never meets a later one.
 */
import type { WebSocket } from 'uWebSockets.js';
import type { AuthRequest } from '../protocol/control.js';
import { SESSION_GENERATION_MASK, SESSION_SLOT_MASK, sessionKey } from '../memory/records.js';
import type { Allowance } from './allowance.js';
import type { ShardLink } from './shard-link.js';

export type ConnectionState = 'open' | 'joining' | 'joined' | 'closed';

export class Connection {
  state: ConnectionState = 'open';
  socket: WebSocket<Connection> | null = null;
  /** Key of this connection in ring records; 0 until it has a place in the table. */
  key = 0;
  /** The shard of its room, from the moment a seat was found. */
  shard: ShardLink | null = null;
  /** The session that it is of, or about to be; empty while none. */
  sessionId = '';
  /** The socket has unsent bytes, so what it holds is to be looked at before more is sent. */
  pressed = false;
  /** A delta was skipped: no delta fits until a keyframe was sent. */
  outOfStep = false;
  /** When its room was last asked for a keyframe, in milliseconds of the front's clock. */
  askedMs = -Infinity;
  /** Bytes of the newest keyframe, which may wait in the socket beside what the hard limit allows; 0 once it has drained. */
  keyframeBytes = 0;
  /** Since when the sweep has found it out of step with a full buffer, in milliseconds of the front's clock; or 0. */
  stuckSinceMs = 0;
  /** Since when the client has owed us a Join, in milliseconds of the front's clock. */
  silentSinceMs: number;
  refusals = 0;
  /** Its Joined, until the next frame goes out; null before and after. */
  greeting: Uint8Array | null = null;
  /** Messages of the client that its session has taken, over earlier connections too. */
  taken = 0;
  /** The client hasn't shown yet that its newest resume token arrived: nothing came since it was given. */
  isUnconfirmed = false;
  /** It watches a list of rooms, and so owes us no Join. */
  isWatching = false;

  constructor(
    openedMs: number,
    readonly allowance: Allowance,
    /** Who is at the other end, for onAuth. */
    readonly request: AuthRequest,
  ) {
    this.silentSinceMs = openedMs;
  }
}

/** Connections by slot. A slot's generation rises at each use, so a late record for its last user finds nobody. */
export class ConnectionTable {
  private readonly slots: (Connection | undefined)[] = [];
  private readonly generations: number[] = [];
  private readonly free: number[] = [];
  size = 0;

  /** @param connectionsMax 1 to 1,048,575: a key has 20 bits for the slot. */
  constructor(readonly connectionsMax: number) {}

  get full(): boolean {
    return this.size >= this.connectionsMax;
  }

  add(connection: Connection): void {
    const slot = this.free.pop() ?? this.slots.length;
    // Generation 0 is never used, so no key is 0.
    const generation = ((this.generations[slot] ?? 0) + 1) & SESSION_GENERATION_MASK || 1;
    this.generations[slot] = generation;
    this.slots[slot] = connection;
    connection.key = sessionKey(slot, generation);
    this.size += 1;
  }

  remove(connection: Connection): void {
    const slot = connection.key & SESSION_SLOT_MASK;
    if (this.slots[slot] !== connection) return;
    this.slots[slot] = undefined;
    this.free.push(slot);
    this.size -= 1;
  }

  /** Gives a connection another key: what is still on its way to the last one finds nobody. */
  renew(connection: Connection): void {
    if (this.get(connection.key) !== connection) return;
    this.remove(connection);
    this.add(connection);
  }

  get(key: number): Connection | undefined {
    const connection = this.slots[key & SESSION_SLOT_MASK];
    return connection !== undefined && connection.key === key ? connection : undefined;
  }

  forEach(visit: (connection: Connection) => void): void {
    for (const connection of this.slots) if (connection !== undefined) visit(connection);
  }
}

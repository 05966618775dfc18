/** What the front tells the host. */
import type { JoinMethod } from '../protocol/client-frames.js';
import type { Connection } from './connection.js';

/** A client's wish for a seat, checked. */
export interface JoinRequest {
  readonly method: JoinMethod;
  /** Name of a room type; empty for JoinById. */
  readonly type: string;
  readonly roomId: string;
  readonly token: string;
  readonly options: unknown;
}

export interface FrontEvents {
  join(connection: Connection, request: JoinRequest): void;
  /** The socket has gone, for whatever reason. */
  closed(connection: Connection, code: number): void;
  health(): Record<string, unknown>;
}

/**
 * Asks room types that have an `onAuth` whether a client may come in, before a room is made or a seat taken for it. Room
 * code lives in shards only, so a shard is asked.
 *
 * ```
 *   Join --type without onAuth------------------------------------> admitted
 *    \---type with onAuth--> asked --authed--> admitted
 *                              \---auth-failed, shard died--> refused
 *                               \--socket gone--> forgotten
 * ```
 */
import { CloseCode } from '../protocol/close-codes.js';
import type { AuthRequest, ShardToHost } from '../protocol/control.js';
import type { ShardHandle } from './shard-handle.js';

export interface AdmissionEvents {
  refused(sessionKey: number, code: number, reason: string): void;
}

interface Asked {
  readonly shard: ShardHandle;
  admit(auth: unknown): void;
}

export class Admission {
  private readonly asked = new Map<number, Asked>();

  constructor(private readonly events: AdmissionEvents) {}

  /** Has `shard` run the onAuth of `type`; `admit` is called with what it returned. */
  ask(
    shard: ShardHandle,
    sessionKey: number,
    type: string,
    token: string,
    request: AuthRequest,
    admit: (auth: unknown) => void,
  ): void {
    this.asked.set(sessionKey, { shard, admit });
    shard.post({ kind: 'auth', sessionKey, type, token, request });
  }

  handle(message: Extract<ShardToHost, { kind: 'authed' | 'auth-failed' }>): void {
    const asked = this.asked.get(message.sessionKey);
    if (asked === undefined) return; // its socket has gone
    this.asked.delete(message.sessionKey);
    if (message.kind === 'authed') asked.admit(message.auth);
    else this.events.refused(message.sessionKey, CloseCode.NotAllowed, message.reason);
  }

  /** The session's socket has gone. */
  forget(sessionKey: number): void {
    this.asked.delete(sessionKey);
  }

  shardDied(shard: ShardHandle): void {
    for (const [sessionKey, asked] of [...this.asked]) {
      if (asked.shard !== shard) continue;
      this.asked.delete(sessionKey);
      this.events.refused(sessionKey, CloseCode.MayRetry, 'the server is recovering; try again in a second');
    }
  }
}

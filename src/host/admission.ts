/**
 * Decides whether a client may come in, before a room is made or a seat taken for it: the server's own `auth` is asked, then
 * the room type's `onAuth`. Room code lives in shards only, so a shard is asked for that.
 *
 * ```
 *   asked --auth of the server, if there is one--> --onAuth of the type, if there is one--> admitted
 *     \________________________\______________________ no, thrown, no answer in time ----> refused
 *      \________________________\_____________________ forgotten: nobody waits any more
 * ```
 */
import { CloseCode } from '../protocol/close-codes.js';
import type { AuthRequest, RoomType, ShardToHost } from '../protocol/control.js';
import type { Refusal } from './matchmaking/session.js';
import type { ShardHandle } from './shard-handle.js';

/** How long both may take together. */
export const AUTH_TIMEOUT_MS = 10_000;

/**
 * What `createServer({ auth })` takes. What it returns, or resolves to, is `client.auth` unless the room has an `onAuth` of
 * its own, which finds it in `request.auth`. Falsy, or thrown: the client is refused with 4401 and what was thrown; with 4010,
 * so that it tries again, when the error has `retry: true`.
 */
export type ServerAuth = (token: string, request: AuthRequest) => unknown;

export interface AdmissionAnswer {
  admitted(auth: unknown): void;
  refused(refusal: Refusal): void;
}

interface Asked {
  readonly type: RoomType | undefined;
  readonly token: string;
  readonly request: AuthRequest;
  readonly answer: AdmissionAnswer;
  readonly timer: NodeJS.Timeout;
  /** The shard that was asked; null while the server's own auth is. */
  shard: ShardHandle | null;
}

export class Admission {
  private readonly asked = new Map<number, Asked>();
  private requests = 0;

  constructor(
    private readonly auth: ServerAuth | undefined,
    private readonly leastLoaded: () => ShardHandle | undefined,
  ) {}

  /**
   * Asks for a seat in a room of the type; undefined where there is none such, which is told by whoever looks for a seat.
   * Answers at once when there is nobody to ask.
   *
   * @returns what to call when nobody waits for the answer any more
   */
  ask(type: RoomType | undefined, token: string, request: AuthRequest, answer: AdmissionAnswer): () => void {
    if (this.auth === undefined && type?.authenticates !== true) {
      answer.admitted(undefined);
      return () => {};
    }
    this.requests += 1;
    const id = this.requests;
    const late = `nobody said within ${AUTH_TIMEOUT_MS} ms who you are`;
    const timer = setTimeout(() => this.refuse(id, RETRY, late), AUTH_TIMEOUT_MS);
    this.asked.set(id, { type, token, request, answer, timer, shard: null });
    if (this.auth === undefined) this.askShard(id, undefined);
    else void this.askServer(id, this.auth);
    return () => this.take(id);
  }

  handle(message: Extract<ShardToHost, { kind: 'authed' | 'auth-failed' }>): void {
    if (message.kind === 'authed') this.take(message.requestId)?.answer.admitted(message.auth);
    else this.refuse(message.requestId, NO, message.reason);
  }

  shardDied(shard: ShardHandle): void {
    for (const [id, asked] of [...this.asked]) {
      if (asked.shard === shard) this.refuse(id, RETRY, 'the server is recovering; try again in a second');
    }
  }

  /** The server has closed: nobody is answered any more. */
  close(): void {
    for (const id of [...this.asked.keys()]) this.take(id);
  }

  private async askServer(id: number, auth: ServerAuth): Promise<void> {
    const { token, request, type } = this.asked.get(id)!;
    try {
      // It goes to another thread: what can't be copied is found out here.
      const result: unknown = structuredClone(await auth(token, request));
      if (!result) this.refuse(id, NO, 'not allowed on this server');
      else if (type?.authenticates === true) this.askShard(id, result);
      else this.take(id)?.answer.admitted(result);
    } catch (error) {
      const { message, retry } = (error instanceof Error ? error : new Error(String(error))) as Error & { retry?: unknown };
      this.refuse(id, retry === true ? RETRY : NO, message);
    }
  }

  private askShard(id: number, auth: unknown): void {
    const asked = this.asked.get(id);
    if (asked === undefined) return; // it took too long
    const shard = this.leastLoaded();
    if (shard === undefined) {
      this.refuse(id, RETRY, 'the server is recovering; try again in a second');
      return;
    }
    asked.shard = shard;
    shard.post({ kind: 'auth', requestId: id, type: asked.type!.name, token: asked.token, request: { ...asked.request, auth } });
  }

  private refuse(id: number, { code, status }: Pick<Refusal, 'code' | 'status'>, reason: string): void {
    this.take(id)?.answer.refused({ code, status, reason });
  }

  private take(id: number): Asked | undefined {
    const asked = this.asked.get(id);
    if (asked === undefined) return undefined;
    clearTimeout(asked.timer);
    this.asked.delete(id);
    return asked;
  }
}

const NO = { code: CloseCode.NotAllowed, status: 401 };
const RETRY = { code: CloseCode.MayRetry, status: 503 };

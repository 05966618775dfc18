/**
 * One request to the HTTP gateway, from its handler to its answer, which may come later: once, or never when the client has
 * gone by then.
 *
 * ```
 *   open --answered--> over
 *     \---the client goes--> over: answers go nowhere
 * ```
 */
import { STATUS_CODES } from 'node:http';
import type { HttpResponse } from 'uWebSockets.js';

/** What is wrong with a request, as its answer says it. */
export interface HttpProblem {
  /** HTTP status, 400 to 599. */
  readonly status: number;
  /** As the close codes. */
  readonly code: number;
  /** What was seen, the limit, the remedy. */
  readonly message: string;
  /** What of the request is to blame: a field of the options or of the query. */
  readonly field?: string;
}

/** Longest field name that an answer repeats. It may be the client's own. */
const FIELD_LENGTH_MAX = 64;

export class HttpExchange {
  private isOver = false;
  private whenOver: (() => void) | null = null;

  /** @param origin that the page of this origin may read the answers; empty: no page asks */
  constructor(
    readonly res: HttpResponse,
    private readonly origin: string,
  ) {
    res.onAborted(() => this.end());
  }

  /** It was answered, or the client has gone. */
  get over(): boolean {
    return this.isOver;
  }

  /** Calls `whenOver` when it is answered, or the client goes. */
  onOver(whenOver: () => void): void {
    this.whenOver = whenOver;
  }

  json(value: unknown): void {
    this.answer(200, {}, JSON.stringify(value), false);
  }

  /** An answer without a body. */
  empty(headers: Readonly<Record<string, string>>): void {
    this.answer(204, headers, null, false);
  }

  /** @param isLast ends the connection too, so that nothing more of the request is read */
  problem(problem: HttpProblem, headers: Readonly<Record<string, string>> = {}, isLast = false): void {
    const { status, code, message } = problem;
    const field = problem.field?.slice(0, FIELD_LENGTH_MAX);
    this.answer(status, headers, JSON.stringify({ error: { code, message, field } }), isLast);
  }

  private answer(status: number, headers: Readonly<Record<string, string>>, body: string | null, isLast: boolean): void {
    if (this.isOver) return;
    const { res, origin } = this;
    res.cork(() => {
      res.writeStatus(`${status} ${STATUS_CODES[status] ?? ''}`);
      for (const [name, value] of Object.entries(headers)) res.writeHeader(name, value);
      res.writeHeader('Cache-Control', 'no-store').writeHeader('Vary', 'Origin');
      if (origin !== '') {
        res.writeHeader('Access-Control-Allow-Origin', origin).writeHeader('Access-Control-Expose-Headers', 'Retry-After');
      }
      if (body === null) {
        res.endWithoutBody();
      } else {
        res.writeHeader('Content-Type', 'application/json').writeHeader('X-Content-Type-Options', 'nosniff');
        res.end(body, isLast);
      }
    });
    this.end();
  }

  private end(): void {
    this.isOver = true;
    this.whenOver?.();
    this.whenOver = null;
  }
}

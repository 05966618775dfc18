/** The body of a request to the HTTP gateway: small, and not slow. */
import type { HttpExchange } from './http-exchange.js';

/**
 * How long a body may take. One that stands still may be cut off a little earlier and without an answer: uWebSockets.js
 * closes a connection from which nothing came for 8 to 12 seconds.
 */
export const BODY_TIMEOUT_MS = 10_000;

export interface BodyEvents {
  /** All of it is there, in memory of its own. */
  complete(body: Uint8Array): void;
  /** More than the limit has come: the rest isn't read. */
  tooLarge(): void;
  tooSlow(): void;
}

/**
 * Reads the body of an exchange. One of the events comes, unless the client goes before. Holds at most `bytesMax` bytes.
 * To be called before the request's handler returns.
 */
export function readBody(exchange: HttpExchange, bytesMax: number, events: BodyEvents, timeoutMs = BODY_TIMEOUT_MS): void {
  let body: Buffer | null = null;
  let isDone = false;
  const timer = setTimeout(() => {
    isDone = true;
    events.tooSlow();
  }, timeoutMs);
  exchange.onOver(() => {
    isDone = true;
    body = null;
    clearTimeout(timer);
  });
  exchange.res.onData((chunk, isLast) => {
    if (isDone) return;
    const bytes = (body?.length ?? 0) + chunk.byteLength;
    if (bytes > bytesMax) {
      isDone = true;
      clearTimeout(timer);
      events.tooLarge();
      return;
    }
    // The chunk's memory goes back to the socket library.
    body = body === null ? Buffer.from(Buffer.from(chunk)) : Buffer.concat([body, Buffer.from(chunk)], bytes);
    if (!isLast) return;
    isDone = true;
    clearTimeout(timer);
    events.complete(body);
  });
}

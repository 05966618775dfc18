/** What room code has thrown: anything at all, such as a Proxy, or an Error whose getters throw themselves. */
import type { Logger } from 'pino';

/** Longest reason that is told to clients, in UTF-16 units. */
const REASON_LENGTH_MAX = 200;

/** A thrown value in words. Never throws. */
export function reasonOf(error: unknown): string {
  try {
    return String(error instanceof Error ? error.message : error).slice(0, REASON_LENGTH_MAX);
  } catch {
    return 'an error that can not be shown';
  }
}

/** Logs a thrown value, with its stack where it has one. Never throws. */
export function logHookError(log: Logger, error: unknown, fields: Readonly<Record<string, unknown>>, text: string): void {
  try {
    log.error({ ...fields, err: error }, text);
  } catch {
    log.error({ ...fields, reason: reasonOf(error) }, text);
  }
}

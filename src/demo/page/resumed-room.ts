import { CloseCode, JoinError, type Client, type ClientRoom, type RoomType } from '../../client/index.js';

/** Attempts while the server can't be reached, and the pause between two: the seat is kept for 20 s. */
const ATTEMPTS_MAX = 15;
const PAUSE_MS = 1000;

/**
 * Goes on with the session that this tab had, unless the page's address names another room. Undefined: there is nothing to
 * go on with, as the seat is free again or the server a new one.
 */
export async function resumeRoom<R extends RoomType>(
  client: Client,
  token: string,
  address: URLSearchParams,
): Promise<ClientRoom<R> | undefined> {
  const roomId = address.get('room');
  if (token === '' || (roomId !== null && !token.startsWith(`${roomId}.`))) return undefined;
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
    try {
      return await client.reconnect<R>(token);
    } catch (error) {
      const code = error instanceof JoinError ? error.code : 0;
      if (code !== CloseCode.Abnormal && code !== CloseCode.MayRetry) return undefined;
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
  return undefined;
}

/** What a page stores to take its session over again: `roomId.sessionId.secret`. */
import { CloseCode } from '../protocol/close-codes.js';
import { JoinError } from './client-errors.js';

export interface ReconnectionToken {
  readonly roomId: string;
  readonly sessionId: string;
  /** Good for one resumption; the answer brings the next. */
  readonly secret: string;
}

/** '' when the server gave no secret: the session can't be taken over. */
export function reconnectionTokenText({ roomId, sessionId, secret }: ReconnectionToken): string {
  return secret === '' ? '' : `${roomId}.${sessionId}.${secret}`;
}

/** @throws JoinError, 4400, which doesn't repeat the text: it may be a secret all the same. */
export function readReconnectionToken(text: string): ReconnectionToken {
  const parts = typeof text === 'string' ? text.split('.') : [];
  if (parts.length !== 3 || parts.includes('')) {
    const seen = typeof text === 'string' ? `a text of ${text.length} characters` : `a ${typeof text}`;
    throw new JoinError(
      CloseCode.Malformed,
      `the reconnection token is malformed: ${seen}; expected roomId.sessionId.secret, as room.reconnectionToken gives it`,
    );
  }
  return { roomId: parts[0]!, sessionId: parts[1]!, secret: parts[2]! };
}

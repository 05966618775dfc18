/**
 * WebSocket close codes of the protocol. 1xxx are the standard's own; 4xxx is the range the standard leaves to
 * applications, and the only one besides 1000 that a browser may send itself.
 */
export const CloseCode = {
  /** Every plain close of a socket, ours or a proxy's. */
  Normal: 1000,
  /** No close frame arrived: the network dropped the socket. Never sent. */
  Abnormal: 1006,
  /** More messages or bytes than the connection's allowance. */
  RateExceeded: 1008,
  /** A frame over the payload limit. */
  TooBig: 1009,
  /** The client reads slower than the room sends. */
  TooSlow: 1013,
  /** The client left on purpose, or the room let it go on purpose. */
  Consented: 4000,
  /** The server stops. */
  Shutdown: 4001,
  /** The room failed. */
  Error: 4002,
  /** Nothing is wrong with the client: it may connect and join again. */
  MayRetry: 4010,
  /** A frame the verifier refused, or one that has no place in the conversation. */
  Malformed: 4400,
  /** The room, or its onAuth, does not admit this client. */
  NotAllowed: 4401,
} as const;

export type CloseCode = (typeof CloseCode)[keyof typeof CloseCode];

/** Codes of the standard (RFC 6455, 7.4.1) that say nothing of what the client, or the server, meant to do. */
const DROPPED: ReadonlySet<number> = new Set([
  1001, // going away: a page was left or loaded anew
  1005, // closed without a code
  CloseCode.Abnormal,
  1011, // an error of the server or of a proxy, as the next three
  1012,
  CloseCode.TooSlow,
  1014,
  CloseCode.MayRetry,
]);

/** Whether a connection that closed with this code was lost, so that its session may go on over another one. */
export function isDrop(code: number): boolean {
  return DROPPED.has(code);
}

/** Longest close reason in UTF-8 bytes: a control frame holds 125, two of which are the code (RFC 6455, 5.5.1). */
export const CLOSE_REASON_BYTES_MAX = 123;

const TEXTS = new Map<number, string>([
  [CloseCode.Normal, 'closed'],
  [CloseCode.Abnormal, 'the connection was lost'],
  [CloseCode.RateExceeded, 'sent more than the rate allows'],
  [CloseCode.TooBig, 'sent a frame over the payload limit'],
  [CloseCode.TooSlow, 'read too slowly'],
  [CloseCode.Consented, 'left on purpose'],
  [CloseCode.Shutdown, 'the server is shutting down'],
  [CloseCode.Error, 'the room failed'],
  [CloseCode.MayRetry, 'the connection ended; joining again is welcome'],
  [CloseCode.Malformed, 'sent a malformed frame'],
  [CloseCode.NotAllowed, 'not allowed in this room'],
]);

/** A few words for a close code, known or not. Fits a close frame. */
export function closeCodeText(code: number): string {
  return TEXTS.get(code) ?? `closed with code ${code}`;
}

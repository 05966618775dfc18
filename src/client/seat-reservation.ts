/** A seat that was reserved over HTTP, for whoever brings the ticket. */
import { CloseCode } from '../protocol/close-codes.js';

/** What `POST /matchmake/:method/:room` answers, as far as a client needs it. */
export interface SeatReservation {
  /** Of the server that has the seat. */
  readonly url: string;
  /** Good for one join. */
  readonly ticket: string;
  /** When the seat is given to others: a date as text, or milliseconds since 1970. */
  readonly expiresAt: string | number;
}

/** @throws TypeError for what is no such answer. */
export function checkReservation({ url, ticket, expiresAt }: SeatReservation): void {
  if (typeof url !== 'string' || typeof ticket !== 'string' || ticket === '' || Number.isNaN(expiryMs(expiresAt))) {
    throw new TypeError('not a seat reservation; expected { url, ticket, expiresAt } as POST /matchmake answers');
  }
}

/**
 * The words for a refused ticket. Servers say the same of every ticket that they don't take, lest somebody learn from it; who
 * has the reservation knows more.
 */
export function ticketRefusal(code: number, reason: string, expiresAt: string | number, wallMs: number): string {
  const lateMs = wallMs - expiryMs(expiresAt);
  if (code !== CloseCode.NotAllowed || lateMs < 0) return reason;
  const when = new Date(expiryMs(expiresAt)).toISOString();
  const late = (lateMs / 1000).toFixed(1);
  return `the seat reservation expired at ${when}, ${late} s ago by this clock: ask for a new one (the server: ${reason})`;
}

function expiryMs(expiresAt: string | number): number {
  return new Date(expiresAt).getTime();
}

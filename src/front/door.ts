/** Who may come in, by where they come from: web pages by their origin, everybody by their address. */
import type { HttpRequest, HttpResponse } from 'uWebSockets.js';
import { FrontCounter, type CounterBlock } from '../memory/counters.js';
import type { AuthRequest } from '../protocol/control.js';
import { AddressLimits } from './address-limits.js';
import { AddressList } from './address-list.js';
import { originationOf, type Origination } from './client-address.js';
import type { FrontEvents } from './front-events.js';

/** Kept for onAuth, as long as the socket lives. */
const USER_AGENT_LENGTH_MAX = 256;

/** When to come again who has too many sockets: one of them may be lost already, which is found out after 16 s by default. */
const CONNECTION_RETRY_SEC = 5;

export interface DoorOptions {
  /** Exact origins that browsers may come from, besides the page's own host; '*' for any. */
  readonly origins: readonly string[] | '*';
  /** Addresses and networks that are believed when they say for whom they speak. */
  readonly trustedProxies: readonly string[];
  readonly connectionsPerAddressMax: number;
  readonly handshakesPerAddressPerSec: number;
  /** Addresses and networks that the two limits don't hold. */
  readonly limitExemptAddresses: readonly string[];
}

/** Why nobody else of an address may come in now, and when. */
export interface TooMany {
  readonly message: string;
  readonly retryAfterSec: number;
}

export class Door {
  private readonly trusted: AddressList;
  private readonly limits: AddressLimits;
  private isProxyTold = false;

  constructor(
    private readonly options: DoorOptions,
    private readonly counters: CounterBlock,
    private readonly events: Pick<FrontEvents, 'proxyIgnored'>,
    private readonly nowMs: () => number,
  ) {
    const { trustedProxies, limitExemptAddresses, connectionsPerAddressMax, handshakesPerAddressPerSec } = options;
    this.trusted = new AddressList(trustedProxies);
    const exempt = new AddressList(limitExemptAddresses);
    this.limits = new AddressLimits(connectionsPerAddressMax, handshakesPerAddressPerSec, exempt);
  }

  /** Programs send no Origin; browsers always do. The page's own host is allowed without being listed. */
  isOriginAllowed(req: HttpRequest): boolean {
    const { origins } = this.options;
    const origin = req.getHeader('origin');
    if (origin === '' || origins === '*' || origins.includes(origin)) return true;
    const host = req.getHeader('host');
    return origin === `http://${host}` || origin === `https://${host}`;
  }

  /** Whom a request comes from. To be called before its handler returns. */
  originationOf(res: HttpResponse, req: HttpRequest): Origination {
    const origination = originationOf(res, req, this.trusted);
    if (origination.isProxyIgnored && !this.isProxyTold) {
      this.isProxyTold = true;
      this.events.proxyIgnored(origination.address);
    }
    return origination;
  }

  /** Charges a handshake to an address. @returns null: it may go on */
  handshake(address: string): TooMany | null {
    const retryAfterSec = this.limits.handshake(address, this.nowMs());
    if (retryAfterSec === 0) return null;
    this.counters.add(FrontCounter.handshakesRefused);
    const message = 'too many connections and requests from this address; expected at most '
      + `${this.options.handshakesPerAddressPerSec} a second: try again in ${retryAfterSec} s`;
    return { message, retryAfterSec };
  }

  /** Whether an address may have one more socket. @returns null: it may */
  oneMore(address: string): TooMany | null {
    if (this.limits.mayOpen(address)) return null;
    this.counters.add(FrontCounter.handshakesRefused);
    const message = `this address has ${this.options.connectionsPerAddressMax} connections, the most that one may have; `
      + 'close one';
    return { message, retryAfterSec: CONNECTION_RETRY_SEC };
  }

  /** A socket of this address is open; to be followed by `closed`. */
  opened(address: string): void {
    this.limits.opened(address, this.nowMs());
  }

  closed(address: string): void {
    this.limits.closed(address);
  }

  /** To be called now and then: forgets addresses that nothing is to be known of any more. */
  sweep(): void {
    this.limits.sweep(this.nowMs());
  }
}

/** What onAuth learns of a request. To be called before its handler returns. */
export function authRequestOf(req: HttpRequest, address: string): AuthRequest {
  const userAgent = req.getHeader('user-agent').slice(0, USER_AGENT_LENGTH_MAX);
  return { address, origin: req.getHeader('origin'), userAgent };
}

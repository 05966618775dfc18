/**
 * Where a client is: at the other end of its socket, or where a trusted proxy says that it is.
 *
 * ```
 *   client 203.0.113.9 ---> proxy 10.0.0.2 ---> proxy 127.0.0.1 ---> server
 *                           X-Forwarded-For:    X-Forwarded-For:
 *                           203.0.113.9         203.0.113.9, 10.0.0.2
 *
 *   read from the right, beginning with the socket's peer: 127.0.0.1 trusted, 10.0.0.2 trusted, 203.0.113.9 it is
 * ```
 *
 * Each hop is believed only as far as the one that tells of it is trusted, so what a client writes into the header itself is
 * never reached. The PROXY protocol (version 2; HAProxy, AWS NLB) speaks for the hop just before the socket's peer.
 *
 * A proxy that passes bytes on, which is what the PROXY protocol is for, has to be one whose clients are trusted not to speak
 * it themselves: uWebSockets.js reads such a header before each request of a connection, not only before the first. Behind
 * TLS it finds none: it looks for it inside, where no proxy can write.
 */
import { isIP } from 'node:net';
import type { HttpRequest, HttpResponse } from 'uWebSockets.js';
import { plainAddress, type AddressList } from './address-list.js';

const FORWARDED_FOR = 'x-forwarded-for';

/** As some proxies write it: with the client's port. */
const WITH_PORT = /^(?:\[([^\]]+)\]|([\d.]+))(?::\d{1,5})?$/;

/** Whom a request comes from. */
export interface Origination {
  /** As `plainAddress` has it; empty when the socket has none. */
  readonly address: string;
  /** Somebody who isn't trusted sent X-Forwarded-For from this machine. */
  readonly isProxyIgnored: boolean;
  /** The last proxy is trusted, and says that the client came to it over TLS. */
  readonly isTlsAtProxy: boolean;
}

/** Reads who sent a request. To be called before its handler returns. */
export function originationOf(res: HttpResponse, req: HttpRequest, trusted: AddressList): Origination {
  const peer = plainAddress(latin1(res.getRemoteAddressAsText())) ?? '';
  if (!trusted.has(peer)) {
    const isProxyIgnored = trusted.isEmpty && isLoopbackAddress(peer) && req.getHeader(FORWARDED_FOR) !== '';
    return { address: peer, isProxyIgnored, isTlsAtProxy: false };
  }
  const proxied = latin1(res.getProxiedRemoteAddressAsText());
  const isTlsAtProxy = req.getHeader('x-forwarded-proto') === 'https';
  return { address: clientAddress(peer, proxied, forwardedFor(req), trusted), isProxyIgnored: false, isTlsAtProxy };
}

/**
 * @param peer the socket's, as `plainAddress` has it
 * @param proxied of the PROXY header; empty without one
 * @param forwardedFor of X-Forwarded-For, joined in their order when there are several; empty without one
 * @returns the right-most address that isn't a trusted proxy's; the left-most when all are; the peer's own when one that
 *   would count isn't an address
 */
export function clientAddress(peer: string, proxied: string, forwardedFor: string, trusted: AddressList): string {
  let address = peer;
  if (proxied !== '' && trusted.has(peer)) {
    const before = plainAddress(proxied);
    if (before === null) return peer;
    address = before;
  }
  const hops = forwardedFor === '' ? [] : forwardedFor.split(',');
  while (hops.length > 0 && trusted.has(address)) {
    const hop = hopAddress(hops.pop()!.trim());
    if (hop === null) return peer;
    address = hop;
  }
  return address;
}

function hopAddress(text: string): string | null {
  if (isIP(text) !== 0) return plainAddress(text);
  const [, inBrackets, withDots] = WITH_PORT.exec(text) ?? [];
  return plainAddress(inBrackets ?? withDots ?? '');
}

/** `getHeader` has only the first of several, which is the client's own where a proxy adds a line instead of a word. */
function forwardedFor(req: HttpRequest): string {
  const lines: string[] = [];
  req.forEach((name, value) => {
    if (name === FORWARDED_FOR) lines.push(value);
  });
  return lines.join(',');
}

function isLoopbackAddress(address: string): boolean {
  return address === '::1' || address.startsWith('127.');
}

function latin1(text: ArrayBuffer): string {
  return Buffer.from(text).toString('latin1');
}

/** The URL that clients are told to connect to. */

/** A host name or address with or without a port, as a Host header may have it. Nothing that could begin a path. */
const HOST = /^(?:[A-Za-z0-9](?:[A-Za-z0-9._-]{0,252})|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?$/;

/**
 * @param publicUrl the operator's own word; undefined without
 * @param host of the request's Host header
 * @param isTls whether the client came over TLS, to us or to a trusted proxy
 * @param own where the server listens, for a Host header that is none
 */
export function clientUrl(publicUrl: string | undefined, host: string, isTls: boolean, own: string): string {
  if (publicUrl !== undefined) return publicUrl;
  return `${isTls ? 'wss' : 'ws'}://${HOST.test(host) ? host : own}`;
}

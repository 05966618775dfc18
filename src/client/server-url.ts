/** Where a server's sockets are. */

const SOCKET_PATH = '/ws';

/**
 * The WebSocket URL of a server given as its http(s) or ws(s) URL: `http://host:2567` becomes `ws://host:2567/ws`. A path
 * is kept, for servers behind a proxy; query and fragment are dropped.
 *
 * @param server by default the page's own origin, in a browser.
 * @throws TypeError for anything else.
 */
export function socketUrl(server?: string | URL): string {
  const origin = server ?? (globalThis as { location?: { origin?: string } }).location?.origin;
  if (origin === undefined) {
    throw new TypeError("connect() outside a page needs the server's URL, for example connect('ws://localhost:2567')");
  }
  let url: URL;
  try {
    url = new URL(origin);
  } catch (cause) {
    throw new TypeError(`connect(${JSON.stringify(String(origin))}): not a URL; ${EXPECTED}`, { cause });
  }
  const scheme = SOCKET_SCHEMES[url.protocol];
  if (scheme === undefined || url.host === '') {
    throw new TypeError(`connect(${JSON.stringify(String(origin))}): scheme ${url.protocol} is not for sockets; ${EXPECTED}`);
  }
  let path = url.pathname.replace(/\/+$/, '');
  if (!path.endsWith(SOCKET_PATH)) path += SOCKET_PATH;
  return `${scheme}//${url.host}${path}`;
}

const EXPECTED = "expected 'ws://host:port', 'wss://…', 'http://…' or 'https://…'";

const SOCKET_SCHEMES: Readonly<Record<string, string | undefined>> = {
  'http:': 'ws:',
  'https:': 'wss:',
  'ws:': 'ws:',
  'wss:': 'wss:',
};

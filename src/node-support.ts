/** Which versions of Node this package runs on: those that its uWebSockets.js has a binary for. */

/** What to tell somebody whose Node has no uWebSockets.js. */
export function unsupportedNodeText(version: string, platform: string, arch: string): string {
  return (
    `Node ${version} on ${platform} ${arch} is not supported by the packaged uWebSockets.js: use Node 20.19 or newer, ` +
    'or Node 22, on glibc Linux, macOS or Windows; for a newer Node, point the dependency "uWebSockets.js" at ' +
    'github:uNetworking/uWebSockets.js'
  );
}

/** Node 20 from 20.19 on, and 22 or newer; whether there is a binary for it is another question. */
export function isSupportedNode(version: string): boolean {
  const [major, minor] = version.replace('v', '').split('.').map(Number) as [number, number];
  return (major === 20 && minor >= 19) || major >= 22;
}

/** Loads what needs uWebSockets.js, and says it in plain words when that can't be. */
export async function importHost<M>(load: () => Promise<M>): Promise<M> {
  if (!isSupportedNode(process.version)) throw unsupportedNode();
  try {
    return await load();
  } catch (cause) {
    if (!(cause instanceof Error) || !/uWS|uWebSockets|uws_/.test(cause.message)) throw cause;
    throw unsupportedNode(cause);
  }
}

function unsupportedNode(cause?: unknown): Error {
  const error = new Error(unsupportedNodeText(process.version, process.platform, process.arch), { cause });
  return Object.assign(error, { code: 'ERR_ESCAPEMENT_NODE' });
}

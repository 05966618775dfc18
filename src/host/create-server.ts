/** Makes a server on this thread: where the real clock and real randomness come in. */
import { randomBytes, randomInt } from 'node:crypto';
import { loadAuth } from './auth-option.js';
import { createLogger, lineWriter } from './logger.js';
import { Server } from './server.js';
import { validateServerOptions, type ServerConfig, type ServerOptions } from './server-options.js';

const SEED_END = 2 ** 32;

/** Random bytes are made so many at a time: a call takes about as long for a few. */
const POOL_BYTES = 4096;

/** @see createServer in src/index.ts */
export async function createServerHere(options: ServerOptions): Promise<Server> {
  return startServer(validateServerOptions(options));
}

/** Starts a server whose configuration has been checked already. */
export async function startServer(config: ServerConfig): Promise<Server> {
  const log = createLogger({ level: config.logLevel });
  let seed = config.seed;
  const auth = config.auth === undefined ? undefined : await loadAuth(config.auth);
  const random = randomText();
  const server = new Server(config, log, lineWriter(log), {
    auth,
    nowMs: () => performance.now(),
    // 72 bits: not to be guessed, and short enough to read out.
    id: () => random(9),
    token: () => random(16),
    ticketKey: () => ({ id: randomBytes(3).toString('base64url'), secret: randomBytes(32) }),
    wallMs: () => Date.now(),
    // A given seed is spread over the rooms in the order they are made, so a run can be repeated.
    seed: () => (seed === undefined ? randomInt(SEED_END) : (seed = (Math.imul(seed, 0x9e3779b1) + 1) >>> 0)),
  });
  await server.start();
  return server;
}

/** Makes texts of so many random bytes, in base64url. */
function randomText(): (bytes: number) => string {
  let pool = randomBytes(POOL_BYTES);
  let at = 0;
  return (bytes) => {
    if (at + bytes > POOL_BYTES) {
      pool = randomBytes(POOL_BYTES);
      at = 0;
    }
    at += bytes;
    return pool.toString('base64url', at - bytes, at);
  };
}

/** Makes a server on this thread: where the real clock and real randomness come in. */
import { randomBytes, randomInt } from 'node:crypto';
import { createLogger, lineWriter } from './logger.js';
import { Server } from './server.js';
import { validateServerOptions, type ServerConfig, type ServerOptions } from './server-options.js';

const SEED_END = 2 ** 32;

/** @see createServer in src/index.ts */
export async function createServerHere(options: ServerOptions): Promise<Server> {
  return startServer(validateServerOptions(options));
}

/** Starts a server whose configuration has been checked already. */
export async function startServer(config: ServerConfig): Promise<Server> {
  const log = createLogger({ level: config.logLevel });
  let seed = config.seed;
  const server = new Server(config, log, lineWriter(log), {
    nowMs: () => performance.now(),
    // 72 bits: not to be guessed, and short enough to read out.
    id: () => randomBytes(9).toString('base64url'),
    // A given seed is spread over the rooms in the order they are made, so a run can be repeated.
    seed: () => (seed === undefined ? randomInt(SEED_END) : (seed = (Math.imul(seed, 0x9e3779b1) + 1) >>> 0)),
  });
  await server.start();
  return server;
}

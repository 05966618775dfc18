#!/usr/bin/env node
/** Entry: `node dist/server.js`, a server on bare metal. Its flags are in host/config.ts. */
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseConfig } from './host/config.js';
import type { ServerConfig } from './host/server-options.js';
import { importHost } from './node-support.js';

const EXIT_FAILED = 1;
const EXIT_USAGE = 2;

/** What closing may take beside `drainTimeoutMs`. Then the process ends, come what may. */
const SHUTDOWN_MARGIN_MS = 10_000;

/** A second signal this much later ends the process at once. */
const INSISTING_MS = 1000;

async function run(config: ServerConfig, demo: boolean): Promise<void> {
  const { startServer } = await importHost(() => import('./host/create-server.js'));
  const demoPages = demo ? fileURLToPath(new URL('./demo/page/', import.meta.url)) : undefined;
  const publicDir = config.publicDir ?? demoPages;
  const server = await startServer({ ...config, publicDir });
  let stoppedMs = 0;
  const stop = (signal: string): void => {
    if (stoppedMs > 0) {
      // Ctrl-C under npm comes twice, from the terminal and from npm; a person who insists comes later.
      if (performance.now() - stoppedMs > INSISTING_MS) process.exit(EXIT_FAILED);
      return;
    }
    stoppedMs = performance.now();
    setTimeout(() => process.exit(EXIT_FAILED), config.drainTimeoutMs + SHUTDOWN_MARGIN_MS).unref();
    server.close().then(
      () => process.exit(0),
      (error: unknown) => fail(error, `closing after ${signal}`),
    );
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  // The server logs how it went.
  if (config.tlsCert !== undefined) process.on('SIGHUP', () => void server.reloadTls());
  const { url } = await server.listen();
  const what = demo ? 'the demos: the arena at /, the swarm at /swarm' : `rooms ${Object.keys(config.rooms).join(', ')}`;
  const admin = server.adminPort === null ? '' : `, metrics at http://${config.adminHost}:${server.adminPort}/metrics`;
  process.stdout.write(`escapement ready: ${url} (${what}; ${config.shards} shard${config.shards > 1 ? 's' : ''}${admin})\n`);
}

function fail(error: unknown, doing: string): never {
  const coded = error instanceof Error && String((error as { code?: unknown }).code).startsWith('ERR_ESCAPEMENT');
  process.stderr.write(coded ? `escapement: ${(error as Error).message}\n` : `escapement: ${doing} failed\n`);
  if (!coded) process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
  process.exit(EXIT_FAILED);
}

const parsed = parseConfig(process.argv.slice(2), process.env, availableParallelism());
switch (parsed.kind) {
  case 'help':
    process.stdout.write(parsed.text);
    break;
  case 'version': {
    const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string };
    process.stdout.write(`${manifest.version}\n`);
    break;
  }
  case 'invalid':
    process.stderr.write(parsed.problems.map((problem) => `escapement: ${problem}\n`).join(''));
    process.exitCode = EXIT_USAGE;
    break;
  case 'run':
    await run(parsed.config, parsed.demo).catch((error: unknown) => fail(error, 'starting'));
    break;
}

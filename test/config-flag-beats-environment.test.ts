import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { parseConfig } from '../src/host/config.js';
import type { ServerConfig } from '../src/host/server-options.js';

const folder = mkdtempSync(join(tmpdir(), 'escapement-config-'));
writeFileSync(join(folder, 'duel.js'), '');
afterAll(() => rmSync(folder, { recursive: true }));

function run(argv: string[], env: NodeJS.ProcessEnv = {}, cores = 8): ServerConfig {
  const parsed = parseConfig(argv, env, cores);
  if (parsed.kind !== 'run') throw new Error(JSON.stringify(parsed));
  return parsed.config;
}

describe('a command line', () => {
  test('needs nothing: every option has a default', () => {
    expect(run([])).toMatchObject({
      port: 2567, host: '0.0.0.0', shards: 7, adminPort: 9567, adminHost: '127.0.0.1', logLevel: 'info', origins: [],
      publicDir: undefined, payloadBytesMax: 4096, messagesPerTickMax: 2, bytesPerSecMax: 16384,
      socketSoftBytes: 65536, socketHardBytes: 262144, lagLimitMs: 1000, ackTimeoutMs: 5000, idleTimeoutSec: 16,
      joinTimeoutMs: 3000, ingressRingBytes: 1048576, egressRingBytes: 4194304, connectionsMax: 100000,
      seed: undefined,
    });
    expect(parseConfig([], {}, 8)).toMatchObject({ kind: 'run', demo: true });
    expect(Object.keys(run([]).rooms)).toEqual(['arena', 'swarm']);
  });

  test('sets each option by flag, as two words or with an equals sign', () => {
    const argv = [
      '--port', '0', '--host=127.0.0.1', '--shards', '3', '--rooms', folder, '--admin-port=9000',
      '--admin-host', '::1', '--log-level', 'debug', '--lag-limit-ms=500', '--ack-timeout-ms', '2500',
    ];
    expect(run(argv)).toMatchObject({
      port: 0, host: '127.0.0.1', shards: 3, adminPort: 9000, adminHost: '::1', logLevel: 'debug',
      lagLimitMs: 500, ackTimeoutMs: 2500,
    });
    expect(parseConfig(argv, {}, 8)).toMatchObject({ demo: false });
  });

  test('sets each option by environment variable', () => {
    const env = {
      PORT: '1', HOST: 'localhost', SHARDS: '64', ROOMS: folder, ADMIN_PORT: 'false', ADMIN_HOST: 'localhost',
      LOG_LEVEL: 'silent', LAG_LIMIT_MS: '2000', ACK_TIMEOUT_MS: '10000',
    };
    const config = run([], env);
    expect(config).toMatchObject({
      port: 1, host: 'localhost', shards: 64, adminPort: false, adminHost: 'localhost', logLevel: 'silent',
      lagLimitMs: 2000, ackTimeoutMs: 10_000,
    });
    expect(Object.keys(config.rooms)).toEqual(['duel']);
  });

  test('wins over the environment, even over a wrong one', () => {
    expect(run(['--port', '2000'], { PORT: '3000' }).port).toBe(2000);
    expect(run(['--port', '2000'], { PORT: 'nonsense' }).port).toBe(2000);
  });

  test('takes an empty environment variable as not set', () => {
    expect(run([], { PORT: '', ROOMS: '' }).port).toBe(2567);
  });
});

test.each([[1, 1], [2, 1], [4, 3], [65, 64], [256, 64]])('auto on %i cores is %i shards', (cores, shards) => {
  expect(run([], {}, cores).shards).toBe(shards);
  expect(run(['--shards', 'auto'], { SHARDS: '5' }, cores).shards).toBe(shards);
});

test('the configuration is frozen, to its rooms and origins', () => {
  const config = run([]);
  expect(Object.isFrozen(config)).toBe(true);
  expect(Object.isFrozen(config.rooms)).toBe(true);
  expect(Object.isFrozen(config.origins)).toBe(true);
});

describe('--help and --version', () => {
  test('answer on a command line that is otherwise wrong', () => {
    expect(parseConfig(['--port', 'x', '--help', '--version', '--nope'], { PORT: 'y' }, 2).kind).toBe('help');
    expect(parseConfig(['-h'], {}, 2).kind).toBe('help');
    expect(parseConfig(['--shards', '999', '--version'], {}, 2)).toEqual({ kind: 'version' });
  });

  test('help names every flag, its variable and its default, in 120 columns', () => {
    const parsed = parseConfig(['--help'], {}, 2);
    const text = parsed.kind === 'help' ? parsed.text : '';
    for (const [flag, variable, fallback] of [
      ['--port', 'PORT', '2567'], ['--host', 'HOST', '0.0.0.0'], ['--shards', 'SHARDS', 'auto'],
      ['--rooms', 'ROOMS', 'the bundled demo'], ['--admin-port', 'ADMIN_PORT', '9567'],
      ['--admin-host', 'ADMIN_HOST', '127.0.0.1'], ['--log-level', 'LOG_LEVEL', 'info'],
      ['--lag-limit-ms', 'LAG_LIMIT_MS', '1000'], ['--ack-timeout-ms', 'ACK_TIMEOUT_MS', '5000'],
    ]) {
      expect(text).toMatch(new RegExp(`^ +${flag} [A-Z]+ +${variable} .*\\(${fallback}\\)$`, 'm'));
    }
    expect(text).toContain('--help');
    expect(text).toContain('--version');
    expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(120);
  });
});

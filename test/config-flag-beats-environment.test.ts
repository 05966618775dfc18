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
      seed: undefined, publicUrl: undefined, tlsCert: undefined, tlsKey: undefined, trustedProxies: [],
      connectionsPerAddressMax: 32, handshakesPerAddressPerSec: 10, limitExemptAddresses: ['127.0.0.0/8', '::1'],
      auth: undefined, reconnectGrace: 20, resumeBufferBytes: 262144, roomsMax: 10000, seatTimeoutMs: 15000,
      createTimeoutMs: 30000, drainTimeoutMs: 5000,
    });
    expect(parseConfig([], {}, 8)).toMatchObject({ kind: 'run', demo: true });
    expect(Object.keys(run([]).rooms)).toEqual(['arena', 'swarm']);
  });

  test('sets each option by flag, as two words or with an equals sign', () => {
    const argv = [
      '--port', '0', '--host=127.0.0.1', '--shards', '3', '--rooms', folder, '--admin-port=9000',
      '--admin-host', '::1', '--log-level', 'debug', '--lag-limit-ms=500', '--ack-timeout-ms', '2500',
      '--public-url', 'https://play.example.com/', '--trusted-proxies', '127.0.0.1, 10.0.0.0/8',
      '--connections-per-address-max', '1', '--handshakes-per-address-per-sec=10000', '--limit-exempt-addresses', 'none',
      '--origins', 'https://a.example,https://b.example', '--public-dir', folder, '--reconnect-grace', '0', '--rooms-max', '7',
      '--drain-timeout-ms', '0', '--payload-bytes-max', '64', '--connections-max', '5',
    ];
    expect(run(argv)).toMatchObject({
      port: 0, host: '127.0.0.1', shards: 3, adminPort: 9000, adminHost: '::1', logLevel: 'debug',
      lagLimitMs: 500, ackTimeoutMs: 2500, publicUrl: 'wss://play.example.com', trustedProxies: ['127.0.0.1', '10.0.0.0/8'],
      connectionsPerAddressMax: 1, handshakesPerAddressPerSec: 10_000, limitExemptAddresses: [],
      origins: ['https://a.example', 'https://b.example'], publicDir: folder, reconnectGrace: 0, roomsMax: 7,
      drainTimeoutMs: 0, payloadBytesMax: 64, connectionsMax: 5,
    });
    expect(run(['--origins', '*']).origins).toBe('*');
    expect(parseConfig(argv, {}, 8)).toMatchObject({ demo: false });
  });

  test('sets each option by environment variable', () => {
    const env = {
      PORT: '1', HOST: 'localhost', SHARDS: '64', ROOMS: folder, ADMIN_PORT: 'false', ADMIN_HOST: 'localhost',
      LOG_LEVEL: 'silent', LAG_LIMIT_MS: '2000', ACK_TIMEOUT_MS: '10000', PUBLIC_URL: 'ws://x:1/game/',
      TRUSTED_PROXIES: '2001:db8::/32', CONNECTIONS_PER_ADDRESS_MAX: '33', HANDSHAKES_PER_ADDRESS_PER_SEC: '11',
      LIMIT_EXEMPT_ADDRESSES: '192.0.2.1', ORIGINS: 'none', PUBLIC_DIR: folder, RECONNECT_GRACE: '3600', ROOMS_MAX: '1',
      DRAIN_TIMEOUT_MS: '600000', PAYLOAD_BYTES_MAX: '65536', CONNECTIONS_MAX: '1',
    };
    const config = run([], env);
    expect(config).toMatchObject({
      port: 1, host: 'localhost', shards: 64, adminPort: false, adminHost: 'localhost', logLevel: 'silent',
      lagLimitMs: 2000, ackTimeoutMs: 10_000, publicUrl: 'ws://x:1/game', trustedProxies: ['2001:db8::/32'],
      connectionsPerAddressMax: 33, handshakesPerAddressPerSec: 11, limitExemptAddresses: ['192.0.2.1'], origins: [],
      publicDir: folder, reconnectGrace: 3600, roomsMax: 1, drainTimeoutMs: 600_000, payloadBytesMax: 65536, connectionsMax: 1,
    });
    expect(Object.keys(config.rooms)).toEqual(['duel']);
  });

  test('puts a JWT verifier together, whose secret has no flag', () => {
    const secret = 'a secret of no less than 32 bytes';
    const config = run(['--jwt-issuer', 'https://id.example.com'], { JWT_SECRET: secret, JWT_AUDIENCE: 'game' });
    expect(config.auth).toMatchObject({ jwt: { issuer: 'https://id.example.com', audience: 'game' } });
    expect(JSON.stringify(config)).not.toContain(secret);
    expect(run(['--jwt-jwks', 'https://id.example.com/jwks.json']).auth).toEqual({
      jwt: { jwks: 'https://id.example.com/jwks.json' },
    });
    expect(parseConfig(['--jwt-secret', secret], {}, 2)).toMatchObject({ kind: 'invalid' });
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
  expect(Object.isFrozen(config.trustedProxies)).toBe(true);
  expect(Object.isFrozen(config.limitExemptAddresses)).toBe(true);
  const copied = run(['--trusted-proxies', '127.0.0.1', '--origins', 'https://a.example']);
  expect(structuredClone(copied)).toEqual(copied);
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
      ['--public-url', 'PUBLIC_URL', 'the host that was asked'], ['--tls-cert', 'TLS_CERT', 'no TLS'],
      ['--tls-key', 'TLS_KEY', 'no TLS'], ['--trusted-proxies', 'TRUSTED_PROXIES', 'none'],
      ['--connections-per-address-max', 'CONNECTIONS_PER_ADDRESS_MAX', '32'],
      ['--handshakes-per-address-per-sec', 'HANDSHAKES_PER_ADDRESS_PER_SEC', '10'],
      ['--limit-exempt-addresses', 'LIMIT_EXEMPT_ADDRESSES', '127.0.0.0/8,::1'], ['--origins', 'ORIGINS', 'none'],
      ['--public-dir', 'PUBLIC_DIR', 'none'], ['--reconnect-grace', 'RECONNECT_GRACE', '20'],
      ['--rooms-max', 'ROOMS_MAX', '10000'], ['--drain-timeout-ms', 'DRAIN_TIMEOUT_MS', '5000'],
      ['--payload-bytes-max', 'PAYLOAD_BYTES_MAX', '4096'], ['--connections-max', 'CONNECTIONS_MAX', '100000'],
      ['--jwt-jwks', 'JWT_JWKS', 'none'], ['--jwt-issuer', 'JWT_ISSUER', 'anybody who can sign them'],
      ['--jwt-audience', 'JWT_AUDIENCE', 'anybody'],
    ]) {
      expect(text).toMatch(new RegExp(`^ +${flag} [A-Z|]+ +${variable}\\n +.*\\(${fallback}\\)$`, 'm'));
    }
    expect(text).toMatch(/^ +JWT_SECRET\n +.*\(none\)$/m);
    expect(text).toContain('--help');
    expect(text).toContain('--version');
    expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(120);
  });
});

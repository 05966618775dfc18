import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ConfigError } from '../src/host/config-error.js';
import { validateServerOptions, type ServerOptions } from '../src/host/server-options.js';
import { Certificates } from './support/certificates.js';

const rooms = { arena: new URL('file:///rooms/arena.js') };

function problems(options: unknown): readonly string[] {
  try {
    validateServerOptions(options as ServerOptions, 4);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as ConfigError).code).toBe('ERR_ESCAPEMENT_CONFIG');
    return (error as ConfigError).problems;
  }
  return [];
}

test('rooms are all that is needed, and a configuration is valid as options again', () => {
  const config = validateServerOptions({ rooms, seed: undefined }, 4);
  expect(config).toMatchObject({ port: 2567, shards: 3, adminPort: 9567, origins: [], seed: undefined });
  expect(validateServerOptions(config, 4)).toEqual(config);
});

test('one error has every problem', () => {
  const found = problems({
    prot: 1, port: '2567', shards: 1.5, adminPort: true, logLevel: 'loud', payloadBytesMax: 63, idleTimeoutSec: 7,
    joinTimeoutMs: NaN, ingressRingBytes: 100_000, egressRingBytes: 2 ** 29, connectionsMax: 2 ** 20, seed: -1,
    publicDir: '/no/such/folder', host: 'a b', adminHost: '0.0.0.0', origins: 'https://x.example',
    messagesPerTickMax: 0, bytesPerSecMax: '16384',
  });
  expect(found).toHaveLength(19);
  for (const start of [
    '"prot" is no option of createServer: did you mean port?',
    'port is "2567"; expected 0 to 65535: ',
    'shards is 1.5; expected "auto" or 1 to 64: ',
    'rooms is missing; expected an object of room modules by room name: ',
    'adminPort is true; expected 0 to 65535, or false: ',
    'payloadBytesMax is 63; expected 64 to 65536 bytes: ',
    'messagesPerTickMax is 0; expected 1 to 64 messages a tick: ',
    'bytesPerSecMax is "16384"; expected 1024 to 16777216 bytes a second: ',
    'idleTimeoutSec is 7; expected 0 (never) or 8 to 960 seconds: ',
    'joinTimeoutMs is NaN; expected 100 to 60000 milliseconds: ',
    'ingressRingBytes is 100000; expected a power of two from 65536 to 268435456 bytes: ',
    'connectionsMax is 1048576; expected 1 to 1048575: ',
    'publicDir is "/no/such/folder"; expected the path of a folder that exists: ',
  ]) expect(found).toContainEqual(expect.stringMatching(new RegExp(`^${start.replace(/[().?]/g, '\\$&')}`)));
  expect(() => validateServerOptions({})).toThrow(/^rooms is missing/);
  expect(() => validateServerOptions({ rooms, port: -1, shards: 0 })).toThrow(/^2 problems:\n {2}- port is -1;/);
});

test('limits are accepted and what is beyond them is not', () => {
  const limits = {
    port: [0, 65535], shards: [1, 64], payloadBytesMax: [64, 65536], messagesPerTickMax: [1, 64],
    bytesPerSecMax: [1024, 16_777_216], idleTimeoutSec: [8, 960],
    joinTimeoutMs: [100, 60_000], lagLimitMs: [500, 4999], ackTimeoutMs: [1001, 300_000],
    connectionsMax: [1, 1_048_575], seed: [0, 4_294_967_295], connectionsPerAddressMax: [1, 1_048_575],
    handshakesPerAddressPerSec: [1, 10_000], reconnectGrace: [0, 3600], resumeBufferBytes: [4096, 16_777_216],
    roomsMax: [1, 1_000_000], seatTimeoutMs: [1000, 15_000], createTimeoutMs: [1000, 300_000], drainTimeoutMs: [0, 600_000],
  };
  for (const [key, [min, max]] of Object.entries(limits) as [string, [number, number]][]) {
    expect(problems({ rooms, [key]: min }), key).toEqual([]);
    expect(problems({ rooms, [key]: max }), key).toEqual([]);
    expect(problems({ rooms, [key]: min - 1 }), key).toHaveLength(1);
    expect(problems({ rooms, [key]: max + 1 }), key).toHaveLength(1);
  }
  expect(problems({ rooms, idleTimeoutSec: 0 })).toEqual([]);
  expect(problems({ rooms, ingressRingBytes: 65536 })).toEqual([]);
  expect(problems({ rooms, egressRingBytes: 2 ** 28 })).toEqual([]);
});

test('values that exclude each other are named together', () => {
  expect(problems({ rooms, socketSoftBytes: 262144 })).toEqual([
    expect.stringContaining('socketSoftBytes is 262144 and socketHardBytes 262144; expected the soft limit below'),
  ]);
  expect(problems({ rooms, lagLimitMs: 5000 })).toEqual([
    expect.stringContaining('ackTimeoutMs is 5000 and lagLimitMs 5000; expected the timeout above the lag limit'),
  ]);
  expect(problems({ rooms, lagLimitMs: 499 })).toEqual([expect.stringContaining('expected 500 to 60000 milliseconds')]);
  expect(problems({ rooms, payloadBytesMax: 65536, ingressRingBytes: 65536 })).toEqual([
    'payloadBytesMax is 65536; expected at most a quarter of ingressRingBytes (65536): lower it, or raise the ring',
  ]);
  expect(problems({ rooms, port: 9567 })).toHaveLength(1);
  expect(problems({ rooms, port: 9567, adminPort: false })).toEqual([]);
});

describe('rooms', () => {
  test('are URLs or paths, and become URLs', () => {
    const config = validateServerOptions({
      rooms: { a: new URL('file:///a.js'), b: 'file:///b.js', c: './c.js', ['__proto__']: 'data:text/javascript,' },
    });
    expect(Object.entries(config.rooms)).toEqual([
      ['a', 'file:///a.js'], ['b', 'file:///b.js'], ['c', pathToFileURL(resolve('c.js')).href],
      ['__proto__', 'data:text/javascript,'],
    ]);
    expect(structuredClone(config.rooms)).toBeTypeOf('object');
  });

  test.each([[[]], [{}], [null], ['x'], [new URL('file:///a.js')]])('are not %j', (value) => {
    expect(problems({ rooms: value })).toHaveLength(1);
  });

  test('have plain names and modules of this machine', () => {
    expect(problems({ rooms: { 'a b': './a.js', '': './a.js', far: 'https://x.example/a.js', n: 1, e: '' } })).toEqual([
      'rooms has the name "a b"; expected 1 to 64 letters, digits, "_" or "-": rename the room',
      'rooms has the name ""; expected 1 to 64 letters, digits, "_" or "-": rename the room',
      expect.stringMatching(/^rooms\.far is "https:\/\/x\.example\/a\.js"; expected a file: or data: URL, or a path: /),
      expect.stringMatching(/^rooms\.n is 1; /),
      expect.stringMatching(/^rooms\.e is ""; /),
    ]);
  });
});

test('origins are exact, and the problem shows the exact form', () => {
  const good = ['https://play.example.com', 'http://localhost:8080'];
  expect(validateServerOptions({ rooms, origins: good }).origins).toEqual(good);
  expect(validateServerOptions({ rooms, origins: '*' }).origins).toBe('*');
  const found = problems({ rooms, origins: ['https://A.example/', 'null', '*', 5, 'https://b.example:443'] });
  expect(found).toHaveLength(5);
  expect(found[0]).toMatch(/^origins\[0\] is "https:\/\/A\.example\/"; .*: write "https:\/\/a\.example"$/);
  expect(found[4]).toMatch(/write "https:\/\/b\.example"$/);
});

test('addresses are addresses or networks, and each that is none is named', () => {
  for (const key of ['trustedProxies', 'limitExemptAddresses'] as const) {
    const good = ['192.0.2.1', '10.0.0.0/8', '::1', '2001:db8::/32'];
    expect(validateServerOptions({ rooms, [key]: good })[key]).toEqual(good);
    expect(problems({ rooms, [key]: ['10.0.0.0/8', 'localhost', '10.0.0.0/33', 7] })).toEqual([
      `${key}[1] is "localhost"; not an IP address or network; expected such as "192.0.2.1", "10.0.0.0/8" or "2001:db8::/32"`,
      expect.stringMatching(`^${key}\\[2\\] is "10.0.0.0/33"; a network with a prefix that isn't 0 to 32; expected such as`),
      `${key}[3] is 7; expected text`,
    ]);
    expect(problems({ rooms, [key]: '127.0.0.1' })).toEqual([expect.stringContaining(`${key} is "127.0.0.1"; expected an array`)]);
  }
});

test.each([
  ['wss://play.example.com', 'wss://play.example.com'],
  ['https://play.example.com:8443/game/', 'wss://play.example.com:8443/game'],
  ['http://[2001:db8::1]:80', 'ws://[2001:db8::1]'],
])('publicUrl %s becomes %s', (url, publicUrl) => {
  expect(validateServerOptions({ rooms, publicUrl: url }).publicUrl).toBe(publicUrl);
  expect(validateServerOptions({ rooms, publicUrl }).publicUrl).toBe(publicUrl);
});

test.each(['play.example.com', 'ftp://x', 'wss://', 'wss://u:p@x', 'wss://x?token=1', 'wss://x#y', '', 7, 'javascript:alert(1)'])(
  'publicUrl is not %j',
  (publicUrl) => expect(problems({ rooms, publicUrl })).toEqual([expect.stringMatching(/^publicUrl is .*; expected a ws:, wss:/)]),
);

test('auth is a function, or says how tokens are verified', () => {
  const auth = (): null => null;
  expect(validateServerOptions({ rooms, auth }).auth).toBe(auth);
  expect(problems({ rooms, auth: 'me' })).toEqual([expect.stringMatching(/^auth is "me"; expected a function/)]);
  expect(problems({ rooms, auth: { jwt: { secret: 'short' } } })).toEqual([expect.stringMatching(/^auth\.jwt\.secret has 5 bytes/)]);
});

describe('TLS', () => {
  const files = new Certificates();
  beforeAll(() => {
    files.make('one');
    files.make('other');
    writeFileSync(files.file('text'), 'not a key');
  });
  afterAll(() => files.remove());
  const of = (certificate: string, key: string): object => ({ rooms, tlsCert: files.file(certificate), tlsKey: files.file(key) });

  test('has a certificate and its key', () => {
    expect(validateServerOptions(of('one.pem', 'one.key') as ServerOptions)).toMatchObject({ tlsCert: files.file('one.pem') });
  });

  test('has both or none', () => {
    expect(problems({ rooms, tlsKey: files.file('one.key') })).toEqual([
      'tlsCert and tlsKey: tlsCert is missing; expected both or none: add it, or remove the other for no TLS',
    ]);
  });

  test.each([
    ['none.pem', 'one.key', /^tlsCert is ".*none\.pem"; there is no such file: correct the path$/],
    ['text', 'one.key', /^tlsCert is ".*text"; not in the right form; expected a certificate in PEM/],
    ['one.pem', 'text', /^tlsKey is ".*text"; not in the right form; expected a private key in PEM, without a passphrase/],
    ['one.pem', 'other.key', /^tlsCert and tlsKey: .* are not of one pair; expected the key that the certificate was issued for$/],
  ])('with %s and %s is one problem', (certificate, key, problem) =>
    expect(problems(of(certificate, key))).toEqual([expect.stringMatching(problem)]),
  );
});

test('publicDir becomes an absolute path', () => {
  expect(validateServerOptions({ rooms, publicDir: tmpdir() }).publicDir).toBe(resolve(tmpdir()));
});

test.each([[null], [undefined], ['x'], [[]]])('options are not %j', (options) => {
  expect(problems(options)).toEqual([expect.stringMatching(/^options is .*; expected an object: /)]);
});

import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseConfig } from '../src/host/config.js';

const folder = mkdtempSync(join(tmpdir(), 'escapement-problems-'));
beforeAll(() => {
  for (const name of ['good', 'empty', 'named', 'twins']) mkdirSync(join(folder, name));
  for (const file of [
    'good/arena.js', 'good/duel-2_x.mjs', 'good/arena.js.map', 'good/arena.d.ts', 'good/notes.txt', 'good/.hidden.js',
    'empty/arena.ts', 'named/arena.test.js', 'named/two words.js', `named/${'x'.repeat(65)}.js`,
    'twins/arena.js', 'twins/arena.mjs', 'a-file',
  ]) writeFileSync(join(folder, file), '');
  mkdirSync(join(folder, 'good/folder.js'));
  symlinkSync(join(folder, 'nowhere'), join(folder, 'good/dangling.js'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function problems(argv: string[], env: NodeJS.ProcessEnv = {}): readonly string[] {
  const parsed = parseConfig(argv, env, 4);
  return parsed.kind === 'invalid' ? parsed.problems : [];
}

test('all problems of flags and environment come in one list', () => {
  expect(problems(['--port', '99999', '--shards', '0', '--frob'], { LOG_LEVEL: 'loud', ADMIN_PORT: '-1' })).toEqual([
    '"--frob" is no flag of this program: see --help',
    '--port is "99999"; expected 0 to 65535: choose a free port, or leave it out for 2567',
    '--shards is "0"; expected "auto" or 1 to 64: choose at most one for each core, or leave it out for auto',
    'ADMIN_PORT (environment) is "-1"; expected 0 to 65535, or false: choose a free port, or leave it out for 9567',
    'LOG_LEVEL (environment) is "loud"; expected one of trace, debug, info, warn, error, fatal, silent: '
      + 'choose one, or leave it out for info',
  ]);
});

describe('a number', () => {
  test.each(['', ' 1', '1.5', '1e3', '0x10', '+1', '-1', 'NaN', 'Infinity', '65536', '9'.repeat(30)])(
    'is not %j',
    (text) => {
      expect(problems(['--port', text])).toHaveLength(1);
      if (text !== '') expect(problems([], { PORT: text })).toHaveLength(1);
    },
  );
});

describe('a flag', () => {
  test.each([
    [['--prot', '99'], 'did you mean --port?'],
    [['--hosts=x'], 'did you mean --host?'],
    [['--adminport', '1'], 'did you mean --admin-port?'],
    [['--loglevel', 'info'], 'did you mean --log-level?'],
    [['-p', '99'], 'did you mean --port?'],
    [['--zzzzzzzz', 'x'], 'see --help'],
    [['--__proto__=1'], 'see --help'],
  ])('%j that does not exist is one problem with the nearest name', (argv, remedy) => {
    const found = problems(argv);
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(`${argv[0]!.split('=')[0]}" is no flag of this program: ${remedy}`);
  });

  test('without a value is named, and the next flag still counts', () => {
    const missing = '--port has no value; expected 0 to 65535: write --port N, or leave it out for 2567';
    expect(problems(['--port'])).toEqual([missing]);
    expect(problems(['--port='])).toEqual([missing]);
    expect(problems(['--port', '--shards', 'many'])).toEqual([missing, expect.stringContaining('--shards is "many"')]);
    expect(problems(['--rooms'])).toEqual([
      '--rooms has no value; expected a folder of compiled room modules: write --rooms PATH, '
        + 'or leave it out for the bundled demo',
    ]);
  });

  test('given twice is a problem, not a choice made in silence', () => {
    expect(problems(['--port', '1', '--port=2'])).toEqual([
      '--port is given 2 times ("1", "2"); expected once: keep one of them',
    ]);
  });

  test('is all that is expected: stray words are named', () => {
    expect(problems(['start', '--port', '1', '--', '--host'])).toEqual([
      '"start" is not expected here; expected flags only: remove it (see --help)',
      '"--host" is not expected here; expected flags only: remove it (see --help)',
    ]);
  });
});

describe('the admin listener', () => {
  test.each(['0.0.0.0', '::', '10.0.0.1', 'example.com', '127.0.0.1.example.com'])('is not bound to %s', (host) => {
    const [problem] = problems(['--admin-host', host]);
    expect(problem).toContain(`--admin-host is "${host}"; expected a loopback address`);
    expect(problem).toContain('no access token yet');
  });

  test('does not share the port of the game', () => {
    expect(problems(['--port', '9567'])).toEqual([
      '--port and --admin-port are both 9567; expected two ports: change one',
    ]);
    expect(problems(['--host', '192.0.2.1', '--port', '9567']), 'another address').toEqual([]);
    expect(problems(['--port', '0', '--admin-port', '0']), 'any free ones').toEqual([]);
  });
});

describe('--rooms', () => {
  test('takes each module directly in the folder as the room of its name', () => {
    const parsed = parseConfig(['--rooms', join(folder, 'good')], {}, 4);
    const rooms = parsed.kind === 'run' ? parsed.config.rooms : {};
    expect({ ...rooms }).toEqual({
      arena: pathToFileURL(join(folder, 'good/arena.js')).href,
      'duel-2_x': pathToFileURL(join(folder, 'good/duel-2_x.mjs')).href,
    });
  });

  test.each([
    ['missing', 'nothing is at that path'], ['a-file', 'it is a file'], ['a-file/x', 'nothing is at that path'],
    ['empty', 'it has none'], ['nul\0', 'cannot be read'],
  ])('refuses %j', (name, why) => {
    const found = problems(['--rooms', join(folder, name)]);
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(/^--rooms is ".*"; expected a folder with at least one \.js or \.mjs module, /);
    expect(found[0]).toContain(why);
  });

  test('names every file that cannot be a room', () => {
    const found = problems([], { ROOMS: join(folder, 'named') });
    expect(found).toHaveLength(3);
    expect(found.join('\n')).toContain(
      'ROOMS (environment) has the module "two words.js"; expected a file name of 1 to 64',
    );
    expect(problems(['--rooms', join(folder, 'twins')])).toEqual([
      '--rooms has two modules for the room "arena"; expected one: remove arena.js or arena.mjs',
    ]);
  });
});

describe('lists', () => {
  test('name each word that does not belong', () => {
    expect(problems(['--trusted-proxies', '127.0.0.1,me,10.0.0.0/99', '--origins', 'https://a.example/'])).toEqual([
      expect.stringMatching(/^--trusted-proxies has "me"; not an IP address or network; expected such as/),
      expect.stringMatching(/^--trusted-proxies has "10\.0\.0\.0\/99"; a network with a prefix that isn't 0 to 32/),
      expect.stringMatching(/^--origins has "https:\/\/a\.example\/"; .*: write "https:\/\/a\.example"$/),
    ]);
    expect(problems([], { TRUSTED_PROXIES: 'none,127.0.0.1' })).toHaveLength(1);
  });

  test('without a value say how one is written', () => {
    expect(problems(['--trusted-proxies'])).toEqual([
      '--trusted-proxies has no value; expected IP addresses or networks with commas between them, such as '
        + '127.0.0.1,10.0.0.0/8: write --trusted-proxies LIST, or leave it out for none',
    ]);
  });
});

describe('a JWT verifier', () => {
  test('is told by the names of its flags and variables, and its secret is in no problem', () => {
    const found = problems(['--jwt-jwks', '/no/such/file'], {});
    expect(found).toEqual([expect.stringMatching(/^--jwt-jwks is "\/no\/such\/file"; expected a JWKS file/)]);
    expect(problems(['--jwt-issuer', 'x'])).toEqual([expect.stringMatching(/^--jwt-issuer has neither secret nor jwks/)]);
    const [short] = problems([], { JWT_SECRET: 'hunter2' });
    expect(short).toMatch(/^JWT_SECRET \(environment\) has 7 bytes; expected at least 32/);
    expect(short).not.toContain('hunter2');
  });
});

test('TLS has both of its files', () => {
  expect(problems(['--tls-cert', '/no/such/file'])).toEqual([
    '--tls-cert is "/no/such/file"; there is no such file: correct the path',
  ]);
});

test('no value can write to the terminal through a problem', () => {
  const [problem] = problems(['--log-level', `\x1b[2J\r\n${'x'.repeat(10_000)}`]);
  expect(problem).toContain('--log-level is "\\x1b[2J\\x0d\\x0axxx');
  expect(problem!.length).toBeLessThan(300);
});

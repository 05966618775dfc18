/** The ready-made verifier of JSON Web Tokens: whom it admits, whom it refuses, and what it says to whom. */
import { createHmac, generateKeyPairSync, randomBytes, type JsonWebKey, type KeyObject } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { inspect } from 'node:util';
import { SignJWT, UnsecuredJWT } from 'jose';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { acceptAuth, loadAuth, type JwtAuthOptions } from '../src/host/auth-option.js';
import { jwtAuth, TokenRefused } from '../src/host/jwt-auth.js';
import { Refused } from '../src/host/option-check.js';

const SECRET = 'a secret of the tests, long enough';
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const otherRsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });

const folder = mkdtempSync(path.join(tmpdir(), 'escapement-jwt-'));
afterAll(() => rmSync(folder, { recursive: true }));

const jwkOf = (key: KeyObject, more: object = {}): JsonWebKey & { kty: string } =>
  ({ ...key.export({ format: 'jwk' }), ...more }) as JsonWebKey & { kty: string };

function jwksFile(...keys: unknown[]): string {
  const file = path.join(folder, `${randomBytes(6).toString('hex')}.json`);
  writeFileSync(file, JSON.stringify({ keys }));
  return file;
}

interface Making {
  readonly alg?: string;
  readonly key?: KeyObject | Uint8Array;
  readonly kid?: string;
  readonly claims?: object;
  /** From now on, in seconds; null: none. */
  readonly expiresInSec?: number | null;
}

const nowSec = (): number => Math.floor(Date.now() / 1000);

function token({ alg = 'HS256', key = Buffer.from(SECRET), kid, claims = {}, expiresInSec = 60 }: Making = {}): Promise<string> {
  const exp = expiresInSec === null ? {} : { exp: nowSec() + expiresInSec };
  return new SignJWT({ sub: 'ada', iat: nowSec(), ...exp, ...claims }).setProtectedHeader({ alg, ...(kid && { kid }) }).sign(key);
}

const rs = (more: Making = {}): Promise<string> => token({ alg: 'RS256', key: rsa.privateKey, ...more });
const es = (more: Making = {}): Promise<string> => token({ alg: 'ES256', key: ec.privateKey, ...more });

/** What a player is told, after checking that neither that nor any cause shows the token or the secret. */
async function refusal(options: JwtAuthOptions, text: string | undefined): Promise<string> {
  const error = await jwtAuth(options)(text as string).then(
    (payload) => expect.fail(`admitted ${JSON.stringify(payload)}`),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(TokenRefused);
  const refused = error as TokenRefused;
  expect(refused.retry).toBe(false);
  expect(refused.message.length).toBeLessThan(30);
  const shown = inspect(refused, { depth: 10 });
  for (const part of text === undefined ? [] : [text, ...text.split('.').slice(1)]) {
    if (part.length > 20) expect(shown).not.toContain(part);
  }
  expect(shown).not.toContain(SECRET);
  return refused.message;
}

const problemsOf = (options: unknown): string => {
  const accepted = acceptAuth({ jwt: options }, 'auth');
  expect(accepted).toBeInstanceOf(Refused);
  expect(() => jwtAuth(options as JwtAuthOptions)).toThrow(expect.objectContaining({ code: 'ERR_ESCAPEMENT_CONFIG' }));
  return (accepted as Refused).problems.join('\n');
};

describe('a token is admitted, and its claims are the answer, when it is signed', () => {
  it('by HS256 with the secret, given as text, bytes or a key', async () => {
    for (const secret of [SECRET, Buffer.from(SECRET), new Uint8Array(Buffer.from(SECRET))]) {
      await expect(jwtAuth({ secret })(await token())).resolves.toMatchObject({ sub: 'ada' });
    }
  });

  it('by RS256 or ES256 with a key of a JWKS file, given as path or URL, with or without a key id', async () => {
    const file = jwksFile(
      jwkOf(rsa.publicKey, { kid: 'r1', use: 'sig' }), jwkOf(ec.publicKey, { kid: 'e1' }),
      { kty: 'oct', k: 'AAAA' }, { kty: 'OKP', crv: 'Ed25519' },
    );
    for (const jwks of [file, path.relative(process.cwd(), file), pathToFileURL(file), pathToFileURL(file).href]) {
      const verify = jwtAuth({ jwks });
      for (const text of [await rs({ kid: 'r1' }), await rs(), await es({ kid: 'e1' }), await es()]) {
        await expect(verify(text)).resolves.toMatchObject({ sub: 'ada' });
      }
    }
  });

  it('by one of several keys, without saying by which', async () => {
    const verify = jwtAuth({ jwks: jwksFile(jwkOf(otherRsa.publicKey), jwkOf(rsa.publicKey)) });
    await expect(verify(await rs())).resolves.toMatchObject({ sub: 'ada' });
    const third = generateKeyPairSync('rsa', { modulusLength: 2048 });
    await expect(verify(await rs({ key: third.privateKey }))).rejects.toThrow(/^token not valid$/);
    await expect(verify(await rs({ expiresInSec: -60 }))).rejects.toThrow(/^token expired$/);
  });

  it('for the right audience by the right issuer, and not too long ago', async () => {
    const options = { secret: SECRET, issuer: ['us', 'them'], audience: 'game', maxTokenAgeSec: 100, clockToleranceSec: 0 };
    const claims = { iss: 'them', aud: ['shop', 'game'] };
    await expect(jwtAuth(options)(await token({ claims }))).resolves.toMatchObject({ iss: 'them' });
    expect(await refusal(options, await token({ claims: { ...claims, iss: 'others' } }))).toBe('token not valid');
    expect(await refusal(options, await token({ claims: { ...claims, aud: 'shop' } }))).toBe('token not valid');
    expect(await refusal(options, await token({ claims: { iss: 'us' } }))).toBe('token not valid');
    expect(await refusal(options, await token({ claims: { ...claims, iat: nowSec() - 110 } }))).toBe('token expired');
    expect(await refusal(options, await token({ claims: { ...claims, iat: undefined } }))).toBe('token not valid');
  });

  it('and clocks differ by five seconds at most, or as much as is said', async () => {
    await expect(jwtAuth({ secret: SECRET })(await token({ expiresInSec: -2 }))).resolves.toMatchObject({ sub: 'ada' });
    expect(await refusal({ secret: SECRET, clockToleranceSec: 0 }, await token({ expiresInSec: -2 }))).toBe('token expired');
    await expect(jwtAuth({ secret: SECRET, clockToleranceSec: 300 })(await token({ expiresInSec: -200 }))).resolves.toBeDefined();
  });
});

describe('a token is refused, in few words, that', () => {
  const options = { secret: SECRET };

  it('is expired, not valid yet, or doesn’t say until when it is valid', async () => {
    expect(await refusal(options, await token({ expiresInSec: -10 }))).toBe('token expired');
    expect(await refusal(options, await token({ claims: { nbf: nowSec() + 60 } }))).toBe('token not valid yet');
    expect(await refusal(options, await token({ expiresInSec: null }))).toBe('token not valid');
    expect(await refusal(options, await token({ claims: { exp: 'tomorrow' } }))).toBe('token not valid');
  });

  it('is signed with another secret or key, changed, or cut', async () => {
    expect(await refusal(options, await token({ key: randomBytes(32) }))).toBe('token not valid');
    const good = await token();
    const [head, body, signature] = good.split('.') as [string, string, string];
    const claims = JSON.parse(Buffer.from(body, 'base64url').toString()) as object;
    const forged = Buffer.from(JSON.stringify({ ...claims, sub: 'root' })).toString('base64url');
    expect(await refusal(options, `${head}.${forged}.${signature}`)).toBe('token not valid');
    for (const text of [`${head}.${body}.`, `${head}.${body}`, `${good}x`, `${good}.`, '.'.repeat(99), 'x'.repeat(100_000)]) {
      expect(await refusal(options, text)).toBe('token not valid');
    }
    const jwks = jwksFile(jwkOf(rsa.publicKey, { kid: 'r1' }), jwkOf(ec.publicKey, { kid: 'e1' }));
    expect(await refusal({ jwks }, await rs({ key: otherRsa.privateKey, kid: 'r1' }))).toBe('token not valid');
    expect(await refusal({ jwks }, await rs({ kid: 'unknown' }))).toBe('token not valid');
    expect(await refusal({ jwks }, await es({ kid: 'r1' }))).toBe('token not valid');
  });

  it('is missing', async () => {
    expect(await refusal(options, '')).toBe('token missing');
    expect(await refusal(options, undefined)).toBe('token missing');
  });

  it('claims that it needs no signature', async () => {
    const none = new UnsecuredJWT({ sub: 'ada', exp: nowSec() + 60 }).encode();
    const jwks = jwksFile(jwkOf(rsa.publicKey));
    for (const each of [options, { jwks }]) {
      for (const alg of ['none', 'None', 'NONE', '']) {
        const head = Buffer.from(JSON.stringify({ alg })).toString('base64url');
        expect(await refusal(each, `${head}.${none.split('.')[1]}.`)).toBe('token not valid');
      }
    }
  });

  it('is signed by HS256 with the public key, which is no secret', async () => {
    const publicKey = jwkOf(rsa.publicKey, { kid: 'r1' });
    const jwks = jwksFile(publicKey);
    const head = Buffer.from(JSON.stringify({ alg: 'HS256', kid: 'r1' })).toString('base64url');
    const body = Buffer.from(JSON.stringify({ sub: 'root', exp: nowSec() + 60 })).toString('base64url');
    for (const secret of [
      rsa.publicKey.export({ type: 'spki', format: 'pem' }), rsa.publicKey.export({ type: 'spki', format: 'der' }),
      rsa.publicKey.export({ type: 'pkcs1', format: 'pem' }), JSON.stringify(publicKey), publicKey.n!,
    ]) {
      const signature = createHmac('sha256', secret).update(`${head}.${body}`).digest('base64url');
      expect(await refusal({ jwks }, `${head}.${body}.${signature}`)).toBe('token not valid');
    }
  });

  it('is signed by an algorithm that isn’t asked for', async () => {
    const jwks = jwksFile(jwkOf(rsa.publicKey), jwkOf(ec.publicKey));
    expect(await refusal({ jwks, algorithms: ['ES256'] }, await rs())).toBe('token not valid');
    await expect(jwtAuth({ jwks, algorithms: ['ES256'] })(await es())).resolves.toBeDefined();
    expect(await refusal({ jwks }, await rs({ alg: 'RS512' }))).toBe('token not valid');
    expect(await refusal(options, await token({ alg: 'HS512', key: randomBytes(64) }))).toBe('token not valid');
  });

  it('brings its own key', async () => {
    const head = { alg: 'RS256', jwk: otherRsa.publicKey.export({ format: 'jwk' }) };
    const text = await new SignJWT({ exp: nowSec() + 60 }).setProtectedHeader(head as never).sign(otherRsa.privateKey);
    expect(await refusal({ jwks: jwksFile(jwkOf(rsa.publicKey)) }, text)).toBe('token not valid');
  });
});

describe('keys at a URL', () => {
  let server: Server;
  let url: string;
  let keys: unknown[] = [];
  let fetches = 0;
  let answer: (response: ServerResponse) => void;
  const quick = { timeoutMs: 5000, cooldownMs: 0, maxAgeMs: 600_000 };

  beforeEach(async () => {
    keys = [jwkOf(rsa.publicKey, { kid: 'k1' })];
    fetches = 0;
    answer = (response) => response.setHeader('content-type', 'application/json').end(JSON.stringify({ keys }));
    server = createServer((_, response) => {
      fetches += 1;
      answer(response);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks.json`;
  });
  afterEach(async () => {
    if (!server.listening) return;
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  });

  const again = { name: 'TokenRefused', retry: true, message: expect.stringContaining('try again') };

  it('are fetched when the first token comes, once for all that come with it, and kept', async () => {
    const verify = jwtAuth({ jwks: url });
    expect(fetches).toBe(0);
    const text = await rs({ kid: 'k1' });
    await Promise.all(Array.from({ length: 20 }, () => verify(text)));
    await expect(jwtAuth({ jwks: new URL(url) })(text)).resolves.toMatchObject({ sub: 'ada' });
    await verify(text);
    expect(fetches).toBe(2);
  });

  it('are fetched again when a token names a new one', async () => {
    const verify = jwtAuth({ jwks: url }, quick);
    await verify(await rs({ kid: 'k1' }));
    keys = [jwkOf(otherRsa.publicKey, { kid: 'k2' }), jwkOf(rsa.publicKey, { kid: 'k1' })];
    await expect(verify(await rs({ kid: 'k2', key: otherRsa.privateKey }))).resolves.toMatchObject({ sub: 'ada' });
    await verify(await rs({ kid: 'k1' }));
    expect(fetches).toBe(2);
  });

  it('are not fetched again and again for keys that somebody makes up, who may try later', async () => {
    const verify = jwtAuth({ jwks: url });
    await expect(verify(await rs({ kid: 'made up' }))).rejects.toMatchObject({ message: 'token not valid', retry: false });
    for (let i = 0; i < 20; i += 1) await expect(verify(await rs({ kid: `made up ${i}` }))).rejects.toMatchObject(again);
    expect(fetches).toBe(1);
    const forged = await rs({ kid: 'k1', key: otherRsa.privateKey });
    await expect(verify(forged)).rejects.toMatchObject({ message: 'token not valid', retry: false });
  });

  it('that were withdrawn are of no use once they are fetched again', async () => {
    const verify = jwtAuth({ jwks: url }, { ...quick, maxAgeMs: 0 });
    const text = await rs({ kid: 'k1' });
    await verify(text);
    keys = [jwkOf(otherRsa.publicKey, { kid: 'k2' })];
    await expect(verify(text)).rejects.toMatchObject({ message: 'token not valid' });
  });

  it.each<[string, (response: ServerResponse) => void]>([
    ['an error', (response) => response.writeHead(503).end('later')],
    ['a redirect', (response) => response.writeHead(302, { location: '/elsewhere' }).end()],
    ['what is no JSON', (response) => response.end('<html>')],
    ['what is no JWKS', (response) => response.end('{"keys": 7}')],
    ['a broken connection', (response) => response.destroy()],
  ])('that answers with %s: the token is refused, and may be taken at the next try', async (_, broken) => {
    const good = answer;
    answer = broken;
    const verify = jwtAuth({ jwks: url });
    const text = await rs({ kid: 'k1' });
    const error = await verify(text).catch((reason: unknown) => reason);
    expect(error).toMatchObject(again);
    expect((error as Error).message).not.toContain('127.0.0.1');
    expect((error as Error).cause).toBeInstanceOf(Error);
    answer = good;
    await expect(verify(text)).resolves.toMatchObject({ sub: 'ada' });
  });

  it('that doesn’t answer in time, or isn’t there: the token may be tried again', async () => {
    answer = () => {};
    const verify = jwtAuth({ jwks: url }, { ...quick, timeoutMs: 50 });
    const text = await rs({ kid: 'k1' });
    await expect(verify(text)).rejects.toMatchObject(again);
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
    await expect(verify(text)).rejects.toMatchObject(again);
  });

  it('aren’t asked for a token that HS256 or nothing has signed', async () => {
    const verify = jwtAuth({ jwks: url });
    await expect(verify(await token())).rejects.toMatchObject({ message: 'token not valid', retry: false });
    await expect(verify(new UnsecuredJWT({ exp: nowSec() + 60 }).encode())).rejects.toMatchObject({ retry: false });
    expect(fetches).toBe(0);
  });
});

describe('the option auth', () => {
  it('is a function, or an object with jwt and nothing else', async () => {
    const own = (): boolean => true;
    expect(acceptAuth(own, 'auth')).toBe(own);
    expect(await loadAuth(own)).toBe(own);
    for (const value of [undefined, null, true, 'jwt', [], {}, { jwt: { secret: SECRET }, more: 1 }]) {
      expect(acceptAuth(value, 'auth')).toBeUndefined();
    }
    const accepted = acceptAuth({ jwt: { secret: SECRET, audience: 'game' } }, 'auth') as { jwt: JwtAuthOptions };
    const verify = await loadAuth(accepted);
    await expect(verify(await token({ claims: { aud: 'game' } }), {} as never)).resolves.toMatchObject({ aud: 'game' });
    // What is checked is valid as an option, as all of the configuration is; and printing it doesn't show the secret.
    expect(acceptAuth(accepted, 'auth')).toEqual(accepted);
    expect(Object.isFrozen(accepted.jwt)).toBe(true);
    expect(JSON.stringify(accepted)).not.toContain('tests');
    expect(inspect(accepted, { depth: 9, showHidden: true })).not.toContain('tests');
  });

  it('needs a secret or a JWKS, and not both', () => {
    expect(problemsOf({})).toMatch(/^auth.jwt has neither secret nor jwks; expected one of them: /);
    expect(problemsOf({ secret: SECRET, jwks: 'k' })).toMatch(/^auth.jwt has both secret and jwks; expected one of them: /);
    expect(problemsOf(undefined)).toMatch(/^auth.jwt is undefined; expected an object/);
    expect(problemsOf({ secret: SECRET, algorithm: 'HS256' })).toMatch(/^auth.jwt has "algorithm"; expected only secret, /);
  });

  it('needs a secret that isn’t guessed, and doesn’t show it', () => {
    for (const secret of ['hunter2', Buffer.from('hunter2'), '']) {
      const problem = problemsOf({ secret });
      expect(problem).toMatch(/^auth.jwt.secret has [07] bytes; expected at least 32, .*: make one with "openssl rand /);
      expect(problem).not.toContain('hunter2');
    }
    expect(problemsOf({ secret: 7 })).toMatch(/^auth.jwt.secret is not text or bytes/);
    expect(problemsOf({ secret: 'é'.repeat(15) })).toContain('30 bytes');
  });

  it('takes no algorithm that doesn’t go with the keys', () => {
    const jwks = jwksFile(jwkOf(rsa.publicKey));
    expect(problemsOf({ jwks, algorithms: ['HS256'] })).toContain('["HS256"]; expected some of RS256, ES256');
    expect(problemsOf({ jwks, algorithms: ['RS256', 'none'] })).toContain('["RS256", "none"]');
    expect(problemsOf({ secret: SECRET, algorithms: ['RS256'] })).toContain('expected some of HS256');
    expect(problemsOf({ secret: SECRET, algorithms: [] })).toContain('is []');
  });

  it('names every value that is out of range', () => {
    const problems = problemsOf({ secret: SECRET, issuer: '', audience: [], maxTokenAgeSec: 0, clockToleranceSec: 301 });
    expect(problems.split('\n').map((problem) => problem.split(';')[0])).toEqual([
      'auth.jwt.issuer is ""',
      'auth.jwt.audience is an array of 0',
      'auth.jwt.maxTokenAgeSec is 0',
      'auth.jwt.clockToleranceSec is 301',
    ]);
  });

  it('names the JWKS file that can’t be used, and what to do', () => {
    const weak = generateKeyPairSync('rsa', { modulusLength: 1024 });
    const text = path.join(folder, 'text.json');
    writeFileSync(text, 'keys');
    for (const [jwks, problem] of [
      [path.join(folder, 'absent.json'), 'nothing is at that path: give the path of the issuer’s public keys'],
      [folder, 'it cannot be read (EISDIR)'],
      [text, 'it is not JSON'],
      [jwksFile(), 'it has none among 0'],
      [jwksFile({ kty: 'oct', k: 'AAAA' }, jwkOf(ec.publicKey, { use: 'enc' })), 'it has none among 2'],
      [jwksFile(jwkOf(rsa.publicKey), jwkOf(ec.privateKey)), 'keys[1] is a private key; expected public ones only'],
      [jwksFile(jwkOf(weak.publicKey)), 'keys[0] is of RSA with 1024 bits; expected at least 2048'],
      [jwksFile({ kty: 'RSA', n: '!', e: 7 }), 'keys[0] is not a key that can be read'],
      [jwksFile('key'), 'keys[0] is not an object'],
    ] as const) {
      expect(problemsOf({ jwks })).toContain(problem);
      expect(problemsOf({ jwks })).toContain('auth.jwt.jwks is "');
    }
    writeFileSync(text, '[]');
    expect(problemsOf({ jwks: text })).toContain('it has no array "keys"');
  });

  it('takes no URL but http and https, without a password, and shows no more of it than the host', () => {
    expect(problemsOf({ jwks: 'ftp://id.example.com/x?secret' })).toBe(
      'auth.jwt.jwks is a URL ftp://id.example.com; expected http: or https:, or the path of a file: correct it',
    );
    const problem = problemsOf({ jwks: 'https://me:hunter2@id.example.com/x' });
    expect(problem).toContain('auth.jwt.jwks is a URL https://id.example.com with a user name or password');
    expect(problem).not.toContain('hunter2');
    for (const jwks of [7, '', 'a\0b']) {
      expect(problemsOf({ jwks })).toMatch(/^auth.jwt.jwks is .*; expected the path of a JWKS file/);
    }
  });
});

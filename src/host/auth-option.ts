/** The `auth` option of createServer: a function, or what the ready-made verifier of JSON Web Tokens is to go by. */
import { createPublicKey, createSecretKey, KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ServerAuth } from './admission.js';
import { refuse, Refused, shown, type Checked } from './option-check.js';

export const jwtAlgorithms = ['HS256', 'RS256', 'ES256'] as const;
export type JwtAlgorithm = (typeof jwtAlgorithms)[number];

/** How tokens are verified. Exactly one of `secret` and `jwks` is required. */
export interface JwtAuthOptions {
  /**
   * Secret that tokens are signed with by HS256, at least 32 bytes; of a string its UTF-8 bytes, it is not decoded. A key
   * object of Node is taken too: it is what the checked options hold, since printing one doesn't show the secret.
   */
  secret?: string | Uint8Array | KeyObject;
  /**
   * Public keys that tokens are signed with by RS256 or ES256: path of a JWKS file, or its http(s) URL. A file is read once,
   * at the start. A URL is fetched when the first token comes; again when a token names a key that isn't there, but not within
   * 30 s of the last time; and after 10 minutes. An answer is waited for 5 s. While the URL can't be reached, tokens are
   * refused with `retry: true`. Use https beyond the machine: whoever can change the answer can let anybody in.
   */
  jwks?: string | URL;
  /** Algorithms accepted. HS256 with a secret; RS256, ES256 or both with a JWKS. Default: all of those. */
  algorithms?: readonly JwtAlgorithm[];
  /** Who the claim `iss` must name: one of these. Default: not looked at. */
  issuer?: string | readonly string[];
  /** Who the claim `aud` must name: one of these. Default: not looked at. */
  audience?: string | readonly string[];
  /** Seconds since the claim `iat` after which a token is refused even if it isn't expired. 1 to 31536000. Default: no limit. */
  maxTokenAgeSec?: number;
  /** Seconds that clocks may differ by, for `exp`, `nbf` and `iat`. 0 to 300. Default 5. */
  clockToleranceSec?: number;
}

/** What `createServer({ auth })` takes. */
export type AuthOption = ServerAuth | { readonly jwt: JwtAuthOptions };

/** `JwtAuthOptions` checked and complete. */
export interface JwtRules {
  readonly key: KeyObject | { readonly jwks: JwkSet } | { readonly url: URL };
  readonly algorithms: readonly JwtAlgorithm[];
  readonly issuer: readonly string[] | undefined;
  readonly audience: readonly string[] | undefined;
  readonly maxTokenAgeSec: number | undefined;
  readonly clockToleranceSec: number;
}

/** A key of RFC 7517; Node's own type of it has another name in each of its versions. */
interface Jwk {
  readonly kty: string;
  readonly use?: string;
  readonly [member: string]: unknown;
}

export interface JwkSet {
  readonly keys: Jwk[];
}

/** As many as HS256 makes of them (RFC 7518, section 3.2). */
const SECRET_BYTES_MIN = 32;
/** RFC 7518, section 3.3. */
const RSA_BITS_MIN = 2048;

const OPTION_NAMES = ['secret', 'jwks', 'algorithms', 'issuer', 'audience', 'maxTokenAgeSec', 'clockToleranceSec'];
const SECRET_REMEDY = 'make one with "openssl rand -base64 32"';

/** Takes what createServer was given as `auth`; undefined when it is neither a function nor an object with `jwt`. */
export function acceptAuth(value: unknown, where: string): Checked<AuthOption> | undefined {
  if (typeof value === 'function') return value as ServerAuth;
  if (typeof value !== 'object' || value === null || Object.keys(value).join() !== 'jwt') return undefined;
  const { jwt } = value as { jwt: JwtAuthOptions };
  const rules = checkJwtOptions(jwt, `${where}.jwt`);
  if (rules instanceof Refused) return rules;
  const secret = rules.key instanceof KeyObject ? rules.key : undefined;
  return Object.freeze({ jwt: Object.freeze({ ...jwt, ...(secret === undefined ? {} : { secret }) }) });
}

/** The function that a checked option stands for. The verifier is loaded only by who uses it. */
export async function loadAuth(option: AuthOption): Promise<ServerAuth> {
  if (typeof option === 'function') return option;
  const { jwtAuth } = await import('./jwt-auth.js');
  return jwtAuth(option.jwt);
}

/** Checks the options of the verifier, and reads the JWKS when it is a file. Secrets are in no problem. */
export function checkJwtOptions(options: JwtAuthOptions, where: string): Checked<JwtRules> {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    return refuse(where, options, 'an object with secret or jwks', 'such as { jwks: "https://id.example.com/jwks.json" }');
  }
  const problems: string[] = [];
  const settle = <T>(checked: Checked<T>): T | undefined => {
    if (!(checked instanceof Refused)) return checked;
    problems.push(...checked.problems);
    return undefined;
  };
  for (const name of Object.keys(options)) {
    if (OPTION_NAMES.includes(name)) continue;
    problems.push(`${where} has ${shown(name)}; expected only ${OPTION_NAMES.join(', ')}: remove it`);
  }
  const { secret, jwks, algorithms, issuer, audience, maxTokenAgeSec, clockToleranceSec = 5 } = options;
  const count = Number(secret !== undefined) + Number(jwks !== undefined);
  if (count !== 1) {
    problems.push(`${where} has ${count === 0 ? 'neither secret nor jwks' : 'both secret and jwks'}; expected one of them: `
      + 'secret for HS256, jwks for RS256 and ES256');
  }
  const key = count !== 1 ? undefined : settle<JwtRules['key']>(
    secret !== undefined ? checkSecret(secret, `${where}.secret`) : checkJwks(jwks!, `${where}.jwks`),
  );
  const possible = jwks === undefined ? (['HS256'] as const) : (['RS256', 'ES256'] as const);
  const rules = {
    key,
    algorithms: settle(checkAlgorithms(algorithms ?? possible, possible, where)),
    issuer: settle(checkNames(issuer, `${where}.issuer`)),
    audience: settle(checkNames(audience, `${where}.audience`)),
    maxTokenAgeSec: maxTokenAgeSec === undefined ? undefined : settle(
      checkSeconds(maxTokenAgeSec, 1, 31_536_000, `${where}.maxTokenAgeSec`, 'leave it out for no limit'),
    ),
    clockToleranceSec: settle(checkSeconds(clockToleranceSec, 0, 300, `${where}.clockToleranceSec`, 'leave it out for 5')),
  };
  return problems.length > 0 ? new Refused(problems) : Object.freeze(rules as JwtRules);
}

function checkSecret(secret: unknown, where: string): Checked<KeyObject> {
  if (secret instanceof KeyObject && secret.type === 'secret') return longEnough(secret, where);
  if (typeof secret === 'string') return longEnough(createSecretKey(secret, 'utf8'), where);
  if (secret instanceof Uint8Array) return longEnough(createSecretKey(secret), where);
  return new Refused([`${where} is not text or bytes; expected at least ${SECRET_BYTES_MIN} bytes: ${SECRET_REMEDY}`]);
}

function longEnough(key: KeyObject, where: string): Checked<KeyObject> {
  const bytes = key.symmetricKeySize!;
  if (bytes >= SECRET_BYTES_MIN) return key;
  return new Refused([`${where} has ${bytes} bytes; expected at least ${SECRET_BYTES_MIN}, not to be guessed: ${SECRET_REMEDY}`]);
}

function checkAlgorithms(value: unknown, possible: readonly JwtAlgorithm[], where: string): Checked<readonly JwtAlgorithm[]> {
  if (Array.isArray(value) && value.length > 0 && value.every((each) => possible.includes(each as JwtAlgorithm))) {
    return Object.freeze([...(value as JwtAlgorithm[])]);
  }
  const seen = Array.isArray(value) ? `[${value.map(shown).join(', ')}]` : shown(value);
  // A public key is no secret: HS256 with it would let in whoever has read the JWKS.
  return new Refused([`${where}.algorithms is ${seen}; expected some of ${possible.join(', ')}, `
    + `which go with ${possible[0] === 'HS256' ? 'a secret' : 'a JWKS'}: leave it out for all of those`]);
}

function checkNames(value: unknown, where: string): Checked<readonly string[] | undefined> {
  if (value === undefined) return undefined;
  const names: unknown[] = Array.isArray(value) ? value : [value];
  if (names.length > 0 && names.every((name) => typeof name === 'string' && name !== '')) {
    return Object.freeze([...(names as string[])]);
  }
  return refuse(where, value, 'a text or an array of them, none empty', 'leave it out to accept any');
}

function checkSeconds(value: unknown, min: number, max: number, where: string, remedy: string): Checked<number> {
  if (typeof value === 'number' && value >= min && value <= max) return value;
  return refuse(where, value, `${min} to ${max} seconds`, remedy);
}

function checkJwks(value: unknown, where: string): Checked<JwtRules['key']> {
  if (!(value instanceof URL) && (typeof value !== 'string' || value === '' || value.includes('\0'))) {
    return refuse(where, value, 'the path of a JWKS file, or its http(s) URL', 'such as "https://id.example.com/jwks.json"');
  }
  // "C:\keys.json" is a path, though a URL could begin like that.
  const isPath = typeof value === 'string' && !(/^[a-z\d+.-]+:\/\//i.test(value) && URL.canParse(value));
  if (isPath) return readJwks(resolve(value), where);
  const url = new URL(value);
  if (url.protocol === 'file:') return readJwks(fileURLToPath(url), where);
  // What else the URL holds may be a secret.
  const place = `${where} is a URL ${url.protocol}//${url.host}`;
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    return new Refused([`${place}; expected http: or https:, or the path of a file: correct it`]);
  }
  if (url.username !== '' || url.password !== '') {
    return new Refused([`${place} with a user name or password; expected none, as a JWKS is public: remove them`]);
  }
  return { url };
}

function readJwks(file: string, where: string): Checked<{ jwks: JwkSet }> {
  const remedy = 'give the path of the issuer’s public keys, a JSON file such as {"keys": [{"kty": "RSA", ...}]}';
  let keys: unknown;
  try {
    keys = (JSON.parse(readFileSync(file, 'utf8')) as JwkSet | null)?.keys;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why = code === 'ENOENT' || code === 'ENOTDIR' ? 'nothing is at that path'
      : code !== undefined ? `it cannot be read (${code})` : 'it is not JSON';
    return refuse(where, file, `a JWKS file; ${why}`, remedy);
  }
  if (!Array.isArray(keys)) return refuse(where, file, 'a JWKS file; it has no array "keys"', remedy);
  const problems: string[] = [];
  const usable = (keys as unknown[]).filter((key, index): key is JwkSet['keys'][number] => {
    const found = checkJwk(key);
    if (typeof found === 'string') problems.push(`${where} is ${shown(file)}, whose keys[${index}] ${found}`);
    return found === true;
  });
  if (problems.length > 0) return new Refused(problems);
  if (usable.length === 0) {
    return refuse(where, file, `a JWKS file with an RSA or P-256 key for signatures; it has none among ${keys.length}`, remedy);
  }
  return { jwks: { keys: usable } };
}

/** Whether signatures can be verified with a key of a JWKS, or what is wrong with it. */
function checkJwk(value: unknown): boolean | string {
  if (typeof value !== 'object' || value === null) return 'is not an object; expected a JSON Web Key: remove it';
  const jwk = value as Partial<Jwk>;
  const isKind = jwk.kty === 'RSA' || (jwk.kty === 'EC' && jwk.crv === 'P-256');
  if (!isKind || (jwk.use !== undefined && jwk.use !== 'sig')) return false;
  if (jwk.d !== undefined) return 'is a private key; expected public ones only: take the public JWKS, and replace that key';
  try {
    const bits = createPublicKey({ key: jwk, format: 'jwk' }).asymmetricKeyDetails?.modulusLength;
    if (bits === undefined || bits >= RSA_BITS_MIN) return true;
    return `is of RSA with ${bits} bits; expected at least ${RSA_BITS_MIN}: make a longer one`;
  } catch {
    return 'is not a key that can be read; expected a JSON Web Key as in RFC 7517: correct or remove it';
  }
}

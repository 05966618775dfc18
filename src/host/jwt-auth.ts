/**
 * The ready-made verifier of JSON Web Tokens, with jose: for createServer's `auth`, or as the `onAuth` of a room. It is the
 * package's `escapement/auth`, and no part of `escapement`: room modules import that in every shard, where jose isn't needed.
 *
 * What a player learns of a refusal is a few words; the error's `cause` has the rest. Neither has the token or the secret.
 */
import { KeyObject } from 'node:crypto';
import {
  createLocalJWKSet, createRemoteJWKSet, errors, jwtVerify,
  type CryptoKey, type JWTPayload, type JWTVerifyGetKey, type JWTVerifyOptions,
} from 'jose';
import type { AuthRequest } from '../protocol/control.js';
import { checkJwtOptions, type JwtAuthOptions } from './auth-option.js';
import { ConfigError } from './config-error.js';
import { Refused } from './option-check.js';

export type { JwtAlgorithm, JwtAuthOptions } from './auth-option.js';
export type { JWTPayload } from 'jose';

/** Why a token is refused, in words for the player who sent it. */
export class TokenRefused extends Error {
  override readonly name = 'TokenRefused';
  readonly code = 'ERR_ESCAPEMENT_TOKEN';

  /** @param retry nothing is known to be wrong with the token: the same one may be taken later */
  constructor(reason: string, readonly retry: boolean, cause?: unknown) {
    super(reason, cause === undefined ? undefined : { cause });
  }
}

/** How a JWKS is fetched. */
export interface JwksFetching {
  /** Longest wait for an answer. */
  readonly timeoutMs: number;
  /** A key that isn't there has them fetched again, but not so soon after the last time: tokens are made up easily. */
  readonly cooldownMs: number;
  /** They are fetched again after so long, so that a key that was withdrawn is of no use any more. */
  readonly maxAgeMs: number;
}

const JWKS_FETCHING: JwksFetching = { timeoutMs: 5000, cooldownMs: 30_000, maxAgeMs: 600_000 };

/**
 * Makes the function that verifies a token and answers its claims, which are then `client.auth`. The signature, `exp`, which
 * is required, `nbf`, and whatever the options say are checked.
 *
 * ```ts
 * const server = await createServer({ rooms, auth: { jwt: { jwks: 'https://id.example.com/jwks.json', audience: 'my-game' } } });
 * ```
 *
 * The function rejects with a TokenRefused: "token expired", "token not valid yet", "token not valid", "token missing", or with
 * `retry: true` when the keys to verify it with can't be had.
 *
 * @throws ConfigError with every problem of the options, a JWKS file that can't be used among them
 */
export function jwtAuth(
  options: JwtAuthOptions,
  fetching = JWKS_FETCHING,
): (token: string, request?: AuthRequest) => Promise<JWTPayload> {
  const rules = checkJwtOptions(options, 'jwt');
  if (rules instanceof Refused) throw new ConfigError(rules.problems);
  const { key, algorithms, issuer, audience, maxTokenAgeSec, clockToleranceSec } = rules;
  const checks: JWTVerifyOptions = {
    algorithms: [...algorithms],
    issuer: issuer && [...issuer],
    audience: audience && [...audience],
    maxTokenAge: maxTokenAgeSec,
    clockTolerance: clockToleranceSec,
    requiredClaims: ['exp'],
  };
  const keyFor = key instanceof KeyObject
    ? async () => key
    : 'url' in key ? remoteKeys(key.url, fetching) : createLocalJWKSet(key.jwks);
  return async (token) => {
    if (typeof token !== 'string' || token === '') throw new TokenRefused('token missing', false);
    try {
      return await verify(token, keyFor as JWTVerifyGetKey, checks);
    } catch (error) {
      throw refusalOf(error);
    }
  };
}

async function verify(token: string, keyFor: JWTVerifyGetKey, checks: JWTVerifyOptions): Promise<JWTPayload> {
  try {
    return (await jwtVerify(token, keyFor, checks)).payload;
  } catch (error) {
    if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error;
    // A token that doesn't say which key it is signed with, while the issuer has several: one of them it must be.
    for await (const key of error as AsyncIterable<CryptoKey>) {
      try {
        return (await jwtVerify(token, key, checks)).payload;
      } catch (failure) {
        if (!(failure instanceof errors.JWSSignatureVerificationFailed)) throw failure;
      }
    }
    throw error;
  }
}

/** Keys from a URL. Whatever keeps them from being had is told apart from what is wrong with a token. */
function remoteKeys(url: URL, { timeoutMs, cooldownMs, maxAgeMs }: JwksFetching): JWTVerifyGetKey {
  const keys = createRemoteJWKSet(url, { timeoutDuration: timeoutMs, cooldownDuration: cooldownMs, cacheMaxAge: maxAgeMs });
  return async (header, token) => {
    const mayBeOld = keys.coolingDown;
    try {
      return await keys(header, token);
    } catch (error) {
      if (error instanceof errors.JWKSMultipleMatchingKeys || error instanceof errors.JOSENotSupported) throw error;
      if (!(error instanceof errors.JWKSNoMatchingKey)) {
        throw new TokenRefused('the token can’t be verified at the moment; try again', true, error);
      }
      // It may be signed with a key that came since: that is known once they have been fetched again.
      if (mayBeOld) throw new TokenRefused('the token’s key is not known yet; try again in half a minute', true, error);
      throw error;
    }
  };
}

function refusalOf(error: unknown): TokenRefused {
  if (error instanceof TokenRefused) return error;
  if (error instanceof errors.JWTExpired) return new TokenRefused('token expired', false, error);
  const isEarly = error instanceof errors.JWTClaimValidationFailed && error.claim === 'nbf' && error.reason === 'check_failed';
  return new TokenRefused(isEarly ? 'token not valid yet' : 'token not valid', false, error);
}

/** What the command line and the environment say of a JWT verifier: together they are `auth: { jwt: { ... } }`. */

export interface JwtSetting {
  /** The member of `jwt` that it is. */
  readonly part: 'secret' | 'jwks' | 'issuer' | 'audience';
  /** A secret has none: flags show in lists of processes. */
  readonly flag?: string;
  readonly env: string;
  readonly valueName: string;
  readonly about: string;
  readonly expected: string;
  readonly defaultText: string;
}

export const jwtSettings: readonly JwtSetting[] = [
  {
    part: 'jwks', flag: 'jwt-jwks', env: 'JWT_JWKS', valueName: 'PATH|URL',
    about: 'public keys (JWKS) of who signs the tokens of players', expected: 'the path of a file, or an https: URL',
    defaultText: 'none',
  },
  {
    part: 'issuer', flag: 'jwt-issuer', env: 'JWT_ISSUER', valueName: 'TEXT', about: 'who has to have issued the tokens',
    expected: 'the "iss" of your tokens', defaultText: 'anybody who can sign them',
  },
  {
    part: 'audience', flag: 'jwt-audience', env: 'JWT_AUDIENCE', valueName: 'TEXT', about: 'whom the tokens have to be for',
    expected: 'the "aud" of your tokens', defaultText: 'anybody',
  },
  {
    part: 'secret', env: 'JWT_SECRET', valueName: '', about: 'secret that the tokens are signed with (HS256)',
    expected: 'the secret', defaultText: 'none',
  },
];

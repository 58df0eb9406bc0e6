/**
 * A token service that exists in memory only: its documents, its keys, a clock that a test turns and a fetch that counts. What it would
 * never issue, a test signs with its keys.
 */

import { VerificationError } from '../../sdk/verification-error.ts';
import { createVerifier, type Verified, type Verifier, type VerifierOptions } from '../../sdk/verifier.ts';
import { AUDIENCE, CLIENT, ISSUER, keyPair, NOW, signJws, type TestKeyPair } from '../support/builders.ts';

export const JWKS_URI = `${ISSUER}/jwks`;
export const METADATA_URL = `${ISSUER}/.well-known/oauth-authorization-server`;
export const REVOKED_KEYS_URI = `${ISSUER}/revoked-keys`;
export const INTROSPECTION_ENDPOINT = `${ISSUER}/introspect`;

type Answer = () => Response | Promise<Response>;

export interface VerifierWorld {
  /** Epoch seconds. */
  now: number;
  /** What is published. */
  keys: readonly TestKeyPair[];
  /** Answers in place of the ordinary ones, by URL. */
  readonly answers: Map<string, Answer>;
  /** Every URL that was fetched. */
  readonly fetched: string[];
  readonly inits: RequestInit[];
  verifier(options?: Partial<VerifierOptions>): Verifier;
}

export const json = (value: unknown, status = 200): Response => Response.json(value, { status });

export const verifierWorld = async (): Promise<VerifierWorld> => {
  const world: VerifierWorld = {
    now: NOW,
    keys: [await keyPair('ES256', 'sign-1')],
    answers: new Map(),
    fetched: [],
    inits: [],
    verifier: (options = {}) =>
      createVerifier({
        issuer: ISSUER,
        audience: AUDIENCE,
        now: () => world.now,
        fetch: async (url, init) => {
          world.fetched.push(url);
          world.inits.push(init);
          return (world.answers.get(url) ?? ordinary(world, url))();
        },
        ...options,
      }),
  };
  return world;
};

export const published = ({ publicJwk, kid, algorithm: alg }: TestKeyPair) => ({ ...publicJwk, kid, alg, use: 'sig' });

const ordinary =
  (world: VerifierWorld, url: string): Answer =>
  () => {
    if (url === METADATA_URL) return json(METADATA);
    if (url === JWKS_URI) return json({ keys: world.keys.map(published) });
    return json({ error: 'not_found' }, 404);
  };

export const METADATA = {
  issuer: ISSUER,
  jwks_uri: JWKS_URI,
  revoked_keys_uri: REVOKED_KEYS_URI,
  introspection_endpoint: INTROSPECTION_ENDPOINT,
};

/** What our service puts into a token, issued at `NOW` for ten minutes; a claim that is changed to `undefined` is left out. */
export const tokenClaims = (changes: object = {}) => ({
  iss: ISSUER,
  aud: AUDIENCE,
  sub: CLIENT,
  client_id: CLIENT,
  iat: NOW,
  exp: NOW + 600,
  jti: 'token-1',
  scope: 'read write',
  ...changes,
});

export const tokenOf = (pair: TestKeyPair, claims: object = {}, header: object = {}): string =>
  signJws(pair, { alg: pair.algorithm, typ: 'at+jwt', kid: pair.kid, ...header }, tokenClaims(claims));

export const signingKey = (): Promise<TestKeyPair> => keyPair('ES256', 'sign-1');

/** `accepted`, what was refused and why, or what could not be had. */
export const outcomeOf = async (verified: Promise<Verified>): Promise<string> => {
  try {
    await verified;
    return 'accepted';
  } catch (error) {
    if (error instanceof VerificationError) return error.message;
    if (error instanceof Error && error.name === 'Unavailable') return `unavailable: ${error.message}`;
    throw error;
  }
};

/** A request that presents it. */
export const requestOf = (authorization: string | undefined, headers: Readonly<Record<string, string>> = {}) =>
  new Request('https://api.example.com/whoami?page=2', {
    headers: { ...(authorization === undefined ? {} : { authorization }), ...headers },
  });

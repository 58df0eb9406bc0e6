/** The verifier of a resource server: is this request's access token (RFC 9068) good here and now, and what does it allow? */

import { DEFAULT_ALGORITHMS, requireAsymmetric } from './algorithms.ts';
import { readClaims, type TokenClaims } from './claims.ts';
import { type CompactJws, parseCompactJws } from './compact-jws.ts';
import { PROOF_ALGORITHMS } from './dpop-proof.ts';
import { createIntrospection, type Introspect, type IntrospectionOptions } from './introspection.ts';
import { createKeySet, type KeySet } from './key-set.ts';
import { type PresentedRequest, type RequestLike, readRequest } from './presented-request.ts';
import { type Binding, createPossession, type DpopOptions, type ProvePossession } from './proof-of-possession.ts';
import { invalidToken, Refusal } from './refusal.ts';
import { type Fetch, isTrustworthyUrl } from './remote-document.ts';
import { createRevokedKeys, type RevokedKeys } from './revoked-keys.ts';
import { createMetadata, locate } from './server-metadata.ts';
import { type ChallengeContext, VerificationError } from './verification-error.ts';

export interface VerifierOptions extends Omit<ChallengeContext, 'dpopAlgorithms'> {
  /** Of the realm: exactly as its tokens say it. Its metadata (RFC 8414) leads to everything else. */
  readonly issuer: string;
  /** The name of this resource server, as it is registered; or several names. */
  readonly audience: string | readonly string[];
  /** What every request needs, all of them. @default [] */
  readonly scopes?: readonly string[];
  /** @default - `jwks_uri` of the metadata */
  readonly jwksUri?: string;
  /** Asymmetric ones only. @default RS256, PS256, ES256, ES384, ES512, EdDSA, Ed25519 */
  readonly algorithms?: readonly string[];
  /** By how much clocks may differ. @default 60 */
  readonly clockToleranceSeconds?: number;
  /**
   * No older key set is ever used. It is renewed from half of this age on, so the other half bridges an outage of the token service.
   * @default 600
   */
  readonly maxKeyAgeSeconds?: number;
  /** Least time between two attempts to renew keys, whatever tokens come in. @default 30 */
  readonly cooldownSeconds?: number;
  /** Whether to read the signed list of revoked keys. @default - only if `revokedKeysUri` is given */
  readonly checkRevokedKeys?: boolean;
  /** @default - `revoked_keys_uri` of the metadata */
  readonly revokedKeysUri?: string;
  /** @default - the token service is not asked about single tokens */
  readonly introspection?: IntrospectionOptions;
  /**
   * Refuses tokens that are not bound in this way, whatever the token service issues: those of before the audience had its rule, say.
   * @default - a token that is bound has to be proved, one that is not is taken as it comes
   */
  readonly binding?: Binding;
  readonly dpop?: DpopOptions;
  /** @default - the global one */
  readonly fetch?: Fetch;
  /** Epoch seconds. @default - the clock of the machine */
  readonly now?: () => number;
}

export interface VerifyOptions {
  /** What this request needs beside the verifier's own scopes. */
  readonly scopes?: readonly string[];
  /**
   * SHA-256 of the client certificate (DER) of this request's TLS connection, base64url: `certificateThumbprint`. Take it from the TLS
   * library or from a proxy that sets it on every request, never from a header that a client can send.
   */
  readonly certificateThumbprint?: string;
}

export type Verified = TokenClaims;

export interface Verifier {
  /**
   * @param request a request; or a token alone, which then must not be bound to a DPoP key.
   * @throws VerificationError when it is refused.
   * @throws Unavailable when nobody can say now.
   */
  verify(request: string | RequestLike, options?: VerifyOptions): Promise<Verified>;
}

interface Checks {
  readonly issuer: string;
  readonly audiences: readonly string[];
  readonly scopes: readonly string[];
  readonly algorithms: readonly string[];
  readonly toleranceSeconds: number;
  readonly now: () => number;
  readonly keys: KeySet;
  readonly revokedKeys: RevokedKeys | undefined;
  readonly introspect: Introspect | undefined;
  readonly provePossession: ProvePossession;
}

/**
 * Opens no connection before the first token comes in.
 * @throws TypeError for settings with which nothing, or too much, would be let in.
 */
export const createVerifier = (options: VerifierOptions): Verifier => {
  const checks = checksOf(options);
  const { realm, resourceMetadata } = options;
  const context: ChallengeContext = {
    ...(realm === undefined ? {} : { realm }),
    ...(resourceMetadata === undefined ? {} : { resourceMetadata }),
    dpopAlgorithms: PROOF_ALGORITHMS,
  };
  return {
    async verify(request, asked = {}) {
      let presented: PresentedRequest | undefined;
      try {
        presented = typeof request === 'string' ? aloneToken(request) : readRequest(request);
        return await check(checks, presented, asked);
      } catch (error) {
        throw error instanceof Refusal ? new VerificationError(error, schemeOf(presented, error), context) : error;
      }
    },
  };
};

const aloneToken = (token: string): PresentedRequest => ({ token, scheme: 'Bearer', proof: undefined });

/** RFC 9449 7.1: whoever sent a bound token as Bearer is told the scheme that it needs. */
const schemeOf = (presented: PresentedRequest | undefined, { reason }: Refusal): 'Bearer' | 'DPoP' | undefined =>
  reason === 'bound_token_as_bearer' ? 'DPoP' : presented?.scheme;

/** A token of the service is well below this. */
const MAX_TOKEN_LENGTH = 8_192;

const check = async (checks: Checks, presented: PresentedRequest, asked: VerifyOptions): Promise<Verified> => {
  const parsed = parseCompactJws(presented.token, MAX_TOKEN_LENGTH);
  if (typeof parsed === 'string') throw invalidToken(parsed);
  await checkSignature(checks, parsed);
  const claims = readClaims(parsed.claims, checks, checks.now());
  if (await checks.revokedKeys?.has(parsed.header.kid)) throw invalidToken('key_revoked');
  const useUp = await checks.provePossession(claims.confirmation, presented, asked.certificateThumbprint);
  const scopes = [...checks.scopes, ...(asked.scopes ?? [])];
  if (!scopes.every((scope) => claims.scopes.includes(scope))) {
    throw new Refusal('insufficient_scope', 'scope', { scopes });
  }
  await checks.introspect?.(presented.token, claims.expiresAt);
  await useUp();
  return claims;
};

const checkSignature = async ({ algorithms, keys }: Checks, token: CompactJws): Promise<void> => {
  const { typ } = token.header;
  // RFC 9068 4, RFC 7515 4.1.9: an ID token or a client assertion of the same issuer is no access token.
  if (typ !== 'at+jwt' && typ !== 'application/at+jwt') throw invalidToken('typ');
  const fault = await keys.verify(token, algorithms);
  if (fault !== undefined) throw fault;
};

const checksOf = (options: VerifierOptions): Checks => {
  const { issuer, scopes = [], introspection } = options;
  const audiences = [options.audience].flat();
  if (audiences.length === 0 || audiences.includes('')) throw new TypeError('audience: there has to be one');
  requireUrls({ issuer, jwksUri: options.jwksUri, revokedKeysUri: options.revokedKeysUri });
  requireUrls({ 'introspection.endpoint': introspection?.endpoint, 'dpop.origin': options.dpop?.origin });
  const toleranceSeconds = period('clockToleranceSeconds', options.clockToleranceSeconds ?? 60, 0, 600);
  const algorithms = requireAsymmetric(options.algorithms ?? DEFAULT_ALGORITHMS);
  const now = options.now ?? (() => Math.floor(Date.now() / 1_000));
  const provePossession = createPossession({ ...options.dpop, binding: options.binding, toleranceSeconds, now });
  return { issuer, audiences, scopes, algorithms, toleranceSeconds, now, provePossession, ...sources(options, now) };
};

/** What is asked of the token service. */
const sources = (options: VerifierOptions, now: () => number): Pick<Checks, 'keys' | 'revokedKeys' | 'introspect'> => {
  const { issuer, jwksUri, revokedKeysUri, introspection, clockToleranceSeconds: toleranceSeconds = 60 } = options;
  const cooldownSeconds = period('cooldownSeconds', options.cooldownSeconds ?? 30, 1, 3_600);
  const maxKeyAgeSeconds = period('maxKeyAgeSeconds', options.maxKeyAgeSeconds ?? 600, 10, 86_400);
  // Called as a function of nobody, which Workers insist on.
  const fetch: Fetch = options.fetch ?? ((url, init) => globalThis.fetch(url, init));
  const metadata = createMetadata(issuer, fetch, now, cooldownSeconds);
  const keys = createKeySet({
    ...{ fetch, now, maxKeyAgeSeconds, cooldownSeconds },
    url: () => locate(jwksUri, metadata, 'jwksUri'),
  });
  const isListRead = options.checkRevokedKeys ?? revokedKeysUri !== undefined;
  const listUrl = () => locate(revokedKeysUri, metadata, 'revokedKeysUri');
  const askedAt = () => locate(introspection?.endpoint, metadata, 'introspectionEndpoint');
  return {
    keys,
    revokedKeys: isListRead
      ? createRevokedKeys({ issuer, keys, fetch, now, toleranceSeconds, cooldownSeconds, url: listUrl })
      : undefined,
    introspect: introspection && createIntrospection({ ...introspection, fetch, now, url: askedAt }),
  };
};

const requireUrls = (urls: Readonly<Record<string, string | undefined>>): void => {
  const wrong = Object.entries(urls).find(([, url]) => url !== undefined && !isTrustworthyUrl(url));
  if (wrong !== undefined) throw new TypeError(`${wrong[0]}: not an https URL`);
};

const period = (name: string, seconds: number, least: number, most: number): number => {
  if (!(seconds >= least && seconds <= most)) throw new TypeError(`${name}: not from ${least} to ${most}`);
  return seconds;
};

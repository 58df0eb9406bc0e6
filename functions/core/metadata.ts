/**
 * What we publish about ourselves: authorization server metadata (RFC 8414) and the JWKS (RFC 7517). Computed from the same
 * settings and the same ring that rule behaviour, so that the documents cannot say anything else than what is done.
 */

import type { JWK } from 'jose';
import { algorithmFacts, JWS_ALGORITHMS, type JwsAlgorithm, PUBLIC_KEY_MEMBERS, wireNames } from './algorithms.ts';
import { certificateMembers } from './certificate.ts';
import { type KeyRing, publishedKeys, type SigningKey } from './key-ring.ts';
import { GRANT_TYPES } from './grant-type.ts';

export interface MetadataSettings {
  readonly issuer: string;
  /** Rings of the realm. */
  readonly algorithms: readonly string[];
}

export const tokenEndpoint = (issuer: string): string => `${issuer}/token`;

/** RFC 8414 2. No authorization endpoint exists, so `response_types_supported` holds the registered value for "nothing". */
export const authorizationServerMetadata = ({ issuer }: Pick<MetadataSettings, 'issuer'>) => ({
  issuer,
  token_endpoint: tokenEndpoint(issuer),
  jwks_uri: `${issuer}/jwks`,
  // Ours alone: a signed list of signing keys that were revoked (docs/key-rotation.md).
  revoked_keys_uri: `${issuer}/revoked-keys`,
  response_types_supported: ['none'],
  grant_types_supported: GRANT_TYPES,
  token_endpoint_auth_methods_supported: ['private_key_jwt'],
  token_endpoint_auth_signing_alg_values_supported: JWS_ALGORITHMS.flatMap(wireNames),
});

/**
 * The same under the name that API Gateway's JWT authorizer and most libraries look for (OpenID Connect Discovery 3), with
 * the members that document requires. No ID token is ever issued; the algorithms are those of the access tokens.
 */
export const openidConfiguration = ({ issuer, algorithms }: MetadataSettings) => ({
  ...authorizationServerMetadata({ issuer }),
  // Required there, and MSAL and others do not load without it. It answers that nobody can be authorized here.
  authorization_endpoint: `${issuer}/authorize`,
  subject_types_supported: ['public'],
  id_token_signing_alg_values_supported: algorithms,
});

/**
 * A published JWK: public members by name, so that nothing else can slip out, and always in the same order, so that equal
 * rings give equal bytes.
 */
const publishedJwk = ({ jwk, kid, certificates }: SigningKey, alg: JwsAlgorithm): JWK => {
  const { kty } = algorithmFacts(alg);
  const members = Object.entries(jwk).filter(([name]) => PUBLIC_KEY_MEMBERS[kty].includes(name));
  return {
    kty,
    ...Object.fromEntries(members.sort(([a], [b]) => (a < b ? -1 : 1))),
    kid,
    use: 'sig',
    alg,
    ...certificateMembers(certificates),
  };
};

/** A pure function of the rings: same versions, same bytes (RFC 7517 5). */
export const jwks = (rings: readonly KeyRing[]): { readonly keys: readonly JWK[] } => ({
  keys: [...rings]
    .sort((a, b) => (a.algorithm < b.algorithm ? -1 : 1))
    .flatMap((ring) => publishedKeys(ring).map((key) => publishedJwk(key, ring.algorithm))),
});

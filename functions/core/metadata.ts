/**
 * What we publish about ourselves: authorization server metadata (RFC 8414) and the JWKS (RFC 7517). Computed from the same
 * settings and the same ring that rule behaviour, so that the documents cannot say anything else than what is done.
 */

import type { JWK } from 'jose';
import { algorithmFacts, JWS_ALGORITHMS, type JwsAlgorithm, PUBLIC_KEY_MEMBERS, wireNames } from './algorithms.ts';
import { certificateMembers } from './certificate.ts';
import { defaultAlgorithm } from './default-algorithm.ts';
import { PROOF_ALGORITHM_NAMES } from './dpop-proof.ts';
import { type KeyRing, publishedKeys, type SigningKey } from './key-ring.ts';
import type { RealmTerms } from './realm.ts';

export const tokenEndpoint = (issuer: string): string => `${issuer}/token`;
export const introspectionEndpoint = (issuer: string): string => `${issuer}/introspect`;
export const revocationEndpoint = (issuer: string): string => `${issuer}/revoke`;

/**
 * RFC 8414 2, RFC 8705 5, RFC 9449 5.1, RFC 9396 10, RFC 9701 7: what is on in this realm, and nothing else. No authorization endpoint exists, so
 * `response_types_supported` holds the registered value for "nothing".
 * @param rings of the realm, which say what signs now.
 */
export const authorizationServerMetadata = (realm: RealmTerms, rings: readonly KeyRing[]) => {
  const { issuer, clientSecrets, grantTypes, authorizationDetailsTypes: types, mutualTlsUrl } = realm;
  const methods = [
    'private_key_jwt',
    ...(mutualTlsUrl === undefined ? [] : ['tls_client_auth', 'self_signed_tls_client_auth']),
    ...(clientSecrets ? ['client_secret_basic', 'client_secret_post'] : []),
  ];
  const assertionAlgorithms = JWS_ALGORITHMS.flatMap(wireNames);
  return {
    issuer,
    token_endpoint: tokenEndpoint(issuer),
    jwks_uri: `${issuer}/jwks`,
    // Ours alone: a signed list of signing keys that were revoked (docs/key-rotation.md).
    revoked_keys_uri: `${issuer}/revoked-keys`,
    registration_endpoint: registrationEndpoint(issuer),
    response_types_supported: ['none'],
    grant_types_supported: grantTypes,
    token_endpoint_auth_methods_supported: methods,
    token_endpoint_auth_signing_alg_values_supported: assertionAlgorithms,
    introspection_endpoint: introspectionEndpoint(issuer),
    introspection_endpoint_auth_methods_supported: methods,
    introspection_endpoint_auth_signing_alg_values_supported: assertionAlgorithms,
    // RFC 9701 7
    introspection_signing_alg_values_supported: signingAlgorithms(realm, rings),
    revocation_endpoint: revocationEndpoint(issuer),
    revocation_endpoint_auth_methods_supported: methods,
    revocation_endpoint_auth_signing_alg_values_supported: assertionAlgorithms,
    dpop_signing_alg_values_supported: PROOF_ALGORITHM_NAMES,
    ...(types.length === 0 ? {} : { authorization_details_types_supported: types }),
    ...(mutualTlsUrl === undefined
      ? {}
      : {
          tls_client_certificate_bound_access_tokens: true,
          mtls_endpoint_aliases: {
            token_endpoint: tokenEndpoint(mutualTlsUrl),
            introspection_endpoint: introspectionEndpoint(mutualTlsUrl),
            revocation_endpoint: revocationEndpoint(mutualTlsUrl),
          },
        }),
  };
};

/** What the realm says that it signs with, and what it signs with as long as nothing of that can. */
const signingAlgorithms = (realm: RealmTerms, rings: readonly KeyRing[]): readonly JwsAlgorithm[] => [
  ...new Set([...realm.algorithms, defaultAlgorithm(realm, rings)]),
];

/** RFC 7591 3 */
export const registrationEndpoint = (issuer: string): string => `${issuer}/register`;

/**
 * The same under the name that API Gateway's JWT authorizer and most libraries look for (OpenID Connect Discovery 3), with
 * the members that document requires. No ID token is ever issued; the algorithms are those of the access tokens.
 */
export const openidConfiguration = (realm: RealmTerms, rings: readonly KeyRing[]) => ({
  ...authorizationServerMetadata(realm, rings),
  // Required there, and MSAL and others do not load without it. It answers that nobody can be authorized here.
  authorization_endpoint: `${realm.issuer}/authorize`,
  subject_types_supported: ['public'],
  id_token_signing_alg_values_supported: signingAlgorithms(realm, rings),
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

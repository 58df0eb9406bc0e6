import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JWS_ALGORITHMS } from '../../functions/core/algorithms.ts';
import { defaultAlgorithm } from '../../functions/core/default-algorithm.ts';
import { authorizationServerMetadata, jwks, openidConfiguration } from '../../functions/core/metadata.ts';
import {
  type RealmDefaults,
  type RealmPolicy,
  type RealmTerms,
  realmTerms,
  untouchedRealm,
} from '../../functions/core/realm.ts';
import { ISSUER, keyPair, REALM, realmDefaults, ring, signingKey } from '../support/builders.ts';

const ASSERTION_ALGORITHMS = [
  ...['RS256', 'PS256', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'],
  ...['ML-DSA-44', 'ML-DSA-65', 'ML-DSA-87'],
];

const SERVER_METADATA = {
  issuer: ISSUER,
  token_endpoint: `${ISSUER}/token`,
  jwks_uri: `${ISSUER}/jwks`,
  revoked_keys_uri: `${ISSUER}/revoked-keys`,
  registration_endpoint: `${ISSUER}/register`,
  response_types_supported: ['none'],
  grant_types_supported: [
    'client_credentials',
    'urn:ietf:params:oauth:grant-type:jwt-bearer',
    'urn:ietf:params:oauth:grant-type:token-exchange',
  ],
  token_endpoint_auth_methods_supported: ['private_key_jwt'],
  token_endpoint_auth_signing_alg_values_supported: ASSERTION_ALGORITHMS,
  introspection_endpoint: `${ISSUER}/introspect`,
  introspection_endpoint_auth_methods_supported: ['private_key_jwt'],
  introspection_endpoint_auth_signing_alg_values_supported: ASSERTION_ALGORITHMS,
  introspection_signing_alg_values_supported: realmDefaults().algorithms,
  revocation_endpoint: `${ISSUER}/revoke`,
  revocation_endpoint_auth_methods_supported: ['private_key_jwt'],
  revocation_endpoint_auth_signing_alg_values_supported: ASSERTION_ALGORITHMS,
  dpop_signing_alg_values_supported: ['RS256', 'PS256', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'],
};

const pair = await keyPair('ES256', 'any');
/** Both algorithms of the realm sign. */
const RINGS = [
  ring('RS256', [signingKey(await keyPair('RS256', 'rs'))]),
  ring('ES256', [signingKey(await keyPair('ES256', 'es'))]),
];

const terms = (policy: RealmPolicy = {}, defaults: Partial<RealmDefaults> = {}, name = REALM): RealmTerms =>
  realmTerms({ ...untouchedRealm(name), policy }, realmDefaults(defaults));

describe('the metadata', () => {
  it('is this document, to the member (RFC 8414 2)', () => {
    expect(authorizationServerMetadata(terms(), RINGS)).toEqual(SERVER_METADATA);
  });

  it('is repeated for OpenID libraries, with the members that these require', () => {
    expect(openidConfiguration(terms(), RINGS)).toEqual({
      ...SERVER_METADATA,
      authorization_endpoint: `${ISSUER}/authorize`,
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: ['RS256', 'ES256'],
    });
  });

  it('never offers none or a symmetric algorithm (RFC 8414 2, RFC 8725 3.2)', () => {
    const everything = terms({ clientSecrets: true }, { mutualTlsUrl: 'https://mtls.example.com' });
    expect(JSON.stringify(authorizationServerMetadata(everything, RINGS))).not.toMatch(/"none"(?!\])|HS\d/);
  });

  const SECRETS = ['client_secret_basic', 'client_secret_post'];
  const CERTIFICATES = ['tls_client_auth', 'self_signed_tls_client_auth'];
  it.each([
    [{}, {}, ['private_key_jwt']],
    [{ clientSecrets: false }, {}, ['private_key_jwt']],
    [{ clientSecrets: true }, {}, ['private_key_jwt', ...SECRETS]],
    [{}, { mutualTlsUrl: 'https://mtls.example.com' }, ['private_key_jwt', ...CERTIFICATES]],
    [
      { clientSecrets: true },
      { mutualTlsUrl: 'https://mtls.example.com' },
      ['private_key_jwt', ...CERTIFICATES, ...SECRETS],
    ],
  ])('names the ways to authenticate that are on with %j and %j', (policy, defaults, methods) => {
    const metadata = authorizationServerMetadata(terms(policy, defaults), RINGS);
    expect([
      metadata.token_endpoint_auth_methods_supported,
      metadata.introspection_endpoint_auth_methods_supported,
      metadata.revocation_endpoint_auth_methods_supported,
    ]).toEqual([methods, methods, methods]);
  });

  it.each(['https://mtls.example.com', undefined])(
    'sends clients with a certificate to the door that asks for one, if there is one: %s (RFC 8705 3.3, 5)',
    (mutualTlsUrl) => {
      const metadata = authorizationServerMetadata(
        terms({}, mutualTlsUrl === undefined ? {} : { mutualTlsUrl }, 'emea'),
        RINGS,
      );
      expect([metadata.tls_client_certificate_bound_access_tokens, metadata.mtls_endpoint_aliases]).toEqual(
        mutualTlsUrl === undefined
          ? [undefined, undefined]
          : [
              true,
              {
                token_endpoint: 'https://mtls.example.com/realms/emea/token',
                introspection_endpoint: 'https://mtls.example.com/realms/emea/introspect',
                revocation_endpoint: 'https://mtls.example.com/realms/emea/revoke',
              },
            ],
      );
      expect(metadata.token_endpoint).toBe(`${ISSUER}/realms/emea/token`);
    },
  );

  it('names the grants that the realm answers, and no other', () => {
    const metadata = authorizationServerMetadata(terms({ grantTypes: ['client_credentials'] }), RINGS);
    expect(metadata.grant_types_supported).toEqual(['client_credentials']);
  });

  it.each([
    [[], undefined],
    [['payment'], ['payment']],
  ])('names the types of authorization details that its audiences may declare: %j (RFC 9396 10)', (types, named) => {
    const metadata = authorizationServerMetadata(terms({ authorizationDetailsTypes: types }), RINGS);
    expect(metadata.authorization_details_types_supported).toEqual(named);
    expect('authorization_details_types_supported' in metadata).toBe(named !== undefined);
  });
});

describe('the algorithms that the metadata names', () => {
  const ofRealm = fc.uniqueArray(fc.constantFrom(...JWS_ALGORITHMS), { minLength: 1, maxLength: 3 });
  const hasRing = fc.constantFrom('none', 'standby', 'signs');

  it('are those of the realm, and with them whatever signs where nobody has chosen (RFC 9701 7)', () => {
    fc.assert(
      fc.property(ofRealm, fc.array(hasRing, { minLength: 9, maxLength: 9 }), (algorithms, states) => {
        const rings = JWS_ALGORITHMS.flatMap((algorithm, index) => {
          const { activatedAt: _at, ...standby } = signingKey(pair);
          const key = states[index] === 'signs' ? signingKey(pair) : { ...standby, state: 'standby' as const };
          return (states[index] ?? 'none') === 'none' ? [] : [ring(algorithm, [key])];
        });
        const realm = terms({ algorithms });
        const { introspection_signing_alg_values_supported: named } = authorizationServerMetadata(realm, rings);
        expect(new Set(named)).toEqual(new Set([...algorithms, defaultAlgorithm(realm, rings)]));
        expect(named.length).toBe(new Set(named).size);
        expect(openidConfiguration(realm, rings).id_token_signing_alg_values_supported).toEqual(named);
      }),
    );
  });

  it('include that of a ring that signs still, until one of the realm can', () => {
    const realm = terms({ algorithms: ['ES384'] });
    const named = (rings = RINGS) =>
      authorizationServerMetadata(realm, rings).introspection_signing_alg_values_supported;
    expect([named(), named([]), named([...RINGS, ring('ES384', [signingKey(pair)])])]).toEqual([
      ...[['ES384', 'RS256'], ['ES384'], ['ES384']],
    ]);
  });
});

describe('the JWKS', () => {
  const PRIVATE = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv', 'seed'];

  it('is this document for a ring of each kind', async () => {
    const [rs, es] = [await keyPair('RS256'), await keyPair('ES256')];
    const rings = [ring('RS256', [signingKey(rs)]), ring('ES256', [signingKey(es)])];
    const more = { use: 'sig' };
    expect(JSON.stringify(jwks(rings))).toBe(
      JSON.stringify({
        keys: [
          { kty: 'EC', crv: 'P-256', x: es.publicJwk.x, y: es.publicJwk.y, kid: es.thumbprint, ...more, alg: 'ES256' },
          { kty: 'RSA', e: 'AQAB', n: rs.publicJwk.n, kid: rs.thumbprint, ...more, alg: 'RS256' },
        ],
      }),
    );
  });

  it('shows retiring, active and standby keys, oldest first, and none in another state', async () => {
    const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
    const pairs = await Promise.all(names.map((name) => keyPair('ES256', name)));
    const states = ['retiring', 'active', 'standby', 'created', 'retired', 'revoked', 'pending-deletion'] as const;
    const keys = pairs.map((pair, index) => signingKey(pair, { state: states[index] ?? 'created' }));
    expect(jwks([ring('ES256', keys)]).keys.map((key) => key.kid)).toEqual(
      pairs.slice(0, 3).map((pair) => pair.thumbprint),
    );
  });

  it('is the same bytes in whatever order the rings and the members of their keys come', async () => {
    const rings = await Promise.all(
      JWS_ALGORITHMS.map(async (algorithm) => ring(algorithm, [signingKey(await keyPair(algorithm))])),
    );
    const bytes = JSON.stringify(jwks(rings));
    const order = fc.shuffledSubarray([...JWS_ALGORITHMS.keys()], { minLength: rings.length });
    fc.assert(
      fc.property(order, fc.boolean(), (indexes, isReversed) => {
        const shuffled = indexes.flatMap((index) => rings.slice(index, index + 1));
        const turned = shuffled.map((each) => ({
          ...each,
          keys: each.keys.map((key) => ({
            ...key,
            jwk: isReversed ? { kty: '', ...Object.fromEntries(Object.entries(key.jwk).reverse()) } : key.jwk,
          })),
        }));
        expect(JSON.stringify(jwks(turned))).toBe(bytes);
      }),
      { numRuns: 200 },
    );
  });

  it.each(JWS_ALGORITHMS)('holds no private member of a %s key, whatever was stored', async (algorithm) => {
    const pair = await keyPair(algorithm);
    const jwk = {
      ...(await crypto.subtle.exportKey('jwk', pair.privateKey)),
      ...pair.publicJwk,
      oth: [],
      k: 'x',
      kid: 'other',
      note: 'x',
    };
    const [published] = jwks([ring(algorithm, [signingKey(pair, { jwk })])]).keys;
    expect(published).toEqual({ ...pair.publicJwk, kid: pair.thumbprint, use: 'sig', alg: algorithm });
    expect(Object.keys(published ?? {}).filter((name) => PRIVATE.includes(name))).toEqual([]);
  });

  it('is empty for no ring', () => {
    expect(jwks([])).toEqual({ keys: [] });
  });
});

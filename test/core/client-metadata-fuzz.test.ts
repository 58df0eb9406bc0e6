/** Metadata that nobody has thought of: nothing throws, and no key comes of them that should not prove anybody. */

import { generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import { calculateJwkThumbprint, exportJWK, importJWK } from 'jose';
import { describe, expect, it } from 'vitest';
import { parseClientMetadata } from '../../functions/core/client-metadata.ts';
import { REGISTRABLE_METHODS } from '../../functions/core/client-registration.ts';
import { GRANT_TYPES } from '../../functions/core/grant-type.ts';
import { parseStrictJson } from '../../functions/core/strict-json.ts';
import { keyPair, NOW } from '../support/builders.ts';
import { certifiedKey, publicJwkOf } from '../support/client-metadata.ts';

const MEMBERS = [
  ...['jwks', 'jwks_uri', 'token_endpoint_auth_method', 'token_endpoint_auth_signing_alg', 'grant_types'],
  ...['response_types', 'redirect_uris', 'client_name', 'contacts', 'software_statement', '__proto__', 'constructor'],
  ...['dpop_bound_access_tokens', 'tls_client_certificate_bound_access_tokens', 'keys', 'toString'],
];
const PRIVATE = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv', 'seed'];

const pairs = await Promise.all((['RS256', 'ES256', 'ES384', 'EdDSA'] as const).map((alg) => keyPair(alg, 'fuzz')));
const good = [...pairs.map(publicJwkOf), (await certifiedKey()).jwk];
const bad = [
  ...(await Promise.all(pairs.map(({ privateKey }) => exportJWK(privateKey)))),
  generateKeyPairSync('rsa', { modulusLength: 1_024 }).publicKey.export({ format: 'jwk' }),
  generateKeyPairSync('rsa', { modulusLength: 2_048, publicExponent: 3 }).publicKey.export({ format: 'jwk' }),
  // The neutral element: anybody's signature is one of this key (RFC 8032 5.1).
  { kty: 'OKP', crv: 'Ed25519', x: Buffer.from([1, ...Array(31).fill(0)]).toString('base64url') },
  { kty: 'oct', k: 'c2VjcmV0' },
];

/** Parses, and looks at all that came of it. @returns the thumbprints that were taken. */
const taken = async (body: unknown): Promise<readonly string[] | undefined> => {
  const limits = { methods: REGISTRABLE_METHODS, grantTypes: GRANT_TYPES, known: [] };
  const parsed = await parseClientMetadata(body, limits, NOW);
  if (!parsed.ok) {
    expect(parsed.refusal).toMatchObject({
      reason: 'client_metadata_refused',
      detail: expect.stringMatching(/^[ -!#-[\]-~]+$/),
    });
    return undefined;
  }
  const { keys, jwksUri, method } = parsed.value;
  expect(keys.length === 0).toBe(jwksUri !== undefined);
  expect(keys.length).toBeLessThanOrEqual(10);
  expect(REGISTRABLE_METHODS).toContain(method);
  for (const { jwk, thumbprint, algorithm, x5tS256 } of keys) {
    expect(Object.keys(jwk).filter((name) => PRIVATE.includes(name))).toEqual([]);
    expect(await calculateJwkThumbprint(jwk)).toBe(thumbprint);
    await expect(importJWK(jwk, algorithm)).resolves.toBeDefined();
    if (method === 'self_signed_tls_client_auth') expect(x5tS256).toMatch(/^[A-Za-z0-9_-]{43}$/);
  }
  return keys.map(({ thumbprint }) => thumbprint);
};

const value = fc.oneof(
  fc.jsonValue({ maxDepth: 3 }),
  fc.constantFrom(...MEMBERS, ...REGISTRABLE_METHODS, ...GRANT_TYPES),
);

describe('any value at all', () => {
  it('is answered with a value', async () => {
    await fc.assert(
      fc.asyncProperty(fc.anything({ withNullPrototype: true, withBigInt: true, withDate: true }), async (body) => {
        expect(await taken(body)).toBeUndefined();
      }),
      { numRuns: 1_000 },
    );
  });

  it('is answered with a value when it has the members that metadata have, also as text', async () => {
    const body = fc.dictionary(fc.constantFrom(...MEMBERS), value, { maxKeys: 8 });
    await fc.assert(
      fc.asyncProperty(body, async (members) => {
        await taken(members);
        await taken(parseStrictJson(JSON.stringify(members)));
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('a key that should prove nobody', () => {
  it.each(bad)('is refused by itself: $kty $crv', async (jwk) => {
    expect(await taken({ jwks: { keys: [jwk] } })).toBeUndefined();
  });

  it('is refused among good ones, wherever it stands and whatever is said beside it', async () => {
    const names = fc.constantFrom('kid', 'alg', 'use', 'key_ops', 'x5t', 'ext', 'nonsense');
    const said = fc.dictionary(names, fc.oneof(fc.string(), fc.constantFrom('RS256', 'ES256', 'sig', 'EdDSA')), {
      maxKeys: 3,
    });
    const several = fc.tuple(fc.subarray(good), fc.constantFrom(...bad), fc.subarray(good), said);
    await fc.assert(
      fc.asyncProperty(several, value, async ([before, wrong, after, more], client_name) => {
        expect(
          await taken({ jwks: { keys: [...before, { ...wrong, ...more }, ...after] }, client_name }),
        ).toBeUndefined();
      }),
      { numRuns: 300 },
    );
  });

  it('does not come of a good one to which a private member was added', async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...good), fc.constantFrom(...PRIVATE), value, async (jwk, name, secret) => {
        fc.pre(secret !== undefined);
        expect(await taken({ jwks: { keys: [{ ...jwk, [name]: secret }] } })).toBeUndefined();
      }),
      { numRuns: 300 },
    );
  });

  it('does not come of a good one of which a member was changed: what is taken is a sound key by its own name', async () => {
    const cut = (text: string, at: number, by: string): string =>
      text.slice(0, at % text.length) + by + text.slice(1 + (at % text.length));
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...good),
        fc.nat(3),
        fc.nat(400),
        fc.constantFrom('', 'A', '_', '=', 'é'),
        async (jwk, which, at, by) => {
          const names = ['n', 'e', 'x', 'y', 'crv', 'kty'].filter((name) => name in jwk);
          const name = names[which % names.length] ?? 'kty';
          const changed = { ...jwk, [name]: cut(String((jwk as Record<string, unknown>)[name]), at, by) };
          const same = JSON.stringify(changed) === JSON.stringify(jwk);
          const thumbprints = await taken({ jwks: { keys: [changed] } });
          if (thumbprints !== undefined && !same) expect(thumbprints).not.toEqual([await calculateJwkThumbprint(jwk)]);
        },
      ),
      { numRuns: 500 },
    );
  });
});

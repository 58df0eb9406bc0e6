import { describe, expect, it } from 'vitest';
import type { SigningKey } from '../../functions/core/key-ring.ts';
import { buildRevocationList, isOutdated, type RevocationListClaims } from '../../functions/core/revocation-list.ts';
import { ISSUER, NOW, ring } from '../support/builders.ts';

const revoked = (kid: string, changes: Partial<SigningKey> = {}): SigningKey => ({
  ...{ kid, keyArn: `arn:${kid}`, state: 'revoked', jwk: { kty: 'EC' }, createdAt: 1 },
  ...{ revokedAt: NOW - 10, listedUntil: NOW + 10 },
  ...changes,
});
const build = (...keys: SigningKey[]): RevocationListClaims => buildRevocationList(ISSUER, [ring('ES256', keys)], NOW);

describe('the list of revoked keys', () => {
  it('is this document for no revoked key', () => {
    expect(build()).toEqual({ iss: ISSUER, iat: NOW, exp: NOW + 3_600, revoked_keys: [] });
  });

  it('names the revoked keys of all rings, by their kids, whatever order the rings come in', () => {
    const rings = [ring('RS256', [revoked('c')]), ring('ES256', [revoked('b'), revoked('a', { revokedAt: NOW - 9 })])];
    const list = buildRevocationList(ISSUER, rings, NOW);
    expect(list.revoked_keys).toEqual([
      { kid: 'a', revoked_at: NOW - 9, until: NOW + 10 },
      { kid: 'b', revoked_at: NOW - 10, until: NOW + 10 },
      { kid: 'c', revoked_at: NOW - 10, until: NOW + 10 },
    ]);
    expect(buildRevocationList(ISSUER, rings.toReversed(), NOW)).toEqual(list);
  });

  it.each([
    ['is on it until its last token has expired', { listedUntil: NOW + 1 }, ['k']],
    ['is on it no longer than that', { listedUntil: NOW }, []],
    ['stays on it while KMS deletes it', { state: 'pending-deletion' }, ['k']],
  ] as const)('a revoked key %s', (_what, changes, kids) => {
    expect(build(revoked('k', changes)).revoked_keys.map(({ kid }) => kid)).toEqual(kids);
  });

  it.each(['created', 'standby', 'active', 'retiring', 'retired', 'pending-deletion'] as const)(
    'does not name a key that is %s',
    (state) => {
      const { revokedAt: _at, listedUntil: _until, ...key } = revoked('k', { state });
      expect(build(key).revoked_keys).toEqual([]);
    },
  );
});

describe('a list that is out', () => {
  const wanted = build(revoked('a'));

  it.each<[string, Pick<RevocationListClaims, 'exp' | 'revoked_keys'> | undefined, boolean]>([
    ['is good while it says what it should', { ...wanted, exp: NOW + 2_700 }, false],
    ['is renewed well before its end', { ...wanted, exp: NOW + 2_699 }, true],
    ['is replaced when a key is missing', { ...wanted, revoked_keys: [] }, true],
    ['is replaced when a key is on it for too short', build(revoked('a', { listedUntil: NOW + 9 })), true],
    ['is replaced when a key is on it no more', build(revoked('a'), revoked('b')), true],
    ['is replaced when there is none', undefined, true],
  ])('%s', (_what, published, expected) => {
    expect(isOutdated(published, wanted)).toBe(expected);
  });
});

import { describe, expect, it } from 'vitest';
import {
  type AdminResult,
  changePartner,
  declareAudience,
  grantAccess,
  isSameAudience,
  isSameGrant,
  isSamePartner,
  MAX_KEYS,
  type PartnerInput,
  registerPartner,
} from '../../functions/core/registration.ts';
import { MAX_SCOPE_LENGTH } from '../../functions/core/scope.ts';
import { AUDIENCE, audience, grant, keyPair, NOW, OWNER, partner, partnerKey, REALM } from '../support/builders.ts';

const pointersOf = (result: AdminResult<unknown>): readonly string[] =>
  result.ok || result.refusal.reason !== 'invalid'
    ? ['accepted']
    : result.refusal.problems.map(({ pointer }) => pointer);

const jwkOf = async (name = 'k1') => ({ ...(await keyPair('ES256', name)).publicJwk, kid: name });
const input = async (changes: Partial<PartnerInput> = {}): Promise<PartnerInput> => ({
  id: 'crm',
  jwks: { keys: [await jwkOf()] },
  ...changes,
});
const register = async (changes: Partial<PartnerInput> = {}) => registerPartner(REALM, await input(changes), NOW);

describe('a partner', () => {
  it('is registered enabled, as version 1', async () => {
    const [key] = [partnerKey(await keyPair())];
    await expect(register({ name: 'CRM — Köln' })).resolves.toEqual({
      ok: true,
      value: partner({
        name: 'CRM — Köln',
        keys: [{ ...key, addedAt: NOW }],
        createdAt: NOW,
        updatedAt: NOW,
      }),
    });
  });

  it.each(['a', 'A9', '0', 'a.b_c~d-e', 'x'.repeat(128)])('may have the id %j', async (id) => {
    expect(pointersOf(await register({ id }))).toEqual(['accepted']);
  });

  it.each(['', '.', '-a', '~a', '_a', 'a b', 'a/b', 'a#b', 'a%20b', 'ä', 'a\n', 'x'.repeat(129), '__proto__', 'a:b'])(
    'cannot have the id %j',
    async (id) => {
      expect(pointersOf(await register({ id }))).toEqual(['/id']);
    },
  );

  it.each(['', 'x'.repeat(129), 'a\nb', 'a\u0000', '\u007f', '\u0085', 'half \ud83d'])(
    'cannot have the name %j',
    async (name) => {
      expect(pointersOf(await register({ name }))).toEqual(['/name']);
    },
  );

  it('is told all that is wrong at once, each by its place', async () => {
    const keys = [await jwkOf(), { kty: 'oct', k: 'x' }, { ...(await jwkOf('k2')), use: 'enc' }];
    expect(pointersOf(await register({ id: '', name: '', jwks: { keys } }))).toEqual([
      '/id',
      '/name',
      '/jwks/keys/1',
      '/jwks/keys/2',
    ]);
  });

  it.each([0, MAX_KEYS + 1])('cannot have %i keys', async (count) => {
    const keys = Array.from({ length: count }, () => ({}));
    expect(pointersOf(await register({ jwks: { keys } }))).toEqual(['/jwks/keys']);
  });

  it('may have ten keys', async () => {
    const keys = await Promise.all(Array.from({ length: MAX_KEYS }, (_, index) => jwkOf(`k${index}`)));
    expect(pointersOf(await register({ jwks: { keys } }))).toEqual(['accepted']);
  });

  it('cannot have two keys of one kid', async () => {
    const keys = [await jwkOf('k1'), { ...(await jwkOf('k2')), kid: 'k1' }];
    expect(pointersOf(await register({ jwks: { keys } }))).toEqual(['/jwks/keys']);
  });

  it('cannot have one key twice, since it would serve two algorithms (RFC 8725 3.1)', async () => {
    const { publicJwk } = await keyPair('RS256');
    const keys = [
      { ...publicJwk, kid: 'a', alg: 'RS256' },
      { ...publicJwk, kid: 'b', alg: 'PS256' },
    ];
    expect(pointersOf(await register({ jwks: { keys } }))).toEqual(['/jwks/keys']);
  });

  it('is the same whatever the order of its keys and the time of registration', async () => {
    const [a, b] = [partnerKey(await keyPair('ES256', 'a')), partnerKey(await keyPair('ES256', 'b'))];
    const stored = partner({ keys: [a, b], enabled: false, version: 7 });
    expect([
      isSamePartner(stored, partner({ keys: [{ ...b, addedAt: NOW }, a] })),
      isSamePartner(stored, partner({ keys: [a] })),
      isSamePartner(stored, partner({ keys: [a, { ...b, kid: 'c' }] })),
      isSamePartner(stored, partner({ keys: [a, { ...b, thumbprint: 'other' }] })),
      isSamePartner(stored, partner({ keys: [a, b], name: 'CRM' })),
    ]).toEqual([true, false, false, false, false]);
  });

  it('is changed in what is said and in nothing else', () => {
    const before = partner({ name: 'old', version: 3 });
    expect(changePartner(before, { enabled: false }, NOW)).toEqual({
      ok: true,
      value: { ...before, enabled: false, version: 4, updatedAt: NOW },
    });
    expect(changePartner(before, { name: 'new' }, NOW)).toMatchObject({
      value: { name: 'new', enabled: true, version: 4 },
    });
    expect(pointersOf(changePartner(before, { name: '\u0000' }, NOW))).toEqual(['/name']);
  });
});

describe('an audience', () => {
  const declare = (changes: object = {}, enabled = true) =>
    declareAudience(REALM, { audience: AUDIENCE, owner: OWNER, scopes: ['read', 'write'], ...changes }, { enabled }, [
      'RS256',
      'ES256',
    ]);

  it('is declared with its scopes, each once, and mirrors its owner', () => {
    expect(declare({ scopes: ['read', 'write', 'read'] })).toEqual({ ok: true, value: audience() });
    expect(declare({}, false)).toEqual({ ok: true, value: audience({ ownerEnabled: false }) });
    expect(declare({ algorithm: 'ES256' })).toEqual({ ok: true, value: audience({ algorithm: 'ES256' }) });
  });

  it.each([
    'https://api.example.com',
    'https://api.example.com/a/b?c=d',
    'urn:example:api',
    'api://b7a3-44',
    'spiffe://example.org/x',
    `urn:${'x'.repeat(508)}`,
  ])('may be %j', (uri) => {
    expect(pointersOf(declare({ audience: uri }))).toEqual(['accepted']);
  });

  it.each([
    '',
    'billing',
    '/relative',
    '//host/path',
    'https://',
    'https://a b',
    'https://a/#f',
    'https://a/"x"',
    'https://a/<x>',
    'https://a/\\x',
    'https://ä.example',
    'https://a\n',
    ':x',
    '1a:x',
    `urn:${'x'.repeat(509)}`,
  ])('cannot be %j', (uri) => {
    expect(pointersOf(declare({ audience: uri }))).toEqual(['/audience']);
  });

  it.each([
    [[], ['/scopes']],
    [Array.from({ length: 65 }, (_, index) => `s${index}`), ['/scopes']],
    [
      ['read', 'a b', 'write', ''],
      ['/scopes/1', '/scopes/3'],
    ],
    [['"'], ['/scopes/0']],
  ])('cannot have the scopes %j', (scopes, pointers) => {
    expect(pointersOf(declare({ scopes }))).toEqual(pointers);
  });

  it('has scopes that fit into a token together', () => {
    const scopes = (last: number) => [
      ...Array.from({ length: 15 }, (_, index) => `${index}`.padStart(127, 'x')),
      'y'.repeat(last),
    ];
    expect(scopes(128).join(' ')).toHaveLength(MAX_SCOPE_LENGTH);
    expect([
      pointersOf(declare({ scopes: scopes(128) })),
      pointersOf(declare({ scopes: [...scopes(127), 'z'] })),
    ]).toEqual([['accepted'], ['/scopes']]);
  });

  it.each(['PS256', 'none', '', 'RS512', 'Ed25519'])('cannot choose %j in a realm of RS256 and ES256', (algorithm) => {
    expect(pointersOf(declare({ algorithm }))).toEqual(['/algorithm']);
  });

  it('is the same whatever the order of its scopes', () => {
    expect([
      isSameAudience(audience(), audience({ scopes: ['write', 'read'], version: 9, ownerEnabled: false })),
      isSameAudience(audience(), audience({ scopes: ['write'] })),
      isSameAudience(audience(), audience({ owner: 'other' })),
      isSameAudience(audience(), audience({ algorithm: 'ES256' })),
    ]).toEqual([true, false, false, false]);
  });
});

describe('a grant', () => {
  const give = (scopes: string[], stored?: ReturnType<typeof grant>) =>
    grantAccess(REALM, { client: 'crm', audience: AUDIENCE, scopes }, audience(), stored);

  it('is of scopes that the audience declares, each once', () => {
    expect(give(['write', 'write'])).toEqual({ ok: true, value: grant({ scopes: ['write'] }) });
  });

  it('counts on the version of the one before', () => {
    expect(give(['read'], grant({ version: 4 }))).toEqual({ ok: true, value: grant({ scopes: ['read'], version: 5 }) });
  });

  it.each([
    [[], ['/scopes']],
    [['admin'], ['/scopes/0']],
    [['read', 'Read'], ['/scopes/1']],
    [['a b'], ['/scopes/0', '/scopes/0']],
  ])('cannot be of %j', (scopes, pointers) => {
    expect(pointersOf(give(scopes))).toEqual(pointers);
  });

  it('is the same whatever the order of its scopes', () => {
    expect([
      isSameGrant(grant(), grant({ scopes: ['write', 'read'] })),
      isSameGrant(grant(), grant({ scopes: ['read'] })),
    ]).toEqual([true, false]);
  });
});

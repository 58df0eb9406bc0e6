import { describe, expect, it } from 'vitest';
import {
  type AdminResult,
  changeAudience,
  declareAudience,
  grantAccess,
  isSameAudience,
  isSameGrant,
} from '../../functions/core/registration.ts';
import { MAX_SCOPE_LENGTH } from '../../functions/core/scope.ts';
import { AUDIENCE, audience, grant, OWNER, REALM } from '../support/builders.ts';

const pointersOf = (result: AdminResult<unknown>): readonly string[] =>
  result.ok || result.refusal.reason !== 'invalid'
    ? ['accepted']
    : result.refusal.problems.map(({ pointer }) => pointer);

describe('an audience', () => {
  const declare = (changes: object = {}, enabled = true) =>
    declareAudience(REALM, { audience: AUDIENCE, owner: OWNER, scopes: ['read', 'write'], ...changes }, { enabled }, [
      'RS256',
      'ES256',
    ]);

  it('is declared with its scopes, each once, and mirrors its owner', () => {
    expect(declare({ scopes: ['read', 'write', 'read'] })).toEqual({ ok: true, value: audience() });
    expect(declare({}, false)).toEqual({ ok: true, value: audience({ ownerEnabled: false }) });
    const tokenPolicy = { algorithm: 'ES256', accessTokenSeconds: 600, binding: 'dpop', profile: 'jwt' } as const;
    expect(declare({ tokenPolicy })).toEqual({ ok: true, value: audience({ tokenPolicy }) });
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

  it.each([
    [{ algorithm: 'PS256' }, '/tokenPolicy/algorithm'],
    [{ algorithm: 'none' }, '/tokenPolicy/algorithm'],
    [{ algorithm: '' }, '/tokenPolicy/algorithm'],
    [{ algorithm: 'RS512' }, '/tokenPolicy/algorithm'],
    [{ algorithm: 'Ed25519' }, '/tokenPolicy/algorithm'],
    [{ accessTokenSeconds: 59 }, '/tokenPolicy/accessTokenSeconds'],
    [{ binding: 'tls' }, '/tokenPolicy/binding'],
    [{ profile: 'saml' }, '/tokenPolicy/profile'],
  ])('cannot ask for %j in a realm of RS256 and ES256', (tokenPolicy, pointer) => {
    expect(pointersOf(declare({ tokenPolicy }))).toEqual([pointer]);
  });

  it('is told all that is wrong at once, each by its place', () => {
    expect(
      pointersOf(declare({ audience: 'x', scopes: ['a b'], tokenPolicy: { binding: '', accessTokenSeconds: 0 } })),
    ).toEqual(['/audience', '/scopes/0', '/tokenPolicy/accessTokenSeconds', '/tokenPolicy/binding']);
  });

  it('is changed in what is said and in nothing else', () => {
    const before = audience({ version: 4, tokenPolicy: { algorithm: 'ES256' } });
    const change = (changes: object) => changeAudience(before, changes, ['RS256']);
    expect(change({ scopes: ['read', 'new', 'read'] })).toEqual({
      ok: true,
      value: { ...before, scopes: ['read', 'new'], version: 5 },
    });
    expect(change({ tokenPolicy: { accessTokenSeconds: 60 } })).toEqual({
      ok: true,
      value: { ...before, tokenPolicy: { accessTokenSeconds: 60 }, version: 5 },
    });
    expect(pointersOf(change({ scopes: [] }))).toEqual(['/scopes']);
    expect(pointersOf(change({ tokenPolicy: { algorithm: 'ES256' } }))).toEqual(['/tokenPolicy/algorithm']);
  });

  it('is the same whatever the order of its scopes', () => {
    expect([
      isSameAudience(audience(), audience({ scopes: ['write', 'read'], version: 9, ownerEnabled: false })),
      isSameAudience(audience(), audience({ scopes: ['write'] })),
      isSameAudience(audience(), audience({ owner: 'other' })),
      isSameAudience(audience(), audience({ tokenPolicy: { algorithm: 'ES256' } })),
      isSameAudience(
        audience({ tokenPolicy: { algorithm: 'ES256', accessTokenSeconds: 60 } }),
        audience({ tokenPolicy: { accessTokenSeconds: 60, algorithm: 'ES256' } }),
      ),
    ]).toEqual([true, false, false, false, true]);
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
    [['a b'], ['/scopes/0']],
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

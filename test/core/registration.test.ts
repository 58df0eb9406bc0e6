import { describe, expect, it } from 'vitest';
import type { Audience } from '../../functions/core/partner.ts';
import {
  type AdminResult,
  type AudienceChoices,
  changeAudience,
  declareAudience,
  goneTypes,
  grantAccess,
  holdsWhatGoes,
  isSameAudience,
  isSameGrant,
} from '../../functions/core/registration.ts';
import { MAX_SCOPE_LENGTH } from '../../functions/core/scope.ts';
import { AUDIENCE, audience, grant, NOW, OWNER, REALM } from '../support/builders.ts';

const pointersOf = (result: AdminResult<unknown>): readonly string[] =>
  result.ok || result.refusal.reason !== 'invalid'
    ? ['accepted']
    : result.refusal.problems.map(({ pointer }) => pointer);

/** What the realm lets its audiences choose among. */
const CHOICES: AudienceChoices = { algorithms: ['RS256', 'ES256'], detailTypes: ['payment', 'account'] };
const PAYMENT = { actions: ['initiate', 'cancel'], fields: ['amount'] };

describe('an audience', () => {
  const declare = (changes: object = {}, enabled = true) => {
    const input = { audience: AUDIENCE, owner: OWNER, scopes: ['read', 'write'], ...changes };
    return declareAudience(REALM, input, { enabled }, CHOICES);
  };

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
    const change = (changes: object) => changeAudience(before, changes, { ...CHOICES, algorithms: ['RS256'] });
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

  it('declares types of authorization details that the realm lets it, and loses those that are no longer said', () => {
    const authorizationDetails = { payment: PAYMENT, account: {} };
    const declared = audience({ authorizationDetails });
    expect(declare({ authorizationDetails })).toEqual({ ok: true, value: declared });
    expect(pointersOf(declare({ authorizationDetails: { payment: {}, other: {} } }))).toEqual([
      '/authorizationDetails/other',
    ]);
    const change = (changes: object, choices = CHOICES) => changeAudience(declared, changes, choices);
    expect(change({ authorizationDetails: { account: {} } })).toMatchObject({
      value: { authorizationDetails: { account: {} }, version: 2 },
    });
    // What the realm does not let it declare any more stays until somebody says something else of it.
    expect(change({ scopes: ['read'] }, { ...CHOICES, detailTypes: [] })).toMatchObject({
      value: { authorizationDetails },
    });
    expect(pointersOf(change({ authorizationDetails }, { ...CHOICES, detailTypes: ['payment'] }))).toEqual([
      '/authorizationDetails/account',
    ]);
  });

  it.each([
    [{ payment: PAYMENT }, { payment: PAYMENT }, true],
    [{ payment: PAYMENT }, { payment: { fields: ['amount'], actions: ['cancel', 'initiate'] } }, true],
    [{ payment: PAYMENT, account: {} }, { account: {}, payment: PAYMENT }, true],
    [{ payment: PAYMENT }, { payment: { ...PAYMENT, privileges: [] } }, false],
    [{ payment: PAYMENT }, { payment: { actions: ['initiate', 'cancel'] } }, false],
    [{ payment: PAYMENT }, {}, false],
    [{ payment: {} }, { account: {} }, false],
    [{ payment: { actions: ['a'] } }, { payment: { datatypes: ['a'] } }, false],
  ])('with the details %j is the same with %j: %s', (before, after, isSame) => {
    const of = (authorizationDetails: Audience['authorizationDetails']) => audience({ authorizationDetails });
    expect(isSameAudience(of(before), of(after))).toBe(isSame);
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

  it('keeps the mark of a revocation, which nobody can declare', () => {
    const stored = grant({ version: 4, tokensNotBefore: NOW });
    expect(give(['read'], stored)).toEqual({ ok: true, value: { ...stored, scopes: ['read'], version: 5 } });
    expect(isSameGrant(stored, grant())).toBe(true);
  });

  it.each([
    [[], ['/scopes']],
    [['admin'], ['/scopes/0']],
    [['read', 'Read'], ['/scopes/1']],
    [['a b'], ['/scopes/0']],
  ])('cannot be of %j', (scopes, pointers) => {
    expect(pointersOf(give(scopes))).toEqual(pointers);
  });

  const details = { authorizationDetails: { payment: PAYMENT, account: {} } };
  const giveTypes = (authorizationDetailsTypes: string[]) =>
    grantAccess(
      REALM,
      { client: 'crm', audience: AUDIENCE, scopes: ['read'], authorizationDetailsTypes },
      audience(details),
      undefined,
    );

  it('is of types that the audience declares, each once', () => {
    expect(giveTypes(['payment', 'payment'])).toEqual({
      ok: true,
      value: grant({ scopes: ['read'], authorizationDetailsTypes: ['payment'] }),
    });
  });

  it.each([
    [['payment', 'other'], ['/authorizationDetailsTypes/1']],
    [['toString'], ['/authorizationDetailsTypes/0']],
    [['Payment'], ['/authorizationDetailsTypes/0']],
    [Array.from({ length: 21 }, () => 'payment'), ['/authorizationDetailsTypes']],
  ])('cannot be of the types %j', (types, pointers) => {
    expect(pointersOf(giveTypes(types))).toEqual(pointers);
  });

  it('holds what goes when a scope or a type of it does', () => {
    const before = audience(details);
    const held = grant({ scopes: ['read'], authorizationDetailsTypes: ['payment'] });
    const holds = (after: Partial<Audience>) => holdsWhatGoes(held, before, { ...before, ...after });
    expect([
      holds({}),
      holds({ scopes: ['read'] }),
      holds({ scopes: ['write'] }),
      holds({ authorizationDetails: { payment: {} } }),
      holds({ authorizationDetails: { account: {} } }),
    ]).toEqual([false, false, true, false, true]);
    expect(goneTypes(before, audience({ authorizationDetails: { payment: {} } }))).toEqual(['account']);
  });

  it('is the same whatever the order of its scopes and types', () => {
    const typed = (...authorizationDetailsTypes: string[]) => grant({ authorizationDetailsTypes });
    expect([
      isSameGrant(grant(), grant({ scopes: ['write', 'read'] })),
      isSameGrant(grant(), grant({ scopes: ['read'] })),
      isSameGrant(typed('a', 'b'), typed('b', 'a')),
      isSameGrant(typed('a'), typed()),
    ]).toEqual([true, false, true, false]);
  });
});

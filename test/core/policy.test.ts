import { describe, expect, it } from 'vitest';
import type { AuthorizationDetail } from '../../functions/core/authorization-details.ts';
import { refuse } from '../../functions/core/errors.ts';
import { decideEntitlement, type ProvenSubject, requestedAudience } from '../../functions/core/policy.ts';
import { itself, type Subject } from '../../functions/core/subject.ts';
import { AUDIENCE, audience, CLIENT, grant, NOW, OWNER, partner } from '../support/builders.ts';

describe('the audience of a request', () => {
  it('is the one it names, granted or not: that is decided later', () => {
    expect(requestedAudience('https://other.example', [grant()])).toEqual({ ok: true, value: 'https://other.example' });
  });

  it('is that of the only grant where it names none', () => {
    expect(requestedAudience(undefined, [grant()])).toEqual({ ok: true, value: AUDIENCE });
  });

  it.each([0, 2, 3])('has to be named by a client with %i grants', (count) => {
    const grants = Array.from({ length: count }, () => grant());
    expect(requestedAudience(undefined, grants)).toEqual(refuse({ reason: 'resource_required', granted: count }));
  });
});

const decide = (changes: {
  by?: Parameters<typeof partner>[0];
  grants?: ReturnType<typeof grant>[];
  of?: Parameters<typeof audience>[0] | 'missing';
  scopes?: string[];
  details?: AuthorizationDetail[];
  about?: ProvenSubject;
}) =>
  decideEntitlement(
    { partner: partner(changes.by), grants: changes.grants ?? [grant()] },
    { accessTokenSeconds: 3_600, algorithm: 'RS256' },
    { resource: AUDIENCE, scopes: changes.scopes, details: changes.details },
    changes.of === 'missing' ? undefined : audience(changes.of),
    changes.about ?? { subject: itself(CLIENT) },
    NOW,
  );

describe('what a client may have', () => {
  it('is all that was granted where it asks for nothing (RFC 6749 3.3), as long and signed as the realm says', () => {
    expect(decide({})).toEqual({
      ok: true,
      value: {
        ...{ subject: itself(CLIENT), audience: AUDIENCE, scopes: ['read', 'write'], seconds: 3_600 },
        ...{ algorithm: 'RS256', claims: {}, bindings: [], bindsCertificate: false, profile: 'jwt' },
      },
    });
  });

  it('is what it asks for, in its order', () => {
    expect(decide({ scopes: ['write', 'read'] })).toMatchObject({ value: { scopes: ['write', 'read'] } });
    expect(decide({ scopes: ['write'] })).toMatchObject({ value: { scopes: ['write'] } });
  });

  it('carries the claims that an operator has put on it', () => {
    const claims = { tenant: 'acme', roles: ['a'] };
    expect(decide({ by: { claims } })).toMatchObject({ value: { claims } });
  });

  it.each([
    ['the audience is not there', { of: 'missing' as const }, { reason: 'resource_unknown', resource: AUDIENCE }],
    ['there is no grant', { grants: [] }, { reason: 'grant_missing', resource: AUDIENCE }],
    [
      'the grant is on another audience',
      { grants: [grant({ audience: `${AUDIENCE}/` })] },
      { reason: 'grant_missing', resource: AUDIENCE },
    ],
    [
      'the owner is disabled',
      { of: { ownerEnabled: false } },
      { reason: 'resource_disabled', resource: AUDIENCE, owner: OWNER },
    ],
    [
      'a scope is not granted',
      { scopes: ['read', 'admin'] },
      { reason: 'scope_not_granted', asked: ['read', 'admin'], granted: ['read', 'write'] },
    ],
    [
      'a scope differs in case',
      { scopes: ['Read'] },
      { reason: 'scope_not_granted', asked: ['Read'], granted: ['read', 'write'] },
    ],
    [
      'an asked scope is no longer declared',
      { scopes: ['write'], of: { scopes: ['read'] } },
      { reason: 'scope_not_granted', asked: ['write'], granted: ['read'] },
    ],
    [
      'no granted scope is still declared',
      { of: { scopes: ['other'] } },
      { reason: 'scope_not_granted', asked: [], granted: [] },
    ],
    [
      'the grant has no scope',
      { grants: [grant({ scopes: [] })] },
      { reason: 'scope_not_granted', asked: [], granted: [] },
    ],
    [
      'the list of asked scopes is empty',
      { scopes: [] },
      { reason: 'scope_not_granted', asked: [], granted: ['read', 'write'] },
    ],
  ])('is nothing where %s', (_what, changes, refusal) => {
    expect(decide(changes)).toEqual(refuse(refusal));
  });

  it('shrinks with what the audience declares', () => {
    expect(decide({ of: { scopes: ['write', 'new'] } })).toMatchObject({ value: { scopes: ['write'] } });
  });
});

describe('the terms of a token', () => {
  it.each<[Parameters<typeof audience>[0], Parameters<typeof partner>[0], number, string]>([
    [{ tokenPolicy: { algorithm: 'ES256' } }, {}, 3_600, 'ES256'],
    [{}, { tokenPolicy: { algorithm: 'ES256' } }, 3_600, 'ES256'],
    [{ tokenPolicy: { algorithm: 'RS256' } }, { tokenPolicy: { algorithm: 'ES256' } }, 3_600, 'RS256'],
    [{ tokenPolicy: { accessTokenSeconds: 600 } }, {}, 600, 'RS256'],
    [{}, { tokenPolicy: { accessTokenSeconds: 300 } }, 300, 'RS256'],
    [{ tokenPolicy: { accessTokenSeconds: 600 } }, { tokenPolicy: { accessTokenSeconds: 900 } }, 600, 'RS256'],
    [{ tokenPolicy: { accessTokenSeconds: 86_400 } }, {}, 3_600, 'RS256'],
    [{ tokenPolicy: { profile: 'jwt' } }, { tokenPolicy: { profile: 'microsoft-s2s' } }, 3_600, 'RS256'],
  ])('for %j asked by %j are %i s under %s', (of, by, seconds, algorithm) => {
    expect(decide({ of, by })).toMatchObject({ ok: true, value: { seconds, algorithm } });
  });

  it.each<[Parameters<typeof audience>[0], Parameters<typeof partner>[0], object]>([
    [
      { tokenPolicy: { profile: 'microsoft-s2s' } },
      { tokenPolicy: { binding: 'dpop' } },
      { reason: 'token_profile_unsupported', profile: 'microsoft-s2s', detail: 'its tokens are bound to nothing' },
    ],
    [{}, { trustLevel: 'user' }, { reason: 'trust_level_insufficient', trustLevel: 'user' }],
  ])('that cannot be met for %j asked by %j mean no token, never a weaker one', (of, by, refusal) => {
    expect(decide({ of, by })).toEqual(refuse(refusal));
  });

  it.each(['application', 'full'] as const)('may be had by a partner of the trust level %s', (trustLevel) => {
    expect(decide({ by: { trustLevel } }).ok).toBe(true);
  });

  it.each<[Parameters<typeof audience>[0], Parameters<typeof partner>[0], readonly string[], boolean]>([
    [{}, {}, [], false],
    [{ tokenPolicy: { binding: 'dpop' } }, {}, ['dpop'], false],
    [{}, { tokenPolicy: { binding: 'mtls' } }, ['mtls'], true],
    [{ tokenPolicy: { binding: 'mtls' } }, { tokenPolicy: { binding: 'dpop' } }, ['dpop', 'mtls'], true],
    [{ tokenPolicy: { binding: 'mtls-optional' } }, {}, [], true],
    [{ tokenPolicy: { binding: 'dpop' } }, { tokenPolicy: { binding: 'mtls-optional' } }, ['dpop'], true],
  ])(
    'for %j asked by %j ask for the bindings %j, and a certificate binds: %s',
    (of, by, bindings, bindsCertificate) => {
      expect(decide({ of, by })).toMatchObject({ ok: true, value: { bindings, bindsCertificate } });
    },
  );

  it('of an old server are signed with RS256, whatever else is asked for', () => {
    const of = { tokenPolicy: { profile: 'microsoft-s2s', algorithm: 'ES256' } } as const;
    expect(decide({ of })).toMatchObject({ value: { algorithm: 'RS256', profile: 'microsoft-s2s' } });
  });

  it('are not told to who has no grant, nor to who is trusted with users only', () => {
    const of = { tokenPolicy: { profile: 'microsoft-s2s' } } as const;
    expect([decide({ of, grants: [] }), decide({ of: 'missing', by: { trustLevel: 'user' } })]).toMatchObject([
      { refusal: { reason: 'grant_missing' } },
      { refusal: { reason: 'trust_level_insufficient' } },
    ]);
  });
});

describe('whom a token is about', () => {
  const alice: Subject = { kind: 'user', sub: 'alice', subId: { format: 'iss_sub', iss: CLIENT, sub: 'alice' } };

  it('is said with the client acting for them', () => {
    expect(decide({ by: { trustLevel: 'user' }, about: { subject: alice } })).toMatchObject({
      value: { subject: { ...alice, act: { sub: CLIENT } } },
    });
  });

  it.each([
    ['trust_level_insufficient', 'application', alice],
    ['trust_level_insufficient', 'user', itself(CLIENT)],
    ['trust_level_insufficient', 'application', itself('other')],
    ['may_act_excludes', 'full', { ...alice, mayAct: { sub: 'other' } }],
  ] as const)('is refused as %s to a client trusted with %s for %j', (reason, trustLevel, subject) => {
    expect(decide({ by: { trustLevel }, about: { subject } })).toMatchObject({ ok: false, refusal: { reason } });
  });
});

describe('a token that is made from another', () => {
  const subject = itself(CLIENT);
  const from = (changes: Partial<NonNullable<ProvenSubject['origin']>> = {}): ProvenSubject => ({
    subject,
    origin: { audience: AUDIENCE, scopes: ['read'], details: [], expiresAt: NOW + 100, goesOn: true, ...changes },
  });

  it('for the same audience has its scopes at most', () => {
    expect([
      decide({ about: from() }),
      decide({ about: from(), scopes: ['read'] }),
      decide({ about: from(), scopes: ['read', 'write'] }),
      decide({ about: from({ scopes: ['gone'] }) }),
    ]).toMatchObject([
      { value: { scopes: ['read'] } },
      { value: { scopes: ['read'] } },
      { refusal: { reason: 'scope_not_granted', asked: ['read', 'write'], granted: ['read'] } },
      { refusal: { reason: 'scope_not_granted', asked: [], granted: [] } },
    ]);
  });

  it('for another audience there is only if it was made to go on', () => {
    const own = { goesOn: false };
    expect([decide({ about: from({ ...own, audience: 'urn:other' }) }), decide({ about: from(own) })]).toMatchObject([
      { refusal: { reason: 'subject_not_shared', audience: 'urn:other' } },
      { value: { scopes: ['read'] } },
    ]);
  });

  it('for another audience has what the client is granted there', () => {
    const about = from({ audience: 'urn:other', scopes: ['x'] });
    expect(decide({ about })).toMatchObject({ value: { scopes: ['read', 'write'] } });
  });

  it.each([
    [100, {}, 100],
    [1, {}, 1],
    [86_400, {}, 3_600],
    [100, { accessTokenSeconds: 60 }, 60],
  ])('that ends in %i s, under %j, ends in %i s', (left, tokenPolicy, seconds) => {
    const about = from({ expiresAt: NOW + left, audience: 'urn:other' });
    expect(decide({ about, of: { tokenPolicy } })).toMatchObject({ value: { seconds } });
  });
});

describe('authorization details', () => {
  const of = { authorizationDetails: { payment: { actions: ['pay'] } } };
  const grants = [grant({ authorizationDetailsTypes: ['payment'] })];
  const details = [{ type: 'payment', actions: ['pay'] }];

  it('are had as they were asked for, and none unasked', () => {
    expect(decide({ of, grants, details })).toMatchObject({ value: { details } });
    const unasked = decide({ of, grants });
    expect(unasked.ok && 'details' in unasked.value).toBe(false);
  });

  it.each([
    ['the grant does not hold', { of, details }],
    ['the audience does not declare', { grants, details }],
    ['the audience declares with other values', { of, grants, details: [{ type: 'payment', actions: ['steal'] }] }],
  ])('that %s mean no token', (_what, changes) => {
    expect(decide(changes)).toMatchObject({
      refusal: { reason: 'authorization_details_not_granted', type: 'payment' },
    });
  });

  const holding = (audienceOf: string, held: readonly AuthorizationDetail[]): ProvenSubject => ({
    subject: itself(CLIENT),
    origin: { audience: audienceOf, scopes: ['read'], details: held, expiresAt: NOW + 100, goesOn: true },
  });

  it('of a token for the same audience are no more than that token holds', () => {
    const about = holding(AUDIENCE, details);
    expect([
      decide({ of, grants, details, about }),
      decide({ of, grants, about }),
      decide({ of, grants, details, about: holding(AUDIENCE, []) }),
      decide({ of, grants, details: [{ type: 'payment' }], about }),
    ]).toMatchObject([
      { value: { details } },
      { ok: true },
      { refusal: { reason: 'authorization_details_not_granted' } },
      { refusal: { reason: 'authorization_details_not_granted' } },
    ]);
  });

  it('of a token for another audience are what the client is granted there', () => {
    expect(decide({ of, grants, details, about: holding('urn:other', []) })).toMatchObject({ value: { details } });
  });
});

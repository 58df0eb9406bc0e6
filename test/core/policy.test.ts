import { describe, expect, it } from 'vitest';
import { refuse } from '../../functions/core/errors.ts';
import { decideEntitlement, requestedAudience } from '../../functions/core/policy.ts';
import { AUDIENCE, audience, grant, OWNER } from '../support/builders.ts';

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

describe('what a client may have', () => {
  const decide = (changes: {
    grants?: ReturnType<typeof grant>[];
    of?: Parameters<typeof audience>[0] | 'missing';
    scopes?: string[];
  }) =>
    decideEntitlement(
      { grants: changes.grants ?? [grant()] },
      AUDIENCE,
      changes.of === 'missing' ? undefined : audience(changes.of),
      changes.scopes,
    );

  it('is all that was granted where it asks for nothing (RFC 6749 3.3)', () => {
    expect(decide({})).toEqual({ ok: true, value: { audience: AUDIENCE, scopes: ['read', 'write'] } });
  });

  it('is what it asks for, in its order', () => {
    expect(decide({ scopes: ['write', 'read'] })).toMatchObject({ value: { scopes: ['write', 'read'] } });
    expect(decide({ scopes: ['write'] })).toMatchObject({ value: { scopes: ['write'] } });
  });

  it('carries the algorithm that the audience chose', () => {
    expect(decide({ of: { algorithm: 'ES256' } })).toMatchObject({ value: { algorithm: 'ES256' } });
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

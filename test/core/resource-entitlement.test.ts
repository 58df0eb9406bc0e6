import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { holdsScopes, outlastsDecision } from '../../functions/core/resource-entitlement.ts';
import type { AccessTokenClaims } from '../../functions/core/token.ts';
import { AUDIENCE, CLIENT, ISSUER, NOW } from '../support/builders.ts';

const claims = (changes: Partial<AccessTokenClaims> = {}): AccessTokenClaims => ({
  ...{ iss: ISSUER, aud: AUDIENCE, sub: CLIENT, client_id: CLIENT, iat: NOW, exp: NOW + 600, jti: 'token-1' },
  scope: 'read write',
  ...changes,
});

describe('the scopes of a token', () => {
  it.each([
    [[], 'read write', true],
    [['read'], 'read write', true],
    [['write', 'read'], 'read write', true],
    [['write'], 'read', false],
    [['read', 'write'], 'read', false],
    [['rea'], 'read', false],
    [['read:all'], 'read', false],
    [['Read'], 'read', false],
    [['read'], '', false],
    [['read'], 'read  write', false],
  ])('asked for %j, with %j: %s', (required, scope, enough) => {
    expect(holdsScopes(claims({ scope }), required).ok).toBe(enough);
  });

  it('are told in the refusal, both sides', () => {
    expect(holdsScopes(claims({ scope: 'read' }), ['read', 'write'])).toEqual({
      ok: false,
      refusal: { reason: 'scope_missing', required: ['read', 'write'], granted: ['read'] },
    });
  });
});

describe('a decision that is kept', () => {
  it.each([
    [1, 0, true],
    [0, 0, false],
    [301, 300, true],
    [300, 300, false],
  ])('about a token with %i s left, for %i s: %s', (left, cacheSeconds, made) => {
    expect(outlastsDecision(claims({ exp: NOW + left }), cacheSeconds, NOW).ok).toBe(made);
  });

  it('is over before the token is, whenever it is made', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 300 }), fc.integer({ min: -10, max: 4_000 }), (cacheSeconds, left) => {
        const exp = NOW + left;
        if (outlastsDecision(claims({ exp }), cacheSeconds, NOW).ok) expect(NOW + cacheSeconds).toBeLessThan(exp);
        else expect(left).toBeLessThanOrEqual(cacheSeconds);
      }),
    );
  });
});

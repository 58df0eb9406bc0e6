import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  BINDING_RULES,
  BINDINGS,
  parseTokenPolicy,
  TOKEN_PROFILES,
  type TokenPolicy,
  type TokenPolicyInput,
  tokenTerms,
} from '../../functions/core/token-policy.ts';

const RINGS = ['RS256', 'EdDSA'] as const;

describe('a token policy', () => {
  it.each<[TokenPolicyInput, TokenPolicy]>([
    [{}, {}],
    [{ accessTokenSeconds: undefined, algorithm: undefined, binding: undefined, profile: undefined }, {}],
    [{ accessTokenSeconds: 60 }, { accessTokenSeconds: 60 }],
    [{ accessTokenSeconds: 86_400 }, { accessTokenSeconds: 86_400 }],
    [{ algorithm: 'EdDSA' }, { algorithm: 'EdDSA' }],
    [{ algorithm: 'Ed25519' }, { algorithm: 'EdDSA' }],
    [
      { binding: 'dpop', profile: 'jwt' },
      { binding: 'dpop', profile: 'jwt' },
    ],
    [
      { binding: 'mtls', profile: 'microsoft-s2s' },
      { binding: 'mtls', profile: 'microsoft-s2s' },
    ],
  ])('said as %j is %j', (input, policy) => {
    expect(parseTokenPolicy(input, RINGS)).toEqual({ ok: true, value: policy });
  });

  it.each<[TokenPolicyInput, readonly string[]]>([
    [{ accessTokenSeconds: 59 }, ['accessTokenSeconds']],
    [{ accessTokenSeconds: 86_401 }, ['accessTokenSeconds']],
    [{ accessTokenSeconds: 60.5 }, ['accessTokenSeconds']],
    [{ accessTokenSeconds: Number.NaN }, ['accessTokenSeconds']],
    [{ algorithm: 'ES256' }, ['algorithm']],
    [{ algorithm: 'rs256' }, ['algorithm']],
    [{ algorithm: 'none' }, ['algorithm']],
    [{ algorithm: '' }, ['algorithm']],
    [{ algorithm: '__proto__' }, ['algorithm']],
    [{ binding: 'DPoP' }, ['binding']],
    [{ binding: '' }, ['binding']],
    [{ profile: 'JWT' }, ['profile']],
    [
      { accessTokenSeconds: 0, algorithm: 'x', binding: 'x', profile: 'x' },
      ['accessTokenSeconds', 'algorithm', 'binding', 'profile'],
    ],
  ])('cannot be %j', (input, members) => {
    const parsed = parseTokenPolicy(input, RINGS);
    expect(parsed.ok ? [] : parsed.refusal.map(({ pointer }) => pointer)).toEqual(
      members.map((name) => `/tokenPolicy/${name}`),
    );
  });

  it('cannot choose an algorithm in a realm that does not sign yet, and is told so', () => {
    expect(parseTokenPolicy({ algorithm: 'RS256' }, [])).toEqual({
      ok: false,
      refusal: [{ pointer: '/tokenPolicy/algorithm', detail: 'this realm signs with nothing yet' }],
    });
  });
});

describe('the terms of a token', () => {
  const policies: fc.Arbitrary<TokenPolicy> = fc.record(
    {
      accessTokenSeconds: fc.integer({ min: 60, max: 86_400 }),
      algorithm: fc.constantFrom(...RINGS),
      binding: fc.constantFrom(...BINDING_RULES),
      profile: fc.constantFrom(...TOKEN_PROFILES),
    },
    { requiredKeys: [] },
  );
  const defaults = fc.record({
    seconds: fc.integer({ min: 60, max: 86_400 }),
    algorithm: fc.constantFrom('RS256' as const, 'ES384' as const),
  });

  it('are those of the realm where nobody asks for anything', () => {
    expect(tokenTerms({ seconds: 3_600, algorithm: 'RS256' }, {}, {})).toEqual({
      seconds: 3_600,
      algorithm: 'RS256',
      bindings: [],
      bindsCertificate: false,
      profile: 'jwt',
    });
  });

  it('are never wider than what anybody asks for, and no shorter than the narrowest', () => {
    fc.assert(
      fc.property(defaults, policies, policies, (realm, audience, partner) => {
        const { seconds, bindings, bindsCertificate } = tokenTerms(realm, audience, partner);
        const asked = [realm.seconds, audience.accessTokenSeconds, partner.accessTokenSeconds];
        const limits = asked.filter((each) => each !== undefined);
        expect(limits.every((limit) => seconds <= limit)).toBe(true);
        expect(limits).toContain(seconds);
        const rules = [audience.binding, partner.binding];
        const wanted = BINDINGS.filter((each) => rules.includes(each));
        expect([...bindings].sort()).toEqual(wanted);
        expect(bindsCertificate).toBe(rules.includes('mtls') || rules.includes('mtls-optional'));
      }),
    );
  });

  it('are the choice of the resource before that of the client, and that before the realm', () => {
    fc.assert(
      fc.property(defaults, policies, policies, (realm, audience, partner) => {
        const { algorithm, profile } = tokenTerms(realm, audience, partner);
        expect(algorithm).toBe(audience.algorithm ?? partner.algorithm ?? realm.algorithm);
        expect(profile).toBe(audience.profile ?? partner.profile ?? 'jwt');
      }),
    );
  });

  it('get narrower, never wider, with every member that is said', () => {
    fc.assert(
      fc.property(defaults, policies, policies, (realm, audience, partner) => {
        const { accessTokenSeconds: _seconds, binding: _binding, ...less } = partner;
        const [wide, narrow] = [tokenTerms(realm, audience, less), tokenTerms(realm, audience, partner)];
        expect(narrow.seconds).toBeLessThanOrEqual(wide.seconds);
        expect(narrow.bindings).toEqual(expect.arrayContaining([...wide.bindings]));
        expect(narrow.bindsCertificate || !wide.bindsCertificate).toBe(true);
      }),
    );
  });
});

/** Is a token one of ours, and does its client still have what it was issued for? */

import { beforeEach, describe, expect, it, vi } from 'vitest';
import { refuse } from '../../functions/core/errors.ts';
import type { KeyRing, SigningKey } from '../../functions/core/key-ring.ts';
import type { PartnerWithGrants } from '../../functions/core/partner.ts';
import { itself } from '../../functions/core/subject.ts';
import { type AccessTokenClaims, buildClaims, parseToken } from '../../functions/core/token.ts';
import { stillGranted, verifyToken } from '../../functions/core/verify-token.ts';
import {
  AUDIENCE,
  CLIENT,
  grant,
  ISSUER,
  keyPair,
  NOW,
  partner,
  ring,
  signingKey,
  signJws,
  type TestKeyPair,
} from '../support/builders.ts';

const [rsPair, esPair] = [await keyPair('RS256', 'rs'), await keyPair('ES256', 'es')];
const RINGS = [ring('RS256', [signingKey(rsPair)]), ring('ES256', [signingKey(esPair)])];
const CLAIMS = buildClaims(
  {
    ...{ issuer: ISSUER, client: CLIENT, subject: itself(CLIENT), audience: AUDIENCE },
    ...{ scopes: ['read'], seconds: 600, claims: {} },
  },
  'token-1',
  NOW,
);
const token = (changes: object = {}, pair: TestKeyPair = rsPair, header: object = {}): string =>
  signJws(pair, { alg: pair.algorithm, typ: 'at+jwt', kid: pair.thumbprint, ...header }, { ...CLAIMS, ...changes });

const outcomeOf = async (jws: string, rings: readonly KeyRing[] = RINGS, now = NOW): Promise<string> => {
  const parsed = parseToken(jws);
  if (!parsed.ok) return parsed.refusal.reason;
  const rules = { issuer: ISSUER, audience: AUDIENCE, toleranceSeconds: 60 };
  const verified = await verifyToken(rings, parsed.value, rules, now);
  return verified.ok ? 'accepted' : verified.refusal.reason;
};

const checks = vi.spyOn(SubtleCrypto.prototype, 'verify');
beforeEach(() => {
  checks.mockClear();
});

describe('a token', () => {
  it.each([rsPair, esPair])('is ours by a key of any ring: $algorithm', async (pair) => {
    expect(await outcomeOf(token({}, pair))).toBe('accepted');
  });

  it.each<[SigningKey['state'], string]>([
    ['created', 'token_key_unknown'],
    ['standby', 'accepted'],
    ['active', 'accepted'],
    ['retiring', 'accepted'],
    ['retired', 'token_key_unknown'],
    ['revoked', 'token_key_unknown'],
    ['pending-deletion', 'token_key_unknown'],
  ])('of a key that is %s is %s: it is ours as long as the key is published', async (state, outcome) => {
    expect(await outcomeOf(token(), [ring('RS256', [signingKey(rsPair, { state })])])).toBe(outcome);
  });

  it('of no key that we know costs no signature check', async () => {
    const stranger = await keyPair('ES256', 'stranger');
    expect([await outcomeOf(token({}, stranger)), await outcomeOf(token(), []), checks.mock.calls.length]).toEqual([
      ...['token_key_unknown', 'token_key_unknown'],
      0,
    ]);
  });

  it('is not ours for naming our key', async () => {
    const stranger = await keyPair('RS256', 'stranger');
    const kid = { kid: rsPair.thumbprint };
    expect([
      await outcomeOf(token({}, stranger, kid)),
      await outcomeOf(token({}, esPair, kid)),
      await outcomeOf(token({}, esPair, { ...kid, alg: 'RS256' })),
      await outcomeOf(token({}, rsPair, { alg: 'PS256' })),
      await outcomeOf(token({}, rsPair, { alg: 'none' })),
    ]).toEqual(Array.from({ length: 5 }, () => 'token_signature'));
  });

  it.each([
    [{ iss: 'https://other.example' }, 'token_issuer'],
    [{ aud: 'urn:other' }, 'token_audience'],
    [{ iat: NOW - 600, exp: NOW }, 'token_expired'],
    [{ iat: NOW + 61, exp: NOW + 600 }, 'token_not_yet_valid'],
    [{ exp: NOW + 3_601 }, 'token_lifetime'],
    [{ exp: NOW + 3_600 }, 'accepted'],
  ])('that says %j is %s', async (changes, outcome) => {
    expect(await outcomeOf(token(changes))).toBe(outcome);
  });

  it('of a key that was to sign nothing so far is good for no time at all', async () => {
    const { maxTokenSeconds: _none, ...key } = signingKey(rsPair);
    expect(await outcomeOf(token(), [ring('RS256', [key])])).toBe('token_lifetime');
  });
});

describe('what a token was issued for', () => {
  const found = (
    changes: Partial<PartnerWithGrants['partner']> = {},
    grants = [grant({ authorizationDetailsTypes: ['payment'] })],
  ): PartnerWithGrants => ({ partner: partner(changes), grants, audiences: [] });
  const subId = { format: 'iss_sub', iss: CLIENT, sub: 'alice' } as const;
  const user = { sub: 'alice', sub_id: subId, act: { sub: CLIENT } };

  it.each<[string, PartnerWithGrants | undefined, Partial<AccessTokenClaims>, object | undefined]>([
    ['its client is as it was', found(), {}, undefined],
    ['its client has another grant beside', found({}, [grant({ audience: 'urn:other' }), grant()]), {}, undefined],
    ['its client is gone', undefined, {}, { reason: 'client_unknown', clientId: CLIENT }],
    ['its client is disabled', found({ enabled: false }), {}, { reason: 'client_disabled', clientId: CLIENT }],
    ['the grant is gone', found({}, []), {}, { reason: 'grant_missing', resource: AUDIENCE }],
    [
      'the grant is on another audience',
      found({}, [grant({ audience: `${AUDIENCE}/` })]),
      {},
      { reason: 'grant_missing', resource: AUDIENCE },
    ],
    [
      'a scope is gone',
      found({}, [grant({ scopes: ['write'] })]),
      { scope: 'read write' },
      { reason: 'scope_not_granted', asked: ['read', 'write'], granted: ['write'] },
    ],
    ['it has a scope that is none', found(), { scope: 'a  b' }, { reason: 'token_malformed', detail: 'scope' }],
    ['it has details that are granted', found(), { authorization_details: [{ type: 'payment' }] }, undefined],
    [
      'a type of its details is not granted any more',
      found({}, [grant()]),
      { authorization_details: [{ type: 'payment' }] },
      { reason: 'authorization_details_not_granted', type: 'payment', detail: 'not granted any more' },
    ],
    [
      'its client is not trusted with itself any more',
      found({ trustLevel: 'user' }),
      {},
      { reason: 'trust_level_insufficient', trustLevel: 'user' },
    ],
    [
      'its client is not trusted with users any more',
      found({ trustLevel: 'application' }),
      user,
      { reason: 'trust_level_insufficient', trustLevel: 'application' },
    ],
    ['its client is trusted with users', found({ trustLevel: 'user' }), user, undefined],
    [
      'its client is not trusted with other applications any more',
      found({ trustLevel: 'application' }),
      { sub: 'other', act: { sub: CLIENT } },
      { reason: 'trust_level_insufficient', trustLevel: 'application' },
    ],
    ['its client lost its tokens of before', found({ tokensNotBefore: NOW }), {}, undefined],
    [
      'its client lost its tokens, this one among them',
      found({ tokensNotBefore: NOW + 1 }),
      {},
      { reason: 'token_too_old', issuedAt: NOW, notBefore: NOW + 1 },
    ],
    ['the grant lost its tokens of before', found({}, [grant({ tokensNotBefore: NOW })]), {}, undefined],
    [
      'the grant lost its tokens, this one among them',
      found({ tokensNotBefore: NOW - 5 }, [grant({ tokensNotBefore: NOW + 7 })]),
      {},
      { reason: 'token_too_old', issuedAt: NOW, notBefore: NOW + 7 },
    ],
    [
      'another grant of its client lost its tokens',
      found({}, [grant({ audience: 'urn:other', tokensNotBefore: NOW + 7 }), grant()]),
      {},
      undefined,
    ],
  ])('is decided anew where %s', (_what, client, changes, refusal) => {
    const claims = { ...CLAIMS, ...changes };
    expect(stillGranted(client, claims)).toEqual(refusal === undefined ? { ok: true, value: claims } : refuse(refusal));
  });
});

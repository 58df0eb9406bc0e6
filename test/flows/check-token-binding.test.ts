import { createHash, X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { auditRecord, type Decided } from '../../functions/core/audit.ts';
import { untouchedRealm } from '../../functions/core/realm.ts';
import type { ResourceRequest } from '../../functions/core/resource-request.ts';
import type { BindingRule } from '../../functions/core/token-policy.ts';
import { type CheckTokenPorts, checkToken } from '../../functions/flows/check-token.ts';
import { type Freshness, Outage, type ReplayClaim } from '../../functions/ports.ts';
import {
  AUDIENCE,
  audience,
  CLIENT,
  client,
  ISSUER,
  keyPair,
  NOW,
  REALM,
  ring,
  signingKey,
  signJws,
} from '../support/builders.ts';
import { issue } from '../support/certificate-authority.ts';
import { dpopProof, tokenHash } from '../support/dpop.ts';
import { memoryTokenRevocations, testClock } from './in-memory.ts';

const HOST = 'api.example.com';
const PATH = '/orders/1';
const HTU = `https://${HOST}${PATH}`;

const tokenWith = async (cnf: object | undefined, more: object = {}) => {
  const pair = await keyPair('RS256', 'rs');
  const claims = { iss: ISSUER, aud: AUDIENCE, sub: CLIENT, client_id: CLIENT, iat: NOW - 10, exp: NOW + 600 };
  return signJws(
    pair,
    { alg: 'RS256', typ: 'at+jwt', kid: pair.thumbprint },
    { ...claims, jti: 'token-1', scope: 'read', ...(cnf === undefined ? {} : { cnf }), ...more },
  );
};

const dpopKey = () => keyPair('ES256', 'dpop');
const dpopToken = async (more: object = {}) => tokenWith({ jkt: (await dpopKey()).thumbprint }, more);
/** A proof for that token and the request of these tests. */
const proofFor = async (jws: string, claims: object = {}, name = 'dpop') =>
  dpopProof(await keyPair('ES256', name), { htu: HTU, ath: tokenHash(jws), ...claims });

const certificates = Promise.all([issue({ name: 'crm' }), issue({ name: 'mallory' })]);
const x5tOf = (pem: string): string => createHash('sha256').update(new X509Certificate(pem).raw).digest('base64url');

const request = (jws: string, changes: Partial<ResourceRequest> = {}): ResourceRequest => ({
  token: { scheme: 'bearer', jws },
  ...{ method: 'GET', host: HOST, path: PATH, requestId: 'request-1' },
  ...changes,
});
const dpopRequest = async (jws: string, changes: Partial<ResourceRequest> = {}) =>
  request(jws, { token: { scheme: 'dpop', jws }, proof: await proofFor(jws), ...changes });

/** Ports whose replay guard knows what was claimed. */
const world = async (changes: Partial<CheckTokenPorts> = {}, authorizerCacheSeconds = 0) => {
  const claims: ReplayClaim[] = [];
  const rings = [ring('RS256', [signingKey(await keyPair('RS256', 'rs'))])];
  const ports: CheckTokenPorts = {
    partners: { find: async () => client() },
    audiences: { find: async () => audience() },
    rings: { list: async () => rings },
    realms: { find: async (name) => untouchedRealm(name) },
    replay: {
      claim: async (claim) => {
        const keys = (of: ReplayClaim) => of.uses.map(({ kind, maker, jti }) => JSON.stringify([kind, maker, jti]));
        const used = claims.flatMap(keys);
        claims.push(claim);
        return claim.uses.find((_use, index) => used.includes(keys(claim)[index] ?? ''));
      },
    },
    revocations: memoryTokenRevocations(),
    clock: testClock(),
    ...changes,
  };
  const settings = {
    ...{ realm: REALM, issuer: ISSUER, audience: AUDIENCE, resourceUrl: ISSUER },
    clockToleranceSeconds: 5,
  };
  const check = checkToken(ports, { ...settings, authorizerCacheSeconds });
  return { check, claims, outcome: async (asked: ResourceRequest) => outcomeOf(await check(asked)) };
};

const outcomeOf = ({ result, facts: { boundBy } }: Decided<unknown>): string => {
  if (result.ok) return boundBy === undefined ? 'accepted' : `accepted ${boundBy.join('+')}`;
  return 'binding' in result.refusal ? `${result.refusal.reason} ${result.refusal.binding}` : result.refusal.reason;
};

describe('a token that is bound to a DPoP key', () => {
  it('is accepted with a proof by that key, which is thereby used up', async () => {
    const { check, claims } = await world();
    const jws = await dpopToken();
    const { result, facts } = await check(await dpopRequest(jws));
    const { thumbprint } = await dpopKey();
    expect(result).toMatchObject({ ok: true, value: { cnf: { jkt: thumbprint } } });
    expect(facts).toMatchObject({ boundBy: ['dpop'], client: CLIENT });
    expect(claims).toEqual([
      {
        realm: REALM,
        uses: [{ kind: 'dpop', maker: thumbprint, jti: 'proof-1', forgetAfter: NOW + 65 }],
        claimedBy: 'request-1',
      },
    ]);
  });

  it('is accepted under the address of the deployment as well, as it runs on a developer’s machine', async () => {
    const { outcome } = await world();
    const jws = await dpopToken();
    expect(await outcome(await dpopRequest(jws, { proof: await proofFor(jws, { htu: `${ISSUER}${PATH}` }) }))).toBe(
      'accepted dpop',
    );
  });

  it('is accepted once with each proof, however many requests come at once', async () => {
    const { outcome } = await world();
    const asked = await dpopRequest(await dpopToken());
    const outcomes = await Promise.all(
      Array.from({ length: 10 }, (_, index) => outcome({ ...asked, requestId: `request-${index}` })),
    );
    expect(outcomes.toSorted()).toEqual(['accepted dpop', ...Array.from({ length: 9 }, () => 'dpop_replayed')]);
    const proof = await proofFor(asked.token?.jws ?? '', { jti: 'proof-2' });
    expect(await outcome({ ...asked, proof })).toBe('accepted dpop');
  });

  it.each([
    ['under the Bearer scheme', async (jws: string) => request(jws), 'token_binding dpop'],
    [
      'under the Bearer scheme with a good proof',
      async (jws: string) => request(jws, { proof: await proofFor(jws) }),
      'token_binding dpop',
    ],
    ['without a proof', async (jws: string) => request(jws, { token: { scheme: 'dpop', jws } }), 'token_binding dpop'],
    [
      'with a proof by another key',
      async (jws: string) => dpopRequest(jws, { proof: await proofFor(jws, {}, 'mallory') }),
      'token_binding dpop',
    ],
    [
      'with a certificate in place of the proof',
      async (jws: string) =>
        request(jws, { token: { scheme: 'dpop', jws }, clientCertificate: (await certificates)[0].pem }),
      'token_binding dpop',
    ],
    [
      'with two proofs',
      async (jws: string) => dpopRequest(jws, { proof: `${await proofFor(jws)},${await proofFor(jws)}` }),
      'dpop_malformed',
    ],
    ['with another method', async (jws: string) => dpopRequest(jws, { method: 'POST' }), 'dpop_method'],
    ['at another path', async (jws: string) => dpopRequest(jws, { path: '/orders/2' }), 'dpop_url'],
    ['at another host', async (jws: string) => dpopRequest(jws, { host: 'other.example' }), 'dpop_url'],
    [
      'with the proof of another token',
      async (jws: string) => dpopRequest(jws, { proof: await proofFor('other') }),
      'dpop_token_hash',
    ],
    [
      'with a proof of no token',
      async (jws: string) => dpopRequest(jws, { proof: await proofFor(jws, { ath: undefined }) }),
      'dpop_token_hash',
    ],
    [
      'with an old proof',
      async (jws: string) => dpopRequest(jws, { proof: await proofFor(jws, { iat: NOW - 66 }) }),
      'dpop_untimely',
    ],
  ])('is refused %s, and no proof is used up', async (_how, make, reason) => {
    const { outcome, claims } = await world();
    expect(await outcome(await make(await dpopToken()))).toBe(reason);
    expect(claims).toEqual([]);
  });

  it('may show a proof again that was refused for another reason than its own', async () => {
    const jws = await dpopToken();
    const asked = await dpopRequest(jws);
    const disabled = await client({ enabled: false });
    const { outcome, claims } = await world({ partners: { find: async () => disabled } });
    expect(await outcome(asked)).toBe('client_disabled');
    expect(claims).toEqual([]);
    const expired = await dpopToken({ exp: NOW });
    expect(await outcome(await dpopRequest(expired))).toBe('token_expired');
    expect(claims).toEqual([]);
  });

  it('is neither accepted nor refused while nobody knows whether the proof was used', async () => {
    const down = new Outage('dynamodb:PutItem', new Error('down'));
    const { outcome } = await world({ replay: { claim: () => Promise.reject(down) } });
    await expect(outcome(await dpopRequest(await dpopToken()))).rejects.toBe(down);
  });
});

describe('a token that is bound to nothing', () => {
  it('is accepted as a bearer token, and takes nothing of a proof that comes with it', async () => {
    const { outcome, claims } = await world();
    expect(await outcome(request(await tokenWith(undefined), { proof: 'no proof at all' }))).toBe('accepted');
    expect(claims).toEqual([]);
  });

  it('is refused under the DPoP scheme, even with a good proof', async () => {
    const { outcome, claims } = await world();
    expect(await outcome(await dpopRequest(await tokenWith(undefined)))).toBe('token_unbound dpop');
    expect(claims).toEqual([]);
  });
});

describe('a token that is bound to a certificate', async () => {
  const [mine, other] = await certificates;
  const bound = () => tokenWith({ 'x5t#S256': x5tOf(mine.pem) });
  it.each([
    ['its certificate', mine.pem, 'accepted mtls'],
    ['another certificate', other.pem, 'token_binding mtls'],
    ['none', undefined, 'token_binding mtls'],
    ['what is no certificate', 'x', 'certificate_malformed'],
    ['two certificates, its own first', `${mine.pem}\n${other.pem}`, 'certificate_malformed'],
  ])('over a connection with %s is %s', async (_what, pem, expected) => {
    const { outcome, claims } = await world();
    const changes = pem === undefined ? {} : { clientCertificate: pem };
    expect(await outcome(request(await bound(), changes))).toBe(expected);
    expect(claims).toEqual([]);
  });

  it('is refused under the DPoP scheme', async () => {
    const { outcome } = await world();
    expect(await outcome(await dpopRequest(await bound(), { clientCertificate: mine.pem }))).toBe('token_unbound dpop');
  });

  it.each([
    ['both', true, true, 'accepted dpop+mtls'],
    ['the proof only', true, false, 'token_binding mtls'],
    ['the certificate only', false, true, 'token_binding dpop'],
  ])('and to a DPoP key needs both, and with %s it is so', async (_what, hasProof, hasCertificate, expected) => {
    const { outcome } = await world();
    const jws = await tokenWith({ jkt: (await dpopKey()).thumbprint, 'x5t#S256': x5tOf(mine.pem) });
    const certificate = hasCertificate ? { clientCertificate: mine.pem } : {};
    expect(await outcome(hasProof ? await dpopRequest(jws, certificate) : request(jws, certificate))).toBe(expected);
  });
});

describe('a token that is bound in a way that nobody here knows', () => {
  const strange: readonly (readonly [object, string])[] = [
    [{}, 'token_binding unknown'],
    [{ kid: 'k' }, 'token_malformed'],
    [{ jwk: {} }, 'token_malformed'],
    [{ jkt: 'k', kid: 'k' }, 'token_malformed'],
  ];

  it.each(strange)('is refused: %j is %s', async (cnf, reason) => {
    const { outcome } = await world();
    const jws = await tokenWith(cnf);
    expect([await outcome(request(jws)), await outcome(await dpopRequest(jws))]).toEqual([reason, reason]);
  });
});

describe('where API Gateway keeps decisions', () => {
  it('no bound token is accepted: the next request with it would not be asked for a proof', async () => {
    const { check, claims, outcome } = await world({}, 1);
    const { result } = await check(await dpopRequest(await dpopToken()));
    expect(result).toMatchObject({
      refusal: { reason: 'token_binding', binding: 'dpop', detail: expect.stringContaining('authorizerCacheSeconds') },
    });
    const [mine] = await certificates;
    const bound = await tokenWith({ 'x5t#S256': x5tOf(mine.pem) });
    expect(await outcome(request(bound, { clientCertificate: mine.pem }))).toBe('token_binding mtls');
    expect(claims).toEqual([]);
  });

  it('bearer tokens are', async () => {
    const { outcome } = await world({}, 300);
    expect(await outcome(request(await tokenWith(undefined)))).toBe('accepted');
  });
});

describe('the record of a check', () => {
  it('holds neither token nor proof nor certificate', async () => {
    const { check } = await world();
    const jws = await dpopToken();
    const proof = await proofFor(jws);
    const [mine] = await certificates;
    for (const asked of [
      await dpopRequest(jws, { proof, clientCertificate: mine.pem }),
      await dpopRequest(jws, { proof, clientCertificate: mine.pem }),
      await dpopRequest(jws, { proof: `${proof},${proof}` }),
      await dpopRequest(jws, { proof: await proofFor(jws, {}, 'mallory') }),
    ]) {
      const record = JSON.stringify(auditRecord('check-token', 'r', await check(asked)));
      for (const part of [...jws.split('.'), ...proof.split('.'), mine.base64]) expect(record).not.toContain(part);
    }
  });
});

describe('a token of before its resource or its client asked for bound ones', () => {
  const cnfOf = async (ways: readonly string[]) => {
    const [jkt, x5tS256] = [(await dpopKey()).thumbprint, x5tOf((await certificates)[0].pem)];
    const cnf = {
      ...(ways.includes('dpop') ? { jkt } : {}),
      ...(ways.includes('mtls') ? { 'x5t#S256': x5tS256 } : {}),
    };
    return ways.length === 0 ? undefined : cnf;
  };
  const shown = async (ways: readonly string[]): Promise<ResourceRequest> => {
    const jws = await tokenWith(await cnfOf(ways));
    const certified = { clientCertificate: (await certificates)[0].pem };
    return ways.includes('dpop') ? dpopRequest(jws, certified) : request(jws, certified);
  };

  it.each<[readonly string[], BindingRule | undefined, BindingRule | undefined, string]>([
    [[], 'dpop', undefined, 'token_unbound dpop'],
    [[], undefined, 'dpop', 'token_unbound dpop'],
    [[], 'mtls', undefined, 'token_unbound mtls'],
    [[], 'mtls-optional', undefined, 'accepted'],
    [['dpop'], 'mtls', undefined, 'token_unbound mtls'],
    [['mtls'], 'mtls', 'dpop', 'token_unbound dpop'],
    [['mtls'], 'mtls', undefined, 'accepted mtls'],
    [['dpop', 'mtls'], 'mtls', 'dpop', 'accepted dpop+mtls'],
  ])('bound by %j, with the rules %s and %s, is %s', async (ways, ofResource, ofClient, outcome) => {
    const tokenPolicy = (binding: BindingRule | undefined) => (binding === undefined ? {} : { binding });
    const known = await client();
    const partner = { ...known.partner, tokenPolicy: tokenPolicy(ofClient) };
    const { outcome: outcomeOfRequest } = await world({
      partners: { find: async () => ({ ...known, partner }) },
      audiences: { find: async () => audience({ tokenPolicy: tokenPolicy(ofResource) }) },
    });
    expect(await outcomeOfRequest(await shown(ways))).toBe(outcome);
  });

  it('is accepted as soon as the rule is gone, though a cache still has it', async () => {
    const find = async (_realm: string, _name: string, freshness: Freshness = {}) =>
      audience(freshness.maxAgeSeconds === 0 ? {} : { tokenPolicy: { binding: 'dpop' } });
    const { outcome } = await world({ audiences: { find } });
    expect(await outcome(await shown([]))).toBe('accepted');
  });

  it('is refused where the resource itself is gone', async () => {
    const { outcome } = await world({ audiences: { find: async () => undefined } });
    expect(await outcome(await shown([]))).toBe('resource_unknown');
  });
});

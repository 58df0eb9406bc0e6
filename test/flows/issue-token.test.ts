import { compactVerify, decodeProtectedHeader } from 'jose';
import { describe, expect, it } from 'vitest';
import { checkTokenClaims, parseToken } from '../../functions/core/token.ts';
import type { IssueTokenPorts } from '../../functions/flows/issue-token.ts';
import {
  AUDIENCE,
  assertion,
  audience,
  CLIENT,
  client,
  grant,
  ISSUER,
  keyPair,
  NOW,
  OWNER,
  REALM,
  ring,
  signingKey,
} from '../support/builders.ts';
import {
  catalogue,
  clientPair,
  esPair,
  finding,
  issue,
  portsOf,
  reasonOf,
  rsPair,
  SETTINGS,
  tokenOf,
} from './issue-token-world.ts';

describe('a granted request', () => {
  it('is answered as RFC 6749 5.1 says, with a token that its resource accepts', async () => {
    const decided = await issue(portsOf().ports, assertion(clientPair));
    const token = tokenOf(decided);
    expect(decided.result).toEqual({
      ok: true,
      value: {
        answer: { access_token: token, token_type: 'Bearer', expires_in: 3_600, scope: 'read write' },
        limits: [],
      },
    });
    await expect(compactVerify(token, rsPair.publicJwk, { algorithms: ['RS256'] })).resolves.toBeDefined();
    expect(decodeProtectedHeader(token)).toEqual({ alg: 'RS256', typ: 'at+jwt', kid: rsPair.thumbprint });
    const parsed = parseToken(token);
    const rules = { issuer: ISSUER, audience: AUDIENCE, maxSeconds: 3_600, toleranceSeconds: 0 };
    expect(parsed.ok && checkTokenClaims(parsed.value.claims, rules, NOW).ok).toBe(true);
  });

  it('is on record with who, for what, by which keys, and until when', async () => {
    const { facts } = await issue(portsOf().ports, assertion(clientPair), { resource: AUDIENCE, scope: 'read' });
    expect(facts).toEqual({
      ...{ realm: REALM, client: CLIENT, method: 'private_key_jwt', clientKey: clientPair.kid },
      ...{ grantType: 'client_credentials', assertionId: 'assertion-1', subject: CLIENT },
      ...{ audience: AUDIENCE, scopes: ['read'], kid: rsPair.thumbprint, tokenId: 'token-1', expiresAt: NOW + 3_600 },
    });
  });

  it('is signed by the ring that the audience chose', async () => {
    const { ports } = portsOf({}, { audience: audience({ tokenPolicy: { algorithm: 'ES256' } }) });
    const token = tokenOf(await issue(ports, assertion(clientPair)));
    await expect(compactVerify(token, esPair.publicJwk, { algorithms: ['ES256'] })).resolves.toBeDefined();
  });

  it.each([
    [7_200, 3_600, 3_600],
    [600, 3_600, 600],
    [3_600, 900, 900],
  ])('lives no longer than setting (%i s) and key (%i s) allow: %i s', async (setting, bound, seconds) => {
    const { ports } = portsOf({}, { rings: [ring('RS256', [signingKey(rsPair, { maxTokenSeconds: bound })])] });
    const decided = await issue(ports, assertion(clientPair), {}, { ...SETTINGS, accessTokenSeconds: setting });
    expect([decided.result.ok && decided.result.value.answer.expires_in, decided.facts.expiresAt]).toEqual([
      seconds,
      NOW + seconds,
    ]);
  });

  it('remembers the assertion until its age alone refuses it', async () => {
    const { ports, replay } = portsOf();
    await issue(ports, assertion(clientPair, { exp: NOW + 59.2 }));
    expect([...replay.uses.values()]).toEqual([
      {
        ...{ realm: REALM, kind: 'assertion', maker: CLIENT, jti: 'assertion-1' },
        ...{ forgetAfter: NOW + 60 + 61, claimedBy: 'request-1' },
      },
    ]);
  });
});

describe('the calls of a request', () => {
  it('are one read of each kind, then the claim and the signature', async () => {
    const { ports, calls } = portsOf();
    await issue(ports, assertion(clientPair), { resource: AUDIENCE });
    expect(calls).toEqual([`find default/crm`, `read default/${AUDIENCE}`, 'claim assertion-1', 'sign RS256']);
  });

  it('read partner and audience at once where the resource is named', { timeout: 2_000 }, async () => {
    const gate = Promise.withResolvers<void>();
    const { ports } = portsOf({
      partners: finding(() => gate.promise.then(() => client())),
      catalogue: {
        read: async () => {
          gate.resolve();
          return catalogue();
        },
      },
    });
    expect(reasonOf(await issue(ports, assertion(clientPair), { resource: AUDIENCE }))).toBe('granted');
  });

  it.each(['claim first', 'signature first'])(
    'have claim and signature in flight at once (%s)',
    { timeout: 2_000 },
    async (order) => {
      const [claimed, signed] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
      const { ports } = portsOf();
      const gated: IssueTokenPorts = {
        ...ports,
        replay: {
          ...ports.replay,
          claim: async (use, now) => {
            claimed.resolve();
            if (order === 'signature first') await signed.promise;
            return ports.replay.claim(use, now);
          },
        },
        signer: {
          sign: async (key, algorithm, input) => {
            if (order === 'claim first') await claimed.promise;
            const signature = await ports.signer.sign(key, algorithm, input);
            signed.resolve();
            return signature;
          },
        },
      };
      expect(reasonOf(await issue(gated, assertion(clientPair)))).toBe('granted');
    },
  );

  it.each([
    ['a request that is none', { grant_type: undefined }, {}, []],
    ['an assertion of the wrong type', {}, { typ: 'at+jwt' }, []],
    ['a client_id that disagrees', { client_id: 'other' }, {}, []],
    ['a wrong signature', {}, { kid: 'k1', x: 1 }, ['find default/crm', `read default/${AUDIENCE}`]],
  ])('end early for %s: nothing is claimed or signed', async (what, form, header, expected) => {
    const { ports, calls } = portsOf();
    const pair = what === 'a wrong signature' ? await keyPair('ES256', 'other') : clientPair;
    expect(reasonOf(await issue(ports, assertion(pair, {}, header), form))).not.toBe('granted');
    expect(calls).toEqual(expected);
  });

  it.each(['x'.repeat(256), 'a#b', 'crm#grant', 'half \ud83d', '../x', ' crm'])(
    'do not carry the client %j to the registry, which it cannot be in',
    async (sub) => {
      const { ports, calls } = portsOf();
      expect(reasonOf(await issue(ports, assertion(clientPair, { iss: sub, sub }), { resource: AUDIENCE }))).toBe(
        'client_unknown',
      );
      expect(calls).toEqual([`read default/${AUDIENCE}`]);
    },
  );
});

describe('a refused request', () => {
  const read = { realm: REALM, grantType: 'client_credentials' };
  const asked = { ...read, client: CLIENT, assertionId: 'assertion-1' };
  const known = { ...asked, method: 'private_key_jwt', clientKey: 'k1', subject: CLIENT };

  it.each([
    ['before anything is known', { grant_type: 'password' }, {}, 'grant_type_unsupported', { realm: REALM }],
    ['for an assertion without jti', {}, { jti: undefined }, 'assertion_malformed', { ...read, client: CLIENT }],
    ['for an assertion without exp', {}, { exp: undefined }, 'assertion_malformed', read],
    ['for a client_id that disagrees', { client_id: 'x' }, {}, 'client_id_mismatch', read],
    ['for an unknown client', {}, { sub: 'nobody', iss: 'nobody' }, 'client_unknown', { ...asked, client: 'nobody' }],
    ['for its audience', {}, { aud: [ISSUER] }, 'assertion_audience', asked],
    ['for its age', {}, { exp: NOW - 60, iat: undefined }, 'assertion_expired', asked],
    [
      'for a scope',
      { scope: 'admin', resource: AUDIENCE },
      {},
      'scope_not_granted',
      { ...known, audience: AUDIENCE, scopes: ['admin'] },
    ],
    [
      'for a resource without grant',
      { resource: 'urn:other' },
      {},
      'grant_missing',
      { ...known, audience: 'urn:other' },
    ],
  ])('%s is on record with what was known by then', async (_what, form, claims, reason, facts) => {
    const decided = await issue(portsOf().ports, assertion(clientPair, claims), form);
    expect([reasonOf(decided), decided.facts]).toEqual([reason, facts]);
  });

  it.each([0, 2])(
    'has to name its resource where the client has %i grants, and reads no more than the realm',
    async (count) => {
      const grants = Array.from({ length: count }, (_, index) => grant({ audience: `urn:${index}` }));
      const { ports, calls } = portsOf({ partners: finding(async () => ({ ...(await client()), grants })) });
      const reason = reasonOf(await issue(ports, assertion(clientPair)));
      expect([reason, [...new Set(calls)]]).toEqual(['resource_required', ['realm default']]);
    },
  );

  it('names the owner that is disabled, in the record only', async () => {
    const { ports } = portsOf({}, { audience: audience({ ownerEnabled: false }) });
    const { result } = await issue(ports, assertion(clientPair));
    expect(result).toEqual({ ok: false, refusal: { reason: 'resource_disabled', resource: AUDIENCE, owner: OWNER } });
  });
});

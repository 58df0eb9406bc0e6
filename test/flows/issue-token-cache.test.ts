import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { PartnerWithGrants } from '../../functions/core/partner.ts';
import type { Catalogue } from '../../functions/ports.ts';
import { AUDIENCE, assertion, audience, client, credential, grant, keyPair } from '../support/builders.ts';
import { catalogue, clientPair, finding, issue, portsOf, reasonOf } from './issue-token-world.ts';

/** What the registry says now, and what a cache of another moment says; every read is written down with the age it allows. */
const cachedPorts = async (stale: Partial<PartnerWithGrants> | undefined, staleRead: Partial<Catalogue> = {}) => {
  const now = await client();
  const asked: string[] = [];
  const { ports } = portsOf({
    partners: finding(async (_realm, _id, freshness) => {
      asked.push(`find ${freshness?.maxAgeSeconds ?? 'cached'}`);
      if (freshness?.maxAgeSeconds !== undefined) return now;
      return stale === undefined ? undefined : { ...now, ...stale };
    }),
    catalogue: {
      read: async (_realm, _audience, freshness) => {
        asked.push(`read ${freshness?.maxAgeSeconds ?? 'cached'}`);
        return catalogue(freshness?.maxAgeSeconds === undefined ? staleRead : {});
      },
    },
  });
  return { ports, asked };
};

const checks = vi.spyOn(SubtleCrypto.prototype, 'verify');
beforeEach(() => {
  checks.mockClear();
});

const { partner } = await client();
const otherKey = credential(await keyPair('ES256', 'old'));

describe('what an operator has just added', () => {
  it.each([
    ['an enabled partner', { partner: { ...partner, enabled: false } }, {}],
    ['a first grant', { grants: [] }, {}],
    ['a grant beside others', { grants: [grant({ audience: 'urn:other' })] }, {}],
    ['a scope of a grant', { grants: [grant({ scopes: ['write'] })] }, {}],
    ['an audience', {}, { audience: undefined }],
    ['an enabled owner', {}, { audience: audience({ ownerEnabled: false }) }],
    ['a scope of an audience', {}, { audience: audience({ scopes: ['write'] }) }],
  ])('works at once, whatever the cache says: %s', async (_what, stale, staleRead) => {
    const { ports, asked } = await cachedPorts(stale, staleRead);
    const form = { resource: AUDIENCE, scope: 'read' };
    expect([reasonOf(await issue(ports, assertion(clientPair), form)), asked]).toEqual([
      'granted',
      ['find cached', 'read cached', 'find 0', 'read 0'],
    ]);
  });

  it('works at once where it is the only grant, and unnamed', async () => {
    const { ports } = await cachedPorts({ grants: [] });
    expect(reasonOf(await issue(ports, assertion(clientPair)))).toBe('granted');
  });

  it('works within seconds where it is a key, and costs one signature check', async () => {
    const { ports, asked } = await cachedPorts({ partner: { ...partner, credentials: [otherKey] } });
    const outcome = reasonOf(await issue(ports, assertion(clientPair), { resource: AUDIENCE }));
    expect([outcome, asked, checks.mock.calls.length]).toEqual([
      'granted',
      ['find cached', 'read cached', 'find 5'],
      1,
    ]);
  });
});

describe('a second look', () => {
  it.each([
    ['the signature', async () => assertion(await keyPair('ES256', 'evil'), {}, { kid: 'k1' }), 'assertion_signature'],
    ['the algorithm', async () => assertion(clientPair, {}, { alg: 'RS256' }), 'assertion_algorithm'],
    ['the audience', async () => assertion(clientPair, { aud: 'x' }), 'assertion_audience'],
  ])('is not taken at a caller that is refused for %s', async (_what, jws, reason) => {
    const { ports, asked } = await cachedPorts({});
    expect([reasonOf(await issue(ports, await jws(), { resource: AUDIENCE })), asked]).toEqual([
      reason,
      ['find cached', 'read cached'],
    ]);
  });

  it('is one only, and then the refusal stands', async () => {
    const { ports, asked } = await cachedPorts({});
    const decided = await issue(ports, assertion(clientPair), { resource: AUDIENCE, scope: 'admin' });
    expect([reasonOf(decided), asked]).toEqual([
      'scope_not_granted',
      ['find cached', 'read cached', 'find 0', 'read 0'],
    ]);
  });

  it('makes an unknown key cost no more checks than an unknown client', async () => {
    const { ports } = await cachedPorts({});
    const unknownKey = reasonOf(await issue(ports, assertion(clientPair, {}, { kid: 'x' }), { resource: AUDIENCE }));
    const { ports: nobody } = portsOf({ partners: finding(async () => undefined) });
    const unknownClient = reasonOf(await issue(nobody, assertion(clientPair), { resource: AUDIENCE }));
    expect([unknownKey, unknownClient, checks.mock.calls.length]).toEqual([
      'assertion_key_unknown',
      'client_unknown',
      2,
    ]);
  });
});

/**
 * Token requests by tokens of the Microsoft profile, and for them, with ports in memory: what is read, claimed and signed, and that no
 * failure of a port becomes a refusal.
 */

import { importJWK } from 'jose';
import { describe, expect, it } from 'vitest';
import { JWT_BEARER, LEGACY_JWT_BEARER } from '../../functions/core/grant-type.ts';
import type { IssueTokenPorts } from '../../functions/flows/issue-token.ts';
import { Outage } from '../../functions/ports.ts';
import { CLOCK, fixtureText, keys, manifest } from '../microsoft/fixtures.ts';
import { byThumbprint, contextOf, isMeant, verdict } from '../microsoft/memory.ts';
import { type Recipient, type RegisteredRecipient, recipient, register } from '../microsoft/recipients.ts';
import { APP, changed, type Draft, GOOD, headerOf, REALM as MICROSOFT_REALM, tokenOf } from '../microsoft/tokens.ts';
import { REALM, ring, signingKey, type TestKeyPair } from '../support/builders.ts';
import { pairSigner, testClock } from './in-memory.ts';
import { issue, tokenOf as issuedTo, portsOf } from './issue-token-world.ts';

/** The ring's key is that of a certificate of the fixtures. */
const ringPair = async (): Promise<TestKeyPair> => {
  const { d: _d, p: _p, q: _q, dp: _dp, dq: _dq, qi: _qi, ...publicJwk } = keys.sharepoint ?? {};
  const privateKey = await importJWK({ ...keys.sharepoint }, 'RS256', { extractable: true });
  if (privateKey instanceof Uint8Array) throw new Error('not a key pair');
  return { algorithm: 'RS256', kid: 'ring', privateKey, publicJwk, thumbprint: 'ring' };
};
const pair = await ringPair();
const certificate = fixtureText('sharepoint-test-cert.pem').replace(/-----[A-Z ]+-----|\s/g, '');

const registeredHere = (name: string): Promise<RegisteredRecipient> =>
  register({ ...recipient(name), name: REALM } as Recipient);
const lync = await registeredHere('lync');
const sts = await registeredHere('sts');

interface World {
  readonly recipient?: RegisteredRecipient;
  readonly changes?: Partial<IssueTokenPorts>;
  readonly certificates?: readonly string[];
}

/** Every call is written down. */
const worldOf = ({ recipient: here = lync, changes = {}, certificates = [certificate] }: World = {}) => {
  const calls: string[] = [];
  const { realm, partners, users, audiences } = here;
  const everybody = [...partners, { partner: here.owner, grants: [], audiences: [] }];
  const { certificates: _read, ...context } = contextOf(here, calls);
  const active = { activateNotBefore: CLOCK - 90_000, activatedAt: CLOCK - 90_000, certificates };
  const { ports, replay } = portsOf({
    partners: {
      ...context.issuers,
      find: async (_realm, id) => {
        calls.push(`partner ${id}`);
        return everybody.find(({ partner }) => partner.id === id);
      },
    },
    certificates: {
      findByThumbprint: async (_realm, x5t) => {
        calls.push('certificate');
        return byThumbprint(partners, x5t);
      },
    },
    users: {
      findUser: async (_realm, id) => {
        calls.push(`user ${id}`);
        return users.find((user) => user.id === id);
      },
      findUsers: async (_realm, identifiers) => {
        calls.push('users');
        return users.filter((user) => isMeant(user, identifiers));
      },
    },
    catalogue: {
      read: async (_realm, name) => {
        calls.push('catalogue');
        const audience = audiences.find((each) => each.audience === name);
        return { realm, rings: [ring('RS256', [signingKey(pair, active)])], audience };
      },
    },
    realms: {
      find: async () => {
        calls.push('realm');
        return realm;
      },
    },
    clock: testClock(CLOCK),
  });
  const all: IssueTokenPorts = {
    ...ports,
    replay: {
      claim: (claim, now) => {
        calls.push(`claim ${claim.uses.length}`);
        return ports.replay.claim(claim, now);
      },
      release: (claim) => {
        calls.push('release');
        return ports.replay.release(claim);
      },
    },
    signer: {
      sign: (...call) => {
        calls.push('sign');
        return pairSigner(pair).sign(...call);
      },
    },
    ...changes,
  };
  return { ports: all, calls, replay };
};

const form = (assertion: string, more: Readonly<Record<string, string>> = {}) => ({
  ...{ client_assertion: undefined, client_assertion_type: undefined, grant_type: LEGACY_JWT_BEARER, assertion },
  ...more,
});
const ask = (ports: IssueTokenPorts, draft: Draft, more: Readonly<Record<string, string>> = {}) =>
  issue(ports, '', form(tokenOf(draft), more));

const reasonOf = ({ result }: Awaited<ReturnType<typeof ask>>): string => {
  if (result.ok) return 'granted';
  const { refusal } = result;
  const inner = refusal.reason === 'grant_assertion_refused' ? refusal.because : refusal;
  return inner.reason === 'microsoft_token_refused' ? inner.fault : inner.reason;
};

describe('a request by an actor token', () => {
  it.each([
    ['about an application', GOOD.application.draft, 0],
    ['about a user', GOOD.user.draft, 1],
  ])('uses up nothing, and costs one signature: %s', async (_what, draft, users) => {
    const { ports, calls, replay } = worldOf();
    expect(reasonOf(await ask(ports, draft))).toBe('granted');
    expect(reasonOf(await ask(ports, draft))).toBe('granted');
    expect(calls.filter((call) => call === 'sign')).toHaveLength(2);
    expect(calls.filter((call) => call === 'users')).toHaveLength(2 * users);
    expect(calls.filter((call) => call.startsWith('claim'))).toEqual(['claim 0', 'claim 0']);
    expect(replay.uses.size).toBe(0);
  });

  it('is good for the resource that it was made for, and for no other', async () => {
    const { ports } = worldOf();
    const other = 'https://other-pool.contoso.example';
    expect(reasonOf(await ask(ports, GOOD.application.draft, { resource: other }))).toBe('assertion_resource');
    const own = 'https://sfbpool.contoso.example';
    expect(reasonOf(await ask(ports, GOOD.application.draft, { resource: own }))).toBe('granted');
  });

  it.each([
    ['its id', 'exchange', 'granted'],
    ['its principal', `${APP.exchange}@${MICROSOFT_REALM.org}`, 'granted'],
    ['another', 'hrapp', 'client_id_mismatch'],
  ])('may name its client by %s', async (_what, clientId, reason) => {
    expect(reasonOf(await ask(worldOf().ports, GOOD.application.draft, { client_id: clientId }))).toBe(reason);
  });

  it('is looked at a second time, with fresh data, where an operator may have changed something since', async () => {
    const ages: (number | undefined)[] = [];
    const { ports } = worldOf();
    const users: IssueTokenPorts['users'] = {
      ...ports.users,
      findUsers: async (realm, identifiers, freshness) => {
        ages.push(freshness?.maxAgeSeconds);
        return ages.length === 1 ? [] : ports.users.findUsers(realm, identifiers, freshness);
      },
    };
    expect(reasonOf(await ask({ ...ports, users }, GOOD.user.draft))).toBe('granted');
    expect(ages).toEqual([undefined, 0]);
  });

  it('costs a few reads and no signature where nobody has its certificate', async () => {
    const { ports, calls } = worldOf();
    const draft = changed(GOOD.application.draft, { key: 'attacker', header: headerOf('attacker') });
    expect(reasonOf(await ask(ports, draft))).toBe('key_not_found');
    expect(calls.filter((call) => call !== 'certificate' && call !== 'realm')).toEqual([]);
    expect(calls.length).toBeLessThanOrEqual(12);
  });
});

describe('a request by an assertion for the token server', () => {
  const RESOURCE = { resource: 'https://mail.contoso.example' };

  it('uses it up, once for each user', async () => {
    const { ports, replay } = worldOf({ recipient: sts });
    expect(reasonOf(await ask(ports, GOOD.assertion.draft, RESOURCE))).toBe('granted');
    expect([...replay.uses.values()]).toMatchObject([{ kind: 'assertion', maker: 'exchange' }]);
    // The same request may come again; another one must not have it.
    const second = { ...ports, replay: { ...ports.replay, claim: async () => [...replay.uses.values()][0] } };
    expect(reasonOf(await ask(second, GOOD.assertion.draft, RESOURCE))).toBe('assertion_replayed');
  });

  it('gives it back when nothing comes of it', async () => {
    const signer = { sign: () => Promise.reject(new Outage('kms:Sign', new Error('gone'))) };
    const { ports, calls, replay } = worldOf({ recipient: sts, changes: { signer } });
    await expect(ask(ports, GOOD.assertion.draft, RESOURCE)).rejects.toThrow(Outage);
    expect(calls.at(-1)).toBe('release');
    expect(replay.uses.size).toBe(0);
  });
});

describe('a port that does not answer', () => {
  const gone = () => Promise.reject(new Outage('aws', new Error('gone')));
  const failing: readonly [string, Partial<IssueTokenPorts>][] = [
    ['certificates', { certificates: { findByThumbprint: gone } }],
    ['users', { users: { findUser: gone, findUsers: gone } }],
    ['the catalogue', { catalogue: { read: gone } }],
    ['what was used', { replay: { claim: gone, release: async () => undefined } }],
    ['the signer', { signer: { sign: gone } }],
  ];

  it.each(failing)('is an outage and no refusal, under both names of the grant: %s', async (_what, changes) => {
    for (const grant of [LEGACY_JWT_BEARER, JWT_BEARER]) {
      const { ports } = worldOf({ changes });
      await expect(ask(ports, GOOD.user.draft, { grant_type: grant })).rejects.toThrow(Outage);
    }
  });
});

/** The partner `exchange` owns the audience, whose tokens are of the profile. */
const outbound = (changes: object = {}): RegisteredRecipient => ({
  ...sts,
  partners: sts.partners.map((each) =>
    each.partner.id === 'exchange' ? { ...each, partner: { ...each.partner, ...changes } } : each,
  ),
  audiences: sts.audiences.map((audience) => ({
    ...audience,
    owner: 'exchange',
    tokenPolicy: { profile: 'microsoft-s2s' as const },
  })),
});

describe('a request for an actor token', () => {
  const RESOURCE = { resource: 'https://mail.contoso.example' };
  const DELEGATE = { microsoft: { issuedBy: 'itself', actors: [], userTokens: true, delegation: true } };

  it('is answered with one that names the certificate of the ring', async () => {
    const { ports, calls } = worldOf({ recipient: outbound() });
    const token = issuedTo(await ask(ports, GOOD.assertion.draft, RESOURCE));
    const [header, claims] = token
      .split('.')
      .slice(0, 2)
      .map((part) => JSON.parse(Buffer.from(part, 'base64url').toString()));
    expect(header).toEqual({ typ: 'JWT', alg: 'RS256', x5t: manifest.x5t.sharepoint });
    expect(claims).toEqual({
      aud: `${APP.exchange}/mail.contoso.example@${MICROSOFT_REALM.tenant}`,
      iss: `${APP.acs}@${MICROSOFT_REALM.tenant}`,
      nameid: `${APP.exchange}@${MICROSOFT_REALM.tenant}`,
      ...{ nbf: String(CLOCK), exp: String(CLOCK + 3_600) },
    });
    expect(calls.filter((call) => call === 'sign')).toHaveLength(1);
    // Our own keys are nobody's: shown to ourselves it comes from a stranger.
    expect(await verdict(token, contextOf(outbound()))).toBe('key_not_found');
  });

  it('is answered with one about the user of the assertion, if the client may have that', async () => {
    const draft = changed(
      { ...GOOD.assertion.draft, outer: {} },
      {
        claims: { trustedfordelegation: 'true' },
        outer: { ...GOOD.assertion.draft.claims, nameid: 'kim@contoso.example', nii: undefined },
      },
    );
    expect(reasonOf(await ask(worldOf({ recipient: outbound() }).ports, draft, RESOURCE))).toBe(
      'delegation_not_granted',
    );
    const { ports, calls } = worldOf({ recipient: outbound(DELEGATE) });
    const token = issuedTo(await ask(ports, draft, RESOURCE));
    expect(token.endsWith('.')).toBe(true);
    const claimsOf = (text: string) => JSON.parse(Buffer.from(text.split('.')[1] ?? '', 'base64url').toString());
    // The resource could put another user around it: it is no better for longer.
    expect(claimsOf(claimsOf(token).actortoken)).toMatchObject({
      exp: String(CLOCK + 300),
      trustedfordelegation: 'true',
    });
    expect(claimsOf(token)).toMatchObject({
      ...{ upn: 'kim@contoso.example', nii: 'urn:office:idp:activedirectory' },
      actortoken: expect.stringMatching(/^[\w-]+\.[\w-]+\.[\w-]+$/),
    });
    expect(calls).toContain('user kim');
  });

  it('is an outage as long as the key that signs has no certificate', async () => {
    const { ports } = worldOf({ recipient: outbound(), certificates: [] });
    await expect(ask(ports, GOOD.assertion.draft, RESOURCE)).rejects.toThrow(Outage);
  });

  it('is an outage where the user or the owner cannot be read', async () => {
    const gone = () => Promise.reject(new Outage('dynamodb:GetItem', new Error('gone')));
    const { ports } = worldOf({ recipient: outbound() });
    const partners = { ...ports.partners, find: gone };
    await expect(ask({ ...ports, partners }, GOOD.assertion.draft, RESOURCE)).rejects.toThrow(Outage);
  });
});

describe('a resource that is named in the old way', () => {
  const named = async (here: RegisteredRecipient, resource: string) =>
    reasonOf(await ask(worldOf({ recipient: here }).ports, GOOD.assertion.draft, { resource }));
  const { acs, exchange, lync: another } = APP;
  const { tenant, otherTenant } = MICROSOFT_REALM;
  const owned: RegisteredRecipient = {
    ...sts,
    audiences: sts.audiences.map((audience) => ({ ...audience, owner: 'exchange' })),
  };

  it.each([
    ['by the realm', sts, acs, tenant, 'granted'],
    ['by its owner', owned, exchange, tenant, 'granted'],
    ['by somebody else', owned, another, tenant, 'resource_unknown'],
    ['by an owner that has no such name', sts, exchange, tenant, 'resource_unknown'],
    ['of another realm', sts, acs, otherTenant, 'resource_unknown'],
  ] as const)('is found if it is called so: %s', async (_what, here, application, realm, reason) => {
    expect(await named(here, `${application}/mail.contoso.example@${realm}`)).toBe(reason);
  });
});

/**
 * Attacks with actor tokens that somebody else has made, or of which the unsigned part was made anew: on single use, on revocation, and on
 * whom a token is about. In memory, since they take hours.
 */

import { describe, expect, it } from 'vitest';
import { LEGACY_JWT_BEARER } from '../../functions/core/grant-type.ts';
import { actorTokenId } from '../../functions/core/microsoft-token.ts';
import { normalIdentifier, readUserIdentifiers } from '../../functions/core/microsoft-user.ts';
import type { Partner } from '../../functions/core/partner.ts';
import { realmTerms } from '../../functions/core/realm.ts';
import type { Subject } from '../../functions/core/subject.ts';
import { checkActorToken } from '../../functions/flows/check-actor-token.ts';
import type { IssueTokenPorts } from '../../functions/flows/issue-token.ts';
import { orderForServer } from '../../functions/flows/order-actor-token.ts';
import { memoryTokenRevocations, testClock } from '../flows/in-memory.ts';
import { issue, portsOf, rsPair } from '../flows/issue-token-world.ts';
import { CLOCK } from '../microsoft/fixtures.ts';
import { contextOf, verdict } from '../microsoft/memory.ts';
import { type RegisteredRecipient, recipient, register } from '../microsoft/recipients.ts';
import { actorToken, around, changed, GOOD, REALM, tokenOf } from '../microsoft/tokens.ts';
import { REALM as HERE, realmDefaults, ring, signingKey } from '../support/builders.ts';

const registeredHere = (name: string): Promise<RegisteredRecipient> => register({ ...recipient(name), name: HERE });
const lync = await registeredHere('lync');
const sts = await registeredHere('sts');
const exchange = await registeredHere('exchange');

/** With these members in place of a partner's own. */
const withPartner = (here: RegisteredRecipient, id: string, change: Partial<Partner>): RegisteredRecipient => ({
  ...here,
  partners: here.partners.map((each) =>
    each.partner.id === id ? { ...each, partner: { ...each.partner, ...change } } : each,
  ),
});

const portsFor = (here: RegisteredRecipient, now: () => number): IssueTokenPorts => {
  const { realm, owner, users } = here;
  const context = contextOf(here);
  const everybody = [...here.partners, { partner: owner, grants: [], audiences: [] }];
  return portsOf({
    partners: { ...context.issuers, find: async (_realm, id) => everybody.find(({ partner }) => partner.id === id) },
    certificates: context.certificates,
    users: { ...context.users, findUser: async (_realm, id) => users.find((user) => user.id === id) },
    catalogue: {
      read: async (_realm, name) => ({
        realm,
        rings: [ring('RS256', [signingKey(rsPair)])],
        audience: here.audiences.find(({ audience }) => audience === name),
      }),
    },
    realms: { find: async () => realm },
    clock: { ...testClock(CLOCK), now },
  }).ports;
};

const MAIL = 'https://mail.contoso.example';
let requests = 0;
const ask = async (ports: IssueTokenPorts, assertion: string, resource?: string): Promise<string> => {
  requests += 1;
  const form = {
    ...{ client_assertion: undefined, client_assertion_type: undefined, grant_type: LEGACY_JWT_BEARER, assertion },
    ...(resource === undefined ? {} : { resource }),
  };
  // Another request each time: the same one may come again.
  const claim: IssueTokenPorts['replay']['claim'] = (use, now) =>
    ports.replay.claim({ ...use, claimedBy: `request-${requests}` }, now);
  const { result } = await issue({ ...ports, replay: { ...ports.replay, claim } }, '', form);
  if (result.ok) return 'granted';
  const { refusal } = result;
  return refusal.reason === 'grant_assertion_refused' ? refusal.because.reason : refusal.reason;
};

describe('an assertion for the token endpoint about a user', () => {
  const { draft } = GOOD.assertion;
  const twelveHours = { nbf: String(CLOCK), exp: String(CLOCK + 43_200) };
  const signed = actorToken(changed(draft, { claims: { ...twelveHours, trustedfordelegation: 'true' } }));
  const wrapped = (end: number) =>
    around(
      { ...draft, outer: { ...draft.claims, nbf: String(end - 600), exp: String(end), nameid: 'kim@contoso.example' } },
      signed,
    );

  it('is used once, whatever end the unsigned part states', async () => {
    let now = CLOCK;
    const ports = portsFor(sts, () => now);
    expect(await ask(ports, wrapped(CLOCK + 60), MAIL)).toBe('granted');
    for (const later of [1, 400, 3_600, 43_100]) {
      now = CLOCK + later;
      expect(await ask(ports, wrapped(now + 60), MAIL)).toBe('assertion_replayed');
    }
  });
});

describe('an actor token for a resource', () => {
  const application = tokenOf(GOOD.application.draft);

  it('is not turned into a new token after all tokens of its partner, or of its grant, were ended', async () => {
    const now = () => CLOCK + 100;
    expect(await ask(portsFor(lync, now), application)).toBe('granted');
    const marked = withPartner(lync, 'exchange', { tokensNotBefore: CLOCK + 1 });
    expect(await ask(portsFor(marked, now), application)).toBe('token_too_old');
    const partners = lync.partners.map((each) => ({
      ...each,
      grants: each.grants.map((grant) => ({ ...grant, tokensNotBefore: CLOCK + 1 })),
    }));
    expect(await ask(portsFor({ ...lync, partners }, now), application)).toBe('token_too_old');
  });

  it('is not turned into a new token after it was revoked', async () => {
    const ports = portsFor(lync, () => CLOCK);
    const revocations = memoryTokenRevocations();
    await revocations.revoke(HERE, actorTokenId(application, 'exchange'), CLOCK + 43_200);
    expect(await ask({ ...ports, revocations }, application)).toBe('token_revoked');
  });

  it('is on record with the end of what is signed, so that no later unsigned part outlives its revocation', async () => {
    const context = contextOf(lync);
    const { result, facts } = await checkActorToken(
      {
        ...{ certificates: context.certificates, users: context.users, clock: { now: () => CLOCK } },
        partners: {
          ...context.issuers,
          find: async (_realm, id) => lync.partners.find((each) => each.partner.id === id),
        },
        audiences: { find: async (_realm, name) => lync.audiences.find(({ audience }) => audience === name) },
        realms: { find: async () => lync.realm },
        revocations: memoryTokenRevocations(),
      },
      {
        ...{ realm: HERE, audience: 'https://sfbpool.contoso.example', defaults: realmDefaults() },
        ...{ clockToleranceSeconds: 60, authorizerCacheSeconds: 0 },
      },
    )({
      token: { scheme: 'bearer', jws: tokenOf(GOOD.user.draft) },
      ...{ method: 'GET', host: 'sfbpool.contoso.example', path: '/', requestId: 'request-1' },
    });
    expect(result).toMatchObject({ ok: true, value: { exp: CLOCK + 3_600 + 300 } });
    expect(facts).toMatchObject({ expiresAt: CLOCK + 28_800 + 300 });
  });
});

describe('an authorization server', () => {
  it('lends its security identifiers to no partner that it vouches for', async () => {
    const sid = { nameid: 's-1-5-21-1004336348-1177238915-682003330-1104', nii: 'urn:office:idp:activedirectory' };
    const only = changed(GOOD.vouchedUser.draft, {
      outer: { ...sid, upn: undefined, smtp: undefined, sip: undefined },
    });
    const ofServer = withPartner(exchange, 'sts', { acceptsSecurityIdentifiers: true });
    expect(await verdict(tokenOf(only), contextOf(ofServer))).toBe('user_identity_missing');
    const ofPartner = withPartner(exchange, 'hrapp-cloud', { acceptsSecurityIdentifiers: true });
    expect(await verdict(tokenOf(only), contextOf(ofPartner))).toBe('accept');
  });

  it('speaks for partners of its own realm only', async () => {
    const nameid = `3d1f9a52-7c4e-4b0d-9a6e-5b2c8f7e1d90@${REALM.otherTenant}`;
    const draft = changed(GOOD.vouched.draft, { claims: { nameid } });
    expect(await verdict(tokenOf(draft), contextOf(exchange))).toBe('actor_not_partner');
  });
});

describe('a user', () => {
  const delegate = sts.partners.find(({ partner }) => partner.id === 'exchange')?.partner;
  if (delegate === undefined) throw new Error('there is no partner exchange');
  const client: Partner = {
    ...delegate,
    microsoft: { issuedBy: 'itself', actors: [], userTokens: true, delegation: true },
  };

  const calledAs = async (sub: string, iss: string, users: 'registered' | 'as-stated' = 'registered') => {
    const ports = portsFor(sts, () => CLOCK);
    const terms = realmTerms(sts.realm, realmDefaults());
    const realm = { ...terms, ...(terms.microsoft === undefined ? {} : { microsoft: { ...terms.microsoft, users } }) };
    const subject: Subject = { kind: 'user', sub, subId: { format: 'iss_sub', iss, sub }, act: { sub: client.id } };
    const order = await orderForServer(
      { partners: ports.partners, users: ports.users, realm, freshness: {} },
      {
        request: { resource: MAIL },
        client,
        entitlement: {
          ...{ subject, audience: MAIL, scopes: ['read'], seconds: 600, algorithm: 'RS256', claims: {}, bindings: [] },
          ...{ bindsCertificate: false, profile: 'microsoft-s2s' },
        },
        ...{ owner: 'exchange', actorToken: undefined, confirmation: undefined },
      },
    );
    return order.ok ? order.value?.user?.upn : order.refusal.reason;
  };
  const issuer = realmTerms(sts.realm, realmDefaults()).issuer;

  it.each([
    ['the realm', issuer],
    ['the client', 'exchange'],
    ['the client, by its issuer', client.issuer ?? ''],
    ['another client', 'hrapp'],
  ])('is called at a server what was registered, if known to %s', async (_what, iss) => {
    expect(await calledAs('kim', iss)).toBe('kim@contoso.example');
  });

  it.each(['registered', 'as-stated'] as const)(
    'of another issuer is nobody there, whatever name they have (%s)',
    async (mode) => {
      for (const sub of ['kim', 'admin@contoso.example'])
        expect(await calledAs(sub, 'https://login.example.com', mode)).toBe('token_profile_unsupported');
    },
  );

  it('whom another server states is not the one that is registered by that id', async () => {
    const server = `00000004-0000-0ff1-ce00-000000000000@${REALM.tenant}`;
    expect(await calledAs('kim', server, 'as-stated')).toBe('token_profile_unsupported');
    expect(await calledAs('eve@contoso.example', server, 'as-stated')).toBe('eve@contoso.example');
  });

  it.each([
    ['a Kelvin sign', '\u212Aim@contoso.example'],
    ['an Angstrom sign', '\u212Bke@contoso.example'],
    ['a letter in two parts', 'rene\u0301@contoso.example'],
    ['an invisible sign', 'k\u200Bim@contoso.example'],
    ['half a character', 'kim\uD800@contoso.example'],
    ['a line', 'kim@contoso.example\n'],
    ['two addresses', 'kim@contoso.example@evil.example'],
  ])('is not named with %s', (_what, upn) => {
    expect(normalIdentifier('upn', upn)).toBeUndefined();
    expect(readUserIdentifiers({ upn }, true)).toEqual({ ok: false, refusal: 'user_identity_missing' });
  });
});

/** Who calls whom in an actor token of our making, and who may have one that is trusted for delegation. */

import { describe, expect, it } from 'vitest';
import { type ActorWish, orderActorToken } from '../../functions/core/actor-order.ts';
import type { MicrosoftPartner, MicrosoftRealm } from '../../functions/core/microsoft-profile.ts';
import { partner } from '../support/builders.ts';

const HERE: MicrosoftRealm = {
  applicationId: '3d1f9a52-7c4e-4b0d-9a6e-5b2c8f7e1d90',
  realms: ['contoso.example', 'fabrikam.example'],
  ...{ hosts: [], tokenHosts: [], users: 'registered' },
};
const SELF = `${HERE.applicationId}@contoso.example`;
const EXCHANGE = '00000002-0000-0ff1-ce00-000000000000@contoso.example';
const LYNC = '00000004-0000-0ff1-ce00-000000000000@contoso.example';
const TO_EXCHANGE = '00000002-0000-0ff1-ce00-000000000000/mail.contoso.example@contoso.example';
const AUDIENCE = 'https://mail.contoso.example';

const profile = (changes: Partial<MicrosoftPartner> = {}): MicrosoftPartner => ({
  ...{ issuedBy: 'itself', actors: [], userTokens: false, delegation: false },
  ...changes,
});
const application: ActorWish['entitlement']['subject'] = { kind: 'application', sub: 'crm' };
const kim: ActorWish['entitlement']['subject'] = { kind: 'user', sub: 'kim' };

const order = (changes: Partial<ActorWish> = {}, subject = application) =>
  orderActorToken({
    ...{
      realm: { microsoft: HERE },
      client: partner({ id: 'crm' }),
      owner: partner({ id: 'exchange', issuer: EXCHANGE }),
    },
    ...{ entitlement: { subject, audience: AUDIENCE, seconds: 900 }, resource: undefined, trustedForDelegation: false },
    ...changes,
  });

describe('an order of an actor token', () => {
  it("names the owner's application at the host of the audience, and the realm as who has signed", () => {
    expect(order()).toEqual({
      ok: true,
      value: { issuer: SELF, actor: SELF, audience: TO_EXCHANGE, isTrustedForDelegation: false, seconds: 900 },
    });
  });

  it('names a client with a name of its own by that', () => {
    const client = partner({ id: 'crm', issuer: LYNC, microsoft: profile({ issuedBy: 'authorization-server' }) });
    expect(order({ client })).toMatchObject({ value: { issuer: SELF, actor: LYNC } });
  });

  it.each([
    ['without the profile', { issuer: LYNC }],
    ['with a name of another kind', { issuer: 'https://crm.example', microsoft: profile() }],
    ['without a name', { microsoft: profile() }],
  ])('names a client %s as the realm', (_what, changes) => {
    expect(order({ client: partner({ id: 'crm', ...changes }) })).toMatchObject({ value: { actor: SELF } });
  });

  it('has the port of the audience, where it is not the usual one', () => {
    const at = (audience: string) => order({ entitlement: { subject: application, audience, seconds: 900 } });
    expect(at(`${AUDIENCE}:8443/ews`)).toMatchObject({
      value: { audience: TO_EXCHANGE.replace('.example@', '.example:8443@') },
    });
    expect(at(`${AUDIENCE}:443/`)).toMatchObject({ value: { audience: TO_EXCHANGE } });
  });

  it.each([[undefined], [AUDIENCE], [TO_EXCHANGE]])('may name its resource as %s', (resource) => {
    expect(order({ resource })).toMatchObject({ ok: true });
  });

  it.each([
    ['another realm', TO_EXCHANGE.replace('@contoso', '@fabrikam')],
    ['another application', TO_EXCHANGE.replace('00000002', '00000003')],
    ['another letter case', TO_EXCHANGE.toUpperCase()],
  ])('is refused for a resource of %s', (_what, resource) => {
    expect(order({ resource })).toEqual({ ok: false, refusal: { reason: 'resource_unknown', resource } });
  });

  it.each<[string, Partial<ActorWish>]>([
    ['the realm takes no part', { realm: {} }],
    ['nobody owns the audience', { owner: undefined }],
    ['the owner has no name in the profile', { owner: partner({ issuer: 'https://exchange.example' }) }],
    ['the audience has no host', { entitlement: { subject: application, audience: 'urn:mail', seconds: 900 } }],
    [
      'it is about another application',
      { entitlement: { subject: { kind: 'application', sub: 'shop' }, audience: AUDIENCE, seconds: 900 } },
    ],
  ])('is refused where %s', (_what, changes) => {
    expect(order(changes)).toMatchObject({ ok: false, refusal: { reason: 'token_profile_unsupported' } });
  });
});

describe('an actor token that is trusted for delegation', () => {
  const delegate = partner({ id: 'crm', trustLevel: 'full', microsoft: profile({ delegation: true }) });

  it('is for a client that may have one: for a user, and where it asks for one', () => {
    expect(order({ client: delegate }, kim)).toMatchObject({ value: { isTrustedForDelegation: true } });
    expect(order({ client: delegate, trustedForDelegation: true })).toMatchObject({
      value: { isTrustedForDelegation: true },
    });
    expect(order({ client: delegate })).toMatchObject({ value: { isTrustedForDelegation: false } });
  });

  it.each([
    ['is not said to', { trustLevel: 'full', microsoft: profile() }],
    ['takes no part in the profile', { trustLevel: 'full' }],
    ['may speak of itself only', { trustLevel: 'application', microsoft: profile({ delegation: true }) }],
  ] as const)('is for no client that %s', (_what, changes) => {
    const client = partner({ id: 'crm', ...changes });
    const refusal = { ok: false, refusal: { reason: 'delegation_not_granted' } };
    expect(order({ client }, kim)).toEqual(refusal);
    expect(order({ client, trustedForDelegation: true })).toEqual(refusal);
  });
});

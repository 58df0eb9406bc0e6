/**
 * On-premises to on-premises. Contoso runs Skype for Business, Fabrikam runs Exchange; each has a deployment that guards what its server
 * offers. First without a shared authorization server: each server is its own token issuer, as Skype and Exchange are, and is
 * registered at the other enterprise by the document that it publishes. Then with one: both are partners of Contoso's service.
 */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CLIENT_CREDENTIALS } from '../../../functions/core/grant-type.ts';
import { invalidGrant, tokenOutcome } from '../../support/decisions.ts';
import { grantForm, requireToken } from '../../support/delegation.ts';
import { changePartner, makePartner, type Service, type TestPartner } from '../../support/service.ts';
import {
  ask,
  callWhoami,
  type Enterprises,
  EXCHANGE,
  grant,
  keysOf,
  operate,
  protectWhoami,
  SKYPE,
  startEnterprises,
  verified,
  whoamiOf,
} from './enterprises.ts';
import { type OfficeServer, officeServer } from './office-server.ts';

let enterprises: Enterprises;
let contoso: Service;
let fabrikam: Service;
let skype: OfficeServer;
let exchange: OfficeServer;

beforeAll(async () => {
  enterprises = await startEnterprises();
  ({ contoso, fabrikam } = enterprises);
  [skype, exchange] = await Promise.all([
    officeServer(SKYPE, 'contoso.example', 'lync.contoso.example'),
    officeServer(EXCHANGE, 'fabrikam.example', 'mail.fabrikam.example'),
  ]);
}, 120_000);
afterAll(() => enterprises[Symbol.asyncDispose]());

describe('without a shared authorization server', () => {
  it('each operator guards the resource of its own server, and registers the other by the document it was sent', async () => {
    await protectWhoami(contoso, { id: 'skype' });
    await protectWhoami(fabrikam, { id: 'exchange' });
    const atFabrikam = await operate(fabrikam, 'POST', '/partners', { id: 'skype', metadata: skype.metadata });
    expect(atFabrikam).toMatchObject({ issuer: skype.issuer, trustLevel: 'application' });
    await operate(contoso, 'POST', '/partners', { id: 'exchange', metadata: exchange.metadata });
    await grant(fabrikam, 'skype');
    await grant(contoso, 'exchange');
  });

  it.each([
    ['Skype', 'Fabrikam', () => ({ server: skype, service: fabrikam, id: 'skype' })],
    ['Exchange', 'Contoso', () => ({ server: exchange, service: contoso, id: 'exchange' })],
  ])(
    '%s exchanges a token of its own making for one of %s, and calls the resource with it',
    async (_who, _where, parties) => {
      const { server, service, id } = parties();
      const token = await requireToken(service, grantForm(await server.state(service.issuer)));
      const claims = { iss: service.issuer, sub: id, client_id: id, scope: 'calendar.read' };
      expect(await verified(service, token, whoamiOf(service))).toMatchObject(claims);
      expect(await callWhoami(service, token)).toMatchObject(claims);
    },
  );

  it('a token for one enterprise is none for the other, and serves once', async () => {
    const misdirected = grantForm(await skype.state(contoso.issuer));
    expect(await tokenOutcome(fabrikam, misdirected)).toEqual(invalidGrant('assertion_audience'));
    const once = grantForm(await skype.state(fabrikam.issuer));
    expect((await tokenOutcome(fabrikam, once)).reason).toBe('granted');
    expect(await tokenOutcome(fabrikam, once)).toEqual(invalidGrant('assertion_replayed'));
  });

  it('who signs with another key is not Skype, whatever it calls itself', async () => {
    const impostor = await officeServer(SKYPE, 'contoso.example', 'lync.contoso.example');
    const forged = await tokenOutcome(fabrikam, grantForm(await impostor.state(fabrikam.issuer)));
    expect(forged).toEqual(invalidGrant('assertion_key_unknown'));
  });

  it('Skype speaks of no user until Fabrikam says that it may; then the token says who acts', async () => {
    const asked = async () => grantForm(await skype.state(fabrikam.issuer, 'alice@contoso.example'));
    expect(await tokenOutcome(fabrikam, await asked())).toMatchObject({
      status: 400,
      body: { error: 'unauthorized_client' },
      reason: 'trust_level_insufficient',
    });
    await changePartner(fabrikam, 'skype', { trustLevel: 'full' });
    const token = await requireToken(fabrikam, asked());
    const claims = {
      iss: fabrikam.issuer,
      sub: 'alice@contoso.example',
      client_id: 'skype',
      act: { sub: 'skype' },
      sub_id: { format: 'iss_sub', iss: skype.issuer, sub: 'alice@contoso.example' },
    };
    expect(await verified(fabrikam, token, whoamiOf(fabrikam))).toMatchObject(claims);
    expect(await callWhoami(fabrikam, token)).toMatchObject(claims);
  });

  it('Skype that is disabled at Fabrikam gets nothing there, and its tokens are worth nothing', async () => {
    const token = await requireToken(fabrikam, grantForm(await skype.state(fabrikam.issuer)));
    await changePartner(fabrikam, 'skype', { enabled: false });
    const refused = await tokenOutcome(fabrikam, grantForm(await skype.state(fabrikam.issuer)));
    expect(refused).toEqual(invalidGrant('client_disabled'));
    const answer = await fetch(whoamiOf(fabrikam), { headers: { authorization: `Bearer ${token}` } });
    expect(answer.status).toBe(403);
  });
});

describe('with a shared authorization server', () => {
  const MAIL = 'https://mail.fabrikam.example/ews';
  const MEETINGS = 'https://lync.contoso.example/ucwa';
  let lync: TestPartner;
  let mail: TestPartner;

  it('both servers are partners of Contoso, each with the audience that it answers to', async () => {
    [lync, mail] = await Promise.all([makePartner('lync-server'), makePartner('mail-server')]);
    for (const partner of [lync, mail])
      await operate(contoso, 'POST', '/partners', { id: partner.id, ...keysOf(partner) });
    const scopes = ['calendar.read'];
    await operate(contoso, 'POST', '/audiences', { audience: MAIL, owner: mail.id, scopes });
    await operate(contoso, 'POST', '/audiences', { audience: MEETINGS, owner: lync.id, scopes });
    await grant(contoso, lync.id, MAIL);
    await grant(contoso, mail.id, MEETINGS);
  });

  it.each([
    ['Skype', 'Exchange', () => ({ caller: lync, audience: MAIL })],
    ['Exchange', 'Skype', () => ({ caller: mail, audience: MEETINGS })],
  ])('%s gets a token for %s, which verifies it with the published keys alone', async (_from, _to, parties) => {
    const { caller, audience } = parties();
    const token = await ask(contoso, caller, CLIENT_CREDENTIALS, { resource: audience });
    expect(await verified(contoso, token, audience)).toMatchObject({
      iss: contoso.issuer,
      sub: caller.id,
      client_id: caller.id,
      scope: 'calendar.read',
    });
  });

  it('a token for Exchange is none for Skype, nor is it one of Fabrikam', async () => {
    const token = await ask(contoso, lync, CLIENT_CREDENTIALS, { resource: MAIL });
    await expect(verified(contoso, token, MEETINGS)).rejects.toMatchObject({ code: 'ERR_JWT_CLAIM_VALIDATION_FAILED' });
    await expect(verified(fabrikam, token, MAIL)).rejects.toMatchObject({ code: 'ERR_JWKS_NO_MATCHING_KEY' });
  });

  it('neither gets one for what it was not granted', async () => {
    await expect(ask(contoso, lync, CLIENT_CREDENTIALS, { resource: whoamiOf(contoso) })).rejects.toThrow(
      'invalid_target',
    );
  });
});

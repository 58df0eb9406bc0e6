/**
 * Hybrid. Contoso stays on premises, where nobody from outside reaches it: Fabrikam's cloud service knows it from a file. Contoso reaches
 * the cloud, and follows Fabrikam's document. A user of Contoso goes from Skype through the cloud's calendar service, which calls two
 * services for her: one in the cloud, and one back at Contoso. Every token on the way says who has acted for her so far.
 */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CLIENT_CREDENTIALS, JWT_BEARER, TOKEN_EXCHANGE } from '../../../functions/core/grant-type.ts';
import { badRequest, tokenOutcome } from '../../support/decisions.ts';
import { ACCESS_TOKEN, exchangeForm, grantForm, requireToken, statementOf } from '../../support/delegation.ts';
import { administer, makePartner, type Service, type TestPartner } from '../../support/service.ts';
import {
  ask,
  callWhoami,
  type Enterprises,
  grant,
  jwksOf,
  keysOf,
  operate,
  protectWhoami,
  startEnterprises,
  verified,
  whoamiOf,
} from './enterprises.ts';

const CALENDAR = 'https://calendar.fabrikam.example';

let enterprises: Enterprises;
/** On premises. */
let contoso: Service;
/** In the cloud. */
let fabrikam: Service;
let skype: TestPartner;
let calendar: TestPartner;
/** The same two, as they are known to the other enterprise. */
let skypeAbroad: TestPartner;
let calendarAtContoso: TestPartner;

beforeAll(async () => {
  enterprises = await startEnterprises();
  ({ contoso, fabrikam } = enterprises);
  [skype, calendar, skypeAbroad, calendarAtContoso] = await Promise.all([
    makePartner('skype'),
    makePartner('calendar'),
    makePartner('contoso-skype'),
    makePartner('fabrikam-calendar'),
  ]);
}, 120_000);
afterAll(() => enterprises[Symbol.asyncDispose]());

describe('the operators', () => {
  it("Contoso's writes a file, and Fabrikam's takes the issuer and its keys from it", async () => {
    const file = JSON.stringify({ issuer: contoso.issuer, jwks: await jwksOf(contoso) });
    const imported = JSON.parse(file) as { issuer: string; jwks: object };
    const partner = await operate(fabrikam, 'POST', '/partners', {
      id: 'contoso',
      ...imported,
      trustedIssuer: true,
      trustLevel: 'full',
    });
    expect(partner).toMatchObject({ issuer: contoso.issuer, trustedIssuer: true });
    // There is no address that anything could be fetched from.
    expect(partner.source).toBeUndefined();
    expect((await administer(fabrikam, 'POST', '/partners/contoso/refresh')).status).toBe(409);
  });

  it("Contoso's follows Fabrikam's document", async () => {
    await operate(contoso, 'POST', '/partners', {
      id: 'fabrikam',
      metadataUrl: `${fabrikam.issuer}/.well-known/openid-configuration`,
      trustedIssuer: true,
      trustLevel: 'full',
    });
    expect(await operate(contoso, 'POST', '/partners/fabrikam/refresh')).toMatchObject({
      issuer: fabrikam.issuer,
      source: { lastSuccessAt: expect.any(String) },
    });
  });

  it('at Fabrikam, Skype of Contoso may call the calendar, and the calendar the mail service and Contoso', async () => {
    await protectWhoami(fabrikam, { id: 'mail' });
    await operate(fabrikam, 'POST', '/partners', { id: 'calendar', ...keysOf(calendar), trustLevel: 'full' });
    await operate(fabrikam, 'POST', '/audiences', { audience: CALENDAR, owner: 'calendar', scopes: ['calendar.read'] });
    await operate(fabrikam, 'POST', '/audiences', { audience: contoso.issuer, owner: 'contoso', scopes: ['exchange'] });
    await operate(fabrikam, 'POST', '/partners', { id: 'contoso-skype', ...keysOf(skypeAbroad), trustLevel: 'user' });
    await grant(fabrikam, 'contoso-skype', CALENDAR);
    await grant(fabrikam, 'calendar');
    await grant(fabrikam, 'calendar', contoso.issuer, ['exchange']);
  });

  it('at Contoso, Skype may call Fabrikam, and the calendar of Fabrikam the archive', async () => {
    await protectWhoami(contoso, { id: 'archive' });
    await operate(contoso, 'POST', '/partners', { id: 'skype', ...keysOf(skype), trustLevel: 'full' });
    await operate(contoso, 'POST', '/audiences', {
      audience: fabrikam.issuer,
      owner: 'fabrikam',
      scopes: ['exchange'],
    });
    await grant(contoso, 'skype', fabrikam.issuer, ['exchange']);
    const calendarOfFabrikam = { id: 'fabrikam-calendar', ...keysOf(calendarAtContoso), trustLevel: 'user' };
    await operate(contoso, 'POST', '/partners', calendarOfFabrikam);
    await grant(contoso, 'fabrikam-calendar');
  });
});

describe('Alice looks for a free hour', () => {
  let atFabrikam: string;
  let atCalendar: string;
  let forContoso: string;

  it('1. Skype gets a token about her from its own service, for that of Fabrikam', async () => {
    const statement = await statementOf(skype, contoso.issuer, 'alice');
    atFabrikam = await requireToken(contoso, grantForm(statement, { resource: fabrikam.issuer }));
    expect(await verified(contoso, atFabrikam, fabrikam.issuer)).toMatchObject({
      iss: contoso.issuer,
      sub: 'alice',
      client_id: 'skype',
      act: { sub: 'skype' },
    });
  });

  it('2. has it exchanged at Fabrikam for one for the calendar', async () => {
    atCalendar = await ask(fabrikam, skypeAbroad, JWT_BEARER, { assertion: atFabrikam, resource: CALENDAR });
    expect(await verified(fabrikam, atCalendar, CALENDAR)).toMatchObject({
      iss: fabrikam.issuer,
      sub: 'alice',
      client_id: 'contoso-skype',
      sub_id: { format: 'iss_sub', iss: contoso.issuer, sub: 'alice' },
      act: { sub: 'contoso-skype', act: { sub: 'skype', iss: contoso.issuer } },
    });
  });

  it('3. The calendar has that exchanged for one for the mail service, and calls it', async () => {
    const token = await ask(fabrikam, calendar, TOKEN_EXCHANGE, {
      subject_token: atCalendar,
      subject_token_type: ACCESS_TOKEN,
      resource: whoamiOf(fabrikam),
    });
    const claims = {
      iss: fabrikam.issuer,
      sub: 'alice',
      client_id: 'calendar',
      sub_id: { format: 'iss_sub', iss: contoso.issuer, sub: 'alice' },
      act: { sub: 'calendar', act: { sub: 'contoso-skype', act: { sub: 'skype', iss: contoso.issuer } } },
    };
    const seen = await verified(fabrikam, token, whoamiOf(fabrikam));
    expect(seen).toMatchObject(claims);
    expect(seen.exp).toBeLessThanOrEqual((await verified(fabrikam, atCalendar, CALENDAR)).exp ?? 0);
    expect(await callWhoami(fabrikam, token)).toMatchObject(claims);
  });

  it('4. and for one for the service of Contoso', async () => {
    forContoso = await ask(fabrikam, calendar, TOKEN_EXCHANGE, {
      subject_token: atCalendar,
      subject_token_type: ACCESS_TOKEN,
      resource: contoso.issuer,
    });
    expect(await verified(fabrikam, forContoso, contoso.issuer)).toMatchObject({
      iss: fabrikam.issuer,
      aud: contoso.issuer,
      sub: 'alice',
      client_id: 'calendar',
    });
  });

  it('5. which exchanges it for one for the archive, where four have acted for her, each known to somebody', async () => {
    const token = await ask(contoso, calendarAtContoso, JWT_BEARER, { assertion: forContoso });
    const claims = {
      iss: contoso.issuer,
      sub: 'alice',
      client_id: 'fabrikam-calendar',
      // Contoso hears of her from Fabrikam, which answers for it.
      sub_id: { format: 'iss_sub', iss: fabrikam.issuer, sub: 'alice' },
      act: {
        sub: 'fabrikam-calendar',
        act: {
          sub: 'calendar',
          iss: fabrikam.issuer,
          act: { sub: 'contoso-skype', iss: fabrikam.issuer, act: { sub: 'skype', iss: contoso.issuer } },
        },
      },
    };
    expect(await verified(contoso, token, whoamiOf(contoso))).toMatchObject(claims);
    expect(await callWhoami(contoso, token)).toMatchObject(claims);
  });
});

describe('who is not asked to', () => {
  it('does not exchange a token that it has merely seen', async () => {
    const stranger = await makePartner('stranger');
    await operate(fabrikam, 'POST', '/partners', { id: 'stranger', ...keysOf(stranger), trustLevel: 'full' });
    await grant(fabrikam, 'stranger');
    const statement = await statementOf(skype, contoso.issuer, 'alice');
    const ofAlice = await requireToken(contoso, grantForm(statement, { resource: fabrikam.issuer }));
    const seen = await ask(fabrikam, skypeAbroad, JWT_BEARER, { assertion: ofAlice, resource: CALENDAR });
    const form = await exchangeForm(stranger, fabrikam.issuer, seen);
    const description = 'The subject token is not valid, or not for this client to exchange.';
    expect(await tokenOutcome(fabrikam, form)).toEqual(badRequest('subject_not_shared', description));
  });

  it('cannot hand a token of Contoso to Contoso again as if another had made it', async () => {
    const own = await ask(contoso, skype, CLIENT_CREDENTIALS, { resource: fabrikam.issuer });
    await expect(ask(contoso, skype, JWT_BEARER, { assertion: own })).rejects.toThrow('invalid_grant');
  });
});

/**
 * On premises, without an authorization server: Exchange and Skype for Business sign their own tokens, and so does a realm of ours towards
 * them. Each has the other's metadata document, and no more, as New-PartnerApplication, New-CsPartnerApplication and our command line take it.
 */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makePartner } from '../../support/service.ts';
import { SimulatedServer } from '../servers/simulated-server.ts';
import { outerToken } from '../servers/tokens.ts';
import { Clock } from './clock.ts';
import { Enterprise } from './enterprise.ts';
import { ModernClient, showAt } from './modern-client.ts';
import { ACCOUNTS, KIM, LEE, registerPeople } from './people.ts';
import { type ProtectedResource, startResource } from './protected-resource.ts';
import { type Conversation, tellRoll } from './roll.ts';

const REALM = 'contoso.example';
const APPLICATION = '3f2504e0-4f89-41d3-9a0c-0305e82c3301';
const PRINCIPAL = `${APPLICATION}@${REALM}`;

const LEGACY = 'http://oauth.net/grant_type/jwt/1.0/bearer';

const clock = new Clock();
let cleanup: AsyncDisposableStack;
let contoso: Enterprise;
let calendar: ProtectedResource;
let exchange: SimulatedServer;
let skype: SimulatedServer;
let crm: ModernClient;

beforeAll(async () => {
  cleanup = new AsyncDisposableStack();
  const directory = { realm: REALM, now: clock.now, accounts: ACCOUNTS, acceptsSecurityIdentifiers: true };
  exchange = cleanup.use(await SimulatedServer.start({ product: 'exchange', ...directory }));
  skype = cleanup.use(await SimulatedServer.start({ product: 'skype', ...directory }));
  contoso = await Enterprise.start({ applicationId: APPLICATION, realm: REALM }, clock, cleanup);
  calendar = await startResource(contoso, clock.now, cleanup);
  await contoso.admin('realm', 'set', 'default', '--host', new URL(calendar.url).host);
  await registerPeople(contoso);
  await contoso.admin('partner', 'add', 'calendar');
  await contoso.offer('calendar', calendar.url);
  const partner = await makePartner('crm');
  await contoso.addClient(partner, '--trust-level', 'full', '--allow-delegation');
  crm = new ModernClient(partner, contoso, clock);
  const trusted = ['--trust-level', 'full', '--accept-user-tokens', '--accepts-security-identifiers'];
  for (const [id, server] of [
    ['exchange', exchange],
    ['skype', skype],
  ] as const) {
    await contoso.admin('partner', 'add', id, '--metadata', server.metadataUrl, ...trusted);
    await contoso.allow(id, calendar.url);
    await contoso.offer(id, server.origin, '--profile', 'microsoft-s2s');
    await contoso.allow('crm', server.origin);
    await server.trust.addPartner(contoso.metadataUrl, 'Full');
  }
}, 240_000);
afterAll(() => cleanup.disposeAsync());

const conversations: readonly Conversation[] = [
  {
    name: 'Exchange calls the calendar for itself',
    call: () => exchange.call(calendar.url),
    show: (token) => showAt(calendar.url, token),
    judge: () => contoso,
    seen: { sub: 'exchange', client_id: 'exchange', scope: 'read' },
  },
  {
    name: 'Exchange calls the calendar for Kim',
    call: () => exchange.call(calendar.url, KIM),
    show: (token) => showAt(calendar.url, token),
    judge: () => contoso,
    seen: { sub: 'kim', client_id: 'exchange', act: { sub: 'exchange' } },
  },
  {
    name: 'Skype calls the calendar for Kim',
    call: () => skype.call(calendar.url, KIM),
    show: (token) => showAt(calendar.url, token),
    judge: () => contoso,
    seen: { sub: 'kim', client_id: 'skype', act: { sub: 'skype' } },
  },
  {
    name: 'a client of ours calls Exchange for itself',
    call: () => crm.call(exchange),
    show: (token) => showAt(exchange.origin, token),
    seen: { application: PRINCIPAL },
  },
  {
    name: 'a client of ours calls Exchange for Kim',
    call: () => crm.call(exchange, 'kim'),
    show: (token) => showAt(exchange.origin, token),
    seen: { application: PRINCIPAL, user: 'kim' },
  },
  {
    name: 'a client of ours calls Skype for Lee',
    call: () => crm.call(skype, 'lee'),
    show: (token) => showAt(skype.origin, token),
    seen: { application: PRINCIPAL, user: 'lee' },
  },
];

tellRoll(() => ({ clock, enterprises: [contoso], servers: [exchange, skype], services: [] }), conversations);

describe('somebody who has got hold of a token', () => {
  it('does not get further than the one resource with it that it was made for', async () => {
    const { token } = await crm.call(exchange);
    expect(await showAt(skype.origin, token)).toMatchObject({
      status: 401,
      diagnostics: '3000003;reason="invalid audience URI";error_category="invalid_client"',
    });
  });

  it('cannot hand it in at the service for another resource', async () => {
    const { token } = await exchange.call(calendar.url);
    await contoso.allow('exchange', skype.origin);
    const form = new URLSearchParams({ grant_type: LEGACY, assertion: token, resource: skype.origin });
    const refusal = await contoso.refusalOf(async () =>
      expect(await contoso.post(form)).toMatchObject({ status: 400, body: { error: 'invalid_target' } }),
    );
    expect(refusal).toMatchObject({ reason: 'assertion_resource' });
  });

  it('cannot make one about a user of one that is about the application', async () => {
    const { token: theirs } = await exchange.call(calendar.url);
    const lifetime = { from: clock.now(), to: clock.now() + 300 };
    const refusal = await contoso.refusalOf(() => isRefused(calendar.url, outerToken(theirs, KIM, lifetime)));
    expect(refusal).toMatchObject({ fault: 'delegation_not_allowed' });
    const { token: ours } = await crm.call(exchange);
    expect(await isRefused(exchange.origin, outerToken(ours, LEE, lifetime))).toContain('not trusted for delegation');
  });

  it('cannot show ours to ourselves', async () => {
    const { token } = await crm.call(exchange);
    const refusal = await contoso.refusalOf(() => isRefused(calendar.url, token));
    expect(refusal).toMatchObject({ fault: 'key_not_found' });
  });
});

/** @returns what the recipient says of it. */
const isRefused = async (url: string, token: string): Promise<string | undefined> => {
  const { status, diagnostics } = await showAt(url, token);
  expect(status).toBe(401);
  return diagnostics;
};

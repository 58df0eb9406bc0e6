/**
 * Hybrid. Contoso runs Exchange on premises, which signs its own tokens, and has Skype in a cloud whose token service vouches for it; Fabrikam has
 * a deployment of ours, as Contoso has. Contoso's service takes the tokens of all three, each by what its operator said of the maker.
 */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makePartner } from '../../support/service.ts';
import { makeCertificate } from '../servers/certificates.ts';
import { PRODUCTS } from '../servers/names.ts';
import { SimulatedServer } from '../servers/simulated-server.ts';
import { SimulatedSts } from '../servers/simulated-sts.ts';
import { outerToken, signJwt } from '../servers/tokens.ts';
import { Clock } from './clock.ts';
import { Enterprise } from './enterprise.ts';
import { ModernClient, showAt } from './modern-client.ts';
import { ACCOUNTS, KIM, registerPeople } from './people.ts';
import { type ProtectedResource, startResource } from './protected-resource.ts';
import { type Conversation, tellRoll } from './roll.ts';

const TENANT = '9b6c1d7e-0c8a-4f0e-8f43-6f1f0a2c7e55';
const CONTOSO = { applicationId: '3f2504e0-4f89-41d3-9a0c-0305e82c3301', realm: 'contoso.example' };
const FABRIKAM = { applicationId: '8a1b5c2d-1e3f-4a6b-9c8d-7e6f5a4b3c2d', realm: 'fabrikam.example' };

const clock = new Clock();
let cleanup: AsyncDisposableStack;
let contoso: Enterprise;
let fabrikam: Enterprise;
let calendar: ProtectedResource;
let warehouse: ProtectedResource;
let exchange: SimulatedServer;
let skype: SimulatedServer;
let acs: SimulatedSts;
/** A client of Contoso's, and one of Fabrikam's. */
let crm: ModernClient;
let shop: ModernClient;

const hostOf = ({ url }: ProtectedResource): string => new URL(url).host;

/** A deployment with a resource of its own and a client that may speak of users. */
const startEnterprise = async (names: typeof CONTOSO, resourceId: string, clientId: string) => {
  const enterprise = await Enterprise.start(names, clock, cleanup);
  const resource = await startResource(enterprise, clock.now, cleanup);
  await enterprise.admin('realm', 'set', 'default', '--host', hostOf(resource));
  await registerPeople(enterprise);
  await enterprise.admin('partner', 'add', resourceId);
  await enterprise.offer(resourceId, resource.url);
  const partner = await makePartner(clientId);
  await enterprise.addClient(partner, '--trust-level', 'full', '--allow-delegation');
  return { enterprise, resource, client: new ModernClient(partner, enterprise, clock) };
};

const TRUSTED = ['--trust-level', 'full', '--accept-user-tokens'];

beforeAll(async () => {
  cleanup = new AsyncDisposableStack();
  const directory = { now: clock.now, accounts: ACCOUNTS };
  exchange = cleanup.use(await SimulatedServer.start({ product: 'exchange', realm: CONTOSO.realm, ...directory }));
  skype = cleanup.use(await SimulatedServer.start({ product: 'skype', realm: TENANT, ...directory }));
  acs = cleanup.use(await SimulatedSts.start(TENANT, clock.now));
  ({ enterprise: contoso, resource: calendar, client: crm } = await startEnterprise(CONTOSO, 'calendar', 'crm'));
  ({ enterprise: fabrikam, resource: warehouse, client: shop } = await startEnterprise(FABRIKAM, 'warehouse', 'shop'));
  calendar.trust(exchange.principal, acs.principal, fabrikam.principal);
  warehouse.trust(contoso.principal);

  await contoso.admin('partner', 'add', 'exchange', '--metadata', exchange.metadataUrl, ...TRUSTED);
  await contoso.admin('partner', 'add', 'acs', '--metadata', acs.metadataUrl, '--trusted-issuer', '--microsoft');
  const online = ['--application-identifier', PRODUCTS.skype.app, '--application-realm', TENANT, '--use-oauth-server'];
  await contoso.admin('partner', 'add', 'skype-online', ...online, ...TRUSTED);
  await contoso.admin('partner', 'add', 'fabrikam', '--metadata', fabrikam.metadataUrl, ...TRUSTED);
  for (const id of ['exchange', 'skype-online', 'fabrikam']) await contoso.allow(id, calendar.url);
  await contoso.offer('exchange', exchange.origin, '--profile', 'microsoft-s2s');
  await contoso.offer('skype-online', skype.origin, '--profile', 'microsoft-s2s');
  await contoso.offer('fabrikam', warehouse.url, '--profile', 'microsoft-s2s');
  for (const audience of [exchange.origin, skype.origin, warehouse.url]) await contoso.allow('crm', audience);

  await fabrikam.admin('partner', 'add', 'contoso', '--metadata', contoso.metadataUrl, ...TRUSTED);
  await fabrikam.allow('contoso', warehouse.url);
  await fabrikam.offer('contoso', calendar.url, '--profile', 'microsoft-s2s');
  await fabrikam.allow('shop', calendar.url);

  for (const server of [exchange, skype]) await server.trust.addPartner(contoso.metadataUrl, 'Full');
  await skype.trust.addAuthorizationServer(acs.metadataUrl);
  acs.upload(skype.principal, skype.certificates.current(clock.now()));
  acs.addAudience(`${CONTOSO.applicationId}/${hostOf(calendar)}`);
}, 300_000);
afterAll(() => cleanup.disposeAsync());

const conversations: readonly Conversation[] = [
  {
    name: 'Exchange on premises calls the calendar for Kim',
    call: () => exchange.call(calendar.url, KIM),
    show: (token) => showAt(calendar.url, token),
    judge: () => contoso,
    seen: { sub: 'kim', client_id: 'exchange', act: { sub: 'exchange' } },
  },
  {
    name: 'Skype in the cloud calls the calendar for itself, by its token service',
    call: () => skype.call(calendar.url),
    show: (token) => showAt(calendar.url, token),
    judge: () => contoso,
    seen: { sub: 'skype-online', client_id: 'skype-online' },
  },
  {
    name: 'Skype in the cloud calls the calendar for Kim, by its token service',
    call: () => skype.call(calendar.url, KIM),
    show: (token) => showAt(calendar.url, token),
    judge: () => contoso,
    seen: { sub: 'kim', client_id: 'skype-online', act: { sub: 'skype-online' } },
  },
  {
    name: 'a client of Fabrikam calls the calendar for itself',
    call: async () => showAt(calendar.url, await shop.tokenFor(calendar.url)),
    show: (token) => showAt(calendar.url, token),
    judge: () => contoso,
    seen: { sub: 'fabrikam', client_id: 'fabrikam' },
  },
  {
    name: 'a client of Fabrikam calls the calendar for Kim',
    call: async () => showAt(calendar.url, await shop.tokenFor(calendar.url, 'kim')),
    show: (token) => showAt(calendar.url, token),
    judge: () => contoso,
    seen: { sub: 'kim', client_id: 'fabrikam', act: { sub: 'fabrikam' } },
  },
  {
    name: 'a client of Contoso calls the warehouse of Fabrikam for Lee',
    call: async () => showAt(warehouse.url, await crm.tokenFor(warehouse.url, 'lee')),
    show: (token) => showAt(warehouse.url, token),
    judge: () => fabrikam,
    seen: { sub: 'lee', client_id: 'contoso', act: { sub: 'contoso' } },
  },
  {
    name: 'a client of Contoso calls Exchange on premises for Kim',
    call: () => crm.call(exchange, 'kim'),
    show: (token) => showAt(exchange.origin, token),
    seen: { application: `${CONTOSO.applicationId}@${CONTOSO.realm}`, user: 'kim' },
  },
  {
    name: 'a client of Contoso calls Skype in the cloud for itself',
    call: () => crm.call(skype),
    show: (token) => showAt(skype.origin, token),
    seen: { application: `${CONTOSO.applicationId}@${CONTOSO.realm}` },
  },
];

tellRoll(
  () => ({ clock, enterprises: [contoso, fabrikam], servers: [exchange, skype], services: [acs] }),
  conversations,
);

describe('who signs for whom', () => {
  const refused = (token: string) => contoso.refusalOf(() => showAt(calendar.url, token));
  const audience = () => `${CONTOSO.applicationId}/${hostOf(calendar)}@${CONTOSO.realm}`;

  it('the token service vouches for nobody who is not said to have his tokens from it', async () => {
    const now = clock.now();
    const claims = (nameid: string) => ({
      ...{ aud: audience(), iss: acs.principal, nameid, nbf: now, exp: now + 3_600 },
    });
    const sign = (nameid: string) => signJwt(acs.certificates.current(now), claims(nameid));
    expect(await refused(sign(exchange.principal))).toMatchObject({ fault: 'actor_not_partner' });
    expect(await refused(sign(fabrikam.principal))).toMatchObject({ fault: 'actor_not_partner' });
    expect(await refused(sign(contoso.principal))).toMatchObject({ fault: 'actor_not_partner' });
  });

  it('Skype in the cloud does not sign for itself, nor Exchange for Skype', async () => {
    expect(await refused(skype.actorToken(audience(), false))).toMatchObject({ fault: 'key_not_found' });
    const now = clock.now();
    const token = signJwt(exchange.certificates.current(now), {
      ...{ aud: audience(), iss: exchange.principal, nameid: skype.principal, nbf: String(now), exp: String(now + 60) },
    });
    expect(await refused(token)).toMatchObject({ fault: 'issuer_not_authorized_for_actor' });
  });

  it('a certificate that nobody has registered signs for none of them', async () => {
    const now = clock.now();
    const own = await makeCertificate('Exchange', now - 60, now + 3_600);
    expect(await refused(exchange.actorToken(audience(), true, own))).toMatchObject({ fault: 'key_not_found' });
  });

  it('a token of Fabrikam for its partner is none about a user of that partner, unless it was made for that', async () => {
    const token = await shop.tokenFor(calendar.url);
    const about = outerToken(token, KIM, { from: clock.now(), to: clock.now() + 300 });
    expect(await refused(about)).toMatchObject({ fault: 'delegation_not_allowed' });
  });

  it('nobody speaks any more whose token service was disabled', async () => {
    expect(await skype.call(calendar.url)).toMatchObject({ status: 200 });
    await contoso.admin('partner', 'disable', 'acs');
    const refusal = await contoso.refusalOf(async () =>
      expect(await skype.call(calendar.url)).toMatchObject({ status: 401 }),
    );
    expect(refusal).toMatchObject({ fault: 'partner_disabled' });
    await contoso.admin('partner', 'enable', 'acs');
    expect(await skype.call(calendar.url)).toMatchObject({ status: 200 });
  });
});

/**
 * In the cloud, a realm of ours is the authorization server (New-AuthServer, New-CsOAuthServer): Exchange and Skype for Business ask it for tokens for
 * one another, in the language of theirs, and for one of a resource of today. They know each other by it alone (UseOAuthServer).
 */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Account, PRODUCTS, type ProductName } from '../servers/names.ts';
import { SimulatedServer } from '../servers/simulated-server.ts';
import { StsRefusal } from '../servers/token-client.ts';
import { outerToken } from '../servers/tokens.ts';
import { Clock } from './clock.ts';
import { Enterprise } from './enterprise.ts';
import { showAt } from './modern-client.ts';
import { ACCOUNTS, KIM, LEE, registerPeople } from './people.ts';
import { type ProtectedResource, startResource } from './protected-resource.ts';
import { type Conversation, tellRoll } from './roll.ts';

/** The realm of everybody here, as a tenant has it. */
const TENANT = '9b6c1d7e-0c8a-4f0e-8f43-6f1f0a2c7e55';
const APPLICATION = '3f2504e0-4f89-41d3-9a0c-0305e82c3301';

const LEGACY = 'http://oauth.net/grant_type/jwt/1.0/bearer';

const clock = new Clock();
let cleanup: AsyncDisposableStack;
let cloud: Enterprise;
let archive: ProtectedResource;
let exchange: SimulatedServer;
let skype: SimulatedServer;
let sharepoint: SimulatedServer;

beforeAll(async () => {
  cleanup = new AsyncDisposableStack();
  cloud = await Enterprise.start({ applicationId: APPLICATION, realm: TENANT }, clock, cleanup);
  const directory = { realm: TENANT, now: clock.now, accounts: ACCOUNTS };
  exchange = cleanup.use(await SimulatedServer.start({ product: 'exchange', ...directory }));
  skype = cleanup.use(await SimulatedServer.start({ product: 'skype', ...directory }));
  sharepoint = cleanup.use(await SimulatedServer.start({ product: 'sharepoint', ...directory }));
  archive = await startResource(cloud, clock.now, cleanup);
  archive.trust(cloud.principal);
  await registerPeople(cloud);
  await cloud.admin('partner', 'add', 'archive');
  await cloud.offer('archive', archive.url);
  for (const [id, server] of [
    ['exchange', exchange],
    ['skype', skype],
    ['sharepoint', sharepoint],
  ] as const) {
    const options = ['--trust-level', 'full', '--microsoft', '--allow-delegation'];
    await cloud.admin('partner', 'add', id, '--metadata', server.metadataUrl, ...options);
    await cloud.offer(id, server.origin, '--profile', 'microsoft-s2s');
    await cloud.allow(id, archive.url);
    await server.trust.addAuthorizationServer(cloud.metadataUrl);
    for (const product of ['exchange', 'skype', 'sharepoint'] as const)
      server.trust.addVouchedFor({ app: PRODUCTS[product].app, trustLevel: 'Full' });
  }
  await cloud.allow('exchange', skype.origin);
  await cloud.allow('skype', exchange.origin);
  await cloud.allow('skype', sharepoint.origin);
}, 240_000);
afterAll(() => cleanup.disposeAsync());

const nameOf = (product: keyof typeof PRODUCTS) => `${PRODUCTS[product].app}@${TENANT}`;

/** Whoever is called, by address. */
const url = (called: SimulatedServer | ProtectedResource): string => ('origin' in called ? called.origin : called.url);

const conversation = (
  name: string,
  parties: () => { readonly from: SimulatedServer; readonly to: SimulatedServer | ProtectedResource },
  seen: object,
  account?: Account,
): Conversation => ({
  name,
  call: () => parties().from.call(url(parties().to), account),
  show: (token) => showAt(url(parties().to), token),
  seen,
});

const conversations: readonly Conversation[] = [
  conversation('Exchange calls Skype for itself', () => ({ from: exchange, to: skype }), {
    application: nameOf('exchange'),
  }),
  conversation('Skype calls Exchange for itself', () => ({ from: skype, to: exchange }), {
    application: nameOf('skype'),
  }),
  conversation('Exchange calls Skype for Kim', () => ({ from: exchange, to: skype }), { user: 'kim' }, KIM),
  conversation('Skype calls Exchange for Lee', () => ({ from: skype, to: exchange }), { user: 'lee' }, LEE),
  conversation('Exchange calls the archive, which is of today', () => ({ from: exchange, to: archive }), {
    client_id: 'exchange',
    sub: 'exchange',
    scope: 'read',
  }),
  // It finds the realm by the text before it, and takes 36 characters.
  conversation("a client after SharePoint's sample calls the archive", () => ({ from: sharepoint, to: archive }), {
    client_id: 'sharepoint',
  }),
];

tellRoll(() => ({ clock, enterprises: [cloud], servers: [exchange, skype, sharepoint], services: [] }), conversations);

describe('a recipient that knows the first key of a document only, as the helper of SharePoint does', () => {
  it('takes tokens of the next key as soon as it has read the document anew, and not before', async () => {
    expect(await skype.call(sharepoint.origin, KIM)).toMatchObject({ status: 200 });
    await cloud.admin('key', 'rotate', '--algorithm', 'RS256');
    expect(await skype.call(sharepoint.origin, KIM)).toMatchObject({
      status: 401,
      diagnostics: '2000000;reason="the certificate is not known";category="invalid_signature"',
    });
    await sharepoint.trust.refresh();
    expect(await skype.call(sharepoint.origin, KIM)).toMatchObject({ status: 200 });
  });
});

describe('who asks for more than is granted', () => {
  const resource = (product: ProductName, server: SimulatedServer) =>
    `${PRODUCTS[product].app}/${new URL(server.origin).host}@${TENANT}`;
  const ask = (from: SimulatedServer, wanted: string) => {
    const [server] = from.trust.authorizationServers();
    if (server === undefined) throw new Error('there is no authorization server');
    return from.askAuthorizationServer(server, wanted, false);
  };

  it.each([
    ['a server that it may not call', () => resource('sharepoint', sharepoint)],
    ['one that is not registered', () => `${PRODUCTS.exchange.app}/other.contoso.example@${TENANT}`],
    ['another realm', () => resource('skype', skype).replace(TENANT, 'fabrikam.example')],
    ['another application at the same host', () => resource('skype', skype).replace('00000004', '00000005')],
  ])('is refused in the words that its library understands: %s', async (_, wanted) => {
    const refused = ask(exchange, wanted());
    await expect(refused).rejects.toThrow(StsRefusal);
    await expect(refused).rejects.toMatchObject({ answer: { error: 'invalid_target' } });
  });

  it('cannot hand in the assertion of another once more', async () => {
    const host = new URL(cloud.issuer).host;
    const assertion = exchange.actorToken(`${APPLICATION}/${host}@${TENANT}`, false);
    const form = new URLSearchParams({ grant_type: LEGACY, assertion, resource: resource('skype', skype) });
    expect((await cloud.post(form)).status).toBe(200);
    const refusal = await cloud.refusalOf(() => cloud.post(form));
    expect(refusal).toMatchObject({ because: { reason: 'assertion_replayed' } });
  });

  it('cannot go on with a token that it was called with: to another server, to a resource of today, or back to us', async () => {
    const { token } = await skype.call(exchange.origin);
    expect(await showAt(sharepoint.origin, token)).toMatchObject({
      status: 401,
      diagnostics: expect.stringMatching(/^3000003;/),
    });
    const resources = await cloud.refusalOf(() => showAt(archive.url, token));
    expect(resources).toMatchObject({ fault: 'key_not_found' });
    const form = new URLSearchParams({ grant_type: LEGACY, assertion: token, resource: archive.url });
    const handedIn = await cloud.refusalOf(() => cloud.post(form));
    expect(handedIn).toMatchObject({ fault: 'key_not_found' });
  });

  it('cannot make a token about a user of one that was given for the application', async () => {
    const { token } = await skype.call(exchange.origin);
    const lifetime = { from: clock.now(), to: clock.now() + 300 };
    const { status, diagnostics } = await showAt(exchange.origin, outerToken(token, KIM, lifetime));
    expect([status, diagnostics]).toEqual([401, expect.stringContaining('not trusted for delegation')]);
  });
});

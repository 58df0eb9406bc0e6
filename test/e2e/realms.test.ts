/** A second realm beside the default one: its own issuer, keys, partners and policy, found by ordinary OAuth clients. */

import { createRemoteJWKSet, decodeJwt, jwtVerify } from 'jose';
import * as oauth from 'oauth4webapi';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type AdminAnswer,
  assertionOf,
  callAdmin,
  makePartner,
  populate,
  type Service,
  startService,
  type TestPartner,
  tokenForm,
} from '../support/service.ts';

const AUDIENCE = 'https://orders.contoso.example';
const insecure = { [oauth.allowInsecureRequests]: true };

let service: Service;
let issuer: string;
let crm: TestPartner;

const admin = async (method: string, path: string, body?: object): Promise<AdminAnswer> => {
  const answer = await callAdmin(service, method, `/admin/realms${path}`, body);
  if (answer.status >= 300)
    throw new Error(`${method} ${path} answered ${answer.status} ${JSON.stringify(answer.body)}`);
  return answer;
};

beforeAll(async () => {
  service = await startService();
  await populate(service);
  await admin('POST', '', {
    name: 'contoso',
    aliases: ['contoso.example'],
    policy: { algorithms: ['ES256'], accessTokenSeconds: 900 },
  });
  await admin('POST', '/contoso/keys', { algorithm: 'ES256' });
  issuer = `${service.issuer}/realms/contoso`;
  crm = await makePartner('crm');
  await admin('POST', '/contoso/partners', { id: 'crm', jwks: { keys: [crm.publicJwk] } });
  await admin('POST', '/contoso/partners', { id: 'orders' });
  await admin('POST', '/contoso/audiences', { audience: AUDIENCE, owner: 'orders', scopes: ['read'] });
  await admin('POST', '/contoso/grants', { client: 'crm', audience: AUDIENCE, scopes: ['read'] });
});
afterAll(() => service[Symbol.asyncDispose]());

const post = async (path: string, audience = issuer) => {
  const answer = await fetch(`${service.issuer}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: tokenForm(await assertionOf(crm, audience), { resource: AUDIENCE }),
  });
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
};

describe('a realm of its own', () => {
  it('is discovered by an OAuth client, issues by its policy, and its tokens verify with its keys', async () => {
    const url = new URL(issuer);
    const server = await oauth.processDiscoveryResponse(
      url,
      await oauth.discoveryRequest(url, { ...insecure, algorithm: 'oauth2' }),
    );
    expect(server.token_endpoint).toBe(`${issuer}/token`);
    const answer = await oauth.clientCredentialsGrantRequest(
      server,
      { client_id: 'crm' },
      oauth.PrivateKeyJwt({ key: crm.privateKey, kid: 'crm-key' }),
      new URLSearchParams({ resource: AUDIENCE }),
      insecure,
    );
    const token = await oauth.processClientCredentialsResponse(server, { client_id: 'crm' }, answer);
    expect(token.expires_in).toBe(900);
    const keys = createRemoteJWKSet(new URL(server.jwks_uri ?? ''));
    const { protectedHeader, payload } = await jwtVerify(token.access_token, keys, { issuer, audience: AUDIENCE });
    expect([protectedHeader.alg, payload.sub]).toEqual(['ES256', 'crm']);
    const others = createRemoteJWKSet(new URL(`${service.issuer}/jwks`));
    await expect(jwtVerify(token.access_token, others)).rejects.toThrow(/no applicable key/);
  });

  it.each([
    '/realms/contoso/.well-known/openid-configuration',
    '/.well-known/openid-configuration/realms/contoso',
    '/.well-known/oauth-authorization-server/realms/contoso',
    '/.well-known/oauth-authorization-server/realms/contoso.example',
  ])('publishes its metadata at %s', async (path) => {
    expect(await (await fetch(`${service.issuer}${path}`)).json()).toMatchObject({
      issuer,
      jwks_uri: `${issuer}/jwks`,
      revoked_keys_uri: `${issuer}/revoked-keys`,
    });
  });

  it('has a list of revoked keys of its own', async () => {
    const list = await (await fetch(`${issuer}/revoked-keys`)).text();
    expect(decodeJwt(list).iss).toBe(issuer);
  });

  it('is reached under its alias, with the issuer that it always has', async () => {
    const { status, body } = await post('/realms/contoso.example/token');
    expect(status).toBe(200);
    expect(decodeJwt(String(body.access_token)).iss).toBe(issuer);
  });

  it('takes no assertion made out to another realm, and no partner of another realm', async () => {
    expect(await post('/realms/contoso/token', service.issuer)).toMatchObject({ status: 401 });
    expect(await post('/token', service.issuer)).toMatchObject({ status: 401 });
  });

  it.each(['/realms/nobody/token', '/realms/%2e%2e/token', '/realms/Contoso/token'])(
    'is not what another name leads to: %s',
    async (path) => {
      expect((await post(path)).status).toBeOneOf([401, 404]);
    },
  );

  it('is unknown under a name that is not its own', async () => {
    expect((await fetch(`${service.issuer}/realms/nobody/jwks`)).status).toBe(404);
  });

  it('does not name its partners to the others', async () => {
    const { items } = (await admin('GET', '/contoso/partners')).body;
    expect((items as { id: string }[]).map(({ id }) => id)).toEqual(['crm', 'orders']);
    expect((await callAdmin(service, 'GET', '/admin/realms/default/partners/orders')).status).toBe(404);
  });

  it('rotates with the others', async () => {
    const results = await service.deployment.runSchedule();
    expect(results.every(({ ok }) => ok)).toBe(true);
    const keys = (await admin('GET', '/contoso/keys')).body.items as { algorithm: string; keys: object[] }[];
    expect(keys.map(({ algorithm }) => algorithm)).toEqual(['ES256']);
  });
});

describe('the administration of realms', () => {
  it('lists them, the default one first', async () => {
    const { items } = (await admin('GET', '')).body;
    expect((items as { name: string; issuer: string }[]).map(({ name, issuer: of }) => [name, of])).toEqual([
      ['default', service.issuer],
      ['contoso', issuer],
    ]);
  });

  it('gives no name twice, be it an alias', async () => {
    const taken = await callAdmin(service, 'POST', '/admin/realms', { name: 'contoso.example' });
    expect(taken.status).toBe(409);
    const alias = await callAdmin(service, 'POST', '/admin/realms', { name: 'fabrikam', aliases: ['contoso'] });
    expect(alias.status).toBe(409);
  });

  it('knows the same again when it is created twice, and refuses another of the name', async () => {
    const same = {
      name: 'contoso',
      aliases: ['contoso.example'],
      policy: { algorithms: ['ES256'], accessTokenSeconds: 900 },
    };
    expect((await callAdmin(service, 'POST', '/admin/realms', same)).status).toBe(200);
    expect((await callAdmin(service, 'POST', '/admin/realms', { name: 'contoso' })).status).toBe(409);
  });

  it('disables one: no token any more, and its keys stay published for the tokens that are out', async () => {
    const { version } = (await admin('GET', '/contoso')).body;
    const disabled = await admin('PATCH', '/contoso', { version, enabled: false });
    await service.deployment.runSchedule();
    expect((await fetch(`${issuer}/jwks`)).status).toBe(200);
    await admin('PATCH', '/contoso', { version: disabled.body.version, enabled: true });
    expect((await post('/realms/contoso/token')).status).toBe(200);
  });

  it('changes the default realm, which no row had said anything about', async () => {
    const { version } = (await admin('GET', '/default')).body;
    expect(version).toBe(0);
    const changed = await admin('PATCH', '/default', { version, description: 'The one that is always there' });
    expect(changed.body).toMatchObject({ name: 'default', version: 1, issuer: service.issuer });
    expect((await callAdmin(service, 'PATCH', '/admin/realms/default', { version, enabled: true })).status).toBe(409);
  });
});

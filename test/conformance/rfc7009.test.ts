/** OAuth 2.0 Token Revocation. The matrix in README.md names each test. */

import * as oauth from 'oauth4webapi';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  getToken,
  makePartner,
  mustCreate,
  populate,
  type Service,
  startService,
  type TestPartner,
  type World,
} from '../support/service.ts';
import { isActive, postState, proofForm, revoke } from '../support/token-state.ts';

let service: Service;
let world: World;
let stranger: TestPartner;
beforeAll(async () => {
  service = await startService({ maxInstances: 1 });
  world = await populate(service);
  stranger = await makePartner('stranger');
  await mustCreate(service, '/partners', { id: stranger.id, jwks: { keys: [stranger.publicJwk] } });
});
afterAll(() => service[Symbol.asyncDispose]());

const whoami = async (token: string): Promise<number> =>
  (await fetch(new URL('/whoami', service.deployment.url), { headers: { authorization: `Bearer ${token}` } })).status;

describe('2.1, the request', () => {
  it('ends a token of the client that sends it', async () => {
    const [token, other] = [await getToken(service, world), await getToken(service, world)];
    expect((await revoke(service, world.client, token)).status).toBe(200);
    expect([await isActive(service, world.owner, token), await isActive(service, world.owner, other)]).toEqual([
      false,
      true,
    ]);
    expect([await whoami(token), await whoami(other)]).toEqual([403, 200]);
  });

  it('ends a token for a resource of whoever sends it', async () => {
    const token = await getToken(service, world);
    expect((await revoke(service, world.owner, token)).status).toBe(200);
    expect(await isActive(service, world.owner, token)).toBe(false);
  });

  it('changes nothing for a token that is the business of others', async () => {
    const token = await getToken(service, world);
    expect((await revoke(service, stranger, token)).status).toBe(200);
    expect(await isActive(service, world.owner, token)).toBe(true);
  });

  it('has to come from a client that proves itself, with a token', async () => {
    const token = await getToken(service, world);
    const proof = await proofForm(service, world.client);
    const errors = [];
    for (const form of [{ token }, { token, client_id: world.client.id }, proof]) {
      const { status, text } = await postState(service, { path: 'revoke', form });
      errors.push([status, (JSON.parse(text) as { readonly error: string }).error]);
    }
    expect(errors).toEqual([
      [401, 'invalid_client'],
      [401, 'invalid_client'],
      [400, 'invalid_request'],
    ]);
    expect(await isActive(service, world.owner, token)).toBe(true);
  });

  it('may have a hint, and one that is wrong or unknown changes nothing', async () => {
    for (const hint of ['access_token', 'refresh_token', 'urn:example:any']) {
      const token = await getToken(service, world);
      const form = { ...(await proofForm(service, world.client)), token, token_type_hint: hint };
      expect((await postState(service, { path: 'revoke', form })).status).toBe(200);
      expect(await isActive(service, world.owner, token)).toBe(false);
    }
  });
});

describe('2.2, the answer', () => {
  it('is 200 without content, whether or not there was anything to end', async () => {
    const token = await getToken(service, world);
    const [header, payload] = token.split('.');
    for (const each of [token, token, 'x', '-', `${header}.${payload}.AAAA`]) {
      const { status, headers, text } = await revoke(service, world.client, each);
      expect([status, text, headers.get('cache-control')]).toEqual([200, '', 'no-store']);
    }
  });
});

describe('a library that others wrote', () => {
  it('oauth4webapi ends a token', async () => {
    const insecure = { [oauth.allowInsecureRequests]: true };
    const issuer = new URL(service.issuer);
    const found = await oauth.discoveryRequest(issuer, { ...insecure, algorithm: 'oauth2' });
    const server = await oauth.processDiscoveryResponse(issuer, found);
    const proof = oauth.PrivateKeyJwt({ key: world.client.privateKey, kid: `${world.client.id}-key` });
    const token = await getToken(service, world);
    const answer = await oauth.revocationRequest(server, { client_id: world.client.id }, proof, token, insecure);
    await oauth.processRevocationResponse(answer);
    expect(await isActive(service, world.owner, token)).toBe(false);
  });
});

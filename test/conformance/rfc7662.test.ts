/** OAuth 2.0 Token Introspection. The matrix in README.md names each test. */

import { randomUUID } from 'node:crypto';
import { decodeJwt } from 'jose';
import * as oauth from 'oauth4webapi';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { allowSecrets, basic, makeSecret } from '../support/client-secret.ts';
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
import { addIntrospector, introspect, postState, proofForm, revoke } from '../support/token-state.ts';

let service: Service;
let world: World;
let stranger: TestPartner;
let secret: string;
beforeAll(async () => {
  service = await startService({ maxInstances: 1 });
  await allowSecrets(service, true);
  world = await populate(service);
  ({ secret } = await makeSecret(service, world.owner.id));
  stranger = await makePartner('stranger');
  await mustCreate(service, '/partners', { id: stranger.id, jwks: { keys: [stranger.publicJwk] } });
});
afterAll(() => service[Symbol.asyncDispose]());

/** Another one each time, in the place of the one before. */
const namedGateway = (): Promise<TestPartner> => addIntrospector(service, world.audience, `gateway-${randomUUID()}`);

const bodyOf = ({ text }: { readonly text: string }): unknown => JSON.parse(text);

describe('2.1, the request', () => {
  it('needs the token', async () => {
    const { status, text } = await postState(service, {
      path: 'introspect',
      form: await proofForm(service, world.owner),
    });
    expect([status, JSON.parse(text)]).toEqual([400, expect.objectContaining({ error: 'invalid_request' })]);
  });

  it('may have a hint, and one that is wrong or unknown changes nothing', async () => {
    const token = await getToken(service, world);
    for (const hint of ['access_token', 'refresh_token', 'urn:example:any']) {
      const form = { ...(await proofForm(service, world.owner)), token, token_type_hint: hint };
      expect(bodyOf(await postState(service, { path: 'introspect', form }))).toMatchObject({ active: true });
    }
  });

  it('has to come from a client that proves itself', async () => {
    const token = await getToken(service, world);
    for (const form of [{ token }, { token, client_id: world.owner.id }]) {
      const { status, text } = await postState(service, { path: 'introspect', form });
      expect([status, JSON.parse(text)]).toEqual([401, expect.objectContaining({ error: 'invalid_client' })]);
    }
  });

  it('takes the token in the body only, by POST only', async () => {
    const token = await getToken(service, world);
    const form = await proofForm(service, world.owner);
    expect((await postState(service, { path: `introspect?token=${token}`, form })).status).toBe(400);
    expect((await fetch(new URL(`/introspect?token=${token}`, service.deployment.url))).status).toBe(404);
  });

  it('takes the methods of the token endpoint, one in each request', async () => {
    const token = await getToken(service, world);
    const authorization = basic(world.owner.id, secret);
    const inBody = { client_id: world.owner.id, client_secret: secret };
    const ask = (form: Record<string, string>, headers: Record<string, string> = {}) =>
      postState(service, { path: 'introspect', form: { ...form, token }, headers });
    expect(bodyOf(await ask({}, { authorization }))).toMatchObject({ active: true });
    expect(bodyOf(await ask(inBody))).toMatchObject({ active: true });
    expect((await ask(inBody, { authorization })).status).toBe(400);
    expect((await ask({ ...inBody, client_secret: 'wrong' })).status).toBe(401);
  });
});

describe('2.2, the answer', () => {
  it('says of a good token what it says itself, in JSON that no cache keeps', async () => {
    const token = await getToken(service, world);
    const { status, headers, text } = await introspect(service, world.owner, token);
    expect([status, headers.get('content-type'), headers.get('cache-control')]).toEqual([
      200,
      'application/json',
      'no-store',
    ]);
    expect(JSON.parse(text)).toEqual({ active: true, token_type: 'Bearer', ...decodeJwt(token) });
  });

  it('is that it is not active, and nothing else, for every other token', async () => {
    const revoked = await getToken(service, world);
    await revoke(service, world.client, revoked);
    const [header, payload] = (await getToken(service, world)).split('.');
    for (const token of ['x', revoked, `${header}.${payload}.AAAA`]) {
      const { status, text } = await introspect(service, world.owner, token);
      expect([status, text]).toEqual([200, '{"active":false}']);
    }
  });

  it('is for the owner of the resource, and anybody else learns nothing', async () => {
    const token = await getToken(service, world);
    for (const other of [stranger, world.client]) {
      expect((await introspect(service, other, token)).text).toBe('{"active":false}');
    }
  });

  it('is the same for whom the resource names', async () => {
    const gateway = await namedGateway();
    const token = await getToken(service, world);
    const asOwner = bodyOf(await introspect(service, world.owner, token));
    expect(asOwner).toMatchObject({ active: true });
    expect(bodyOf(await introspect(service, gateway, token))).toEqual(asOwner);
    expect((await introspect(service, stranger, token)).text).toBe('{"active":false}');
  });
});

describe('2.3, an error', () => {
  it('challenges a client that used the Authorization header', async () => {
    const headers = { authorization: basic(world.owner.id, 'csec_wrong') };
    const answer = await postState(service, { path: 'introspect', form: { token: 'x' }, headers });
    expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([401, 'Basic realm="countersign"']);
  });
});

describe('a library that others wrote', () => {
  const insecure = { [oauth.allowInsecureRequests]: true };

  it.each([
    ['the owner', async () => world.owner],
    ['a named introspector', namedGateway],
  ])('oauth4webapi asks and understands, as %s', async (_, partner) => {
    const issuer = new URL(service.issuer);
    const found = await oauth.discoveryRequest(issuer, { ...insecure, algorithm: 'oauth2' });
    const server = await oauth.processDiscoveryResponse(issuer, found);
    const { id, privateKey } = await partner();
    const asking: oauth.Client = { client_id: id };
    const proof = oauth.PrivateKeyJwt({ key: privateKey, kid: `${id}-key` });
    const token = await getToken(service, world);
    const plain = await oauth.introspectionRequest(server, asking, proof, token, insecure);
    expect(await oauth.processIntrospectionResponse(server, asking, plain)).toMatchObject({
      active: true,
      client_id: world.client.id,
    });
    const options = { ...insecure, requestJwtResponse: true };
    const signed = await oauth.introspectionRequest(server, asking, proof, token, options);
    // Which fails for an answer that is meant for another client.
    const told = await oauth.processIntrospectionResponse(server, asking, signed);
    await oauth.validateApplicationLevelSignature(server, signed, insecure);
    expect(told).toMatchObject({ active: true, client_id: world.client.id });
  });
});

/** The main job over HTTP, with OAuth clients and verifiers that others wrote, against the synthesized assembly. */

import { JwtVerifier } from 'aws-jwt-verify';
import { createLocalJWKSet, createRemoteJWKSet, decodeProtectedHeader, type JWK, jwtVerify } from 'jose';
import * as oauth from 'oauth4webapi';
import * as openid from 'openid-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  assertionOf,
  changePartner,
  getToken,
  makePartner,
  mustCreate,
  populate,
  postToken,
  type Service,
  startService,
  tokenForm,
  type World,
} from '../support/service.ts';

let service: Service;
let world: World;

beforeAll(async () => {
  service = await startService();
  world = await populate(service);
});
afterAll(() => service[Symbol.asyncDispose]());

const insecure = { [oauth.allowInsecureRequests]: true };

const discover = async (): Promise<oauth.AuthorizationServer> => {
  const issuer = new URL(service.issuer);
  return oauth.processDiscoveryResponse(
    issuer,
    await oauth.discoveryRequest(issuer, { ...insecure, algorithm: 'oauth2' }),
  );
};

const oauth4webapiToken = async (resource = world.audience) => {
  const server = await discover();
  const client = { client_id: world.client.id };
  const authentication = oauth.PrivateKeyJwt({ key: world.client.privateKey, kid: `${world.client.id}-key` });
  const request = await oauth.clientCredentialsGrantRequest(server, client, authentication, { resource }, insecure);
  return oauth.processClientCredentialsResponse(server, client, request);
};

describe('a partner with an ordinary OAuth client', () => {
  it('gets a token with oauth4webapi', async () => {
    const answer = await oauth4webapiToken();
    expect(answer).toEqual({
      access_token: expect.any(String),
      token_type: 'bearer',
      expires_in: 3600,
      scope: 'read',
    });
  });

  it('gets a token with openid-client, found by its discovery', async () => {
    const authentication = openid.PrivateKeyJwt({ key: world.client.privateKey, kid: `${world.client.id}-key` });
    const options = { execute: [openid.allowInsecureRequests], algorithm: 'oauth2' as const };
    const issuer = new URL(service.issuer);
    const server = await openid.discovery(issuer, world.client.id, undefined, authentication, options);
    const answer = await openid.clientCredentialsGrant(server, { resource: world.audience, scope: 'read' });
    expect(answer.scope).toBe('read');
  });

  it('need not name the resource when it has one grant', async () => {
    const { status, body } = await postToken(service, tokenForm(await assertionOf(world.client, service.issuer)));
    expect([status, body.scope]).toEqual([200, 'read']);
  });

  it('gets an answer that nobody on the way may keep', async () => {
    const { headers } = await postToken(service, tokenForm(await assertionOf(world.client, service.issuer)));
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('content-type')).toMatch(/^application\/json/);
  });
});

describe('a resource server', () => {
  it('verifies the token with jose and the published keys', async () => {
    const token = await getToken(service, world);
    const keys = createRemoteJWKSet(new URL(`${service.issuer}/jwks`));
    const { payload, protectedHeader } = await jwtVerify(token, keys, {
      issuer: service.issuer,
      audience: world.audience,
      typ: 'at+jwt',
      requiredClaims: ['iss', 'exp', 'aud', 'sub', 'client_id', 'iat', 'jti'],
    });
    expect(protectedHeader).toEqual({ alg: 'RS256', typ: 'at+jwt', kid: expect.any(String) });
    expect(payload).toMatchObject({ sub: 'crm', client_id: 'crm', scope: 'read' });
  });

  it('verifies the token with aws-jwt-verify', async () => {
    const verifier = JwtVerifier.create({
      issuer: service.issuer,
      audience: world.audience,
      jwksUri: 'https://unused.example/jwks',
    });
    verifier.cacheJwks(await publishedKeys());
    await expect(verifier.verify(await getToken(service, world))).resolves.toMatchObject({ client_id: 'crm' });
  });

  it('verifies the token as oauth4webapi does for a resource server (RFC 9068)', async () => {
    const request = new Request(world.audience, {
      headers: { authorization: `Bearer ${await getToken(service, world)}` },
    });
    const claims = await oauth.validateJwtAccessToken(await discover(), request, world.audience, insecure);
    expect(claims).toMatchObject({ client_id: 'crm', aud: world.audience });
  });

  it('is told the verified claims by the route behind the authorizer', async () => {
    const token = await getToken(service, world);
    const answer = await fetch(world.audience, { headers: { authorization: `Bearer ${token}` } });
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({ iss: service.issuer, client_id: 'crm', scope: 'read' });
  });

  it.each([
    ['no token', undefined, 401],
    ['no JWT', 'Bearer abc', 403],
    ['another scheme', 'Basic abc', 403],
  ])('is not reached with %s', async (_case, authorization, status) => {
    const answer = await fetch(world.audience, { headers: authorization === undefined ? {} : { authorization } });
    expect(answer.status).toBe(status);
  });

  it('is not reached with a token of which one character was changed', async () => {
    const [header, payload, signature = ''] = (await getToken(service, world)).split('.');
    const forged = [header, payload, (signature.startsWith('A') ? 'B' : 'A') + signature.slice(1)].join('.');
    const answer = await fetch(world.audience, { headers: { authorization: `Bearer ${forged}` } });
    expect(answer.status).toBe(403);
  });
});

describe('an audience that chose ES256', () => {
  it('gets tokens of the second ring', async () => {
    const audience = 'https://ledger.example/api';
    await mustCreate(service, '/audiences', {
      audience,
      owner: 'billing',
      scopes: ['post'],
      tokenPolicy: { algorithm: 'ES256' },
    });
    await mustCreate(service, '/grants', { client: 'crm', audience, scopes: ['post'] });
    const form = tokenForm(await assertionOf(world.client, service.issuer), { resource: audience });
    const token = String((await postToken(service, form)).body.access_token);
    expect(decodeProtectedHeader(token).alg).toBe('ES256');
    const jwks = createLocalJWKSet(await publishedKeys());
    await expect(jwtVerify(token, jwks, { audience })).resolves.toMatchObject({ payload: { scope: 'post' } });
  });
});

describe('an assertion', () => {
  it('posted 50 times at once gives exactly one token', async () => {
    const form = tokenForm(await assertionOf(world.client, service.issuer), { resource: world.audience });
    const answers = await Promise.all(Array.from({ length: 50 }, () => postToken(service, form)));
    const refused = answers.filter(({ status }) => status === 401);
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(refused).toHaveLength(49);
    expect(new Set(refused.map(({ body }) => JSON.stringify(body)))).toEqual(
      new Set(['{"error":"invalid_client","error_description":"Client authentication failed."}']),
    );
  });
});

describe('the operator', () => {
  it('disables a partner, which then gets no token', async () => {
    const other = await makeStranger('night-job');
    expect((await changePartner(service, 'night-job', { enabled: false })).body.enabled).toBe(false);
    const form = tokenForm(await assertionOf(other, service.issuer), { resource: world.audience });
    expect((await postToken(service, form)).body.error).toBe('invalid_client');
  });

  it('is refused without an IAM signature', async () => {
    const answer = await fetch(new URL('/admin/realms/default/partners', service.deployment.url));
    expect(answer.status).toBe(403);
  });
});

const publishedKeys = async () =>
  (await (await fetch(`${service.issuer}/jwks`)).json()) as { keys: (JWK & { kty: string; kid: string })[] };

const makeStranger = async (id: string) => {
  const partner = await makePartner(id);
  await mustCreate(service, '/partners', { id, jwks: { keys: [partner.publicJwk] } });
  await mustCreate(service, '/grants', { client: id, audience: world.audience, scopes: ['read'] });
  return partner;
};

/**
 * Clients that others wrote, by every way in that needs no client certificate: each library, with each authentication method, by each
 * grant. What they get is verified by verifiers that others wrote, and accepted by the authorizer.
 */

import { randomUUID } from 'node:crypto';
import { JwtVerifier } from 'aws-jwt-verify';
import { createRemoteJWKSet, decodeJwt, generateKeyPair, type JWK, type JWTPayload, jwtVerify, SignJWT } from 'jose';
import * as oauth from 'oauth4webapi';
import * as openid from 'openid-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { JWT_BEARER_ASSERTION } from '../../functions/core/client-authentication.ts';
import { CLIENT_CREDENTIALS, type GrantType, JWT_BEARER, TOKEN_EXCHANGE } from '../../functions/core/grant-type.ts';
import { allowSecrets, makeSecret } from '../support/client-secret.ts';
import { decisions } from '../support/decisions.ts';
import { ACCESS_TOKEN, statementOf } from '../support/delegation.ts';
import { seconds } from '../support/forgery.ts';
import {
  changePartner,
  getToken,
  makePartner,
  mustCreate,
  populate,
  type Service,
  startService,
  type TestPartner,
  type World,
} from '../support/service.ts';

const PLATFORM = 'https://ci.example';

let service: Service;
let world: World;
let platform: TestPartner;
let secret: string;

beforeAll(async () => {
  service = await startService();
  await allowSecrets(service, true);
  world = await populate(service);
  platform = await makePartner('ci');
  const keys = { jwks: { keys: [platform.publicJwk] } };
  await mustCreate(service, '/partners', { id: 'ci', issuer: PLATFORM, trustedIssuer: true, ...keys });
  const federation = [{ issuer: PLATFORM, claims: { sub: { exact: 'repo:acme/crm' } } }];
  await changePartner(service, 'crm', { trustLevel: 'full', federation });
  ({ secret } = await makeSecret(service, 'crm'));
});
afterAll(() => service[Symbol.asyncDispose]());

const METHODS = ['client_secret_basic', 'client_secret_post', 'private_key_jwt', 'federated'] as const;
type Method = (typeof METHODS)[number];
const GRANTS = [CLIENT_CREDENTIALS, JWT_BEARER, TOKEN_EXCHANGE] as const;

/** The libraries take any function that puts a proof into the request; here a token that the platform has made for the workload. */
const federated: oauth.ClientAuth = async (server, client, body) => {
  const now = seconds();
  const claims = {
    iss: PLATFORM,
    sub: 'repo:acme/crm',
    aud: server.issuer,
    jti: randomUUID(),
    iat: now,
    exp: now + 300,
  };
  const token = await new SignJWT(claims).setProtectedHeader({ alg: 'ES256', kid: 'ci-key' }).sign(platform.privateKey);
  body.set('client_id', client.client_id);
  body.set('client_assertion_type', JWT_BEARER_ASSERTION);
  body.set('client_assertion', token);
};

/** Of the module of the library itself. */
const authentication = (library: typeof oauth | typeof openid, method: Method): oauth.ClientAuth => {
  switch (method) {
    case 'client_secret_basic':
      return library.ClientSecretBasic(secret);
    case 'client_secret_post':
      return library.ClientSecretPost(secret);
    case 'private_key_jwt':
      return library.PrivateKeyJwt({ key: world.client.privateKey, kid: 'crm-key' });
    case 'federated':
      return federated;
  }
};

interface Answer {
  readonly access_token: string;
  readonly token_type: string;
  readonly issued_token_type?: unknown;
}

interface Library {
  /** The token that this request is answered with. */
  ask(method: Method, grant: GrantType, parameters: Record<string, string>): Promise<Answer>;
  /** A token bound to a new key, and what the resource answers to it. */
  askBound(parameters: Record<string, string>): Promise<{ readonly token: Answer; readonly resource: Response }>;
}

const insecure = { [oauth.allowInsecureRequests]: true };
const CLIENT: oauth.Client = { client_id: 'crm' };

const discover = async (): Promise<oauth.AuthorizationServer> => {
  const issuer = new URL(service.issuer);
  const answer = await oauth.discoveryRequest(issuer, { ...insecure, algorithm: 'oauth2' });
  return oauth.processDiscoveryResponse(issuer, answer);
};

const configure = (method: Method): Promise<openid.Configuration> =>
  openid.discovery(new URL(service.issuer), 'crm', undefined, authentication(openid, method), {
    execute: [openid.allowInsecureRequests],
    algorithm: 'oauth2',
  });

const oauth4webapi: Library = {
  ask: async (method, grant, parameters) => {
    const server = await discover();
    const proof = authentication(oauth, method);
    if (grant === CLIENT_CREDENTIALS) {
      const answer = await oauth.clientCredentialsGrantRequest(server, CLIENT, proof, parameters, insecure);
      return oauth.processClientCredentialsResponse(server, CLIENT, answer);
    }
    const answer = await oauth.genericTokenEndpointRequest(server, CLIENT, proof, grant, parameters, insecure);
    return oauth.processGenericTokenEndpointResponse(server, CLIENT, answer);
  },
  askBound: async (parameters) => {
    const server = await discover();
    const DPoP = oauth.DPoP(CLIENT, await generateKeyPair('ES256'));
    const ask = async () => {
      const proof = authentication(oauth, 'private_key_jwt');
      const answer = await oauth.clientCredentialsGrantRequest(server, CLIENT, proof, parameters, {
        ...insecure,
        DPoP,
      });
      return oauth.processClientCredentialsResponse(server, CLIENT, answer);
    };
    // The first answer brings the nonce that the handle puts into the next proof.
    const token = await ask().catch((error) => {
      expect(oauth.isDPoPNonceError(error)).toBe(true);
      return ask();
    });
    const url = new URL(world.audience);
    const options = { ...insecure, DPoP };
    const resource = await oauth.protectedResourceRequest(
      token.access_token,
      'GET',
      url,
      undefined,
      undefined,
      options,
    );
    return { token, resource };
  },
};

const openidClient: Library = {
  ask: async (method, grant, parameters) => {
    const configuration = await configure(method);
    return grant === CLIENT_CREDENTIALS
      ? openid.clientCredentialsGrant(configuration, parameters)
      : openid.genericGrantRequest(configuration, grant, parameters);
  },
  askBound: async (parameters) => {
    const configuration = await configure('private_key_jwt');
    const DPoP = openid.getDPoPHandle(configuration, await openid.randomDPoPKeyPair('ES256'));
    const token = await openid.clientCredentialsGrant(configuration, parameters, { DPoP });
    const url = new URL(world.audience);
    const resource = await openid.fetchProtectedResource(
      configuration,
      token.access_token,
      url,
      'GET',
      undefined,
      undefined,
      { DPoP },
    );
    return { token, resource };
  },
};

const LIBRARIES: Readonly<Record<string, Library>> = { oauth4webapi, 'openid-client': openidClient };

/** What the request says beyond how the client proves itself. */
const parametersOf = async (grant: GrantType): Promise<Record<string, string>> => {
  const resource = { resource: world.audience };
  switch (grant) {
    case CLIENT_CREDENTIALS:
      return resource;
    case JWT_BEARER:
      return { ...resource, assertion: await statementOf(world.client, service.issuer, 'alice') };
    case TOKEN_EXCHANGE:
      return { ...resource, subject_token: await getToken(service, world), subject_token_type: ACCESS_TOKEN };
  }
};

const EXPECTED: Readonly<Record<GrantType, object>> = {
  [CLIENT_CREDENTIALS]: { sub: 'crm', client_id: 'crm' },
  [JWT_BEARER]: { sub: 'alice', client_id: 'crm', act: { sub: 'crm' } },
  [TOKEN_EXCHANGE]: { sub: 'crm', client_id: 'crm' },
};

/** The claims, as jose and as aws-jwt-verify see them. */
const verified = async (token: string): Promise<JWTPayload> => {
  const keys = createRemoteJWKSet(new URL(`${service.issuer}/jwks`));
  const { issuer } = service;
  const { payload } = await jwtVerify(token, keys, { issuer, audience: world.audience, typ: 'at+jwt' });
  const jwksUri = 'https://unused.example/jwks';
  const verifier = JwtVerifier.create({ issuer, audience: world.audience, jwksUri });
  verifier.cacheJwks(
    (await (await fetch(`${issuer}/jwks`)).json()) as { keys: (JWK & { kty: string; kid: string })[] },
  );
  expect(await verifier.verify(token)).toEqual(payload);
  return payload;
};

const WAYS = Object.keys(LIBRARIES).flatMap((library) =>
  METHODS.flatMap((method) => GRANTS.map((grant) => [library, method, grant] as const)),
);

const libraryOf = (name: string): Library => {
  const library = LIBRARIES[name];
  if (library === undefined) throw new Error(`there is no library ${name}`);
  return library;
};

describe('a client library', () => {
  it.each(WAYS)(
    '%s, with %s, gets a token by %s that others verify and the authorizer accepts',
    async (name, method, grant) => {
      const answer = await libraryOf(name).ask(method, grant, await parametersOf(grant));
      expect(answer.token_type).toBe('bearer');
      expect(answer.issued_token_type).toBe(grant === TOKEN_EXCHANGE ? ACCESS_TOKEN : undefined);
      expect(await verified(answer.access_token)).toMatchObject(EXPECTED[grant]);
      const resource = await fetch(world.audience, { headers: { authorization: `Bearer ${answer.access_token}` } });
      expect(resource.status).toBe(200);
      expect(await resource.json()).toMatchObject(EXPECTED[grant]);
      const { jti } = decodeJwt(answer.access_token);
      await expect
        .poll(() => decisions(service).find(({ facts }) => facts.tokenId === jti && facts.method !== undefined)?.facts)
        .toMatchObject({ method, grantType: grant, client: 'crm' });
    },
  );

  it.each(Object.keys(LIBRARIES))('%s gets a token bound to its key, and shows it with a proof', async (name) => {
    const { token, resource } = await libraryOf(name).askBound({ resource: world.audience });
    expect(token.token_type).toBe('dpop');
    expect(resource.status).toBe(200);
    expect((await verified(token.access_token)).cnf).toEqual({ jkt: expect.any(String) });
    const bare = await fetch(world.audience, { headers: { authorization: `Bearer ${token.access_token}` } });
    expect(bare.status).toBe(403);
  });

  it.each(Object.keys(LIBRARIES))('%s understands why it is refused', async (name) => {
    const wrong = { resource: world.audience, assertion: await statementOf(world.owner, service.issuer, 'alice') };
    await expect(libraryOf(name).ask('private_key_jwt', JWT_BEARER, wrong)).rejects.toMatchObject({
      error: 'invalid_grant',
      status: 400,
    });
  });
});

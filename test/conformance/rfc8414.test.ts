/**
 * Authorization server metadata, and whether it is true: what is listed works, what is not listed does not. The matrix in README.md
 * names each test.
 */

import { SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { JWS_ALGORITHMS } from '../../functions/core/algorithms.ts';
import { JWT_BEARER, TOKEN_EXCHANGE } from '../../functions/core/grant-type.ts';
import { notAuthenticated, tokenOutcome } from '../support/decisions.ts';
import { compactOf, goodClaims, signedBy } from '../support/forgery.ts';
import {
  administer,
  assertionOf,
  callAdmin,
  getToken,
  makePartner,
  mustCreate,
  populate,
  type Service,
  startService,
  type TestPartner,
  tokenForm,
  type World,
} from '../support/service.ts';

let service: Service;
let world: World;
let metadata: Record<string, string | string[]>;
let openid: Record<string, string | string[]>;

beforeAll(async () => {
  service = await startService();
  world = await populate(service);
  metadata = await documentAt('oauth-authorization-server');
  openid = await documentAt('openid-configuration');
});
afterAll(() => service[Symbol.asyncDispose]());

const documentAt = async (name: string, realm = ''): Promise<Record<string, string | string[]>> =>
  (await (await fetch(`${service.issuer}/.well-known/${name}${realm}`)).json()) as Record<string, string | string[]>;

const WITHOUT_ASSERTION = ['client_assertion', 'client_assertion_type'];

describe('RFC 8414 2: metadata', () => {
  it('has the members that are required, and no others than it means', () => {
    expect(metadata).toEqual({
      issuer: service.issuer,
      token_endpoint: `${service.issuer}/token`,
      jwks_uri: `${service.issuer}/jwks`,
      // A member of our own, as RFC 8414 2 allows.
      revoked_keys_uri: `${service.issuer}/revoked-keys`,
      registration_endpoint: `${service.issuer}/register`,
      response_types_supported: ['none'],
      grant_types_supported: ['client_credentials', JWT_BEARER, TOKEN_EXCHANGE],
      token_endpoint_auth_methods_supported: ['private_key_jwt'],
      token_endpoint_auth_signing_alg_values_supported: expect.arrayContaining(['RS256', 'ES256']),
      introspection_endpoint: `${service.issuer}/introspect`,
      introspection_endpoint_auth_methods_supported: ['private_key_jwt'],
      introspection_endpoint_auth_signing_alg_values_supported: expect.arrayContaining(['RS256', 'ES256']),
      introspection_signing_alg_values_supported: expect.arrayContaining(['RS256']),
      revocation_endpoint: `${service.issuer}/revoke`,
      revocation_endpoint_auth_methods_supported: ['private_key_jwt'],
      revocation_endpoint_auth_signing_alg_values_supported: expect.arrayContaining(['RS256', 'ES256']),
      dpop_signing_alg_values_supported: expect.arrayContaining(['RS256', 'ES256']),
    });
  });

  it('tells of each realm what is on in it, and of none what is on elsewhere', async () => {
    const policy = {
      clientSecrets: true,
      grantTypes: ['client_credentials'],
      authorizationDetailsTypes: ['payment_initiation'],
    };
    await callAdmin(service, 'POST', '/admin/realms', { name: 'shared', policy });
    const methods = ['private_key_jwt', 'client_secret_basic', 'client_secret_post'];
    const shared = await documentAt('oauth-authorization-server', '/realms/shared');
    expect(shared).toEqual({
      ...metadata,
      issuer: `${service.issuer}/realms/shared`,
      token_endpoint: `${service.issuer}/realms/shared/token`,
      jwks_uri: `${service.issuer}/realms/shared/jwks`,
      revoked_keys_uri: `${service.issuer}/realms/shared/revoked-keys`,
      registration_endpoint: `${service.issuer}/realms/shared/register`,
      grant_types_supported: ['client_credentials'],
      token_endpoint_auth_methods_supported: methods,
      introspection_endpoint: `${service.issuer}/realms/shared/introspect`,
      introspection_endpoint_auth_methods_supported: methods,
      introspection_signing_alg_values_supported: ['RS256'],
      revocation_endpoint: `${service.issuer}/realms/shared/revoke`,
      revocation_endpoint_auth_methods_supported: methods,
      authorization_details_types_supported: ['payment_initiation'],
    });
  });

  it('says nothing of mutual TLS where there is no door for it', () => {
    const named = Object.keys(metadata).filter((name) => /tls/.test(name));
    expect([named, metadata.token_endpoint_auth_methods_supported]).toEqual([[], ['private_key_jwt']]);
  });

  it('never lists algorithm none for client authentication', () => {
    expect(metadata.token_endpoint_auth_signing_alg_values_supported).not.toContain('none');
  });

  it('names endpoints that are there', async () => {
    const jwks = await fetch(String(metadata.jwks_uri));
    expect(jwks.status).toBe(200);
    const response = await fetch(String(metadata.token_endpoint), {
      method: 'POST',
      body: tokenForm(await assertionOf(world.client, service.issuer)),
    });
    expect(response.status).toBe(200);
    for (const endpoint of [metadata.introspection_endpoint, metadata.revocation_endpoint]) {
      const body = tokenForm(await assertionOf(world.client, service.issuer), { token: 'x' });
      expect((await fetch(String(endpoint), { method: 'POST', body })).status).toBe(200);
    }
  });
});

describe('RFC 8414 3: obtaining metadata', () => {
  it('is a GET of JSON that may be cached', async () => {
    const response = await fetch(`${service.issuer}/.well-known/oauth-authorization-server`);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('application/json');
    expect(response.headers.get('cache-control')).toMatch(/^public, max-age=3600\b/);
  });

  it('leaves out members that would be empty (3.2)', () => {
    for (const value of [...Object.values(metadata), ...Object.values(openid)]) expect(value.length).toBeGreaterThan(0);
  });

  it('names the issuer exactly as tokens and assertions do (3.3)', async () => {
    const [, payload = ''] = (await getToken(service, world)).split('.');
    const { iss } = JSON.parse(Buffer.from(payload, 'base64url').toString());
    expect([metadata.issuer, openid.issuer]).toEqual([iss, iss]);
  });

  it('says the same under the name that OpenID Connect gave it', () => {
    expect(openid).toEqual({
      ...metadata,
      authorization_endpoint: `${metadata.issuer}/authorize`,
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: ['RS256', 'ES256'],
    });
  });
});

describe('RFC 8414: what the metadata says is true', () => {
  it('every signing algorithm that is listed works, from registration to token', async () => {
    const listed = metadata.token_endpoint_auth_signing_alg_values_supported as string[];
    expect(listed).toHaveLength(JWS_ALGORITHMS.length + 1);
    const outcomes = await Promise.all(listed.map(tokenWith));
    expect(outcomes).toEqual(listed.map((alg) => [alg, 201, 200]));
  });

  it('no other signing algorithm works, neither for a key nor for an assertion', async () => {
    for (const alg of ['RS384', 'RS512', 'PS384', 'PS512', 'Ed448']) {
      const { publicJwk } = await makePartner('other', alg === 'Ed448' ? 'EdDSA' : 'RS256');
      const body = { id: 'other', jwks: { keys: [{ ...publicJwk, alg }] } };
      expect((await administer(service, 'POST', '/partners', body)).status).toBe(400);
    }
    const rsa = await makePartner('other-rsa', 'RS256');
    await mustCreate(service, '/partners', { id: rsa.id, jwks: { keys: [rsa.publicJwk] } });
    for (const alg of ['RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'HS256', 'HS512', 'ES256K', 'none']) {
      const form = tokenForm(await signedAs(rsa, alg));
      expect(await tokenOutcome(service, form)).toMatchObject({ status: 401, reason: 'assertion_algorithm' });
    }
  });

  it('every grant type that is listed works, and no other', async () => {
    const known = [
      'authorization_code',
      'implicit',
      'password',
      'refresh_token',
      'urn:ietf:params:oauth:grant-type:saml2-bearer',
      'urn:ietf:params:oauth:grant-type:device_code',
      'urn:openid:params:grant-type:ciba',
      ...(metadata.grant_types_supported ?? []),
    ];
    const works = async (grant_type: string): Promise<boolean> => {
      const form = tokenForm(await assertionOf(world.client, service.issuer), {
        grant_type,
        assertion: await assertionOf(world.client, service.issuer),
        subject_token: await getToken(service, world),
        subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      });
      const { status, reason } = await tokenOutcome(service, form);
      expect(reason).toBe(status === 200 ? 'granted' : 'grant_type_unsupported');
      return status === 200;
    };
    const working = [];
    for (const grantType of known) if (await works(grantType)) working.push(grantType);
    expect(working).toEqual(metadata.grant_types_supported);
  });

  it('no grant type works in a realm that does not list it', async () => {
    await callAdmin(service, 'POST', '/admin/realms', { name: 'narrow', policy: { grantTypes: [JWT_BEARER] } });
    const partner = { id: 'crm', jwks: { keys: [world.client.publicJwk] } };
    await callAdmin(service, 'POST', '/admin/realms/narrow/partners', partner);
    const issuer = `${service.issuer}/realms/narrow`;
    const answer = await fetch(`${issuer}/token`, {
      method: 'POST',
      body: tokenForm(await assertionOf(world.client, issuer)),
    });
    expect([answer.status, ((await answer.json()) as { error: string }).error]).toEqual([
      400,
      'unsupported_grant_type',
    ]);
  });

  it('every authentication method that is listed works, and no other', async () => {
    expect(metadata.token_endpoint_auth_methods_supported).toEqual(['private_key_jwt']);
    const good = tokenForm(await assertionOf(world.client, service.issuer));
    expect(await tokenOutcome(service, good)).toMatchObject({ reason: 'granted' });
    const bare = (more: Record<string, string>): URLSearchParams => {
      const form = tokenForm('', { client_id: 'crm', ...more });
      for (const name of WITHOUT_ASSERTION) if (more[name] === undefined) form.delete(name);
      return form;
    };
    expect(await tokenOutcome(service, bare({}))).toMatchObject({ status: 401, reason: 'client_auth_missing' });
    const made = await administer(service, 'POST', '/partners/crm/secrets', {});
    expect(made.status).toBe(409);
    expect(await tokenOutcome(service, bare({ client_secret: 'x' }))).toEqual(notAuthenticated('secret_unknown'));
    const secretJwt = await new SignJWT(goodClaims(world.client, service.issuer))
      .setProtectedHeader({ alg: 'HS256' })
      .sign(Buffer.alloc(32, 1));
    expect(await tokenOutcome(service, tokenForm(secretJwt))).toEqual(notAuthenticated('assertion_algorithm'));
  });

  it('every ring that is listed for signing issues tokens', async () => {
    const listed = openid.id_token_signing_alg_values_supported as string[];
    for (const alg of listed) {
      const audience = `https://${alg.toLowerCase()}.example`;
      await mustCreate(service, '/audiences', {
        audience,
        owner: 'billing',
        scopes: ['read'],
        tokenPolicy: { algorithm: alg },
      });
      await mustCreate(service, '/grants', { client: 'crm', audience, scopes: ['read'] });
      const form = tokenForm(await assertionOf(world.client, service.issuer), { resource: audience });
      const { body } = await tokenOutcome(service, form);
      const [header = ''] = String(body.access_token).split('.');
      expect(JSON.parse(Buffer.from(header, 'base64url').toString()).alg).toBe(alg);
    }
    const unlisted = {
      audience: 'https://x.example',
      owner: 'billing',
      scopes: ['read'],
      tokenPolicy: { algorithm: 'PS256' },
    };
    expect((await administer(service, 'POST', '/audiences', unlisted)).status).toBe(400);
  });
});

/** Status of registering a key of this algorithm, and of a token request with it. */
const tokenWith = async (alg: string): Promise<readonly [string, number, number]> => {
  const partner = await makePartner(`uses-${alg.toLowerCase()}`, alg);
  const registered = await administer(service, 'POST', '/partners', {
    id: partner.id,
    jwks: { keys: [partner.publicJwk] },
  });
  await mustCreate(service, '/grants', { client: partner.id, audience: world.audience, scopes: ['read'] });
  const { status } = await tokenOutcome(service, tokenForm(await assertionOf(partner, service.issuer)));
  return [alg, registered.status, status];
};

/** A right RS256 signature under the name of another algorithm. */
const signedAs = (partner: TestPartner, alg: string): Promise<string> =>
  compactOf({ alg, kid: `${partner.id}-key` }, goodClaims(partner, service.issuer), signedBy(partner));

/**
 * Dynamic client registration (RFC 7591), by hand and by the client libraries oauth4webapi and openid-client. The matrix in README.md
 * names each test.
 */

import * as oauth from 'oauth4webapi';
import * as openid from 'openid-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { certifiedKey } from '../support/client-metadata.ts';
import { tokenOutcome } from '../support/decisions.ts';
import {
  callRegistration,
  openOnboarding,
  type RegistrationAnswer,
  register,
  registrationOutcome,
} from '../support/registering.ts';
import {
  administer,
  assertionOf,
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

beforeAll(async () => {
  service = await startService();
  world = await populate(service);
});
afterAll(() => service[Symbol.asyncDispose]());

let made = 0;
/** A partner of whom the operator has said nothing but what it may call, and the keys that its people have made. */
const newcomer = async (): Promise<TestPartner> => {
  made += 1;
  const id = `newcomer-${made}`;
  await mustCreate(service, '/partners', { id });
  await mustCreate(service, '/grants', { client: id, audience: world.audience, scopes: ['read'] });
  return makePartner(id);
};
const metadataOf = ({ publicJwk }: TestPartner, more: object = {}) => ({ jwks: { keys: [publicJwk] }, ...more });
const getsToken = async (partner: TestPartner): Promise<string> =>
  (await tokenOutcome(service, tokenForm(await assertionOf(partner, service.issuer)))).reason;
/** Registers with a fresh token, and with what is added to good metadata. */
const registering = async (more: object): Promise<RegistrationAnswer> => {
  const partner = await newcomer();
  const token = await openOnboarding(service, partner.id);
  return callRegistration(service, 'POST', '/register', { token, body: metadataOf(partner, more) });
};
const errorOf = async (more: object) => {
  const { status, body } = await registering(more);
  return [status, body.error];
};

describe('RFC 7591 2: client metadata', () => {
  it('says private_key_jwt where the client says nothing, for that is the default here', async () => {
    expect((await registering({})).body.token_endpoint_auth_method).toBe('private_key_jwt');
  });

  it('knows the methods that need neither a secret nor the word of the operator', async () => {
    const { jwk } = await certifiedKey();
    const tls = { token_endpoint_auth_method: 'self_signed_tls_client_auth', jwks: { keys: [jwk] } };
    expect((await registering(tls)).body.token_endpoint_auth_method).toBe('self_signed_tls_client_auth');
    for (const method of [
      'none',
      'client_secret_post',
      'client_secret_basic',
      'client_secret_jwt',
      'tls_client_auth',
    ]) {
      expect(await errorOf({ token_endpoint_auth_method: method })).toEqual([400, 'invalid_client_metadata']);
    }
  });

  it('takes keys by value or by reference, and never both', async () => {
    const jwks_uri = 'https://newcomer.example.com/jwks';
    expect((await registering({ jwks: undefined, jwks_uri })).body).toMatchObject({ jwks_uri });
    expect(await errorOf({ jwks_uri })).toEqual([400, 'invalid_client_metadata']);
  });

  it('passes over members that it does not know', async () => {
    const { status, body } = await registering({ tos_uri: 'https://a.example', software_id: 'x', unheard_of: {} });
    expect([status, body.tos_uri, body.software_id, body.unheard_of]).toEqual([201, undefined, undefined, undefined]);
  });
});

describe('RFC 7591 2.1: grant types and response types', () => {
  it('are those of the token endpoint, and no response types', async () => {
    const { body } = await registering({ grant_types: ['client_credentials'], response_types: [] });
    expect(body).toMatchObject({ grant_types: expect.arrayContaining(['client_credentials']), response_types: [] });
    expect(await errorOf({ grant_types: ['authorization_code'] })).toEqual([400, 'invalid_client_metadata']);
    expect(await errorOf({ response_types: ['code'] })).toEqual([400, 'invalid_client_metadata']);
  });
});

describe('RFC 7591 3: the registration endpoint', () => {
  it('is protected: without an initial access token nobody registers', async () => {
    const body = metadataOf(await newcomer());
    const { status, headers } = await callRegistration(service, 'POST', '/register', { body });
    expect([status, headers.get('www-authenticate')]).toEqual([401, 'Bearer error="invalid_token"']);
  });

  it('is named by the metadata of the server', async () => {
    const answer = await fetch(`${service.issuer}/.well-known/oauth-authorization-server`);
    expect(await answer.json()).toMatchObject({ registration_endpoint: `${service.issuer}/register` });
  });

  it('makes a client of a partner that then gets tokens', async () => {
    const partner = await newcomer();
    await register(service, partner.id, metadataOf(partner));
    expect(await getsToken(partner)).toBe('granted');
  });

  it('answers oauth4webapi', async () => {
    const partner = await newcomer();
    const as = await oauth
      .discoveryRequest(new URL(service.issuer), { algorithm: 'oauth2', [oauth.allowInsecureRequests]: true })
      .then((response) => oauth.processDiscoveryResponse(new URL(service.issuer), response));
    const initialAccessToken = await openOnboarding(service, partner.id);
    const response = await oauth.dynamicClientRegistrationRequest(as, metadataOf(partner) as Partial<oauth.Client>, {
      initialAccessToken,
      [oauth.allowInsecureRequests]: true,
    });
    expect(await oauth.processDynamicClientRegistrationResponse(response)).toMatchObject({ client_id: partner.id });
  });

  it('answers openid-client, which then gets a token as the client that it has registered', async () => {
    const partner = await newcomer();
    const config = await openid.dynamicClientRegistration(
      new URL(service.issuer),
      metadataOf(partner, { token_endpoint_auth_method: 'private_key_jwt' }) as Partial<openid.ClientMetadata>,
      openid.PrivateKeyJwt({ key: partner.privateKey, kid: `${partner.id}-key` }),
      {
        initialAccessToken: await openOnboarding(service, partner.id),
        algorithm: 'oauth2',
        execute: [openid.allowInsecureRequests],
      },
    );
    expect(config.clientMetadata().client_id).toBe(partner.id);
    const { access_token } = await openid.clientCredentialsGrant(config, { resource: world.audience });
    expect(access_token.split('.')).toHaveLength(3);
  });
});

describe('RFC 7591 3.1: the registration request', () => {
  it('is a POST of JSON', async () => {
    const partner = await newcomer();
    const token = await openOnboarding(service, partner.id);
    const body = JSON.stringify(metadataOf(partner));
    const form = { token, body, headers: { 'content-type': 'application/x-www-form-urlencoded' } };
    expect((await callRegistration(service, 'POST', '/register', form)).status).toBe(400);
    for (const method of ['GET', 'PUT', 'DELETE', 'PATCH']) {
      expect((await callRegistration(service, method, '/register', { token })).status).toBe(404);
    }
    expect((await callRegistration(service, 'POST', '/register', { token, body })).status).toBe(201);
  });

  it('has no member twice, and is an object', async () => {
    const token = await openOnboarding(service, (await newcomer()).id);
    const twice = '{"jwks_uri":"https://a.example/","jwks_uri":"https://b.example/"}';
    for (const body of [twice, '[]', '"text"', '{', '']) {
      const answer = await callRegistration(service, 'POST', '/register', { token, body });
      expect([answer.status, answer.body.error]).toEqual([400, 'invalid_client_metadata']);
    }
  });
});

describe('RFC 7591 3.2.1: the client information response', () => {
  it('is 201 with all that is registered, in JSON that nobody keeps', async () => {
    const partner = await newcomer();
    const token = await openOnboarding(service, partner.id);
    const more = { client_name: 'Newcomer', contacts: ['a@example.com'], dpop_bound_access_tokens: true };
    const body = metadataOf(partner, more);
    const answer = await callRegistration(service, 'POST', '/register', { token, body });
    expect(answer.status).toBe(201);
    expect(answer.headers.get('content-type')).toBe('application/json');
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(answer.headers.get('pragma')).toBe('no-cache');
    expect(answer.body).toEqual({
      ...{ client_id: partner.id, client_id_issued_at: expect.any(Number), ...more },
      token_endpoint_auth_method: 'private_key_jwt',
      grant_types: expect.any(Array),
      response_types: [],
      jwks: { keys: [partner.publicJwk] },
      registration_access_token: expect.stringMatching(/^crat_[\w-]+\.[\w-]{43}$/),
      registration_client_uri: `${service.issuer}/register/${partner.id}`,
    });
  });

  it('has no client secret, since none is made', async () => {
    const { body } = await registering({});
    expect(Object.keys(body).filter((name) => name.includes('secret'))).toEqual([]);
  });

  it('is what the operator sees, with the keys told from those of the operator', async () => {
    const partner = await newcomer();
    await register(service, partner.id, metadataOf(partner, { client_name: 'Newcomer' }));
    expect((await administer(service, 'GET', `/partners/${partner.id}`)).body).toMatchObject({
      name: 'Newcomer',
      credentials: [{ kid: `${partner.id}-key`, source: 'self-registered' }],
      registered: true,
    });
  });
});

describe('RFC 7591 3.2.2: the client registration error response', () => {
  it('is invalid_redirect_uri for a redirect', async () => {
    expect(await errorOf({ redirect_uris: ['https://a.example/cb'] })).toEqual([400, 'invalid_redirect_uri']);
  });

  it('is invalid_client_metadata for what cannot be registered, and says where it stands', async () => {
    const { status, headers, body } = await registering({ jwks: { keys: [{ kty: 'oct', k: 'c2VjcmV0' }] } });
    expect([status, headers.get('cache-control')]).toEqual([400, 'no-store']);
    expect(body).toEqual({
      error: 'invalid_client_metadata',
      error_description: expect.stringMatching(/^\/jwks\/keys\/0: .*treat this key as exposed\.$/),
    });
  });

  it('is unapproved_software_statement for a statement, and invalid_software_statement for what is none', async () => {
    expect(await errorOf({ software_statement: 'e30.e30.c2ln' })).toEqual([400, 'unapproved_software_statement']);
    expect(await errorOf({ software_statement: 'text' })).toEqual([400, 'invalid_software_statement']);
  });

  it('leaves the initial access token open, so that the request can be mended', async () => {
    const partner = await newcomer();
    const token = await openOnboarding(service, partner.id);
    const wrong = metadataOf(partner, { redirect_uris: ['https://a.example'] });
    expect((await callRegistration(service, 'POST', '/register', { token, body: wrong })).status).toBe(400);
    const body = metadataOf(partner);
    expect((await callRegistration(service, 'POST', '/register', { token, body })).status).toBe(201);
  });
});

describe('RFC 7591 5: security considerations', () => {
  it('lets an initial access token be used once, and says the same to all who have no good one', async () => {
    const partner = await newcomer();
    const token = await openOnboarding(service, partner.id);
    const body = metadataOf(partner);
    await callRegistration(service, 'POST', '/register', { token, body });
    const refused = (reason: string) => ({
      status: 401,
      body: { error: 'invalid_token', error_description: 'The access token is not valid.' },
      reason,
    });
    const tokens = [token, `cobt_bm9ib2R5.${'A'.repeat(43)}`, 'x', undefined];
    for (const each of tokens) {
      const outcome = await registrationOutcome(service, 'POST', '/register', { token: each, body });
      expect(outcome).toEqual(refused('registration_token_refused'));
    }
  });

  it('takes nothing that the operator has said away, whatever the client says', async () => {
    const partner = await newcomer();
    const own = await makePartner(partner.id, 'RS256');
    await administer(service, 'POST', `/partners/${partner.id}/credentials`, {
      jwk: { ...own.publicJwk, kid: 'given' },
    });
    const wishes = { scope: 'write admin', trustLevel: 'full', enabled: false, grants: [], client_id: 'billing' };
    const { client_id } = await register(service, partner.id, metadataOf(partner, wishes));
    expect(client_id).toBe(partner.id);
    const { body } = await administer(service, 'GET', `/partners/${partner.id}`);
    expect(body).toMatchObject({
      trustLevel: 'application',
      enabled: true,
      grants: [{ scopes: ['read'] }],
      credentials: [{ kid: 'given', source: 'registered' }, { source: 'self-registered' }],
    });
  });
});

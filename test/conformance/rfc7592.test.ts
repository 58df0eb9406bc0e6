/** The client configuration endpoint (RFC 7592). The matrix in README.md names each test. */

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { certifiedKey } from '../support/client-metadata.ts';
import { tokenOutcome } from '../support/decisions.ts';
import { callRegistration, register } from '../support/registering.ts';
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
} from '../support/service.ts';

let service: Service;
let audience: string;
let partner: TestPartner;
let information: Record<string, unknown>;
let made = 0;

beforeAll(async () => {
  service = await startService();
  ({ audience } = await populate(service));
});
afterAll(() => service[Symbol.asyncDispose]());
beforeEach(async () => {
  made += 1;
  partner = await makePartner(`registered-${made}`);
  await mustCreate(service, '/partners', { id: partner.id });
  await mustCreate(service, '/grants', { client: partner.id, audience, scopes: ['read'] });
  information = await register(service, partner.id, { jwks: { keys: [partner.publicJwk] }, client_name: 'First' });
});

/** At the address, and with the token, that the registration was answered with. */
const configure = (method: string, body?: object, token = String(information.registration_access_token)) =>
  callRegistration(service, method, String(information.registration_client_uri), { token, body });
const getsToken = async (client: TestPartner): Promise<string> =>
  (await tokenOutcome(service, tokenForm(await assertionOf(client, service.issuer)))).reason;

const REFUSED = { error: 'invalid_token', error_description: 'The access token is not valid.' };

describe('RFC 7592 2: the client configuration endpoint', () => {
  it('is for whoever has the registration access token of that client, and tells nobody else whether there is one', async () => {
    const other = await makePartner(`other-${made}`);
    await mustCreate(service, '/partners', { id: other.id });
    const theirs = await register(service, other.id, { jwks: { keys: [other.publicJwk] } });
    const good = String(information.registration_access_token);
    const attempts = [
      [information.registration_client_uri, theirs.registration_access_token],
      [theirs.registration_client_uri, good],
      [`${service.issuer}/register/nobody`, good],
      [information.registration_client_uri, 'x'],
      [information.registration_client_uri, undefined],
    ];
    for (const [uri, token] of attempts) {
      for (const method of ['GET', 'PUT', 'DELETE']) {
        const call = token === undefined ? {} : { token: String(token) };
        const { status, headers, body } = await callRegistration(service, method, String(uri), call);
        expect([status, body, headers.get('www-authenticate')]).toEqual([401, REFUSED, 'Bearer error="invalid_token"']);
      }
    }
    expect((await configure('GET')).status).toBe(200);
  });
});

describe('RFC 7592 2.1: client read request', () => {
  it('answers what is registered, in JSON that nobody keeps', async () => {
    const { status, headers, body } = await configure('GET');
    expect([status, headers.get('content-type'), headers.get('cache-control')]).toEqual([
      200,
      'application/json',
      'no-store',
    ]);
    expect(body).toEqual(information);
  });
});

describe('RFC 7592 2.2: client update request', () => {
  it('replaces the keys that were registered, and not those of the operator', async () => {
    const given = await makePartner(partner.id);
    const path = `/partners/${partner.id}/credentials`;
    await administer(service, 'POST', path, { jwk: { ...given.publicJwk, kid: 'given' } });
    const next = await makePartner(partner.id);
    const keys = [{ ...next.publicJwk, kid: 'next' }];
    const { status, body } = await configure('PUT', { client_id: partner.id, jwks: { keys }, client_name: 'Second' });
    expect(status).toBe(200);
    expect(body).toEqual({ ...information, jwks: { keys }, client_name: 'Second' });
    expect((await administer(service, 'GET', `/partners/${partner.id}`)).body).toMatchObject({
      name: 'Second',
      credentials: [
        { kid: 'given', source: 'registered' },
        { kid: 'next', source: 'self-registered' },
      ],
    });
  });

  it('takes back what it has answered, also of keys that came with a certificate', async () => {
    const { jwk, x5tS256 } = await certifiedKey();
    const tls = { token_endpoint_auth_method: 'self_signed_tls_client_auth', jwks: { keys: [jwk] } };
    const { body: first } = await configure('PUT', { client_id: partner.id, ...tls });
    expect(first).toMatchObject({ jwks: { keys: [{ kid: 'tls', 'x5t#S256': x5tS256 }] } });
    const {
      registration_access_token: _token,
      registration_client_uri: _uri,
      client_id_issued_at: _issued,
      ...repeated
    } = first;
    const { status, body } = await configure('PUT', repeated);
    expect([status, body]).toEqual([200, first]);
  });

  it('has the client_id of the client, and nothing that only the server says', async () => {
    const good = { client_id: partner.id, jwks: information.jwks };
    const bodies = [
      { ...good, client_id: undefined },
      { ...good, client_id: 'billing' },
      { ...good, registration_access_token: information.registration_access_token },
      { ...good, registration_client_uri: information.registration_client_uri },
      { ...good, client_secret_expires_at: 0 },
      { ...good, client_id_issued_at: information.client_id_issued_at },
      { ...good, client_secret: 'x' },
      { ...good, redirect_uris: ['https://a.example'] },
    ];
    for (const body of bodies) expect((await configure('PUT', body)).status).toBe(400);
    expect((await configure('GET')).body).toEqual(information);
    expect((await configure('PUT', good)).status).toBe(200);
  });
});

describe('RFC 7592 2.3: client delete request', () => {
  it('is 204 without a body, ends the keys and the token, and leaves the partner to the operator', async () => {
    const { status, headers, body } = await configure('DELETE');
    expect([status, body, headers.get('cache-control')]).toEqual([204, {}, 'no-store']);
    for (const method of ['GET', 'PUT', 'DELETE']) expect((await configure(method)).status).toBe(401);
    const stored = (await administer(service, 'GET', `/partners/${partner.id}`)).body;
    expect(stored).toMatchObject({ enabled: true, credentials: [], registered: false, grants: [{ audience }] });
    expect(await getsToken(partner)).toBe('assertion_key_unknown');
  });
});

describe('RFC 7592 3: client information response', () => {
  it('has the token and the address in every answer, and both stay the same', async () => {
    const { registration_access_token, registration_client_uri } = information;
    const updated = await configure('PUT', { client_id: partner.id, jwks: information.jwks });
    const read = await configure('GET');
    for (const { body } of [updated, read]) {
      expect(body).toMatchObject({ registration_access_token, registration_client_uri });
    }
  });

  it('is of the realm in which the client is', async () => {
    expect(String(information.registration_client_uri)).toBe(`${service.issuer}/register/${partner.id}`);
    const elsewhere = String(information.registration_client_uri).replace('/register', '/realms/nowhere/register');
    const token = String(information.registration_access_token);
    expect((await callRegistration(service, 'GET', elsewhere, { token })).status).toBe(401);
  });
});

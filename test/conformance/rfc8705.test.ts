/**
 * Mutual-TLS Client Authentication and Certificate-Bound Access Tokens, with real handshakes on loopback. The matrix in README.md names
 * each test.
 */

import { decodeJwt } from 'jose';
import * as oauth from 'oauth4webapi';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { issue } from '../support/certificate-authority.ts';
import { decisionOn, notAuthenticated, notAuthorized, outcomeOf } from '../support/decisions.ts';
import {
  administer,
  assertionOf,
  callAdmin,
  type MutualTlsService,
  makePartner,
  mustCreate,
  postToken,
  startService,
  type TestPartner,
  type TokenResponse,
  tokenForm,
} from '../support/service.ts';
import { fetchAs, makeTlsClient, postTokenAs, type TlsClient } from '../support/tls-client.ts';

const SUBJECT = 'C=DE, O=Example, CN=billing';
const NAMES = [
  { type: 'dns', value: 'billing.example.com' },
  { type: 'url', value: 'spiffe://example.com/billing' },
  { type: 'ip', value: '2001:db8::7' },
  { type: 'email', value: 'billing@example.com' },
] as const;
const RESOURCE = 'https://ledger.example/api';

const authority = await issue({ name: 'Authority', authority: true, notBefore: 0 });
const billing = await makeTlsClient({ name: 'billing', subject: SUBJECT, alternatives: NAMES, issuer: authority });
const renewed = await makeTlsClient({ name: 'billing', subject: SUBJECT, alternatives: NAMES, issuer: authority });
const other = await makeTlsClient({ name: 'other', issuer: authority });
const [selfSigned, next] = await Promise.all([makeTlsClient({ name: 'kiosk' }), makeTlsClient({ name: 'kiosk' })]);
/** Past the door by itself, and with the name of somebody else in it. */
const impostor = await makeTlsClient({ name: 'billing', subject: SUBJECT, alternatives: NAMES });

let service: MutualTlsService;
let keyHolder: TestPartner;

const addClient = async (id: string, members: object): Promise<void> => {
  await mustCreate(service, '/partners', { id, ...members });
  await mustCreate(service, '/grants', { client: id, audience: RESOURCE, scopes: ['post'] });
};

beforeAll(async () => {
  const truststore = [authority, selfSigned, next, impostor].map(({ pem }) => pem).join('\n');
  service = await startService({ mutualTls: { truststore } });
  keyHolder = await makePartner('crm');
  const whoami = `${service.issuer}/whoami`;
  await mustCreate(service, '/partners', { id: 'ledger', tlsSubject: { sanDns: 'ledger.example' } });
  await mustCreate(service, '/audiences', { audience: RESOURCE, owner: 'ledger', scopes: ['post'] });
  const bound = { audience: whoami, owner: 'ledger', scopes: ['read'], tokenPolicy: { binding: 'mtls' } };
  await mustCreate(service, '/audiences', bound);
  await addClient('billing', { tlsSubject: { subjectDn: 'CN=billing,O=Example,C=DE' } });
  await addClient('kiosk', { credentials: [{ certificate: selfSigned.pem }, { certificate: next.pem }] });
  await addClient('crm', { jwks: { keys: [keyHolder.publicJwk] } });
  for (const client of ['billing', 'kiosk', 'crm']) {
    await mustCreate(service, '/grants', { client, audience: whoami, scopes: ['read'] });
  }
});
afterAll(() => service[Symbol.asyncDispose]());

const ask = (client: TlsClient, clientId: string, more: Readonly<Record<string, string>> = {}) =>
  postTokenAs(service, client, { client_id: clientId, resource: RESOURCE, ...more });
const outcome = async (answer: Promise<TokenResponse>) => outcomeOf(service, await answer);
const methodOf = async ({ headers }: TokenResponse): Promise<unknown> => {
  const { facts, refusal } = await decisionOn(service, headers.get('apigw-requestid'));
  return refusal?.reason ?? facts.method;
};
const claimsOf = ({ body }: TokenResponse) => decodeJwt(String(body.access_token));
const bindingOf = (answer: TokenResponse): unknown => claimsOf(answer).cnf;
const whoami = async (client: TlsClient | undefined, token: unknown) => {
  const authorization = `Bearer ${String(token)}`;
  const url = client === undefined ? service.deployment.url.origin : service.mutualTlsUrl;
  const answer = await fetchVia(client)(`${url}/whoami`, { headers: { authorization } });
  const body = (await answer.json()) as Record<string, unknown>;
  return outcomeOf(service, { status: answer.status, headers: answer.headers, body });
};
const fetchVia = (client: TlsClient | undefined): typeof fetch =>
  client === undefined ? fetch : fetchAs(service.serverCa, client);

describe('RFC 8705 2: mutual TLS for OAuth client authentication', () => {
  it('is by the certificate of the handshake and a client_id', async () => {
    const answer = await ask(billing, 'billing');
    expect([answer.status, claimsOf(answer).client_id]).toEqual([200, 'billing']);
  });

  it('does not go without the client_id', async () => {
    const without = postTokenAs(service, billing, { resource: RESOURCE });
    expect(await outcome(without)).toEqual(notAuthenticated('client_auth_missing'));
  });

  it('does not go without a handshake that asked for the certificate', async () => {
    const form = new URLSearchParams({ grant_type: 'client_credentials', client_id: 'billing', resource: RESOURCE });
    expect(await outcome(postToken(service, form))).toEqual(notAuthenticated('client_auth_missing'));
    await expect(fetchAs(service.serverCa)(`${service.mutualTlsUrl}/jwks`)).rejects.toThrow(
      /alert|ECONNRESET|hang up/i,
    );
  });

  it('is one method: with an assertion beside it the assertion decides', async () => {
    const assertion = await assertionOf(keyHolder, service.issuer);
    const both = await postTokenAs(service, billing, tokenForm(assertion, { resource: RESOURCE }));
    expect([both.status, claimsOf(both).client_id, await methodOf(both)]).toEqual([200, 'crm', 'private_key_jwt']);
    const form = tokenForm(await assertionOf(keyHolder, service.issuer), { client_id: 'billing', resource: RESOURCE });
    expect((await postTokenAs(service, billing, form)).status).toBe(401);
  });
});

describe('RFC 8705 2.1: PKI mutual-TLS method', () => {
  it('is tls_client_auth, with any certificate of the registered name from a trusted authority', async () => {
    for (const certificate of [billing, renewed]) {
      const answer = await ask(certificate, 'billing');
      expect([answer.status, await methodOf(answer)]).toEqual([200, 'tls_client_auth']);
    }
  });

  it('refuses a certificate with another name, and a client that has none', async () => {
    expect(await outcome(ask(other, 'billing'))).toEqual(notAuthenticated('certificate_unknown'));
    expect(await outcome(ask(billing, 'ledger'))).toEqual(notAuthenticated('certificate_unknown'));
    expect(await outcome(ask(billing, 'crm'))).toEqual(notAuthenticated('certificate_unknown'));
    expect(await outcome(ask(billing, 'nobody'))).toEqual(notAuthenticated('client_unknown'));
  });

  it('refuses a certificate of an authority that is not trusted, in the handshake', async () => {
    const rogue = await issue({ name: 'Authority', authority: true, notBefore: 0 });
    const forged = await makeTlsClient({ name: 'billing', subject: SUBJECT, issuer: rogue });
    await expect(ask(forged, 'billing')).rejects.toThrow(/alert|ECONNRESET|hang up/i);
  });
});

describe('RFC 8705 2.1.2: client registration metadata', () => {
  it.each([
    ['subjectDn', '2.5.4.3=Billing, o=example, C=de'],
    ['sanDns', 'Billing.example.com'],
    ['sanUri', 'spiffe://example.com/billing'],
    ['sanIp', '2001:0db8:0:0:0:0:0:7'],
    ['sanEmail', 'billing@example.com'],
  ])('knows the expected name as %s', async (member, name) => {
    const id = `by-${member}`;
    await addClient(id, { tlsSubject: { [member]: name } });
    expect(await methodOf(await ask(billing, id))).toBe('tls_client_auth');
    expect(await outcome(ask(other, id))).toEqual(notAuthenticated('certificate_unknown'));
  });

  it('is exactly one name', async () => {
    const several = { sanDns: 'billing.example.com', sanIp: '2001:db8::7' };
    for (const tlsSubject of [several, {}, { sanDns: '*.example.com' }, { subjectDn: 'billing' }]) {
      const { status } = await administer(service, 'POST', '/partners', { id: 'several', tlsSubject });
      expect(status).toBe(400);
    }
  });
});

describe('RFC 8705 2.2: self-signed certificate mutual-TLS method', () => {
  it('is self_signed_tls_client_auth, with each certificate that the client has registered', async () => {
    for (const certificate of [selfSigned, next]) {
      const answer = await ask(certificate, 'kiosk');
      expect([answer.status, await methodOf(answer)]).toEqual([200, 'self_signed_tls_client_auth']);
    }
  });

  it('refuses a certificate that this client has not registered', async () => {
    expect(await outcome(ask(impostor, 'kiosk'))).toEqual(notAuthenticated('certificate_unknown'));
    expect(await outcome(ask(selfSigned, 'crm'))).toEqual(notAuthenticated('certificate_unknown'));
  });

  it('refuses a certificate that was registered and taken back', async () => {
    await addClient('leaver', { credentials: [{ certificate: impostor.pem }, { certificate: next.pem }] });
    const { body } = await administer(service, 'GET', '/partners/leaver');
    const credentials = body.credentials as readonly { readonly kid: string; readonly 'x5t#S256'?: string }[];
    const [first] = credentials;
    const path = `/partners/leaver/credentials?kid=${first?.kid}`;
    expect((await administer(service, 'DELETE', path)).status).toBe(204);
    expect((await ask(next, 'leaver')).status).toBe(200);
    expect(await outcome(ask(impostor, 'leaver'))).toEqual(notAuthenticated('certificate_unknown'));
  });
});

describe('RFC 8705 3: certificate-bound access tokens', () => {
  const bound = (client: TlsClient, clientId: string) =>
    postTokenAs(service, client, { client_id: clientId, resource: `${service.issuer}/whoami` });

  it('have the SHA-256 of the certificate in cnf, and are bearer tokens (3.1)', async () => {
    for (const [certificate, id] of [
      [billing, 'billing'],
      [selfSigned, 'kiosk'],
    ] as const) {
      const answer = await bound(certificate, id);
      expect(answer).toMatchObject({ status: 200, body: { token_type: 'Bearer' } });
      expect(bindingOf(answer)).toEqual({ 'x5t#S256': certificate.x5tS256 });
    }
  });

  it('are there for clients with another authentication method, too', async () => {
    const form = tokenForm(await assertionOf(keyHolder, service.issuer), { resource: `${service.issuer}/whoami` });
    expect(bindingOf(await postTokenAs(service, other, form))).toEqual({ 'x5t#S256': other.x5tS256 });
  });

  it('work over connections with the same certificate', async () => {
    const { body } = await bound(billing, 'billing');
    expect(await whoami(billing, body.access_token)).toMatchObject({ status: 200, body: { client_id: 'billing' } });
  });

  it('do not work over connections with another one, or with none', async () => {
    const { body } = await bound(billing, 'billing');
    for (const client of [other, renewed, undefined]) {
      expect(await whoami(client, body.access_token)).toEqual(notAuthorized('token_binding'));
    }
  });

  it('are required by resources that ask for them (3.4)', async () => {
    const form = tokenForm(await assertionOf(keyHolder, service.issuer), { resource: `${service.issuer}/whoami` });
    const answer = await outcome(postToken(service, form));
    expect(answer).toMatchObject({ status: 400, body: { error: 'invalid_request' }, reason: 'binding_required' });
  });

  it('are not forced on others', async () => {
    expect(bindingOf(await ask(billing, 'billing'))).toBeUndefined();
  });
});

describe('RFC 8705 5: metadata for mutual-TLS endpoint aliases', () => {
  const discover = async (): Promise<oauth.AuthorizationServer> => {
    const issuer = new URL(service.issuer);
    const options = { algorithm: 'oauth2', [oauth.allowInsecureRequests]: true } as const;
    return oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, options));
  };

  it('names the token endpoint there, both methods, and bound tokens (3.3)', async () => {
    expect(await discover()).toMatchObject({
      token_endpoint: `${service.issuer}/token`,
      token_endpoint_auth_methods_supported: expect.arrayContaining(['tls_client_auth', 'self_signed_tls_client_auth']),
      tls_client_certificate_bound_access_tokens: true,
      mtls_endpoint_aliases: {
        token_endpoint: `${service.mutualTlsUrl}/token`,
        introspection_endpoint: `${service.mutualTlsUrl}/introspect`,
        revocation_endpoint: `${service.mutualTlsUrl}/revoke`,
      },
    });
  });

  it('names the one of each realm', async () => {
    expect((await callAdmin(service, 'POST', '/admin/realms', { name: 'contoso' })).status).toBe(201);
    const tlsSubject = { sanDns: 'billing.example.com' };
    await callAdmin(service, 'POST', '/admin/realms/contoso/partners', { id: 'accounts', tlsSubject });
    const document = await fetch(`${service.issuer}/.well-known/oauth-authorization-server/realms/contoso`);
    const { mtls_endpoint_aliases: aliases } = (await document.json()) as oauth.AuthorizationServer;
    const path = '/realms/contoso/token';
    expect(aliases).toMatchObject({ token_endpoint: `${service.mutualTlsUrl}${path}` });
    const asked = (id: string) =>
      outcome(postTokenAs(service, billing, { client_id: id, resource: RESOURCE }, { path }));
    expect((await asked('accounts')).reason).toBe('resource_unknown');
    expect(await asked('billing')).toEqual(notAuthenticated('client_unknown'));
  });

  it('leads a library to a token', async () => {
    for (const [client, clientId] of [
      [billing, 'billing'],
      [selfSigned, 'kiosk'],
    ] as const) {
      const server = await discover();
      const response = await oauth.clientCredentialsGrantRequest(
        server,
        { client_id: clientId, use_mtls_endpoint_aliases: true },
        oauth.TlsClientAuth(),
        new URLSearchParams({ resource: `${service.issuer}/whoami` }),
        { [oauth.customFetch]: fetchAs(service.serverCa, client), [oauth.allowInsecureRequests]: true },
      );
      const tokens = await oauth.processClientCredentialsResponse(server, { client_id: clientId }, response);
      expect(await whoami(client, tokens.access_token)).toMatchObject({ status: 200, body: { client_id: clientId } });
    }
  });
});

describe('RFC 8705 6 and 7: implementation and security considerations', () => {
  it('6.5: what ends the TLS connection says whose the certificate is, and no header does', async () => {
    const headers = { 'x-amzn-mtls-clientcert': encodeURIComponent(billing.pem), 'client-cert': `:${billing.base64}:` };
    const spoofed = postTokenAs(service, other, { client_id: 'billing', resource: RESOURCE }, { headers });
    expect(await outcome(spoofed)).toEqual(notAuthenticated('certificate_unknown'));
    const answer = await fetch(`${service.issuer}/token`, {
      method: 'POST',
      headers,
      body: new URLSearchParams({ grant_type: 'client_credentials', client_id: 'billing', resource: RESOURCE }),
    });
    const body = (await answer.json()) as Record<string, unknown>;
    const direct = outcomeOf(service, { status: answer.status, headers: answer.headers, body });
    expect(await direct).toEqual(notAuthenticated('client_auth_missing'));
  });

  it('7.4: a name that a self-signed certificate gives itself proves nothing', async () => {
    expect(await outcome(ask(impostor, 'billing'))).toEqual(notAuthenticated('certificate_unknown'));
    for (const member of ['sanDns', 'sanUri', 'sanIp', 'sanEmail']) {
      expect(await outcome(ask(impostor, `by-${member}`))).toEqual(notAuthenticated('certificate_unknown'));
    }
  });
});

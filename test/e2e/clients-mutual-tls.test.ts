/** Clients that others wrote, by the certificate of a real TLS handshake: they find the door for certificates in the metadata. */

import { decodeJwt } from 'jose';
import * as oauth from 'oauth4webapi';
import * as openid from 'openid-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DAY, issue } from '../support/certificate-authority.ts';
import { type MutualTlsService, mustCreate, startService } from '../support/service.ts';
import { fetchAs, makeTlsClient, type TlsClient } from '../support/tls-client.ts';

let service: MutualTlsService;
const clients = new Map<string, TlsClient>();

beforeAll(async () => {
  const span = { notBefore: 0, notAfter: Math.floor(Date.now() / 1_000) + 365 * DAY };
  const authority = await issue({ name: 'Authority of partners', authority: true, ...span });
  const issued = await makeTlsClient({ name: 'orders.example.com', issuer: authority, ...span });
  const alone = await makeTlsClient({ name: 'alone', ...span });
  clients.set('tls_client_auth', issued).set('self_signed_tls_client_auth', alone);
  service = await startService({ mutualTls: { truststore: `${authority.pem}\n${alone.pem}` } });
  const audience = `${service.issuer}/whoami`;
  await mustCreate(service, '/partners', { id: 'owner' });
  await mustCreate(service, '/audiences', { audience, owner: 'owner', scopes: ['read'] });
  const credentials = [{ certificate: alone.pem }];
  const tlsSubject = { subjectDn: 'CN=orders.example.com' };
  await mustCreate(service, '/partners', { id: 'tls_client_auth', tlsSubject });
  await mustCreate(service, '/partners', { id: 'self_signed_tls_client_auth', credentials });
  for (const client of clients.keys()) await mustCreate(service, '/grants', { client, audience, scopes: ['read'] });
});
afterAll(() => service[Symbol.asyncDispose]());

/** The metadata is public; only the door for certificates is shown one. */
const fetchWith =
  (client: string) =>
  (url: string, init: RequestInit): Promise<Response> =>
    url.startsWith(service.mutualTlsUrl) ? fetchAs(service.serverCa, clients.get(client))(url, init) : fetch(url, init);

describe.each(['tls_client_auth', 'self_signed_tls_client_auth'])('by %s', (client) => {
  it('openid-client gets a token', async () => {
    const config = await openid.discovery(
      new URL(service.issuer),
      client,
      { use_mtls_endpoint_aliases: true },
      openid.TlsClientAuth(),
      {
        algorithm: 'oauth2',
        execute: [openid.allowInsecureRequests],
        [openid.customFetch]: (url, init) => fetchWith(client)(url, init as RequestInit),
      },
    );
    const { access_token: token } = await openid.clientCredentialsGrant(config);
    expect(decodeJwt(token)).toMatchObject({ sub: client, client_id: client, iss: service.issuer });
  });

  it('oauth4webapi gets a token', async () => {
    const insecure = { [oauth.allowInsecureRequests]: true };
    const url = new URL(service.issuer);
    const found = await oauth.discoveryRequest(url, { ...insecure, algorithm: 'oauth2' });
    const server = await oauth.processDiscoveryResponse(url, found);
    const answer = await oauth.clientCredentialsGrantRequest(
      server,
      { client_id: client, use_mtls_endpoint_aliases: true },
      oauth.TlsClientAuth(),
      new URLSearchParams(),
      { ...insecure, [oauth.customFetch]: (address, init) => fetchWith(client)(address, init as RequestInit) },
    );
    const tokens = await oauth.processClientCredentialsResponse(server, { client_id: client }, answer);
    expect(decodeJwt(tokens.access_token)).toMatchObject({ sub: client, client_id: client });
  });
});

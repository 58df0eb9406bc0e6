/** Attacks at the door for certificates: names that nobody has vouched for, and certificates that did not come from the handshake. */

import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Issued, issue } from '../support/certificate-authority.ts';
import { exchangeForm, tokenOf } from '../support/delegation.ts';
import {
  assertionOf,
  type MutualTlsService,
  makePartner,
  mustCreate,
  postToken,
  startService,
  type TestPartner,
  tokenForm,
} from '../support/service.ts';
import { fetchAs, makeTlsClient, postTokenAs, type TlsClient } from '../support/tls-client.ts';

const LEDGER = 'https://ledger.example.com/api';

let service: MutualTlsService;
let authority: Issued;
let billing: TlsClient;
let mallory: TlsClient;
let selfSigned: TlsClient;
let crm: TestPartner;

beforeAll(async () => {
  authority = await issue({ name: 'Authority', authority: true, notBefore: 0 });
  billing = await makeTlsClient({ name: 'billing', issuer: authority });
  mallory = await makeTlsClient({ name: 'mallory', issuer: authority });
  selfSigned = await makeTlsClient({ name: 'billing' });
  service = await startService({ mutualTls: { truststore: `${authority.pem}\n${selfSigned.pem}` } });
  crm = await makePartner('crm');
  await mustCreate(service, '/partners', { id: 'billing', tlsSubject: { subjectDn: 'CN=billing' } });
  await mustCreate(service, '/partners', { id: 'mallory', tlsSubject: { subjectDn: 'CN=mallory' } });
  await mustCreate(service, '/partners', {
    id: 'crm',
    jwks: { keys: [crm.publicJwk] },
    tokenPolicy: { binding: 'mtls-optional' },
  });
  await mustCreate(service, '/audiences', { audience: LEDGER, owner: 'billing', scopes: ['read'] });
  await mustCreate(service, '/audiences', { audience: `${service.issuer}/whoami`, owner: 'billing', scopes: ['read'] });
  for (const client of ['billing', 'crm', 'mallory']) {
    await mustCreate(service, '/grants', { client, audience: LEDGER, scopes: ['read'] });
    await mustCreate(service, '/grants', { client, audience: `${service.issuer}/whoami`, scopes: ['read'] });
  }
});
afterAll(() => service[Symbol.asyncDispose]());

const asBilling = { client_id: 'billing', resource: LEDGER };

describe('a partner that is known by the name in its certificate', () => {
  it('is nobody else of the same authority, nor whoever has signed that name himself', async () => {
    expect((await postTokenAs(service, billing, asBilling)).status).toBe(200);
    expect((await postTokenAs(service, mallory, asBilling)).status).toBe(401);
    expect((await postTokenAs(service, selfSigned, asBilling)).status).toBe(401);
  });

  it.each(['x-amzn-mtls-clientcert', 'x-amzn-mtls-clientcert-leaf', 'x-client-cert', 'ssl-client-cert', 'client-cert'])(
    'is not whoever sends its certificate in the header %s',
    async (name) => {
      const headers = { [name]: encodeURIComponent(billing.pem) };
      const body = new URLSearchParams({ grant_type: 'client_credentials', ...asBilling });
      const answer = await fetch(new URL('/token', service.deployment.url), { method: 'POST', headers, body });
      expect(answer.status).toBe(401);
      expect((await postTokenAs(service, mallory, asBilling, { headers })).status).toBe(401);
    },
  );
});

describe('a token that is bound to a certificate', () => {
  const bound = async (resource: string): Promise<string> =>
    tokenOf(await postTokenAs(service, mallory, tokenForm(await assertionOf(crm, service.issuer), { resource })));

  it('is not set free by its own client, at either door', async () => {
    const token = await bound(LEDGER);
    expect(decodeJwt(token).cnf).toEqual({ 'x5t#S256': mallory.x5tS256 });
    const form = () => exchangeForm(crm, service.issuer, token, { resource: LEDGER });
    expect((await postToken(service, await form())).body.error).toBe('invalid_request');
    expect((await postTokenAs(service, billing, await form())).body.error).toBe('invalid_request');
    expect(decodeJwt(tokenOf(await postTokenAs(service, mallory, await form()))).cnf).toEqual(decodeJwt(token).cnf);
  });

  it('is no good at the door without certificates, nor with that of another', async () => {
    const headers = { authorization: `Bearer ${await bound(`${service.issuer}/whoami`)}` };
    const at = `${service.mutualTlsUrl}/whoami`;
    expect((await fetch(new URL('/whoami', service.deployment.url), { headers })).status).toBe(403);
    expect((await fetchAs(service.serverCa, billing)(at, { headers })).status).toBe(403);
    expect((await fetchAs(service.serverCa, mallory)(at, { headers })).status).toBe(200);
  });
});

/** Owners of resources who ask about tokens and end them without a key or secret of ours: by TLS certificate, by a workload's identity. */

import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { keyPair } from '../support/builders.ts';
import { DAY, issue } from '../support/certificate-authority.ts';
import { decisionOn } from '../support/decisions.ts';
import { freshProof } from '../support/dpop.ts';
import { identityToken, trustIssuer } from '../support/federation.ts';
import {
  getToken,
  type MutualTlsService,
  makePartner,
  mustCreate,
  startService,
  type TestPartner,
} from '../support/service.ts';
import { fetchAs, makeTlsClient, type TlsClient } from '../support/tls-client.ts';
import { postState, type StateAnswer } from '../support/token-state.ts';
import { type Workload, workloads } from '../support/workload-tokens.ts';

const CERTIFICATES = ['tls_client_auth', 'self_signed_tls_client_auth'] as const;
const WORKLOAD = 'workload';
const audienceOf = (owner: string): string => `https://${owner.replaceAll('_', '-')}.example`;

let service: MutualTlsService;
let platform: TestPartner;
let client: TestPartner;
const certificates = new Map<string, TlsClient>();
const dpop = await keyPair('ES256', 'dpop');

const github = (): Workload => workloads(service.issuer, Math.floor(Date.now() / 1_000))['GitHub Actions'];

beforeAll(async () => {
  const span = { notBefore: 0, notAfter: Math.floor(Date.now() / 1_000) + 365 * DAY };
  const authority = await issue({ name: 'Authority of partners', authority: true, ...span });
  const issued = await makeTlsClient({ name: 'orders.example.com', issuer: authority, ...span });
  const alone = await makeTlsClient({ name: 'alone', ...span });
  const stranger = await makeTlsClient({ name: 'stranger.example.com', issuer: authority, ...span });
  certificates.set('tls_client_auth', issued).set('self_signed_tls_client_auth', alone).set('stranger', stranger);
  service = await startService({ mutualTls: { truststore: `${authority.pem}\n${alone.pem}` } });
  client = await makePartner('crm');
  await mustCreate(service, '/partners', { id: client.id, jwks: { keys: [client.publicJwk] } });
  platform = await trustIssuer(service, 'github', github());
  for (const [id, ways] of Object.entries({
    tls_client_auth: { tlsSubject: { subjectDn: 'CN=orders.example.com' } },
    self_signed_tls_client_auth: { credentials: [{ certificate: alone.pem }] },
    [WORKLOAD]: { federation: [github().federation] },
  })) {
    await mustCreate(service, '/partners', { id, ...ways });
    await mustCreate(service, '/audiences', { audience: audienceOf(id), owner: id, scopes: ['read'] });
    await mustCreate(service, '/grants', { client: client.id, audience: audienceOf(id), scopes: ['read'] });
  }
}, 120_000);
afterAll(() => service[Symbol.asyncDispose]());

const tokenFor = (owner: string): Promise<string> =>
  getToken(service, { client, owner: client, audience: audienceOf(owner) });

/** What was answered: `true` or `false` for an active or inactive token, otherwise the status and the reason that the log has for it. */
const told = async ({ status, headers, text }: StateAnswer): Promise<unknown> => {
  const { facts, refusal } = await decisionOn(service, headers.get('apigw-requestid'));
  if (status !== 200) return [status, refusal?.reason];
  return text === '' ? facts.tokenState : (JSON.parse(text) as { readonly active: unknown }).active;
};

describe.each(CERTIFICATES)('an owner by %s', (owner) => {
  const ask = async (path: string, token: string, certificate: string = owner, id: string = owner) => {
    const answer = await fetchAs(service.serverCa, certificates.get(certificate))(`${service.mutualTlsUrl}/${path}`, {
      method: 'POST',
      body: new URLSearchParams({ client_id: id, token }),
    });
    return { status: answer.status, headers: answer.headers, text: await answer.text() };
  };

  it('asks about a token at the door for certificates, ends it, and is told that it has ended', async () => {
    const token = await tokenFor(owner);
    const active = await ask('introspect', token);
    expect([await told(active), JSON.parse(active.text).jti]).toEqual([true, decodeJwt(token).jti]);
    expect((await decisionOn(service, active.headers.get('apigw-requestid'))).facts.method).toBe(owner);
    expect(await told(await ask('revoke', token))).toBe('revoked');
    expect(await told(await ask('introspect', token))).toBe(false);
  });

  it('is nobody with the certificate of another, and nothing has ended by that', async () => {
    const token = await tokenFor(owner);
    for (const path of ['revoke', 'introspect'])
      expect(await told(await ask(path, token, 'stranger'))).toEqual([401, 'certificate_unknown']);
    expect(await told(await ask('introspect', token))).toBe(true);
  });

  it('learns and ends nothing of the other owner', async () => {
    const other = CERTIFICATES.find((each) => each !== owner) ?? '';
    const token = await tokenFor(other);
    expect([await told(await ask('introspect', token)), await told(await ask('revoke', token))]).toEqual([
      ...[false, 'unchanged'],
    ]);
    expect(await told(await ask('introspect', token, other, other))).toBe(true);
  });

  it('is nobody without a certificate, at either door', async () => {
    const token = await tokenFor(owner);
    const form = { client_id: owner, token };
    for (const path of ['introspect', 'revoke'])
      expect(await told(await postState(service, { path, form }))).toEqual([401, 'client_auth_missing']);
    // The door for certificates does not open: there is no answer at all.
    await expect(
      fetchAs(service.serverCa)(`${service.mutualTlsUrl}/introspect`, {
        method: 'POST',
        body: new URLSearchParams(form),
      }),
    ).rejects.toThrow();
  });
});

const form = (identity: string, token: string) => ({
  client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
  ...{ client_assertion: identity, client_id: WORKLOAD, token },
});
const identity = (claims: object = {}): Promise<string> => identityToken(platform, github(), { claims });

describe('an owner by the identity of its workload', () => {
  it('asks about a token, ends it, and shows a new identity each time', async () => {
    const token = await tokenFor(WORKLOAD);
    const first = await identity();
    expect(await told(await postState(service, { path: 'introspect', form: form(first, token) }))).toBe(true);
    for (const path of ['introspect', 'revoke'])
      expect(await told(await postState(service, { path, form: form(first, token) }))).toEqual([
        ...[401, 'assertion_replayed'],
      ]);
    const ended = await postState(service, { path: 'revoke', form: form(await identity(), token) });
    expect([await told(ended), (await decisionOn(service, ended.headers.get('apigw-requestid'))).facts.method]).toEqual(
      [...['revoked', 'federated']],
    );
    expect(await told(await postState(service, { path: 'introspect', form: form(await identity(), token) }))).toBe(
      false,
    );
  });

  it('is nobody with the identity of another workload of the same issuer', async () => {
    const token = await tokenFor(WORKLOAD);
    const other = await identity({ sub: 'repo:other/app:ref:refs/heads/main', repository: 'other/app' });
    for (const path of ['introspect', 'revoke'])
      expect(await told(await postState(service, { path, form: form(other, token) }))).toEqual([
        ...[401, 'federation_claims'],
      ]);
  });
});

describe('an owner by an identity that is bound to a DPoP key', () => {
  const bound = (): Promise<string> => identity({ cnf: { jkt: dpop.thumbprint } });
  const send = async (path: string, token: string, proof?: string): Promise<StateAnswer> =>
    postState(service, {
      path,
      form: form(await bound(), token),
      headers: proof === undefined ? {} : { dpop: proof },
    });
  const proof = (path: string, claims: object = {}): string =>
    freshProof(dpop, { htm: 'POST', htu: `${service.issuer}/${path}`, ...claims });

  it('needs a proof for the very endpoint, with the nonce that it is told, once', async () => {
    const token = await tokenFor(WORKLOAD);
    expect(await told(await send('introspect', token))).toEqual([400, 'binding_required']);
    const asked = await send('introspect', token, proof('introspect'));
    const nonce = asked.headers.get('dpop-nonce');
    expect([await told(asked), JSON.parse(asked.text).error, nonce]).toEqual([
      ...[[400, 'dpop_nonce'], 'use_dpop_nonce', expect.any(String)],
    ]);
    const good = proof('introspect', { nonce });
    const answered = await send('introspect', token, good);
    expect([await told(answered), answered.headers.get('dpop-nonce')]).toEqual([true, nonce]);
    expect(await told(await send('introspect', token, good))).toEqual([400, 'dpop_replayed']);
    for (const path of ['introspect', 'token'])
      expect(await told(await send('revoke', token, proof(path, { nonce })))).toEqual([400, 'dpop_url']);
    const ended = await send('revoke', token, proof('revoke', { nonce }));
    expect([await told(ended), ended.headers.get('dpop-nonce')]).toEqual(['revoked', nonce]);
    expect(await told(await send('introspect', token, proof('introspect', { nonce })))).toBe(false);
  });
});

/**
 * Attacks on the actor tokens that we sign for Exchange, SharePoint and Skype for Business: clients that want to be users, other clients, or
 * somebody at another server, over HTTP.
 */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decisionOn } from '../support/decisions.ts';
import {
  assertionOf,
  callAdmin,
  makePartner,
  type Service,
  startService,
  type TestPartner,
  tokenForm,
} from '../support/service.ts';

const APPLICATION = '9d3cba71-5f0e-4b8c-9a1f-2f6de15b7c34';
const EXCHANGE = '00000002-0000-0ff1-ce00-000000000000@contoso.example';
const MAIL = 'https://mail.contoso.example';
const [GONE, NAMELESS] = ['https://gone.contoso.example', 'https://nameless.contoso.example'];
const IDP = 'https://idp.example';
const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
const EXCHANGE_GRANT = 'urn:ietf:params:oauth:grant-type:token-exchange';
const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';

let service: Service;
let issuer: string;
let api: string;
/** May speak of users, and has delegation; may speak of users only; asks for itself only. */
let trusted: TestPartner;
let plain: TestPartner;
let own: TestPartner;
let idp: TestPartner;
/** Whose tokens are bound, says an operator. */
let bound: TestPartner;

const admin = async (method: string, path: string, body?: object) => {
  const answer = await callAdmin(service, method, `/admin/realms/out${path}`, body);
  if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
  return answer.body;
};

beforeAll(async () => {
  service = await startService();
  issuer = `${service.issuer}/realms/out`;
  api = `${issuer}/api`;
  const microsoft = { applicationId: APPLICATION, realms: ['sts.example'] };
  await callAdmin(service, 'POST', '/admin/realms', { name: 'out', policy: { algorithms: ['RS256'], microsoft } });
  await admin('POST', '/keys', { algorithm: 'RS256' });
  [trusted, plain, own, idp, bound] = await Promise.all([
    makePartner('trusted'),
    makePartner('plain'),
    makePartner('own'),
    makePartner('idp'),
    makePartner('bound'),
  ]);
  const jwks = ({ publicJwk }: TestPartner) => ({ keys: [publicJwk] });
  await admin('POST', '/partners', { id: 'exchange', issuer: EXCHANGE, microsoft: {} });
  await admin('POST', '/partners', {
    ...{ id: 'trusted', trustLevel: 'full', microsoft: { delegation: true }, jwks: jwks(trusted) },
  });
  await admin('POST', '/partners', { id: 'plain', trustLevel: 'full', microsoft: {}, jwks: jwks(plain) });
  await admin('POST', '/partners', { id: 'own', microsoft: { delegation: true }, jwks: jwks(own) });
  await admin('POST', '/partners', {
    ...{ id: 'idp', issuer: IDP, trustedIssuer: true, trustLevel: 'user', jwks: jwks(idp) },
  });
  const tokenPolicy = { profile: 'microsoft-s2s' };
  await admin('POST', '/audiences', { audience: MAIL, owner: 'exchange', scopes: ['ews'], tokenPolicy });
  await admin('POST', '/audiences', { audience: api, owner: 'trusted', scopes: ['read'] });
  await admin('POST', '/partners', { id: 'bound', tokenPolicy: { binding: 'dpop' }, jwks: jwks(bound) });
  await admin('POST', '/partners', { id: 'gone', issuer: EXCHANGE.replace('@', '@gone.'), microsoft: {} });
  await admin('POST', '/audiences', { audience: GONE, owner: 'gone', scopes: ['ews'], tokenPolicy });
  await admin('POST', '/audiences', { audience: NAMELESS, owner: 'own', scopes: ['ews'], tokenPolicy });
  for (const audience of [GONE, NAMELESS])
    await admin('POST', '/grants', { client: 'plain', audience, scopes: ['ews'] });
  await admin('POST', '/grants', { client: 'bound', audience: MAIL, scopes: ['ews'] });
  const { version } = await admin('GET', '/partners/gone');
  await admin('PATCH', '/partners/gone', { version, enabled: false });
  for (const client of ['trusted', 'plain', 'own']) {
    await admin('POST', '/grants', { client, audience: MAIL, scopes: ['ews'] });
    await admin('POST', '/grants', { client, audience: api, scopes: ['read'] });
  }
  await admin('PUT', '/users/kim', { upn: 'kim@contoso.example' });
}, 120_000);
afterAll(() => service[Symbol.asyncDispose]());

interface Answer {
  readonly reason: string;
  readonly token: string;
}

const post = async (form: URLSearchParams): Promise<Answer> => {
  const answer = await fetch(`${service.deployment.url.origin}/realms/out/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: form.toString(),
  });
  const body = (await answer.json()) as { access_token?: string };
  const { decision, refusal } = await decisionOn(service, answer.headers.get('apigw-requestid'));
  const inner = (refusal?.because ?? refusal) as { readonly reason: string } | undefined;
  return { reason: inner?.reason ?? decision, token: body.access_token ?? '' };
};

const ask = async (client: TestPartner, more: Readonly<Record<string, string>>): Promise<Answer> =>
  post(tokenForm(await assertionOf(client, issuer), { resource: MAIL, ...more }));

const aboutUser = async (client: TestPartner, sub: string, resource: string, maker = client, iss = client.id) => {
  const assertion = await assertionOf(maker, issuer, { claims: { iss, sub } });
  return ask(client, { grant_type: JWT_BEARER, assertion, resource });
};

const claimsOf = (token: string): Record<string, unknown> =>
  JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());

describe('a client without delegation', () => {
  it('has a token about itself, by which it can be nobody else', async () => {
    const { token } = await ask(plain, {});
    expect(claimsOf(token)).not.toHaveProperty('trustedfordelegation');
    expect(claimsOf(token)).toMatchObject({
      aud: EXCHANGE.replace('@', '/mail.contoso.example@'),
      nameid: `${APPLICATION}@sts.example`,
    });
  });

  it('has none for users: by asking, by an assertion, by exchange, or because its trust level is too low', async () => {
    expect((await ask(plain, { trusted_for_delegation: 'true' })).reason).toBe('delegation_not_granted');
    expect((await aboutUser(plain, 'kim', MAIL)).reason).toBe('delegation_not_granted');
    const { token } = await aboutUser(plain, 'kim', api);
    const form = { grant_type: EXCHANGE_GRANT, subject_token: token, subject_token_type: ACCESS_TOKEN };
    expect((await ask(plain, form)).reason).toBe('subject_not_shared');
    expect((await ask(own, { trusted_for_delegation: 'true' })).reason).toBe('delegation_not_granted');
    expect((await aboutUser(own, 'kim', MAIL)).reason).toBe('trust_level_insufficient');
  });

  it.each(['TRUE', '1', 'false', 'yes', ''])('has none by saying trusted_for_delegation=%s', async (text) => {
    const { token } = await ask(trusted, { trusted_for_delegation: text });
    const claims = token === '' ? {} : claimsOf(token);
    expect(claims).not.toHaveProperty('trustedfordelegation');
  });
});

describe('a client with delegation', () => {
  it('speaks of users whom it, or a client that has called it, knows', async () => {
    expect(claimsOf((await aboutUser(trusted, 'kim', MAIL)).token)).toMatchObject({ nameid: 'kim@contoso.example' });
    const { token } = await aboutUser(plain, 'kim', api);
    const form = { grant_type: EXCHANGE_GRANT, subject_token: token, subject_token_type: ACCESS_TOKEN };
    expect(claimsOf((await ask(trusted, form)).token)).toMatchObject({ nameid: 'kim@contoso.example' });
  });

  it('does not take the user of another issuer for the one that is registered by that name', async () => {
    expect((await aboutUser(trusted, 'kim', MAIL, idp, IDP)).reason).toBe('token_profile_unsupported');
    const { token } = await aboutUser(trusted, 'kim', api, idp, IDP);
    expect(claimsOf(token)).toMatchObject({ sub: 'kim', sub_id: { iss: IDP } });
    const form = { grant_type: EXCHANGE_GRANT, subject_token: token, subject_token_type: ACCESS_TOKEN };
    expect((await ask(trusted, form)).reason).toBe('token_profile_unsupported');
  });

  it('speaks of no user that is not registered, and of no other application', async () => {
    expect((await aboutUser(trusted, 'eve@contoso.example', MAIL)).reason).toBe('token_profile_unsupported');
    expect((await aboutUser(trusted, 'plain', MAIL)).reason).toBe('subject_is_partner');
    const { token } = await ask(plain, { resource: api });
    const form = { grant_type: EXCHANGE_GRANT, subject_token: token, subject_token_type: ACCESS_TOKEN };
    expect((await ask(trusted, form)).reason).toBe('token_profile_unsupported');
  });
});

describe('a token for an old server', () => {
  it.each([
    ['the application of another', `${APPLICATION}/mail.contoso.example@contoso.example`],
    ['another realm', EXCHANGE.replace('@contoso', '/mail.contoso.example@fabrikam')],
    ['another host', EXCHANGE.replace('@', '/owa.contoso.example@')],
  ])('is not to be had by the name of %s', async (_what, resource) => {
    expect((await ask(plain, { resource })).token).toBe('');
  });

  it('is nothing here, as whatever it is shown', async () => {
    const { token } = await ask(plain, {});
    const exchange = { grant_type: EXCHANGE_GRANT, subject_token: token };
    for (const form of [
      new URLSearchParams({ grant_type: JWT_BEARER, assertion: token, resource: api }),
      tokenForm(await assertionOf(trusted, issuer), { ...exchange, subject_token_type: ACCESS_TOKEN, resource: api }),
    ])
      expect((await post(form)).token).toBe('');
  });

  it('is none for a client whose tokens have to be bound', async () => {
    expect((await ask(bound, {})).reason).toBe('token_profile_unsupported');
  });

  it('is none for a server that is disabled, or has no name in the profile', async () => {
    expect((await ask(plain, { resource: GONE })).reason).toBe('resource_disabled');
    expect((await ask(plain, { resource: NAMELESS })).reason).toBe('token_profile_unsupported');
  });
});

/** Attacks on the ways to a token: what was made for one purpose, client or realm, used for another. */

import { randomUUID } from 'node:crypto';
import { SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { keyPair } from '../support/builders.ts';
import { allowSecrets, makeSecret } from '../support/client-secret.ts';
import { tokenOutcome, whoamiOutcome } from '../support/decisions.ts';
import { exchangeForm, grantForm, JWT, requireToken, statementOf } from '../support/delegation.ts';
import { tokenProof } from '../support/dpop-service.ts';
import { callRegistration, openOnboarding, register } from '../support/registering.ts';
import {
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

const LEDGER = 'https://ledger.example.com/api';

let service: Service;
let world: World;
let portal: TestPartner;
let thief: TestPartner;
let labIssuer: string;

beforeAll(async () => {
  service = await startService();
  world = await populate(service);
  [portal, thief] = await Promise.all([makePartner('portal'), makePartner('thief')]);
  for (const { id, publicJwk } of [portal, thief]) {
    await mustCreate(service, '/partners', { id, trustLevel: 'full', jwks: { keys: [publicJwk] } });
  }
  await mustCreate(service, '/audiences', { audience: LEDGER, owner: 'portal', scopes: ['read'] });
  for (const client of ['portal', 'thief', 'crm']) {
    await mustCreate(service, '/grants', { client, audience: LEDGER, scopes: ['read'] });
  }
  await mustCreate(service, '/grants', { client: 'thief', audience: world.audience, scopes: ['read'] });
  labIssuer = `${service.issuer}/realms/lab`;
  expect((await callAdmin(service, 'POST', '/admin/realms', { name: 'lab', aliases: ['lab-alias'] })).status).toBe(201);
  const lab = '/admin/realms/lab';
  for (const { id, publicJwk } of [world.client, portal]) {
    await callAdmin(service, 'POST', `${lab}/partners`, { id, trustLevel: 'full', jwks: { keys: [publicJwk] } });
  }
  await callAdmin(service, 'POST', `${lab}/audiences`, { audience: LEDGER, owner: 'portal', scopes: ['read'] });
  for (const client of ['crm', 'portal']) {
    await callAdmin(service, 'POST', `${lab}/grants`, { client, audience: LEDGER, scopes: ['read'] });
  }
});
afterAll(() => service[Symbol.asyncDispose]());

const postTo = async (path: string, form: URLSearchParams) => {
  const answer = await fetch(new URL(path, service.deployment.url), { method: 'POST', body: form });
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
};

/** Lab keys come on first use of the rotation; until then its token endpoint has none. */
const asAssertion = (jws: string) => tokenForm(jws, { client_id: 'crm', resource: LEDGER });

describe('what was made for another purpose is no proof of a client and no grant', () => {
  const others: readonly (readonly [string, () => Promise<string>])[] = [
    ['an access token of ours', () => getToken(service, world)],
    ['the list of revoked keys', async () => (await fetch(`${service.issuer}/revoked-keys`)).text()],
    ['a DPoP proof', async () => tokenProof(service, await keyPair('ES256'), assertionClaims('crm'))],
    ['an onboarding token', () => openOnboarding(service, 'crm')],
    [
      'a logout token by the key of the client',
      () =>
        new SignJWT(assertionClaims('crm'))
          .setProtectedHeader({ alg: 'ES256', kid: 'crm-key', typ: 'logout+jwt' })
          .sign(world.client.privateKey),
    ],
  ];
  const assertionClaims = (id: string) => {
    const iat = Math.floor(Date.now() / 1_000);
    return { iss: id, sub: id, aud: service.issuer, jti: randomUUID(), iat, exp: iat + 60 };
  };

  it.each(others)('%s', async (_name, make) => {
    const jws = await make();
    expect((await tokenOutcome(service, asAssertion(jws))).status).toBe(401);
    expect((await tokenOutcome(service, grantForm(jws, { resource: LEDGER }))).status).toBe(400);
    expect((await tokenOutcome(service, grantForm(jws, { resource: LEDGER, client_id: 'crm' }))).status).toBe(400);
  });

  it.each(others.slice(1))('nor is it a token to hand in: %s', async (_name, make) => {
    for (const type of [JWT, 'urn:ietf:params:oauth:token-type:access_token']) {
      const form = await exchangeForm(portal, service.issuer, await make(), {
        subject_token_type: type,
        resource: LEDGER,
      });
      expect((await tokenOutcome(service, form)).status).toBe(400);
    }
  });

  it('a client assertion that was used is no grant any more, and the other way round', async () => {
    const first = await assertionOf(world.client, service.issuer);
    expect((await tokenOutcome(service, tokenForm(first, { resource: LEDGER }))).status).toBe(200);
    expect((await tokenOutcome(service, grantForm(first, { resource: LEDGER }))).status).toBe(400);
    const second = await assertionOf(world.client, service.issuer);
    expect((await tokenOutcome(service, grantForm(second, { resource: LEDGER }))).status).toBe(200);
    expect((await tokenOutcome(service, tokenForm(second, { resource: LEDGER }))).status).toBe(401);
  });
});

describe('a token that somebody else has got hold of', () => {
  it('cannot be traded in, nor used as the token of an actor', async () => {
    const stolen = await getToken(service, world);
    const form = await exchangeForm(thief, service.issuer, stolen, { resource: LEDGER });
    expect((await tokenOutcome(service, form)).reason).toBe('subject_not_shared');
    const own = await requireToken(service, tokenForm(await assertionOf(thief, service.issuer), { resource: LEDGER }));
    const acting = await exchangeForm(thief, service.issuer, own, {
      actor_token: stolen,
      actor_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      resource: LEDGER,
    });
    expect((await tokenOutcome(service, acting)).reason).toBe('actor_token_refused');
  });

  it('keeps saying who alone may act', async () => {
    const statement = await statementOf(thief, service.issuer, 'alice', { may_act: { sub: 'thief' } });
    const bound = await requireToken(service, grantForm(statement, { resource: LEDGER }));
    const again = await requireToken(service, exchangeForm(thief, service.issuer, bound, { resource: LEDGER }));
    const form = await exchangeForm(portal, service.issuer, again, { resource: LEDGER });
    expect((await tokenOutcome(service, form)).reason).toBe('may_act_excludes');
  });
});

describe('another realm', () => {
  it('takes neither assertions nor tokens of this one, by its name or an alias', async () => {
    const token = await requireToken(
      service,
      tokenForm(await assertionOf(world.client, service.issuer), { resource: LEDGER }),
    );
    for (const path of ['/realms/lab/token', '/realms/lab-alias/token']) {
      const here = tokenForm(await assertionOf(world.client, service.issuer), { resource: LEDGER });
      expect((await postTo(path, here)).status).toBe(401);
      const form = await exchangeForm(portal, labIssuer, token, { subject_token_type: JWT, resource: LEDGER });
      expect((await postTo(path, form)).body.error).toBe('invalid_request');
    }
  });

  it('takes no secret of this one', async () => {
    await allowSecrets(service, true);
    await allowSecrets(service, true, 'lab');
    const { secret } = await makeSecret(service, 'crm');
    const form = new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: 'crm',
      client_secret: secret,
      resource: LEDGER,
    });
    expect((await postTo('/realms/lab/token', form)).status).toBe(401);
  });

  it('takes no registration token of this one', async () => {
    const token = await openOnboarding(service, 'crm');
    const body = { jwks: { keys: [thief.publicJwk] } };
    expect((await callRegistration(service, 'POST', '/realms/lab/register', { token, body })).status).toBe(401);
  });
});

describe('a registration access token', () => {
  it('is neither an onboarding token, nor good for another client, nor at the resource', async () => {
    const { publicJwk } = await makePartner('own');
    const { registration_access_token } = await register(service, 'crm', { jwks: { keys: [publicJwk] } });
    const token = String(registration_access_token);
    const body = { jwks: { keys: [publicJwk] } };
    expect((await callRegistration(service, 'POST', '/register', { token, body })).status).toBe(401);
    expect((await callRegistration(service, 'GET', '/register/portal', { token })).status).toBe(401);
    expect((await whoamiOutcome(service, `Bearer ${token}`)).status).toBe(403);
  });
});

/** Attacks on the ways to a token that an independent review has found: what others hold, detours, words in the wrong place. */

import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeJwt, SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { synthesizeApp } from '../support/assembly.ts';
import { keyPair } from '../support/builders.ts';
import { allowSecrets, basic, makeSecret } from '../support/client-secret.ts';
import { tokenOutcome, whoamiOutcome } from '../support/decisions.ts';
import { exchangeForm, grantForm, JWT, requireToken, statementOf } from '../support/delegation.ts';
import { tokenProof } from '../support/dpop-service.ts';
import { callRegistration } from '../support/registering.ts';
import {
  administer,
  assertionOf,
  callAdmin,
  changePartner,
  makePartner,
  mustCreate,
  populate,
  postToken,
  type Service,
  startService,
  type TestPartner,
  tokenForm,
  type World,
} from '../support/service.ts';

const IDP = 'https://idp.example.com';
const LEDGER = 'https://ledger.example.com/api';

let service: Service;
let world: World;
let idp: TestPartner;
let portal: TestPartner;

beforeAll(async () => {
  service = await startService();
  world = await populate(service);
  idp = await makePartner('idp');
  portal = await makePartner('portal');
  await mustCreate(service, '/partners', {
    id: 'idp',
    issuer: IDP,
    trustedIssuer: true,
    trustLevel: 'user',
    jwks: { keys: [idp.publicJwk] },
  });
  await mustCreate(service, '/partners', { id: 'portal', trustLevel: 'full', jwks: { keys: [portal.publicJwk] } });
  await mustCreate(service, '/audiences', { audience: LEDGER, owner: 'portal', scopes: ['read', 'post'] });
  for (const client of ['idp', 'portal', 'crm']) {
    await mustCreate(service, '/grants', { client, audience: LEDGER, scopes: ['read', 'post'] });
  }
  await mustCreate(service, '/grants', { client: 'portal', audience: world.audience, scopes: ['read', 'write'] });
  await mustCreate(service, '/grants', { client: 'idp', audience: world.audience, scopes: ['read'] });
});
afterAll(() => service[Symbol.asyncDispose]());

const now = () => Math.floor(Date.now() / 1_000);

/** What an identity provider gives any of its users for a service that they name, as GitHub and STS do. */
const idToken = (claims: object = {}, header: object = {}): Promise<string> =>
  new SignJWT({
    iss: IDP,
    sub: 'mallory',
    aud: service.issuer,
    jti: randomUUID(),
    iat: now(),
    exp: now() + 60,
    ...claims,
  })
    .setProtectedHeader({ alg: idp.alg, kid: 'idp-key', typ: 'JWT', ...header })
    .sign(idp.privateKey);

describe('a token that a trusted issuer makes for others', () => {
  it('does not make whoever holds it the issuer itself, as a client', async () => {
    const { status } = await tokenOutcome(service, grantForm(await idToken(), { resource: LEDGER }));
    expect(status).toBe(400);
  });

  it("is used once, be it as the issuer's own word or as that of another", async () => {
    const jws = await idToken();
    const bearer = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
    const own = tokenForm(await assertionOf(idp, service.issuer), {
      grant_type: bearer,
      assertion: jws,
      resource: LEDGER,
    });
    expect((await tokenOutcome(service, own)).reason).toBe('granted');
    const form = tokenForm(await assertionOf(portal, service.issuer), {
      grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
      assertion: jws,
      resource: LEDGER,
    });
    expect((await tokenOutcome(service, form)).reason).toBe('grant_assertion_refused: assertion_replayed');
  });

  it('that is bound to a key is of no use to whoever does not show that key', async () => {
    const jws = await idToken({ cnf: { jkt: 'A'.repeat(43) } }, { typ: 'at+jwt' });
    const form = await exchangeForm(portal, service.issuer, jws, { subject_token_type: JWT, resource: LEDGER });
    expect((await tokenOutcome(service, form)).status).toBe(400);
  });

  it('about somebody with a long name does not become a token that nobody takes', async () => {
    const jws = await idToken({ sub: `u-${'x'.repeat(300)}` });
    const form = tokenForm(await assertionOf(portal, service.issuer), {
      grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
      assertion: jws,
      resource: world.audience,
    });
    const { status, body } = await postToken(service, form);
    if (status === 200) {
      expect((await whoamiOutcome(service, `Bearer ${body.access_token}`)).reason).toBe('granted');
    }
  });
});

describe('a trusted issuer that is opened to its own people', () => {
  it('gets no key registered that vouches for other partners', async () => {
    const issuer = 'https://opened.example.com';
    await mustCreate(service, '/partners', { id: 'opened', issuer, trustedIssuer: true });
    await mustCreate(service, '/partners', {
      id: 'workload',
      federation: [{ issuer, claims: { sub: { exact: 'workload' } } }],
    });
    await mustCreate(service, '/grants', { client: 'workload', audience: LEDGER, scopes: ['read'] });
    const { privateKey, publicJwk } = await makePartner('new');
    const opened = await administer(service, 'POST', '/partners/opened/onboarding', {});
    const body = { jwks: { keys: [publicJwk] } };
    await callRegistration(service, 'POST', '/register', { token: String(opened.body.token), body });
    const claims = {
      iss: issuer,
      sub: 'workload',
      aud: service.issuer,
      jti: randomUUID(),
      iat: now(),
      exp: now() + 60,
    };
    const jws = await new SignJWT(claims).setProtectedHeader({ alg: 'ES256', kid: 'new-key' }).sign(privateKey);
    expect((await tokenOutcome(service, tokenForm(jws, { client_id: 'workload', resource: LEDGER }))).status).toBe(401);
  });
});

describe('a trusted issuer that speaks of a user', () => {
  const grant = async (claims: object) => {
    const form = tokenForm(await assertionOf(portal, service.issuer), {
      grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
      assertion: await idToken(claims),
      resource: LEDGER,
    });
    return (await tokenOutcome(service, form)).status;
  };

  it('says so to this realm alone', async () => {
    expect(await grant({ aud: [service.issuer, 'https://other.example.com'] })).toBe(400);
  });

  it('says so for no longer than an hour', async () => {
    expect(await grant({ exp: now() + 3_600 })).toBe(200);
    expect(await grant({ exp: now() + 7_200 })).toBe(400);
  });

  it('that is an application by the words of common providers makes no token about a user', async () => {
    // Keycloak, Okta, Auth0: the subject of a token of an application is not its client id.
    expect(await grant({ sub: 'f3a1-service-account', client_id: 'batch', azp: 'batch' })).toBe(400);
    expect(await grant({ sub: 'batch@clients', azp: 'batch', gty: 'client-credentials' })).toBe(400);
  });
});

describe('a secret in the wrong place', () => {
  it('is in no log line', async () => {
    await allowSecrets(service, true);
    const { secret } = await makeSecret(service, 'crm');
    const swapped = new URLSearchParams({ grant_type: 'client_credentials', client_id: secret, client_secret: 'crm' });
    await tokenOutcome(service, swapped);
    const answer = await fetch(new URL('/token', service.deployment.url), {
      method: 'POST',
      headers: { authorization: basic(secret, 'crm') },
      body: new URLSearchParams({ grant_type: 'client_credentials' }),
    });
    expect(answer.status).toBe(401);
    await tokenOutcome(
      service,
      new URLSearchParams({ grant_type: 'client_credentials', client_id: `${secret} x`, client_secret: 'crm' }),
    );
    expect(service.logs.filter((line) => line.includes(secret)).length).toBe(0);
  });
});

describe('a token that is handed in by its own client', () => {
  it('does not get more scopes at its audience by a detour over another', async () => {
    const narrow = await requireToken(
      service,
      grantForm(await statementOf(portal, service.issuer, 'alice'), { resource: world.audience, scope: 'read' }),
    );
    const detour = await tokenOutcome(
      service,
      await exchangeForm(portal, service.issuer, narrow, { resource: LEDGER }),
    );
    expect([detour.status, detour.reason]).toEqual([400, 'subject_not_shared']);
    const wider = { resource: world.audience, scope: 'read write' };
    expect((await tokenOutcome(service, await exchangeForm(portal, service.issuer, narrow, wider))).reason).toBe(
      'scope_not_granted',
    );
  });

  describe('with authorization details', () => {
    const details = (more: object) => JSON.stringify([{ type: 'payment', ...more }]);
    const wider = details({ actions: ['initiate', 'approve'] });
    const narrowToken = async (authorization_details: string) =>
      requireToken(
        service,
        grantForm(await statementOf(portal, service.issuer, 'alice'), { resource: LEDGER, authorization_details }),
      );

    beforeAll(() => declarePayments());

    it('does not get more of them at its audience', async () => {
      const narrow = await narrowToken(details({ actions: ['initiate'] }));
      const form = await exchangeForm(portal, service.issuer, narrow, {
        resource: LEDGER,
        authorization_details: wider,
      });
      expect((await tokenOutcome(service, form)).status).toBe(400);
    });

    it('does not get actions of which it had none', async () => {
      const narrow = await narrowToken(details({ amount: '1.00' }));
      const authorization_details = details({ amount: '1.00', actions: ['approve'] });
      const form = await exchangeForm(portal, service.issuer, narrow, { resource: LEDGER, authorization_details });
      expect((await tokenOutcome(service, form)).status).toBe(400);
    });

    it('does not get more of them by a detour over another audience', async () => {
      const narrow = await narrowToken(details({ actions: ['initiate'] }));
      const detour = await requireToken(
        service,
        exchangeForm(portal, service.issuer, narrow, { resource: world.audience }),
      );
      const form = await exchangeForm(portal, service.issuer, detour, {
        resource: LEDGER,
        authorization_details: wider,
      });
      expect((await tokenOutcome(service, form)).status).toBe(400);
    });
  });
});

/** Types of authorization details at the ledger, and the right of two clients to ask for them. */
const declarePayments = async (): Promise<void> => {
  const realm = '/admin/realms/default';
  const { version } = (await callAdmin(service, 'GET', realm)).body;
  const policy = { clientSecrets: true, authorizationDetailsTypes: ['payment'] };
  await callAdmin(service, 'PATCH', realm, { version, policy });
  const found = await administer(service, 'GET', `/audiences?audience=${encodeURIComponent(LEDGER)}`);
  const [audience] = found.body.items as { readonly version: number }[];
  const authorizationDetails = { payment: { actions: ['initiate', 'approve'], fields: ['amount'] } };
  const change = { audience: LEDGER, version: audience?.version, authorizationDetails };
  expect((await administer(service, 'PATCH', '/audiences', change)).status).toBe(200);
  for (const client of ['portal', 'crm']) {
    const grant = { client, audience: LEDGER, scopes: ['read', 'post'], authorizationDetailsTypes: ['payment'] };
    expect((await administer(service, 'POST', '/grants', grant)).status).toBeLessThan(300);
  }
};

describe('a token about an application', () => {
  it('is no good at the authorizer once that application is disabled', async () => {
    // crm calls portal, which calls whoami on its behalf.
    const called = await requireToken(
      service,
      tokenForm(await assertionOf(world.client, service.issuer), { resource: LEDGER }),
    );
    const onBehalf = await requireToken(
      service,
      exchangeForm(portal, service.issuer, called, { resource: world.audience, scope: 'read' }),
    );
    expect(decodeJwt(onBehalf)).toMatchObject({ sub: 'crm', act: { sub: 'portal' } });
    await changePartner(service, 'crm', { enabled: false });
    const { reason } = await whoamiOutcome(service, `Bearer ${onBehalf}`);
    await changePartner(service, 'crm', { enabled: true });
    expect(reason).toBe('client_disabled');
  });
});

describe('an assertion that says what it is for', () => {
  it('is no grant when it is for client authentication (draft-ietf-oauth-rfc7523bis)', async () => {
    const assertion = await assertionOf(world.client, service.issuer, { header: { typ: 'client-authentication+jwt' } });
    expect((await tokenOutcome(service, grantForm(assertion, { resource: LEDGER }))).status).toBe(400);
  });

  it('is a grant when it is for one', async () => {
    const assertion = await assertionOf(world.client, service.issuer, { header: { typ: 'authorization-grant+jwt' } });
    expect((await tokenOutcome(service, grantForm(assertion, { resource: LEDGER }))).status).toBe(200);
  });

  it('keeps the actors that it names', async () => {
    const jws = await statementOf(portal, service.issuer, 'alice', { act: { sub: 'frontend' } });
    const { status, body } = await tokenOutcome(service, grantForm(jws, { resource: LEDGER }));
    if (status === 200) {
      expect(decodeJwt(String(body.access_token)).act).toEqual({ sub: 'portal', act: { sub: 'frontend' } });
    }
  });
});

describe('a user by the name of a partner', () => {
  it('is not spoken of as if it were that partner', async () => {
    const jws = await idToken({ sub: 'billing' });
    const form = tokenForm(await assertionOf(portal, service.issuer), {
      grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
      assertion: jws,
      resource: LEDGER,
    });
    const { status, body } = await tokenOutcome(service, form);
    expect([status, body.access_token && decodeJwt(String(body.access_token)).sub]).not.toEqual([200, 'billing']);
  });
});

describe('a token that is too large', () => {
  const payment = (characters: number) => JSON.stringify([{ type: 'payment', amount: 'x'.repeat(characters) }]);

  it('is refused where KMS signs no more than 4,096 octets, and is no outage', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'countersign-large-'));
    await synthesizeApp(join(directory, 'cdk.out'), { algorithms: 'RS256,EdDSA' });
    await using edwards = await startService({ assembly: join(directory, 'cdk.out') });
    const { client } = await populate(edwards);
    const { version } = (await callAdmin(edwards, 'GET', '/admin/realms/default')).body;
    await callAdmin(edwards, 'PATCH', '/admin/realms/default', {
      version,
      policy: { authorizationDetailsTypes: ['payment'] },
    });
    const audience = 'https://edwards.example.com';
    await mustCreate(edwards, '/audiences', {
      audience,
      owner: 'billing',
      scopes: ['read'],
      tokenPolicy: { algorithm: 'EdDSA' },
      authorizationDetails: { payment: { fields: ['amount'] } },
    });
    const grant = { client: 'crm', audience, scopes: ['read'], authorizationDetailsTypes: ['payment'] };
    await mustCreate(edwards, '/grants', grant);
    const form = tokenForm(await assertionOf(client, edwards.issuer), {
      resource: audience,
      authorization_details: payment(3_900),
    });
    const { status } = await postToken(edwards, form);
    await rm(directory, { recursive: true, force: true });
    expect(status).toBe(400);
    // It synthesizes an app of its own, which a busy machine takes its time over.
  }, 120_000);
});

describe('an assertion and a proof that come eight times at once', () => {
  it('give one token and seven refusals, and no outage', async () => {
    const pair = await keyPair('ES256');
    const path = '/admin/realms/default';
    const { version, policy } = (await callAdmin(service, 'GET', path)).body;
    await callAdmin(service, 'PATCH', path, { version, policy: { ...(policy as object), dpopNonces: 'optional' } });
    const proof = tokenProof(service, pair);
    const body = tokenForm(await assertionOf(world.client, service.issuer), { resource: LEDGER }).toString();
    const statuses = await Promise.all(
      Array.from({ length: 8 }, async () => {
        const headers = { 'content-type': 'application/x-www-form-urlencoded', dpop: proof };
        const answer = await fetch(new URL('/token', service.deployment.url), { method: 'POST', headers, body });
        await answer.text();
        return answer.status;
      }),
    );
    expect(statuses.toSorted()).toEqual([200, ...Array.from({ length: 7 }, () => expect.toBeOneOf([400, 401]))]);
  });
});

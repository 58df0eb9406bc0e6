/**
 * The assertion framework: assertions as grants and as client authentication, whatever their format. The matrix in README.md names
 * each test; what is particular to JWTs is in rfc7523.test.ts.
 */

import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { JWT_BEARER } from '../../functions/core/grant-type.ts';
import { badRequest, invalidGrant, notAuthenticated, tokenOutcome } from '../support/decisions.ts';
import { grantForm, requireToken, statementOf } from '../support/delegation.ts';
import { seconds } from '../support/forgery.ts';
import {
  assertionOf,
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

const PORTAL_ISSUER = 'portal@contoso.example';

let service: Service;
let world: World;
let portal: TestPartner;

beforeAll(async () => {
  service = await startService();
  world = await populate(service);
  portal = await makePartner('portal');
  const definition = { jwks: { keys: [portal.publicJwk] }, trustLevel: 'full', issuer: PORTAL_ISSUER };
  await mustCreate(service, '/partners', { id: 'portal', ...definition });
  await mustCreate(service, '/grants', { client: 'portal', audience: world.audience, scopes: ['read', 'write'] });
});
afterAll(() => service[Symbol.asyncDispose]());

const GRANTED = { status: 200, reason: 'granted' };

/** What the portal says: of alice, unless the claims say otherwise. */
const stated = (claims: object = {}): Promise<string> => statementOf(portal, service.issuer, 'alice', claims);
const granting = async (claims: object = {}, more: Readonly<Record<string, string>> = {}) =>
  tokenOutcome(service, grantForm(await stated(claims), more));
const authenticating = async (claims: object = {}, more: Readonly<Record<string, string>> = {}) =>
  tokenOutcome(service, tokenForm(await assertionOf(portal, service.issuer, { claims }), more));

describe('RFC 7521 4.1: assertions as authorization grants', () => {
  it('takes grant_type, assertion and scope, and answers as every grant does', async () => {
    const { status, headers, body } = await postToken(service, grantForm(await stated(), { scope: 'read' }));
    expect([status, headers.get('cache-control')]).toEqual([200, 'no-store']);
    expect(body).toEqual({
      access_token: expect.any(String),
      token_type: 'Bearer',
      expires_in: expect.any(Number),
      scope: 'read',
    });
  });

  it('needs the assertion', async () => {
    const bare = new URLSearchParams({ grant_type: JWT_BEARER, client_id: 'portal' });
    expect(await tokenOutcome(service, bare)).toEqual(
      badRequest('parameter_missing', 'A required request parameter is missing.'),
    );
  });

  it('needs no client authentication where the assertion is of the client itself', async () => {
    expect(await granting()).toMatchObject(GRANTED);
  });

  it('validates client authentication that is there all the same', async () => {
    const good = tokenForm(await assertionOf(portal, service.issuer), {
      grant_type: JWT_BEARER,
      assertion: await stated(),
    });
    expect(await tokenOutcome(service, good)).toMatchObject(GRANTED);
    const wrong = tokenForm(await assertionOf({ ...portal, privateKey: world.client.privateKey }, service.issuer), {
      grant_type: JWT_BEARER,
      assertion: await stated(),
    });
    expect(await tokenOutcome(service, wrong)).toEqual(notAuthenticated('assertion_signature'));
  });

  it('does not need client_id, which has to name the client of the assertion where it is there', async () => {
    expect(await granting({}, { client_id: 'portal' })).toMatchObject(GRANTED);
    expect(await granting({}, { client_id: 'crm' })).toEqual(invalidGrant('federation_missing'));
  });

  it('takes no other scope than was granted', async () => {
    expect(await granting({}, { scope: 'read delete' })).toMatchObject({
      status: 400,
      body: { error: 'invalid_scope' },
      reason: 'scope_not_granted',
    });
  });

  it('issues no refresh token', async () => {
    expect((await granting()).body.refresh_token).toBeUndefined();
  });
});

describe('RFC 7521 4.1.1: an assertion that is not good', () => {
  /** Beside a client that has proved itself, so that only the grant is in question. */
  const beside = async (assertion: string) =>
    tokenOutcome(service, tokenForm(await assertionOf(portal, service.issuer), { grant_type: JWT_BEARER, assertion }));

  it.each([
    ['is over', { exp: seconds() - 600 }, 'assertion_expired'],
    ['is for another server', { aud: 'https://other.example' }, 'assertion_audience'],
    ['is of an issuer that nobody knows', { iss: 'https://nobody.example' }, 'issuer_unknown'],
    ['says of nobody what it says', { sub: undefined }, 'assertion_malformed'],
  ])('is invalid_grant, where it %s', async (_what, claims, reason) => {
    expect(await beside(await stated(claims))).toEqual(invalidGrant(reason));
  });

  it('is invalid_grant where it is the only proof of the client too', async () => {
    expect(await granting({ exp: seconds() - 600 })).toEqual(invalidGrant('assertion_expired'));
    expect(await tokenOutcome(service, grantForm('x'))).toEqual(invalidGrant('assertion_malformed'));
  });

  it('is invalid_grant where it was used before', async () => {
    const once = await stated();
    expect(await beside(once)).toMatchObject(GRANTED);
    expect(await beside(once)).toEqual(invalidGrant('assertion_replayed'));
  });
});

describe('RFC 7521 4.2: assertions as client authentication', () => {
  it('takes client_assertion with client_assertion_type, and neither without the other', async () => {
    expect(await authenticating()).toMatchObject(GRANTED);
    for (const name of ['client_assertion', 'client_assertion_type']) {
      const form = tokenForm(await assertionOf(portal, service.issuer));
      form.delete(name);
      expect(await tokenOutcome(service, form)).toMatchObject({ status: 400, reason: 'parameter_missing' });
    }
  });

  it('takes one authentication mechanism for each request', async () => {
    expect(await authenticating({}, { client_secret: 'x' })).toEqual(
      badRequest('client_auth_several', 'The request uses more than one client authentication method.'),
    );
  });

  it('goes with every grant', async () => {
    const form = tokenForm(await assertionOf(portal, service.issuer), {
      grant_type: JWT_BEARER,
      assertion: await stated(),
    });
    expect(await tokenOutcome(service, form)).toMatchObject(GRANTED);
  });
});

describe('RFC 7521 4.2.1: client authentication that fails', () => {
  it('is invalid_client, whatever the grant', async () => {
    expect(await authenticating({ exp: seconds() - 600 })).toEqual(notAuthenticated('assertion_expired'));
    const form = tokenForm(await assertionOf(portal, service.issuer, { claims: { exp: seconds() - 600 } }), {
      grant_type: JWT_BEARER,
      assertion: await stated(),
    });
    expect(await tokenOutcome(service, form)).toEqual(notAuthenticated('assertion_expired'));
  });
});

describe('RFC 7521 5.2: general processing rules', () => {
  it.each([
    ['an issuer', { iss: undefined }, 'federation_missing'],
    ['an issuer that is the partner', { iss: 'crm' }, 'federation_missing'],
    ['a subject', { sub: undefined }, 'assertion_malformed'],
    ['an audience', { aud: undefined }, 'assertion_audience'],
    ['an audience that is this server', { aud: 'https://other.example' }, 'assertion_audience'],
    ['an end', { exp: undefined }, 'assertion_malformed'],
    ['an end that is not past', { exp: seconds() - 600 }, 'assertion_expired'],
    ['an end that is not far', { exp: seconds() + 86_400 }, 'assertion_lifetime'],
    ['a time of issue that is not to come', { iat: seconds() + 600, exp: seconds() + 660 }, 'assertion_not_yet_valid'],
    ['an id', { jti: undefined }, 'assertion_malformed'],
  ])('a grant has %s', async (_what, claims, reason) => {
    expect(await granting(claims, { client_id: 'portal' })).toEqual(invalidGrant(reason));
  });

  it('a grant has a signature of its issuer', async () => {
    const forged = await statementOf({ ...portal, privateKey: world.client.privateKey }, service.issuer, 'alice');
    expect(await tokenOutcome(service, grantForm(forged))).toEqual(invalidGrant('assertion_signature'));
  });

  it('a grant is used once, and what has authenticated a client is no grant any more', async () => {
    const once = await stated();
    expect(await tokenOutcome(service, grantForm(once))).toMatchObject(GRANTED);
    expect(await tokenOutcome(service, grantForm(once))).toEqual(invalidGrant('assertion_replayed'));
    const own = await assertionOf(portal, service.issuer);
    expect(await tokenOutcome(service, tokenForm(own))).toMatchObject(GRANTED);
    expect(await tokenOutcome(service, grantForm(own))).toEqual(invalidGrant('assertion_replayed'));
  });
});

describe('RFC 7521 6: common scenarios', () => {
  it('6.1, client authentication: the client is the subject', async () => {
    expect(await authenticating({ sub: 'alice' })).toMatchObject({ status: 401, body: { error: 'invalid_client' } });
  });

  it('6.2, a client that acts for itself: the token is about the client', async () => {
    for (const name of ['portal', PORTAL_ISSUER]) {
      const claims = decodeJwt(await requireToken(service, grantForm(await stated({ iss: name, sub: name }))));
      expect([claims.sub, claims.client_id, claims.act, claims.sub_id]).toEqual([
        'portal',
        'portal',
        undefined,
        undefined,
      ]);
    }
  });

  it('6.3, a client that acts for a user: the token is about the user, and says who acts', async () => {
    expect(decodeJwt(await requireToken(service, grantForm(await stated({ iss: PORTAL_ISSUER }))))).toMatchObject({
      sub: 'alice',
      client_id: 'portal',
      act: { sub: 'portal' },
      sub_id: { format: 'iss_sub', iss: PORTAL_ISSUER, sub: 'alice' },
    });
  });

  it('6.3, a client that may not: there is no token about a user, nor about itself', async () => {
    const ofUser = grantForm(await statementOf(world.client, service.issuer, 'alice'));
    expect(await tokenOutcome(service, ofUser)).toMatchObject({
      status: 400,
      body: { error: 'unauthorized_client' },
      reason: 'trust_level_insufficient',
    });
    expect(await tokenOutcome(service, grantForm(await statementOf(world.client, service.issuer)))).toMatchObject(
      GRANTED,
    );
  });
});

describe('RFC 7521 8: security considerations', () => {
  it('8.2, a stolen assertion is good for nobody else', async () => {
    const stolen = { grant_type: JWT_BEARER, assertion: await stated() };
    const thief = tokenForm(await assertionOf(world.client, service.issuer), stolen);
    expect(await tokenOutcome(service, thief)).toEqual(invalidGrant('issuer_unknown'));
  });

  it('8.3, what an assertion says is neither answered nor logged in one piece', async () => {
    const assertion = await stated({ exp: seconds() - 600 });
    const { body } = await tokenOutcome(service, grantForm(assertion));
    expect(JSON.stringify(body)).not.toContain('alice');
    expect(service.logs.filter((line) => line.includes(assertion))).toEqual([]);
  });
});

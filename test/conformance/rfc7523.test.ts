/**
 * JWTs for client authentication and as grants: RFC 7523 2 and 3, with the audience and type rules of draft-ietf-oauth-rfc7523bis.
 * The matrix in README.md names each test; what holds for assertions of any format is in rfc7521.test.ts.
 */

import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { JWT_BEARER } from '../../functions/core/grant-type.ts';
import { badRequest, invalidGrant, notAuthenticated, tokenOutcome } from '../support/decisions.ts';
import { grantForm } from '../support/delegation.ts';
import { compactOf, goodClaims, goodHeader, seconds, signedBy } from '../support/forgery.ts';
import {
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
let idp: TestPartner;
let untrusted: TestPartner;
let agent: TestPartner;

const IDP_ISSUER = 'https://idp.example';
const UNTRUSTED_ISSUER = 'https://someone.example';

beforeAll(async () => {
  service = await startService();
  world = await populate(service);
  [idp, untrusted, agent] = await Promise.all([makePartner('idp'), makePartner('someone'), makePartner('agent')]);
  const define = (partner: TestPartner, more: object) =>
    mustCreate(service, '/partners', { id: partner.id, jwks: { keys: [partner.publicJwk] }, ...more });
  await define(idp, { issuer: IDP_ISSUER, trustedIssuer: true, trustLevel: 'user' });
  await define(untrusted, { issuer: UNTRUSTED_ISSUER, trustLevel: 'user' });
  await define(agent, { trustLevel: 'user' });
  await mustCreate(service, '/grants', { client: 'agent', audience: world.audience, scopes: ['read'] });
});
afterAll(() => service[Symbol.asyncDispose]());

const GRANTED = { status: 200, reason: 'granted' };
const claiming = async (claims: object, more: Readonly<Record<string, string>> = {}) =>
  tokenOutcome(service, tokenForm(await assertionOf(world.client, service.issuer, { claims }), more));
const typed = async (typ: string) =>
  tokenOutcome(service, tokenForm(await assertionOf(world.client, service.issuer, { header: { typ } })));

describe('RFC 7523 2.2: using JWTs for client authentication', () => {
  it('takes the registered assertion type and no other', async () => {
    expect(await claiming({})).toMatchObject(GRANTED);
    const type = 'urn:ietf:params:oauth:client-assertion-type:saml2-bearer';
    expect(await claiming({}, { client_assertion_type: type })).toEqual(
      notAuthenticated('client_auth_method_unsupported'),
    );
  });

  it('takes exactly one assertion', async () => {
    const form = tokenForm(await assertionOf(world.client, service.issuer));
    form.append('client_assertion', await assertionOf(world.client, service.issuer));
    expect(await tokenOutcome(service, form)).toEqual(
      badRequest('parameter_duplicated', 'A request parameter is repeated.'),
    );
  });
});

describe('RFC 7523 2.1: using JWTs as authorization grants', () => {
  it('takes the registered grant type, and one that is nearly so for none', async () => {
    const assertion = await assertionOf(world.client, service.issuer);
    expect(await tokenOutcome(service, grantForm(assertion))).toMatchObject(GRANTED);
    for (const type of [JWT_BEARER.toUpperCase(), 'jwt-bearer', 'urn:ietf:params:oauth:grant-type:saml2-bearer']) {
      const form = grantForm(assertion, { grant_type: type });
      expect(await tokenOutcome(service, form)).toMatchObject({ status: 400, reason: 'grant_type_unsupported' });
    }
  });

  it('takes exactly one JWT', async () => {
    const form = grantForm(await assertionOf(world.client, service.issuer));
    form.append('assertion', await assertionOf(world.client, service.issuer));
    expect(await tokenOutcome(service, form)).toEqual(
      badRequest('parameter_duplicated', 'A request parameter is repeated.'),
    );
  });

  it('takes the scope from the request, and not from the JWT', async () => {
    const claims = { scope: 'write' };
    const form = grantForm(await assertionOf(world.client, service.issuer, { claims }));
    expect(await tokenOutcome(service, form)).toMatchObject({ ...GRANTED, body: { scope: 'read' } });
  });
});

describe('RFC 7521 4.2: client_id beside an assertion', () => {
  it('is not needed, and has to name the client that the assertion names', async () => {
    expect(await claiming({}, { client_id: 'crm' })).toMatchObject(GRANTED);
    expect(await claiming({}, { client_id: 'billing' })).toEqual(notAuthenticated('client_id_mismatch'));
  });
});

describe('RFC 7523 3: the claims of a grant of another issuer', () => {
  /** What that issuer says, with crm beside it that proves itself. */
  const said = async (claims: object, issuer: TestPartner = idp) => {
    const statement = { iss: IDP_ISSUER, sub: 'bob', ...claims };
    const assertion = await assertionOf(issuer, service.issuer, { claims: statement });
    const form = tokenForm(await assertionOf(agent, service.issuer), { grant_type: JWT_BEARER, assertion });
    return tokenOutcome(service, form);
  };

  it('items 1 and 9: iss is an issuer that is trusted here, and signs with a key of its own', async () => {
    expect(await said({})).toMatchObject(GRANTED);
    expect(await said({ iss: 'https://unknown.example' })).toEqual(invalidGrant('issuer_unknown'));
    expect(await said({ iss: UNTRUSTED_ISSUER }, untrusted)).toEqual(invalidGrant('issuer_untrusted'));
    expect(await said({}, { ...idp, privateKey: untrusted.privateKey })).toEqual(invalidGrant('assertion_signature'));
  });

  it('item 2: sub is whom the token is about, known to the one who says so', async () => {
    const { body } = await said({});
    expect(decodeJwt(String(body.access_token))).toMatchObject({
      iss: service.issuer,
      sub: 'bob',
      client_id: 'agent',
      sub_id: { format: 'iss_sub', iss: IDP_ISSUER, sub: 'bob' },
      act: { sub: 'agent' },
    });
    expect(await said({ sub: undefined })).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
  });

  it('item 3: aud is this server alone, be it in a list', async () => {
    expect(await said({ aud: [service.issuer] })).toMatchObject(GRANTED);
    const shared = [service.issuer, 'https://other.example'];
    for (const aud of [shared, undefined, 'https://other.example', `${service.issuer}/token`, [], [[service.issuer]]]) {
      expect(await said({ aud })).toEqual(invalidGrant('assertion_audience'));
    }
  });

  it('items 4 to 6: it is good now, and not for unreasonably long', async () => {
    expect(await said({ exp: undefined })).toEqual(invalidGrant('assertion_malformed'));
    expect(await said({ exp: seconds() - 120 })).toEqual(invalidGrant('assertion_expired'));
    expect(await said({ nbf: seconds() + 120 })).toEqual(invalidGrant('assertion_not_yet_valid'));
    expect(await said({ exp: seconds() + 86_400 })).toEqual(invalidGrant('assertion_lifetime'));
    expect(await said({ iat: seconds() - 86_400 })).toEqual(invalidGrant('assertion_lifetime'));
    expect(await said({ exp: seconds() + 3_600 })).toMatchObject(GRANTED);
  });

  it('item 7: jti is needed here, and makes it good for one token', async () => {
    expect(await said({ jti: undefined })).toEqual(invalidGrant('assertion_malformed'));
    expect(await said({ jti: 'of-the-idp' })).toMatchObject(GRANTED);
    expect(await said({ jti: 'of-the-idp' })).toEqual(invalidGrant('assertion_replayed'));
  });

  it('proves no client: what an issuer signs for others is in their hands', async () => {
    const assertion = () => assertionOf(idp, service.issuer, { claims: { iss: IDP_ISSUER, sub: 'bob' } });
    const ofAgent = grantForm(await assertion(), { client_id: 'agent', resource: world.audience });
    expect(await tokenOutcome(service, ofAgent)).toEqual(invalidGrant('federation_missing'));
    const ofIssuer = grantForm(await assertion(), { resource: world.audience });
    expect(await tokenOutcome(service, ofIssuer)).toEqual(invalidGrant('assertion_issuer'));
  });
});

describe('RFC 7523 3: the claims of an assertion', () => {
  it('item 1: iss is needed and is the client', async () => {
    expect(await claiming({ iss: undefined })).toEqual(notAuthenticated('assertion_malformed'));
    expect(await claiming({ iss: 'billing' })).toEqual(notAuthenticated('assertion_issuer'));
  });

  it('item 2: sub is needed and is the client_id', async () => {
    expect(await claiming({ sub: undefined })).toEqual(notAuthenticated('assertion_malformed'));
    expect(await claiming({ sub: 'nobody' })).toEqual(notAuthenticated('client_unknown'));
  });

  it('item 3: aud is needed and identifies this server, compared character by character', async () => {
    expect(await claiming({ aud: undefined })).toEqual(notAuthenticated('assertion_audience'));
    expect(await claiming({ aud: 'https://other.example' })).toEqual(notAuthenticated('assertion_audience'));
    expect(await claiming({ aud: `${service.issuer}/` })).toEqual(notAuthenticated('assertion_audience'));
  });

  it('item 4: exp is needed, is not past, and is not unreasonably far ahead', async () => {
    expect(await claiming({ exp: undefined })).toEqual(notAuthenticated('assertion_malformed'));
    expect(await claiming({ exp: seconds() - 120 })).toEqual(notAuthenticated('assertion_expired'));
    expect(await claiming({ exp: seconds() + 3_600 })).toEqual(notAuthenticated('assertion_lifetime'));
    expect(await claiming({ exp: seconds() + 290 })).toMatchObject(GRANTED);
  });

  it('item 5: nbf may be there and is obeyed', async () => {
    expect(await claiming({ nbf: seconds() + 120 })).toEqual(notAuthenticated('assertion_not_yet_valid'));
    expect(await claiming({ nbf: seconds() })).toMatchObject(GRANTED);
  });

  it('item 6: iat may be there, and an unreasonably old one is refused', async () => {
    expect(await claiming({ iat: undefined })).toMatchObject(GRANTED);
    expect(await claiming({ iat: seconds() - 3_600 })).toEqual(notAuthenticated('assertion_lifetime'));
  });

  it('item 7: jti is needed here, and makes an assertion good for one token', async () => {
    expect(await claiming({ jti: undefined })).toEqual(notAuthenticated('assertion_malformed'));
    expect(await claiming({ jti: 'item-7' })).toMatchObject(GRANTED);
    expect(await claiming({ jti: 'item-7' })).toEqual(notAuthenticated('assertion_replayed'));
  });

  it('item 8: other claims may be there', async () => {
    expect(await claiming({ 'https://example.com/x': { y: [1] }, scope: 'write', admin: true })).toMatchObject({
      ...GRANTED,
      body: { scope: 'read' },
    });
  });

  it('item 9: it is signed, by a key that the client registered', async () => {
    const unsigned = await compactOf({ alg: 'none' }, goodClaims(world.client, service.issuer), () => Buffer.alloc(0));
    expect(await tokenOutcome(service, tokenForm(unsigned))).toEqual(notAuthenticated('assertion_malformed'));
    const byAnother = await compactOf(
      goodHeader(world.client),
      goodClaims(world.client, service.issuer),
      signedBy(world.owner),
    );
    expect(await tokenOutcome(service, tokenForm(byAnother))).toEqual(notAuthenticated('assertion_signature'));
  });

  it('item 10: a JWT that is not valid in every other respect is refused', async () => {
    for (const jwt of ['x', 'a.b', 'a.b.c.d.e', 'e30.e30.e30', '{}']) {
      expect(await tokenOutcome(service, tokenForm(jwt))).toEqual(notAuthenticated('assertion_malformed'));
    }
  });
});

describe('RFC 7523 3.1: error response to a grant', () => {
  it('is invalid_grant', async () => {
    const form = grantForm(await assertionOf(world.client, service.issuer, { claims: { exp: 1 } }));
    expect((await tokenOutcome(service, form)).body).toEqual({
      error: 'invalid_grant',
      error_description: 'The assertion is not valid.',
    });
  });
});

describe('RFC 7523 3.2: error response', () => {
  it('is invalid_client', async () => {
    expect((await claiming({ exp: 1 })).body).toEqual({
      error: 'invalid_client',
      error_description: 'Client authentication failed.',
    });
  });
});

describe('draft-ietf-oauth-rfc7523bis', () => {
  it('the audience is the issuer as a string, and its sole value', async () => {
    for (const aud of [[service.issuer], [service.issuer, 'https://other.example']]) {
      expect(await claiming({ aud })).toEqual(notAuthenticated('assertion_audience'));
    }
  });

  it('the audience is not the token endpoint', async () => {
    expect(await claiming({ aud: `${service.issuer}/token` })).toEqual(notAuthenticated('assertion_audience'));
  });

  it('the same holds for a grant of the client itself', async () => {
    for (const aud of [[service.issuer], `${service.issuer}/token`]) {
      const form = grantForm(await assertionOf(world.client, service.issuer, { claims: { aud } }));
      expect(await tokenOutcome(service, form)).toEqual(invalidGrant('assertion_audience'));
    }
  });

  it('the type may be explicit, and is then the one for client authentication', async () => {
    expect(await typed('client-authentication+jwt')).toMatchObject(GRANTED);
    expect(await typed('JWT')).toMatchObject(GRANTED);
    expect(await typed('at+jwt')).toEqual(notAuthenticated('assertion_typ'));
  });
});

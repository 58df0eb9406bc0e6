/**
 * JWT client authentication: RFC 7523 2.2 and 3, RFC 7521 4.2, with the audience and type rules of draft-ietf-oauth-rfc7523bis.
 * The matrix in README.md names each test.
 */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { badRequest, notAuthenticated, tokenOutcome } from '../support/decisions.ts';
import { compactOf, goodClaims, goodHeader, seconds, signedBy } from '../support/forgery.ts';
import { assertionOf, populate, type Service, startService, tokenForm, type World } from '../support/service.ts';

let service: Service;
let world: World;

beforeAll(async () => {
  service = await startService();
  world = await populate(service);
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

describe('RFC 7521 4.2: client_id beside an assertion', () => {
  it('is not needed, and has to name the client that the assertion names', async () => {
    expect(await claiming({}, { client_id: 'crm' })).toMatchObject(GRANTED);
    expect(await claiming({}, { client_id: 'billing' })).toEqual(notAuthenticated('client_id_mismatch'));
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

  it('the type may be explicit, and is then the one for client authentication', async () => {
    expect(await typed('client-authentication+jwt')).toMatchObject(GRANTED);
    expect(await typed('JWT')).toMatchObject(GRANTED);
    expect(await typed('at+jwt')).toEqual(notAuthenticated('assertion_typ'));
  });
});

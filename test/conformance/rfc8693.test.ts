/** OAuth 2.0 Token Exchange, at the token endpoint over HTTP. The matrix in README.md names each test. */

import { decodeJwt, decodeProtectedHeader, SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { badRequest, notForThisClient, tokenOutcome } from '../support/decisions.ts';
import { ACCESS_TOKEN, JWT, requireToken, statementOf } from '../support/delegation.ts';
import { seconds } from '../support/forgery.ts';
import { ringKeys } from '../support/ring-keys.ts';
import { postToken } from '../support/service.ts';
import { audienceOf, type Chain, startChain } from './delegation-chain.ts';

let chain: Chain;

beforeAll(async () => {
  chain = await startChain();
});
afterAll(() => chain[Symbol.asyncDispose]());

/** Alice's token for the orders service, asked for by the portal. */
const aliceAtOrders: (claims?: object, more?: Readonly<Record<string, string>>) => Promise<string> = (...more) =>
  chain.aliceAt('orders', ...more);
const outcome: Chain['outcome'] = (...request) => chain.outcome(...request);
const exchanged: Chain['exchanged'] = (...request) => chain.exchanged(...request);
const exchange: Chain['exchange'] = (...request) => chain.exchange(...request);
const ownToken: Chain['ownToken'] = (...request) => chain.ownToken(...request);

const without = (form: URLSearchParams, ...names: readonly string[]): URLSearchParams => {
  for (const name of names) form.delete(name);
  return form;
};

const GRANTED = { status: 200, reason: 'granted' };
const SUBJECT_REFUSED = 'The subject token is not valid, or not for this client to exchange.';
const refusedFor = (because: string) => badRequest(`subject_token_refused: ${because}`, SUBJECT_REFUSED);
const ACTOR_REFUSED = 'The actor token is not valid, or not of this client.';
const MISSING = badRequest('parameter_missing', 'A required request parameter is missing.');
const TYPE_REFUSED = badRequest('token_type_unsupported', 'The token type is not supported.');

describe('RFC 8693 1.1: delegation, never impersonation', () => {
  it('says who acts in every token that is about somebody else than its client', async () => {
    expect(decodeJwt(await aliceAtOrders())).toMatchObject({ sub: 'alice', act: { sub: 'portal' } });
    const ofUser = await exchanged('orders', await aliceAtOrders());
    expect(decodeJwt(ofUser)).toMatchObject({ sub: 'alice', client_id: 'orders', act: { sub: 'orders' } });
    const ofApplication = await exchanged('orders', await ownToken('robot', 'orders'));
    expect(decodeJwt(ofApplication)).toMatchObject({ sub: 'robot', client_id: 'orders', act: { sub: 'orders' } });
  });

  it('keeps a user a user and an application an application', async () => {
    const subId = { format: 'iss_sub', iss: 'portal', sub: 'alice' };
    expect(decodeJwt(await exchanged('orders', await aliceAtOrders()))).toMatchObject({ sub_id: subId });
    expect(decodeJwt(await exchanged('orders', await ownToken('robot', 'orders'))).sub_id).toBeUndefined();
  });

  it('is for clients that are trusted with it: users for some, applications for none of those', async () => {
    const refused = { status: 400, body: { error: 'unauthorized_client' }, reason: 'trust_level_insufficient' };
    const resource = audienceOf('orders');
    const aliceAtRobot = await chain.aliceAt('robot');
    expect(await outcome('robot', aliceAtRobot, { resource })).toMatchObject(refused);
    expect(await outcome('portal', await ownToken('robot', 'portal'), { resource })).toMatchObject(refused);
    expect(await outcome('portal', await chain.aliceAt('portal'), { resource })).toMatchObject(GRANTED);
  });
});

describe('RFC 8693 2.1: request', () => {
  it('needs an authenticated client: a token that was stolen is exchanged by nobody else', async () => {
    const bare = without(await exchange('orders', await aliceAtOrders()), 'client_assertion', 'client_assertion_type');
    expect(await tokenOutcome(chain.service, bare)).toMatchObject({ status: 401, reason: 'client_auth_missing' });
    bare.set('client_id', 'orders');
    expect(await tokenOutcome(chain.service, bare)).toMatchObject({ status: 401, reason: 'client_auth_missing' });
  });

  it.each(['subject_token', 'subject_token_type'])('needs %s', async (name) => {
    const form = without(await exchange('orders', await aliceAtOrders()), name);
    expect(await tokenOutcome(chain.service, form)).toEqual(MISSING);
  });

  it('takes resource and audience for the name of one target', async () => {
    const [billing, subject] = [audienceOf('billing'), await aliceAtOrders()];
    const byAudience = without(await exchange('orders', subject, { audience: billing }), 'resource');
    expect(decodeJwt(await requireToken(chain.service, Promise.resolve(byAudience))).aud).toBe(billing);
    expect(await outcome('orders', subject, { audience: billing })).toMatchObject(GRANTED);
    const two = { audience: audienceOf('orders') };
    expect(await outcome('orders', subject, two)).toEqual(notForThisClient('resource_several'));
    const none = without(await exchange('orders', subject), 'resource');
    expect(await tokenOutcome(chain.service, none)).toEqual(notForThisClient('resource_required'));
  });

  it('grants the scopes that are asked for, or all that the client was granted at the target', async () => {
    const subject = await aliceAtOrders({}, { scope: 'read' });
    expect((await outcome('orders', subject)).body.scope).toBe('read write');
    expect((await outcome('orders', subject, { scope: 'write' })).body.scope).toBe('write');
    expect(await outcome('orders', subject, { scope: 'pay' })).toMatchObject({
      status: 400,
      body: { error: 'invalid_scope' },
      reason: 'scope_not_granted',
    });
  });

  it('issues the requested token type, which is an access token by either name', async () => {
    const subject = await aliceAtOrders();
    for (const type of [ACCESS_TOKEN, JWT]) {
      const { status, body } = await outcome('orders', subject, { requested_token_type: type });
      expect([status, body.issued_token_type]).toEqual([200, type]);
      expect(decodeProtectedHeader(String(body.access_token)).typ).toBe('at+jwt');
    }
    for (const type of ['refresh_token', 'id_token', 'saml1', 'saml2'].map(urn)) {
      expect(await outcome('orders', subject, { requested_token_type: type })).toEqual(TYPE_REFUSED);
    }
  });

  it('takes an actor token with its type, and neither without the other', async () => {
    const [subject, actor] = [await aliceAtOrders(), await ownToken('orders', 'billing')];
    expect(await outcome('orders', subject, { actor_token: actor })).toEqual(MISSING);
    expect(await outcome('orders', subject, { actor_token_type: ACCESS_TOKEN })).toEqual(MISSING);
    const both = { actor_token: actor, actor_token_type: ACCESS_TOKEN };
    expect(await outcome('orders', subject, both)).toMatchObject(GRANTED);
  });

  it('takes as actor the client itself and nobody else', async () => {
    const subject = await aliceAtOrders();
    const acting = async (token: string) =>
      outcome('orders', subject, { actor_token: token, actor_token_type: ACCESS_TOKEN });
    const refused = badRequest('actor_token_refused', ACTOR_REFUSED);
    expect(await acting(await ownToken('robot', 'orders'))).toEqual(refused);
    expect(await acting(await exchanged('orders', subject))).toEqual(refused);
    expect(await acting('no-token')).toEqual(refused);
  });

  it('refuses a parameter that is repeated', async () => {
    for (const name of ['subject_token', 'subject_token_type', 'requested_token_type', 'actor_token']) {
      const form = await exchange('orders', await aliceAtOrders(), { requested_token_type: ACCESS_TOKEN });
      form.append(name, 'x');
      form.append(name, 'x');
      expect(await tokenOutcome(chain.service, form)).toMatchObject({ status: 400, reason: 'parameter_duplicated' });
    }
  });
});

const urn = (name: string): string => `urn:ietf:params:oauth:token-type:${name}`;

describe('RFC 8693 2.1: the subject token is validated', () => {
  /** Alice's token, signed again by the same key after the changes. */
  const changed = async (claims: object, header: object = {}): Promise<string> => {
    const token = await aliceAtOrders();
    const { kid } = decodeProtectedHeader(token);
    const key = (await ringKeys(chain.service, chain.directory)).find((each) => each.kid === kid);
    if (key === undefined) throw new Error('the token is signed by no published key');
    return new SignJWT({ ...decodeJwt(token), ...claims })
      .setProtectedHeader({ alg: key.alg, typ: 'at+jwt', kid: key.kid, ...header })
      .sign(key.privateKey);
  };

  it.each([
    ['is over', { iat: seconds() - 120, exp: seconds() - 1 }, 'token_expired'],
    ['is not yet good', { iat: seconds() + 600, exp: seconds() + 660 }, 'token_not_yet_valid'],
    ['lives longer than any we issue', { exp: seconds() + 90_000 }, 'token_lifetime'],
    ['is of another issuer', { iss: 'https://other.example' }, 'token_issuer'],
    ['is of a client that there is not', { client_id: 'nobody' }, 'client_unknown'],
    ['is for an audience that its client has no grant for', { aud: audienceOf('vault') }, 'grant_missing'],
    ['has scopes that its client was not granted', { scope: 'read pay' }, 'scope_not_granted'],
    ['has passed through an application that there is not', { act: { sub: 'nobody' } }, 'client_disabled'],
    ['names its actors in no known way', { act: 'orders' }, 'token_malformed'],
    ['is bound in no known way', { cnf: { 'x5t#S1': 'x' } }, 'token_malformed'],
  ])('and refused where it %s', async (_what, claims, reason) => {
    expect(await outcome('orders', await changed(claims))).toEqual(refusedFor(reason));
  });

  it('and accepted where nothing was changed but who signs it is asked', async () => {
    expect(await outcome('orders', await changed({}))).toMatchObject(GRANTED);
    expect(await outcome('orders', await changed({}, { kid: 'unpublished' }))).toEqual(refusedFor('token_key_unknown'));
    expect(await outcome('orders', await changed({}, { typ: 'JWT' }))).toEqual(refusedFor('token_typ'));
    const [header, , signature] = (await aliceAtOrders()).split('.');
    const [, other] = (await ownToken('robot', 'orders')).split('.');
    expect(await outcome('orders', `${header}.${other}.${signature}`)).toEqual(refusedFor('token_signature'));
    expect(await outcome('orders', 'no-token')).toEqual(refusedFor('token_malformed'));
  });

  it('and exchanged by its audience, and by nobody who has merely seen it', async () => {
    const subject = await aliceAtOrders();
    const notShared = badRequest('subject_not_shared', SUBJECT_REFUSED);
    expect(await outcome('billing', subject, { resource: audienceOf('ledger') })).toEqual(notShared);
    expect(await outcome('robot', subject, { resource: audienceOf('orders') })).toEqual(notShared);
    expect(await outcome('orders', subject)).toMatchObject(GRANTED);
  });

  it('and exchanged by its own client for a narrower one only: it was not called with it', async () => {
    const subject = await aliceAtOrders();
    const narrower = { resource: audienceOf('orders'), scope: 'read' };
    expect(await outcome('portal', subject, narrower)).toMatchObject({ ...GRANTED, body: { scope: 'read' } });
    const elsewhere = await outcome('portal', subject, { resource: audienceOf('portal') });
    expect(elsewhere).toEqual(badRequest('subject_not_shared', SUBJECT_REFUSED));
  });
});

describe('RFC 8693 2.2.1: successful response', () => {
  it('has the members of a token answer and the type of what was issued, and no refresh token', async () => {
    const { status, headers, body } = await postToken(chain.service, await exchange('orders', await aliceAtOrders()));
    expect([status, headers.get('cache-control'), headers.get('content-type')]).toEqual([
      200,
      'no-store',
      'application/json',
    ]);
    expect(body).toEqual({
      access_token: expect.stringMatching(/^[\w-]+\.[\w-]+\.[\w-]+$/),
      issued_token_type: ACCESS_TOKEN,
      token_type: 'Bearer',
      expires_in: expect.any(Number),
      scope: 'read write',
    });
  });
});

describe('RFC 8693 2.2.2: error response', () => {
  it('has invalid_request for a subject token that is not valid, invalid_target for a target that cannot be had', async () => {
    const { headers, body } = await postToken(chain.service, await exchange('orders', 'no-token'));
    expect([headers.get('cache-control'), body.error]).toEqual(['no-store', 'invalid_request']);
    const subject = await aliceAtOrders();
    const target = (resource: string) => outcome('orders', subject, { resource });
    expect(await target(audienceOf('vault'))).toEqual(notForThisClient('grant_missing'));
    expect(await target('https://unknown.example')).toEqual(notForThisClient('resource_unknown'));
  });
});

describe('RFC 8693 3: token type identifiers', () => {
  it('takes access tokens and JWTs as subject tokens', async () => {
    for (const type of [ACCESS_TOKEN, JWT]) {
      expect(await outcome('orders', await aliceAtOrders(), { subject_token_type: type })).toMatchObject(GRANTED);
    }
  });

  it.each(['refresh_token', 'id_token', 'saml1', 'saml2'])('takes no %s', async (name) => {
    const subject = await aliceAtOrders();
    expect(await outcome('orders', subject, { subject_token_type: urn(name) })).toEqual(TYPE_REFUSED);
    const actor = { actor_token: subject, actor_token_type: urn(name) };
    expect(await outcome('orders', subject, actor)).toEqual(TYPE_REFUSED);
  });

  it('takes as a JWT an assertion of the client too, which serves once; as an access token it is none', async () => {
    const statement = await statementOf(chain.partnerOf('orders'), chain.service.issuer, 'alice');
    expect(await outcome('orders', statement)).toEqual(refusedFor('token_typ'));
    const asJwt = { subject_token_type: JWT };
    expect(decodeJwt(await exchanged('orders', statement, asJwt))).toMatchObject({
      sub: 'alice',
      sub_id: { format: 'iss_sub', iss: 'orders', sub: 'alice' },
      act: { sub: 'orders' },
    });
    expect(await outcome('orders', statement, asJwt)).toEqual(refusedFor('assertion_replayed'));
  });
});

/** OAuth 2.0 Rich Authorization Requests, at the token endpoint over HTTP. The matrix in README.md names each test. */

import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Outcome, tokenOutcome } from '../support/decisions.ts';
import {
  administer,
  assertionOf,
  callAdmin,
  makePartner,
  mustCreate,
  type Service,
  startService,
  type TestPartner,
  tokenForm,
} from '../support/service.ts';

const PAYMENTS = 'https://payments.example/api';
const REPORTS = 'https://reports.example/api';
const PAYMENT = 'https://payments.example/types/payment';

let service: Service;
let client: TestPartner;
/** A client whose grant holds no type. */
let plain: TestPartner;

beforeAll(async () => {
  service = await startService();
  const { version } = (await callAdmin(service, 'GET', '/admin/realms/default')).body;
  const policy = { authorizationDetailsTypes: [PAYMENT, 'account', 'report'] };
  const changed = await callAdmin(service, 'PATCH', '/admin/realms/default', { version, policy });
  expect(changed.status).toBe(200);
  [client, plain] = await Promise.all([makePartner('shop'), makePartner('plain')]);
  for (const { id, publicJwk } of [client, plain])
    await mustCreate(service, '/partners', { id, jwks: { keys: [publicJwk] } });
  await mustCreate(service, '/partners', { id: 'bank' });
  await mustCreate(service, '/audiences', {
    audience: PAYMENTS,
    owner: 'bank',
    scopes: ['pay'],
    authorizationDetails: {
      [PAYMENT]: { actions: ['initiate', 'status', 'cancel'], fields: ['instructedAmount', 'creditorName'] },
      account: { actions: ['read'], datatypes: ['balance', 'transactions'], privileges: ['viewer'] },
    },
  });
  await mustCreate(service, '/audiences', {
    audience: REPORTS,
    owner: 'bank',
    scopes: ['see'],
    authorizationDetails: { report: { actions: ['read'] } },
  });
  const authorizationDetailsTypes = [PAYMENT, 'account'];
  await mustCreate(service, '/grants', {
    client: 'shop',
    audience: PAYMENTS,
    scopes: ['pay'],
    authorizationDetailsTypes,
  });
  await mustCreate(service, '/grants', {
    client: 'shop',
    audience: REPORTS,
    scopes: ['see'],
    authorizationDetailsTypes: ['report'],
  });
  await mustCreate(service, '/grants', { client: 'plain', audience: PAYMENTS, scopes: ['pay'] });
});
afterAll(() => service[Symbol.asyncDispose]());

/** Asks for these details, or for whatever text is given in their place. */
const ask = async (details: unknown, more: Readonly<Record<string, string>> = {}, who = client): Promise<Outcome> => {
  const text = typeof details === 'string' ? details : JSON.stringify(details);
  const form = tokenForm(await assertionOf(who, service.issuer), {
    resource: PAYMENTS,
    authorization_details: text,
    ...more,
  });
  return tokenOutcome(service, form);
};
const claimsOf = ({ body }: Outcome) => decodeJwt(String(body.access_token));

const refused = (reason: 'authorization_details_malformed' | 'authorization_details_not_granted'): Outcome => ({
  status: 400,
  body: {
    error: 'invalid_authorization_details',
    error_description: 'The authorization details are malformed, of an unknown type, or not granted to this client.',
  },
  reason,
});
const MALFORMED = refused('authorization_details_malformed');
const NOT_GRANTED = refused('authorization_details_not_granted');

const payment = (changes: object = {}) => ({
  type: PAYMENT,
  actions: ['initiate', 'status'],
  locations: [PAYMENTS],
  instructedAmount: { currency: 'EUR', amount: '123.50' },
  creditorName: 'Merchant A',
  ...changes,
});

describe('RFC 9396 2: the parameter authorization_details', () => {
  it('is a JSON array of objects', async () => {
    for (const text of ['', '[', '[]', '{}', JSON.stringify(payment()), '["account"]', '[null]', '[[]]', 'account']) {
      const outcome = await ask(text);
      // A parameter without a value is one that was left out (RFC 6749 3.2).
      expect(outcome).toEqual(text === '' ? expect.objectContaining({ status: 200 }) : MALFORMED);
    }
  });

  it('has a type in each object, compared character by character', async () => {
    expect(await ask([payment({ type: undefined })])).toEqual(MALFORMED);
    expect(await ask([payment({ type: 1 })])).toEqual(MALFORMED);
    expect(await ask([payment({ type: PAYMENT.toUpperCase() })])).toEqual(NOT_GRANTED);
    expect(await ask([{ type: 'Account' }])).toEqual(NOT_GRANTED);
  });

  it('may have several objects of one type, and of several types', async () => {
    const details = [payment(), payment({ actions: ['cancel'], creditorName: 'Merchant B' }), { type: 'account' }];
    expect(claimsOf(await ask(details)).authorization_details).toEqual(details);
  });

  it('has common members of the kinds that are defined', async () => {
    const account = {
      type: 'account',
      actions: ['read'],
      datatypes: ['balance'],
      privileges: ['viewer'],
      identifier: '4711',
    };
    expect(await ask([account])).toMatchObject({ status: 200 });
    for (const wrong of [
      { actions: 'read' },
      { datatypes: { 0: 'balance' } },
      { privileges: [1] },
      { locations: PAYMENTS },
      { identifier: ['4711'] },
    ]) {
      expect(await ask([{ ...account, ...wrong }])).toEqual(MALFORMED);
    }
  });

  it('may be sent once, and no member of an object may be there twice', async () => {
    const form = tokenForm(await assertionOf(client, service.issuer), { resource: PAYMENTS });
    for (const type of ['account', PAYMENT]) form.append('authorization_details', JSON.stringify([{ type }]));
    expect(await tokenOutcome(service, form)).toMatchObject({ status: 400, reason: 'parameter_duplicated' });
    expect(await ask('[{"type":"account","type":"report"}]')).toEqual(MALFORMED);
  });
});

describe('RFC 9396 3: beside other parameters', () => {
  it('goes together with scope, and each is granted for itself', async () => {
    const outcome = await ask([{ type: 'account' }], { scope: 'pay' });
    expect(outcome.body).toMatchObject({ scope: 'pay', authorization_details: [{ type: 'account' }] });
    expect(await ask([{ type: 'account' }], { scope: 'see' })).toMatchObject({ body: { error: 'invalid_scope' } });
  });

  it('is about the resource that the token is for, in its locations as well', async () => {
    expect(await ask([{ type: 'report' }])).toEqual(NOT_GRANTED);
    expect(await ask([{ type: 'report' }], { resource: REPORTS })).toMatchObject({ status: 200 });
    expect(await ask([{ type: 'report', locations: [REPORTS] }], { resource: REPORTS })).toMatchObject({ status: 200 });
    expect(await ask([payment({ locations: [PAYMENTS, REPORTS] })])).toEqual(NOT_GRANTED);
    expect(await ask([payment({ locations: [`${PAYMENTS}/`] })])).toEqual(NOT_GRANTED);
  });
});

describe('RFC 9396 5: what is refused', () => {
  it.each<readonly [string, object]>([
    ['an unknown type', { type: 'unknown' }],
    ['a type of another resource', { type: 'report' }],
    ['an unknown member', { type: 'account', creditorName: 'Merchant A' }],
    ['an unknown value', { type: 'account', actions: ['write'] }],
    ['a value of another member', { type: 'account', datatypes: ['viewer'] }],
    ['one unknown value among others', { type: 'account', datatypes: ['balance', 'owner'] }],
    ['a common member that the type does not have', payment({ datatypes: ['balance'] })],
  ])('is %s, with everything beside it', async (_case, detail) => {
    expect(await ask([detail])).toEqual(NOT_GRANTED);
    expect(await ask([payment(), detail])).toEqual(NOT_GRANTED);
  });

  it('is a type that the grant of the client does not hold', async () => {
    expect(await ask([payment()], {}, plain)).toEqual(NOT_GRANTED);
    expect(await ask('', {}, plain)).toMatchObject({ status: 200 });
  });

  it('is refused as invalid_authorization_details, and nothing of the request is repeated', async () => {
    const outcome = await ask([{ type: 'account', identifier: 'marker-4711', actions: ['marker-write'] }]);
    expect(outcome).toEqual(NOT_GRANTED);
    expect(JSON.stringify(outcome.body)).not.toContain('marker');
    expect(service.logs.filter((line) => line.includes('marker-'))).toEqual([]);
  });
});

describe('RFC 9396 7 and 9: what is granted', () => {
  it('stands in the answer as it was granted', async () => {
    const details = [payment()];
    expect((await ask(details)).body).toMatchObject({ token_type: 'Bearer', authorization_details: details });
  });

  it('stands in the token as a claim, as it was granted', async () => {
    const details = [payment({ identifier: 'ü' }), { type: 'account', datatypes: ['balance'] }];
    const claims = claimsOf(await ask(details));
    expect(claims).toMatchObject({ aud: PAYMENTS, scope: 'pay', authorization_details: details });
  });

  it('is nothing that was not asked for', async () => {
    const outcome = await ask('');
    expect(outcome.body).not.toHaveProperty('authorization_details');
    expect(claimsOf(outcome)).not.toHaveProperty('authorization_details');
  });
});

describe('RFC 9396 10: metadata', () => {
  it('lists the types that the realm has, and only where it has some', async () => {
    const metadataOf = async (path: string) => (await fetch(new URL(path, service.deployment.url))).json();
    const listed = { authorization_details_types_supported: [PAYMENT, 'account', 'report'] };
    expect(await metadataOf('/.well-known/oauth-authorization-server')).toMatchObject(listed);
    expect((await callAdmin(service, 'POST', '/admin/realms', { name: 'bare' })).status).toBe(201);
    const bare = await metadataOf('/.well-known/oauth-authorization-server/realms/bare');
    expect(bare).toMatchObject({ issuer: `${service.issuer}/realms/bare` });
    expect(bare).not.toHaveProperty('authorization_details_types_supported');
  });

  it('is kept: an audience declares no other type, and a grant holds none that the audience does not declare', async () => {
    const declaration = {
      audience: 'https://other.example',
      owner: 'bank',
      scopes: [],
      authorizationDetails: { other: {} },
    };
    expect((await administer(service, 'POST', '/audiences', declaration)).status).toBe(400);
    const grant = { client: 'plain', audience: REPORTS, scopes: ['see'], authorizationDetailsTypes: ['account'] };
    expect((await administer(service, 'POST', '/grants', grant)).status).toBeGreaterThanOrEqual(400);
  });
});

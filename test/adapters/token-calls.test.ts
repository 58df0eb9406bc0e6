/** What each way to a token costs in AWS calls, on the real adapters: the budget of a warm request is two, whatever it uses up. */

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { JWT_BEARER_ASSERTION } from '../../functions/core/client-authentication.ts';
import { CLIENT_CREDENTIALS, JWT_BEARER, TOKEN_EXCHANGE } from '../../functions/core/grant-type.ts';
import type { RawTokenRequest } from '../../functions/core/request-form.ts';
import { mustBe } from '../flows/admin-world.ts';
import { basic } from '../flows/ways-in-world.ts';
import { AUDIENCE, assertion, CLIENT, ISSUER, keyPair, REALM } from '../support/builders.ts';
import { dpopProof } from '../support/dpop.ts';
import { openTokenService, type TokenService } from './token-service.ts';

const IDP = 'https://idp.example';

let service: TokenService;
let secret: string;
let made = 0;
beforeEach(async () => {
  service = await openTokenService();
  const { admin } = service;
  await service.populate(REALM);
  const realm = await admin.realms.find(REALM);
  if (realm === undefined) throw new Error('there is no realm');
  mustBe(await admin.realms.change(realm, 0, { policy: { clientSecrets: true, dpopNonces: 'optional' } }));
  secret = mustBe(await admin.secrets.addSecret(REALM, CLIENT, {})).secret;
  const { version } = mustBe(await admin.partners.show(REALM, CLIENT)).partner;
  const federation = [{ issuer: IDP, claims: { sub: { exact: 'workload' } } }];
  mustBe(await admin.partners.change(REALM, CLIENT, version, { trustLevel: 'full', federation }));
  const jwk = { ...(await keyPair('ES256', 'idp')).publicJwk, kid: 'idp' };
  mustBe(
    await admin.partners.add(REALM, {
      id: 'idp',
      issuer: IDP,
      trustedIssuer: true,
      trustLevel: 'user',
      credentials: [{ jwk }],
    }),
  );
});
afterEach(() => service[Symbol.asyncDispose]());

const statement = async (claims: object, name = 'k1'): Promise<string> => {
  made += 1;
  const now = service.clock.now();
  return assertion(await keyPair('ES256', name), { jti: `s${made}`, iat: now, exp: now + 60, ...claims });
};
const proof = async (): Promise<string> => {
  made += 1;
  const claims = { jti: `p${made}`, htm: 'POST', htu: `${ISSUER}/token`, iat: service.clock.now() };
  return dpopProof(await keyPair('ES256', 'dpop'), claims);
};

type Parts = Omit<RawTokenRequest, 'parameters' | 'queryParameters'> & { form: Readonly<Record<string, string>> };
const request = ({ form, ...more }: Parts): RawTokenRequest => ({
  parameters: Object.entries({ grant_type: CLIENT_CREDENTIALS, resource: AUDIENCE, ...form }),
  queryParameters: [],
  ...more,
});

const bySecret = (): Parts => ({ form: {}, authorization: basic(CLIENT, secret) });
const byAssertion = (client_assertion: string, more: Readonly<Record<string, string>> = {}): Parts => ({
  form: { client_assertion_type: JWT_BEARER_ASSERTION, client_assertion, ...more },
});
const byKey = async (): Promise<Parts> => byAssertion(await statement({}));
const byIssuer = async (): Promise<Parts> =>
  byAssertion(await statement({ iss: IDP, sub: 'workload' }, 'idp'), { client_id: CLIENT });
const with_ = ({ form, ...more }: Parts, added: Readonly<Record<string, string>>): Parts => ({
  ...more,
  form: { ...form, ...added },
});
const about = async (claims: object, name?: string) => ({
  grant_type: JWT_BEARER,
  assertion: await statement(claims, name),
});

describe('the AWS calls of a warm request', () => {
  it.each<[string, () => Promise<Parts>, readonly string[]]>([
    ['a secret', async () => bySecret(), ['Sign']],
    ['a secret and a DPoP proof', async () => ({ ...bySecret(), dpop: await proof() }), ['PutItem', 'Sign']],
    ['a key', byKey, ['PutItem', 'Sign']],
    [
      'a key and a DPoP proof',
      async () => ({ ...(await byKey()), dpop: await proof() }),
      ['Sign', 'TransactWriteItems'],
    ],
    ['the token of an issuer', byIssuer, ['PutItem', 'Sign']],
    ['an assertion alone', async () => ({ form: await about({ sub: 'alice@crm' }) }), ['PutItem', 'Sign']],
    [
      'a key, and an issuer that speaks of a user',
      async () => with_(await byKey(), await about({ iss: IDP, sub: 'alice@idp' }, 'idp')),
      ['Sign', 'TransactWriteItems'],
    ],
    [
      'a key, an issuer that speaks of a user, and a DPoP proof',
      async () => ({
        ...with_(await byKey(), await about({ iss: IDP, sub: 'alice@idp' }, 'idp')),
        dpop: await proof(),
      }),
      ['Sign', 'TransactWriteItems'],
    ],
  ])('by %s are two at most', async (_what, parts, calls) => {
    const send = service.startEndpoint();
    const [cold, warm] = [await send(request(await parts())), await send(request(await parts()))];
    expect([cold.reason, warm.reason]).toEqual(['granted', 'granted']);
    expect(warm.calls.sort()).toEqual(calls);
  });

  it('are one more for a user whose name could be that of a partner: whether it is has to be looked up', async () => {
    const send = service.startEndpoint();
    const ask = async () => send(request({ form: await about({ sub: 'alice' }) }));
    const [, warm] = [await ask(), await ask()];
    expect([warm?.reason, warm?.calls.sort()]).toEqual(['granted', ['PutItem', 'Query', 'Sign']]);
  });

  it('that trades in a token are those of its proof, and one when it is first seen, to ask whether it was revoked', async () => {
    const send = service.startEndpoint();
    const { token: subject_token = '' } = await send(request(await byKey()));
    const exchange = {
      ...{ grant_type: TOKEN_EXCHANGE, subject_token },
      subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    };
    const outcomes = [
      await send(request(with_(bySecret(), exchange))),
      await send(request(with_(bySecret(), exchange))),
      await send(request(with_(await byKey(), exchange))),
    ];
    expect(outcomes.map(({ reason, calls }) => [reason, ...calls.sort()])).toEqual([
      ['granted', 'GetItem', 'Sign', 'UpdateItem'],
      ['granted', 'Sign'],
      ['granted', 'PutItem', 'Sign'],
    ]);
  });
});

describe('the AWS calls of a cold request', () => {
  it.each<[string, () => Promise<Parts>, readonly string[]]>([
    ['a secret', async () => bySecret(), ['BatchGetItem', 'Query', 'Sign', 'UpdateItem']],
    ['a key', byKey, ['BatchGetItem', 'Query', 'Sign', 'TransactWriteItems']],
    ['the token of an issuer', byIssuer, ['BatchGetItem', 'GetItem', 'Query', 'Query', 'Sign', 'TransactWriteItems']],
    // The key of the nonces is made once a day.
    [
      'a key and a DPoP proof',
      async () => ({ ...(await byKey()), dpop: await proof() }),
      ['BatchGetItem', 'PutItem', 'Query', 'Sign', 'TransactWriteItems'],
    ],
  ])('by %s', async (_what, parts, calls) => {
    const outcome = await service.startEndpoint()(request(await parts()));
    expect([outcome.reason, ...outcome.calls.sort()]).toEqual(['granted', ...calls]);
  });
});

describe('a replay', () => {
  it('of any part of a request uses up nothing of the rest', async () => {
    const send = service.startEndpoint();
    const [dpop, form] = [await proof(), await about({ iss: IDP, sub: 'alice' }, 'idp')];
    const outcomes = [
      await send(request({ ...bySecret(), dpop })),
      await send(request({ ...with_(bySecret(), form), dpop })),
      await send(request({ ...with_(bySecret(), form), dpop: await proof() })),
      await send(request({ ...with_(bySecret(), form), dpop: await proof() })),
    ];
    expect(outcomes.map(({ reason }) => reason)).toEqual([
      ...['granted', 'dpop_replayed', 'granted', 'grant_assertion_refused'],
    ]);
  });

  it('of one assertion by many functions at once is one token', async () => {
    const endpoints = Array.from({ length: 5 }, () => service.startEndpoint());
    const parts = { ...(await byKey()), dpop: await proof() };
    const outcomes = await Promise.all(endpoints.map((send) => send(request(parts))));
    expect(outcomes.filter(({ reason }) => reason === 'granted')).toHaveLength(1);
  });
});

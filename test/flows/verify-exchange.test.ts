/** Whom a token is to be about, by a token that is handed in for it (RFC 8693 2.1): which may be, and what of them goes on. */

import { beforeEach, describe, expect, it, vi } from 'vitest';
import { TOKEN_EXCHANGE } from '../../functions/core/grant-type.ts';
import { ACCESS_TOKEN_TYPE_URN, JWT_TYPE_URN } from '../../functions/core/token-request.ts';
import { verifySubject } from '../../functions/flows/verify-subject.ts';
import { AUDIENCE, assertion, CLIENT, grant, keyPair, NOW } from '../support/builders.ts';
import { clientPair } from './issue-token-world.ts';
import {
  BOB,
  CLIENT_API,
  clientIn,
  contextOf,
  FRONTEND,
  frontendToken,
  IDP,
  idpToken,
  ownToken,
  userToken,
  type WaysInState,
} from './ways-in-world.ts';

type Type = typeof ACCESS_TOKEN_TYPE_URN | typeof JWT_TYPE_URN;

const exchange = (
  token: string,
  { state = {}, actor, type = ACCESS_TOKEN_TYPE_URN }: { state?: WaysInState; actor?: string; type?: Type } = {},
) =>
  verifySubject(contextOf(state), clientIn(state), {
    ...{ type: TOKEN_EXCHANGE, subject: { token, type }, requestedType: ACCESS_TOKEN_TYPE_URN },
    ...(actor === undefined ? {} : { actor: { token: actor, type: ACCESS_TOKEN_TYPE_URN } }),
  });

const reasonOf = async (result: ReturnType<typeof exchange>): Promise<string> => {
  const subject = await result;
  if (subject.ok) return 'accepted';
  const { refusal } = subject;
  return 'because' in refusal && typeof refusal.because === 'object'
    ? `${refusal.reason}: ${refusal.because.reason}`
    : refusal.reason;
};
const bad = (reason: string): string => `subject_token_refused: ${reason}`;

const stranger = await keyPair('RS256', 'stranger');
const EXPIRES = { expiresAt: NOW - 60 + 600 };

describe('a token of ours', () => {
  it.each([
    [
      'the client its own',
      ownToken(),
      { kind: 'application', sub: CLIENT },
      { audience: AUDIENCE, scopes: ['read'], details: [], ...EXPIRES, goesOn: false },
    ],
    [
      'an application that calls it',
      frontendToken(),
      { kind: 'application', sub: FRONTEND },
      { audience: CLIENT_API, scopes: ['call'], details: [], ...EXPIRES, goesOn: true },
    ],
    [
      'a user whose application calls it',
      userToken(),
      { kind: 'user', sub: 'bob', subId: BOB, act: { sub: FRONTEND } },
      { audience: CLIENT_API, scopes: ['call'], details: [], ...EXPIRES, goesOn: true },
    ],
    [
      'a user for whom it may act',
      userToken({ may_act: { sub: CLIENT } }),
      { kind: 'user', sub: 'bob', subId: BOB, act: { sub: FRONTEND }, mayAct: { sub: CLIENT } },
      { audience: CLIENT_API, scopes: ['call'], details: [], ...EXPIRES, goesOn: true },
    ],
  ])(
    'of %s goes on with whom it is about and what it holds, and uses up nothing',
    async (_whose, token, subject, origin) => {
      for (const type of [ACCESS_TOKEN_TYPE_URN, JWT_TYPE_URN] as const) {
        expect(await exchange(token, { type })).toEqual({ ok: true, value: { subject, origin, uses: [] } });
      }
    },
  );

  it('goes on with its details', async () => {
    const details = [{ type: 'payment' }];
    const grants = [grant({ authorizationDetailsTypes: ['payment'] })];
    expect(await exchange(ownToken({ authorization_details: details }), { state: { grants } })).toMatchObject({
      value: { origin: { details } },
    });
  });

  it.each([{ jkt: 'x' }, { 'x5t#S256': 'y' }])(
    'that is bound to %j keeps that for its own client; of another it was proved at the resource',
    async (cnf) => {
      const [own, other] = [await exchange(ownToken({ cnf })), await exchange(frontendToken({ cnf }))];
      expect(own).toMatchObject({ ok: true, value: { confirmation: cnf } });
      expect([other.ok, other.ok && 'confirmation' in other.value]).toEqual([true, false]);
    },
  );

  it.each([
    ['is over', ownToken({ iat: NOW - 600, exp: NOW }), bad('token_expired')],
    ['is of another issuer', ownToken({ iss: 'https://other.example' }), bad('token_issuer')],
    ['lives longer than its key lets it', ownToken({ exp: NOW + 3_600 }), bad('token_lifetime')],
    ['is signed by nobody we know', ownToken({}, stranger), bad('token_key_unknown')],
    ['has a last letter changed', ownToken().replace(/.{4}$/, 'AAAA'), bad('token_signature')],
    ['is none', 'x', bad('token_malformed')],
    ['is an assertion', assertion(clientPair), bad('token_typ')],
    ['is of another issuer, said to be an access token', idpToken({ sub: 'alice' }), bad('token_typ')],
    ['is for another than the client', frontendToken({ aud: AUDIENCE, scope: 'read' }), bad('grant_missing')],
  ])('that %s is not taken', async (_what, token, reason) => {
    expect(await reasonOf(exchange(token))).toBe(reason);
  });

  it('that is for another resource than the client owns is nothing to it, also where that is granted to both', async () => {
    const state = { frontendGrants: [grant({ client: FRONTEND }), grant({ client: FRONTEND, audience: CLIENT_API })] };
    const token = frontendToken({ aud: AUDIENCE, scope: 'read' });
    expect([await reasonOf(exchange(token, { state })), await reasonOf(exchange(ownToken(), { state }))]).toEqual([
      'subject_not_shared',
      'accepted',
    ]);
  });
});

describe('what a token of ours rests on', () => {
  it.each<[string, string, WaysInState, string]>([
    ['its client', frontendToken(), { frontend: { enabled: false } }, bad('client_disabled')],
    ['its client altogether', frontendToken(), { frontend: 'gone' }, bad('client_unknown')],
    ['the grant of its client', frontendToken(), { frontendGrants: [] }, bad('grant_missing')],
    [
      'a scope of its client',
      frontendToken(),
      { frontendGrants: [grant({ client: FRONTEND, audience: CLIENT_API, scopes: ['other'] })] },
      bad('scope_not_granted'),
    ],
    [
      'the trust in its client',
      userToken(),
      { frontend: { trustLevel: 'application' } },
      bad('trust_level_insufficient'),
    ],
    // The client has a token about the frontend, which is gone by now.
    [
      'whom it is about',
      ownToken({ sub: FRONTEND, act: { sub: CLIENT } }),
      { frontend: { enabled: false } },
      bad('client_disabled'),
    ],
    [
      'whoever has acted',
      ownToken({ sub: 'bob', sub_id: BOB, act: { sub: CLIENT, act: { sub: FRONTEND } } }),
      { frontend: 'gone' },
      bad('client_disabled'),
    ],
  ])('may be gone meanwhile: %s', async (_what, token, state, reason) => {
    expect([await reasonOf(exchange(token)), await reasonOf(exchange(token, { state }))]).toEqual(['accepted', reason]);
  });

  it('is nothing of ours where another issuer knows the actor', async () => {
    const act = { sub: CLIENT, act: { sub: FRONTEND, iss: 'https://other.example' } };
    const token = ownToken({ sub: 'bob', sub_id: BOB, act });
    expect(await reasonOf(exchange(token, { state: { frontend: 'gone' } }))).toBe('accepted');
  });
});

describe('a token of another issuer', () => {
  it.each([
    ['a user', { sub: 'alice' }, { kind: 'user', sub: 'alice' }],
    ['the client', {}, { kind: 'application', sub: CLIENT }],
  ])('about %s may be handed in as a JWT, and is used up', async (_whom, claims, subject) => {
    expect(await exchange(idpToken(claims), { type: JWT_TYPE_URN })).toMatchObject({
      ok: true,
      value: { subject, uses: [{ maker: IDP, jti: 'idp-1' }] },
    });
  });

  it('may be one that the client has made', async () => {
    const token = assertion(clientPair, { sub: 'alice' });
    expect(await exchange(token, { type: JWT_TYPE_URN })).toMatchObject({
      ok: true,
      value: { subject: { kind: 'user', sub: 'alice' }, uses: [{ maker: CLIENT, jti: 'assertion-1' }] },
    });
  });

  it('may be an access token there, if it is for us', async () => {
    const token = idpToken({ sub: 'alice', client_id: 'app' }, { typ: 'at+jwt' });
    expect(await reasonOf(exchange(token, { type: JWT_TYPE_URN }))).toBe('accepted');
  });

  it.each<[string, string, WaysInState, string]>([
    ['nobody knows', idpToken({ iss: 'https://evil.example', sub: 'alice' }), {}, bad('issuer_unknown')],
    ['is disabled', idpToken({ sub: 'alice' }), { idp: { enabled: false } }, bad('issuer_disabled')],
    ['is not trusted', idpToken({ sub: 'alice' }), { idp: { trustedIssuer: false } }, bad('issuer_untrusted')],
    [
      'is trusted with applications only',
      idpToken({ sub: 'alice' }),
      { idp: { trustLevel: 'application' } },
      bad('trust_level_insufficient'),
    ],
    ['did not make it for us', idpToken({ sub: 'alice', aud: 'x' }), {}, bad('assertion_audience')],
  ])('that %s is not taken', async (_what, token, state, reason) => {
    expect(await reasonOf(exchange(token, { state, type: JWT_TYPE_URN }))).toBe(reason);
  });

  it('is not what a token of ours becomes that is not good any more', async () => {
    const expired = ownToken({ iat: NOW - 600, exp: NOW });
    expect(await reasonOf(exchange(expired, { type: JWT_TYPE_URN }))).toBe(bad('token_expired'));
  });
});

describe('the actor token', () => {
  it('is one of the client about itself', async () => {
    expect(await exchange(userToken(), { actor: ownToken() })).toEqual(await exchange(userToken()));
  });

  it.each([
    ['of another application', frontendToken(), 'client_id_mismatch'],
    ['of a user', userToken(), 'client_id_mismatch'],
    ['of the client about another', ownToken({ sub: FRONTEND, act: { sub: CLIENT } }), 'client_id_mismatch'],
    ['of the client, through another', ownToken({ act: { sub: FRONTEND } }), 'client_id_mismatch'],
    ['of the client about a user', ownToken({ sub: 'bob', sub_id: BOB, act: { sub: CLIENT } }), 'client_id_mismatch'],
    ['that is over', ownToken({ iat: NOW - 600, exp: NOW }), 'token_expired'],
    ['of nobody we know', ownToken({}, stranger), 'token_key_unknown'],
    ['that is an assertion', assertion(clientPair), 'token_typ'],
  ])('is none %s', async (_whose, actor, reason) => {
    expect(await reasonOf(exchange(userToken(), { actor }))).toBe(`actor_token_refused: ${reason}`);
  });

  it('is looked at before the subject token', async () => {
    expect(await reasonOf(exchange('x', { actor: 'y' }))).toBe('actor_token_refused: token_malformed');
  });
});

describe('what a bad token costs', () => {
  const checks = vi.spyOn(SubtleCrypto.prototype, 'verify');
  beforeEach(() => {
    checks.mockClear();
  });

  it('is no signature check where no key of ours has signed it', async () => {
    await exchange(ownToken({}, stranger));
    await exchange('x'.repeat(8_193));
    expect(checks).not.toHaveBeenCalled();
  });
});

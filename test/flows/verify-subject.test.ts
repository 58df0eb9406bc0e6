/** Whom a token is to be about, by an assertion: of the client's own making, or of an issuer that is trusted (RFC 7523 2.1). */

import { describe, expect, it } from 'vitest';
import { CLIENT_CREDENTIALS, JWT_BEARER } from '../../functions/core/grant-type.ts';
import type { Partner } from '../../functions/core/partner.ts';
import { verifySubject } from '../../functions/flows/verify-subject.ts';
import { assertion, CLIENT, credential, ISSUER, keyPair, NOW } from '../support/builders.ts';
import { clientPair } from './issue-token-world.ts';
import {
  CLIENT_ISSUER,
  clientIn,
  contextOf,
  FRONTEND,
  IDP,
  IDP_ISSUER,
  idpPair,
  idpToken,
  type WaysInState,
} from './ways-in-world.ts';

const stranger = await keyPair('ES256', 'stranger');

const subjectOf = (jws: string, state: WaysInState = {}) =>
  verifySubject(contextOf(state), clientIn(state), { type: JWT_BEARER, assertion: jws, isLegacy: false });

/** What is wrong with the assertion, within the refusal of the grant. */
const reasonOf = async (result: ReturnType<typeof subjectOf>): Promise<unknown> => {
  const subject = await result;
  if (subject.ok) return 'accepted';
  const { refusal } = subject;
  expect(refusal.reason).toBe('grant_assertion_refused');
  return refusal.reason === 'grant_assertion_refused' ? refusal.because.reason : refusal;
};

const own = (claims: object = {}, header: object = {}): string => assertion(clientPair, claims, header);
const use = (maker: string, jti: string) => ({ kind: 'assertion', maker, jti, forgetAfter: NOW + 60 + 61 });
const user = (iss: string, sub = 'alice', more: object = {}) => ({
  ...{ kind: 'user', sub, subId: { format: 'iss_sub', iss, sub } },
  ...more,
});
const itself = { kind: 'application', sub: CLIENT };

describe('without an assertion', () => {
  it('a token is about the client, and nothing is used up', async () => {
    expect(await verifySubject(contextOf(), clientIn(), { type: CLIENT_CREDENTIALS })).toEqual({
      ok: true,
      value: { subject: itself, uses: [] },
    });
  });
});

describe('an assertion of the client', () => {
  it.each([
    ['itself', {}, itself],
    ['itself, by its issuer', { iss: CLIENT_ISSUER, sub: CLIENT_ISSUER }, itself],
    ['itself, by both of its names', { iss: CLIENT_ISSUER, sub: CLIENT }, itself],
    ['a user', { sub: 'alice' }, user(CLIENT)],
    ['a user, by its issuer', { iss: CLIENT_ISSUER, sub: 'alice' }, user(CLIENT_ISSUER)],
    [
      'a user for whom a client of ours may act',
      { sub: 'alice', may_act: { sub: 'billing' } },
      user(CLIENT, 'alice', { mayAct: { sub: 'billing' } }),
    ],
    [
      'a user for whom a client of another issuer may act',
      { sub: 'alice', may_act: { sub: 'app', iss: 'https://other.example' } },
      user(CLIENT, 'alice', { mayAct: { sub: 'app', iss: 'https://other.example' } }),
    ],
    [
      'a user for whom a client of ours may act, by our name',
      { sub: 'alice', may_act: { sub: 'billing', iss: ISSUER } },
      user(CLIENT, 'alice', { mayAct: { sub: 'billing' } }),
    ],
  ])('speaks of %s, and is used up', async (_whom, claims, subject) => {
    expect(await subjectOf(own(claims))).toEqual({ ok: true, value: { subject, uses: [use(CLIENT, 'assertion-1')] } });
  });

  it('is used up by nothing where its library sends it again and again', async () => {
    expect(await subjectOf(own(), { client: { compatibility: 'msal' } })).toEqual({
      ok: true,
      value: { subject: itself, uses: [] },
    });
  });

  it('speaks of itself without saying so only where its library cannot', async () => {
    const said = own({ sub: undefined });
    expect([
      await reasonOf(subjectOf(said)),
      await subjectOf(said, { client: { compatibility: 'google' } }),
    ]).toMatchObject(['assertion_malformed', { value: { subject: itself } }]);
  });

  it.each([
    ['another key', assertion(stranger, { sub: 'alice' }, { kid: 'k1' }), 'assertion_signature'],
    ['no key that it has', own({}, { kid: 'x' }), 'assertion_key_unknown'],
    ['another server to read', own({ aud: 'https://other.example' }), 'assertion_audience'],
    ['several servers to read', own({ aud: [ISSUER] }), 'assertion_audience'],
    ['the token endpoint to read', own({ aud: `${ISSUER}/token` }), 'assertion_audience'],
    ['a time that is over', own({ exp: NOW - 60 }), 'assertion_expired'],
    ['a time that is to come', own({ nbf: NOW + 61 }), 'assertion_not_yet_valid'],
    ['more time than there may be', own({ exp: NOW + 361 }), 'assertion_lifetime'],
    ['no id', own({ jti: undefined }), 'assertion_malformed'],
    ['a may_act that names nobody', own({ sub: 'alice', may_act: {} }), 'assertion_malformed'],
    ['a may_act of two', own({ sub: 'alice', may_act: { sub: 'a', act: { sub: 'b' } } }), 'assertion_malformed'],
    ['actors of whom it says so alone', own({ sub: 'alice', act: { sub: 'a' } }), 'assertion_malformed'],
    ['the name of another partner', own({ sub: FRONTEND }), 'subject_is_partner'],
    ['the type of a proof of the client', own({}, { typ: 'client-authentication+jwt' }), 'assertion_typ'],
    ['the type of an access token', own({ sub: 'alice' }, { typ: 'at+jwt' }), 'assertion_typ'],
    ['a subject that is too long', own({ sub: 'x'.repeat(257) }), 'assertion_malformed'],
  ])('is not good with %s', async (_what, jws, reason) => {
    expect(await reasonOf(subjectOf(jws))).toBe(reason);
  });
});

describe('a token of a trusted issuer', () => {
  it('speaks of the client where its federation says so', async () => {
    expect(await subjectOf(idpToken())).toEqual({
      ok: true,
      value: { subject: itself, uses: [use(IDP, 'idp-1')] },
    });
  });

  it.each([
    ['a user', {}, user(IDP_ISSUER)],
    ['a user, for us in a list', { aud: [ISSUER] }, user(IDP_ISSUER)],
    ['a user whose application says who it is', { client_id: 'app' }, user(IDP_ISSUER)],
    [
      'a user for whom others act there',
      { act: { sub: 'a', act: { sub: 'b', iss: 'https://third.example' } } },
      user(IDP_ISSUER, 'alice', {
        act: { sub: 'a', iss: IDP_ISSUER, act: { sub: 'b', iss: 'https://third.example' } },
      }),
    ],
    [
      'a user for whom somebody there may act',
      { may_act: { sub: CLIENT } },
      user(IDP_ISSUER, 'alice', { mayAct: { sub: CLIENT, iss: IDP_ISSUER } }),
    ],
    [
      'a user for whom a client of ours may act',
      { may_act: { sub: CLIENT, iss: ISSUER } },
      user(IDP_ISSUER, 'alice', { mayAct: { sub: CLIENT } }),
    ],
    // Nobody speaks for the users of somebody else.
    [
      'a user of another, as if it were its own',
      { sub_id: { format: 'iss_sub', iss: 'https://other.example', sub: 'bob' } },
      user(IDP_ISSUER),
    ],
  ])('speaks of %s, and is used up', async (_whom, claims, subject) => {
    expect(await subjectOf(idpToken({ sub: 'alice', ...claims }))).toEqual({
      ok: true,
      value: { subject, uses: [use(IDP, 'idp-1')] },
    });
  });

  it.each([{ jkt: 'x' }, { 'x5t#S256': 'y' }, { jkt: 'x', 'x5t#S256': 'y' }])(
    'hands on what it is bound to: %j',
    async (cnf) => {
      expect([await subjectOf(idpToken({ sub: 'alice', cnf })), await subjectOf(idpToken({ cnf }))]).toMatchObject([
        { value: { confirmation: cnf } },
        { value: { confirmation: cnf } },
      ]);
    },
  );

  it.each([
    ['its client_id', { client_id: 'app' }],
    ['its azp', { azp: 'app' }],
    ['its idtyp', { idtyp: 'app' }],
  ])(
    'that speaks of an application that is not the client, as %s says, is nothing to the client',
    async (_how, claims) => {
      const state = { client: { federation: [] } };
      const jws = idpToken({ sub: 'app', ...claims });
      expect([await reasonOf(subjectOf(jws)), await reasonOf(subjectOf(jws, state))]).toEqual([
        'federation_claims',
        'federation_missing',
      ]);
    },
  );

  it.each<[Partner['trustLevel'], string]>([
    ['application', 'trust_level_insufficient'],
    ['user', 'accepted'],
    ['full', 'accepted'],
  ])('that is trusted with %s may speak of users: %s', async (trustLevel, outcome) => {
    expect(await reasonOf(subjectOf(idpToken({ sub: 'alice' }), { idp: { trustLevel } }))).toBe(outcome);
  });

  it.each(['application', 'user', 'full'] as const)(
    'that is trusted with %s may speak of the client',
    async (trustLevel) => {
      expect(await reasonOf(subjectOf(idpToken(), { idp: { trustLevel } }))).toBe('accepted');
    },
  );

  it.each<[WaysInState['idp'], string]>([
    ['gone', 'issuer_unknown'],
    [{ issuer: 'https://other.example' }, 'issuer_unknown'],
    [{ trustedIssuer: false }, 'issuer_untrusted'],
    [{ enabled: false }, 'issuer_disabled'],
    [{ credentials: [] }, 'assertion_key_unknown'],
    [{ credentials: [credential(stranger, { kid: 'idp' })] }, 'assertion_signature'],
    [{ credentials: [credential(idpPair, { expiresAt: NOW })] }, 'credential_expired'],
    [{ credentials: [credential(idpPair, { notBefore: NOW + 1 })] }, 'credential_not_yet_valid'],
  ])('that is %j speaks of nobody', async (idp, reason) => {
    for (const sub of ['alice', undefined]) {
      const jws = idpToken(sub === undefined ? {} : { sub });
      expect(await reasonOf(subjectOf(jws, idp === undefined ? {} : { idp }))).toBe(reason);
    }
  });

  it.each([
    ['another issuer', { iss: 'https://evil.example' }, 'issuer_unknown'],
    ['no issuer', { iss: undefined }, 'issuer_unknown'],
    ['another server to read', { aud: 'https://other.example' }, 'assertion_audience'],
    ['our token endpoint to read', { aud: `${ISSUER}/token` }, 'assertion_audience'],
    ['nobody to read', { aud: undefined }, 'assertion_audience'],
    ['others to read who could hand it in here', { aud: [ISSUER, 'https://other.example'] }, 'assertion_audience'],
    ['the name of a partner', { sub: FRONTEND }, 'subject_is_partner'],
    ['the name of the client', { sub: CLIENT }, 'subject_is_partner'],
    ['a time that is over', { iat: NOW - 600, exp: NOW - 60 }, 'assertion_expired'],
    ['a time that is to come', { iat: NOW + 61 }, 'assertion_not_yet_valid'],
    ['more time than there may be', { exp: NOW + 3_661 }, 'assertion_lifetime'],
    ['no id, without which it could be used again', { jti: undefined }, 'assertion_malformed'],
    ['an act that names nobody', { act: {} }, 'assertion_malformed'],
    [
      'an act of five',
      { act: { sub: 'a', act: { sub: 'b', act: { sub: 'c', act: { sub: 'd', act: { sub: 'e' } } } } } },
      'assertion_malformed',
    ],
    ['a may_act that names nobody', { may_act: { iss: IDP_ISSUER } }, 'assertion_malformed'],
    ['a confirmation that nobody knows', { cnf: { kid: 'x' } }, 'assertion_malformed'],
    ['a subject that no token of ours can name', { sub: 'x'.repeat(257) }, 'assertion_malformed'],
  ])('speaks of no user with %s', async (_what, claims, reason) => {
    expect(await reasonOf(subjectOf(idpToken({ sub: 'alice', ...claims })))).toBe(reason);
  });

  it('is looked for under the name that it gives, whoever has signed it', async () => {
    // The frontend is a trusted issuer too, and signs as if it were the other.
    const state = {
      frontend: { issuer: 'https://frontend.example', trustedIssuer: true, credentials: [credential(stranger)] },
    };
    const forged = idpToken({ sub: 'alice' }, { kid: 'stranger' }, stranger);
    expect(await reasonOf(subjectOf(forged, state))).toBe('assertion_key_unknown');
  });
});

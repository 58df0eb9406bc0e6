/** What a request uses up, what its token is bound to and what the answer says of it, over all grants. */

import { decodeJwt } from 'jose';
import { describe, expect, it } from 'vitest';
import { CLIENT_CREDENTIALS, JWT_BEARER, TOKEN_EXCHANGE } from '../../functions/core/grant-type.ts';
import type { TokenAnswer } from '../../functions/core/token-answer.ts';
import { ACCESS_TOKEN_TYPE_URN, JWT_TYPE_URN } from '../../functions/core/token-request.ts';
import { issueToken } from '../../functions/flows/issue-token.ts';
import { AUDIENCE, assertion, CLIENT, grant, ISSUER, keyPair, NOW, REALM } from '../support/builders.ts';
import { dpopProof } from '../support/dpop.ts';
import { clientPair, NONCE, reasonOf, SETTINGS, tokenOf } from './issue-token-world.ts';
import {
  CERTIFICATES,
  CLIENT_API,
  FRONTEND,
  frontendToken,
  IDP,
  IDP_ISSUER,
  idpToken,
  METHODS,
  ownToken,
  presented,
  requestOf,
  type Shown,
  userToken,
  type WaysInState,
  waysInPorts,
} from './ways-in-world.ts';

const dpopPair = await keyPair('ES256', 'dpop');
const proof = (claims: object = {}): string =>
  dpopProof(dpopPair, { jti: 'dpop-1', htm: 'POST', htu: `${ISSUER}/token`, nonce: NONCE, ...claims });

interface Asking {
  readonly shown?: Shown;
  readonly form?: Readonly<Record<string, string>>;
  readonly dpop?: string;
  readonly certificate?: string;
}

/** One realm and its memory of what was used, for one request after another. */
const open = (state: WaysInState = {}) => {
  const { ports, replay, calls } = waysInPorts(state);
  let requests = 0;
  const ask = ({ shown = METHODS.client_secret_basic(), form = {}, dpop, certificate }: Asking = {}) => {
    requests += 1;
    const request = requestOf(shown, { grant_type: CLIENT_CREDENTIALS, resource: AUDIENCE, ...form });
    const raw = {
      ...request,
      ...(dpop === undefined ? {} : { dpop }),
      ...(certificate === undefined ? {} : { clientCertificate: certificate }),
    };
    return issueToken(ports, SETTINGS)(REALM, raw, `request-${requests}`);
  };
  return { ask, replay, calls };
};
const usesOf = ({ replay }: Pick<ReturnType<typeof open>, 'replay'>): readonly string[] =>
  [...replay.uses.values()].map(({ kind, maker, jti }) => `${kind} ${jti} of ${maker}`).sort();

const bearer = (jws: string) => ({ grant_type: JWT_BEARER, assertion: jws });
const exchanged = (token: string, type: string = ACCESS_TOKEN_TYPE_URN) => ({
  ...{ grant_type: TOKEN_EXCHANGE, subject_token: token, subject_token_type: type },
});
const ALONE: Shown = { form: { client_id: CLIENT } };
const DPOP_USE = `dpop dpop-1 of ${dpopPair.thumbprint}`;
const ALICE = assertion(clientPair, { jti: 'alice-1', sub: 'alice' });
const BY_KEY = METHODS.private_key_jwt();

describe('what a request uses up', () => {
  it.each<[string, Asking, readonly string[]]>([
    ['nothing, with a secret', {}, []],
    ['the proof of the client', { shown: BY_KEY }, [`assertion proof-1 of ${CLIENT}`]],
    [
      'the assertion of the grant, which is the proof as well',
      { shown: ALONE, form: bearer(ALICE) },
      [`assertion alice-1 of ${CLIENT}`],
    ],
    [
      'both assertions',
      { shown: BY_KEY, form: bearer(ALICE) },
      [`assertion alice-1 of ${CLIENT}`, `assertion proof-1 of ${CLIENT}`],
    ],
    [
      'one assertion that stands in both places',
      { shown: METHODS.federated(), form: bearer(idpToken({ jti: 'proof-1' })) },
      [`assertion proof-1 of ${IDP}`],
    ],
    [
      'assertions of the same id of two makers',
      { shown: BY_KEY, form: bearer(idpToken({ jti: 'proof-1', sub: 'alice' })) },
      [`assertion proof-1 of ${CLIENT}`, `assertion proof-1 of ${IDP}`],
    ],
    [
      'two assertions and a proof',
      { shown: METHODS.federated(), form: bearer(ALICE), dpop: proof() },
      [`assertion alice-1 of ${CLIENT}`, `assertion proof-1 of ${IDP}`, DPOP_USE],
    ],
    ['a proof', { dpop: proof() }, [DPOP_USE]],
    ['no token that is traded in', { form: exchanged(userToken()) }, []],
    ['a JWT that is traded in', { form: exchanged(ALICE, JWT_TYPE_URN) }, [`assertion alice-1 of ${CLIENT}`]],
  ])('is %s, by one claim', async (_what, asking, uses) => {
    const world = open();
    expect(reasonOf(await world.ask(asking))).toBe('granted');
    expect(usesOf(world)).toEqual([...uses].sort());
    const [claim = '', ...more] = world.calls.filter((call) => call.startsWith('claim'));
    expect([claim.split(' ').filter((word) => /-\d$/.test(word)).length, more]).toEqual([uses.length, []]);
  });

  const OTHER_PROOF = {
    shown: { form: { ...BY_KEY.form, client_assertion: assertion(clientPair, { jti: 'proof-2' }) } },
  };
  const inWords = (decided: Awaited<ReturnType<ReturnType<typeof open>['ask']>>): string => {
    const { result } = decided;
    return !result.ok && 'because' in result.refusal && typeof result.refusal.because === 'object'
      ? `${result.refusal.reason}: ${result.refusal.because.reason}`
      : reasonOf(decided);
  };

  it.each<[string, Asking, Asking, string]>([
    ['the proof of the client', { shown: BY_KEY }, { shown: BY_KEY }, 'assertion_replayed'],
    [
      'the proof of the client, for another grant',
      { shown: BY_KEY },
      { shown: BY_KEY, form: bearer(ALICE) },
      'assertion_replayed',
    ],
    [
      'the assertion of the grant',
      { shown: BY_KEY, form: bearer(ALICE) },
      { ...OTHER_PROOF, form: bearer(ALICE) },
      'grant_assertion_refused: assertion_replayed',
    ],
    [
      'the assertion that is grant and proof',
      { shown: ALONE, form: bearer(ALICE) },
      { shown: ALONE, form: bearer(ALICE) },
      'grant_assertion_refused: assertion_replayed',
    ],
    [
      'a JWT that was traded in',
      { form: exchanged(ALICE, JWT_TYPE_URN) },
      { form: exchanged(ALICE, JWT_TYPE_URN) },
      'subject_token_refused: assertion_replayed',
    ],
    [
      'the assertion of a grant, as the proof of the client',
      { form: bearer(assertion(clientPair, { jti: 'proof-1' })) },
      { shown: BY_KEY },
      'assertion_replayed',
    ],
    ['the proof of possession', { dpop: proof() }, { dpop: proof() }, 'dpop_replayed'],
    [
      'the proof of possession, beside a good assertion',
      { shown: BY_KEY, dpop: proof() },
      { ...OTHER_PROOF, dpop: proof() },
      'dpop_replayed',
    ],
  ])('is not good a second time: %s', async (_what, first, second, reason) => {
    const world = open();
    expect(inWords(await world.ask(first))).toBe('granted');
    const before = usesOf(world);
    expect([inWords(await world.ask(second)), usesOf(world)]).toEqual([reason, before]);
  });

  it('leaves what came beside it good', async () => {
    const world = open();
    await world.ask({ dpop: proof() });
    expect(reasonOf(await world.ask({ shown: BY_KEY, form: bearer(ALICE), dpop: proof() }))).toBe('dpop_replayed');
    const fresh = proof({ jti: 'dpop-2' });
    expect(reasonOf(await world.ask({ shown: BY_KEY, form: bearer(ALICE), dpop: fresh }))).toBe('granted');
  });
});

describe('what a token is bound to', () => {
  const { x5tS256 } = presented(CERTIFICATES.issued);
  const boundTo = async (asking: Asking, state: WaysInState = {}) => {
    const decided = await open(state).ask(asking);
    const { result, facts } = decided;
    return result.ok
      ? {
          cnf: decodeJwt(tokenOf(decided)).cnf,
          type: result.value.answer.token_type,
          by: facts.boundBy,
          nonce: result.value.dpopNonce,
        }
      : reasonOf(decided);
  };
  const KEY = { jkt: dpopPair.thumbprint };
  const CERTIFICATE = { 'x5t#S256': x5tS256 };
  const asking = (binding: 'dpop' | 'mtls' | 'mtls-optional'): WaysInState => ({
    client: { tokenPolicy: { binding } },
  });
  const certificate = CERTIFICATES.issued;

  it.each<[string, Asking, WaysInState, unknown]>([
    ['nothing', {}, {}, { type: 'Bearer' }],
    ['the key of a proof', { dpop: proof() }, {}, { cnf: KEY, type: 'DPoP', by: ['dpop'], nonce: NONCE }],
    ['no certificate that nobody asks for', { certificate }, {}, { type: 'Bearer' }],
    [
      'a certificate, if there is one',
      { certificate },
      asking('mtls-optional'),
      { cnf: CERTIFICATE, type: 'Bearer', by: ['mtls'] },
    ],
    ['nothing, if there is none', {}, asking('mtls-optional'), { type: 'Bearer' }],
    ['a certificate', { certificate }, asking('mtls'), { cnf: CERTIFICATE, type: 'Bearer', by: ['mtls'] }],
    [
      'both',
      { certificate, dpop: proof() },
      { ...asking('mtls'), audience: { tokenPolicy: { binding: 'dpop' } } },
      { cnf: { ...KEY, ...CERTIFICATE }, type: 'DPoP', by: ['dpop', 'mtls'], nonce: NONCE },
    ],
    ['what is asked for, or there is none: a certificate', {}, asking('mtls'), 'binding_required'],
    ['what is asked for, or there is none: a key', { certificate }, asking('dpop'), 'binding_required'],
    [
      'what its own token was: a key',
      { form: exchanged(ownToken({ cnf: KEY })), dpop: proof() },
      {},
      { cnf: KEY, type: 'DPoP', by: ['dpop'], nonce: NONCE },
    ],
    [
      'what its own token was: a certificate',
      { form: exchanged(ownToken({ cnf: CERTIFICATE })), certificate },
      {},
      { cnf: CERTIFICATE, type: 'Bearer', by: ['mtls'] },
    ],
    ['what its own token was, or there is none', { form: exchanged(ownToken({ cnf: KEY })) }, {}, 'binding_required'],
    [
      'what its own token was, and no other',
      { form: exchanged(ownToken({ cnf: { jkt: 'x' } })), dpop: proof() },
      {},
      'binding_required',
    ],
    [
      'what the token of another issuer was',
      { form: bearer(idpToken({ sub: 'alice', cnf: KEY })), dpop: proof() },
      {},
      { cnf: KEY, type: 'DPoP', by: ['dpop'], nonce: NONCE },
    ],
    [
      'what the token of another issuer was, or there is none',
      { form: bearer(idpToken({ sub: 'alice', cnf: KEY })) },
      {},
      'binding_required',
    ],
    [
      'nothing of what the token of a caller was',
      { form: exchanged(frontendToken({ cnf: { jkt: 'x' } })) },
      {},
      { type: 'Bearer' },
    ],
  ])('is %s', async (_what, request, state, expected) => {
    const found = await boundTo(request, state);
    expect(found).toEqual(
      typeof found === 'string'
        ? expected
        : { cnf: undefined, by: undefined, nonce: undefined, ...(expected as object) },
    );
  });

  it('is the certificate that the client proves itself with, where that is asked for', async () => {
    const found = await boundTo({ shown: METHODS.tls_client_auth(false) }, asking('mtls'));
    expect(found).toMatchObject({ cnf: CERTIFICATE, type: 'Bearer' });
  });
});

describe('the answer', () => {
  it.each([
    [ACCESS_TOKEN_TYPE_URN, {}],
    [ACCESS_TOKEN_TYPE_URN, { requested_token_type: ACCESS_TOKEN_TYPE_URN }],
    [JWT_TYPE_URN, { requested_token_type: JWT_TYPE_URN }],
  ])('to an exchange says that the token is %s (RFC 8693 2.2.1), with %j', async (type, form) => {
    const { result } = await open().ask({ form: { ...exchanged(userToken()), ...form } });
    expect(result).toMatchObject({ ok: true, value: { answer: { issued_token_type: type, token_type: 'Bearer' } } });
  });

  it.each([{}, bearer(ALICE)])('to any other grant says nothing of that: %j', async (form) => {
    const { result } = await open().ask({ form });
    expect(result.ok && Object.keys(result.value.answer)).toEqual([
      'access_token',
      'token_type',
      'expires_in',
      'scope',
    ]);
  });

  it('says which details were granted, as does the token (RFC 9396 7)', async () => {
    const details = [{ type: 'payment', actions: ['pay'] }];
    const decided = await open({
      audience: { authorizationDetails: { payment: { actions: ['pay'] } } },
      grants: [grant({ authorizationDetailsTypes: ['payment'] })],
    }).ask({ form: { authorization_details: JSON.stringify(details) } });
    expect(decided.result).toMatchObject({ value: { answer: { authorization_details: details } } });
    expect(decodeJwt(tokenOf(decided)).authorization_details).toEqual(details);
  });

  it('to an exchange ends when the token does that was traded in', async () => {
    const { result } = await open().ask({ form: exchanged(ownToken({ exp: NOW + 17 })) });
    expect(result).toMatchObject({ value: { answer: { expires_in: 17 } } });
  });

  it('to a proof without nonce says which to take, and uses nothing up (RFC 9449 8)', async () => {
    const world = open();
    const { result } = await world.ask({ shown: BY_KEY, dpop: proof({ nonce: undefined }) });
    expect([result, usesOf(world)]).toEqual([{ ok: false, refusal: { reason: 'dpop_nonce', nonce: NONCE } }, []]);
    expect(reasonOf(await world.ask({ shown: BY_KEY, dpop: proof() }))).toBe('granted');
  });

  it('tells nobody a nonce who has not proved to be a client', async () => {
    const shown = { form: { client_id: CLIENT, client_secret: 'wrong' } };
    expect(reasonOf(await open().ask({ shown, dpop: proof({ nonce: undefined }) }))).toBe('secret_unknown');
  });
});

describe('a chain of exchanges', () => {
  const chain = (...names: readonly string[]): object | undefined => {
    const [sub, ...within] = names;
    return sub === undefined ? undefined : { sub, ...(within.length === 0 ? {} : { act: chain(...within) }) };
  };

  it('grows by one actor each, and ends at four', async () => {
    const outcomes = [];
    for (const names of [
      [FRONTEND],
      [FRONTEND, 'billing'],
      [FRONTEND, 'billing', 'idp'],
      [FRONTEND, 'billing', 'idp', 'crm'],
    ]) {
      const decided = await open().ask({ form: exchanged(userToken({ act: chain(...names) })) });
      outcomes.push(decided.result.ok ? decided.facts.actors : reasonOf(decided));
    }
    expect(outcomes).toEqual([
      [CLIENT, FRONTEND],
      [CLIENT, FRONTEND, 'billing'],
      [CLIENT, FRONTEND, 'billing', 'idp'],
      'actors_too_many',
    ]);
  });

  it('stays within who may act', async () => {
    const outcomes = [];
    for (const may_act of [{ sub: CLIENT }, { sub: 'billing' }, { sub: CLIENT, iss: IDP_ISSUER }])
      outcomes.push(reasonOf(await open().ask({ form: exchanged(userToken({ may_act })) })));
    expect(outcomes).toEqual(['granted', 'may_act_excludes', 'may_act_excludes']);
  });

  it('says so of a user of another issuer, whose actors there keep their issuer', async () => {
    const decided = await open().ask({ form: bearer(idpToken({ sub: 'alice', act: { sub: 'app' } })) });
    expect(decodeJwt(tokenOf(decided)).act).toEqual({ sub: CLIENT, act: { sub: 'app', iss: IDP_ISSUER } });
  });

  it('narrows scopes for the same audience, and asks the own grant for another', async () => {
    const grants = [grant(), grant({ audience: CLIENT_API, scopes: ['call'] })];
    const scopesOf = async (token: string, form: Readonly<Record<string, string>> = {}) => {
      const decided = await open({ grants }).ask({ form: { ...exchanged(token), ...form } });
      return decided.result.ok ? (decided.result.value.answer as TokenAnswer).scope : reasonOf(decided);
    };
    expect([
      await scopesOf(ownToken()),
      await scopesOf(ownToken(), { scope: 'read write' }),
      await scopesOf(frontendToken()),
      await scopesOf(frontendToken(), { scope: 'write' }),
      // What it has got for itself it can make narrower; to go on takes having been called.
      await scopesOf(ownToken(), { resource: CLIENT_API }),
    ]).toEqual(['read', 'scope_not_granted', 'read write', 'write', 'subject_not_shared']);
  });
});

/**
 * Every way to prove the client, by every grant, in every state of client, issuer, realm, resource and rights: a token that says the
 * right thing, or the refusal that belongs to the state. Nothing that is disabled, removed or expired gets past by any of the ways.
 */

import { decodeJwt } from 'jose';
import { describe, expect, it } from 'vitest';
import type { Refusal } from '../../functions/core/errors.ts';
import { CLIENT_CREDENTIALS, JWT_BEARER, TOKEN_EXCHANGE } from '../../functions/core/grant-type.ts';
import { ACCESS_TOKEN_TYPE_URN } from '../../functions/core/token-request.ts';
import { issueToken } from '../../functions/flows/issue-token.ts';
import { AUDIENCE, assertion, CLIENT, ISSUER, NOW, REALM } from '../support/builders.ts';
import { clientPair, SETTINGS } from './issue-token-world.ts';
import {
  BOB,
  EXPIRED,
  FRONTEND,
  frontendToken,
  IDP_ISSUER,
  idpToken,
  METHODS,
  type Method,
  ownToken,
  requestOf,
  userToken,
  type WaysInState,
  WORKLOAD,
  waysInPorts,
} from './ways-in-world.ts';

const exchange = (token: string) => ({
  ...{ grant_type: TOKEN_EXCHANGE, subject_token: token, subject_token_type: ACCESS_TOKEN_TYPE_URN },
});
const bearer = (jws: string) => ({ grant_type: JWT_BEARER, assertion: jws });

interface Way {
  readonly form: () => Readonly<Record<string, string>>;
  /** What the token says beside what all of them say. */
  readonly claims: { readonly sub: string; readonly sub_id?: object; readonly act?: object };
  readonly about: 'client' | 'user' | 'application';
  /** Who has made what says whom the token is about. */
  readonly by?: 'client' | 'issuer' | 'frontend';
}

const GRANTS = {
  'client credentials': {
    ...{ form: () => ({ grant_type: CLIENT_CREDENTIALS }), claims: { sub: CLIENT }, about: 'client' },
  },
  'its assertion about itself': {
    form: () => bearer(assertion(clientPair, { jti: 'grant-1' })),
    ...{ claims: { sub: CLIENT }, about: 'client', by: 'client' },
  },
  'an issuer that speaks of it': {
    form: () => bearer(idpToken({ jti: 'grant-1', azp: WORKLOAD })),
    ...{ claims: { sub: CLIENT }, about: 'client', by: 'issuer' },
  },
  'its assertion about a user': {
    form: () => bearer(assertion(clientPair, { jti: 'grant-1', sub: 'alice' })),
    claims: { sub: 'alice', sub_id: { format: 'iss_sub', iss: CLIENT, sub: 'alice' }, act: { sub: CLIENT } },
    ...{ about: 'user', by: 'client' },
  },
  'an issuer that speaks of a user': {
    form: () => bearer(idpToken({ jti: 'grant-1', sub: 'alice' })),
    claims: { sub: 'alice', sub_id: { format: 'iss_sub', iss: IDP_ISSUER, sub: 'alice' }, act: { sub: CLIENT } },
    ...{ about: 'user', by: 'issuer' },
  },
  'its own token': { form: () => exchange(ownToken()), claims: { sub: CLIENT }, about: 'client' },
  'the token of an application that calls it': {
    form: () => exchange(frontendToken()),
    ...{ claims: { sub: FRONTEND, act: { sub: CLIENT } }, about: 'application', by: 'frontend' },
  },
  'the token of a user whose application calls it': {
    form: () => exchange(userToken()),
    claims: { sub: 'bob', sub_id: BOB, act: { sub: CLIENT, act: { sub: FRONTEND } } },
    ...{ about: 'user', by: 'frontend' },
  },
} as const satisfies Readonly<Record<string, Way>>;

type GrantName = keyof typeof GRANTS;

/** The assertion of a JWT bearer grant needs no other proof beside it where it proves the client (RFC 7521 4.1). */
const ALONE = 'the assertion alone';
type Cell = Way & { readonly method: Method | typeof ALONE; readonly name: GrantName };

const CELLS: readonly Cell[] = (Object.entries(GRANTS) as [GrantName, Way][]).flatMap(([name, way]) => {
  const isProof = way.by === 'client' || (way.by === 'issuer' && way.about === 'client');
  const methods: readonly Cell['method'][] = [
    ...(Object.keys(METHODS) as Method[]),
    ...(isProof ? ([ALONE] as const) : []),
  ];
  return methods.map((method) => ({ ...way, name, method }));
});

interface State {
  readonly state?: WaysInState;
  readonly isExpired?: boolean;
  /** Why there is no token; `undefined`: there is one, since this has nothing to do with the state. */
  readonly reason: (cell: Cell) => string | undefined;
}

const isBySecret = ({ method }: Cell): boolean => method === 'client_secret_basic' || method === 'client_secret_post';

/** What is wrong with an issuer is wrong with the client's proof, or with the assertion of the grant, or does not matter. */
const issuerFault =
  (reason: string) =>
  ({ method, by }: Cell): string | undefined => {
    if (method === 'federated') return reason;
    return by === 'issuer' ? `grant_assertion_refused: ${reason}` : undefined;
  };
const frontendFault =
  (reason: string) =>
  ({ by }: Cell): string | undefined =>
    by === 'frontend' ? reason : undefined;

const CREDENTIAL_ENDS: Readonly<Record<Cell['method'], string>> = {
  ...{ private_key_jwt: 'credential_expired', federated: 'credential_expired' },
  ...{ client_secret_basic: 'secret_expired', client_secret_post: 'secret_expired' },
  ...{ tls_client_auth: 'certificate_untimely', self_signed_tls_client_auth: 'credential_expired' },
  [ALONE]: 'credential_expired',
};

const STATES: Readonly<Record<string, State>> = {
  'all being well': { reason: () => undefined },
  'the client being disabled': { state: { client: { enabled: false } }, reason: () => 'client_disabled' },
  'the client being gone': { state: { client: 'gone' }, reason: () => 'client_unknown' },
  'the realm being disabled': { state: { realm: { enabled: false } }, reason: () => 'realm_disabled' },
  'the realm not answering that grant': {
    state: { realm: { policy: { clientSecrets: true, grantTypes: [] } } },
    reason: () => 'grant_type_off',
  },
  'the realm not knowing secrets': {
    state: { realm: { policy: {} } },
    reason: (cell) => (isBySecret(cell) ? 'client_secrets_off' : undefined),
  },
  'what proves the client being at its end': {
    ...{ state: EXPIRED, isExpired: true },
    reason: ({ method }) => CREDENTIAL_ENDS[method],
  },
  'the owner of the resource being disabled': {
    state: { audience: { ownerEnabled: false } },
    reason: () => 'resource_disabled',
  },
  'the resource being gone': { state: { audience: 'gone' }, reason: () => 'resource_unknown' },
  'the grant being removed': {
    state: { grants: [] },
    // A token does not outlive its grant, not even to be traded in.
    reason: ({ name }) => (name === 'its own token' ? 'subject_token_refused: grant_missing' : 'grant_missing'),
  },
  'the issuer being disabled': { state: { idp: { enabled: false } }, reason: issuerFault('issuer_disabled') },
  'the issuer not being trusted': { state: { idp: { trustedIssuer: false } }, reason: issuerFault('issuer_untrusted') },
  'the issuer being gone': { state: { idp: 'gone' }, reason: issuerFault('issuer_unknown') },
  'the issuer being trusted with applications only': {
    state: { idp: { trustLevel: 'application' } },
    reason: ({ by, about }) =>
      by === 'issuer' && about === 'user' ? 'grant_assertion_refused: trust_level_insufficient' : undefined,
  },
  'nobody saying that the issuer speaks of the client': {
    state: { client: { federation: [] } },
    reason: (cell) =>
      cell.about === 'user' && cell.method !== 'federated' ? undefined : issuerFault('federation_missing')(cell),
  },
  'the client being trusted with itself only': {
    state: { client: { trustLevel: 'application' } },
    reason: ({ about }) => (about === 'client' ? undefined : 'trust_level_insufficient'),
  },
  'the client being trusted with users only': {
    state: { client: { trustLevel: 'user' } },
    reason: ({ name, about }) => {
      if (about === 'user') return undefined;
      return name === 'its own token' ? 'subject_token_refused: trust_level_insufficient' : 'trust_level_insufficient';
    },
  },
  'the application that calls it being disabled': {
    state: { frontend: { enabled: false } },
    reason: frontendFault('subject_token_refused: client_disabled'),
  },
  'the application that calls it being gone': {
    state: { frontend: 'gone' },
    reason: frontendFault('subject_token_refused: client_unknown'),
  },
  'the application that calls it having no grant any more': {
    state: { frontendGrants: [] },
    reason: frontendFault('subject_token_refused: grant_missing'),
  },
  'the application that calls it being trusted with itself only': {
    state: { frontend: { trustLevel: 'application' } },
    reason: (cell) =>
      cell.about === 'user' ? frontendFault('subject_token_refused: trust_level_insufficient')(cell) : undefined,
  },
  'the called resource being of another': { state: { audiences: [] }, reason: frontendFault('subject_not_shared') },
};

const ask = async ({ method, form }: Cell, { state = {}, isExpired = false }: State) => {
  const shown = method === ALONE ? { form: { client_id: CLIENT } } : METHODS[method](isExpired);
  const { ports, calls } = waysInPorts(state);
  const raw = requestOf(shown, { ...form(), resource: AUDIENCE });
  const { result, facts } = await issueToken(ports, SETTINGS)(REALM, raw, 'request-1');
  return { result, facts, made: calls.filter((call) => /^(claim|sign)/.test(call)) };
};

const inWords = (refusal: Refusal): string =>
  'because' in refusal && typeof refusal.because === 'object'
    ? `${refusal.reason}: ${refusal.because.reason}`
    : refusal.reason;

const PROOF_FAULT = /^(client|realm|credential|issuer|federation)_/;

/** RFC 7521 4.1.1: where nothing else proves the client, what is wrong with its proof is wrong with the grant. */
const expectedOf = (cell: Cell, { reason }: State): string | undefined => {
  const expected = reason(cell);
  return cell.method === ALONE && expected !== undefined && PROOF_FAULT.test(expected)
    ? `grant_assertion_refused: ${expected}`
    : expected;
};

/** How the audit record calls it. */
const methodOf = ({ method, by }: Cell): string => {
  if (method !== ALONE) return method;
  return by === 'issuer' ? 'federated' : 'private_key_jwt';
};

describe.each(Object.entries(STATES))('with %s', (_name, state) => {
  const refused = CELLS.filter((cell) => expectedOf(cell, state) !== undefined);
  const granted = CELLS.filter((cell) => expectedOf(cell, state) === undefined);

  it.runIf(granted.length > 0).each(granted)(
    '$method and $name give a token that says whom it is about',
    async (cell) => {
      const { result, facts, made } = await ask(cell, state);
      expect(result.ok ? 'granted' : inWords(result.refusal)).toBe('granted');
      const { jti: _jti, iat, exp, ...claims } = decodeJwt(result.ok ? result.value.answer.access_token : '');
      expect(claims).toEqual({
        ...{ iss: ISSUER, aud: AUDIENCE, client_id: CLIENT, ...cell.claims },
        scope: cell.name === 'its own token' ? 'read' : 'read write',
      });
      expect([iat, (exp ?? 0) > NOW, made.length]).toEqual([NOW, true, 2]);
      expect(facts).toMatchObject({ client: CLIENT, method: methodOf(cell), subject: cell.claims.sub });
    },
  );

  it.runIf(refused.length > 0).each(refused)('$method and $name give none', async (cell) => {
    const { result, made } = await ask(cell, state);
    expect(result.ok ? 'granted' : inWords(result.refusal)).toBe(expectedOf(cell, state));
    expect(made).toEqual([]);
  });
});

describe('what an issuer says of a user', () => {
  it.each(Object.entries(STATES))('proves no client by itself, with %s', async (_name, state) => {
    const cell: Cell = {
      ...GRANTS['an issuer that speaks of a user'],
      name: 'an issuer that speaks of a user',
      method: ALONE,
    };
    const { result, made } = await ask(cell, state);
    expect([result.ok ? 'granted' : inWords(result.refusal), made]).toEqual([
      expect.stringMatching(/^grant_assertion_refused: (federation|client)_/),
      [],
    ]);
  });
});

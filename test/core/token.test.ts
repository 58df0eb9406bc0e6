import fc from 'fast-check';
import { base64url, compactVerify } from 'jose';
import { describe, expect, it } from 'vitest';
import { claimProblems } from '../../functions/core/custom-claims.ts';
import type { Result } from '../../functions/core/errors.ts';
import { compact, signingInput } from '../../functions/core/jws.ts';
import { isScopeToken } from '../../functions/core/scope.ts';
import { itself, type Subject } from '../../functions/core/subject.ts';
import {
  ACCESS_TOKEN_TYPE,
  type AccessTokenClaims,
  buildClaims,
  checkTokenClaims,
  parseToken,
  type TokenGrant,
  type TokenRules,
} from '../../functions/core/token.ts';
import {
  AUDIENCE,
  CLIENT,
  encodeJson,
  ISSUER,
  keyPair,
  NOW,
  signBytes,
  type TestKeyPair,
} from '../support/builders.ts';

const GRANT: TokenGrant = {
  issuer: ISSUER,
  client: CLIENT,
  subject: itself(CLIENT),
  audience: AUDIENCE,
  scopes: ['read', 'write'],
  seconds: 3_600,
  claims: {},
};
const RULES: TokenRules = { issuer: ISSUER, audience: AUDIENCE, maxSeconds: 3_600, toleranceSeconds: 60 };
const CLAIMS = buildClaims(GRANT, 'token-1', NOW);

const token = (pair: TestKeyPair, claims: object = CLAIMS): string => {
  const input = signingInput({ alg: pair.algorithm, typ: ACCESS_TOKEN_TYPE, kid: pair.thumbprint }, claims);
  return compact(input, signBytes(pair, input));
};
const reasonOf = (result: Result<unknown>): string => (result.ok ? 'accepted' : result.refusal.reason);

describe('the claims of an access token', () => {
  it('are those of RFC 9068 2.2, with the client as subject', () => {
    expect(CLAIMS).toEqual({
      iss: ISSUER,
      aud: AUDIENCE,
      sub: CLIENT,
      client_id: CLIENT,
      iat: NOW,
      exp: NOW + 3_600,
      jti: 'token-1',
      scope: 'read write',
    });
  });

  it('hold what an operator has added as it stands, and ours in place of any that has their name', () => {
    const claims = { tenant: 'acme', 'https://example.com/roles': ['a', { b: null }], limit: 3, beta: false };
    expect(buildClaims({ ...GRANT, claims }, 'token-1', NOW)).toEqual({ ...claims, ...CLAIMS });
    const forged = Object.fromEntries(Object.keys(CLAIMS).map((name) => [name, 'forged']));
    expect(buildClaims({ ...GRANT, claims: forged }, 'token-1', NOW)).toEqual(CLAIMS);
  });

  const subId = { format: 'iss_sub', iss: 'https://idp.example', sub: 'alice' } as const;
  const user: Subject = {
    ...{ kind: 'user', sub: 'alice', subId, mayAct: { sub: 'billing' } },
    act: { sub: CLIENT, act: { sub: 'app', iss: 'https://idp.example' } },
  };

  it('say whom it is about, who acts for them and who may, what it is bound to, and what it is for', () => {
    const confirmation = { jkt: 'a', 'x5t#S256': 'b' };
    const details = [{ type: 'payment', actions: ['pay'] }];
    expect(buildClaims({ ...GRANT, subject: user, confirmation, details }, 'token-1', NOW)).toEqual({
      ...CLAIMS,
      ...{ sub: 'alice', sub_id: subId, act: user.act, may_act: { sub: 'billing' } },
      ...{ cnf: confirmation, authorization_details: details },
    });
  });

  it('name no user by a claim of its own where the subject is an application that another acts for', () => {
    const subject: Subject = { kind: 'application', sub: 'app', act: { sub: CLIENT } };
    const claims = buildClaims({ ...GRANT, subject }, 'token-1', NOW);
    expect(claims).toEqual({ ...CLAIMS, sub: 'app', act: { sub: CLIENT } });
  });
});

describe('the shape of an access token', () => {
  const header = { alg: 'RS256', typ: 'at+jwt', kid: 'k' };
  const of = (changes: object, claims: object = {}) =>
    reasonOf(parseToken(`${encodeJson({ ...header, ...changes })}.${encodeJson({ ...CLAIMS, ...claims })}.c2ln`));

  it.each(['at+jwt', 'application/at+jwt'])('has the type %s (RFC 9068 4)', (typ) => {
    expect(of({ typ })).toBe('accepted');
  });

  it.each([
    undefined,
    null,
    'JWT',
    'jwt',
    'at+JWT',
    'AT+JWT',
    '',
    'client-authentication+jwt',
    1,
    ['at+jwt'],
    { toString: 1, valueOf: 1 },
  ])('does not have the type %j', (typ) => {
    expect(of({ typ })).toBe('token_typ');
  });

  it.each([
    { kid: undefined },
    { kid: 1 },
    { alg: undefined },
    { alg: null },
    { crit: ['exp'] },
    { crit: [] },
    { b64: false },
  ])('is malformed with the header %j', (changes) => {
    expect(of(changes)).toBe('token_malformed');
  });

  it.each([
    ...['iss', 'aud', 'sub', 'client_id', 'jti', 'scope', 'iat', 'exp'].flatMap((name) =>
      [undefined, null, ['x'], {}, true].map((value) => ({ [name]: value })),
    ),
    { aud: [AUDIENCE] },
    { exp: '1800003600' },
    { exp: NOW + 0.5 },
    { iat: 2 ** 60 },
  ])('is malformed with the claims %j', (claims) => {
    expect(of({}, claims)).toBe('token_malformed');
  });

  it.each<object>([
    { act: { sub: 'a' } },
    { act: { sub: 'a', iss: 'i', act: { sub: 'b', act: { sub: 'c', act: { sub: 'd' } } } } },
    { sub_id: { format: 'iss_sub', iss: 'i', sub: 's' } },
    { may_act: { sub: 'a' } },
    { may_act: { sub: 'a', iss: 'i' } },
    { cnf: { jkt: 'x' } },
    { cnf: { 'x5t#S256': 'x' } },
    { cnf: { jkt: 'x', 'x5t#S256': 'y' } },
    { authorization_details: [] },
    { authorization_details: [{ type: 'x' }] },
  ])('may have the claims %j', (claims) => {
    expect(of({}, claims)).toBe('accepted');
  });

  it.each<object>([
    ...['act', 'sub_id', 'may_act', 'cnf', 'authorization_details'].flatMap((name) =>
      [null, 'x', 1, true, ['x']].map((value) => ({ [name]: value })),
    ),
    { act: {} },
    { act: { sub: '' } },
    { act: { sub: 'a', act: {} } },
    { act: { sub: 'a', act: { sub: 'b', act: { sub: 'c', act: { sub: 'd', act: { sub: 'e' } } } } } },
    { sub_id: { format: 'opaque', iss: 'i', sub: 's' } },
    { sub_id: { format: 'iss_sub', sub: 's' } },
    { may_act: {} },
    { may_act: { sub: 'a', act: { sub: 'b' } } },
    { cnf: { jkt: '' } },
    { cnf: { jkt: 1 } },
    { cnf: { kid: 'x' } },
    { cnf: { jkt: 'x', jwk: {} } },
    { cnf: { jkt: 'x', constructor: 'x' } },
    { authorization_details: {} },
    { authorization_details: [['x']] },
  ])('is malformed with %j: what narrows a token is not passed over', (claims) => {
    expect(of({}, claims)).toBe('token_malformed');
  });

  const good = `${encodeJson(header)}.${encodeJson(CLAIMS)}.c2ln`;
  it.each([
    '',
    'x',
    'a.b',
    '..',
    `${good}.x`,
    `${good}=`,
    `${good}\n`,
    good.replace(/\..*\./, '..'),
    good.replace(/c2ln$/, ''),
    good.replace(/c2ln$/, 'c2 ln'),
    ` ${good}`,
    `${encodeJson([])}.${encodeJson(CLAIMS)}.c2ln`,
  ])('is malformed as %j', (jws) => {
    expect(reasonOf(parseToken(jws))).toBe('token_malformed');
  });

  it('is bounded: 8192 characters are read, one more is refused unread', () => {
    const filled = (length: number) => `${good}${'A'.repeat(length - good.length)}`;
    expect([8_192, 8_193].map((length) => reasonOf(parseToken(filled(length))))).toEqual([
      'accepted',
      'token_malformed',
    ]);
  });

  it('is never thrown at, whatever the header is', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.constantFrom('typ', 'alg', 'kid', 'crit'), fc.jsonValue()),
        fc.jsonValue(),
        (anyHeader, payload) => {
          const jws = `${encodeJson(anyHeader)}.${encodeJson(payload)}.c2ln`;
          expect(typeof parseToken(jws).ok).toBe('boolean');
        },
      ),
      { numRuns: 1_000 },
    );
  });
});

describe('the check of an access token', () => {
  const check = (changes: Partial<AccessTokenClaims>, now = NOW) =>
    reasonOf(checkTokenClaims({ ...CLAIMS, ...changes }, RULES, now));

  it.each([
    [{}, NOW, 'accepted'],
    [{}, NOW + 3_599, 'accepted'],
    [{}, NOW + 3_600, 'token_expired'],
    [{}, NOW + 3_601, 'token_expired'],
    [{}, NOW - 60, 'accepted'],
    [{}, NOW - 61, 'token_not_yet_valid'],
    [{ exp: NOW + 3_601 }, NOW, 'token_lifetime'],
    [{ iat: NOW - 1 }, NOW, 'token_lifetime'],
    [{ exp: NOW }, NOW, 'token_expired'],
    [{ iss: `${ISSUER}/` }, NOW, 'token_issuer'],
    [{ iss: ISSUER.toUpperCase() }, NOW, 'token_issuer'],
    [{ iss: '' }, NOW, 'token_issuer'],
    [{ aud: `${AUDIENCE}/` }, NOW, 'token_audience'],
    [{ aud: '' }, NOW, 'token_audience'],
    [{ aud: ISSUER }, NOW, 'token_audience'],
  ])('of %j at %i is %s', (changes, now, outcome) => {
    expect(check(changes, now)).toBe(outcome);
  });
});

describe('a token that was built and signed', () => {
  const text = fc.string({ unit: fc.constantFrom(...'abcXYZ09._~-'), minLength: 1, maxLength: 40 });
  const grants = fc.record<TokenGrant>({
    issuer: text.map((name) => `https://${name}.example`),
    client: text,
    subject: text.map(itself),
    audience: text.map((name) => `urn:api:${name}`),
    scopes: fc.uniqueArray(text.filter(isScopeToken), { minLength: 1, maxLength: 8 }),
    seconds: fc.integer({ min: 60, max: 86_400 }),
    claims: fc.dictionary(
      text.filter((name) => claimProblems({ [name]: true }).length === 0),
      fc.constantFrom(true, null, 7, 'x', ['y'], { z: 1 }),
    ),
  });

  it.each(['RS256', 'ES256'] as const)(
    'under %s is accepted as it is, and refused with any octet changed',
    async (algorithm) => {
      const pair = await keyPair(algorithm);
      await fc.assert(
        fc.asyncProperty(grants, fc.nat(), fc.nat(), async (grant, place, change) => {
          const jws = token(pair, buildClaims(grant, 'id', NOW));
          const rules = {
            issuer: grant.issuer,
            audience: grant.audience,
            maxSeconds: grant.seconds,
            toleranceSeconds: 0,
          };
          expect(await accepts(pair, jws, rules)).toBe(true);
          expect(await accepts(pair, mutate(jws, place, change), rules)).toBe(false);
        }),
        { numRuns: 200 },
      );
    },
  );

  it.each(['iss', 'aud', 'exp', 'iat'] as const)(
    'with another %s is refused though its signature is good',
    async (name) => {
      const pair = await keyPair();
      const changed = typeof CLAIMS[name] === 'number' ? Number(CLAIMS[name]) + 3_700 : `${CLAIMS[name]}x`;
      expect(await accepts(pair, token(pair, { ...CLAIMS, [name]: changed }), RULES)).toBe(false);
    },
  );
});

/** What a resource server does: parse, verify, check. */
const accepts = async (pair: TestKeyPair, jws: string, rules: TokenRules): Promise<boolean> => {
  const parsed = parseToken(jws);
  if (!parsed.ok) return false;
  const verified = await compactVerify(jws, pair.publicJwk, { algorithms: [pair.algorithm] }).then(
    () => true,
    () => false,
  );
  return verified && checkTokenClaims(parsed.value.claims, rules, NOW).ok;
};

/** One decoded octet of one segment flipped, so that the text differs in more than unused bits. */
const mutate = (jws: string, place: number, change: number): string => {
  const parts = jws.split('.');
  const part = place % 3;
  const bytes = base64url.decode(parts[part] ?? '');
  const at = Math.floor(place / 3) % bytes.length;
  bytes[at] = (bytes[at] ?? 0) ^ (1 + (change % 255));
  return parts.map((each, index) => (index === part ? base64url.encode(bytes) : each)).join('.');
};

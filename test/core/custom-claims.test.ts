import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ClaimValue, type CustomClaims, claimProblems } from '../../functions/core/custom-claims.ts';
import { buildClaims, type TokenGrant } from '../../functions/core/token.ts';
import { AUDIENCE, CLIENT, ISSUER, NOW } from '../support/builders.ts';

const pointersOf = (claims: CustomClaims): readonly string[] => claimProblems(claims).map(({ pointer }) => pointer);
/** As they come from a request: JSON makes members of names that object literals do not. */
const parsed = (json: string): CustomClaims => JSON.parse(json) as CustomClaims;
const GRANT = { issuer: ISSUER, client: CLIENT, audience: AUDIENCE, scopes: ['a'], seconds: 60 };
/** A token with every claim that a token of ours can have. */
const EVERYTHING: Pick<TokenGrant, 'subject' | 'confirmation' | 'details'> = {
  subject: {
    ...{ kind: 'user', sub: 'alice', subId: { format: 'iss_sub', iss: ISSUER, sub: 'alice' } },
    ...{ act: { sub: CLIENT }, mayAct: { sub: CLIENT } },
  },
  confirmation: { jkt: 'x' },
  details: [{ type: 'payment' }],
};
const nested = (levels: number): ClaimValue => (levels === 0 ? 1 : [nested(levels - 1)]);

describe('a claim of an operator', () => {
  it.each([
    ...[
      'tenant',
      'roles',
      'groups',
      'entitlements',
      'department',
      'a',
      '0',
      '_x',
      'x_',
      'a.b',
      'a-b',
      'subject',
      'issuer',
    ],
    ...['https://example.com/tenant', 'urn:example:tenant', 'com.example/x', 'toString', 'x'.repeat(128)],
  ])('may be called %j', (name) => {
    expect(pointersOf({ [name]: 'x' })).toEqual([]);
  });

  it.each([
    ...['', ' ', 'a b', 'a\n', '-a', 'a-', '.a', 'a.', 'https://example.com/', 'ä', 'a"b', 'a\\b', 'a{b', 'a\u0000'],
    ...['x'.repeat(129), 'a#b', 'a?b', '$a', '@a'],
  ])('cannot be called %j', (name) => {
    expect(claimProblems({ [name]: 'x' })).toMatchObject([{ detail: 'not the name of a claim' }]);
  });

  it.each(['__proto__', 'constructor', 'prototype'])('cannot be called %s, nor hold what is', (name) => {
    expect([
      pointersOf(parsed(`{"${name}":{"x":1}}`)),
      pointersOf(parsed(`{"a":{"${name}":{"x":1}}}`)),
      pointersOf(parsed(`{"a":[[{"${name}":1}]],"b":1}`)),
    ]).toEqual([[`/claims/${name}`], ['/claims/a'], ['/claims/a']]);
  });

  // RFC 7519 4.1; RFC 8693 4; RFC 7800 3; RFC 9068 2.2; RFC 9396 9; RFC 9449 4.2; RFC 7662 2.2; RFC 8417 2.2; RFC 9493; OpenID
  // Connect Core 2, 5.1; the tokens of Cognito, Entra, Auth0 and Keycloak; [MS-OAUTH2EX], [MS-SPS2SAUTH].
  const RESERVED = [
    ...['iss', 'sub', 'aud', 'exp', 'nbf', 'iat', 'jti', 'client_id', 'scope', 'act', 'may_act', 'cnf'],
    ...['acr', 'amr', 'auth_time', 'authorization_details', 'htm', 'htu', 'ath', 'nonce', 'azp', 'sid'],
    ...['at_hash', 'c_hash', 's_hash', 'active', 'token_type', 'username', 'events', 'txn', 'toe', 'sub_id', 'status'],
    ...['email', 'email_verified', 'phone_number', 'phone_number_verified', 'preferred_username', 'vc', 'vp', 'typ'],
    ...['token_use', 'scp', 'appid', 'appidacr', 'azpacr', 'idtyp', 'oid', 'tid', 'ver', 'idp', 'upn', 'puid'],
    ...['gty', 'permissions', 'realm_access', 'resource_access', 'trust_chain'],
    ...['actort', 'actortoken', 'nameid', 'nii', 'smtp', 'sip', 'appctx', 'appctxsender', 'isbrowserhostedapp'],
    ...['identityprovider', 'trustedfordelegation', 'trustedForImpersonation', 'primarysid'],
  ];

  it.each(RESERVED)('cannot be %s in any letter case: it has a meaning', (reserved) => {
    const capital = `${reserved.charAt(0).toUpperCase()}${reserved.slice(1)}`;
    for (const name of [reserved, reserved.toUpperCase(), reserved.toLowerCase(), capital]) {
      expect(claimProblems({ [name]: 'x' })).toEqual([
        { pointer: `/claims/${name}`, detail: 'this claim has a meaning of its own and cannot be set' },
      ]);
    }
  });

  it('cannot be any claim that a token of ours has', () => {
    const grant = { ...GRANT, claims: {}, ...EVERYTHING };
    const ours = Object.fromEntries(Object.keys(buildClaims(grant, 'id', NOW)).map((name) => [name, 'x']));
    expect(pointersOf(ours)).toEqual(Object.keys(ours).map((name) => `/claims/${name}`));
  });

  it('is pointed at as RFC 6901 has it', () => {
    expect(pointersOf({ 'a/b~c/': 1 })).toEqual(['/claims/a~1b~0c~1']);
  });

  it.each<[ClaimValue]>([['x'], [7], [1.5], [false], [null], [[]], [{}], [nested(4)], [{ a: { b: { c: { d: 1 } } } }]])(
    'may be %j',
    (value) => {
      expect(pointersOf({ tenant: value })).toEqual([]);
    },
  );

  it.each<[ClaimValue]>([[nested(5)], [{ a: { b: { c: { d: {} } } } }], [[1, [[[[]]]]]]])(
    'cannot go beyond four levels: %j',
    (value) => {
      expect(claimProblems({ tenant: value })).toEqual([{ pointer: '/claims/tenant', detail: 'at most 4 levels' }]);
    },
  );

  it.each([
    ...['9007199254740992', '-9007199254740992', '1e30', '1e-101', '1.5e101', '-1e-320', '["a",{"b":1e400}]'],
    ...['"\\ud83d"', '["\\udc00"]', '{"":1}', '{"\\ud83d":1}'],
  ])('cannot be %s, which readers read differently or not at all', (json) => {
    expect(pointersOf(parsed(`{"tenant":${json}}`))).toEqual(['/claims/tenant']);
  });

  it.each(['9007199254740991', '-9007199254740991', '0', '1e-100', '0.1', '"\\ud83d\\ude00"', '[]', '{"a b":""}'])(
    'may be %s',
    (json) => {
      expect(pointersOf(parsed(`{"tenant":${json}}`))).toEqual([]);
    },
  );

  it('is refused, and not fallen into, where it is as deep as a request can make it', () => {
    const claims = parsed(`{"a":${'['.repeat(60_000)}${']'.repeat(60_000)}}`);
    expect(pointersOf(claims)).toEqual(['/claims/a']);
  });
});

describe('the claims of a partner', () => {
  const many = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, index) => [`c${index}`, 1]));

  it('are twenty at most', () => {
    expect([pointersOf(many(20)), pointersOf(many(21))]).toEqual([[], ['/claims']]);
  });

  it('have 1,024 octets of JSON at most, however few characters these are', () => {
    // {"a":"…"} is eight octets more.
    expect([
      pointersOf({ a: 'x'.repeat(1_016) }),
      pointersOf({ a: 'x'.repeat(1_017) }),
      pointersOf({ a: '東'.repeat(338) }),
      pointersOf({ a: '東'.repeat(339) }),
    ]).toEqual([[], ['/claims'], [], ['/claims']]);
  });

  it('are told all that is wrong at once', () => {
    expect(pointersOf({ iss: 'x', tenant: 'y', 'a b': 1, deep: nested(9) })).toEqual([
      '/claims/iss',
      '/claims/a b',
      '/claims/deep',
    ]);
  });

  it('are looked at without a fault, whatever they are', () => {
    const names = fc.oneof(fc.string(), fc.constantFrom('__proto__', 'constructor', 'iss', 'a', 'b'));
    fc.assert(
      fc.property(fc.dictionary(names, fc.jsonValue({ maxDepth: 7 })), (claims) => {
        const problems = claimProblems(parsed(JSON.stringify(claims)));
        expect(problems.every(({ pointer }) => pointer.startsWith('/claims'))).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it('that are accepted leave every claim of ours as it is', () => {
    const grant = { ...GRANT, ...EVERYTHING };
    const ours = buildClaims({ ...grant, claims: {} }, 'id', NOW);
    const names = fc.oneof(
      fc.stringMatching(/^[a-zA-Z_]{1,6}$/),
      fc.constantFrom(...Object.keys(ours), 'ISS', 'tenant'),
    );
    fc.assert(
      fc.property(fc.dictionary(names, fc.constantFrom('x', 1, null)), (claims) => {
        fc.pre(claimProblems(claims).length === 0);
        const token = JSON.parse(JSON.stringify(buildClaims({ ...grant, claims }, 'id', NOW))) as object;
        expect(token).toMatchObject(ours);
        const folded = Object.keys(token).map((name) => name.toLowerCase());
        expect(folded.filter((name) => name in ours)).toHaveLength(Object.keys(ours).length);
      }),
    );
  });
});

import { createHmac } from 'node:crypto';
import { base64url } from 'jose';
import { describe, expect, it } from 'vitest';
import {
  type AssertionRules,
  checkAssertionClaims,
  findAssertionKey,
  type ParsedAssertion,
  parseAssertion,
} from '../../functions/core/assertion.ts';
import { type Result, refuse } from '../../functions/core/errors.ts';
import {
  assertion,
  assertionClaims,
  credential,
  encodeJson,
  ISSUER,
  keyPair,
  NOW,
  signTexts,
} from '../support/builders.ts';

const HEADER = { alg: 'ES256', kid: 'k1' };
const unsigned = (header: unknown, claims: unknown): string => `${encodeJson(header)}.${encodeJson(claims)}.c2ln`;
const withHeader = (changes: object): string => unsigned({ ...HEADER, ...changes }, assertionClaims());
const withClaims = (changes: object): string => unsigned(HEADER, assertionClaims(changes));
/** JSON by hand: for what JSON.stringify never writes. */
const withPayload = (json: string): string => `${encodeJson(HEADER)}.${base64url.encode(json)}.c2ln`;

const parsed = (jws: string): ParsedAssertion => {
  const result = parseAssertion(jws, 'client');
  if (!result.ok) throw new Error(`refused: ${JSON.stringify(result.refusal)}`);
  return result.value;
};
const reasonOf = (result: Result<unknown>): string => (result.ok ? 'accepted' : result.refusal.reason);
const detailOf = (result: Result<unknown>): unknown =>
  result.ok || result.refusal.reason !== 'assertion_malformed' ? reasonOf(result) : result.refusal.detail;

describe('the type of an assertion', () => {
  it.each([
    undefined,
    'JWT',
    'jwt',
    'Jwt',
    'application/jwt',
    'APPLICATION/JWT',
    'client-authentication+jwt',
    'Client-Authentication+JWT',
    'application/client-authentication+jwt',
  ])('is accepted as %j', (typ) => {
    expect(reasonOf(parseAssertion(withHeader({ typ }), 'client'))).toBe('accepted');
  });

  it.each([
    '',
    ' jwt',
    'jwt ',
    'at+jwt',
    'application/at+jwt',
    'application/',
    'application/application/jwt',
    'text/jwt',
    'dpop+jwt',
    'JWS',
    'JOSE',
    'logout+jwt',
    'authorization-grant+jwt',
  ])('is refused as %j, so that no other kind of token authenticates a client', (typ) => {
    expect(parseAssertion(withHeader({ typ }), 'client')).toEqual(refuse({ reason: 'assertion_typ', typ }));
  });

  it.each([null, 1, ['JWT'], { typ: 'JWT' }, true])('is malformed as %j', (typ) => {
    expect(detailOf(parseAssertion(withHeader({ typ }), 'client'))).toBe('typ');
  });

  it('is recorded with 64 characters at most', () => {
    expect(parseAssertion(withHeader({ typ: 'x'.repeat(500) }), 'client')).toEqual(
      refuse({ reason: 'assertion_typ', typ: 'x'.repeat(64) }),
    );
  });
});

describe('the header of an assertion', () => {
  it.each([
    { crit: ['b64'], b64: false },
    { crit: ['exp'] },
    { crit: [] },
    { crit: null },
    { b64: false },
    { b64: true },
  ])('is refused with %j, because no extension is understood', (more) => {
    expect(reasonOf(parseAssertion(withHeader(more), 'client'))).toBe('assertion_critical_header');
  });

  it.each([{ alg: undefined }, { alg: 1 }, { alg: null }, { alg: ['ES256'] }])('is malformed with %j', (more) => {
    expect(detailOf(parseAssertion(withHeader(more), 'client'))).toBe('alg');
  });

  it.each([{ kid: 1 }, { kid: null }, { kid: ['k1'] }, { kid: {} }])('is malformed with %j', (more) => {
    expect(detailOf(parseAssertion(withHeader(more), 'client'))).toBe('kid');
  });

  it('names no key by what is embedded in it', () => {
    const embedded = {
      jwk: { kty: 'EC' },
      jku: 'https://evil.example/jwks',
      x5c: ['MII'],
      x5u: 'https://evil.example',
    };
    expect(parsed(withHeader({ kid: undefined, ...embedded })).header).toEqual({
      alg: 'ES256',
      typ: undefined,
      kid: undefined,
    });
  });

  it('is read with its last duplicate member, as the library that verifies it reads it', () => {
    const text = `{"alg":"none","alg":"ES256","kid":"other","kid":"k1"}`;
    expect(parsed(`${base64url.encode(text)}.${encodeJson(assertionClaims())}.c2ln`).header).toMatchObject(HEADER);
  });

  it('cannot set members by a prototype', () => {
    const text = `{"__proto__":{"alg":"ES256","kid":"k1"}}`;
    expect(detailOf(parseAssertion(`${base64url.encode(text)}.${encodeJson(assertionClaims())}.c2ln`, 'client'))).toBe(
      'alg',
    );
  });
});

describe('the compact form', () => {
  const good = withHeader({});
  const [h = '', p = '', s = ''] = good.split('.');

  it.each([
    ['nothing', ''],
    ['one part', h],
    ['two parts', `${h}.${p}`],
    ['four parts', `${good}.${s}`],
    ['the five parts of a JWE', `${h}.${p}.${s}.${s}.${s}`],
    ['an empty header', `.${p}.${s}`],
    ['an empty payload', `${h}..${s}`],
    ['an empty signature', `${h}.${p}.`],
    ['a padded header', `${h}=.${p}.${s}`],
    ['a padded payload', `${h}.${p}==.${s}`],
    ['a padded signature', `${h}.${p}.${s}=`],
    ['a blank before', ` ${good}`],
    ['a line break behind', `${good}\n`],
    ['a blank in the signature', `${h}.${p}.${s.slice(0, 2)} ${s.slice(2)}`],
    ['a line break in the payload', `${h}.${p.slice(0, 8)}\n${p.slice(8)}.${s}`],
    ['the alphabet of plain base64', `${h}.${p}.a+b/`],
    ['a length that no bytes have', `${h}.${p}A`.replace(p, p.slice(0, p.length - (p.length % 4) + 1))],
    ['a header that is a list', unsigned([HEADER], assertionClaims())],
    ['a header that is null', unsigned(null, assertionClaims())],
    ['a payload that is text', unsigned(HEADER, 'claims')],
    ['a header that is no UTF-8', `${base64url.encode(new Uint8Array([0x7b, 0xff, 0x7d]))}.${p}.${s}`],
    ['a header with a comment behind', `${base64url.encode('{"alg":"ES256"} //')}.${p}.${s}`],
  ])('is malformed with %s', (_what, jws) => {
    expect(reasonOf(parseAssertion(jws, 'client'))).toBe('assertion_malformed');
  });

  it('is read whole', () => {
    expect(parseAssertion(good, 'client')).toEqual({
      ok: true,
      value: {
        jws: good,
        header: { ...HEADER, typ: undefined },
        claims: { ...assertionClaims(), nbf: undefined, isSubjectImplied: false, scope: undefined, mayAct: undefined },
      },
    });
  });
});

describe('the claims of an assertion', () => {
  it.each([
    ['iss', undefined],
    ['iss', ''],
    ['iss', 1],
    ['iss', null],
    ['iss', 'x'.repeat(513)],
    ['sub', ''],
    ['sub', ['crm']],
    ['sub', 'x'.repeat(257)],
    ['exp', undefined],
    ['exp', '1800000060'],
    ['exp', null],
    ['exp', -1],
    ['exp', Number.MAX_SAFE_INTEGER + 1],
    ['exp', 1e300],
    ['exp', true],
    ['jti', ''],
    ['jti', 7],
    ['jti', 'x'.repeat(257)],
    ['nbf', '1'],
    ['nbf', null],
    ['iat', {}],
    ['iat', null],
    ['iat', -0.5],
  ])('are malformed where %s is %j', (claim, value) => {
    expect(detailOf(parseAssertion(withClaims({ [claim]: value }), 'client'))).toBe(claim);
  });

  it.each(['1e400', '-1e400', '1e999999999'])('are malformed where exp is %s, which is infinite', (number) => {
    const json = JSON.stringify(assertionClaims({ exp: 0 })).replace('"exp":0', `"exp":${number}`);
    expect(detailOf(parseAssertion(withPayload(json), 'client'))).toBe('exp');
  });

  it.each(['NaN', 'Infinity', '0x10', '01', '.5', '+1'])(
    'are malformed where exp is %s, which is no JSON',
    (number) => {
      const json = JSON.stringify(assertionClaims({ exp: 0 })).replace('"exp":0', `"exp":${number}`);
      expect(detailOf(parseAssertion(withPayload(json), 'client'))).toBe('payload');
    },
  );

  it('take fractions of seconds, and the largest id and jti', () => {
    const id = 'x'.repeat(256);
    const claims = { iss: id + id, sub: id, jti: id, exp: NOW + 0.5, iat: NOW - 0.25 };
    expect(parsed(withClaims(claims)).claims).toMatchObject(claims);
  });

  it('are read with their last duplicate', () => {
    const json = JSON.stringify(assertionClaims()).replace('{', '{"sub":"first","aud":"https://other.example",');
    expect(parsed(withPayload(json)).claims).toMatchObject({ sub: 'crm', aud: ISSUER });
  });
});

describe('the key of an assertion', () => {
  const find = async (header: object, names = ['k1', 'k2']) => {
    const keys = await Promise.all(names.map(async (name) => credential(await keyPair('ES256', name))));
    return findAssertionKey(keys, parsed(withHeader(header)));
  };

  it('is the one that kid names', async () => {
    const found = await find({ kid: 'k2' });
    expect(found.ok && found.value.kid).toBe('k2');
  });

  it('may go unnamed where there is one only', async () => {
    const found = await find({ kid: undefined }, ['k1']);
    expect(found.ok && found.value.kid).toBe('k1');
  });

  it.each([
    ['kid is missing and there are two', { kid: undefined }, ['k1', 'k2']],
    ['kid is missing and there is none', { kid: undefined }, []],
    ['kid is unknown', { kid: 'k3' }, ['k1', 'k2']],
    ['kid is unknown and there is one only', { kid: 'k3' }, ['k1']],
    ['kid differs in case', { kid: 'K1' }, ['k1']],
    ['kid is empty', { kid: '' }, ['k1']],
  ])('is unknown where %s', async (_what, header, names) => {
    expect(reasonOf(await find(header, names))).toBe('assertion_key_unknown');
  });

  it.each([
    'none',
    'None',
    'HS256',
    'RS256',
    'PS256',
    'ES384',
    'es256',
    'ES256K',
    'EdDSA',
    '',
    'constructor',
    '__proto__',
  ])('is refused for alg %j, because the key says which algorithm, never the token', async (alg) => {
    expect(await find({ alg })).toEqual(refuse({ reason: 'assertion_algorithm', got: alg, expected: 'ES256' }));
  });

  it.each(['EdDSA', 'Ed25519'])('is found for an Ed25519 key under alg %s', async (alg) => {
    const keys = [credential(await keyPair('EdDSA'))];
    expect(reasonOf(findAssertionKey(keys, parsed(withHeader({ alg }))))).toBe('accepted');
  });

  it('keeps RS256 and PS256 apart, though both are RSA', async () => {
    const keys = [credential(await keyPair('RS256'))];
    expect(reasonOf(findAssertionKey(keys, parsed(withHeader({ alg: 'PS256' }))))).toBe('assertion_algorithm');
  });

  it('never becomes an HMAC secret', async () => {
    const pair = await keyPair('RS256');
    const input = `${encodeJson({ alg: 'HS256', kid: 'k1' })}.${encodeJson(assertionClaims())}`;
    const jws = `${input}.${createHmac('sha256', JSON.stringify(pair.publicJwk)).update(input).digest('base64url')}`;
    expect(reasonOf(findAssertionKey([credential(pair)], parsed(jws)))).toBe('assertion_algorithm');
  });
});

const rules: AssertionRules = {
  ...{ issuers: ['crm'], aboutItself: true, subjectOptional: false, jtiOptional: false },
  ...{ audiences: [ISSUER], maxSeconds: 300, toleranceSeconds: 60 },
};

describe('the check of the claims', () => {
  const check = (changes: object, now = NOW) => reasonOf(checkAssertionClaims(parsed(withClaims(changes)), rules, now));

  it('accepts a good assertion', async () => {
    expect(reasonOf(checkAssertionClaims(parsed(assertion(await keyPair())), rules, NOW))).toBe('accepted');
  });

  it.each([{ iss: 'other' }, { iss: 'CRM' }, { iss: 'crm ' }, { iss: ISSUER }])(
    'refuses %j beside sub crm',
    (changes) => {
      expect(check(changes)).toBe('assertion_issuer');
    },
  );

  it.each([
    undefined,
    null,
    '',
    1,
    [ISSUER],
    [ISSUER, ISSUER],
    [ISSUER, 'https://other.example'],
    [],
    { aud: ISSUER },
    `${ISSUER}/`,
    `${ISSUER}/token`,
    `${ISSUER}:443`,
    `${ISSUER}?`,
    ` ${ISSUER}`,
    ISSUER.toUpperCase(),
    ISSUER.replace('https', 'http'),
    'https://sts.example.com.evil.example',
    'https://sts.example.co',
  ])('refuses the audience %j: it must be the issuer, alone and to the letter', (aud) => {
    expect(check({ aud })).toBe('assertion_audience');
  });

  it.each([
    ['exp', { exp: NOW - 59, iat: undefined }, 'accepted'],
    ['exp', { exp: NOW - 59.5, iat: undefined }, 'accepted'],
    ['exp', { exp: NOW - 60, iat: undefined }, 'assertion_expired'],
    ['exp', { exp: NOW - 61, iat: undefined }, 'assertion_expired'],
    ['exp', { exp: 0, iat: undefined }, 'assertion_expired'],
    ['nbf', { nbf: NOW + 60 }, 'accepted'],
    ['nbf', { nbf: NOW + 60.5 }, 'assertion_not_yet_valid'],
    ['nbf', { nbf: NOW + 61 }, 'assertion_not_yet_valid'],
    ['iat', { iat: NOW + 60, exp: NOW + 90 }, 'accepted'],
    ['iat', { iat: NOW + 61, exp: NOW + 90 }, 'assertion_not_yet_valid'],
    ['nbf and iat, the later of which counts', { nbf: NOW, iat: NOW + 61 }, 'assertion_not_yet_valid'],
    ['lifetime', { iat: NOW, exp: NOW + 360 }, 'accepted'],
    ['lifetime', { iat: NOW, exp: NOW + 361 }, 'assertion_lifetime'],
    ['lifetime', { iat: NOW, exp: NOW + 360.5 }, 'assertion_lifetime'],
    ['lifetime since iat', { iat: NOW - 300, exp: NOW + 60 }, 'accepted'],
    ['lifetime since iat', { iat: NOW - 301, exp: NOW + 60 }, 'assertion_lifetime'],
    ['lifetime since now where iat is missing', { iat: undefined, exp: NOW + 360 }, 'accepted'],
    ['lifetime since now where iat is missing', { iat: undefined, exp: NOW + 361 }, 'assertion_lifetime'],
    ['lifetime since now where iat is ahead', { iat: NOW + 60, exp: NOW + 360 }, 'accepted'],
    ['lifetime since now where iat is ahead', { iat: NOW + 60, exp: NOW + 361 }, 'assertion_lifetime'],
    ['a lifetime without end', { iat: NOW, exp: Number.MAX_SAFE_INTEGER }, 'assertion_lifetime'],
  ])('knows the bound of %s: %j is %s', (_what, changes, outcome) => {
    expect(check(changes)).toBe(outcome);
  });

  it('has no tolerance where none is set', () => {
    const strict = { ...rules, toleranceSeconds: 0 };
    const at = (changes: object) => reasonOf(checkAssertionClaims(parsed(withClaims(changes)), strict, NOW));
    expect([
      at({ exp: NOW + 1 }),
      at({ exp: NOW }),
      at({ iat: NOW + 1 }),
      at({ exp: NOW + 300 }),
      at({ exp: NOW + 301 }),
    ]).toEqual(['accepted', 'assertion_expired', 'assertion_not_yet_valid', 'accepted', 'assertion_lifetime']);
  });

  it('reads the claims that were signed, duplicates included', async () => {
    const json = JSON.stringify(assertionClaims()).replace('}', `,"aud":"https://other.example"}`);
    const jws = signTexts(await keyPair(), JSON.stringify(HEADER), json);
    expect(reasonOf(checkAssertionClaims(parsed(jws), rules, NOW))).toBe('assertion_audience');
  });
});

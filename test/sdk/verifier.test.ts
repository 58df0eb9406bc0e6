import { createHmac, createPublicKey } from 'node:crypto';
import fc from 'fast-check';
import { base64url } from 'jose';
import { describe, expect, it } from 'vitest';
import { VerificationError } from '../../sdk/verification-error.ts';
import { createVerifier, type VerifierOptions } from '../../sdk/verifier.ts';
import { AUDIENCE, CLIENT, encodeJson, ISSUER, keyPair, NOW, signTexts } from '../support/builders.ts';
import { partOf, withPart } from '../support/forgery.ts';
import { outcomeOf, requestOf, signingKey, tokenClaims, tokenOf, verifierWorld } from './verifier-world.ts';

const verdict = async (token: string, options: Partial<VerifierOptions> = {}): Promise<string> =>
  outcomeOf((await verifierWorld()).verifier(options).verify(token));
const withClaims = async (claims: object, options: Partial<VerifierOptions> = {}) =>
  verdict(tokenOf(await signingKey(), claims), options);
const withHeader = async (header: object) => verdict(tokenOf(await signingKey(), {}, header));

describe('a token that is good', () => {
  it('is told in our words', async () => {
    const act = { sub: 'gateway', act: { sub: 'crm', iss: 'https://other.example' } };
    const sub_id = { format: 'iss_sub', iss: 'https://idp.example', sub: 'u1' };
    const token = tokenOf(await signingKey(), { act, sub_id, sub: 'user-1' });
    expect(await (await verifierWorld()).verifier().verify(token)).toEqual({
      issuer: ISSUER,
      audiences: [AUDIENCE],
      subject: 'user-1',
      clientId: CLIENT,
      tokenId: 'token-1',
      issuedAt: NOW,
      expiresAt: NOW + 600,
      scopes: ['read', 'write'],
      actor: act,
      subjectId: sub_id,
      all: tokenClaims({ act, sub_id, sub: 'user-1' }),
    });
  });

  it.each(['RS256', 'PS256', 'ES256', 'ES384', 'ES512', 'EdDSA'] as const)('may be signed with %s', async (name) => {
    const world = await verifierWorld();
    const pair = await keyPair(name, 'sign-1');
    world.keys = [pair];
    expect(await outcomeOf(world.verifier().verify(tokenOf(pair)))).toBe('accepted');
  });

  it('may come in a request of any shape', async () => {
    const verifier = (await verifierWorld()).verifier();
    const token = tokenOf(await signingKey());
    const request = { method: 'GET', url: 'https://api.example.com/' };
    const shapes = [
      requestOf(`Bearer ${token}`),
      requestOf(`bearer  ${token}`),
      { ...request, headers: { Authorization: `Bearer ${token}` } },
      { ...request, headers: { authorization: [`Bearer ${token}`], accept: undefined } },
    ];
    for (const shape of shapes) expect(await outcomeOf(verifier.verify(shape))).toBe('accepted');
  });

  it.each([
    ['its audience is one of several', { aud: ['https://other.example', AUDIENCE] }, {}],
    ['the server has several names', {}, { audience: ['https://old.example', AUDIENCE] }],
    ['a clock is off by a minute', { iat: NOW + 60, nbf: NOW + 60 }, {}],
    ['it ended less than a minute ago', { iat: NOW - 700, exp: NOW - 59 }, {}],
    ['it has no scope and needs none', { scope: undefined }, {}],
    ['all scopes are there', {}, { scopes: ['write', 'read'] }],
  ])('is accepted where %s', async (_case, claims, options) => {
    expect(await withClaims(claims, options)).toBe('accepted');
  });
});

describe('a token is refused for its claims:', () => {
  const tooDeep = Array.from({ length: 9 }).reduce<object>((act) => ({ sub: 'a', act }), { sub: 'a' });
  it.each([
    ['of a foreign realm', { iss: `${ISSUER}/realms/other` }, 'issuer'],
    ['of an issuer with a slash', { iss: `${ISSUER}/` }, 'issuer'],
    ['no issuer', { iss: undefined }, 'issuer'],
    ['for another audience', { aud: 'https://other.example' }, 'audience'],
    ['for an audience below ours', { aud: `${AUDIENCE}/more` }, 'audience'],
    ['no audience', { aud: undefined }, 'audience'],
    ['audiences that are no texts', { aud: [AUDIENCE, 1] }, 'audience'],
    ['too many audiences', { aud: Array.from({ length: 17 }).fill(AUDIENCE) }, 'audience'],
    ['expired', { exp: NOW - 60 }, 'expired'],
    ['no end', { exp: undefined }, 'times_malformed'],
    ['an end in words', { exp: `${NOW + 60}` }, 'times_malformed'],
    ['no beginning', { iat: undefined }, 'times_malformed'],
    ['from the future', { iat: NOW + 61 }, 'not_yet_valid'],
    ['not before later', { nbf: NOW + 61 }, 'not_yet_valid'],
    ['not before some word', { nbf: 'now' }, 'times_malformed'],
    ['no subject', { sub: undefined }, 'sub_malformed'],
    ['no client', { client_id: undefined }, 'client_id_malformed'],
    ['no id', { jti: '' }, 'jti_malformed'],
    ['scopes as a list', { scope: ['read'] }, 'scope_malformed'],
    ['two blanks between scopes', { scope: 'read  write' }, 'scope_malformed'],
    ['an actor without a name', { act: { iss: 'x' } }, 'act_malformed'],
    ['an inner actor in words', { act: { sub: 'a', act: 'b' } }, 'act_malformed'],
    ['too many actors', { act: tooDeep }, 'act_malformed'],
    ['a subject identifier without a format', { sub_id: { sub: 'x' } }, 'sub_id_malformed'],
    ['bound by nothing', { cnf: {} }, 'cnf_unknown'],
    ['bound by what is not known', { cnf: { jwk: {} } }, 'cnf_unknown'],
    ['bound by something known and something not', { cnf: { 'x5t#S256': 'a', kid: 'b' } }, 'cnf_unknown'],
    ['bound in words', { cnf: 'jkt' }, 'cnf_unknown'],
  ])('%s', async (_case, claims, reason) => {
    expect(await withClaims(claims)).toBe(`invalid_token: ${reason}`);
  });

  it('a scope is missing', async () => {
    expect(await withClaims({ scope: 'read' }, { scopes: ['read', 'write'] })).toBe('insufficient_scope: scope');
    const verifier = (await verifierWorld()).verifier({ scopes: ['read'] });
    const token = tokenOf(await signingKey(), { scope: 'read' });
    expect(await outcomeOf(verifier.verify(token, { scopes: ['reads'] }))).toBe('insufficient_scope: scope');
  });
});

describe('a token is refused for its header:', () => {
  it.each([
    ['a JWT of any kind', { typ: 'JWT' }, 'typ'],
    ['no type', { typ: undefined }, 'typ'],
    ['a DPoP proof', { typ: 'dpop+jwt' }, 'typ'],
    ['a list of keys', { typ: 'countersign-revoked-keys+jwt' }, 'typ'],
    ['no key', { kid: undefined }, 'kid_missing'],
    ['a number as key', { kid: 1 }, 'kid_missing'],
    ['a key of nobody', { kid: 'nobody' }, 'key_unknown'],
    ['alg none', { alg: 'none' }, 'algorithm'],
    ['alg HS256', { alg: 'HS256' }, 'algorithm'],
    ['no alg', { alg: undefined }, 'malformed'],
    ['the algorithm of another key', { alg: 'RS256' }, 'key_unsuitable'],
    ['a critical extension', { crit: ['exp'] }, 'critical_header'],
    ['a payload that is not encoded', { b64: false }, 'critical_header'],
  ])('%s', async (_case, header, reason) => {
    expect(await withHeader(header)).toBe(`invalid_token: ${reason}`);
  });

  it('a key of its own changes nothing', async () => {
    const [mallory, { kid }] = [await keyPair('ES256', 'mallory'), await signingKey()];
    const token = tokenOf(mallory, {}, { kid, jwk: mallory.publicJwk, jku: 'https://mallory.example/jwks' });
    expect(await verdict(token)).toBe('invalid_token: signature');
  });

  it('the public key is no shared secret', async () => {
    const pair = await keyPair('RS256', 'sign-1');
    const world = await verifierWorld();
    world.keys = [pair];
    const pem = createPublicKey({ key: { ...pair.publicJwk }, format: 'jwk' }).export({ type: 'spki', format: 'pem' });
    const input = `${encodeJson({ alg: 'HS256', typ: 'at+jwt', kid: pair.kid })}.${encodeJson(tokenClaims())}`;
    const token = `${input}.${createHmac('sha256', pem).update(input).digest('base64url')}`;
    expect(await outcomeOf(world.verifier().verify(token))).toBe('invalid_token: algorithm');
  });
});

describe('a token is refused for its form:', async () => {
  const good = tokenOf(await signingKey());
  const [h = '', p = '', s = ''] = good.split('.');
  it.each([
    ['nothing', '', 'malformed'],
    ['two parts', `${h}.${p}`, 'malformed'],
    ['no signature', `${h}.${p}.`, 'malformed'],
    ['four parts', `${good}.${s}`, 'malformed'],
    ['padding', `${good}=`, 'malformed'],
    ['a blank', `${good} `, 'malformed'],
    ['a header that is no object', `${encodeJson([])}.${p}.${s}`, 'malformed'],
    ['claims that are no JSON', `${h}.${base64url.encode('{')}.${s}`, 'malformed'],
    ['claims that are no UTF-8', `${h}.${base64url.encode(new Uint8Array([0xff]))}.${s}`, 'malformed'],
    ['8,193 characters', good.padEnd(8_193, 'A'), 'too_long'],
  ])('%s', async (_case, token, reason) => {
    expect(await verdict(token)).toBe(`invalid_token: ${reason}`);
  });

  it('any change of any character', async () => {
    const verifier = (await verifierWorld()).verifier({ scopes: ['read'] });
    const places = fc.record({ part: fc.constantFrom(0, 1, 2), at: fc.nat(), to: fc.constantFrom(...'AZaz09-_ .=+/') });
    await fc.assert(
      fc.asyncProperty(places, async ({ part, at, to }) => {
        const text = partOf(good, part as 0 | 1 | 2);
        const index = at % text.length;
        fc.pre(text[index] !== to);
        const changed = withPart(good, part as 0 | 1 | 2, text.slice(0, index) + to + text.slice(index + 1));
        expect(await outcomeOf(verifier.verify(changed))).toMatch(/^invalid_token: /);
      }),
      { numRuns: 300 },
    );
  });

  it('whatever text it is', async () => {
    const verifier = (await verifierWorld()).verifier();
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.string(),
          fc.json().map((each) => `${h}.${base64url.encode(each)}.${s}`),
        ),
        async (text) => {
          expect(await outcomeOf(verifier.verify(text))).toMatch(/^invalid_token: /);
        },
      ),
    );
  });

  it('whatever claims our own key has signed, unless they are good', async () => {
    const pair = await signingKey();
    const verifier = (await verifierWorld()).verifier();
    const member = fc.constantFrom(
      'iss',
      'aud',
      'exp',
      'iat',
      'sub',
      'client_id',
      'jti',
      'act',
      'cnf',
      'sub_id',
      'scope',
      'nbf',
    );
    await fc.assert(
      fc.asyncProperty(member, fc.jsonValue({ maxDepth: 3 }), async (name, value) => {
        // Settles one way or the other: nothing else is ever thrown.
        const outcome = await outcomeOf(verifier.verify(tokenOf(pair, { [name]: value })));
        if (['iss', 'aud', 'act', 'cnf', 'sub_id'].includes(name)) expect(outcome).toMatch(/^invalid_token: /);
        else expect(outcome).toMatch(/^accepted$|^invalid_token: /);
      }),
    );
  });

  it('its text twice in one header member', async () => {
    const pair = await signingKey();
    const header = `{"alg":"none","typ":"at+jwt","kid":"${pair.kid}","alg":"ES256","crit":[]}`;
    expect(await verdict(signTexts(pair, header, JSON.stringify(tokenClaims())))).toBe(
      'invalid_token: critical_header',
    );
  });
});

describe('a request', () => {
  it.each([
    ['without a token', undefined, 'missing_token: no_token'],
    ['with another scheme', 'Basic YTpi', 'missing_token: no_token'],
    ['with a scheme alone', 'Bearer', 'invalid_request: authorization_malformed'],
    ['with two tokens', 'Bearer a.b.c, Bearer a.b.c', 'invalid_request: authorization_malformed'],
    ['with a word behind', 'Bearer a.b.c d', 'invalid_request: authorization_malformed'],
    ['with a token that is none', 'Bearer abc', 'invalid_token: malformed'],
  ])('%s is refused', async (_case, authorization, outcome) => {
    expect(await outcomeOf((await verifierWorld()).verifier().verify(requestOf(authorization)))).toBe(outcome);
  });

  it('is refused with an error that holds nothing of the token', async () => {
    const token = tokenOf(await signingKey(), { sub: 'secret-subject', exp: NOW - 100 });
    const error = await (await verifierWorld())
      .verifier()
      .verify(requestOf(`Bearer ${token}`))
      .catch((each) => each);
    expect(error).toBeInstanceOf(VerificationError);
    const told = [error.message, error.stack, error.challenge(), JSON.stringify(error), JSON.stringify(error.body())];
    expect(told.join()).not.toMatch(/secret-subject|eyJ/);
  });
});

describe('settings', () => {
  const options = { issuer: ISSUER, audience: AUDIENCE };
  it.each([
    ['an issuer without TLS', { issuer: 'http://sts.example.com' }],
    ['an issuer that is no URL', { issuer: 'sts' }],
    ['a key set without TLS', { jwksUri: 'http://sts.example.com/jwks' }],
    ['a URL with a password', { jwksUri: 'https://a:b@sts.example.com/jwks' }],
    ['no audience', { audience: [] }],
    ['an empty audience', { audience: '' }],
    ['no algorithm', { algorithms: [] }],
    ['the algorithm none', { algorithms: ['none'] }],
    ['a symmetric algorithm', { algorithms: ['RS256', 'HS256'] }],
    ['a tolerance of a day', { clockToleranceSeconds: 86_400 }],
    ['a tolerance that is no number', { clockToleranceSeconds: Number.NaN }],
    ['keys for ever', { maxKeyAgeSeconds: Number.POSITIVE_INFINITY }],
    ['no cool-down', { cooldownSeconds: 0 }],
  ])('that are not safe are not taken: %s', (_case, change) => {
    expect(() => createVerifier({ ...options, ...change })).toThrow(TypeError);
  });

  it('may name this machine without TLS, for development', () => {
    expect(() => createVerifier({ ...options, issuer: 'http://127.0.0.1:3000' })).not.toThrow();
  });

  it('may narrow the algorithms', async () => {
    expect(await withClaims({}, { algorithms: ['RS256'] })).toBe('invalid_token: algorithm');
  });
});

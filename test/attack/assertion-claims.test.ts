/**
 * Attacks on what a client assertion says: its type, its critical headers, who it is by and for, when it is good, and how it is
 * written. All are signed by the registered key, so that nothing but the rule in question can refuse them.
 */

import { base64url } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { badRequest, notAuthenticated, tokenOutcome } from '../support/decisions.ts';
import { compactOf, goodClaims, goodHeader, seconds, signedBy } from '../support/forgery.ts';
import {
  assertionOf,
  getToken,
  populate,
  type Service,
  startService,
  tokenForm,
  type World,
} from '../support/service.ts';

let service: Service;
let world: World;

beforeAll(async () => {
  service = await startService();
  world = await populate(service);
});
afterAll(() => service[Symbol.asyncDispose]());

const send = (assertion: string) => tokenOutcome(service, tokenForm(assertion));
const withHeader = (header: object) => assertionOf(world.client, service.issuer, { header });
const withClaims = (claims: object) => assertionOf(world.client, service.issuer, { claims });
/** Header and payload as texts, signed as they stand. */
const written = (header: string, payload: string) => compactOf(header, payload, signedBy(world.client));
const goodHeaderText = () => JSON.stringify(goodHeader(world.client));
const goodClaimsText = () => JSON.stringify(goodClaims(world.client, service.issuer));

describe('the type of an assertion', () => {
  it.each([
    'at+jwt',
    'application/at+jwt',
    'AT+JWT',
    'dpop+jwt',
    'logout+jwt',
    'secevent+jwt',
    'oauth-authz-req+jwt',
    'token-introspection+jwt',
    'JWE',
    'jwt ',
    '',
  ])('is not that of another kind of token: "%s"', async (typ) => {
    expect(await send(await withHeader({ typ }))).toEqual(notAuthenticated('assertion_typ'));
  });

  it.each(['JWT', 'jwt', 'application/jwt', 'client-authentication+jwt', 'application/client-authentication+jwt'])(
    'may be "%s"',
    async (typ) => {
      expect(await send(await withHeader({ typ }))).toMatchObject({ status: 200, reason: 'granted' });
    },
  );

  it('keeps an access token of ours from being an assertion', async () => {
    expect(await send(await getToken(service, world))).toEqual(notAuthenticated('assertion_typ'));
  });

  it('keeps a token that the client issued for somebody else from being one, also without a type', async () => {
    // What an ID token or an access token by the client's own server looks like: its subject is a user.
    const idToken = await withClaims({ sub: 'alice', aud: 'some-app', nonce: 'n' });
    expect(await send(idToken)).toEqual(notAuthenticated('client_unknown'));
  });
});

describe('a header that says how to read the rest', () => {
  it.each([
    ['an unknown critical member', { crit: ['urn:example:x'], 'urn:example:x': 1 }],
    ['a known critical member', { crit: ['exp'], exp: 1 }],
    ['an empty crit', { crit: [] }],
    ['a crit that is no list', { crit: 'b64' }],
    ['a crit of null', { crit: null }],
    ['b64 false, critical', { crit: ['b64'], b64: false }],
    ['b64 false, not critical', { b64: false }],
    ['b64 true', { b64: true }],
  ])('is refused: %s', async (_case, more) => {
    const header = { ...goodHeader(world.client), ...more };
    expect(await send(await written(JSON.stringify(header), goodClaimsText()))).toEqual(
      notAuthenticated('assertion_critical_header'),
    );
  });

  it('does not make it look inside a nested JWT', async () => {
    const inner = await assertionOf(world.client, service.issuer);
    const outer = await compactOf(goodHeader(world.client, { cty: 'JWT' }), inner, signedBy(world.client));
    expect(await send(outer)).toEqual(notAuthenticated('assertion_malformed'));
  });

  it.each([{ zip: 'DEF' }, { enc: 'A128GCM' }, { cty: 'JWT' }, { p2c: 2_147_483_647 }, { epk: {} }])(
    'has no effect: %j',
    async (header) => {
      expect(await send(await withHeader(header))).toMatchObject({ status: 200, reason: 'granted' });
    },
  );
});

describe('the audience of an assertion', () => {
  it.each([
    ['the token endpoint', (issuer: string) => `${issuer}/token`],
    ['the issuer with a slash', (issuer: string) => `${issuer}/`],
    ['a list of the issuer alone', (issuer: string) => [issuer]],
    ['a list with another server', (issuer: string) => [issuer, 'https://evil.example']],
    ['a list with the token endpoint', (issuer: string) => [issuer, `${issuer}/token`]],
    ['another server', () => 'https://evil.example'],
    ['the host in capitals', (issuer: string) => issuer.replace('http', 'HTTP')],
    ['a longer text', (issuer: string) => `${issuer}.evil.example`],
    ['a part of the issuer', (issuer: string) => issuer.slice(0, -1)],
    ['an empty text', () => ''],
    ['an object', (issuer: string) => ({ [issuer]: true })],
    ['null', () => null],
    ['nothing', () => undefined],
  ])('is the issuer and nothing else: %s', async (_case, aud) => {
    expect(await send(await withClaims({ aud: aud(service.issuer) }))).toEqual(notAuthenticated('assertion_audience'));
  });
});

describe('who an assertion is by', () => {
  it('is also who it is about', async () => {
    expect(await send(await withClaims({ iss: 'billing' }))).toEqual(notAuthenticated('assertion_issuer'));
    expect(await send(await withClaims({ iss: service.issuer }))).toEqual(notAuthenticated('assertion_issuer'));
    expect(await send(await withClaims({ iss: 'CRM' }))).toEqual(notAuthenticated('assertion_issuer'));
    expect(await send(await withClaims({ iss: 'crm\u200b' }))).toEqual(notAuthenticated('assertion_issuer'));
    // The same letters to a reader, composed differently.
    expect(await send(await withClaims({ iss: 'ｃｒｍ' }))).toEqual(notAuthenticated('assertion_issuer'));
  });

  it('is who the signature is by, whoever the subject is', async () => {
    expect(await send(await withClaims({ sub: 'billing' }))).toEqual(notAuthenticated('assertion_key_unknown'));
  });

  it.each([undefined, null, 1, '', ['crm'], { id: 'crm' }, 'x'.repeat(513)])('is a short text, not %j', async (id) => {
    expect(await send(await withClaims({ iss: id }))).toEqual(notAuthenticated('assertion_malformed'));
    expect(await send(await withClaims({ sub: id }))).toEqual(notAuthenticated('assertion_malformed'));
  });

  it('is not changed by a client_id beside it', async () => {
    for (const client_id of ['billing', 'CRM', 'crm ', '__proto__']) {
      const form = tokenForm(await assertionOf(world.client, service.issuer), { client_id });
      expect(await tokenOutcome(service, form)).toEqual(notAuthenticated('client_id_mismatch'));
    }
  });
});

describe('the times of an assertion', () => {
  it.each([
    ['exp long ago', () => ({ iat: 1, exp: 61 }), 'assertion_expired'],
    ['exp of 0', () => ({ iat: 0, exp: 0 }), 'assertion_expired'],
    ['exp beyond the tolerance', () => ({ exp: seconds() - 90 }), 'assertion_expired'],
    ['exp in milliseconds', () => ({ exp: Date.now() + 60_000 }), 'assertion_lifetime'],
    ['exp of the largest whole number', () => ({ exp: Number.MAX_SAFE_INTEGER }), 'assertion_lifetime'],
    ['a life of an hour', () => ({ exp: seconds() + 3_600 }), 'assertion_lifetime'],
    [
      'a life of an hour that is nearly over',
      () => ({ iat: seconds() - 3_590, exp: seconds() + 10 }),
      'assertion_lifetime',
    ],
    ['nbf in the future', () => ({ nbf: seconds() + 120 }), 'assertion_not_yet_valid'],
    ['iat in the future', () => ({ iat: seconds() + 120, exp: seconds() + 180 }), 'assertion_not_yet_valid'],
    ['exp missing', () => ({ exp: undefined }), 'assertion_malformed'],
    ['exp as text', () => ({ exp: String(seconds() + 60) }), 'assertion_malformed'],
    ['exp as a date', () => ({ exp: new Date(Date.now() + 60_000).toISOString() }), 'assertion_malformed'],
    ['exp negative', () => ({ exp: -1 }), 'assertion_malformed'],
    ['exp of null', () => ({ exp: null }), 'assertion_malformed'],
    ['exp of true', () => ({ exp: true }), 'assertion_malformed'],
    ['exp in a list', () => ({ exp: [seconds() + 60] }), 'assertion_malformed'],
    ['exp beyond whole numbers', () => ({ exp: 2 ** 53 }), 'assertion_malformed'],
    ['nbf as text', () => ({ nbf: '0' }), 'assertion_malformed'],
    ['iat negative', () => ({ iat: -1 }), 'assertion_malformed'],
    ['jti missing', () => ({ jti: undefined }), 'assertion_malformed'],
    ['jti empty', () => ({ jti: '' }), 'assertion_malformed'],
    ['jti a number', () => ({ jti: 1 }), 'assertion_malformed'],
    ['jti too long', () => ({ jti: 'j'.repeat(257) }), 'assertion_malformed'],
  ])('are checked: %s', async (_case, claims, reason) => {
    expect(await send(await withClaims(claims()))).toEqual(notAuthenticated(reason));
  });

  it.each(['1e400', '-1e400', 'NaN', 'Infinity', '0x7fffffff', '01800000000', '1_800_000_000'])(
    'are numbers that JSON knows and clocks can show: %s',
    async (exp) => {
      const payload = goodClaimsText().replace(/"exp":\d+/, `"exp":${exp}`);
      expect(await send(await written(goodHeaderText(), payload))).toEqual(notAuthenticated('assertion_malformed'));
    },
  );

  it.each([
    ['exp just past, within the tolerance', () => ({ exp: seconds() - 30 })],
    ['iat and nbf just ahead, within the tolerance', () => ({ iat: seconds() + 30, nbf: seconds() + 30 })],
    ['exp with a fraction', () => ({ exp: seconds() + 60.75 })],
    ['no iat', () => ({ iat: undefined })],
  ])('are taken with tolerance: %s', async (_case, claims) => {
    expect(await send(await withClaims(claims()))).toMatchObject({ status: 200, reason: 'granted' });
  });
});

describe('how an assertion is written', () => {
  it('may use every spelling that JSON has for a number or a letter', async () => {
    const payload = goodClaimsText()
      .replace(/"exp":(\d)(\d{9})/, '"exp":$1.$2e9')
      .replace('"iss":"crm"', '"\\u0069ss":"\\u0063rm"');
    expect(payload).toMatch(/"exp":1\.\d{9}e9/);
    expect(await send(await written(goodHeaderText(), payload))).toMatchObject({ status: 200, reason: 'granted' });
  });

  it.each([
    ['one part', 'abc'],
    ['two parts', 'abc.def'],
    ['four parts', 'a.b.c.d'],
    ['five parts, as a JWE has', 'a.b.c.d.e'],
    ['empty parts', '..'],
    ['a JSON serialization', '{"payload":"e30","signatures":[]}'],
    ['another alphabet', 'e30+.e30/.c2ln'],
    ['padding', 'e30=.e30=.c2ln'],
    ['blanks', 'e30 .e30.c2ln'],
    ['a line feed behind', 'e30.e30.c2ln\n'],
  ])('has to be a compact JWS: %s', async (_case, assertion) => {
    expect(await send(assertion)).toEqual(notAuthenticated('assertion_malformed'));
  });

  it.each([
    ['a header that is a list', '[]', '{}'],
    ['a header that is text', '"ES256"', '{}'],
    ['a header that is null', 'null', '{}'],
    ['a header that is not JSON', '{alg:ES256}', '{}'],
    ['a header with a trailing comma', '{"alg":"ES256",}', '{}'],
    ['a payload that is a list', '{"alg":"ES256"}', '[]'],
    ['a payload that is a number', '{"alg":"ES256"}', '1'],
    ['an empty payload object', '{"alg":"ES256"}', '{}'],
    ['two payloads', '{"alg":"ES256"}', '{}{}'],
    ['claims in the prototype', '{"alg":"ES256"}', '{"__proto__":{"iss":"crm","sub":"crm"}}'],
    ['an algorithm in the prototype', '{"__proto__":{"alg":"ES256"}}', '{}'],
    ['a header in UTF-16', '{"alg":"ES256"}'.split('').join('\0'), '{}'],
  ])('has to hold JSON objects with what is needed: %s', async (_case, header, payload) => {
    expect(await send(await written(header, payload))).toEqual(notAuthenticated('assertion_malformed'));
  });

  it('has to be UTF-8', async () => {
    const bytes = Buffer.concat([Buffer.from('{"iss":"crm","sub":"crm\xff", ', 'latin1'), Buffer.from('"a":1}')]);
    const input = `${base64url.encode(goodHeaderText())}.${base64url.encode(bytes)}`;
    const signature = base64url.encode(await signedBy(world.client)(input));
    expect(await send(`${input}.${signature}`)).toEqual(notAuthenticated('assertion_malformed'));
  });

  it('is read in one way where a member stands twice: the last one counts, for the signature as well', async () => {
    const twice = (member: string, text: string) => text.replace('{', `{${member},`);
    // An attacker's value first, the true one last.
    const good = await written(twice('"alg":"none"', goodHeaderText()), twice('"iss":"billing"', goodClaimsText()));
    expect(await send(good)).toMatchObject({ reason: 'granted' });
    const last = (member: string, text: string) => text.replace(/}$/, `,${member}}`);
    const none = await written(last('"alg":"none"', goodHeaderText()), goodClaimsText());
    expect(await send(none)).toEqual(notAuthenticated('assertion_algorithm'));
    const other = await written(goodHeaderText(), last('"aud":"https://evil.example"', goodClaimsText()));
    expect(await send(other)).toEqual(notAuthenticated('assertion_audience'));
  });

  it('costs nothing to refuse where it is nested a thousand levels deep', async () => {
    const deep = `${'['.repeat(1_500)}${']'.repeat(1_500)}`;
    const payload = goodClaimsText().replace('{', `{"deep":${deep},`);
    expect(await send(await written(goodHeaderText(), payload))).toMatchObject({ status: 200, reason: 'granted' });
    const broken = goodClaimsText().replace('{', `{"deep":${'['.repeat(3_000)},`);
    expect(await send(await written(goodHeaderText(), broken))).toEqual(notAuthenticated('assertion_malformed'));
  });

  it('has a length limit, before anything is decoded', async () => {
    const long = await withClaims({ filler: 'x'.repeat(6_500) });
    expect(long.length).toBeGreaterThan(8_192);
    expect(await send(long)).toEqual(badRequest('parameter_too_long', 'A request parameter is too long.'));
    expect(await send(`${'a'.repeat(9_000)}.e30.c2ln`)).toMatchObject({ reason: 'parameter_too_long' });
    expect(await send('a'.repeat(20_000))).toEqual(badRequest('body_too_large', 'The request body is too large.'));
  });
});

/**
 * Attacks on sender constraint: a stolen token without its key, a stolen proof, proofs made for something else, keys that are
 * nobody's, and requests that say of themselves what they are not. RFC 9449 11, RFC 8725 3.
 */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { base64url, decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { synthesizeApp } from '../support/assembly.ts';
import { encodeJson, keyPair, type TestKeyPair } from '../support/builders.ts';
import { logLines, notAuthorized, type Outcome, outcomeOf } from '../support/decisions.ts';
import { freshProof, tokenHash } from '../support/dpop.ts';
import {
  boundToken,
  currentNonce,
  postWithProofs,
  present,
  resourceProof,
  tokenProof,
} from '../support/dpop-service.ts';
import { partOf, seconds, withPart } from '../support/forgery.ts';
import {
  assertionOf,
  callAdmin,
  getToken,
  populate,
  type Service,
  startService,
  tokenForm,
  type World,
} from '../support/service.ts';

let service: Service;
let world: World;
let pair: TestKeyPair;
let mallory: TestKeyPair;
let token: string;
let nonce: string;
/** How far the tables' clock is ahead, in milliseconds. */
let ahead = 0;

beforeAll(async () => {
  service = await startService({ clock: () => Date.now() + ahead });
  world = await populate(service);
  [pair, mallory] = await Promise.all([keyPair(), keyPair('ES256', 'mallory')]);
  token = await boundToken(service, world, pair);
  nonce = await currentNonce(service, world, pair);
});
afterAll(() => service[Symbol.asyncDispose]());

const ask = async (proof: string): Promise<Outcome> =>
  outcomeOf(service, await postWithProofs(service, world, [proof]));
const show = (proof: string, jws = token): Promise<Outcome> => present(service, `DPoP ${jws}`, proof);
const proof = (claims: object = {}, header: object = {}) => resourceProof(service, pair, token, claims, header);
const theirs = (claims: object = {}, header: object = {}) => resourceProof(service, mallory, token, claims, header);

describe('the key holder of these tests', () => {
  it('is let in, so that what follows is refused for what it is', async () => {
    expect(await show(proof())).toMatchObject({ status: 200, reason: 'granted' });
  });
});

describe('a stolen token', () => {
  it.each([
    ['as a bearer token', () => present(service, `Bearer ${token}`), 'token_binding'],
    ['as a bearer token with the thief’s proof', () => present(service, `Bearer ${token}`, theirs()), 'token_binding'],
    ['without a proof', () => present(service, `DPoP ${token}`), 'token_binding'],
    ['with the thief’s proof', () => show(theirs()), 'token_binding'],
    ['with the victim’s thumbprint as a kid', () => show(theirs({}, { kid: pair.thumbprint })), 'token_binding'],
    [
      'with the victim’s thumbprint in the JWK',
      () => show(theirs({}, { jwk: { ...mallory.publicJwk, kid: pair.thumbprint, jkt: pair.thumbprint } })),
      'token_binding',
    ],
    ['with the victim’s key, signed by the thief', () => show(theirs({}, { jwk: pair.publicJwk })), 'dpop_signature'],
    [
      'with the victim’s key and no signature',
      () => show(`${partOf(proof(), 0)}.${partOf(proof(), 1)}.`),
      'dpop_malformed',
    ],
    ['with the victim’s key under algorithm none', () => show(proof({}, { alg: 'none' })), 'dpop_malformed'],
    ['with two schemes', () => present(service, `Bearer ${token}, DPoP ${token}`, theirs()), 'token_missing'],
  ])('lets nobody in %s', async (_how, attack, reason) => {
    expect(await attack()).toEqual(notAuthorized(reason));
  });

  it.each([
    ['the thief’s key', () => ({ cnf: { jkt: mallory.thumbprint } })],
    ['no key', () => ({ cnf: undefined })],
    ['both keys', () => ({ cnf: { jkt: [pair.thumbprint, mallory.thumbprint] } })],
  ])('cannot be bound to %s', async (_what, change) => {
    const rebound = withPart(token, 1, encodeJson({ ...decodeJwt(token), ...change() }));
    const shown = resourceProof(service, mallory, rebound);
    expect(await show(shown, rebound)).toMatchObject({ status: 403 });
    expect(await present(service, `Bearer ${rebound}`)).toMatchObject({ status: 403 });
  });
});

describe('a stolen proof', () => {
  it('is worth nothing once it was used, whatever the request is besides', async () => {
    const once = proof();
    expect(await show(once)).toMatchObject({ reason: 'granted' });
    expect(await show(once)).toEqual(notAuthorized('dpop_replayed'));
    expect(await present(service, `dpop   ${token}`, once)).toEqual(notAuthorized('dpop_replayed'));
  });

  it('sent many times at once lets one request in', async () => {
    const once = proof();
    const outcomes = await Promise.all(Array.from({ length: 20 }, () => show(once)));
    const reasons = outcomes.map(({ reason }) => reason).toSorted();
    expect(reasons).toEqual([...Array.from({ length: 19 }, () => 'dpop_replayed'), 'granted']);
  });

  it('sent many times at once to the token endpoint, with an assertion each, makes one token', async () => {
    const once = tokenProof(service, pair, { nonce });
    const outcomes = await Promise.all(Array.from({ length: 12 }, () => ask(once)));
    const reasons = outcomes.map(({ reason }) => reason).toSorted();
    expect(reasons).toEqual([...Array.from({ length: 11 }, () => 'dpop_replayed'), 'granted']);
  });

  it('is worth nothing with another token of the same client and key', async () => {
    const other = await boundToken(service, world, pair);
    expect(await show(proof(), other)).toEqual(notAuthorized('dpop_token_hash'));
  });

  it('of the token endpoint opens no resource, and the other way round', async () => {
    const forToken = tokenProof(service, pair, { nonce, ath: tokenHash(token) });
    expect(await show(forToken)).toEqual(notAuthorized('dpop_method'));
    expect(await ask(proof({ nonce }))).toMatchObject({ status: 400, reason: 'dpop_method' });
  });

  it('is remembered for as long as it could be accepted, tolerance included', async () => {
    const iat = seconds();
    const once = proof({ iat });
    expect(await show(once)).toMatchObject({ reason: 'granted' });
    // The last moment at which the authorizer would still take it: the table's own deletion must not have come before.
    ahead = (iat + 120) * 1_000 - Date.now();
    await service.deployment.sweep();
    ahead = 0;
    expect(await show(once)).toEqual(notAuthorized('dpop_replayed'));
  });

  it.each([['a\u0000b'], ['../../x'], ['#'], ['jti-\u{1f511}'], ['x'.repeat(256)]])(
    'is remembered whatever its jti looks like: %j',
    async (jti) => {
      expect(await show(proof({ jti }))).toMatchObject({ reason: 'granted' });
      expect(await show(proof({ jti }))).toEqual(notAuthorized('dpop_replayed'));
    },
  );

  it('does not keep another client from using the same jti', async () => {
    const jti = 'a-counter-1';
    const other = await boundToken(service, world, mallory);
    expect(await show(proof({ jti }))).toMatchObject({ reason: 'granted' });
    expect(await show(resourceProof(service, mallory, other, { jti }), other)).toMatchObject({ reason: 'granted' });
  });
});

describe('a proof for another place', () => {
  it.each([
    ['a longer path', (base: string) => `${base}/whoami/x`],
    ['a path that begins alike', (base: string) => `${base}/who`],
    ['the origin alone', (base: string) => base],
    ['a user before the host', (base: string) => base.replace('//', '//user@').concat('/whoami')],
    ['our host as a user of another', (base: string) => `${base}@evil.example/whoami`],
    ['our host as a part of another', (base: string) => `${base}.evil.example/whoami`],
    ['backslashes', (base: string) => `${base}\\whoami`],
    ['a line break within', (base: string) => `${base}/who\nami`],
    ['a slash that is encoded', (base: string) => `${base}%2Fwhoami`],
    ['another port', (base: string) => `${base}1/whoami`],
    ['a resource of somebody else', () => 'https://billing.example/whoami'],
  ])('is refused: %s', async (_what, htu) => {
    expect(await show(proof({ htu: htu(service.issuer) }))).toEqual(notAuthorized('dpop_url'));
  });

  it('is refused whatever headers the request gives itself', async () => {
    const htu = 'https://evil.example/admin';
    const headers = {
      authorization: `DPoP ${token}`,
      dpop: proof({ htu, htm: 'POST' }),
      'x-forwarded-host': 'evil.example',
      'x-forwarded-proto': 'https',
      'x-original-url': '/admin',
      'x-rewrite-url': '/admin',
      forwarded: 'host=evil.example;proto=https',
      'x-http-method-override': 'POST',
    };
    const answer = await fetch(new URL('/whoami', service.deployment.url), { headers });
    expect(answer.status).toBe(403);
    const more = { ...headers, dpop: proof({ htu }) };
    const byUrl = await fetch(new URL('/whoami', service.deployment.url), { headers: more });
    const body = (await byUrl.json()) as Record<string, unknown>;
    expect(await outcomeOf(service, { status: byUrl.status, headers: byUrl.headers, body })).toEqual(
      notAuthorized('dpop_url'),
    );
  });
});

describe('a key that is nobody’s', () => {
  const smallOrder = (first: number) => base64url.encode(new Uint8Array([first, ...new Array(31).fill(0)]));
  it.each([
    ['Ed25519, the neutral element', { kty: 'OKP', crv: 'Ed25519', x: smallOrder(1) }, 'EdDSA'],
    ['Ed25519, a point of order 4', { kty: 'OKP', crv: 'Ed25519', x: smallOrder(0) }, 'EdDSA'],
    ['an RSA modulus of 1', { kty: 'RSA', n: 'AQ', e: 'AQAB' }, 'RS256'],
    ['an RSA exponent of 1', { kty: 'RSA', n: base64url.encode(new Uint8Array(256).fill(255)), e: 'AQ' }, 'RS256'],
    ['a secret that all know', { kty: 'oct', k: 'c2VjcmV0' }, 'ES256'],
    ['a point off its curve', { kty: 'EC', crv: 'P-256', x: smallOrder(1), y: smallOrder(1) }, 'ES256'],
  ])('binds no token: %s', async (_what, jwk, alg) => {
    const forged = tokenProof(service, pair, { nonce }, { alg, jwk });
    expect(await ask(forged)).toMatchObject({ status: 400, reason: 'dpop_key', body: { error: 'invalid_dpop_proof' } });
  });
});

describe('a nonce', () => {
  it('of one realm is none of another', async () => {
    await callAdmin(service, 'POST', '/admin/realms', { name: 'elsewhere' });
    const jwks = { keys: [world.client.publicJwk] };
    await callAdmin(service, 'POST', '/admin/realms/elsewhere/partners', { id: world.client.id, jwks });
    const issuer = `${service.issuer}/realms/elsewhere`;
    const foreign = await fetch(new URL('/realms/elsewhere/token', service.deployment.url), {
      method: 'POST',
      headers: { dpop: freshProof(pair, { htm: 'POST', htu: `${issuer}/token` }) },
      body: tokenForm(await assertionOf(world.client, issuer)),
    });
    expect(await foreign.json()).toMatchObject({ error: 'use_dpop_nonce' });
    const given = foreign.headers.get('dpop-nonce');
    expect(given).not.toBe(nonce);
    expect(await ask(tokenProof(service, pair, { nonce: given }))).toMatchObject({ reason: 'dpop_nonce' });
  });

  it('cannot be made from one that was given: neither for a later window nor with another MAC', async () => {
    const octets = Buffer.from(nonce, 'base64url');
    const later = Buffer.from(octets);
    later.writeUInt32BE(octets.readUInt32BE() + 1);
    const other = Buffer.from(octets);
    other[octets.length - 1] = (octets.at(-1) ?? 0) ^ 1;
    for (const forged of [later, other, octets.subarray(0, 4), Buffer.concat([octets, octets])]) {
      expect(await ask(tokenProof(service, pair, { nonce: forged.toString('base64url') }))).toMatchObject({
        reason: 'dpop_nonce',
      });
    }
    expect(await ask(tokenProof(service, pair, { nonce }))).toMatchObject({ reason: 'granted' });
  });

  it('is told to nobody by a proof that is not good', async () => {
    const { headers } = await postWithProofs(service, world, ['x.y.z']);
    expect(headers.get('dpop-nonce')).toBeNull();
  });
});

describe('what is left behind', () => {
  it('holds no proof and no token', () => {
    const text = JSON.stringify(logLines(service));
    for (const secret of [partOf(token, 2), partOf(token, 1)]) expect(text).not.toContain(secret);
    expect(text).toContain('"binding":"dpop"');
    expect(text).not.toMatch(/eyJ[A-Za-z0-9_-]{20}/);
  });
});

describe('an authorizer whose decisions API Gateway keeps', () => {
  let directory: string;
  let caching: Service;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'countersign-dpop-'));
    await synthesizeApp(join(directory, 'cdk.out'), { authorizerCacheSeconds: '60' });
    caching = await startService({ assembly: join(directory, 'cdk.out') });
  });
  afterAll(async () => {
    await caching[Symbol.asyncDispose]();
    await rm(directory, { recursive: true, force: true });
  });

  it('lets no bound token in: whoever stole it would be let in after its owner', async () => {
    const there = await populate(caching);
    const bound = await boundToken(caching, there, pair);
    expect(await present(caching, `DPoP ${bound}`, resourceProof(caching, pair, bound))).toEqual(
      notAuthorized('token_binding'),
    );
    const authorization = `Bearer ${await getToken(caching, there)}`;
    expect(await present(caching, authorization)).toMatchObject({ status: 200, reason: 'granted' });
  });
});

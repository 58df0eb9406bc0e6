import { beforeEach, describe, expect, it } from 'vitest';
import type { Verifier } from '../../sdk/verifier.ts';
import { ISSUER, keyPair, NOW, type TestKeyPair } from '../support/builders.ts';
import {
  JWKS_URI,
  json,
  METADATA,
  METADATA_URL,
  outcomeOf,
  published,
  signingKey,
  tokenOf,
  type VerifierWorld,
  verifierWorld,
} from './verifier-world.ts';

let world: VerifierWorld;
let pair: TestKeyPair;
let next: TestKeyPair;
beforeEach(async () => {
  world = await verifierWorld();
  [pair, next] = await Promise.all([signingKey(), keyPair('ES256', 'sign-2')]);
});

/** A token that is good whatever the clock shows. */
const fresh = (key = pair) => tokenOf(key, { iat: world.now, exp: world.now + 600 });
const show = (verifier: Verifier, token = fresh()) => outcomeOf(verifier.verify(token));
const keyFetches = () => world.fetched.filter((url) => url === JWKS_URI).length;
const breakKeys = (answer: () => Response | Promise<Response> = () => json({}, 503)) =>
  world.answers.set(JWKS_URI, answer);
const UNAVAILABLE = 'unavailable: jwks cannot be had';

describe('the key set', () => {
  it('is found by the metadata of the issuer, and not before a token comes in', async () => {
    const verifier = world.verifier();
    expect(world.fetched).toEqual([]);
    expect(await show(verifier)).toBe('accepted');
    expect(world.fetched).toEqual([METADATA_URL, JWKS_URI]);
  });

  it('is taken from where it is said to be, without metadata', async () => {
    world.answers.set('https://cdn.example/keys', () => json({ keys: [published(pair)] }));
    expect(await show(world.verifier({ jwksUri: 'https://cdn.example/keys' }))).toBe('accepted');
    expect(world.fetched).toEqual(['https://cdn.example/keys']);
  });

  it('of a further realm is found by the path put behind the well-known one', async () => {
    const issuer = `${ISSUER}/realms/partners`;
    const url = `${ISSUER}/.well-known/oauth-authorization-server/realms/partners`;
    world.answers.set(url, () => json({ ...METADATA, issuer }));
    expect(await show(world.verifier({ issuer }), tokenOf(pair, { iss: issuer }))).toBe('accepted');
    expect(world.fetched[0]).toBe(url);
  });

  it('is fetched once for any number of tokens at once', async () => {
    const verifier = world.verifier();
    const outcomes = await Promise.all(Array.from({ length: 20 }, () => show(verifier)));
    expect([new Set(outcomes), world.fetched]).toEqual([new Set(['accepted']), [METADATA_URL, JWKS_URI]]);
  });

  it('is kept for half of its age and then renewed', async () => {
    const verifier = world.verifier({ maxKeyAgeSeconds: 100 });
    await show(verifier);
    world.now += 49;
    await show(verifier);
    expect(keyFetches()).toBe(1);
    world.now += 1;
    expect(await show(verifier)).toBe('accepted');
    expect(keyFetches()).toBe(2);
  });

  it('that has lost a key does so at the latest when it is renewed', async () => {
    const verifier = world.verifier({ maxKeyAgeSeconds: 100 });
    await show(verifier);
    world.keys = [next];
    world.now += 50;
    expect(await show(verifier)).toBe('invalid_token: key_unknown');
  });
});

describe('while the token service is away', () => {
  it('keys are used up to their hard age and not a second longer', async () => {
    const verifier = world.verifier({ maxKeyAgeSeconds: 100 });
    await show(verifier);
    breakKeys();
    world.now += 99;
    expect(await show(verifier)).toBe('accepted');
    world.now += 1;
    expect(await show(verifier)).toBe(UNAVAILABLE);
  });

  it('it is asked once in a cool-down, as long as there are keys', async () => {
    const verifier = world.verifier({ cooldownSeconds: 30 });
    await show(verifier);
    breakKeys();
    world.now += 300;
    for (let second = 0; second < 90; second++, world.now++) expect(await show(verifier)).toBe('accepted');
    expect(keyFetches()).toBe(1 + 3);
  });

  it('it is asked once in a second where there are none, and the first answer counts', async () => {
    const verifier = world.verifier();
    breakKeys();
    for (let request = 0; request < 5; request++) expect(await show(verifier)).toBe(UNAVAILABLE);
    expect(keyFetches()).toBe(1);
    world.answers.clear();
    world.now += 1;
    expect(await show(verifier)).toBe('accepted');
  });

  it('a key that is not known is neither accepted nor refused', async () => {
    const verifier = world.verifier();
    await show(verifier);
    breakKeys();
    world.now += 30;
    expect(await show(verifier, fresh(next))).toBe(UNAVAILABLE);
    expect(await show(verifier, fresh(next))).toBe(UNAVAILABLE);
    expect(keyFetches()).toBe(2);
  });

  it('what is wrong with a token without any key is refused all the same', async () => {
    breakKeys();
    expect(await show(world.verifier(), tokenOf(pair, {}, { alg: 'none' }))).toBe('invalid_token: algorithm');
  });

  it.each([
    ['no connection', () => Promise.reject(new TypeError('fetch failed'))],
    ['503', () => json({}, 503)],
    ['404', () => json({}, 404)],
    ['a redirect', () => new Response(null, { status: 302, headers: { location: 'https://mallory.example' } })],
    ['no JSON', () => new Response('<html>')],
    ['a list', () => json([])],
    ['no keys', () => json({})],
    ['keys in words', () => json({ keys: 'none' })],
    ['no UTF-8', () => new Response(new Uint8Array([0xff]))],
    ['nothing', () => new Response(null)],
    ['more than anybody needs', () => new Response(' '.repeat(600_000))],
    ['101 keys', () => json({ keys: Array.from({ length: 101 }, () => published(pair)) })],
  ] as const)('its answer may be: %s', async (_case, answer) => {
    breakKeys(answer);
    expect(await show(world.verifier())).toBe(UNAVAILABLE);
  });

  it.each([
    ['of another issuer', { ...METADATA, issuer: 'https://mallory.example' }, 'metadata'],
    ['without a key set', { ...METADATA, jwks_uri: undefined }, 'jwksUri'],
    ['with a key set without TLS', { ...METADATA, jwks_uri: 'http://sts.example.com/jwks' }, 'jwksUri'],
  ])('its metadata may be %s', async (_case, metadata, what) => {
    world.answers.set(METADATA_URL, () => json(metadata));
    expect(await show(world.verifier())).toBe(`unavailable: ${what} cannot be had`);
    expect(keyFetches()).toBe(0);
  });
});

describe('a key that is not known', () => {
  it('is looked for at once after a rotation', async () => {
    const verifier = world.verifier({ cooldownSeconds: 30 });
    await show(verifier);
    world.keys = [pair, next];
    world.now += 30;
    expect(await show(verifier, fresh(next))).toBe('accepted');
    expect(keyFetches()).toBe(2);
  });

  it('makes no more fetches than the cool-down allows, however many tokens name one', async () => {
    const verifier = world.verifier({ cooldownSeconds: 30 });
    await show(verifier);
    const flood = (times: number) =>
      Promise.all(
        Array.from({ length: times }, (_, at) => show(verifier, tokenOf(pair, {}, { kid: `made-up-${at}` }))),
      );
    expect(new Set(await flood(20))).toEqual(new Set(['invalid_token: key_unknown']));
    expect(keyFetches()).toBe(1);
    world.now += 30;
    await flood(20);
    expect(keyFetches()).toBe(2);
  });

  it('costs those nothing whose key is known', async () => {
    const verifier = world.verifier();
    await show(verifier);
    world.now += 30;
    const { promise, resolve: release } = Promise.withResolvers<Response>();
    breakKeys(() => promise);
    const waiting = show(verifier, fresh(next));
    expect(await show(verifier)).toBe('accepted');
    release(json({ keys: [pair, next].map(published) }));
    expect(await waiting).toBe('accepted');
  });
});

describe('a clock that was set back', () => {
  it('makes no key younger', async () => {
    const verifier = world.verifier();
    await show(verifier);
    world.now = NOW - 86_400;
    world.keys = [next];
    expect(await show(verifier, fresh(pair))).toBe('invalid_token: key_unknown');
  });
});

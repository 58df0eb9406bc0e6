import { beforeEach, describe, expect, it } from 'vitest';
import type { Verifier } from '../../sdk/verifier.ts';
import { ISSUER, keyPair, NOW, signJws, type TestKeyPair } from '../support/builders.ts';
import {
  JWKS_URI,
  json,
  outcomeOf,
  published,
  REVOKED_KEYS_URI,
  signingKey,
  tokenOf,
  type VerifierWorld,
  verifierWorld,
} from './verifier-world.ts';

let world: VerifierWorld;
let pair: TestKeyPair;
let other: TestKeyPair;
beforeEach(async () => {
  world = await verifierWorld();
  [pair, other] = await Promise.all([signingKey(), keyPair('RS256', 'sign-2')]);
  world.keys = [pair, other];
});

const listOf = (kids: readonly string[], signer = other, claims: object = {}, header: object = {}) => {
  const revoked_keys = kids.map((kid) => ({ kid, revoked_at: NOW, until: NOW + 4_000 }));
  const whole = { iss: ISSUER, iat: world.now, exp: world.now + 3_600, revoked_keys, ...claims };
  return signJws(
    signer,
    { alg: signer.algorithm, typ: 'countersign-revoked-keys+jwt', kid: signer.kid, ...header },
    whole,
  );
};
const publish = (list: string) => world.answers.set(REVOKED_KEYS_URI, () => new Response(list));
const show = (verifier: Verifier) => outcomeOf(verifier.verify(tokenOf(pair, { exp: NOW + 9_000 })));
const UNAVAILABLE = 'unavailable: revoked_keys cannot be had';

describe('the list of revoked keys', () => {
  it('is not fetched unless that is asked for', async () => {
    await show(world.verifier());
    expect(world.fetched).not.toContain(REVOKED_KEYS_URI);
  });

  it('refuses the tokens of a key that the key set still has in its cache', async () => {
    const verifier = world.verifier({ checkRevokedKeys: true });
    publish(listOf([]));
    expect(await show(verifier)).toBe('accepted');
    publish(listOf([pair.kid]));
    world.now += 59;
    expect(await show(verifier)).toBe('accepted');
    world.now += 1;
    expect(await show(verifier)).toBe('invalid_token: key_revoked');
    expect(world.fetched.filter((url) => url === JWKS_URI)).toHaveLength(1);
  });

  it('may be signed by an algorithm that tokens may not have here', async () => {
    publish(listOf([]));
    expect(await show(world.verifier({ checkRevokedKeys: true, algorithms: ['ES256'] }))).toBe('accepted');
  });

  it('may be at another place', async () => {
    world.answers.set('https://cdn.example/list', () => new Response(listOf([pair.kid])));
    expect(await show(world.verifier({ revokedKeysUri: 'https://cdn.example/list' }))).toBe(
      'invalid_token: key_revoked',
    );
  });

  it('is used through an outage until it ends, and then nothing is let in', async () => {
    const verifier = world.verifier({ checkRevokedKeys: true, maxKeyAgeSeconds: 86_400 });
    publish(listOf([], other, { exp: NOW + 1_000 }));
    await show(verifier);
    world.answers.set(REVOKED_KEYS_URI, () => json({}, 503));
    world.now = NOW + 1_059;
    expect(await show(verifier)).toBe('accepted');
    world.now = NOW + 1_060;
    expect(await show(verifier)).toBe(UNAVAILABLE);
  });

  it('that is older than the one before does not replace it', async () => {
    const verifier = world.verifier({ checkRevokedKeys: true });
    publish(listOf([pair.kid]));
    await show(verifier);
    world.now += 60;
    publish(listOf([], other, { iat: NOW - 1 }));
    expect(await show(verifier)).toBe('invalid_token: key_revoked');
  });

  it('is not believed to a key that is on the one before', async () => {
    const verifier = world.verifier({ checkRevokedKeys: true });
    publish(listOf([pair.kid]));
    await show(verifier);
    world.now += 60;
    publish(listOf([], pair));
    expect(await show(verifier)).toBe('invalid_token: key_revoked');
  });
});

describe('no list at all is', () => {
  it.each<[string, () => string]>([
    ['one that is not there', () => ''],
    ['one of another type', () => listOf([], other, {}, { typ: 'at+jwt' })],
    ['one of another issuer', () => listOf([], other, { iss: 'https://mallory.example' })],
    ['one that has ended', () => listOf([], other, { exp: NOW - 60 })],
    ['one from the future', () => listOf([], other, { iat: NOW + 61 })],
    ['one without an end', () => listOf([], other, { exp: undefined })],
    ['one without keys', () => listOf([], other, { revoked_keys: undefined })],
    ['one with an entry that names none', () => listOf([], other, { revoked_keys: [{}] })],
    ['one that its own signer stands on', () => listOf([other.kid])],
    ['one by a key that is not published', () => listOf([], other, {}, { kid: 'nobody' })],
    ['one that was changed', () => listOf([], { ...other, kid: pair.kid })],
    ['a token', () => tokenOf(pair)],
  ])('%s', async (_case, list) => {
    publish(list());
    expect(await show(world.verifier({ checkRevokedKeys: true }))).toBe(UNAVAILABLE);
  });

  it('one that the metadata does not name', async () => {
    world.answers.set(`${ISSUER}/.well-known/oauth-authorization-server`, () =>
      json({ issuer: ISSUER, jwks_uri: JWKS_URI }),
    );
    world.answers.set(JWKS_URI, () => json({ keys: [published(pair)] }));
    expect(await show(world.verifier({ checkRevokedKeys: true }))).toBe('unavailable: revokedKeysUri cannot be had');
  });
});

import { beforeEach, describe, expect, it } from 'vitest';
import { PROOF_ALGORITHMS } from '../../sdk/dpop-proof.ts';
import type { DpopOptions } from '../../sdk/proof-of-possession.ts';
import { VerificationError } from '../../sdk/verification-error.ts';
import type { Verifier, VerifyOptions } from '../../sdk/verifier.ts';
import { keyPair, NOW, type TestKeyPair } from '../support/builders.ts';
import { dpopProof, TARGET, tokenHash } from '../support/dpop.ts';
import { outcomeOf, requestOf, signingKey, tokenOf, type VerifierWorld, verifierWorld } from './verifier-world.ts';

let world: VerifierWorld;
let key: TestKeyPair;
let mallory: TestKeyPair;
let token: string;
beforeEach(async () => {
  world = await verifierWorld();
  [key, mallory] = await Promise.all([keyPair('ES256', 'client'), keyPair('ES256', 'mallory')]);
  token = tokenOf(await signingKey(), { cnf: { jkt: key.thumbprint } });
});

const proofOf = (claims: object = {}, header: object = {}, pair = key) =>
  dpopProof(pair, { ath: tokenHash(token), ...claims }, header);
const show = (proof: string, verifier = world.verifier(), options: VerifyOptions = {}) =>
  outcomeOf(verifier.verify(requestOf(`DPoP ${token}`, { dpop: proof }), options));

describe('a token that is bound to a DPoP key', () => {
  it('is accepted with a proof of that key for this request', async () => {
    expect(await show(proofOf())).toBe('accepted');
  });

  it.each(['RS256', 'PS256', 'ES256', 'ES384', 'ES512', 'EdDSA'] as const)('may have one of %s', async (algorithm) => {
    const pair = await keyPair(algorithm, 'client');
    token = tokenOf(await signingKey(), { cnf: { jkt: pair.thumbprint } });
    expect(PROOF_ALGORITHMS).toContain(algorithm);
    expect(await show(proofOf({}, {}, pair))).toBe('accepted');
  });

  it('is no good by itself', async () => {
    const verifier = world.verifier();
    const bearer = requestOf(`Bearer ${token}`, { dpop: proofOf() });
    const refused = 'invalid_token: bound_token_as_bearer';
    expect(await outcomeOf(verifier.verify(token))).toBe(refused);
    expect(await outcomeOf(verifier.verify(bearer))).toBe(refused);
    expect(await outcomeOf(verifier.verify(requestOf(`DPoP ${token}`)))).toBe('invalid_dpop_proof: proof_missing');
  });

  it('is no good with the proof of another key', async () => {
    expect(await show(proofOf({}, {}, mallory))).toBe('invalid_token: proof_other_key');
  });

  it.each<[string, () => string, string]>([
    ['for another method', () => proofOf({ htm: 'POST' }), 'proof_method'],
    ['for another path', () => proofOf({ htu: `${TARGET}/x` }), 'proof_url'],
    ['for another host', () => proofOf({ htu: 'https://mallory.example/whoami' }), 'proof_url'],
    ['for no URL', () => proofOf({ htu: '/whoami' }), 'proof_url'],
    ['for a URL with a user', () => proofOf({ htu: 'https://a@api.example.com/whoami' }), 'proof_url'],
    ['for another token', () => proofOf({ ath: tokenHash('other') }), 'proof_token_hash'],
    ['for no token', () => proofOf({ ath: undefined }), 'proof_token_hash'],
    ['that is old', () => proofOf({ iat: NOW - 120 }), 'proof_untimely'],
    ['from the future', () => proofOf({ iat: NOW + 61 }), 'proof_untimely'],
    ['without a time', () => proofOf({ iat: undefined }), 'proof_iat'],
    ['without an id', () => proofOf({ jti: undefined }), 'proof_jti'],
    ['with a long id', () => proofOf({ jti: 'x'.repeat(257) }), 'proof_jti'],
    ['with a nonce that is no text', () => proofOf({ nonce: 1 }), 'proof_nonce'],
    ['of another type', () => proofOf({}, { typ: 'JWT' }), 'proof_typ'],
    ['with alg none', () => proofOf({}, { alg: 'none' }), 'proof_algorithm'],
    ['with a shared secret', () => proofOf({}, { alg: 'HS256', jwk: { kty: 'oct', k: 'AAAA' } }), 'proof_algorithm'],
    ['with an algorithm that is not of its key', () => proofOf({}, { alg: 'RS256' }), 'proof_key'],
    ['without a key', () => proofOf({}, { jwk: undefined }), 'proof_key'],
    ['with a private key', () => proofOf({}, { jwk: { ...key.publicJwk, d: 'AAAA' } }), 'proof_key'],
    ['with a key that has not signed it', () => proofOf({}, { jwk: key.publicJwk }, mallory), 'proof_signature'],
    ['with an extension', () => proofOf({}, { crit: ['x'] }), 'proof_critical_header'],
    ['twice', () => `${proofOf()}, ${proofOf()}`, 'proof_malformed'],
    ['of many characters', () => proofOf({ more: 'x'.repeat(4_000) }), 'proof_too_long'],
    ['that is none', () => 'proof', 'proof_malformed'],
  ])('is no good with a proof %s', async (_case, proof, reason) => {
    expect(await show(proof())).toBe(`invalid_dpop_proof: ${reason}`);
  });

  it.each([
    ['with query', `${TARGET}?page=1#top`],
    ['with the default port', 'https://api.example.com:443/whoami'],
    ['with another case', 'HTTPS://API.example.com/whoami'],
    ['with letters that are encoded', 'https://api.example.com/%77hoami'],
  ])('may name its target %s', async (_case, htu) => {
    expect(await show(proofOf({ htu }))).toBe('accepted');
  });

  it('may be called by an origin that the server does not see itself', async () => {
    const verifier = world.verifier({ dpop: { origin: 'https://public.example' } });
    expect(await show(proofOf(), verifier)).toBe('invalid_dpop_proof: proof_url');
    expect(await show(proofOf({ htu: 'https://public.example/whoami' }), verifier)).toBe('accepted');
  });
});

describe('a proof', () => {
  const replayed = 'invalid_dpop_proof: proof_replayed';

  it('is good once, as long as it would be good at all', async () => {
    const verifier = world.verifier();
    const proof = proofOf();
    expect(await show(proof, verifier)).toBe('accepted');
    world.now = NOW + 119;
    expect(await show(proof, verifier)).toBe(replayed);
    world.now = NOW + 120;
    expect(await show(proof, verifier)).toBe('invalid_dpop_proof: proof_untimely');
  });

  it('is good for one of many requests at once', async () => {
    const verifier = world.verifier();
    const proof = proofOf();
    const outcomes = await Promise.all(Array.from({ length: 10 }, () => show(proof, verifier)));
    expect(outcomes.toSorted()).toEqual(['accepted', ...Array.from({ length: 9 }, () => replayed)]);
  });

  it('is not used up by a request that is refused for something else', async () => {
    const verifier = world.verifier();
    const proof = proofOf();
    expect(await show(proof, verifier, { scopes: ['admin'] })).toBe('insufficient_scope: scope');
    expect(await show(proof, verifier)).toBe('accepted');
  });

  it('is remembered where the server says', async () => {
    const asked: unknown[] = [];
    const replay = async (...about: readonly unknown[]) => asked.push(about) > 1;
    const verifier = world.verifier({ dpop: { replay } });
    expect([await show(proofOf(), verifier), await show(proofOf(), verifier)]).toEqual(['accepted', replayed]);
    expect(asked[0]).toEqual(['proof-1', key.thumbprint, NOW + 120]);
  });

  it('needs a nonce where the server wants one, and the error says which', async () => {
    const nonces: DpopOptions['nonces'] = { current: () => 'n2', accepts: (nonce) => ['n1', 'n2'].includes(nonce) };
    const verifier = world.verifier({ dpop: { nonces } });
    for (const nonce of [undefined, 'n0']) {
      const request = requestOf(`DPoP ${token}`, { dpop: proofOf({ nonce }) });
      const error: unknown = await verifier.verify(request).catch((each: unknown) => each);
      expect(error).toMatchObject({ code: 'use_dpop_nonce', status: 401, dpopNonce: 'n2' });
      expect(error instanceof VerificationError && error.headers()['dpop-nonce']).toBe('n2');
    }
    expect(await show(proofOf({ nonce: 'n1' }), verifier)).toBe('accepted');
  });
});

describe('a token that is not bound to a DPoP key', () => {
  it('is no good under the scheme DPoP', async () => {
    token = tokenOf(await signingKey());
    expect(await show(proofOf())).toBe('invalid_token: not_bound');
  });
});

describe('a token that is bound to a certificate', () => {
  const bearer = (verifier: Verifier, options: VerifyOptions) =>
    outcomeOf(verifier.verify(requestOf(`Bearer ${token}`), options));
  beforeEach(async () => {
    token = tokenOf(await signingKey(), { cnf: { 'x5t#S256': 'thumbprint' } });
  });

  it.each([
    ['that certificate', { certificateThumbprint: 'thumbprint' }, 'accepted'],
    ['another one', { certificateThumbprint: 'other' }, 'invalid_token: certificate_other'],
    ['none', {}, 'invalid_token: certificate_missing'],
  ])('comes with %s', async (_case, options, outcome) => {
    expect(await bearer(world.verifier(), options)).toBe(outcome);
  });

  it('and to a DPoP key needs both', async () => {
    token = tokenOf(await signingKey(), { cnf: { 'x5t#S256': 'thumbprint', jkt: key.thumbprint } });
    const verifier = world.verifier();
    const certificate = { certificateThumbprint: 'thumbprint' };
    expect(await bearer(verifier, certificate)).toBe('invalid_token: bound_token_as_bearer');
    expect(await show(proofOf(), verifier)).toBe('invalid_token: certificate_missing');
    expect(await show(proofOf(), verifier, certificate)).toBe('accepted');
  });
});

describe('a verifier that asks for bound tokens', () => {
  it.each([
    ['dpop', { jkt: 'other' }, 'invalid_token: bound_token_as_bearer'],
    ['dpop', undefined, 'invalid_token: unbound'],
    ['dpop', { 'x5t#S256': 'thumbprint' }, 'invalid_token: unbound'],
    ['mtls', { jkt: 'other' }, 'invalid_token: unbound'],
    ['mtls', undefined, 'invalid_token: unbound'],
    ['mtls', { 'x5t#S256': 'thumbprint' }, 'accepted'],
  ] as const)('to %s answers one that is bound to %j with %s', async (binding, cnf, outcome) => {
    const bearer = tokenOf(await signingKey(), cnf === undefined ? {} : { cnf });
    const verified = world.verifier({ binding }).verify(bearer, { certificateThumbprint: 'thumbprint' });
    expect(await outcomeOf(verified)).toBe(outcome);
  });
});

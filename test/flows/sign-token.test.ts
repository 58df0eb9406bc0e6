import { compactVerify, decodeProtectedHeader } from 'jose';
import { describe, expect, it } from 'vitest';
import type { KeyRing } from '../../functions/core/key-ring.ts';
import { itself } from '../../functions/core/subject.ts';
import { checkSize, signToken, type TokenOrder } from '../../functions/flows/sign-token.ts';
import { KeyUnusable, Outage, type Signer } from '../../functions/ports.ts';
import { AUDIENCE, CLIENT, ISSUER, keyPair, NOW, ring, signingKey } from '../support/builders.ts';
import { pairSigner } from './in-memory.ts';

const [before, after] = [await keyPair('ES256', 'before'), await keyPair('ES256', 'after')];
const ORDER: TokenOrder = {
  grant: {
    ...{ issuer: ISSUER, client: CLIENT, subject: itself(CLIENT), audience: AUDIENCE },
    ...{ scopes: ['read'], seconds: 3_600, claims: {} },
  },
  ...{ algorithm: 'ES256', jti: 'token-1', now: NOW },
};
const OLD = [ring('ES256', [signingKey(before)])];
const NEW = [ring('ES256', [signingKey(before, { state: 'revoked' }), signingKey(after, { maxTokenSeconds: 900 })])];

/** Signs, but for the keys of those names, which fail; what is asked of it is written down. */
const world = (failing: readonly string[], error: Error = new KeyUnusable('kms:Sign', new Error('disabled'))) => {
  const calls: string[] = [];
  const real = pairSigner(before, after);
  const signer: Signer = {
    sign: (key, algorithm, input) => {
      const name = key.keyArn.slice(key.keyArn.lastIndexOf('/') + 1);
      calls.push(`sign ${name}`);
      return failing.includes(name) ? Promise.reject(error) : real.sign(key, algorithm, input);
    },
  };
  const readRings = (rings: readonly KeyRing[]) => async () => {
    calls.push('read');
    return rings;
  };
  return { calls, signer, readRings };
};

describe('a token', () => {
  it('is signed by the key that is active in the rings as they were read', async () => {
    const { calls, signer, readRings } = world([]);
    const { kid } = await signToken(signer, ORDER, OLD, readRings(NEW));
    expect([kid, calls]).toEqual([before.thumbprint, ['sign before']]);
  });

  it('is signed by its successor when that key has just been taken out of use, and says so', async () => {
    const { calls, signer, readRings } = world(['before']);
    const { token, claims, kid } = await signToken(signer, ORDER, OLD, readRings(NEW));
    expect([kid, calls]).toEqual([after.thumbprint, ['sign before', 'read', 'sign after']]);
    await expect(compactVerify(token, after.publicJwk)).resolves.toBeDefined();
    expect(decodeProtectedHeader(token).kid).toBe(after.thumbprint);
    // The successor has a bound of its own.
    expect([claims.jti, claims.exp]).toEqual(['token-1', NOW + 900]);
  });

  it.each([
    ['the second key cannot sign either', ['before', 'after'], NEW, ['sign before', 'read', 'sign after']],
    ['the ring still names the same', ['before'], OLD, ['sign before', 'read', 'sign before']],
  ])('is tried for twice and no more: %s', async (_what, failing, rings, expected) => {
    const { calls, signer, readRings } = world(failing);
    await expect(signToken(signer, ORDER, OLD, readRings(rings))).rejects.toBeInstanceOf(KeyUnusable);
    expect(calls).toEqual(expected);
  });

  it('is an outage where no key took over', async () => {
    const { signer, readRings } = world(['before']);
    await expect(signToken(signer, ORDER, OLD, readRings([ring('ES256', [])]))).rejects.toMatchObject({
      operation: 'key-ring',
    });
  });

  it('is not tried for again when KMS is down: that is no word about the key', async () => {
    const { calls, signer, readRings } = world(['before'], new Outage('kms:Sign', new Error('down')));
    await expect(signToken(signer, ORDER, OLD, readRings(NEW))).rejects.toMatchObject({ operation: 'kms:Sign' });
    expect(calls).toEqual(['sign before']);
  });

  it('lives for no time by a key that was never told how long', async () => {
    const { maxTokenSeconds: _none, ...unbounded } = signingKey(before);
    const { signer, readRings } = world([]);
    const { claims } = await signToken(signer, ORDER, [ring('ES256', [unbounded])], readRings([]));
    expect(claims.exp).toBe(NOW);
  });
});

describe('the size of a token', () => {
  /** An order whose token has so many characters of claims of an operator. */
  const sized = (algorithm: 'ES256' | 'RS256' | 'EdDSA', length: number): TokenOrder => ({
    ...ORDER,
    algorithm,
    grant: { ...ORDER.grant, claims: { filler: 'x'.repeat(length) } },
  });

  it.each([
    ['RS256', 8_192],
    ['ES256', 8_192],
    // KMS hashes nothing itself here, and takes 4,096 octets: these and the signature.
    ['EdDSA', 4_096 + 1 + 86],
  ] as const)('under %s is %i characters at most, and known before it is signed', async (algorithm, most) => {
    const pair = await keyPair(algorithm, 'size');
    const rings = [ring(algorithm, [signingKey(pair)])];
    const lengths = Array.from({ length: 6_200 }, (_, index) => index);
    const first = lengths.find((length) => !checkSize(sized(algorithm, length), rings).ok) ?? 0;
    const lengthOf = async (length: number) => {
      const { token } = await signToken(pairSigner(pair), sized(algorithm, length), rings, async () => rings);
      return token.length;
    };
    const [largest, tooLarge] = [await lengthOf(first - 1), await lengthOf(first)];
    expect([largest <= most, tooLarge > most, most - largest < 3]).toEqual([true, true, true]);
    expect(checkSize(sized(algorithm, first), rings)).toMatchObject({ refusal: { reason: 'token_too_large' } });
  });
});

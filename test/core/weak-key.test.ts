import { generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parsePublicKey } from '../../functions/core/public-key.ts';
import { isFactorableModulus } from '../../functions/core/weak-key.ts';

/** The product of the first 39 primes, 2 to 167, as the faulty library used it for keys of 512 bits and more. */
const PRODUCT = (() => {
  let product = 1n;
  for (let candidate = 2n; candidate <= 167n; candidate += 1n) {
    let isPrime = true;
    for (let divisor = 2n; divisor * divisor <= candidate; divisor += 1n)
      if (candidate % divisor === 0n) isPrime = false;
    if (isPrime) product *= candidate;
  }
  return product;
})();

const power = (exponent: bigint): bigint => {
  let [result, base] = [1n, 65_537n % PRODUCT];
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = (result * base) % PRODUCT;
    base = (base * base) % PRODUCT;
  }
  return result;
};

const encode = (value: bigint): string => {
  const hex = value.toString(16);
  return Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex').toString('base64url');
};

/** A number of 2,048 bits with the residues that a product of two of the library's primes has. */
const factorable = (multiple: bigint, exponent: bigint): string =>
  encode(((1n << 2_047n) / PRODUCT + 1n + multiple) * PRODUCT + power(exponent));

const goodModulus = (): string =>
  generateKeyPairSync('rsa', { modulusLength: 2_048 }).publicKey.export({ format: 'jwk' }).n ?? '';

describe('a modulus that can be factored (CVE-2017-15361)', () => {
  it('is recognized by its residues', () => {
    const numbers = fc.bigInt(0n, 1n << 60n);
    fc.assert(
      fc.property(numbers, numbers, (multiple, exponent) => {
        expect(isFactorableModulus(factorable(multiple, exponent))).toBe(true);
      }),
      { numRuns: 50 },
    );
  });

  it('is not seen in a key that OpenSSL made', () => {
    for (let time = 0; time < 5; time += 1) expect(isFactorableModulus(goodModulus())).toBe(false);
  });

  it('is not seen where a single residue is another one', () => {
    const bytes = Buffer.from(factorable(5n, 11n), 'base64url');
    const nearby = BigInt(`0x${bytes.toString('hex')}`) + PRODUCT / 11n;
    expect(isFactorableModulus(encode(nearby))).toBe(false);
  });

  it('keeps a key from being registered', async () => {
    const key = { kty: 'RSA', e: 'AQAB', n: factorable(1n, 3n) };
    expect(await parsePublicKey(key, '/jwks/keys/0', 0)).toEqual({
      ok: false,
      refusal: { pointer: '/jwks/keys/0', code: 'key_weak', detail: expect.stringContaining('CVE-2017-15361') },
    });
    expect(await parsePublicKey({ ...key, n: goodModulus() }, '/jwks/keys/0', 0)).toMatchObject({ ok: true });
  });
});

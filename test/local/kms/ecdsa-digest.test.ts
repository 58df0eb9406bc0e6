import { createHash, createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeSignature, encodeSignature } from '../../../local/kms/ecdsa-der.ts';
import { EcdsaSigner } from '../../../local/kms/ecdsa-signer.ts';
import { SIGNING_ALGORITHMS } from '../../../local/kms/key-specs.ts';
import { addPoints, CURVES, inverse } from '../../../local/kms/nist-curve.ts';

const curves = [
  { curve: 'prime256v1', algorithm: SIGNING_ALGORITHMS.ECDSA_SHA_256, runs: 400 },
  { curve: 'secp384r1', algorithm: SIGNING_ALGORITHMS.ECDSA_SHA_384, runs: 200 },
  { curve: 'secp521r1', algorithm: SIGNING_ALGORITHMS.ECDSA_SHA_512, runs: 200 },
] as const;

function newSigner(curve: (typeof curves)[number]['curve']) {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: curve });
  const publicKey = createPublicKey(privateKey);
  return { privateKey, publicKey, signer: new EcdsaSigner(curve, privateKey, publicKey) };
}

describe.each(curves)('ECDSA over a given digest on $curve', ({ curve, algorithm, runs }) => {
  const digestOf = (message: Uint8Array) => createHash(algorithm.hash).update(message).digest();

  it('makes DER signatures that node:crypto verifies against the message itself', async () => {
    const { publicKey, signer } = newSigner(curve);
    const property = fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (message) => {
      const signature = await signer.sign({ algorithm, type: 'DIGEST', bytes: digestOf(message) });
      const { r, s } = decodeSignature(signature) ?? { r: 0n, s: 0n };
      expect(r > 0n && r < CURVES[curve].n && s > 0n && s < CURVES[curve].n).toBe(true);
      expect(encodeSignature(r, s)).toEqual(signature);
      expect(verify(algorithm.hash, message, publicKey, signature)).toBe(true);
    });
    await fc.assert(property, { numRuns: runs });
  });

  it("verifies node:crypto's signatures of the message, and no other message's", async () => {
    const { privateKey, signer } = newSigner(curve);
    const property = fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (message) => {
      const signature = sign(algorithm.hash, message, privateKey);
      const judge = (bytes: Buffer) => signer.verify({ algorithm, type: 'DIGEST', bytes }, signature);
      expect(await judge(digestOf(message))).toBe(true);
      expect(await judge(digestOf(Buffer.concat([message, Buffer.from('x')])))).toBe(false);
    });
    await fc.assert(property, { numRuns: runs / 4 });
  });

  it('signs and verifies the digests at the ends of the range', async () => {
    const { signer } = newSigner(curve);
    for (const fill of [0x00, 0xff]) {
      const message = { algorithm, type: 'DIGEST', bytes: Buffer.alloc(algorithm.digestBytes, fill) } as const;
      const signature = await signer.sign(message);
      expect(await signer.verify(message, signature)).toBe(true);
      expect(await signer.verify({ ...message, bytes: digestOf(Buffer.from('x')) }, signature)).toBe(false);
    }
  });

  it('does not take bytes at random, nor numbers out of range, for a signature', async () => {
    const { signer } = newSigner(curve);
    const { n } = CURVES[curve];
    const message = { algorithm, type: 'DIGEST', bytes: digestOf(Buffer.from('x')) } as const;
    const property = fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 150 }), async (bytes) => {
      expect(await signer.verify(message, Buffer.from(bytes))).toBe(false);
      expect(await signer.verify({ ...message, type: 'RAW' }, Buffer.from(bytes))).toBe(false);
    });
    await fc.assert(property, { numRuns: 50 });
    for (const [r, s] of [
      [0n, 1n],
      [1n, 0n],
      [n, 1n],
      [1n, n],
      [n + 1n, 1n],
    ] as const) {
      expect(await signer.verify(message, encodeSignature(r, s))).toBe(false);
    }
  });
});

describe('the DER form of ECDSA signatures', () => {
  it('gives back every pair of positive integers', () => {
    const number = fc.bigInt({ min: 1n, max: 2n ** 521n - 1n });
    const property = fc.property(number, number, (r, s) => {
      expect(decodeSignature(encodeSignature(r, s))).toEqual({ r, s });
    });
    fc.assert(property);
  });

  it.each([
    ['nothing', ''],
    ['an empty sequence', '3000'],
    ['one integer', '3003020101'],
    ['three integers', '3009020101020101020101'],
    ['trailing bytes', '300602010102010100'],
    ['a padded integer', '300702020001020101'],
    ['a negative integer', '3006020180020101'],
    ['a long length for a short sequence', '308106020101020101'],
    ['a length beyond the end', '3007020101020101'],
    ['another type', '3006040101020101'],
  ])('is not %s', (_name, hex) => {
    expect(decodeSignature(Buffer.from(hex, 'hex'))).toBeUndefined();
  });
});

describe('curve arithmetic', () => {
  it('inverts modulo the order', () => {
    const { n } = CURVES.prime256v1;
    const property = fc.property(fc.bigInt({ min: 1n, max: n - 1n }), (value) => {
      expect((value * inverse(value, n)) % n).toBe(1n);
    });
    fc.assert(property);
  });

  it('doubles the base point of P-256 to the published 2G', () => {
    const base = {
      x: 0x6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296n,
      y: 0x4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5n,
    };
    expect(addPoints(CURVES.prime256v1, base, base)).toEqual({
      x: 0x7cf27b188d034f7e8a52380304b51ac3c08969e277f21b35a60b48fc47669978n,
      y: 0x07775510db8ed040293d9ac69f7430dbba7dade63ce982299e04b79d227873d1n,
    });
  });
});

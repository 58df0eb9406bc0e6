import { constants, createHash, createPublicKey, generateKeyPairSync, privateEncrypt, sign } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SIGNING_ALGORITHMS } from '../../../local/kms/key-specs.ts';
import { RsaSigner } from '../../../local/kms/rsa-signer.ts';

const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const signer = new RsaSigner(2048, privateKey, createPublicKey(privateKey));
const sha256 = (...parts: Uint8Array[]) => createHash('sha256').update(Buffer.concat(parts)).digest();
const message = Buffer.from('the message');
const digest = sha256(message);
const pss = { algorithm: SIGNING_ALGORITHMS.RSASSA_PSS_SHA_256, type: 'DIGEST', bytes: digest } as const;
const pkcs1 = { algorithm: SIGNING_ALGORITHMS.RSASSA_PKCS1_V1_5_SHA_256, type: 'DIGEST', bytes: digest } as const;

/** An EMSA-PSS encoding after RFC 8017, 9.1.1, with the padding and trailer that the test wants. */
function pssSignature(padding: Buffer, trailer: number): Buffer {
  const salt = Buffer.alloc(32, 5);
  const hash = sha256(Buffer.alloc(8), digest, salt);
  const block = Buffer.concat([padding, salt]);
  const masks = Array.from({ length: 7 }, (_, counter) => sha256(hash, Buffer.from([0, 0, 0, counter])));
  const mask = Buffer.concat(masks);
  const masked = block.map((byte, index) => byte ^ (mask[index] ?? 0));
  masked[0] = (masked[0] ?? 0) & 0x7f;
  const encoded = Buffer.concat([masked, hash, Buffer.from([trailer])]);
  return privateEncrypt({ key: privateKey, padding: constants.RSA_NO_PADDING }, encoded);
}

const PADDING = Buffer.concat([Buffer.alloc(190), Buffer.from([1])]);

describe('RSASSA-PSS over a given digest', () => {
  it('accepts the encoding of the standard', async () => {
    expect(await signer.verify(pss, pssSignature(PADDING, 0xbc))).toBe(true);
  });

  it.each([
    ['padding that is not zero', Buffer.concat([Buffer.alloc(100), Buffer.from([1]), PADDING.subarray(101)]), 0xbc],
    ['no separator before the salt', Buffer.alloc(191), 0xbc],
    ['another trailer', PADDING, 0xcc],
  ])('refuses %s', async (_what, padding, trailer) => {
    expect(await signer.verify(pss, pssSignature(padding, trailer))).toBe(false);
  });

  it.each([0, 20, 222])('refuses a salt of %i bytes, being no salt as long as the digest', async (saltLength) => {
    const key = { key: privateKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength };
    const signature = sign('sha256', message, key);
    expect(await signer.verify(pss, signature)).toBe(false);
    expect(await signer.verify({ ...pss, type: 'RAW', bytes: message }, signature)).toBe(false);
  });

  it('draws a new salt for every signature', async () => {
    expect(await signer.sign(pss)).not.toEqual(await signer.sign(pss));
  });
});

describe('RSASSA-PKCS1-v1_5 over a given digest', () => {
  it('makes exactly the signature of the message', async () => {
    const property = fc.asyncProperty(fc.uint8Array(), async (bytes) => {
      expect(await signer.sign({ ...pkcs1, bytes: sha256(bytes) })).toEqual(sign('sha256', bytes, privateKey));
    });
    await fc.assert(property, { numRuns: 50 });
  });

  it('refuses a signature that says it is over another kind of digest', async () => {
    const other = { ...pkcs1, algorithm: SIGNING_ALGORITHMS.RSASSA_PKCS1_V1_5_SHA_384, bytes: Buffer.alloc(48) };
    expect(await signer.verify(pkcs1, await signer.sign(other))).toBe(false);
  });
});

describe('the RSA schemes', () => {
  it('do not take one for the other', async () => {
    expect(await signer.verify(pkcs1, await signer.sign(pss))).toBe(false);
    expect(await signer.verify(pss, await signer.sign(pkcs1))).toBe(false);
  });

  it('refuse numbers that are not below the modulus and signatures of another length', async () => {
    const signature = await signer.sign(pss);
    const candidates = [Buffer.alloc(256, 0xff), Buffer.concat([Buffer.alloc(1), signature]), signature.subarray(1)];
    for (const candidate of candidates) {
      for (const candidateMessage of [pss, pkcs1]) expect(await signer.verify(candidateMessage, candidate)).toBe(false);
    }
  });
});

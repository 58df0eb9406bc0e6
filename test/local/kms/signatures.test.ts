import { constants, createHash, type KeyObject, verify } from 'node:crypto';
import { type KeySpec, SignCommand, type SigningAlgorithmSpec, VerifyCommand } from '@aws-sdk/client-kms';
import { compactVerify } from 'jose';
import { afterAll, describe, expect, it } from 'vitest';
import { openWorld, refusal } from './world.ts';

const world = openWorld();
afterAll(() => world.kms.close());

// Made once each, since RSA key generation is what takes time here.
const made = new Map<KeySpec, Promise<{ keyId: string; publicKey: KeyObject }>>();
function keyOf(spec: KeySpec) {
  const make = async () => {
    const { id } = await world.createKey(spec);
    return { keyId: id, publicKey: await world.publicKey(id) };
  };
  const key = made.get(spec) ?? make();
  made.set(spec, key);
  return key;
}

const SIZES = [256, 384, 512] as const;
const RSA_SPECS = ['RSA_2048', 'RSA_3072', 'RSA_4096'] as const;

interface Case {
  readonly spec: KeySpec;
  readonly algorithm: SigningAlgorithmSpec;
  readonly type: 'RAW' | 'DIGEST';
  /** Node's digest name; null where the scheme hashes by itself. */
  readonly hash: string | null;
  readonly jws: string;
}

const both = (row: Omit<Case, 'type'>): Case[] => [
  { ...row, type: 'RAW' },
  { ...row, type: 'DIGEST' },
];
const CASES: Case[] = [
  ...RSA_SPECS.flatMap((spec) =>
    SIZES.flatMap((size) => [
      ...both({ spec, algorithm: `RSASSA_PKCS1_V1_5_SHA_${size}`, hash: `sha${size}`, jws: `RS${size}` }),
      ...both({ spec, algorithm: `RSASSA_PSS_SHA_${size}`, hash: `sha${size}`, jws: `PS${size}` }),
    ]),
  ),
  ...both({ spec: 'ECC_NIST_P256', algorithm: 'ECDSA_SHA_256', hash: 'sha256', jws: 'ES256' }),
  ...both({ spec: 'ECC_NIST_P384', algorithm: 'ECDSA_SHA_384', hash: 'sha384', jws: 'ES384' }),
  ...both({ spec: 'ECC_NIST_P521', algorithm: 'ECDSA_SHA_512', hash: 'sha512', jws: 'ES512' }),
  { spec: 'ECC_NIST_EDWARDS25519', algorithm: 'ED25519_SHA_512', type: 'RAW', hash: null, jws: 'EdDSA' },
  { spec: 'ML_DSA_44', algorithm: 'ML_DSA_SHAKE_256', type: 'RAW', hash: null, jws: 'ML-DSA-44' },
  { spec: 'ML_DSA_65', algorithm: 'ML_DSA_SHAKE_256', type: 'RAW', hash: null, jws: 'ML-DSA-65' },
  { spec: 'ML_DSA_87', algorithm: 'ML_DSA_SHAKE_256', type: 'RAW', hash: null, jws: 'ML-DSA-87' },
];

const submitted = ({ type, hash }: Case, message: Buffer) =>
  type === 'DIGEST' && hash !== null ? createHash(hash).update(message).digest() : message;

async function signCase(row: Case, message: Buffer) {
  const { keyId, publicKey } = await keyOf(row.spec);
  const input = { KeyId: keyId, SigningAlgorithm: row.algorithm, MessageType: row.type };
  const { Signature = new Uint8Array() } = await world.client.send(
    new SignCommand({ ...input, Message: submitted(row, message) }),
  );
  return { input, publicKey, signature: Buffer.from(Signature) };
}

/** node:crypto judges, with the salt length that KMS documents: exactly the digest's. */
function isValid({ algorithm, hash }: Case, message: Buffer, publicKey: KeyObject, signature: Buffer): boolean {
  const pss = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
  return verify(hash, message, algorithm.includes('PSS') ? { key: publicKey, ...pss } : publicKey, signature);
}

/** JOSE wants r and s side by side where KMS gives DER. */
function joseSignature({ algorithm, jws }: Case, signature: Buffer): Buffer {
  if (!algorithm.startsWith('ECDSA')) return signature;
  const size = { ES256: 32, ES384: 48, ES512: 66 }[jws] ?? 0;
  const start = signature.readUInt8(1) === 0x81 ? 3 : 2;
  const r = signature.subarray(start + 2, start + 2 + signature.readUInt8(start + 1));
  const s = signature.subarray(start + 2 + r.length + 2);
  return Buffer.concat([r, s].map((value) => Buffer.concat([Buffer.alloc(size), value]).subarray(-size)));
}

describe('Sign and Verify', () => {
  it.each(CASES)('$spec signs $type messages with $algorithm as node:crypto verifies them', async (row) => {
    const message = Buffer.from('the message');
    const { input, publicKey, signature } = await signCase(row, message);
    expect(isValid(row, message, publicKey, signature)).toBe(true);
    expect(isValid(row, Buffer.from('another'), publicKey, signature)).toBe(false);

    const Message = submitted(row, message);
    const verified = await world.client.send(new VerifyCommand({ ...input, Message, Signature: signature }));
    expect(verified).toMatchObject({ SignatureValid: true, SigningAlgorithm: row.algorithm });

    const another = submitted(row, Buffer.from('another'));
    const wrongMessage = world.client.send(new VerifyCommand({ ...input, Message: another, Signature: signature }));
    expect(await refusal(wrongMessage)).toBe('KMSInvalidSignatureException');
    const changed = Buffer.from(signature);
    changed.writeUInt8(changed.readUInt8(changed.length - 1) ^ 1, changed.length - 1);
    const wrongSignature = world.client.send(new VerifyCommand({ ...input, Message, Signature: changed }));
    expect(await refusal(wrongSignature)).toBe('KMSInvalidSignatureException');
  });

  it.each(CASES)('jose accepts a $jws token whose $type form $spec signed with $algorithm', async (row) => {
    const header = Buffer.from(JSON.stringify({ alg: row.jws })).toString('base64url');
    const signingInput = `${header}.${Buffer.from('{"sub":"partner"}').toString('base64url')}`;
    const { publicKey, signature } = await signCase(row, Buffer.from(signingInput));
    const token = `${signingInput}.${joseSignature(row, signature).toString('base64url')}`;
    const { payload } = await compactVerify(token, publicKey);
    expect(Buffer.from(payload).toString()).toBe('{"sub":"partner"}');
  });

  it.each(CASES.filter(({ type }) => type === 'DIGEST'))(
    'a $algorithm signature of the message verifies for its digest, and the other way round ($spec)',
    async (row) => {
      const message = Buffer.from('one message in two forms');
      for (const type of ['RAW', 'DIGEST'] as const) {
        const { input, signature } = await signCase({ ...row, type }, message);
        const MessageType = type === 'RAW' ? 'DIGEST' : 'RAW';
        const Message = submitted({ ...row, type: MessageType }, message);
        const verified = await world.client.send(
          new VerifyCommand({ ...input, MessageType, Message, Signature: signature }),
        );
        expect(verified.SignatureValid).toBe(true);
      }
    },
  );

  it('signs RAW when the call names no message type', async () => {
    const { keyId, publicKey } = await keyOf('ECC_NIST_P256');
    const Message = Buffer.alloc(32, 7);
    const { Signature = new Uint8Array() } = await world.client.send(
      new SignCommand({ KeyId: keyId, Message, SigningAlgorithm: 'ECDSA_SHA_256' }),
    );
    expect(verify('sha256', Message, publicKey, Signature)).toBe(true);
  });
});

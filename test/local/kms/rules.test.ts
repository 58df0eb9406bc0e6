import { randomUUID } from 'node:crypto';
import {
  DescribeKeyCommand,
  EnableKeyCommand,
  GenerateRandomCommand,
  GetPublicKeyCommand,
  type KeySpec,
  ListKeysCommand,
  SignCommand,
  type SignCommandInput,
  VerifyCommand,
} from '@aws-sdk/client-kms';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Json } from '../../../local/service.ts';
import { openWorld, PLACEMENT, refusal } from './world.ts';

const world = openWorld();
const keys = new Map<string, string>();
const SPECS: KeySpec[] = [
  'RSA_2048',
  'ECC_NIST_P256',
  'ECC_NIST_P384',
  'ECC_NIST_P521',
  'ECC_NIST_EDWARDS25519',
  'ML_DSA_44',
];
beforeAll(async () => {
  for (const spec of SPECS) keys.set(spec, (await world.createKey(spec)).id);
});
afterAll(() => world.kms.close());
const keyOf = (spec: KeySpec) => keys.get(spec) ?? '';

type Rule = [
  spec: KeySpec,
  algorithm: SignCommandInput['SigningAlgorithm'],
  type: SignCommandInput['MessageType'],
  bytes: number,
  name: string,
  message: string,
];

const usage = (algorithm: string, spec: string) =>
  ['InvalidKeyUsageException', `Algorithm ${algorithm} is incompatible with key spec ${spec}.`] as const;
const length = (algorithm: string) =>
  ['ValidationException', `Digest is invalid length for algorithm ${algorithm}.`] as const;
const typeOf = (type: string, what: string) =>
  ['ValidationException', `Message type ${type} is incompatible with ${what}.`] as const;
const limit = (what: string) =>
  [
    'ValidationException',
    `1 validation error detected: Value at 'message' failed to satisfy constraint: Member must have length ${what}`,
  ] as const;

const RULES: Rule[] = [
  ['RSA_2048', 'ECDSA_SHA_256', 'RAW', 10, ...usage('ECDSA_SHA_256', 'RSA_2048')],
  ['RSA_2048', 'ML_DSA_SHAKE_256', 'RAW', 10, ...usage('ML_DSA_SHAKE_256', 'RSA_2048')],
  ['RSA_2048', 'SM2DSA', 'RAW', 10, ...usage('SM2DSA', 'RSA_2048')],
  ['ECC_NIST_P256', 'ECDSA_SHA_384', 'RAW', 10, ...usage('ECDSA_SHA_384', 'ECC_NIST_P256')],
  ['ECC_NIST_P384', 'ECDSA_SHA_256', 'RAW', 10, ...usage('ECDSA_SHA_256', 'ECC_NIST_P384')],
  ['ECC_NIST_P521', 'ECDSA_SHA_384', 'DIGEST', 48, ...usage('ECDSA_SHA_384', 'ECC_NIST_P521')],
  ['ECC_NIST_P256', 'RSASSA_PSS_SHA_256', 'RAW', 10, ...usage('RSASSA_PSS_SHA_256', 'ECC_NIST_P256')],
  ['ECC_NIST_EDWARDS25519', 'ECDSA_SHA_512', 'RAW', 10, ...usage('ECDSA_SHA_512', 'ECC_NIST_EDWARDS25519')],
  ['ML_DSA_44', 'ED25519_SHA_512', 'RAW', 10, ...usage('ED25519_SHA_512', 'ML_DSA_44')],
  ['RSA_2048', 'RSASSA_PKCS1_V1_5_SHA_256', 'DIGEST', 31, ...length('RSASSA_PKCS1_V1_5_SHA_256')],
  ['RSA_2048', 'RSASSA_PKCS1_V1_5_SHA_384', 'DIGEST', 32, ...length('RSASSA_PKCS1_V1_5_SHA_384')],
  ['RSA_2048', 'RSASSA_PSS_SHA_512', 'DIGEST', 65, ...length('RSASSA_PSS_SHA_512')],
  ['ECC_NIST_P256', 'ECDSA_SHA_256', 'DIGEST', 33, ...length('ECDSA_SHA_256')],
  ['ECC_NIST_P521', 'ECDSA_SHA_512', 'DIGEST', 66, ...length('ECDSA_SHA_512')],
  ['ECC_NIST_EDWARDS25519', 'ED25519_PH_SHA_512', 'DIGEST', 32, ...length('ED25519_PH_SHA_512')],
  ['RSA_2048', 'RSASSA_PSS_SHA_256', 'EXTERNAL_MU', 64, ...typeOf('EXTERNAL_MU', 'key spec RSA_2048')],
  ['ECC_NIST_P256', 'ECDSA_SHA_256', 'EXTERNAL_MU', 64, ...typeOf('EXTERNAL_MU', 'key spec ECC_NIST_P256')],
  ['ECC_NIST_EDWARDS25519', 'ED25519_SHA_512', 'DIGEST', 64, ...typeOf('DIGEST', 'algorithm ED25519_SHA_512')],
  ['ECC_NIST_EDWARDS25519', 'ED25519_PH_SHA_512', 'RAW', 64, ...typeOf('RAW', 'algorithm ED25519_PH_SHA_512')],
  ['ML_DSA_44', 'ML_DSA_SHAKE_256', 'DIGEST', 64, ...typeOf('DIGEST', 'key spec ML_DSA_44')],
  [
    'ML_DSA_44',
    'ML_DSA_SHAKE_256',
    'EXTERNAL_MU',
    63,
    'ValidationException',
    'External Mu is invalid length for algorithm ML_DSA_SHAKE_256.',
  ],
  ['RSA_2048', 'RSASSA_PSS_SHA_256', 'RAW', 4097, ...limit('less than or equal to 4096')],
  ['ECC_NIST_EDWARDS25519', 'ED25519_SHA_512', 'RAW', 4097, ...limit('less than or equal to 4096')],
  ['RSA_2048', 'RSASSA_PSS_SHA_256', 'RAW', 0, ...limit('greater than or equal to 1')],
];

describe('messages that a key does not sign', () => {
  it.each(RULES)('%s refuses %s %s of %i bytes', async (spec, SigningAlgorithm, MessageType, bytes, name, message) => {
    const input = { KeyId: keyOf(spec), SigningAlgorithm, MessageType, Message: Buffer.alloc(bytes, 1) };
    const calls = [
      world.client.send(new SignCommand(input)),
      world.client.send(new VerifyCommand({ ...input, Signature: Buffer.alloc(64) })),
      world.client.send(new SignCommand({ ...input, DryRun: true })),
    ];
    for (const call of calls) await expect(call).rejects.toMatchObject({ name, message });
  });

  it.each<[KeySpec, SignCommandInput['SigningAlgorithm'], SignCommandInput['MessageType']]>([
    ['ML_DSA_44', 'ML_DSA_SHAKE_256', 'EXTERNAL_MU'],
    ['ECC_NIST_EDWARDS25519', 'ED25519_PH_SHA_512', 'DIGEST'],
  ])('%s says that node:crypto has no %s of %s', async (spec, SigningAlgorithm, MessageType) => {
    const input = { KeyId: keyOf(spec), SigningAlgorithm, MessageType, Message: Buffer.alloc(64, 1) };
    const call = world.client.send(new SignCommand(input));
    await expect(call).rejects.toMatchObject({
      name: 'UnsupportedOperationException',
      message: expect.stringContaining('node:crypto'),
    });
  });

  it.each([1, 4096])('signs a RAW message of %i bytes', async (bytes) => {
    const input = { KeyId: keyOf('RSA_2048'), SigningAlgorithm: 'RSASSA_PKCS1_V1_5_SHA_256' } as const;
    const { Signature } = await world.client.send(new SignCommand({ ...input, Message: Buffer.alloc(bytes) }));
    expect(Signature).toHaveLength(256);
  });

  it('never takes bytes at random for a signature', async () => {
    const algorithms = {
      RSA_2048: 'RSASSA_PSS_SHA_256',
      ECC_NIST_P256: 'ECDSA_SHA_256',
      ECC_NIST_EDWARDS25519: 'ED25519_SHA_512',
      ML_DSA_44: 'ML_DSA_SHAKE_256',
    } as const;
    const spec = fc.constantFrom('RSA_2048', 'ECC_NIST_P256', 'ECC_NIST_EDWARDS25519', 'ML_DSA_44' as const);
    const size = fc.constantFrom(1, 63, 64, 72, 256, 257, 2420, 6144);
    const property = fc.asyncProperty(spec, size, fc.nat(255), async (name, length, fill) => {
      const input = { KeyId: keyOf(name), Message: Buffer.alloc(32), SigningAlgorithm: algorithms[name] };
      const call = world.client.send(new VerifyCommand({ ...input, Signature: Buffer.alloc(length, fill) }));
      expect(await refusal(call)).toBe('KMSInvalidSignatureException');
    });
    await fc.assert(property, { numRuns: 100 });
  });
});

describe('DryRun', () => {
  it('of a call that would have succeeded says so', async () => {
    const input = { KeyId: keyOf('RSA_2048'), SigningAlgorithm: 'RSASSA_PSS_SHA_256', DryRun: true } as const;
    const calls = [
      world.client.send(new SignCommand({ ...input, Message: Buffer.from('m') })),
      world.client.send(new VerifyCommand({ ...input, Message: Buffer.from('m'), Signature: Buffer.alloc(256) })),
    ];
    expect(await Promise.all(calls.map(refusal))).toEqual(['DryRunOperationException', 'DryRunOperationException']);
  });
});

describe('key identifiers', () => {
  const { region, account } = PLACEMENT;
  const unknown = randomUUID();
  it.each([
    ['an unknown id', unknown, `Key 'arn:aws:kms:${region}:${account}:key/${unknown}' does not exist`],
    ['what is no id', 'my-key', "Invalid keyId 'my-key'"],
    ['an unknown alias', 'alias/none', `Alias arn:aws:kms:${region}:${account}:alias/none is not found.`],
    ['another Region', `arn:aws:kms:us-east-1:${account}:key/${unknown}`, 'Invalid arn us-east-1'],
    ['an ARN that is not of KMS', 'arn:aws:s3:::bucket', 'Invalid arn arn:aws:s3:::bucket'],
    [
      'another account',
      `arn:aws:kms:${region}:999999999999:key/${unknown}`,
      `Key 'arn:aws:kms:${region}:999999999999:key/${unknown}' does not exist`,
    ],
    [
      "another account's alias",
      `arn:aws:kms:${region}:999999999999:alias/a`,
      `Alias arn:aws:kms:${region}:999999999999:alias/a is not found.`,
    ],
  ])('%s is not found', async (_what, KeyId, message) => {
    for (const command of [new DescribeKeyCommand({ KeyId }), new GetPublicKeyCommand({ KeyId })]) {
      await expect(world.client.send(command)).rejects.toMatchObject({ name: 'NotFoundException', message });
    }
  });

  it("of this account's keys in another account or Region find nothing", async () => {
    const id = keyOf('RSA_2048');
    for (const place of [`us-east-1:${account}`, `${region}:999999999999`]) {
      const call = world.client.send(new DescribeKeyCommand({ KeyId: `arn:aws:kms:${place}:key/${id}` }));
      expect(await refusal(call)).toBe('NotFoundException');
    }
  });

  it('must be there and not too long', async () => {
    await expect(world.kms.call('EnableKey', {})).rejects.toMatchObject({
      type: 'ValidationException',
      message:
        "1 validation error detected: Value null at 'keyId' failed to satisfy constraint: Member must not be null",
    });
    const call = world.client.send(new EnableKeyCommand({ KeyId: 'k'.repeat(2049) }));
    expect(await refusal(call)).toBe('ValidationException');
  });
});

describe('requests that KMS does not understand', () => {
  it('an operation that is not there is unknown, to IAM as well', async () => {
    expect(await refusal(world.client.send(new GenerateRandomCommand({ NumberOfBytes: 1 })))).toBe(
      'UnknownOperationException',
    );
    expect(() => world.kms.authorizations('constructor', {})).toThrow(
      expect.objectContaining({ type: 'UnknownOperationException' }),
    );
  });

  it.each<[string, string, Record<string, Json>]>([
    ['a number for a string', 'DescribeKey', { KeyId: 7 }],
    ['text that is not base64', 'Sign', { Message: '?', SigningAlgorithm: 'ECDSA_SHA_256' }],
    ['a string for a boolean', 'Sign', { Message: 'QUJD', SigningAlgorithm: 'ECDSA_SHA_256', DryRun: 'yes' }],
    ['a string for a number', 'ScheduleKeyDeletion', { PendingWindowInDays: '7' }],
    ['a string for a list', 'TagResource', { Tags: 'a' }],
    ['a string for a tag', 'TagResource', { Tags: ['a'] }],
  ])('%s is a SerializationException', async (_what, operation, input) => {
    const call = world.kms.call(operation, { KeyId: keyOf('ECC_NIST_P256'), ...input });
    await expect(call).rejects.toMatchObject({ type: 'SerializationException' });
  });

  it('a grant token is invalid, since nothing here issues one', async () => {
    const call = world.client.send(new GetPublicKeyCommand({ KeyId: keyOf('RSA_2048'), GrantTokens: ['token'] }));
    expect(await refusal(call)).toBe('InvalidGrantTokenException');
  });
});

describe('ListKeys', () => {
  it('gives every key once, page by page', async () => {
    const seen: unknown[] = [];
    let Marker: string | undefined;
    let pages = 0;
    do {
      const page = await world.client.send(new ListKeysCommand({ Limit: 4, Marker }));
      expect(page.Truncated).toBe(page.NextMarker !== undefined);
      seen.push(...(page.Keys ?? []).map(({ KeyId }) => KeyId));
      Marker = page.NextMarker;
      pages += 1;
    } while (Marker !== undefined);
    expect(pages).toBe(2);
    expect(seen.toSorted()).toEqual([...keys.values()].toSorted());
  });

  it.each([
    [{ Limit: 0 }, 'ValidationException'],
    [{ Limit: 1001 }, 'ValidationException'],
    [{ Marker: 'made-up' }, 'InvalidMarkerException'],
  ])('refuses %j', async (input, name) => {
    expect(await refusal(world.client.send(new ListKeysCommand(input)))).toBe(name);
  });
});

import {
  CancelKeyDeletionCommand,
  CreateAliasCommand,
  CreateKeyCommand,
  type CreateKeyCommandInput,
  DescribeKeyCommand,
  DisableKeyCommand,
  EnableKeyCommand,
  GetKeyLastUsageCommand,
  GetKeyPolicyCommand,
  GetPublicKeyCommand,
  type KeySpec,
  ListAliasesCommand,
  ListKeysCommand,
  PutKeyPolicyCommand,
  ScheduleKeyDeletionCommand,
  SignCommand,
  TagResourceCommand,
  UntagResourceCommand,
  UpdateAliasCommand,
  VerifyCommand,
} from '@aws-sdk/client-kms';
import { describe, expect, it } from 'vitest';
import { DAY, openWorld, PLACEMENT, refusal, START, type World } from './world.ts';

const ECDSA = { SigningAlgorithm: 'ECDSA_SHA_256', Message: Buffer.from('message') } as const;
const RSA_ALGORITHMS = [
  'RSASSA_PKCS1_V1_5_SHA_256',
  'RSASSA_PKCS1_V1_5_SHA_384',
  'RSASSA_PKCS1_V1_5_SHA_512',
  'RSASSA_PSS_SHA_256',
  'RSASSA_PSS_SHA_384',
  'RSASSA_PSS_SHA_512',
];

const stateOf = async ({ client }: World, KeyId: string) =>
  (await client.send(new DescribeKeyCommand({ KeyId }))).KeyMetadata?.KeyState;

describe('CreateKey', () => {
  it('answers the metadata that DescribeKey answers, with the defaults of KMS', async () => {
    await using world = openWorld();
    const created = await world.client.send(
      new CreateKeyCommand({ KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY', Description: 'ring' }),
    );
    const KeyId = created.KeyMetadata?.KeyId ?? '';
    expect(created.KeyMetadata).toEqual({
      AWSAccountId: PLACEMENT.account,
      Arn: `arn:aws:kms:eu-central-1:111122223333:key/${KeyId}`,
      CreationDate: new Date(START),
      CustomerMasterKeySpec: 'ECC_NIST_P256',
      Description: 'ring',
      Enabled: true,
      KeyId,
      KeyManager: 'CUSTOMER',
      KeySpec: 'ECC_NIST_P256',
      KeyState: 'Enabled',
      KeyUsage: 'SIGN_VERIFY',
      MultiRegion: false,
      Origin: 'AWS_KMS',
      SigningAlgorithms: ['ECDSA_SHA_256'],
    });
    const described = await world.client.send(new DescribeKeyCommand({ KeyId }));
    expect(described.KeyMetadata).toEqual(created.KeyMetadata);
  });

  it.each<[KeySpec, string, string[]]>([
    ['RSA_2048', 'rsa', RSA_ALGORITHMS],
    ['RSA_3072', 'rsa', RSA_ALGORITHMS],
    ['RSA_4096', 'rsa', RSA_ALGORITHMS],
    ['ECC_NIST_P256', 'ec', ['ECDSA_SHA_256']],
    ['ECC_NIST_P384', 'ec', ['ECDSA_SHA_384']],
    ['ECC_NIST_P521', 'ec', ['ECDSA_SHA_512']],
    ['ECC_NIST_EDWARDS25519', 'ed25519', ['ED25519_SHA_512', 'ED25519_PH_SHA_512']],
    ['ML_DSA_44', 'ml-dsa-44', ['ML_DSA_SHAKE_256']],
    ['ML_DSA_65', 'ml-dsa-65', ['ML_DSA_SHAKE_256']],
    ['ML_DSA_87', 'ml-dsa-87', ['ML_DSA_SHAKE_256']],
  ])('makes a %s key whose public key GetPublicKey answers', async (spec, type, algorithms) => {
    await using world = openWorld();
    const { id, arn } = await world.createKey(spec);
    const answer = await world.client.send(new GetPublicKeyCommand({ KeyId: id }));
    expect(answer).toMatchObject({
      KeyId: arn,
      KeySpec: spec,
      CustomerMasterKeySpec: spec,
      KeyUsage: 'SIGN_VERIFY',
      SigningAlgorithms: algorithms,
    });
    expect((await world.publicKey(id)).asymmetricKeyType).toBe(type);
  });

  it('makes keys beside other work: a quick one overtakes a slow one', async () => {
    await using world = openWorld();
    const made: string[] = [];
    const make = async (KeySpec: KeySpec) => {
      await world.kms.call('CreateKey', { KeySpec, KeyUsage: 'SIGN_VERIFY' });
      made.push(KeySpec);
    };
    await Promise.all([make('RSA_4096'), make('ECC_NIST_EDWARDS25519')]);
    expect(made).toEqual(['ECC_NIST_EDWARDS25519', 'RSA_4096']);
  });

  it('takes the former name of KeySpec', async () => {
    await using world = openWorld();
    const input = { CustomerMasterKeySpec: 'ECC_NIST_P384', KeyUsage: 'SIGN_VERIFY' } as const;
    const { KeyMetadata } = await world.client.send(new CreateKeyCommand(input));
    expect(KeyMetadata?.KeySpec).toBe('ECC_NIST_P384');
  });

  const signing = { KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' } as const;
  it.each<[string, CreateKeyCommandInput, string]>([
    ['the symmetric default', {}, 'UnsupportedOperationException'],
    ['HMAC keys', { KeySpec: 'HMAC_256', KeyUsage: 'GENERATE_VERIFY_MAC' }, 'UnsupportedOperationException'],
    ['secp256k1', { KeySpec: 'ECC_SECG_P256K1', KeyUsage: 'SIGN_VERIFY' }, 'UnsupportedOperationException'],
    ['RSA encryption keys', { KeySpec: 'RSA_2048', KeyUsage: 'ENCRYPT_DECRYPT' }, 'UnsupportedOperationException'],
    ['key agreement', { KeySpec: 'ECC_NIST_P256', KeyUsage: 'KEY_AGREEMENT' }, 'UnsupportedOperationException'],
    ['multi-Region keys', { ...signing, MultiRegion: true }, 'UnsupportedOperationException'],
    ['imported material', { ...signing, Origin: 'EXTERNAL' }, 'UnsupportedOperationException'],
    ['custom key stores', { ...signing, CustomKeyStoreId: 'cks-1' }, 'UnsupportedOperationException'],
    ['a missing usage', { KeySpec: 'ECC_NIST_P256' }, 'ValidationException'],
    ['an impossible usage', { KeySpec: 'ML_DSA_44', KeyUsage: 'ENCRYPT_DECRYPT' }, 'ValidationException'],
    ['both names of the spec', { ...signing, CustomerMasterKeySpec: 'ECC_NIST_P256' }, 'ValidationException'],
    ['a description over 8192', { ...signing, Description: 'd'.repeat(8193) }, 'ValidationException'],
  ])('refuses %s', async (_what, input, name) => {
    await using world = openWorld();
    expect(await refusal(world.client.send(new CreateKeyCommand(input)))).toBe(name);
    expect((await world.client.send(new ListKeysCommand({}))).Keys).toEqual([]);
  });

  it('refuses a spec that AWS does not know, in its words', async () => {
    await using world = openWorld();
    const call = world.kms.call('CreateKey', { KeySpec: 'RSA_1024', KeyUsage: 'SIGN_VERIFY' });
    await expect(call).rejects.toMatchObject({
      type: 'ValidationException',
      message: expect.stringContaining(
        "1 validation error detected: Value 'RSA_1024' at 'keySpec' failed to satisfy constraint: Member must satisfy enum value set: [RSA_2048,",
      ),
    });
  });
});

describe('key states', () => {
  const uses = ({ client }: World, KeyId: string) => [
    client.send(new SignCommand({ KeyId, ...ECDSA })),
    client.send(new VerifyCommand({ KeyId, ...ECDSA, Signature: Buffer.alloc(70) })),
    client.send(new GetPublicKeyCommand({ KeyId })),
  ];

  it('lets nobody use a disabled key until it is enabled again', async () => {
    await using world = openWorld();
    const { id: KeyId, arn } = await world.createKey('ECC_NIST_P256');
    await world.client.send(new DisableKeyCommand({ KeyId }));
    expect(await stateOf(world, KeyId)).toBe('Disabled');
    expect(await Promise.all(uses(world, KeyId).map(refusal))).toEqual(Array(3).fill('DisabledException'));
    await expect(world.client.send(new GetPublicKeyCommand({ KeyId }))).rejects.toThrow(`${arn} is disabled.`);
    await world.client.send(new EnableKeyCommand({ KeyId }));
    expect(await stateOf(world, KeyId)).toBe('Enabled');
    expect((await world.client.send(new SignCommand({ KeyId, ...ECDSA }))).KeyId).toBe(arn);
  });

  it('refuses everything that uses or changes a key that waits for its deletion', async () => {
    await using world = openWorld();
    const { id: KeyId, arn } = await world.createKey('ECC_NIST_P256');
    const other = await world.createKey('ECC_NIST_P256');
    await world.client.send(new CreateAliasCommand({ AliasName: 'alias/other', TargetKeyId: other.id }));
    await world.client.send(new ScheduleKeyDeletionCommand({ KeyId }));
    const calls = [
      ...uses(world, KeyId),
      world.client.send(new EnableKeyCommand({ KeyId })),
      world.client.send(new DisableKeyCommand({ KeyId })),
      world.client.send(new ScheduleKeyDeletionCommand({ KeyId })),
      world.client.send(new TagResourceCommand({ KeyId, Tags: [{ TagKey: 'a', TagValue: 'b' }] })),
      world.client.send(new UntagResourceCommand({ KeyId, TagKeys: ['a'] })),
      world.client.send(new CreateAliasCommand({ AliasName: 'alias/new', TargetKeyId: KeyId })),
      world.client.send(new UpdateAliasCommand({ AliasName: 'alias/other', TargetKeyId: KeyId })),
    ];
    expect(await Promise.all(calls.map(refusal))).toEqual(Array(calls.length).fill('KMSInvalidStateException'));
    await expect(world.client.send(new EnableKeyCommand({ KeyId }))).rejects.toThrow(`${arn} is pending deletion.`);
  });

  it('still shows such a key and its policy, and takes a new policy', async () => {
    await using world = openWorld();
    const { id: KeyId } = await world.createKey('ECC_NIST_P256');
    await world.client.send(new ScheduleKeyDeletionCommand({ KeyId }));
    const { Policy } = await world.client.send(new GetKeyPolicyCommand({ KeyId }));
    await world.client.send(new PutKeyPolicyCommand({ KeyId, Policy }));
    expect(await stateOf(world, KeyId)).toBe('PendingDeletion');
  });

  it('cancels a deletion only where one is pending, and leaves the key disabled', async () => {
    await using world = openWorld();
    const { id: KeyId, arn } = await world.createKey('ECC_NIST_P256');
    const cancel = () => world.client.send(new CancelKeyDeletionCommand({ KeyId }));
    expect(await refusal(cancel())).toBe('KMSInvalidStateException');
    await expect(cancel()).rejects.toThrow(`${arn} is not pending deletion.`);
    await world.client.send(new ScheduleKeyDeletionCommand({ KeyId }));
    expect((await cancel()).KeyId).toBe(arn);
    expect(await stateOf(world, KeyId)).toBe('Disabled');
    world.advance(31 * DAY);
    expect(await stateOf(world, KeyId)).toBe('Disabled');
  });
});

describe('ScheduleKeyDeletion', () => {
  it.each([
    [undefined, 30],
    [7, 7],
    [30, 30],
  ])('with a window of %s deletes the key, and its aliases, after %i days', async (PendingWindowInDays, days) => {
    await using world = openWorld();
    const { id: KeyId, arn } = await world.createKey('ECC_NIST_P256');
    await world.client.send(new CreateAliasCommand({ AliasName: 'alias/gone', TargetKeyId: KeyId }));
    const kept = await world.createKey('ECC_NIST_P256');
    const answer = await world.client.send(new ScheduleKeyDeletionCommand({ KeyId, PendingWindowInDays }));
    const DeletionDate = new Date(START + days * DAY);
    expect(answer).toMatchObject({ KeyId: arn, KeyState: 'PendingDeletion', DeletionDate, PendingWindowInDays: days });
    const { KeyMetadata } = await world.client.send(new DescribeKeyCommand({ KeyId }));
    expect(KeyMetadata).toMatchObject({ Enabled: false, KeyState: 'PendingDeletion', DeletionDate });

    world.advance(days * DAY - 1);
    expect(await stateOf(world, 'alias/gone')).toBe('PendingDeletion');
    world.advance(1);
    expect(await refusal(stateOf(world, KeyId))).toBe('NotFoundException');
    expect(await refusal(stateOf(world, 'alias/gone'))).toBe('NotFoundException');
    expect((await world.client.send(new ListAliasesCommand({}))).Aliases).toEqual([]);
    const { Keys } = await world.client.send(new ListKeysCommand({}));
    expect(Keys).toEqual([{ KeyId: kept.id, KeyArn: kept.arn }]);
  });

  it.each([6, 31])('refuses a window of %i days', async (PendingWindowInDays) => {
    await using world = openWorld();
    const { id: KeyId } = await world.createKey('ECC_NIST_P256');
    const call = world.client.send(new ScheduleKeyDeletionCommand({ KeyId, PendingWindowInDays }));
    expect(await refusal(call)).toBe('ValidationException');
    expect(await stateOf(world, KeyId)).toBe('Enabled');
  });

  it('deletes each of several keys at its own time', async () => {
    await using world = openWorld();
    const late = await world.createKey('ECC_NIST_P256');
    const soon = await world.createKey('ECC_NIST_P256');
    await world.client.send(new ScheduleKeyDeletionCommand({ KeyId: late.id, PendingWindowInDays: 20 }));
    await world.client.send(new ScheduleKeyDeletionCommand({ KeyId: soon.id, PendingWindowInDays: 7 }));
    world.advance(7 * DAY);
    expect(await refusal(stateOf(world, soon.id))).toBe('NotFoundException');
    expect(await stateOf(world, late.id)).toBe('PendingDeletion');
    world.advance(13 * DAY);
    expect(await refusal(stateOf(world, late.id))).toBe('NotFoundException');
  });
});

describe('GetKeyLastUsage', () => {
  it('tells the last successful use, which a refused, dry or failed call is not', async () => {
    await using world = openWorld();
    const { id: KeyId } = await world.createKey('ECC_NIST_P256');
    const usage = async () => await world.client.send(new GetKeyLastUsageCommand({ KeyId }));
    const dates = { KeyId, TrackingStartDate: new Date(START), KeyCreationDate: new Date(START) };
    expect(await usage()).toMatchObject({ ...dates, KeyLastUsage: {} });

    world.advance(1000);
    await refusal(world.client.send(new SignCommand({ KeyId, ...ECDSA, DryRun: true })));
    await refusal(world.client.send(new VerifyCommand({ KeyId, ...ECDSA, Signature: Buffer.alloc(70) })));
    expect((await usage()).KeyLastUsage).toEqual({});

    const { Signature } = await world.client.send(new SignCommand({ KeyId, ...ECDSA }));
    const first = { Operation: 'Sign', Timestamp: new Date(START + 1000) };
    expect(await usage()).toMatchObject({ ...dates, KeyLastUsage: first });
    world.advance(500);
    await world.client.send(new VerifyCommand({ KeyId, ...ECDSA, Signature }));
    expect((await usage()).KeyLastUsage).toEqual({ Operation: 'Verify', Timestamp: new Date(START + 1500) });
  });
});

import {
  CreateAliasCommand,
  CreateKeyCommand,
  DeleteAliasCommand,
  DescribeKeyCommand,
  GetKeyPolicyCommand,
  GetPublicKeyCommand,
  ListAliasesCommand,
  ListResourceTagsCommand,
  PutKeyPolicyCommand,
  ScheduleKeyDeletionCommand,
  SignCommand,
  type Tag,
  TagResourceCommand,
  UntagResourceCommand,
  UpdateAliasCommand,
} from '@aws-sdk/client-kms';
import { describe, expect, it } from 'vitest';
import { openWorld, PLACEMENT, refusal, START } from './world.ts';

const SIGNING = { KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' } as const;
const ROOT = `arn:aws:iam::${PLACEMENT.account}:root`;

describe('aliases', () => {
  it('name a key for the operations that use it, as a name and as an ARN', async () => {
    await using world = openWorld();
    const { id, arn } = await world.createKey('ECC_NIST_P256');
    await world.client.send(new CreateAliasCommand({ AliasName: 'alias/ring/a_1', TargetKeyId: arn }));
    const aliasArn = `arn:aws:kms:${PLACEMENT.region}:${PLACEMENT.account}:alias/ring/a_1`;
    for (const KeyId of ['alias/ring/a_1', aliasArn]) {
      expect((await world.client.send(new DescribeKeyCommand({ KeyId }))).KeyMetadata?.KeyId).toBe(id);
      expect((await world.client.send(new GetPublicKeyCommand({ KeyId }))).KeyId).toBe(arn);
      const sign = new SignCommand({ KeyId, SigningAlgorithm: 'ECDSA_SHA_256', Message: Buffer.from('m') });
      expect((await world.client.send(sign)).KeyId).toBe(arn);
      const tags = world.client.send(new ListResourceTagsCommand({ KeyId }));
      expect(await refusal(tags)).toBe('NotFoundException');
      const schedule = world.client.send(new ScheduleKeyDeletionCommand({ KeyId }));
      expect(await refusal(schedule)).toBe('NotFoundException');
    }
  });

  it('move to another key, also away from one that waits for its deletion, and go away', async () => {
    await using world = openWorld();
    const [first, second] = [await world.createKey('ECC_NIST_P256'), await world.createKey('RSA_2048')];
    const AliasName = 'alias/moving';
    await world.client.send(new CreateAliasCommand({ AliasName, TargetKeyId: first.id }));
    await world.client.send(new ScheduleKeyDeletionCommand({ KeyId: first.id }));
    world.advance(1000);
    await world.client.send(new UpdateAliasCommand({ AliasName, TargetKeyId: second.id }));
    const { Aliases } = await world.client.send(new ListAliasesCommand({}));
    expect(Aliases).toEqual([
      {
        AliasName,
        AliasArn: `arn:aws:kms:${PLACEMENT.region}:${PLACEMENT.account}:${AliasName}`,
        TargetKeyId: second.id,
        CreationDate: new Date(START),
        LastUpdatedDate: new Date(START + 1000),
      },
    ]);
    await world.client.send(new DeleteAliasCommand({ AliasName }));
    expect((await world.client.send(new ListAliasesCommand({}))).Aliases).toEqual([]);
  });

  it('are listed by key and in pages', async () => {
    await using world = openWorld();
    const [one, two] = [await world.createKey('ECC_NIST_P256'), await world.createKey('ECC_NIST_P256')];
    for (const [name, { id }] of Object.entries({ c: one, a: one, b: two })) {
      await world.client.send(new CreateAliasCommand({ AliasName: `alias/${name}`, TargetKeyId: id }));
    }
    const names = async (input: { KeyId?: string; Limit?: number; Marker?: string | undefined }) => {
      const { Aliases = [], NextMarker } = await world.client.send(new ListAliasesCommand(input));
      return { names: Aliases.map(({ AliasName }) => AliasName), NextMarker };
    };
    expect((await names({ KeyId: one.id })).names).toEqual(['alias/a', 'alias/c']);
    const page = await names({ Limit: 2 });
    expect(page.names).toEqual(['alias/a', 'alias/b']);
    expect(await names({ Limit: 2, Marker: page.NextMarker })).toEqual({ names: ['alias/c'], NextMarker: undefined });
  });

  it.each([
    ['without the prefix', 'ring', 'ValidationException'],
    ['with nothing but the prefix', 'alias/', 'ValidationException'],
    ['with a colon', 'alias/a:b', 'ValidationException'],
    ['over 256 characters', `alias/${'a'.repeat(251)}`, 'ValidationException'],
    ['of AWS', 'alias/aws/kms', 'NotAuthorizedException'],
    ['that is taken', 'alias/taken', 'AlreadyExistsException'],
  ])('are refused %s', async (_what, AliasName, name) => {
    await using world = openWorld();
    const { id: TargetKeyId } = await world.createKey('ECC_NIST_P256');
    await world.client.send(new CreateAliasCommand({ AliasName: 'alias/taken', TargetKeyId }));
    expect(await refusal(world.client.send(new CreateAliasCommand({ AliasName, TargetKeyId })))).toBe(name);
  });

  it('that do not exist are not found', async () => {
    await using world = openWorld();
    const { id: TargetKeyId } = await world.createKey('ECC_NIST_P256');
    const AliasName = 'alias/none';
    const calls = [
      world.client.send(new UpdateAliasCommand({ AliasName, TargetKeyId })),
      world.client.send(new DeleteAliasCommand({ AliasName })),
      world.client.send(new CreateAliasCommand({ AliasName, TargetKeyId: 'alias/other' })),
    ];
    expect(await Promise.all(calls.map(refusal))).toEqual(Array(3).fill('NotFoundException'));
  });
});

describe('tags', () => {
  const manyTags = (count: number): Tag[] =>
    Array.from({ length: count }, (_, index) => ({ TagKey: `key-${index}`, TagValue: '' }));

  it('are set with the key, changed, removed and listed in pages', async () => {
    await using world = openWorld();
    const Tags = [
      { TagKey: 'countersign:realm', TagValue: 'default' },
      { TagKey: 'b', TagValue: '' },
    ];
    const { id: KeyId } = await world.createKey('ECC_NIST_P256', { Tags });
    await world.client.send(
      new TagResourceCommand({
        KeyId,
        Tags: [
          { TagKey: 'b', TagValue: '2' },
          { TagKey: 'c', TagValue: '3' },
        ],
      }),
    );
    const first = await world.client.send(new ListResourceTagsCommand({ KeyId, Limit: 2 }));
    expect(first).toMatchObject({
      Tags: [
        { TagKey: 'b', TagValue: '2' },
        { TagKey: 'c', TagValue: '3' },
      ],
      Truncated: true,
    });
    const rest = await world.client.send(new ListResourceTagsCommand({ KeyId, Marker: first.NextMarker }));
    expect(rest).toMatchObject({ Tags: [{ TagKey: 'countersign:realm', TagValue: 'default' }], Truncated: false });
    await world.client.send(new UntagResourceCommand({ KeyId, TagKeys: ['b', 'countersign:realm', 'unknown'] }));
    const left = await world.client.send(new ListResourceTagsCommand({ KeyId }));
    expect(left.Tags).toEqual([{ TagKey: 'c', TagValue: '3' }]);
  });

  it.each<[string, Tag[], string]>([
    [
      'a key given twice',
      [
        { TagKey: 'a', TagValue: '1' },
        { TagKey: 'a', TagValue: '2' },
      ],
      'TagException',
    ],
    ['a reserved key', [{ TagKey: 'aws:a', TagValue: '1' }], 'TagException'],
    ['a reserved key in capitals', [{ TagKey: 'AWS:a', TagValue: '1' }], 'TagException'],
    ['a key with a forbidden character', [{ TagKey: 'a*', TagValue: '1' }], 'TagException'],
    ['a value with a forbidden character', [{ TagKey: 'a', TagValue: '{}' }], 'TagException'],
    ['an empty key', [{ TagKey: '', TagValue: '1' }], 'ValidationException'],
    ['a key over 128 characters', [{ TagKey: 'k'.repeat(129), TagValue: '1' }], 'ValidationException'],
    ['a value over 256 characters', [{ TagKey: 'a', TagValue: 'v'.repeat(257) }], 'ValidationException'],
    ['a tag without a value', [{ TagKey: 'a', TagValue: undefined }], 'ValidationException'],
    ['a 51st tag', manyTags(51), 'LimitExceededException'],
  ])('are refused for %s', async (_what, Tags, name) => {
    await using world = openWorld();
    expect(await refusal(world.client.send(new CreateKeyCommand({ ...SIGNING, Tags })))).toBe(name);
    const { id: KeyId } = await world.createKey('ECC_NIST_P256');
    expect(await refusal(world.client.send(new TagResourceCommand({ KeyId, Tags })))).toBe(name);
    expect((await world.client.send(new ListResourceTagsCommand({ KeyId }))).Tags).toEqual([]);
  });

  it('may be 50, of which each can be given a new value', async () => {
    await using world = openWorld();
    const { id: KeyId } = await world.createKey('ECC_NIST_P256', { Tags: manyTags(50) });
    await world.client.send(new TagResourceCommand({ KeyId, Tags: [{ TagKey: 'key-7', TagValue: 'new' }] }));
    const more = world.client.send(new TagResourceCommand({ KeyId, Tags: [{ TagKey: 'more', TagValue: '' }] }));
    expect(await refusal(more)).toBe('LimitExceededException');
    const { Tags } = await world.client.send(new ListResourceTagsCommand({ KeyId }));
    expect(Tags).toHaveLength(50);
    expect(Tags).toContainEqual({ TagKey: 'key-7', TagValue: 'new' });
  });

  it('of AWS cannot be removed', async () => {
    await using world = openWorld();
    const { id: KeyId } = await world.createKey('ECC_NIST_P256');
    const call = world.client.send(new UntagResourceCommand({ KeyId, TagKeys: ['aws:cloudformation:stack-id'] }));
    expect(await refusal(call)).toBe('TagException');
  });
});

describe('key policies', () => {
  const allow = (Action: unknown, more = {}) => ({
    Effect: 'Allow',
    Principal: { AWS: ROOT },
    Action,
    Resource: '*',
    ...more,
  });
  const policy = (...Statement: unknown[]) => JSON.stringify({ Version: '2012-10-17', Statement });

  it('are the default one, which delegates to IAM, unless the call gives another', async () => {
    await using world = openWorld();
    const { id: KeyId } = await world.createKey('ECC_NIST_P256');
    const { Policy = '', PolicyName } = await world.client.send(new GetKeyPolicyCommand({ KeyId }));
    expect(PolicyName).toBe('default');
    expect(JSON.parse(Policy)).toMatchObject({
      Id: 'key-default-1',
      Statement: [{ Effect: 'Allow', Principal: { AWS: ROOT }, Action: 'kms:*', Resource: '*' }],
    });

    const given = policy(allow(['kms:Sign', 'kms:Put*']));
    const other = await world.createKey('ECC_NIST_P256', { Policy: given });
    const answer = await world.client.send(new GetKeyPolicyCommand({ KeyId: other.id, PolicyName: 'default' }));
    expect(answer.Policy).toBe(given);
  });

  it('can be replaced, and the next authorization asks the new one', async () => {
    await using world = openWorld();
    const { id: KeyId } = await world.createKey('ECC_NIST_P256');
    const Policy = policy(allow('kms:*'), { ...allow('kms:ScheduleKeyDeletion'), Effect: 'Deny' });
    await world.client.send(new PutKeyPolicyCommand({ KeyId, Policy }));
    expect((await world.client.send(new GetKeyPolicyCommand({ KeyId }))).Policy).toBe(Policy);
    const [question] = world.kms.authorizations('DescribeKey', { KeyId });
    expect(question?.resourcePolicy).toEqual(JSON.parse(Policy));
  });

  it.each([
    ['text that is not JSON', '{', 'MalformedPolicyDocumentException'],
    ['JSON that is not an object', '[]', 'MalformedPolicyDocumentException'],
    ['no statements', '{"Version":"2012-10-17"}', 'MalformedPolicyDocumentException'],
    ['an empty list of statements', policy(), 'MalformedPolicyDocumentException'],
    ['a statement that is not an object', policy('Allow'), 'MalformedPolicyDocumentException'],
    ['an unknown effect', policy(allow('kms:*', { Effect: 'Maybe' })), 'MalformedPolicyDocumentException'],
    ['no principal', policy({ Effect: 'Allow', Action: 'kms:*', Resource: '*' }), 'MalformedPolicyDocumentException'],
    ['an unknown version', policy(allow('kms:*')).replace('2012', '2013'), 'MalformedPolicyDocumentException'],
    ['a character outside Latin-1', policy(allow('kms:*', { Sid: '\u20ac' })), 'MalformedPolicyDocumentException'],
    ['that nobody may replace', policy(allow('kms:Sign')), 'MalformedPolicyDocumentException'],
    ['that only denies', policy(allow('kms:*', { Effect: 'Deny' })), 'MalformedPolicyDocumentException'],
    ['over 32 KB', policy(allow('kms:*', { Sid: 's'.repeat(32_768) })), 'LimitExceededException'],
  ])('are refused: %s', async (_what, Policy, name) => {
    await using world = openWorld();
    expect(await refusal(world.client.send(new CreateKeyCommand({ ...SIGNING, Policy })))).toBe(name);
    const { id: KeyId } = await world.createKey('ECC_NIST_P256');
    expect(await refusal(world.client.send(new PutKeyPolicyCommand({ KeyId, Policy })))).toBe(name);
  });

  it.each([
    ['an action in other letters', allow('KMS:putkeypolicy')],
    ['a pattern', allow('kms:P?tKey*')],
    ['every action but others', allow(undefined, { NotAction: 'kms:Sign' })],
  ])('let the policy be replaced by %s', async (_what, statement) => {
    await using world = openWorld();
    const Policy = policy(statement);
    const { id: KeyId } = await world.createKey('ECC_NIST_P256', { Policy });
    expect((await world.client.send(new GetKeyPolicyCommand({ KeyId }))).Policy).toBe(Policy);
  });

  it('may lock everybody out when the call asks for just that', async () => {
    await using world = openWorld();
    const Policy = policy(allow('kms:Sign'));
    const { id: KeyId } = await world.createKey('ECC_NIST_P256', { Policy, BypassPolicyLockoutSafetyCheck: true });
    expect((await world.client.send(new GetKeyPolicyCommand({ KeyId }))).Policy).toBe(Policy);
  });

  it('have one name', async () => {
    await using world = openWorld();
    const { id: KeyId } = await world.createKey('ECC_NIST_P256');
    const calls = [
      world.client.send(new GetKeyPolicyCommand({ KeyId, PolicyName: 'other' })),
      world.client.send(new PutKeyPolicyCommand({ KeyId, PolicyName: 'other', Policy: policy(allow('kms:*')) })),
    ];
    expect(await Promise.all(calls.map(refusal))).toEqual(Array(2).fill('NotFoundException'));
  });
});

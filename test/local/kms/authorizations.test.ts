import { CreateAliasCommand } from '@aws-sdk/client-kms';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JsonObject } from '../../../local/service.ts';
import { openWorld, PLACEMENT } from './world.ts';

const world = openWorld();
const policyOf = (Sid: string) => ({
  Version: '2012-10-17',
  Statement: [{ Sid, Effect: 'Allow', Principal: '*', Action: 'kms:*', Resource: '*' }],
});
const tagged = { id: '', arn: '' };
const plain = { id: '', arn: '' };
beforeAll(async () => {
  const Tags = [{ TagKey: 'countersign:deployment', TagValue: 'demo' }];
  const Policy = JSON.stringify(policyOf('tagged'));
  Object.assign(tagged, await world.createKey('ECC_NIST_P256', { Tags, Policy }));
  Object.assign(plain, await world.createKey('RSA_2048', { Policy: JSON.stringify(policyOf('plain')) }));
  await world.client.send(new CreateAliasCommand({ AliasName: 'alias/ring', TargetKeyId: tagged.id }));
});
afterAll(() => world.kms.close());

const arnPrefix = `arn:aws:kms:${PLACEMENT.region}:${PLACEMENT.account}`;
const ofEveryKey = { 'kms:KeyUsage': 'SIGN_VERIFY', 'kms:KeyOrigin': 'AWS_KMS', 'kms:MultiRegion': 'false' };
const taggedContext = {
  ...ofEveryKey,
  'kms:KeySpec': 'ECC_NIST_P256',
  'kms:ResourceAliases': ['alias/ring'],
  'aws:ResourceTag/countersign:deployment': 'demo',
};
const askTagged = (action: string, more = {}) => ({
  action,
  resource: tagged.arn,
  context: { ...taggedContext, ...more },
  resourcePolicy: policyOf('tagged'),
});
const askPlain = (action: string) => ({
  action,
  resource: plain.arn,
  context: { ...ofEveryKey, 'kms:KeySpec': 'RSA_2048' },
  resourcePolicy: policyOf('plain'),
});
const askAlias = (action: string, name: string) => ({ action, resource: `${arnPrefix}:${name}`, context: {} });

describe('operations on one key', () => {
  const signing = { 'kms:SigningAlgorithm': 'ECDSA_SHA_256' };
  it.each<[string, JsonObject, object]>([
    ['DescribeKey', {}, {}],
    ['GetPublicKey', {}, {}],
    ['EnableKey', {}, {}],
    ['DisableKey', {}, {}],
    ['CancelKeyDeletion', {}, {}],
    ['GetKeyLastUsage', {}, {}],
    ['GetKeyPolicy', {}, {}],
    ['ListResourceTags', {}, {}],
    ['Sign', { SigningAlgorithm: 'ECDSA_SHA_256' }, { ...signing, 'kms:MessageType': 'RAW' }],
    ['Sign', { SigningAlgorithm: 'ECDSA_SHA_256', MessageType: 'DIGEST' }, { ...signing, 'kms:MessageType': 'DIGEST' }],
    ['Verify', { SigningAlgorithm: 'ECDSA_SHA_256' }, { ...signing, 'kms:MessageType': 'RAW' }],
    ['ScheduleKeyDeletion', {}, { 'kms:ScheduleKeyDeletionPendingWindowInDays': '30' }],
    ['ScheduleKeyDeletion', { PendingWindowInDays: 7 }, { 'kms:ScheduleKeyDeletionPendingWindowInDays': '7' }],
    ['PutKeyPolicy', {}, { 'kms:BypassPolicyLockoutSafetyCheck': 'false' }],
    ['PutKeyPolicy', { BypassPolicyLockoutSafetyCheck: true }, { 'kms:BypassPolicyLockoutSafetyCheck': 'true' }],
    ['TagResource', { Tags: [{ TagKey: 'a', TagValue: 'b' }] }, { 'aws:RequestTag/a': 'b', 'aws:TagKeys': ['a'] }],
    ['UntagResource', { TagKeys: ['a', 'b'] }, { 'aws:TagKeys': ['a', 'b'] }],
  ])('%s %j asks about the key, with its tags, its policy and %j', (operation, input, conditions) => {
    const asked = [askTagged(`kms:${operation}`, conditions)];
    expect(world.kms.authorizations(operation, { KeyId: tagged.id, ...input })).toEqual(asked);
    expect(world.kms.authorizations(operation, { KeyId: tagged.arn, ...input })).toEqual(asked);
  });

  it.each(['DescribeKey', 'GetPublicKey', 'Sign', 'Verify'])(
    '%s says by which alias the key was named',
    (operation) => {
      const input = { SigningAlgorithm: 'ECDSA_SHA_256' };
      for (const KeyId of ['alias/ring', `${arnPrefix}:alias/ring`]) {
        const [question, ...more] = world.kms.authorizations(operation, { ...input, KeyId });
        expect(more).toEqual([]);
        expect(question).toMatchObject({ resource: tagged.arn, resourcePolicy: policyOf('tagged') });
        expect(question?.context['kms:RequestAlias']).toBe('alias/ring');
      }
    },
  );

  it('supplies no tags or aliases of a key that has none', () => {
    expect(world.kms.authorizations('DescribeKey', { KeyId: plain.id })).toEqual([askPlain('kms:DescribeKey')]);
  });

  it('have nothing to ask about a key that is not there', () => {
    const KeyId = '00000000-0000-4000-8000-000000000000';
    const notFound = expect.objectContaining({ type: 'NotFoundException' });
    expect(() => world.kms.authorizations('DescribeKey', { KeyId })).toThrow(notFound);
    expect(() => world.kms.authorizations('DescribeKey', { KeyId: 'alias/none' })).toThrow(notFound);
  });
});

describe('operations without a resource', () => {
  it.each(['ListKeys', 'ListAliases'])('%s asks about everything, and no key takes part', (operation) => {
    const asked = [{ action: `kms:${operation}`, resource: '*', context: {} }];
    expect(world.kms.authorizations(operation, {})).toEqual(asked);
  });
});

describe('CreateKey', () => {
  const context = {
    'kms:KeySpec': 'ECC_NIST_P256',
    'kms:KeyUsage': 'SIGN_VERIFY',
    'kms:KeyOrigin': 'AWS_KMS',
    'kms:MultiRegion': 'false',
    'kms:BypassPolicyLockoutSafetyCheck': 'false',
  };

  it('asks for the kind of key, on no resource', () => {
    const input = { KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' };
    expect(world.kms.authorizations('CreateKey', input)).toEqual([{ action: 'kms:CreateKey', resource: '*', context }]);
  });

  it('asks for the defaults of the call that says nothing', () => {
    const [question] = world.kms.authorizations('CreateKey', {});
    expect(question?.context).toMatchObject({
      'kms:KeySpec': 'SYMMETRIC_DEFAULT',
      'kms:KeyUsage': 'ENCRYPT_DECRYPT',
    });
  });

  it('with tags also asks for TagResource on a key that only a pattern can match', () => {
    const Tags = [
      { TagKey: 'a', TagValue: '1' },
      { TagKey: 'b', TagValue: '' },
    ];
    const tags = { 'aws:TagKeys': ['a', 'b'], 'aws:RequestTag/a': '1', 'aws:RequestTag/b': '' };
    const input = { KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY', Tags };
    expect(world.kms.authorizations('CreateKey', input)).toEqual([
      { action: 'kms:CreateKey', resource: '*', context: { ...context, ...tags } },
      { action: 'kms:TagResource', resource: `${arnPrefix}:key/new-key`, context: tags },
    ]);
  });
});

describe('alias operations', () => {
  it('CreateAlias asks about the alias and about the key', () => {
    const input = { AliasName: 'alias/new', TargetKeyId: plain.id };
    expect(world.kms.authorizations('CreateAlias', input)).toEqual([
      askAlias('kms:CreateAlias', 'alias/new'),
      askPlain('kms:CreateAlias'),
    ]);
  });

  it('UpdateAlias asks about the alias, the key that loses it and the key that gains it', () => {
    const input = { AliasName: 'alias/ring', TargetKeyId: plain.id };
    expect(world.kms.authorizations('UpdateAlias', input)).toEqual([
      askAlias('kms:UpdateAlias', 'alias/ring'),
      askTagged('kms:UpdateAlias'),
      askPlain('kms:UpdateAlias'),
    ]);
  });

  it('UpdateAlias to the key that has it already asks about that key once', () => {
    const input = { AliasName: 'alias/ring', TargetKeyId: tagged.id };
    expect(world.kms.authorizations('UpdateAlias', input)).toEqual([
      askAlias('kms:UpdateAlias', 'alias/ring'),
      askTagged('kms:UpdateAlias'),
    ]);
  });

  it('DeleteAlias asks about the alias and its key', () => {
    expect(world.kms.authorizations('DeleteAlias', { AliasName: 'alias/ring' })).toEqual([
      askAlias('kms:DeleteAlias', 'alias/ring'),
      askTagged('kms:DeleteAlias'),
    ]);
  });
});

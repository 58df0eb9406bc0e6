import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parsePolicy } from '../../../local/iam/policy.ts';
import { UnsupportedPolicyError } from '../../../local/iam/unsupported-policy-error.ts';

const KEY = 'arn:aws:kms:eu-central-1:123456789012:key/1';
const ROOT = 'arn:aws:iam::123456789012:root';
const ROLE = 'arn:aws:iam::123456789012:role/token';

// biome-ignore lint/suspicious/noTemplateCurlyInString: IAM's own syntax
const VARIABLE = '${aws:PrincipalArn}';

const identity = { Effect: 'Allow', Action: 'kms:Sign', Resource: KEY };
const resource = { Effect: 'Allow', Principal: { AWS: ROOT }, Action: 'kms:*', Resource: '*' };
const trust = { Effect: 'Allow', Principal: { Service: 'lambda.amazonaws.com' }, Action: 'sts:AssumeRole' };

const documentOf = (statement: unknown) => ({ Version: '2012-10-17', Statement: [statement] });
const without = (statement: object, member: string) =>
  Object.fromEntries(Object.entries(statement).filter(([name]) => name !== member));

describe('parsePolicy accepts', () => {
  it.each([
    ['an identity policy', 'identity', documentOf(identity)],
    ['a single statement without an array', 'identity', { Version: '2012-10-17', Statement: identity }],
    ['a document without a Version', 'identity', { Statement: [identity] }],
    ['the older Version and an Id', 'identity', { Version: '2008-10-17', Id: 'key-default-1', Statement: [identity] }],
    [
      'lists of actions and resources',
      'identity',
      documentOf({ ...identity, Action: ['kms:Sign', 'kms:Get*'], Resource: [KEY, '*'] }),
    ],
    ['NotAction and NotResource', 'identity', documentOf({ Effect: 'Deny', NotAction: 'kms:*', NotResource: KEY })],
    ['a key policy', 'resource', documentOf(resource)],
    ['an anonymous principal', 'resource', documentOf({ ...resource, Principal: '*' })],
    ['an account id as principal', 'resource', documentOf({ ...resource, Principal: { AWS: '123456789012' } })],
    [
      'several kinds of principals',
      'resource',
      documentOf({ ...resource, Principal: { AWS: [ROLE, '*'], Service: 'logs.amazonaws.com' } }),
    ],
    ['a trust policy', 'trust', documentOf(trust)],
    [
      'unquoted booleans in conditions',
      'identity',
      documentOf({ ...identity, Condition: { Bool: { 'aws:SecureTransport': true } } }),
    ],
    [
      'unquoted numbers in conditions',
      'identity',
      documentOf({ ...identity, Condition: { NumericLessThan: { 'kms:ScheduleKeyDeletionPendingWindowInDays': 30 } } }),
    ],
    [
      'tag keys of any name',
      'identity',
      documentOf({ ...identity, Condition: { StringEquals: { 'aws:ResourceTag/countersign:realm': 'x' } } }),
    ],
  ] as const)('%s', (_name, kind, document) => {
    expect(parsePolicy(document, 'p', kind).statements).toHaveLength(1);
  });
});

const condition = (block: unknown) => documentOf({ ...identity, Condition: block });
const principal = (value: unknown) => documentOf({ ...resource, Principal: value });

const REFUSED = [
  ['a document that is text', 'identity', '{}', 'document: expected an object'],
  ['no document', 'identity', undefined, 'document: expected an object'],
  [
    'an unknown Version',
    'identity',
    { Version: '2024-01-01', Statement: [identity] },
    'Version: unknown version 2024-01-01',
  ],
  [
    'an unknown member of the document',
    'identity',
    { ...documentOf(identity), Comment: 'x' },
    'Comment: unknown element',
  ],
  ['a document without statements', 'identity', { Version: '2012-10-17' }, 'Statement: missing'],
  ['an empty list of statements', 'identity', { Statement: [] }, 'Statement: must not be empty'],
  ['an unresolved document', 'identity', { 'Fn::If': ['A', {}, {}] }, 'unresolved CloudFormation intrinsic Fn::If'],
  [
    'an unresolved statement',
    'identity',
    documentOf({ Ref: 'AWS::NoValue' }),
    'unresolved CloudFormation intrinsic Ref',
  ],
  [
    'an unresolved resource',
    'identity',
    documentOf({ ...identity, Resource: { 'Fn::GetAtt': ['Table', 'Arn'] } }),
    'statement #0: Resource: unresolved CloudFormation intrinsic Fn::GetAtt',
  ],
  [
    'an unresolved resource in a list',
    'identity',
    documentOf({ ...identity, Resource: [KEY, { Ref: 'X' }] }),
    'unresolved CloudFormation intrinsic Ref',
  ],
  [
    'an unresolved condition value',
    'identity',
    condition({ StringEquals: { 'aws:ResourceTag/x': { Ref: 'X' } } }),
    'Condition.StringEquals.aws:ResourceTag/x: unresolved',
  ],
  [
    'NotPrincipal',
    'resource',
    documentOf({ ...resource, NotPrincipal: { AWS: ROLE } }),
    'NotPrincipal: unknown element',
  ],
  ['a Principal in an identity policy', 'identity', documentOf(resource), 'Principal: has no place'],
  ['a Resource in a trust policy', 'trust', documentOf({ ...trust, Resource: '*' }), 'Resource: has no place'],
  ['a resource policy without Principal', 'resource', documentOf(identity), 'Principal: missing'],
  ['a statement without Effect', 'identity', documentOf(without(identity, 'Effect')), 'Effect: expected a string'],
  ['another Effect', 'identity', documentOf({ ...identity, Effect: 'allow' }), 'Effect: neither Allow nor Deny'],
  [
    'a statement without Action',
    'identity',
    documentOf(without(identity, 'Action')),
    'exactly one of Action and NotAction',
  ],
  [
    'Action beside NotAction',
    'identity',
    documentOf({ ...identity, NotAction: 'kms:*' }),
    'exactly one of Action and NotAction',
  ],
  [
    'a statement without Resource',
    'identity',
    documentOf(without(identity, 'Resource')),
    'exactly one of Resource and NotResource',
  ],
  [
    'Resource beside NotResource',
    'identity',
    documentOf({ ...identity, NotResource: KEY }),
    'exactly one of Resource and NotResource',
  ],
  ['an empty list of actions', 'identity', documentOf({ ...identity, Action: [] }), 'Action: must not be empty'],
  [
    'an action without a service',
    'identity',
    documentOf({ ...identity, Action: 'Sign' }),
    'Action: not an action: Sign',
  ],
  [
    'a resource that is no ARN',
    'identity',
    documentOf({ ...identity, Resource: 'table/x' }),
    'Resource: not an ARN of six parts',
  ],
  [
    'a resource whose wildcard spans parts',
    'identity',
    documentOf({ ...identity, Resource: 'arn:aws:kms:*' }),
    'Resource: not an ARN of six parts',
  ],
  [
    'a policy variable in a resource',
    'identity',
    documentOf({ ...identity, Resource: `arn:aws:s3:::b/${VARIABLE}` }),
    'Resource: policy variable',
  ],
  [
    'a policy variable in a condition',
    'identity',
    condition({ StringEquals: { 'aws:PrincipalArn': VARIABLE } }),
    'policy variable',
  ],
  [
    'an unknown operator',
    'identity',
    condition({ StringMatches: { 'kms:KeySpec': 'x' } }),
    'Condition.StringMatches: unknown condition operator',
  ],
  [
    'an operator in the wrong case',
    'identity',
    condition({ stringEquals: { 'kms:KeySpec': 'x' } }),
    'unknown condition operator',
  ],
  ['a date operator', 'identity', condition({ DateLessThan: { 'kms:KeySpec': 'x' } }), 'unknown condition operator'],
  [
    'an unknown set prefix',
    'identity',
    condition({ 'ForSomeValues:StringEquals': { 'aws:TagKeys': 'x' } }),
    'unknown condition operator',
  ],
  [
    'an unknown condition key',
    'identity',
    condition({ StringEquals: { 'aws:PrincipalOrgID': 'o-1' } }),
    'aws:PrincipalOrgID: unknown condition key',
  ],
  [
    'a tag key without a tag',
    'identity',
    condition({ StringEquals: { 'aws:ResourceTag/': 'x' } }),
    'unknown condition key',
  ],
  [
    'a multivalued key without a set prefix',
    'identity',
    condition({ StringEquals: { 'aws:TagKeys': 'x' } }),
    'needs ForAllValues: or ForAnyValue:',
  ],
  [
    'NullIfExists',
    'identity',
    condition({ NullIfExists: { 'kms:KeySpec': 'true' } }),
    'Null takes no prefix or suffix',
  ],
  [
    'a set prefix before Null',
    'identity',
    condition({ 'ForAnyValue:Null': { 'aws:TagKeys': 'true' } }),
    'Null takes no prefix or suffix',
  ],
  [
    'a value of Null that is no boolean',
    'identity',
    condition({ Null: { 'kms:KeySpec': 'yes' } }),
    'not a value for Null: yes',
  ],
  [
    'a value of Bool that is no boolean',
    'identity',
    condition({ Bool: { 'aws:SecureTransport': 'on' } }),
    'not a value for Bool: on',
  ],
  [
    'a number that is none',
    'identity',
    condition({ NumericEquals: { 'kms:ScheduleKeyDeletionPendingWindowInDays': 'x7' } }),
    'not a value for NumericEquals',
  ],
  [
    'an ARN condition that is no ARN',
    'identity',
    condition({ ArnLike: { 'aws:PrincipalArn': '*' } }),
    'not a value for ArnLike: *',
  ],
  ['an empty Condition', 'identity', condition({}), 'Condition: must not be empty'],
  ['an empty operator', 'identity', condition({ StringEquals: {} }), 'Condition.StringEquals: must not be empty'],
  ['a key without values', 'identity', condition({ StringEquals: { 'kms:KeySpec': [] } }), 'must not be empty'],
  [
    'a federated principal',
    'resource',
    principal({ Federated: 'cognito-identity.amazonaws.com' }),
    'Principal.Federated: unknown kind',
  ],
  [
    'a user',
    'resource',
    principal({ AWS: 'arn:aws:iam::123456789012:user/anna' }),
    'Principal.AWS: unsupported principal',
  ],
  [
    'a wildcard inside a role',
    'resource',
    principal({ AWS: 'arn:aws:iam::123456789012:role/*' }),
    'unsupported principal',
  ],
  [
    'a service of someone else',
    'resource',
    principal({ Service: 'lambda.example.com' }),
    'Principal.Service: unsupported principal',
  ],
  ['an empty Principal', 'resource', principal({}), 'Principal: must not be empty'],
  ['text as Principal', 'resource', principal(ROLE), 'Principal: expected an object'],
] as const;

describe('parsePolicy refuses', () => {
  it.each(REFUSED)('%s', (_name, kind, document, message) => {
    const parse = () => parsePolicy(document, 'p', kind);
    expect(parse).toThrow(UnsupportedPolicyError);
    expect(parse).toThrow(message);
  });

  it('by naming the document, the Sid and the element', () => {
    const document = documentOf({
      ...identity,
      Sid: 'AllowSign',
      Condition: { IpAddress: { 'aws:SourceIp': '10.0.0.0/8' } },
    });
    expect(() => parsePolicy(document, 'TokenRole/Default')).toThrow(
      'policy TokenRole/Default, statement AllowSign: Condition.IpAddress.aws:SourceIp: unknown condition key',
    );
  });

  it('by index where a statement has no Sid', () => {
    expect(() => parsePolicy({ Statement: [identity, { ...identity, Effect: 'Maybe' }] }, 'p')).toThrow(
      'statement #1: Effect',
    );
  });
});

/** The short names that chance might come upon. */
const KNOWN = new Set(['Id', 'Sid', 'Action', 'Effect', 'Bool', 'Null', 'Allow', 'Deny']);

/** Names that nobody chose, and near misses of real ones. */
const name = fc.oneof(
  fc.string({ minLength: 1 }),
  fc.constantFrom(
    'Notaction',
    'PRINCIPAL',
    'StringEqual',
    'NumericIfExists',
    'IpAddress',
    'BinaryEquals',
    'saml:sub',
    'ec2:Region',
  ),
);

describe('whatever is unknown', () => {
  it.each([
    ['a member of the document', (unknown: string) => ({ ...documentOf(identity), [unknown]: 'x' })],
    ['a member of a statement', (unknown: string) => documentOf({ ...identity, [unknown]: 'x' })],
    ['a condition operator', (unknown: string) => condition({ [unknown]: { 'kms:KeySpec': 'x' } })],
    ['a condition key', (unknown: string) => condition({ StringEqualsIfExists: { [unknown]: 'x' } })],
    ['an effect', (unknown: string) => documentOf({ ...identity, Effect: unknown })],
    ['a version', (unknown: string) => ({ Version: unknown, Statement: [identity] })],
  ])('as %s never parses', (_place, build) => {
    const unknown = name.filter((text) => !KNOWN.has(text));
    fc.assert(
      fc.property(unknown, (text) => {
        expect(() => parsePolicy(build(text), 'p')).toThrow(UnsupportedPolicyError);
      }),
    );
  });
});

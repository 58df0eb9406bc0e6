/**
 * The documented semantics of condition blocks, as a table.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
 */
import { describe, expect, it } from 'vitest';
import { authorize } from '../../../local/iam/authorize.ts';
import { parsePolicy } from '../../../local/iam/policy.ts';

type Context = Readonly<Record<string, string | readonly string[]>>;

function holds(condition: unknown, context: Context): boolean {
  const document = { Statement: { Effect: 'Allow', Action: '*', Resource: '*', Condition: condition } };
  const caller = {
    arn: 'arn:aws:sts::123456789012:assumed-role/token/s',
    roleArn: 'arn:aws:iam::123456789012:role/service/token',
    account: '123456789012',
    policies: [parsePolicy(document, 'p')],
  };
  return authorize(caller, { action: 'kms:Sign', resource: 'arn:aws:kms:eu-central-1:123456789012:key/1', context })
    .allowed;
}

const SPEC = 'kms:KeySpec';
const RSA: Context = { [SPEC]: 'RSA_2048' };
const DAYS = 'kms:ScheduleKeyDeletionPendingWindowInDays';
const SEVEN: Context = { [DAYS]: '7' };
const ARN = 'aws:SourceArn';
const FUNCTION: Context = { [ARN]: 'arn:aws:lambda:eu-central-1:123456789012:function:token:live' };
const TAGS = 'aws:TagKeys';
const TWO_TAGS: Context = { [TAGS]: ['realm', 'deployment'] };

const CASES: readonly [string, unknown, Context, boolean][] = [
  ['StringEquals matches the same text', { StringEquals: { [SPEC]: 'RSA_2048' } }, RSA, true],
  ['StringEquals minds the case of values', { StringEquals: { [SPEC]: 'rsa_2048' } }, RSA, false],
  ['StringEquals takes wildcards literally', { StringEquals: { [SPEC]: 'RSA_*' } }, RSA, false],
  ['StringEquals takes several values as OR', { StringEquals: { [SPEC]: ['ECC_NIST_P256', 'RSA_2048'] } }, RSA, true],
  ['StringEquals fails without the key', { StringEquals: { [SPEC]: 'RSA_2048' } }, {}, false],
  ['key names ignore case', { StringEquals: { 'KMS:keyspec': 'RSA_2048' } }, RSA, true],
  [
    'tag keys in key names ignore case',
    { StringEquals: { 'aws:resourcetag/Realm': 'a' } },
    { 'aws:ResourceTag/realm': 'a' },
    true,
  ],
  ['StringNotEquals matches other text', { StringNotEquals: { [SPEC]: 'RSA_4096' } }, RSA, true],
  ['StringNotEquals fails on the same text', { StringNotEquals: { [SPEC]: 'RSA_2048' } }, RSA, false],
  [
    'StringNotEquals takes several values as NOR',
    { StringNotEquals: { [SPEC]: ['RSA_4096', 'RSA_2048'] } },
    RSA,
    false,
  ],
  ['StringNotEquals holds without the key', { StringNotEquals: { [SPEC]: 'RSA_2048' } }, {}, true],
  ['StringEqualsIgnoreCase ignores case', { StringEqualsIgnoreCase: { [SPEC]: 'rsa_2048' } }, RSA, true],
  ['StringNotEqualsIgnoreCase ignores case', { StringNotEqualsIgnoreCase: { [SPEC]: 'rsa_2048' } }, RSA, false],
  ['StringLike knows the asterisk', { StringLike: { [SPEC]: 'RSA*' } }, RSA, true],
  ['StringLike knows the question mark', { StringLike: { [SPEC]: 'RSA_204?' } }, RSA, true],
  ['a question mark is exactly one character', { StringLike: { [SPEC]: 'RSA_2048?' } }, RSA, false],
  ['StringLike matches whole values', { StringLike: { [SPEC]: 'SA_20' } }, RSA, false],
  ['StringLike minds case', { StringLike: { [SPEC]: 'rsa*' } }, RSA, false],
  ['StringLike takes a dot literally', { StringLike: { [SPEC]: 'RSA.2*' } }, RSA, false],
  ['StringNotLike fails on a match', { StringNotLike: { [SPEC]: 'RSA*' } }, RSA, false],
  ['StringNotLike holds without the key', { StringNotLike: { [SPEC]: '*' } }, {}, true],
  ['ArnLike matches part by part', { ArnLike: { [ARN]: 'arn:aws:lambda:*:123456789012:function:*' } }, FUNCTION, true],
  [
    'ArnLike wildcards do not cross a colon',
    { ArnLike: { [ARN]: 'arn:aws:lambda:*:function:token:live' } },
    FUNCTION,
    false,
  ],
  [
    'ArnEquals knows wildcards as well',
    { ArnEquals: { [ARN]: 'arn:aws:lambda:eu-*:*:function:token:l?ve' } },
    FUNCTION,
    true,
  ],
  ['ArnNotLike fails on a match', { ArnNotLike: { [ARN]: 'arn:aws:lambda:*:*:function:*' } }, FUNCTION, false],
  ['ArnNotEquals holds without the key', { ArnNotEquals: { [ARN]: 'arn:aws:lambda:*:*:function:*' } }, {}, true],
  ['ArnLike fails on what is no ARN', { ArnLike: { [ARN]: 'arn:*:*:*:*:*' } }, { [ARN]: 'function' }, false],
  ['NumericEquals compares numbers', { NumericEquals: { [DAYS]: '7.0' } }, SEVEN, true],
  ['NumericNotEquals compares numbers', { NumericNotEquals: { [DAYS]: '7' } }, SEVEN, false],
  ['NumericLessThan is strict', { NumericLessThan: { [DAYS]: 7 } }, SEVEN, false],
  ['NumericLessThanEquals is not', { NumericLessThanEquals: { [DAYS]: 7 } }, SEVEN, true],
  ['NumericGreaterThan is strict', { NumericGreaterThan: { [DAYS]: 7 } }, SEVEN, false],
  ['NumericGreaterThanEquals is not', { NumericGreaterThanEquals: { [DAYS]: 7 } }, SEVEN, true],
  ['numbers are not compared as text', { NumericGreaterThan: { [DAYS]: '7' } }, { [DAYS]: '30' }, true],
  ['NumericLessThan fails on what is no number', { NumericLessThan: { [DAYS]: 100 } }, { [DAYS]: '' }, false],
  ['NumericLessThan fails without the key', { NumericLessThan: { [DAYS]: 100 } }, {}, false],
  ['Bool matches', { Bool: { 'aws:SecureTransport': 'true' } }, {}, true],
  ['Bool fails on the other value', { Bool: { 'aws:SecureTransport': false } }, {}, false],
  ['Bool fails without the key', { Bool: { 'kms:MultiRegion': 'false' } }, {}, false],
  ['Null true holds without the key', { Null: { [SPEC]: 'true' } }, {}, true],
  ['Null true fails with the key', { Null: { [SPEC]: 'true' } }, RSA, false],
  ['Null false holds with the key', { Null: { [SPEC]: false } }, RSA, true],
  ['Null false fails on an empty set', { Null: { [TAGS]: 'false' } }, { [TAGS]: [] }, false],
  ['IfExists holds without the key', { StringEqualsIfExists: { [SPEC]: 'RSA_2048' } }, {}, true],
  ['IfExists compares with the key', { StringEqualsIfExists: { [SPEC]: 'RSA_4096' } }, RSA, false],
  ['BoolIfExists holds without the key', { BoolIfExists: { 'kms:MultiRegion': 'true' } }, {}, true],
  [
    'ForAllValues holds when every value matches',
    { 'ForAllValues:StringEquals': { [TAGS]: ['realm', 'deployment', 'x'] } },
    TWO_TAGS,
    true,
  ],
  [
    'ForAllValues fails when one value does not',
    { 'ForAllValues:StringEquals': { [TAGS]: ['realm'] } },
    TWO_TAGS,
    false,
  ],
  ['ForAllValues holds on an empty set', { 'ForAllValues:StringEquals': { [TAGS]: ['realm'] } }, { [TAGS]: [] }, true],
  ['ForAllValues holds without the key', { 'ForAllValues:StringEquals': { [TAGS]: ['realm'] } }, {}, true],
  [
    'ForAllValues holds on an empty text',
    { 'ForAllValues:StringEquals': { [TAGS]: ['realm'] } },
    { [TAGS]: [''] },
    true,
  ],
  [
    'ForAllValues negated needs none to match',
    { 'ForAllValues:StringNotEquals': { [TAGS]: ['realm'] } },
    TWO_TAGS,
    false,
  ],
  ['ForAnyValue holds when one value matches', { 'ForAnyValue:StringLike': { [TAGS]: 'dep*' } }, TWO_TAGS, true],
  ['ForAnyValue fails when none matches', { 'ForAnyValue:StringEquals': { [TAGS]: 'x' } }, TWO_TAGS, false],
  ['ForAnyValue fails without the key', { 'ForAnyValue:StringEquals': { [TAGS]: 'x' } }, {}, false],
  [
    'ForAnyValue negated holds when one value differs',
    { 'ForAnyValue:StringNotEquals': { [TAGS]: 'realm' } },
    TWO_TAGS,
    true,
  ],
  ['ForAnyValue negated fails without the key', { 'ForAnyValue:StringNotEquals': { [TAGS]: 'realm' } }, {}, false],
  ['ForAnyValue does not heed IfExists', { 'ForAnyValue:StringEqualsIfExists': { [TAGS]: 'x' } }, {}, false],
  ['several keys are AND', { StringEquals: { [SPEC]: 'RSA_2048', 'kms:KeyUsage': 'SIGN_VERIFY' } }, RSA, false],
  ['several operators are AND', { StringLike: { [SPEC]: 'RSA*' }, Null: { 'kms:RequestAlias': 'false' } }, RSA, false],
  [
    'all keys and operators together hold',
    { StringLike: { [SPEC]: 'RSA*' }, Null: { 'kms:RequestAlias': 'true' } },
    RSA,
    true,
  ],
  [
    'the role is known',
    { ArnEquals: { 'aws:PrincipalArn': 'arn:aws:iam::123456789012:role/service/token' } },
    {},
    true,
  ],
  [
    'the account is known',
    { StringEquals: { 'aws:PrincipalAccount': '123456789012', 'aws:ResourceAccount': '123456789012' } },
    {},
    true,
  ],
  ['the account is known to KMS', { StringEquals: { 'kms:CallerAccount': '123456789012' } }, {}, true],
  ['no source account is claimed', { Null: { 'aws:SourceAccount': 'true' } }, {}, true],
  [
    'a service cannot overrule a global key',
    { Bool: { 'aws:SecureTransport': 'true' } },
    { 'aws:securetransport': 'false' },
    true,
  ],
];

describe('conditions', () => {
  it.each(CASES)('%s', (_name, condition, context, expected) => {
    expect(holds(condition, context)).toBe(expected);
  });

  it('throw where a single-valued key arrives with several values', () => {
    expect(() => holds({ StringEquals: { [SPEC]: 'a' } }, { [SPEC]: ['a', 'b'] })).toThrow(`${SPEC} has 2 values`);
  });

  it('throw where two tags differ in nothing but case', () => {
    const context = { 'aws:RequestTag/a': '1', 'aws:RequestTag/A': '2' };
    expect(() => holds({ StringEquals: { 'aws:RequestTag/a': '1' } }, context)).toThrow('has 2 values');
  });
});

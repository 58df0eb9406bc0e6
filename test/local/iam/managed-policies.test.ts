import { describe, expect, it } from 'vitest';
import { authorize } from '../../../local/iam/authorize.ts';
import { managedPolicy } from '../../../local/iam/managed-policies.ts';
import { UnsupportedPolicyError } from '../../../local/iam/unsupported-policy-error.ts';

const BASIC = 'arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole';

describe('managedPolicy', () => {
  it.each([
    ['logs:PutLogEvents', true],
    ['logs:CreateLogStream', true],
    ['logs:DeleteLogGroup', false],
    ['kms:Sign', false],
  ])('lets a function with the basic execution role do %s: %s', (action, expected) => {
    const caller = { arn: 's', roleArn: 'r', account: '123456789012', policies: [managedPolicy(BASIC)] };
    const resource = 'arn:aws:logs:eu-central-1:123456789012:log-group:token:log-stream:x';
    expect(authorize(caller, { action, resource, context: {} }).allowed).toBe(expected);
  });

  it('knows the same policy in other partitions', () => {
    expect(managedPolicy(BASIC.replace('arn:aws:', 'arn:aws-cn:')).statements).toHaveLength(1);
  });

  it.each([
    'arn:aws:iam::aws:policy/AdministratorAccess',
    'arn:aws:iam::123456789012:policy/service-role/AWSLambdaBasicExecutionRole',
    'AWSLambdaBasicExecutionRole',
  ])('refuses %s, whose document it does not know', (arn) => {
    expect(() => managedPolicy(arn)).toThrow(UnsupportedPolicyError);
    expect(() => managedPolicy(arn)).toThrow(`policy ${arn}: document: unknown managed policy`);
  });
});

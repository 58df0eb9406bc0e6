/**
 * Who may do what: effects, actions, resources, key policies and the words of a denial.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { authorize } from '../../../local/iam/authorize.ts';
import type { Principal } from '../../../local/iam/credentials.ts';
import { parsePolicy } from '../../../local/iam/policy.ts';
import { UnsupportedPolicyError } from '../../../local/iam/unsupported-policy-error.ts';
import type { AuthorizationRequest, JsonObject } from '../../../local/service.ts';

const ACCOUNT = '123456789012';
const KEY = `arn:aws:kms:eu-central-1:${ACCOUNT}:key/1`;
const TABLE = `arn:aws:dynamodb:eu-central-1:${ACCOUNT}:table/registry`;
const ROLE = `arn:aws:iam::${ACCOUNT}:role/service/token`;
const SESSION = `arn:aws:sts::${ACCOUNT}:assumed-role/token/run`;
const ROOT = `arn:aws:iam::${ACCOUNT}:root`;

function principal(...statements: JsonObject[]): Principal {
  const policies = statements.map((statement) => parsePolicy({ Version: '2012-10-17', Statement: statement }, 'p'));
  return { arn: SESSION, roleArn: ROLE, account: ACCOUNT, policies };
}

const sign: AuthorizationRequest = { action: 'kms:Sign', resource: KEY, context: {} };
const read: AuthorizationRequest = { action: 'dynamodb:Query', resource: TABLE, context: {} };
const allow = (Action: string | string[], Resource: string | string[] = '*') => ({ Effect: 'Allow', Action, Resource });
const deny = (Action: string, Resource = '*') => ({ Effect: 'Deny', Action, Resource });

const start = `User: ${SESSION} is not authorized to perform: kms:Sign on resource: ${KEY}`;
const NO_IDENTITY = `${start} because no identity-based policy allows the kms:Sign action`;
const NO_RESOURCE = `${start} because no resource-based policy allows the kms:Sign action`;
const DENIED_BY_IDENTITY = `${start} with an explicit deny in an identity-based policy`;
const DENIED_BY_RESOURCE = `${start} with an explicit deny in a resource-based policy`;

describe('identity policies', () => {
  it.each<[string, JsonObject, AuthorizationRequest, boolean]>([
    ['allow an action on a resource', allow('kms:Sign', KEY), sign, true],
    ['allow nothing else of the service', allow('kms:Verify', KEY), sign, false],
    ['allow nothing on another resource', allow('kms:Sign', `${KEY}2`), sign, false],
    ['know wildcards in actions', allow('kms:S*n'), sign, true],
    ['know the question mark in actions', allow('kms:Sig?'), sign, true],
    ['ignore case in actions', allow('KMS:sign'), sign, true],
    ['know the lone asterisk', allow('*'), sign, true],
    ['keep the wildcard inside its service', allow('dynamodb:*'), sign, false],
    ['mind case in resources', allow('kms:Sign', KEY.replace('key', 'KEY')), sign, false],
    ['know wildcards in resources', allow('kms:Sign', `arn:aws:kms:*:${ACCOUNT}:key/*`), sign, true],
    [
      'do not stretch a wildcard across the parts of an ARN',
      allow('kms:Sign', 'arn:aws:*:eu-central-1:*:k?y'),
      sign,
      false,
    ],
    [
      'do not take a table for its index',
      allow('dynamodb:Query', TABLE),
      { ...read, resource: `${TABLE}/index/listing` },
      false,
    ],
    [
      'reach slashes by a wildcard',
      allow('dynamodb:Query', `${TABLE}/*`),
      { ...read, resource: `${TABLE}/index/listing` },
      true,
    ],
    ['take one of several resources', allow(['dynamodb:Query'], [KEY, TABLE]), read, true],
    ['except by NotAction', { Effect: 'Allow', NotAction: 'kms:*', Resource: '*' }, sign, false],
    ['include all others by NotAction', { Effect: 'Allow', NotAction: 'kms:*', Resource: '*' }, read, true],
    ['except by NotResource', { Effect: 'Allow', Action: '*', NotResource: [KEY, TABLE] }, sign, false],
    ['include all others by NotResource', { Effect: 'Allow', Action: '*', NotResource: TABLE }, sign, true],
    [
      'need a lone asterisk where an action takes no resource',
      allow('kms:CreateKey', 'arn:aws:kms:*:*:*'),
      { action: 'kms:CreateKey', resource: '*', context: {} },
      false,
    ],
    [
      'allow it where they have one',
      allow('kms:CreateKey'),
      { action: 'kms:CreateKey', resource: '*', context: {} },
      true,
    ],
  ])('%s', (_name, statement, request, expected) => {
    expect(authorize(principal(statement), request).allowed).toBe(expected);
  });

  it('say which action is missing on which resource', () => {
    expect(authorize(principal(), sign)).toEqual({ allowed: false, message: NO_IDENTITY });
  });

  it('say that a deny was explicit', () => {
    expect(authorize(principal(allow('*'), deny('kms:*')), sign)).toEqual({
      allowed: false,
      message: DENIED_BY_IDENTITY,
    });
  });

  it('see the keys that the endpoint adds', () => {
    const statement = { ...allow('*'), Condition: { StringEquals: { 'aws:RequestedRegion': 'eu-central-1' } } };
    expect(authorize(principal(statement), sign).allowed).toBe(false);
    expect(authorize(principal(statement), sign, { 'aws:RequestedRegion': 'eu-central-1' }).allowed).toBe(true);
  });

  it('are not taken from a policy of another kind', () => {
    const trust = parsePolicy({ Statement: { Effect: 'Allow', Principal: '*', Action: 'kms:*' } }, 't', 'trust');
    expect(() => authorize({ ...principal(), policies: [trust] }, sign)).toThrow(TypeError);
  });
});

const keyPolicy = (...Statement: JsonObject[]): JsonObject => ({ Version: '2012-10-17', Statement });
const toIam = { Effect: 'Allow', Principal: { AWS: ROOT }, Action: 'kms:*', Resource: '*' };
const toRole = { ...toIam, Principal: { AWS: ROLE } };
const mayS = allow('kms:Sign');
const OTHER = '210987654321';

describe('key policies', () => {
  it.each<[string, JsonObject[], JsonObject[], true | string]>([
    ['delegate to IAM through the root of the account', [toIam], [mayS], true],
    ['delegate to IAM through the account id', [{ ...toIam, Principal: { AWS: ACCOUNT } }], [mayS], true],
    ['do not allow by delegation alone', [toIam], [], NO_IDENTITY],
    ['do not delegate through another account', [{ ...toIam, Principal: { AWS: OTHER } }], [mayS], NO_RESOURCE],
    ['do not delegate more than they say', [{ ...toIam, Action: 'kms:Verify' }], [mayS], NO_RESOURCE],
    ['allow a role that they name', [toRole], [], true],
    ['allow a session that they name', [{ ...toRole, Principal: { AWS: SESSION } }], [], true],
    ['allow everyone where they say so', [{ ...toRole, Principal: '*' }], [], true],
    ['do not allow another role', [{ ...toRole, Principal: { AWS: `${ROLE}2` } }], [mayS], NO_RESOURCE],
    [
      'do not allow a role without its path',
      [{ ...toRole, Principal: { AWS: ROLE.replace('/service', '') } }],
      [mayS],
      NO_RESOURCE,
    ],
    [
      'do not take a role for a service',
      [{ ...toRole, Principal: { Service: 'lambda.amazonaws.com' } }],
      [mayS],
      NO_RESOURCE,
    ],
    ['deny a role that they name', [toIam, { ...toRole, Effect: 'Deny' }], [mayS], DENIED_BY_RESOURCE],
    [
      'deny everyone in the account',
      [toIam, { ...toIam, Effect: 'Deny', Action: 'kms:Sign' }],
      [mayS],
      DENIED_BY_RESOURCE,
    ],
    [
      'deny everyone',
      [toIam, { ...toIam, Effect: 'Deny', Principal: '*', Action: 'kms:Sign' }],
      [mayS],
      DENIED_BY_RESOURCE,
    ],
    ['do not deny other roles', [toIam, { ...toRole, Effect: 'Deny', Principal: { AWS: `${ROLE}2` } }], [mayS], true],
    ['yield to an explicit deny of the identity', [toRole], [deny('kms:Sign')], DENIED_BY_IDENTITY],
    [
      'apply under their conditions only',
      [{ ...toRole, Condition: { StringEquals: { 'kms:SigningAlgorithm': 'ECDSA_SHA_256' } } }],
      [mayS],
      NO_RESOURCE,
    ],
  ])('%s', (_name, resource, identity, expected) => {
    const decision = authorize(principal(...identity), { ...sign, resourcePolicy: keyPolicy(...resource) });
    expect(decision).toEqual(expected === true ? { allowed: true } : { allowed: false, message: expected });
  });

  it('and identity policies must both allow a caller of another account', () => {
    const foreign = { ...sign, resource: KEY.replace(ACCOUNT, OTHER), resourcePolicy: keyPolicy(toRole) };
    expect(authorize(principal(), foreign).allowed).toBe(false);
    expect(authorize(principal(mayS), foreign).allowed).toBe(true);
    expect(
      authorize(principal(mayS), { ...foreign, resourcePolicy: keyPolicy({ ...toIam, Principal: { AWS: OTHER } }) })
        .allowed,
    ).toBe(false);
  });

  it('that cannot be judged are refused, not skipped', () => {
    const policy = keyPolicy(toIam, {
      ...toRole,
      Effect: 'Deny',
      Condition: { IpAddress: { 'aws:SourceIp': '10.0.0.0/8' } },
    });
    expect(() => authorize(principal(mayS), { ...sign, resourcePolicy: policy })).toThrow(UnsupportedPolicyError);
  });
});

describe('policies of other resources', () => {
  it.each<[string, JsonObject[], JsonObject[], boolean]>([
    ['allow a role of the account by themselves', [{ ...toRole, Action: 'dynamodb:*' }], [], true],
    [
      'are not needed where the identity may',
      [{ ...toRole, Action: 'dynamodb:PutItem' }],
      [allow('dynamodb:Query')],
      true,
    ],
    ['do not allow by naming the account', [{ ...toIam, Action: 'dynamodb:*' }], [], false],
    ['deny', [{ ...toRole, Effect: 'Deny', Action: 'dynamodb:*' }], [allow('dynamodb:Query')], false],
  ])('%s', (_name, resource, identity, expected) => {
    expect(authorize(principal(...identity), { ...read, resourcePolicy: keyPolicy(...resource) }).allowed).toBe(
      expected,
    );
  });
});

describe('of any statements', () => {
  const actions = ['kms:Sign', 'kms:Verify', 'dynamodb:Query'];
  const resources = [KEY, `${KEY}2`, TABLE];
  const statement = fc.record({
    Effect: fc.constantFrom('Allow', 'Deny'),
    Action: fc.uniqueArray(fc.constantFrom(...actions), { minLength: 1 }),
    Resource: fc.uniqueArray(fc.constantFrom(...resources), { minLength: 1 }),
  });
  const request = fc.record({
    action: fc.constantFrom(...actions),
    resource: fc.constantFrom(...resources),
    context: fc.constant({}),
  });

  it('a request is allowed exactly when one allows it and none denies it', () => {
    fc.assert(
      fc.property(fc.array(statement), request, (statements, asked) => {
        const matching = statements.filter(
          ({ Action, Resource }) => Action.includes(asked.action) && Resource.includes(asked.resource),
        );
        const expected =
          matching.some(({ Effect }) => Effect === 'Allow') && matching.every(({ Effect }) => Effect === 'Allow');
        expect(authorize(principal(...statements), asked).allowed).toBe(expected);
      }),
    );
  });

  it('a deny wins wherever it stands', () => {
    fc.assert(
      fc.property(fc.array(statement), fc.nat(), request, (statements, position, asked) => {
        const all: JsonObject[] = [...statements, allow('*')];
        all.splice(position % (all.length + 1), 0, deny(asked.action, asked.resource));
        const decision = authorize(principal(...all), {
          ...asked,
          resourcePolicy: keyPolicy({ ...toRole, Action: '*' }),
        });
        expect(decision).toMatchObject({
          allowed: false,
          message: expect.stringContaining('explicit deny in an identity-based policy'),
        });
      }),
    );
  });
});

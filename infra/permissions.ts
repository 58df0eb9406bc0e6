/**
 * What each function may call: one function here per Lambda function, its statements complete. Nothing else in `infra/` gives
 * a function of ours a permission, but the writing of its own log.
 */
import { Stack, Token, Validations } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as sqs from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import { KEY_TAGS } from '../functions/config.ts';
import { ALGORITHMS, keySpecs, signingAlgorithms } from './algorithms.ts';
import type { EphemeraTable, RegistryTable } from './tables.ts';

/** What statements are about. */
export interface Estate {
  readonly scope: Construct;
  readonly registry: RegistryTable;
  readonly ephemera: EphemeraTable;
  /** Value of the deployment tag on the signing keys. */
  readonly deployment: string;
}

type Statements = readonly iam.PolicyStatement[];

const allow = (
  sid: string,
  actions: string[],
  resource: string,
  conditions?: Record<string, Record<string, string | string[]>>,
): iam.PolicyStatement =>
  new iam.PolicyStatement({ sid, actions, resources: [resource], ...(conditions === undefined ? {} : { conditions }) });

/** Reaches only items whose partition key has one of these forms (DynamoDB developer guide, fine-grained access control). */
const leadingKeys = (...patterns: string[]) => ({ 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': patterns } });

/**
 * Keys are made at run time, so policies cannot name them: the ARN pattern covers the account's keys and the tag says which.
 */
const anyKey = (estate: Estate): string =>
  Stack.of(estate.scope).formatArn({ service: 'kms', resource: 'key', resourceName: '*' });
const tagged = (estate: Estate) => ({ [`aws:ResourceTag/${KEY_TAGS.deployment}`]: estate.deployment });
const tagging = (estate: Estate) => ({ [`aws:RequestTag/${KEY_TAGS.deployment}`]: estate.deployment });

/** What a realm in a path means, and whether it is enabled. */
const realms = (estate: Estate): iam.PolicyStatement =>
  allow('Realms', ['dynamodb:GetItem'], estate.registry.tableArn, leadingKeys('realm#*'));

/** What a resource asks of its tokens. */
const audiences = (estate: Estate): iam.PolicyStatement =>
  allow('Audiences', ['dynamodb:GetItem'], estate.registry.tableArn, leadingKeys('audience#*'));

/** Whether a token was revoked. */
const revocations = (estate: Estate): iam.PolicyStatement =>
  allow('Revocations', ['dynamodb:GetItem'], estate.ephemera.tableArn, leadingKeys('revoked#*'));

/** All algorithms, not the configured ones alone: an operator can add a ring while the service runs. */
const sign = (estate: Estate): iam.PolicyStatement =>
  allow('Sign', ['kms:Sign'], anyKey(estate), {
    StringEquals: { ...tagged(estate), 'kms:SigningAlgorithm': signingAlgorithms(ALGORITHMS) },
  });

export const tokenStatements = (estate: Estate): Statements => [
  allow('Registry', ['dynamodb:Query', 'dynamodb:BatchGetItem'], estate.registry.tableArn),
  // What a realm in a path means, and which partner an assertion's issuer or certificate is.
  allow('Names', ['dynamodb:GetItem'], estate.registry.tableArn, leadingKeys('realm#*', 'issuer#*', 'certificate#*')),
  // DeleteItem takes back the use of an assertion for which no token could be signed.
  // UpdateItem counts against quotas and remembers when a credential was last used.
  allow('Ephemera', ['dynamodb:PutItem', 'dynamodb:UpdateItem', 'dynamodb:DeleteItem'], estate.ephemera.tableArn),
  revocations(estate),
  sign(estate),
];

/** The name of a certificate is free again when no key of its partner has it. */
const freeCertificates = (estate: Estate): iam.PolicyStatement =>
  allow('FreeCertificates', ['dynamodb:DeleteItem'], estate.registry.tableArn, leadingKeys('certificate#*'));

/** It writes a partner that an operator has opened to its own people, and its refresh status, which goes when nothing is followed. */
export const registerStatements = (estate: Estate): Statements => [
  allow(
    'Partners',
    ['dynamodb:Query', 'dynamodb:PutItem', 'dynamodb:DeleteItem'],
    estate.registry.tableArn,
    leadingKeys('partner#*'),
  ),
  freeCertificates(estate),
  realms(estate),
];

/** What proves a client who asks about a token, and its use; what says whether the token is still good. */
const answerClients = (estate: Estate, ...written: string[]): Statements => [
  allow('RingsAndPartners', ['dynamodb:Query'], estate.registry.tableArn, leadingKeys('ring#*', 'partner#*')),
  allow('Names', ['dynamodb:GetItem'], estate.registry.tableArn, leadingKeys('realm#*', 'issuer#*')),
  // UpdateItem remembers when a credential was last used; DeleteItem takes back the use of an assertion that was not answered.
  allow(
    'Uses',
    ['dynamodb:PutItem', 'dynamodb:UpdateItem', 'dynamodb:DeleteItem'],
    estate.ephemera.tableArn,
    leadingKeys('assertion#*', 'dpop#*', 'used#*', ...written),
  ),
  // The key of the nonces that DPoP proofs hold, which whoever needs it first makes.
  allow('Nonces', ['dynamodb:PutItem'], estate.ephemera.tableArn, leadingKeys('dpop-nonces#*')),
];

export const introspectStatements = (estate: Estate): Statements => [
  ...answerClients(estate),
  audiences(estate),
  revocations(estate),
  sign(estate),
];

export const revokeStatements = (estate: Estate): Statements => answerClients(estate, 'revoked#*');

export const discoveryStatements = (estate: Estate): Statements => [
  allow('Rings', ['dynamodb:Query'], estate.registry.tableArn, leadingKeys('ring#*')),
  realms(estate),
];

export const authorizerStatements = (estate: Estate): Statements => [
  allow('RingsAndPartners', ['dynamodb:Query'], estate.registry.tableArn, leadingKeys('ring#*', 'partner#*')),
  realms(estate),
  audiences(estate),
  revocations(estate),
  // The use of a DPoP proof.
  allow('Proofs', ['dynamodb:PutItem'], estate.ephemera.tableArn, leadingKeys('dpop#*')),
];

/** What an authorizer may do besides that takes tokens of the Microsoft profile: find who goes by a certificate or a name, and which user. */
export const actorTokenStatements = (estate: Estate): Statements => [
  allow('Names', ['dynamodb:GetItem'], estate.registry.tableArn, leadingKeys('certificate#*', 'issuer#*')),
  allow('Users', ['dynamodb:BatchGetItem'], estate.registry.tableArn, leadingKeys('user-name#*')),
];

export const whoamiStatements = (): Statements => [];

const REGISTRY_CALLS = ['GetItem', 'Query', 'PutItem', 'UpdateItem', 'DeleteItem', 'ConditionCheckItem'].map(
  (name) => `dynamodb:${name}`,
);

const listing = (estate: Estate): iam.PolicyStatement => allow('Listing', ['dynamodb:Query'], estate.registry.indexArn);

/** When each credential was last used, which the token function remembers. */
const lastUses = (estate: Estate): iam.PolicyStatement =>
  allow('LastUses', ['dynamodb:GetItem'], estate.ephemera.tableArn, leadingKeys('used#*'));

/** The same flows as the admin API's, called by CloudFormation. */
export const partnerResourcesStatements = (estate: Estate): Statements => [
  allow('Registry', REGISTRY_CALLS, estate.registry.tableArn),
  listing(estate),
];

export const adminStatements = (estate: Estate): Statements => [
  ...partnerResourcesStatements(estate),
  lastUses(estate),
  // Ends a single token.
  allow('RevokeTokens', ['dynamodb:PutItem'], estate.ephemera.tableArn, leadingKeys('revoked#*')),
];

/** @param deadLetters as for the rotation. */
export const refreshPartnersStatements = (estate: Estate, deadLetters: sqs.IQueue): Statements => [
  // It writes what it has read in the documents of partners, and takes nothing away but the names of certificates that are gone from
  // them: who a partner is, an administrator decides.
  allow(
    'Partners',
    ['dynamodb:GetItem', 'dynamodb:Query', 'dynamodb:PutItem'],
    estate.registry.tableArn,
    leadingKeys('partner#*', 'issuer#*', 'realm#*', 'certificate#*'),
  ),
  freeCertificates(estate),
  listing(estate),
  lastUses(estate),
  leaveDeadLetters(deadLetters),
];

/** What the rotation does, and so does the admin API of keys, which carries out at once what a command has made due. */
export const keysStatements = (estate: Estate): Statements => [
  allow(
    'Rings',
    ['dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:Query'],
    estate.registry.tableArn,
    leadingKeys('ring#*'),
  ),
  realms(estate),
  // A key that does not exist yet has no ARN: CreateKey takes no resource (service authorization reference, AWS KMS).
  allow('CreateKey', ['kms:CreateKey'], '*', {
    StringEquals: { ...tagging(estate), 'kms:KeyUsage': 'SIGN_VERIFY', 'kms:KeySpec': keySpecs(ALGORITHMS) },
  }),
  // Takes no resource either, and tells key ids only. Which of them are ours, their tags say.
  allow('FindKeys', ['kms:ListKeys'], '*'),
  // CreateKey with tags needs this as well. At that moment the key has no tags, so only aws:RequestTag can be asked for, and
  // the resource may not be narrowed to particular keys (KMS developer guide, "Controlling access to tags").
  allow('TagKey', ['kms:TagResource'], anyKey(estate), {
    StringEquals: tagging(estate),
    'ForAllValues:StringEquals': { 'aws:TagKeys': Object.values(KEY_TAGS) },
  }),
  // Each of these takes a key as its resource, and with it aws:ResourceTag (service authorization reference, AWS KMS).
  allow(
    'UseKey',
    [
      'kms:CancelKeyDeletion',
      'kms:DescribeKey',
      'kms:DisableKey',
      'kms:GetKeyLastUsage',
      'kms:GetPublicKey',
      'kms:ListResourceTags',
      'kms:ScheduleKeyDeletion',
      'kms:Sign',
    ],
    anyKey(estate),
    { StringEquals: tagged(estate) },
  ),
];

const leaveDeadLetters = (deadLetters: sqs.IQueue): iam.PolicyStatement =>
  allow('DeadLetters', ['sqs:SendMessage'], deadLetters.queueArn);

/** @param deadLetters where Lambda, as the function's role, puts runs that failed (Lambda developer guide, "Destinations"). */
export const rotateKeysStatements = (estate: Estate, deadLetters: sqs.IQueue): Statements => [
  ...keysStatements(estate),
  // The realms that there are.
  listing(estate),
  leaveDeadLetters(deadLetters),
];

/**
 * Key policy of the signing keys, as JSON, which the rotation function hands to CreateKey. The account's root principal lets
 * IAM policies decide, which also passes KMS's lockout check; the denial keeps a key recoverable for 30 days, whoever asks.
 */
export const keyPolicy = (scope: Construct): string =>
  Stack.of(scope).toJsonString(
    new iam.PolicyDocument({
      statements: [
        new iam.PolicyStatement({
          sid: 'IamDecides',
          principals: [new iam.AccountRootPrincipal()],
          actions: ['kms:*'],
          resources: ['*'],
        }),
        new iam.PolicyStatement({
          sid: 'NoHastyDeletion',
          effect: iam.Effect.DENY,
          principals: [new iam.AnyPrincipal()],
          actions: ['kms:ScheduleKeyDeletion'],
          resources: ['*'],
          conditions: { NumericLessThan: { 'kms:ScheduleKeyDeletionPendingWindowInDays': '30' } },
        }),
      ],
    }),
  );

/** An ARN of this account as cdk-nag spells it in the ids of its findings. */
export const shownToNag = (scope: Construct, service: string, resource: string): string => {
  const { partition, region, account } = Stack.of(scope);
  const shown = (value: string, name: string): string => (Token.isUnresolved(value) ? `<AWS::${name}>` : value);
  const place = [shown(partition, 'Partition'), service, shown(region, 'Region'), shown(account, 'AccountId')];
  return `arn:${place.join(':')}:${resource}`;
};

/** Says to cdk-nag why these permissions are as wide as they are; what else it finds stays a finding. */
export const acknowledgeKeyWildcards = (scope: Construct, { createsKeys }: { readonly createsKeys: boolean }): void => {
  Validations.of(scope).acknowledge({
    id: `AwsSolutions-IAM5[Resource::${shownToNag(scope, 'kms', 'key/*')}]`,
    reason:
      'Signing keys are made at run time; a condition on the tag of this deployment narrows the statement to them.',
  });
  if (!createsKeys) return;
  Validations.of(scope).acknowledge({
    id: 'AwsSolutions-IAM5[Resource::*]',
    reason:
      'kms:CreateKey and kms:ListKeys take no resource; conditions on tag, usage and key spec narrow the former, the latter tells key ids only.',
  });
};

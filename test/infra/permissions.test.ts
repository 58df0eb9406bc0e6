import { describe, expect, it } from 'vitest';
import { deploy, ofType, plain, type Resource, resourcesOf } from './deployment.ts';

interface Statement {
  readonly Sid?: string;
  readonly Effect: string;
  readonly Action: string | readonly string[];
  readonly Resource: unknown;
  readonly Condition?: unknown;
}

// One ring is configured; an operator may add any other.
const resources = resourcesOf(deploy({ algorithms: ['RS256'] }));
const KEYS = 'arn:<AWS::Partition>:kms:<AWS::Region>:<AWS::AccountId>:key/*';
const DEPLOYMENT = 'Countersign-Service-DEC67752';
const REGISTRY = '<ServiceRegistry.Arn>';
const leadingKeys = (...keys: string[]) => ({ 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': keys } });

const statementsOf = (role: Resource): readonly Statement[] => {
  const policies = (plain(role.properties.Policies) ?? []) as { PolicyDocument: { Statement: Statement[] } }[];
  return policies.flatMap((policy) => policy.PolicyDocument.Statement);
};

const roles = ofType(resources, 'AWS::IAM::Role');
const roleNamed = (name: string): Resource => {
  const found = roles.find((role) => role.name === name);
  if (found === undefined) throw new Error(`no role ${name} among ${roles.map((role) => role.name).join(', ')}`);
  return found;
};

const REGISTRY_CALLS = ['ConditionCheckItem', 'DeleteItem', 'GetItem', 'PutItem', 'Query', 'UpdateItem'].map(
  (name) => `dynamodb:${name}`,
);
const EPHEMERA = '<ServiceEphemera.Arn>';
const REALMS = { Sid: 'Realms', Action: 'dynamodb:GetItem', Resource: REGISTRY, Condition: leadingKeys('realm#*') };
const AUDIENCES = {
  Sid: 'Audiences',
  Action: 'dynamodb:GetItem',
  Resource: REGISTRY,
  Condition: leadingKeys('audience#*'),
};
const LISTING = { Sid: 'Listing', Action: 'dynamodb:Query', Resource: `${REGISTRY}/index/listing` };
const REVOCATIONS = {
  Sid: 'Revocations',
  Action: 'dynamodb:GetItem',
  Resource: EPHEMERA,
  Condition: leadingKeys('revoked#*'),
};
const FREE_CERTIFICATES = {
  Sid: 'FreeCertificates',
  Action: 'dynamodb:DeleteItem',
  Resource: REGISTRY,
  Condition: leadingKeys('certificate#*'),
};
const LAST_USES = { Sid: 'LastUses', Action: 'dynamodb:GetItem', Resource: EPHEMERA, Condition: leadingKeys('used#*') };

/** The rotation and the admin API of keys run the same flows. */
const KEYS_STATEMENTS: readonly Omit<Statement, 'Effect'>[] = [
  {
    Sid: 'Rings',
    Action: ['dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:Query'],
    Resource: REGISTRY,
    Condition: leadingKeys('ring#*'),
  },
  REALMS,
  {
    Sid: 'CreateKey',
    Action: 'kms:CreateKey',
    Resource: '*',
    Condition: {
      StringEquals: {
        'aws:RequestTag/countersign:deployment': DEPLOYMENT,
        'kms:KeyUsage': 'SIGN_VERIFY',
        'kms:KeySpec': [
          'RSA_2048',
          'ECC_NIST_P256',
          'ECC_NIST_P384',
          'ECC_NIST_P521',
          'ECC_NIST_EDWARDS25519',
          'ML_DSA_44',
          'ML_DSA_65',
          'ML_DSA_87',
        ],
      },
    },
  },
  { Sid: 'FindKeys', Action: 'kms:ListKeys', Resource: '*' },
  {
    Sid: 'TagKey',
    Action: 'kms:TagResource',
    Resource: KEYS,
    Condition: {
      StringEquals: { 'aws:RequestTag/countersign:deployment': DEPLOYMENT },
      'ForAllValues:StringEquals': {
        'aws:TagKeys': ['countersign:deployment', 'countersign:realm', 'countersign:algorithm', 'countersign:creation'],
      },
    },
  },
  {
    Sid: 'UseKey',
    Action: [
      'kms:CancelKeyDeletion',
      'kms:DescribeKey',
      'kms:DisableKey',
      'kms:GetKeyLastUsage',
      'kms:GetPublicKey',
      'kms:ListResourceTags',
      'kms:ScheduleKeyDeletion',
      'kms:Sign',
    ],
    Resource: KEYS,
    Condition: { StringEquals: { 'aws:ResourceTag/countersign:deployment': DEPLOYMENT } },
  },
];

const SIGN = {
  Sid: 'Sign',
  Action: 'kms:Sign',
  Resource: KEYS,
  Condition: {
    StringEquals: {
      'aws:ResourceTag/countersign:deployment': DEPLOYMENT,
      'kms:SigningAlgorithm': [
        'RSASSA_PKCS1_V1_5_SHA_256',
        'RSASSA_PSS_SHA_256',
        'ECDSA_SHA_256',
        'ECDSA_SHA_384',
        'ECDSA_SHA_512',
        'ED25519_SHA_512',
        'ML_DSA_SHAKE_256',
      ],
    },
  },
};

const answerClients = (...written: string[]): readonly Omit<Statement, 'Effect'>[] => [
  {
    Sid: 'RingsAndPartners',
    Action: 'dynamodb:Query',
    Resource: REGISTRY,
    Condition: leadingKeys('ring#*', 'partner#*'),
  },
  { Sid: 'Names', Action: 'dynamodb:GetItem', Resource: REGISTRY, Condition: leadingKeys('realm#*', 'issuer#*') },
  {
    Sid: 'Uses',
    Action: ['dynamodb:DeleteItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem'],
    Resource: EPHEMERA,
    Condition: leadingKeys('assertion#*', 'dpop#*', 'used#*', ...written),
  },
  { Sid: 'Nonces', Action: 'dynamodb:PutItem', Resource: EPHEMERA, Condition: leadingKeys('dpop-nonces#*') },
];

/** What each role may do, beside writing its own log: the whole of it. */
const ALLOWED: Readonly<Record<string, readonly Omit<Statement, 'Effect'>[]>> = {
  Token: [
    { Sid: 'Registry', Action: ['dynamodb:BatchGetItem', 'dynamodb:Query'], Resource: REGISTRY },
    {
      Sid: 'Names',
      Action: 'dynamodb:GetItem',
      Resource: REGISTRY,
      Condition: leadingKeys('realm#*', 'issuer#*', 'certificate#*'),
    },
    {
      Sid: 'Ephemera',
      Action: ['dynamodb:DeleteItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem'],
      Resource: EPHEMERA,
    },
    REVOCATIONS,
    SIGN,
  ],
  Introspect: [...answerClients(), AUDIENCES, REVOCATIONS, SIGN],
  Revoke: answerClients('revoked#*'),
  Register: [
    {
      Sid: 'Partners',
      Action: ['dynamodb:DeleteItem', 'dynamodb:PutItem', 'dynamodb:Query'],
      Resource: REGISTRY,
      Condition: leadingKeys('partner#*'),
    },
    FREE_CERTIFICATES,
    REALMS,
  ],
  Discovery: [{ Sid: 'Rings', Action: 'dynamodb:Query', Resource: REGISTRY, Condition: leadingKeys('ring#*') }, REALMS],
  Whoami: [],
  Authorizer: [
    {
      Sid: 'RingsAndPartners',
      Action: 'dynamodb:Query',
      Resource: REGISTRY,
      Condition: leadingKeys('ring#*', 'partner#*'),
    },
    REALMS,
    AUDIENCES,
    REVOCATIONS,
    { Sid: 'Proofs', Action: 'dynamodb:PutItem', Resource: EPHEMERA, Condition: leadingKeys('dpop#*') },
  ],
  Admin: [
    { Sid: 'Registry', Action: REGISTRY_CALLS, Resource: REGISTRY },
    LISTING,
    LAST_USES,
    { Sid: 'RevokeTokens', Action: 'dynamodb:PutItem', Resource: EPHEMERA, Condition: leadingKeys('revoked#*') },
  ],
  Keys: KEYS_STATEMENTS,
  RotateKeys: [
    ...KEYS_STATEMENTS,
    LISTING,
    { Sid: 'DeadLetters', Action: 'sqs:SendMessage', Resource: '<ServiceKeyRotationDeadLetters.Arn>' },
  ],
  RefreshPartners: [
    {
      Sid: 'Partners',
      Action: ['dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:Query'],
      Resource: REGISTRY,
      Condition: leadingKeys('partner#*', 'issuer#*', 'realm#*', 'certificate#*'),
    },
    FREE_CERTIFICATES,
    LISTING,
    LAST_USES,
    { Sid: 'DeadLetters', Action: 'sqs:SendMessage', Resource: '<ServicePartnerRefreshDeadLetters.Arn>' },
  ],
  PartnerResources: [{ Sid: 'Registry', Action: REGISTRY_CALLS, Resource: REGISTRY }, LISTING],
};

describe('what the functions may do', () => {
  it.each(Object.entries(ALLOWED))('%s may make exactly these calls', (name, expected) => {
    const log = {
      Sid: 'Log',
      Action: ['logs:CreateLogStream', 'logs:PutLogEvents'],
      Resource: `<Service${name}Log.Arn>`,
    };
    const allowed = [log, ...expected].map((statement) => ({ Effect: 'Allow', ...statement }));

    expect(statementsOf(roleNamed(`Service${name}Role`))).toEqual(allowed);
  });

  it('gives every function of ours a role of its own, which only Lambda may assume', () => {
    const functions = ofType(resources, 'AWS::Lambda::Function').filter(({ name }) => name.startsWith('Service'));

    expect(functions.map(({ properties }) => plain(properties.Role))).toEqual(
      Object.keys(ALLOWED).map((name) => `<Service${name}Role.Arn>`),
    );
    for (const name of Object.keys(ALLOWED)) {
      expect(plain(roleNamed(`Service${name}Role`).properties.AssumeRolePolicyDocument)).toEqual({
        Version: '2012-10-17',
        Statement: [{ Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { Service: 'lambda.amazonaws.com' } }],
      });
    }
  });

  it('attaches no policy beside those, neither managed nor separate', () => {
    expect(ofType(resources, 'AWS::IAM::Policy')).toEqual([]);
    expect(ofType(resources, 'AWS::IAM::ManagedPolicy')).toEqual([]);
    expect(
      roles.filter(({ properties }) => properties.ManagedPolicyArns !== undefined).map(({ name }) => name),
    ).toEqual([
      // The CDK's own function behind the deploy-time trigger; it exists during deployments only.
      'AWSCDKTriggerCustomResourceProviderCustomResourceProviderRole',
    ]);
  });

  it.each([
    ['KeyRotation', 'RotateKeys'],
    ['PartnerRefresh', 'RefreshPartners'],
  ])('lets the schedule of %s run %s and leave a dead letter, for this account only', (schedule, target) => {
    const role = roleNamed(`Service${schedule}SchedulerRole`);

    expect(statementsOf(role)).toEqual([
      { Sid: 'Run', Effect: 'Allow', Action: 'lambda:InvokeFunction', Resource: `<Service${target}Function.Arn>` },
      {
        Sid: 'DeadLetters',
        Effect: 'Allow',
        Action: 'sqs:SendMessage',
        Resource: `<Service${schedule}DeadLetters.Arn>`,
      },
    ]);
    expect(plain(role.properties.AssumeRolePolicyDocument)).toMatchObject({
      Statement: [
        {
          Principal: { Service: 'scheduler.amazonaws.com' },
          Condition: {
            StringEquals: {
              'aws:SourceAccount': '<AWS::AccountId>',
              'aws:SourceArn': 'arn:<AWS::Partition>:scheduler:<AWS::Region>:<AWS::AccountId>:schedule-group/default',
            },
          },
        },
      ],
    });
  });
});

const KEY_ACTIONS = [KEYS_STATEMENTS.find(({ Sid }) => Sid === 'UseKey')?.Action].flat().join(',');

/** Every wildcard in a resource of an IAM statement, with why AWS or the CDK leaves no choice. */
const WILDCARDS: readonly (readonly [string, string, string])[] = [
  ['ServiceTokenRole', 'kms:Sign', 'keys are made at run time; the statement is conditional on their tag'],
  ['ServiceIntrospectRole', 'kms:Sign', 'keys are made at run time; the statement is conditional on their tag'],
  ...['ServiceKeysRole', 'ServiceRotateKeysRole'].flatMap((role): [string, string, string][] => [
    [role, 'kms:CreateKey', 'takes no resource; conditional on tag, usage and key spec'],
    [role, 'kms:ListKeys', 'takes no resource; tells key ids only'],
    [role, 'kms:TagResource', 'a key being created has no ARN yet; conditional on the tag set'],
    [role, KEY_ACTIONS, 'keys are made at run time; conditional on their tag'],
  ]),
  [
    'AWSCDKTriggerCustomResourceProviderCustomResourceProviderRole',
    'lambda:InvokeFunction',
    'the CDK calls the current version of the rotation function, whose number changes',
  ],
];

it('uses a wildcard as a resource only where nothing else is possible', () => {
  const wild = roles.flatMap((role) =>
    statementsOf(role)
      .filter(({ Resource }) => JSON.stringify(Resource).includes('*'))
      .map(({ Action }) => [role.name, [Action].flat().join(',')]),
  );

  expect(wild.toSorted()).toEqual(WILDCARDS.map(([role, actions]) => [role, actions]).toSorted());
});

it('uses no wildcard as an action', () => {
  const actions = roles.flatMap(statementsOf).flatMap(({ Action }) => [Action].flat());

  expect(actions.filter((action) => action.includes('*'))).toEqual([]);
  expect(actions.length).toBeGreaterThan(20);
});

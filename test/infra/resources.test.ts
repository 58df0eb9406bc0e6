import { readFileSync } from 'node:fs';
import { Fn, Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import { describe, expect, it } from 'vitest';
import { NUMBER_SETTINGS } from '../../functions/config.ts';
import { deploy, ofType, plain, type Resource, resourcesOf, testApp } from './deployment.ts';

const stack = deploy();
const resources = resourcesOf(stack);

const named = (
  name: string,
  among = resources,
): Record<string, unknown> & { readonly deletion: string | undefined } => {
  const found = among.filter((resource) => resource.name === name);
  if (found.length !== 1) throw new Error(`${found.length} resources are named ${name}`);
  return { ...(plain(found[0]?.properties) as object), deletion: found[0]?.deletionPolicy };
};

describe('tables', () => {
  it('keeps the registry recoverable, protected and encrypted with a key whose use is on record', () => {
    expect(named('ServiceRegistry')).toMatchObject({
      deletion: 'Retain',
      BillingMode: 'PAY_PER_REQUEST',
      KeySchema: [
        { AttributeName: 'pk', KeyType: 'HASH' },
        { AttributeName: 'sk', KeyType: 'RANGE' },
      ],
      GlobalSecondaryIndexes: [
        {
          IndexName: 'listing',
          KeySchema: [
            { AttributeName: 'listing', KeyType: 'HASH' },
            { AttributeName: 'listingSort', KeyType: 'RANGE' },
          ],
          Projection: { ProjectionType: 'ALL' },
        },
      ],
      SSESpecification: { SSEEnabled: true, SSEType: 'KMS' },
      Replicas: [
        { DeletionProtectionEnabled: true, PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true } },
      ],
    });
  });

  it('keeps ephemera protected, with expiry, and never restores them', () => {
    expect(named('ServiceEphemera')).toMatchObject({
      deletion: 'Retain',
      BillingMode: 'PAY_PER_REQUEST',
      KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
      TimeToLiveSpecification: { AttributeName: 'expiresAt', Enabled: true },
      Replicas: [
        { DeletionProtectionEnabled: true, PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: false } },
      ],
    });
  });

  it('has no other table', () => {
    expect(resources.filter(({ type }) => type.startsWith('AWS::DynamoDB::')).map(({ name }) => name)).toEqual([
      'ServiceRegistry',
      'ServiceEphemera',
    ]);
  });
});

const POWERTOOLS = ['POWERTOOLS_LOG_LEVEL', 'POWERTOOLS_METRICS_NAMESPACE', 'POWERTOOLS_SERVICE_NAME'];
/** Function, environment beside Powertools', days of its log, what becomes of the log with the stack. */
const FUNCTIONS = [
  ['Token', ['EPHEMERA_TABLE', 'ISSUER', 'REGISTRY_TABLE', 'SETTINGS'], 365, 'Retain'],
  ['Discovery', ['ISSUER', 'REGISTRY_TABLE', 'SETTINGS'], 30, 'Delete'],
  ['Whoami', [], 30, 'Delete'],
  ['Authorizer', ['AUDIENCE', 'ISSUER', 'REGISTRY_TABLE', 'SETTINGS'], 365, 'Retain'],
  ['Admin', ['ISSUER', 'REGISTRY_TABLE', 'SETTINGS'], 365, 'Retain'],
  ['RotateKeys', ['DEPLOYMENT', 'KEY_POLICY', 'REGISTRY_TABLE', 'SETTINGS'], 365, 'Retain'],
] as const;

const environmentOf = (name: string, among = resources): Record<string, unknown> =>
  (named(`Service${name}Function`, among).Environment as { Variables: Record<string, unknown> }).Variables;

describe('functions', () => {
  it.each(FUNCTIONS)(
    '%s runs on Node 24 on arm64 and logs JSON to a log group of its own',
    (name, _env, days, deletion) => {
      expect(named(`Service${name}Function`)).toMatchObject({
        Runtime: 'nodejs24.x',
        Architectures: ['arm64'],
        Handler: 'index.handler',
        LoggingConfig: { LogFormat: 'JSON', LogGroup: `<Service${name}Log>` },
        Timeout: expect.any(Number),
        MemorySize: expect.any(Number),
        Description: expect.stringMatching(/\w+ \w+/),
      });
      expect(named(`Service${name}Log`)).toMatchObject({ RetentionInDays: days, deletion });
    },
  );

  it.each(FUNCTIONS)('%s gets the environment that it needs and nothing else', (name, env) => {
    expect(Object.keys(environmentOf(name)).sort()).toEqual([...env, ...POWERTOOLS].sort());
  });

  it('has no function beside those and the one that the CDK runs at deployment', () => {
    expect(ofType(resources, 'AWS::Lambda::Function').map(({ name }) => name)).toEqual([
      ...FUNCTIONS.map(([name]) => `Service${name}Function`),
      'AWSCDKTriggerCustomResourceProviderCustomResourceProviderHandler',
    ]);
  });

  it('hands out no secret: no variable refers to a secret store', () => {
    const environments = FUNCTIONS.map(([name]) => JSON.stringify(environmentOf(name)));

    expect(environments.filter((text) => /resolve:|secret|password|ssm/i.test(text))).toEqual([]);
  });

  it('tells the functions the checked settings', () => {
    const settings = JSON.parse(String(environmentOf('Token').SETTINGS));
    const defaults = Object.entries(NUMBER_SETTINGS).map(([setting, { default: value }]) => [setting, value]);

    expect(settings).toEqual({ ...Object.fromEntries(defaults), algorithms: ['RS256', 'ES256'] });
  });

  it('hands the rotation function a key policy in which IAM decides and nobody deletes in haste', () => {
    expect(JSON.parse(String(environmentOf('RotateKeys').KEY_POLICY))).toEqual({
      Version: '2012-10-17',
      Statement: [
        {
          Sid: 'IamDecides',
          Effect: 'Allow',
          Principal: { AWS: 'arn:<AWS::Partition>:iam::<AWS::AccountId>:root' },
          Action: 'kms:*',
          Resource: '*',
        },
        {
          Sid: 'NoHastyDeletion',
          Effect: 'Deny',
          Principal: { AWS: '*' },
          Action: 'kms:ScheduleKeyDeletion',
          Resource: '*',
          Condition: { NumericLessThan: { 'kms:ScheduleKeyDeletionPendingWindowInDays': '30' } },
        },
      ],
    });
  });
});

describe('issuer', () => {
  it("is the API's own address unless it is set", () => {
    expect(environmentOf('Token').ISSUER).toBe('<ServiceApiHttp.ApiEndpoint>');
    expect(environmentOf('Authorizer').AUDIENCE).toBe('<ServiceApiHttp.ApiEndpoint>/whoami');
  });

  it('may be something that only the deployment knows', () => {
    const own = resourcesOf(deploy({ issuer: Fn.join('', ['https://', Fn.ref('AWS::Region'), '.example.com']) }));

    expect(environmentOf('Authorizer', own).AUDIENCE).toBe('https://<AWS::Region>.example.com/whoami');
  });

  it('goes to every function that is told one, and into the audience of the authorizer', () => {
    const own = resourcesOf(deploy({ issuer: 'https://tokens.example.com' }));

    for (const name of ['Token', 'Discovery', 'Authorizer', 'Admin']) {
      expect(environmentOf(name, own).ISSUER).toBe('https://tokens.example.com');
    }
    expect(environmentOf('Authorizer', own).AUDIENCE).toBe('https://tokens.example.com/whoami');
  });
});

describe('the API', () => {
  const routeOf = ({ properties }: Resource) => {
    const { RouteKey, AuthorizationType, AuthorizerId } = plain(properties) as Record<string, string>;
    return [RouteKey, AuthorizationType, ...(AuthorizerId === undefined ? [] : [AuthorizerId])];
  };

  it('authorizes every route as this table says', () => {
    expect(ofType(resources, 'AWS::ApiGatewayV2::Route').map(routeOf)).toEqual([
      ['POST /token', 'NONE'],
      ['GET /jwks', 'NONE'],
      ['GET /.well-known/oauth-authorization-server', 'NONE'],
      ['GET /.well-known/openid-configuration', 'NONE'],
      ['GET /whoami', 'CUSTOM', '<ServiceApiHttpAuthorizer>'],
      ['ANY /admin/{proxy+}', 'AWS_IAM'],
    ]);
  });

  it('asks the authorizer in payload 2.0, with simple answers, each time anew by default', () => {
    expect(named('ServiceApiHttpAuthorizer')).toMatchObject({
      AuthorizerType: 'REQUEST',
      AuthorizerPayloadFormatVersion: '2.0',
      EnableSimpleResponses: true,
      IdentitySource: ['$request.header.Authorization'],
      AuthorizerResultTtlInSeconds: 0,
    });
  });

  it('takes the cache time of the authorizer and the limits of requests from the settings', () => {
    const own = resourcesOf(
      deploy({ authorizerCacheSeconds: 60, throttleRequestsPerSecond: 7, throttleBurstRequests: 9 }),
    );

    expect(named('ServiceApiHttpAuthorizer', own)).toMatchObject({ AuthorizerResultTtlInSeconds: 60 });
    expect(named('ServiceApiStage', own)).toMatchObject({
      DefaultRouteSettings: { ThrottlingRateLimit: 7, ThrottlingBurstLimit: 9 },
    });
  });

  it('deploys itself to the default stage, without CORS', () => {
    expect(named('ServiceApiStage')).toMatchObject({
      StageName: '$default',
      AutoDeploy: true,
      DefaultRouteSettings: { ThrottlingRateLimit: 500, ThrottlingBurstLimit: 1000 },
    });
    expect(named('ServiceApiHttp')).not.toHaveProperty('CorsConfiguration');
  });

  it('logs each access as JSON, for a year, and nothing that can hold a token', () => {
    const log = named('ServiceApiStage').AccessLogSettings as { DestinationArn: string; Format: string };

    expect(log.DestinationArn).toBe('<ServiceApiAccessLog.Arn>');
    expect(Object.keys(JSON.parse(log.Format))).toEqual(expect.arrayContaining(['requestId', 'routeKey', 'status']));
    expect(log.Format).not.toMatch(/querystring|header|authorization\b|\$context\.path|identity\.(?!sourceIp)/i);
    expect(named('ServiceApiAccessLog')).toMatchObject({ RetentionInDays: 365, deletion: 'Retain' });
  });

  it('lets only those call the admin API to whom it was granted', () => {
    const app = testApp();
    const { service } = deploy({}, app);
    const other = new Stack(app, 'Operators');
    const role = new iam.Role(other, 'Operator', { assumedBy: new iam.AccountRootPrincipal() });
    service.grantAdmin(role);

    const [policy] = ofType(resourcesOf(other), 'AWS::IAM::Policy');
    expect(plain(policy?.properties.PolicyDocument)).toMatchObject({
      Statement: [
        {
          Effect: 'Allow',
          Action: 'execute-api:Invoke',
          Resource: expect.stringMatching(/^arn:<AWS::Partition>:execute-api:.*\/\*\/\*\/admin\/\*$/),
        },
      ],
    });
  });
});

describe('key rotation', () => {
  it('runs one step every quarter of an hour and keeps what could not be delivered', () => {
    expect(named('ServiceKeyRotationSchedule')).toMatchObject({
      ScheduleExpression: 'rate(15 minutes)',
      State: 'ENABLED',
      FlexibleTimeWindow: { Mode: 'OFF' },
      Target: {
        Arn: '<ServiceRotateKeysFunction.Arn>',
        RoleArn: '<ServiceKeyRotationSchedulerRole.Arn>',
        Input: '{"run":"one-step"}',
        RetryPolicy: { MaximumEventAgeInSeconds: 900, MaximumRetryAttempts: 3 },
        DeadLetterConfig: { Arn: '<ServiceKeyRotationDeadLetters.Arn>' },
      },
    });
  });

  it('encrypts the dead letters and takes them over TLS only', () => {
    expect(named('ServiceKeyRotationDeadLetters')).toMatchObject({ SqsManagedSseEnabled: true });
    expect(named('ServiceKeyRotationDeadLettersPolicy')).toMatchObject({
      PolicyDocument: { Statement: [{ Effect: 'Deny', Condition: { Bool: { 'aws:SecureTransport': 'false' } } }] },
    });
  });

  it('runs at every deployment that changes the function, after the table and the permissions are there', () => {
    const [trigger, ...others] = ofType(resources, 'Custom::Trigger');

    expect(others).toEqual([]);
    expect(plain(trigger?.properties)).toMatchObject({
      HandlerArn: expect.stringMatching(/^<ServiceRotateKeysFunctionCurrentVersion/),
      InvocationType: 'RequestResponse',
      ExecuteOnHandlerChange: true,
    });
    expect(trigger?.dependsOn).toEqual(
      expect.arrayContaining(['ServiceRegistry', 'ServiceRotateKeysRole', 'ServiceRotateKeysFunction']),
    );
  });
});

describe('alarms', () => {
  const alarms = ofType(resources, 'AWS::CloudWatch::Alarm').map(({ properties }) => properties);
  const runbook = readFileSync(new URL('../../docs/runbook.md', import.meta.url), 'utf8');

  it('watches what would stop tokens', () => {
    expect(alarms.map(({ AlarmName }) => AlarmName)).toEqual([
      'Countersign/Service/TokenErrors',
      'Countersign/Service/TokenThrottles',
      'Countersign/Service/RotationErrors',
      'Countersign/Service/RotationStopped',
      'Countersign/Service/RotationDeadLetters',
      'Countersign/Service/ServerErrors',
    ]);
  });

  it.each(alarms.map((alarm) => [String(alarm.AlarmName).split('/').at(-1), alarm] as const))(
    '%s says what is wrong and has a chapter in the runbook',
    (name, alarm) => {
      expect(alarm.AlarmDescription).toMatch(new RegExp(`^[A-Z].{20,}\\. See ${name} in docs/runbook\\.md\\.$`));
      expect(runbook).toMatch(
        new RegExp(`^## ${name}\n\n(?:.|\n)*?\\*\\*What it means\\.\\*\\*(?:.|\n)*?\\*\\*What to do\\.\\*\\*`, 'm'),
      );
      expect(alarm.TreatMissingData).toBe(name === 'RotationStopped' ? 'breaching' : 'notBreaching');
    },
  );

  it('has no chapter for an alarm that does not exist', () => {
    const chapters = [...runbook.matchAll(/^## (\w+)$/gm)].map(([, name]) => name);

    expect(chapters).toEqual(alarms.map(({ AlarmName }) => String(AlarmName).split('/').at(-1)));
  });

  it('can be given actions', () => {
    expect(stack.service.alarms).toHaveLength(alarms.length);
  });
});

it('tells the operator where things are', () => {
  const outputs = stack.node.children
    .filter((child) => child.constructor.name === 'CfnOutput')
    .map(({ node }) => node.id);

  expect(outputs).toEqual(['ApiEndpoint', 'Issuer', 'RegistryTable', 'EphemeraTable']);
});

import { Fn, Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import { describe, expect, it } from 'vitest';
import { NUMBER_SETTINGS } from '../../functions/config.ts';
import { globMatcher } from '../../local/iam/pattern.ts';
import { deploy, ofType, plain, type Resource, resourceNamed, resourcesOf, testApp } from './deployment.ts';

const stack = deploy();
const resources = resourcesOf(stack);

const named = (name: string, among = resources) => resourceNamed(among, name);

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
  ['Introspect', ['EPHEMERA_TABLE', 'ISSUER', 'REGISTRY_TABLE', 'SETTINGS'], 365, 'Retain'],
  ['Revoke', ['EPHEMERA_TABLE', 'ISSUER', 'REGISTRY_TABLE', 'SETTINGS'], 365, 'Retain'],
  ['Register', ['ISSUER', 'REGISTRY_TABLE', 'SETTINGS'], 365, 'Retain'],
  ['Discovery', ['ISSUER', 'REGISTRY_TABLE', 'SETTINGS'], 30, 'Delete'],
  ['Whoami', [], 30, 'Delete'],
  ['Authorizer', ['AUDIENCE', 'EPHEMERA_TABLE', 'ISSUER', 'REGISTRY_TABLE', 'RESOURCE_URL', 'SETTINGS'], 365, 'Retain'],
  ['Admin', ['EPHEMERA_TABLE', 'ISSUER', 'REGISTRY_TABLE', 'SETTINGS'], 365, 'Retain'],
  ['Keys', ['DEPLOYMENT', 'ISSUER', 'KEY_POLICY', 'REGISTRY_TABLE', 'SETTINGS'], 365, 'Retain'],
  ['RotateKeys', ['DEPLOYMENT', 'ISSUER', 'KEY_POLICY', 'REGISTRY_TABLE', 'SETTINGS'], 365, 'Retain'],
  ['RefreshPartners', ['EPHEMERA_TABLE', 'ISSUER', 'PRIVATE_HOSTS', 'REGISTRY_TABLE', 'SETTINGS'], 365, 'Retain'],
  ['PartnerResources', ['ISSUER', 'REGISTRY_TABLE', 'SETTINGS'], 365, 'Retain'],
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

  it.each(['Keys', 'RotateKeys'])(
    'hands %s, which makes keys, a key policy in which IAM decides and nobody deletes in haste',
    (name) => {
      expect(JSON.parse(String(environmentOf(name).KEY_POLICY))).toEqual({
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
    },
  );
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

    for (const name of [
      'Token',
      'Introspect',
      'Revoke',
      'Register',
      'Discovery',
      'Authorizer',
      'Admin',
      'Keys',
      'RotateKeys',
      'RefreshPartners',
    ]) {
      expect(environmentOf(name, own).ISSUER).toBe('https://tokens.example.com');
    }
    expect(environmentOf('Authorizer', own).AUDIENCE).toBe('https://tokens.example.com/whoami');
  });
});

interface AllowedCalls {
  readonly Effect: string;
  readonly Action: string;
  readonly Resource: string;
}

describe('the API', () => {
  const routeOf = ({ properties }: Resource) => {
    const { RouteKey, AuthorizationType, AuthorizerId } = plain(properties) as Record<string, string>;
    return [RouteKey, AuthorizationType, ...(AuthorizerId === undefined ? [] : [AuthorizerId])];
  };

  it('authorizes every route as this table says', () => {
    expect(ofType(resources, 'AWS::ApiGatewayV2::Route').map(routeOf)).toEqual([
      ['POST /token', 'NONE'],
      ['POST /realms/{realm}/token', 'NONE'],
      ['POST /introspect', 'NONE'],
      ['POST /realms/{realm}/introspect', 'NONE'],
      ['POST /revoke', 'NONE'],
      ['POST /realms/{realm}/revoke', 'NONE'],
      ['POST /register', 'NONE'],
      ['POST /realms/{realm}/register', 'NONE'],
      ['GET /register/{id}', 'NONE'],
      ['PUT /register/{id}', 'NONE'],
      ['DELETE /register/{id}', 'NONE'],
      ['GET /realms/{realm}/register/{id}', 'NONE'],
      ['PUT /realms/{realm}/register/{id}', 'NONE'],
      ['DELETE /realms/{realm}/register/{id}', 'NONE'],
      ['GET /jwks', 'NONE'],
      ['GET /revoked-keys', 'NONE'],
      ['GET /.well-known/oauth-authorization-server', 'NONE'],
      ['GET /.well-known/openid-configuration', 'NONE'],
      ['GET /authorize', 'NONE'],
      ['GET /metadata/json/1', 'NONE'],
      ['GET /realms/{realm}/jwks', 'NONE'],
      ['GET /realms/{realm}/revoked-keys', 'NONE'],
      ['GET /realms/{realm}/authorize', 'NONE'],
      ['GET /realms/{realm}/metadata/json/1', 'NONE'],
      ['GET /.well-known/oauth-authorization-server/realms/{realm}', 'NONE'],
      ['GET /realms/{realm}/.well-known/openid-configuration', 'NONE'],
      ['GET /.well-known/openid-configuration/realms/{realm}', 'NONE'],
      ['GET /whoami', 'CUSTOM', '<ServiceApiHttpAuthorizer>'],
      ['ANY /admin/{proxy+}', 'AWS_IAM'],
      ['ANY /admin/realms/{realm}/keys', 'AWS_IAM'],
      ['ANY /admin/realms/{realm}/keys/{proxy+}', 'AWS_IAM'],
      ['POST /admin/realms/{realm}/partners/{id}/refresh', 'AWS_IAM'],
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

  it('hands signing keys to a function of their own, documents of partners to another, and the rest of the admin API to a third', () => {
    const integrations = new Map(
      ofType(resources, 'AWS::ApiGatewayV2::Integration').map(({ name, properties }) => [
        `integrations/<${name}>`,
        plain(properties.IntegrationUri),
      ]),
    );
    const targets = ofType(resources, 'AWS::ApiGatewayV2::Route')
      .map(({ properties }) => plain(properties) as { RouteKey: string; Target: string })
      .filter(({ RouteKey }) => RouteKey.includes('/admin/'))
      .map(({ RouteKey, Target }) => [RouteKey, integrations.get(Target)]);

    expect(targets).toEqual([
      ['ANY /admin/{proxy+}', '<ServiceAdminFunction.Arn>'],
      ['ANY /admin/realms/{realm}/keys', '<ServiceKeysFunction.Arn>'],
      ['ANY /admin/realms/{realm}/keys/{proxy+}', '<ServiceKeysFunction.Arn>'],
      ['POST /admin/realms/{realm}/partners/{id}/refresh', '<ServiceRefreshPartnersFunction.Arn>'],
    ]);
  });

  it('answers within the 30 s that API Gateway waits, but for the refresh, which a schedule calls as well', () => {
    const behindRoutes = [
      'Token',
      'Introspect',
      'Revoke',
      'Register',
      'Discovery',
      'Whoami',
      'Authorizer',
      'Admin',
      'Keys',
    ];

    expect(named('ServiceRefreshPartnersFunction').Timeout).toBe(120);
    for (const name of behindRoutes) expect(named(`Service${name}Function`).Timeout).toBeLessThan(30);
  });

  it('lets only those call the admin API, signing keys included, to whom it was granted', () => {
    const app = testApp();
    const { service } = deploy({}, app);
    const other = new Stack(app, 'Operators');
    const role = new iam.Role(other, 'Operator', { assumedBy: new iam.AccountRootPrincipal() });
    service.grantAdmin(role);

    const [policy] = ofType(resourcesOf(other), 'AWS::IAM::Policy');
    const { Statement: statements } = plain(policy?.properties.PolicyDocument) as { Statement: AllowedCalls[] };
    expect(statements).toEqual([{ Effect: 'Allow', Action: 'execute-api:Invoke', Resource: expect.any(String) }]);
    const resource = statements[0]?.Resource ?? '';
    const [api] = resource.split('/*/');
    // What IAM holds against the pattern is the path that was asked for.
    const mayCall = (call: string) => globMatcher(resource)(`${api}/$default/${call}`);
    expect(
      [
        'GET/admin/realms/default/partners',
        'GET/admin/realms/default/keys',
        'POST/admin/realms/default/keys/abc/revoke',
        'POST/admin/realms/default/partners/crm/refresh',
        'POST/token',
        'GET/whoami',
        'GET/administration',
      ].map(mayCall),
    ).toEqual([true, true, true, true, false, false, false]);
  });
});

it('tells the operator where things are', () => {
  const outputs = stack.node.children
    .filter((child) => child.constructor.name === 'CfnOutput')
    .map(({ node }) => node.id);

  expect(outputs).toEqual(['ApiEndpoint', 'Issuer', 'RegistryTable', 'EphemeraTable']);
});

import { Duration, Stack, Validations } from 'aws-cdk-lib';
import * as rest from 'aws-cdk-lib/aws-apigateway';
import * as http from 'aws-cdk-lib/aws-apigatewayv2';
import { HttpUrlIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations';
import { AwsSolutionsChecks } from 'cdk-nag';
import { describe, expect, it } from 'vitest';
import type { AuthorizerOptions } from '../../infra/authorizer-options.ts';
import type { CountersignStack } from '../../infra/stack.ts';
import type { TokenAuthorizer } from '../../infra/token-authorizer.ts';
import { deploy, ofType, plain, type Resource, resourcesOf, type testApp } from './deployment.ts';

const BILLING = 'https://billing.example.com';

/** The one resource of a type, of those whose name has `part` in it. */
const one = (resources: readonly Resource[], type: string, part: string): Record<string, unknown> => {
  const found = ofType(resources, type).filter(({ name }) => name.includes(part));
  expect(found).toHaveLength(1);
  return plain(found[0]?.properties) as Record<string, unknown>;
};

const addHttpApi = (scope: Stack, authorizer: TokenAuthorizer, path = '/invoices'): http.HttpApi => {
  const api = new http.HttpApi(scope, 'HttpApi');
  const integration = new HttpUrlIntegration('Backend', 'https://backend.example.com');
  api.addRoutes({ path, methods: [http.HttpMethod.GET], integration, authorizer: authorizer.forHttpApi() });
  return api;
};

const addRestApi = (scope: Stack, authorizer: TokenAuthorizer, type: 'token' | 'request'): rest.RestApi => {
  const api = new rest.RestApi(scope, 'RestApi', { cloudWatchRole: false });
  const method = api.root.addResource('invoices').addMethod('GET', new rest.MockIntegration(), {
    authorizer: authorizer.forRestApi({ type, scope: api }),
    authorizationType: rest.AuthorizationType.CUSTOM,
  });
  Validations.of(method).acknowledge({ id: 'AwsSolutions-COG4', reason: 'Tokens of Countersign, not of Cognito.' });
  return api;
};

const apart = (service: CountersignStack): Stack => new Stack(Stack.of(service).node.root as never, 'Billing');

describe('the function of an authorizer', () => {
  const stack = deploy();
  const options = { id: 'Billing', audience: BILLING, scopes: ['write', 'read', 'write'], realm: 'partners' };
  const authorizer = stack.service.authorizer({ ...options, resultsCacheTtl: Duration.minutes(1) });
  const resources = resourcesOf(stack);

  it('is told what to ask of tokens, and that decisions are kept', () => {
    const { Environment } = one(resources, 'AWS::Lambda::Function', 'AuthorizersBilling') as {
      Environment: { Variables: Record<string, string> };
    };
    const { SETTINGS = '', ...variables } = Environment.Variables;
    expect(variables).toMatchObject({
      ...{ AUDIENCE: BILLING, SCOPES: 'read write', REALM: 'partners' },
      ...{ REGISTRY_TABLE: '<ServiceRegistry>', EPHEMERA_TABLE: '<ServiceEphemera>' },
    });
    expect(variables).not.toHaveProperty('RESOURCE_URL');
    expect(JSON.parse(SETTINGS)).toMatchObject({ authorizerCacheSeconds: 60, registryCacheSeconds: 30 });
  });

  it('may do exactly what the authorizer of the service may, and write its own log', () => {
    const statements = (part: string) => {
      const role = one(resources, 'AWS::IAM::Role', part) as {
        Policies: { PolicyDocument: { Statement: { Sid: string }[] } }[];
      };
      return role.Policies.flatMap(({ PolicyDocument }) => PolicyDocument.Statement);
    };
    const [log, ...own] = statements('AuthorizersBilling');
    expect(own).toEqual(statements('ServiceAuthorizerRole').slice(1));
    expect(log).toMatchObject({ Resource: '<ServiceAuthorizersBillingAuthorizerLog.Arn>' });
  });

  it('has its log watched for what is no refusal', () => {
    expect(one(resources, 'AWS::Logs::MetricFilter', 'AuthorizersBilling')).toMatchObject({
      LogGroupName: '<ServiceAuthorizersBillingAuthorizerLog>',
      FilterPattern: expect.stringContaining('$.message = "outage"'),
    });
    expect(stack.service.alarms).toContain(authorizer.alarm);
  });

  it('is one for the same options, and another for others', () => {
    const make = (changes: Partial<AuthorizerOptions>) => stack.service.authorizer({ audience: BILLING, ...changes });
    const first = make({ scopes: ['read', 'write'] });
    expect(make({ scopes: ['write', 'read'] })).toBe(first);
    for (const others of [{}, { scopes: ['read'] }, { realm: 'a' }, { resultsCacheTtl: Duration.seconds(1) }])
      expect(make(others)).not.toBe(first);
    // A part of the contract: another id is another function, and another log.
    expect(make({}).node.id).toBe('https-billing-example-com-d757160a');
    expect(() => make({ id: 'Billing' })).toThrow('the authorizer Billing has other options');
  });

  it.each([
    [{ audience: 'billing' }, 'must be an absolute URI'],
    [{ scopes: ['a b'] }, '"a b" of the authorizer is not a scope'],
    [{ realm: 'Mine' }, 'realm "Mine"'],
    [{ resultsCacheTtl: Duration.seconds(301) }, 'resultsCacheTtl must be 0 to 300 whole seconds, and is 301'],
    [{ resultsCacheTtl: Duration.millis(1_500) }, 'and is 1.5'],
    [{ resourceUrl: 'http://billing.example.com' }, 'must be an https URL'],
    [{ resourceUrl: 'https://billing.example.com/' }, 'without trailing slash'],
    [{ audience: stack.service.issuer }, 'it needs an id'],
  ])('is not made with %j', (changes, problem) => {
    expect(() => stack.service.authorizer({ audience: BILLING, ...changes })).toThrow(problem);
  });
});

describe.each([
  ['the same stack', (service: CountersignStack): Stack => service],
  ['another stack', apart],
])('in %s', (_where, place) => {
  const world = () => {
    const service = deploy();
    return { service, scope: place(service) };
  };

  it('an HTTP API asks by payload 2.0 for a simple answer, and keeps none', () => {
    const { service, scope } = world();
    addHttpApi(scope, service.service.authorizer({ id: 'Billing', audience: BILLING }));
    const resources = resourcesOf(scope);
    expect(one(resources, 'AWS::ApiGatewayV2::Authorizer', 'HttpApi')).toMatchObject({
      AuthorizerType: 'REQUEST',
      AuthorizerPayloadFormatVersion: '2.0',
      EnableSimpleResponses: true,
      IdentitySource: ['$request.header.Authorization'],
      AuthorizerResultTtlInSeconds: 0,
    });
    expect(one(resources, 'AWS::Lambda::Permission', 'HttpApi')).toMatchObject({
      Principal: 'apigateway.amazonaws.com',
    });
  });

  it.each([
    ['token', 'TOKEN'],
    ['request', 'REQUEST'],
  ] as const)('a REST API asks by %s, and keeps an answer for as long as the function knows', (type, asked) => {
    const { service, scope } = world();
    const ttl = { resultsCacheTtl: Duration.minutes(5) };
    addRestApi(scope, service.service.authorizer({ id: 'Billing', audience: BILLING, ...ttl }), type);
    const resources = resourcesOf(scope);
    expect(one(resources, 'AWS::ApiGateway::Authorizer', 'RestApi')).toMatchObject({
      Type: asked,
      IdentitySource: 'method.request.header.Authorization',
      AuthorizerResultTtlInSeconds: 300,
    });
    expect(one(resources, 'AWS::Lambda::Permission', 'RestApi')).toMatchObject({
      Principal: 'apigateway.amazonaws.com',
    });
    expect(one(resources, 'AWS::ApiGateway::Method', 'RestApi')).toMatchObject({ AuthorizationType: 'CUSTOM' });
  });

  it('cdk-nag finds nothing in the authorizers', () => {
    const { service, scope } = world();
    const api = addHttpApi(scope, service.service.authorizer({ id: 'Read', audience: BILLING, scopes: ['read'] }));
    const restApi = addRestApi(
      scope,
      service.service.authorizer({
        ...{ id: 'Write', audience: BILLING, scopes: ['write'] },
        microsoft: { applicationId: '00000002-0000-0ff1-ce00-000000000000', realm: 'contoso.example' },
      }),
      'request',
    );
    for (const id of ['APIG1', 'APIG2', 'APIG3', 'APIG6'])
      for (const each of [api, restApi])
        Validations.of(each).acknowledge({ id: `AwsSolutions-${id}`, reason: 'Not what this test is about.' });
    const app = service.node.root;
    Validations.of(app).addPlugins(new AwsSolutionsChecks(app as never));
    expect(() => (app as ReturnType<typeof testApp>).synth()).not.toThrow();
  }, 60_000);
});

describe('several APIs of a stack', () => {
  it('share the function, each with an authorizer of its own; methods of one share that', () => {
    const stack = deploy();
    const authorizer = stack.service.authorizer({ id: 'Billing', audience: BILLING });
    addRestApi(stack, authorizer, 'request');
    const other = new rest.RestApi(stack, 'Other', { cloudWatchRole: false });
    const shared = authorizer.forRestApi({ type: 'request', scope: other });
    expect(authorizer.forRestApi({ type: 'request', scope: other })).toBe(shared);
    for (const verb of ['GET', 'POST']) other.root.addMethod(verb, new rest.MockIntegration(), { authorizer: shared });
    const resources = resourcesOf(stack);
    expect(ofType(resources, 'AWS::ApiGateway::Authorizer')).toHaveLength(2);
    expect(ofType(resources, 'AWS::Lambda::Function').filter(({ name }) => name.includes('Billing'))).toHaveLength(1);
  });

  it('may have it made where the service is, if there is one alone', () => {
    const stack = deploy();
    const api = new rest.RestApi(stack, 'Api', { cloudWatchRole: false });
    const authorizer = stack.service.authorizer({ id: 'Billing', audience: BILLING }).forRestApi({ type: 'token' });
    api.root.addMethod('GET', new rest.MockIntegration(), { authorizer });
    expect(one(resourcesOf(stack), 'AWS::ApiGateway::Authorizer', 'AuthorizersBilling')).toMatchObject({
      Type: 'TOKEN',
    });
  });
});

// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the placeholders are CloudFormation's
/** Builds small cloud assemblies by hand: a template, and one asset directory per function. */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { type Deployment, type DeploymentOptions, startDeployment } from '../../../local/deployment.ts';

export type Resources = Record<
  string,
  {
    Type: string;
    Properties?: object;
    Condition?: string;
    DependsOn?: string | string[];
    DeletionPolicy?: string;
    UpdateReplacePolicy?: string;
  }
>;

export interface FixtureFunction {
  /** Source of index.mjs. */
  readonly code: string;
  readonly statements?: readonly object[];
  readonly properties?: object;
}

interface FixtureRoute {
  readonly key: string;
  readonly function: string;
  /** Logical id of an authorizer, or `AWS_IAM`. */
  readonly authorizer?: string;
  readonly integration?: object;
}

interface FixtureAuthorizer {
  readonly function: string;
  readonly properties?: object;
}

export interface Fixture {
  readonly functions: Record<string, FixtureFunction>;
  readonly routes?: readonly FixtureRoute[];
  readonly authorizers?: Record<string, FixtureAuthorizer>;
  /** Replaces or adds resources. */
  readonly resources?: Resources;
  readonly template?: object;
}

export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'countersign-test-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** A handler that answers with its event as JSON. */
export const ECHO = `export const handler = async (event) => ({
  statusCode: 200, headers: { 'content-type': 'application/json' }, body: JSON.stringify(event),
});`;

export function writeAssembly(fixture: Fixture, directory = temporaryDirectory()): string {
  const names = Object.keys(fixture.functions);
  for (const name of names) {
    mkdirSync(join(directory, `asset.${name}`), { recursive: true });
    writeFileSync(join(directory, `asset.${name}`, 'index.mjs'), fixture.functions[name]?.code ?? '');
  }
  const write = (file: string, content: object): void =>
    writeFileSync(join(directory, file), JSON.stringify(content, undefined, 1));
  write('manifest.json', {
    version: '43.0.0',
    artifacts: {
      'Test.assets': { type: 'cdk:asset-manifest', properties: { file: 'Test.assets.json' } },
      Test: {
        type: 'aws:cloudformation:stack',
        environment: 'aws://unknown-account/unknown-region',
        properties: { templateFile: 'Test.template.json' },
      },
    },
  });
  write('Test.assets.json', {
    files: Object.fromEntries(
      names.map((name) => [
        name,
        {
          source: { path: `asset.${name}`, packaging: 'zip' },
          destinations: { current: { objectKey: `${name}.zip` } },
        },
      ]),
    ),
  });
  write('Test.template.json', { ...fixture.template, Resources: resourcesOf(fixture) });
  return directory;
}

/** Starts the fixture; it is closed at the end of the test. */
export async function startFixture(fixture: Fixture, options: Partial<DeploymentOptions> = {}): Promise<Deployment> {
  const deployment = await startDeployment({ assembly: writeAssembly(fixture), ...options });
  onTestFinished(() => deployment.close());
  return deployment;
}

/** A response's body as JSON of a shape that the test's own assertions check. */
export const jsonOf = async (response: Response): Promise<ReturnType<typeof JSON.parse>> =>
  JSON.parse(await response.text());

const concatenated = (...parts: unknown[]): object => ({ 'Fn::Join': ['', parts] });

function sourceArn(resource: string): object {
  return concatenated(
    'arn:',
    { Ref: 'AWS::Partition' },
    ':execute-api:',
    { Ref: 'AWS::Region' },
    ':',
    { Ref: 'AWS::AccountId' },
    ':',
    { Ref: 'Api' },
    `/${resource}`,
  );
}

const permission = (functionId: string, source: object): Resources[string] => ({
  Type: 'AWS::Lambda::Permission',
  Properties: {
    Action: 'lambda:InvokeFunction',
    FunctionName: { 'Fn::GetAtt': [functionId, 'Arn'] },
    Principal: 'apigateway.amazonaws.com',
    SourceArn: source,
  },
});

export const roleTrusting = (service: string, statements: readonly object[]): Resources[string] => ({
  Type: 'AWS::IAM::Role',
  Properties: {
    AssumeRolePolicyDocument: {
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { Service: service } }],
    },
    Policies:
      statements.length === 0
        ? []
        : [{ PolicyName: 'Calls', PolicyDocument: { Version: '2012-10-17', Statement: statements } }],
  },
});

/** The resources of the fixture's template. */
export function resourcesOf(fixture: Fixture): Resources {
  const resources: Resources = {
    Api: { Type: 'AWS::ApiGatewayV2::Api', Properties: { Name: 'api', ProtocolType: 'HTTP' } },
    Stage: {
      Type: 'AWS::ApiGatewayV2::Stage',
      Properties: { ApiId: { Ref: 'Api' }, StageName: '$default', AutoDeploy: true },
    },
  };
  for (const [name, declared] of Object.entries(fixture.functions)) {
    resources[`${name}Role`] = roleTrusting('lambda.amazonaws.com', declared.statements ?? []);
    resources[name] = {
      Type: 'AWS::Lambda::Function',
      Properties: {
        Code: { S3Bucket: { 'Fn::Sub': 'cdk-assets-${AWS::AccountId}-${AWS::Region}' }, S3Key: `${name}.zip` },
        Handler: 'index.handler',
        Runtime: 'nodejs24.x',
        Role: { 'Fn::GetAtt': [`${name}Role`, 'Arn'] },
        Timeout: 10,
        MemorySize: 256,
        ...declared.properties,
      },
    };
  }
  for (const [name, declared] of Object.entries(fixture.authorizers ?? {})) {
    resources[name] = authorizerOf(declared);
    resources[`${name}Permission`] = permission(
      declared.function,
      concatenated(
        'arn:aws:execute-api:',
        { Ref: 'AWS::Region' },
        ':',
        { Ref: 'AWS::AccountId' },
        ':',
        { Ref: 'Api' },
        '/authorizers/',
        { Ref: name },
      ),
    );
  }
  for (const [index, route] of (fixture.routes ?? []).entries())
    Object.assign(resources, routeOf(route, `Route${index}`));
  return { ...resources, ...fixture.resources };
}

const authorizerOf = (declared: FixtureAuthorizer): Resources[string] => ({
  Type: 'AWS::ApiGatewayV2::Authorizer',
  Properties: {
    ApiId: { Ref: 'Api' },
    AuthorizerType: 'REQUEST',
    AuthorizerPayloadFormatVersion: '2.0',
    EnableSimpleResponses: true,
    AuthorizerResultTtlInSeconds: 0,
    IdentitySource: ['$request.header.Authorization'],
    AuthorizerUri: concatenated(
      'arn:aws:apigateway:',
      { Ref: 'AWS::Region' },
      ':lambda:path/2015-03-31/functions/',
      { 'Fn::GetAtt': [declared.function, 'Arn'] },
      '/invocations',
    ),
    ...declared.properties,
  },
});

function routeOf(route: FixtureRoute, id: string): Resources {
  const path = route.key === '$default' ? '' : route.key.slice(route.key.indexOf('/'));
  const authorization =
    route.authorizer === undefined
      ? { AuthorizationType: 'NONE' }
      : route.authorizer === 'AWS_IAM'
        ? { AuthorizationType: 'AWS_IAM' }
        : { AuthorizationType: 'CUSTOM', AuthorizerId: { Ref: route.authorizer } };
  return {
    [id]: {
      Type: 'AWS::ApiGatewayV2::Route',
      Properties: {
        ApiId: { Ref: 'Api' },
        RouteKey: route.key,
        Target: concatenated('integrations/', { Ref: `${id}Integration` }),
        ...authorization,
      },
    },
    [`${id}Integration`]: {
      Type: 'AWS::ApiGatewayV2::Integration',
      Properties: {
        ApiId: { Ref: 'Api' },
        IntegrationType: 'AWS_PROXY',
        IntegrationUri: { 'Fn::GetAtt': [route.function, 'Arn'] },
        PayloadFormatVersion: '2.0',
        ...route.integration,
      },
    },
    [`${id}Permission`]: permission(route.function, sourceArn(`*/*${path}`)),
  };
}

import { describe, expect, it } from 'vitest';
import { startDeployment } from '../../local/deployment.ts';
import { ECHO, type Fixture, type Resources, startFixture, writeAssembly } from './support/fixture.ts';

const echo: Fixture = { functions: { Echo: { code: ECHO } }, routes: [{ key: 'GET /', function: 'Echo' }] };

describe('a deployment', () => {
  it('resolves outputs, the API endpoint to where it really listens', async () => {
    const deployment = await startFixture({
      ...echo,
      template: {
        Conditions: { Never: { 'Fn::Equals': ['a', 'b'] } },
        Outputs: {
          Endpoint: { Value: { 'Fn::GetAtt': ['Api', 'ApiEndpoint'] } },
          Name: { Value: { Ref: 'Echo' } },
          Hidden: { Value: 'x', Condition: 'Never' },
        },
      },
    });
    expect(deployment.outputs).toEqual({
      Endpoint: deployment.url.origin,
      Name: expect.stringMatching(/^Test-Echo-/),
    });
  });

  it('invokes a function by logical id, name or a part of the name', async () => {
    const deployment = await startFixture({ functions: { Echo: { code: ECHO }, EchoTwo: { code: ECHO } } });
    for (const name of ['Echo', 'EchoTwo', 'Two'])
      expect(await deployment.invoke(name, {})).toMatchObject({ ok: true });
    await expect(deployment.invoke('cho', {})).rejects.toThrow('2 functions are called cho; there are: Echo, EchoTwo');
    await expect(deployment.invoke('Nobody', {})).rejects.toThrow('0 functions are called Nobody');
  });

  it('frees its port when it closes, and names a port in use', async () => {
    const first = await startFixture(echo);
    const port = Number(first.url.port);
    await expect(startFixture(echo, { port })).rejects.toThrow(`port ${port} is in use; choose another with --port`);
    await first.close();
    const second = await startFixture(echo, { port });
    expect((await fetch(second.url)).status).toBe(200);
  });

  it('closes while clients hold connections open', async () => {
    const deployment = await startFixture(echo);
    await (await fetch(deployment.url)).json();
    await deployment.close();
    await expect(fetch(deployment.url)).rejects.toThrow();
  });

  it('can be closed twice', async () => {
    const deployment = await startFixture(echo);
    await deployment.close();
    await expect(deployment.close()).resolves.toBeUndefined();
  });
});

const policy = (statement: object): object => ({ Version: '2012-10-17', Statement: [statement] });
const allow = { Effect: 'Allow', Action: 'kms:Sign', Resource: '*' };

describe('a start that cannot succeed fails in one line', () => {
  it.each<[what: string, resources: Resources, message: string | RegExp]>([
    [
      'an unknown resource type',
      { Bucket: { Type: 'AWS::S3::Bucket' } },
      'Bucket: the local runner does not know the resource type AWS::S3::Bucket',
    ],
    [
      'an unknown element in an attached policy',
      {
        Extra: {
          Type: 'AWS::IAM::Policy',
          Properties: {
            PolicyName: 'P',
            Roles: [{ Ref: 'EchoRole' }],
            PolicyDocument: policy({ ...allow, Surprise: 1 }),
          },
        },
      },
      /^policy Extra.*Surprise/,
    ],
    [
      'an unknown managed policy',
      {
        EchoRole: {
          Type: 'AWS::IAM::Role',
          Properties: {
            AssumeRolePolicyDocument: policy({
              Effect: 'Allow',
              Action: 'sts:AssumeRole',
              Principal: { Service: 'lambda.amazonaws.com' },
            }),
            ManagedPolicyArns: ['arn:aws:iam::aws:policy/AdministratorAccess'],
          },
        },
      },
      /AdministratorAccess.*unknown managed policy/,
    ],
    [
      'a role that Lambda may not assume',
      {
        EchoRole: {
          Type: 'AWS::IAM::Role',
          Properties: {
            AssumeRolePolicyDocument: policy({
              Effect: 'Allow',
              Action: 'sts:AssumeRole',
              Principal: { Service: 'ec2.amazonaws.com' },
            }),
          },
        },
      },
      'Echo: the role EchoRole does not trust lambda.amazonaws.com',
    ],
    [
      'another stage',
      { Stage: { Type: 'AWS::ApiGatewayV2::Stage', Properties: { StageName: 'prod' } } },
      'Stage: StageName: the local runner serves the stage $default only',
    ],
    [
      'CORS, which it does not do',
      { Api: { Type: 'AWS::ApiGatewayV2::Api', Properties: { ProtocolType: 'HTTP', CorsConfiguration: {} } } },
      'Api: CorsConfiguration: CORS is not supported by the local runner',
    ],
    [
      'code that is no asset',
      {
        Echo: {
          Type: 'AWS::Lambda::Function',
          Properties: {
            Code: { ZipFile: '' },
            Handler: 'index.handler',
            Runtime: 'nodejs24.x',
            Role: { 'Fn::GetAtt': ['EchoRole', 'Arn'] },
          },
        },
      },
      'Echo: Code.S3Key: only functions bundled as assets can run locally',
    ],
    [
      'a permission that says more than is understood',
      {
        Route0Permission: {
          Type: 'AWS::Lambda::Permission',
          Properties: {
            Action: 'lambda:InvokeFunction',
            FunctionName: { Ref: 'Echo' },
            Principal: 'apigateway.amazonaws.com',
            PrincipalOrgID: 'o-1',
          },
        },
      },
      /^Route0Permission: .*PrincipalOrgID/,
    ],
  ])('for %s', async (_, resources, message) => {
    await expect(startFixture({ ...echo, resources })).rejects.toThrow(message);
  });

  it('and leaves nothing behind', async () => {
    const free = await startFixture(echo);
    const port = Number(free.url.port);
    await free.close();
    const assembly = writeAssembly({ ...echo, resources: { Bucket: { Type: 'AWS::S3::Bucket' } } });
    await expect(startDeployment({ assembly, port })).rejects.toThrow('Bucket');
    expect((await fetch((await startFixture(echo, { port })).url)).status).toBe(200);
  });
});

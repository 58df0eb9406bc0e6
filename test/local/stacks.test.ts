// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the placeholders are CloudFormation's
/** Several stacks in one assembly, and several HTTP APIs: what CloudFormation and API Gateway would make of them. */

import { describe, expect, it } from 'vitest';
import { readStacks } from '../../local/assembly.ts';
import { ECHO, jsonOf, type Resources, startFixture, temporaryDirectory } from './support/fixture.ts';
import { type FixtureStack, startStacks, writeStacks } from './support/stacks.ts';

const NOTHING = ['Api', 'Stage'];
const says = (word: string): string => `export const handler = async () => ({ statusCode: 200, body: '${word}' });`;
const imported = (name: string): object => ({ 'Fn::ImportValue': name });
const exported = (Value: unknown, Name: string): object => ({ Value, Export: { Name } });
const textAt = async (url: URL | undefined, path: string): Promise<[number, string]> => {
  const answer = await fetch(new URL(path, url));
  return [answer.status, await answer.text()];
};

const provider: FixtureStack = {
  functions: { One: { code: says('one') } },
  routes: [{ key: 'GET /one', function: 'One' }],
  template: {
    Outputs: {
      Endpoint: exported({ 'Fn::GetAtt': ['Api', 'ApiEndpoint'] }, 'Base:Endpoint'),
      Function: exported({ 'Fn::GetAtt': ['One', 'Arn'] }, 'Base:OneArn'),
      Role: exported({ Ref: 'OneRole' }, 'Base:OneRole'),
    },
  },
};

describe('HTTP APIs of one template', () => {
  const second: Resources = {
    Other: { Type: 'AWS::ApiGatewayV2::Api', Properties: { Name: 'other', ProtocolType: 'HTTP' } },
    OtherStage: { Type: 'AWS::ApiGatewayV2::Stage', Properties: { ApiId: { Ref: 'Other' }, StageName: '$default' } },
    OtherIntegration: {
      Type: 'AWS::ApiGatewayV2::Integration',
      Properties: {
        ApiId: { Ref: 'Other' },
        IntegrationType: 'AWS_PROXY',
        IntegrationUri: { 'Fn::GetAtt': ['Echo', 'Arn'] },
        PayloadFormatVersion: '2.0',
      },
    },
    OtherRoute: {
      Type: 'AWS::ApiGatewayV2::Route',
      Properties: {
        ApiId: { Ref: 'Other' },
        RouteKey: 'GET /two',
        Target: { 'Fn::Sub': 'integrations/${OtherIntegration}' },
      },
    },
  };
  const permission: Resources = {
    OtherPermission: {
      Type: 'AWS::Lambda::Permission',
      Properties: {
        Action: 'lambda:InvokeFunction',
        FunctionName: { Ref: 'Echo' },
        Principal: 'apigateway.amazonaws.com',
        SourceArn: { 'Fn::Sub': 'arn:aws:execute-api:${AWS::Region}:${AWS::AccountId}:${Other}/*/*/two' },
      },
    },
  };
  const both = (resources: Resources) => ({
    functions: { Echo: { code: ECHO } },
    routes: [{ key: 'GET /one', function: 'Echo' }],
    resources,
  });

  it('listen on ports of their own, each with its own routes', async () => {
    const { apis, url } = await startFixture(both({ ...second, ...permission }));
    expect(apis.map(({ stack, logicalId }) => `${stack}/${logicalId}`)).toEqual(['Test/Api', 'Test/Other']);
    const [one, two] = apis.map((api) => api.url);
    expect(one).toEqual(url);
    const seen = await Promise.all(['/one', '/two'].flatMap((path) => [textAt(one, path), textAt(two, path)]));
    expect(seen.map(([status]) => status)).toEqual([200, 404, 404, 200]);
    const ids = await Promise.all(
      [fetch(new URL('/one', one)), fetch(new URL('/two', two))].map(async (e) => jsonOf(await e)),
    );
    expect(new Set(ids.map(({ requestContext }) => requestContext.apiId)).size).toBe(2);
  });

  it('each need a permission of the function: that for another API is none', async () => {
    const { apis } = await startFixture(both(second));
    expect((await fetch(new URL('/two', apis[1]?.url))).status).toBe(500);
  });

  it('do not lend one another integrations', async () => {
    const { OtherRoute, ...others } = second;
    const properties = { ...OtherRoute?.Properties, ApiId: { Ref: 'Api' } };
    const lent = { ...others, OtherRoute: { Type: 'AWS::ApiGatewayV2::Route', Properties: properties } };
    await expect(startFixture(both(lent))).rejects.toThrow(/^OtherRoute: no integration integrations\//);
  });
});

describe('a REST API', () => {
  it('is refused by name', async () => {
    const resources = { Rest: { Type: 'AWS::ApiGateway::RestApi' } };
    await expect(startFixture({ functions: {}, resources })).rejects.toThrow(
      'Rest: the local runner does not know the resource type AWS::ApiGateway::RestApi',
    );
  });
});

describe('the stacks of an assembly', () => {
  it('come after those that they depend on', () => {
    const stack = (...dependsOn: string[]): FixtureStack => ({ functions: {}, dependsOn });
    const directory = writeStacks({ A: stack('C'), B: stack('A.assets'), C: stack('D'), D: stack() });
    expect(readStacks(directory).map(({ name }) => name)).toEqual(['D', 'C', 'A', 'B']);
    expect(readStacks(directory, 'A').map(({ name }) => name)).toEqual(['A']);
  });

  it('import what others export: names, and addresses where they really listen', async () => {
    const environment = { Variables: { ELSEWHERE: imported('Base:Endpoint') } };
    const code = 'export const handler = async () => ({ statusCode: 200, body: process.env.ELSEWHERE });';
    const user: FixtureStack = {
      functions: { Two: { code, properties: { Environment: environment } } },
      routes: [{ key: 'GET /two', function: 'Two' }],
      dependsOn: ['Base'],
      template: { Outputs: { Endpoint: { Value: { 'Fn::GetAtt': ['Api', 'ApiEndpoint'] } } } },
    };
    const { url, apis, outputs, stackOutputs } = await startStacks({ User: user, Base: provider });
    expect(apis.map(({ stack }) => stack)).toEqual(['Base', 'User']);
    expect(await textAt(url, '/one')).toEqual([200, 'one']);
    expect(await textAt(apis[1]?.url, '/two')).toEqual([200, url.origin]);
    expect(outputs.Endpoint).toBe(url.origin);
    expect(stackOutputs.User).toEqual({ Endpoint: apis[1]?.url.origin });
  });

  it('may route to functions of others, which have to permit it', async () => {
    const user = (permitted: object): FixtureStack => ({
      functions: {},
      dependsOn: ['Base'],
      resources: {
        Integration: {
          Type: 'AWS::ApiGatewayV2::Integration',
          Properties: {
            ApiId: { Ref: 'Api' },
            IntegrationType: 'AWS_PROXY',
            IntegrationUri: imported('Base:OneArn'),
            PayloadFormatVersion: '2.0',
          },
        },
        Route: {
          Type: 'AWS::ApiGatewayV2::Route',
          Properties: {
            ApiId: { Ref: 'Api' },
            RouteKey: 'GET /',
            Target: { 'Fn::Sub': 'integrations/${Integration}' },
          },
        },
        Permission: {
          Type: 'AWS::Lambda::Permission',
          Properties: {
            Action: 'lambda:InvokeFunction',
            FunctionName: imported('Base:OneArn'),
            Principal: 'apigateway.amazonaws.com',
            ...permitted,
          },
        },
      },
    });
    const own = { SourceArn: { 'Fn::Sub': 'arn:aws:execute-api:${AWS::Region}:${AWS::AccountId}:${Api}/*/*/' } };
    const { apis } = await startStacks({ Base: provider, User: user(own) });
    expect(await textAt(apis[1]?.url, '/')).toEqual([200, 'one']);
    const foreign = { SourceArn: 'arn:aws:execute-api:us-east-1:111122223333:aaaaaaaaaa/*/*/' };
    const other = await startStacks({ Base: provider, User: user(foreign) });
    expect((await textAt(other.apis[1]?.url, '/'))[0]).toBe(500);
  });

  it('keep their data apart and their custom resources in order', async () => {
    const code = `export const handler = async (event) => {
      const { StackId, RequestId, LogicalResourceId, ResponseURL, ResourceProperties } = event;
      const Data = { Said: StackId.split('/')[1] + '+' + (ResourceProperties.Heard ?? '') };
      const answer = { Status: 'SUCCESS', PhysicalResourceId: 'x', StackId, RequestId, LogicalResourceId, Data };
      await fetch(ResponseURL, { method: 'PUT', body: JSON.stringify(answer) });
    };`;
    const thing = (ServiceToken: object, more = {}) => ({
      Type: 'Custom::Thing',
      Properties: { ServiceToken, ...more },
    });
    const said = { 'Fn::GetAtt': ['Thing', 'Said'] };
    const base: FixtureStack = {
      functions: { Maker: { code } },
      resources: { Thing: thing({ 'Fn::GetAtt': ['Maker', 'Arn'] }) },
      template: {
        Outputs: { Maker: exported({ 'Fn::GetAtt': ['Maker', 'Arn'] }, 'Maker'), Said: exported(said, 'Said') },
      },
    };
    const user: FixtureStack = {
      functions: {},
      without: NOTHING,
      dependsOn: ['Base'],
      resources: { Thing: thing(imported('Maker'), { Heard: imported('Said') }) },
      template: { Outputs: { Said: { Value: said } } },
    };
    const dataDirectory = temporaryDirectory();
    const assembly = { User: user, Base: base };
    const first = await startStacks(assembly, { dataDirectory });
    expect(first.stackOutputs.User).toEqual({ Said: 'User+Base+' });
    await first.close();
    const second = await startStacks(assembly, { dataDirectory });
    expect(second.stackOutputs.User).toEqual({ Said: 'User+Base+' });
  });

  it.each<[what: string, stacks: Record<string, FixtureStack>, message: string | RegExp]>([
    [
      'an import that nobody exports',
      {
        Base: provider,
        User: { functions: {}, without: NOTHING, template: { Outputs: { X: { Value: imported('Nobody') } } } },
      },
      'X: no stack exports Nobody',
    ],
    [
      'an export that two have',
      {
        Base: provider,
        Twin: { ...provider, functions: { OneToo: { code: '' } }, routes: [], template: twinOutputs() },
        User: { functions: {}, without: NOTHING, template: { Outputs: { X: { Value: imported('Base:Endpoint') } } } },
      },
      'X: 2 stacks export Base:Endpoint',
    ],
    [
      'two Regions',
      { Base: provider, User: { functions: {}, without: NOTHING, environment: 'aws://111122223333/eu-north-1' } },
      'the stacks Base and User are not in one account and Region; start one',
    ],
    ['no HTTP API at all', { Base: { functions: {}, without: NOTHING } }, /declares no HTTP API/],
  ])('are refused in one line for %s', async (_, stacks, message) => {
    await expect(startStacks(stacks)).rejects.toThrow(message);
  });

  it('can be started one at a time', async () => {
    const elsewhere: FixtureStack = { functions: {}, resources: { Bucket: { Type: 'AWS::S3::Bucket' } } };
    const { apis } = await startStacks({ Base: provider, Elsewhere: elsewhere }, { stack: 'Base' });
    expect(apis).toHaveLength(1);
  });
});

function twinOutputs(): object {
  return { Outputs: { Endpoint: exported('http://127.0.0.1:1', 'Base:Endpoint') } };
}

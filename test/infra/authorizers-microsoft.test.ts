import { Stack } from 'aws-cdk-lib';
import * as rest from 'aws-cdk-lib/aws-apigateway';
import { describe, expect, it } from 'vitest';
import type { MicrosoftOptions } from '../../infra/microsoft-challenge.ts';
import { deploy, ofType, plain, type Resource, resourcesOf } from './deployment.ts';

const AUDIENCE = 'https://mail.contoso.example';
const MICROSOFT: MicrosoftOptions = {
  applicationId: '00000002-0000-0ff1-ce00-000000000000',
  realm: '5f0b3c52-6f0e-4c53-9a55-2f6f3f1b8d10',
};
const NAMES = `realm="${MICROSOFT.realm}",client_id="${MICROSOFT.applicationId}"`;

const stack = deploy();
const taking = stack.service.authorizer({ id: 'Taking', audience: AUDIENCE, microsoft: MICROSOFT });
const plainOne = stack.service.authorizer({ id: 'Plain', audience: AUDIENCE });
const resources = resourcesOf(stack);

const propertiesOf = (type: string, part: string, among: readonly Resource[] = resources) => {
  const found = ofType(among, type).filter(({ name }) => name.includes(part));
  expect(found).toHaveLength(1);
  return plain(found[0]?.properties) as Record<string, unknown>;
};

interface Statement {
  readonly Sid: string;
  readonly Action: string;
  readonly Condition: { readonly 'ForAllValues:StringLike': { readonly 'dynamodb:LeadingKeys': unknown } };
}
const statementsOf = (part: string): readonly Statement[] => {
  const { Policies } = propertiesOf('AWS::IAM::Role', part) as {
    Policies: { PolicyDocument: { Statement: Statement[] } }[];
  };
  return Policies.flatMap(({ PolicyDocument }) => PolicyDocument.Statement);
};

describe('an authorizer that takes tokens of the Microsoft profile', () => {
  it('is told so, and others are not', () => {
    const variables = (part: string) => {
      const { Environment } = propertiesOf('AWS::Lambda::Function', part) as {
        Environment: { Variables: Record<string, string> };
      };
      return Environment.Variables;
    };
    expect(variables('AuthorizersTaking')).toMatchObject({ ACTOR_TOKENS: 'accepted', AUDIENCE });
    expect(variables('AuthorizersPlain')).not.toHaveProperty('ACTOR_TOKENS');
  });

  it('may look up certificates, issuers and names of users besides, and read nothing more', () => {
    const plainSids = statementsOf('AuthorizersPlain').map(({ Sid }) => Sid);
    const more = statementsOf('AuthorizersTaking').filter(({ Sid }) => !plainSids.includes(Sid));
    expect(
      more.map(({ Action, Condition }) => [Action, Condition['ForAllValues:StringLike']['dynamodb:LeadingKeys']]),
    ).toEqual([
      ['dynamodb:GetItem', ['certificate#*', 'issuer#*']],
      ['dynamodb:BatchGetItem', ['user-name#*']],
    ]);
  });

  it('is another one than that without, and the same for the same names', () => {
    const options = { audience: AUDIENCE, microsoft: MICROSOFT };
    const made = stack.service.authorizer(options);
    expect(stack.service.authorizer({ ...options, microsoft: { ...MICROSOFT } })).toBe(made);
    expect(stack.service.authorizer({ audience: AUDIENCE })).not.toBe(made);
  });

  it.each<[Partial<MicrosoftOptions>, string]>([
    [{ applicationId: 'exchange' }, 'microsoft.applicationId "exchange" must be a GUID in lower case'],
    [{ applicationId: MICROSOFT.applicationId.toUpperCase() }, 'in lower case'],
    [{ realm: '*' }, 'microsoft.realm "*" must be a DNS name or a GUID'],
    [{ realm: 'a"b' }, 'microsoft.realm'],
    [{ trustedIssuers: ["a'b"] }, 'microsoft.trustedIssuers'],
    [{ trustedIssuers: ['a,b'] }, 'microsoft.trustedIssuers'],
    [{ authorizationUri: 'http://login.example' }, 'microsoft.authorizationUri'],
    [{ authorizationUri: "https://login.example/'" }, 'microsoft.authorizationUri'],
    [{ realm: stack.service.issuer }, 'it needs an id'],
  ])('is not made with %j', (changes, problem) => {
    expect(() => stack.service.authorizer({ audience: AUDIENCE, microsoft: { ...MICROSOFT, ...changes } })).toThrow(
      problem,
    );
  });
});

describe('the challenge of a REST API', () => {
  const answersOf = (microsoft: MicrosoftOptions) => {
    const { service, node } = deploy();
    const apart = new Stack(node.root as never, 'Mail');
    const api = new rest.RestApi(apart, 'Api', { cloudWatchRole: false });
    api.root.addMethod('GET', new rest.MockIntegration());
    service.authorizer({ id: 'Mail', audience: AUDIENCE, microsoft }).challenge(api);
    return propertiesOf('AWS::ApiGateway::GatewayResponse', '', resourcesOf(apart));
  };

  it('stands in every answer 401, realm first and without blanks', () => {
    expect(answersOf(MICROSOFT)).toMatchObject({
      ResponseType: 'UNAUTHORIZED',
      ResponseParameters: { 'gatewayresponse.header.WWW-Authenticate': `'Bearer ${NAMES}'` },
    });
  });

  it('names the issuers that are trusted, and where people log on', () => {
    const trustedIssuers = ['00000001-0000-0000-c000-000000000000@*', 'https://sts.windows.net/*/'];
    const authorizationUri = 'https://login.windows.net/common/oauth2/authorize';
    expect(answersOf({ ...MICROSOFT, trustedIssuers, authorizationUri })).toMatchObject({
      ResponseParameters: {
        'gatewayresponse.header.WWW-Authenticate': `'Bearer ${NAMES},trusted_issuers="${trustedIssuers.join(',')}",authorization_uri="${authorizationUri}"'`,
      },
    });
  });

  it('is not that of an authorizer that takes no such tokens', () => {
    const api = new rest.RestApi(new Stack(stack.node.root as never, 'None'), 'Api', { cloudWatchRole: false });
    expect(() => plainOne.challenge(api)).toThrow('no option microsoft');
    expect(() => taking.challenge(api)).not.toThrow();
  });
});

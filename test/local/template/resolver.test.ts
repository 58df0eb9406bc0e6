// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the placeholders are CloudFormation's
import { describe, expect, it } from 'vitest';
import type { Json } from '../../../local/service.ts';
import { StartError } from '../../../local/start-error.ts';
import { parseTemplate } from '../../../local/template/document.ts';
import { Resolver } from '../../../local/template/resolver.ts';
import { identifyResource } from '../../../local/template/resource-types.ts';

const naming = {
  stack: 'Stack',
  region: 'eu-north-1',
  account: '123456789012',
  apiEndpoint: () => 'http://127.0.0.1:1',
  answers: new Map(),
};

function resolverOf(template: object): Resolver {
  return new Resolver(parseTemplate({ Resources: {}, ...template }, 'template'), {
    pseudoParameters: { 'AWS::Region': 'eu-north-1', 'AWS::AccountId': '123456789012', 'AWS::Partition': 'aws' },
    identify: (logicalId, resource, self) => identifyResource(naming, logicalId, resource, self),
  });
}

const TEMPLATE = {
  Parameters: { Stage: { Type: 'String', Default: 'beta' }, Open: { Type: 'String' } },
  Conditions: {
    IsBeta: { 'Fn::Equals': [{ Ref: 'Stage' }, 'beta'] },
    IsProd: { 'Fn::Equals': [{ Ref: 'Stage' }, 'prod'] },
    Either: { 'Fn::Or': [{ Condition: 'IsBeta' }, { Condition: 'IsProd' }] },
    Both: { 'Fn::And': [{ Condition: 'IsBeta' }, { Condition: 'IsProd' }] },
    NotProd: { 'Fn::Not': [{ Condition: 'IsProd' }] },
    Circle: { 'Fn::Not': [{ Condition: 'Circle' }] },
  },
  Resources: {
    Named: { Type: 'AWS::Lambda::Function', Properties: { FunctionName: { 'Fn::Sub': 'f-${Stage}' } } },
    Queue: { Type: 'AWS::SQS::Queue', Properties: { QueueName: 'q' } },
    Api: { Type: 'AWS::ApiGatewayV2::Api' },
    Prod: { Type: 'AWS::SNS::Topic', Condition: 'IsProd' },
    Self: { Type: 'AWS::SQS::Queue', Properties: { QueueName: { Ref: 'Self' } } },
    Strange: { Type: 'AWS::Strange::Thing' },
  },
};

describe('the resolver', () => {
  it.each<[string, Json, Json | undefined]>([
    ['a plain value', { a: [1, true, null] }, { a: [1, true, null] }],
    ['Ref of a parameter', { Ref: 'Stage' }, 'beta'],
    ['Ref of a pseudo parameter', { Ref: 'AWS::Region' }, 'eu-north-1'],
    ['Ref of a resource', { Ref: 'Named' }, 'f-beta'],
    ['GetAtt as a list', { 'Fn::GetAtt': ['Named', 'Arn'] }, 'arn:aws:lambda:eu-north-1:123456789012:function:f-beta'],
    ['GetAtt as text', { 'Fn::GetAtt': 'Queue.Arn' }, 'arn:aws:sqs:eu-north-1:123456789012:q'],
    ['GetAtt of the API endpoint', { 'Fn::GetAtt': ['Api', 'ApiEndpoint'] }, 'http://127.0.0.1:1'],
    ['Join', { 'Fn::Join': ['-', ['a', { Ref: 'Stage' }, 1]] }, 'a-beta-1'],
    ['Join of a Split', { 'Fn::Join': ['+', { 'Fn::Split': ['/', 'a/b'] }] }, 'a+b'],
    ['Sub', { 'Fn::Sub': '${Stage} ${Queue.Arn} ${!Stage}' }, 'beta arn:aws:sqs:eu-north-1:123456789012:q ${Stage}'],
    ['Sub with variables', { 'Fn::Sub': ['${X}/${Stage}', { X: { Ref: 'AWS::Partition' } }] }, 'aws/beta'],
    ['Select', { 'Fn::Select': [1, ['a', { Ref: 'Stage' }]] }, 'beta'],
    ['Select of a Split', { 'Fn::Select': ['1', { 'Fn::Split': [':', 'a:b:c'] }] }, 'b'],
    ['If, true', { 'Fn::If': ['IsBeta', 'yes', 'no'] }, 'yes'],
    ['If, false', { 'Fn::If': ['IsProd', 'yes', { Ref: 'Stage' }] }, 'beta'],
    ['Or', { 'Fn::If': ['Either', 1, 2] }, 1],
    ['And', { 'Fn::If': ['Both', 1, 2] }, 2],
    ['Not', { 'Fn::If': ['NotProd', 1, 2] }, 1],
    ['NoValue as a member', { a: { Ref: 'AWS::NoValue' }, b: 1 }, { b: 1 }],
    ['NoValue in a list', [1, { 'Fn::If': ['IsProd', 2, { Ref: 'AWS::NoValue' }] }, 3], [1, 3]],
    ['a member named Condition', { Condition: { Bool: { a: 'true' } } }, { Condition: { Bool: { a: 'true' } } }],
  ])('resolves %s', (_, value, expected) => {
    expect(resolverOf(TEMPLATE).value(value, 'Here')).toEqual(expected);
  });

  it.each<[string, Json, string]>([
    ['an unknown intrinsic', { 'Fn::Transform': {} }, 'Here: Fn::Transform is not supported by the local runner'],
    ['an import', { 'Fn::ImportValue': 'x' }, 'Here: no stack exports x'],
    ['an unknown name', { Ref: 'Nobody' }, 'Here: nothing in the template is named Nobody'],
    ['an unknown attribute', { 'Fn::GetAtt': ['Queue', 'Size'] }, 'Here: Queue has no attribute Size'],
    ['a parameter without a value', { Ref: 'Open' }, 'Here: parameter Open has no default value'],
    [
      'an unknown type',
      { Ref: 'Strange' },
      'Strange: the local runner does not know the resource type AWS::Strange::Thing',
    ],
    ['a resource whose condition is false', { Ref: 'Prod' }, 'Here: Prod is not part of this deployment'],
    ['a circle of names', { Ref: 'Self' }, 'Self: circular reference to Self'],
    ['a circle of conditions', { 'Fn::If': ['Circle', 1, 2] }, 'Here: circular reference to condition Circle'],
    ['an unknown condition', { 'Fn::If': ['Nobody', 1, 2] }, 'Here: nothing in the template is named condition Nobody'],
    ['an object where text is due', { 'Fn::Join': ['', [{ a: 1 }]] }, 'Here: expected text, got {"a":1}'],
    ['a choice out of range', { 'Fn::Select': [2, ['a']] }, 'Here: Fn::Select is out of range'],
  ])('refuses %s in one clear line', (_, value, message) => {
    expect(() => resolverOf(TEMPLATE).value(value, 'Here')).toThrow(new StartError(message));
  });

  it('leaves out resources whose condition is false', () => {
    const ids = resolverOf(TEMPLATE)
      .resources()
      .map(([logicalId]) => logicalId);
    expect(ids).toContain('Queue');
    expect(ids).not.toContain('Prod');
  });

  it('computes a name only when somebody asks for it', () => {
    expect(() => resolverOf(TEMPLATE)).not.toThrow();
  });
});

describe('physical names', () => {
  const nameOf = (stack: string, logicalId: string): string => {
    const template = parseTemplate({ Resources: { [logicalId]: { Type: 'AWS::Lambda::Function' } } }, 'template');
    const resolver = new Resolver(template, {
      pseudoParameters: {},
      identify: (id, resource, self) => identifyResource({ ...naming, stack }, id, resource, self),
    });
    return resolver.values(logicalId, '').ref;
  };

  it('are stable, and differ by stack and logical id', () => {
    expect(nameOf('Stack', 'Token')).toMatch(/^Stack-Token-[A-Z0-9]{12}$/);
    expect(nameOf('Stack', 'Token')).toBe(nameOf('Stack', 'Token'));
    expect(new Set([nameOf('Stack', 'Token'), nameOf('Other', 'Token'), nameOf('Stack', 'Admin')]).size).toBe(3);
  });

  it("keep within the service's limit", () => {
    const name = nameOf('Stack', 'A'.repeat(100));
    expect(name).toHaveLength(64);
    expect(name).toMatch(/^Stack-A+-[A-Z0-9]{12}$/);
  });
});

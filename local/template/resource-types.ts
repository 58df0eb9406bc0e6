/**
 * The resource types that the runner knows: how each is named, and what `Ref` and `Fn::GetAtt` give.
 * A type that is not listed stops the start, so nothing of a template is ever silently ignored.
 */

import type { Placement } from '../service.ts';
import { StartError } from '../start-error.ts';
import type { Resource } from './document.ts';
import { gatewayId, physicalName, roleId, stableUuid } from './names.ts';
import type { Resolver, ResourceValues } from './resolver.ts';

/** What naming resources needs to know about the deployment. */
export interface Naming extends Placement {
  readonly stack: string;
  /** Base URL of an HTTP API of the stack, by logical id; asked for only after its server listens. */
  readonly apiEndpoint: (logicalId: string) => string;
  /** Host and port of the listener that stands for the domain with mutual TLS, if there is one. */
  readonly mutualTlsHost?: string | undefined;
  /** What the functions behind custom resources have answered so far, by logical id. */
  readonly answers: ReadonlyMap<string, CustomResourceAnswer>;
}

/** What the function behind a custom resource has said of it. */
export interface CustomResourceAnswer {
  /** The value of `Ref`. */
  readonly physicalId: string;
  /** The values of `Fn::GetAtt`. */
  readonly data: Readonly<Record<string, string>>;
}

/** One resource while it is being named. */
interface Subject extends Naming {
  readonly logicalId: string;
  /** The name given by property `property`, or one of CloudFormation's making, at most `maxLength` long. */
  readonly name: (property: string, maxLength: number) => string;
  readonly property: (name: string) => string;
  readonly arn: (service: string, resource: string) => string;
}

type Identify = (subject: Subject) => ResourceValues;

const valuesOf = (ref: string, attributes: Record<string, string> = {}): ResourceValues => ({
  ref,
  attributes: Object.fromEntries(Object.entries(attributes).map(([name, value]) => [name, () => value])),
});

const named = (subject: Subject, property = 'Name'): ResourceValues => valuesOf(subject.name(property, 128));
const unnamed: Identify = (subject) => valuesOf(physicalName(subject.stack, subject.logicalId, 128));
const gatewayPart: Identify = (subject) => valuesOf(gatewayId(subject.stack, subject.logicalId));

const identifyFunction: Identify = (subject) => {
  const name = subject.name('FunctionName', 64);
  return valuesOf(name, { Arn: subject.arn('lambda', `function:${name}`) });
};

const identifyRole: Identify = (subject) => {
  const name = subject.name('RoleName', 64);
  const arn = `arn:aws:iam::${subject.account}:role/${name}`;
  return valuesOf(name, { Arn: arn, RoleId: roleId(subject.stack, subject.logicalId) });
};

const identifyTable: Identify = (subject) => {
  const name = subject.name('TableName', 255);
  const arn = subject.arn('dynamodb', `table/${name}`);
  return valuesOf(name, { Arn: arn, TableId: stableUuid(subject.stack, subject.logicalId) });
};

const identifyKey: Identify = (subject) => {
  const id = stableUuid(subject.stack, subject.logicalId);
  return valuesOf(id, { Arn: subject.arn('kms', `key/${id}`), KeyId: id });
};

const identifyApi: Identify = (subject) => {
  const id = gatewayId(subject.stack, subject.logicalId);
  return { ref: id, attributes: { ApiId: () => id, ApiEndpoint: () => subject.apiEndpoint(subject.logicalId) } };
};

/** Known by the name that it is reached under here, so that whatever the template makes of the name leads here as well. */
const identifyDomain: Identify = ({ logicalId, mutualTlsHost, region, property }) => {
  if (mutualTlsHost === undefined)
    throw new StartError(`${logicalId}: to run here, a domain with mutual TLS needs a truststore (--mutual-tls)`);
  const id = gatewayId(property('DomainName'), logicalId);
  return valuesOf(mutualTlsHost, {
    DomainNameArn: `arn:aws:apigateway:${region}::/domainnames/${property('DomainName')}`,
    RegionalDomainName: `d-${id}.execute-api.${region}.amazonaws.com`,
    RegionalHostedZoneId: `Z${id.toUpperCase()}`,
  });
};

/** Whether resources of this type are made by a function of the template. Triggers are not: the runner knows what theirs does. */
export const isCustomResource = (type: string): boolean =>
  type === 'AWS::CloudFormation::CustomResource' || (type.startsWith('Custom::') && type !== 'Custom::Trigger');

/** Functions and tables are there before custom resources are, so nothing but these and the outputs can refer to one. */
const identifyCustomResource: Identify = ({ logicalId, answers }) => {
  const answer = (): CustomResourceAnswer => {
    const known = answers.get(logicalId);
    if (known !== undefined) return known;
    throw new StartError(`${logicalId}: here, only outputs and other custom resources can refer to a custom resource`);
  };
  return {
    get ref() {
      return answer().physicalId;
    },
    get attributes() {
      return valuesOf('', answer().data).attributes;
    },
  };
};

/** Types that the runner gives life to. */
const RUNNING: Readonly<Record<string, Identify>> = {
  'AWS::Lambda::Function': identifyFunction,
  'AWS::Lambda::Version': (subject) => {
    const version = '1';
    const arn = subject.arn('lambda', `function:${functionName(subject.property('FunctionName'))}:${version}`);
    return valuesOf(arn, { Version: version, FunctionArn: arn });
  },
  'AWS::Lambda::Permission': (subject) => valuesOf(physicalName(subject.stack, subject.logicalId, 100)),
  'AWS::IAM::Role': identifyRole,
  'AWS::IAM::Policy': (subject) => named(subject, 'PolicyName'),
  'AWS::DynamoDB::GlobalTable': identifyTable,
  'AWS::KMS::Key': identifyKey,
  'AWS::ApiGatewayV2::Api': identifyApi,
  'AWS::ApiGatewayV2::Stage': (subject) => valuesOf(subject.property('StageName')),
  'AWS::ApiGatewayV2::Route': gatewayPart,
  'AWS::ApiGatewayV2::Integration': gatewayPart,
  'AWS::ApiGatewayV2::Authorizer': (subject) => {
    const id = gatewayId(subject.stack, subject.logicalId);
    return valuesOf(id, { AuthorizerId: id });
  },
  'AWS::ApiGatewayV2::DomainName': identifyDomain,
  'AWS::ApiGatewayV2::ApiMapping': gatewayPart,
  'AWS::Scheduler::Schedule': (subject) => {
    const name = subject.name('Name', 64);
    return valuesOf(name, { Arn: subject.arn('scheduler', `schedule/default/${name}`) });
  },
  'Custom::Trigger': unnamed,
};

/** Types that exist here by name only: what they do in AWS has no bearing on how the service answers. */
const INERT: Readonly<Record<string, Identify>> = {
  'AWS::CDK::Metadata': unnamed,
  'AWS::CloudWatch::Dashboard': (subject) => named(subject, 'DashboardName'),
  'AWS::CloudWatch::Alarm': (subject) => {
    const name = subject.name('AlarmName', 255);
    return valuesOf(name, { Arn: subject.arn('cloudwatch', `alarm:${name}`) });
  },
  'AWS::CloudWatch::CompositeAlarm': (subject) => {
    const name = subject.name('AlarmName', 255);
    return valuesOf(name, { Arn: subject.arn('cloudwatch', `alarm:${name}`) });
  },
  'AWS::Logs::LogGroup': (subject) => {
    const name = subject.name('LogGroupName', 512);
    return valuesOf(name, { Arn: subject.arn('logs', `log-group:${name}:*`) });
  },
  'AWS::Logs::MetricFilter': unnamed,
  'AWS::Logs::QueryDefinition': unnamed,
  'AWS::SQS::Queue': (subject) => {
    const name = subject.name('QueueName', 80);
    const url = `https://sqs.${subject.region}.amazonaws.com/${subject.account}/${name}`;
    return valuesOf(url, { Arn: subject.arn('sqs', name), QueueName: name, QueueUrl: url });
  },
  'AWS::SQS::QueuePolicy': unnamed,
  'AWS::SNS::Topic': (subject) => {
    const name = subject.name('TopicName', 256);
    const arn = subject.arn('sns', name);
    return valuesOf(arn, { TopicArn: arn, TopicName: name });
  },
  'AWS::SNS::TopicPolicy': unnamed,
  'AWS::Scheduler::ScheduleGroup': (subject) => {
    const name = subject.name('Name', 64);
    return valuesOf(name, { Arn: subject.arn('scheduler', `schedule-group/${name}`) });
  },
  // Repeats asynchronous runs that fail. Schedules are the only such callers here, and repeat failed runs by themselves.
  'AWS::Lambda::EventInvokeConfig': unnamed,
};

/** The function's name in a name, a function ARN, or an ARN with a version. */
export const functionName = (nameOrArn: string): string =>
  nameOrArn.startsWith('arn:') ? (nameOrArn.split(':')[6] ?? nameOrArn) : nameOrArn;

/** Names one resource. @throws StartError naming the logical id when its type is unknown. */
export function identifyResource(
  naming: Naming,
  logicalId: string,
  resource: Resource,
  resolver: Resolver,
): ResourceValues {
  const identify = isCustomResource(resource.Type)
    ? identifyCustomResource
    : (RUNNING[resource.Type] ?? INERT[resource.Type]);
  if (identify === undefined)
    throw new StartError(`${logicalId}: the local runner does not know the resource type ${resource.Type}`);
  const property = (name: string): string => resolver.text(resource.Properties[name], logicalId);
  return identify({
    ...naming,
    logicalId,
    property,
    name: (name, maxLength) =>
      resource.Properties[name] === undefined ? physicalName(naming.stack, logicalId, maxLength) : property(name),
    arn: (service, rest) => `arn:aws:${service}:${naming.region}:${naming.account}:${rest}`,
  });
}

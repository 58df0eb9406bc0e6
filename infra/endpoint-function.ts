/**
 * The house function: what every Lambda function of a deployment has in common, fixed once.
 * Its role holds the statements that it is given and the writing of its own log, nothing else.
 */
import { type Duration, RemovalPolicy } from 'aws-cdk-lib';
import type * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';

/** Where the metrics are that functions write into their logs (EMF), and the one dimension that all of them have. */
export const EMBEDDED_METRICS = { namespace: 'Countersign', dimensionsMap: { service: 'countersign' } } as const;

/** Where in a VPC a function runs. */
export interface FunctionNetwork {
  readonly vpc: ec2.IVpc;
  /** @default - the private subnets */
  readonly vpcSubnets?: ec2.SubnetSelection;
  /** @default - a group of its own, which lets all go out and nothing come in */
  readonly securityGroups?: readonly ec2.ISecurityGroup[];
}

export interface EndpointFunctionProps {
  /** Asset with `index.mjs`, whose export `handler` is the function. */
  readonly code: lambda.Code;
  readonly description: string;
  /** Variables of this function, beside those that all functions have. */
  readonly environment: Readonly<Record<string, string>>;
  /** Everything the function may call, beside writing its log. */
  readonly statements: readonly iam.PolicyStatement[];
  /** Megabytes; Lambda gives processor time in proportion. */
  readonly memorySize: number;
  readonly timeout: Duration;
  /**
   * Whether the log holds audit records: then it is kept for a year and survives the stack.
   * Without, it only helps to find faults: a month, and it goes with the stack.
   */
  readonly holdsAudit: boolean;
  /** @default - none: the network of Lambda, from where the public internet is reached */
  readonly network?: FunctionNetwork | undefined;
}

export class EndpointFunction extends Construct {
  readonly function: lambda.Function;
  readonly logGroup: logs.LogGroup;

  constructor(scope: Construct, id: string, props: EndpointFunctionProps) {
    super(scope, id);
    this.logGroup = new logs.LogGroup(this, 'Log', {
      retention: props.holdsAudit ? logs.RetentionDays.ONE_YEAR : logs.RetentionDays.ONE_MONTH,
      removalPolicy: props.holdsAudit ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
    });
    this.function = new lambda.Function(this, 'Function', {
      description: props.description,
      runtime: lambda.Runtime.NODEJS_24_X,
      architecture: lambda.Architecture.ARM_64,
      code: props.code,
      handler: 'index.handler',
      memorySize: props.memorySize,
      timeout: props.timeout,
      role: this.createRole(props.statements),
      logGroup: this.logGroup,
      loggingFormat: lambda.LoggingFormat.JSON,
      ...(props.network === undefined ? {} : networkProps(props.network)),
      environment: {
        ...props.environment,
        POWERTOOLS_SERVICE_NAME: EMBEDDED_METRICS.dimensionsMap.service,
        POWERTOOLS_METRICS_NAMESPACE: EMBEDDED_METRICS.namespace,
        POWERTOOLS_LOG_LEVEL: 'INFO',
      },
    });
  }

  /** Instead of AWSLambdaBasicExecutionRole, which may create log groups and write to every log of the account. */
  private createRole(statements: readonly iam.PolicyStatement[]): iam.Role {
    const writeLog = new iam.PolicyStatement({
      sid: 'Log',
      actions: ['logs:CreateLogStream', 'logs:PutLogEvents'],
      resources: [this.logGroup.logGroupArn],
    });
    return new iam.Role(this, 'Role', {
      assumedBy: new iam.ServicePrincipal('lambda.amazonaws.com'),
      inlinePolicies: { Calls: new iam.PolicyDocument({ statements: [writeLog, ...statements] }) },
    });
  }
}

const networkProps = ({ securityGroups, ...network }: FunctionNetwork) => ({
  ...network,
  ...(securityGroups === undefined ? {} : { securityGroups: [...securityGroups] }),
});

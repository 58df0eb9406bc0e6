/**
 * What Lambda needs of the role of a function in a VPC: Lambda itself makes the network interfaces of the function, as its role.
 * (Lambda developer guide, "Giving Lambda functions access to resources in an Amazon VPC".)
 */
import { Stack, Validations } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';
import { shownToNag } from './permissions.ts';

const DESCRIBE = ['ec2:DescribeNetworkInterfaces', 'ec2:DescribeSubnets'];
const MANAGE = [
  'ec2:CreateNetworkInterface',
  'ec2:DeleteNetworkInterface',
  'ec2:AssignPrivateIpAddresses',
  'ec2:UnassignPrivateIpAddresses',
];

/** For Lambda alone: what the function's own code asks for with this role is denied. */
export const networkStatements = (scope: Construct): readonly iam.PolicyStatement[] => {
  const { partition, region, account } = Stack.of(scope);
  return [
    // EC2 describes without regard to resources, so these take no other than "*".
    new iam.PolicyStatement({ sid: 'SeeNetwork', actions: DESCRIBE, resources: ['*'] }),
    // The guide wants all ids of the account here: which interfaces Lambda makes, only Lambda knows.
    new iam.PolicyStatement({
      sid: 'JoinNetwork',
      actions: MANAGE,
      resources: [`arn:${partition}:ec2:${region}:${account}:*/*`],
    }),
    // The function's ARN cannot stand here, since the function needs the role first; no other function has this role.
    new iam.PolicyStatement({
      sid: 'NotByCode',
      effect: iam.Effect.DENY,
      actions: [...DESCRIBE, ...MANAGE],
      resources: ['*'],
      conditions: {
        ArnLike: { 'lambda:SourceFunctionArn': `arn:${partition}:lambda:${region}:${account}:function:*` },
      },
    }),
  ];
};

/** Says to cdk-nag why; `scope` is the function. */
export const acknowledgeNetworkWildcards = (scope: Construct): void => {
  const reason = 'Lambda makes the network interfaces as this role; what the code of the function asks for is denied.';
  for (const resource of ['*', shownToNag(scope, 'ec2', '*/*')]) {
    Validations.of(scope).acknowledge({ id: `AwsSolutions-IAM5[Resource::${resource}]`, reason });
  }
};

import { type App, Stack, Validations } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import { AwsSolutionsChecks } from 'cdk-nag';
import { describe, expect, it } from 'vitest';
import { authorize } from '../../local/iam/authorize.ts';
import { parsePolicy } from '../../local/iam/policy.ts';
import { deploy, ofType, plain, resourceNamed, resourcesOf, testApp } from './deployment.ts';

const SUBNETS = ['subnet-1', 'subnet-2'];

const inNetwork = (app: App = testApp()) => {
  const network = new Stack(app, 'Network');
  const vpc = ec2.Vpc.fromVpcAttributes(network, 'Vpc', {
    vpcId: 'vpc-1',
    availabilityZones: ['eu-north-1a', 'eu-north-1b'],
    privateSubnetIds: SUBNETS,
  });
  const group = ec2.SecurityGroup.fromSecurityGroupId(network, 'Group', 'sg-1', { mutable: false });
  return deploy({ partnerNetwork: { vpc, securityGroups: [group] } }, app);
};

const resources = resourcesOf(inNetwork());
const CALLS = [
  'ec2:CreateNetworkInterface',
  'ec2:DeleteNetworkInterface',
  'ec2:DescribeNetworkInterfaces',
  'ec2:DescribeSubnets',
  'ec2:AssignPrivateIpAddresses',
  'ec2:UnassignPrivateIpAddresses',
];

describe('the refresh of partners in a VPC', () => {
  it('is the one function that runs there', () => {
    const inVpc = ofType(resources, 'AWS::Lambda::Function').filter(({ properties }) => 'VpcConfig' in properties);

    expect(inVpc.map(({ name }) => name)).toEqual(['ServiceRefreshPartnersFunction']);
    expect(plain(inVpc[0]?.properties.VpcConfig)).toEqual({ SecurityGroupIds: ['sg-1'], SubnetIds: SUBNETS });
  });

  it('lets Lambda make network interfaces as its role, and its code nothing of that', () => {
    const { Policies } = resourceNamed(resources, 'ServiceRefreshPartnersRole') as unknown as {
      Policies: { PolicyDocument: object }[];
    };
    const real = JSON.stringify(Policies[0]?.PolicyDocument)
      .replaceAll('<AWS::Partition>', 'aws')
      .replaceAll('<AWS::Region>', 'eu-north-1')
      .replaceAll('<AWS::AccountId>', '111122223333')
      .replaceAll(/<(Service\w+)\.Arn>/g, 'arn:aws:dynamodb:eu-north-1:111122223333:table/$1');
    const policies = [parsePolicy(JSON.parse(real), 'refresh')];
    const role = 'arn:aws:iam::111122223333:role/refresh';
    const lambda = { arn: `${role}/lambda`, roleArn: role, account: '111122223333', policies };
    const code = { ...lambda, sourceFunctionArn: 'arn:aws:lambda:eu-north-1:111122223333:function:refresh' };
    const mayDo = (caller: typeof lambda, region: string) =>
      CALLS.map((action) => {
        const resource = action.includes(':Describe')
          ? '*'
          : `arn:aws:ec2:${region}:111122223333:network-interface/eni-1`;
        return authorize(caller, { action, resource, context: {} }).allowed;
      });

    expect(mayDo(lambda, 'eu-north-1')).toEqual(CALLS.map(() => true));
    expect(mayDo(lambda, 'us-east-1')).toEqual(CALLS.map((action) => action.includes(':Describe')));
    expect(mayDo(code, 'eu-north-1')).toEqual(CALLS.map(() => false));
  });

  it('leaves cdk-nag nothing to find, because every wildcard is accounted for', () => {
    const app = testApp();
    inNetwork(app);
    Validations.of(app).addPlugins(new AwsSolutionsChecks(app));

    expect(() => app.synth()).not.toThrow();
  });

  it('has no permission of that kind unless it is asked for', () => {
    expect(JSON.stringify(resourcesOf(deploy()))).not.toContain('ec2:');
  });
});

/** The stack of one deployment: a `TokenService` with the settings of the CDK context, and the outputs that operators need. */
import { CfnOutput, Stack, type StackProps } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { TokenService, type TokenServiceProps } from './token-service.ts';

/** @default - a `TokenService` with default settings, in the account and Region of the deployment */
export interface CountersignStackProps extends StackProps {
  readonly service?: TokenServiceProps;
}

export class CountersignStack extends Stack {
  readonly service: TokenService;

  constructor(scope: Construct, id: string, props: CountersignStackProps = {}) {
    super(scope, id, { description: 'Countersign: tokens between servers', ...props });
    this.service = new TokenService(this, 'Service', props.service);
    this.output('ApiEndpoint', this.service.apiEndpoint, 'Where the API answers');
    this.output('Issuer', this.service.issuer, 'Issuer of the default realm: the `iss` of its tokens');
    this.output('RegistryTable', this.service.registry.tableName, 'DynamoDB table of realms, partners and key rings');
    this.output('EphemeraTable', this.service.ephemera.tableName, 'DynamoDB table of used assertions');
  }

  private output(id: string, value: string, description: string): void {
    new CfnOutput(this, id, { value, description });
  }
}

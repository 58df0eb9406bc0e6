/** The stack of one deployment: a `TokenService` with the settings of the CDK context, and the outputs that operators need. */
import { CfnOutput, Stack, type StackProps } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { mutualTlsOptions } from './mutual-tls.ts';
import type { MutualTlsSettings } from './mutual-tls-settings.ts';
import { TokenService, type TokenServiceProps } from './token-service.ts';

/** @default - a `TokenService` with default settings, in the account and Region of the deployment */
export interface CountersignStackProps extends StackProps {
  readonly service?: TokenServiceProps;
  /**
   * The mutual TLS domain by the names of what it needs.
   * @default - the one of `service`, if that has one
   */
  readonly mutualTls?: MutualTlsSettings;
}

export class CountersignStack extends Stack {
  readonly service: TokenService;

  constructor(scope: Construct, id: string, props: CountersignStackProps = {}) {
    const { service, mutualTls, ...stack } = props;
    super(scope, id, { description: 'Countersign: tokens between servers', ...stack });
    this.service = new TokenService(this, 'Service', {
      ...service,
      ...(mutualTls === undefined ? {} : { mutualTls: mutualTlsOptions(this, mutualTls) }),
    });
    this.output('ApiEndpoint', this.service.apiEndpoint, 'Where the API answers');
    this.output('Issuer', this.service.issuer, 'Issuer of the default realm: the `iss` of its tokens');
    this.output('RegistryTable', this.service.registry.tableName, 'DynamoDB table of realms, partners and key rings');
    this.output('EphemeraTable', this.service.ephemera.tableName, 'DynamoDB table of used assertions');
    const { mutualTlsUrl, mutualTlsDomain } = this.service;
    if (mutualTlsUrl !== undefined)
      this.output('MutualTlsUrl', mutualTlsUrl, 'Where TLS client certificates are asked for');
    if (mutualTlsDomain !== undefined) {
      const target = 'What the DNS name of MutualTlsUrl has to be an alias of';
      this.output('MutualTlsTarget', mutualTlsDomain.regionalDomainName, target);
    }
  }

  private output(id: string, value: string, description: string): void {
    new CfnOutput(this, id, { value, description });
  }
}

/**
 * `billing`: a Lambda function on an HTTP API of its own, behind the authorizer of the token service. It calls `orders` back, with a
 * key that lives in KMS and never leaves it.
 */

import { CfnOutput, CustomResource, Duration, Stack } from 'aws-cdk-lib';
import { HttpApi, HttpMethod } from 'aws-cdk-lib/aws-apigatewayv2';
import { HttpLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations';
import { Key, KeySpec, KeyUsage } from 'aws-cdk-lib/aws-kms';
import { Runtime } from 'aws-cdk-lib/aws-lambda';
import { NodejsFunction, type NodejsFunctionProps } from 'aws-cdk-lib/aws-lambda-nodejs';
import type { Construct } from 'constructs';
import type { TokenService } from '../../infra/token-service.ts';
import { AUDIENCES } from '../audiences.ts';

/** What the key is registered as. Another key gets another one. */
const KEY_ID = 'billing-1';

export interface BillingProps {
  readonly service: TokenService;
  /** Base URL of `orders`. */
  readonly ordersUrl: string;
}

export class BillingStack extends Stack {
  /** The public half of its key, to be registered with the token service. */
  readonly publicJwk: Record<string, string>;

  constructor(scope: Construct, id: string, { service, ordersUrl }: BillingProps) {
    super(scope, id);
    const key = new Key(this, 'Key', { keySpec: KeySpec.ECC_NIST_P256, keyUsage: KeyUsage.SIGN_VERIFY });
    const invoices = this.lambda('Invoices', 'invoices', {
      TOKEN_ISSUER: service.issuer,
      ORDERS_URL: ordersUrl,
      KEY_ARN: key.keyArn,
      KEY_ID,
    });
    key.grant(invoices, 'kms:Sign');

    const api = new HttpApi(this, 'Api');
    const integration = new HttpLambdaIntegration('Invoices', invoices);
    const path = '/invoices/{order}';
    const { GET, POST } = HttpMethod;
    const guarded = (scope: string) =>
      service.authorizer({ audience: AUDIENCES.billing, scopes: [scope] }).forHttpApi();
    api.addRoutes({ path, methods: [GET], integration, authorizer: guarded('invoices:read') });
    api.addRoutes({ path, methods: [POST], integration, authorizer: guarded('invoices:write') });
    new CfnOutput(this, 'Url', { value: api.apiEndpoint });

    this.publicJwk = this.readPublicKey(key);
  }

  /** Only KMS knows the public key, and only once the key is there: a function reads it during the deployment. */
  private readPublicKey(key: Key): Record<string, string> {
    const reader = this.lambda('PublicKeyReader', 'public-key', {});
    key.grant(reader, 'kms:GetPublicKey');
    const published = new CustomResource(this, 'PublicKey', {
      serviceToken: reader.functionArn,
      properties: { KeyArn: key.keyArn },
    });
    published.node.addDependency(reader);
    const [x, y] = [published.getAttString('x'), published.getAttString('y')];
    return { kty: 'EC', crv: 'P-256', x, y, kid: KEY_ID, alg: 'ES256', use: 'sig' };
  }

  private lambda(id: string, file: string, environment: NonNullable<NodejsFunctionProps['environment']>) {
    return new NodejsFunction(this, id, {
      entry: `${import.meta.dirname}/${file}.lambda.ts`,
      runtime: Runtime.NODEJS_24_X,
      timeout: Duration.seconds(15),
      memorySize: 512,
      environment,
      // The SDK that the code was tested with, not the one that the runtime happens to have.
      bundling: { bundleAwsSDK: true },
    });
  }
}

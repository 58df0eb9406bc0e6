/** `reports`: behind the JWT authorizer of API Gateway. No function verifies anything; docs/authorizers.md says what that leaves out. */

import { CfnOutput, Stack } from 'aws-cdk-lib';
import { HttpApi, HttpMethod } from 'aws-cdk-lib/aws-apigatewayv2';
import { HttpJwtAuthorizer } from 'aws-cdk-lib/aws-apigatewayv2-authorizers';
import { HttpLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations';
import { Runtime } from 'aws-cdk-lib/aws-lambda';
import { NodejsFunction } from 'aws-cdk-lib/aws-lambda-nodejs';
import type { Construct } from 'constructs';
import type { TokenService } from '../../infra/token-service.ts';
import { AUDIENCES } from '../audiences.ts';

export interface ReportsProps {
  readonly service: TokenService;
}

export class ReportsStack extends Stack {
  constructor(scope: Construct, id: string, { service }: ReportsProps) {
    super(scope, id);
    const entry = `${import.meta.dirname}/reports.lambda.ts`;
    const reports = new NodejsFunction(this, 'Reports', { entry, runtime: Runtime.NODEJS_24_X });
    const authorizer = new HttpJwtAuthorizer('Tokens', service.issuer, { jwtAudience: [AUDIENCES.reports] });
    const api = new HttpApi(this, 'Api', { defaultAuthorizer: authorizer });
    const integration = new HttpLambdaIntegration('Reports', reports);
    const path = '/reports';
    api.addRoutes({ path, methods: [HttpMethod.GET], integration, authorizationScopes: ['reports:read'] });
    api.addRoutes({ path, methods: [HttpMethod.POST], integration, authorizationScopes: ['reports:write'] });
    new CfnOutput(this, 'Url', { value: api.apiEndpoint });
  }
}

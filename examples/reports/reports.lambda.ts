/** `reports`: says who asked. The JWT authorizer hands the claims on, every one as text. */

import type { APIGatewayProxyEventV2WithJWTAuthorizer } from 'aws-lambda';

export const handler = async ({ requestContext }: APIGatewayProxyEventV2WithJWTAuthorizer) => {
  const { claims, scopes } = requestContext.authorizer.jwt;
  return { report: 'turnover', readBy: claims.client_id, scopes };
};

/**
 * The API Gateway Lambda authorizer (HTTP API, payload 2.0, simple response). API Gateway itself answers 401 where the
 * header is missing and 403 where we say no; it has no way to say 503, so an outage is thrown and becomes its 500.
 */

import { injectLambdaContext } from '@aws-lambda-powertools/logger/middleware';
import { logMetrics } from '@aws-lambda-powertools/metrics/middleware';
import middy from '@middy/core';
import type {
  APIGatewayRequestAuthorizerEventV2,
  APIGatewaySimpleAuthorizerResult,
  APIGatewaySimpleAuthorizerWithContextResult,
} from 'aws-lambda';
import { auditRecord, type Decided } from '../core/audit.ts';
import type { ResourceRequest } from '../core/resource-request.ts';
import type { AccessTokenClaims } from '../core/token.ts';
import { LOGGING, type Observability, recordDecision, recordFault, withoutMessage } from './observability.ts';
import { resourceRequest } from './request.ts';

export type AuthorizerAnswer =
  | APIGatewaySimpleAuthorizerResult
  | APIGatewaySimpleAuthorizerWithContextResult<AccessTokenClaims>;

export const authorizer = (
  seen: Observability,
  check: (request: ResourceRequest) => Promise<Decided<AccessTokenClaims>>,
) =>
  middy<APIGatewayRequestAuthorizerEventV2, AuthorizerAnswer>()
    .use(injectLambdaContext(seen.logger, LOGGING))
    .use(logMetrics(seen.metrics, { captureColdStartMetric: true }))
    .onError((request) => {
      recordFault(seen, request.error, request.event.requestContext.requestId);
      request.error = withoutMessage(request.error);
    })
    .handler(async (event) => {
      const decided = await check(resourceRequest(event));
      recordDecision(seen, auditRecord('check-token', event.requestContext.requestId, decided));
      // The verified claims reach the function behind the route as requestContext.authorizer.lambda.
      return decided.result.ok ? { isAuthorized: true, context: decided.result.value } : { isAuthorized: false };
    });

/**
 * The API Gateway Lambda authorizer, for HTTP APIs (payload 2.0, simple response) and REST APIs (authorizer-rest.ts).
 * An HTTP API answers 401 where the header is missing and 403 where we say no; no API has a way to say 503, so an outage is thrown
 * and becomes its 500.
 */

import { injectLambdaContext } from '@aws-lambda-powertools/logger/middleware';
import { logMetrics } from '@aws-lambda-powertools/metrics/middleware';
import middy from '@middy/core';
import type {
  APIGatewayAuthorizerResult,
  APIGatewayRequestAuthorizerEventV2,
  APIGatewaySimpleAuthorizerResult,
  APIGatewaySimpleAuthorizerWithContextResult,
  Context,
} from 'aws-lambda';
import { auditRecord, type Decided } from '../core/audit.ts';
import type { ResourceRequest } from '../core/resource-request.ts';
import type { AccessTokenClaims } from '../core/token.ts';
import { type RestAuthorizerEvent, restAnswer, restRequest, Unauthorized } from './authorizer-rest.ts';
import { LOGGING, type Observability, recordDecision, recordFault, withoutMessage } from './observability.ts';
import { resourceRequest } from './request.ts';

export type AuthorizerEvent = APIGatewayRequestAuthorizerEventV2 | RestAuthorizerEvent;

export type AuthorizerAnswer =
  | APIGatewaySimpleAuthorizerResult
  | APIGatewaySimpleAuthorizerWithContextResult<AccessTokenClaims>
  | APIGatewayAuthorizerResult;

export const authorizer = (
  seen: Observability,
  check: (request: ResourceRequest) => Promise<Decided<AccessTokenClaims>>,
) =>
  middy<AuthorizerEvent, AuthorizerAnswer>()
    .use(injectLambdaContext(seen.logger, LOGGING))
    .use(logMetrics(seen.metrics, { captureColdStartMetric: true }))
    .onError((request) => {
      // Decided and on record: an answer, in the only form that a REST API has for it.
      if (request.error instanceof Unauthorized) return;
      recordFault(seen, request.error, requestIdOf(request.event, request.context));
      request.error = withoutMessage(request.error);
    })
    .handler(async (event, { awsRequestId }) => {
      const request = isRest(event) ? restRequest(event, awsRequestId) : resourceRequest(event);
      const decided = await check(request);
      recordDecision(seen, auditRecord('check-token', request.requestId, decided));
      return isRest(event) ? restAnswer(event, decided) : simpleAnswer(decided);
    });

const isRest = (event: AuthorizerEvent): event is RestAuthorizerEvent => 'methodArn' in event;

const requestIdOf = (event: AuthorizerEvent, { awsRequestId }: Context): string =>
  isRest(event) ? awsRequestId : event.requestContext.requestId;

/** The verified claims reach the function behind the route as `requestContext.authorizer.lambda`. */
const simpleAnswer = ({ result }: Decided<AccessTokenClaims>): AuthorizerAnswer =>
  result.ok ? { isAuthorized: true, context: result.value } : { isAuthorized: false };

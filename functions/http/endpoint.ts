/**
 * The one middy chain that every HTTP function runs in: logging context, metrics, security headers, and the only place where
 * an exception becomes an answer. An outage, or running out of time, is 503 with `Retry-After`; a fault of ours is 500.
 */

import { injectLambdaContext } from '@aws-lambda-powertools/logger/middleware';
import { logMetrics } from '@aws-lambda-powertools/metrics/middleware';
import middy, { type MiddlewareObj } from '@middy/core';
import httpSecurityHeaders from '@middy/http-security-headers';
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2, Context } from 'aws-lambda';
import { Outage } from '../ports.ts';
import { LOGGING, type Observability, recordFault } from './observability.ts';

export type HttpEvent = APIGatewayProxyEventV2;
export type HttpAnswer = APIGatewayProxyStructuredResultV2;

/** What middy hands to a handler. */
export type Invocation = [event: HttpEvent, context: Context, options: { readonly signal: AbortSignal }];

export interface Failure {
  readonly status: 500 | 503;
  readonly error: 'server_error' | 'temporarily_unavailable';
  readonly description: string;
}

const OUTAGE: Failure = {
  status: 503,
  error: 'temporarily_unavailable',
  description: 'The service is temporarily unavailable. Try again later.',
};
const FAULT: Failure = { status: 500, error: 'server_error', description: 'The service failed to answer.' };

/** Seconds after which a client may try again; the SDK's own attempts have failed by then. */
const RETRY_AFTER_SECONDS = 2;

/** Time kept back to answer before Lambda ends the function; the answer itself takes a millisecond. */
const ANSWER_BEFORE_END_MS = 500;

/** @param renderFailure the failure in the words of this endpoint's protocol. */
export const endpoint = (
  seen: Observability,
  answer: (...call: Invocation) => Promise<HttpAnswer>,
  renderFailure: (failure: Failure) => HttpAnswer,
) =>
  middy<HttpEvent, HttpAnswer>({
    timeoutEarlyInMillis: ANSWER_BEFORE_END_MS,
    timeoutEarlyResponse: () => {
      throw new Outage('deadline', new Error('the time of this invocation is over'));
    },
  })
    .use(injectLambdaContext(seen.logger, LOGGING))
    .use(logMetrics(seen.metrics, { captureColdStartMetric: true }))
    .use(httpSecurityHeaders(SECURITY_HEADERS))
    .use(failures(seen, renderFailure))
    .handler(answer);

/** All that matters for an API that serves JSON only; the rest of the middleware's defaults is about pages. */
const SECURITY_HEADERS = {
  dnsPrefetchControl: false,
  frameOptions: false,
  poweredBy: false,
  downloadOptions: false,
  originAgentCluster: false,
  xssProtection: false,
  permittedCrossDomainPolicies: false,
} as const;

const failures = (
  seen: Observability,
  renderFailure: (failure: Failure) => HttpAnswer,
): MiddlewareObj<HttpEvent, HttpAnswer> => ({
  onError: (request) => {
    recordFault(seen, request.error, request.event.requestContext.requestId);
    const rendered = renderFailure(request.error instanceof Outage ? OUTAGE : FAULT);
    request.response =
      rendered.statusCode === 503
        ? { ...rendered, headers: { ...rendered.headers, 'retry-after': String(RETRY_AFTER_SECONDS) } }
        : rendered;
  },
});

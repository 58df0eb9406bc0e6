/**
 * The event that API Gateway hands to a function: HTTP API, payload format 2.0.
 * Source: API Gateway developer guide, "Create AWS Lambda proxy integrations for HTTP APIs".
 */

import type { JsonObject } from '../service.ts';
import type { GatewayRequest } from './request.ts';

/** What an event says beside the request itself. */
export interface EventContext {
  readonly account: string;
  readonly apiId: string;
  readonly stage: string;
  readonly routeKey: string;
  readonly requestId: string;
  readonly pathParameters: Readonly<Record<string, string>>;
  /** Milliseconds since the epoch when the request arrived. */
  readonly now: number;
  readonly scheme: 'http' | 'https';
  readonly port: number;
  /** `requestContext.authorizer`, where the route has one. */
  readonly authorizer?: JsonObject;
}

/** Headers that concern one connection, and cookies, which have a member of their own. */
const OMITTED = new Set([
  'connection',
  'keep-alive',
  'transfer-encoding',
  'upgrade',
  'te',
  'trailer',
  'expect',
  'cookie',
]);

/**
 * Content types whose body is handed over as text. Everything else, `application/x-www-form-urlencoded` and a missing
 * content type included, is base64. AWS does not document the list; this one was observed against the real service.
 */
const TEXT_TYPE = /^(text\/.+|application\/(json|javascript|xml))$/i;

/** The event for an integration. */
export const integrationEvent = (request: GatewayRequest, context: EventContext): JsonObject => ({
  ...commonParts(request, context),
  ...bodyParts(request),
});

/** The event for a Lambda authorizer: no body, but what it is asked about. */
export const authorizerEvent = (
  request: GatewayRequest,
  context: EventContext,
  routeArn: string,
  identitySource: readonly string[],
): JsonObject => ({ type: 'REQUEST', routeArn, identitySource: [...identitySource], ...commonParts(request, context) });

function commonParts(request: GatewayRequest, context: EventContext): JsonObject {
  const { headers, rawQuery } = request;
  const query = queryParameters(rawQuery);
  const cookies = headers.cookie?.split(/;\s*/);
  return {
    version: '2.0',
    routeKey: context.routeKey,
    rawPath: request.path,
    rawQueryString: rawQuery,
    ...(cookies === undefined ? {} : { cookies }),
    headers: eventHeaders(request, context),
    ...(rawQuery === '' ? {} : { queryStringParameters: query }),
    requestContext: requestContext(request, context),
    ...(Object.keys(context.pathParameters).length === 0 ? {} : { pathParameters: context.pathParameters }),
  };
}

function requestContext(request: GatewayRequest, context: EventContext): JsonObject {
  const domainName = (request.headers.host ?? '').replace(/:\d+$/, '');
  return {
    accountId: context.account,
    apiId: context.apiId,
    ...(request.clientCertificate === undefined ? {} : { authentication: { clientCert: request.clientCertificate } }),
    ...(context.authorizer === undefined ? {} : { authorizer: context.authorizer }),
    domainName,
    domainPrefix: domainName.split('.')[0] ?? '',
    http: {
      method: request.method,
      path: request.path,
      protocol: request.protocol,
      sourceIp: request.sourceIp,
      userAgent: request.headers['user-agent'] ?? '',
    },
    requestId: context.requestId,
    routeKey: context.routeKey,
    stage: context.stage,
    time: gatewayTime(context.now),
    timeEpoch: context.now,
  };
}

function eventHeaders(request: GatewayRequest, context: EventContext): JsonObject {
  const own = Object.entries(request.headers).filter(([name]) => !OMITTED.has(name));
  const before = request.headers['x-forwarded-for'];
  return {
    ...Object.fromEntries(own),
    'content-length': String(request.body.length),
    'x-forwarded-for': before === undefined ? request.sourceIp : `${before}, ${request.sourceIp}`,
    'x-forwarded-port': String(context.port),
    'x-forwarded-proto': context.scheme,
  };
}

function bodyParts({ body, headers }: GatewayRequest): JsonObject {
  if (body.length === 0) return { isBase64Encoded: false };
  const mediaType = (headers['content-type'] ?? '').split(';')[0]?.trim() ?? '';
  if (TEXT_TYPE.test(mediaType)) return { body: body.toString('utf8'), isBase64Encoded: false };
  return { body: body.toString('base64'), isBase64Encoded: true };
}

/** Decoded; the values of a repeated parameter are joined by commas. */
export function queryParameters(rawQuery: string): Record<string, string> {
  const parameters: Record<string, string> = {};
  for (const [name, value] of new URLSearchParams(rawQuery))
    parameters[name] = parameters[name] === undefined ? value : `${parameters[name]},${value}`;
  return parameters;
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** CLF time in UTC, `12/Mar/2020:19:03:58 +0000`. */
function gatewayTime(now: number): string {
  const iso = new Date(now).toISOString();
  const month = MONTHS[Number(iso.slice(5, 7)) - 1];
  return `${iso.slice(8, 10)}/${month}/${iso.slice(0, 4)}:${iso.slice(11, 19)} +0000`;
}

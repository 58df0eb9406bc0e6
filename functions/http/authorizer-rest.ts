/**
 * The authorizer's answers for a REST API: an IAM policy with context (API Gateway developer guide, "Output from a Lambda
 * authorizer"). There a missing or bad token is 401, a token without the scope 403, an outage 500.
 */

import type {
  APIGatewayAuthorizerResult,
  APIGatewayAuthorizerResultContext,
  APIGatewayRequestAuthorizerEvent,
  APIGatewayTokenAuthorizerEvent,
} from 'aws-lambda';
import type { Decided } from '../core/audit.ts';
import type { ResourceRequest } from '../core/resource-request.ts';
import type { AccessTokenClaims } from '../core/token.ts';
import { refusalToWire } from '../core/wire-error.ts';
import { accessToken } from './request.ts';

export type RestAuthorizerEvent = APIGatewayTokenAuthorizerEvent | APIGatewayRequestAuthorizerEvent;

/** API Gateway answers 401 for an error with exactly this message, and 500 for any other. */
export class Unauthorized extends Error {
  constructor() {
    super('Unauthorized');
  }
}

/**
 * What a REST API tells of a request. An authorizer of the type TOKEN is told the header `Authorization` alone: whoever shows it a
 * bound token cannot prove anything, so such tokens are refused there.
 * @param requestId of Lambda: callers can choose the one that a REST API tells (API Gateway developer guide, $context.requestId), and
 * with it whoever repeats a DPoP proof would pass for the one request that it is good for.
 */
export const restRequest = (event: RestAuthorizerEvent, requestId: string): ResourceRequest => {
  if (event.type === 'TOKEN') return { ...shownBy(event.authorizationToken), ...placeOf(event.methodArn), requestId };
  const { requestContext, httpMethod: method } = event;
  const proof = headerOf(event, 'dpop');
  const pem = requestContext.identity.clientCert?.clientCertPem;
  return {
    ...shownBy(headerOf(event, 'authorization')),
    ...(proof === undefined ? {} : { proof }),
    ...(pem === undefined ? {} : { clientCertificate: pem }),
    ...{ method, host: requestContext.domainName ?? '', requestId },
    // With the stage or base path, which the caller's URL has as well.
    path: decodedPath(requestContext.path),
  };
};

const shownBy = (authorization: string | undefined): Pick<ResourceRequest, 'token'> => {
  const token = accessToken(authorization);
  return token === undefined ? {} : { token };
};

/** `arn:<partition>:execute-api:<Region>:<account>:<API>/<stage>/<method>/<path>`; the host stays unknown. */
const placeOf = (methodArn: string): Pick<ResourceRequest, 'method' | 'host' | 'path'> => {
  const [, stage = '', method = '', ...path] = methodArn.split('/');
  return { method, host: '', path: `/${[stage, ...path].join('/')}` };
};

/**
 * All values of a header, joined by commas as an HTTP API does it. REST APIs keep the letter case of the caller, and put only the
 * last value of a repeated header into `headers`: two readers of one request must not see two tokens.
 */
const headerOf = (
  { headers, multiValueHeaders }: Pick<APIGatewayRequestAuthorizerEvent, 'headers' | 'multiValueHeaders'>,
  name: string,
): string | undefined => {
  const values = Object.entries(multiValueHeaders ?? headers ?? {}).flatMap(([given, value]) =>
    given.toLowerCase() === name ? (value ?? []) : [],
  );
  return values.length === 0 ? undefined : values.join(',');
};

const decodedPath = (path: string): string => {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
};

/** @throws Unauthorized for a token that is missing or not good. */
export const restAnswer = (
  { methodArn }: RestAuthorizerEvent,
  { result, facts }: Decided<AccessTokenClaims>,
): APIGatewayAuthorizerResult => {
  if (result.ok) return { ...policy('Allow', methodArn, result.value.client_id), context: restContext(result.value) };
  if (refusalToWire(result.refusal).status === 403) return policy('Deny', methodArn, facts.client ?? 'unknown');
  throw new Unauthorized();
};

/**
 * For the whole stage: the decision is about the token and not about the path, API Gateway keeps it for all methods of the
 * authorizer, and the path in the ARN is the caller's, who could write wildcards and variables of policies into it.
 */
const policy = (effect: 'Allow' | 'Deny', methodArn: string, principalId: string): APIGatewayAuthorizerResult => {
  const stage = methodArn.split('/', 2).join('/');
  const statement = { Effect: effect, Action: 'execute-api:Invoke', Resource: `${stage}/*` };
  return { principalId, policyDocument: { Version: '2012-10-17', Statement: [statement] } };
};

/** Names under `requestContext.authorizer` that are API Gateway's: no claim may pass for them. */
const OWN_NAMES: readonly string[] = ['principalId', 'integrationLatency'];

/** The verified claims. Texts, numbers and truth values as they are; all else, which a REST API refuses there, as JSON text. */
const restContext = (claims: AccessTokenClaims): APIGatewayAuthorizerResultContext =>
  Object.fromEntries(
    Object.entries(claims)
      .filter(([name]) => !OWN_NAMES.includes(name))
      .map(([name, value]) => [name, isPlain(value) ? value : JSON.stringify(value)]),
  );

const isPlain = (value: unknown): value is string | number | boolean =>
  ['string', 'number', 'boolean'].includes(typeof value);

/**
 * What the template says about the authorizers of HTTP APIs, and which of them stands before a route.
 * Source: CloudFormation reference, `AWS::ApiGatewayV2::Authorizer` and `AWS::ApiGatewayV2::Route`.
 */

import { z } from 'zod';
import { StartError } from '../start-error.ts';

/** A Lambda authorizer of type REQUEST, payload 2.0, simple responses. */
export interface LambdaAuthorizer {
  readonly id: string;
  readonly functionArn: string;
  /** e.g. `$request.header.Authorization`. */
  readonly identitySources: readonly string[];
  /** How long a result is kept; 0 for not at all. */
  readonly cacheSeconds: number;
}

/** A JWT authorizer: API Gateway itself verifies the token. */
export interface JwtAuthorizer {
  readonly id: string;
  /** As the tokens say it; its discovery document leads to the keys. */
  readonly issuer: string;
  /** One of them has to be the token's. */
  readonly audiences: readonly string[];
  readonly identitySource: string;
}

export type RouteAuthorization =
  | { readonly kind: 'none' }
  | { readonly kind: 'iam' }
  | { readonly kind: 'lambda'; readonly authorizer: LambdaAuthorizer }
  /** One of `scopes` is enough; none are asked for where the list is empty. */
  | { readonly kind: 'jwt'; readonly authorizer: JwtAuthorizer; readonly scopes: readonly string[] };

const lambdaProperties = z.object({
  AuthorizerType: z.literal('REQUEST'),
  ApiId: z.string(),
  AuthorizerUri: z.string(),
  AuthorizerPayloadFormatVersion: z.literal('2.0'),
  EnableSimpleResponses: z.literal(true),
  IdentitySource: z.array(z.string()).default([]),
  AuthorizerResultTtlInSeconds: z.coerce.number().int().min(0).max(3600).default(300),
});

const jwtProperties = z.object({
  AuthorizerType: z.literal('JWT'),
  ApiId: z.string(),
  IdentitySource: z.tuple([z.string()], { error: 'a JWT authorizer has one identity source' }),
  JwtConfiguration: z.object({
    Issuer: z.url({ protocol: /^https?$/, error: 'the issuer has to be a URL' }),
    Audience: z.array(z.string()).min(1, { error: 'there has to be an audience' }),
  }),
});

export const authorizerProperties = z.discriminatedUnion('AuthorizerType', [lambdaProperties, jwtProperties]);

export const routeProperties = z.object({
  ApiId: z.string(),
  RouteKey: z.string(),
  Target: z.string(),
  AuthorizationType: z.enum(['NONE', 'AWS_IAM', 'CUSTOM', 'JWT']).default('NONE'),
  AuthorizerId: z.string().optional(),
  AuthorizationScopes: z.array(z.string()).default([]),
});

/** @throws StartError when the route names no authorizer of the kind that it wants. */
export function authorizationOf(
  route: z.output<typeof routeProperties>,
  authorizers: ReadonlyMap<string, z.output<typeof authorizerProperties>>,
  logicalId: string,
): RouteAuthorization {
  if (route.AuthorizationType === 'NONE') return { kind: 'none' };
  if (route.AuthorizationType === 'AWS_IAM') return { kind: 'iam' };
  const id = route.AuthorizerId ?? '';
  const declared = authorizers.get(id);
  const wanted = route.AuthorizationType === 'JWT' ? 'JWT' : 'REQUEST';
  if (declared?.AuthorizerType !== wanted || declared.ApiId !== route.ApiId)
    throw new StartError(`${logicalId}: no authorizer ${id}`);
  if (declared.AuthorizerType === 'JWT') {
    const { Issuer: issuer, Audience: audiences } = declared.JwtConfiguration;
    const [identitySource] = declared.IdentitySource;
    return { kind: 'jwt', authorizer: { id, issuer, audiences, identitySource }, scopes: route.AuthorizationScopes };
  }
  const authorizer = {
    id,
    functionArn: functionArnIn(declared.AuthorizerUri, logicalId),
    identitySources: declared.IdentitySource,
    cacheSeconds: declared.AuthorizerResultTtlInSeconds,
  };
  return { kind: 'lambda', authorizer };
}

/** An integration names its function by ARN, an authorizer by the invocation path of API Gateway. */
export function functionArnIn(uri: string, logicalId: string): string {
  const [, arn] = /(arn:aws:lambda:[^/]+:function:[^/]+?)(?:\/invocations)?$/.exec(uri) ?? [];
  if (arn === undefined) throw new StartError(`${logicalId}: ${uri} does not name a Lambda function`);
  return arn;
}

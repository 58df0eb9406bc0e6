/**
 * What the template says about its HTTP API: routes, their integrations and authorizers.
 * Settings that the local gateway cannot honour stop the start; throttling and access logs are accepted and not simulated.
 */

import { z } from 'zod';
import type { Json } from '../service.ts';
import { StartError } from '../start-error.ts';
import { parseProperties } from '../template/document.ts';
import type { Resolver } from '../template/resolver.ts';
import { bySpecificity, parseRouteKey, type RouteKey } from './routes.ts';

/** A Lambda authorizer of type REQUEST, payload 2.0, simple responses. */
export interface LambdaAuthorizer {
  readonly id: string;
  readonly functionArn: string;
  /** e.g. `$request.header.Authorization`. */
  readonly identitySources: readonly string[];
  /** How long a result is kept; 0 for not at all. */
  readonly cacheSeconds: number;
}

type RouteAuthorization =
  | { readonly kind: 'none' }
  | { readonly kind: 'iam' }
  | { readonly kind: 'lambda'; readonly authorizer: LambdaAuthorizer };

export interface Route extends RouteKey {
  readonly authorization: RouteAuthorization;
  readonly functionArn: string;
  readonly timeoutMs: number;
}

export interface HttpApiDefinition {
  readonly id: string;
  readonly stage: string;
  /** The most specific first. */
  readonly routes: readonly Route[];
}

const apiProperties = z.object({
  ProtocolType: z.literal('HTTP'),
  CorsConfiguration: z.undefined({ error: 'CORS is not supported by the local runner' }).optional(),
});

const stageProperties = z.object({
  StageName: z.literal('$default', { error: 'the local runner serves the stage $default only' }),
});

const integrationProperties = z.object({
  IntegrationType: z.literal('AWS_PROXY'),
  IntegrationUri: z.string(),
  PayloadFormatVersion: z.literal('2.0'),
  TimeoutInMillis: z.number().int().min(50).max(30_000).default(30_000),
});

const authorizerProperties = z.object({
  AuthorizerType: z.literal('REQUEST'),
  AuthorizerUri: z.string(),
  AuthorizerPayloadFormatVersion: z.literal('2.0'),
  EnableSimpleResponses: z.literal(true),
  IdentitySource: z.array(z.string()).default([]),
  AuthorizerResultTtlInSeconds: z.coerce.number().int().min(0).max(3600).default(300),
});

const routeProperties = z.object({
  RouteKey: z.string(),
  Target: z.string(),
  AuthorizationType: z.enum(['NONE', 'AWS_IAM', 'CUSTOM']).default('NONE'),
  AuthorizerId: z.string().optional(),
});

/** @throws StartError when there is no API, more than one, or something in it that is not supported. */
export function readHttpApi(resolver: Resolver): HttpApiDefinition {
  const [api, ...others] = resolver.resources('AWS::ApiGatewayV2::Api');
  if (api === undefined) throw new StartError('the template declares no HTTP API (AWS::ApiGatewayV2::Api)');
  if (others.length > 0) throw new StartError('the template declares more than one HTTP API');
  const [apiLogicalId] = api;
  parseProperties(apiProperties, resolver.properties(apiLogicalId), apiLogicalId);
  const integrations = partsOf(resolver, 'AWS::ApiGatewayV2::Integration', integrationProperties);
  const authorizers = partsOf(resolver, 'AWS::ApiGatewayV2::Authorizer', authorizerProperties);
  const routes = resolver.resources('AWS::ApiGatewayV2::Route').map(([logicalId]) => {
    const route = parseProperties(routeProperties, resolver.properties(logicalId), logicalId);
    const integration = integrations.get(route.Target.replace('integrations/', ''));
    if (integration === undefined) throw new StartError(`${logicalId}: no integration ${route.Target}`);
    return {
      ...parseRouteKey(route.RouteKey, logicalId),
      authorization: authorizationOf(route, authorizers, logicalId),
      functionArn: functionArnIn(integration.IntegrationUri, logicalId),
      timeoutMs: integration.TimeoutInMillis,
    };
  });
  return {
    id: resolver.values(apiLogicalId, apiLogicalId).ref,
    stage: stageOf(resolver, apiLogicalId),
    routes: bySpecificity(routes),
  };
}

function authorizationOf(
  route: z.output<typeof routeProperties>,
  authorizers: ReadonlyMap<string, z.output<typeof authorizerProperties>>,
  logicalId: string,
): RouteAuthorization {
  if (route.AuthorizationType === 'NONE') return { kind: 'none' };
  if (route.AuthorizationType === 'AWS_IAM') return { kind: 'iam' };
  const id = route.AuthorizerId ?? '';
  const authorizer = authorizers.get(id);
  if (authorizer === undefined) throw new StartError(`${logicalId}: no authorizer ${id}`);
  return {
    kind: 'lambda',
    authorizer: {
      id,
      functionArn: functionArnIn(authorizer.AuthorizerUri, logicalId),
      identitySources: authorizer.IdentitySource,
      cacheSeconds: authorizer.AuthorizerResultTtlInSeconds,
    },
  };
}

function stageOf(resolver: Resolver, api: string): string {
  const [stage] = resolver.resources('AWS::ApiGatewayV2::Stage');
  if (stage === undefined) throw new StartError(`${api}: the HTTP API has no stage`);
  return parseProperties(stageProperties, resolver.properties(stage[0]), stage[0]).StageName;
}

/** The resources of one type by their `Ref`. */
function partsOf<T>(resolver: Resolver, type: string, schema: z.ZodType<T>): Map<string, T> {
  const parts = resolver.resources(type).map(([logicalId]) => {
    const properties: Readonly<Record<string, Json | undefined>> = resolver.properties(logicalId);
    return [resolver.values(logicalId, logicalId).ref, parseProperties(schema, properties, logicalId)] as const;
  });
  return new Map(parts);
}

/** An integration names its function by ARN, an authorizer by the invocation path of API Gateway. */
function functionArnIn(uri: string, logicalId: string): string {
  const [, arn] = /(arn:aws:lambda:[^/]+:function:[^/]+?)(?:\/invocations)?$/.exec(uri) ?? [];
  if (arn === undefined) throw new StartError(`${logicalId}: ${uri} does not name a Lambda function`);
  return arn;
}

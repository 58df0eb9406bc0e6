/**
 * What the templates say about their HTTP APIs: routes, their integrations and authorizers, be they declared in other stacks.
 * Settings that the local gateway cannot honour stop the start; throttling and access logs are accepted and not simulated.
 */

import { z } from 'zod';
import { StartError } from '../start-error.ts';
import { parseProperties } from '../template/document.ts';
import type { Resolver } from '../template/resolver.ts';
import {
  authorizationOf,
  authorizerProperties,
  functionArnIn,
  type RouteAuthorization,
  routeProperties,
} from './authorizer-definition.ts';
import { bySpecificity, parseRouteKey, type RouteKey } from './routes.ts';

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

/** An HTTP API by where it is declared. */
export interface DeclaredApi {
  readonly stack: string;
  readonly logicalId: string;
  /** Its `Ref`. */
  readonly id: string;
}

const API = 'AWS::ApiGatewayV2::Api';

const apiProperties = z.object({
  ProtocolType: z.literal('HTTP'),
  CorsConfiguration: z.undefined({ error: 'CORS is not supported by the local runner' }).optional(),
});

const stageProperties = z.object({
  StageName: z.literal('$default', { error: 'the local runner serves the stage $default only' }),
  ApiId: z.string(),
});

const integrationProperties = z.object({
  ApiId: z.string(),
  IntegrationType: z.literal('AWS_PROXY'),
  IntegrationUri: z.string(),
  PayloadFormatVersion: z.literal('2.0'),
  TimeoutInMillis: z.number().int().min(50).max(30_000).default(30_000),
});

interface NamedResolver {
  readonly name: string;
  readonly resolver: Resolver;
}

/** The HTTP APIs of the stacks, those of the first stack first. @throws StartError when there is none. */
export function declaredApis(stacks: readonly NamedResolver[]): [DeclaredApi, ...DeclaredApi[]] {
  const [first, ...others] = stacks.flatMap(({ name, resolver }) =>
    resolver
      .resources(API)
      .map(([logicalId]) => ({ stack: name, logicalId, id: resolver.values(logicalId, logicalId).ref })),
  );
  if (first === undefined) throw new StartError(`the template declares no HTTP API (${API})`);
  return [first, ...others];
}

/** All HTTP APIs, by id. @throws StartError for something in one that is not supported. */
export function readHttpApis(resolvers: readonly Resolver[]): ReadonlyMap<string, HttpApiDefinition> {
  const integrations = partsOf(resolvers, 'AWS::ApiGatewayV2::Integration', integrationProperties);
  const authorizers = new Map(
    partsOf(resolvers, 'AWS::ApiGatewayV2::Authorizer', authorizerProperties).map(({ ref, value }) => [ref, value]),
  );
  const stages = partsOf(resolvers, 'AWS::ApiGatewayV2::Stage', stageProperties);
  const routes = partsOf(resolvers, 'AWS::ApiGatewayV2::Route', routeProperties).map(({ logicalId, value: route }) => {
    const integration = integrations.find(({ ref }) => route.Target === `integrations/${ref}`)?.value;
    if (integration?.ApiId !== route.ApiId) throw new StartError(`${logicalId}: no integration ${route.Target}`);
    const read: Route = {
      ...parseRouteKey(route.RouteKey, logicalId),
      authorization: authorizationOf(route, authorizers, logicalId),
      functionArn: functionArnIn(integration.IntegrationUri, logicalId),
      timeoutMs: integration.TimeoutInMillis,
    };
    return { apiId: route.ApiId, read };
  });
  const apis = partsOf(resolvers, API, apiProperties).map(({ logicalId, ref: id }) => {
    const stage = stages.find(({ value }) => value.ApiId === id)?.value.StageName;
    if (stage === undefined) throw new StartError(`${logicalId}: the HTTP API has no stage`);
    const own = routes.filter(({ apiId }) => apiId === id).map(({ read }) => read);
    return { id, stage, routes: bySpecificity(own) };
  });
  return new Map(apis.map((api) => [api.id, api]));
}

interface Part<T> {
  readonly logicalId: string;
  readonly ref: string;
  readonly value: T;
}

/** The resources of one type. */
const partsOf = <T>(resolvers: readonly Resolver[], type: string, schema: z.ZodType<T>): Part<T>[] =>
  resolvers.flatMap((resolver) =>
    resolver.resources(type).map(([logicalId]) => ({
      logicalId,
      ref: resolver.values(logicalId, logicalId).ref,
      value: parseProperties(schema, resolver.properties(logicalId), logicalId),
    })),
  );

/**
 * The domain that the template puts in front of an HTTP API, where callers have to show certificates. Its truststore lies in a bucket
 * that is not here, so whoever starts the deployment hands one in.
 */

import { z } from 'zod';
import { StartError } from '../start-error.ts';
import { parseProperties } from '../template/document.ts';
import type { Resolver } from '../template/resolver.ts';
import type { HttpApiDefinition } from './definition.ts';

const DOMAIN = 'AWS::ApiGatewayV2::DomainName';
const MAPPING = 'AWS::ApiGatewayV2::ApiMapping';

const domainProperties = z.object({
  DomainName: z.string(),
  MutualTlsAuthentication: z.object(
    { TruststoreUri: z.string() },
    { error: 'the local runner knows domains with mutual TLS only' },
  ),
});

const mappingProperties = z.object({
  ApiId: z.string(),
  DomainName: z.string(),
  Stage: z.string(),
  ApiMappingKey: z.undefined({ error: 'the local runner maps the API to the root of its domain only' }).optional(),
});

/**
 * The API that such a domain leads to, where there is one.
 * @throws StartError when there are several domains, or the one leads to no API of the deployment.
 */
export function mutualTlsApi(
  resolvers: readonly Resolver[],
  apis: Iterable<HttpApiDefinition>,
): HttpApiDefinition | undefined {
  const domains = resolvers.flatMap((resolver) =>
    resolver.resources(DOMAIN).map(([logicalId]) => ({ resolver, logicalId })),
  );
  const [domain, ...others] = domains;
  if (domain === undefined) return undefined;
  const { resolver, logicalId } = domain;
  if (others.length > 0) throw new StartError(`${logicalId}: the local runner has one domain only`);
  parseProperties(domainProperties, resolver.properties(logicalId), logicalId);
  const name = resolver.values(logicalId, logicalId).ref;
  const mappings = resolvers.flatMap(readMappings).filter(({ DomainName }) => DomainName === name);
  const api = [...apis].find(({ id, stage }) => mappings.some(({ ApiId, Stage }) => ApiId === id && Stage === stage));
  if (api === undefined) throw new StartError(`${logicalId}: no API mapping leads from this domain to the API`);
  return api;
}

const readMappings = (resolver: Resolver) =>
  resolver
    .resources(MAPPING)
    .map(([logicalId]) => parseProperties(mappingProperties, resolver.properties(logicalId), logicalId));

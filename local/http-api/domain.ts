/**
 * The domain that the template puts in front of its HTTP API, where callers have to show certificates. Its truststore lies in a bucket
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
 * Whether there is such a domain, which then leads to this API.
 * @throws StartError when there are several, or the one leads elsewhere.
 */
export function hasMutualTlsDomain(resolver: Resolver, { id, stage }: HttpApiDefinition): boolean {
  const [domain, ...others] = resolver.resources(DOMAIN);
  if (domain === undefined) return false;
  const [logicalId] = domain;
  if (others.length > 0) throw new StartError(`${logicalId}: the local runner has one domain only`);
  parseProperties(domainProperties, resolver.properties(logicalId), logicalId);
  const name = resolver.values(logicalId, logicalId).ref;
  const leadsHere = resolver.resources(MAPPING).some(([mappingId]) => {
    const mapping = parseProperties(mappingProperties, resolver.properties(mappingId), mappingId);
    return mapping.DomainName === name && mapping.ApiId === id && mapping.Stage === stage;
  });
  if (!leadsHere) throw new StartError(`${logicalId}: no API mapping leads from this domain to the API`);
  return true;
}

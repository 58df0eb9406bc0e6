/**
 * What a proven client gets: which audience, which scopes, for how long, signed by which ring. Grants are the only source of
 * authority: no grant, no token.
 */

import type { JwsAlgorithm } from './algorithms.ts';
import { accept, type Result, refuse } from './errors.ts';
import type { Audience, Grant, PartnerWithGrants } from './partner.ts';

/**
 * The audience a request is about: the one it names, or the client's only one. A client with several grants has to say.
 */
export const requestedAudience = (
  resource: string | undefined,
  grants: readonly Pick<Grant, 'audience'>[],
): Result<string> => {
  if (resource !== undefined) return accept(resource);
  const [only] = grants;
  return only !== undefined && grants.length === 1
    ? accept(only.audience)
    : refuse({ reason: 'resource_required', granted: grants.length });
};

export interface Entitlement {
  readonly audience: string;
  readonly scopes: readonly string[];
  /** The audience's own choice of algorithm, if it made one. */
  readonly algorithm?: JwsAlgorithm;
}

/**
 * @param audience the audience as the registry has it now, if it has it.
 * @param scopes the scopes asked for; absent: all that were granted (RFC 6749 3.3).
 */
export const decideEntitlement = (
  { grants }: Pick<PartnerWithGrants, 'grants'>,
  resource: string,
  audience: Audience | undefined,
  scopes: readonly string[] | undefined,
): Result<Entitlement> => {
  if (audience === undefined) return refuse({ reason: 'resource_unknown', resource });
  const grant = grants.find((each) => each.audience === resource);
  if (grant === undefined) return refuse({ reason: 'grant_missing', resource });
  if (!audience.ownerEnabled) return refuse({ reason: 'resource_disabled', resource, owner: audience.owner });
  // A scope that the audience no longer declares is not issued, whatever older grants say.
  const granted = grant.scopes.filter((scope) => audience.scopes.includes(scope));
  const asked = scopes ?? granted;
  if (asked.length === 0 || !asked.every((scope) => granted.includes(scope))) {
    return refuse({ reason: 'scope_not_granted', asked, granted });
  }
  return accept({
    audience: resource,
    scopes: asked,
    ...(audience.algorithm === undefined ? {} : { algorithm: audience.algorithm }),
  });
};

/**
 * What a proven client gets: which audience, which scopes, for how long, signed by which ring. Grants are the only source of
 * authority: no grant, no token.
 */

import type { JwsAlgorithm } from './algorithms.ts';
import type { CustomClaims } from './custom-claims.ts';
import { accept, type Refusal, type Result, refuse } from './errors.ts';
import type { Audience, Grant, PartnerWithGrants } from './partner.ts';
import type { RealmTerms } from './realm.ts';
import { type TokenTerms, tokenTerms } from './token-policy.ts';

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
  readonly seconds: number;
  readonly algorithm: JwsAlgorithm;
  readonly claims: CustomClaims;
}

/** The client's side of a request for a token about itself (RFC 6749 4.4). */
export interface EntitlementRequest {
  readonly resource: string;
  /** Absent: all that were granted (RFC 6749 3.3). */
  readonly scopes: readonly string[] | undefined;
}

/** @param audience the audience as the registry has it now, if it has it. */
export const decideEntitlement = (
  { partner, grants }: Pick<PartnerWithGrants, 'partner' | 'grants'>,
  realm: Pick<RealmTerms, 'accessTokenSeconds'> & Pick<TokenTerms, 'algorithm'>,
  { resource, scopes }: EntitlementRequest,
  audience: Audience | undefined,
): Result<Entitlement> => {
  // A partner that is trusted with users only never speaks for itself.
  if (partner.trustLevel === 'user') return refuse({ reason: 'trust_level_insufficient', trustLevel: 'user' });
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
  const defaults = { seconds: realm.accessTokenSeconds, algorithm: realm.algorithm };
  const terms = tokenTerms(defaults, audience.tokenPolicy, partner.tokenPolicy);
  const unmet = unmetTerm(terms);
  if (unmet !== undefined) return refuse(unmet);
  const { seconds, algorithm } = terms;
  return accept({ audience: resource, scopes: asked, seconds, algorithm, claims: partner.claims });
};

/** What is asked of the token and cannot be given: then there is none. A weaker one is never given instead. */
const unmetTerm = ({ bindings, profile }: TokenTerms): Refusal | undefined => {
  if (bindings.length > 0) return { reason: 'binding_required', bindings };
  return profile === 'jwt' ? undefined : { reason: 'token_profile_unsupported', profile };
};

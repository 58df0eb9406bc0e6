/**
 * What a proven client gets: which audience, which scopes, for how long, signed by which ring. Grants are the only source of
 * authority: no grant, no token.
 */

import type { JwsAlgorithm } from './algorithms.ts';
import { type AuthorizationDetail, grantDetails, isWithinDetails } from './authorization-details.ts';
import type { CustomClaims } from './custom-claims.ts';
import { accept, type Refusal, type Result, refuse } from './errors.ts';
import type { Audience, EpochSeconds, Grant, PartnerWithGrants } from './partner.ts';
import type { RealmTerms } from './realm.ts';
import { actingFor, checkTrust, type Subject } from './subject.ts';
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

export interface Entitlement extends Pick<TokenTerms, 'bindings' | 'bindsCertificate' | 'profile'> {
  /** Whom the token is about, with the client among those who act for it. */
  readonly subject: Subject;
  readonly audience: string;
  readonly scopes: readonly string[];
  readonly seconds: number;
  readonly algorithm: JwsAlgorithm;
  readonly claims: CustomClaims;
  readonly details?: readonly AuthorizationDetail[];
}

/** The client's side of a request. */
export interface EntitlementRequest {
  readonly resource: string;
  /** Absent: all that were granted (RFC 6749 3.3). */
  readonly scopes: readonly string[] | undefined;
  readonly details: readonly AuthorizationDetail[] | undefined;
}

/** Whom a token is asked for, and what bounds it beyond the grants. */
export interface ProvenSubject {
  readonly subject: Subject;
  /** What the token is that it is made from: one for the same audience has no more scopes and no later end than that. */
  readonly origin?: {
    readonly audience: string;
    readonly scopes: readonly string[];
    readonly details: readonly AuthorizationDetail[];
    readonly expiresAt: EpochSeconds;
    /** Whether it can be traded in for another audience. */
    readonly goesOn: boolean;
  };
}

/** @param audience the audience as the registry has it now, if it has it. */
export const decideEntitlement = (
  { partner, grants }: Pick<PartnerWithGrants, 'partner' | 'grants'>,
  realm: Pick<RealmTerms, 'accessTokenSeconds'> & Pick<TokenTerms, 'algorithm'>,
  { resource, scopes, details }: EntitlementRequest,
  audience: Audience | undefined,
  { subject, origin }: ProvenSubject,
  now: EpochSeconds,
): Result<Entitlement> => {
  if (origin !== undefined && !origin.goesOn && origin.audience !== resource) {
    return refuse({ reason: 'subject_not_shared', audience: origin.audience });
  }
  const trusted = checkTrust(partner, subject);
  if (!trusted.ok) return trusted;
  const acting = actingFor(subject, partner.id);
  if (!acting.ok) return acting;
  if (audience === undefined) return refuse({ reason: 'resource_unknown', resource });
  const grant = grants.find((each) => each.audience === resource);
  if (grant === undefined) return refuse({ reason: 'grant_missing', resource });
  if (!audience.ownerEnabled) return refuse({ reason: 'resource_disabled', resource, owner: audience.owner });
  // A scope that the audience no longer declares is not issued, whatever older grants say.
  const granted = grant.scopes.filter((scope) => audience.scopes.includes(scope) && isWithin(origin, resource, scope));
  const asked = scopes ?? granted;
  if (asked.length === 0 || !asked.every((scope) => granted.includes(scope))) {
    return refuse({ reason: 'scope_not_granted', asked, granted });
  }
  const defaults = { seconds: realm.accessTokenSeconds, algorithm: realm.algorithm };
  const terms = tokenTerms(defaults, audience.tokenPolicy, partner.tokenPolicy);
  const unmet = unmetTerm(terms, details);
  if (unmet !== undefined) return refuse(unmet);
  const narrowed = details === undefined ? accept(undefined) : grantDetails(details, { audience, grant });
  if (!narrowed.ok) return narrowed;
  const beyond = origin?.audience === resource && !isWithinDetails(details ?? [], origin.details);
  if (beyond)
    return refuse({
      reason: 'authorization_details_not_granted',
      type: details?.[0]?.type ?? '',
      detail: 'the subject token holds less',
    });
  const { bindings, bindsCertificate, profile } = terms;
  return accept({
    subject: acting.value,
    audience: resource,
    scopes: asked,
    seconds: origin === undefined ? terms.seconds : Math.min(terms.seconds, origin.expiresAt - now),
    // The products verify no other signature.
    algorithm: profile === 'microsoft-s2s' ? 'RS256' : terms.algorithm,
    claims: partner.claims,
    ...{ bindings, bindsCertificate, profile },
    ...(narrowed.value === undefined ? {} : { details: narrowed.value }),
  });
};

/** Another audience has other scopes: what may be had there, the client's own grant says. */
const isWithin = (origin: ProvenSubject['origin'], resource: string, scope: string): boolean =>
  origin === undefined || origin.audience !== resource || origin.scopes.includes(scope);

/** What is asked of the token and cannot be given: then there is none. A weaker one is never given instead. */
const unmetTerm = (
  { profile, bindings }: TokenTerms,
  details: readonly AuthorizationDetail[] | undefined,
): Refusal | undefined => {
  if (profile === 'jwt') return undefined;
  const cannot = (detail: string): Refusal => ({ reason: 'token_profile_unsupported', profile, detail });
  if (bindings.length > 0) return cannot('its tokens are bound to nothing');
  return details === undefined ? undefined : cannot('its tokens have no authorization details');
};

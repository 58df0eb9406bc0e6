/**
 * Which resource is meant where Exchange, SharePoint and Skype for Business name one: `<application id>/<host>@<realm>`, the host being the authority
 * of the resource's URL.
 */

import { accept, type Result, refuse } from './errors.ts';
import { authorityOf, formatPrincipal, isSameHost, parseTarget, type Target } from './microsoft-principal.ts';
import type { MicrosoftRealm } from './microsoft-profile.ts';
import type { Grant, Partner } from './partner.ts';
import { requestedAudience } from './policy.ts';

type Grants = readonly Pick<Grant, 'audience'>[];

const at = (host: string, grants: Grants): Grants =>
  grants.filter(({ audience }) => isSameHost(authorityOf(audience) ?? '', host));

/**
 * The audience that a request means.
 * @param resource as the request names it, in today's way or the old one; absent: what the assertion was made for, or the only grant.
 * @param target what the assertion was made for.
 */
export const meantAudience = (
  resource: string | undefined,
  target: Target | undefined,
  grants: Grants,
): Result<string> => {
  const named = parseTarget(resource);
  if (named !== undefined) return requestedAudience(undefined, at(named.host, grants));
  if (resource !== undefined || target === undefined) return requestedAudience(resource, grants);
  const called = at(target.host, grants);
  return called.length === 0 ? requestedAudience(undefined, grants) : requestedAudience(undefined, called);
};

/**
 * Whether a resource that is named in the old way, and was found by its host, is called by the right application and realm: by those of the
 * realm here, or by those of the partner that owns it.
 */
export const isCalledSo = (
  resource: string | undefined,
  microsoft: MicrosoftRealm | undefined,
  owner: Pick<Partner, 'issuer'> | undefined,
): boolean => {
  const named = parseTarget(resource);
  if (named === undefined) return true;
  const { applicationId, realm } = named;
  if (microsoft?.applicationId === applicationId && microsoft.realms.includes(realm)) return true;
  return owner?.issuer === formatPrincipal({ applicationId, realm });
};

/** An actor token that was made for a resource is good there and nowhere else. */
export const isMadeFor = (target: Target, audience: string): Result<undefined> =>
  isSameHost(authorityOf(audience) ?? '', target.host)
    ? accept(undefined)
    : refuse({ reason: 'assertion_resource', resource: audience, madeFor: target.host });

/** Which of a partner's federated identities a token of another issuer is for, if any. */

import { accept, type Result, refuse } from './errors.ts';
import type { ForeignJwt } from './federated-assertion.ts';
import { checkFederation, type FederatedIdentity, federatedIssuer, isFor } from './federated-identity.ts';

/** Longest lifetime that is accepted where an identity says nothing else. */
export const FEDERATED_SECONDS = 3_600;

export interface ChosenIdentity {
  readonly identity: FederatedIdentity;
  /** Claims that are on trial and would have refused the token. */
  readonly audited: readonly string[];
}

/**
 * By what the token says of itself, which is proved afterwards.
 * @param realmIssuer the audience where an identity names no other.
 */
export const chooseIdentity = (
  federation: readonly FederatedIdentity[],
  { claims, payload }: ForeignJwt,
  realmIssuer: string,
): Result<ChosenIdentity> => {
  const issuer = federatedIssuer(claims) ?? '';
  const candidates = federation.filter((identity) => identity.issuer === issuer);
  if (candidates.length === 0) return refuse({ reason: 'federation_missing', issuer });
  const findings = candidates.map((identity) => {
    const { failed, audited } = checkFederation(identity, payload);
    const isMeant = isFor(claims.aud, identity.audience ?? realmIssuer);
    // RFC 8693 4.1: whoever holds such a token acts for the subject, and is not it. A user may be called as an application is.
    const isHeldByAnother = payload.act !== undefined;
    return {
      identity,
      audited,
      failed: [...failed, ...(isMeant ? [] : ['aud']), ...(isHeldByAnother ? ['act'] : [])],
    };
  });
  const [nearest] = [...findings].sort((a, b) => a.failed.length - b.failed.length);
  return nearest === undefined || nearest.failed.length > 0
    ? refuse({ reason: 'federation_claims', issuer, claims: nearest?.failed ?? [] })
    : accept(nearest);
};

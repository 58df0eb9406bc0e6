/**
 * Client authentication by `private_key_jwt` (RFC 7523 2.2): is this assertion signed by a key that the partner registered?
 * An unknown partner and an unknown key cost a signature check as well, so that time does not tell them from a wrong signature.
 */

import { type AssertionRules, checkAssertionClaims, findAssertionKey, type ParsedAssertion } from './assertion.ts';
import { accept, type Refusal, type Result, refuse } from './errors.ts';
import { isSignedBy, refuseAsSlowly, shownOf } from './key-proof.ts';
import type { EpochSeconds, Partner, PartnerCredential } from './partner.ts';

export interface SignedByPartner {
  readonly partner: Partner;
  readonly credential: PartnerCredential;
}

/** @param partner the one that the assertion is said to come from, if there is one. */
export const verifyAssertion = async (
  partner: Partner | undefined,
  assertion: ParsedAssertion,
  rules: AssertionRules,
  now: EpochSeconds,
): Promise<Result<SignedByPartner>> => {
  const shown = shownOf(assertion);
  if (partner === undefined) return refuseAsSlowly(shown, { reason: 'client_unknown', clientId: assertion.claims.iss });
  const credential = findAssertionKey(partner.credentials, assertion);
  if (!credential.ok) return refuseAsSlowly(shown, credential.refusal);
  if (!(await isSignedBy(credential.value, assertion.jws))) return refuse({ reason: 'assertion_signature' });
  const untimely = untimeliness(credential.value, now);
  if (untimely !== undefined) return refuse(untimely);
  // Told only to the holder of the key, and only in our log: a disabled partner looks like a wrong signature from outside.
  if (!partner.enabled) return refuse({ reason: 'client_disabled', clientId: partner.id });
  const claims = checkAssertionClaims(assertion, rules, now);
  return claims.ok ? accept({ partner, credential: credential.value }) : claims;
};

/** By our clock and to the second: an operator sets these times to end something. */
export const untimeliness = (
  { kid, notBefore, expiresAt }: Pick<PartnerCredential, 'kid' | 'notBefore' | 'expiresAt'>,
  now: EpochSeconds,
): Refusal | undefined => {
  if (notBefore !== undefined && now < notBefore) return { reason: 'credential_not_yet_valid', kid, notBefore };
  if (expiresAt !== undefined && now >= expiresAt) return { reason: 'credential_expired', kid, expiresAt };
  return undefined;
};

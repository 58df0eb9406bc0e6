/** Which refusals the cache may be the reason for, and how fresh the data has to be that they are looked into with once more. */

import type { Refusal, RefusalReason } from '../core/errors.ts';
import type { MicrosoftFault } from '../core/microsoft-fault.ts';
import type { Freshness } from '../ports.ts';
import { UNPROVEN_MAX_AGE_SECONDS } from './unproven.ts';

/**
 * Refusals of a proven client that the cache may be the reason for: what an operator has just added must not be refused for
 * half a minute. They are looked into once more, with fresh data.
 */
const SECOND_LOOK: readonly RefusalReason[] = [
  'client_disabled',
  'realm_disabled',
  'credential_not_yet_valid',
  'credential_expired',
  'secret_expired',
  'client_secrets_off',
  'grant_type_off',
  'trust_level_insufficient',
  'resource_required',
  'resource_unknown',
  'resource_disabled',
  'grant_missing',
  'scope_not_granted',
  'authorization_details_not_granted',
  'binding_required',
  'token_profile_unsupported',
  'delegation_not_granted',
  'assertion_resource',
  'grant_assertion_refused',
  'subject_token_refused',
  'actor_token_refused',
  'subject_not_shared',
];

/** The same where nothing is proved, because the partner does not have, or trust, what it was tried with. */
const UNPROVEN_SECOND_LOOK: readonly RefusalReason[] = [
  'secret_unknown',
  'certificate_unknown',
  'federation_missing',
  'federation_claims',
  'issuer_unknown',
  'issuer_untrusted',
  'issuer_disabled',
];

/** Of an actor token that is well signed, what the cache may be the reason for. */
const ACTOR_SECOND_LOOK: readonly MicrosoftFault[] = [
  'partner_disabled',
  'issuer_key_mismatch',
  'issuer_not_authorized_for_actor',
  'actor_not_partner',
  'audience_app_mismatch',
  'audience_host_mismatch',
  'audience_realm_mismatch',
  'trust_level_insufficient',
  'user_tokens_not_accepted',
  'user_identity_missing',
  'user_not_found',
  'user_identity_ambiguous',
  'user_is_partner',
];

/** @returns `undefined`: the refusal stands. */
export const secondLook = (refusal: Refusal): Freshness | undefined => {
  const { reason } = refusal;
  if (reason === 'microsoft_token_refused') return secondLookAt(refusal.fault);
  if (SECOND_LOOK.includes(reason)) return { maxAgeSeconds: 0 };
  return UNPROVEN_SECOND_LOOK.includes(reason) ? { maxAgeSeconds: UNPROVEN_MAX_AGE_SECONDS } : undefined;
};

const secondLookAt = (fault: MicrosoftFault): Freshness | undefined => {
  if (ACTOR_SECOND_LOOK.includes(fault)) return { maxAgeSeconds: 0 };
  // A key that is not found was looked for already as freshly as anybody may ask who has proved nothing.
  return fault === 'profile_off' ? { maxAgeSeconds: UNPROVEN_MAX_AGE_SECONDS } : undefined;
};

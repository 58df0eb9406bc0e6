/**
 * How we say no. A refusal is a value with the evidence that the log needs; `refusalToWire` (wire-error.ts) turns it into the little that
 * the caller may know. Outages are exceptions (see ports.ts) and never pass through here.
 */

import type { MicrosoftFault } from './microsoft-fault.ts';
import type { RateLimit } from './quota.ts';

export type Result<Value, No = Refusal> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly refusal: No };

export const accept = <Value>(value: Value): { readonly ok: true; readonly value: Value } => ({ ok: true, value });

export const refuse = <No>(refusal: No): { readonly ok: false; readonly refusal: No } => ({ ok: false, refusal });

/** One arm per way we refuse. `reason` is a stable code: logs, alarms and tests rely on it. */
export type Refusal =
  // the request is not one
  | { readonly reason: 'body_too_large'; readonly bytes: number; readonly maxBytes: number }
  | { readonly reason: 'content_type_unsupported'; readonly contentType: string }
  | { readonly reason: 'body_malformed'; readonly detail: string }
  | { readonly reason: 'parameter_duplicated'; readonly parameter: string }
  | { readonly reason: 'parameter_too_long'; readonly parameter: string }
  | { readonly reason: 'parameter_missing'; readonly parameter: string }
  | { readonly reason: 'parameter_malformed'; readonly parameter: string }
  | { readonly reason: 'parameter_in_query'; readonly parameter: string }
  | { readonly reason: 'parameters_too_many'; readonly count: number }
  | { readonly reason: 'grant_type_unsupported'; readonly grantType: string }
  // the client did not prove who it is
  | { readonly reason: 'client_auth_missing' }
  | { readonly reason: 'client_auth_several'; readonly methods: readonly string[] }
  | { readonly reason: 'client_auth_scheme_unsupported'; readonly scheme: string }
  | { readonly reason: 'client_auth_method_unsupported'; readonly method: string }
  | { readonly reason: 'client_id_mismatch'; readonly clientId: string; readonly subject: string }
  | { readonly reason: 'client_unknown'; readonly clientId: string }
  | { readonly reason: 'client_disabled'; readonly clientId: string }
  | { readonly reason: 'realm_unknown' }
  | { readonly reason: 'realm_disabled'; readonly realm: string }
  | { readonly reason: 'credential_not_yet_valid'; readonly kid: string; readonly notBefore: number }
  | { readonly reason: 'credential_expired'; readonly kid: string; readonly expiresAt: number }
  | { readonly reason: 'assertion_malformed'; readonly detail: string }
  | { readonly reason: 'assertion_typ'; readonly typ: string }
  | { readonly reason: 'assertion_critical_header' }
  | { readonly reason: 'assertion_key_unknown'; readonly kid: string | undefined }
  | { readonly reason: 'assertion_algorithm'; readonly got: string; readonly expected: string }
  | { readonly reason: 'assertion_signature' }
  | { readonly reason: 'assertion_issuer'; readonly issuer: string; readonly subject: string }
  | { readonly reason: 'assertion_audience'; readonly expected: string }
  | { readonly reason: 'assertion_expired'; readonly expiresAt: number; readonly now: number }
  | { readonly reason: 'assertion_not_yet_valid'; readonly notBefore: number; readonly now: number }
  | { readonly reason: 'assertion_lifetime'; readonly seconds: number; readonly maxSeconds: number }
  | { readonly reason: 'assertion_replayed'; readonly jti: string }
  | { readonly reason: 'client_secrets_off'; readonly realm: string }
  | { readonly reason: 'secret_unknown' }
  | { readonly reason: 'secret_expired'; readonly id: string; readonly expiresAt: number }
  | { readonly reason: 'certificate_missing' }
  | { readonly reason: 'certificate_malformed'; readonly detail: string }
  | {
      readonly reason: 'certificate_untimely';
      readonly notBefore: number;
      readonly notAfter: number;
      readonly now: number;
    }
  | { readonly reason: 'certificate_unknown'; readonly x5tS256: string }
  | { readonly reason: 'issuer_unknown'; readonly issuer: string }
  | { readonly reason: 'issuer_untrusted'; readonly issuer: string }
  | { readonly reason: 'issuer_disabled'; readonly issuer: string }
  | { readonly reason: 'federation_missing'; readonly issuer: string }
  | { readonly reason: 'federation_claims'; readonly issuer: string; readonly claims: readonly string[] }
  // the client is known, but may not have that
  | { readonly reason: 'grant_type_off'; readonly grantType: string }
  /** The assertion of the JWT bearer grant (RFC 7523 3.1), and why it is not good. */
  | { readonly reason: 'grant_assertion_refused'; readonly because: Refusal }
  /** A token of the Microsoft server-to-server profile, and which of its checks it has not passed. */
  | { readonly reason: 'microsoft_token_refused'; readonly fault: MicrosoftFault }
  /** A token handed in for exchange (RFC 8693 2.2.2), and why it is not good. */
  | { readonly reason: 'subject_token_refused'; readonly because: Refusal }
  | { readonly reason: 'actor_token_refused'; readonly because: Refusal }
  | { readonly reason: 'token_type_unsupported'; readonly parameter: string }
  | { readonly reason: 'subject_not_shared'; readonly audience: string }
  | { readonly reason: 'subject_is_partner'; readonly subject: string }
  | { readonly reason: 'token_too_large'; readonly characters: number; readonly maxCharacters: number }
  | { readonly reason: 'may_act_excludes'; readonly clientId: string }
  | { readonly reason: 'actors_too_many'; readonly depth: number; readonly maxDepth: number }
  | { readonly reason: 'authorization_details_malformed'; readonly detail: string }
  | { readonly reason: 'authorization_details_not_granted'; readonly type: string; readonly detail: string }
  | { readonly reason: 'resource_required'; readonly granted: number }
  | { readonly reason: 'resource_malformed' }
  | { readonly reason: 'resource_several' }
  | { readonly reason: 'assertion_resource'; readonly resource: string; readonly madeFor: string }
  | { readonly reason: 'resource_unknown'; readonly resource: string }
  | { readonly reason: 'resource_disabled'; readonly resource: string; readonly owner: string }
  | { readonly reason: 'grant_missing'; readonly resource: string }
  | { readonly reason: 'scope_malformed' }
  | { readonly reason: 'scope_not_granted'; readonly asked: readonly string[]; readonly granted: readonly string[] }
  | { readonly reason: 'trust_level_insufficient'; readonly trustLevel: string }
  | { readonly reason: 'binding_required'; readonly bindings: readonly string[] }
  | { readonly reason: 'token_profile_unsupported'; readonly profile: string; readonly detail: string }
  | { readonly reason: 'delegation_not_granted' }
  | { readonly reason: 'quota_exceeded'; readonly retryAfterSeconds: number; readonly limits: readonly RateLimit[] }
  // dynamic registration
  /** The token of a registration request (RFC 7591 3, RFC 7592 2), and why it is not good. */
  | { readonly reason: 'registration_token_refused'; readonly because: RegistrationTokenFault }
  | { readonly reason: 'client_metadata_refused'; readonly error: MetadataError; readonly detail: string }
  /** The token is good, but the route wants scopes that it does not have (RFC 6750 3.1). */
  | { readonly reason: 'scope_missing'; readonly required: readonly string[]; readonly granted: readonly string[] }
  // a proof of possession is not good (RFC 9449 4.3, RFC 8705 3)
  | { readonly reason: 'dpop_malformed'; readonly detail: string }
  | { readonly reason: 'dpop_key'; readonly detail: string }
  | { readonly reason: 'dpop_signature' }
  | { readonly reason: 'dpop_method'; readonly expected: string }
  | { readonly reason: 'dpop_url'; readonly expected: string }
  | { readonly reason: 'dpop_untimely'; readonly issuedAt: number; readonly now: number }
  | { readonly reason: 'dpop_token_hash' }
  /** `nonce`: the one that the next proof has to hold. */
  | { readonly reason: 'dpop_nonce'; readonly nonce?: string }
  | { readonly reason: 'dpop_replayed' }
  // a token presented to us is not good
  | { readonly reason: 'token_revoked'; readonly tokenId: string }
  | { readonly reason: 'token_too_old'; readonly issuedAt: number; readonly notBefore: number }
  | { readonly reason: 'token_unbound'; readonly binding: string }
  | { readonly reason: 'token_binding'; readonly binding: string; readonly detail?: string }
  | { readonly reason: 'token_missing' }
  | { readonly reason: 'token_malformed'; readonly detail: string }
  | { readonly reason: 'token_typ'; readonly typ: string }
  | { readonly reason: 'token_key_unknown'; readonly kid: string }
  | { readonly reason: 'token_signature' }
  | { readonly reason: 'token_issuer'; readonly issuer: string }
  | { readonly reason: 'token_audience'; readonly expected: string }
  | { readonly reason: 'token_expired'; readonly expiresAt: number; readonly now: number }
  /** The decision would be kept for longer than the token lives. */
  | {
      readonly reason: 'token_expiring';
      readonly expiresAt: number;
      readonly now: number;
      readonly cacheSeconds: number;
    }
  | { readonly reason: 'token_not_yet_valid'; readonly issuedAt: number; readonly now: number }
  | { readonly reason: 'token_lifetime'; readonly seconds: number; readonly maxSeconds: number };

export type RefusalReason = Refusal['reason'];

export type RegistrationTokenFault =
  | 'missing'
  | 'malformed'
  /** Of nobody, used up, replaced or withdrawn. */
  | 'unknown'
  | 'expired'
  /** It is about another client than the path. */
  | 'other_client'
  | 'client_disabled'
  | 'realm_unknown'
  | 'realm_disabled';

/** RFC 7591 3.2.2 */
export type MetadataError =
  | 'invalid_redirect_uri'
  | 'invalid_client_metadata'
  | 'invalid_software_statement'
  | 'unapproved_software_statement';

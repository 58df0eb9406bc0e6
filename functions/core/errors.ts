/**
 * How we say no. A refusal is a value with the evidence that the log needs; `refusalToWire` turns it into the little that
 * the caller may know. Outages are exceptions (see ports.ts) and never pass through here.
 */

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
  /** A token handed in for exchange (RFC 8693 2.2.2), and why it is not good. */
  | { readonly reason: 'subject_token_refused'; readonly because: Refusal }
  | { readonly reason: 'actor_token_refused'; readonly because: Refusal }
  | { readonly reason: 'token_type_unsupported'; readonly parameter: string }
  | { readonly reason: 'subject_not_shared'; readonly audience: string }
  | { readonly reason: 'may_act_excludes'; readonly clientId: string }
  | { readonly reason: 'actors_too_many'; readonly depth: number; readonly maxDepth: number }
  | { readonly reason: 'authorization_details_malformed'; readonly detail: string }
  | { readonly reason: 'authorization_details_not_granted'; readonly type: string; readonly detail: string }
  | { readonly reason: 'resource_required'; readonly granted: number }
  | { readonly reason: 'resource_malformed' }
  | { readonly reason: 'resource_several' }
  | { readonly reason: 'resource_unknown'; readonly resource: string }
  | { readonly reason: 'resource_disabled'; readonly resource: string; readonly owner: string }
  | { readonly reason: 'grant_missing'; readonly resource: string }
  | { readonly reason: 'scope_malformed' }
  | { readonly reason: 'scope_not_granted'; readonly asked: readonly string[]; readonly granted: readonly string[] }
  | { readonly reason: 'trust_level_insufficient'; readonly trustLevel: string }
  | { readonly reason: 'binding_required'; readonly bindings: readonly string[] }
  | { readonly reason: 'token_profile_unsupported'; readonly profile: string }
  | { readonly reason: 'quota_exceeded'; readonly retryAfterSeconds: number; readonly limits: readonly RateLimit[] }
  // dynamic registration
  /** The token of a registration request (RFC 7591 3, RFC 7592 2), and why it is not good. */
  | { readonly reason: 'registration_token_refused'; readonly because: RegistrationTokenFault }
  | { readonly reason: 'client_metadata_refused'; readonly error: MetadataError; readonly detail: string }
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

/** An OAuth error answer (RFC 6749 5.2). `description` is fixed text: nothing of the request is ever echoed. */
export interface WireError {
  readonly status: 400 | 401 | 429;
  readonly error:
    | 'invalid_request'
    | 'invalid_client'
    | 'unauthorized_client'
    | 'temporarily_unavailable'
    | 'unsupported_grant_type'
    | 'invalid_scope'
    | 'invalid_target'
    | 'invalid_grant'
    | 'invalid_authorization_details'
    | 'invalid_dpop_proof'
    | 'use_dpop_nonce'
    | 'invalid_token'
    | MetadataError;
  readonly description: string;
  /** For `Retry-After`. */
  readonly retryAfterSeconds?: number;
  /** For `DPoP-Nonce` (RFC 9449 8). */
  readonly dpopNonce?: string;
}

const badRequest = (description: string): WireError => ({ status: 400, error: 'invalid_request', description });

/** One answer for every failed authentication, so that probing tells nothing. The reason is in the log. */
const INVALID_CLIENT: WireError = {
  status: 401,
  error: 'invalid_client',
  description: 'Client authentication failed.',
};

const UNSUPPORTED_GRANT_TYPE: WireError = {
  status: 400,
  error: 'unsupported_grant_type',
  description: 'The grant type is not supported.',
};

/** One answer for every resource that this client may not have, existing or not (RFC 8707 2). */
const INVALID_TARGET: WireError = {
  status: 400,
  error: 'invalid_target',
  description: 'The requested resource is missing, malformed, or not granted to this client.',
};

const INVALID_TOKEN: WireError = { status: 401, error: 'invalid_token', description: 'The access token is not valid.' };

/** The only place where a refusal becomes words for the outside. */
export const refusalToWire = (refusal: Refusal): WireError => {
  switch (refusal.reason) {
    case 'body_too_large':
      return badRequest('The request body is too large.');
    case 'content_type_unsupported':
      return badRequest('The request body must be application/x-www-form-urlencoded.');
    case 'body_malformed':
      return badRequest('The request body is malformed.');
    case 'parameter_duplicated':
      return badRequest('A request parameter is repeated.');
    case 'parameter_too_long':
      return badRequest('A request parameter is too long.');
    case 'parameter_missing':
      return badRequest('A required request parameter is missing.');
    case 'parameter_in_query':
      return badRequest('Request parameters must be sent in the body.');
    case 'parameters_too_many':
      return badRequest('The request has too many parameters.');
    case 'client_auth_several':
      return badRequest('The request uses more than one client authentication method.');
    case 'grant_type_unsupported':
    case 'grant_type_off':
      return UNSUPPORTED_GRANT_TYPE;
    case 'client_auth_missing':
    case 'client_auth_scheme_unsupported':
    case 'client_auth_method_unsupported':
    case 'client_id_mismatch':
    case 'client_unknown':
    case 'client_disabled':
    case 'realm_unknown':
    case 'realm_disabled':
    case 'credential_not_yet_valid':
    case 'credential_expired':
    case 'assertion_malformed':
    case 'assertion_typ':
    case 'assertion_critical_header':
    case 'assertion_key_unknown':
    case 'assertion_algorithm':
    case 'assertion_signature':
    case 'assertion_issuer':
    case 'assertion_audience':
    case 'assertion_expired':
    case 'assertion_not_yet_valid':
    case 'assertion_lifetime':
    case 'assertion_replayed':
    case 'client_secrets_off':
    case 'secret_unknown':
    case 'secret_expired':
    case 'certificate_missing':
    case 'certificate_malformed':
    case 'certificate_untimely':
    case 'certificate_unknown':
    case 'issuer_unknown':
    case 'issuer_untrusted':
    case 'issuer_disabled':
    case 'federation_missing':
    case 'federation_claims':
      return INVALID_CLIENT;
    case 'grant_assertion_refused':
      return { status: 400, error: 'invalid_grant', description: 'The assertion is not valid.' };
    case 'subject_token_refused':
    case 'subject_not_shared':
    case 'may_act_excludes':
      return badRequest('The subject token is not valid, or not for this client to exchange.');
    case 'actor_token_refused':
      return badRequest('The actor token is not valid, or not of this client.');
    case 'token_type_unsupported':
      return badRequest('The token type is not supported.');
    case 'actors_too_many':
      return badRequest('The subject token has passed through too many hands.');
    case 'authorization_details_malformed':
    case 'authorization_details_not_granted':
      return {
        status: 400,
        error: 'invalid_authorization_details',
        description: 'The authorization details are malformed, of an unknown type, or not granted to this client.',
      };
    case 'dpop_nonce':
      return {
        status: 400,
        error: 'use_dpop_nonce',
        description: 'The DPoP proof needs the nonce of this answer.',
        ...(refusal.nonce === undefined ? {} : { dpopNonce: refusal.nonce }),
      };
    case 'dpop_malformed':
    case 'dpop_key':
    case 'dpop_signature':
    case 'dpop_method':
    case 'dpop_url':
    case 'dpop_untimely':
    case 'dpop_token_hash':
    case 'dpop_replayed':
      return { status: 400, error: 'invalid_dpop_proof', description: 'The DPoP proof is not valid.' };
    case 'trust_level_insufficient':
      return { status: 400, error: 'unauthorized_client', description: 'The client may not use this grant type.' };
    case 'binding_required':
      return badRequest('A sender-constrained access token is required here.');
    case 'token_profile_unsupported':
      return badRequest('Tokens of the required profile cannot be issued.');
    case 'quota_exceeded':
      return {
        status: 429,
        error: 'temporarily_unavailable',
        description: 'The quota of this client is used up. Use each token until it expires.',
        retryAfterSeconds: refusal.retryAfterSeconds,
      };
    case 'resource_required':
    case 'resource_malformed':
    case 'resource_several':
    case 'resource_unknown':
    case 'resource_disabled':
    case 'grant_missing':
      return INVALID_TARGET;
    case 'scope_malformed':
    case 'scope_not_granted':
      return { status: 400, error: 'invalid_scope', description: 'The requested scope is malformed or not granted.' };
    case 'client_metadata_refused':
      // Our own words, with a pointer to the member: whoever reads it is to mend it.
      return { status: 400, error: refusal.error, description: refusal.detail };
    case 'registration_token_refused':
    case 'token_missing':
    case 'token_malformed':
    case 'token_typ':
    case 'token_key_unknown':
    case 'token_signature':
    case 'token_issuer':
    case 'token_audience':
    case 'token_expired':
    case 'token_not_yet_valid':
    case 'token_lifetime':
    case 'token_unbound':
    case 'token_binding':
      return INVALID_TOKEN;
  }
};

/**
 * What the caller is told of a refusal: the OAuth error (RFC 6749 5.2), and a sentence that never depends on the request.
 */

import type { MetadataError, Refusal } from './errors.ts';

/** An OAuth error answer (RFC 6749 5.2). `description` is fixed text: nothing of the request is ever echoed. */
export interface WireError {
  readonly status: 400 | 401 | 403 | 429;
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
    | 'insufficient_scope'
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
    case 'parameter_malformed':
      return badRequest('A request parameter is malformed.');
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
    case 'microsoft_token_refused':
      return { status: 400, error: 'invalid_grant', description: 'The assertion is not valid.' };
    case 'subject_token_refused':
    case 'subject_not_shared':
    case 'may_act_excludes':
      return badRequest('The subject token is not valid, or not for this client to exchange.');
    case 'token_too_large':
      return badRequest('The token would be too large. Ask for less.');
    case 'subject_is_partner':
      return badRequest('The subject is not one that this server issues tokens about.');
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
    case 'delegation_not_granted':
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
    case 'assertion_resource':
    case 'resource_unknown':
    case 'resource_disabled':
    case 'grant_missing':
      return INVALID_TARGET;
    case 'scope_malformed':
    case 'scope_not_granted':
      return { status: 400, error: 'invalid_scope', description: 'The requested scope is malformed or not granted.' };
    case 'scope_missing':
      return {
        status: 403,
        error: 'insufficient_scope',
        description: 'The access token lacks a scope that is needed.',
      };
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
    case 'token_expiring':
    case 'token_not_yet_valid':
    case 'token_lifetime':
    case 'token_revoked':
    case 'token_too_old':
    case 'token_unbound':
    case 'token_binding':
      return INVALID_TOKEN;
  }
};

import { describe, expect, it } from 'vitest';
import type { Refusal, RefusalReason } from '../../functions/core/errors.ts';
import { refusalToWire } from '../../functions/core/wire-error.ts';

/** Why an assertion or a token that was handed in is not good: that is for the log only. */
const BECAUSE: Refusal = { reason: 'client_disabled', clientId: 'evidence' };

/** One refusal of every kind, each with evidence that must not get out. The compiler sees to it that none is missing. */
const EVERY: { readonly [Reason in RefusalReason]: Extract<Refusal, { reason: Reason }> } = {
  body_too_large: { reason: 'body_too_large', bytes: 424242, maxBytes: 171717 },
  content_type_unsupported: { reason: 'content_type_unsupported', contentType: 'evidence' },
  body_malformed: { reason: 'body_malformed', detail: 'evidence' },
  parameter_duplicated: { reason: 'parameter_duplicated', parameter: 'evidence' },
  parameter_too_long: { reason: 'parameter_too_long', parameter: 'evidence' },
  parameter_missing: { reason: 'parameter_missing', parameter: 'evidence' },
  parameter_in_query: { reason: 'parameter_in_query', parameter: 'evidence' },
  parameters_too_many: { reason: 'parameters_too_many', count: 424242 },
  grant_type_unsupported: { reason: 'grant_type_unsupported', grantType: 'evidence' },
  client_auth_missing: { reason: 'client_auth_missing' },
  client_auth_several: { reason: 'client_auth_several', methods: ['evidence'] },
  client_auth_scheme_unsupported: { reason: 'client_auth_scheme_unsupported', scheme: 'evidence' },
  client_auth_method_unsupported: { reason: 'client_auth_method_unsupported', method: 'evidence' },
  client_id_mismatch: { reason: 'client_id_mismatch', clientId: 'evidence', subject: 'evidence' },
  client_unknown: { reason: 'client_unknown', clientId: 'evidence' },
  client_disabled: { reason: 'client_disabled', clientId: 'evidence' },
  realm_unknown: { reason: 'realm_unknown' },
  realm_disabled: { reason: 'realm_disabled', realm: 'evidence' },
  credential_not_yet_valid: { reason: 'credential_not_yet_valid', kid: 'evidence', notBefore: 424242 },
  credential_expired: { reason: 'credential_expired', kid: 'evidence', expiresAt: 424242 },
  assertion_malformed: { reason: 'assertion_malformed', detail: 'evidence' },
  assertion_typ: { reason: 'assertion_typ', typ: 'evidence' },
  assertion_critical_header: { reason: 'assertion_critical_header' },
  assertion_key_unknown: { reason: 'assertion_key_unknown', kid: 'evidence' },
  assertion_algorithm: { reason: 'assertion_algorithm', got: 'evidence', expected: 'evidence' },
  assertion_signature: { reason: 'assertion_signature' },
  assertion_issuer: { reason: 'assertion_issuer', issuer: 'evidence', subject: 'evidence' },
  assertion_audience: { reason: 'assertion_audience', expected: 'evidence' },
  assertion_expired: { reason: 'assertion_expired', expiresAt: 424242, now: 171717 },
  assertion_not_yet_valid: { reason: 'assertion_not_yet_valid', notBefore: 424242, now: 171717 },
  assertion_lifetime: { reason: 'assertion_lifetime', seconds: 424242, maxSeconds: 171717 },
  assertion_replayed: { reason: 'assertion_replayed', jti: 'evidence' },
  client_secrets_off: { reason: 'client_secrets_off', realm: 'evidence' },
  secret_unknown: { reason: 'secret_unknown' },
  secret_expired: { reason: 'secret_expired', id: 'evidence', expiresAt: 424242 },
  certificate_missing: { reason: 'certificate_missing' },
  certificate_malformed: { reason: 'certificate_malformed', detail: 'evidence' },
  certificate_untimely: { reason: 'certificate_untimely', notBefore: 424242, notAfter: 424242, now: 171717 },
  certificate_unknown: { reason: 'certificate_unknown', x5tS256: 'evidence' },
  issuer_unknown: { reason: 'issuer_unknown', issuer: 'evidence' },
  issuer_untrusted: { reason: 'issuer_untrusted', issuer: 'evidence' },
  issuer_disabled: { reason: 'issuer_disabled', issuer: 'evidence' },
  federation_missing: { reason: 'federation_missing', issuer: 'evidence' },
  federation_claims: { reason: 'federation_claims', issuer: 'evidence', claims: ['evidence'] },
  grant_type_off: { reason: 'grant_type_off', grantType: 'evidence' },
  grant_assertion_refused: { reason: 'grant_assertion_refused', because: BECAUSE },
  subject_token_refused: { reason: 'subject_token_refused', because: BECAUSE },
  actor_token_refused: { reason: 'actor_token_refused', because: BECAUSE },
  token_type_unsupported: { reason: 'token_type_unsupported', parameter: 'evidence' },
  subject_is_partner: { reason: 'subject_is_partner', subject: 'evidence' },
  token_too_large: { reason: 'token_too_large', characters: 424242, maxCharacters: 171717 },
  subject_not_shared: { reason: 'subject_not_shared', audience: 'evidence' },
  may_act_excludes: { reason: 'may_act_excludes', clientId: 'evidence' },
  actors_too_many: { reason: 'actors_too_many', depth: 424242, maxDepth: 171717 },
  authorization_details_malformed: { reason: 'authorization_details_malformed', detail: 'evidence' },
  microsoft_token_refused: { reason: 'microsoft_token_refused', fault: 'key_not_found' },
  delegation_not_granted: { reason: 'delegation_not_granted' },
  assertion_resource: { reason: 'assertion_resource', resource: 'evidence', madeFor: 'evidence' },
  parameter_malformed: { reason: 'parameter_malformed', parameter: 'evidence' },
  authorization_details_not_granted: {
    reason: 'authorization_details_not_granted',
    type: 'evidence',
    detail: 'evidence',
  },
  resource_required: { reason: 'resource_required', granted: 424242 },
  resource_malformed: { reason: 'resource_malformed' },
  resource_several: { reason: 'resource_several' },
  resource_unknown: { reason: 'resource_unknown', resource: 'evidence' },
  resource_disabled: { reason: 'resource_disabled', resource: 'evidence', owner: 'evidence' },
  grant_missing: { reason: 'grant_missing', resource: 'evidence' },
  scope_malformed: { reason: 'scope_malformed' },
  scope_not_granted: { reason: 'scope_not_granted', asked: ['evidence'], granted: ['evidence'] },
  trust_level_insufficient: { reason: 'trust_level_insufficient', trustLevel: 'evidence' },
  binding_required: { reason: 'binding_required', bindings: ['evidence'] },
  token_profile_unsupported: { reason: 'token_profile_unsupported', profile: 'evidence', detail: 'evidence' },
  quota_exceeded: {
    reason: 'quota_exceeded',
    retryAfterSeconds: 7,
    limits: [{ name: 'day', limit: 424242, windowSeconds: 171717, remaining: 424242, resetSeconds: 171717 }],
  },
  registration_token_refused: { reason: 'registration_token_refused', because: 'unknown' },
  // The only words that are said on: ours, with a pointer to the member.
  client_metadata_refused: { reason: 'client_metadata_refused', error: 'invalid_redirect_uri', detail: '/a: no' },
  dpop_malformed: { reason: 'dpop_malformed', detail: 'evidence' },
  dpop_key: { reason: 'dpop_key', detail: 'evidence' },
  dpop_signature: { reason: 'dpop_signature' },
  dpop_method: { reason: 'dpop_method', expected: 'evidence' },
  dpop_url: { reason: 'dpop_url', expected: 'evidence' },
  dpop_untimely: { reason: 'dpop_untimely', issuedAt: 424242, now: 171717 },
  dpop_token_hash: { reason: 'dpop_token_hash' },
  dpop_nonce: { reason: 'dpop_nonce', nonce: 'next-nonce' },
  dpop_replayed: { reason: 'dpop_replayed' },
  token_unbound: { reason: 'token_unbound', binding: 'evidence' },
  token_binding: { reason: 'token_binding', binding: 'evidence', detail: 'evidence' },
  token_missing: { reason: 'token_missing' },
  token_malformed: { reason: 'token_malformed', detail: 'evidence' },
  token_typ: { reason: 'token_typ', typ: 'evidence' },
  token_key_unknown: { reason: 'token_key_unknown', kid: 'evidence' },
  token_signature: { reason: 'token_signature' },
  token_issuer: { reason: 'token_issuer', issuer: 'evidence' },
  token_audience: { reason: 'token_audience', expected: 'evidence' },
  token_revoked: { reason: 'token_revoked', tokenId: 'token-1' },
  token_too_old: { reason: 'token_too_old', issuedAt: 1, notBefore: 2 },
  scope_missing: { reason: 'scope_missing', required: ['evidence'], granted: [] },
  token_expiring: { reason: 'token_expiring', expiresAt: 424242, now: 171717, cacheSeconds: 300 },
  token_expired: { reason: 'token_expired', expiresAt: 424242, now: 171717 },
  token_not_yet_valid: { reason: 'token_not_yet_valid', issuedAt: 424242, now: 171717 },
  token_lifetime: { reason: 'token_lifetime', seconds: 424242, maxSeconds: 171717 },
};
const ALL: readonly Refusal[] = Object.values(EVERY);

const ERROR_OF = (reason: RefusalReason): readonly [number, string] => {
  if (/^grant_type/.test(reason)) return [400, 'unsupported_grant_type'];
  if (reason === 'client_auth_several') return [400, 'invalid_request'];
  if (/^(body|content|parameter)/.test(reason)) return [400, 'invalid_request'];
  if (/^(binding_required|token_profile|token_type|token_too_large)/.test(reason)) return [400, 'invalid_request'];
  // RFC 8693 2.2.2
  if (/^(subject_|actor_token|actors_|may_act)/.test(reason)) return [400, 'invalid_request'];
  // RFC 7521 4.1.1
  if (reason === 'grant_assertion_refused' || reason === 'microsoft_token_refused') return [400, 'invalid_grant'];
  if (reason === 'assertion_resource') return [400, 'invalid_target'];
  if (/^authorization_details/.test(reason)) return [400, 'invalid_authorization_details'];
  if (reason === 'dpop_nonce') return [400, 'use_dpop_nonce'];
  if (/^dpop/.test(reason)) return [400, 'invalid_dpop_proof'];
  if (reason === 'trust_level_insufficient' || reason === 'delegation_not_granted') return [400, 'unauthorized_client'];
  if (reason === 'quota_exceeded') return [429, 'temporarily_unavailable'];
  if (reason === 'client_metadata_refused') return [400, 'invalid_redirect_uri'];
  if (/^(client|realm|credential|assertion|secret|certificate|issuer|federation)/.test(reason))
    return [401, 'invalid_client'];
  if (/^(resource|grant_missing)/.test(reason)) return [400, 'invalid_target'];
  if (reason === 'scope_missing') return [403, 'insufficient_scope'];
  if (/^scope/.test(reason)) return [400, 'invalid_scope'];
  return [401, 'invalid_token'];
};

describe('a refusal on the wire', () => {
  it.each(ALL)('has the error code of its kind: $reason', (refusal) => {
    const { status, error } = refusalToWire(refusal);
    expect([status, error]).toEqual(ERROR_OF(refusal.reason));
  });

  it.each(ALL)('echoes nothing: $reason', (refusal) => {
    expect(JSON.stringify(refusalToWire(refusal))).not.toMatch(/evidence|424242|171717/);
  });

  it.each(ALL)('is described in the characters that RFC 6749 5.2 allows: $reason', (refusal) => {
    expect(refusalToWire(refusal).description).toMatch(/^[\x20-\x21\x23-\x5b\x5d-\x7e]+$/);
  });

  it('says when to come back only where that is known', () => {
    const waits = ALL.map((refusal) => [refusal.reason, refusalToWire(refusal).retryAfterSeconds] as const);
    expect(waits.filter(([, seconds]) => seconds !== undefined)).toEqual([['quota_exceeded', 7]]);
  });

  it('hands out a nonce only where one is asked for (RFC 9449 8)', () => {
    const nonces = ALL.map((refusal) => [refusal.reason, refusalToWire(refusal).dpopNonce] as const);
    expect(nonces.filter(([, nonce]) => nonce !== undefined)).toEqual([['dpop_nonce', 'next-nonce']]);
    expect(refusalToWire({ reason: 'dpop_nonce' })).not.toHaveProperty('dpopNonce');
  });

  it.each([
    ['client_unknown', 'secret_unknown', 'federation_claims', 'certificate_unknown'],
    ['subject_token_refused', 'subject_not_shared', 'may_act_excludes'],
    ['dpop_signature', 'dpop_replayed', 'dpop_url'],
  ] as const)('is the very same for %s, %s and their like', (...reasons) => {
    const forms = reasons.map((reason) => JSON.stringify(refusalToWire(EVERY[reason])));
    expect(new Set(forms).size).toBe(1);
  });

  it.each(['invalid_client', 'invalid_target', 'invalid_token', 'invalid_scope', 'invalid_dpop_proof'])(
    'has one single form for all reasons of %s',
    (error) => {
      const forms = ALL.map(refusalToWire).filter((wire) => wire.error === error);
      expect([forms.length > 1, new Set(forms.map((wire) => JSON.stringify(wire))).size]).toEqual([true, 1]);
    },
  );
});

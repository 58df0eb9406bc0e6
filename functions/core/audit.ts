/**
 * The audit record: who asked for what, what was decided and why. Facts are named one by one, so that nothing else of a
 * request can slip in: no token, no assertion, no secret, no whole event.
 */

import type { CompatibilityProfile } from './compatibility.ts';
import type { Refusal, RefusalReason, Result } from './errors.ts';
import type { GrantType } from './grant-type.ts';
import type { EpochSeconds } from './partner.ts';
import type { Binding, TokenProfile } from './token-policy.ts';

/** `federated`: by a JWT of another issuer, which RFC 7523 2.2 knows as `private_key_jwt` all the same. */
export type ClientMethod =
  | 'private_key_jwt'
  | 'federated'
  /** An actor token of the Microsoft server-to-server profile. */
  | 'actor_token'
  | 'client_secret_basic'
  | 'client_secret_post'
  | 'tls_client_auth'
  | 'self_signed_tls_client_auth';

export interface AuditFacts {
  readonly realm?: string;
  readonly client?: string;
  /** How the client proved who it is, or has registered to. */
  readonly method?: ClientMethod;
  /** `kid` of the partner's key that proved it, or id of its secret. */
  readonly clientKey?: string;
  /** What was let pass for the client's library, when that is more than nothing. */
  readonly compatibility?: CompatibilityProfile;
  /** Claims of a federated identity that are on trial and would have refused it. */
  readonly federationAudited?: readonly string[];
  readonly grantType?: GrantType;
  /** `jti` of the assertion. */
  readonly assertionId?: string;
  /** `sub` of the token. */
  readonly subject?: string;
  /** Who acts for the subject, from the client inwards. */
  readonly actors?: readonly string[];
  /** What the token is bound to, and its client has proved to hold. */
  readonly boundBy?: readonly Binding[];
  readonly audience?: string;
  /** The profile of the token, where it is not RFC 9068. */
  readonly profile?: TokenProfile;
  readonly scopes?: readonly string[];
  /** `kid` of the signing key. */
  readonly kid?: string;
  /** `jti` of the token. */
  readonly tokenId?: string;
  readonly expiresAt?: EpochSeconds;
  /** The token was issued above a quota that only observes. */
  readonly overQuota?: true;
  /** What a caller was told of a token, or what became of one that it wanted to end. */
  readonly tokenState?: 'active' | 'inactive' | 'revoked' | 'unchanged';
  /** Why a token was left at that. */
  readonly tokenFault?: RefusalReason | 'token_foreign';
  /** Of dynamic registration: what was asked for, how the client will prove itself, and with which keys (RFC 7638 thumbprints). */
  readonly operation?: 'register' | 'read' | 'update' | 'remove';
  readonly keys?: readonly string[];
  readonly jwksUri?: string;
}

/** A decision together with what is known of its circumstances, also when it is a refusal. */
export interface Decided<Value> {
  readonly result: Result<Value>;
  readonly facts: AuditFacts;
}

export interface AuditRecord {
  readonly action: 'issue-token' | 'check-token' | 'introspect-token' | 'revoke-token' | 'register-client';
  readonly decision: 'granted' | 'refused';
  /** Why not: the refusal's stable code with its evidence. */
  readonly refusal?: Refusal;
  readonly requestId: string;
  readonly facts: AuditFacts;
}

export const auditRecord = (
  action: AuditRecord['action'],
  requestId: string,
  { result, facts }: Decided<unknown>,
): AuditRecord => ({
  action,
  decision: result.ok ? 'granted' : 'refused',
  ...(result.ok ? {} : { refusal: result.refusal }),
  requestId,
  facts,
});

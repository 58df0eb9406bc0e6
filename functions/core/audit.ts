/**
 * The audit record: who asked for what, what was decided and why. Facts are named one by one, so that nothing else of a
 * request can slip in: no token, no assertion, no secret, no whole event.
 */

import type { CompatibilityProfile } from './compatibility.ts';
import type { Refusal, Result } from './errors.ts';
import type { EpochSeconds } from './partner.ts';

export interface AuditFacts {
  readonly realm?: string;
  readonly client?: string;
  /** `kid` of the partner's key that the assertion was verified with. */
  readonly clientKey?: string;
  /** What was let pass for the client's library, when that is more than nothing. */
  readonly compatibility?: CompatibilityProfile;
  /** `jti` of the assertion. */
  readonly assertionId?: string;
  readonly audience?: string;
  readonly scopes?: readonly string[];
  /** `kid` of the signing key. */
  readonly kid?: string;
  /** `jti` of the token. */
  readonly tokenId?: string;
  readonly expiresAt?: EpochSeconds;
  /** The token was issued above a quota that only observes. */
  readonly overQuota?: true;
}

/** A decision together with what is known of its circumstances, also when it is a refusal. */
export interface Decided<Value> {
  readonly result: Result<Value>;
  readonly facts: AuditFacts;
}

export interface AuditRecord {
  readonly action: 'issue-token' | 'check-token';
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

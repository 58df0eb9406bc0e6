/**
 * Is a good token enough for this resource? What is asked beyond the token being good: the scopes of a route, and that no kept
 * decision outlives the token it was made about.
 */

import { accept, type Result, refuse } from './errors.ts';
import type { EpochSeconds } from './partner.ts';
import { parseScope } from './scope.ts';
import type { AccessTokenClaims } from './token.ts';

/** Whether the token has every one of these scopes (RFC 6750 3.1, `insufficient_scope`). */
export const holdsScopes = (
  claims: AccessTokenClaims,
  required: readonly string[],
): Result<AccessTokenClaims, { reason: 'scope_missing'; required: readonly string[]; granted: readonly string[] }> => {
  const granted = parseScope(claims.scope) ?? [];
  return required.every((scope) => granted.includes(scope))
    ? accept(claims)
    : refuse({ reason: 'scope_missing', required, granted });
};

/** @param cacheSeconds how long whoever asked keeps the decision. */
export const outlastsDecision = (
  claims: AccessTokenClaims,
  cacheSeconds: number,
  now: EpochSeconds,
): Result<AccessTokenClaims, { reason: 'token_expiring'; expiresAt: number; now: number; cacheSeconds: number }> =>
  claims.exp > now + cacheSeconds
    ? accept(claims)
    : refuse({ reason: 'token_expiring', expiresAt: claims.exp, now, cacheSeconds });

/**
 * The list of revoked signing keys, for verifiers that keep key sets for long and cannot introspect: a signed JWT at a stable
 * URL. It names keys, not tokens, and each only until the last token that it could have signed in time has expired, so it
 * stays short.
 */

import type { KeyRing, SigningKey } from './key-ring.ts';
import type { EpochSeconds } from './partner.ts';

/** `typ` of the JWT (RFC 8725 3.11): it can be taken for nothing else, and nothing else for it. */
export const REVOCATION_LIST_TYPE = 'countersign-revoked-keys+jwt';

/**
 * How long a list is good. A verifier that can only get an older one has to stop trusting it, so this also bounds for how long
 * somebody who keeps the newest list from it can hide a revocation.
 */
const LIST_LIFETIME_SECONDS = 3_600;

/** Signed anew well before its end: the schedule runs every 15 minutes, and may fail twice in between. */
const RENEW_BEFORE_END_SECONDS = 2_700;

export interface RevokedKey {
  readonly kid: string;
  readonly revoked_at: EpochSeconds;
  /** When the kid leaves the list. */
  readonly until: EpochSeconds;
}

export interface RevocationListClaims {
  readonly iss: string;
  readonly iat: EpochSeconds;
  readonly exp: EpochSeconds;
  readonly revoked_keys: readonly RevokedKey[];
}

/** Keys on the list. */
export const listedKeys = (ring: KeyRing, now: EpochSeconds): readonly SigningKey[] =>
  ring.keys.filter((key) => key.revokedAt !== undefined && now < (key.listedUntil ?? 0));

export const buildRevocationList = (
  issuer: string,
  rings: readonly KeyRing[],
  now: EpochSeconds,
): RevocationListClaims => ({
  iss: issuer,
  iat: now,
  exp: now + LIST_LIFETIME_SECONDS,
  revoked_keys: rings
    .flatMap((ring) => listedKeys(ring, now))
    .map(({ kid, revokedAt = now, listedUntil = now }) => ({ kid, revoked_at: revokedAt, until: listedUntil }))
    .sort((a, b) => (a.kid < b.kid ? -1 : 1)),
});

/** Whether the list that is out has to be replaced: it says something else than it should, or will end before long. */
export const isOutdated = (
  published: Pick<RevocationListClaims, 'exp' | 'revoked_keys'> | undefined,
  wanted: RevocationListClaims,
): boolean =>
  published === undefined ||
  published.exp - wanted.iat < RENEW_BEFORE_END_SECONDS ||
  JSON.stringify(published.revoked_keys) !== JSON.stringify(wanted.revoked_keys);

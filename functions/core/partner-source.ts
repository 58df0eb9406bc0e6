/**
 * Partners that publish their keys: where, how often we look, and what came of the last look.
 * (OpenID Connect Discovery, RFC 8414; the Microsoft metadata document of `New-CsPartnerApplication -MetadataUrl`.)
 */

import type { EpochSeconds } from './partner.ts';

export interface PartnerSource {
  /** A bare key set (RFC 7517), or a document that also says who the partner is. */
  readonly type: 'jwks_uri' | 'metadata';
  readonly url: string;
  /** The partner has said so itself, by dynamic registration (RFC 7591), and not an operator. */
  readonly selfRegistered?: true;
}

/** Why a look at the document changed nothing. `code` is stable: alarms and tests rely on it. */
export interface RefreshFailure {
  readonly code: string;
  readonly detail: string;
}

export interface RefreshStatus {
  readonly realm: string;
  readonly id: string;
  /** When the schedule looks next. */
  readonly dueAt: EpochSeconds;
  readonly lastAttemptAt?: EpochSeconds;
  readonly lastSuccessAt?: EpochSeconds;
  /** Of the last attempt, if it failed. */
  readonly failure?: RefreshFailure;
  /** Failed attempts since the last good one. */
  readonly failures: number;
  readonly version: number;
}

/** Least time between two looks at one partner's document, whoever asks. */
const REFRESH_COOL_DOWN_SECONDS = 60;
/** First retry after a failure; doubles with each further one, up to the ordinary interval. */
const RETRY_SECONDS = 300;

/** A partner whose document has not been looked at yet: due at once. */
export const newRefresh = (realm: string, id: string, now: EpochSeconds): RefreshStatus => ({
  realm,
  id,
  dueAt: now,
  failures: 0,
  version: 1,
});

/** When the next look is allowed; `undefined`: now. */
export const coolDownEnd = ({ lastAttemptAt }: RefreshStatus, now: EpochSeconds): EpochSeconds | undefined => {
  const end = (lastAttemptAt ?? 0) + REFRESH_COOL_DOWN_SECONDS;
  return lastAttemptAt !== undefined && end > now ? end : undefined;
};

/** Written before the look, so that of two concurrent ones only one takes place, and a crash does not repeat it at once. */
export const attempted = (status: RefreshStatus, now: EpochSeconds, intervalSeconds: number): RefreshStatus => ({
  ...status,
  lastAttemptAt: now,
  dueAt: now + retryDelay(status.failures, intervalSeconds),
  version: status.version + 1,
});

export const failed = (
  status: RefreshStatus,
  failure: RefreshFailure,
  now: EpochSeconds,
  intervalSeconds: number,
): RefreshStatus => ({
  ...status,
  failure,
  failures: status.failures + 1,
  dueAt: now + retryDelay(status.failures, intervalSeconds),
  version: status.version + 1,
});

export const succeeded = (
  { failure: _, ...status }: RefreshStatus,
  now: EpochSeconds,
  intervalSeconds: number,
): RefreshStatus => ({
  ...status,
  lastSuccessAt: now,
  failures: 0,
  dueAt: now + intervalSeconds,
  version: status.version + 1,
});

const retryDelay = (failures: number, intervalSeconds: number): number =>
  Math.min(intervalSeconds, RETRY_SECONDS * 2 ** Math.min(failures, 16));

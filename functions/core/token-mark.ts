/**
 * The mark of a partner or a grant, `tokensNotBefore`: tokens of before that second are refused. It is set by a revocation, and by giving
 * a name anew, so that the tokens of whatever had it before do not come back to life.
 */

import type { EpochSeconds } from './partner.ts';
import { MAX_TOKEN_SECONDS } from './token-policy.ts';

/**
 * The next second: a token tells no part of one, so all of this second have to go.
 * @param before the mark as it stands. It never moves back: another administrator's clock may be ahead of ours.
 */
export const nextMark = (now: EpochSeconds, before: EpochSeconds = 0): EpochSeconds => Math.max(now + 1, before);

/** @param lastVersion of the partner that had this id before; 0: there was none. */
export const markOfNewPartner = (lastVersion: number, now: EpochSeconds): EpochSeconds | undefined =>
  lastVersion === 0 ? undefined : nextMark(now);

/** Caches of functions that had not heard of the removal yet, and clocks that differ. */
const SLACK_SECONDS = 3_600;

/**
 * Which grants there were before nobody remembers, only when the client last lost one. One that it never had has no tokens, so that the
 * mark does no harm there.
 */
export const markOfNewGrant = (lostGrantAt: EpochSeconds | undefined, now: EpochSeconds): EpochSeconds | undefined =>
  lostGrantAt === undefined || lostGrantAt + MAX_TOKEN_SECONDS + SLACK_SECONDS < now ? undefined : nextMark(now);

/**
 * How many tokens a partner may have, in fixed windows of a minute and of a day (UTC). `observe` counts and tells, and refuses
 * nothing: the way to find out what a limit would do before it does it.
 */

import { accept, type Result, refuse } from './errors.ts';
import type { EpochSeconds } from './partner.ts';
import type { InputProblem } from './public-key.ts';

export const QUOTA_MODES = ['observe', 'enforce'] as const;

export interface Quota {
  readonly perMinute?: number;
  readonly perDay?: number;
  readonly mode: (typeof QUOTA_MODES)[number];
}

/** Tokens counted so far in the current windows. */
export interface QuotaUse {
  readonly minute: number;
  readonly day: number;
}

/** One limit as a client is told of it (draft-ietf-httpapi-ratelimit-headers). */
export interface RateLimit {
  readonly name: 'minute' | 'day';
  readonly limit: number;
  readonly windowSeconds: number;
  readonly remaining: number;
  /** Until the window is over and the count begins anew. */
  readonly resetSeconds: number;
}

const WINDOWS = [
  { name: 'minute', windowSeconds: 60 },
  { name: 'day', windowSeconds: 86_400 },
] as const;

const MAX_QUOTA = 1_000_000_000;

export interface QuotaInput {
  readonly perMinute?: number | undefined;
  readonly perDay?: number | undefined;
  readonly mode: Quota['mode'];
}

export const parseQuota = ({ perMinute, perDay, mode }: QuotaInput): Result<Quota, readonly InputProblem[]> => {
  if (perMinute === undefined && perDay === undefined) {
    return refuse([{ pointer: '/quota', detail: 'a quota has a limit, perMinute or perDay' }]);
  }
  const counts = [
    ['perMinute', perMinute],
    ['perDay', perDay],
  ] as const;
  const wrong = counts.filter(([, count]) => count !== undefined && !isCount(count));
  if (wrong.length > 0) {
    const detail = `a whole number from 1 to ${MAX_QUOTA}`;
    return refuse(wrong.map(([name]) => ({ pointer: `/quota/${name}`, detail })));
  }
  return accept({
    ...(perMinute === undefined ? {} : { perMinute }),
    ...(perDay === undefined ? {} : { perDay }),
    mode,
  });
};

const isCount = (count: number): boolean => Number.isInteger(count) && count >= 1 && count <= MAX_QUOTA;

/** @param use counts with this request among them. */
export const rateLimits = (quota: Quota, use: QuotaUse, now: EpochSeconds): readonly RateLimit[] => {
  const limits = { minute: quota.perMinute, day: quota.perDay };
  return WINDOWS.flatMap(({ name, windowSeconds }) => {
    const limit = limits[name];
    if (limit === undefined) return [];
    const remaining = Math.max(0, limit - use[name]);
    return [{ name, limit, windowSeconds, remaining, resetSeconds: windowSeconds - (now % windowSeconds) }];
  });
};

/** Seconds until all windows that are used up are over; `undefined`: there is room. */
export const quotaWait = (quota: Quota, use: QuotaUse, now: EpochSeconds): number | undefined => {
  const full = rateLimits(quota, use, now).filter(({ name, limit }) => use[name] > limit);
  return full.length === 0 ? undefined : Math.max(...full.map(({ resetSeconds }) => resetSeconds));
};

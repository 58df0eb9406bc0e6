import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseQuota, type Quota, type QuotaInput, quotaWait, rateLimits } from '../../functions/core/quota.ts';
import { NOW } from '../support/builders.ts';

/** Midnight (UTC) of the day of `NOW`, which is at 08:00:00. */
const MIDNIGHT = NOW - (NOW % 86_400);

describe('a quota', () => {
  it.each<QuotaInput>([
    { perMinute: 1, mode: 'observe' },
    { perDay: 1_000_000_000, mode: 'enforce' },
    { perMinute: 10, perDay: 100, mode: 'enforce' },
    { perMinute: 10, perDay: 5, mode: 'enforce' },
  ])('may be %j', (input) => {
    expect(parseQuota(input)).toEqual({ ok: true, value: input });
  });

  it.each<[QuotaInput, readonly string[]]>([
    [{ mode: 'observe' }, ['/quota']],
    [{ mode: 'enforce', perMinute: undefined, perDay: undefined }, ['/quota']],
    [{ mode: 'enforce', perMinute: 0 }, ['/quota/perMinute']],
    [{ mode: 'enforce', perMinute: -1 }, ['/quota/perMinute']],
    [{ mode: 'enforce', perMinute: 1.5 }, ['/quota/perMinute']],
    [{ mode: 'enforce', perMinute: 1_000_000_001 }, ['/quota/perMinute']],
    [{ mode: 'enforce', perDay: Number.POSITIVE_INFINITY }, ['/quota/perDay']],
    [{ mode: 'enforce', perDay: Number.NaN, perMinute: 0 }, ['/quota/perMinute', '/quota/perDay']],
  ])('cannot be %j', (input, pointers) => {
    const parsed = parseQuota(input);
    expect(parsed.ok ? [] : parsed.refusal.map(({ pointer }) => pointer)).toEqual(pointers);
  });
});

describe('the windows of a quota', () => {
  const BOTH: Quota = { perMinute: 10, perDay: 100, mode: 'enforce' };

  it('are told with what is left of each, the minute first', () => {
    expect(rateLimits(BOTH, { minute: 3, day: 40 }, NOW + 10)).toEqual([
      { name: 'minute', limit: 10, windowSeconds: 60, remaining: 7, resetSeconds: 50 },
      { name: 'day', limit: 100, windowSeconds: 86_400, remaining: 60, resetSeconds: MIDNIGHT + 86_400 - NOW - 10 },
    ]);
  });

  it.each<[Quota, readonly string[]]>([
    [{ perMinute: 10, mode: 'observe' }, ['minute']],
    [{ perDay: 10, mode: 'observe' }, ['day']],
  ])('of %j are %j only', (quota, names) => {
    expect(rateLimits(quota, { minute: 1, day: 1 }, NOW).map(({ name }) => name)).toEqual(names);
  });

  it.each([
    [MIDNIGHT, 60, 86_400],
    [MIDNIGHT + 1, 59, 86_399],
    [MIDNIGHT + 59, 1, 86_341],
    [MIDNIGHT + 60, 60, 86_340],
    [MIDNIGHT + 86_399, 1, 1],
  ])('begin anew with the minute and with the day: at %i in %i s and %i s', (now, minute, day) => {
    expect(rateLimits(BOTH, { minute: 1, day: 1 }, now).map(({ resetSeconds }) => resetSeconds)).toEqual([minute, day]);
  });

  it.each([
    [{ minute: 10, day: 100 }, undefined],
    [{ minute: 11, day: 11 }, 50],
    [{ minute: 1, day: 101 }, MIDNIGHT + 86_400 - NOW - 10],
    [{ minute: 11, day: 101 }, MIDNIGHT + 86_400 - NOW - 10],
  ])('with this request among the counts %j make it wait %s s', (use, seconds) => {
    expect(quotaWait(BOTH, use, NOW + 10)).toBe(seconds);
  });
});

describe('any quota', () => {
  const limit = fc.integer({ min: 1, max: 50 });
  const quotas: fc.Arbitrary<Quota> = fc
    .record(
      { perMinute: limit, perDay: limit, mode: fc.constantFrom('observe', 'enforce') },
      { requiredKeys: ['mode'] },
    )
    .filter(({ perMinute, perDay }) => perMinute !== undefined || perDay !== undefined);
  const uses = fc.record({ minute: fc.nat(60), day: fc.nat(60) });
  const times = fc.integer({ min: MIDNIGHT, max: MIDNIGHT + 200_000 });

  it('is waited for exactly when a limit is exceeded, and no longer than the longest window that is full', () => {
    fc.assert(
      fc.property(quotas, uses, times, (quota, use, now) => {
        const { perMinute = Number.POSITIVE_INFINITY, perDay = Number.POSITIVE_INFINITY } = quota;
        const wait = quotaWait(quota, use, now);
        expect(wait !== undefined).toBe(use.minute > perMinute || use.day > perDay);
        if (wait === undefined) return;
        expect(wait).toBeGreaterThan(0);
        // Once it is over, another window has begun.
        const window = use.day > perDay ? 86_400 : 60;
        expect(Math.floor((now + wait) / window)).toBe(Math.floor(now / window) + 1);
        expect((now + wait) % window).toBe(0);
      }),
    );
  });

  it('never tells of less than nothing, of more than there is, or of a window that is over', () => {
    fc.assert(
      fc.property(quotas, uses, times, (quota, use, now) => {
        for (const { limit: most, remaining, resetSeconds, windowSeconds } of rateLimits(quota, use, now)) {
          expect(remaining).toBeGreaterThanOrEqual(0);
          expect(remaining).toBeLessThanOrEqual(most);
          expect(resetSeconds).toBeGreaterThan(0);
          expect(resetSeconds).toBeLessThanOrEqual(windowSeconds);
        }
      }),
    );
  });

  it('lets as many through in a window as it says, counted one by one', () => {
    fc.assert(
      fc.property(limit, fc.integer({ min: 1, max: 100 }), times, (perMinute, requests, now) => {
        const quota: Quota = { perMinute, mode: 'enforce' };
        const counts = Array.from({ length: requests }, (_, index) => index + 1);
        const through = counts.filter((minute) => quotaWait(quota, { minute, day: minute }, now) === undefined);
        expect(through).toHaveLength(Math.min(perMinute, requests));
      }),
    );
  });
});

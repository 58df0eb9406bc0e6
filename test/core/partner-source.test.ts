import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  attempted,
  coolDownEnd,
  failed,
  newRefresh,
  type RefreshFailure,
  type RefreshStatus,
  succeeded,
} from '../../functions/core/partner-source.ts';
import { NOW } from '../support/builders.ts';

const INTERVAL = 3_600;
const FAILURE: RefreshFailure = { code: 'timeout', detail: 'no answer' };
const START = newRefresh('default', 'crm', NOW);

/** Looks that fail, each when it is due. @returns how long each waits for the next. */
const delays = (count: number, interval: number): readonly number[] => {
  let status: RefreshStatus = START;
  return Array.from({ length: count }, () => {
    const now = status.dueAt;
    status = failed(attempted(status, now, interval), FAILURE, now, interval);
    return status.dueAt - now;
  });
};

describe('the refresh of a partner', () => {
  it('is due at once, and has not been tried', () => {
    expect(START).toEqual({ realm: 'default', id: 'crm', dueAt: NOW, failures: 0, version: 1 });
    expect(coolDownEnd(START, NOW)).toBeUndefined();
  });

  it('that succeeds is due again after the interval, and forgets what failed before', () => {
    const begun = attempted(failed(attempted(START, NOW, INTERVAL), FAILURE, NOW, INTERVAL), NOW + 300, INTERVAL);
    expect(succeeded(begun, NOW + 301, INTERVAL)).toEqual({
      realm: 'default',
      id: 'crm',
      dueAt: NOW + 301 + INTERVAL,
      lastAttemptAt: NOW + 300,
      lastSuccessAt: NOW + 301,
      failures: 0,
      version: 5,
    });
  });

  it('that fails says why, and keeps the time of the last success', () => {
    const good = succeeded(attempted(START, NOW, INTERVAL), NOW, INTERVAL);
    const begun = attempted(good, NOW + INTERVAL, INTERVAL);
    expect(failed(begun, FAILURE, NOW + INTERVAL + 5, INTERVAL)).toEqual({
      ...begun,
      failure: FAILURE,
      failures: 1,
      lastSuccessAt: NOW,
      lastAttemptAt: NOW + INTERVAL,
      dueAt: NOW + INTERVAL + 5 + 300,
      version: begun.version + 1,
    });
  });

  it('that dies on the way is tried again, but not at once', () => {
    expect(attempted(START, NOW, INTERVAL)).toMatchObject({ lastAttemptAt: NOW, dueAt: NOW + 300, failures: 0 });
  });

  it('that keeps failing waits twice as long each time, up to the interval', () => {
    expect(delays(6, INTERVAL)).toEqual([300, 600, 1_200, 2_400, 3_600, 3_600]);
    expect(delays(3, 300)).toEqual([300, 300, 300]);
  });

  it('never waits longer than the interval, and never less than before', () => {
    fc.assert(
      fc.property(fc.integer({ min: 300, max: 86_400 }), fc.integer({ min: 2, max: 60 }), (interval, count) => {
        const waits = delays(count, interval);
        expect(waits.every((wait) => wait >= 300 && wait <= interval)).toBe(true);
        expect(waits).toEqual([...waits].sort((a, b) => a - b));
        expect(waits.at(-1)).toBe(Math.min(interval, 300 * 2 ** Math.min(count - 1, 16)));
      }),
    );
  });

  it('counts every write, so that of two at once only one is made', () => {
    const begun = attempted(START, NOW, INTERVAL);
    expect([
      begun.version,
      failed(begun, FAILURE, NOW, INTERVAL).version,
      succeeded(begun, NOW, INTERVAL).version,
    ]).toEqual([2, 3, 3]);
  });

  it.each([
    [0, NOW + 60],
    [59, NOW + 60],
    [60, undefined],
    [61, undefined],
    [-5, NOW + 60],
  ])('may be asked for %i s after the last look until %s', (seconds, until) => {
    expect(coolDownEnd(attempted(START, NOW, INTERVAL), NOW + seconds)).toBe(until);
  });

  it('has to wait after a success as after a failure', () => {
    const begun = attempted(START, NOW, INTERVAL);
    for (const done of [succeeded(begun, NOW + 1, INTERVAL), failed(begun, FAILURE, NOW + 1, INTERVAL)]) {
      expect(coolDownEnd(done, NOW + 30)).toBe(NOW + 60);
    }
  });
});

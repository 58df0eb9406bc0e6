import { describe, expect, it } from 'vitest';
import { retryDelayMs } from '../../cli/http.ts';

describe('retryDelayMs', () => {
  const now = Date.UTC(2026, 10, 23, 10, 0, 0);
  it.each([
    ['seconds', '7', 0, 7000],
    ['none', '0', 2, 0],
    ['a date', 'Mon, 23 Nov 2026 10:00:05 GMT', 0, 5000],
    ['a date in the past', 'Mon, 23 Nov 2026 09:00:00 GMT', 0, 0],
    ['nothing, first', null, 0, 1000],
    ['nothing, third', null, 2, 4000],
    ['nonsense', 'soon', 1, 2000],
  ])('reads %s', (_, header, attempt, expected) => {
    expect(retryDelayMs(header, attempt, now)).toBe(expected);
  });
});

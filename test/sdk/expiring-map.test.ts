import { describe, expect, it } from 'vitest';
import { createExpiringMap } from '../../sdk/expiring-map.ts';

describe('a map that expires', () => {
  it('gives a value until its time has come', () => {
    const map = createExpiringMap<string>(2);
    map.set('a', 'A', 10, 0);
    expect([map.get('a', 9), map.get('a', 10), map.get('b', 0)]).toEqual(['A', undefined, undefined]);
  });

  it('never pushes out what has not expired, and says so', () => {
    const map = createExpiringMap<number>(2);
    expect([map.set('a', 1, 10, 0), map.set('b', 2, 20, 0), map.set('c', 3, 30, 0)]).toEqual([true, true, false]);
    expect([map.get('a', 1), map.get('b', 1), map.get('c', 1)]).toEqual([1, 2, undefined]);
    expect(map.set('a', 4, 12, 0)).toBe(true);
    expect([map.set('c', 3, 30, 11), map.set('c', 3, 30, 12)]).toEqual([false, true]);
    expect(map.get('b', 12)).toBe(2);
  });
});

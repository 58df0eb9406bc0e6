import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { combine, compareInRounds, ratio, type Subject, seriesOf, summarize } from '../../bench/rounds.ts';

const subjects = (names: readonly string[], turns: string[]): Subject[] =>
  names.map((name, index) => ({
    name,
    operations: 10,
    run: async (operations) => {
      turns.push(name);
      return { operations, microseconds: operations * (index + 1) * turns.length };
    },
  }));

describe('comparing in rounds', () => {
  it('warms each subject up, and then lets them take turns, every second round in reverse order', async () => {
    const turns: string[] = [];
    await compareInRounds(subjects(['a', 'b'], turns), { rounds: 3, warmUps: 2 });
    expect(turns.join('')).toBe('aabb' + 'ab' + 'ba' + 'ab');
  });

  it('counts the rounds alone, per operation', async () => {
    const all = await compareInRounds(subjects(['a', 'b'], []), { rounds: 2, warmUps: 1 });
    expect(seriesOf(all, 'a')).toEqual([3, 6]);
    expect(seriesOf(all, 'b')).toEqual([8, 10]);
  });

  it('ends when an operation fails', async () => {
    const failing: Subject = { name: 'f', operations: 1, run: () => Promise.reject(new Error('no token')) };
    await expect(compareInRounds([failing], { rounds: 1, warmUps: 0 })).rejects.toThrow('no token');
  });

  it('refuses to tell of a subject that was not there', () => {
    expect(() => seriesOf(new Map(), 'a')).toThrow('there is no subject a');
  });
});

describe('summarizing', () => {
  it.each([
    { values: [3, 1, 2], median: 2 },
    { values: [4, 1, 2, 3], median: 2.5 },
    { values: [10, 9, 100], median: 10 },
  ])('takes $median as the median of $values', ({ values, median }) => {
    expect(summarize(values)).toEqual({ median, min: Math.min(...values), max: Math.max(...values) });
  });

  it('has nothing to say about no values', () => {
    expect(() => summarize([])).toThrow('nothing was measured');
  });

  it('forms ratios within a round, so that a drift of the machine cancels', () => {
    const drift = fc.array(fc.integer({ min: 1, max: 1_000 }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(drift, fc.integer({ min: 1, max: 50 }), (rounds, factor) => {
        const slower = rounds.map((value) => value * factor);
        expect(ratio(slower, rounds)).toEqual({ median: factor, min: factor, max: factor });
      }),
    );
  });

  it('combines series round by round', () => {
    expect(combine([5, 7], [1, 2], (a, b) => a - b)).toEqual([4, 5]);
  });
});

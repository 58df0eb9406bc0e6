import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { excerpt } from '../../functions/core/excerpt.ts';

describe('an excerpt', () => {
  it.each<[unknown, string]>([
    ['Microsoft Exchange', 'Microsoft Exchange'],
    ['Zoë 🔑', 'Zoë 🔑'],
    ['two\nlines\r\n\tand a tab', 'two lines and a tab'],
    ['\u001b[31mred', '[31mred'],
    ['right\u202eto left', 'right to left'],
    ['half \ud83d', 'half'],
    ['x'.repeat(1_000), 'x'.repeat(64)],
    [12, ''],
    [undefined, ''],
  ])('of %j is %j', (text, expected) => {
    expect(excerpt(text)).toBe(expected);
  });

  it('has at most 64 characters, all printable', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 400 }), (text) => {
        const short = excerpt(text);
        return [...short].length <= 64 && !/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u.test(short);
      }),
    );
  });
});

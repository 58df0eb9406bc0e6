import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { matchesGlob } from '../../functions/core/claim-glob.ts';

/** What a glob means, as plainly as it can be said; it takes as long as it takes. */
const reference = (glob: string, text: string): boolean => {
  if (glob === '') return text === '';
  const [wildcard, isWithin]: readonly [string, (run: string) => boolean] = glob.startsWith('**')
    ? ['**', () => true]
    : ['*', (run) => !/[/:]/.test(run)];
  if (!glob.startsWith('*'))
    return text !== '' && text.charAt(0) === glob.charAt(0) && reference(glob.slice(1), text.slice(1));
  const runs = Array.from({ length: text.length + 1 }, (_, end) => text.slice(0, end));
  return runs.some((run) => isWithin(run) && reference(glob.slice(wildcard.length), text.slice(run.length)));
};

describe('a glob over a claim', () => {
  it.each([
    ['repo:acme/app:ref:refs/heads/main', 'repo:acme/app:ref:refs/heads/main'],
    ['repo:acme/app:**', 'repo:acme/app:ref:refs/heads/main'],
    ['repo:acme/app:ref:refs/heads/*', 'repo:acme/app:ref:refs/heads/main'],
    ['repo:acme/*:environment:production', 'repo:acme/app:environment:production'],
    ['repo:acme@20201/app@424242:ref:refs/tags/v*', 'repo:acme@20201/app@424242:ref:refs/tags/v1.2.3'],
    ['system:serviceaccount:billing:*', 'system:serviceaccount:billing:invoicer'],
    ['spiffe://acme.example/ns/*/sa/invoicer', 'spiffe://acme.example/ns/billing/sa/invoicer'],
    ['spiffe://acme.example/**', 'spiffe://acme.example/ns/billing/sa/invoicer'],
    ['abcd*', 'abcd'],
    ['abcd**', 'abcd'],
    ['a*c*e', 'abcbcde'],
    ['a***b', 'a/:b'],
    ['**/b*:c', 'x/b/b1:c'],
  ])('%s takes %s', (glob, text) => {
    expect(matchesGlob(glob, text)).toBe(true);
  });

  it.each([
    ['repo:acme/app:*', 'repo:acme/app-evil:ref:refs/heads/main'],
    ['repo:acme/app:**', 'repo:acme/app-evil:ref:refs/heads/main'],
    ['repo:acme/app:*', 'repo:acme/app:ref:refs/heads/main'],
    ['repo:acme/*:ref:refs/heads/main', 'repo:acme/app:evil:ref:refs/heads/main'],
    ['repo:acme/*:ref:refs/heads/main', 'repo:acme/a/b:ref:refs/heads/main'],
    ['repo:acme/app:ref:refs/heads/*', 'repo:acme/app:ref:refs/heads/a/b'],
    ['repo:acme/app:ref:refs/heads/main', 'repo:acme/app:ref:refs/heads/main '],
    ['repo:acme/app:ref:refs/heads/main', ' repo:acme/app:ref:refs/heads/main'],
    ['repo:acme/app:ref:refs/heads/main', 'repo:acme/app:ref:refs/heads/main\n'],
    ['repo:acme/app', 'repo:Acme/app'],
    ['a.c', 'abc'],
    ['a+', 'aa'],
    ['[ab]', 'a'],
    ['a?', 'ab'],
    ['(a|b)', 'a'],
    ['\\*', '*x'],
    ['a*', ''],
    ['', 'a'],
    ['café', 'cafe\u0301'],
  ])('%s does not take %j', (glob, text) => {
    expect(matchesGlob(glob, text)).toBe(false);
  });

  it('means what its description says, whatever stands in glob and text', () => {
    const glob = fc.string({ unit: fc.constantFrom('a', 'b', '/', ':', '*'), maxLength: 8 });
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '/', ':', '*'), maxLength: 8 });
    fc.assert(
      fc.property(glob, text, (pattern, claim) => {
        expect(matchesGlob(pattern, claim)).toBe(reference(pattern, claim));
      }),
      { numRuns: 3_000 },
    );
  });

  it('takes the text that it was made from', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'grapheme' }), { maxLength: 6 }), (parts) => {
        const literal = parts.map((part) => part.replaceAll('*', ''));
        expect(matchesGlob(literal.join('**'), literal.join('/:any'))).toBe(true);
      }),
    );
  });

  it.each([
    ['one that backtracks', `${'a*'.repeat(255)}b`, 'a'.repeat(2_048)],
    ['one of wildcards only', '**'.repeat(256), `${'/'.repeat(2_047)}:`],
    ['one that nearly matches', `${'**a'.repeat(170)}b`, 'a'.repeat(2_048)],
  ])('answers at once where others take for ever: %s', (_case, glob, text) => {
    const before = performance.now();
    const answer = matchesGlob(glob, text);
    expect({ answer, isQuick: performance.now() - before < 2_000 }).toEqual({
      answer: glob.endsWith('**'),
      isQuick: true,
    });
  });

  it('looks at no text that is longer than any subject can be', () => {
    expect(matchesGlob('a**', 'a'.repeat(2_048))).toBe(true);
    expect(matchesGlob('a**', 'a'.repeat(2_049))).toBe(false);
  });
});

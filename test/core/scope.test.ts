import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatScope, isScopeToken, MAX_SCOPES, parseScope } from '../../functions/core/scope.ts';

/** The alphabet of RFC 6749 3.3, written out: %x21 / %x23-5B / %x5D-7E. */
const isAllowed = (code: number): boolean =>
  code === 0x21 || (code >= 0x23 && code <= 0x5b) || (code >= 0x5d && code <= 0x7e);

describe('a scope token', () => {
  it('is made of the characters of RFC 6749 3.3 and of no other below U+0180', () => {
    const wrong = Array.from({ length: 0x180 }, (_, code) => code).filter(
      (code) => isScopeToken(String.fromCharCode(code)) !== isAllowed(code),
    );
    expect(wrong).toEqual([]);
  });

  it('has 1 to 128 characters', () => {
    expect(['', 'x', 'x'.repeat(128), 'x'.repeat(129)].map(isScopeToken)).toEqual([false, true, true, false]);
  });

  it('ends where it ends, not at a line break', () => {
    expect(isScopeToken('read\n')).toBe(false);
  });
});

describe('a scope string', () => {
  it('keeps its order and drops what is repeated', () => {
    expect(parseScope('write read write a:b.c/d')).toEqual(['write', 'read', 'a:b.c/d']);
  });

  it.each(['', ' ', 'a ', ' a', 'a  b', 'a\nb', 'a,"b"'])('is none as %j', (value) => {
    expect(parseScope(value)).toBeUndefined();
  });

  it('holds 64 scopes and no more, counted as written', () => {
    const of = (count: number) => Array.from({ length: count }, (_, index) => `s${index % 3}`).join(' ');
    expect([parseScope(of(MAX_SCOPES)), parseScope(of(MAX_SCOPES + 1))]).toEqual([['s0', 's1', 's2'], undefined]);
  });

  it('is read as it was written', () => {
    const token = fc.string({ unit: fc.constantFrom(...'abcXYZ09!#[]^~:/.'), minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(fc.uniqueArray(token, { minLength: 1, maxLength: MAX_SCOPES }), (scopes) => {
        expect(parseScope(formatScope(scopes))).toEqual(scopes);
      }),
    );
  });

  it('is a list of scope tokens or nothing, whatever it is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (value) => {
        expect((parseScope(value) ?? ['x']).every(isScopeToken)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });
});

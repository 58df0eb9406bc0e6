import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_INTROSPECTORS, parseIntrospectors } from '../../functions/core/introspectors.ts';
import { changeAudience, declareAudience, isSameAudience } from '../../functions/core/registration.ts';
import { AUDIENCE, audience, OWNER, REALM } from '../support/builders.ts';

const CHOICES = { algorithms: [], detailTypes: [] };
const MANY = Array.from({ length: MAX_INTROSPECTORS }, (_, index) => `partner-${index}`);

describe('the introspectors of an audience', () => {
  it('are kept sorted, each once', () => {
    expect(parseIntrospectors(['b', 'a', 'b', 'A'], OWNER)).toEqual({ ok: true, value: ['A', 'a', 'b'] });
    expect(parseIntrospectors([], OWNER)).toEqual({ ok: true, value: [] });
    const ids = fc.array(fc.constantFrom('a', 'b', 'B', '1', 'c.d'), { maxLength: MAX_INTROSPECTORS });
    fc.assert(
      fc.property(ids, ids, (some, others) => {
        const [one, other] = [parseIntrospectors(some, OWNER), parseIntrospectors(others, OWNER)];
        const isSame = some.every((id) => others.includes(id)) && others.every((id) => some.includes(id));
        expect(JSON.stringify(one) === JSON.stringify(other)).toBe(isSame);
      }),
    );
  });

  it.each([
    ['the owner, who may anyway', ['a', OWNER], '/introspectors/1', /owner/],
    ['what is no id', ['no id'], '/introspectors/0', /not the id/],
    ['a secret in the place of an id', ['a', `csec_${'x'.repeat(43)}`], '/introspectors/1', /not the id/],
    ['more than ten', [...MANY, 'one-more'], '/introspectors', /at most 10/],
  ])('are not %s', (_, ids, pointer, detail) => {
    const parsed = parseIntrospectors(ids, OWNER);
    expect(parsed).toEqual({ ok: false, refusal: [{ pointer, detail: expect.stringMatching(detail) }] });
  });

  it('may be ten, however often each is named', () => {
    expect(parseIntrospectors([...MANY, ...MANY], OWNER)).toMatchObject({ ok: true });
  });
});

describe('an audience', () => {
  const input = { audience: AUDIENCE, owner: OWNER, scopes: ['read'] };
  const declare = (introspectors?: readonly string[]) =>
    declareAudience(REALM, { ...input, introspectors }, { enabled: true }, CHOICES);

  it('has no introspectors unless it says so', () => {
    expect(declare()).toMatchObject({ ok: true, value: { introspectors: [] } });
    expect(declare(['b', 'a'])).toMatchObject({ ok: true, value: { introspectors: ['a', 'b'] } });
  });

  it('keeps them when other members change, and takes those that are said in their place', () => {
    const stored = audience({ introspectors: ['a', 'b'] });
    const change = (members: object) => changeAudience(stored, members, CHOICES);
    expect(change({ scopes: ['read'] })).toMatchObject({ value: { introspectors: ['a', 'b'], version: 2 } });
    expect(change({ introspectors: ['c'] })).toMatchObject({ value: { introspectors: ['c'], scopes: stored.scopes } });
    expect(change({ introspectors: [] })).toMatchObject({ value: { introspectors: [] } });
  });

  it('is told all that is wrong with it at once', () => {
    const wrong = changeAudience(audience(), { scopes: [], introspectors: [OWNER] }, CHOICES);
    expect(wrong).toMatchObject({
      refusal: { reason: 'invalid', problems: [{ pointer: '/scopes' }, { pointer: '/introspectors/0' }] },
    });
  });

  it('is another with other introspectors', () => {
    const [one, same] = [audience({ introspectors: ['a', 'b'] }), audience({ introspectors: ['a', 'b'], version: 7 })];
    expect([isSameAudience(one, same), isSameAudience(one, audience({ introspectors: ['a'] }))]).toEqual([true, false]);
  });
});

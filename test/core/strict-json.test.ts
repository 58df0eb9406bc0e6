import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseStrictJson } from '../../functions/core/strict-json.ts';

describe('JSON that others wrote', () => {
  it('is what JSON.parse makes of it', () => {
    fc.assert(
      fc.property(fc.json(), fc.constantFrom(undefined, 2), (text, indent) => {
        const value: unknown = JSON.parse(text);
        expect(parseStrictJson(JSON.stringify(value, null, indent))).toEqual(value);
      }),
    );
  });

  it.each(['', '{', '{"a":1,}', "{'a':1}", 'undefined', '[1]x', '{"a":1}{"a":1}', '\ufeff{}'])('is not %j', (text) => {
    expect(parseStrictJson(text)).toBeUndefined();
  });

  it.each([
    '{"a":1,"a":1}',
    '{"a":1,"b":2,"a":3}',
    '{"a":1,"\\u0061":2}',
    '[{"x":{"a":[],"a":{}}}]',
    '{"__proto__":1,"__proto__":2}',
    '{"":1,"":2}',
  ])('has no member twice, as in %s', (text) => {
    expect(parseStrictJson(text)).toBeUndefined();
  });

  it.each(['{"a":{"a":1},"b":{"a":1}}', '[{"a":1},{"a":1}]', '{"a":"a:a","b":"{\\"a\\":1}"}', '{"a":["a","a"]}'])(
    'may have a name in several objects, or as a value: %s',
    (text) => {
      expect(parseStrictJson(text)).toEqual(JSON.parse(text));
    },
  );
});

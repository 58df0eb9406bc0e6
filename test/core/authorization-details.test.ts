import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type AuthorizationDetail,
  type DetailRights,
  type DetailTypesInput,
  grantDetails,
  isDetailType,
  isDetailTypeList,
  parseAuthorizationDetails,
  parseDetailTypes,
} from '../../functions/core/authorization-details.ts';
import { AUDIENCE } from '../support/builders.ts';

const times = <Value>(count: number, make: (index: number) => Value): Value[] =>
  Array.from({ length: count }, (_, index) => make(index));

describe('the type of a detail', () => {
  it.each(['payment', 'https://scheme.example/types/payment', 'urn:x', 'toString', '!', 'x'.repeat(128)])(
    'may be %j',
    (type) => {
      expect(isDetailType(type)).toBe(true);
    },
  );

  it.each(['', 'a b', 'ä', 'a\n', 'x'.repeat(129), '__proto__', 'constructor', 'prototype'])('cannot be %j', (type) => {
    expect(isDetailType(type)).toBe(false);
  });

  it('stands in a list of 20 at most, once', () => {
    expect(isDetailTypeList(times(20, String))).toBe(true);
    expect(isDetailTypeList(times(21, String))).toBe(false);
    expect(isDetailTypeList(['a', 'a'])).toBe(false);
    expect(isDetailTypeList(['a', ''])).toBe(false);
  });
});

describe('the request parameter', () => {
  const detailOf = (text: string): string => {
    const parsed = parseAuthorizationDetails(text);
    if (parsed.ok) return 'accepted';
    return parsed.refusal.reason === 'authorization_details_malformed' ? parsed.refusal.detail : parsed.refusal.reason;
  };
  const detailOfOne = (members: object): string => detailOf(JSON.stringify([{ type: 'payment', ...members }]));

  it('is read as it stands', () => {
    const details = [
      {
        type: 'payment',
        locations: [AUDIENCE],
        actions: ['initiate', 'status'],
        datatypes: ['contacts'],
        privileges: ['admin'],
        identifier: 'account-14-32-32-3',
        instructedAmount: { currency: 'EUR', amount: '123.50', limits: [1, 2.5, null, true] },
      },
      { type: 'payment' },
      { type: 'photo-api' },
    ];
    expect(parseAuthorizationDetails(JSON.stringify(details, null, 2))).toEqual({ ok: true, value: details });
  });

  it.each([
    ...[
      '',
      'payment',
      '{',
      '[{"type":"payment"}',
      '{"type":"payment"}',
      'null',
      '1',
      '"x"',
      '[]',
      '[[]]',
      '[null]',
      '["payment"]',
    ],
    JSON.stringify(times(21, () => ({ type: 'payment' }))),
  ])('is a list of one to twenty objects, not %j', (text) => {
    expect(detailOf(text)).toMatch(/^not (a list of 1 to 20 objects|JSON)/);
  });

  it('is no longer than 4,096 characters', () => {
    const text = (padding: number) => JSON.stringify([{ type: 'payment', note: 'x'.repeat(padding) }]);
    const room = 4_096 - text(0).length;
    expect(detailOf(text(room))).toBe('accepted');
    expect(detailOf(text(room + 1))).toBe('more than 4096 characters');
  });

  it.each([
    ['a type', '[{"type":"payment","type":"admin"}]'],
    ['a type that is spelled otherwise', '[{"type":"payment","\\u0074ype":"admin"}]'],
    ['a member deep inside', '[{"type":"payment","amount":{"a":1,"a":2}}]'],
  ])('has nothing twice, as %s', (_case, text) => {
    expect(detailOf(text)).toBe('not JSON, or a member stands there twice');
  });

  it.each([undefined, 1, '', null, ['payment'], 'a b', '__proto__', 'x'.repeat(129)])(
    'has no detail of the type %j',
    (type) => {
      expect(detailOfOne({ type })).toBe('type');
    },
  );

  it.each(['locations', 'actions', 'datatypes', 'privileges'])('has %s as a list of texts', (name) => {
    for (const value of ['x', 1, null, {}, [], [1], [''], [null], [['x']], times(51, String)]) {
      expect(detailOfOne({ [name]: value })).toBe(`${name} is a list of 1 to 50 texts`);
    }
    expect(detailOfOne({ [name]: times(50, String) })).toBe('accepted');
  });

  it('has an identifier as a text', () => {
    for (const identifier of [1, '', null, [], ['x'], 'x'.repeat(513)]) {
      expect(detailOfOne({ identifier })).toBe('identifier is a text of 1 to 512 characters');
    }
    expect(detailOfOne({ identifier: 'x'.repeat(512) })).toBe('accepted');
  });

  it.each([
    ['levels', '{"a":{"b":{"c":{"d":1}}}}', '{"a":{"b":{"c":{"d":{"e":1}}}}}', 'at most 4 levels'],
    ['whole numbers', '9007199254740991', '9007199254740993', 'a number that not every reader reads alike'],
    ['numbers', '-0.25', '1e400', 'a number that not every reader reads alike'],
    ['characters', '"\\ud83d\\ude00"', '"\\ud83d"', 'not well-formed text'],
    ['names', '{"proto":1}', '{"__proto__":1}', 'has a member of a name that cannot be'],
  ])('has values that all readers read alike: %s', (_case, good, bad, detail) => {
    expect(detailOf(`[{"type":"payment","x":${good}}]`)).toBe('accepted');
    expect(detailOf(`[{"type":"payment","x":${bad}}]`)).toBe(detail);
  });

  it.each(['__proto__', 'constructor', 'prototype', ''])('has no member that is called %j', (name) => {
    expect(detailOf(`[{"type":"payment","${name}":1}]`)).toBe('the name of a member');
  });

  it('costs nothing to refuse when it is nested as deeply as fits', () => {
    expect(detailOf(`[{"type":"payment","x":${'['.repeat(2_000)}${']'.repeat(2_000)}}]`)).toBe('at most 4 levels');
    expect(detailOf('['.repeat(4_096))).toBe('not JSON, or a member stands there twice');
  });

  it('is refused as malformed or read, whatever it says, and nothing of it is repeated', () => {
    const texts = fc.oneof(
      fc.string(),
      fc.json(),
      fc.array(fc.dictionary(fc.string(), fc.jsonValue())).map((x) => JSON.stringify(x)),
    );
    fc.assert(
      fc.property(texts, (text) => {
        const parsed = parseAuthorizationDetails(text);
        expect(parsed.ok || parsed.refusal.reason === 'authorization_details_malformed').toBe(true);
      }),
    );
  });
});

describe('what is granted', () => {
  const rights = (
    changes: Partial<DetailRights['audience']> = {},
    types: readonly string[] = ['payment', 'report'],
  ): DetailRights => ({
    audience: {
      audience: AUDIENCE,
      authorizationDetails: {
        payment: { actions: ['initiate', 'status'], datatypes: ['contacts'], fields: ['amount', 'toString'] },
        report: { privileges: ['read'] },
        secret: {},
      },
      ...changes,
    },
    grant: { authorizationDetailsTypes: types },
  });

  it.each<readonly AuthorizationDetail[]>([
    [{ type: 'payment' }],
    [
      {
        type: 'payment',
        actions: ['status'],
        datatypes: ['contacts'],
        identifier: 'account-1',
        amount: { value: '1' },
      },
    ],
    [{ type: 'payment', locations: [AUDIENCE], toString: 'x' }],
    [
      { type: 'payment', actions: ['status'] },
      { type: 'payment', actions: ['initiate'] },
      { type: 'report', privileges: ['read'] },
    ],
  ])('is what was asked for and nothing else: %j', (...asked) => {
    expect(grantDetails(asked, rights())).toEqual({ ok: true, value: asked });
  });

  const TYPE = 'the audience declares no such type';
  const HELD = 'the grant does not hold this type';
  const LOCATIONS = 'locations may name the audience of the token only';
  const MEMBER = 'a member that the audience does not declare';
  it.each<readonly [AuthorizationDetail, string]>([
    [{ type: 'unknown' }, TYPE],
    [{ type: 'Payment' }, TYPE],
    [{ type: 'toString' }, TYPE],
    [{ type: 'hasOwnProperty' }, TYPE],
    [{ type: 'secret' }, HELD],
    [{ type: 'payment', locations: ['https://elsewhere.example'] }, LOCATIONS],
    [{ type: 'payment', locations: [AUDIENCE, 'https://elsewhere.example'] }, LOCATIONS],
    [{ type: 'payment', locations: [`${AUDIENCE}/`] }, LOCATIONS],
    [{ type: 'payment', actions: ['delete'] }, 'actions has a value that the audience does not declare'],
    [{ type: 'payment', actions: ['status', 'delete'] }, 'actions has a value that the audience does not declare'],
    [{ type: 'payment', datatypes: ['Contacts'] }, 'datatypes has a value that the audience does not declare'],
    [{ type: 'payment', privileges: ['read'] }, 'privileges has a value that the audience does not declare'],
    [{ type: 'report', actions: ['initiate'] }, 'actions has a value that the audience does not declare'],
    [{ type: 'report', amount: 1 }, MEMBER],
    [{ type: 'payment', amount: 1, more: 1 }, MEMBER],
    [{ type: 'payment', scope: 'all' }, MEMBER],
    [{ type: 'payment', valueOf: 1 }, MEMBER],
  ])('is nothing where %j goes too far', (asked, detail) => {
    const refusal = { reason: 'authorization_details_not_granted', type: asked.type, detail };
    expect(grantDetails([asked], rights())).toEqual({ ok: false, refusal });
    expect(grantDetails([{ type: 'payment' }, asked], rights())).toEqual({ ok: false, refusal });
  });

  it('is nothing without a grant of the type, or without a declaration', () => {
    expect(grantDetails([{ type: 'payment' }], rights({}, []))).toMatchObject({ refusal: { detail: HELD } });
    expect(grantDetails([{ type: 'payment' }], rights({ authorizationDetails: {} }))).toMatchObject({
      refusal: { detail: TYPE },
    });
  });
});

describe('the declaration by an audience', () => {
  const pointersOf = (input: DetailTypesInput, allowed: readonly string[] = ['payment', 'https://x.example/a~b']) => {
    const parsed = parseDetailTypes(input, allowed, '/authorizationDetails');
    return parsed.ok ? [] : parsed.refusal.map(({ pointer }) => pointer);
  };

  it('is taken over as it is said', () => {
    const declared = {
      payment: { actions: ['initiate'], datatypes: [], privileges: ['an admin'], fields: ['amount'] },
    };
    expect(parseDetailTypes(declared, ['payment'], '')).toEqual({ ok: true, value: declared });
    expect(parseDetailTypes({ payment: { actions: undefined } }, ['payment'], '')).toEqual({
      ok: true,
      value: { payment: {} },
    });
    expect(parseDetailTypes({}, [], '')).toEqual({ ok: true, value: {} });
  });

  it.each<readonly [string, DetailTypesInput, readonly string[]]>([
    ['a type that the realm does not allow', { other: {} }, ['/other']],
    ['such a type with slashes', { 'https://x.example/other': {} }, ['/https:~1~1x.example~1other']],
    ['what is no type', { 'a b': {} }, ['/a b']],
    ['too many values', { payment: { actions: times(51, String) } }, ['/payment/actions']],
    ['an empty value', { payment: { datatypes: [''] } }, ['/payment/datatypes']],
    ['a long value', { payment: { privileges: ['x'.repeat(129)] } }, ['/payment/privileges']],
    ['a value twice', { payment: { actions: ['a', 'a'] } }, ['/payment/actions']],
    ['a value that cannot be seen', { payment: { actions: ['a\n'] } }, ['/payment/actions']],
    ['half a character', { payment: { actions: ['\ud800'] } }, ['/payment/actions']],
    ...['type', 'locations', 'actions', 'datatypes', 'identifier', 'privileges', '__proto__', 'constructor'].map(
      (name) => [`the field ${name}`, { payment: { fields: ['amount', name] } }, ['/payment/fields']] as const,
    ),
    [
      'several slips',
      { payment: { actions: [''], fields: [''] }, 'https://x.example/a~b': { privileges: [''] } },
      ['/payment/actions', '/payment/fields', '/https:~1~1x.example~1a~0b/privileges'],
    ],
  ])('cannot have %s', (_case, input, pointers) => {
    expect(pointersOf(input)).toEqual(pointers.map((pointer) => `/authorizationDetails${pointer}`));
  });

  it('has limits', () => {
    const types = times(21, (index) => `type-${index}`);
    const declared = (count: number) => Object.fromEntries(types.slice(0, count).map((type) => [type, {}]));
    expect(pointersOf(declared(20), types)).toEqual([]);
    expect(pointersOf(declared(21), types)).toEqual(['/authorizationDetails']);
    const large = { actions: times(50, (index) => `${index}`.padEnd(128, 'x')) };
    expect(pointersOf({ payment: large })).toEqual([]);
    expect(pointersOf({ payment: { ...large, datatypes: large.actions, privileges: large.actions } })).toEqual([
      '/authorizationDetails',
    ]);
  });

  it('lists a type that objects have a member of by that name, when the realm allows it', () => {
    expect(pointersOf({ toString: {} }, ['toString'])).toEqual([]);
    expect(pointersOf(JSON.parse('{"__proto__":{}}') as DetailTypesInput, ['__proto__'])).toHaveLength(1);
  });
});

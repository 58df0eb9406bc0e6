import { describe, expect, it } from 'vitest';
import { type FederatedIdentityInput, parseFederation } from '../../functions/core/federation-input.ts';
import { NOW } from '../support/builders.ts';
import { workloads } from '../support/workload-tokens.ts';

const input = (changes: object = {}): FederatedIdentityInput => ({
  issuer: 'https://idp.example',
  claims: { sub: { exact: 'worker' } },
  ...changes,
});

const pointersOf = (...inputs: readonly FederatedIdentityInput[]): readonly string[] => {
  const parsed = parseFederation(inputs, '/federation');
  return parsed.ok ? [] : parsed.refusal.map(({ pointer }) => pointer);
};
const times = <Value>(count: number, make: (index: number) => Value): Value[] =>
  Array.from({ length: count }, (_, i) => make(i));
const named = (count: number) =>
  Object.fromEntries([['sub', { exact: 'x' }], ...times(count - 1, (index) => [`c${index}`, { exact: 'x' }])]);

describe('a federated identity that is registered', () => {
  it('is taken over as it is said, single use unless it is said', () => {
    const full = {
      ...input({ audience: 'https://aud.example', maxSeconds: 600, reusable: true }),
      claims: { sub: { glob: 'repo:acme/app:**' }, env: { oneOf: ['a', 'b'] }, '/a~1b/c~0d': { exact: 'x' } },
      audited: { env: { exact: 'a' } },
    };
    expect(parseFederation([input(), full], '')).toEqual({
      ok: true,
      value: [{ ...input(), reusable: false }, full],
    });
    expect(parseFederation([], '')).toEqual({ ok: true, value: [] });
  });

  it('may be of an issuer that another one is of', () => {
    expect(pointersOf(input(), input({ claims: { sub: { exact: 'tester' } } }))).toEqual([]);
  });

  it('is what the platforms need', () => {
    for (const { federation } of Object.values(workloads('https://sts.example.com', NOW))) {
      expect(pointersOf(federation)).toEqual([]);
    }
  });

  it.each([
    'https://idp.example',
    'https://idp.example/',
    'https://idp.example:8443/realms/a',
    'https://kubernetes.default.svc.cluster.local',
    'https://sts.windows.net/7a1b-2c/',
    'spiffe://acme.example',
  ])('may be of the issuer %s', (issuer) => {
    expect(pointersOf(input({ issuer }))).toEqual([]);
  });

  it.each([
    ...[
      '',
      'idp.example',
      'http://idp.example',
      'https://',
      'https://*',
      'https://*.idp.example',
      'https://idp.example?a=b',
      'https://idp.example#a',
    ],
    ...[
      'https://idp.example ',
      'https://idp.example/\n',
      'HTTPS://idp.example',
      'https://u:p@idp.example',
      'https://ü.example',
    ],
    ...[
      'spiffe://acme.example/',
      'spiffe://acme.example/x',
      'spiffe://Acme',
      '*',
      `https://${'a'.repeat(600)}.example`,
    ],
  ])('cannot be of the issuer %j', (issuer) => {
    expect(pointersOf(input({ issuer }))).toEqual(['/federation/0/issuer']);
  });

  it.each([
    ['no claims', { claims: {} }, ['/federation/0/claims', '/federation/0/claims']],
    ['no subject', { claims: { env: { exact: 'prod' } } }, ['/federation/0/claims']],
    ['a subject by pointer only', { claims: { '/sub': { exact: 'a' } } }, ['/federation/0/claims']],
    [
      'a subject on trial only',
      { claims: { env: { exact: 'a' } }, audited: { sub: { exact: 'a' } } },
      ['/federation/0/claims'],
    ],
    ['too many claims', { claims: named(11) }, ['/federation/0/claims']],
    ['too many claims on trial', { audited: named(11) }, ['/federation/0/audited']],
    ['no way to match', { claims: { sub: {} } }, ['/federation/0/claims/sub']],
    ['two ways to match', { claims: { sub: { exact: 'a', glob: 'abcd*' } } }, ['/federation/0/claims/sub']],
    ['an empty value', { claims: { sub: { exact: '' } } }, ['/federation/0/claims/sub/exact']],
    ['a long value', { claims: { sub: { exact: 'x'.repeat(513) } } }, ['/federation/0/claims/sub/exact']],
    ['a value that cannot be seen', { claims: { sub: { exact: 'a\u0000' } } }, ['/federation/0/claims/sub/exact']],
    ['half a character', { claims: { sub: { exact: '\ud800' } } }, ['/federation/0/claims/sub/exact']],
    ['nothing to choose from', { claims: { sub: { oneOf: [] } } }, ['/federation/0/claims/sub/oneOf']],
    ['an empty choice', { claims: { sub: { oneOf: ['a', ''] } } }, ['/federation/0/claims/sub/oneOf']],
    ['too much to choose from', { claims: { sub: { oneOf: times(51, String) } } }, ['/federation/0/claims/sub/oneOf']],
    ['a wildcard as the subject', { claims: { sub: { glob: '*' } } }, ['/federation/0/claims/sub/glob']],
    ['wildcards as the subject', { claims: { sub: { glob: '**:**' } } }, ['/federation/0/claims/sub/glob']],
    [
      'a subject that begins too early with one',
      { claims: { sub: { glob: 'rep*' } } },
      ['/federation/0/claims/sub/glob'],
    ],
    ['a long glob', { claims: { sub: { glob: 'x'.repeat(513) } } }, ['/federation/0/claims/sub/glob']],
    ['a short life', { maxSeconds: 59 }, ['/federation/0/maxSeconds']],
    ['a long life', { maxSeconds: 86_401 }, ['/federation/0/maxSeconds']],
    ['half a second', { maxSeconds: 60.5 }, ['/federation/0/maxSeconds']],
    ['an empty audience', { audience: '' }, ['/federation/0/audience']],
    ['a long audience', { audience: 'x'.repeat(513) }, ['/federation/0/audience']],
  ])('cannot have %s', (_case, changes, pointers) => {
    expect(pointersOf(input(changes))).toEqual(pointers);
  });

  it('reaches its limits', () => {
    const most = { maxSeconds: 86_400, claims: named(10), audited: named(10), audience: 'x'.repeat(512) };
    expect(pointersOf(input(most))).toEqual([]);
    expect(pointersOf(input({ maxSeconds: 60, claims: { sub: { glob: 'repo*' } } }))).toEqual([]);
    expect(pointersOf(input({ claims: { sub: { oneOf: times(50, String) } } }))).toEqual([]);
    expect(pointersOf(...times(10, () => input()))).toEqual([]);
    expect(pointersOf(...times(11, () => input()))).toEqual(['/federation']);
  });

  it('leaves room for others in the row of its partner', () => {
    const large = input({ claims: { sub: { oneOf: times(50, () => 'x'.repeat(500)) } } });
    expect(pointersOf(large)).toEqual(['/federation']);
  });

  it.each([
    'sub',
    'https://example.com/team',
    'kubernetes.io',
    'a b',
    '/a',
    '/a/b/0',
    '/a~0b~1c',
    '/',
    'toString',
    'x'.repeat(128),
  ])('may look at %j', (name) => {
    expect(pointersOf(input({ audited: { [name]: { exact: 'a' } } }))).toEqual([]);
  });

  it.each(['', '/a~', '/a~2b', '/~', '/a\u0000', 'a\u0000', '\ud800', 'constructor', 'prototype', 'x'.repeat(129)])(
    'cannot look at %j',
    (name) => {
      expect(pointersOf(input({ audited: { [name]: { exact: 'a' } } }))).toHaveLength(1);
    },
  );

  it('cannot look at __proto__', () => {
    const audited: unknown = JSON.parse('{"__proto__":{"exact":"a"}}');
    expect(pointersOf(input({ audited }))).toEqual(['/federation/0/audited/__proto__']);
  });

  it('says where its problems are, with pointers into what was sent', () => {
    const wrong = input({ claims: { sub: { exact: 'a' }, '/a~1b': { exact: '' } }, audited: { 'c/d': {} } });
    expect(pointersOf(input(), wrong)).toEqual(['/federation/1/claims/~1a~01b/exact', '/federation/1/audited/c~1d']);
  });
});

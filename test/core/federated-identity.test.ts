import { describe, expect, it } from 'vitest';
import {
  type ClaimPredicate,
  checkFederation,
  type FederatedIdentity,
  federatedIssuer,
} from '../../functions/core/federated-identity.ts';

const identity = (changes: Partial<FederatedIdentity> = {}): FederatedIdentity => ({
  issuer: 'https://idp.example',
  claims: { sub: { exact: 'worker' } },
  reusable: false,
  ...changes,
});

/** Whether a claim of that value is as it has to be. */
const passes = (predicate: ClaimPredicate, value: unknown): boolean =>
  checkFederation(identity({ claims: { claim: predicate } }), { claim: value }).failed.length === 0;

describe('a claim that is looked at', () => {
  it.each<readonly [ClaimPredicate, unknown]>([
    [{ exact: 'a' }, 'a'],
    [{ exact: '42' }, 42],
    [{ exact: '0' }, -0],
    [{ exact: 'true' }, true],
    [{ exact: 'b' }, ['a', 'b']],
    [{ exact: '42' }, ['a', 42]],
    [{ glob: 'a/*' }, 'a/b'],
    [{ glob: '4*' }, 42],
    [{ glob: 'a/*' }, ['x', 'a/b']],
    [{ oneOf: ['a', 'b'] }, 'b'],
    [{ oneOf: ['1', '2'] }, [3, 2]],
  ])('is as %j wants it when it is %j', (predicate, value) => {
    expect(passes(predicate, value)).toBe(true);
  });

  it.each<readonly [ClaimPredicate, unknown]>([
    [{ exact: 'a' }, undefined],
    [{ exact: 'null' }, null],
    [{ exact: 'undefined' }, undefined],
    [{ exact: 'a' }, 'A'],
    [{ exact: 'a' }, 'a '],
    [{ exact: 'a' }, { a: 'a' }],
    [{ exact: '[object Object]' }, {}],
    [{ exact: 'a' }, []],
    [{ exact: '' }, []],
    [{ exact: 'a' }, [['a']]],
    [{ exact: 'a,b' }, ['a', 'b']],
    [{ exact: 'a' }, [{ 0: 'a' }]],
    [{ exact: '42' }, '042'],
    [{ exact: '1.5' }, 1.5],
    [{ exact: '9007199254740992' }, 9_007_199_254_740_992],
    [{ glob: 'a*' }, 'b'],
    [{ glob: '**' }, { any: 'thing' }],
    [{ glob: '**' }, undefined],
    [{ oneOf: ['a', 'b'] }, 'c'],
    [{ oneOf: ['a', 'b'] }, 'a,b'],
  ])('is not as %j wants it when it is %j', (predicate, value) => {
    expect(passes(predicate, value)).toBe(false);
  });

  const claims = {
    sub: 'worker',
    'a/b': { 'c~d': ['x', { deep: 'y' }] },
    '/leading': 'z',
    '': { '': 'empty' },
  };

  it.each([
    ['/sub', 'worker'],
    ['/a~1b/c~0d', 'x'],
    ['/a~1b/c~0d/0', 'x'],
    ['/a~1b/c~0d/1/deep', 'y'],
    ['/~1leading', 'z'],
    ['//', 'empty'],
  ])('is found by the pointer %s', (name, exact) => {
    expect(checkFederation(identity({ claims: { [name]: { exact } } }), claims).failed).toEqual([]);
  });

  it.each([
    '/a',
    '/a/b',
    '/a~1b/c~0d/00',
    '/a~1b/c~0d/-',
    '/a~1b/c~0d/length',
    '/sub/0',
    '/sub/length',
    '/leading',
    '/',
  ])('is not found by %s', (name) => {
    expect(checkFederation(identity({ claims: { [name]: { glob: '**' } } }), claims).failed).toEqual([name]);
  });

  it.each(['constructor', 'toString', '__proto__', '/constructor/name', '/a~1b/constructor/name'])(
    'is nothing that objects have of themselves: %s',
    (name) => {
      const predicates = JSON.parse(`{"${name}":{"glob":"**"}}`) as FederatedIdentity['claims'];
      expect(checkFederation(identity({ claims: predicates }), claims).failed).toEqual([name]);
    },
  );
});

describe('a federated identity', () => {
  const strict = identity({ claims: { sub: { exact: 'worker' }, env: { exact: 'prod' }, team: { exact: 'a' } } });

  it('wants all of its claims, and says which are not as they have to be', () => {
    expect(checkFederation(strict, { sub: 'worker', env: 'prod', team: 'a' })).toEqual({ failed: [], audited: [] });
    expect(checkFederation(strict, { sub: 'worker', env: 'test' })).toEqual({ failed: ['env', 'team'], audited: [] });
  });

  it('tells of claims on trial, and refuses nothing by them', () => {
    const onTrial = identity({ audited: { env: { exact: 'prod' }, sub: { glob: 'work*' } } });
    expect(checkFederation(onTrial, { sub: 'worker' })).toEqual({ failed: [], audited: ['env'] });
    expect(checkFederation(onTrial, { sub: 'other' })).toEqual({ failed: ['sub'], audited: ['env', 'sub'] });
  });
});

describe('the issuer of a token', () => {
  it.each([
    [{ iss: 'https://idp.example', sub: 'worker' }, 'https://idp.example'],
    [{ sub: 'spiffe://acme.example/worker' }, 'spiffe://acme.example'],
    [{ iss: 'https://oidc.acme.example', sub: 'spiffe://acme.example/worker' }, 'https://oidc.acme.example'],
    [{ iss: undefined, sub: 'worker' }, undefined],
    [{ sub: 'spiffe://acme.example' }, undefined],
  ])('of %j is %j', (claims, issuer) => {
    expect(federatedIssuer(claims)).toBe(issuer);
  });
});

import { describe, expect, it } from 'vitest';
import {
  type ClaimPredicate,
  checkFederation,
  chooseIdentity,
  type FederatedIdentity,
  federatedIssuer,
} from '../../functions/core/federated-identity.ts';
import { parseFederation } from '../../functions/core/federation-input.ts';
import { ISSUER, NOW } from '../support/builders.ts';
import { workloads } from '../support/workload-tokens.ts';

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

  it.each(Object.entries(workloads(ISSUER, NOW)))('is found in a token of %s', (_platform, { claims, federation }) => {
    const parsed = parseFederation([federation], '');
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.refusal));
    const token = { claims: { iss: undefined, sub: '', aud: undefined, ...claims }, payload: claims };
    const chosen = chooseIdentity(parsed.value, token, ISSUER);
    const audited = federation.audited === undefined ? [] : ['runner_environment'];
    expect(chosen).toEqual({ ok: true, value: { identity: parsed.value[0], audited } });
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

describe('the choice among the identities of a partner', () => {
  const token = (changes: object = {}) => {
    const payload = { iss: 'https://idp.example', sub: 'worker', aud: ISSUER, ...changes };
    return { claims: payload, payload };
  };

  it('is refused where none is of the issuer, also when it differs by case or by a slash', () => {
    for (const iss of ['https://other.example', 'https://idp.example/', 'https://IDP.example', 'http://idp.example']) {
      const refusal = { reason: 'federation_missing', issuer: iss };
      expect(chooseIdentity([identity()], token({ iss }), ISSUER)).toEqual({ ok: false, refusal });
    }
    const nobody = chooseIdentity(
      [identity({ issuer: '' })],
      { claims: { iss: undefined, sub: 'x', aud: ISSUER }, payload: {} },
      ISSUER,
    );
    expect(nobody).toEqual({ ok: true, value: expect.anything() });
  });

  it('goes to the one that the claims fit', () => {
    const other = identity({ claims: { sub: { exact: 'tester' } } });
    expect(chooseIdentity([other, identity()], token(), ISSUER)).toMatchObject({ value: { identity: identity() } });
  });

  it('goes to the one that the audience fits, of two that the claims fit', () => {
    const elsewhere = identity({ audience: 'https://elsewhere.example', reusable: true });
    for (const federation of [
      [elsewhere, identity()],
      [identity(), elsewhere],
    ]) {
      expect(chooseIdentity(federation, token(), ISSUER)).toMatchObject({ value: { identity: identity() } });
      const away = token({ aud: ['x', 'https://elsewhere.example'] });
      expect(chooseIdentity(federation, away, ISSUER)).toMatchObject({ value: { identity: elsewhere } });
    }
  });

  it('leaves it to the audience check to refuse where only the audience is wrong', () => {
    expect(chooseIdentity([identity()], token({ aud: 'x' }), ISSUER)).toMatchObject({ ok: true });
  });

  it('says which claims are wrong with the one that the audience fits', () => {
    const elsewhere = identity({ audience: 'https://elsewhere.example', claims: { env: { exact: 'prod' } } });
    expect(chooseIdentity([elsewhere, identity()], token({ sub: 'x' }), ISSUER)).toEqual({
      ok: false,
      refusal: { reason: 'federation_claims', issuer: 'https://idp.example', claims: ['sub'] },
    });
  });
});

/** By which names the key of an assertion is found, and the assertion itself is told. */

import { describe, expect, it } from 'vitest';
import {
  type AssertionRules,
  assertionId,
  checkAssertionClaims,
  findAssertionKey,
  type ParsedAssertion,
  parseAssertion,
} from '../../functions/core/assertion.ts';
import type { Result } from '../../functions/core/errors.ts';
import { assertionClaims, credential, encodeJson, ISSUER, keyPair, NOW } from '../support/builders.ts';

const parsedOf = (header: object, claims: object): ParsedAssertion => {
  const result = parseAssertion(`${encodeJson(header)}.${encodeJson(claims)}.AAAA`, 'client');
  if (!result.ok) throw new Error(result.refusal.reason);
  return result.value;
};
const HEADER = { alg: 'ES256', kid: 'k1' };
const withHeader = (changes: object) => parsedOf({ ...HEADER, ...changes }, assertionClaims());
const withClaims = (changes: object) => parsedOf(HEADER, assertionClaims(changes));
const reasonOf = (result: Result<unknown>): string => (result.ok ? 'accepted' : result.refusal.reason);

describe('a key that came in a certificate', () => {
  const x5t = 'A'.repeat(27);
  const x5tS256 = 'B'.repeat(43);

  it.each([
    [{ kid: undefined, x5t }, 'accepted'],
    [{ kid: undefined, 'x5t#S256': x5tS256 }, 'accepted'],
    [{ kid: 'unknown', x5t }, 'accepted'],
    // MSAL for Python pads.
    [{ kid: undefined, x5t: `${x5t}=` }, 'accepted'],
    [{ kid: undefined, 'x5t#S256': `${x5tS256}=` }, 'accepted'],
    [{ kid: undefined, x5t: 'C'.repeat(27) }, 'assertion_key_unknown'],
    [{ kid: undefined, x5t: x5tS256 }, 'assertion_key_unknown'],
    [{ kid: undefined, x5t: '' }, 'assertion_key_unknown'],
    [{ kid: undefined, x5t: '=' }, 'assertion_key_unknown'],
  ])('is found by its thumbprints, and by no other name: %j', async (header, expected) => {
    const keys = [credential(await keyPair(), { x5t, x5tS256 }), credential(await keyPair('ES256', 'k2'))];
    expect(reasonOf(findAssertionKey(keys, withHeader(header)))).toBe(expected);
  });
});

describe('without jti', () => {
  const rules: Omit<AssertionRules, 'jtiOptional'> = {
    ...{ issuers: ['crm'], aboutItself: true, subjectOptional: false },
    ...{ audiences: [ISSUER], maxSeconds: 300, toleranceSeconds: 60 },
  };
  const without = () => withClaims({ jti: undefined });

  it('an assertion is taken only where that is allowed', () => {
    const check = (jtiOptional: boolean) => reasonOf(checkAssertionClaims(without(), { ...rules, jtiOptional }, NOW));
    expect([check(true), check(false)]).toEqual(['accepted', 'assertion_malformed']);
  });

  it('it is told by what was signed, whatever the signature', () => {
    const one = without();
    const otherSignature = { ...one, jws: `${one.jws.slice(0, one.jws.lastIndexOf('.'))}.AAAA` };
    const other = withClaims({ jti: undefined, exp: NOW + 61 });
    expect(assertionId(one)).toMatch(/^sha256:[\w-]{43}$/);
    expect(assertionId(otherSignature)).toBe(assertionId(one));
    expect(assertionId(other)).not.toBe(assertionId(one));
    expect(assertionId(withClaims({ jti: 'j1' }))).toBe('j1');
  });
});

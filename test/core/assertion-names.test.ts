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
import { type Result, refuse } from '../../functions/core/errors.ts';
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

describe('whom an assertion may name', () => {
  const rules: AssertionRules = {
    ...{ issuers: ['crm', 'https://crm.example'], aboutItself: false, subjectOptional: false, jtiOptional: false },
    ...{ audiences: [ISSUER], maxSeconds: 300, toleranceSeconds: 60 },
  };
  const check = (changes: object, more: Partial<AssertionRules> = {}) =>
    checkAssertionClaims(withClaims(changes), { ...rules, ...more }, NOW);

  it.each([
    [{}, 'accepted', 'accepted'],
    [{ iss: 'https://crm.example' }, 'accepted', 'accepted'],
    [{ iss: 'https://crm.example', sub: 'https://crm.example' }, 'accepted', 'accepted'],
    [{ sub: 'alice' }, 'assertion_issuer', 'accepted'],
    [{ iss: 'https://crm.example', sub: 'alice' }, 'assertion_issuer', 'accepted'],
    [{ iss: 'alice' }, 'assertion_issuer', 'assertion_issuer'],
    [{ iss: 'alice', sub: 'alice' }, 'assertion_issuer', 'assertion_issuer'],
    [{ iss: 'https://crm.example/' }, 'assertion_issuer', 'assertion_issuer'],
  ])('%j: about itself %s, about anybody %s', (claims, aboutItself, aboutAnybody) => {
    expect([reasonOf(check(claims, { aboutItself: true })), reasonOf(check(claims))]).toEqual([
      aboutItself,
      aboutAnybody,
    ]);
  });

  it('is nobody where it has no name to go by', () => {
    expect(reasonOf(check({}, { issuers: [] }))).toBe('assertion_issuer');
  });

  it('may go unsaid, which means its issuer, only where that is allowed', () => {
    const unsaid = { sub: undefined };
    expect([check(unsaid), reasonOf(check(unsaid, { subjectOptional: true }))]).toEqual([
      refuse({ reason: 'assertion_malformed', detail: 'sub' }),
      'accepted',
    ]);
    expect(withClaims(unsaid).claims).toMatchObject({ iss: 'crm', sub: 'crm', isSubjectImplied: true });
  });

  it('must be said where the issuer is too long a name for a subject', () => {
    const claims = assertionClaims({ iss: 'x'.repeat(257), sub: undefined });
    expect(parseAssertion(`${encodeJson(HEADER)}.${encodeJson(claims)}.AAAA`, 'client')).toEqual(
      refuse({ reason: 'assertion_malformed', detail: 'sub' }),
    );
  });
});

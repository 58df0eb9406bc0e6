import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hashSecret } from '../../functions/core/client-secret.ts';
import {
  buildRegistrationToken,
  isTokenOf,
  partnerOfToken,
  type RegistrationTokenKind,
} from '../../functions/core/registration-token.ts';

const SECRET = Buffer.alloc(32, 7).toString('base64url');
const KINDS: readonly RegistrationTokenKind[] = ['onboarding', 'registration'];
const other = (kind: RegistrationTokenKind): RegistrationTokenKind =>
  kind === 'onboarding' ? 'registration' : 'onboarding';

const idStart = fc.constantFrom(...'abzABZ019');
const idRest = fc.string({ unit: fc.constantFrom(...'azAZ09._~-'), maxLength: 127 });
const partnerId = fc.tuple(idStart, idRest).map(([first, rest]) => first + rest);
const secret = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes).toString('base64url'));

describe('a token of dynamic registration', () => {
  it.each([
    ['onboarding', `cobt_Y3Jt.${SECRET}`],
    ['registration', `crat_Y3Jt.${SECRET}`],
  ] as const)('for %s begins as it may be searched for, names its partner and ends with chance', (kind, text) => {
    expect(buildRegistrationToken(kind, 'crm', SECRET)).toBe(text);
  });

  it('leads back to its partner, and to nobody as a token of the other kind', () => {
    fc.assert(
      fc.property(fc.constantFrom(...KINDS), partnerId, secret, (kind, id, chance) => {
        const token = buildRegistrationToken(kind, id, chance);
        expect([partnerOfToken(kind, token), partnerOfToken(other(kind), token)]).toEqual([id, undefined]);
        expect(token.length).toBeLessThanOrEqual(220);
      }),
    );
  });

  it('has one spelling: no character can be taken out, put in or changed and the same partner be meant with the same chance', () => {
    const token = buildRegistrationToken('onboarding', 'crm-7', SECRET);
    fc.assert(
      fc.property(fc.nat(token.length - 1), fc.constantFrom('', 'A', '=', '.', '_', ' ', '\n', 'é'), (at, put) => {
        const changed = `${token.slice(0, at)}${put}${token.slice(at + 1)}`;
        fc.pre(changed !== token);
        expect(partnerOfToken('onboarding', changed) === 'crm-7' && isTokenOf(hashSecret(token), changed)).toBe(false);
      }),
    );
  });

  it.each([
    ['nothing', ''],
    ['the prefix alone', 'cobt_'],
    ['no chance', 'cobt_Y3Jt.'],
    ['too little of it', `cobt_Y3Jt.${SECRET.slice(1)}`],
    ['too much of it', `cobt_Y3Jt.${SECRET}A`],
    ['bits left over in the chance', `cobt_Y3Jt.${SECRET.slice(0, -1)}B`],
    ['no partner', `cobt_.${SECRET}`],
    ['padding', `cobt_Y3I=.${SECRET}`],
    ['bits left over in the partner', `cobt_Y3J.${SECRET}`],
    ['what no partner is called', `cobt_${Buffer.from('../x').toString('base64url')}.${SECRET}`],
    ['a partner with a character beyond ASCII', `cobt_${Buffer.from('crmé').toString('base64url')}.${SECRET}`],
    ['a partner that is too long', `cobt_${Buffer.from('a'.repeat(129)).toString('base64url')}.${SECRET}`],
    ['another prefix', `COBT_Y3Jt.${SECRET}`],
    ['a client secret', `csec_${SECRET}`],
    ['a token with something in front', ` cobt_Y3Jt.${SECRET}`],
    ['a token with a line behind', `cobt_Y3Jt.${SECRET}\n`],
  ])('is not %s', (_what, text) => {
    expect(partnerOfToken('onboarding', text)).toBeUndefined();
  });

  it('never fails on any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => {
        expect(partnerOfToken('registration', `crat_${text}`) ?? 'none').toMatch(/^[A-Za-z0-9][A-Za-z0-9._~-]*$/);
      }),
    );
  });
});

describe('the comparison', () => {
  const token = buildRegistrationToken('onboarding', 'crm', SECRET);

  it.each<[string, string | undefined, string, boolean]>([
    ['the token itself', hashSecret(token), token, true],
    ['another one', hashSecret(token), `${token.slice(0, -1)}I`, false],
    ['any where there is none', undefined, token, false],
    ['the hash in place of the token', hashSecret(token), hashSecret(token), false],
    ['any where the stored hash is none', 'x', token, false],
    ['nothing', hashSecret(token), '', false],
  ])('of %s', (_what, hash, presented, expected) => {
    expect(isTokenOf(hash, presented)).toBe(expected);
  });
});

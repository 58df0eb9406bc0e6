/** From which second on the tokens of a partner or a grant are good, after a revocation and where a name is given anew. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { markOfNewGrant, markOfNewPartner, nextMark } from '../../functions/core/token-mark.ts';
import { MAX_TOKEN_SECONDS } from '../../functions/core/token-policy.ts';
import { youngEnough } from '../../functions/core/verify-token.ts';
import { AUDIENCE, CLIENT, ISSUER, NOW } from '../support/builders.ts';

const second = fc.integer({ min: NOW, max: NOW + 10 });
const tokenOf = (iat: number) => ({
  ...{ iss: ISSUER, aud: AUDIENCE, sub: CLIENT, client_id: CLIENT, jti: 'token-1', scope: 'read' },
  ...{ iat, exp: iat + 60 },
});
const isGood = (tokensNotBefore: number | undefined, iat: number): boolean =>
  youngEnough(tokensNotBefore === undefined ? {} : { tokensNotBefore }, tokenOf(iat)).ok;

describe('the next mark', () => {
  it('ends what was issued until this second, nothing later, and never gives back what had ended', () => {
    fc.assert(
      fc.property(second, fc.option(second, { nil: undefined }), second, (now, before, iat) => {
        expect(isGood(nextMark(now, before), iat)).toBe(iat > now && isGood(before, iat));
      }),
    );
  });
});

describe('a new partner', () => {
  it('has none, unless another had its id', () => {
    expect([markOfNewPartner(0, NOW), markOfNewPartner(1, NOW), markOfNewPartner(7, NOW)]).toEqual([
      ...[undefined, NOW + 1, NOW + 1],
    ]);
  });
});

describe('a new grant', () => {
  it.each([
    ['none, where its client has never lost one', undefined, undefined],
    ['one, where its client has lost one this second', NOW, NOW + 1],
    ['one, where the clock that told the loss was ahead', NOW + 2, NOW + 1],
    ['one, as long as a token of before may be good', NOW - MAX_TOKEN_SECONDS, NOW + 1],
    ['one, an hour longer, for caches and clocks', NOW - MAX_TOKEN_SECONDS - 3_600, NOW + 1],
    ['none after that', NOW - MAX_TOKEN_SECONDS - 3_601, undefined],
  ])('has %s', (_what, lostGrantAt, mark) => {
    expect(markOfNewGrant(lostGrantAt, NOW)).toBe(mark);
  });
});

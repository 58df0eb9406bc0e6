/** Who may end a token, what is then remembered and for how long, and what is left alone (RFC 7009 2.1, 2.2). */

import { describe, expect, it } from 'vitest';
import { Outage } from '../../functions/ports.ts';
import { CLIENT, NOW } from '../support/builders.ts';
import { esPair, rsPair, SETTINGS } from './issue-token-world.ts';
import { outcomeOf, revoke, tokenStatePorts } from './token-state-world.ts';
import { FRONTEND, frontendToken, ownToken, userToken, type WaysInState } from './ways-in-world.ts';

describe('a revocation', () => {
  it.each([
    ['the client that has the token', ownToken({ exp: NOW + 100 })],
    ['the owner of the resource', frontendToken({ exp: NOW + 100 })],
    ['the owner of the resource, of a token about somebody', userToken({ exp: NOW + 100 })],
  ])('by %s is remembered until every clock says that the token has ended', async (_whom, token) => {
    const { ports, revocations } = tokenStatePorts();
    const decided = await revoke(ports, { token });
    expect([outcomeOf(decided), decided.facts.tokenId]).toEqual(['revoked', 'token-0']);
    expect([...revocations.revoked]).toEqual([['default/token-0', NOW + 100 + SETTINGS.clockToleranceSeconds]]);
  });

  it.each<[string, string, string]>([
    ["somebody else's", ownToken({ client_id: FRONTEND, sub: FRONTEND }), 'token_foreign'],
    // Whom it is about has not asked for it.
    ["somebody else's about the caller", ownToken({ client_id: FRONTEND, sub: CLIENT }), 'token_foreign'],
    ['no token', 'nonsense', 'token_malformed'],
    ['a token that has ended', ownToken({ exp: NOW }), 'token_expired'],
    ['a token of another issuer', ownToken({ iss: 'https://other.example' }), 'token_issuer'],
    ['a token that we have not signed', ownToken({}, { ...esPair, thumbprint: rsPair.thumbprint }), 'token_signature'],
    ['a token by a key of nobody', ownToken({}, { ...rsPair, thumbprint: 'other' }), 'token_key_unknown'],
  ])('of %s changes nothing, and answers as any other', async (_what, token, fault) => {
    const { ports, calls, revocations } = tokenStatePorts();
    const decided = await revoke(ports, { token });
    expect(decided).toMatchObject({
      result: { ok: true, value: { answer: undefined } },
      facts: { tokenState: 'unchanged', tokenFault: fault },
    });
    expect([revocations.revoked.size, calls.filter((call) => /^(revoke|release)/.test(call))]).toEqual([0, []]);
  });

  it('works whatever has become of the client and its grant', async () => {
    const states: readonly WaysInState[] = [{ frontend: 'gone' }, { frontendGrants: [] }, { grants: [] }];
    for (const state of states) {
      for (const token of [frontendToken(), ownToken()])
        expect(outcomeOf(await revoke(tokenStatePorts(state).ports, { token }))).toBe('revoked');
    }
  });

  it('that is repeated is one', async () => {
    const { ports, revocations } = tokenStatePorts();
    const shown = { form: { client_id: CLIENT, client_secret: 'csec_for-tests' } };
    for (const _again of [1, 2]) expect(outcomeOf(await revoke(ports, { shown }))).toBe('revoked');
    expect(revocations.revoked.size).toBe(1);
  });

  it('that is not written is no answer, and neither is one by whom nobody knows to own the resource', async () => {
    const { ports, revocations } = tokenStatePorts({}, 'revoke');
    await expect(revoke(ports)).rejects.toBeInstanceOf(Outage);
    expect(revocations.revoked.size).toBe(0);
    // The cache does not know the resource, and the table does not answer.
    const unsure = tokenStatePorts({ audiences: [] });
    let reads = 0;
    const partners = {
      ...unsure.ports.partners,
      find: (...asked: Parameters<typeof unsure.ports.partners.find>) => {
        reads += 1;
        return asked[2]?.maxAgeSeconds === 0
          ? Promise.reject(new Outage('dynamodb:Query', new Error('down')))
          : unsure.ports.partners.find(...asked);
      },
    };
    await expect(revoke({ ...unsure.ports, partners })).rejects.toBeInstanceOf(Outage);
    expect([reads, unsure.revocations.revoked.size, unsure.replay.uses.size]).toEqual([2, 0, 0]);
  });
});

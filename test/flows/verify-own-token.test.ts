/** Who is asked about a token that is handed in at the token endpoint: every partner of the realm that has a part in it, once. */

import { describe, expect, it } from 'vitest';
import { verifyOwnToken } from '../../functions/flows/verify-own-token.ts';
import type { Freshness } from '../../functions/ports.ts';
import { CLIENT, NOW, OWNER, REALM } from '../support/builders.ts';
import { memoryTokenRevocations } from './in-memory.ts';
import { BOB, contextOf, FRONTEND, frontendToken, ownToken, userToken, type WaysInState } from './ways-in-world.ts';

const verify = async (
  token: string,
  state: WaysInState = {},
  freshness: Freshness = {},
  revocations = memoryTokenRevocations(),
) => {
  const context = contextOf(state);
  const asked: string[] = [];
  const ages = new Set<number | undefined>();
  const partners = {
    find: (realm: string, id: string, age?: Freshness) => {
      asked.push(`${realm}/${id}`);
      ages.add(age?.maxAgeSeconds);
      return context.partners.find(realm, id, age);
    },
  };
  const result = await verifyOwnToken({ ...context, partners, revocations, freshness }, token);
  return { outcome: result.ok ? 'accepted' : result.refusal, asked: asked.sort(), ages: [...ages] };
};

const ISSUED_AT = NOW - 5;
const CHAIN = { sub: CLIENT, act: { sub: FRONTEND, act: { sub: OWNER, act: { sub: FRONTEND } } } };

describe('the parties of a token', () => {
  it.each([
    ['an application itself', ownToken(), [CLIENT]],
    ['an application that another acts for', ownToken({ sub: FRONTEND, act: { sub: CLIENT } }), [CLIENT, FRONTEND]],
    ['a user', userToken(), [FRONTEND]],
    // A user may be called as an application is.
    ['a user of the same name', userToken({ sub: OWNER, sub_id: { ...BOB, sub: OWNER } }), [FRONTEND]],
    ['a user, through many', ownToken({ sub: 'bob', sub_id: BOB, act: CHAIN }), [OWNER, CLIENT, FRONTEND]],
    [
      'a user, through one that another issuer knows',
      ownToken({ sub: 'bob', sub_id: BOB, act: { sub: CLIENT, act: { sub: FRONTEND, iss: 'https://other.example' } } }),
      [CLIENT],
    ],
  ])('about %s are asked for once each', async (_whom, token, parties) => {
    const { outcome, asked } = await verify(token);
    expect([outcome, asked]).toEqual(['accepted', parties.map((id) => `default/${id}`).sort()]);
  });

  it.each([undefined, 0, 5])('are asked for as fresh as the request needs them: %s', async (maxAgeSeconds) => {
    const freshness = maxAgeSeconds === undefined ? {} : { maxAgeSeconds };
    const { ages } = await verify(ownToken({ sub: FRONTEND, act: { sub: CLIENT } }), {}, freshness);
    expect(ages).toEqual([maxAgeSeconds]);
  });

  it.each<[string, WaysInState]>([
    ['disabled', { frontend: { enabled: false } }],
    ['gone', { frontend: 'gone' }],
  ])('must all be there: one that is %s is named', async (_how, state) => {
    const token = ownToken({ sub: 'bob', sub_id: BOB, act: CHAIN });
    expect((await verify(token, state)).outcome).toEqual({ reason: 'client_disabled', clientId: FRONTEND });
  });

  it.each<[string, number, object | 'accepted']>([
    ['of before it', 0, 'accepted'],
    ['and it is one of them', 1, { reason: 'token_too_old', issuedAt: ISSUED_AT, notBefore: ISSUED_AT + 1 }],
  ])('must not have lost their tokens since: those %s', async (_which, later, outcome) => {
    const token = ownToken({ sub: 'bob', sub_id: BOB, act: CHAIN, iat: ISSUED_AT });
    const frontend = { tokensNotBefore: ISSUED_AT + later };
    expect((await verify(token, { frontend })).outcome).toEqual(outcome);
  });

  it('are all there, and the token is refused all the same once it is revoked', async () => {
    const revocations = memoryTokenRevocations();
    await revocations.revoke(REALM, 'token-0', NOW);
    const { outcome } = await verify(ownToken(), {}, {}, revocations);
    expect(outcome).toEqual({ reason: 'token_revoked', tokenId: 'token-0' });
  });

  it('are asked for only of a token that is ours', async () => {
    const tokens = ['x', frontendToken({ iss: 'https://other.example' }), frontendToken({ exp: 1 }), `${ownToken()}A`];
    for (const token of tokens) expect((await verify(token)).asked).toEqual([]);
  });

  it('are asked for side by side, and what the client has lost is told first', async () => {
    const token = ownToken({ sub: FRONTEND, act: { sub: CLIENT } });
    const { outcome, asked } = await verify(token, { client: { trustLevel: 'application' }, frontend: 'gone' });
    expect([outcome, asked]).toEqual([
      { reason: 'trust_level_insufficient', trustLevel: 'application' },
      [`default/${CLIENT}`, `default/${FRONTEND}`],
    ]);
  });
});

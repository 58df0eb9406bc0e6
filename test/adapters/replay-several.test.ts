/** Several things that one request uses up: an assertion of the client, one of the grant, a DPoP proof. All are claimed, or none. */

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Outage, type ReplayClaim, type SingleUse } from '../../functions/ports.ts';
import { AwsError } from '../../local/service.ts';
import { CLIENT, NOW } from '../support/builders.ts';
import { type ClaimChanges, cancelled, claimOf, openReplayWorld, outcomeOf, type ReplayWorld } from './replay-world.ts';

let world: ReplayWorld;
beforeEach(async () => {
  world = await openReplayWorld();
});
afterEach(() => world[Symbol.asyncDispose]());

const use = (kind: SingleUse['kind'], maker: string, jti: string): SingleUse => ({
  ...{ kind, maker, jti },
  forgetAfter: NOW + 121,
});
const CLIENT_ASSERTION = use('assertion', CLIENT, 'j1');
const USER_ASSERTION = use('assertion', 'https://idp.example', 'j1');
const PROOF = use('dpop', 'thumbprint', 'j1');
const ALL = [CLIENT_ASSERTION, USER_ASSERTION, PROOF];

const of = (claimedBy: string, uses: readonly SingleUse[] = ALL, more: ClaimChanges = {}): ReplayClaim =>
  claimOf({ claimedBy, uses, ...more });
/** By a process that has never noted anything. */
const claim = (each: ReplayClaim) => world.guard().claim(each, world.now);
const isFree = async (each: SingleUse): Promise<boolean> =>
  (await outcomeOf(claim(of('probe', [each], { credential: null })))) === 'claimed';

describe('the uses of one request', () => {
  it('are claimed by one call, with the note of the credential', async () => {
    const one = world.guard();
    expect([await one.claim(of('a'), world.now), await world.lastUses()]).toEqual([undefined, { k1: NOW }]);
    const later = ALL.map((each) => ({ ...each, jti: 'j2' }));
    await one.claim(of('b', later), world.now);
    await one.claim(of('c', [{ ...PROOF, jti: 'j3' }]), world.now);
    await one.claim(of('d', []), world.now);
    expect(world.aws.calls.filter((call) => call !== 'GetItem')).toEqual([
      ...['TransactWriteItems', 'TransactWriteItems', 'PutItem'],
    ]);
  });

  it('have nothing in common for being told by the same jti: kind and maker are part of the name', async () => {
    const others = [...ALL, use('dpop', CLIENT, 'j1'), use('assertion', 'thumbprint', 'j1')];
    expect(await claim(of('a', others))).toBeUndefined();
    for (const each of others) expect(await claim(of('b', [each]))).toEqual(each);
  });

  it.each(ALL)(
    'are all refused for a replay of one, which is named, and the others stay free: $kind of $maker',
    async (old) => {
      await claim(of('before', [old]));
      expect(await claim(of('a'))).toEqual(old);
      const free = await Promise.all(ALL.filter((each) => each !== old).map(isFree));
      expect(free).toEqual([true, true]);
    },
  );

  it.each(ALL)('are a replay each, once all were claimed: $kind of $maker', async (each) => {
    await claim(of('a'));
    expect(await claim(of('b', [each]))).toEqual(each);
  });

  it('are claimed again by the request that has them: the answer to its first call may have been lost', async () => {
    const one = world.guard();
    expect([await one.claim(of('a'), world.now), await one.claim(of('a'), world.now), await claim(of('a'))]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });

  it('are all given back, by the request that has them and by no other', async () => {
    await claim(of('a'));
    await world.guard().release(of('b'));
    expect(await claim(of('c'))).toEqual(CLIENT_ASSERTION);
    await world.guard().release(of('a'));
    expect(await Promise.all(ALL.map(isFree))).toEqual([true, true, true]);
  });

  it('that came fifty times at once are claimed once, in whatever order each request names them', async () => {
    const orders = [ALL, [...ALL].reverse(), [PROOF, CLIENT_ASSERTION, USER_ASSERTION]];
    const claims = Array.from({ length: 50 }, (_, index) => outcomeOf(claim(of(`r${index}`, orders[index % 3]))));
    const outcomes = await Promise.all(claims);
    expect(outcomes.filter((outcome) => outcome === 'claimed')).toHaveLength(1);
  });

  it('of which two requests share one are those of one request', async () => {
    const [one, other] = [of('a', [CLIENT_ASSERTION, PROOF]), of('b', [USER_ASSERTION, PROOF])];
    const outcomes = await Promise.all([claim(one), claim(other)]);
    expect(outcomes.filter((used) => used === undefined)).toHaveLength(1);
    expect(outcomes).toContainEqual(PROOF);
  });

  it('are remembered each to the last second of its own time', async () => {
    await claim(of('a', [CLIENT_ASSERTION, { ...PROOF, forgetAfter: NOW + 10 }]));
    world.now = NOW + 11;
    expect([await claim(of('b', [CLIENT_ASSERTION])), await claim(of('b', [PROOF]))]).toEqual([
      CLIENT_ASSERTION,
      undefined,
    ]);
  });

  it('leave no note of the credential where one is a replay', async () => {
    await claim(of('before', [PROOF], { credential: null }));
    await claim(of('a'));
    expect(await world.lastUses()).toEqual({});
  });
});

describe('a transaction that DynamoDB turns away', () => {
  it.each([
    ['over the note', ['None', 'None', 'None', 'TransactionConflict']],
    ['over one of the uses', ['None', 'TransactionConflict', 'None', 'None']],
    ['over all', Array.from({ length: 4 }, () => 'TransactionConflict')],
  ])('because others write at the same moment, %s, is sent once more without the note', async (_what, codes) => {
    world.failOnce('TransactWriteItems', cancelled(...codes));
    expect(await claim(of('a'))).toBeUndefined();
    expect(world.aws.calls).toEqual(['TransactWriteItems', 'TransactWriteItems']);
    expect([await claim(of('b', [PROOF])), await claim(of('b', [USER_ASSERTION]))]).toEqual([PROOF, USER_ASSERTION]);
  });

  it('again and again is an outage and no answer, and nothing is claimed', async () => {
    world.intercept = (called) =>
      called === 'TransactWriteItems' ? cancelled('TransactionConflict', 'None', 'None', 'None')() : undefined;
    await expect(claim(of('a'))).rejects.toMatchObject({ operation: 'dynamodb:TransactWriteItems' });
    expect(world.aws.calls).toEqual(Array.from({ length: 5 }, () => 'TransactWriteItems'));
    world.intercept = undefined;
    expect(await Promise.all(ALL.map(isFree))).toEqual([true, true, true]);
  });

  it('a few times is none: it is sent again until the others are done', async () => {
    let turnedAway = 3;
    world.intercept = (called) => {
      if (called !== 'TransactWriteItems' || turnedAway === 0) return undefined;
      turnedAway -= 1;
      return cancelled('TransactionConflict', 'None', 'None', 'None')();
    };
    expect(await claim(of('a'))).toBeUndefined();
    expect(world.aws.calls).toHaveLength(4);
  });

  it('and then finds a replay is one', async () => {
    await claim(of('before', [PROOF], { credential: null }));
    world.failOnce('TransactWriteItems', cancelled('TransactionConflict', 'None', 'None', 'None'));
    expect(await claim(of('a'))).toEqual(PROOF);
  });

  it.each([
    ['the first', ['ConditionalCheckFailed', 'TransactionConflict', 'None', 'None'], CLIENT_ASSERTION],
    ['the last', ['None', 'TransactionConflict', 'ConditionalCheckFailed', 'None'], PROOF],
    ['the first of two', ['None', 'ConditionalCheckFailed', 'ConditionalCheckFailed', 'None'], USER_ASSERTION],
  ])('for %s is a replay of that, whatever else', async (_what, codes, used) => {
    world.failOnce('TransactWriteItems', cancelled(...codes));
    expect([await claim(of('a')), world.aws.calls]).toEqual([used, ['TransactWriteItems']]);
  });

  it('for the note alone, by a condition that it does not have, is an outage and no replay', async () => {
    world.failOnce('TransactWriteItems', cancelled('None', 'None', 'None', 'ConditionalCheckFailed'));
    await expect(claim(of('a'))).rejects.toBeInstanceOf(Outage);
  });

  it.each([
    ['a throttled item', cancelled('None', 'ThrottlingError', 'None', 'None')],
    ['an error of the service', () => new AwsError('InternalServerError', 'down', { status: 500 })],
  ])('for %s is an outage, and no answer', async (_what, error) => {
    world.failOnce('TransactWriteItems', error);
    await expect(claim(of('a'))).rejects.toMatchObject({ operation: 'dynamodb:TransactWriteItems' });
    expect(world.aws.calls).toEqual(['TransactWriteItems']);
  });
});

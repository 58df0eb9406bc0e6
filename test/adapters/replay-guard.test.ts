import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { dynamoReplayGuard } from '../../functions/adapters/dynamo-replay-guard.ts';
import { Outage, type ReplayClaim } from '../../functions/ports.ts';
import { AwsError } from '../../local/service.ts';
import { memoryReplayGuard } from '../flows/in-memory.ts';
import { CLIENT, NOW } from '../support/builders.ts';
import { EPHEMERA, openAws } from '../support/embedded-aws.ts';
import { by, cancelled, claimOf, openReplayWorld, outcomeOf, type ReplayWorld } from './replay-world.ts';

let world: ReplayWorld;
beforeEach(async () => {
  world = await openReplayWorld();
});
afterEach(() => world[Symbol.asyncDispose]());

/** A process of its own. */
const guard = () => {
  const real = world.guard();
  return { ...real, claim: (claim: ReplayClaim) => outcomeOf(real.claim(claim, world.now)) };
};

describe('what uses nothing up', () => {
  const reused = by('a', { uses: [] });

  it('is always granted, and its credential is noted once an hour', async () => {
    const one = guard();
    expect([await one.claim(reused), await one.claim(reused), await guard().claim(reused)]).toEqual(
      Array.from({ length: 3 }, () => 'claimed'),
    );
    expect(world.aws.calls).toEqual(['UpdateItem', 'UpdateItem']);
    expect(await world.lastUses()).toEqual({ k1: NOW });
    world.now += 3_600;
    await one.claim(reused);
    expect(await world.lastUses()).toEqual({ k1: NOW + 3_600 });
  });

  it('is noted by the next request where DynamoDB did not answer the first', async () => {
    const one = guard();
    world.failOnce('UpdateItem', () => new AwsError('InternalServerError', 'down', { status: 500 }));
    await expect(one.claim(reused)).rejects.toMatchObject({ operation: 'dynamodb:UpdateItem' });
    expect([await one.claim(reused), await world.lastUses()]).toEqual(['claimed', { k1: NOW }]);
  });

  it('and no credential either makes no call', async () => {
    expect([await guard().claim(by('a', { uses: [], credential: null })), world.aws.calls]).toEqual(['claimed', []]);
  });

  it('is nothing to give back', async () => {
    await guard().release(reused);
    expect(world.aws.calls).toEqual([]);
  });
});

describe('an assertion', () => {
  it('is claimed once, by whichever of two functions is first, however long ago the last note was', async () => {
    const [one, other] = [guard(), guard()];
    expect(await one.claim(by('a'))).toBe('claimed');
    expect([await one.claim(by('b')), await other.claim(by('c'))]).toEqual(['replayed', 'replayed']);
    world.now += 60;
    expect(await guard().claim(by('d'))).toBe('replayed');
  });

  it('is claimed again by the request that has it: the answer to its first call may have been lost', async () => {
    const [one, other] = [guard(), guard()];
    expect([await one.claim(by('a')), await one.claim(by('a')), await other.claim(by('a'))]).toEqual([
      'claimed',
      'claimed',
      'claimed',
    ]);
  });

  it('that came fifty times at once is claimed once', async () => {
    const guards = [guard(), guard(), guard()];
    const claims = Array.from({ length: 50 }, (_, index) => guards[index % 3]?.claim(by(`r${index}`)));
    const outcomes = await Promise.all(claims);
    expect(outcomes.filter((outcome) => outcome === 'claimed')).toHaveLength(1);
    expect(outcomes.filter((outcome) => outcome === 'replayed')).toHaveLength(49);
  });

  it.each([
    ['another jti', { jti: 'j2' }],
    ['another client', { client: 'other' }],
    ['another realm', { realm: 'other' }],
    ['a jti and client that run together alike', { client: `${CLIENT}j`, jti: '1' }],
  ])('is not taken for one with %s', async (_what, changes) => {
    await guard().claim(by('a'));
    expect(await guard().claim(by('b', changes))).toBe('claimed');
  });

  it('may have any jti, of any length', async () => {
    for (const jti of ['', 'ä\u0000#', 'x'.repeat(5_000)]) {
      expect([await guard().claim(by('a', { jti })), await guard().claim(by('b', { jti }))]).toEqual([
        'claimed',
        'replayed',
      ]);
    }
  });

  it('is remembered to the last second of its time, whether or not DynamoDB has deleted it by then', async () => {
    await guard().claim(by('a'));
    world.now = NOW + 121;
    expect(await guard().claim(by('b'))).toBe('replayed');
    world.now += 1;
    expect(await guard().claim(by('c'))).toBe('claimed');
  });

  it('is given back by the request that has it, and by no other', async () => {
    const one = guard();
    await one.claim(by('a'));
    await one.release(by('b'));
    expect(await one.claim(by('c'))).toBe('replayed');
    await guard().release(by('a'));
    expect(await one.claim(by('c'))).toBe('claimed');
  });

  it('that cannot be given back expires, and nobody is told', async () => {
    await guard().claim(by('a'));
    world.intercept = () => new AwsError('InternalServerError', 'down', { status: 500 });
    await expect(guard().release(by('a'))).resolves.toBeUndefined();
  });

  const use = fc.record({
    kind: fc.constantFrom('assertion' as const, 'dpop' as const),
    maker: fc.constantFrom(CLIENT, 'other'),
    jti: fc.constantFrom('j1', 'j2'),
  });
  const command = fc.record({
    release: fc.boolean(),
    uses: fc.uniqueArray(use, { maxLength: 3, selector: (each) => JSON.stringify(each) }),
    credential: fc.constantFrom('k1', 'k2', null),
    claimedBy: fc.constantFrom('a', 'b', 'c'),
    process: fc.constantFrom(0, 1),
    wait: fc.constantFrom(0, 0, 0, 60, 122, 3_600),
  });

  it('fares as in the model of the flows, in any course of claims and releases, with any others', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(command, { maxLength: 30 }), async (commands) => {
        let now = NOW;
        await using fresh = await openAws(() => now * 1_000);
        const guards = [0, 1].map(() => dynamoReplayGuard(fresh.documents, EPHEMERA));
        const model = memoryReplayGuard();
        for (const { release, process, wait, uses, ...changes } of commands) {
          now += wait;
          const forgetAfter = now + 121;
          const claim = claimOf({ ...changes, uses: uses.map((each) => ({ ...each, forgetAfter })) });
          const before = fresh.calls.length;
          const outcomes = release
            ? [await guards[process]?.release(claim), await model.release(claim)]
            : [await guards[process]?.claim(claim, now), await model.claim(claim, now)];
          expect(outcomes[0]).toEqual(outcomes[1]);
          if (!release) expect(fresh.calls.length - before).toBeLessThanOrEqual(1);
        }
      }),
      { numRuns: 80 },
    );
  });
});

describe('the last use of a credential', () => {
  it('is noted to the hour, by the same call that claims the assertion', async () => {
    const one = guard();
    const courses: [number, Record<string, number>][] = [
      [0, { k1: NOW }],
      [3_599, { k1: NOW }],
      [3_600, { k1: NOW + 3_600 }],
    ];
    for (const [seconds, expected] of courses) {
      world.now = NOW + seconds;
      const before = world.aws.calls.length;
      await one.claim(by(`at ${seconds}`, { jti: `${seconds}`, forgetAfter: world.now + 121 }));
      expect(world.aws.calls.slice(before)).toEqual([seconds === 3_599 ? 'PutItem' : 'TransactWriteItems']);
      expect(await world.lastUses()).toEqual(expected);
    }
  });

  it('is noted for each credential of each partner of each realm by itself, whatever it is called', async () => {
    const one = guard();
    await one.claim(by('a'));
    world.now += 5;
    await one.claim(by('b', { jti: 'j2', credential: 'expiresAt' }));
    await one.claim(by('c', { jti: 'j3', credential: 'pk' }));
    await one.claim(by('d', { client: 'other' }));
    await one.claim(by('e', { realm: 'other' }));
    expect([
      await world.lastUses(),
      await world.lastUses('other'),
      await world.lastUses(CLIENT, 'other'),
      await world.lastUses('x'),
    ]).toEqual([{ k1: NOW, expiresAt: NOW + 5, pk: NOW + 5 }, { k1: NOW + 5 }, { k1: NOW + 5 }, {}]);
  });

  it('is no use of it where the assertion was used before: that is somebody with an old one', async () => {
    await guard().claim(by('a'));
    world.now += 100;
    expect(await guard().claim(by('b', { credential: 'k2' }))).toBe('replayed');
    expect(await world.lastUses()).toEqual({ k1: NOW });
  });

  it('is noted by the next claim where a replay came first', async () => {
    await guard().claim(by('a'));
    const other = guard();
    expect(await other.claim(by('d', { jti: 'j1', credential: 'k2' }))).toBe('replayed');
    expect(await other.claim(by('e', { jti: 'j2', credential: 'k2' }))).toBe('claimed');
    expect(await world.lastUses()).toEqual({ k1: world.now, k2: world.now });
  });

  it('is noted by the next claim where DynamoDB did not answer the first', async () => {
    const one = guard();
    world.failOnce('TransactWriteItems', () => new AwsError('InternalServerError', 'down', { status: 500 }));
    await expect(one.claim(by('a'))).rejects.toBeInstanceOf(Outage);
    expect(await one.claim(by('b', { jti: 'j2' }))).toBe('claimed');
    expect(await world.lastUses()).toEqual({ k1: NOW });
  });

  it('is kept for 400 days after the last one, and no longer', async () => {
    await guard().claim(by('a'));
    world.now = NOW + 400 * 86_400 - 1;
    await world.aws.sweep();
    expect(await world.lastUses()).toEqual({ k1: NOW });
    world.now += 2;
    await world.aws.sweep();
    expect(await world.lastUses()).toEqual({});
  });
});

describe('a transaction that DynamoDB turns away', () => {
  it.each([
    ['None', 'TransactionConflict'],
    ['TransactionConflict', 'None'],
    ['TransactionConflict', 'TransactionConflict'],
  ])('because others write at the same time (%s, %s) is followed by the claim alone', async (claim, note) => {
    world.failOnce('TransactWriteItems', cancelled(claim, note));
    expect(await guard().claim(by('a'))).toBe('claimed');
    expect(world.aws.calls).toEqual(['TransactWriteItems', 'PutItem']);
    expect(await guard().claim(by('b'))).toBe('replayed');
  });

  it.each([
    ['the claim', 'ConditionalCheckFailed', 'TransactionConflict'],
    ['the claim alone', 'ConditionalCheckFailed', 'None'],
  ])('for %s is a replay, whatever else', async (_what, claim, note) => {
    world.failOnce('TransactWriteItems', cancelled(claim, note));
    expect(await guard().claim(by('a'))).toBe('replayed');
    expect(world.aws.calls).toEqual(['TransactWriteItems']);
  });

  it.each([
    ['ThrottlingError', cancelled('None', 'ThrottlingError')],
    ['ProvisionedThroughputExceeded', cancelled('ProvisionedThroughputExceeded', 'None')],
    ['an error of the service', () => new AwsError('InternalServerError', 'down', { status: 500 })],
  ])('for %s is an outage, and no answer', async (_what, error) => {
    world.failOnce('TransactWriteItems', error);
    await expect(guard().claim(by('a'))).rejects.toMatchObject({ operation: 'dynamodb:TransactWriteItems' });
  });

  it('of another request is over soon: a claim that meets one is sent again', async () => {
    const one = guard();
    await one.claim(by('a'));
    const before = world.aws.calls.length;
    world.failOnce('PutItem', () => new AwsError('TransactionConflictException', 'ongoing transaction'));
    expect([await one.claim(by('b', { jti: 'j2' })), world.aws.calls.slice(before)]).toEqual([
      'claimed',
      ['PutItem', 'PutItem'],
    ]);
  });

  it('that is in the way of a claim again and again is an outage', async () => {
    const one = guard();
    await one.claim(by('a'));
    world.intercept = (called) =>
      called === 'PutItem' ? new AwsError('TransactionConflictException', 'ongoing transaction') : undefined;
    await expect(one.claim(by('b', { jti: 'j2' }))).rejects.toBeInstanceOf(Outage);
  });
});

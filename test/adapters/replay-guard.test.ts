import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { dynamoReplayGuard } from '../../functions/adapters/dynamo-replay-guard.ts';
import { dynamoCredentialUses } from '../../functions/adapters/last-use.ts';
import { type AssertionUse, Outage } from '../../functions/ports.ts';
import { AwsError } from '../../local/service.ts';
import { memoryReplayGuard } from '../flows/in-memory.ts';
import { CLIENT, NOW, REALM } from '../support/builders.ts';
import { type EmbeddedAws, type EmbeddedAwsOptions, EPHEMERA, openAws } from '../support/embedded-aws.ts';

const use = (changes: Partial<AssertionUse> = {}): AssertionUse => ({
  ...{
    realm: REALM,
    client: CLIENT,
    jti: 'j1',
    thumbprint: 'k1',
    forgetAfter: NOW + 121,
    claimedBy: 'request-1',
    reusable: false,
  },
  ...changes,
});
const by = (claimedBy: string, changes: Partial<AssertionUse> = {}) => use({ claimedBy, ...changes });

const cancelled = (claim: string, note: string) => () =>
  new AwsError('TransactionCanceledException', 'Transaction cancelled', {
    members: { CancellationReasons: [{ Code: claim }, { Code: note }] },
  });

let aws: EmbeddedAws;
let now: number;
let intercept: EmbeddedAwsOptions['intercept'];
beforeEach(async () => {
  now = NOW;
  intercept = undefined;
  aws = await openAws(() => now * 1_000, { intercept: (operation, input) => intercept?.(operation, input) });
});
afterEach(() => aws[Symbol.asyncDispose]());

const guard = () => dynamoReplayGuard(aws.documents, EPHEMERA);
const lastUses = async (id = CLIENT, realm = REALM) =>
  Object.fromEntries(await dynamoCredentialUses(aws.documents, EPHEMERA).lastUses(realm, id));
/** Answers the first call of this operation in the place of DynamoDB. */
const failOnce = (operation: string, error: () => AwsError) => {
  intercept = (called) => {
    if (called !== operation) return undefined;
    intercept = undefined;
    return error();
  };
};

describe('an assertion that may be used until it expires', () => {
  const reused = by('a', { reusable: true });

  it('is never claimed, and its key is noted once an hour', async () => {
    const one = guard();
    expect([await one.claim(reused, now), await one.claim(reused, now), await guard().claim(reused, now)]).toEqual(
      Array.from({ length: 3 }, () => 'claimed'),
    );
    expect(aws.calls).toEqual(['UpdateItem', 'UpdateItem']);
    expect(await lastUses()).toEqual({ k1: NOW });
    now += 3_600;
    await one.claim(reused, now);
    expect(await lastUses()).toEqual({ k1: NOW + 3_600 });
  });

  it('is nothing to give back', async () => {
    await guard().release(reused);
    expect(aws.calls).toEqual([]);
  });
});

describe('an assertion', () => {
  it('is claimed once, by whichever of two functions is first, however long ago the last note was', async () => {
    const [one, other] = [guard(), guard()];
    expect(await one.claim(by('a'), now)).toBe('claimed');
    expect([await one.claim(by('b'), now), await other.claim(by('c'), now)]).toEqual(['replayed', 'replayed']);
    now += 60;
    expect(await guard().claim(by('d'), now)).toBe('replayed');
  });

  it('is claimed again by the request that has it: the answer to its first call may have been lost', async () => {
    const [one, other] = [guard(), guard()];
    expect([await one.claim(by('a'), now), await one.claim(by('a'), now), await other.claim(by('a'), now)]).toEqual([
      'claimed',
      'claimed',
      'claimed',
    ]);
  });

  it('that came fifty times at once is claimed once', async () => {
    const guards = [guard(), guard(), guard()];
    const claims = Array.from({ length: 50 }, (_, index) => guards[index % 3]?.claim(by(`r${index}`), now));
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
    await guard().claim(by('a'), now);
    expect(await guard().claim(by('b', changes), now)).toBe('claimed');
  });

  it('may have any jti, of any length', async () => {
    for (const jti of ['', 'ä\u0000#', 'x'.repeat(5_000)]) {
      expect([await guard().claim(by('a', { jti }), now), await guard().claim(by('b', { jti }), now)]).toEqual([
        'claimed',
        'replayed',
      ]);
    }
  });

  it('is remembered to the last second of its time, whether or not DynamoDB has deleted it by then', async () => {
    await guard().claim(by('a'), now);
    now = NOW + 121;
    expect(await guard().claim(by('b'), now)).toBe('replayed');
    now += 1;
    expect(await guard().claim(by('c'), now)).toBe('claimed');
  });

  it('is given back by the request that has it, and by no other', async () => {
    const one = guard();
    await one.claim(by('a'), now);
    await one.release(by('b'));
    expect(await one.claim(by('c'), now)).toBe('replayed');
    await guard().release(by('a'));
    expect(await one.claim(by('c'), now)).toBe('claimed');
  });

  it('that cannot be given back expires, and nobody is told', async () => {
    await guard().claim(by('a'), now);
    intercept = () => new AwsError('InternalServerError', 'down', { status: 500 });
    await expect(guard().release(by('a'))).resolves.toBeUndefined();
  });

  const command = fc.record({
    release: fc.boolean(),
    jti: fc.constantFrom('j1', 'j2'),
    thumbprint: fc.constantFrom('k1', 'k2'),
    claimedBy: fc.constantFrom('a', 'b', 'c'),
    process: fc.constantFrom(0, 1),
    wait: fc.constantFrom(0, 0, 0, 60, 122, 3_600),
  });

  it('fares as in the model of the flows, in any course of claims and releases', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(command, { maxLength: 30 }), async (commands) => {
        await using fresh = await openAws(() => now * 1_000);
        const guards = [0, 1].map(() => dynamoReplayGuard(fresh.documents, EPHEMERA));
        const model = memoryReplayGuard();
        now = NOW;
        for (const { release, process, wait, ...changes } of commands) {
          now += wait;
          const each = use({ ...changes, forgetAfter: now + 121 });
          const outcomes = release
            ? [await guards[process]?.release(each), await model.release(each)]
            : [await guards[process]?.claim(each, now), await model.claim(each, now)];
          expect(outcomes[0]).toBe(outcomes[1]);
        }
      }),
      { numRuns: 60 },
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
      now = NOW + seconds;
      const before = aws.calls.length;
      await one.claim(by(`at ${seconds}`, { jti: `${seconds}`, forgetAfter: now + 121 }), now);
      expect(aws.calls.slice(before)).toEqual([seconds === 3_599 ? 'PutItem' : 'TransactWriteItems']);
      expect(await lastUses()).toEqual(expected);
    }
  });

  it('is noted for each credential of each partner of each realm by itself, whatever it is called', async () => {
    const one = guard();
    await one.claim(by('a'), now);
    now += 5;
    await one.claim(by('b', { jti: 'j2', thumbprint: 'expiresAt' }), now);
    await one.claim(by('c', { jti: 'j3', thumbprint: 'pk' }), now);
    await one.claim(by('d', { client: 'other' }), now);
    await one.claim(by('e', { realm: 'other' }), now);
    expect([await lastUses(), await lastUses('other'), await lastUses(CLIENT, 'other'), await lastUses('x')]).toEqual([
      { k1: NOW, expiresAt: NOW + 5, pk: NOW + 5 },
      { k1: NOW + 5 },
      { k1: NOW + 5 },
      {},
    ]);
  });

  it('is no use of it where the assertion was used before: that is somebody with an old one', async () => {
    await guard().claim(by('a'), now);
    now += 100;
    expect(await guard().claim(by('b', { thumbprint: 'k2' }), now)).toBe('replayed');
    expect(await lastUses()).toEqual({ k1: NOW });
  });

  it('is noted by the next claim where a replay came first', async () => {
    await guard().claim(by('a'), now);
    const other = guard();
    expect(await other.claim(by('d', { jti: 'j1', thumbprint: 'k2' }), now)).toBe('replayed');
    expect(await other.claim(by('e', { jti: 'j2', thumbprint: 'k2' }), now)).toBe('claimed');
    expect(await lastUses()).toEqual({ k1: now, k2: now });
  });

  it('is noted by the next claim where DynamoDB did not answer the first', async () => {
    const one = guard();
    failOnce('TransactWriteItems', () => new AwsError('InternalServerError', 'down', { status: 500 }));
    await expect(one.claim(by('a'), now)).rejects.toBeInstanceOf(Outage);
    expect(await one.claim(by('b', { jti: 'j2' }), now)).toBe('claimed');
    expect(await lastUses()).toEqual({ k1: NOW });
  });

  it('is kept for 400 days after the last one, and no longer', async () => {
    await guard().claim(by('a'), now);
    now = NOW + 400 * 86_400 - 1;
    await aws.sweep();
    expect(await lastUses()).toEqual({ k1: NOW });
    now += 2;
    await aws.sweep();
    expect(await lastUses()).toEqual({});
  });
});

describe('a transaction that DynamoDB turns away', () => {
  it.each([
    ['None', 'TransactionConflict'],
    ['TransactionConflict', 'None'],
    ['TransactionConflict', 'TransactionConflict'],
  ])('because others write at the same time (%s, %s) is followed by the claim alone', async (claim, note) => {
    failOnce('TransactWriteItems', cancelled(claim, note));
    expect(await guard().claim(by('a'), now)).toBe('claimed');
    expect(aws.calls).toEqual(['TransactWriteItems', 'PutItem']);
    expect(await guard().claim(by('b'), now)).toBe('replayed');
  });

  it.each([
    ['the claim', 'ConditionalCheckFailed', 'TransactionConflict'],
    ['the claim alone', 'ConditionalCheckFailed', 'None'],
  ])('for %s is a replay, whatever else', async (_what, claim, note) => {
    failOnce('TransactWriteItems', cancelled(claim, note));
    expect(await guard().claim(by('a'), now)).toBe('replayed');
    expect(aws.calls).toEqual(['TransactWriteItems']);
  });

  it.each([
    ['ThrottlingError', cancelled('None', 'ThrottlingError')],
    ['ProvisionedThroughputExceeded', cancelled('ProvisionedThroughputExceeded', 'None')],
    ['an error of the service', () => new AwsError('InternalServerError', 'down', { status: 500 })],
  ])('for %s is an outage, and no answer', async (_what, error) => {
    failOnce('TransactWriteItems', error);
    await expect(guard().claim(by('a'), now)).rejects.toMatchObject({ operation: 'dynamodb:TransactWriteItems' });
  });

  it('is an outage of the claim where that meets one of the same item', async () => {
    const one = guard();
    await one.claim(by('a'), now);
    failOnce('PutItem', () => new AwsError('TransactionConflictException', 'ongoing transaction'));
    await expect(one.claim(by('b', { jti: 'j2' }), now)).rejects.toMatchObject({ operation: 'dynamodb:PutItem' });
  });
});

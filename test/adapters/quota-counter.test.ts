import { GetCommand } from '@aws-sdk/lib-dynamodb';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { dynamoQuotaCounter } from '../../functions/adapters/dynamo-quota-counter.ts';
import { Outage } from '../../functions/ports.ts';
import { AwsError } from '../../local/service.ts';
import { memoryQuotas } from '../flows/in-memory.ts';
import { CLIENT, NOW, REALM } from '../support/builders.ts';
import { type EmbeddedAws, EPHEMERA, openAws } from '../support/embedded-aws.ts';

const DAY = 86_400;
/** Midnight. */
const MIDNIGHT = NOW - (NOW % DAY);

let aws: EmbeddedAws;
let isDown: boolean;
let time: number;
beforeEach(async () => {
  isDown = false;
  time = MIDNIGHT;
  aws = await openAws(() => time * 1_000, {
    intercept: () => (isDown ? new AwsError('ThrottlingException', 'slow down') : undefined),
  });
});
afterEach(() => aws[Symbol.asyncDispose]());

const counter = () => dynamoQuotaCounter(aws.documents, EPHEMERA);
const rowOf = async (now: number) => {
  const key = { pk: `quota#${REALM}#${CLIENT}#${Math.floor(now / DAY)}` };
  return (await aws.documents.send(new GetCommand({ TableName: EPHEMERA, Key: key }))).Item;
};

describe('tokens of a partner', () => {
  it('are counted by minute and by day, by all functions together, with one call each', async () => {
    const [one, other] = [counter(), counter()];
    const counts = [];
    for (const [each, seconds] of [
      [one, 0],
      [other, 59],
      [one, 60],
      [other, 61],
      [one, DAY - 1],
      [one, DAY],
    ] as const) {
      counts.push(await each.count(REALM, CLIENT, MIDNIGHT + seconds));
    }
    expect(counts.map(({ minute, day }) => `${minute}/${day}`)).toEqual(['1/1', '2/2', '1/3', '2/4', '1/5', '1/1']);
    expect(aws.calls).toEqual(Array.from({ length: 6 }, () => 'UpdateItem'));
  });

  it('are each counted once, however many come at once', async () => {
    const counters = [counter(), counter()];
    const uses = await Promise.all(
      Array.from({ length: 40 }, (_, index) => counters[index % 2]?.count(REALM, CLIENT, NOW)),
    );
    expect(uses.map((use) => use?.day).sort((a = 0, b = 0) => a - b)).toEqual(
      Array.from({ length: 40 }, (_, index) => index + 1),
    );
  });

  it('are not those of another partner or realm', async () => {
    const one = counter();
    await one.count(REALM, CLIENT, NOW);
    expect([await one.count(REALM, 'other', NOW), await one.count('other', CLIENT, NOW)]).toEqual([
      { minute: 1, day: 1 },
      { minute: 1, day: 1 },
    ]);
  });

  it('are counted as in the model of the flows, in any order of times', async () => {
    const course = fc.array(fc.record({ at: fc.nat(3 * DAY), client: fc.constantFrom('a', 'b') }), { maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(course, async (requests) => {
        await using fresh = await openAws(() => time * 1_000);
        const [real, model] = [dynamoQuotaCounter(fresh.documents, EPHEMERA), memoryQuotas()];
        // Clocks that differ by less than a minute, as those of functions do.
        const times = requests.map(({ at }) => MIDNIGHT + at).sort((a, b) => a - b);
        for (const [index, { client }] of requests.entries()) {
          const now = (times[index] ?? 0) - (index % 3) * 20;
          expect(await real.count(REALM, client, now)).toEqual(await model.count(REALM, client, now));
          expect(real.lastSeen(REALM, client, now)).toEqual(model.lastSeen(REALM, client, now));
        }
      }),
      { numRuns: 60 },
    );
  });

  it('for which there was none are taken back, from the windows in which they were counted', async () => {
    const [one, other] = [counter(), counter()];
    await one.count(REALM, CLIENT, MIDNIGHT);
    await one.count(REALM, CLIENT, MIDNIGHT + 59);
    await other.takeBack(REALM, CLIENT, MIDNIGHT + 59);
    expect(await one.count(REALM, CLIENT, MIDNIGHT + 59)).toEqual({ minute: 2, day: 2 });
    await one.takeBack(REALM, CLIENT, MIDNIGHT);
    expect(one.lastSeen(REALM, CLIENT, MIDNIGHT + 59)).toEqual({ minute: 1, day: 1 });
  });

  it('stay counted where they cannot be taken back, and nobody is told', async () => {
    const one = counter();
    await one.count(REALM, CLIENT, NOW);
    isDown = true;
    await expect(one.takeBack(REALM, CLIENT, NOW)).resolves.toBeUndefined();
    isDown = false;
    expect((await one.count(REALM, CLIENT, NOW)).day).toBe(2);
  });

  it('leave no more than the last minutes behind, and nothing after the day that follows', async () => {
    const one = counter();
    for (let minute = 0; minute < 30; minute += 1) await one.count(REALM, CLIENT, MIDNIGHT + minute * 60);
    expect(Object.keys((await rowOf(MIDNIGHT)) ?? {}).filter((name) => name.startsWith('m'))).toHaveLength(2);
    time = MIDNIGHT + 2 * DAY - 1;
    await aws.sweep();
    expect(await rowOf(MIDNIGHT)).toMatchObject({ day: 30 });
    time += 2;
    await aws.sweep();
    expect(await rowOf(MIDNIGHT)).toBeUndefined();
  });

  it('are an outage when DynamoDB does not answer, and are not seen as counted', async () => {
    const one = counter();
    isDown = true;
    await expect(one.count(REALM, CLIENT, NOW)).rejects.toBeInstanceOf(Outage);
    expect(one.lastSeen(REALM, CLIENT, NOW)).toBeUndefined();
  });
});

describe('what was last seen', () => {
  it('is told without a call: nothing at first, the counts in their minute, the day alone in the next', async () => {
    const one = counter();
    expect(one.lastSeen(REALM, CLIENT, MIDNIGHT)).toBeUndefined();
    await one.count(REALM, CLIENT, MIDNIGHT);
    await one.count(REALM, CLIENT, MIDNIGHT + 59);
    const before = aws.calls.length;
    expect([59, 60, DAY - 1, DAY].map((seconds) => one.lastSeen(REALM, CLIENT, MIDNIGHT + seconds))).toEqual([
      { minute: 2, day: 2 },
      { minute: 0, day: 2 },
      { minute: 0, day: 2 },
      undefined,
    ]);
    expect([one.lastSeen('other', CLIENT, MIDNIGHT), one.lastSeen(REALM, 'x', MIDNIGHT)]).toEqual([
      undefined,
      undefined,
    ]);
    expect(aws.calls.length).toBe(before);
  });
});

import { GetCommand, PutCommand } from '@aws-sdk/lib-dynamodb';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { dynamoDpopNonces } from '../../functions/adapters/dynamo-dpop-nonces.ts';
import { Outage } from '../../functions/ports.ts';
import { AwsError } from '../../local/service.ts';
import { NOW, REALM } from '../support/builders.ts';
import { type EmbeddedAws, EPHEMERA, openAws } from '../support/embedded-aws.ts';

const DAY = 86_400;
const MIDNIGHT = NOW - (NOW % DAY);

let aws: EmbeddedAws;
let now: number;
let isDown: boolean;
let losesAnswer: boolean;
beforeEach(async () => {
  now = NOW;
  isDown = false;
  losesAnswer = false;
  aws = await openAws(() => now * 1_000, {
    intercept: () => (isDown ? new AwsError('ThrottlingException', 'slow down') : undefined),
    losesAnswer: () => losesAnswer,
  });
});
afterEach(() => aws[Symbol.asyncDispose]());

const start = () => dynamoDpopNonces(aws.documents, EPHEMERA);
const itemOf = async (time: number) => {
  const get = new GetCommand({ TableName: EPHEMERA, Key: { pk: `dpop-nonces#${Math.floor(time / DAY)}` } });
  return (await aws.documents.send(get)).Item;
};

describe('the key of a day', () => {
  it('is made by whoever needs it first, and is the same for all', async () => {
    const answers = await Promise.all([start(), start(), start()].map((each) => each.read(REALM, now)));
    expect(new Set(answers.map(({ current }) => current)).size).toBe(1);
    expect((await start().read(REALM, now)).current).toBe(answers[0]?.current);
  });

  it('costs a process one call a day, however many requests come at once', async () => {
    const nonces = start();
    await Promise.all(Array.from({ length: 20 }, (_, index) => nonces.read(`realm-${index}`, now + index)));
    await nonces.read(REALM, MIDNIGHT + DAY - 1);
    expect(aws.calls).toEqual(['PutItem']);
    await nonces.read(REALM, MIDNIGHT + DAY);
    await nonces.read(REALM, MIDNIGHT + DAY + 301);
    expect(aws.calls).toEqual(['PutItem', 'PutItem']);
  });

  it('is another one tomorrow, and today’s nonces are good for five minutes of that day', async () => {
    const [one, other] = [start(), start()];
    const last = await one.read(REALM, MIDNIGHT + DAY - 1);
    const first = await other.read(REALM, MIDNIGHT + DAY);
    expect(first.current).not.toBe(last.current);
    expect(first.accepted).toEqual([first.current, last.current]);
    expect(await one.read(REALM, MIDNIGHT + DAY)).toEqual(first);
  });

  it('is 32 random octets, and nothing that could be guessed', async () => {
    await start().read(REALM, now);
    await start().read(REALM, now + DAY);
    const octets = [(await itemOf(now))?.octets, (await itemOf(now + DAY))?.octets] as Uint8Array[];
    expect(octets.map(({ length }) => length)).toEqual([32, 32]);
    expect(Buffer.from(octets[0] ?? []).equals(octets[1] ?? new Uint8Array())).toBe(false);
  });

  it('is gone two days later, and not before', async () => {
    await start().read(REALM, now);
    now = MIDNIGHT + 2 * DAY - 1;
    await aws.sweep();
    expect(await itemOf(NOW)).toMatchObject({ expiresAt: MIDNIGHT + 2 * DAY });
    now += 2;
    await aws.sweep();
    expect(await itemOf(NOW)).toBeUndefined();
  });

  it('is kept by no process for longer than it is needed', async () => {
    const nonces = start();
    const before = await nonces.read(REALM, now);
    await nonces.read(REALM, now + DAY);
    aws.calls.length = 0;
    expect(await nonces.read(REALM, now)).toEqual(before);
    expect(aws.calls).toEqual(['PutItem']);
  });
});

describe('a store that does not answer', () => {
  it('is an outage, and the next request asks again', async () => {
    const nonces = start();
    isDown = true;
    await expect(nonces.read(REALM, now)).rejects.toBeInstanceOf(Outage);
    isDown = false;
    await expect(nonces.read(REALM, now)).resolves.toMatchObject({ accepted: { length: 2 } });
  });

  it('does not take away the key that a process has', async () => {
    const nonces = start();
    const before = await nonces.read(REALM, now);
    isDown = true;
    expect(await nonces.read(REALM, now)).toEqual(before);
  });

  it('may have made the key all the same: whoever asks next finds it', async () => {
    losesAnswer = true;
    await expect(start().read(REALM, now)).rejects.toBeInstanceOf(Outage);
    losesAnswer = false;
    const [one, other] = await Promise.all([start().read(REALM, now), start().read(REALM, now)]);
    expect(one).toEqual(other);
    expect(aws.calls).toHaveLength(3);
  });

  it('is an outage too when what it holds is no key', async () => {
    const item = { pk: `dpop-nonces#${Math.floor(now / DAY)}`, octets: new Uint8Array(16) };
    await aws.documents.send(new PutCommand({ TableName: EPHEMERA, Item: item }));
    await expect(start().read(REALM, now)).rejects.toBeInstanceOf(Outage);
  });
});

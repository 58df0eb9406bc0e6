import { createHash } from 'node:crypto';
import { GetCommand } from '@aws-sdk/lib-dynamodb';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { dynamoTokenRevocations } from '../../functions/adapters/dynamo-token-revocations.ts';
import { Outage } from '../../functions/ports.ts';
import { AwsError } from '../../local/service.ts';
import { NOW, REALM } from '../support/builders.ts';
import { type EmbeddedAws, EPHEMERA, openAws } from '../support/embedded-aws.ts';

const CACHE_SECONDS = 30;
const ID = 'token-1';

let aws: EmbeddedAws;
let now: number;
let isDown: boolean;
beforeEach(async () => {
  now = NOW;
  isDown = false;
  aws = await openAws(() => now * 1_000, {
    intercept: () => (isDown ? new AwsError('ThrottlingException', 'slow down') : undefined),
  });
  // lru-cache takes the time from here, and keeps it until a timer has gone off.
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  vi.spyOn(performance, 'now').mockImplementation(() => 1_000 * (1 + now - NOW));
});
afterEach(async () => {
  vi.useRealTimers();
  vi.restoreAllMocks();
  await aws[Symbol.asyncDispose]();
});

const start = (cacheSeconds = CACHE_SECONDS) =>
  dynamoTokenRevocations({ client: aws.documents, table: EPHEMERA, cacheSeconds });

/** Time of the functions and of the caches. */
const pass = (seconds: number): void => {
  now += seconds;
  vi.advanceTimersByTime(seconds * 1_000);
};

describe('a token that was revoked', () => {
  it('is so for every process and in its realm alone, and again if it is revoked again', async () => {
    await start().revoke(REALM, ID, NOW + 600);
    await start().revoke(REALM, ID, NOW + 600);
    const asked = [
      [REALM, ID],
      ['other', ID],
      [REALM, 'token-2'],
    ] as const;
    expect(await Promise.all(asked.map(([realm, id]) => start().isRevoked(realm, id, now)))).toEqual([
      true,
      false,
      false,
    ]);
  });

  it('is remembered until its time is over, whether or not DynamoDB has deleted it by then', async () => {
    await start().revoke(REALM, ID, NOW + 600);
    const reader = start();
    expect([await reader.isRevoked(REALM, ID, NOW + 600), await reader.isRevoked(REALM, ID, NOW + 601)]).toEqual([
      true,
      false,
    ]);
    expect(await start().isRevoked(REALM, ID, NOW + 601)).toBe(false);
    now = NOW + 601;
    expect(await aws.sweep()).toBe(1);
  });

  it('stays so for as long as it was, when it is revoked again for less', async () => {
    const writer = start();
    await writer.revoke(REALM, ID, NOW + 600);
    await writer.revoke(REALM, ID, NOW + 60);
    await start().revoke(REALM, ID, NOW + 60);
    expect(await start().isRevoked(REALM, ID, NOW + 600)).toBe(true);
    expect(await writer.isRevoked(REALM, ID, NOW + 600)).toBe(true);
  });

  it('costs a process one read, however fresh it wants to be', async () => {
    await start().revoke(REALM, ID, NOW + 600);
    const reader = start();
    aws.calls.length = 0;
    for (const maxAgeSeconds of [30, 0, 0]) await reader.isRevoked(REALM, ID, now, { maxAgeSeconds });
    expect(aws.calls).toEqual(['GetItem']);
  });

  it('is known at once to the process that revoked it', async () => {
    const one = start();
    expect(await one.isRevoked(REALM, ID, now)).toBe(false);
    await one.revoke(REALM, ID, NOW + 600);
    expect(await one.isRevoked(REALM, ID, now)).toBe(true);
  });

  it('is found by a hash of its id, so that any id can be one', async () => {
    const id = `${'x'.repeat(9_000)}#\u{1f511}\0`;
    await start().revoke(REALM, id, NOW + 600);
    expect(await start().isRevoked(REALM, id, now)).toBe(true);
    await start().revoke(REALM, ID, NOW + 600);
    const pk = `revoked#${REALM}#${createHash('sha256').update(ID).digest('base64url')}`;
    const { Item } = await aws.documents.send(new GetCommand({ TableName: EPHEMERA, Key: { pk } }));
    expect(Item).toEqual({ pk, expiresAt: NOW + 600 });
  });
});

describe('a token that was not revoked', () => {
  it('is asked about once in the time of the cache, and its revocation is known when that is over', async () => {
    const reader = start();
    for (let each = 0; each < 5; each += 1) expect(await reader.isRevoked(REALM, ID, now)).toBe(false);
    expect(aws.calls).toEqual(['GetItem']);
    await start().revoke(REALM, ID, NOW + 600);
    pass(CACHE_SECONDS - 1);
    expect(await reader.isRevoked(REALM, ID, now)).toBe(false);
    pass(1);
    expect(await reader.isRevoked(REALM, ID, now)).toBe(true);
  });

  it.each<[number | undefined, number, string]>([
    [0, CACHE_SECONDS, 'by who wants no cached answer'],
    [undefined, 0, 'where nothing is cached'],
  ])('is asked about every time (%s, %i): %s', async (maxAgeSeconds, cacheSeconds, _what) => {
    const reader = start(cacheSeconds);
    const freshness = maxAgeSeconds === undefined ? {} : { maxAgeSeconds };
    for (let each = 0; each < 3; each += 1) await reader.isRevoked(REALM, ID, now, freshness);
    expect(aws.calls).toEqual(['GetItem', 'GetItem', 'GetItem']);
  });
});

describe('an outage', () => {
  it('is no answer, is not remembered as one, and leaves nothing revoked that is not written', async () => {
    const one = start();
    isDown = true;
    await expect(one.isRevoked(REALM, ID, now)).rejects.toBeInstanceOf(Outage);
    await expect(one.revoke(REALM, ID, NOW + 600)).rejects.toBeInstanceOf(Outage);
    isDown = false;
    expect(await one.isRevoked(REALM, ID, now)).toBe(false);
  });
});

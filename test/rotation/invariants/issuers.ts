/** The invariant of issuers that cannot read the ring: too old a ring is none. On the real reader, over a table that fails. */

import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import fc from 'fast-check';
import { expect, vi } from 'vitest';
import { dynamoCatalogueReader } from '../../../functions/adapters/dynamo-readers.ts';
import { ringRow } from '../../../functions/adapters/ring-rows.ts';
import { emptyRing, withActiveKey, withCreatedKey, withPublishedKey } from '../../../functions/core/key-ring.ts';
import { itself } from '../../../functions/core/subject.ts';
import { signToken } from '../../../functions/flows/sign-token.ts';
import { type CatalogueReader, Outage } from '../../../functions/ports.ts';
import { AUDIENCE, CLIENT, ISSUER, NOW, REALM } from '../../support/builders.ts';
import { POLICY } from '../schedule.ts';

export const NAME_OF_15 = '15 a ring that was read too long ago signs nothing: an outage instead';

const TABLE = 'registry';

/** The one ring of the table; `createdAt` of its key says which reading of it an answer is. */
const ringRead = (reading: number) => {
  const key = { kid: 'kid', keyArn: 'arn', jwk: { kty: 'EC' }, createdAt: reading };
  const published = withPublishedKey(withCreatedKey(emptyRing(REALM, 'ES256'), key), 'kid', POLICY, NOW);
  return withActiveKey(published, 'kid', POLICY, NOW);
};

/** Requests, each after some milliseconds, while the table answers or does not. */
const requests = fc.array(fc.record({ afterMs: fc.integer({ min: 0, max: 40_000 }), isTableDown: fc.boolean() }), {
  minLength: 1,
  maxLength: 30,
});

type Reader = (client: DynamoDBDocumentClient, cacheSeconds: number) => CatalogueReader;

const realReader: Reader = (client, cacheSeconds) => dynamoCatalogueReader({ client, table: TABLE, cacheSeconds });

/** Each request of the schedule, in a time that the reader believes in. */
const request = async (reader: CatalogueReader, isTableDown: boolean, readings: readonly number[]): Promise<void> => {
  const order = {
    grant: {
      ...{ issuer: ISSUER, client: CLIENT, subject: itself(CLIENT), audience: AUDIENCE },
      ...{ scopes: [], seconds: 600, claims: {} },
    },
    algorithm: 'ES256',
    jti: 'token',
    now: NOW,
  } as const;
  let reading = -1;
  const read = async () => {
    const { rings } = await reader.read(REALM, AUDIENCE);
    reading = rings[0]?.keys[0]?.createdAt ?? -1;
    return rings;
  };
  try {
    await signToken({ sign: async () => new Uint8Array(64) }, order, await read(), read);
    // lru-cache tells the time by the millisecond.
    const longestMs = POLICY.ringCacheSeconds * 1_000 + 2;
    expect(performance.now() - (readings[reading] ?? Number.NaN)).toBeLessThanOrEqual(longestMs);
  } catch (error) {
    // No other reason to refuse than a table that does not answer.
    if (!(error instanceof Outage) || !isTableDown) throw error;
  }
};

export const failsClosed = (read: Reader = realReader) =>
  fc.asyncProperty(requests, async (schedule) => {
    // Ages are told by performance.now(), and lru-cache forgets what it read of that by a timer.
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    let nowMs = 1_000;
    const now = vi.spyOn(performance, 'now').mockImplementation(() => nowMs);
    try {
      const readings: number[] = [];
      let isDown = false;
      const send = async () => {
        if (isDown) throw new Error('down');
        readings.push(performance.now());
        return { Responses: { [TABLE]: [ringRow(ringRead(readings.length - 1))] } };
      };
      const reader = read({ send } as unknown as DynamoDBDocumentClient, POLICY.ringCacheSeconds);
      for (const { afterMs, isTableDown } of schedule) {
        nowMs += afterMs;
        vi.advanceTimersByTime(afterMs);
        isDown = isTableDown;
        await request(reader, isTableDown, readings);
      }
    } finally {
      now.mockRestore();
      vi.useRealTimers();
    }
  });

/**
 * Tokens counted against quotas: one item of the ephemera table per partner and day, with the day's count and one for each of
 * the last minutes, all counted on by one UpdateItem. Windows are fixed: minutes and days of UTC.
 */

import { type DynamoDBDocumentClient, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { LRUCache } from 'lru-cache';
import { KEY_ATTRIBUTES } from '../config.ts';
import type { EpochSeconds } from '../core/partner.ts';
import type { QuotaUse } from '../core/quota.ts';
import type { QuotaCounter } from '../ports.ts';
import { callAws } from './aws-clients.ts';

const { partition, expiresAt } = KEY_ATTRIBUTES;

const MINUTE = 60;
const DAY = 86_400;
/** The counts of yesterday are of no use to anybody tomorrow. */
const KEPT_SECONDS = DAY;
/** Minutes whose counts are taken away with each new one; one that was skipped stays until its day's item goes. */
const SWEPT_MINUTES = 5;
const MAX_SEEN = 10_000;

interface Seen {
  readonly use: QuotaUse;
  readonly minute: number;
}

export const dynamoQuotaCounter = (client: DynamoDBDocumentClient, table: string): QuotaCounter => {
  const seen = new LRUCache<string, Seen>({ max: MAX_SEEN });
  const add = async (key: string, change: 1 | -1, now: EpochSeconds): Promise<QuotaUse> => {
    const minute = minuteOf(now);
    const { Attributes: counts = {} } = await callAws('dynamodb:UpdateItem', () =>
      client.send(new UpdateCommand(countOn(table, key, minute, change, now))),
    );
    const use = { minute: numberOf(counts[minuteName(minute)]), day: numberOf(counts.day) };
    seen.set(key, { use, minute });
    return use;
  };
  return {
    lastSeen: (realm, id, now) => {
      const last = seen.get(dayKey(realm, id, now));
      if (last === undefined) return undefined;
      return last.minute === minuteOf(now) ? last.use : { minute: 0, day: last.use.day };
    },
    count: (realm, id, now) => add(dayKey(realm, id, now), 1, now),
    takeBack: async (realm, id, now) => {
      await add(dayKey(realm, id, now), -1, now).catch(() => undefined);
    },
  };
};

const countOn = (table: string, key: string, minute: number, change: 1 | -1, now: EpochSeconds) => {
  // The minute before may still be counted by a function whose clock is behind ours.
  const old = Array.from(
    { length: SWEPT_MINUTES },
    (_, index) => [`#old${index}`, minuteName(minute - 2 - index)] as const,
  );
  return {
    TableName: table,
    Key: { [partition]: key },
    UpdateExpression: `ADD #day :change, #minute :change SET #expiresAt = :forget REMOVE ${old.map(([name]) => name).join(', ')}`,
    ExpressionAttributeNames: {
      '#day': 'day',
      '#minute': minuteName(minute),
      '#expiresAt': expiresAt,
      ...Object.fromEntries(old),
    },
    ExpressionAttributeValues: { ':change': change, ':forget': now - (now % DAY) + DAY + KEPT_SECONDS },
    ReturnValues: 'UPDATED_NEW' as const,
  };
};

const dayKey = (realm: string, id: string, now: EpochSeconds): string =>
  `quota#${realm}#${id}#${Math.floor(now / DAY)}`;
const minuteOf = (now: EpochSeconds): number => Math.floor(now / MINUTE);
const minuteName = (minute: number): string => `m${minute}`;
const numberOf = (value: unknown): number => (typeof value === 'number' ? value : 0);

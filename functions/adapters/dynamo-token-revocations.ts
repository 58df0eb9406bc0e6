/**
 * Single tokens that were revoked, one item each, kept for as long as the token could be used. That none is there is remembered for
 * `cacheSeconds`, which is the whole delay by which a revoked token can still be obeyed; that one is there, until it is forgotten.
 */

import { createHash } from 'node:crypto';
import { type DynamoDBDocumentClient, GetCommand, PutCommand } from '@aws-sdk/lib-dynamodb';
import { LRUCache } from 'lru-cache';
import { KEY_ATTRIBUTES } from '../config.ts';
import type { EpochSeconds } from '../core/partner.ts';
import type { TokenRevocations } from '../ports.ts';
import { agedCache } from './aged-cache.ts';
import { callAws, writeIf } from './aws-clients.ts';

const { partition, expiresAt } = KEY_ATTRIBUTES;

/** Tokens in use at once. What falls out is asked for again. */
const MAX_CACHED = 10_000;

export interface TokenRevocationsOptions {
  readonly client: DynamoDBDocumentClient;
  /** Name of the ephemera table. */
  readonly table: string;
  /** 0: every answer is read. */
  readonly cacheSeconds: number;
}

export const dynamoTokenRevocations = (options: TokenRevocationsOptions): TokenRevocations => {
  const { client, table, cacheSeconds } = options;
  const good = agedCache<typeof GOOD>(cacheSeconds, MAX_CACHED);
  const revoked = new LRUCache<string, EpochSeconds>({ max: MAX_CACHED });
  return {
    isRevoked: async (realm, tokenId, now, freshness) => {
      const key = revocationKey(realm, tokenId);
      const known = revoked.get(key);
      // DynamoDB deletes what has expired up to days late, so that its time is looked at here as well.
      if (known !== undefined) return known >= now;
      if (good.get(key, freshness) !== undefined) return false;
      const readAt = performance.now();
      const forgetAfter = await read(options, key);
      if (forgetAfter === undefined) good.set(key, GOOD, readAt);
      else revoked.set(key, forgetAfter);
      return forgetAfter !== undefined && forgetAfter >= now;
    },
    revoke: async (realm, tokenId, forgetAfter) => {
      const key = revocationKey(realm, tokenId);
      const put = new PutCommand({
        TableName: table,
        Item: { [partition]: key, [expiresAt]: forgetAfter },
        // One that is remembered for longer stays: whoever revokes a token again must not bring it back.
        ConditionExpression: 'attribute_not_exists(#pk) OR #expiresAt < :forget',
        ExpressionAttributeNames: { '#pk': partition, '#expiresAt': expiresAt },
        ExpressionAttributeValues: { ':forget': forgetAfter },
      });
      await writeIf('dynamodb:PutItem', () => client.send(put));
      good.delete(key);
      revoked.set(key, Math.max(forgetAfter, revoked.get(key) ?? 0));
    },
  };
};

const GOOD = Object.freeze({});

const read = async ({ client, table }: TokenRevocationsOptions, key: string): Promise<EpochSeconds | undefined> => {
  const get = new GetCommand({ TableName: table, Key: { [partition]: key }, ConsistentRead: true });
  const { Item: item } = await callAws('dynamodb:GetItem', () => client.send(get));
  if (item === undefined) return undefined;
  const stored: unknown = item[expiresAt];
  if (typeof stored !== 'number') throw new TypeError(`the item ${key} of the ephemera table has no time`);
  return stored;
};

/** Hashed: the id of a revoked token may be whatever an operator has pasted. */
const revocationKey = (realm: string, tokenId: string): string =>
  `revoked#${realm}#${createHash('sha256').update(tokenId).digest('base64url')}`;

/**
 * The keys behind DPoP nonces: one random secret a day, made by whichever process needs it first, for all of them.
 *
 *   A: PutItem if absent ----> ok                              -> A's key
 *   B:    PutItem if absent ----> conflict, with A's item      -> A's key
 *
 * So a process makes one call a day. Which days' keys are asked for, the clock says: one that DynamoDB deletes late is not used late.
 */

import { randomBytes } from 'node:crypto';
import { type DynamoDBDocumentClient, PutCommand } from '@aws-sdk/lib-dynamodb';
import { KEY_ATTRIBUTES } from '../config.ts';
import { acceptedNonces, type NonceKey, nonceDays, nonceKeyExpiry } from '../core/dpop-nonce.ts';
import { type DpopNonces, Outage } from '../ports.ts';
import { isAwsError } from './aws-clients.ts';

const { partition, expiresAt } = KEY_ATTRIBUTES;

const KEY_BYTES = 32;

export const dynamoDpopNonces = (client: DynamoDBDocumentClient, table: string): DpopNonces => {
  const known = new Map<number, Promise<NonceKey>>();
  const keyOf = (day: number): Promise<NonceKey> => {
    const before = known.get(day);
    if (before !== undefined) return before;
    const key = makeOrRead(client, table, day);
    known.set(day, key);
    // The next request asks again; this one is told by its own copy of the promise.
    key.catch(() => known.delete(day));
    return key;
  };
  return {
    read: async (realm, now) => {
      const days = nonceDays(now);
      for (const day of known.keys()) if (!days.includes(day)) known.delete(day);
      return acceptedNonces(realm, now, await Promise.all(days.map(keyOf)));
    },
  };
};

const makeOrRead = async (client: DynamoDBDocumentClient, table: string, day: number): Promise<NonceKey> => {
  const octets = randomBytes(KEY_BYTES);
  const put = new PutCommand({
    TableName: table,
    Item: { [partition]: `dpop-nonces#${day}`, [expiresAt]: nonceKeyExpiry(day), octets },
    ConditionExpression: 'attribute_not_exists(#pk)',
    ExpressionAttributeNames: { '#pk': partition },
    ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
  });
  try {
    await client.send(put);
    return { day, octets };
  } catch (error) {
    const stored = storedOctets(error);
    if (stored?.length !== KEY_BYTES) throw new Outage('dynamodb:PutItem', error);
    return { day, octets: stored };
  }
};

/** What the item that stood in the way holds. The document client leaves items within errors as the wire has them. */
const storedOctets = (error: unknown): Uint8Array | undefined => {
  if (!isAwsError(error, 'ConditionalCheckFailedException')) return undefined;
  const { Item: item } = error as { Item?: { readonly octets?: { readonly B?: Uint8Array } } };
  return item?.octets?.B;
};

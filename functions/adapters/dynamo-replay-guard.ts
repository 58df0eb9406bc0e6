/**
 * Single use of assertions, by one conditional write. Of any number of requests with the same assertion one wins:
 *
 *   A: PutItem if absent ----> ok          -> token
 *   B:    PutItem if absent ----> conflict -> refused
 *
 * The item's time is checked in the condition too, since DynamoDB deletes expired items up to days late.
 */

import { createHash } from 'node:crypto';
import { DeleteCommand, type DynamoDBDocumentClient, PutCommand } from '@aws-sdk/lib-dynamodb';
import { KEY_ATTRIBUTES } from '../config.ts';
import type { AssertionUse, ReplayGuard } from '../ports.ts';
import { writeIf } from './aws-clients.ts';

const { partition, expiresAt } = KEY_ATTRIBUTES;

export const dynamoReplayGuard = (client: DynamoDBDocumentClient, table: string): ReplayGuard => ({
  claim: async (use, now) => {
    const put = new PutCommand({
      TableName: table,
      Item: { [partition]: useKey(use), [expiresAt]: use.forgetAfter, claimedBy: use.claimedBy },
      ConditionExpression: 'attribute_not_exists(#pk) OR #expiresAt < :now OR claimedBy = :me',
      ExpressionAttributeNames: { '#pk': partition, '#expiresAt': expiresAt },
      // The SDK sends a write again when its answer was lost; our own earlier claim must then not look like a replay.
      ExpressionAttributeValues: { ':now': now, ':me': use.claimedBy },
    });
    return (await writeIf('dynamodb:PutItem', () => client.send(put))) === 'saved' ? 'claimed' : 'replayed';
  },
  release: async (use) => {
    const remove = new DeleteCommand({
      TableName: table,
      Key: { [partition]: useKey(use) },
      ConditionExpression: 'claimedBy = :me',
      ExpressionAttributeValues: { ':me': use.claimedBy },
    });
    await client.send(remove).catch(() => undefined);
  },
});

/** Hashed: a `jti` is chosen by the client and may be longer or stranger than a key should be. */
const useKey = ({ realm, client, jti }: AssertionUse): string =>
  `assertion#${realm}#${createHash('sha256').update(`${client}\0${jti}`).digest('base64url')}`;

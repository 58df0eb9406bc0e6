/**
 * A ring as the reconciler reads and writes it: one item, one conditional write by version. Two runs at once:
 *
 *   A: load v3 ---- save v4 if v3 ----> saved
 *   B:   load v3 ---- save v4 if v3 --> conflict, loads again
 */

import { type DynamoDBDocumentClient, GetCommand, PutCommand } from '@aws-sdk/lib-dynamodb';
import { KEY_ATTRIBUTES } from '../config.ts';
import type { RingStore } from '../ports.ts';
import { callAws, writeIf } from './aws-clients.ts';
import { queryPartition } from './registry-query.ts';
import { parseRingRow, ringKey, ringPartition, ringRow } from './registry-rows.ts';

export const dynamoRingStore = (client: DynamoDBDocumentClient, table: string): RingStore => ({
  load: async (realm, algorithm) => {
    const { Item: row } = await callAws('dynamodb:GetItem', () =>
      client.send(new GetCommand({ TableName: table, Key: { ...ringKey(realm, algorithm) }, ConsistentRead: true })),
    );
    return row === undefined ? undefined : parseRingRow(row);
  },
  list: async (realm) => (await queryPartition(client, table, ringPartition(realm))).map(parseRingRow),
  save: (ring) =>
    writeIf('dynamodb:PutItem', () =>
      client.send(
        new PutCommand({
          TableName: table,
          Item: { ...ringRow(ring) },
          ...(ring.version === 1
            ? {
                ConditionExpression: 'attribute_not_exists(#pk)',
                ExpressionAttributeNames: { '#pk': KEY_ATTRIBUTES.partition },
              }
            : {
                ConditionExpression: '#version = :before',
                ExpressionAttributeNames: { '#version': 'version' },
                ExpressionAttributeValues: { ':before': ring.version - 1 },
              }),
        }),
      ),
    ),
});

/** The signed list of revoked keys, one row. The last writer wins: each has read the rings just before. */

import { type DynamoDBDocumentClient, PutCommand } from '@aws-sdk/lib-dynamodb';
import type { RevocationListStore } from '../ports.ts';
import { callAws } from './aws-clients.ts';
import { revocationListKey, revocationListPartition } from './registry-keys.ts';
import { queryPartition } from './registry-query.ts';

export const dynamoRevocationList = (client: DynamoDBDocumentClient, table: string): RevocationListStore => ({
  load: async (realm) => {
    const [row] = await queryPartition(client, table, revocationListPartition(realm));
    const list = row?.list;
    return typeof list === 'string' ? list : undefined;
  },
  save: async (realm, list) => {
    await callAws('dynamodb:PutItem', () =>
      client.send(new PutCommand({ TableName: table, Item: { ...revocationListKey(realm), list } })),
    );
  },
});

/**
 * A ring as the reconciler reads and writes it: one item, one conditional write by version. Two runs at once:
 *
 *   A: load v3 ---- save v4 if v3 ----> saved
 *   B:   load v3 ---- save v4 if v3 --> conflict, loads again
 */

import { type DynamoDBDocumentClient, PutCommand } from '@aws-sdk/lib-dynamodb';
import type { RingStore } from '../ports.ts';
import { writeIf } from './aws-clients.ts';
import { ringKey, ringPartition } from './registry-keys.ts';
import { getRow, queryPartition } from './registry-query.ts';
import { follows } from './registry-writes.ts';
import { parseRingRow, ringRow } from './ring-rows.ts';

export const dynamoRingStore = (client: DynamoDBDocumentClient, table: string): RingStore => ({
  load: async (realm, algorithm) => {
    const row = await getRow(client, table, ringKey(realm, algorithm));
    return row === undefined ? undefined : parseRingRow(row);
  },
  list: async (realm) => (await queryPartition(client, table, ringPartition(realm))).map(parseRingRow),
  save: (ring) =>
    writeIf('dynamodb:PutItem', () =>
      client.send(new PutCommand({ TableName: table, Item: { ...ringRow(ring) }, ...follows(ring.version) })),
    ),
});

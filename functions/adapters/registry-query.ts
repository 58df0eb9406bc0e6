/** Reads one partition of the registry whole. */

import { type DynamoDBDocumentClient, QueryCommand } from '@aws-sdk/lib-dynamodb';
import { KEY_ATTRIBUTES } from '../config.ts';
import { callAws } from './aws-clients.ts';
import type { Row } from './registry-rows.ts';

/** Strongly consistent; pages of 1 MB, of which nearly every partition has one. */
export const queryPartition = async (
  client: DynamoDBDocumentClient,
  table: string,
  partition: string,
): Promise<readonly Row[]> => {
  const rows: Row[] = [];
  let start: Record<string, unknown> | undefined;
  do {
    const page = await callAws('dynamodb:Query', () =>
      client.send(
        new QueryCommand({
          TableName: table,
          KeyConditionExpression: '#pk = :pk',
          ExpressionAttributeNames: { '#pk': KEY_ATTRIBUTES.partition },
          ExpressionAttributeValues: { ':pk': partition },
          ConsistentRead: true,
          ...(start === undefined ? {} : { ExclusiveStartKey: start }),
        }),
      ),
    );
    rows.push(...(page.Items ?? []));
    start = page.LastEvaluatedKey;
  } while (start !== undefined);
  return rows;
};

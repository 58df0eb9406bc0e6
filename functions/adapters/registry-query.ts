/** Reads of the registry: a row, a partition whole, a page of a listing. */

import { type DynamoDBDocumentClient, GetCommand, QueryCommand } from '@aws-sdk/lib-dynamodb';
import { KEY_ATTRIBUTES, REGISTRY_INDEX } from '../config.ts';
import type { Page, PageRequest } from '../ports.ts';
import { callAws } from './aws-clients.ts';
import type { Listing, Row } from './registry-keys.ts';

const { listingPartition, listingSort } = KEY_ATTRIBUTES;

/** Strongly consistent. */
export const getRow = async (client: DynamoDBDocumentClient, table: string, key: Row): Promise<Row | undefined> => {
  const { Item: row } = await callAws('dynamodb:GetItem', () =>
    client.send(new GetCommand({ TableName: table, Key: { ...key }, ConsistentRead: true })),
  );
  return row;
};

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

/** `cursor` is the listing's own sort value of the last item seen; the rest of the start key follows from it. */
export const queryListing = async <Item>(
  client: DynamoDBDocumentClient,
  table: string,
  listing: Listing,
  { limit, cursor }: PageRequest,
  parse: (row: Row) => Item,
): Promise<Page<Item>> => {
  const startKey = (from: string) => ({
    ...listing.rowKey(from),
    [listingPartition]: listing.name,
    [listingSort]: from,
  });
  const page = await callAws('dynamodb:Query', () =>
    client.send(
      new QueryCommand({
        TableName: table,
        IndexName: REGISTRY_INDEX,
        KeyConditionExpression: '#listing = :listing',
        ExpressionAttributeNames: { '#listing': listingPartition },
        ExpressionAttributeValues: { ':listing': listing.name },
        Limit: limit,
        ...(cursor === undefined ? {} : { ExclusiveStartKey: startKey(cursor) }),
      }),
    ),
  );
  const next: unknown = page.LastEvaluatedKey?.[listingSort];
  return { items: (page.Items ?? []).map(parse), ...(typeof next === 'string' ? { next } : {}) };
};

/** The first rows of a listing whose sort value is below a mark. */
export const queryBelow = async (
  client: DynamoDBDocumentClient,
  table: string,
  listing: string,
  mark: string,
  limit: number,
): Promise<readonly Row[]> => {
  const page = await callAws('dynamodb:Query', () =>
    client.send(
      new QueryCommand({
        TableName: table,
        IndexName: REGISTRY_INDEX,
        KeyConditionExpression: '#listing = :listing AND #sort < :mark',
        ExpressionAttributeNames: { '#listing': listingPartition, '#sort': listingSort },
        ExpressionAttributeValues: { ':listing': listing, ':mark': mark },
        Limit: limit,
      }),
    ),
  );
  return page.Items ?? [];
};

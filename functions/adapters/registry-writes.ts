/** What conditional writes of the registry are made of. */

import { type DynamoDBDocumentClient, TransactWriteCommand } from '@aws-sdk/lib-dynamodb';
import { KEY_ATTRIBUTES } from '../config.ts';
import { writeIf } from './aws-clients.ts';
import type { Row } from './registry-keys.ts';

const { partition } = KEY_ATTRIBUTES;

export type Write = NonNullable<ConstructorParameters<typeof TransactWriteCommand>[0]['TransactItems']>[number];

export const IS_NEW = {
  ConditionExpression: 'attribute_not_exists(#pk)',
  ExpressionAttributeNames: { '#pk': partition },
} as const;

const EXISTS = {
  ConditionExpression: 'attribute_exists(#pk)',
  ExpressionAttributeNames: { '#pk': partition },
} as const;

export const isVersion = (version: number) => ({
  ConditionExpression: '#version = :before',
  ExpressionAttributeNames: { '#version': 'version' },
  ExpressionAttributeValues: { ':before': version },
});

/** A new row for version 1, the successor of the version before for every other. */
export const follows = (version: number) => (version === 1 ? IS_NEW : isVersion(version - 1));

/** Writes on one table, all or none of them. */
export const registryWrites = (client: DynamoDBDocumentClient, table: string) => ({
  all: (writes: readonly Write[]): Promise<'saved' | 'conflict'> =>
    writeIf('dynamodb:TransactWriteItems', () => client.send(new TransactWriteCommand({ TransactItems: [...writes] }))),

  put: (row: Row, condition: ReturnType<typeof follows>): Write => ({
    Put: { TableName: table, Item: { ...row }, ...condition },
  }),

  remove: (key: Row, condition: object = {}): Write => ({
    Delete: { TableName: table, Key: { ...key }, ...condition },
  }),

  mustExist: (key: Row): Write => ({ ConditionCheck: { TableName: table, Key: { ...key }, ...EXISTS } }),

  /** Adds to a count. Two who do so at once collide in DynamoDB and one of them repeats it; neither loses anything. */
  add: (key: Row, change: 1 | -1): Write => ({
    Update: {
      TableName: table,
      Key: { ...key },
      UpdateExpression: 'ADD #count :change',
      ExpressionAttributeNames: { '#count': 'count' },
      ExpressionAttributeValues: { ':change': change },
    },
  }),

  /** Removes a count that stands at this number; 0 is also "never counted". */
  removeCount: (key: Row, expected: number): Write => ({
    Delete: {
      TableName: table,
      Key: { ...key },
      ConditionExpression: expected === 0 ? 'attribute_not_exists(#count) OR #count = :expected' : '#count = :expected',
      ExpressionAttributeNames: { '#count': 'count' },
      ExpressionAttributeValues: { ':expected': expected },
    },
  }),
});

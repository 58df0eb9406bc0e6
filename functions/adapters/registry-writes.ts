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

  put: (row: Row, condition: object): Write => ({
    Put: { TableName: table, Item: { ...row }, ...condition },
  }),

  remove: (key: Row, condition: object = {}): Write => ({
    Delete: { TableName: table, Key: { ...key }, ...condition },
  }),

  mustExist: (key: Row): Write => ({ ConditionCheck: { TableName: table, Key: { ...key }, ...EXISTS } }),

  mustStillBe: (key: Row, condition: object): Write => ({
    ConditionCheck: { TableName: table, Key: { ...key }, ...condition } as NonNullable<Write['ConditionCheck']>,
  }),

  /** Adds to a tally. Two who do so at once collide in DynamoDB and one of them repeats it; neither loses anything. */
  count: (key: Row, changes: Readonly<Record<string, number>>): Write => {
    const entries = Object.entries(changes);
    return {
      Update: {
        TableName: table,
        Key: { ...key },
        UpdateExpression: `ADD ${entries.map((_, index) => `#n${index} :n${index}`).join(', ')}`,
        ExpressionAttributeNames: Object.fromEntries(entries.map(([name], index) => [`#n${index}`, name])),
        ExpressionAttributeValues: Object.fromEntries(entries.map(([, change], index) => [`:n${index}`, change])),
      },
    };
  },

  /** Nothing of these is counted; 0 is also "never counted". */
  mustBeNone: (key: Row, names: readonly string[]): Write => ({
    ConditionCheck: {
      TableName: table,
      Key: { ...key },
      ConditionExpression: names
        .map((_, index) => `(attribute_not_exists(#n${index}) OR #n${index} = :none)`)
        .join(' AND '),
      ExpressionAttributeNames: Object.fromEntries(names.map((name, index) => [`#n${index}`, name])),
      ExpressionAttributeValues: { ':none': 0 },
    },
  }),

  /**
   * Ends a tally that stands at this number with what it belongs to. The row stays and keeps the last version: whatever comes
   * under the same name begins above it, so that nobody takes the one for the other.
   */
  close: (key: Row, expected: number, lastVersion: number): Write => ({
    Put: {
      TableName: table,
      Item: { ...key, lastVersion },
      ConditionExpression: expected === 0 ? 'attribute_not_exists(#count) OR #count = :expected' : '#count = :expected',
      ExpressionAttributeNames: { '#count': COUNT },
      ExpressionAttributeValues: { ':expected': expected },
    },
  }),

  /** Whatever was there before under this name ended with the version before this one. */
  mustFollow: (key: Row, version: number): Write => ({
    ConditionCheck: {
      TableName: table,
      Key: { ...key },
      ...(version === 1
        ? { ConditionExpression: 'attribute_not_exists(lastVersion)' }
        : { ConditionExpression: 'lastVersion = :last', ExpressionAttributeValues: { ':last': version - 1 } }),
    },
  }),
});

/** How many grants hang on it, and with a partner how many audiences it may introspect. */
export const COUNT = 'count';
/** How many of them hold a scope. */
export const scopeCount = (scope: string): string => `scope:${scope}`;

/** The version at which whatever stood there before ended; 0: nothing did. */
export const lastVersionOf = (tally: Row | undefined): number => {
  const version = tally?.lastVersion;
  return typeof version === 'number' ? version : 0;
};

import { CreateTableCommand } from '@aws-sdk/client-dynamodb';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { JsonObject } from '../../../local/service.ts';
import { openWorld, PLACEMENT, tableInput, type World } from './database.ts';

const TableName = 'registry';
const ARN = `arn:aws:dynamodb:${PLACEMENT.region}:${PLACEMENT.account}:table/${TableName}`;
const Key = { pk: { S: 'p' }, sk: { S: '1' } };
const LEADING = 'dynamodb:LeadingKeys';
const onP = { [LEADING]: ['p'] };
let world: World;

beforeEach(async () => {
  world = await openWorld();
  await world.client.send(new CreateTableCommand(tableInput(TableName)));
});
afterEach(() => world.database.close());

const one = (action: string, resource: string, context: object = {}) => [
  { action: `dynamodb:${action}`, resource, context },
];

describe('what IAM is asked', () => {
  it.each<[string, JsonObject, object[]]>([
    ['GetItem', { TableName, Key }, one('GetItem', ARN, onP)],
    ['GetItem', { TableName: ARN, Key }, one('GetItem', ARN, onP)],
    ['PutItem', { TableName, Item: { ...Key, x: { N: '1' } } }, one('PutItem', ARN, onP)],
    [
      'UpdateItem',
      { TableName, Key, ReturnValues: 'ALL_NEW' },
      one('UpdateItem', ARN, { ...onP, 'dynamodb:ReturnValues': 'ALL_NEW' }),
    ],
    ['DeleteItem', { TableName, Key }, one('DeleteItem', ARN, onP)],
    ['Scan', { TableName }, one('Scan', ARN)],
    ['Scan', { TableName, IndexName: 'listing' }, one('Scan', `${ARN}/index/listing`)],
    [
      'Query',
      {
        TableName,
        Select: 'COUNT',
        KeyConditionExpression: '#p = :p AND begins_with(sk, :s)',
        ExpressionAttributeNames: { '#p': 'pk' },
        ExpressionAttributeValues: { ':p': { S: 'p' }, ':s': { S: 'x' } },
      },
      one('Query', ARN, { ...onP, 'dynamodb:Select': 'COUNT' }),
    ],
    [
      'Query',
      { TableName, KeyConditions: { pk: { ComparisonOperator: 'EQ', AttributeValueList: [{ S: 'p' }] } } },
      one('Query', ARN, onP),
    ],
    [
      'Query',
      {
        TableName,
        IndexName: 'listing',
        KeyConditionExpression: 'listing = :l',
        ExpressionAttributeValues: { ':l': { S: 'partners' } },
      },
      one('Query', `${ARN}/index/listing`, { [LEADING]: ['partners'] }),
    ],
    [
      'BatchGetItem',
      { RequestItems: { [TableName]: { Keys: [Key, { ...Key, pk: { S: 'q' } }, Key] }, other: { Keys: [Key] } } },
      [...one('BatchGetItem', ARN, { [LEADING]: ['p', 'q'] }), ...one('BatchGetItem', ARN.replace(TableName, 'other'))],
    ],
    [
      'BatchWriteItem',
      {
        RequestItems: {
          [TableName]: [{ PutRequest: { Item: Key } }, { DeleteRequest: { Key: { ...Key, pk: { S: 'q' } } } }],
        },
      },
      one('BatchWriteItem', ARN, { [LEADING]: ['p', 'q'] }),
    ],
    ['ListTables', {}, one('ListTables', '*')],
    ['CreateTable', { TableName: 'new' }, one('CreateTable', ARN.replace(TableName, 'new'))],
    [
      'CreateTable',
      { TableName, Tags: [{ Key: 'app', Value: 'x' }] },
      ['CreateTable', 'TagResource'].flatMap((action) =>
        one(action, ARN, { 'aws:RequestTag/app': 'x', 'aws:TagKeys': ['app'] }),
      ),
    ],
    ['UntagResource', { ResourceArn: ARN, TagKeys: ['app'] }, one('UntagResource', ARN, { 'aws:TagKeys': ['app'] })],
    ['ListTagsOfResource', { ResourceArn: ARN }, one('ListTagsOfResource', ARN)],
    ...[
      'DeleteTable',
      'DescribeTable',
      'UpdateTable',
      'UpdateTimeToLive',
      'DescribeTimeToLive',
      'UpdateContinuousBackups',
      'DescribeContinuousBackups',
    ].map((action): [string, JsonObject, object[]] => [action, { TableName }, one(action, ARN)]),
  ])('about %s %j', (operation, input, expected) => {
    expect(world.database.authorizations(operation, input)).toEqual(expected);
  });

  it('about a transaction is asked member by member, by the action that each is', () => {
    const TransactItems = [
      { Put: { TableName, Item: Key } },
      { Update: { TableName, Key: { ...Key, pk: { S: 'q' } } } },
      { Delete: { TableName: 'other', Key } },
      { ConditionCheck: { TableName, Key } },
    ];
    const within = { 'dynamodb:EnclosingOperation': 'TransactWriteItems' };
    expect(world.database.authorizations('TransactWriteItems', { TransactItems })).toEqual([
      ...one('PutItem', ARN, { ...onP, ...within }),
      ...one('UpdateItem', ARN, { [LEADING]: ['q'], ...within }),
      ...one('DeleteItem', ARN.replace(TableName, 'other'), within),
      ...one('ConditionCheckItem', ARN, { ...onP, ...within }),
    ]);
    const Get = { TableName, Key };
    expect(world.database.authorizations('TransactGetItems', { TransactItems: [{ Get }] })).toEqual(
      one('GetItem', ARN, { ...onP, 'dynamodb:EnclosingOperation': 'TransactGetItems' }),
    );
  });

  it.each<[string, JsonObject, string]>([
    ['GetItem', { Key }, 'ValidationException'],
    ['Query', { TableName, KeyConditionExpression: 'pk = ' }, 'ValidationException'],
    ['BatchGetItem', {}, 'ValidationException'],
    ['TransactWriteItems', {}, 'ValidationException'],
    ['TransactWriteItems', { TransactItems: [{ Other: { TableName, Key } }] }, 'ValidationException'],
    ['ExecuteStatement', { Statement: 'SELECT * FROM registry' }, 'UnknownOperationException'],
    ['GetItem', { TableName: ARN.replace(PLACEMENT.account, '999999999999'), Key }, 'ResourceNotFoundException'],
  ])('is an error for %s %j', (operation, input, type) => {
    expect(() => world.database.authorizations(operation, input)).toThrow(
      expect.objectContaining({ type: expect.stringContaining(type) }),
    );
  });
});

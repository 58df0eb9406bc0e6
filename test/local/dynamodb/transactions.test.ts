import {
  CreateTableCommand,
  TransactionCanceledException,
  TransactWriteItemsCommand,
  type TransactWriteItemsCommandInput,
} from '@aws-sdk/client-dynamodb';
import { GetCommand, PutCommand, QueryCommand, TransactGetCommand, TransactWriteCommand } from '@aws-sdk/lib-dynamodb';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openWorld, tableInput, type World } from './database.ts';

const TableName = 'registry';
let world: World;

beforeEach(async () => {
  world = await openWorld();
  await world.client.send(new CreateTableCommand(tableInput(TableName)));
});
afterEach(() => world.database.close());

type Members = NonNullable<ConstructorParameters<typeof TransactWriteCommand>[0]['TransactItems']>;

const key = (sk: string) => ({ pk: 'p', sk });
const put = (Item: Record<string, unknown>) => world.documents.send(new PutCommand({ TableName, Item }));
const get = async (sk: string) => (await world.documents.send(new GetCommand({ TableName, Key: key(sk) }))).Item;
const transact = (TransactItems: Members, ClientRequestToken?: string) =>
  world.documents.send(new TransactWriteCommand({ TransactItems, ...(ClientRequestToken && { ClientRequestToken }) }));
const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  );
const create = (sk: string, more: object = {}) => ({
  Put: { TableName, Item: { ...key(sk), ...more }, ConditionExpression: 'attribute_not_exists(pk)' },
});

describe('TransactWriteItems', () => {
  it('does a put, an update, a delete and a check as one', async () => {
    await put({ ...key('updated'), n: 1 });
    await put(key('deleted'));
    await put({ ...key('checked'), n: 5 });
    await transact([
      create('created', { listing: 'l', listingSort: '1' }),
      {
        Update: {
          TableName,
          Key: key('updated'),
          UpdateExpression: 'ADD n :one',
          ConditionExpression: 'n = :one',
          ExpressionAttributeValues: { ':one': 1 },
        },
      },
      { Delete: { TableName, Key: key('deleted') } },
      {
        ConditionCheck: {
          TableName,
          Key: key('checked'),
          ConditionExpression: 'n > :four',
          ExpressionAttributeValues: { ':four': 4 },
        },
      },
    ]);
    expect(await get('created')).toBeDefined();
    expect(await get('updated')).toEqual({ ...key('updated'), n: 2 });
    expect(await get('deleted')).toBeUndefined();
    expect(await get('checked')).toEqual({ ...key('checked'), n: 5 });
    const { Items } = await world.documents.send(
      new QueryCommand({
        TableName,
        IndexName: 'listing',
        KeyConditionExpression: 'listing = :l',
        ExpressionAttributeValues: { ':l': 'l' },
      }),
    );
    expect(Items).toHaveLength(1);
  });

  it('leaves no trace when one member fails, and gives the reason of each', async () => {
    await put({ ...key('taken'), owner: 'somebody' });
    const taken = create('taken');
    const error = await failure(
      transact([
        create('free', { listing: 'l', listingSort: '1' }),
        { Put: { ...taken.Put, ReturnValuesOnConditionCheckFailure: 'ALL_OLD' } },
        { Update: { TableName, Key: key('taken2'), UpdateExpression: 'SET x = y' } },
      ]),
    );
    expect(error).toBeInstanceOf(TransactionCanceledException);
    expect(error).toMatchObject({
      message:
        'Transaction cancelled, please refer cancellation reasons for specific reasons [None, ConditionalCheckFailed, ValidationError]',
    });
    expect((error as TransactionCanceledException).CancellationReasons).toEqual([
      { Code: 'None' },
      {
        Code: 'ConditionalCheckFailed',
        Message: 'The conditional request failed',
        Item: { pk: { S: 'p' }, sk: { S: 'taken' }, owner: { S: 'somebody' } },
      },
      {
        Code: 'ValidationError',
        Message: 'The provided expression refers to an attribute that does not exist in the item',
      },
    ]);
    expect(await get('free')).toBeUndefined();
    expect(await get('taken2')).toBeUndefined();
  });

  it('keeps the item out of the reason when not asked for it', async () => {
    await put(key('taken'));
    const error = await failure(transact([create('taken')]));
    expect((error as TransactionCanceledException).CancellationReasons).toEqual([
      { Code: 'ConditionalCheckFailed', Message: 'The conditional request failed' },
    ]);
  });

  it('cancels for a key of the wrong type, but refuses an empty key outright', async () => {
    const wrong = await failure(transact([create('fine'), { Put: { TableName, Item: { pk: 1, sk: '1' } } }]));
    expect((wrong as TransactionCanceledException).CancellationReasons).toEqual([
      { Code: 'None' },
      {
        Code: 'ValidationError',
        Message: 'One or more parameter values were invalid: Type mismatch for key pk expected: S actual: N',
      },
    ]);
    const empty = await failure(transact([create('fine'), { Delete: { TableName, Key: { pk: '', sk: '1' } } }]));
    expect(empty).toMatchObject({
      name: 'ValidationException',
      message:
        'One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty string value. Key: pk',
    });
    expect(await get('fine')).toBeUndefined();
  });

  it.each<[string, Members, string, string]>([
    ['no member', [], 'ValidationException', 'Member must have length greater than or equal to 1'],
    [
      'more than 100 members',
      Array.from({ length: 101 }, (_, at) => create(String(at))),
      'ValidationException',
      "at 'transactItems' failed to satisfy constraint: Member must have length less than or equal to 100",
    ],
    [
      'one item twice',
      [create('same'), { Delete: { TableName, Key: key('same') } }],
      'ValidationException',
      'Transaction request cannot include multiple operations on one item',
    ],
    [
      'two actions in one member',
      [{ ...create('a'), Delete: { TableName, Key: key('b') } }],
      'ValidationException',
      'TransactItems can only contain one of Check, Put, Update or Delete',
    ],
    [
      'a member without an action',
      [{}],
      'ValidationException',
      'Invalid Request: TransactWriteRequest should contain Delete or Put or Update request',
    ],
    [
      'a check without a condition',
      [{ ConditionCheck: { TableName, Key: key('a'), ConditionExpression: undefined } }],
      'ValidationException',
      "Value null at 'transactItems.1.member.conditionCheck.conditionExpression' failed to satisfy constraint: Member must not be null",
    ],
    [
      'a table that is not there',
      [{ Delete: { TableName: 'nowhere', Key: key('a') } }],
      'ResourceNotFoundException',
      'Requested resource not found',
    ],
    [
      'more than 4 MB',
      Array.from({ length: 11 }, (_, at) => create(String(at), { x: 'y'.repeat(400_000) })),
      'ValidationException',
      'The total size of all items in the transaction request cannot exceed 4 MB',
    ],
  ])('refuses %s', async (_name, members, name, message) => {
    const error = await failure(transact(members));
    expect(error).toMatchObject({ name, message: expect.stringContaining(message) });
    expect(await get('same')).toBeUndefined();
  });

  it('takes 100 members', async () => {
    await transact(Array.from({ length: 100 }, (_, at) => create(String(at))));
    expect(await get('99')).toBeDefined();
  });

  it('costs twice what its writes would', async () => {
    const { ConsumedCapacity } = await world.documents.send(
      new TransactWriteCommand({ TransactItems: [create('a'), create('b')], ReturnConsumedCapacity: 'TOTAL' }),
    );
    expect(ConsumedCapacity).toEqual([{ TableName, CapacityUnits: 4, WriteCapacityUnits: 4 }]);
  });
});

describe('ClientRequestToken', () => {
  const increment = (by = 1): Members => [
    {
      Update: {
        TableName,
        Key: key('counter'),
        UpdateExpression: 'ADD n :by',
        ExpressionAttributeValues: { ':by': by },
      },
    },
  ];

  it('makes a repeated transaction happen once within ten minutes, and again after them', async () => {
    await transact(increment(), 'token');
    world.advance(599_999);
    await transact(increment(), 'token');
    expect(await get('counter')).toMatchObject({ n: 1 });
    world.advance(1);
    await transact(increment(), 'token');
    expect(await get('counter')).toMatchObject({ n: 2 });
  });

  it('refuses another transaction under the same token', async () => {
    await transact(increment(1), 'token');
    await expect(transact(increment(2), 'token')).rejects.toMatchObject({
      name: 'IdempotentParameterMismatchException',
    });
    expect(await get('counter')).toMatchObject({ n: 1 });
  });

  it('is not used up by a transaction that failed', async () => {
    await put(key('taken'));
    await expect(transact([create('taken')], 'token')).rejects.toBeInstanceOf(TransactionCanceledException);
    await transact(increment(), 'token');
    expect(await get('counter')).toMatchObject({ n: 1 });
  });

  it('is at most 36 characters long', async () => {
    await expect(transact(increment(), 'x'.repeat(37))).rejects.toThrow(
      'Member must have length less than or equal to 36',
    );
  });

  it('holds for requests whose members come in another order', async () => {
    const input: TransactWriteItemsCommandInput = {
      ClientRequestToken: 'token',
      TransactItems: [{ Put: { TableName, Item: { pk: { S: 'p' }, sk: { S: 'a' } } } }],
    };
    await world.client.send(new TransactWriteItemsCommand(input));
    const reordered = { TransactItems: [{ Put: { Item: { sk: { S: 'a' }, pk: { S: 'p' } }, TableName } }] };
    await expect(
      world.client.send(new TransactWriteItemsCommand({ ...reordered, ClientRequestToken: 'token' })),
    ).resolves.toBeDefined();
  });
});

describe('TransactGetItems', () => {
  const read = (...sks: string[]) =>
    world.documents.send(
      new TransactGetCommand({ TransactItems: sks.map((sk) => ({ Get: { TableName, Key: key(sk) } })) }),
    );

  it('answers in the order asked, with nothing for an item that is not there', async () => {
    await put({ ...key('a'), n: 1 });
    await put({ ...key('b'), n: 2 });
    const { Responses } = await read('b', 'none', 'a');
    expect(Responses).toEqual([{ Item: { ...key('b'), n: 2 } }, {}, { Item: { ...key('a'), n: 1 } }]);
  });

  it('projects', async () => {
    await put({ ...key('a'), n: 1 });
    const Get = { TableName, Key: key('a'), ProjectionExpression: '#n', ExpressionAttributeNames: { '#n': 'n' } };
    const { Responses } = await world.documents.send(new TransactGetCommand({ TransactItems: [{ Get }] }));
    expect(Responses).toEqual([{ Item: { n: 1 } }]);
  });

  it('refuses one item twice', async () => {
    await expect(read('a', 'a')).rejects.toThrow('Transaction request cannot include multiple operations on one item');
  });

  it('cancels for a key that does not fit', async () => {
    const error = await failure(
      world.documents.send(new TransactGetCommand({ TransactItems: [{ Get: { TableName, Key: { pk: 'p' } } }] })),
    );
    expect((error as TransactionCanceledException).CancellationReasons).toEqual([
      { Code: 'ValidationError', Message: 'The provided key element does not match the schema' },
    ]);
  });
});

import { ConditionalCheckFailedException, CreateTableCommand } from '@aws-sdk/client-dynamodb';
import {
  BatchGetCommand,
  BatchWriteCommand,
  DeleteCommand,
  GetCommand,
  PutCommand,
  QueryCommand,
  ScanCommand,
  UpdateCommand,
} from '@aws-sdk/lib-dynamodb';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openWorld, PLACEMENT, tableInput, type World } from './database.ts';

const TableName = 'registry';
let world: World;

beforeEach(async () => {
  world = await openWorld();
  await world.client.send(new CreateTableCommand(tableInput(TableName)));
});
afterEach(() => world.database.close());

const put = (Item: Record<string, unknown>) => world.documents.send(new PutCommand({ TableName, Item }));
const get = async (pk: string, sk: string) =>
  (await world.documents.send(new GetCommand({ TableName, Key: { pk, sk }, ConsistentRead: true }))).Item;

describe('single items', () => {
  it('come back as they were put, every type of attribute', async () => {
    const item = {
      pk: 'a',
      sk: '1',
      text: 'grüße',
      empty: '',
      number: 12.5,
      flag: false,
      nothing: null,
      bytes: new Uint8Array([0, 255]),
      list: [1, 'two', { three: 3 }],
      map: { inner: { deep: true } },
      set: new Set(['x', 'y']),
    };
    await put(item);
    expect(await get('a', '1')).toEqual(item);
  });

  it('are read by a projection, also of nested attributes', async () => {
    await put({ pk: 'a', sk: '1', map: { keep: 1, drop: 2 }, other: 3 });
    const { Item } = await world.documents.send(
      new GetCommand({
        TableName,
        Key: { pk: 'a', sk: '1' },
        ProjectionExpression: '#m.keep, sk',
        ExpressionAttributeNames: { '#m': 'map' },
      }),
    );
    expect(Item).toEqual({ map: { keep: 1 }, sk: '1' });
  });

  it('are found under the ARN of the table as well', async () => {
    await put({ pk: 'a', sk: '1' });
    const arn = `arn:aws:dynamodb:${PLACEMENT.region}:${PLACEMENT.account}:table/${TableName}`;
    const byArn = await world.documents.send(new GetCommand({ TableName: arn, Key: { pk: 'a', sk: '1' } }));
    expect(byArn.Item).toEqual({ pk: 'a', sk: '1' });
    const elsewhere = arn.replace(PLACEMENT.account, '999999999999');
    await expect(
      world.documents.send(new GetCommand({ TableName: elsewhere, Key: { pk: 'a', sk: '1' } })),
    ).rejects.toThrow('Requested resource not found');
  });

  it('answer a delete with the old item when asked', async () => {
    await put({ pk: 'a', sk: '1', x: 1 });
    const { Attributes } = await world.documents.send(
      new DeleteCommand({ TableName, Key: { pk: 'a', sk: '1' }, ReturnValues: 'ALL_OLD' }),
    );
    expect(Attributes).toEqual({ pk: 'a', sk: '1', x: 1 });
    expect(await get('a', '1')).toBeUndefined();
  });

  it('say what they consumed', async () => {
    const { ConsumedCapacity } = await world.documents.send(
      new PutCommand({ TableName, Item: { pk: 'a', sk: '1', x: 'y'.repeat(1500) }, ReturnConsumedCapacity: 'TOTAL' }),
    );
    expect(ConsumedCapacity).toEqual({ TableName, CapacityUnits: 2 });
  });
});

describe('conditions', () => {
  const claim = (now: number, expiresAt: number) =>
    world.documents.send(
      new PutCommand({
        TableName,
        Item: { pk: 'jti', sk: 'x', expiresAt },
        ConditionExpression: 'attribute_not_exists(pk) OR expiresAt <= :now',
        ExpressionAttributeValues: { ':now': now },
      }),
    );

  it('let a put through when there is no item or the one there has expired', async () => {
    await claim(100, 200);
    await expect(claim(150, 300)).rejects.toBeInstanceOf(ConditionalCheckFailedException);
    await claim(200, 300);
    expect(await get('jti', 'x')).toMatchObject({ expiresAt: 300 });
  });

  it('guard an update by its version', async () => {
    await put({ pk: 'a', sk: '1', version: 1 });
    const update = (expected: number) =>
      world.documents.send(
        new UpdateCommand({
          TableName,
          Key: { pk: 'a', sk: '1' },
          UpdateExpression: 'SET version = version + :one, seen = list_append(if_not_exists(seen, :none), :entry)',
          ConditionExpression: 'version = :expected',
          ExpressionAttributeValues: { ':one': 1, ':none': [], ':entry': [expected], ':expected': expected },
          ReturnValues: 'ALL_NEW',
        }),
      );
    expect((await update(1)).Attributes).toEqual({ pk: 'a', sk: '1', version: 2, seen: [1] });
    await expect(update(1)).rejects.toThrow('The conditional request failed');
  });

  const failing = { TableName, ConditionExpression: 'attribute_not_exists(pk)' } as const;
  const asked = { ReturnValuesOnConditionCheckFailure: 'ALL_OLD' } as const;
  const Key = { pk: 'a', sk: '1' };
  it.each([
    ['put', () => world.documents.send(new PutCommand({ ...failing, ...asked, Item: { ...Key, x: 2 } }))],
    [
      'update',
      () => world.documents.send(new UpdateCommand({ ...failing, ...asked, Key, UpdateExpression: 'REMOVE x' })),
    ],
    ['delete', () => world.documents.send(new DeleteCommand({ ...failing, ...asked, Key }))],
  ])('give the item that made a %s fail, when asked', async (_name, command) => {
    await put({ ...Key, x: 1 });
    const error = await command().catch((failure: unknown) => failure);
    expect(error).toBeInstanceOf(ConditionalCheckFailedException);
    expect(error).toMatchObject({ Item: { pk: { S: 'a' }, sk: { S: '1' }, x: { N: '1' } } });
    expect(await get('a', '1')).toEqual({ ...Key, x: 1 });
  });

  it('give no item when not asked, and none when there is none', async () => {
    await put({ ...Key });
    const silent = await world.documents.send(new DeleteCommand({ ...failing, Key })).catch((error: unknown) => error);
    expect(silent).toHaveProperty('Item', undefined);
    const absent = await world.documents
      .send(
        new DeleteCommand({
          TableName,
          ...asked,
          Key: { pk: 'b', sk: '1' },
          ConditionExpression: 'attribute_exists(pk)',
        }),
      )
      .catch((error: unknown) => error);
    expect(absent).toBeInstanceOf(ConditionalCheckFailedException);
    expect(absent).toHaveProperty('Item', undefined);
  });
});

describe('batches', () => {
  it('write and read many items; a missing key is left out', async () => {
    const items = Array.from({ length: 25 }, (_, at) => ({ pk: 'a', sk: String(at).padStart(2, '0') }));
    await world.documents.send(
      new BatchWriteCommand({ RequestItems: { [TableName]: items.map((Item) => ({ PutRequest: { Item } })) } }),
    );
    const Keys = [...items, { pk: 'missing', sk: '1' }];
    const { Responses, UnprocessedKeys } = await world.documents.send(
      new BatchGetCommand({ RequestItems: { [TableName]: { Keys } } }),
    );
    const read = Responses?.[TableName]?.toSorted((a, b) => a.sk.localeCompare(b.sk));
    expect(read).toEqual(items);
    expect(UnprocessedKeys).toEqual({});
  });

  it('answer under the ARN when the table was named by it', async () => {
    const arn = `arn:aws:dynamodb:${PLACEMENT.region}:${PLACEMENT.account}:table/${TableName}`;
    await put({ pk: 'a', sk: '1' });
    const { Responses } = await world.documents.send(
      new BatchGetCommand({ RequestItems: { [arn]: { Keys: [{ pk: 'a', sk: '1' }] } } }),
    );
    expect(Responses).toEqual({ [arn]: [{ pk: 'a', sk: '1' }] });
  });

  it('refuse the same key twice', async () => {
    const Keys = [
      { pk: 'a', sk: '1' },
      { pk: 'a', sk: '1' },
    ];
    await expect(
      world.documents.send(new BatchGetCommand({ RequestItems: { [TableName]: { Keys } } })),
    ).rejects.toThrow('Provided list of item keys contains duplicates');
  });
});

describe('queries', () => {
  beforeEach(async () => {
    for (const sk of ['grant#1', 'grant#2', 'grant#3', 'partner']) {
      await put({ pk: 'p', sk, listing: sk.startsWith('grant') ? 'grants' : 'partners', listingSort: 'same' });
    }
    await put({ pk: 'q', sk: 'grant#9' });
  });

  const pages = async (input: object) => {
    const found: string[][] = [];
    let ExclusiveStartKey: Record<string, unknown> | undefined;
    do {
      const page = await world.documents.send(
        new QueryCommand({ TableName, Limit: 2, ...input, ...(ExclusiveStartKey && { ExclusiveStartKey }) }),
      );
      found.push((page.Items ?? []).map(({ sk }) => sk));
      ExclusiveStartKey = page.LastEvaluatedKey;
    } while (ExclusiveStartKey !== undefined);
    return found;
  };

  it('read one partition in order, page by page', async () => {
    const input = { KeyConditionExpression: 'pk = :p', ExpressionAttributeValues: { ':p': 'p' } };
    expect((await pages(input)).flat()).toEqual(['grant#1', 'grant#2', 'grant#3', 'partner']);
    expect((await pages({ ...input, ScanIndexForward: false })).flat()).toEqual([
      'partner',
      'grant#3',
      'grant#2',
      'grant#1',
    ]);
  });

  it('narrow by the beginning of the sort key and by a filter, counting what they looked at', async () => {
    const { Items, Count, ScannedCount } = await world.documents.send(
      new QueryCommand({
        TableName,
        KeyConditionExpression: 'pk = :p AND begins_with(sk, :prefix)',
        FilterExpression: 'listing = :grants AND NOT contains(#x, :unwanted)',
        ExpressionAttributeNames: { '#x': 'listingSort' },
        ExpressionAttributeValues: { ':p': 'p', ':prefix': 'grant#', ':grants': 'grants', ':unwanted': 'zzz' },
        ProjectionExpression: 'sk',
      }),
    );
    expect(Items).toEqual([{ sk: 'grant#1' }, { sk: 'grant#2' }, { sk: 'grant#3' }]);
    expect({ Count, ScannedCount }).toEqual({ Count: 3, ScannedCount: 3 });
  });

  it.each([true, false])(
    'page through an index whose entries all have the same key, forward %s',
    async (ScanIndexForward) => {
      const found = await pages({
        IndexName: 'listing',
        ScanIndexForward,
        KeyConditionExpression: 'listing = :l',
        ExpressionAttributeValues: { ':l': 'grants' },
      });
      expect(found.flat().toSorted()).toEqual(['grant#1', 'grant#2', 'grant#3']);
    },
  );

  it('see an index follow updates and deletes', async () => {
    const listed = async (listing: string) =>
      (
        await pages({
          IndexName: 'listing',
          KeyConditionExpression: 'listing = :l',
          ExpressionAttributeValues: { ':l': listing },
        })
      ).flat();
    await world.documents.send(
      new UpdateCommand({
        TableName,
        Key: { pk: 'p', sk: 'grant#1' },
        UpdateExpression: 'SET listing = :to',
        ExpressionAttributeValues: { ':to': 'moved' },
      }),
    );
    await world.documents.send(new DeleteCommand({ TableName, Key: { pk: 'p', sk: 'grant#2' } }));
    expect(await listed('moved')).toEqual(['grant#1']);
    expect(await listed('grants')).toEqual(['grant#3']);
  });

  it('keep index entries apart whose items dynalite would hash alike', async () => {
    // md5('Outliers' + pk + sk) begins with f71c21 for both, which is all that dynalite itself tells such entries apart by.
    const twins = ['many#1211', 'many#3072'];
    for (const pk of twins) await put({ pk, sk: 'x', listing: 'twins', listingSort: 'same' });
    const listed = async (more: object) => {
      const { Items } = await world.documents.send(
        new QueryCommand({
          TableName,
          IndexName: 'listing',
          KeyConditionExpression: 'listing = :l',
          ExpressionAttributeValues: { ':l': 'twins' },
          ...more,
        }),
      );
      return Items?.map(({ pk }) => pk);
    };
    expect(await listed({})).toEqual(twins);
    const ExclusiveStartKey = { pk: twins[0], sk: 'x', listing: 'twins', listingSort: 'same' };
    expect(await listed({ ExclusiveStartKey })).toEqual([twins[1]]);
    await world.documents.send(new DeleteCommand({ TableName, Key: { pk: twins[0], sk: 'x' } }));
    expect(await listed({})).toEqual([twins[1]]);
  });

  it('scan everything in segments', async () => {
    const found: string[] = [];
    for (const Segment of [0, 1, 2]) {
      const { Items } = await world.documents.send(new ScanCommand({ TableName, Segment, TotalSegments: 3 }));
      found.push(...(Items ?? []).map(({ sk }) => sk));
    }
    expect(found.toSorted()).toEqual(['grant#1', 'grant#2', 'grant#3', 'grant#9', 'partner']);
  });
});

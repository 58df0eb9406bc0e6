import {
  CreateTableCommand,
  DeleteTableCommand,
  DescribeContinuousBackupsCommand,
  DescribeTableCommand,
  DescribeTimeToLiveCommand,
  ListTablesCommand,
  ListTagsOfResourceCommand,
  RestoreTableToPointInTimeCommand,
  TagResourceCommand,
  UntagResourceCommand,
  UpdateContinuousBackupsCommand,
  UpdateTableCommand,
  UpdateTimeToLiveCommand,
} from '@aws-sdk/client-dynamodb';
import { DeleteCommand, GetCommand, PutCommand, QueryCommand } from '@aws-sdk/lib-dynamodb';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openWorld, PLACEMENT, START, tableInput, type World } from './database.ts';

const TableName = 'ephemera';
const ARN = `arn:aws:dynamodb:${PLACEMENT.region}:${PLACEMENT.account}:table/${TableName}`;
let world: World;

beforeEach(async () => {
  world = await openWorld();
});
afterEach(() => world.database.close());

const create = (more: object = {}) => world.client.send(new CreateTableCommand({ ...tableInput(TableName), ...more }));
const describeIt = async () => (await world.client.send(new DescribeTableCommand({ TableName }))).Table;

describe('tables', () => {
  it('are active when CreateTable answers, with the ARN of their place', async () => {
    const { TableDescription } = await create();
    expect(TableDescription).toMatchObject({
      TableName,
      TableArn: ARN,
      TableStatus: 'ACTIVE',
      BillingModeSummary: { BillingMode: 'PAY_PER_REQUEST' },
      CreationDateTime: new Date(START),
      DeletionProtectionEnabled: false,
      GlobalSecondaryIndexes: [{ IndexName: 'listing', IndexStatus: 'ACTIVE', IndexArn: `${ARN}/index/listing` }],
    });
  });

  it('are created once', async () => {
    await create();
    await expect(create()).rejects.toMatchObject({
      name: 'ResourceInUseException',
      message: `Table already exists: ${TableName}`,
    });
  });

  it('count their items and those of their indexes', async () => {
    await create();
    await world.documents.send(
      new PutCommand({ TableName, Item: { pk: 'a', sk: '1', listing: 'l', listingSort: '1' } }),
    );
    await world.documents.send(new PutCommand({ TableName, Item: { pk: 'b', sk: '1' } }));
    expect(await describeIt()).toMatchObject({ ItemCount: 2, GlobalSecondaryIndexes: [{ ItemCount: 1 }] });
  });

  it('are gone with their items when DeleteTable answers', async () => {
    await create();
    await world.documents.send(
      new PutCommand({ TableName, Item: { pk: 'a', sk: '1', listing: 'l', listingSort: '1' } }),
    );
    await world.client.send(new DeleteTableCommand({ TableName }));
    await expect(describeIt()).rejects.toMatchObject({
      name: 'ResourceNotFoundException',
      message: `Requested resource not found: Table: ${TableName} not found`,
    });
    await create();
    expect((await world.documents.send(new GetCommand({ TableName, Key: { pk: 'a', sk: '1' } }))).Item).toBeUndefined();
    const { Count } = await world.documents.send(
      new QueryCommand({
        TableName,
        IndexName: 'listing',
        KeyConditionExpression: 'listing = :l',
        ExpressionAttributeValues: { ':l': 'l' },
      }),
    );
    expect(Count).toBe(0);
  });

  it('do not lose items to a neighbour whose name begins alike', async () => {
    await create();
    await world.client.send(new CreateTableCommand(tableInput(`${TableName}-2`)));
    await world.documents.send(new PutCommand({ TableName: `${TableName}-2`, Item: { pk: 'a', sk: '1' } }));
    await world.client.send(new DeleteTableCommand({ TableName }));
    const kept = await world.documents.send(new GetCommand({ TableName: `${TableName}-2`, Key: { pk: 'a', sk: '1' } }));
    expect(kept.Item).toEqual({ pk: 'a', sk: '1' });
  });

  it('are listed page by page', async () => {
    for (const name of ['ccc', 'aaa', 'bbb']) await world.client.send(new CreateTableCommand(tableInput(name)));
    const first = await world.client.send(new ListTablesCommand({ Limit: 2 }));
    expect(first).toMatchObject({ TableNames: ['aaa', 'bbb'], LastEvaluatedTableName: 'bbb' });
    const second = await world.client.send(new ListTablesCommand({ ExclusiveStartTableName: 'bbb' }));
    expect(second.TableNames).toEqual(['ccc']);
    expect(second.LastEvaluatedTableName).toBeUndefined();
  });

  it('keep their tags', async () => {
    await create({ Tags: [{ Key: 'from', Value: 'creation' }] });
    await world.client.send(new TagResourceCommand({ ResourceArn: ARN, Tags: [{ Key: 'ключ', Value: 'v' }] }));
    await world.client.send(new UntagResourceCommand({ ResourceArn: ARN, TagKeys: ['from'] }));
    const { Tags } = await world.client.send(new ListTagsOfResourceCommand({ ResourceArn: ARN }));
    expect(Tags).toEqual([{ Key: 'ключ', Value: 'v' }]);
  });

  it('refuse a setting that has no effect here', async () => {
    await expect(create({ StreamSpecification: { StreamEnabled: true } })).rejects.toThrow(
      'does not support the member StreamSpecification of CreateTable',
    );
    await create();
    const Delete = { IndexName: 'listing' };
    await expect(
      world.client.send(new UpdateTableCommand({ TableName, GlobalSecondaryIndexUpdates: [{ Delete }] })),
    ).rejects.toThrow('does not create or delete indexes');
  });

  it('change their billing', async () => {
    await create();
    const ProvisionedThroughput = { ReadCapacityUnits: 2, WriteCapacityUnits: 3 };
    const GlobalSecondaryIndexUpdates = [{ Update: { IndexName: 'listing', ProvisionedThroughput } }];
    await world.client.send(
      new UpdateTableCommand({
        TableName,
        BillingMode: 'PROVISIONED',
        ProvisionedThroughput,
        GlobalSecondaryIndexUpdates,
      }),
    );
    expect(await describeIt()).toMatchObject({ TableStatus: 'ACTIVE', ProvisionedThroughput });
  });
});

describe('deletion protection', () => {
  it('keeps the table until it is switched off', async () => {
    await create({ DeletionProtectionEnabled: true });
    expect(await describeIt()).toMatchObject({ DeletionProtectionEnabled: true });
    await expect(world.client.send(new DeleteTableCommand({ TableName }))).rejects.toMatchObject({
      name: 'ValidationException',
      message:
        'Resource cannot be deleted as it is currently protected against deletion. Disable deletion protection first.',
    });
    await world.client.send(new UpdateTableCommand({ TableName, DeletionProtectionEnabled: false }));
    await world.client.send(new DeleteTableCommand({ TableName }));
    expect((await world.client.send(new ListTablesCommand({}))).TableNames).toEqual([]);
  });
});

describe('encryption', () => {
  it('is described only with a key of KMS, and can be taken back', async () => {
    await create({ SSESpecification: { Enabled: true, SSEType: 'KMS' } });
    const arn = `arn:aws:kms:${PLACEMENT.region}:${PLACEMENT.account}:alias/aws/dynamodb`;
    expect((await describeIt())?.SSEDescription).toEqual({ Status: 'ENABLED', SSEType: 'KMS', KMSMasterKeyArn: arn });
    await world.client.send(new UpdateTableCommand({ TableName, SSESpecification: { Enabled: false } }));
    expect((await describeIt())?.SSEDescription).toBeUndefined();
  });
});

describe('point-in-time recovery', () => {
  it('is off, and can be switched on', async () => {
    await create();
    const before = await world.client.send(new DescribeContinuousBackupsCommand({ TableName }));
    expect(before.ContinuousBackupsDescription?.PointInTimeRecoveryDescription).toEqual({
      PointInTimeRecoveryStatus: 'DISABLED',
    });
    const PointInTimeRecoverySpecification = { PointInTimeRecoveryEnabled: true };
    await world.client.send(new UpdateContinuousBackupsCommand({ TableName, PointInTimeRecoverySpecification }));
    world.advance(3_600_000);
    const after = await world.client.send(new DescribeContinuousBackupsCommand({ TableName }));
    expect(after.ContinuousBackupsDescription?.PointInTimeRecoveryDescription).toEqual({
      PointInTimeRecoveryStatus: 'ENABLED',
      RecoveryPeriodInDays: 35,
      EarliestRestorableDateTime: new Date(START),
      LatestRestorableDateTime: new Date(START + 3_300_000),
    });
  });

  it('has its own error for a missing table', async () => {
    const command = new DescribeContinuousBackupsCommand({ TableName });
    await expect(world.client.send(command)).rejects.toMatchObject({ name: 'TableNotFoundException' });
  });
});

describe('time to live', () => {
  const nowSeconds = START / 1000;
  const switchTo = (Enabled: boolean, AttributeName = 'expiresAt') =>
    world.client.send(new UpdateTimeToLiveCommand({ TableName, TimeToLiveSpecification: { Enabled, AttributeName } }));
  const left = async () => {
    const found: string[] = [];
    for (const sk of ['gone', 'now', 'later', 'text', 'none', 'ancient']) {
      const { Item } = await world.documents.send(new GetCommand({ TableName, Key: { pk: 'p', sk } }));
      if (Item !== undefined) found.push(sk);
    }
    return found;
  };

  beforeEach(async () => {
    await create();
    const expiries = { gone: nowSeconds - 1, now: nowSeconds, later: nowSeconds + 60, text: '1', ancient: 1 };
    for (const [sk, expiresAt] of Object.entries(expiries)) {
      await world.documents.send(
        new PutCommand({ TableName, Item: { pk: 'p', sk, expiresAt, listing: 'l', listingSort: sk } }),
      );
    }
    await world.documents.send(new PutCommand({ TableName, Item: { pk: 'p', sk: 'none' } }));
  });

  it('deletes what has expired by the clock, in a sweep and never before', async () => {
    expect(await world.database.sweep()).toBe(0);
    await switchTo(true);
    world.advance(1000);
    expect(await left()).toEqual(['gone', 'now', 'later', 'text', 'none', 'ancient']);
    expect(await world.database.sweep()).toBe(2);
    expect(await left()).toEqual(['later', 'text', 'none', 'ancient']);
    world.advance(60_000);
    expect(await world.database.sweep()).toBe(1);
    expect(await left()).toEqual(['text', 'none', 'ancient']);
    const { Items } = await world.documents.send(
      new QueryCommand({
        TableName,
        IndexName: 'listing',
        KeyConditionExpression: 'listing = :l',
        ExpressionAttributeValues: { ':l': 'l' },
      }),
    );
    expect(Items?.map(({ sk }) => sk)).toEqual(['ancient', 'text']);
  });

  it('is described, and stays with its attribute until it is switched off', async () => {
    const status = async () =>
      (await world.client.send(new DescribeTimeToLiveCommand({ TableName }))).TimeToLiveDescription;
    expect(await status()).toEqual({ TimeToLiveStatus: 'DISABLED' });
    await expect(switchTo(false)).rejects.toThrow('TimeToLive is already disabled');
    await switchTo(true);
    expect(await status()).toEqual({ TimeToLiveStatus: 'ENABLED', AttributeName: 'expiresAt' });
    await expect(switchTo(true)).rejects.toThrow('TimeToLive is already enabled');
    await expect(switchTo(true, 'other')).rejects.toThrow(
      'TimeToLive is active on a different AttributeName: current AttributeName is expiresAt',
    );
    await switchTo(false);
    world.advance(86_400_000);
    expect(await world.database.sweep()).toBe(0);
  });
});

describe('operations', () => {
  it('that are not offered are unknown', async () => {
    const command = new RestoreTableToPointInTimeCommand({ SourceTableName: TableName, TargetTableName: 'other' });
    await expect(world.client.send(command)).rejects.toMatchObject({ name: 'UnknownOperationException' });
    await expect(world.database.call('constructor', {})).rejects.toMatchObject({
      type: 'com.amazon.coral.service#UnknownOperationException',
    });
  });

  it('that fail inside the engine are answered with a 500, and the next one is served', async () => {
    await create();
    const Key = { pk: 'a', sk: '1' };
    await world.documents.send(new PutCommand({ TableName, Item: { ...Key, n: 2, low: 1, high: 'text' } }));
    // A mistake of dynalite's: it takes the upper bound for a number because the lower one is.
    const mistake = 'n BETWEEN low AND high';
    const failures = [
      new DeleteCommand({ TableName, Key, ConditionExpression: mistake }),
      new QueryCommand({
        TableName,
        KeyConditionExpression: 'pk = :a',
        FilterExpression: mistake,
        ExpressionAttributeValues: { ':a': 'a' },
      }),
    ];
    for (const command of failures) {
      await expect(world.documents.send(command as DeleteCommand)).rejects.toMatchObject({
        name: 'InternalServerError',
        $metadata: { httpStatusCode: 500 },
      });
    }
    expect((await world.documents.send(new GetCommand({ TableName, Key }))).Item).toMatchObject({ n: 2 });
  });
});

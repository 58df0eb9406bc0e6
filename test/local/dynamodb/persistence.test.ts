import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import {
  CreateTableCommand,
  DescribeContinuousBackupsCommand,
  DescribeTableCommand,
  DescribeTimeToLiveCommand,
  ListTagsOfResourceCommand,
  UpdateContinuousBackupsCommand,
  UpdateTimeToLiveCommand,
} from '@aws-sdk/client-dynamodb';
import { GetCommand, PutCommand, QueryCommand, TransactWriteCommand } from '@aws-sdk/lib-dynamodb';
import db from 'dynalite/db/index.js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openWorld, tableInput, type World } from './database.ts';

const TableName = 'registry';
let directory: string;
const worlds: World[] = [];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'dynamodb-'));
});
afterEach(async () => {
  await Promise.all(worlds.splice(0).map(({ database }) => database.close()));
  await rm(directory, { recursive: true, force: true });
});

async function open(at = directory): Promise<World> {
  const world = await openWorld({ directory: at });
  worlds.push(world);
  return world;
}

async function restart(world: World): Promise<World> {
  await world.database.close();
  return await open();
}

describe('a data directory', () => {
  it('keeps tables, their settings, their items and their indexes over a restart', async () => {
    const before = await open();
    const Tags = [{ Key: 'app', Value: 'x' }];
    await before.client.send(
      new CreateTableCommand({
        ...tableInput(TableName),
        DeletionProtectionEnabled: true,
        SSESpecification: { Enabled: true },
        Tags,
      }),
    );
    const TimeToLiveSpecification = { Enabled: true, AttributeName: 'expiresAt' };
    await before.client.send(new UpdateTimeToLiveCommand({ TableName, TimeToLiveSpecification }));
    const PointInTimeRecoverySpecification = { PointInTimeRecoveryEnabled: true, RecoveryPeriodInDays: 7 };
    await before.client.send(new UpdateContinuousBackupsCommand({ TableName, PointInTimeRecoverySpecification }));
    const item = { pk: 'a', sk: '1', listing: 'l', listingSort: '1', bytes: new Uint8Array([1, 2]) };
    await before.documents.send(new PutCommand({ TableName, Item: item }));
    const described = await before.client.send(new DescribeTableCommand({ TableName }));

    const after = await restart(before);
    const { Table } = await after.client.send(new DescribeTableCommand({ TableName }));
    expect(Table).toEqual(described.Table);
    expect(Table).toMatchObject({ DeletionProtectionEnabled: true, SSEDescription: { Status: 'ENABLED' } });
    const ttl = await after.client.send(new DescribeTimeToLiveCommand({ TableName }));
    expect(ttl.TimeToLiveDescription).toEqual({ TimeToLiveStatus: 'ENABLED', AttributeName: 'expiresAt' });
    const backups = await after.client.send(new DescribeContinuousBackupsCommand({ TableName }));
    expect(backups.ContinuousBackupsDescription?.PointInTimeRecoveryDescription).toMatchObject({
      PointInTimeRecoveryStatus: 'ENABLED',
      RecoveryPeriodInDays: 7,
    });
    const tags = await after.client.send(new ListTagsOfResourceCommand({ ResourceArn: Table?.TableArn }));
    expect(tags.Tags).toEqual(Tags);
    const { Item } = await after.documents.send(new GetCommand({ TableName, Key: { pk: 'a', sk: '1' } }));
    expect(Item).toEqual(item);
    const { Items } = await after.documents.send(
      new QueryCommand({
        TableName,
        IndexName: 'listing',
        KeyConditionExpression: 'listing = :l',
        ExpressionAttributeValues: { ':l': 'l' },
      }),
    );
    expect(Items).toEqual([item]);
  });

  it('remembers over a restart which transactions were done', async () => {
    const before = await open();
    await before.client.send(new CreateTableCommand(tableInput(TableName)));
    const command = () =>
      new TransactWriteCommand({
        ClientRequestToken: 'token',
        TransactItems: [
          {
            Update: {
              TableName,
              Key: { pk: 'a', sk: '1' },
              UpdateExpression: 'ADD n :one',
              ExpressionAttributeValues: { ':one': 1 },
            },
          },
        ],
      });
    await before.documents.send(command());
    const after = await restart(before);
    await after.documents.send(command());
    const read = async () =>
      (await after.documents.send(new GetCommand({ TableName, Key: { pk: 'a', sk: '1' } }))).Item;
    expect(await read()).toMatchObject({ n: 1 });
    after.advance(600_000);
    await after.documents.send(command());
    expect(await read()).toMatchObject({ n: 2 });
  });

  it('lets writes under way finish before it closes', async () => {
    const before = await open();
    await before.client.send(new CreateTableCommand(tableInput(TableName)));
    const Item = { pk: { S: 'a' }, sk: { S: '1' } };
    const writing = before.database.call('PutItem', { TableName, Item });
    const after = await restart(before);
    await writing;
    expect(await after.database.call('GetItem', { TableName, Key: Item })).toEqual({ Item });
  });
});

describe('a directory that cannot be used gives one clear error', () => {
  const oneLine = (reason: string) => `The DynamoDB data directory ${directory} cannot be used: ${reason}`;

  it('when it is in use', async () => {
    await open();
    await expect(open()).rejects.toThrow(oneLine('another process is using it'));
  });

  it('when another process has it', async () => {
    await open();
    const module = new URL('../../../local/dynamodb/embedded-dynamodb.ts', import.meta.url).href;
    const script = `const { EmbeddedDynamoDb } = await import(${JSON.stringify(module)});
      await EmbeddedDynamoDb.open({ placement: { region: 'r', account: '1' }, clock: Date.now, directory: ${JSON.stringify(directory)} })
        .catch((error) => process.stdout.write(error.message));`;
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script]);
    expect(stdout).toBe(oneLine('another process is using it'));
  });

  it('when it is a file', async () => {
    await rm(directory, { recursive: true });
    await writeFile(directory, '');
    await expect(open()).rejects.toThrow(oneLine('EEXIST'));
  });

  it('when it is damaged', async () => {
    await writeFile(join(directory, 'CURRENT'), 'not a manifest');
    await expect(open()).rejects.toThrow(oneLine('Corruption'));
  });

  it('when a row in it cannot be read, and lets go of it', async () => {
    const world = await open();
    await world.database.close();
    const { db: inside } = db.create({ path: directory });
    await inside.batch([{ type: 'put', key: 'table~x', value: [] }]);
    await inside.close();
    await expect(open()).rejects.toThrow(oneLine(''));
    await expect(open()).rejects.not.toThrow('another process is using it');
  });

  it('when another program has its data there, which is left alone', async () => {
    const { db: other } = db.create({ path: directory });
    await other.batch([{ type: 'put', key: 'theirs', value: { kept: true } }]);
    await other.close();
    await expect(open()).rejects.toThrow(oneLine('it holds other data'));
    const { db: again } = db.create({ path: directory });
    await again.open();
    expect(again.getSync('theirs')).toEqual({ kept: true });
    expect(again.getSync('format')).toBeUndefined();
    await again.close();
  });
});

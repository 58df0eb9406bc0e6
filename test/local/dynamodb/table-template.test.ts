import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  DescribeContinuousBackupsCommand,
  DescribeTableCommand,
  DescribeTimeToLiveCommand,
  ListTagsOfResourceCommand,
} from '@aws-sdk/client-dynamodb';
import { GetCommand, PutCommand } from '@aws-sdk/lib-dynamodb';
import { App, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import {
  AttributeType,
  Billing,
  BillingMode,
  Table,
  TableEncryption,
  TableEncryptionV2,
  TableV2,
} from 'aws-cdk-lib/aws-dynamodb';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createTableFromTemplate } from '../../../local/dynamodb/table-template.ts';
import type { JsonObject } from '../../../local/service.ts';
import { openWorld, PLACEMENT, type World } from './database.ts';

const NAME = 'stack-registry';
let world: World;

beforeEach(async () => {
  world = await openWorld();
});
afterEach(() => world.database.close());

const string = (name: string) => ({ name, type: AttributeType.STRING });

/** What CDK emits, so that the parser meets its real words. */
function synthesized(declare: (stack: Stack) => void): JsonObject {
  const outdir = mkdtempSync(join(tmpdir(), 'cdk-'));
  try {
    const stack = new Stack(new App({ outdir, analyticsReporting: false }), 'Stack', { env: PLACEMENT });
    declare(stack);
    const [table] = Object.values<{ Properties: JsonObject }>(Template.fromStack(stack).toJSON().Resources);
    return table?.Properties ?? {};
  } finally {
    rmSync(outdir, { recursive: true });
  }
}

function globalTable(): JsonObject {
  return synthesized((stack) => {
    new TableV2(stack, 'Table', {
      partitionKey: string('pk'),
      sortKey: string('sk'),
      billing: Billing.onDemand(),
      encryption: TableEncryptionV2.awsManagedKey(),
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true, recoveryPeriodInDays: 10 },
      deletionProtection: true,
      timeToLiveAttribute: 'expiresAt',
      globalSecondaryIndexes: [
        { indexName: 'listing', partitionKey: string('listing'), sortKey: string('listingSort') },
      ],
      tags: [{ key: 'app', value: 'x' }],
    });
  });
}

async function settings() {
  const TableName = NAME;
  const { Table: table } = await world.client.send(new DescribeTableCommand({ TableName }));
  const ttl = await world.client.send(new DescribeTimeToLiveCommand({ TableName }));
  const backups = await world.client.send(new DescribeContinuousBackupsCommand({ TableName }));
  const tags = await world.client.send(new ListTagsOfResourceCommand({ ResourceArn: table?.TableArn }));
  const recovery = backups.ContinuousBackupsDescription?.PointInTimeRecoveryDescription;
  return {
    keys: table?.KeySchema?.map(({ AttributeName }) => AttributeName),
    indexes: table?.GlobalSecondaryIndexes?.map(({ IndexName }) => IndexName),
    billing: table?.BillingModeSummary?.BillingMode,
    encrypted: table?.SSEDescription?.SSEType,
    protected: table?.DeletionProtectionEnabled,
    ttl: ttl.TimeToLiveDescription?.AttributeName,
    recovery: recovery?.PointInTimeRecoveryStatus,
    days: recovery?.RecoveryPeriodInDays,
    tags: tags.Tags,
  };
}

describe('a declared table', () => {
  it('of TableV2 is made with all that the template says', async () => {
    await createTableFromTemplate(world.database, globalTable(), NAME);
    expect(await settings()).toEqual({
      keys: ['pk', 'sk'],
      indexes: ['listing'],
      billing: 'PAY_PER_REQUEST',
      encrypted: 'KMS',
      protected: true,
      ttl: 'expiresAt',
      recovery: 'ENABLED',
      days: 10,
      tags: [{ Key: 'app', Value: 'x' }],
    });
  });

  it('of Table likewise', async () => {
    const properties = synthesized((stack) => {
      new Table(stack, 'Table', {
        partitionKey: string('pk'),
        billingMode: BillingMode.PAY_PER_REQUEST,
        encryption: TableEncryption.AWS_MANAGED,
        pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
        deletionProtection: true,
      });
    });
    await createTableFromTemplate(world.database, properties, NAME);
    expect(await settings()).toEqual({
      keys: ['pk'],
      indexes: undefined,
      billing: 'PAY_PER_REQUEST',
      encrypted: 'KMS',
      protected: true,
      ttl: undefined,
      recovery: 'ENABLED',
      days: 35,
      tags: [],
    });
  });

  it('that is there already keeps its items and takes over changed settings', async () => {
    await createTableFromTemplate(world.database, globalTable(), NAME);
    const Item = { pk: 'a', sk: '1' };
    await world.documents.send(new PutCommand({ TableName: NAME, Item }));
    const { TimeToLiveSpecification: _, Replicas: replicas, ...rest } = globalTable();
    const [replica] = replicas as JsonObject[];
    const changed = {
      ...rest,
      TimeToLiveSpecification: { AttributeName: 'other', Enabled: true },
      Replicas: [{ ...replica, DeletionProtectionEnabled: false, Tags: [{ Key: 'new', Value: 'y' }] }],
    };
    await createTableFromTemplate(world.database, changed, NAME);
    expect(await settings()).toMatchObject({ ttl: 'other', protected: false, tags: [{ Key: 'new', Value: 'y' }] });
    expect((await world.documents.send(new GetCommand({ TableName: NAME, Key: Item }))).Item).toEqual(Item);
  });

  const otherKey = { AttributeName: 'id', AttributeType: 'S' };
  it.each<[string, JsonObject]>([
    [
      'keys',
      {
        KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
        AttributeDefinitions: [otherKey],
        GlobalSecondaryIndexes: [],
      },
    ],
    [
      'a projection of an index',
      {
        GlobalSecondaryIndexes: [
          {
            IndexName: 'listing',
            KeySchema: [
              { AttributeName: 'listing', KeyType: 'HASH' },
              { AttributeName: 'listingSort', KeyType: 'RANGE' },
            ],
            Projection: { ProjectionType: 'KEYS_ONLY' },
          },
        ],
      },
    ],
  ])('that is there with other %s is one clear error', async (_name, difference) => {
    await createTableFromTemplate(world.database, globalTable(), NAME);
    await expect(createTableFromTemplate(world.database, { ...globalTable(), ...difference }, NAME)).rejects.toThrow(
      `The table ${NAME} in the data directory has other keys or indexes than the template declares`,
    );
  });
});

describe('a property that would be ignored is refused by name', () => {
  const replica = { Region: PLACEMENT.region };
  it.each<[string, JsonObject, string]>([
    ['at the top', { StreamSpecification: {} }, 'StreamSpecification'],
    ['of a replica', { Replicas: [{ ...replica, ResourcePolicy: {} }] }, 'ResourcePolicy'],
    [
      'of an index of a replica',
      {
        Replicas: [{ ...replica, GlobalSecondaryIndexes: [{ IndexName: 'i', ContributorInsightsSpecification: {} }] }],
      },
      'ContributorInsightsSpecification',
    ],
    [
      'of an index',
      { GlobalSecondaryIndexes: [{ IndexName: 'i', Projection: {}, KeySchema: [], WarmThroughput: {} }] },
      'WarmThroughput',
    ],
    ['of the TTL', { TimeToLiveSpecification: { Enabled: true, AttributeName: 'x', Late: true } }, 'Late'],
    ['of the encryption', { SSESpecification: { SSEEnabled: true, Extra: 1 } }, 'Extra'],
    ['of the recovery', { Replicas: [{ ...replica, PointInTimeRecoverySpecification: { Extra: 1 } }] }, 'Extra'],
    ['of another region', { Replicas: [{ Region: 'us-east-1' }] }, 'us-east-1'],
    ['of a second replica', { Replicas: [replica, { Region: 'us-east-1' }] }, 'exactly one replica'],
    ['of another billing', { BillingMode: 'PROVISIONED' }, 'BillingMode'],
    ['of another name', { TableName: 'mine' }, 'TableName'],
  ])('%s', async (_name, difference, property) => {
    await expect(createTableFromTemplate(world.database, { ...globalTable(), ...difference }, NAME)).rejects.toThrow(
      property,
    );
    expect(await world.database.call('ListTables', {})).toEqual({ TableNames: [] });
  });
});

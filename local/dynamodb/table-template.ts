/**
 * Brings a table to what the template declares: creates it, or, when it is there from an earlier run, keeps its items and
 * takes over the settings that may change. Keys and indexes may not: that is an error to be told, not to be repaired.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Json, JsonObject } from '../service.ts';
import { AwsError } from '../service.ts';
import type { EmbeddedDynamoDb } from './embedded-dynamodb.ts';
import { errorName } from './errors.ts';
import { isObject } from './members.ts';
import { tableArn } from './table-names.ts';
import { type DeclaredTable, parseTableProperties } from './template-properties.ts';

/**
 * @param properties resolved: without intrinsic functions.
 * @throws Error naming an unknown property, or the table whose keys or indexes are not the declared ones.
 */
export async function createTableFromTemplate(
  database: EmbeddedDynamoDb,
  properties: JsonObject,
  name: string,
): Promise<void> {
  const declared = parseTableProperties(properties, name, database.placement);
  const existing = await findTable(database, name);
  if (existing === undefined) {
    await database.call('CreateTable', { TableName: name, ...declared.structure });
  } else if (!isDeepStrictEqual(shape(existing), shape(declared.structure))) {
    throw new Error(
      `The table ${name} in the data directory has other keys or indexes than the template declares; ` +
        'start with an empty data directory, or move its items by hand',
    );
  }
  await applySettings(database, name, declared);
}

async function findTable(database: EmbeddedDynamoDb, name: string): Promise<JsonObject | undefined> {
  try {
    const { Table: table } = await database.call('DescribeTable', { TableName: name });
    return isObject(table) ? table : undefined;
  } catch (error) {
    if (error instanceof AwsError && errorName(error) === 'ResourceNotFoundException') return undefined;
    throw error;
  }
}

async function applySettings(database: EmbeddedDynamoDb, name: string, declared: DeclaredTable): Promise<void> {
  await database.call('UpdateTable', {
    TableName: name,
    DeletionProtectionEnabled: declared.deletionProtection,
    SSESpecification: declared.encryption,
  });
  await applyTimeToLive(database, name, declared.timeToLive);
  await database.call('UpdateContinuousBackups', {
    TableName: name,
    PointInTimeRecoverySpecification: declared.recovery,
  });
  await applyTags(database, name, declared.tags);
}

async function applyTimeToLive(database: EmbeddedDynamoDb, name: string, wanted: string | undefined): Promise<void> {
  const { TimeToLiveDescription: description } = await database.call('DescribeTimeToLive', { TableName: name });
  const current = isObject(description) ? description.AttributeName : undefined;
  if (current === wanted) return;
  const switchTo = (AttributeName: Json, Enabled: boolean) =>
    database.call('UpdateTimeToLive', { TableName: name, TimeToLiveSpecification: { AttributeName, Enabled } });
  if (current !== undefined) await switchTo(current, false);
  if (wanted !== undefined) await switchTo(wanted, true);
}

async function applyTags(database: EmbeddedDynamoDb, name: string, wanted: readonly Json[]): Promise<void> {
  const ResourceArn = tableArn(name, database.placement);
  const { Tags: current } = await database.call('ListTagsOfResource', { ResourceArn });
  const keys = (tags: Json | undefined | readonly Json[]) =>
    (Array.isArray(tags) ? tags : []).map((tag) => (isObject(tag) ? tag.Key : undefined));
  const TagKeys = keys(current).filter((key) => key !== undefined && !keys(wanted).includes(key)) as Json[];
  if (TagKeys.length > 0) await database.call('UntagResource', { ResourceArn, TagKeys });
  if (wanted.length > 0) await database.call('TagResource', { ResourceArn, Tags: [...wanted] });
}

/** What may not change under the items, in an order that does not depend on the template's. */
function shape(table: JsonObject): JsonObject {
  return {
    attributes: sorted(table.AttributeDefinitions, 'AttributeName'),
    keys: asList(table.KeySchema),
    global: indexShapes(table.GlobalSecondaryIndexes),
    local: indexShapes(table.LocalSecondaryIndexes),
  };
}

function indexShapes(indexes: Json | undefined): Json[] {
  return sorted(indexes, 'IndexName')
    .filter(isObject)
    .map(({ IndexName: name = null, KeySchema: keys, Projection: projection = null }) => [
      name,
      asList(keys),
      projection,
    ]);
}

function sorted(values: Json | undefined, by: string): Json[] {
  const key = (value: Json) => (isObject(value) ? String(value[by]) : '');
  return asList(values).toSorted((a, b) => (key(a) < key(b) ? -1 : 1));
}

function asList(value: Json | undefined): Json[] {
  return Array.isArray(value) ? value : [];
}

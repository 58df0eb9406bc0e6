/**
 * Creating, changing, describing and deleting tables. A table is ACTIVE as soon as the call answers, and gone as soon as
 * DeleteTable answers: callers that wait for it see nothing else.
 */
import { randomUUID } from 'node:crypto';
import type { Json, JsonObject } from '../service.ts';
import { parseRequest, runTableAction } from './engine.ts';
import { serviceError, validationError } from './errors.ts';
import { itemBytes } from './item-limits.ts';
import { findEnum, isObject, refuseUnknown, requireBoolean, requireObject, requireString } from './members.ts';
import { localName, withLocalName } from './table-names.ts';
import { type Context, indexPrefix, itemPrefix, type SecondaryIndex, type Table, type TableRecord } from './tables.ts';
import { parseTags } from './tags.ts';

const TABLE_CLASSES = ['STANDARD', 'STANDARD_INFREQUENT_ACCESS'] as const;

export async function createTable(input: JsonObject, context: Context): Promise<JsonObject> {
  const { DeletionProtectionEnabled, SSESpecification, TableClass, Tags, ...rest } = input;
  const request = parseRequest('CreateTable', withLocalName(rest, context.placement));
  const name = requireString(request.TableName, 'tableName');
  const options = optionsOf({ DeletionProtectionEnabled, SSESpecification, TableClass }, context);
  const tags = Tags === undefined ? {} : parseTags(Tags, 'tags');
  return await context.turnstile.pass(async () => {
    if (context.tables.find(name) !== undefined) {
      throw serviceError('ResourceInUseException', `Table already exists: ${name}`);
    }
    const created = await runTableAction('CreateTable', request, context.placement);
    const now = { CreationDateTime: context.clock() / 1000, TableId: randomUUID() };
    const description = { ...created, ...now, DeletionProtectionEnabled: false, ...options } as unknown as Table;
    await context.tables.save({ description, tags });
    return { TableDescription: description };
  });
}

export async function updateTable(input: JsonObject, context: Context): Promise<JsonObject> {
  const { DeletionProtectionEnabled, SSESpecification, TableClass, ...rest } = withLocalName(input, context.placement);
  const options = optionsOf({ DeletionProtectionEnabled, SSESpecification, TableClass }, context);
  const onlyOptions = Object.keys(rest).length === 1 && Object.keys(options).length > 0;
  const request = onlyOptions ? parseRequest('DescribeTable', rest) : parseRequest('UpdateTable', rest);
  refuseIndexChanges(request.GlobalSecondaryIndexUpdates);
  const name = requireString(request.TableName, 'tableName');
  return await context.turnstile.pass(async () => {
    const record = context.tables.require(name);
    const changed = onlyOptions
      ? record.description
      : await runTableAction('UpdateTable', request, context.placement, record.description);
    const description = { ...changed, ...options } as unknown as Table;
    await context.tables.save({ ...record, description });
    return { TableDescription: description };
  });
}

/** dynalite would answer as if it had built or dropped the index. */
function refuseIndexChanges(updates: Json | undefined): void {
  const changes = Array.isArray(updates) ? updates : [];
  if (changes.some((change) => isObject(change) && change.Update === undefined)) {
    throw validationError('The embedded DynamoDB does not create or delete indexes of an existing table');
  }
}

export async function deleteTable(input: JsonObject, context: Context): Promise<JsonObject> {
  const name = nameIn('DeleteTable', input, context);
  return await context.turnstile.pass(async () => {
    const { description } = context.tables.require(name);
    if (description.DeletionProtectionEnabled) {
      throw validationError(
        'Resource cannot be deleted as it is currently protected against deletion. Disable deletion protection first.',
      );
    }
    await context.tables.remove(name);
    return { TableDescription: { ...description, TableStatus: 'DELETING' } };
  });
}

/** Unlike in AWS, where they are up to six hours old, the counts are those of this moment. */
export async function describeTable(input: JsonObject, context: Context): Promise<JsonObject> {
  const { description } = context.tables.require(nameIn('DescribeTable', input, context));
  const counted = await count(itemPrefix(description.TableName), context);
  return {
    Table: {
      ...description,
      ItemCount: counted.items,
      TableSizeBytes: counted.bytes,
      ...(await countedIndexes('GlobalSecondaryIndexes', description, context)),
      ...(await countedIndexes('LocalSecondaryIndexes', description, context)),
    },
  };
}

async function countedIndexes(
  kind: 'GlobalSecondaryIndexes' | 'LocalSecondaryIndexes',
  table: Table,
  context: Context,
): Promise<JsonObject> {
  const indexes = table[kind];
  if (indexes === undefined) return {};
  const counted: SecondaryIndex[] = [];
  for (const index of indexes) {
    const { items, bytes } = await count(indexPrefix(table.TableName, index.IndexName), context);
    counted.push({ ...index, ItemCount: items, IndexSizeBytes: bytes });
  }
  return { [kind]: counted };
}

async function count(prefix: string, context: Context): Promise<{ items: number; bytes: number }> {
  let items = 0;
  let bytes = 0;
  for await (const item of context.storage.values(prefix)) {
    items += 1;
    bytes += itemBytes(item as JsonObject);
  }
  return { items, bytes };
}

export function listTables(input: JsonObject, context: Context): JsonObject {
  const request = parseRequest('ListTables', input);
  const after = request.ExclusiveStartTableName;
  const limit = typeof request.Limit === 'number' ? request.Limit : 100;
  const names = context.tables.names().filter((name) => typeof after !== 'string' || name > after);
  const page = names.slice(0, limit);
  const last = page.at(-1);
  return names.length > limit && last !== undefined
    ? { TableNames: page, LastEvaluatedTableName: last }
    : { TableNames: page };
}

/** The table that a request names, checked by the rules of names. */
export function tableOf(input: JsonObject, context: Context): TableRecord {
  return context.tables.require(nameIn('DescribeTable', { TableName: input.TableName }, context));
}

function nameIn(operation: 'DescribeTable' | 'DeleteTable', input: JsonObject, context: Context): string {
  const request = parseRequest(operation, withLocalName(input, context.placement));
  return localName(requireString(request.TableName, 'tableName'), context.placement);
}

/** Members of the description that dynalite knows nothing of; only those that the request sets. */
function optionsOf(input: JsonObject, context: Context): JsonObject {
  const { DeletionProtectionEnabled: protection, SSESpecification: encryption, TableClass } = input;
  const tableClass = findEnum(TableClass, 'tableClass', TABLE_CLASSES);
  return {
    ...(protection === undefined
      ? {}
      : { DeletionProtectionEnabled: requireBoolean(protection, 'deletionProtectionEnabled') }),
    ...(encryption === undefined ? {} : { SSEDescription: encryptionOf(encryption, context) }),
    ...(tableClass === undefined ? {} : { TableClassSummary: { TableClass: tableClass } }),
  };
}

/** `undefined`: with the key that DynamoDB owns, of which descriptions say nothing. */
function encryptionOf(value: Json, { placement }: Context): JsonObject | undefined {
  const specification = requireObject(value, 'sSESpecification');
  refuseUnknown(specification, ['Enabled', 'SSEType', 'KMSMasterKeyId'], 'SSESpecification');
  findEnum(specification.SSEType, 'sSESpecification.sSEType', ['KMS']);
  const { Enabled: enabled, KMSMasterKeyId: key = 'alias/aws/dynamodb' } = specification;
  if (enabled !== true) return undefined;
  const id = requireString(key, 'sSESpecification.kMSMasterKeyId');
  const resource = id.startsWith('alias/') ? id : `key/${id}`;
  const arn = id.startsWith('arn:') ? id : `arn:aws:kms:${placement.region}:${placement.account}:${resource}`;
  return { Status: 'ENABLED', SSEType: 'KMS', KMSMasterKeyArn: arn };
}

/**
 * The values of IAM's `dynamodb:LeadingKeys`: the partition keys that a call touches, as strings.
 */
import type { Json, JsonObject } from '../service.ts';
import { isObject } from './members.ts';
import type { KeyElement, Table } from './tables.ts';

/** Partition keys of keys or whole items; what is no proper key is left to the call's validation. */
export function keyValues(items: readonly (Json | undefined)[], table: Table): string[] {
  const attribute = partitionOf(table.KeySchema);
  const values = items.map((item) => (isObject(item) ? scalar(item[attribute], attribute, table) : undefined));
  return [...new Set(values.filter((value) => value !== undefined))];
}

/** The partition key that a parsed Query asks for. */
export function queriedValues(request: JsonObject, table: Table, schema: readonly KeyElement[]): string[] {
  const attribute = partitionOf(schema);
  const conditions = request.KeyConditions;
  const condition = isObject(conditions) ? conditions[attribute] : undefined;
  const values = isObject(condition) ? condition.AttributeValueList : undefined;
  const value = Array.isArray(values) ? scalar(values[0], attribute, table) : undefined;
  return value === undefined ? [] : [value];
}

/** As `queriedValues`, for a Query on an index: the index's own partition key. */
export function indexKeyValues(request: JsonObject, table: Table, name: string): string[] {
  const indexes = [...(table.GlobalSecondaryIndexes ?? []), ...(table.LocalSecondaryIndexes ?? [])];
  const index = indexes.find(({ IndexName }) => IndexName === name);
  return index === undefined ? [] : queriedValues(request, table, index.KeySchema);
}

function partitionOf(schema: readonly KeyElement[]): string {
  return schema[0]?.AttributeName ?? '';
}

function scalar(value: Json | undefined, attribute: string, table: Table): string | undefined {
  const type = table.AttributeDefinitions.find(({ AttributeName }) => AttributeName === attribute)?.AttributeType;
  const content = isObject(value) && type !== undefined ? value[type] : undefined;
  return typeof content === 'string' ? content : undefined;
}

/**
 * Time to live. DynamoDB deletes expired items late, up to days; here nothing is deleted but by `sweep`, so that whoever
 * forgets to check the expiry on read is found out.
 */
import type { Json, JsonObject } from '../service.ts';
import { runAction } from './engine.ts';
import { constraintError, validationError } from './errors.ts';
import { isObject, refuseUnknown, requireBoolean, requireObject, requireString } from './members.ts';
import { tableOf } from './table-operations.ts';
import { type Context, itemPrefix, type TableRecord } from './tables.ts';
import { Workspace } from './workspace.ts';

/** Items that expired longer ago are left alone (Developer Guide, "Working with expired items and TTL"). */
const FIVE_YEARS_SECONDS = 5 * 365 * 86_400;

export async function updateTimeToLive(input: JsonObject, context: Context): Promise<JsonObject> {
  refuseUnknown(input, ['TableName', 'TimeToLiveSpecification'], 'UpdateTimeToLive');
  const specification = requireObject(input.TimeToLiveSpecification, 'timeToLiveSpecification');
  const attribute = requireString(specification.AttributeName, 'timeToLiveSpecification.attributeName');
  const enabled = requireBoolean(specification.Enabled, 'timeToLiveSpecification.enabled');
  if (attribute.length === 0 || attribute.length > 255) {
    const limit = attribute.length === 0 ? 'greater than or equal to 1' : 'less than or equal to 255';
    const path = 'timeToLiveSpecification.attributeName';
    throw constraintError(attribute, path, `Member must have length ${limit}`);
  }
  return await context.turnstile.pass(async () => {
    const { timeToLive: current, ...record } = tableOf(input, context);
    if (current !== undefined && current !== attribute) {
      throw validationError(`TimeToLive is active on a different AttributeName: current AttributeName is ${current}`);
    }
    if (enabled === (current !== undefined)) {
      throw validationError(`TimeToLive is already ${enabled ? 'enabled' : 'disabled'}`);
    }
    await context.tables.save(enabled ? { ...record, timeToLive: attribute } : record);
    return { TimeToLiveSpecification: { Enabled: enabled, AttributeName: attribute } };
  });
}

export function describeTimeToLive(input: JsonObject, context: Context): JsonObject {
  refuseUnknown(input, ['TableName'], 'DescribeTimeToLive');
  const { timeToLive } = tableOf(input, context);
  return {
    TimeToLiveDescription:
      timeToLive === undefined
        ? { TimeToLiveStatus: 'DISABLED' }
        : { TimeToLiveStatus: 'ENABLED', AttributeName: timeToLive },
  };
}

/** Deletes what has expired in all tables, and says how many items that were. */
export async function sweep(context: Context): Promise<number> {
  let deleted = 0;
  for (const name of context.tables.names()) {
    deleted += await context.turnstile.pass(async () => {
      const record = context.tables.find(name);
      return record?.timeToLive === undefined ? 0 : await sweepTable(record, record.timeToLive, context);
    });
  }
  return deleted;
}

async function sweepTable({ description }: TableRecord, attribute: string, context: Context): Promise<number> {
  const table = description.TableName;
  const nowSeconds = Math.floor(context.clock() / 1000);
  const workspace = new Workspace(context.storage, context.tables);
  let deleted = 0;
  for await (const row of context.storage.values(itemPrefix(table))) {
    const item = row as JsonObject;
    if (!isExpired(item[attribute], nowSeconds)) continue;
    const key = Object.fromEntries(description.KeySchema.map(({ AttributeName: part }) => [part, item[part]]));
    await runAction('DeleteItem', workspace, { TableName: table, Key: key });
    deleted += 1;
  }
  await context.storage.write(workspace.changes);
  return deleted;
}

function isExpired(value: Json | undefined, nowSeconds: number): boolean {
  if (!isObject(value) || typeof value.N !== 'string') return false;
  const expirySeconds = Number(value.N);
  return expirySeconds < nowSeconds && expirySeconds >= nowSeconds - FIVE_YEARS_SECONDS;
}

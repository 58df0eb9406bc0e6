/**
 * The operations on items outside transactions. Reads run at once, writes one at a time; each write is one commit.
 */
import type { Json, JsonObject } from '../service.ts';
import { type ItemOperation, parseRequest, runAction } from './engine.ts';
import { errorName, serviceError, toAwsError, validationError } from './errors.ts';
import { findEnum, isObject } from './members.ts';
import { localName, withLocalName } from './table-names.ts';
import type { Context } from './tables.ts';
import { Workspace } from './workspace.ts';

type Read = 'GetItem' | 'Query' | 'Scan' | 'BatchGetItem';
type ConditionalWrite = 'PutItem' | 'UpdateItem' | 'DeleteItem';

const ON_FAILURE = 'ReturnValuesOnConditionCheckFailure';

/** The request without the member that dynalite does not know, and what that member says. */
export function takeOnFailure(input: JsonObject, path: string): { rest: JsonObject; returnItem: boolean } {
  const { [ON_FAILURE]: onFailure, ...rest } = input;
  return { rest, returnItem: findEnum(onFailure, path, ['ALL_OLD', 'NONE']) === 'ALL_OLD' };
}

export async function read(operation: Read, input: JsonObject, context: Context): Promise<JsonObject> {
  const request = parseRequest(operation, withLocalName(input, context.placement));
  const startKey = request.ExclusiveStartKey;
  const workspace = new Workspace(context.storage, context.tables, isObject(startKey) ? { startKey } : {});
  return await runAction(operation, workspace, request);
}

export async function write(operation: ConditionalWrite, input: JsonObject, context: Context): Promise<JsonObject> {
  const { rest, returnItem } = takeOnFailure(input, 'returnValuesOnConditionCheckFailure');
  const request = parseRequest(operation, withLocalName(rest, context.placement));
  return await context.turnstile.pass(async () => {
    const workspace = new Workspace(context.storage, context.tables, { change: changeOf(operation) });
    try {
      return await commit(operation, request, workspace, context);
    } catch (error) {
      throw returnItem ? withItem(error, workspace.existing) : error;
    }
  });
}

export function changeOf(operation: ItemOperation): 'put' | 'update' {
  return operation === 'UpdateItem' ? 'update' : 'put';
}

async function commit(
  operation: ItemOperation,
  request: JsonObject,
  workspace: Workspace,
  context: Context,
): Promise<JsonObject> {
  const answer = await runAction(operation, workspace, request);
  await context.storage.write(workspace.changes);
  return answer;
}

function withItem(error: unknown, item: JsonObject | undefined): unknown {
  const failure = toAwsError(error);
  if (errorName(failure) !== 'ConditionalCheckFailedException' || item === undefined) return error;
  return serviceError('ConditionalCheckFailedException', failure.message, { Item: item });
}

/** Answers under the names that the caller used, which may be ARNs (API Reference, BatchGetItem `Responses`). */
export async function batchGet(input: JsonObject, context: Context): Promise<JsonObject> {
  const { renamed, names } = withLocalTables(input, context);
  const answer = await read('BatchGetItem', renamed, context);
  return {
    ...answer,
    Responses: underNames(answer.Responses, names),
    UnprocessedKeys: underNames(answer.UnprocessedKeys, names),
  };
}

export async function batchWrite(input: JsonObject, context: Context): Promise<JsonObject> {
  const { renamed, names } = withLocalTables(input, context);
  const request = parseRequest('BatchWriteItem', renamed);
  const answer = await context.turnstile.pass(() =>
    commit('BatchWriteItem', request, new Workspace(context.storage, context.tables), context),
  );
  return { ...answer, UnprocessedItems: underNames(answer.UnprocessedItems, names) };
}

function withLocalTables(input: JsonObject, context: Context): { renamed: JsonObject; names: Map<string, string> } {
  const names = new Map<string, string>();
  const items = input.RequestItems;
  if (!isObject(items)) return { renamed: input, names };
  const local: Record<string, Json | undefined> = {};
  for (const [given, requests] of Object.entries(items)) {
    const name = localName(given, context.placement);
    if (names.has(name)) throw validationError(`The table ${name} is named more than once in the request`);
    names.set(name, given);
    local[name] = requests;
  }
  return { renamed: { ...input, RequestItems: local }, names };
}

function underNames(byTable: Json | undefined, names: ReadonlyMap<string, string>): JsonObject {
  if (!isObject(byTable)) return {};
  return Object.fromEntries(Object.entries(byTable).map(([name, value]) => [names.get(name) ?? name, value]));
}

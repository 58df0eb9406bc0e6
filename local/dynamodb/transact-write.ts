/**
 * TransactWriteItems: every member runs in a workspace of its own; only when all of them succeed are their changes
 * committed, as one batch. Transactions and single writes pass one turnstile, so they never conflict, they wait.
 */
import type { Json, JsonObject } from '../service.ts';
import { findItemError, type ItemOperation, parseRequest, runAction } from './engine.ts';
import { constraintError, tableNotFound, validationError } from './errors.ts';
import { itemBytes } from './item-limits.ts';
import { changeOf, takeOnFailure } from './item-operations.ts';
import { findEnum, isObject, pathOf, refuseUnknown, requireObject, requireString } from './members.ts';
import { fingerprintOf, type RequestTokens } from './request-tokens.ts';
import { withLocalName } from './table-names.ts';
import type { Context } from './tables.ts';
import {
  cancelled,
  checkTargets,
  consumedCapacity,
  NO_REASON,
  type Reason,
  reasonOf,
  type Target,
  transactItems,
} from './transaction-members.ts';
import { Workspace } from './workspace.ts';

const MAX_BYTES = 4 * 1024 * 1024;

const EXPRESSIONS = ['TableName', 'ConditionExpression', 'ExpressionAttributeNames', 'ExpressionAttributeValues'];

/** A check is a conditional delete whose changes are forgotten. */
const ACTIONS: Readonly<
  Record<string, { operation: ItemOperation & ('PutItem' | 'UpdateItem' | 'DeleteItem'); required: string[] }>
> = {
  ConditionCheck: { operation: 'DeleteItem', required: ['Key', 'ConditionExpression'] },
  Put: { operation: 'PutItem', required: ['Item'] },
  Update: { operation: 'UpdateItem', required: ['Key', 'UpdateExpression'] },
  Delete: { operation: 'DeleteItem', required: ['Key'] },
};

interface Member extends Target {
  readonly operation: 'PutItem' | 'UpdateItem' | 'DeleteItem';
  readonly request: JsonObject;
  readonly writes: boolean;
  readonly returnItem: boolean;
}

interface Outcome {
  readonly workspace: Workspace;
  readonly answer: JsonObject;
  readonly reason: Reason;
}

export async function transactWrite(input: JsonObject, context: Context, tokens: RequestTokens): Promise<JsonObject> {
  const known = ['TransactItems', 'ClientRequestToken', 'ReturnConsumedCapacity', 'ReturnItemCollectionMetrics'];
  refuseUnknown(input, known, 'TransactWriteItems');
  const { ClientRequestToken, ...request } = input;
  const token = parseToken(ClientRequestToken);
  const detail = findEnum(input.ReturnConsumedCapacity, 'returnConsumedCapacity', ['INDEXES', 'TOTAL', 'NONE']);
  const entries = transactItems(input.TransactItems);
  const fingerprint = token === undefined ? '' : fingerprintOf(request);
  return await context.turnstile.pass(async () => {
    if (token !== undefined && tokens.wasDone(token, fingerprint, context.clock())) return {};
    const members = entries.map((entry, at) => parseMember(entry, at, context));
    checkTargets(members);
    const outcomes = await perform(members, context);
    const remembered = token === undefined ? undefined : tokens.remember(token, fingerprint, context.clock());
    const changes = outcomes.flatMap(({ workspace }) => workspace.changes);
    await context.storage.write([...changes, ...(remembered?.changes ?? [])]);
    remembered?.done();
    return consumedCapacity(
      'write',
      outcomes.map(({ answer }) => answer),
      detail,
    );
  });
}

function parseToken(value: Json | undefined): string | undefined {
  if (value === undefined || value === null) return undefined;
  const token = requireString(value, 'clientRequestToken');
  if (token.length >= 1 && token.length <= 36) return token;
  const limit = token.length === 0 ? 'greater than or equal to 1' : 'less than or equal to 36';
  throw constraintError(token, 'clientRequestToken', `Member must have length ${limit}`);
}

function parseMember(entry: Json, at: number, context: Context): Member {
  const path = pathOf('transactItems', `${at + 1}`, 'member');
  const given = Object.entries(requireObject(entry, path)).filter(([, value]) => value !== undefined && value !== null);
  if (given.length > 1) throw validationError('TransactItems can only contain one of Check, Put, Update or Delete');
  const [name = '', value] = given[0] ?? [];
  const action = ACTIONS[name];
  if (action === undefined) {
    throw validationError('Invalid Request: TransactWriteRequest should contain Delete or Put or Update request');
  }
  const { operation, required } = action;
  const inner = withLocalName(requireObject(value, pathOf(path, name)), context.placement);
  const { rest, returnItem } = takeOnFailure(inner, pathOf(path, name, 'ReturnValuesOnConditionCheckFailure'));
  refuseUnknown(rest, [...EXPRESSIONS, ...required], `TransactItems.${name}`);
  const missing = required.find((member) => rest[member] === undefined || rest[member] === null);
  if (missing !== undefined) throw constraintError(null, pathOf(path, name, missing), 'Member must not be null');
  const request = parseRequest(operation, { ...rest, ReturnConsumedCapacity: 'TOTAL' });
  const target = targetOf(operation, request, context);
  return { ...target, operation, request, writes: name !== 'ConditionCheck', returnItem };
}

function targetOf(operation: ItemOperation, request: JsonObject, context: Context): Target {
  const table = context.tables.find(requireString(request.TableName, 'tableName'))?.description;
  if (table === undefined) throw tableNotFound();
  if (operation !== 'PutItem') return { table, key: requireObject(request.Key, 'key') };
  const item = requireObject(request.Item, 'item');
  const key = Object.fromEntries(table.KeySchema.map(({ AttributeName: name }) => [name, item[name]]));
  return { table, key, misfit: findItemError(item, table) };
}

/** @throws AwsError TransactionCanceledException with the reason of every member, `None` where there is none. */
async function perform(members: readonly Member[], context: Context): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const member of members) outcomes.push(await performMember(member, context));
  const reasons = outcomes.map(({ reason }) => reason);
  if (reasons.some(({ Code }) => Code !== 'None')) throw cancelled(reasons);
  const bytes = outcomes.reduce(
    (sum, { workspace: { stored } }) => sum + (isObject(stored) ? itemBytes(stored) : 0),
    0,
  );
  if (bytes > MAX_BYTES) {
    throw validationError(
      'Transaction failed: The total size of all items in the transaction request cannot exceed 4 MB',
    );
  }
  return outcomes;
}

async function performMember(member: Member, context: Context): Promise<Outcome> {
  const workspace = new Workspace(context.storage, context.tables, { change: changeOf(member.operation) });
  try {
    const answer = await runAction(member.operation, workspace, member.request);
    if (!member.writes) workspace.changes.length = 0;
    return { workspace, answer, reason: NO_REASON };
  } catch (error) {
    return { workspace, answer: {}, reason: reasonOf(error, member.returnItem ? workspace.existing : undefined) };
  }
}

/**
 * TransactGetItems: reads its items between two writes, so that it sees them as of one moment.
 */
import type { Json, JsonObject } from '../service.ts';
import { parseRequest, runAction } from './engine.ts';
import { tableNotFound } from './errors.ts';
import { findEnum, isObject, pathOf, refuseUnknown, requireObject, requireString } from './members.ts';
import { withLocalName } from './table-names.ts';
import type { Context } from './tables.ts';
import {
  cancelled,
  checkTargets,
  consumedCapacity,
  NO_REASON,
  reasonOf,
  type Target,
  transactItems,
} from './transaction-members.ts';
import { Workspace } from './workspace.ts';

interface Member extends Target {
  readonly request: JsonObject;
}

export async function transactGet(input: JsonObject, context: Context): Promise<JsonObject> {
  refuseUnknown(input, ['TransactItems', 'ReturnConsumedCapacity'], 'TransactGetItems');
  const detail = findEnum(input.ReturnConsumedCapacity, 'returnConsumedCapacity', ['INDEXES', 'TOTAL', 'NONE']);
  const entries = transactItems(input.TransactItems);
  return await context.turnstile.pass(async () => {
    const members = entries.map((entry, at) => parseMember(entry, at, context));
    checkTargets(members);
    const answers = await readAll(members, context);
    const Responses = answers.map(({ Item: item }) =>
      isObject(item) && Object.keys(item).length > 0 ? { Item: item } : {},
    );
    return { Responses, ...consumedCapacity('read', answers, detail) };
  });
}

function parseMember(entry: Json, at: number, context: Context): Member {
  const path = pathOf('transactItems', `${at + 1}`, 'member');
  const outer = requireObject(entry, path);
  refuseUnknown(outer, ['Get'], 'TransactItems');
  const inner = requireObject(outer.Get, pathOf(path, 'Get'));
  const known = ['TableName', 'Key', 'ProjectionExpression', 'ExpressionAttributeNames'];
  refuseUnknown(inner, known, 'TransactItems.Get');
  // Transactional reads are consistent ones.
  const whole = { ...withLocalName(inner, context.placement), ConsistentRead: true, ReturnConsumedCapacity: 'TOTAL' };
  const request = parseRequest('GetItem', whole);
  const table = context.tables.find(requireString(request.TableName, 'tableName'))?.description;
  if (table === undefined) throw tableNotFound();
  return { table, key: requireObject(request.Key, 'key'), request };
}

async function readAll(members: readonly Member[], context: Context): Promise<JsonObject[]> {
  const answers: JsonObject[] = [];
  for (const [at, { request }] of members.entries()) {
    try {
      answers.push(await runAction('GetItem', new Workspace(context.storage, context.tables), request));
    } catch (error) {
      throw cancelled(members.map((_, other) => (other === at ? reasonOf(error) : NO_REASON)));
    }
  }
  return answers;
}

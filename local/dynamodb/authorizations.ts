/**
 * What IAM is asked about a call (Service Authorization Reference, "Actions, resources, and condition keys for Amazon
 * DynamoDB"). Transactions are asked about member by member, by the action that each member is; batches once per table.
 * Of the condition keys, `dynamodb:Attributes` is not given.
 */
import type { AuthorizationRequest, Json, JsonObject } from '../service.ts';
import { parseRequest } from './engine.ts';
import { unknownOperation, validationError } from './errors.ts';
import { indexKeyValues, keyValues, queriedValues } from './leading-keys.ts';
import { isObject, requireList } from './members.ts';
import { arnOf, localName, withLocalName } from './table-names.ts';
import type { Context, Table } from './tables.ts';

type Scope = Pick<Context, 'tables' | 'placement'>;
type ContextKeys = AuthorizationRequest['context'];

const ON_KEYS: readonly string[] = ['GetItem', 'UpdateItem', 'DeleteItem'];

const ON_TABLE: readonly string[] = [
  'CreateTable',
  'UpdateTable',
  'DeleteTable',
  'DescribeTable',
  'UpdateTimeToLive',
  'DescribeTimeToLive',
  'UpdateContinuousBackups',
  'DescribeContinuousBackups',
];

const ON_RESOURCE: readonly string[] = ['TagResource', 'UntagResource', 'ListTagsOfResource'];

const MEMBER_ACTIONS: Readonly<Record<string, string>> = {
  Get: 'GetItem',
  Put: 'PutItem',
  Update: 'UpdateItem',
  Delete: 'DeleteItem',
  ConditionCheck: 'ConditionCheckItem',
};

/** @throws AwsError for an unknown operation and for a call that names no table. */
export function authorizationsOf(operation: string, input: JsonObject, scope: Scope): AuthorizationRequest[] {
  if (ON_KEYS.includes(operation)) return [onItems(operation, input, [input.Key], scope)];
  if (operation === 'PutItem') return [onItems(operation, input, [input.Item], scope)];
  if (operation === 'Query' || operation === 'Scan') return [onIndex(operation, input, scope)];
  if (operation === 'BatchGetItem' || operation === 'BatchWriteItem') return onBatch(operation, input, scope);
  if (operation === 'TransactWriteItems' || operation === 'TransactGetItems') return onMembers(operation, input, scope);
  if (operation === 'ListTables') return [{ action: 'dynamodb:ListTables', resource: '*', context: {} }];
  if (ON_TABLE.includes(operation)) return onTable(operation, input, scope);
  if (ON_RESOURCE.includes(operation)) {
    return [
      {
        action: `dynamodb:${operation}`,
        resource: named(input.ResourceArn, 'ResourceArn'),
        context: tagKeys(input),
      },
    ];
  }
  throw unknownOperation(operation);
}

function onItems(
  action: string,
  input: JsonObject,
  items: readonly (Json | undefined)[],
  scope: Scope,
): AuthorizationRequest {
  const table = findTable(input.TableName, scope);
  return {
    action: `dynamodb:${action}`,
    resource: arnOf(named(input.TableName, 'TableName'), scope.placement),
    context: { ...leadingKeys(table && keyValues(items, table)), ...parameters(input) },
  };
}

function onIndex(operation: 'Query' | 'Scan', input: JsonObject, scope: Scope): AuthorizationRequest {
  const arn = arnOf(named(input.TableName, 'TableName'), scope.placement);
  const index = input.IndexName;
  const table = findTable(input.TableName, scope);
  return {
    action: `dynamodb:${operation}`,
    resource: typeof index === 'string' ? `${arn}/index/${index}` : arn,
    context: {
      ...(operation === 'Query' && table !== undefined ? leadingKeys(leadingOfQuery(input, table, scope)) : {}),
      ...parameters(input),
    },
  };
}

function leadingOfQuery(input: JsonObject, table: Table, scope: Scope): readonly string[] {
  const request = parseRequest('Query', withLocalName(input, scope.placement));
  const index = input.IndexName;
  return typeof index === 'string'
    ? indexKeyValues(request, table, index)
    : queriedValues(request, table, table.KeySchema);
}

function onBatch(operation: string, input: JsonObject, scope: Scope): AuthorizationRequest[] {
  const byTable = input.RequestItems;
  if (!isObject(byTable) || Object.keys(byTable).length === 0) {
    throw validationError("The parameter 'RequestItems' is required but was not present in the request");
  }
  return Object.entries(byTable).map(([name, requests]) =>
    onItems(operation, { TableName: name }, batchItems(requests), scope),
  );
}

/** The keys and items of one table in a batch, of either kind. */
function batchItems(requests: Json | undefined): (Json | undefined)[] {
  if (isObject(requests)) return Array.isArray(requests.Keys) ? requests.Keys : [];
  if (!Array.isArray(requests)) return [];
  return requests.map((request) => {
    const { PutRequest: put, DeleteRequest: remove } = isObject(request) ? request : {};
    return isObject(put) ? put.Item : isObject(remove) ? remove.Key : undefined;
  });
}

function onMembers(operation: string, input: JsonObject, scope: Scope): AuthorizationRequest[] {
  return requireList(input.TransactItems, 'transactItems').flatMap((entry) =>
    Object.entries(isObject(entry) ? entry : {}).map(([name, member]) => {
      const action = MEMBER_ACTIONS[name];
      if (action === undefined || !isObject(member)) {
        throw validationError('TransactItems can only contain one of Check, Put, Update or Delete');
      }
      const { context, ...question } = onItems(action, member, [member.Key ?? member.Item], scope);
      return { ...question, context: { ...context, 'dynamodb:EnclosingOperation': operation } };
    }),
  );
}

function onTable(operation: string, input: JsonObject, scope: Scope): AuthorizationRequest[] {
  const resource = arnOf(named(input.TableName, 'TableName'), scope.placement);
  const context = tagKeys(input);
  const asked = [{ action: `dynamodb:${operation}`, resource, context }];
  if (operation === 'CreateTable' && Object.keys(context).length > 0) {
    asked.push({ action: 'dynamodb:TagResource', resource, context });
  }
  return asked;
}

function tagKeys(input: JsonObject): ContextKeys {
  const tags = Array.isArray(input.Tags) ? input.Tags.filter(isObject) : [];
  const values = tags.map(({ Key, Value }) => [`aws:RequestTag/${String(Key)}`, String(Value)] as const);
  const removed = Array.isArray(input.TagKeys) ? input.TagKeys : [];
  const keys = [...tags.map(({ Key }) => String(Key)), ...removed.map(String)];
  return keys.length === 0 ? {} : { ...Object.fromEntries(values), 'aws:TagKeys': keys };
}

function parameters(input: JsonObject): ContextKeys {
  const { ReturnValues, Select } = input;
  return {
    ...(typeof ReturnValues === 'string' ? { 'dynamodb:ReturnValues': ReturnValues } : {}),
    ...(typeof Select === 'string' ? { 'dynamodb:Select': Select } : {}),
  };
}

function leadingKeys(values: readonly string[] | undefined): ContextKeys {
  return values === undefined || values.length === 0 ? {} : { 'dynamodb:LeadingKeys': values };
}

function findTable(name: Json | undefined, { tables, placement }: Scope): Table | undefined {
  return tables.find(localName(named(name, 'TableName'), placement))?.description;
}

function named(value: Json | undefined, member: string): string {
  if (typeof value === 'string' && value !== '') return value;
  throw validationError(`The parameter '${member}' is required but was not present in the request`);
}

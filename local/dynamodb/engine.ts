/**
 * The seam to dynalite: its request rules and its actions, typed, without its HTTP server and its storage.
 * Casts from its untyped answers live here and nowhere else.
 */

import batchGetItem from 'dynalite/actions/batchGetItem.js';
import batchWriteItem from 'dynalite/actions/batchWriteItem.js';
import createTable from 'dynalite/actions/createTable.js';
import deleteItem from 'dynalite/actions/deleteItem.js';
import getItem from 'dynalite/actions/getItem.js';
import putItem from 'dynalite/actions/putItem.js';
import query from 'dynalite/actions/query.js';
import scan from 'dynalite/actions/scan.js';
import updateItem from 'dynalite/actions/updateItem.js';
import updateTable from 'dynalite/actions/updateTable.js';
import db from 'dynalite/db/index.js';
import batchGetItemRules from 'dynalite/validations/batchGetItem.js';
import batchWriteItemRules from 'dynalite/validations/batchWriteItem.js';
import createTableRules from 'dynalite/validations/createTable.js';
import deleteItemRules from 'dynalite/validations/deleteItem.js';
import deleteTableRules from 'dynalite/validations/deleteTable.js';
import describeTableRules from 'dynalite/validations/describeTable.js';
import getItemRules from 'dynalite/validations/getItem.js';
import validations from 'dynalite/validations/index.js';
import listTablesRules from 'dynalite/validations/listTables.js';
import listTagsOfResourceRules from 'dynalite/validations/listTagsOfResource.js';
import putItemRules from 'dynalite/validations/putItem.js';
import queryRules from 'dynalite/validations/query.js';
import scanRules from 'dynalite/validations/scan.js';
import tagResourceRules from 'dynalite/validations/tagResource.js';
import untagResourceRules from 'dynalite/validations/untagResource.js';
import updateItemRules from 'dynalite/validations/updateItem.js';
import updateTableRules from 'dynalite/validations/updateTable.js';
import type { JsonObject, Placement } from '../service.ts';
import { toAwsError } from './errors.ts';
import { MAX_ITEM_BYTES } from './item-limits.ts';
import { refuseUnknown } from './members.ts';
import type { Table } from './tables.ts';
import type { Workspace } from './workspace.ts';

const RULES = {
  BatchGetItem: batchGetItemRules,
  BatchWriteItem: batchWriteItemRules,
  CreateTable: createTableRules,
  DeleteItem: deleteItemRules,
  DeleteTable: deleteTableRules,
  DescribeTable: describeTableRules,
  GetItem: getItemRules,
  ListTables: listTablesRules,
  ListTagsOfResource: listTagsOfResourceRules,
  PutItem: putItemRules,
  Query: queryRules,
  Scan: scanRules,
  TagResource: tagResourceRules,
  UntagResource: untagResourceRules,
  UpdateItem: updateItemRules,
  UpdateTable: updateTableRules,
};

const ITEM_ACTIONS = {
  BatchGetItem: batchGetItem,
  BatchWriteItem: batchWriteItem,
  DeleteItem: deleteItem,
  GetItem: getItem,
  PutItem: putItem,
  Query: query,
  Scan: scan,
  UpdateItem: updateItem,
};

const TABLE_ACTIONS = { CreateTable: createTable, UpdateTable: updateTable };

export type ItemOperation = keyof typeof ITEM_ACTIONS;

/** What the rules look up in dynalite's store: limits, and an account for an error that we never let out. */
const RULE_STORE = { options: { maxItemSize: MAX_ITEM_BYTES }, tableDb: { awsAccountId: '' } };

/**
 * Checks a request by DynamoDB's rules and parses its expressions. The result serves one action only: actions change it.
 * @throws AwsError ValidationException or SerializationException
 */
export function parseRequest(operation: keyof typeof RULES, input: JsonObject): JsonObject {
  const { types, custom } = RULES[operation];
  refuseUnknown(input, Object.keys(types), operation);
  try {
    const request = validations.checkTypes({ ...input }, types);
    validations.checkValidations(request, types, custom, RULE_STORE);
    return request as JsonObject;
  } catch (error) {
    throw toAwsError(error);
  }
}

/** Runs an action on items; what it would write is in `workspace.changes` afterwards. */
export function runAction(operation: ItemOperation, workspace: Workspace, request: JsonObject): Promise<JsonObject> {
  return new Promise((resolve, reject) => {
    workspace.start(
      (done) => ITEM_ACTIONS[operation](workspace, request, done),
      (error, answer) => {
        if (error === null || error === undefined) resolve(answer as JsonObject);
        else reject(toAwsError(error));
      },
    );
  });
}

/** The description that the table has once it is ACTIVE. `existing` is the table to update. */
export function runTableAction(
  operation: keyof typeof TABLE_ACTIONS,
  request: JsonObject,
  placement: Placement,
  existing?: Table,
): Promise<JsonObject> {
  return new Promise((resolve, reject) => {
    let writes = 0;
    const tableDb = {
      awsRegion: placement.region,
      awsAccountId: placement.account,
      lock: (_key: string, held: (release: <Callback>(callback: Callback) => Callback) => void) => held((done) => done),
      get: (_key: string, done: (error: null, table?: Table) => void) => done(null),
      // The action stores the table twice: in transition, and on a later turn of the event loop as ACTIVE.
      put: (_key: string, table: JsonObject, done: (error: null) => void) => {
        writes += 1;
        if (writes === 2) resolve(table);
        done(null);
      },
    };
    const store = {
      options: { createTableMs: 0, updateTableMs: 0 },
      tableDb,
      getTable: (_name: string, _check: boolean, done: (error: null, table?: Table) => void) =>
        done(null, structuredClone(existing)),
    };
    try {
      TABLE_ACTIONS[operation](store, request, (error) => error && reject(toAwsError(error)));
    } catch (error) {
      reject(toAwsError(error));
    }
  });
}

/** Says how a key does not fit the table, or nothing. */
export function findKeyError(key: JsonObject, table: Table): Error | undefined {
  return orUndefined(db.validateKey(key, table));
}

/** Says how an item's key attributes do not fit the table or its indexes, or nothing. */
export function findItemError(item: JsonObject, table: Table): Error | undefined {
  return orUndefined(db.validateItem(item, table));
}

/** The place of an item in its table; takes a key or a whole item that was found in order. */
export function storageKey(item: JsonObject, table: Table): string {
  return db.createKey(item, table);
}

function orUndefined(error: Error | null | undefined): Error | undefined {
  return error === null || error === undefined ? undefined : toAwsError(error);
}

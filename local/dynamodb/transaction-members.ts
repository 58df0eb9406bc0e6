/**
 * What the two kinds of transaction share: the list of members, one item at most once, and the cancellation with its reasons.
 */
import type { AwsError, Json, JsonObject } from '../service.ts';
import { findKeyError, storageKey } from './engine.ts';
import { constraintError, errorName, serviceError, toAwsError, validationError } from './errors.ts';
import { requireList } from './members.ts';
import type { Table } from './tables.ts';

const MAX_MEMBERS = 100;

/** One entry of `CancellationReasons`. */
export type Reason = JsonObject & { readonly Code: string };

export const NO_REASON: Reason = { Code: 'None' };

/** The members of the transaction, 1 to 100. */
export function transactItems(value: Json | undefined): readonly Json[] {
  const items = requireList(value, 'transactItems');
  if (items.length === 0)
    throw constraintError('[]', 'transactItems', 'Member must have length greater than or equal to 1');
  if (items.length > MAX_MEMBERS) {
    const constraint = `Member must have length less than or equal to ${MAX_MEMBERS}`;
    throw constraintError(JSON.stringify(items), 'transactItems', constraint);
  }
  return items;
}

export function cancelled(reasons: readonly Reason[]): AwsError {
  const codes = reasons.map((reason) => reason.Code).join(', ');
  return serviceError(
    'TransactionCanceledException',
    `Transaction cancelled, please refer cancellation reasons for specific reasons [${codes}]`,
    { CancellationReasons: [...reasons] },
  );
}

/**
 * The reason for which one member fails.
 * @throws what is no failure of the member but of the whole request, or of the engine.
 */
export function reasonOf(error: unknown, item?: JsonObject): Reason {
  const failure = toAwsError(error);
  const Message = failure.message;
  switch (errorName(failure)) {
    case 'ConditionalCheckFailedException':
      return item === undefined
        ? { Code: 'ConditionalCheckFailed', Message }
        : { Code: 'ConditionalCheckFailed', Message, Item: item };
    case 'ValidationException':
      if (/cannot contain an empty/.test(Message)) throw failure;
      return { Code: 'ValidationError', Message };
    default:
      throw failure;
  }
}

/** A member, as far as it concerns which item it is about. */
export interface Target {
  readonly table: Table;
  readonly key: JsonObject;
  /** How the key does not fit the table, when found by other rules than those of a lookup. */
  readonly misfit?: Error | undefined;
}

/**
 * Keys are checked in order and before anything else: the first misfit cancels the transaction with its reason alone.
 * @throws AwsError TransactionCanceledException, or ValidationException for two members about one item.
 */
export function checkTargets(targets: readonly Target[]): void {
  const seen = new Set<string>();
  for (const [at, { table, key, misfit }] of targets.entries()) {
    const error = misfit ?? findKeyError(key, table);
    if (error !== undefined) throw cancelled(targets.map((_, other) => (other === at ? reasonOf(error) : NO_REASON)));
  }
  for (const { table, key } of targets) seen.add(`${table.TableName}~${storageKey(key, table)}`);
  if (seen.size < targets.length) {
    throw validationError('Transaction request cannot include multiple operations on one item');
  }
}

/** Adds up what the members consumed; a transaction costs twice (Developer Guide, "Transaction capacity"). */
export function consumedCapacity(
  kind: 'read' | 'write',
  answers: readonly JsonObject[],
  detail: string | undefined,
): JsonObject {
  if (detail === undefined || detail === 'NONE') return {};
  const units = new Map<string, number>();
  for (const { ConsumedCapacity: consumed } of answers) {
    const { TableName: table, CapacityUnits: single } = consumed as { TableName: string; CapacityUnits: number };
    units.set(table, (units.get(table) ?? 0) + 2 * single);
  }
  const member = kind === 'read' ? 'ReadCapacityUnits' : 'WriteCapacityUnits';
  const ConsumedCapacity = [...units].map(([TableName, total]) => {
    const sums = { CapacityUnits: total, [member]: total };
    return detail === 'INDEXES' ? { TableName, ...sums, Table: sums } : { TableName, ...sums };
  });
  return { ConsumedCapacity };
}

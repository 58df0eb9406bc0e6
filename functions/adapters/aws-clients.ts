/**
 * The AWS SDK clients, with the time limits that keep a hanging service from taking a function's whole time: a request
 * waits at most twice `REQUEST_TIMEOUT_MS` and then is an outage, well within the functions' own time limit.
 */

import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { KMSClient } from '@aws-sdk/client-kms';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { Outage } from '../ports.ts';

/** In-region calls take some 10 ms; a second is a hundred of these, and a cold TLS connection fits too. */
const REQUEST_TIMEOUT_MS = 1_000;

const limits = () => ({
  maxAttempts: 2,
  requestHandler: {
    connectionTimeout: REQUEST_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    // Without this the SDK only logs a warning when the time is over.
    throwOnRequestTimeout: true,
  },
});

export const kmsClient = (): KMSClient => new KMSClient(limits());

export const documentClient = (): DynamoDBDocumentClient =>
  DynamoDBDocumentClient.from(new DynamoDBClient(limits()), { marshallOptions: { removeUndefinedValues: true } });

/** Runs one AWS call; whatever it throws is an outage of that operation. */
export const callAws = async <Answer>(operation: string, call: () => Promise<Answer>): Promise<Answer> => {
  try {
    return await call();
  } catch (error) {
    throw new Outage(operation, error);
  }
};

/** Whether AWS answered with one of these errors, by name. */
export const isAwsError = (error: unknown, ...names: readonly string[]): boolean =>
  error instanceof Error && names.includes(error.name);

/** As `callAws`, for a write whose condition may fail: then `conflict`. */
export const writeIf = async (operation: string, call: () => Promise<unknown>): Promise<'saved' | 'conflict'> => {
  try {
    await call();
    return 'saved';
  } catch (error) {
    if (isConditionFailure(error)) return 'conflict';
    throw new Outage(operation, error);
  }
};

/** A condition that did not hold, of a single write or of one in a transaction. */
const isConditionFailure = (error: unknown): boolean =>
  isAwsError(error, 'ConditionalCheckFailedException') ||
  cancellationCodes(error).some((code) => code === 'ConditionalCheckFailed' || code === 'TransactionConflict');

/** Why a transaction was cancelled, write by write; none for any other error. */
export const cancellationCodes = (error: unknown): readonly (string | undefined)[] => {
  if (!isAwsError(error, 'TransactionCanceledException')) return [];
  const { CancellationReasons: reasons = [] } = error as { CancellationReasons?: readonly { Code?: string }[] };
  return reasons.map(({ Code: code }) => code);
};

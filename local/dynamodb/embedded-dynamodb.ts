/**
 * DynamoDB inside this process: dynalite's parsers and actions over a LevelDB, completed with transactions, time to live
 * and the settings that the deployment uses. Knows nothing of HTTP and decides nothing about permissions.
 */
import type { AuthorizationRequest, Clock, EmbeddedService, JsonObject, Placement } from '../service.ts';
import { authorizationsOf } from './authorizations.ts';
import { describeContinuousBackups, updateContinuousBackups } from './continuous-backups.ts';
import { toAwsError, unknownOperation } from './errors.ts';
import { batchGet, batchWrite, read, write } from './item-operations.ts';
import { RequestTokens } from './request-tokens.ts';
import { Storage, unusable } from './storage.ts';
import { createTable, deleteTable, describeTable, listTables, updateTable } from './table-operations.ts';
import { type Context, Tables } from './tables.ts';
import { listTags, tagResource, untagResource } from './tags.ts';
import { describeTimeToLive, sweep, updateTimeToLive } from './time-to-live.ts';
import { transactGet } from './transact-get.ts';
import { transactWrite } from './transact-write.ts';
import { Turnstile } from './turnstile.ts';

export interface EmbeddedDynamoDbOptions {
  readonly placement: Placement;
  readonly clock: Clock;
  /** Where the tables live from run to run; in memory when absent. Created if need be, held by one process at a time. */
  readonly directory?: string;
}

type Operation = (input: JsonObject, context: Context, tokens: RequestTokens) => JsonObject | Promise<JsonObject>;

const OPERATIONS: ReadonlyMap<string, Operation> = new Map<string, Operation>([
  ['GetItem', (input, context) => read('GetItem', input, context)],
  ['Query', (input, context) => read('Query', input, context)],
  ['Scan', (input, context) => read('Scan', input, context)],
  ['PutItem', (input, context) => write('PutItem', input, context)],
  ['UpdateItem', (input, context) => write('UpdateItem', input, context)],
  ['DeleteItem', (input, context) => write('DeleteItem', input, context)],
  ['BatchGetItem', batchGet],
  ['BatchWriteItem', batchWrite],
  ['TransactGetItems', transactGet],
  ['TransactWriteItems', transactWrite],
  ['CreateTable', createTable],
  ['UpdateTable', updateTable],
  ['DeleteTable', deleteTable],
  ['DescribeTable', describeTable],
  ['ListTables', listTables],
  ['UpdateTimeToLive', updateTimeToLive],
  ['DescribeTimeToLive', describeTimeToLive],
  ['UpdateContinuousBackups', updateContinuousBackups],
  ['DescribeContinuousBackups', describeContinuousBackups],
  ['TagResource', tagResource],
  ['UntagResource', untagResource],
  ['ListTagsOfResource', listTags],
]);

export class EmbeddedDynamoDb implements EmbeddedService {
  readonly name = 'dynamodb';
  readonly targetPrefix = 'DynamoDB_20120810';
  readonly contentType = 'application/x-amz-json-1.0';

  readonly #context: Context;
  readonly #tokens: RequestTokens;
  #closed: Promise<void> | undefined;

  private constructor(context: Context, tokens: RequestTokens) {
    this.#context = context;
    this.#tokens = tokens;
  }

  /** @throws Error one line, when the directory cannot be used or another process holds it. */
  static async open({ placement, clock, directory }: EmbeddedDynamoDbOptions): Promise<EmbeddedDynamoDb> {
    const storage = await Storage.open(directory);
    try {
      const tables = await Tables.load(storage);
      const tokens = await RequestTokens.load(storage);
      return new EmbeddedDynamoDb({ storage, tables, turnstile: new Turnstile(), placement, clock }, tokens);
    } catch (error) {
      await storage.close();
      throw unusable(directory, error);
    }
  }

  get placement(): Placement {
    return this.#context.placement;
  }

  authorizations(operation: string, input: JsonObject): readonly AuthorizationRequest[] {
    return authorizationsOf(operation, input, this.#context);
  }

  /** @throws AwsError for everything DynamoDB answers with an error; what nobody foresaw as InternalServerError. */
  async call(operation: string, input: JsonObject): Promise<JsonObject> {
    const run = OPERATIONS.get(operation);
    if (run === undefined) throw unknownOperation(operation);
    try {
      return await run(input, this.#context, this.#tokens);
    } catch (error) {
      throw toAwsError(error);
    }
  }

  /** Deletes the items whose time to live is over by the clock, and says how many. Nothing else ever deletes them. */
  sweep(): Promise<number> {
    return sweep(this.#context);
  }

  /** Lets the writes under way finish first. */
  close(): Promise<void> {
    this.#closed ??= this.#context.turnstile.pass(() => this.#context.storage.close());
    return this.#closed;
  }
}

/**
 * An embedded DynamoDB behind the real SDK: the request handler hands the wire's JSON to the engine and its answer back,
 * so that everything but the socket is what a function has.
 */
import { type CreateTableCommandInput, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { EmbeddedDynamoDb } from '../../../local/dynamodb/embedded-dynamodb.ts';
import { AwsError, type JsonObject } from '../../../local/service.ts';

export const PLACEMENT = { region: 'eu-central-1', account: '123456789012' };

/** Epoch milliseconds at which every test begins. */
export const START = Date.UTC(2026, 0, 1);

export interface World {
  readonly database: EmbeddedDynamoDb;
  readonly client: DynamoDBClient;
  readonly documents: DynamoDBDocumentClient;
  /** Moves the clock. */
  advance(milliseconds: number): void;
}

export async function openWorld(options: { directory?: string } = {}): Promise<World> {
  let now = START;
  const database = await EmbeddedDynamoDb.open({ placement: PLACEMENT, clock: () => now, ...options });
  const client = new DynamoDBClient({
    region: PLACEMENT.region,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    maxAttempts: 1,
    requestHandler: { handle: (request: WireRequest) => handle(database, request) },
  });
  return {
    database,
    client,
    documents: DynamoDBDocumentClient.from(client),
    advance: (milliseconds) => {
      now += milliseconds;
    },
  };
}

interface WireRequest {
  readonly headers: Record<string, string>;
  readonly body?: string | Uint8Array;
}

async function handle(database: EmbeddedDynamoDb, { headers, body = '' }: WireRequest) {
  const text = typeof body === 'string' ? body : new TextDecoder().decode(body);
  const [prefix, operation = ''] = (headers['x-amz-target'] ?? '').split('.');
  if (prefix !== database.targetPrefix) throw new Error(`unexpected target ${prefix}`);
  return { response: await answer(database, operation, JSON.parse(text)) };
}

async function answer(database: EmbeddedDynamoDb, operation: string, input: JsonObject) {
  try {
    return response(200, await database.call(operation, input), database.contentType);
  } catch (error) {
    if (!(error instanceof AwsError)) throw error;
    const body = { __type: error.type, message: error.message, ...error.members };
    return response(error.status, body, database.contentType);
  }
}

function response(statusCode: number, body: JsonObject, contentType: string) {
  return { statusCode, headers: { 'content-type': contentType }, body: new TextEncoder().encode(JSON.stringify(body)) };
}

/** Partition `pk`, sort `sk`, and the index `listing` on `listing` and `listingSort`; on demand. */
export function tableInput(name: string): CreateTableCommandInput {
  return {
    TableName: name,
    BillingMode: 'PAY_PER_REQUEST',
    AttributeDefinitions: ['pk', 'sk', 'listing', 'listingSort'].map((AttributeName) => ({
      AttributeName,
      AttributeType: 'S',
    })),
    KeySchema: [
      { AttributeName: 'pk', KeyType: 'HASH' },
      { AttributeName: 'sk', KeyType: 'RANGE' },
    ],
    GlobalSecondaryIndexes: [
      {
        IndexName: 'listing',
        KeySchema: [
          { AttributeName: 'listing', KeyType: 'HASH' },
          { AttributeName: 'listingSort', KeyType: 'RANGE' },
        ],
        Projection: { ProjectionType: 'ALL' },
      },
    ],
  };
}

/**
 * KMS and DynamoDB with the two tables in this process, with a clock of the test's, behind the real SDK: everything but the
 * socket is as deployed. Every call is on record, and a test may answer one in AWS's place.
 */

import { CreateTableCommand, DynamoDBClient, UpdateTimeToLiveCommand } from '@aws-sdk/client-dynamodb';
import { KMSClient } from '@aws-sdk/client-kms';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { KEY_ATTRIBUTES, REGISTRY_INDEX } from '../../functions/config.ts';
import { EmbeddedDynamoDb } from '../../local/dynamodb/embedded-dynamodb.ts';
import { EmbeddedKms } from '../../local/kms/embedded-kms.ts';
import { AwsError, type Clock, type EmbeddedService, type JsonObject } from '../../local/service.ts';

const PLACEMENT = { region: 'eu-central-1', account: '111122223333' };
export const TABLE = 'registry';
export const EPHEMERA = 'ephemera';

/** Leaves every decision to IAM. */
export const KEY_POLICY = JSON.stringify({
  Version: '2012-10-17',
  Statement: {
    ...{ Effect: 'Allow', Action: 'kms:*', Resource: '*' },
    Principal: { AWS: `arn:aws:iam::${PLACEMENT.account}:root` },
  },
});

export interface EmbeddedAws extends AsyncDisposable {
  readonly kms: KMSClient;
  readonly documents: DynamoDBDocumentClient;
  /** Operations that were called, in order, since the tables are there. */
  readonly calls: string[];
  /** Deletes what is expired, as DynamoDB does some day. */
  sweep(): Promise<number>;
}

export interface EmbeddedAwsOptions {
  /** Whether the answer to this call is lost, after the call was done. */
  readonly losesAnswer?: (operation: string) => boolean;
  /** Called before each call; may wait. What it gives is the answer, and the call is not done. */
  readonly intercept?: (operation: string, input: JsonObject) => Promise<AwsError | undefined> | AwsError | undefined;
}

const key = (name: string, type: 'HASH' | 'RANGE') => ({ AttributeName: name, KeyType: type });

const createTables = async (client: DynamoDBClient): Promise<void> => {
  const { partition, sort, listingPartition, listingSort } = KEY_ATTRIBUTES;
  const texts = (names: readonly string[]) =>
    names.map((name) => ({ AttributeName: name, AttributeType: 'S' as const }));
  await client.send(
    new CreateTableCommand({
      TableName: TABLE,
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: texts([partition, sort, listingPartition, listingSort]),
      KeySchema: [key(partition, 'HASH'), key(sort, 'RANGE')],
      GlobalSecondaryIndexes: [
        {
          IndexName: REGISTRY_INDEX,
          KeySchema: [key(listingPartition, 'HASH'), key(listingSort, 'RANGE')],
          Projection: { ProjectionType: 'ALL' },
        },
      ],
    }),
  );
  await client.send(
    new CreateTableCommand({
      TableName: EPHEMERA,
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: texts([partition]),
      KeySchema: [key(partition, 'HASH')],
    }),
  );
  await client.send(
    new UpdateTimeToLiveCommand({
      TableName: EPHEMERA,
      TimeToLiveSpecification: { AttributeName: KEY_ATTRIBUTES.expiresAt, Enabled: true },
    }),
  );
};

export const openAws = async (clock: Clock, options: EmbeddedAwsOptions = {}): Promise<EmbeddedAws> => {
  const kms = new EmbeddedKms({ placement: PLACEMENT, clock });
  const dynamodb = await EmbeddedDynamoDb.open({ placement: PLACEMENT, clock });
  const calls: string[] = [];
  let isObserved = false;
  const handle = (service: EmbeddedService) => (request: WireRequest) =>
    answer(service, request, isObserved ? { ...options, calls } : { calls: [] });
  const clientOptions = (service: EmbeddedService) => ({
    region: PLACEMENT.region,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    maxAttempts: 1,
    requestHandler: { handle: handle(service) },
  });
  const client = new DynamoDBClient(clientOptions(dynamodb));
  await createTables(client);
  isObserved = true;
  return {
    kms: new KMSClient(clientOptions(kms)),
    documents: DynamoDBDocumentClient.from(client, { marshallOptions: { removeUndefinedValues: true } }),
    calls,
    sweep: () => dynamodb.sweep(),
    [Symbol.asyncDispose]: async () => {
      await kms.close();
      await dynamodb.close();
    },
  };
};

interface WireRequest {
  readonly headers: Record<string, string>;
  readonly body?: string | Uint8Array;
}

const answer = async (
  service: EmbeddedService,
  { headers, body }: WireRequest,
  { losesAnswer, intercept, calls }: EmbeddedAwsOptions & { readonly calls: string[] },
) => {
  const operation = (headers['x-amz-target'] ?? '').split('.')[1] ?? '';
  const text = typeof body === 'string' ? body : new TextDecoder().decode(body);
  const input = JSON.parse(text) as JsonObject;
  calls.push(operation);
  const error = await intercept?.(operation, input);
  const { status, content } = error === undefined ? await perform(service, operation, input) : refusal(error);
  if (losesAnswer?.(operation) === true) throw new Error('socket hang up');
  const bytes = new TextEncoder().encode(JSON.stringify(content));
  return { response: { statusCode: status, headers: { 'content-type': service.contentType }, body: bytes } };
};

const perform = async (service: EmbeddedService, operation: string, input: JsonObject) => {
  try {
    return { status: 200, content: await service.call(operation, input) };
  } catch (error) {
    if (!(error instanceof AwsError)) throw error;
    return refusal(error);
  }
};

const refusal = ({ type, message, status, members }: AwsError) => ({
  status,
  content: { __type: type, message, ...members },
});

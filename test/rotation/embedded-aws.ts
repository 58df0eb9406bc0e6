/** KMS and DynamoDB in this process, with a clock of the test's, behind the real SDK: everything but the socket is as deployed. */

import { CreateTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { KMSClient } from '@aws-sdk/client-kms';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { KEY_ATTRIBUTES } from '../../functions/config.ts';
import { EmbeddedDynamoDb } from '../../local/dynamodb/embedded-dynamodb.ts';
import { EmbeddedKms } from '../../local/kms/embedded-kms.ts';
import { AwsError, type Clock, type EmbeddedService, type JsonObject } from '../../local/service.ts';

const PLACEMENT = { region: 'eu-central-1', account: '111122223333' };
export const TABLE = 'registry';

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
}

/** @param losesAnswer whether the answer to this call is lost, after the call was done. */
export const openAws = async (
  clock: Clock,
  losesAnswer: (operation: string) => boolean = () => false,
): Promise<EmbeddedAws> => {
  const kms = new EmbeddedKms({ placement: PLACEMENT, clock });
  const dynamodb = await EmbeddedDynamoDb.open({ placement: PLACEMENT, clock });
  const options = (service: EmbeddedService) => ({
    region: PLACEMENT.region,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    maxAttempts: 1,
    requestHandler: { handle: (request: WireRequest) => answer(service, request, losesAnswer) },
  });
  const client = new DynamoDBClient(options(dynamodb));
  const key = (name: string, type: 'HASH' | 'RANGE') => ({ AttributeName: name, KeyType: type });
  const { partition, sort } = KEY_ATTRIBUTES;
  await client.send(
    new CreateTableCommand({
      TableName: TABLE,
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: [partition, sort].map((name) => ({ AttributeName: name, AttributeType: 'S' })),
      KeySchema: [key(partition, 'HASH'), key(sort, 'RANGE')],
    }),
  );
  return {
    kms: new KMSClient(options(kms)),
    documents: DynamoDBDocumentClient.from(client, { marshallOptions: { removeUndefinedValues: true } }),
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
  losesAnswer: (operation: string) => boolean,
) => {
  const operation = (headers['x-amz-target'] ?? '').split('.')[1] ?? '';
  const text = typeof body === 'string' ? body : new TextDecoder().decode(body);
  const { status, content } = await perform(service, operation, JSON.parse(text) as JsonObject);
  if (losesAnswer(operation)) throw new Error('socket hang up');
  const bytes = new TextEncoder().encode(JSON.stringify(content));
  return { response: { statusCode: status, headers: { 'content-type': service.contentType }, body: bytes } };
};

const perform = async (service: EmbeddedService, operation: string, input: JsonObject) => {
  try {
    return { status: 200, content: await service.call(operation, input) };
  } catch (error) {
    if (!(error instanceof AwsError)) throw error;
    return { status: error.status, content: { __type: error.type, message: error.message, ...error.members } };
  }
};

/**
 * A running AWS endpoint with two tiny services, one role and real SDK clients that call as that role.
 */
import { request as httpRequest } from 'node:http';
import { text } from 'node:stream/consumers';
import { DynamoDBClient, GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { KMSClient, SignCommand } from '@aws-sdk/client-kms';
import { afterEach } from 'vitest';
import { type AwsCallRecord, AwsEndpoint, type AwsEndpointOptions } from '../../local/aws-endpoint.ts';
import { CredentialStore } from '../../local/iam/credentials.ts';
import { parsePolicy } from '../../local/iam/policy.ts';
import { AwsError, type EmbeddedService, type JsonObject } from '../../local/service.ts';

const REGION = 'eu-central-1';
const ACCOUNT = '123456789012';
export const SESSION = `arn:aws:sts::${ACCOUNT}:assumed-role/token/run`;
export const KEY = `arn:aws:kms:${REGION}:${ACCOUNT}:key/1`;
export const TABLE = `arn:aws:dynamodb:${REGION}:${ACCOUNT}:table/t`;
const KEY_POLICY: JsonObject = {
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Principal: { AWS: `arn:aws:iam::${ACCOUNT}:root` }, Action: 'kms:*', Resource: '*' }],
};

/** One key that "signs" with a fixed byte. */
function fakeKms(): EmbeddedService {
  return {
    name: 'kms',
    targetPrefix: 'TrentService',
    contentType: 'application/x-amz-json-1.1',
    authorizations: (operation, input) => {
      if (input.KeyId !== '1') throw new AwsError('NotFoundException', `Key '${String(input.KeyId)}' does not exist`);
      const context = { 'kms:SigningAlgorithm': String(input.SigningAlgorithm) };
      return [{ action: `kms:${operation}`, resource: KEY, context, resourcePolicy: KEY_POLICY }];
    },
    call: async () => ({ KeyId: KEY, Signature: 'AQ==' }),
    close: async () => {},
  };
}

/** One table of one item; a put asks IAM twice, as a transaction does. */
export function fakeDynamoDb(store: { item?: JsonObject } = {}): EmbeddedService {
  return {
    name: 'dynamodb',
    targetPrefix: 'DynamoDB_20120810',
    contentType: 'application/x-amz-json-1.0',
    authorizations: (operation) => {
      if (operation === 'ListTables') return [];
      const asked = operation === 'PutItem' ? ['PutItem', 'ConditionCheckItem'] : [operation];
      return asked.map((action) => ({ action: `dynamodb:${action}`, resource: TABLE, context: {} }));
    },
    call: async (operation, input) => {
      if (input.TableName === 'broken') throw new TypeError('secret detail');
      if (input.TableName !== 't') {
        throw new AwsError(
          'com.amazonaws.dynamodb.v20120810#ResourceNotFoundException',
          'Requested resource not found',
        );
      }
      if (operation === 'GetItem') return store.item === undefined ? {} : { Item: store.item };
      store.item = input.Item as JsonObject;
      return {};
    },
    close: async () => {},
  };
}

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((endpoint) => endpoint.close()));
});

export async function start(actions: readonly string[], options: Partial<AwsEndpointOptions> = {}) {
  const principals = new CredentialStore();
  const Statement = { Effect: 'Allow', Action: [...actions], Resource: '*' };
  const roleArn = `arn:aws:iam::${ACCOUNT}:role/token`;
  const principal = { arn: SESSION, roleArn, account: ACCOUNT, policies: [parsePolicy({ Statement }, 'p')] };
  const credentials = principals.register(principal);
  const calls: AwsCallRecord[] = [];
  const endpoint = new AwsEndpoint({
    services: [fakeKms(), fakeDynamoDb()],
    principals,
    clock: Date.now,
    region: REGION,
    observe: (call) => calls.push(call),
    ...options,
  });
  open.push(endpoint);
  const url = await endpoint.listen();
  const config = { endpoint: url.href, region: REGION, credentials, maxAttempts: 1 };
  return { endpoint, url, calls, config, kms: new KMSClient(config), dynamoDb: new DynamoDBClient(config) };
}

export const sign = (KeyId = '1') =>
  new SignCommand({ KeyId, Message: Buffer.of(1), SigningAlgorithm: 'RSASSA_PKCS1_V1_5_SHA_256' });
export const get = (TableName = 't') => new GetItemCommand({ TableName, Key: { pk: { S: 'a' } } });
export const put = new PutItemCommand({ TableName: 't', Item: { pk: { S: 'a' } } });

/** What the SDK made of a failed call. */
export async function failure(call: Promise<unknown>): Promise<Error> {
  return call.then(
    () => {
      throw new Error('the call succeeded');
    },
    (error: Error) => error,
  );
}

export interface Raw {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
}

export async function raw(url: URL, { method = 'POST', path = '/', headers = {}, body = '{}' }: Raw) {
  const request = httpRequest(new URL(path, url), { method, headers });
  const { promise, resolve, reject } = Promise.withResolvers<{
    status: number | undefined;
    type: unknown;
    body: unknown;
  }>();
  request.on('error', reject);
  request.on('response', async (response) => {
    const type = response.headers['content-type'];
    resolve({ status: response.statusCode, type, body: JSON.parse(await text(response)) });
  });
  request.end(body);
  return promise;
}

export type Started = Awaited<ReturnType<typeof start>>;

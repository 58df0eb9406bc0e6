import { ListTablesCommand, ResourceNotFoundException } from '@aws-sdk/client-dynamodb';
import { KMSClient, NotFoundException } from '@aws-sdk/client-kms';
import { describe, expect, it } from 'vitest';
import { AwsError, type JsonObject } from '../../local/service.ts';
import {
  failure,
  fakeDynamoDb,
  get,
  KEY,
  put,
  type Raw,
  raw,
  SESSION,
  type Started,
  sign,
  start,
  TABLE,
} from './aws-endpoint-world.ts';

const INTERNAL = 'The request processing has failed because of an unknown error, exception or failure.';

describe('a call that IAM allows', () => {
  it('reaches its service and comes back to the KMS client', async () => {
    const { kms } = await start(['kms:Sign']);
    const output = await kms.send(sign());
    expect(output).toMatchObject({ KeyId: KEY, Signature: Uint8Array.of(1) });
    expect(output.$metadata).toMatchObject({
      httpStatusCode: 200,
      requestId: expect.stringMatching(/^[0-9a-f-]{36}$/),
    });
  });

  it('reaches its service and comes back to the DynamoDB client', async () => {
    const { dynamoDb } = await start(['dynamodb:*']);
    await dynamoDb.send(put);
    expect((await dynamoDb.send(get())).Item).toEqual({ pk: { S: 'a' } });
  });

  it('is observed with its service, operation, principal and time', async () => {
    const { kms, dynamoDb, calls } = await start(['kms:Sign', 'dynamodb:GetItem']);
    await kms.send(sign());
    await dynamoDb.send(get());
    expect(calls).toMatchObject([
      { service: 'kms', operation: 'Sign', principal: SESSION, outcome: 'ok' },
      { service: 'dynamodb', operation: 'GetItem', principal: SESSION, outcome: 'ok' },
    ]);
    for (const { startedAt, endedAt } of calls) expect(endedAt).toBeGreaterThanOrEqual(startedAt);
    expect(calls[1]?.startedAt).toBeGreaterThanOrEqual(Number(calls[0]?.endedAt));
  });

  it('is observed to overlap with another that runs at the same time', async () => {
    const both = Promise.withResolvers<void>();
    let arrived = 0;
    const intercept = async () => {
      arrived += 1;
      if (arrived === 2) both.resolve();
      await both.promise;
      return 'pass' as const;
    };
    const { kms, dynamoDb, calls } = await start(['kms:Sign', 'dynamodb:GetItem'], { intercept });
    await Promise.all([kms.send(sign()), dynamoDb.send(get())]);
    const lastStart = Math.max(...calls.map((call) => call.startedAt));
    expect(lastStart).toBeLessThan(Math.min(...calls.map((call) => call.endedAt)));
  });
});

describe('a call that IAM does not allow', () => {
  it('is AccessDeniedException with the action, the resource and the reason', async () => {
    const { kms, calls } = await start(['kms:Verify']);
    expect(await failure(kms.send(sign()))).toMatchObject({
      name: 'AccessDeniedException',
      message: `User: ${SESSION} is not authorized to perform: kms:Sign on resource: ${KEY} because no identity-based policy allows the kms:Sign action`,
      $metadata: { httpStatusCode: 400 },
    });
    expect(calls).toMatchObject([{ principal: SESSION, outcome: 'AccessDeniedException' }]);
  });

  it('is refused when one of several questions is answered with no, and has no effect', async () => {
    const store: { item?: JsonObject } = {};
    const { dynamoDb } = await start(['dynamodb:PutItem'], { services: [fakeDynamoDb(store)] });
    expect(await failure(dynamoDb.send(put))).toMatchObject({
      name: 'AccessDeniedException',
      message: expect.stringContaining(`dynamodb:ConditionCheckItem on resource: ${TABLE}`),
    });
    expect(store).toEqual({});
  });

  it('never gets as far as an interception', async () => {
    const { kms } = await start(['logs:*'], {
      intercept: () => new AwsError('KMSInternalException', 'x', { status: 500 }),
    });
    expect(await failure(kms.send(sign()))).toMatchObject({ name: 'AccessDeniedException' });
  });
});

describe('a call that nobody may be trusted with', () => {
  it('is refused when its credentials are not known', async () => {
    const { config, calls } = await start(['kms:*']);
    const stranger = new KMSClient({
      ...config,
      credentials: { accessKeyId: 'ASIAX', secretAccessKey: 'x', sessionToken: 'x' },
    });
    expect(await failure(stranger.send(sign()))).toMatchObject({ name: 'UnrecognizedClientException' });
    expect(calls).toMatchObject([
      { service: 'kms', operation: 'Sign', principal: undefined, outcome: 'UnrecognizedClientException' },
    ]);
  });

  it('is refused when its secret is wrong', async () => {
    const { config } = await start(['kms:*']);
    const forger = new KMSClient({ ...config, credentials: { ...config.credentials, secretAccessKey: 'x' } });
    expect(await failure(forger.send(sign()))).toMatchObject({ name: 'InvalidSignatureException' });
  });

  it('is refused when it is signed for another region', async () => {
    const { config } = await start(['kms:*']);
    const abroad = new KMSClient({ ...config, region: 'us-east-1' });
    expect(await failure(abroad.send(sign()))).toMatchObject({ name: 'InvalidSignatureException' });
  });

  it('is refused when it is not signed', async () => {
    const { url } = await start(['kms:*']);
    expect(await raw(url, { headers: { 'x-amz-target': 'TrentService.Sign' } })).toEqual({
      status: 400,
      type: 'application/x-amz-json-1.1',
      body: { __type: 'MissingAuthenticationTokenException', message: 'Request is missing Authentication Token' },
    });
  });

  it('is an internal failure when its service asks IAM nothing', async () => {
    const { dynamoDb, calls } = await start(['*']);
    expect(await failure(dynamoDb.send(new ListTablesCommand({})))).toMatchObject({ name: 'InternalFailure' });
    expect(calls).toMatchObject([{ cause: new Error('dynamodb asks IAM nothing about ListTables') }]);
  });
});

describe('an error', () => {
  it.each([
    ['a KMS error', async ({ kms }: Started) => kms.send(sign('2')), NotFoundException, "Key '2' does not exist"],
    [
      'a DynamoDB error',
      async ({ dynamoDb }: Started) => dynamoDb.send(get('x')),
      ResourceNotFoundException,
      'Requested resource not found',
    ],
  ] as const)('of a service becomes the class that the SDK has for %s', async (_name, call, type, message) => {
    const error = await failure(call(await start(['*'])));
    expect(error).toBeInstanceOf(type);
    expect(error.message).toBe(message);
  });

  it('that nobody expected is an InternalFailure without its details', async () => {
    const { dynamoDb, calls } = await start(['*']);
    expect(await failure(dynamoDb.send(get('broken')))).toMatchObject({
      name: 'InternalFailure',
      message: INTERNAL,
      $metadata: { httpStatusCode: 500 },
    });
    expect(calls).toMatchObject([{ outcome: 'InternalFailure', cause: new TypeError('secret detail') }]);
  });

  it.each<[string, Raw, number, string]>([
    [
      'a service that is not there',
      { headers: { 'x-amz-target': 'AmazonSSM.GetParameter' } },
      400,
      'UnknownOperationException',
    ],
    ['no target', {}, 400, 'UnknownOperationException'],
    [
      'another path',
      { path: '/x', headers: { 'x-amz-target': 'TrentService.Sign' } },
      404,
      'UnknownOperationException',
    ],
    [
      'another method',
      { method: 'PUT', headers: { 'x-amz-target': 'TrentService.Sign' } },
      404,
      'UnknownOperationException',
    ],
    [
      'too long a body',
      { headers: { 'x-amz-target': 'TrentService.Sign' }, body: 'x'.repeat(2049) },
      413,
      'RequestEntityTooLargeException',
    ],
  ])('answers %s', async (_name, request, status, type) => {
    const { url } = await start(['*'], { maxBodyBytes: 2048 });
    expect(await raw(url, request)).toMatchObject({ status, body: { __type: type } });
  });

  it.each(['', '[]', 'null', '{'])('answers a signed body of %j, which is no JSON object', async (body) => {
    const { kms } = await start(['*']);
    kms.middlewareStack.add(
      (next) => (args) => {
        Object.assign(args.request as object, { body });
        return next(args);
      },
      { step: 'serialize', priority: 'low' },
    );
    expect(await failure(kms.send(sign()))).toMatchObject({ name: 'SerializationException' });
  });
});

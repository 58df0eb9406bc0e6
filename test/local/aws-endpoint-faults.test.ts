import { request as httpRequest } from 'node:http';
import { describe, expect, it } from 'vitest';
import type { AwsCallRecord, AwsEndpointOptions } from '../../local/aws-endpoint.ts';
import { AwsError, type JsonObject } from '../../local/service.ts';
import { failure, fakeDynamoDb, get, KEY, put, raw, SESSION, sign, start } from './aws-endpoint-world.ts';

describe('an interception', () => {
  it('fails a call without effect', async () => {
    const store: { item?: JsonObject } = {};
    const intercept = () => new AwsError('InternalServerError', 'down', { status: 500 });
    const { dynamoDb, calls } = await start(['*'], { services: [fakeDynamoDb(store)], intercept });
    expect(await failure(dynamoDb.send(put))).toMatchObject({ name: 'InternalServerError', message: 'down' });
    expect(store).toEqual({});
    expect(calls).toMatchObject([{ operation: 'PutItem', outcome: 'InternalServerError' }]);
  });

  it('lets a call take effect and breaks the connection', async () => {
    const store: { item?: JsonObject } = {};
    const { dynamoDb, calls } = await start(['*'], {
      services: [fakeDynamoDb(store)],
      intercept: () => 'drop-after-call',
    });
    expect(await failure(dynamoDb.send(put))).toMatchObject({ code: 'ECONNRESET' });
    expect(store).toEqual({ item: { pk: { S: 'a' } } });
    expect(calls).toMatchObject([{ outcome: 'dropped' }]);
  });

  it('chooses by service, operation and input', async () => {
    const seen: unknown[] = [];
    const intercept: AwsEndpointOptions['intercept'] = async (call) => {
      seen.push(call);
      return call.service === 'kms' ? new AwsError('KMSInternalException', 'x', { status: 500 }) : 'pass';
    };
    const { kms, dynamoDb } = await start(['*'], { intercept });
    expect((await dynamoDb.send(get())).$metadata.httpStatusCode).toBe(200);
    expect(await failure(kms.send(sign()))).toMatchObject({ name: 'KMSInternalException' });
    expect(seen).toMatchObject([
      { service: 'dynamodb', operation: 'GetItem', principal: SESSION, input: { TableName: 't' } },
      { service: 'kms', operation: 'Sign', principal: SESSION, input: { KeyId: '1' } },
    ]);
  });

  it('lets a call hang until its caller gives up', async () => {
    const hanging = Promise.withResolvers<void>();
    const ended = Promise.withResolvers<AwsCallRecord>();
    const intercept = () => {
      hanging.resolve();
      return 'hang' as const;
    };
    const { kms } = await start(['*'], { intercept, observe: ended.resolve });
    const abort = new AbortController();
    const call = failure(kms.send(sign(), { abortSignal: abort.signal }));
    await hanging.promise;
    abort.abort();
    expect(await call).toMatchObject({ name: 'AbortError' });
    expect(await ended.promise).toMatchObject({ operation: 'Sign', outcome: 'hung' });
  });
});

describe('close', () => {
  it('breaks a call that hangs', async () => {
    const hanging = Promise.withResolvers<void>();
    const intercept = () => {
      hanging.resolve();
      return 'hang' as const;
    };
    const { endpoint, kms, calls } = await start(['*'], { intercept });
    const call = failure(kms.send(sign()));
    await hanging.promise;
    await endpoint.close();
    expect(await call).toMatchObject({ code: 'ECONNRESET' });
    expect(calls).toMatchObject([{ outcome: 'hung' }]);
  });

  it('breaks a request that never ends', async () => {
    const ended = Promise.withResolvers<AwsCallRecord>();
    const { endpoint, url } = await start(['*'], { observe: ended.resolve });
    const request = httpRequest(url, {
      method: 'POST',
      headers: { 'x-amz-target': 'TrentService.Sign', expect: '100-continue' },
    });
    const broken = new Promise((resolve) => request.on('error', resolve));
    const begun = new Promise((resolve) => request.on('continue', resolve));
    request.flushHeaders();
    await begun;
    await endpoint.close();
    expect(await broken).toMatchObject({ code: 'ECONNRESET' });
    expect(await ended.promise).toMatchObject({ operation: 'Sign', outcome: 'dropped' });
  });

  it('lets a call that runs come to its end', async () => {
    const running = Promise.withResolvers<void>();
    const release = Promise.withResolvers<void>();
    const intercept = async () => {
      running.resolve();
      await release.promise;
      return 'pass' as const;
    };
    const { endpoint, kms } = await start(['*'], { intercept });
    const call = kms.send(sign());
    await running.promise;
    const closed = endpoint.close();
    release.resolve();
    expect((await call).KeyId).toBe(KEY);
    await closed;
  });

  it('frees the port and may be called twice', async () => {
    const { endpoint, url } = await start(['*']);
    await endpoint.close();
    await endpoint.close();
    await expect(raw(url, {})).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });
});

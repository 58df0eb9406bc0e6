/** KMS or DynamoDB failing, hanging or breaking off: 503 with Retry-After, no token, and nothing half-done. */

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { AwsCall, Interception } from '../../local/aws-endpoint.ts';
import { AwsError } from '../../local/service.ts';
import {
  assertionOf,
  populate,
  postToken,
  type Service,
  startService,
  tokenForm,
  type World,
} from '../support/service.ts';

let service: Service;
let world: World;
let intercept: (call: AwsCall) => Interception = () => 'pass';

beforeAll(async () => {
  service = await startService({ maxInstances: 1, interceptCall: (call) => intercept(call) });
  world = await populate(service);
  // Warm: what is tested here is the failing call, not the caches.
  await request();
});
afterAll(() => service[Symbol.asyncDispose]());
beforeEach(() => {
  intercept = () => 'pass';
});

const request = async (assertion?: string) =>
  postToken(
    service,
    tokenForm(assertion ?? (await assertionOf(world.client, service.issuer)), { resource: world.audience }),
  );

const failing = (operation: string, how: Interception) => (call: AwsCall) =>
  call.operation === operation ? how : 'pass';

describe.each(['Sign', 'PutItem'])('%s', (operation) => {
  it.each([
    ['fails', new AwsError('InternalServerError', 'test failure', { status: 500 })],
    ['is throttled', new AwsError('ThrottlingException', 'Rate exceeded')],
    ['is denied', new AwsError('AccessDeniedException', 'not authorized')],
    ['hangs', 'hang' as const],
    ['takes effect but its answer is lost', 'drop-after-call' as const],
  ])('%s: 503 with Retry-After and no token', async (_case, how) => {
    intercept = failing(operation, how);
    const { status, headers, body } = await request();
    expect(status).toBe(503);
    expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
    expect(headers.get('cache-control')).toBe('no-store');
    expect(body).toEqual({
      error: 'temporarily_unavailable',
      error_description: 'The service is temporarily unavailable. Try again later.',
    });
  });
});

describe('after an outage', () => {
  it('the same assertion is good again, since no token came of it', async () => {
    const assertion = await assertionOf(world.client, service.issuer);
    intercept = failing('Sign', new AwsError('KMSInternalException', 'test failure', { status: 500 }));
    expect((await request(assertion)).status).toBe(503);
    intercept = () => 'pass';
    expect((await request(assertion)).status).toBe(200);
    expect((await request(assertion)).status).toBe(401);
  });

  it('the log names the call that failed and holds neither assertion nor token', async () => {
    const assertion = await assertionOf(world.client, service.issuer);
    intercept = failing('Sign', new AwsError('KMSInternalException', 'test failure', { status: 500 }));
    await request(assertion);
    expect(service.logs.join('\n')).toContain('"operation":"kms:Sign"');
    for (const part of assertion.split('.')) expect(service.logs.join('\n')).not.toContain(part);
  });
});

describe('DynamoDB failing where nothing is cached', () => {
  it('is 503 for a token and never a refusal', async () => {
    await using cold = await startService({
      maxInstances: 1,
      interceptCall: (call) =>
        call.operation === 'BatchGetItem'
          ? new AwsError('InternalServerError', 'test failure', { status: 500 })
          : 'pass',
    });
    const fresh = await populate(cold);
    const form = tokenForm(await assertionOf(fresh.client, cold.issuer), { resource: fresh.audience });
    expect((await postToken(cold, form)).status).toBe(503);
  });

  it('is 503 for the key set, and 500 of API Gateway where the authorizer cannot decide', async () => {
    let down = false;
    await using cold = await startService({
      interceptCall: (call) =>
        down && call.operation === 'Query'
          ? new AwsError('InternalServerError', 'test failure', { status: 500 })
          : 'pass',
    });
    down = true;
    expect((await fetch(new URL('/jwks', cold.deployment.url))).status).toBe(503);
    const token = await tokenOfAnother();
    const answer = await fetch(new URL('/whoami', cold.deployment.url), {
      headers: { authorization: `Bearer ${token}` },
    });
    expect(answer.status).toBe(500);
  });
});

/** Well-formed, so that the authorizer has to look. */
const tokenOfAnother = async (): Promise<string> => String((await request()).body.access_token);

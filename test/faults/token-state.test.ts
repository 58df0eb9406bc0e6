/** DynamoDB or KMS failing while a token is asked about or ended: 503, never "not active", never a revocation that is none. */

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { AwsCall, Interception } from '../../local/aws-endpoint.ts';
import { AwsError } from '../../local/service.ts';
import { getToken, populate, type Service, startService, type World } from '../support/service.ts';
import { introspect, isActive, postState, proofForm, revoke, type StateAnswer } from '../support/token-state.ts';

let service: Service;
let world: World;
let intercept: (call: AwsCall) => Interception = () => 'pass';

beforeAll(async () => {
  service = await startService({ maxInstances: 1, interceptCall: (call) => intercept(call) });
  world = await populate(service);
  const token = await getToken(service, world);
  await introspect(service, world.owner, token);
  await revoke(service, world.owner, token);
});
afterAll(() => service[Symbol.asyncDispose]());
beforeEach(() => {
  intercept = () => 'pass';
});

const DOWN = new AwsError('InternalServerError', 'test failure', { status: 500 });
const SIGNED = { accept: 'application/token-introspection+jwt' };

const failing =
  (operation: string, part = '', how: Interception = DOWN) =>
  (call: AwsCall): Interception =>
    call.operation === operation && JSON.stringify(call.input).includes(part) ? how : 'pass';

const expectOutage = ({ status, headers, text }: StateAnswer): void => {
  expect([status, headers.get('cache-control'), JSON.parse(text)]).toEqual([
    503,
    'no-store',
    expect.objectContaining({ error: 'temporarily_unavailable' }),
  ]);
  expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
};

describe('an introspection', () => {
  it.each([
    ['the use of the proof cannot be noted', 'PutItem', 'assertion#', {}],
    ['the keys cannot be read', 'Query', 'ring#', {}],
    ['the client of the token cannot be read', 'Query', 'partner#default#crm', {}],
    ['nobody knows whether it was revoked', 'GetItem', 'revoked#', {}],
    ['nobody knows what its resource asks', 'GetItem', 'audience#', {}],
    ['the answer cannot be signed', 'Sign', '', SIGNED],
  ])('is 503 while %s', async (_what, operation, part, headers) => {
    const token = await getToken(service, world);
    intercept = failing(operation, part);
    expectOutage(await introspect(service, world.owner, token, headers));
    intercept = () => 'pass';
    expect(await isActive(service, world.owner, token)).toBe(true);
  });

  it('that was not answered has used up nothing', async () => {
    const token = await getToken(service, world);
    const request = { path: 'introspect', form: { ...(await proofForm(service, world.owner)), token } };
    intercept = failing('GetItem', 'revoked#', 'hang');
    expectOutage(await postState(service, request));
    intercept = () => 'pass';
    expect(JSON.parse((await postState(service, request)).text)).toMatchObject({ active: true });
    expect((await postState(service, request)).status).toBe(401);
  });
});

describe('a revocation', () => {
  it.each<[string, Interception]>([
    ['fails', DOWN],
    ['is throttled', new AwsError('ThrottlingException', 'Rate exceeded')],
    ['hangs', 'hang'],
  ])('that %s is 503, and can be sent again as it is', async (_how, how) => {
    const token = await getToken(service, world);
    const request = { path: 'revoke', form: { ...(await proofForm(service, world.owner)), token } };
    intercept = failing('PutItem', 'revoked#', how);
    expectOutage(await postState(service, request));
    intercept = () => 'pass';
    expect(await isActive(service, world.owner, token)).toBe(true);
    expect((await postState(service, request)).status).toBe(200);
    expect(await isActive(service, world.owner, token)).toBe(false);
  });
});

describe('a resource behind the authorizer', () => {
  it('lets nobody in whose token may be revoked for all it knows', async () => {
    const token = await getToken(service, world);
    intercept = failing('GetItem', 'revoked#');
    const get = () =>
      fetch(new URL('/whoami', service.deployment.url), { headers: { authorization: `Bearer ${token}` } });
    expect((await get()).status).toBe(500);
    intercept = () => 'pass';
    expect((await get()).status).toBe(200);
  });
});

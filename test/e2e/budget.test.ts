/** How many AWS calls a token takes, and that they run side by side (the budget of docs/design.md). */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AwsCall, Interception } from '../../local/aws-endpoint.ts';
import {
  assertionOf,
  changePartner,
  populate,
  postToken,
  type Service,
  startService,
  tokenForm,
  type World,
} from '../support/service.ts';

/** Calls that have to be under way at the same time. Each is held until its partner has come: one after the other never ends. */
const TOGETHER: readonly (readonly string[])[] = [
  ['Query', 'BatchGetItem'],
  // The first use of a credential in an hour is noted by the same call that claims the assertion.
  ['TransactWriteItems', 'Sign'],
  ['PutItem', 'Sign'],
  ['PutItem', 'UpdateItem', 'Sign'],
];

let expected: readonly (readonly string[])[] = [];

let arrived = new Map<string, PromiseWithResolvers<void>>();

const arrivalOf = (operation: string): PromiseWithResolvers<void> => {
  const arrival = arrived.get(operation) ?? Promise.withResolvers<void>();
  arrived.set(operation, arrival);
  return arrival;
};

const holdForPartner = async ({ operation }: AwsCall): Promise<Interception> => {
  const group = expected.find((each) => each.includes(operation));
  if (group === undefined) return 'pass';
  arrivalOf(operation).resolve();
  await Promise.all(group.map((each) => arrivalOf(each).promise));
  return 'pass';
};

let service: Service;
let world: World;

beforeAll(async () => {
  service = await startService({ maxInstances: 1, interceptCall: holdForPartner });
  world = await populate(service);
});
afterAll(() => service[Symbol.asyncDispose]());

/** A refusal of a proven client is looked into anew, so the function knows the partner as it is now. */
const forgetPartner = async (): Promise<void> => {
  await postToken(
    service,
    tokenForm(await assertionOf(world.client, service.issuer), { resource: 'https://none.example' }),
  );
};

/** The calls of one token request, each held until those that belong with it have come. */
const callsOf = async (...together: readonly (readonly string[])[]): Promise<readonly string[]> => {
  arrived = new Map();
  expected = together;
  const before = service.calls.length;
  const form = tokenForm(await assertionOf(world.client, service.issuer), { resource: world.audience });
  const { status } = await postToken(service, form);
  expected = [];
  expect(status).toBe(200);
  return service.calls
    .slice(before)
    .map(({ service: name, operation }) => `${name}:${operation}`)
    .sort();
};

const [READ, FIRST_CLAIM, CLAIM, COUNTED] = TOGETHER as [string[], string[], string[], string[]];

describe('a token request', () => {
  it('makes four AWS calls, two by two, when the function is cold, and two, side by side, when it is warm', async () => {
    const cold = await callsOf(READ, FIRST_CLAIM);
    expect(cold).toEqual(['dynamodb:BatchGetItem', 'dynamodb:Query', 'dynamodb:TransactWriteItems', 'kms:Sign']);
    expect(await callsOf(CLAIM)).toEqual(['dynamodb:PutItem', 'kms:Sign']);
  });

  it('of a client with a quota makes one more, side by side with the others, and none once the quota is known to be full', async () => {
    await changePartner(service, world.client.id, { quota: { perDay: 1, mode: 'enforce' } });
    await forgetPartner();
    expect(await callsOf(COUNTED)).toEqual(['dynamodb:PutItem', 'dynamodb:UpdateItem', 'kms:Sign']);
    const before = service.calls.length;
    const form = tokenForm(await assertionOf(world.client, service.issuer), { resource: world.audience });
    expect((await postToken(service, form)).status).toBe(429);
    expect(service.calls.length).toBe(before);
  });

  it('makes no AWS call at all for an assertion that is none', async () => {
    const before = service.calls.length;
    const { status } = await postToken(service, tokenForm('not.a.jwt'));
    expect(status).toBe(401);
    expect(service.calls.length).toBe(before);
  });
});

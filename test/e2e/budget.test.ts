/** How many AWS calls a token takes, and that they run side by side (the budget of docs/design.md). */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AwsCall, Interception } from '../../local/aws-endpoint.ts';
import {
  assertionOf,
  populate,
  postToken,
  type Service,
  startService,
  tokenForm,
  type World,
} from '../support/service.ts';

/** Calls that have to be under way at the same time. Each is held until its partner has come: one after the other never ends. */
const PAIRS: readonly (readonly [string, string])[] = [
  ['Query', 'BatchGetItem'],
  ['PutItem', 'Sign'],
];

let holding = false;
let arrived = new Map<string, PromiseWithResolvers<void>>();

const arrivalOf = (operation: string): PromiseWithResolvers<void> => {
  const arrival = arrived.get(operation) ?? Promise.withResolvers<void>();
  arrived.set(operation, arrival);
  return arrival;
};

const holdForPartner = async ({ operation }: AwsCall): Promise<Interception> => {
  const pair = PAIRS.find((each) => each.includes(operation));
  if (!holding || pair === undefined) return 'pass';
  arrivalOf(operation).resolve();
  await Promise.all(pair.map((each) => arrivalOf(each).promise));
  return 'pass';
};

let service: Service;
let world: World;

beforeAll(async () => {
  service = await startService({ maxInstances: 1, interceptCall: holdForPartner });
  world = await populate(service);
  holding = true;
});
afterAll(() => service[Symbol.asyncDispose]());

const callsOf = async (more: Readonly<Record<string, string>>): Promise<readonly string[]> => {
  arrived = new Map();
  const before = service.calls.length;
  const { status } = await postToken(service, tokenForm(await assertionOf(world.client, service.issuer), more));
  expect(status).toBe(200);
  return service.calls
    .slice(before)
    .map(({ service: name, operation }) => `${name}:${operation}`)
    .sort();
};

describe('a token request', () => {
  it('makes four AWS calls, two by two, when the function is cold, and two, side by side, when it is warm', async () => {
    const cold = await callsOf({ resource: world.audience });
    expect(cold).toEqual(['dynamodb:BatchGetItem', 'dynamodb:PutItem', 'dynamodb:Query', 'kms:Sign']);
    const warm = await callsOf({ resource: world.audience });
    expect(warm).toEqual(['dynamodb:PutItem', 'kms:Sign']);
  });

  it('makes no AWS call at all for an assertion that is none', async () => {
    const before = service.calls.length;
    const { status } = await postToken(service, tokenForm('not.a.jwt'));
    expect(status).toBe(401);
    expect(service.calls.length).toBe(before);
  });
});

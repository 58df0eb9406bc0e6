/** How many AWS calls a token takes, and that they run side by side (the budget of docs/design.md). */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AwsCallRecord } from '../../local/aws-endpoint.ts';
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

beforeAll(async () => {
  service = await startService({ maxInstances: 1 });
  world = await populate(service);
});
afterAll(() => service[Symbol.asyncDispose]());

const callsOf = async (more: Readonly<Record<string, string>>): Promise<readonly AwsCallRecord[]> => {
  const before = service.calls.length;
  const { status } = await postToken(service, tokenForm(await assertionOf(world.client, service.issuer), more));
  expect(status).toBe(200);
  return service.calls.slice(before);
};

const names = (calls: readonly AwsCallRecord[]): string[] =>
  calls.map(({ service: name, operation }) => `${name}:${operation}`).sort();

/** Longest chain of calls of which each began after the one before had ended. */
const depth = (calls: readonly AwsCallRecord[]): number => {
  let count = 0;
  let end = Number.NEGATIVE_INFINITY;
  for (const call of [...calls].sort((a, b) => a.endedAt - b.endedAt)) {
    if (call.startedAt < end) continue;
    count += 1;
    end = call.endedAt;
  }
  return count;
};

describe('a token request', () => {
  it('makes four AWS calls, two deep, when the function is cold, and two, one deep, when it is warm', async () => {
    const cold = await callsOf({ resource: world.audience });
    expect(names(cold)).toEqual(['dynamodb:BatchGetItem', 'dynamodb:PutItem', 'dynamodb:Query', 'kms:Sign']);
    expect(depth(cold)).toBe(2);
    const warm = await callsOf({ resource: world.audience });
    expect(names(warm)).toEqual(['dynamodb:PutItem', 'kms:Sign']);
    expect(depth(warm)).toBe(1);
  });

  it('makes no AWS call at all for an assertion that is none', async () => {
    const before = service.calls.length;
    const { status } = await postToken(service, tokenForm('not.a.jwt'));
    expect(status).toBe(401);
    expect(service.calls.length).toBe(before);
  });
});

/** Quotas of partners over HTTP: what clients are told, and that a full quota costs nothing. */

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { decisions } from '../support/decisions.ts';
import {
  assertionOf,
  changePartner,
  populate,
  postToken,
  type Service,
  startService,
  type TokenResponse,
  tokenForm,
  type World,
} from '../support/service.ts';

let service: Service;
let world: World;

beforeAll(async () => {
  service = await startService({ maxInstances: 1 });
});
afterAll(() => service[Symbol.asyncDispose]());

beforeEach(async () => {
  world ??= await populate(service);
});

const ask = async (resource = world.audience): Promise<TokenResponse> =>
  postToken(service, tokenForm(await assertionOf(world.client, service.issuer), { resource }));

/** A refusal of a proven client is looked into anew, so the function knows the partner as it is now. */
const setQuota = async (quota: object | null): Promise<void> => {
  expect((await changePartner(service, world.client.id, { quota })).status).toBe(200);
  expect((await ask('https://none.example')).status).toBe(400);
};

describe('a quota', () => {
  it('is told with every token, and who is over it gets no token but the time to wait', async () => {
    await setQuota({ perDay: 3, mode: 'enforce' });
    const first = await ask();
    expect(first.status).toBe(200);
    expect(first.headers.get('ratelimit-policy')).toBe('"day";q=3;w=86400');
    expect(first.headers.get('ratelimit')).toMatch(/^"day";r=2;t=\d+$/);
    expect([(await ask()).status, (await ask()).status]).toEqual([200, 200]);
    const refused = await ask();
    expect(refused).toMatchObject({ status: 429, body: { error: 'temporarily_unavailable' } });
    const wait = Number(refused.headers.get('retry-after'));
    expect(wait).toBeGreaterThan(0);
    expect(wait).toBeLessThanOrEqual(86_400);
    expect(refused.headers.get('ratelimit')).toBe(`"day";r=0;t=${wait}`);
  });

  it('does not use up what was refused because of it', async () => {
    await setQuota({ perDay: 1, mode: 'enforce' });
    const form = tokenForm(await assertionOf(world.client, service.issuer), { resource: world.audience });
    expect((await postToken(service, form)).status).toBe(429);
    await setQuota(null);
    expect((await postToken(service, form)).status).toBe(200);
  });

  it('that only observes refuses nobody, and the log says who is over it', async () => {
    await setQuota({ perDay: 1, perMinute: 1, mode: 'observe' });
    const answer = await ask();
    expect(answer.status).toBe(200);
    expect(answer.headers.get('ratelimit-policy')).toBe('"minute";q=1;w=60, "day";q=1;w=86400');
    await expect
      .poll(() => decisions(service).some(({ facts }) => facts.overQuota === true), { timeout: 10_000 })
      .toBe(true);
  });

  it('is not told to a client that has none', async () => {
    await setQuota(null);
    const answer = await ask();
    expect([answer.status, answer.headers.get('ratelimit')]).toEqual([200, null]);
  });
});

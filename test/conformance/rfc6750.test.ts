/**
 * Bearer tokens at the resource behind the authorizer, as far as API Gateway leaves the answers to us: it words its refusals
 * itself, so `WWW-Authenticate` is not there (docs/design.md, "Answers of API Gateway's own"). The matrix in README.md names each test.
 */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { notAuthorized, whoamiOutcome } from '../support/decisions.ts';
import { getToken, populate, type Service, startService, type World } from '../support/service.ts';

let service: Service;
let world: World;
let token: string;

beforeAll(async () => {
  service = await startService();
  world = await populate(service);
  token = await getToken(service, world);
});
afterAll(() => service[Symbol.asyncDispose]());

const statusOf = async (path: string, options: RequestInit = {}): Promise<number> =>
  (await fetch(new URL(path, service.deployment.url), options)).status;

describe('RFC 6750 2: sending a token', () => {
  it('works in the Authorization header, whatever the case of its scheme (2.1)', async () => {
    for (const scheme of ['Bearer', 'bearer', 'BEARER']) {
      expect(await whoamiOutcome(service, `${scheme} ${token}`)).toMatchObject({ status: 200, reason: 'granted' });
    }
  });

  it('does not work in a form body (2.2)', async () => {
    const body = new URLSearchParams({ access_token: token });
    expect(await statusOf('/whoami', { method: 'POST', body })).toBe(404);
  });

  it('does not work in the query (2.3)', async () => {
    expect(await statusOf(`/whoami?access_token=${token}`)).toBe(401);
  });
});

describe('RFC 6750 3: refusing a token', () => {
  it('is 401 where no token was sent', async () => {
    expect(await statusOf('/whoami')).toBe(401);
  });

  it('is 403 of API Gateway where the token is not good, and says nothing of why', async () => {
    expect(await whoamiOutcome(service, 'Bearer x.y.z')).toEqual(notAuthorized('token_malformed'));
    expect(await whoamiOutcome(service, 'Basic Y3JtOng=')).toEqual(notAuthorized('token_missing'));
  });
});

describe('RFC 6750 5.3: handling tokens', () => {
  it('a token is for one resource and for an hour at most', async () => {
    const { body } = await whoamiOutcome(service, `Bearer ${token}`);
    expect(body).toMatchObject({ aud: world.audience });
    expect(Number(body.exp) - Number(body.iat)).toBeLessThanOrEqual(3_600);
  });

  it('an answer that shows claims is kept by no cache', async () => {
    const response = await fetch(world.audience, { headers: { authorization: `Bearer ${token}` } });
    expect(response.headers.get('cache-control')).toBe('no-store');
  });
});

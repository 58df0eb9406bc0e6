/** How soon what an operator changes is obeyed, by default and with caches off; and what settings change on the wire. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { synthesizeApp } from '../support/assembly.ts';
import {
  assertionOf,
  changePartner,
  getToken,
  populate,
  postToken,
  type Service,
  startService,
  tokenForm,
  type World,
} from '../support/service.ts';

let directory: string;
let service: Service;
let world: World;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'countersign-bounds-'));
  const context = {
    registryCacheSeconds: '0',
    accessTokenSeconds: '600',
    jwksMaxAgeSeconds: '60',
    algorithms: 'ES256',
  };
  await synthesizeApp(join(directory, 'cdk.out'), context);
  service = await startService({ assembly: join(directory, 'cdk.out') });
  world = await populate(service);
});
afterAll(async () => {
  await service[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, force: true });
});

const whoami = async (token: string): Promise<number> =>
  (await fetch(world.audience, { headers: { authorization: `Bearer ${token}` } })).status;

const ask = async (): Promise<unknown> => {
  const form = tokenForm(await assertionOf(world.client, service.issuer), { resource: world.audience });
  const { status, body } = await postToken(service, form);
  return status === 200 ? 'token' : body.error;
};

describe('without caches', () => {
  it('a disabled client gets no token and its tokens are not accepted, until it is enabled again', async () => {
    const token = await getToken(service, world);
    expect(await whoami(token)).toBe(200);
    await changePartner(service, 'crm', { enabled: false });
    expect([await ask(), await whoami(token)]).toEqual(['invalid_client', 403]);
    await changePartner(service, 'crm', { enabled: true });
    expect([await ask(), await whoami(token)]).toEqual(['token', 200]);
  });

  it('no token is issued for an audience whose owner is disabled', async () => {
    await changePartner(service, 'billing', { enabled: false });
    expect(await ask()).toBe('invalid_target');
    await changePartner(service, 'billing', { enabled: true });
    expect(await ask()).toBe('token');
  });
});

describe('a deployment setting', () => {
  it('rules the lifetime of tokens and the ring that signs them', async () => {
    const form = tokenForm(await assertionOf(world.client, service.issuer), { resource: world.audience });
    expect((await postToken(service, form)).body.expires_in).toBe(600);
    const keys = (await (await fetch(`${service.issuer}/jwks`)).json()) as { keys: { alg: string }[] };
    expect(new Set(keys.keys.map(({ alg }) => alg))).toEqual(new Set(['ES256']));
  });

  it('rules what is said of caching', async () => {
    const answer = await fetch(`${service.issuer}/jwks`);
    expect(answer.headers.get('cache-control')).toBe('public, max-age=60, stale-if-error=3600');
    const again = await fetch(`${service.issuer}/jwks`, {
      headers: { 'if-none-match': answer.headers.get('etag') ?? '' },
    });
    expect(again.status).toBe(304);
  });
});

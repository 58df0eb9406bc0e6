/** Attacks and accidents of administration: names that are used again, races, floods, numbers that not everybody can read. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  administer,
  assertionOf,
  callAdmin,
  changePartner,
  makePartner,
  mustCreate,
  populate,
  postToken,
  type Service,
  startService,
  tokenForm,
  type World,
} from '../support/service.ts';
import { signedCall } from '../support/signed-call.ts';

let service: Service;
let world: World;

beforeAll(async () => {
  service = await startService({ maxInstances: 1 });
  world = await populate(service);
});
afterAll(() => service[Symbol.asyncDispose]());

const remove = async (path: string): Promise<void> => {
  expect(await administer(service, 'DELETE', path)).toMatchObject({ status: 204 });
};

const ask = async (form?: URLSearchParams) =>
  postToken(service, form ?? tokenForm(await assertionOf(world.client, service.issuer), { resource: world.audience }));

describe('a name that is used again', () => {
  it('does not give a new partner what was meant for the one before', async () => {
    await mustCreate(service, '/partners', { id: 'phoenix', name: 'First' });
    const { version } = (await administer(service, 'GET', '/partners/phoenix')).body;
    await remove('/partners/phoenix');
    const again = await mustCreate(service, '/partners', { id: 'phoenix', enabled: false });
    expect(again.version).toBe(2);
    const late = await administer(service, 'PATCH', '/partners/phoenix', { version, enabled: true });
    expect(late.status).toBe(409);
    expect((await administer(service, 'GET', '/partners/phoenix')).body.enabled).toBe(false);
  });

  it('does not leave grants of before on an audience that is declared again', async () => {
    const audience = 'https://again.example';
    const declare = (owner: string) => mustCreate(service, '/audiences', { audience, owner, scopes: ['read'] });
    await declare('billing');
    await mustCreate(service, '/grants', { client: 'crm', audience, scopes: ['read'] });
    expect(await administer(service, 'DELETE', `/audiences?audience=${audience}`)).toMatchObject({
      status: 409,
      body: { dependents: [{ client: 'crm', audience }] },
    });
    await remove(`/grants?client=crm&audience=${audience}`);
    await remove(`/audiences?audience=${audience}`);
    expect((await declare('crm')).version).toBe(2);
    expect((await administer(service, 'GET', `/grants?audience=${audience}`)).body.items).toEqual([]);
    const stale = { audience, version: 1, scopes: ['write'] };
    expect((await administer(service, 'PATCH', '/audiences', stale)).status).toBe(409);
  });
});

describe('the terms of a credential', () => {
  it('are changed from the version that was read, and end its use at once', async () => {
    const partner = await makePartner('leaver');
    const made = await mustCreate(service, '/partners', { id: 'leaver', jwks: { keys: [partner.publicJwk] } });
    await mustCreate(service, '/grants', { client: 'leaver', audience: world.audience, scopes: ['read'] });
    const patch = (version: unknown, change: object) =>
      administer(service, 'PATCH', '/partners/leaver/credentials', { version, kid: 'leaver-key', ...change });
    expect((await patch(made.version, { expiresAt: '2020-01-01T00:00:00Z' })).status).toBe(200);
    expect((await patch(made.version, { expiresAt: null })).status).toBe(409);
    expect((await ask(tokenForm(await assertionOf(partner, service.issuer)))).status).toBe(401);
    expect((await patch(2, { expiresAt: null, label: 'stays' })).body.credentials).toMatchObject([{ label: 'stays' }]);
    expect((await ask(tokenForm(await assertionOf(partner, service.issuer)))).status).toBe(200);
    expect((await patch(3, {})).status).toBe(400);
    expect((await patch(3, { kid: 'nobody', label: 'x' })).status).toBe(404);
  });
});

describe('what others depend on', () => {
  it('is a scope that a grant holds, from the moment of the grant', async () => {
    const audience = 'https://scopes.example';
    const { version } = await mustCreate(service, '/audiences', { audience, owner: 'billing', scopes: ['a', 'b'] });
    await mustCreate(service, '/grants', { client: 'crm', audience, scopes: ['a'] });
    const narrow = (scopes: string[]) => administer(service, 'PATCH', '/audiences', { audience, version, scopes });
    expect(await narrow(['b'])).toMatchObject({ status: 409, body: { dependents: [{ client: 'crm' }] } });
    expect((await administer(service, 'POST', '/grants', { client: 'crm', audience, scopes: ['b'] })).status).toBe(200);
    expect(await narrow(['b'])).toMatchObject({ status: 200, body: { scopes: ['b'] } });
  });

  it('is a partner whose audience somebody may call, and not one with more audiences than fit a transaction', async () => {
    await mustCreate(service, '/partners', { id: 'landlord' });
    for (let index = 0; index < 40; index += 1) {
      const audience = `https://house-${index}.example`;
      await mustCreate(service, '/audiences', { audience, owner: 'landlord', scopes: ['enter'] });
    }
    const audience = 'https://house-7.example';
    await mustCreate(service, '/grants', { client: 'crm', audience, scopes: ['enter'] });
    expect(await administer(service, 'DELETE', '/partners/landlord')).toMatchObject({
      status: 409,
      body: { dependents: [{ client: 'crm', audience }] },
    });
    expect((await administer(service, 'GET', '/partners/landlord')).body.audiences).toHaveLength(40);
    await remove(`/grants?client=crm&audience=${audience}`);
    await remove('/partners/landlord');
    expect((await administer(service, 'GET', `/audiences?audience=${audience}`)).body.items).toEqual([]);
  });
});

describe('a partner without an id of its own', () => {
  it('gets one that is always an id', async () => {
    const ids = new Set<unknown>();
    for (let count = 0; count < 60; count += 1) ids.add((await mustCreate(service, '/partners', {})).id);
    expect(ids.size).toBe(60);
  });
});

describe('numbers in claims', () => {
  it.each(['1e400', '1e200', '1e-200', '1e21', '12345678901234567890'])('are refused, not lost: %s', async (number) => {
    const { version } = (await administer(service, 'GET', '/partners/crm')).body;
    const text = `{"version":${version},"claims":{"limit":${number}}}`;
    expect(await signedCall(service, 'PATCH', '/partners/crm', text)).toMatchObject({ status: 400 });
  });

  it('are taken when every reader reads them alike, and stand in the token', async () => {
    await changePartner(service, 'crm', { claims: { limit: 9_007_199_254_740_991, share: 0.25, tier: 'gold' } });
    expect(
      (await ask(tokenForm(await assertionOf(world.client, service.issuer), { resource: 'https://x.example' }))).status,
    ).toBe(400);
    const { body } = await ask();
    const claims = JSON.parse(Buffer.from(String(body.access_token).split('.')[1] ?? '', 'base64url').toString());
    expect(claims).toMatchObject({ limit: 9_007_199_254_740_991, share: 0.25, tier: 'gold', sub: 'crm' });
  });
});

describe('a realm that is none', () => {
  it.each(['a'.repeat(2_100), '%00', 'UPPER', '..%2f', 'x'.repeat(64)])('costs no AWS call: %s', async (name) => {
    const before = service.calls.length;
    const answer = await fetch(new URL(`/realms/${name}/token`, service.deployment.url), {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: tokenForm(await assertionOf(world.client, service.issuer), { resource: world.audience }),
    });
    expect(answer.status).toBeOneOf([400, 401, 404]);
    expect(service.calls.length).toBe(before);
  });
});

describe('a captured assertion', () => {
  it('does not use up the quota of its client', async () => {
    const partner = await makePartner('frugal');
    await mustCreate(service, '/partners', {
      id: 'frugal',
      jwks: { keys: [partner.publicJwk] },
      quota: { perDay: 3, mode: 'enforce' },
    });
    await mustCreate(service, '/grants', { client: 'frugal', audience: world.audience, scopes: ['read'] });
    const captured = tokenForm(await assertionOf(partner, service.issuer));
    expect((await ask(captured)).status).toBe(200);
    for (let count = 0; count < 5; count += 1) expect((await ask(captured)).status).toBe(401);
    const honest = async () => (await ask(tokenForm(await assertionOf(partner, service.issuer)))).status;
    expect([await honest(), await honest(), await honest()]).toEqual([200, 200, 429]);
  });
});

describe('a realm that is told to sign with another algorithm', () => {
  it('signs with the one that verifiers know until they know the other', async () => {
    const { version } = (await callAdmin(service, 'GET', '/admin/realms/default')).body;
    const change = { version, policy: { algorithms: ['PS256'] } };
    expect((await callAdmin(service, 'PATCH', '/admin/realms/default', change)).status).toBe(200);
    // Refusals of a proven client are looked into anew: from here on the function knows.
    await ask(tokenForm(await assertionOf(world.client, service.issuer), { resource: 'https://x.example' }));
    const { status, body } = await ask();
    expect(status).toBe(200);
    const header = JSON.parse(Buffer.from(String(body.access_token).split('.')[0] ?? '', 'base64url').toString());
    expect(header.alg).toBeOneOf(['RS256', 'ES256']);
    const results = await service.deployment.runSchedule();
    expect(results.every(({ ok }) => ok)).toBe(true);
    expect((await fetch(new URL('/revoked-keys', service.deployment.url))).status).toBe(200);
  });
});

import { beforeEach, describe, expect, it } from 'vitest';
import { type AdminWorld, openAdmin, populate } from './admin-world.ts';

let world: AdminWorld;
beforeEach(() => {
  world = openAdmin();
});

const put = (id: string, body: object) => world.inRealm('PUT', `/users/${id}`, { body });

describe('the admin API of users', () => {
  it('makes, shows, changes, lists and removes one', async () => {
    const adam = { id: 'adam@contoso.com', upn: 'adam@contoso.com', sip: 'adam@contoso.com', version: 1 };
    const body = { upn: 'Adam@contoso.com', sip: 'sip:adam@contoso.com' };
    expect(await put(adam.id, body)).toMatchObject({ status: 201, body: adam });
    expect(await put(adam.id, body)).toMatchObject({ status: 200, body: adam });
    expect(await world.inRealm('GET', `/users/${adam.id}`)).toMatchObject({ status: 200, body: adam });
    const changed = { id: adam.id, puid: '0123456789abcdef', version: 2 };
    expect((await put(adam.id, { version: 1, puid: '0123456789ABCDEF' })).body).toEqual(changed);
    expect((await world.inRealm('GET', '/users')).body).toEqual({ items: [changed] });
    expect(await world.inRealm('DELETE', `/users/${adam.id}`)).toMatchObject({ status: 204 });
    expect(await world.inRealm('GET', `/users/${adam.id}`)).toMatchObject({ status: 404 });
    expect((await world.inRealm('GET', '/users')).body).toEqual({ items: [] });
  });

  it('lists them page by page', async () => {
    for (const id of ['b', 'a', 'c']) await put(id, { upn: `${id}@contoso.com` });
    const first = await world.inRealm('GET', '/users', { query: 'limit=2' });
    const second = await world.inRealm('GET', '/users', { query: `limit=2&cursor=${String(first.body.next)}` });
    const items = [first, second].flatMap(({ body }) => body.items as { id: string }[]);
    expect(items.map(({ id }) => id)).toEqual(['a', 'b', 'c']);
    expect(second.body.next).toBeUndefined();
  });

  it.each([
    ['nothing that identifies', 'adam', {}, 400],
    ['what is no address', 'adam', { upn: 'adam' }, 400],
    ['a number', 'adam', { upn: 1 }, 400],
    ['what nobody knows', 'adam', { upn: 'a@b', mail: 'a@b' }, 400],
    ['no id', 'a b', { upn: 'a@b' }, 400],
    ['another version', 'adam', { upn: 'a@b', version: 7 }, 409],
    ['an identifier of somebody else', 'adam', { upn: 'eve@contoso.com' }, 409],
    ['the id of a partner', 'crm', { upn: 'a@b' }, 409],
  ])('refuses %s', async (_what, id, body, status) => {
    await populate(world);
    await put('eve', { upn: 'eve@contoso.com' });
    expect(await put(id, body)).toMatchObject({ status, type: 'application/problem+json' });
    expect((await world.inRealm('GET', '/users')).body.items).toHaveLength(1);
  });

  it('leaves on record who said what of whom', async () => {
    await world.inRealm('PUT', '/users/adam', {
      body: { upn: 'adam@contoso.com' },
      operator: 'arn:aws:iam::1:user/op',
    });
    await world.inRealm('DELETE', '/users/adam');
    expect(world.records()).toMatchObject([
      {
        ...{ operator: 'arn:aws:iam::1:user/op', method: 'PUT', status: 201 },
        ...{ change: { upn: 'adam@contoso.com' }, outcome: { id: 'adam', version: 1 } },
      },
      { method: 'DELETE', path: '/admin/realms/default/users/adam', status: 204 },
    ]);
  });
});

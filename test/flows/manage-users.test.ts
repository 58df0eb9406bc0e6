import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { type MicrosoftUser, USER_IDENTIFIERS } from '../../functions/core/microsoft-user.ts';
import type { UserInput } from '../../functions/core/user-definition.ts';
import { type ManageUsers, manageUsers } from '../../functions/flows/manage-users.ts';
import { Outage, type UserRegistry } from '../../functions/ports.ts';
import { CLIENT, partner, REALM } from '../support/builders.ts';
import { type AdminWorld, adminWorld, inputOf, mustBe, reasonOf } from './admin-world.ts';
import { memoryUsers } from './memory-users.ts';

let world: AdminWorld;
let users: ManageUsers;
const managed = (changes: Partial<UserRegistry> = {}): ManageUsers =>
  manageUsers({ users: { ...memoryUsers(world.registry), ...changes }, registry: world.registry });
beforeEach(() => {
  world = adminWorld();
  users = managed();
});

const declare = (id: string, input: UserInput, version?: number) => users.declare(REALM, id, version, input);
const detailOf = async (result: ReturnType<typeof declare>): Promise<string | undefined> => {
  const outcome = await result;
  return !outcome.ok && outcome.refusal.reason === 'conflict' ? outcome.refusal.detail : undefined;
};

describe('a user', () => {
  it('is made, said again without an effect, and changed', async () => {
    const made = { realm: REALM, id: 'adam', identifiers: { upn: 'adam@contoso.com' }, version: 1 };
    expect(await declare('adam', { upn: 'Adam@contoso.com' })).toEqual({
      ok: true,
      value: { created: true, value: made },
    });
    expect(mustBe(await declare('adam', { upn: 'ADAM@contoso.com' }, 1))).toEqual({ created: false, value: made });
    const changed = { ...made, identifiers: { sip: 'adam@contoso.com' }, version: 2 };
    expect(mustBe(await declare('adam', { sip: 'adam@contoso.com' }))).toEqual({ created: false, value: changed });
    expect(mustBe(await users.show(REALM, 'adam'))).toEqual(changed);
    expect(await users.list(REALM, { limit: 10 })).toEqual({ items: [changed] });
  });

  it('is told what is wrong, and nothing is written', async () => {
    expect(await declare('a/b', { sid: 'x' })).toMatchObject({
      refusal: { reason: 'invalid', problems: [{ pointer: '/id' }, { pointer: '/sid' }] },
    });
    expect(world.registry.users.size).toBe(0);
  });

  it('is changed from the version that was read, where one is said', async () => {
    mustBe(await declare('adam', { upn: 'a@contoso.com' }, 0));
    mustBe(await declare('adam', { upn: 'b@contoso.com' }, 1));
    expect(await detailOf(declare('adam', { upn: 'c@contoso.com' }, 1))).toMatch(/version 2 now/);
    expect(await detailOf(declare('adam', { upn: 'c@contoso.com' }, 0))).toMatch(/version 2 now/);
    expect(await detailOf(declare('eve', { upn: 'c@contoso.com' }, 1))).toBe('user eve is gone');
    expect(mustBe(await users.show(REALM, 'adam')).identifiers).toEqual({ upn: 'b@contoso.com' });
  });

  it('is refused an identifier that means somebody else, and told whom', async () => {
    mustBe(await declare('adam', { upn: 'adam@contoso.com', smtp: 'a@contoso.com' }));
    mustBe(await declare('eve', { upn: 'eve@contoso.com' }));
    const taking = { upn: 'new@contoso.com', smtp: 'A@contoso.com' };
    expect(await detailOf(declare('bob', taking))).toBe('smtp a@contoso.com means user adam');
    expect(await detailOf(declare('eve', taking))).toBe('smtp a@contoso.com means user adam');
    mustBe(await users.remove(REALM, 'adam'));
    expect(reasonOf(await declare('eve', taking))).toBe('done');
  });

  it('is not called what a partner is, nor a partner what a user is', async () => {
    mustBe(await world.partners.add(REALM, await inputOf(CLIENT)));
    expect(await detailOf(declare(CLIENT, { upn: 'crm@contoso.com' }))).toBe('a partner of the realm has the id crm');
    mustBe(await declare('adam', { upn: 'adam@contoso.com' }));
    const refusal = { reason: 'conflict', detail: 'a user of the realm has the id adam' };
    expect(await world.partners.add(REALM, await inputOf('adam'))).toEqual({ ok: false, refusal });
    expect(await world.partners.declare(REALM, 'adam', undefined, {})).toEqual({ ok: false, refusal });
    expect(world.registry.partners.get(`${REALM}/adam`)).toBeUndefined();
  });

  it('may be called what a partner of another realm is', async () => {
    await world.registry.createPartner(partner({ realm: 'acme', id: 'adam' }), undefined);
    expect(reasonOf(await declare('adam', { upn: 'adam@contoso.com' }))).toBe('done');
  });

  it.each(['nobody', '', 'a/b', 'x'.repeat(300)])('is not found by the id %j', async (id) => {
    expect(reasonOf(await users.show(REALM, id))).toBe('not_found');
    expect(reasonOf(await users.remove(REALM, id))).toBe('not_found');
  });

  it('is removed although somebody changes it meanwhile, and not without end', async () => {
    mustBe(await declare('adam', { upn: 'adam@contoso.com' }));
    const memory = memoryUsers(world.registry);
    let losses = 2;
    const losing = async (user: MicrosoftUser) => (losses-- > 0 ? ('conflict' as const) : memory.removeUser(user));
    expect(reasonOf(await managed({ removeUser: losing }).remove(REALM, 'adam'))).toBe('done');
    mustBe(await declare('adam', { upn: 'adam@contoso.com' }));
    const lost = managed({ removeUser: async () => 'conflict' });
    expect(reasonOf(await lost.remove(REALM, 'adam'))).toBe('conflict');
  });

  it('is told of a lost race where nothing stands in the way any more', async () => {
    users = managed({ saveUser: async () => 'conflict' });
    expect(await detailOf(declare('adam', { upn: 'adam@contoso.com' }))).toMatch(/somebody else changed this/);
  });

  it('is an outage where the registry does not answer', async () => {
    users = managed({ saveUser: () => Promise.reject(new Outage('dynamodb:TransactWriteItems', undefined)) });
    await expect(declare('adam', { upn: 'adam@contoso.com' })).rejects.toThrow(Outage);
  });
});

describe('whatever is said and taken back', () => {
  const inputs = fc.record(
    Object.fromEntries(
      (['upn', 'smtp', 'sip'] as const).map((kind) => [kind, fc.constantFrom('a@x', 'A@x', 'b@x', 'c@x', 'nothing')]),
    ),
    { requiredKeys: [] },
  );
  const steps = fc.array(fc.tuple(fc.constantFrom('adam', 'eve', 'bob'), fc.option(inputs, { nil: undefined })), {
    maxLength: 20,
  });

  it('an identifier means one user at most, and every user has one', async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (taken) => {
        world = adminWorld();
        users = managed();
        for (const [id, input] of taken) {
          if (input === undefined) await users.remove(REALM, id);
          else await declare(id, input);
        }
        const { items } = await users.list(REALM, { limit: 100 });
        const names = items.flatMap(({ identifiers }) =>
          USER_IDENTIFIERS.flatMap((kind) => (identifiers[kind] === undefined ? [] : [`${kind} ${identifiers[kind]}`])),
        );
        expect(new Set(names).size).toBe(names.length);
        expect(items.filter(({ identifiers }) => Object.keys(identifiers).length === 0)).toEqual([]);
      }),
      { numRuns: 50 },
    );
  });
});

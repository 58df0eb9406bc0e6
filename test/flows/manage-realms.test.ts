import { beforeEach, describe, expect, it } from 'vitest';
import { type Realm, untouchedRealm } from '../../functions/core/realm.ts';
import { type ManageRealms, manageRealms } from '../../functions/flows/manage-realms.ts';
import { Outage, type RealmRegistry } from '../../functions/ports.ts';
import { ISSUER, NOW, REALM, realmDefaults } from '../support/builders.ts';
import { mustBe, reasonOf } from './admin-world.ts';
import { type MemoryRealms, memoryRealms, type TestClock, testClock } from './in-memory.ts';

let realms: MemoryRealms;
let clock: TestClock;
let manage: ManageRealms;
const over = (changes: Partial<RealmRegistry>) =>
  manageRealms({ realms: { ...realms, ...changes }, clock }, realmDefaults());
beforeEach(() => {
  realms = memoryRealms();
  clock = testClock();
  manage = over({});
});

const made = (name: string, changes: Partial<Realm> = {}): Realm => ({
  ...untouchedRealm(name),
  ...{ version: 1, createdAt: NOW, updatedAt: NOW },
  ...changes,
});
const find = async (name: string): Promise<Realm> => {
  const found = await manage.find(name);
  if (found === undefined) throw new Error(`there is no realm ${name}`);
  return found;
};
const change = async (name: string, members: object, version?: number) => {
  const realm = await find(name);
  return manage.change(realm, version ?? realm.version, members);
};

describe('adding a realm', () => {
  it('stores it, with an issuer of its own', async () => {
    const input = { description: 'Europe', aliases: ['eu'], policy: { algorithms: ['EdDSA'], accessTokenSeconds: 60 } };
    const realm = made('emea', { ...input, policy: { algorithms: ['EdDSA'], accessTokenSeconds: 60 } });
    const view = { realm, issuer: `${ISSUER}/realms/emea` };
    expect(mustBe(await manage.add('emea', input))).toEqual({ created: true, value: view });
    expect([await manage.find('emea'), await manage.find('eu')]).toEqual([realm, realm]);
    expect(manage.show(realm)).toEqual(view);
  });

  it('twice is done once, in whatever order its aliases are given', async () => {
    mustBe(await manage.add('emea', { aliases: ['a', 'b'] }));
    clock.time += 9;
    const again = mustBe(await manage.add('emea', { aliases: ['b', 'a'] }));
    expect([again.created, again.value.realm]).toEqual([false, made('emea', { aliases: ['a', 'b'] })]);
  });

  it.each([
    ['that exists and is different', 'asia', { description: 'x' }],
    ['that exists and has another policy', 'asia', { aliases: ['apac'], policy: { assertionSeconds: 60 } }],
    ['whose name is an alias of another', 'apac', {}],
    ['one of whose aliases is another', 'emea', { aliases: ['asia'] }],
    ['one of whose aliases another has', 'emea', { aliases: ['eu', 'apac'] }],
    ['one of whose aliases is the default realm', 'emea', { aliases: [REALM] }],
    ['that is the default one, which is there, and different', REALM, { description: 'x' }],
  ])('%s is a conflict and writes nothing', async (_what, name, input) => {
    mustBe(await manage.add('asia', { aliases: ['apac'] }));
    expect(reasonOf(await manage.add(name, input))).toBe('conflict');
    expect([...realms.realms.keys()]).toEqual(['asia']);
    expect((await find(REALM)).name).toBe(REALM);
  });

  it('that is the default one as it is has been done already', async () => {
    const again = mustBe(await manage.add(REALM, {}));
    expect([again.created, again.value.issuer, realms.realms.size]).toEqual([false, ISSUER, 0]);
  });

  it.each([
    ['Emea', {}],
    ['-', {}],
    ['', {}],
    ['x'.repeat(64), {}],
    ['emea', { aliases: ['emea'] }],
    ['emea', { aliases: ['A'] }],
    ['emea', { policy: { algorithms: ['none'] } }],
    ['emea', { policy: { accessTokenSeconds: 1 } }],
  ])('%j with %j is invalid', async (name, input) => {
    expect(reasonOf(await manage.add(name, input))).toBe('invalid');
    expect(realms.realms.size).toBe(0);
  });

  it('at the same time as somebody else gives one realm', async () => {
    const results = await Promise.all([
      manage.add('emea', { description: 'a' }),
      manage.add('emea', { description: 'b' }),
    ]);
    expect(results.map(reasonOf).sort()).toEqual(['conflict', 'done']);
  });
});

describe('changing a realm', () => {
  it('replaces the members named and leaves the rest', async () => {
    mustBe(await manage.add('emea', { description: 'Europe', aliases: ['a'], policy: { accessTokenSeconds: 60 } }));
    clock.time += 9;
    const { realm } = mustBe(await change('emea', { description: null, enabled: false }));
    const after = {
      aliases: ['a'],
      policy: { accessTokenSeconds: 60 },
      enabled: false,
      version: 2,
      updatedAt: NOW + 9,
    };
    expect([realm, await find('emea')]).toEqual([made('emea', after), made('emea', after)]);
  });

  it('moves its aliases: those given up are free for others', async () => {
    mustBe(await manage.add('emea', { aliases: ['a', 'b'] }));
    mustBe(await change('emea', { aliases: ['b', 'c'] }));
    expect(await manage.find('a')).toBeUndefined();
    expect((await find('c')).name).toBe('emea');
    expect(reasonOf(await manage.add('a', {}))).toBe('done');
    expect(reasonOf(await change('emea', { aliases: ['a'] }))).toBe('conflict');
    expect((await find('emea')).aliases).toEqual(['b', 'c']);
  });

  it('writes the default one the first time it is changed; its issuer stays the base URL', async () => {
    const view = mustBe(await change(REALM, { policy: { accessTokenSeconds: 60 } }, 0));
    const realm = made(REALM, { policy: { accessTokenSeconds: 60 } });
    expect([view, await find(REALM)]).toEqual([{ realm, issuer: ISSUER }, realm]);
    const [stale] = [untouchedRealm(REALM)];
    expect(reasonOf(await manage.change(stale, 0, { description: 'late' }))).toBe('conflict');
  });

  it('by a version that is not the current one is a conflict, as is a lost race', async () => {
    mustBe(await manage.add('emea', {}));
    expect(reasonOf(await change('emea', { enabled: false }, 2))).toBe('conflict');
    const realm = await find('emea');
    const results = await Promise.all(['a', 'b'].map((description) => manage.change(realm, 1, { description })));
    expect(results.map(reasonOf).sort()).toEqual(['conflict', 'done']);
  });

  it('to what is not acceptable is invalid', async () => {
    mustBe(await manage.add('emea', {}));
    expect(reasonOf(await change('emea', { description: '' }))).toBe('invalid');
    expect(await find('emea')).toEqual(made('emea'));
  });
});

describe('the list of realms', () => {
  const names = async (limit: number) => {
    const pages: string[][] = [];
    let cursor: string | undefined;
    do {
      const page = await manage.list({ limit, cursor });
      pages.push(page.items.map(({ realm }) => realm.name));
      cursor = page.next;
    } while (cursor !== undefined);
    return pages;
  };

  it('has the default realm, written or not, and each other once', async () => {
    expect(await manage.list({ limit: 10 })).toEqual({ items: [{ realm: untouchedRealm(REALM), issuer: ISSUER }] });
    for (const name of ['asia', 'emea', 'zulu']) mustBe(await manage.add(name, {}));
    expect((await names(10)).flat()).toEqual([REALM, 'asia', 'emea', 'zulu']);
    expect((await names(2)).flat()).toEqual([REALM, 'asia', 'emea', 'zulu']);
    mustBe(await change(REALM, { description: 'ours' }));
    expect((await names(10)).flat()).toEqual(['asia', REALM, 'emea', 'zulu']);
    expect((await names(1)).flat()).toEqual(['asia', REALM, 'emea', 'zulu']);
  });

  it('never has a page that is longer than was asked for', async () => {
    for (const name of ['asia', 'emea', 'zulu']) mustBe(await manage.add(name, {}));
    for (const limit of [1, 2, 3]) {
      expect(Math.max(...(await names(limit)).map((page) => page.length))).toBeLessThanOrEqual(limit);
    }
  });
});

it('an outage is thrown, not answered', async () => {
  const down = () => Promise.reject(new Outage('dynamodb:TransactWriteItems', new Error('down')));
  const broken = over({ saveRealm: down });
  await expect(broken.add('emea', {})).rejects.toBeInstanceOf(Outage);
  await expect(broken.change(untouchedRealm(REALM), 0, {})).rejects.toBeInstanceOf(Outage);
});

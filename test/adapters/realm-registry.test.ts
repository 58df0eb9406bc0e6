import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Realm, untouchedRealm } from '../../functions/core/realm.ts';
import { NOW, REALM } from '../support/builders.ts';
import { IMPLEMENTATIONS, type Registries, readAll } from './registries.ts';

const realm = (name: string, changes: Partial<Realm> = {}): Realm => ({
  ...untouchedRealm(name),
  ...{ version: 1, createdAt: NOW, updatedAt: NOW },
  ...changes,
});

describe.each(IMPLEMENTATIONS)('a realm, %s', (_where, open) => {
  let registries: Registries;
  beforeEach(async () => {
    registries = await open();
  });
  afterEach(() => registries[Symbol.asyncDispose]());

  const save = (name: string, changes: Partial<Realm> = {}, before: Partial<Realm> = {}) =>
    registries.realms.saveRealm(realm(name, changes), { ...untouchedRealm(name), ...before });
  const find = (name: string) => registries.realms.findRealm(name);

  it('is found by its name and by each alias, with all that is said of it', async () => {
    const whole = { aliases: ['emea', 'eu.example.com'], description: 'Europe', policy: { accessTokenSeconds: 60 } };
    expect(await save('europe', { ...whole, enabled: false })).toBe('saved');
    for (const name of ['europe', ...whole.aliases]) {
      expect(await find(name)).toEqual(realm('europe', { ...whole, enabled: false }));
    }
  });

  it.each(['none', 'EUROPE', '', 'a#b', '-', 'x'.repeat(64)])('is not found by the name %j', async (name) => {
    await save('europe');
    expect(await find(name)).toBeUndefined();
  });

  it('is there without being written where it is the default, and is written like any other', async () => {
    expect(await find(REALM)).toEqual(untouchedRealm(REALM));
    expect(await registries.realms.listRealms({ limit: 10 })).toEqual({ items: [] });
    expect(await save(REALM, { description: 'ours', aliases: ['main'] })).toBe('saved');
    expect([await find(REALM), await find('main')]).toEqual(
      Array.from({ length: 2 }, () => realm(REALM, { description: 'ours', aliases: ['main'] })),
    );
    expect(await save(REALM, { description: 'theirs' })).toBe('conflict');
  });

  it.each([
    ['the name of another', ['asia']],
    ['the alias of another', ['apac']],
    ['the name of the default realm, which is there without a row', [REALM]],
    ['a free name beside a taken one', ['free', 'apac']],
  ])('does not get an alias that is %s', async (_what, aliases) => {
    await save('asia', { aliases: ['apac'] });
    await save('europe');
    const before = await Promise.all(['asia', 'apac', 'europe', 'free', REALM].map(find));
    expect(await save('europe', { aliases, version: 2 })).toBe('conflict');
    expect(await save('africa', { aliases })).toBe('conflict');
    expect(await Promise.all(['asia', 'apac', 'europe', 'free', REALM].map(find))).toEqual(before);
    expect(await find('africa')).toBeUndefined();
  });

  it('does not get the alias of another for a name', async () => {
    await save('asia', { aliases: ['apac'] });
    expect(await save('apac')).toBe('conflict');
    expect((await find('apac'))?.name).toBe('asia');
  });

  it('gives an alias up for others to take, and keeps those that stay', async () => {
    await save('europe', { aliases: ['emea', 'eu'] });
    expect(await save('europe', { aliases: ['eu', 'west'], version: 2 }, { aliases: ['emea', 'eu'] })).toBe('saved');
    expect((await Promise.all(['emea', 'eu', 'west'].map(find))).map((each) => each?.name)).toEqual([
      undefined,
      'europe',
      'europe',
    ]);
    expect(await save('emea')).toBe('saved');
  });

  it('follows the version before', async () => {
    await save('europe');
    expect(await save('europe', { version: 3 })).toBe('conflict');
    const outcomes = await Promise.all(['a', 'b'].map((description) => save('europe', { description, version: 2 })));
    expect([...outcomes].sort()).toEqual(['conflict', 'saved']);
    expect(await save('nowhere', { version: 2 })).toBe('conflict');
  });

  it('stands in the list once, without its aliases', async () => {
    for (const name of ['c', 'a', 'b', REALM]) await save(name, { aliases: [`alias-of-${name}`] });
    for (const limit of [1, 3, 100]) {
      const listed = await readAll((page) => registries.realms.listRealms(page), limit);
      expect(listed.map(({ name }) => name)).toEqual(['a', 'b', 'c', REALM]);
    }
    // A cursor need not be a name that is there.
    expect((await registries.realms.listRealms({ limit: 9, cursor: '-' })).items).toHaveLength(4);
  });
});

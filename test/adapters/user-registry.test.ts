import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { dynamoPartnerRegistry } from '../../functions/adapters/dynamo-partner-registry.ts';
import { dynamoUserRegistry } from '../../functions/adapters/dynamo-user-registry.ts';
import { dynamoUserReader } from '../../functions/adapters/dynamo-users.ts';
import type { Row } from '../../functions/adapters/registry-keys.ts';
import { MalformedRowError } from '../../functions/adapters/row-members.ts';
import { parseUserRow, userNameRows, userRow } from '../../functions/adapters/user-rows.ts';
import type { MicrosoftUser, UserIdentifiers } from '../../functions/core/microsoft-user.ts';
import type { PartnerRegistry, UserRegistry } from '../../functions/ports.ts';
import { memoryRegistry } from '../flows/in-memory.ts';
import { memoryUsers } from '../flows/memory-users.ts';
import { NOW, partner, REALM } from '../support/builders.ts';
import { type EmbeddedAws, openAws, TABLE } from '../support/embedded-aws.ts';
import { readAll } from './registries.ts';

const user = (id: string, identifiers: UserIdentifiers, version = 1): MicrosoftUser => ({
  ...{ realm: REALM, id, identifiers, version },
});
const ADAM = user('adam', { upn: 'adam@contoso.com', sip: 'adam@contoso.com' });

interface Opened extends AsyncDisposable {
  readonly users: UserRegistry;
  readonly partners: Pick<PartnerRegistry, 'createPartner' | 'isUser'>;
}

const openMemory = async (): Promise<Opened> => {
  const registry = memoryRegistry();
  return { users: memoryUsers(registry), partners: registry, [Symbol.asyncDispose]: async () => undefined };
};

const openDynamo = async (): Promise<Opened> => {
  const aws = await openAws(() => NOW * 1_000);
  return {
    users: dynamoUserRegistry(aws.documents, TABLE),
    partners: dynamoPartnerRegistry(aws.documents, TABLE),
    [Symbol.asyncDispose]: () => aws[Symbol.asyncDispose](),
  };
};

describe.each([
  ['in memory', openMemory],
  ['on DynamoDB', openDynamo],
])('users, %s', (_where, open) => {
  let opened: Opened;
  let users: UserRegistry;
  beforeEach(async () => {
    opened = await open();
    users = opened.users;
  });
  afterEach(() => opened[Symbol.asyncDispose]());

  it('are found by their id, and each identifier says whom it means', async () => {
    expect(await users.saveUser(ADAM, undefined)).toBe('saved');
    expect(await users.findUser(REALM, 'adam')).toEqual(ADAM);
    expect(await users.findHolder(REALM, 'upn', 'adam@contoso.com')).toBe('adam');
    expect(await users.findHolder(REALM, 'sip', 'adam@contoso.com')).toBe('adam');
    expect(await users.findHolder(REALM, 'smtp', 'adam@contoso.com')).toBeUndefined();
    expect(await users.findUser('other', 'adam')).toBeUndefined();
    expect(await users.findHolder('other', 'upn', 'adam@contoso.com')).toBeUndefined();
  });

  it('stand in the list of their realm once each, in the order of their ids', async () => {
    for (const id of ['c', 'a', 'b@x', 'b']) await users.saveUser(user(id, { upn: `${id}-upn@x` }), undefined);
    await users.saveUser({ ...ADAM, realm: 'other' }, undefined);
    for (const limit of [1, 3, 100]) {
      const listed = await readAll((page) => users.listUsers(REALM, page), limit);
      expect(listed.map(({ id }) => id)).toEqual(['a', 'b', 'b@x', 'c']);
    }
  });

  it('share no identifier, and of two at the same time one gets it', async () => {
    const [eve, bob] = [user('eve', { upn: 'one@contoso.com' }), user('bob', { upn: 'one@contoso.com' })];
    const outcomes = await Promise.all([users.saveUser(eve, undefined), users.saveUser(bob, undefined)]);
    expect(outcomes.toSorted()).toEqual(['conflict', 'saved']);
    const holder = await users.findHolder(REALM, 'upn', 'one@contoso.com');
    const stored = await readAll((page) => users.listUsers(REALM, page), 10);
    expect(stored.map(({ id }) => id)).toEqual([holder]);
  });

  it('may have an identifier of one kind that is of another kind with somebody else', async () => {
    await users.saveUser(user('eve', { upn: 'x@contoso.com' }), undefined);
    expect(await users.saveUser(user('bob', { smtp: 'x@contoso.com' }), undefined)).toBe('saved');
  });

  it('take and give up identifiers with a write, all or nothing', async () => {
    await users.saveUser(ADAM, undefined);
    await users.saveUser(user('eve', { upn: 'eve@contoso.com' }), undefined);
    const taking = user('adam', { upn: 'eve@contoso.com', smtp: 'new@contoso.com' }, 2);
    expect(await users.saveUser(taking, ADAM)).toBe('conflict');
    expect(await users.findUser(REALM, 'adam')).toEqual(ADAM);
    expect(await users.findHolder(REALM, 'smtp', 'new@contoso.com')).toBeUndefined();
    const moved = user('adam', { upn: 'adam@contoso.com', smtp: 'new@contoso.com' }, 2);
    expect(await users.saveUser(moved, ADAM)).toBe('saved');
    expect(await users.findHolder(REALM, 'sip', 'adam@contoso.com')).toBeUndefined();
    expect(await users.findHolder(REALM, 'smtp', 'new@contoso.com')).toBe('adam');
    expect(await users.saveUser(user('bob', { sip: 'adam@contoso.com' }), undefined)).toBe('saved');
  });

  it('follow the version before', async () => {
    await users.saveUser(ADAM, undefined);
    expect(await users.saveUser(ADAM, undefined)).toBe('conflict');
    const next = (sip: string) => users.saveUser(user('adam', { upn: 'adam@contoso.com', sip }, 2), ADAM);
    const outcomes = await Promise.all([next('one@contoso.com'), next('two@contoso.com')]);
    expect(outcomes.toSorted()).toEqual(['conflict', 'saved']);
    expect(await users.removeUser(ADAM)).toBe('conflict');
    expect(await users.saveUser(user('nobody', { upn: 'a@b' }, 2), user('nobody', { upn: 'a@b' }))).toBe('conflict');
  });

  it('are gone with all that means them', async () => {
    await users.saveUser(ADAM, undefined);
    expect(await users.removeUser(ADAM)).toBe('saved');
    expect(await users.removeUser(ADAM)).toBe('conflict');
    expect(await users.findUser(REALM, 'adam')).toBeUndefined();
    expect(await users.saveUser(user('eve', ADAM.identifiers), undefined)).toBe('saved');
  });

  it('are not taken for somebody who came under the same id later, at the same version', async () => {
    await users.saveUser(ADAM, undefined);
    await users.removeUser(ADAM);
    const another = user('adam', { ...ADAM.identifiers, smtp: 'more@contoso.com' });
    await users.saveUser(another, undefined);
    expect(await users.saveUser(user('adam', { upn: 'new@contoso.com' }, 2), ADAM)).toBe('conflict');
    expect(await users.removeUser(ADAM)).toBe('conflict');
    expect(await users.findUser(REALM, 'adam')).toEqual(another);
    expect(await users.findHolder(REALM, 'smtp', 'more@contoso.com')).toBe('adam');
  });

  it('have no id of a partner, nor a partner one of theirs', async () => {
    const { partners } = opened;
    expect(await partners.createPartner(partner({ id: 'crm' }), undefined)).toBe('saved');
    expect(await users.saveUser(user('crm', { upn: 'crm@contoso.com' }), undefined)).toBe('conflict');
    expect(await users.findHolder(REALM, 'upn', 'crm@contoso.com')).toBeUndefined();
    await users.saveUser(ADAM, undefined);
    expect(await partners.createPartner(partner({ id: 'adam' }), undefined)).toBe('conflict');
    expect(await Promise.all(['adam', 'crm'].map((id) => partners.isUser(REALM, id)))).toEqual([true, false]);
    await users.removeUser(ADAM);
    expect(await partners.createPartner(partner({ id: 'adam' }), undefined)).toBe('saved');
  });

  it('and partners that come at the same time under one id are one of both', async () => {
    const outcomes = await Promise.all([
      users.saveUser(ADAM, undefined),
      opened.partners.createPartner(partner({ id: 'adam' }), undefined),
    ]);
    expect(outcomes.toSorted()).toEqual(['conflict', 'saved']);
  });
});

describe('the reader of tokens', () => {
  let aws: EmbeddedAws;
  beforeEach(async () => {
    aws = await openAws(() => NOW * 1_000);
  });
  afterEach(() => aws[Symbol.asyncDispose]());

  it('sees what the administration has written, in one call however many identifiers there are', async () => {
    const users = dynamoUserRegistry(aws.documents, TABLE);
    const reader = dynamoUserReader({ client: aws.documents, table: TABLE, cacheSeconds: 0 });
    await users.saveUser(ADAM, undefined);
    const changed = user('adam', { upn: 'adam@contoso.com', smtp: 'a.b@contoso.com' }, 2);
    await users.saveUser(changed, ADAM);
    const eve = user('eve', { sip: 'adam@contoso.com' });
    await users.saveUser(eve, undefined);
    aws.calls.length = 0;
    const found = await reader.findUsers(REALM, { upn: 'adam@contoso.com', sip: 'adam@contoso.com', smtp: 'x@y' });
    expect(found.toSorted((a, b) => a.id.localeCompare(b.id))).toEqual([changed, eve]);
    expect(aws.calls).toEqual(['BatchGetItem']);
    expect(await reader.findUser(REALM, 'adam')).toEqual(changed);
    expect(await reader.findUsers('other', { upn: 'adam@contoso.com' })).toEqual([]);
  });
});

describe('the rows of a user', () => {
  it('are read as they were written, and have the keys that the data model shows', () => {
    const all = user('adam', { upn: 'a@b', smtp: 'c@d', sip: 'e@f', sid: 's-1-5-18', puid: '0123456789abcdef' });
    const rows = [userRow(all), ...userNameRows(all)];
    expect(rows.map((row) => parseUserRow(structuredClone(row)))).toEqual(rows.map(() => all));
    expect(rows.map(({ pk, sk, listing, listingSort }) => [pk, sk, listing, listingSort])).toEqual([
      ['user#default#adam', 'user', 'users#default', 'adam'],
      ['user-name#default#upn#a@b', 'user-name', undefined, undefined],
      ['user-name#default#smtp#c@d', 'user-name', undefined, undefined],
      ['user-name#default#sip#e@f', 'user-name', undefined, undefined],
      ['user-name#default#sid#s-1-5-18', 'user-name', undefined, undefined],
      ['user-name#default#puid#0123456789abcdef', 'user-name', undefined, undefined],
    ]);
  });

  it.each([{ id: 1 }, { realm: undefined }, { identifiers: 'x' }, { identifiers: { upn: 1 } }, { version: '1' }])(
    'are malformed with %j',
    (change: Row) => {
      expect(() => parseUserRow({ ...userRow(ADAM), ...change })).toThrow(MalformedRowError);
    },
  );
});

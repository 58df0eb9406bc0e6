import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import type { AdminResult } from '../../functions/core/registration.ts';
import { MAX_AUDIENCES_PER_OWNER, type ManagePartners, managePartners } from '../../functions/flows/manage-partners.ts';
import { Outage, type Registry } from '../../functions/ports.ts';
import {
  AUDIENCE,
  audience,
  CLIENT,
  grant,
  keyPair,
  NOW,
  OWNER,
  partner,
  partnerKey,
  REALM,
  ring,
  signingKey,
} from '../support/builders.ts';
import { type MemoryRegistry, memoryRegistry, type TestClock, testClock } from './in-memory.ts';

let registry: MemoryRegistry;
let clock: TestClock;
let manage: ManagePartners;
const over = (changes: Partial<Registry>): ManagePartners =>
  managePartners({ registry: { ...registry, ...changes }, clock, rings: { list: async () => [await signingRing()] } });

/** A realm that signs with RS256 alone. */
const signingRing = async () => ring('RS256', [signingKey(await keyPair('RS256'))]);

beforeEach(() => {
  registry = memoryRegistry();
  clock = testClock();
  manage = over({});
});

const input = async (id: string, name = 'k1') => ({
  id,
  jwks: { keys: [{ ...(await keyPair('ES256', name)).publicJwk, kid: name }] },
});
const reasonOf = (result: AdminResult<unknown>): string => (result.ok ? 'done' : result.refusal.reason);

/** Two partners, an audience of one of them, and a grant on it for the other. */
const populate = async () => {
  await manage.addPartner(REALM, await input(CLIENT));
  await manage.addPartner(REALM, await input(OWNER));
  await manage.addAudience(REALM, { audience: AUDIENCE, owner: OWNER, scopes: ['read', 'write'] });
  await manage.addGrant(REALM, { client: CLIENT, audience: AUDIENCE, scopes: ['read', 'write'] });
};

describe('adding a partner', () => {
  it('stores it and shows it', async () => {
    const keys = [{ ...partnerKey(await keyPair()), addedAt: NOW }];
    const stored = { partner: partner({ keys, createdAt: NOW, updatedAt: NOW }), grants: [], audiences: [] };
    await expect(manage.addPartner(REALM, await input(CLIENT))).resolves.toEqual({
      ok: true,
      value: { created: true, value: stored },
    });
    await expect(manage.showPartner(REALM, CLIENT)).resolves.toEqual({ ok: true, value: stored });
  });

  it('twice is done once, and the second answer shows what is stored', async () => {
    await populate();
    clock.time += 100;
    await manage.changePartner(REALM, CLIENT, { enabled: false });
    const again = await manage.addPartner(REALM, await input(CLIENT));
    expect(again).toMatchObject({
      value: { created: false, value: { partner: { enabled: false, version: 2, createdAt: NOW }, grants: [grant()] } },
    });
  });

  it('under an id that is taken by another is a conflict, and the other stays', async () => {
    await manage.addPartner(REALM, await input(CLIENT));
    expect(reasonOf(await manage.addPartner(REALM, await input(CLIENT, 'k2')))).toBe('conflict');
    expect(registry.partners.get(`${REALM}/${CLIENT}`)?.keys.map((key) => key.kid)).toEqual(['k1']);
  });

  it('at the same time as somebody else gives one partner', async () => {
    const results = await Promise.all([
      manage.addPartner(REALM, await input(CLIENT)),
      manage.addPartner(REALM, await input(CLIENT)),
    ]);
    expect(results.map((result) => result.ok && result.value.created).sort()).toEqual([false, true]);
  });

  it('that is not acceptable writes nothing', async () => {
    expect(reasonOf(await manage.addPartner(REALM, await input('not an id')))).toBe('invalid');
    expect(registry.partners.size).toBe(0);
  });

  it('to one realm leaves the others alone', async () => {
    await manage.addPartner(REALM, await input(CLIENT));
    expect(reasonOf(await manage.showPartner('other', CLIENT))).toBe('not_found');
  });
});

describe('changing a partner', () => {
  it('to disabled disables each of its audiences in the same write', async () => {
    await populate();
    clock.time += 5;
    const changed = await manage.changePartner(REALM, OWNER, { enabled: false });
    expect(changed).toMatchObject({
      value: { partner: { enabled: false, version: 3, updatedAt: NOW + 5 }, audiences: [AUDIENCE] },
    });
    expect(registry.audiences.get(`${REALM}/${AUDIENCE}`)?.ownerEnabled).toBe(false);
    await manage.changePartner(REALM, OWNER, { enabled: true });
    expect(registry.audiences.get(`${REALM}/${AUDIENCE}`)?.ownerEnabled).toBe(true);
  });

  it('that somebody else changed meanwhile is a conflict', async () => {
    await populate();
    const racing = over({
      updatePartner: async (changed, audiences) => {
        await manage.changePartner(REALM, CLIENT, { name: 'faster' });
        return registry.updatePartner(changed, audiences);
      },
    });
    expect(reasonOf(await racing.changePartner(REALM, CLIENT, { name: 'slower' }))).toBe('conflict');
    expect(registry.partners.get(`${REALM}/${CLIENT}`)?.name).toBe('faster');
  });

  it.each(['nobody', '', '../x', 'x'.repeat(500), 'a#b'])('that is not there (%j) is not found', async (id) => {
    expect(reasonOf(await manage.changePartner(REALM, id, { enabled: false }))).toBe('not_found');
  });

  it('never leaves an enabled audience to a disabled owner, however a new audience races with it', async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), async (scheduler) => {
        registry = memoryRegistry();
        manage = over({});
        await manage.addPartner(REALM, await input(OWNER));
        const raced = over({
          findPartner: async (...args) => {
            const found = await registry.findPartner(...args);
            await scheduler.schedule(Promise.resolve());
            return found;
          },
          createAudience: async (...args) => {
            await scheduler.schedule(Promise.resolve());
            return registry.createAudience(...args);
          },
        });
        await scheduler.waitFor(
          Promise.all([
            raced.changePartner(REALM, OWNER, { enabled: false }),
            raced.addAudience(REALM, { audience: AUDIENCE, owner: OWNER, scopes: ['read'] }),
          ]),
        );
        const { enabled } = registry.partners.get(`${REALM}/${OWNER}`) ?? {};
        for (const each of registry.audiences.values()) expect(each.ownerEnabled).toBe(enabled);
      }),
      { numRuns: 100 },
    );
  });
});

describe('adding an audience', () => {
  const add = (changes: object = {}) =>
    manage.addAudience(REALM, { audience: AUDIENCE, owner: OWNER, scopes: ['read', 'write'], ...changes });

  it('gives it to its owner, once', async () => {
    await manage.addPartner(REALM, await input(OWNER));
    const [first, second] = [await add(), await add({ scopes: ['write', 'read'] })];
    expect([first, second]).toEqual([
      { ok: true, value: { created: true, value: audience() } },
      { ok: true, value: { created: false, value: audience() } },
    ]);
  });

  it('that another owns, or with other scopes, is a conflict', async () => {
    await populate();
    const outcomes = [await add({ owner: CLIENT }), await add({ scopes: ['read'] })].map(reasonOf);
    expect([outcomes, registry.audiences.get(`${REALM}/${AUDIENCE}`)]).toEqual([['conflict', 'conflict'], audience()]);
  });

  it('for an owner that is not there is not found; with a wrong name, scope or algorithm it is invalid', async () => {
    await manage.addPartner(REALM, await input(OWNER));
    const outcomes = [{ owner: 'nobody' }, { audience: 'x' }, { scopes: [] }, { algorithm: 'ES256' }].map((changes) =>
      add(changes),
    );
    expect((await Promise.all(outcomes)).map(reasonOf)).toEqual(['not_found', 'invalid', 'invalid', 'invalid']);
    expect(registry.audiences.size).toBe(0);
  });

  it('of a disabled owner starts disabled', async () => {
    await manage.addPartner(REALM, await input(OWNER));
    await manage.changePartner(REALM, OWNER, { enabled: false });
    expect(await add()).toMatchObject({ value: { value: { ownerEnabled: false } } });
  });

  it(`stops at ${MAX_AUDIENCES_PER_OWNER}, so that one transaction can still disable them all`, async () => {
    await manage.addPartner(REALM, await input(OWNER));
    for (let index = 0; index < MAX_AUDIENCES_PER_OWNER; index += 1) await add({ audience: `urn:${index}` });
    expect([reasonOf(await add()), registry.audiences.size]).toEqual(['conflict', MAX_AUDIENCES_PER_OWNER]);
    expect(reasonOf(await add({ audience: 'urn:0' }))).toBe('done');
  });
});

describe('adding a grant', () => {
  const give = (changes: object = {}) =>
    manage.addGrant(REALM, { client: CLIENT, audience: AUDIENCE, scopes: ['read'], ...changes });

  it('stores it, replaces its scopes, and is done once', async () => {
    await populate();
    const outcomes = [await give(), await give(), await give({ scopes: ['write', 'read'] })];
    expect(outcomes.map((result) => result.ok && result.value)).toEqual([
      { created: false, value: grant({ scopes: ['read'], version: 2 }) },
      { created: false, value: grant({ scopes: ['read'], version: 2 }) },
      { created: false, value: grant({ scopes: ['write', 'read'], version: 3 }) },
    ]);
  });

  it('is refused where the client or the audience is not there, or does not declare the scope', async () => {
    await populate();
    const changes = [
      { client: 'nobody' },
      { audience: 'urn:other' },
      { audience: 'no uri' },
      { scopes: ['admin'] },
      { scopes: [] },
    ];
    expect((await Promise.all(changes.map((each) => give(each)))).map(reasonOf)).toEqual([
      ...['not_found', 'not_found', 'not_found', 'invalid', 'invalid'],
    ]);
    expect([...registry.grants.values()]).toEqual([grant()]);
  });

  it('that somebody else changed meanwhile is a conflict, never a silent overwrite', async () => {
    await populate();
    const racing = over({
      saveGrant: async (wanted) => {
        await give({ scopes: ['write'] });
        return registry.saveGrant(wanted);
      },
    });
    expect(reasonOf(await racing.addGrant(REALM, { client: CLIENT, audience: AUDIENCE, scopes: ['read'] }))).toBe(
      'conflict',
    );
    expect([...registry.grants.values()]).toEqual([grant({ scopes: ['write'], version: 2 })]);
  });
});

describe('the lists', () => {
  it('show partners, audiences and grants, page by page', async () => {
    await populate();
    const first = await manage.listPartners(REALM, { limit: 1 });
    const second = await manage.listPartners(REALM, { limit: 1, cursor: first.next });
    expect([first, second].map((page) => [page.items.map((each) => each.id), page.next])).toEqual([
      [[OWNER], OWNER],
      [[CLIENT], undefined],
    ]);
    await expect(manage.listAudiences(REALM, { limit: 5 })).resolves.toEqual({ items: [audience()] });
    await expect(manage.listGrantsOn(REALM, AUDIENCE, { limit: 5 })).resolves.toEqual({ items: [grant()] });
    await expect(manage.listGrantsOf(REALM, CLIENT)).resolves.toEqual({ ok: true, value: { items: [grant()] } });
    expect(reasonOf(await manage.listGrantsOf(REALM, 'nobody'))).toBe('not_found');
  });
});

describe('an outage', () => {
  it('is thrown, not answered', async () => {
    await populate();
    const down = () => Promise.reject(new Outage('dynamodb:TransactWriteItems', new Error('down')));
    const broken = over({ updatePartner: down, saveGrant: down, createAudience: down, createPartner: down });
    const fresh = await input('new');
    const attempts = [
      () => broken.addPartner(REALM, fresh),
      () => broken.changePartner(REALM, CLIENT, { enabled: false }),
      () => broken.addAudience(REALM, { audience: 'urn:new', owner: OWNER, scopes: ['read'] }),
      () => broken.addGrant(REALM, { client: CLIENT, audience: AUDIENCE, scopes: ['read'] }),
    ];
    for (const attempt of attempts) await expect(attempt()).rejects.toBeInstanceOf(Outage);
  });
});

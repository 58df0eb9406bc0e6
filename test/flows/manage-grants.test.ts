import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import type { DetailTypesInput } from '../../functions/core/authorization-details.ts';
import type { AdminResult } from '../../functions/core/registration.ts';
import { MAX_AUDIENCES_PER_OWNER } from '../../functions/flows/manage-grants.ts';
import { Outage } from '../../functions/ports.ts';
import { AUDIENCE, audience, CLIENT, grant, OWNER, REALM } from '../support/builders.ts';
import {
  type AdminWorld,
  adminWorld,
  inputOf,
  interleave,
  letRealm,
  managersOver,
  mustBe,
  populate,
  reasonOf,
  scheduled,
  stored,
} from './admin-world.ts';

let world: AdminWorld;
beforeEach(() => {
  world = adminWorld();
});

const INPUT = { audience: AUDIENCE, owner: OWNER, scopes: ['read', 'write'] };
const kept = () => world.registry.audiences.get(`${REALM}/${AUDIENCE}`);

describe('adding an audience', () => {
  const add = (changes: object = {}) => world.grants.addAudience(REALM, { ...INPUT, ...changes });
  beforeEach(async () => {
    mustBe(await world.partners.add(REALM, await inputOf(OWNER)));
  });

  it('gives it to its owner, once', async () => {
    const policy = { accessTokenSeconds: 60, binding: 'dpop' };
    const made = audience({ tokenPolicy: { accessTokenSeconds: 60, binding: 'dpop' } });
    expect(await add({ tokenPolicy: policy })).toEqual({ ok: true, value: { created: true, value: made } });
    const reordered = { scopes: ['write', 'read'], tokenPolicy: { binding: 'dpop', accessTokenSeconds: 60 } };
    expect(await add(reordered)).toEqual({ ok: true, value: { created: false, value: made } });
    expect([kept(), (await stored(world, OWNER)).audiences]).toEqual([made, [AUDIENCE]]);
  });

  it('that another owns, or with other scopes or another policy, is a conflict', async () => {
    mustBe(await add());
    mustBe(await world.partners.add(REALM, await inputOf(CLIENT)));
    const others = [{ owner: CLIENT }, { scopes: ['read'] }, { tokenPolicy: { accessTokenSeconds: 60 } }];
    for (const other of others) expect(reasonOf(await add(other))).toBe('conflict');
    expect(kept()).toEqual(audience());
  });

  it.each([
    ['not_found', { owner: 'nobody' }],
    ['not_found', { owner: 'no id' }],
    ['invalid', { audience: 'x' }],
    ['invalid', { scopes: [] }],
    ['invalid', { tokenPolicy: { algorithm: 'ES256' } }],
    ['invalid', { tokenPolicy: { algorithm: 'ES384' } }],
    ['done', { tokenPolicy: { algorithm: 'RS256' } }],
  ])('is %s with %j', async (reason, changes) => {
    expect(reasonOf(await add(changes))).toBe(reason);
    expect(world.registry.audiences.size).toBe(reason === 'done' ? 1 : 0);
  });

  it('of a disabled owner starts disabled', async () => {
    mustBe(await world.partners.change(REALM, OWNER, 1, { enabled: false }));
    expect(mustBe(await add()).value.ownerEnabled).toBe(false);
  });

  it(`stops at ${MAX_AUDIENCES_PER_OWNER}, so that one transaction can still disable them all`, async () => {
    for (let index = 0; index < MAX_AUDIENCES_PER_OWNER; index += 1) mustBe(await add({ audience: `urn:${index}` }));
    expect([reasonOf(await add()), world.registry.audiences.size]).toEqual(['conflict', MAX_AUDIENCES_PER_OWNER]);
    expect(reasonOf(await add({ audience: 'urn:0' }))).toBe('done');
    const { version } = (await stored(world, OWNER)).partner;
    expect(reasonOf(await world.partners.change(REALM, OWNER, version, { enabled: false }))).toBe('done');
  });
});

describe('changing an audience', () => {
  const change = (members: object, version = 1, name = AUDIENCE) =>
    world.grants.changeAudience(REALM, name, version, members);
  beforeEach(() => populate(world));

  it('replaces the members named and leaves the rest', async () => {
    const policy = { tokenPolicy: { accessTokenSeconds: 60 } };
    expect(mustBe(await change(policy))).toEqual(audience({ ...policy, version: 2 }));
    const scopes = ['read', 'write', 'admin'];
    expect(mustBe(await change({ scopes }, 2))).toEqual(audience({ ...policy, scopes, version: 3 }));
    expect(kept()).toEqual(audience({ ...policy, scopes, version: 3 }));
  });

  it('may drop a scope that nobody holds, and is refused with who holds it otherwise', async () => {
    mustBe(await world.grants.addGrant(REALM, { client: CLIENT, audience: AUDIENCE, scopes: ['read'] }));
    expect(await change({ scopes: ['write'] })).toMatchObject({
      refusal: { reason: 'in_use', dependents: [{ client: CLIENT, audience: AUDIENCE }] },
    });
    expect(mustBe(await change({ scopes: ['read'] })).scopes).toEqual(['read']);
  });

  it('names at most twenty of those who hold a scope, however many there are', async () => {
    for (let index = 0; index < 130; index += 1) {
      const client = `client-${index}`;
      mustBe(await world.partners.add(REALM, { id: client }));
      const scopes = index < 100 ? ['read'] : ['write'];
      mustBe(await world.grants.addGrant(REALM, { client, audience: AUDIENCE, scopes }));
    }
    const result = await change({ scopes: ['read'] });
    expect(result.ok || result.refusal.reason !== 'in_use' ? 0 : result.refusal.dependents.length).toBe(20);
    expect(kept()).toEqual(audience());
  });

  it.each([
    ['conflict', { scopes: ['read', 'write'] }, 2, AUDIENCE],
    ['not_found', {}, 1, 'urn:none'],
    ['not_found', {}, 1, 'no uri'],
    ['invalid', { scopes: [] }, 1, AUDIENCE],
    ['invalid', { tokenPolicy: { algorithm: 'ES384' } }, 1, AUDIENCE],
  ])('is %s with %j by version %i of %s, and changes nothing', async (reason, members, version, name) => {
    expect(reasonOf(await change(members, version, name))).toBe(reason);
    expect(kept()).toEqual(audience());
  });

  it('that somebody else changes meanwhile is a conflict', async () => {
    const racing = managersOver(world, {
      updateAudience: async (...wanted) => {
        mustBe(await change({ scopes: ['read', 'write', 'faster'] }));
        return world.registry.updateAudience(...wanted);
      },
    });
    const slower = { scopes: ['read', 'write', 'slower'] };
    expect(reasonOf(await racing.grants.changeAudience(REALM, AUDIENCE, 1, slower))).toBe('conflict');
    expect(kept()?.scopes).toContain('faster');
  });
});

describe('removing an audience', () => {
  beforeEach(() => populate(world));

  it('is refused while it is granted to anybody, and says to whom; then it goes', async () => {
    expect(await world.grants.removeAudience(REALM, AUDIENCE)).toMatchObject({
      refusal: { reason: 'in_use', dependents: [{ client: CLIENT, audience: AUDIENCE }] },
    });
    mustBe(await world.grants.removeGrant(REALM, CLIENT, AUDIENCE));
    expect(await world.grants.removeAudience(REALM, AUDIENCE)).toEqual({ ok: true, value: undefined });
    expect([kept(), (await stored(world, OWNER)).audiences]).toEqual([undefined, []]);
    expect(reasonOf(await world.grants.removeAudience(REALM, AUDIENCE))).toBe('not_found');
  });

  it('that somebody else changes meanwhile is a conflict', async () => {
    mustBe(await world.grants.removeGrant(REALM, CLIENT, AUDIENCE));
    const racing = managersOver(world, {
      removeAudience: async (found) => {
        mustBe(await world.grants.changeAudience(REALM, AUDIENCE, 1, { scopes: ['x'] }));
        return world.registry.removeAudience(found);
      },
    });
    expect(reasonOf(await racing.grants.removeAudience(REALM, AUDIENCE))).toBe('conflict');
  });
});

describe('giving a grant', () => {
  const give = (changes: object = {}) =>
    world.grants.addGrant(REALM, { client: CLIENT, audience: AUDIENCE, scopes: ['read'], ...changes });
  beforeEach(() => populate(world));

  it('stores it, replaces its scopes, and is done once', async () => {
    const audience = 'urn:other';
    mustBe(await world.grants.addAudience(REALM, { ...INPUT, audience }));
    const outcomes = [
      await give({ audience }),
      await give({ audience }),
      await give({ audience, scopes: ['write', 'read'] }),
    ];
    expect(outcomes.map(mustBe)).toEqual([
      { created: true, value: grant({ audience, scopes: ['read'] }) },
      { created: false, value: grant({ audience, scopes: ['read'] }) },
      { created: false, value: grant({ audience, scopes: ['write', 'read'], version: 2 }) },
    ]);
  });

  it.each([
    ['not_found', { client: 'nobody' }],
    ['not_found', { audience: 'urn:other' }],
    ['not_found', { audience: 'no uri' }],
    ['invalid', { scopes: ['admin'] }],
    ['invalid', { scopes: [] }],
  ])('is %s with %j', async (reason, changes) => {
    expect(reasonOf(await give(changes))).toBe(reason);
    expect([...world.registry.grants.values()]).toEqual([grant()]);
  });

  it('to many at once gives each its own: what one loses to another it repeats', async () => {
    const clients = ['a', 'b', 'c', 'd', 'e'];
    for (const id of clients) mustBe(await world.partners.add(REALM, { id }));
    let turnedAway = 0;
    const busy = managersOver(world, {
      saveGrant: async (...wanted) => {
        turnedAway += 1;
        return turnedAway % 3 === 0 ? world.registry.saveGrant(...wanted) : 'conflict';
      },
    });
    for (const client of clients) {
      expect(reasonOf(await busy.grants.addGrant(REALM, { client, audience: AUDIENCE, scopes: ['read'] }))).toBe(
        'done',
      );
    }
    expect(world.registry.grants.size).toBe(6);
  });

  it('gives up after some attempts, with a conflict', async () => {
    const busy = managersOver(world, { saveGrant: async () => 'conflict', removeGrant: async () => 'conflict' });
    const again = { client: CLIENT, audience: AUDIENCE, scopes: ['read'] };
    expect([
      reasonOf(await busy.grants.addGrant(REALM, again)),
      reasonOf(await busy.grants.removeGrant(REALM, CLIENT, AUDIENCE)),
    ]).toEqual(['conflict', 'conflict']);
  });

  it('and taking it, or what it hangs on, away leaves no grant without its ends, in any order of events', async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), fc.nat(3), async (scheduler, other) => {
        world = adminWorld();
        await populate(world);
        mustBe(await world.grants.removeGrant(REALM, CLIENT, AUDIENCE));
        const { partners, grants } = managersOver(world, scheduled(world.registry, scheduler));
        const rivals = [
          () => partners.remove(REALM, CLIENT),
          () => partners.remove(REALM, OWNER),
          () => grants.removeAudience(REALM, AUDIENCE),
          () => grants.removeGrant(REALM, CLIENT, AUDIENCE),
        ];
        const give = () => grants.addGrant(REALM, { client: CLIENT, audience: AUDIENCE, scopes: ['read'] });
        await interleave<AdminResult<unknown>>(scheduler, [give, rivals[other] ?? give]);
        for (const each of world.registry.grants.values()) {
          expect(world.registry.partners.has(`${REALM}/${each.client}`)).toBe(true);
          expect(world.registry.audiences.has(`${REALM}/${each.audience}`)).toBe(true);
        }
        for (const each of world.registry.audiences.values()) {
          expect(world.registry.partners.has(`${REALM}/${each.owner}`)).toBe(true);
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('taking a grant', () => {
  it('takes it once; what is not there is not found', async () => {
    await populate(world);
    const outcomes = [
      await world.grants.removeGrant(REALM, CLIENT, AUDIENCE),
      await world.grants.removeGrant(REALM, CLIENT, AUDIENCE),
      await world.grants.removeGrant(REALM, 'nobody', AUDIENCE),
    ];
    expect(outcomes.map(reasonOf)).toEqual(['done', 'not_found', 'not_found']);
    expect(world.registry.grants.size).toBe(0);
  });
});

describe('the lists', () => {
  it('show audiences and grants, page by page, or one', async () => {
    await populate(world);
    mustBe(await world.grants.addAudience(REALM, { audience: 'urn:b', owner: OWNER, scopes: ['x'] }));
    const first = await world.grants.listAudiences(REALM, { limit: 1 });
    const second = await world.grants.listAudiences(REALM, { limit: 1, cursor: first.next });
    expect([...first.items, ...second.items].map((each) => each.audience)).toEqual([AUDIENCE, 'urn:b']);
    expect(await world.grants.findAudience(REALM, AUDIENCE)).toEqual({ items: [audience()] });
    for (const none of ['urn:none', 'no uri'])
      expect(await world.grants.findAudience(REALM, none)).toEqual({ items: [] });
    expect(await world.grants.listGrantsOn(REALM, AUDIENCE, { limit: 5 })).toEqual({ items: [grant()] });
    expect(await world.grants.listGrantsOf(REALM, CLIENT)).toEqual({ ok: true, value: { items: [grant()] } });
    expect(reasonOf(await world.grants.listGrantsOf(REALM, 'nobody'))).toBe('not_found');
  });
});

describe('an outage', () => {
  it('is thrown, not answered', async () => {
    await populate(world);
    const down = () => Promise.reject(new Outage('dynamodb:TransactWriteItems', new Error('down')));
    const { grants } = managersOver(world, {
      ...{ saveGrant: down, createAudience: down, updateAudience: down, removeGrant: down, removeAudience: down },
    });
    const attempts = [
      () => grants.addAudience(REALM, { audience: 'urn:new', owner: OWNER, scopes: ['read'] }),
      () => grants.changeAudience(REALM, AUDIENCE, 1, { tokenPolicy: {} }),
      () => grants.removeAudience(REALM, AUDIENCE),
      () => grants.addGrant(REALM, { client: CLIENT, audience: AUDIENCE, scopes: ['read'] }),
      () => grants.removeGrant(REALM, CLIENT, AUDIENCE),
    ];
    for (const attempt of attempts) await expect(attempt()).rejects.toBeInstanceOf(Outage);
  });
});

describe('authorization details', () => {
  const DETAILS = { payment: { actions: ['initiate'] }, account: {} };
  const give = (authorizationDetailsTypes?: string[], scopes = ['read']) =>
    world.grants.addGrant(REALM, { client: CLIENT, audience: AUDIENCE, scopes, authorizationDetailsTypes });
  const change = async (members: object) => world.grants.changeAudience(REALM, AUDIENCE, kept()?.version ?? 0, members);
  beforeEach(async () => {
    letRealm(world, { authorizationDetailsTypes: ['payment', 'account'] });
    mustBe(await world.partners.add(REALM, await inputOf(OWNER)));
    mustBe(await world.partners.add(REALM, await inputOf(CLIENT)));
    mustBe(await world.grants.addAudience(REALM, { ...INPUT, authorizationDetails: DETAILS }));
  });

  it('are of types that the realm lets its audiences declare, and need no realm where there are none', async () => {
    expect(kept()).toEqual(audience({ authorizationDetails: DETAILS }));
    const add = (authorizationDetails: DetailTypesInput) =>
      world.grants.addAudience(REALM, { ...INPUT, audience: 'urn:other', authorizationDetails });
    expect(reasonOf(await add({ transfer: {} }))).toBe('invalid');
    world.realms.realms.clear();
    expect([reasonOf(await add({ payment: {} })), reasonOf(await add({}))]).toEqual(['invalid', 'done']);
  });

  it('make another audience, and none in another order', async () => {
    const again = (authorizationDetails: DetailTypesInput) =>
      world.grants.addAudience(REALM, { ...INPUT, authorizationDetails });
    expect([
      reasonOf(await again({ account: {}, payment: { actions: ['initiate'] } })),
      reasonOf(await again({ account: {} })),
      reasonOf(await again({})),
    ]).toEqual(['done', 'conflict', 'conflict']);
  });

  it('are granted by type, all anew with every grant', async () => {
    const typed = (types: string[], version: number) =>
      grant({ scopes: ['read'], authorizationDetailsTypes: types, version });
    expect(mustBe(await give(['payment']))).toEqual({ created: true, value: typed(['payment'], 1) });
    expect(mustBe(await give(['payment']))).toEqual({ created: false, value: typed(['payment'], 1) });
    expect(mustBe(await give(['account', 'payment']))).toEqual({
      created: false,
      value: typed(['account', 'payment'], 2),
    });
    expect(mustBe(await give())).toEqual({ created: false, value: typed([], 3) });
    expect(reasonOf(await give(['transfer']))).toBe('invalid');
  });

  it('of a type that a grant holds stay, and others go', async () => {
    mustBe(await give(['payment']));
    const refusal = { reason: 'in_use', dependents: [{ client: CLIENT, audience: AUDIENCE }] };
    expect(await change({ authorizationDetails: { account: {} } })).toMatchObject({ refusal });
    expect(await change({ authorizationDetails: {} })).toMatchObject({ refusal });
    expect(mustBe(await change({ authorizationDetails: { payment: {} } })).authorizationDetails).toEqual({
      payment: {},
    });
    mustBe(await give());
    expect(mustBe(await change({ authorizationDetails: {} })).authorizationDetails).toEqual({});
  });
});

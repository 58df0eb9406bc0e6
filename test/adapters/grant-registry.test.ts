import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Audience, Grant } from '../../functions/core/partner.ts';
import { AUDIENCE, audience, CLIENT, grant, NOW, OWNER, partner, REALM } from '../support/builders.ts';
import { audienceIn, IMPLEMENTATIONS, openDynamo, ownedBy, partnerIn, type Registries, readAll } from './registries.ts';

/** Gives, or changes, a grant of the client as it is, on an audience as it was made. */
const saveGrant = async ({ registry }: Registries, value: Grant, before?: Grant) => {
  const lostGrantAt = (await registry.findPartner(value.realm, value.client))?.lostGrantAt;
  return registry.saveGrant(value, before, { owner: OWNER, version: 1 }, lostGrantAt);
};

describe.each(IMPLEMENTATIONS)('audiences and grants, %s', (_where, open) => {
  let registries: Registries;
  beforeEach(async () => {
    registries = await open();
    for (const id of [CLIENT, OWNER]) await registries.registry.createPartner(partner({ id }), undefined);
  });
  afterEach(() => registries[Symbol.asyncDispose]());

  const own = async (changes: Partial<Audience> = {}) => {
    const { version } = (await partnerIn(registries, REALM, changes.owner ?? OWNER)).partner;
    return registries.registry.createAudience(audience(changes), { version });
  };
  /** Gives, or changes, a grant on the audience as it was made. */
  const give = (changes: Partial<Grant> = {}, before?: Grant) => saveGrant(registries, grant(changes), before);
  const take = (changes: Partial<Grant> = {}) => registries.registry.removeGrant(grant(changes), NOW);
  const drop = async (name = AUDIENCE) => registries.registry.removeAudience(await audienceIn(registries, REALM, name));
  const version = async (id = OWNER) => (await partnerIn(registries, REALM, id)).partner.version;
  const switchOff = async (id: string) => {
    const before = await partnerIn(registries, REALM, id);
    const after = { ...before.partner, enabled: false, version: before.partner.version + 1 };
    return registries.registry.updatePartner(after, before, undefined);
  };

  describe('an audience', () => {
    it('is found as it was written, belongs to its owner, and counts the version of the owner on', async () => {
      const whole = audience({ tokenPolicy: { algorithm: 'ES256', accessTokenSeconds: 60, binding: 'mtls' } });
      expect(await own(whole)).toBe('saved');
      expect(await registries.registry.findAudience(REALM, AUDIENCE)).toEqual(whole);
      expect(await registries.registry.findAudience('other', AUDIENCE)).toBeUndefined();
      expect((await partnerIn(registries, REALM, OWNER)).audiences).toEqual([AUDIENCE]);
      expect(await version()).toBe(2);
    });

    it('has one owner, also when two claim it at once', async () => {
      const outcomes = await Promise.all([own(), own({ owner: CLIENT })]);
      expect([...outcomes].sort()).toEqual(['conflict', 'saved']);
      expect(await own({ owner: CLIENT })).toBe('conflict');
      const owned = await Promise.all([OWNER, CLIENT].map((id) => partnerIn(registries, REALM, id)));
      expect(owned.flatMap(({ audiences }) => audiences)).toEqual([AUDIENCE]);
    });

    it('is not made for an owner that has changed, or gone, since it was read', async () => {
      expect(await registries.registry.createAudience(audience(), { version: 2 })).toBe('conflict');
      expect(await registries.registry.createAudience(audience({ owner: 'nobody' }), { version: 1 })).toBe('conflict');
      expect(await registries.registry.findAudience(REALM, AUDIENCE)).toBeUndefined();
    });

    it.each(['audience first', 'owner first'])(
      'is never enabled under an owner that is switched off at the same time (%s)',
      async (order) => {
        const { version: seen } = (await partnerIn(registries, REALM, OWNER)).partner;
        const make = () => registries.registry.createAudience(audience(), { version: seen });
        await Promise.all(order === 'audience first' ? [make(), switchOff(OWNER)] : [switchOff(OWNER), make()]);
        const { enabled } = (await partnerIn(registries, REALM, OWNER)).partner;
        const made = await registries.registry.findAudience(REALM, AUDIENCE);
        expect(made?.ownerEnabled ?? enabled).toBe(enabled);
      },
    );

    it('follows its own version, and not that of its owner', async () => {
      await own();
      const changed = audience({ scopes: ['read'], version: 2 });
      expect(await registries.registry.updateAudience(changed, audience())).toBe('saved');
      expect(await registries.registry.updateAudience(changed, audience())).toBe('conflict');
      const none = audience({ audience: 'urn:none' });
      expect(await registries.registry.updateAudience({ ...none, version: 2 }, none)).toBe('conflict');
      expect([await registries.registry.findAudience(REALM, AUDIENCE), await version()]).toEqual([changed, 2]);
    });

    it('is not enabled again by somebody who read it before its owner was switched off', async () => {
      await own();
      await switchOff(OWNER);
      expect(await registries.registry.updateAudience(audience({ scopes: ['read'], version: 2 }), audience())).toBe(
        'conflict',
      );
      expect((await audienceIn(registries, REALM, AUDIENCE)).ownerEnabled).toBe(false);
    });

    it('goes while it is granted to nobody, and counts the version of its owner on', async () => {
      await own();
      await give();
      expect(await drop()).toBe('conflict');
      await take();
      expect(await drop()).toBe('saved');
      expect(await registries.registry.findAudience(REALM, AUDIENCE)).toBeUndefined();
      expect([(await partnerIn(registries, REALM, OWNER)).audiences, await version()]).toEqual([[], 3]);
    });

    it('does not go by a view that is no longer current, or twice', async () => {
      await own();
      await registries.registry.updateAudience(audience({ version: 2 }), audience());
      expect(await registries.registry.removeAudience(audience())).toBe('conflict');
      expect(await drop()).toBe('saved');
      expect(await registries.registry.removeAudience(audience({ version: 2 }))).toBe('conflict');
      expect(await version()).toBe(3);
    });
  });

  describe('a grant', () => {
    it('stands with its client, and with its audience', async () => {
      await own();
      expect(await give()).toBe('saved');
      expect((await partnerIn(registries, REALM, CLIENT)).grants).toEqual([grant()]);
      expect(await registries.registry.listGrantsOn(REALM, AUDIENCE, { limit: 10 })).toEqual({ items: [grant()] });
      expect([await version(CLIENT), (await audienceIn(registries, REALM, AUDIENCE)).version]).toEqual([1, 1]);
    });

    it('follows its version, and there is one for each client and audience', async () => {
      await own();
      const changed = { scopes: ['read'], version: 2 };
      expect([await give(changed, grant()), await give(), await give()]).toEqual(['conflict', 'saved', 'conflict']);
      expect([await give(changed, grant()), await give(changed, grant())]).toEqual(['saved', 'conflict']);
      expect((await partnerIn(registries, REALM, CLIENT)).grants).toEqual([grant(changed)]);
    });

    it.each([
      ['client', { client: 'nobody' }],
      ['audience', { audience: 'urn:none' }],
    ])('is not given where there is no such %s', async (_end, changes) => {
      await own();
      expect(await give(changes)).toBe('conflict');
      expect(await registries.registry.findPartner(REALM, 'nobody')).toBeUndefined();
      expect((await partnerIn(registries, REALM, CLIENT)).grants).toEqual([]);
    });

    it('is taken by its version, once, and may be given anew', async () => {
      await own();
      await give();
      await give({ version: 2, scopes: ['read'] }, grant());
      const changed = { version: 2, scopes: ['read'] };
      expect([await take(), await take(changed), await take(changed)]).toEqual(['conflict', 'saved', 'conflict']);
      expect((await partnerIn(registries, REALM, CLIENT)).grants).toEqual([]);
      expect(await give()).toBe('saved');
    });

    const remover = (id: string) => async () => {
      const seen = await partnerIn(registries, REALM, id);
      const owned = await ownedBy(registries, seen);
      return () => registries.registry.removePartner(seen, owned);
    };
    const removals = {
      'of its audience': async () => {
        const seen = await audienceIn(registries, REALM, AUDIENCE);
        return () => registries.registry.removeAudience(seen);
      },
      'of its client': remover(CLIENT),
      'of the owner of its audience': remover(OWNER),
    };

    it.each(
      Object.entries(removals).flatMap(([what, prepare]) => [
        { what, prepare, isGrantFirst: true },
        { what, prepare, isGrantFirst: false },
      ]),
    )('and the removal $what, decided before it, never both take place (grant first: $isGrantFirst)', async (race) => {
      await own();
      const removal = await race.prepare();
      const outcomes = await Promise.all(race.isGrantFirst ? [give(), removal()] : [removal(), give()]);
      expect([...outcomes].sort()).toEqual(['conflict', 'saved']);
      const ends = [
        await registries.registry.findPartner(REALM, CLIENT),
        await registries.registry.findAudience(REALM, AUDIENCE),
      ];
      const { items } = await registries.registry.listGrantsOn(REALM, AUDIENCE, { limit: 10 });
      expect(items).toHaveLength(ends.includes(undefined) ? 0 : 1);
    });

    it('on one audience may be given to many at once: what DynamoDB turns away may be repeated, and none is lost', async () => {
      await own();
      const clients = Array.from({ length: 10 }, (_, index) => `client-${index}`);
      for (const id of clients) await registries.registry.createPartner(partner({ id }), undefined);
      await Promise.all(clients.map((client) => give({ client })));
      expect((await registries.registry.listGrantsOn(REALM, AUDIENCE, { limit: 100 })).items).toHaveLength(10);
      for (const client of clients) {
        expect(await drop()).toBe('conflict');
        await take({ client });
      }
      expect(await drop()).toBe('saved');
    });
  });

  describe('a scope of an audience', () => {
    const drop = async () => {
      const before = await audienceIn(registries, REALM, AUDIENCE);
      return registries.registry.updateAudience({ ...before, scopes: ['read'], version: before.version + 1 }, before);
    };

    it('does not go while a grant holds it, and goes when none does any more', async () => {
      await own();
      await give();
      expect(await drop()).toBe('conflict');
      await give({ scopes: ['read'], version: 2 }, grant());
      expect(await drop()).toBe('saved');
      expect((await audienceIn(registries, REALM, AUDIENCE)).scopes).toEqual(['read']);
    });

    it('goes when the grant that held it has gone, alone or with its client', async () => {
      await own();
      await give();
      await take();
      await give();
      const seen = await partnerIn(registries, REALM, CLIENT);
      expect(await drop()).toBe('conflict');
      expect(await registries.registry.removePartner(seen, [])).toBe('saved');
      expect(await drop()).toBe('saved');
    });

    it('is one of as many as an audience may have, all of them granted', async () => {
      const scopes = Array.from({ length: 64 }, (_, index) => `scope-${index}`);
      await own({ scopes });
      const first = grant({ scopes });
      expect(await give({ scopes })).toBe('saved');
      const whole = await audienceIn(registries, REALM, AUDIENCE);
      const bare = { ...whole, scopes: ['read'], version: 2 };
      expect(await registries.registry.updateAudience(bare, whole)).toBe('conflict');
      const fewer = { scopes: scopes.slice(1), version: 2 };
      expect([await give(fewer, first), await take({ scopes }), await take(fewer)]).toEqual([
        'saved',
        'conflict',
        'saved',
      ]);
      expect(await registries.registry.updateAudience(bare, whole)).toBe('saved');
    });

    it('does not come into a grant by somebody who read the audience before it went', async () => {
      await own();
      expect(await drop()).toBe('saved');
      expect(await give()).toBe('conflict');
      expect(await registries.registry.saveGrant(grant(), undefined, { owner: CLIENT, version: 2 })).toBe('conflict');
      expect(
        await registries.registry.saveGrant(grant({ scopes: ['read'] }), undefined, { owner: OWNER, version: 2 }),
      ).toBe('saved');
    });

    it('is counted right however often a grant has come and gone since somebody read it', async () => {
      await own();
      await give();
      await take();
      await give({ scopes: ['read'] });
      // By a view from before: the same version, but other scopes.
      await give({ scopes: ['read'], version: 2 }, grant());
      await take({ scopes: ['read', 'write'] });
      await take({ scopes: ['read', 'write'], version: 2 });
      const [held] = (await partnerIn(registries, REALM, CLIENT)).grants;
      if (held !== undefined) expect(await registries.registry.removeGrant(held, NOW)).toBe('saved');
      expect(await drop()).toBe('saved');
      const bare = await audienceIn(registries, REALM, AUDIENCE);
      expect(
        await registries.registry.updateAudience({ ...bare, scopes: ['x'], version: bare.version + 1 }, bare),
      ).toBe('saved');
    });
  });

  describe('a grant that was taken', () => {
    it('leaves the time of that with its client, until the client goes', async () => {
      await own();
      await give();
      expect((await partnerIn(registries, REALM, CLIENT)).lostGrantAt).toBeUndefined();
      expect(await registries.registry.removeGrant(grant(), NOW + 5)).toBe('saved');
      expect((await partnerIn(registries, REALM, CLIENT)).lostGrantAt).toBe(NOW + 5);
      expect((await partnerIn(registries, REALM, OWNER)).lostGrantAt).toBeUndefined();
      const gone = await partnerIn(registries, REALM, CLIENT);
      await registries.registry.removePartner(gone, []);
      await registries.registry.createPartner(partner({ version: gone.partner.version + 1 }), undefined);
      expect((await partnerIn(registries, REALM, CLIENT)).lostGrantAt).toBeUndefined();
    });

    it('is given anew by nobody who has not heard of that', async () => {
      await own();
      const giveAs = (lostGrantAt?: number) =>
        registries.registry.saveGrant(grant(), undefined, { owner: OWNER, version: 1 }, lostGrantAt);
      expect([await giveAs(NOW), await giveAs()]).toEqual(['conflict', 'saved']);
      await registries.registry.removeGrant(grant(), NOW + 5);
      expect([await giveAs(), await giveAs(NOW + 4), await giveAs(NOW + 5)]).toEqual(['conflict', 'conflict', 'saved']);
    });

    it('and given anew with a mark is not the one that was read', async () => {
      await own();
      await give();
      await take();
      await give({ tokensNotBefore: NOW });
      expect([await give({ scopes: ['read'], version: 2 }, grant()), await take()]).toEqual(['conflict', 'conflict']);
      expect(await take({ tokensNotBefore: NOW })).toBe('saved');
    });
  });

  it('are listed once, in order, however long the pages are', async () => {
    const names = ['urn:c', 'https://a.example.com/x?y=1', 'urn:a', 'urn:B'];
    for (const name of names) await own({ audience: name });
    const clients = ['z', 'a', 'm'];
    for (const client of clients) {
      await registries.registry.createPartner(partner({ id: client }), undefined);
      await give({ client, audience: 'urn:a' });
    }
    await give({ audience: 'urn:B' });
    for (const limit of [1, 2, 50]) {
      const audiences = await readAll((page) => registries.registry.listAudiences(REALM, page), limit);
      expect(audiences.map((each) => each.audience)).toEqual([...names].sort());
      const grants = await readAll((page) => registries.registry.listGrantsOn(REALM, 'urn:a', page), limit);
      expect(grants.map(({ client }) => client)).toEqual(['a', 'm', 'z']);
    }
  });
});

describe('a grant on DynamoDB', () => {
  let registries: Registries;
  beforeEach(async () => {
    registries = await openDynamo();
    for (const id of [CLIENT, OWNER]) await registries.registry.createPartner(partner({ id }), undefined);
    await registries.registry.createAudience(audience(), { version: 1 });
  });
  afterEach(() => registries[Symbol.asyncDispose]());

  const typed = (...authorizationDetailsTypes: string[]) => grant({ authorizationDetailsTypes });
  const give = (value: Grant) => saveGrant(registries, value);

  it('that was taken and given anew with other types is not the one that was read', async () => {
    for (const [before, after] of [
      [typed('a'), typed()],
      [typed(), typed('a')],
      [typed('a', 'b'), typed('b', 'a')],
    ] as const) {
      expect([await give(before), await registries.registry.removeGrant(before, NOW), await give(after)]).toEqual([
        ...['saved', 'saved', 'saved'],
      ]);
      expect(await registries.registry.removeGrant(before, NOW)).toBe('conflict');
      expect(await registries.registry.removeGrant(after, NOW)).toBe('saved');
    }
  });

  it('of twenty types and 64 scopes is one that can be given, changed and taken', async () => {
    const scopes = Array.from({ length: 64 }, (_, index) => `scope-${index}`);
    const types = Array.from({ length: 20 }, (_, index) => `type-${index}`);
    const whole = grant({ scopes, authorizationDetailsTypes: types });
    expect(await give(whole)).toBe('saved');
    const less = { ...whole, scopes: scopes.slice(1), version: 2 };
    expect(await registries.registry.saveGrant(less, whole, { owner: OWNER, version: 1 })).toBe('saved');
    expect(await registries.registry.removeGrant(less, NOW)).toBe('saved');
  });
});

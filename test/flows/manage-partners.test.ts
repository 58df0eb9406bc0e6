import { beforeEach, describe, expect, it } from 'vitest';
import { newRefresh } from '../../functions/core/partner-source.ts';
import { Outage } from '../../functions/ports.ts';
import { AUDIENCE, CLIENT, credential, grant, keyPair, NOW, OWNER, partner, REALM } from '../support/builders.ts';
import {
  type AdminWorld,
  adminWorld,
  inputOf,
  jwkOf,
  managersOver,
  mustBe,
  populate,
  reasonOf,
  stored,
} from './admin-world.ts';

let world: AdminWorld;
beforeEach(() => {
  world = adminWorld();
});

const FOLLOWED = { jwksUri: 'https://crm.example.com/jwks' };

describe('adding a partner', () => {
  it('stores it and shows it, with the use of its credentials', async () => {
    const credentials = [{ ...credential(await keyPair()), addedAt: NOW }];
    const made = { partner: partner({ credentials, createdAt: NOW, updatedAt: NOW }), grants: [], audiences: [] };
    expect(await world.partners.add(REALM, await inputOf(CLIENT))).toEqual({
      ok: true,
      value: { created: true, value: { ...made, lastUses: new Map() } },
    });
    const { thumbprint } = await keyPair();
    const uses = [{ kind: 'assertion', maker: CLIENT, jti: 'j', forgetAfter: NOW } as const];
    const claim = { realm: REALM, uses, credential: { client: CLIENT, id: thumbprint }, claimedBy: 'r' };
    await world.replay.claim(claim, NOW + 7);
    expect(await world.partners.show(REALM, CLIENT)).toEqual({
      ok: true,
      value: { ...made, lastUses: new Map([[thumbprint, NOW + 7]]) },
    });
  });

  it('without a key is fine: it may be a mere resource', async () => {
    expect(mustBe(await world.partners.add(REALM, { id: OWNER })).value.partner.credentials).toEqual([]);
  });

  it('without an id gives it one of ours, each time another', async () => {
    const ids = [await world.partners.add(REALM, {}), await world.partners.add(REALM, {})].map(
      (result) => mustBe(result).value.partner.id,
    );
    expect([ids, [...world.registry.partners.keys()]]).toEqual([
      ['generated-1', 'generated-2'],
      [`${REALM}/generated-1`, `${REALM}/generated-2`],
    ]);
  });

  it('with a document to follow makes it due at once', async () => {
    const { value } = mustBe(await world.partners.add(REALM, { id: CLIENT, ...FOLLOWED }));
    expect([value.refresh, await world.registry.listDue(NOW, 5)]).toEqual([
      newRefresh(REALM, CLIENT, NOW),
      [newRefresh(REALM, CLIENT, NOW)],
    ]);
  });

  it('twice is done once, and the second answer shows what is stored', async () => {
    await populate(world);
    world.clock.time += 100;
    expect(await world.partners.add(REALM, await inputOf(CLIENT))).toMatchObject({
      value: { created: false, value: { partner: { version: 1, createdAt: NOW }, grants: [grant()] } },
    });
  });

  it('twice is done once also after its document has told us more of it', async () => {
    const input = { id: CLIENT, metadataUrl: 'https://crm.example.com/metadata' };
    await world.partners.add(REALM, input);
    const before = await stored(world);
    const learnt = [credential(await keyPair(), { source: 'document' })];
    const after = partner({ ...before.partner, issuer: 'https://crm.example.com', credentials: learnt, version: 2 });
    await world.registry.updatePartner(after, before, undefined);
    expect(mustBe(await world.partners.add(REALM, input))).toMatchObject({ created: false, value: { partner: after } });
  });

  it.each([
    ['another key', async () => inputOf(CLIENT, 'k2')],
    ['another name', async () => ({ ...(await inputOf(CLIENT)), name: 'x' })],
    ['no key', async () => ({ id: CLIENT })],
    ['a document', async () => ({ ...(await inputOf(CLIENT)), ...FOLLOWED })],
    ['an issuer', async () => ({ ...(await inputOf(CLIENT)), issuer: 'https://crm.example.com' })],
  ])(
    'under an id that is taken by one with other content is a conflict, and the other stays: %s',
    async (_what, other) => {
      await world.partners.add(REALM, await inputOf(CLIENT));
      const before = await stored(world);
      expect(reasonOf(await world.partners.add(REALM, await other()))).toBe('conflict');
      expect(await stored(world)).toEqual(before);
    },
  );

  it('at the same time as somebody else gives one partner', async () => {
    const results = await Promise.all([1, 2].map(async () => world.partners.add(REALM, await inputOf(CLIENT))));
    expect(results.map((result) => mustBe(result).created).sort()).toEqual([false, true]);
  });

  it('whose issuer another has is a conflict that names it', async () => {
    const issuer = 'https://crm.example.com';
    await world.partners.add(REALM, { id: CLIENT, issuer });
    expect(await world.partners.add(REALM, { id: 'thief', issuer })).toMatchObject({
      refusal: { reason: 'conflict', detail: `partner ${CLIENT} has this issuer` },
    });
    expect(world.registry.partners.has(`${REALM}/thief`)).toBe(false);
  });

  it('that is not acceptable writes nothing', async () => {
    const bad = [
      await inputOf('not an id'),
      { id: CLIENT, name: '' },
      { id: CLIENT, tokenPolicy: { algorithm: 'ES384' } },
    ];
    for (const input of bad) expect(reasonOf(await world.partners.add(REALM, input))).toBe('invalid');
    expect(world.registry.partners.size).toBe(0);
  });

  it('may choose an algorithm that the realm signs with', async () => {
    expect(reasonOf(await world.partners.add(REALM, { id: CLIENT, tokenPolicy: { algorithm: 'RS256' } }))).toBe('done');
  });

  it('to one realm leaves the others alone', async () => {
    await world.partners.add(REALM, await inputOf(CLIENT));
    expect(reasonOf(await world.partners.show('other', CLIENT))).toBe('not_found');
    expect(reasonOf(await world.partners.add('other', { id: CLIENT }))).toBe('done');
  });
});

describe('declaring a partner', () => {
  const declare = (definition: object, version?: number) => world.partners.declare(REALM, CLIENT, version, definition);

  it('creates it where there is none, and replaces it whole where there is', async () => {
    expect(
      mustBe(await declare({ name: 'CRM', tags: { a: '1' }, quota: { perDay: 1, mode: 'observe' } })).created,
    ).toBe(true);
    world.clock.time += 9;
    const { created, value } = mustBe(await declare({ contact: 'c@example.com', jwks: { keys: [await jwkOf()] } }));
    const credentials = [credential(await keyPair(), { addedAt: NOW + 9 })];
    expect([created, value.partner]).toEqual([
      false,
      partner({ contact: 'c@example.com', credentials, version: 2, createdAt: NOW, updatedAt: NOW + 9 }),
    ]);
    expect((await stored(world)).partner).toEqual(value.partner);
  });

  it('as it is changes nothing, not even its version', async () => {
    await populate(world);
    world.clock.time += 9;
    const before = await stored(world);
    const { created, value } = mustBe(await declare({ jwks: { keys: [await jwkOf()] } }));
    expect([created, value.partner, await stored(world)]).toEqual([false, before.partner, before]);
  });

  it('keeps its grants, its audiences, and when each key came', async () => {
    await populate(world);
    world.clock.time += 9;
    const keys = [await jwkOf('k2'), await jwkOf()];
    const { value } = mustBe(await declare({ jwks: { keys } }));
    expect([value.grants, value.partner.credentials.map(({ kid, addedAt }) => [kid, addedAt])]).toEqual([
      [grant()],
      [
        ['k2', NOW + 9],
        ['k1', NOW],
      ],
    ]);
  });

  it('keeps the keys and issuer of a document as long as the same one is followed', async () => {
    await declare({ metadataUrl: 'https://crm.example.com/m' });
    const before = await stored(world);
    const learnt = {
      issuer: 'https://crm.example.com',
      credentials: [credential(await keyPair(), { source: 'document' })],
    };
    await world.registry.updatePartner(partner({ ...before.partner, ...learnt, version: 2 }), before, undefined);
    const same = mustBe(await declare({ metadataUrl: 'https://crm.example.com/m', name: 'CRM' })).value;
    expect([same.partner, same.refresh]).toMatchObject([learnt, before.refresh ?? {}]);
    world.clock.time += 50;
    const other = mustBe(await declare({ metadataUrl: 'https://crm.example.com/other', name: 'CRM' })).value;
    expect([other.partner.credentials, other.partner.issuer, other.refresh]).toEqual([
      [],
      undefined,
      { ...newRefresh(REALM, CLIENT, NOW + 50), version: 2 },
    ]);
    expect((await stored(world)).refresh).toEqual(other.refresh);
    expect(mustBe(await declare({ name: 'CRM' })).value.refresh).toBeUndefined();
    expect((await stored(world)).refresh).toBeUndefined();
  });

  it('by a version that is not the current one is a conflict, as is one that should be there and is not', async () => {
    expect(reasonOf(await declare({ name: 'x' }, 1))).toBe('conflict');
    expect(world.registry.partners.size).toBe(0);
    await declare({ name: 'a' });
    expect(reasonOf(await declare({ name: 'b' }, 2))).toBe('conflict');
    expect(reasonOf(await declare({ name: 'b' }, 1))).toBe('done');
    expect((await stored(world)).partner).toMatchObject({ name: 'b', version: 2 });
  });

  it('at the same time as somebody else is a conflict for one of the two', async () => {
    await declare({ name: 'a' });
    const results = await Promise.all([declare({ name: 'b' }), declare({ name: 'c' })]);
    expect(results.map(reasonOf).sort()).toEqual(['conflict', 'done']);
  });

  it('that is not acceptable changes nothing', async () => {
    await declare({ name: 'a' });
    expect(reasonOf(await declare({ name: '' }))).toBe('invalid');
    expect((await stored(world)).partner.name).toBe('a');
  });
});

describe('changing a partner', () => {
  const change = (members: object, version = 1, id = CLIENT) => world.partners.change(REALM, id, version, members);

  it('replaces the members named, takes away those that are null, and leaves the rest', async () => {
    await world.partners.add(REALM, { id: CLIENT, name: 'CRM', contact: 'c@example.com', tags: { a: '1' } });
    world.clock.time += 5;
    const { partner: changed } = mustBe(await change({ name: null, tags: { b: '2' }, trustLevel: 'full' }));
    expect(changed).toEqual(
      partner({
        ...{ contact: 'c@example.com', tags: { b: '2' }, trustLevel: 'full', version: 2 },
        ...{ createdAt: NOW, updatedAt: NOW + 5 },
      }),
    );
    expect((await stored(world)).partner).toEqual(changed);
  });

  it('to disabled disables each of its audiences in the same write', async () => {
    await populate(world);
    const ownerEnabled = () => world.registry.audiences.get(`${REALM}/${AUDIENCE}`)?.ownerEnabled;
    expect(await change({ enabled: false }, 2, OWNER)).toMatchObject({
      value: { partner: { enabled: false, version: 3 }, audiences: [AUDIENCE] },
    });
    expect(ownerEnabled()).toBe(false);
    mustBe(await change({ enabled: true }, 3, OWNER));
    expect(ownerEnabled()).toBe(true);
  });

  it.each([0, 2, 99])(
    'by version %i, which is not the current one, is a conflict and changes nothing',
    async (version) => {
      await populate(world);
      expect(await change({ name: 'x' }, version)).toMatchObject({
        refusal: { reason: 'conflict', detail: expect.stringContaining('version 1') },
      });
      expect((await stored(world)).partner.name).toBeUndefined();
    },
  );

  it('that somebody else changes meanwhile is a conflict, and theirs stays', async () => {
    await populate(world);
    const racing = managersOver(world, {
      updatePartner: async (...write) => {
        await change({ name: 'faster' });
        return world.registry.updatePartner(...write);
      },
    });
    expect(reasonOf(await racing.partners.change(REALM, CLIENT, 1, { name: 'slower' }))).toBe('conflict');
    expect((await stored(world)).partner.name).toBe('faster');
  });

  it('to the issuer of another is a conflict that names it', async () => {
    await populate(world);
    mustBe(await change({ issuer: 'a@b' }));
    expect(await change({ issuer: 'a@b' }, 2, OWNER)).toMatchObject({
      refusal: { reason: 'conflict', detail: `partner ${CLIENT} has this issuer` },
    });
  });

  it('to follow a document, another one, and none, keeps no key of one that is not followed', async () => {
    await populate(world);
    expect(mustBe(await change(FOLLOWED)).refresh).toEqual(newRefresh(REALM, CLIENT, NOW));
    const before = await stored(world);
    const fromDocument = credential(await keyPair('ES256', 'k9'), { source: 'document' });
    const credentials = [...before.partner.credentials, fromDocument];
    await world.registry.updatePartner({ ...before.partner, credentials, version: 3 }, before, undefined);
    const kids = async () => (await stored(world)).partner.credentials.map(({ kid }) => kid);
    mustBe(await change({ name: 'still followed' }, 3));
    expect(await kids()).toEqual(['k1', 'k9']);
    expect(mustBe(await change({ metadataUrl: 'https://crm.example.com/m' }, 4)).refresh?.version).toBe(2);
    expect(await kids()).toEqual(['k1']);
    expect(mustBe(await change({ metadataUrl: null }, 5)).refresh).toBeUndefined();
    expect((await stored(world)).partner.source).toBeUndefined();
  });

  it.each(['nobody', '', '../x', 'x'.repeat(500), 'a#b'])('that is not there (%j) is not found', async (id) => {
    expect(reasonOf(await change({ enabled: false }, 1, id))).toBe('not_found');
    expect(reasonOf(await world.partners.show(REALM, id))).toBe('not_found');
  });

  it('to what is not acceptable is refused with everything that is wrong', async () => {
    await populate(world);
    expect(await change({ name: '', jwksUri: 'http://x', quota: { mode: 'enforce' } })).toMatchObject({
      refusal: { reason: 'invalid', problems: [{ pointer: '/name' }, { pointer: '/jwksUri' }, { pointer: '/quota' }] },
    });
  });
});

describe('removing a partner', () => {
  it('takes what is its own with it', async () => {
    await populate(world);
    expect(await world.partners.remove(REALM, CLIENT)).toEqual({ ok: true, value: undefined });
    expect([await world.registry.findPartner(REALM, CLIENT), world.registry.grants.size]).toEqual([undefined, 0]);
    expect(reasonOf(await world.partners.remove(REALM, OWNER))).toBe('done');
    expect([world.registry.partners.size, world.registry.audiences.size]).toEqual([0, 0]);
  });

  it('is refused while others may call what it owns, and says who; a grant to itself is in nobody’s way', async () => {
    await populate(world);
    await world.grants.addGrant(REALM, { client: OWNER, audience: AUDIENCE, scopes: ['read'] });
    expect(await world.partners.remove(REALM, OWNER)).toMatchObject({
      refusal: { reason: 'in_use', dependents: [{ client: CLIENT, audience: AUDIENCE }] },
    });
    await world.grants.removeGrant(REALM, CLIENT, AUDIENCE);
    expect(reasonOf(await world.partners.remove(REALM, OWNER))).toBe('done');
  });

  it('that is not there is not found, and a lost race is a conflict', async () => {
    expect(reasonOf(await world.partners.remove(REALM, CLIENT))).toBe('not_found');
    await populate(world);
    const racing = managersOver(world, {
      removePartner: async (...found) => {
        mustBe(await world.partners.change(REALM, CLIENT, 1, { name: 'changed' }));
        return world.registry.removePartner(...found);
      },
    });
    expect(reasonOf(await racing.partners.remove(REALM, CLIENT))).toBe('conflict');
    expect((await stored(world)).partner.name).toBe('changed');
  });

  it('under a name that is used again goes on where the versions ended', async () => {
    await populate(world);
    mustBe(await world.partners.change(REALM, CLIENT, 1, { name: 'old' }));
    mustBe(await world.partners.remove(REALM, CLIENT));
    expect(mustBe(await world.partners.add(REALM, { id: CLIENT })).value.partner.version).toBe(3);
    // Whoever saw the old one changes nothing of the new one.
    for (const version of [1, 2]) {
      expect(reasonOf(await world.partners.change(REALM, CLIENT, version, { enabled: false }))).toBe('conflict');
    }
    mustBe(await world.partners.remove(REALM, CLIENT));
    expect(mustBe(await world.partners.declare(REALM, CLIENT, undefined, {})).value.partner.version).toBe(4);
  });

  /** As many audiences of the client as that, each granted to it. */
  const ownMany = async (count: number) => {
    await populate(world);
    for (let index = 0; index < count; index += 1) {
      mustBe(await world.grants.addAudience(REALM, { audience: `urn:${index}`, owner: CLIENT, scopes: ['a'] }));
      mustBe(await world.grants.addGrant(REALM, { client: CLIENT, audience: `urn:${index}`, scopes: ['a'] }));
    }
  };

  it('that has more rows than go in one transaction takes them with it all the same', async () => {
    await ownMany(60);
    expect(reasonOf(await world.partners.remove(REALM, CLIENT))).toBe('done');
    expect([world.registry.grants.size, [...world.registry.audiences.keys()]]).toEqual([0, [`${REALM}/${AUDIENCE}`]]);
  });

  it('that has more rows than that, and is refused, keeps them all', async () => {
    await ownMany(60);
    mustBe(await world.grants.addGrant(REALM, { client: OWNER, audience: 'urn:59', scopes: ['a'] }));
    const before = structuredClone([world.registry.partners, world.registry.audiences, world.registry.grants]);
    expect(await world.partners.remove(REALM, CLIENT)).toMatchObject({
      refusal: { reason: 'in_use', dependents: [{ client: OWNER, audience: 'urn:59' }] },
    });
    expect([world.registry.partners, world.registry.audiences, world.registry.grants]).toEqual(before);
  });
});

describe('an outage', () => {
  it('is thrown, not answered', async () => {
    await populate(world);
    const down = () => Promise.reject(new Outage('dynamodb:TransactWriteItems', new Error('down')));
    const { partners } = managersOver(world, { updatePartner: down, createPartner: down, removePartner: down });
    const attempts = [
      () => partners.add(REALM, { id: 'new' }),
      () => partners.declare(REALM, CLIENT, undefined, { name: 'x' }),
      () => partners.change(REALM, CLIENT, 1, { enabled: false }),
      () => partners.remove(REALM, CLIENT),
      () => partners.removeCredential(REALM, CLIENT, 'k1'),
    ];
    for (const attempt of attempts) await expect(attempt()).rejects.toBeInstanceOf(Outage);
  });
});

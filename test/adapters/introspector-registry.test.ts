import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Audience } from '../../functions/core/partner.ts';
import { AUDIENCE, audience, CLIENT, grant, OWNER, partner, REALM } from '../support/builders.ts';
import { audienceIn, IMPLEMENTATIONS, ownedBy, partnerIn, type Registries } from './registries.ts';

const GATEWAY = 'gateway';

describe.each(IMPLEMENTATIONS)('introspectors, %s', (_where, open) => {
  let registries: Registries;
  beforeEach(async () => {
    registries = await open();
    for (const id of [CLIENT, OWNER, GATEWAY]) await registries.registry.createPartner(partner({ id }), undefined);
  });
  afterEach(() => registries[Symbol.asyncDispose]());

  const declare = async (changes: Partial<Audience> = {}) => {
    const made = audience({ introspectors: [GATEWAY], ...changes });
    const { version } = (await partnerIn(registries, REALM, made.owner)).partner;
    return registries.registry.createAudience(made, { version });
  };
  /** Names these, on top of the audience as it is or was seen. */
  const name = async (introspectors: readonly string[], seen?: Audience) => {
    const before = seen ?? (await audienceIn(registries, REALM, AUDIENCE));
    return registries.registry.updateAudience({ ...before, introspectors, version: before.version + 1 }, before);
  };
  const rightsOf = async (id: string) => (await registries.registry.findPartner(REALM, id))?.introspects;
  const remove = async (id: string) => {
    const found = await partnerIn(registries, REALM, id);
    return registries.registry.removePartner(found, await ownedBy(registries, found));
  };
  const addAgain = async (id: string) => {
    const version = 1 + (await registries.registry.lastVersion(REALM, id));
    return registries.registry.createPartner(partner({ id, version }), undefined);
  };

  it('are kept with the audience, and their right with themselves', async () => {
    expect(await declare()).toBe('saved');
    expect(await registries.registry.findAudience(REALM, AUDIENCE)).toEqual(audience({ introspectors: [GATEWAY] }));
    expect([await rightsOf(GATEWAY), await rightsOf(CLIENT), await rightsOf(OWNER)]).toEqual([
      [AUDIENCE],
      undefined,
      undefined,
    ]);
    expect(await declare({ audience: 'urn:other' })).toBe('saved');
    expect(await rightsOf(GATEWAY)).toEqual([AUDIENCE, 'urn:other']);
  });

  it('come and go with the audience that names them, and leave the version of nobody else behind', async () => {
    await declare();
    expect([await name([CLIENT, GATEWAY]), await rightsOf(CLIENT)]).toEqual(['saved', [AUDIENCE]]);
    expect([await name([CLIENT]), await rightsOf(GATEWAY), await rightsOf(CLIENT)]).toEqual([
      'saved',
      undefined,
      [AUDIENCE],
    ]);
    expect(await registries.registry.removeAudience(await audienceIn(registries, REALM, AUDIENCE))).toBe('saved');
    expect([await rightsOf(CLIENT), (await partnerIn(registries, REALM, CLIENT)).partner.version]).toEqual([
      undefined,
      1,
    ]);
  });

  it.each(['nobody', 'elsewhere'])('are partners of the realm: %s is none', async (id) => {
    await registries.registry.createPartner(partner({ realm: 'other', id: 'elsewhere' }), undefined);
    expect(await declare({ introspectors: [id] })).toBe('conflict');
    expect(await registries.registry.findAudience(REALM, AUDIENCE)).toBeUndefined();
    await declare();
    expect(await name([GATEWAY, id])).toBe('conflict');
    expect((await audienceIn(registries, REALM, AUDIENCE)).introspectors).toEqual([GATEWAY]);
  });

  it('of an older view are not written', async () => {
    await declare();
    const seen = await audienceIn(registries, REALM, AUDIENCE);
    expect(await name([], seen)).toBe('saved');
    expect([await name([CLIENT], seen), await rightsOf(CLIENT)]).toEqual(['conflict', undefined]);
  });

  it('stay while they are named, with all that hangs on them', async () => {
    await declare();
    const { registry } = registries;
    expect(await registry.saveGrant(grant({ client: GATEWAY }), undefined, audience())).toBe('saved');
    expect(await remove(GATEWAY)).toBe('conflict');
    expect(await rightsOf(GATEWAY)).toEqual([AUDIENCE]);
    await name([]);
    expect(await remove(GATEWAY)).toBe('saved');
  });

  it('are not taken along by somebody who has not seen that they are named', async () => {
    await declare({ introspectors: [] });
    const unaware = await partnerIn(registries, REALM, GATEWAY);
    await name([GATEWAY]);
    expect(await registries.registry.removePartner(unaware, [])).toBe('conflict');
    expect(await rightsOf(GATEWAY)).toEqual([AUDIENCE]);
  });

  it('leave nothing to the next partner of their name', async () => {
    await declare();
    await name([]);
    expect([await remove(GATEWAY), await addAgain(GATEWAY), await rightsOf(GATEWAY)]).toEqual([
      'saved',
      'saved',
      undefined,
    ]);
    // Nor does a count of before hold the new one in place.
    expect(await remove(GATEWAY)).toBe('saved');
  });

  it('are either named or gone when both are tried at once', async () => {
    await declare({ introspectors: [] });
    const seen = await audienceIn(registries, REALM, AUDIENCE);
    const found = await partnerIn(registries, REALM, GATEWAY);
    await Promise.all([name([GATEWAY], seen), registries.registry.removePartner(found, [])]);
    const { introspectors } = await audienceIn(registries, REALM, AUDIENCE);
    expect(await rightsOf(GATEWAY)).toEqual(introspectors.length === 0 ? undefined : [AUDIENCE]);
    const isThere = (await registries.registry.findPartner(REALM, GATEWAY)) !== undefined;
    expect(introspectors.every(() => isThere)).toBe(true);
  });

  it('are let go when the owner goes with its audiences, several of which name the same ones', async () => {
    await declare();
    await declare({ audience: 'urn:other', introspectors: [CLIENT, GATEWAY] });
    expect(await remove(OWNER)).toBe('saved');
    expect([await rightsOf(GATEWAY), await rightsOf(CLIENT)]).toEqual([undefined, undefined]);
    expect([await remove(GATEWAY), await remove(CLIENT)]).toEqual(['saved', 'saved']);
  });

  it('may be as many as there may be, all changed at once', async () => {
    const ids = Array.from({ length: 20 }, (_, index) => `many-${index}`).sort();
    for (const id of ids) await registries.registry.createPartner(partner({ id }), undefined);
    expect(await declare({ introspectors: ids.slice(0, 10) })).toBe('saved');
    expect(await name(ids.slice(10))).toBe('saved');
    const rights = await Promise.all(ids.map(rightsOf));
    expect(rights.filter((each) => each !== undefined)).toHaveLength(10);
  });
});

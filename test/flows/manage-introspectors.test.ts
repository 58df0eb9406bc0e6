import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { declareResources } from '../../functions/flows/partner-resource.ts';
import { AUDIENCE, CLIENT, OWNER, REALM } from '../support/builders.ts';
import {
  type AdminWorld,
  adminWorld,
  interleave,
  managersOver,
  mustBe,
  populate,
  reasonOf,
  scheduled,
  stored,
} from './admin-world.ts';

const GATEWAY = 'gateway';

let world: AdminWorld;
beforeEach(async () => {
  world = adminWorld();
  await populate(world);
  mustBe(await world.partners.add(REALM, { id: GATEWAY }));
});

const kept = () => world.registry.audiences.get(`${REALM}/${AUDIENCE}`);
const version = () => kept()?.version ?? 0;
const name = (...introspectors: string[]) => world.grants.changeAudience(REALM, AUDIENCE, version(), { introspectors });
const remove = (id: string) => world.partners.remove(REALM, id);

describe('naming introspectors', () => {
  it('is part of declaring an audience, and the same ones in another order are the same', async () => {
    const input = { audience: 'urn:new', owner: OWNER, scopes: ['read'] };
    const add = (introspectors: readonly string[]) => world.grants.addAudience(REALM, { ...input, introspectors });
    expect(mustBe(await add([GATEWAY, CLIENT])).value.introspectors).toEqual([CLIENT, GATEWAY]);
    expect(mustBe(await add([CLIENT, GATEWAY, CLIENT])).created).toBe(false);
    expect(reasonOf(await add([CLIENT]))).toBe('conflict');
  });

  it('takes the version that was read, and tells what is there then', async () => {
    expect(mustBe(await name(GATEWAY))).toMatchObject({ introspectors: [GATEWAY], version: 2 });
    expect(reasonOf(await world.grants.changeAudience(REALM, AUDIENCE, 1, { introspectors: [] }))).toBe('conflict');
    expect((await stored(world, GATEWAY)).introspects).toEqual([AUDIENCE]);
  });

  it('says who is no partner of the realm, and writes nothing', async () => {
    mustBe(await world.partners.add('other', { id: 'elsewhere' }));
    const input = { audience: 'urn:new', owner: OWNER, scopes: ['read'] };
    for (const id of ['nobody', 'elsewhere']) {
      const refusal = { ok: false, refusal: { reason: 'not_found', what: `partner ${id}` } };
      expect(await name(GATEWAY, id)).toEqual(refusal);
      expect(await world.grants.addAudience(REALM, { ...input, introspectors: [id] })).toEqual(refusal);
    }
    expect([kept()?.introspectors, version(), world.registry.audiences.size]).toEqual([[], 1, 1]);
  });

  it('is no way to name the owner, or more than ten', async () => {
    expect(reasonOf(await name(OWNER))).toBe('invalid');
    expect(reasonOf(await name(...Array.from({ length: 11 }, (_, index) => `p-${index}`)))).toBe('invalid');
  });
});

describe('a partner that an audience names', () => {
  it('is not removed, and the audiences are told; it is once none names it', async () => {
    mustBe(await name(GATEWAY));
    expect(await remove(GATEWAY)).toEqual({
      ok: false,
      refusal: {
        reason: 'in_use',
        detail: 'audiences name this partner as an introspector',
        dependents: [{ client: GATEWAY, audience: AUDIENCE }],
      },
    });
    mustBe(await name());
    expect(reasonOf(await remove(GATEWAY))).toBe('done');
  });

  it('leaves nothing to the next of its name', async () => {
    mustBe(await name(GATEWAY));
    mustBe(await name());
    mustBe(await remove(GATEWAY));
    mustBe(await world.partners.add(REALM, { id: GATEWAY }));
    expect((await stored(world, GATEWAY)).introspects).toBeUndefined();
  });

  it('is let go with the owner of the audience', async () => {
    mustBe(await world.grants.removeGrant(REALM, CLIENT, AUDIENCE));
    mustBe(await name(GATEWAY));
    expect([reasonOf(await remove(OWNER)), reasonOf(await remove(GATEWAY))]).toEqual(['done', 'done']);
  });

  it('keeps what it has when its removal is refused, however much that is', async () => {
    for (let index = 0; index < 50; index += 1) {
      const audience = `urn:${index}`;
      mustBe(await world.grants.addAudience(REALM, { audience, owner: OWNER, scopes: ['read'] }));
      mustBe(await world.grants.addGrant(REALM, { client: GATEWAY, audience, scopes: ['read'] }));
    }
    mustBe(await name(GATEWAY));
    expect(reasonOf(await remove(GATEWAY))).toBe('in_use');
    expect((await stored(world, GATEWAY)).grants).toHaveLength(50);
    mustBe(await name());
    expect(reasonOf(await remove(GATEWAY))).toBe('done');
  });

  it('is either there and named, or gone and not, in whatever order both are done', async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), async (scheduler) => {
        const own = adminWorld();
        await populate(own);
        mustBe(await own.partners.add(REALM, { id: GATEWAY }));
        const { partners, grants } = managersOver(own, scheduled(own.registry, scheduler));
        await interleave<unknown>(scheduler, [
          () => grants.changeAudience(REALM, AUDIENCE, 1, { introspectors: [GATEWAY] }),
          () => partners.remove(REALM, GATEWAY),
        ]);
        const isThere = own.registry.partners.has(`${REALM}/${GATEWAY}`);
        const isNamed = own.registry.audiences.get(`${REALM}/${AUDIENCE}`)?.introspectors.includes(GATEWAY);
        expect(isNamed).toBe(isThere);
      }),
      { numRuns: 60 },
    );
  });
});

describe('infrastructure code', () => {
  const resource = (introspectors?: readonly string[]) => ({
    ...{ realm: REALM, id: OWNER, definition: {} },
    audiences: [{ audience: AUDIENCE, scopes: ['read', 'write'], ...(introspectors && { introspectors }) }],
  });

  it('makes introspectors what it says, writes nothing that is so already, and takes back what it no longer says', async () => {
    const { updatePartner } = declareResources(world.partners, world.grants);
    mustBe(await updatePartner(resource([GATEWAY, CLIENT])));
    const before = version();
    mustBe(await updatePartner(resource([CLIENT, GATEWAY])));
    expect([kept()?.introspectors, version()]).toEqual([[CLIENT, GATEWAY], before]);
    mustBe(await updatePartner(resource()));
    expect(kept()?.introspectors).toEqual([]);
    expect(await updatePartner(resource(['nobody']))).toMatchObject({ refusal: { what: 'partner nobody' } });
  });
});

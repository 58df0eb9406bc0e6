/** A partner or a grant that is removed and comes back under the same name: the tokens of the one are not good for the other. */

import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import type { AdminResult } from '../../functions/core/registration.ts';
import { MAX_TOKEN_SECONDS } from '../../functions/core/token-policy.ts';
import { AUDIENCE, CLIENT, NOW, OWNER, REALM } from '../support/builders.ts';
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

let world: AdminWorld;
beforeEach(async () => {
  world = adminWorld();
  await populate(world);
});

const GRANT = { client: CLIENT, audience: AUDIENCE, scopes: ['read'] };
const give = (changes: object = {}) => world.grants.addGrant(REALM, { ...GRANT, ...changes });
const take = async (audience = AUDIENCE) => mustBe(await world.grants.removeGrant(REALM, CLIENT, audience));
const grantMark = async (audience = AUDIENCE) =>
  (await stored(world)).grants.find((each) => each.audience === audience)?.tokensNotBefore;
const partnerMark = async () => (await stored(world)).partner.tokensNotBefore;

describe('a partner', () => {
  const ways = {
    add: () => world.partners.add(REALM, { id: CLIENT }),
    declare: () => world.partners.declare(REALM, CLIENT, undefined, {}),
  };

  it.each(Object.entries(ways))(
    'that comes back by %s has no token of before, and one of after at once',
    async (_, add) => {
      expect([await partnerMark(), world.clock.time]).toEqual([undefined, NOW]);
      mustBe(await world.partners.remove(REALM, CLIENT));
      const { created, value } = mustBe(await add());
      expect([created, value.partner.tokensNotBefore, await partnerMark()]).toEqual([true, NOW + 1, NOW + 1]);
      // The answer came when the second had begun from which on tokens are good.
      expect(world.clock.time).toBe(NOW + 1);
    },
  );

  it('keeps that mark, and is the same to who adds or declares it again', async () => {
    mustBe(await world.partners.remove(REALM, CLIENT));
    mustBe(await ways.add());
    world.clock.time = NOW + 60;
    const again = [mustBe(await ways.add()), mustBe(await ways.declare())];
    expect(again.map(({ created, value }) => [created, value.partner.tokensNotBefore])).toEqual([
      ...[
        [false, NOW + 1],
        [false, NOW + 1],
      ],
    ]);
    expect(world.clock.time).toBe(NOW + 60);
  });

  it('that is lost to another at the same time waits for nothing', async () => {
    mustBe(await world.partners.remove(REALM, CLIENT));
    const { partners } = managersOver(world, { createPartner: async () => 'conflict' });
    expect(reasonOf(await partners.add(REALM, { id: CLIENT }))).toBe('conflict');
    expect(world.clock.time).toBe(NOW);
  });
});

describe('a grant', () => {
  it('that comes back has no token of before, and one of after at once', async () => {
    expect(await grantMark()).toBeUndefined();
    await take();
    world.clock.time = NOW + 5;
    expect(mustBe(await give())).toMatchObject({ created: true, value: { tokensNotBefore: NOW + 6 } });
    expect([await grantMark(), world.clock.time]).toEqual([NOW + 6, NOW + 6]);
  });

  it('keeps that mark through changes of its scopes, which set none', async () => {
    mustBe(await give({ scopes: ['write'] }));
    mustBe(await give());
    expect([await grantMark(), world.clock.time]).toEqual([undefined, NOW]);
    await take();
    mustBe(await give());
    mustBe(await give({ scopes: ['write', 'read'] }));
    expect([await grantMark(), world.clock.time]).toEqual([NOW + 1, NOW + 1]);
  });

  it.each([
    ['a grant of which a token may be good', MAX_TOKEN_SECONDS, NOW + MAX_TOKEN_SECONDS + 1],
    ['none of which a token could be good', MAX_TOKEN_SECONDS + 3_601, undefined],
  ])('has a mark where its client has lost %s', async (_what, later, mark) => {
    await take();
    world.clock.time = NOW + later;
    mustBe(await give());
    expect(await grantMark()).toBe(mark);
  });

  it('of somebody else has none for that', async () => {
    await take();
    mustBe(await world.partners.add(REALM, { id: 'other' }));
    expect(mustBe(await give({ client: 'other' })).value.tokensNotBefore).toBeUndefined();
    expect(world.clock.time).toBe(NOW);
  });

  it('that goes with its client, or with what it is on, comes back without the tokens of before', async () => {
    await take();
    mustBe(await world.grants.removeAudience(REALM, AUDIENCE));
    mustBe(await world.grants.addAudience(REALM, { audience: AUDIENCE, owner: OWNER, scopes: ['read'] }));
    mustBe(await give());
    expect(await grantMark()).toBe(NOW + 1);
    mustBe(await world.partners.remove(REALM, CLIENT));
    mustBe(await world.partners.add(REALM, { id: CLIENT }));
    mustBe(await give());
    expect([await partnerMark(), await grantMark()]).toEqual([NOW + 2, undefined]);
  });

  it('that cannot be saved waits for nothing', async () => {
    await take();
    const { grants } = managersOver(world, { saveGrant: async () => 'conflict' });
    expect(reasonOf(await grants.addGrant(REALM, GRANT))).toBe('conflict');
    expect(world.clock.time).toBe(NOW);
  });

  it('is marked after every loss, whoever gives and takes at the same time', async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), async (scheduler) => {
        world = adminWorld();
        await populate(world);
        world.registry.grants.clear();
        const { grants } = managersOver(world, scheduled(world.registry, scheduler));
        const add = () => grants.addGrant(REALM, GRANT);
        const addAndRemove = async () => {
          await add();
          return grants.removeGrant(REALM, CLIENT, AUDIENCE);
        };
        await interleave<AdminResult<unknown>>(scheduler, [add, addAndRemove, add]);
        const [held] = world.registry.grants.values();
        const lostAt = world.registry.lost.get(`${REALM}/${CLIENT}`);
        // What was issued until the loss is not good by a grant of after it.
        if (held !== undefined && lostAt !== undefined) expect(held.tokensNotBefore).toBeGreaterThan(lostAt);
      }),
      { numRuns: 500 },
    );
  });
});

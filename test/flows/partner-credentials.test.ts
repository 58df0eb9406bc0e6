import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import type { AdminResult } from '../../functions/core/registration.ts';
import type { ManagePartners } from '../../functions/flows/manage-partners.ts';
import { CLIENT, credential, keyPair, NOW, OWNER, partner, REALM } from '../support/builders.ts';
import {
  type AdminWorld,
  adminWorld,
  interleave,
  jwkOf,
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

const add = async (name: string, more: object = {}) =>
  world.partners.addCredential(REALM, CLIENT, { jwk: await jwkOf(name), ...more });
const kids = async () => (await stored(world)).partner.credentials.map(({ kid }) => kid);

describe('adding a credential', () => {
  it('puts it beside the others, with its label and its times', async () => {
    world.clock.time += 3;
    const { partner: after } = mustBe(await add('k2', { label: 'next', notBefore: NOW + 10, expiresAt: NOW + 20 }));
    expect(after).toEqual(
      partner({
        credentials: [
          credential(await keyPair(), { addedAt: NOW }),
          credential(await keyPair('ES256', 'k2'), {
            ...{ label: 'next', notBefore: NOW + 10, expiresAt: NOW + 20, addedAt: NOW + 3 },
          }),
        ],
        ...{ version: 2, createdAt: NOW, updatedAt: NOW + 3 },
      }),
    );
    expect((await stored(world)).partner).toEqual(after);
  });

  it('twice is done once', async () => {
    mustBe(await add('k2', { label: 'next' }));
    world.clock.time += 3;
    expect(mustBe(await add('k2', { label: 'next' })).partner.version).toBe(2);
    expect((await stored(world)).partner.version).toBe(2);
  });

  it.each([
    ['with another label', { label: 'other' }],
    ['with another end', { expiresAt: NOW + 9 }],
  ])('under a kid that is taken is invalid %s: nothing is replaced silently', async (_what, more) => {
    const before = await stored(world);
    expect(reasonOf(await add('k1', more))).toBe('invalid');
    expect(await stored(world)).toEqual(before);
  });

  it('that is the same key under another kid is invalid', async () => {
    const jwk = { ...(await jwkOf('k1')), kid: 'alias' };
    expect(reasonOf(await world.partners.addCredential(REALM, CLIENT, { jwk }))).toBe('invalid');
  });

  it('stops at ten', async () => {
    for (let index = 2; index <= 10; index += 1) mustBe(await add(`k${index}`));
    expect(reasonOf(await add('k11'))).toBe('invalid');
    expect(await kids()).toHaveLength(10);
  });

  it.each([
    ['a private key', { jwk: { kty: 'EC', crv: 'P-256', x: 'x', y: 'y', d: 'd' } }],
    ['neither key nor certificate', {}],
    ['both', { jwk: { kty: 'EC' }, certificate: 'MII' }],
  ])('that is %s is invalid', async (_what, input) => {
    expect(reasonOf(await world.partners.addCredential(REALM, CLIENT, input))).toBe('invalid');
  });

  it('to nobody is not found', async () => {
    expect(reasonOf(await world.partners.addCredential(REALM, 'nobody', { jwk: await jwkOf('k2') }))).toBe('not_found');
  });
});

describe('removing a credential', () => {
  it('takes that one away', async () => {
    mustBe(await add('k2'));
    world.clock.time += 3;
    const { partner: after } = mustBe(await world.partners.removeCredential(REALM, CLIENT, 'k1'));
    expect([after.credentials.map(({ kid }) => kid), after.version, after.updatedAt]).toEqual([['k2'], 3, NOW + 3]);
    mustBe(await world.partners.removeCredential(REALM, CLIENT, 'k2'));
    expect(await kids()).toEqual([]);
  });

  it('that is not there is not found', async () => {
    expect(reasonOf(await world.partners.removeCredential(REALM, CLIENT, 'k2'))).toBe('not_found');
    expect(reasonOf(await world.partners.removeCredential(REALM, 'nobody', 'k1'))).toBe('not_found');
  });

  it('that comes from the document of the partner is a conflict: it would come back', async () => {
    const before = await stored(world);
    const credentials = [credential(await keyPair(), { source: 'document' })];
    await world.registry.updatePartner({ ...before.partner, credentials, version: 2 }, before, undefined);
    expect(reasonOf(await world.partners.removeCredential(REALM, CLIENT, 'k1'))).toBe('conflict');
    expect(await kids()).toEqual(['k1']);
  });
});

/** What an administrator does to the partner, and what has to be so once he is told that it is done. */
interface Edit {
  readonly what: string;
  readonly run: (partners: ManagePartners) => Promise<AdminResult<unknown>>;
  readonly holds: () => Promise<boolean>;
}

const holds = (check: (found: Awaited<ReturnType<typeof stored>>['partner']) => boolean) => async () =>
  check((await stored(world)).partner);
const has = (name: string) => holds(({ credentials }) => credentials.some(({ kid }) => kid === name));

const adds = (name: string): Edit => ({
  what: `add ${name}`,
  run: async (partners) => partners.addCredential(REALM, CLIENT, { jwk: await jwkOf(name) }),
  holds: has(name),
});
const removes = (name: string): Edit => ({
  what: `remove ${name}`,
  run: (partners) => partners.removeCredential(REALM, CLIENT, name),
  holds: async () => !(await has(name)()),
});
const changes = (what: string, members: object, check: () => Promise<boolean>): Edit => ({
  what,
  run: async (partners) => {
    const shown = await partners.show(REALM, CLIENT);
    return shown.ok ? partners.change(REALM, CLIENT, shown.value.partner.version, members) : shown;
  },
  holds: check,
});

/** None of these undoes another. */
const EDITS: readonly Edit[] = [
  ...['k2', 'k3', 'k4'].map(adds),
  removes('k1'),
  changes(
    'rename',
    { name: 'CRM' },
    holds(({ name }) => name === 'CRM'),
  ),
  changes(
    'switch off',
    { enabled: false },
    holds(({ enabled }) => !enabled),
  ),
  changes(
    'tag',
    { tags: { a: '1' } },
    holds(({ tags }) => tags.a === '1'),
  ),
];

describe('administrators who edit one partner at once', () => {
  it('lose nothing: what one was told is done is so, whatever the others do in between', async () => {
    const seen = { done: 0, conflict: 0 };
    await fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        fc.uniqueArray(fc.constantFrom(...EDITS), { minLength: 2, maxLength: 4, selector: ({ what }) => what }),
        async (scheduler, edits) => {
          world = adminWorld();
          await populate(world);
          const { partners } = managersOver(world, scheduled(world.registry, scheduler));
          const runs = edits.map(
            ({ run }) =>
              () =>
                run(partners),
          );
          const outcomes = (await interleave(scheduler, runs)).map(reasonOf);
          let written = 0;
          for (const [index, edit] of edits.entries()) {
            const outcome = outcomes[index];
            expect([edit.what, outcome]).toEqual([edit.what, expect.stringMatching(/^(done|conflict)$/)]);
            if (outcome === 'done') {
              written += 1;
              expect([edit.what, await edit.holds()]).toEqual([edit.what, true]);
            } else expect([edit.what, await edit.holds()]).toEqual([edit.what, false]);
          }
          seen.done += written;
          seen.conflict += edits.length - written;
          expect((await stored(world)).partner.version).toBe(1 + written);
        },
      ),
      { numRuns: 300 },
    );
    // Both have happened, or nothing was shown.
    expect([seen.done > 100, seen.conflict > 20]).toEqual([true, true]);
  });

  it('who all add a key need not look again: each finds room beside the others', async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), async (scheduler) => {
        world = adminWorld();
        await populate(world);
        const { partners } = managersOver(world, scheduled(world.registry, scheduler));
        const names = ['k2', 'k3', 'k4', 'k5'];
        const runs = names.map((name) => async () => partners.addCredential(REALM, CLIENT, { jwk: await jwkOf(name) }));
        expect((await interleave(scheduler, runs)).map(reasonOf)).toEqual(names.map(() => 'done'));
        expect((await kids()).sort()).toEqual(['k1', ...names]);
      }),
      { numRuns: 100 },
    );
  });

  it('never leave an enabled audience to a disabled owner, however a new one races with it', async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), async (scheduler) => {
        world = adminWorld();
        await populate(world);
        const { partners, grants } = managersOver(world, scheduled(world.registry, scheduler));
        await interleave<AdminResult<unknown>>(scheduler, [
          () => partners.change(REALM, OWNER, 2, { enabled: false }),
          () => grants.addAudience(REALM, { audience: 'urn:new', owner: OWNER, scopes: ['read'] }),
          async () => partners.addCredential(REALM, OWNER, { jwk: await jwkOf('k2') }),
        ]);
        const { enabled } = (await stored(world, OWNER)).partner;
        for (const each of world.registry.audiences.values()) expect(each.ownerEnabled).toBe(enabled);
      }),
      { numRuns: 200 },
    );
  });
});

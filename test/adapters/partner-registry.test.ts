import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Grant, Partner } from '../../functions/core/partner.ts';
import { newRefresh, type RefreshStatus } from '../../functions/core/partner-source.ts';
import {
  AUDIENCE,
  audience,
  CLIENT,
  credential,
  grant,
  keyPair,
  NOW,
  OWNER,
  partner,
  REALM,
} from '../support/builders.ts';
import { audienceIn, IMPLEMENTATIONS, ownedBy, partnerIn, type Registries, readAll } from './registries.ts';

const ISSUER = 'https://crm.example.com';
const SOURCE = { type: 'jwks_uri', url: 'https://crm.example.com/jwks' } as const;
const FOLLOWED = partner({ source: SOURCE });

describe.each(IMPLEMENTATIONS)('a partner, %s', (_where, open) => {
  let registries: Registries;
  beforeEach(async () => {
    registries = await open();
  });
  afterEach(() => registries[Symbol.asyncDispose]());

  const found = (id = CLIENT) => registries.registry.findPartner(REALM, id);
  const add = (changes: Partial<Partner> = {}, refresh?: RefreshStatus) =>
    registries.registry.createPartner(partner(changes), refresh);
  /** Writes the partner as it is now, with these changes. */
  const update = async (changes: Partial<Partner>, refresh?: RefreshStatus) => {
    const before = await partnerIn(registries, REALM, changes.id ?? CLIENT);
    const after = { ...before.partner, version: before.partner.version + 1, ...changes };
    return registries.registry.updatePartner(after, before, refresh);
  };
  const own = async (name = AUDIENCE, owner = OWNER) =>
    registries.registry.createAudience(
      audience({ audience: name, owner, ownerEnabled: (await partnerIn(registries, REALM, owner)).partner.enabled }),
      (await partnerIn(registries, REALM, owner)).partner,
    );
  const give = async (changes: Partial<Grant> = {}) => {
    const given = grant(changes);
    return registries.registry.saveGrant(given, undefined, await audienceIn(registries, REALM, given.audience));
  };
  const remove = async (id = CLIENT) => {
    const seen = await partnerIn(registries, REALM, id);
    return registries.registry.removePartner(seen, await ownedBy(registries, seen));
  };

  describe('that is new', () => {
    it('is found as it was written, in its own realm only', async () => {
      const whole = partner({
        ...{ name: 'CRM', tags: { team: 'sales' }, issuer: ISSUER, quota: { perMinute: 5, mode: 'observe' } },
        ...{
          credentials: [credential(await keyPair(), { label: 'first', expiresAt: NOW })],
          claims: { a: [null, 1.5] },
        },
      });
      expect(await add(whole)).toBe('saved');
      expect(await found()).toEqual({ partner: whole, grants: [], audiences: [] });
      expect(await registries.registry.findPartner('other', CLIENT)).toBeUndefined();
    });

    it('does not take the place of another, nor the issuer of another, and then writes nothing', async () => {
      expect(await add({ issuer: ISSUER })).toBe('saved');
      expect(await add({ name: 'second' })).toBe('conflict');
      expect(await add({ id: 'thief', issuer: ISSUER })).toBe('conflict');
      expect([(await found())?.partner.name, await found('thief')]).toEqual([undefined, undefined]);
      expect(await registries.registry.findIssuer(REALM, ISSUER)).toBe(CLIENT);
    });

    it('may have the issuer of a partner of another realm', async () => {
      await add({ issuer: ISSUER });
      expect(await add({ realm: 'other', issuer: ISSUER })).toBe('saved');
    });

    it('is one of several that want the same issuer at once', async () => {
      const outcomes = await Promise.all(['a', 'b', 'c'].map((id) => add({ id, issuer: ISSUER })));
      expect([...outcomes].sort()).toEqual(['conflict', 'conflict', 'saved']);
      const winner = ['a', 'b', 'c'][outcomes.indexOf('saved')];
      expect(await registries.registry.findIssuer(REALM, ISSUER)).toBe(winner);
    });
  });

  describe('that changes', () => {
    it('follows the version before; a view that is no longer current changes nothing', async () => {
      await add();
      const stale = await partnerIn(registries, REALM, CLIENT);
      expect(await update({ name: 'first' })).toBe('saved');
      const late = { ...stale.partner, name: 'second', version: 2 };
      expect(await registries.registry.updatePartner(late, stale, undefined)).toBe('conflict');
      expect((await found())?.partner).toEqual(partner({ name: 'first', version: 2 }));
    });

    it('is one of several who change it at once', async () => {
      await add();
      const outcomes = await Promise.all(['a', 'b', 'c'].map((name) => update({ name })));
      expect([...outcomes].sort()).toEqual(['conflict', 'conflict', 'saved']);
      expect((await found())?.partner.name).toBe(['a', 'b', 'c'][outcomes.indexOf('saved')]);
    });

    it('switches its audiences off and on with it', async () => {
      await add({ id: OWNER });
      for (const name of ['urn:a', 'urn:b']) await own(name);
      const enabled = async () =>
        Promise.all(['urn:a', 'urn:b'].map(async (name) => (await audienceIn(registries, REALM, name)).ownerEnabled));
      expect(await update({ id: OWNER, enabled: false })).toBe('saved');
      expect(await enabled()).toEqual([false, false]);
      expect(await update({ id: OWNER, enabled: true })).toBe('saved');
      expect(await enabled()).toEqual([true, true]);
    });

    it('is not switched off by somebody who does not know its newest audience', async () => {
      await add({ id: OWNER });
      const before = await partnerIn(registries, REALM, OWNER);
      await own();
      const off = { ...before.partner, enabled: false, version: before.partner.version + 1 };
      expect(await registries.registry.updatePartner(off, before, undefined)).toBe('conflict');
      expect((await audienceIn(registries, REALM, AUDIENCE)).ownerEnabled).toBe(true);
    });

    it('with 90 audiences is switched off in one write', async () => {
      await add({ id: OWNER, issuer: ISSUER });
      for (let index = 0; index < 90; index += 1) await own(`urn:${index}`);
      const source = { type: 'metadata', url: 'https://example.com' } as const;
      const fresh = newRefresh(REALM, OWNER, NOW);
      expect(await update({ id: OWNER, enabled: false, issuer: 'a@b', source }, fresh)).toBe('saved');
      expect((await audienceIn(registries, REALM, 'urn:89')).ownerEnabled).toBe(false);
    });

    it('gives up one issuer for another that is free, and keeps its own when it is not', async () => {
      await add({ issuer: 'a@b' });
      await add({ id: OWNER, issuer: 'c@d' });
      const issuers = () =>
        Promise.all(['a@b', 'c@d', 'e@f'].map((each) => registries.registry.findIssuer(REALM, each)));
      expect(await update({ issuer: 'c@d' })).toBe('conflict');
      expect(await issuers()).toEqual([CLIENT, OWNER, undefined]);
      expect(await update({ issuer: 'e@f' })).toBe('saved');
      expect(await issuers()).toEqual([undefined, OWNER, CLIENT]);
    });
  });

  describe('whose document is followed', () => {
    const status = newRefresh(REALM, CLIENT, NOW);

    it('has a status of its own, which follows its version', async () => {
      await add(FOLLOWED, status);
      expect((await found())?.refresh).toEqual(status);
      const failure = { code: 'timeout', detail: 'no answer' };
      const next = { ...status, lastAttemptAt: NOW, failure, failures: 1, dueAt: NOW + 300, version: 2 };
      expect([await registries.registry.saveRefresh(next), await registries.registry.saveRefresh(next)]).toEqual([
        'saved',
        'conflict',
      ]);
      expect((await found())?.refresh).toEqual(next);
      expect((await found())?.partner.version).toBe(1);
    });

    it('loses it with its source, and a late outcome does not bring it back', async () => {
      await add(FOLLOWED, status);
      const { source: _source, ...free } = FOLLOWED;
      const before = await partnerIn(registries, REALM, CLIENT);
      expect(await registries.registry.updatePartner({ ...free, version: 2 }, before, undefined)).toBe('saved');
      expect(await registries.registry.saveRefresh({ ...status, version: 2 })).toBe('conflict');
      expect(await found()).toEqual({ partner: { ...free, version: 2 }, grants: [], audiences: [] });
      expect(await registries.registry.listDue(NOW, 10)).toEqual([]);
    });

    it('keeps it through other changes, and begins anew with another source', async () => {
      await add(FOLLOWED, status);
      await update({ name: 'CRM' });
      expect((await found())?.refresh).toEqual(status);
      const anew = { ...newRefresh(REALM, CLIENT, NOW + 5), version: 2 };
      expect(await update({ source: { ...SOURCE, url: 'https://b.example.com' } }, anew)).toBe('saved');
      expect((await found())?.refresh).toEqual(anew);
    });

    it('is due from its time on, the longest due first, as many as asked for, from all realms', async () => {
      const due = { a: NOW - 1, b: NOW - 500, c: NOW, d: NOW + 1 };
      for (const [id, dueAt] of Object.entries(due)) {
        await add({ id, source: SOURCE }, { ...newRefresh(REALM, id, NOW), dueAt });
      }
      await add({ realm: 'other', id: 'x', source: SOURCE }, { ...newRefresh('other', 'x', NOW), dueAt: 5 });
      const dueIds = async (limit: number) =>
        (await registries.registry.listDue(NOW, limit)).map(({ realm, id }) => `${realm}/${id}`);
      expect(await dueIds(10)).toEqual(['other/x', 'default/b', 'default/a', 'default/c']);
      expect(await dueIds(2)).toEqual(['other/x', 'default/b']);
    });
  });

  describe('that is removed', () => {
    it('goes with its grants, its audiences, its issuer and its status, and may be made anew', async () => {
      await add({ issuer: ISSUER, source: SOURCE }, newRefresh(REALM, CLIENT, NOW));
      await add({ id: OWNER });
      await own('urn:own', CLIENT);
      await own();
      await give({ audience: 'urn:own' });
      await give();
      expect(await remove()).toBe('saved');
      expect([await found(), await registries.registry.findAudience(REALM, 'urn:own')]).toEqual([undefined, undefined]);
      expect(await registries.registry.findIssuer(REALM, ISSUER)).toBeUndefined();
      expect(await registries.registry.listDue(NOW, 10)).toEqual([]);
      expect(await registries.registry.listGrantsOn(REALM, AUDIENCE, { limit: 10 })).toEqual({ items: [] });
      // Nobody shall take the new one for the old: its versions go on where those of the old one ended.
      const [version, audienceVersion] = [
        await registries.registry.lastVersion(REALM, CLIENT),
        await registries.registry.lastAudienceVersion(REALM, 'urn:own'),
      ];
      expect([version, audienceVersion, await registries.registry.lastVersion(REALM, OWNER)]).toEqual([2, 1, 0]);
      expect([await add(), await add({ version: 4 }), await add({ version: 3 })]).toEqual([
        'conflict',
        'conflict',
        'saved',
      ]);
      expect(await found()).toEqual({ partner: partner({ version: 3 }), grants: [], audiences: [] });
      const again = audience({ audience: 'urn:own', owner: CLIENT });
      const owned = { version: 3 };
      expect(await registries.registry.createAudience(again, owned)).toBe('conflict');
      expect(await registries.registry.createAudience({ ...again, version: 2 }, owned)).toBe('saved');
      // Nothing is left that counted its grants.
      expect(await registries.registry.removeAudience(await audienceIn(registries, REALM, AUDIENCE))).toBe('saved');
      expect(await remove()).toBe('saved');
    });

    it('stays, with everything, while somebody else may call what it owns', async () => {
      await add();
      await add({ id: OWNER });
      await own();
      await give();
      const before = await found(OWNER);
      expect(await remove(OWNER)).toBe('conflict');
      expect(await found(OWNER)).toEqual(before);
      await registries.registry.removeGrant(grant(), NOW);
      expect(await remove(OWNER)).toBe('saved');
    });

    it('stays when it has changed since, or holds another grant by now', async () => {
      await add();
      await add({ id: OWNER });
      await own();
      const before = await partnerIn(registries, REALM, CLIENT);
      await give();
      expect(await registries.registry.removePartner(before, [])).toBe('conflict');
      const withGrant = await partnerIn(registries, REALM, CLIENT);
      await update({ name: 'other' });
      expect(await registries.registry.removePartner(withGrant, [])).toBe('conflict');
      expect((await found())?.grants).toEqual([grant()]);
    });

    it('takes as many rows with it as one transaction holds', async () => {
      await add({ id: OWNER, issuer: ISSUER, source: SOURCE }, newRefresh(REALM, OWNER, NOW));
      for (let index = 0; index < 32; index += 1) await own(`urn:${index}`);
      expect(await remove(OWNER)).toBe('saved');
      expect(await registries.registry.listAudiences(REALM, { limit: 100 })).toEqual({ items: [] });
    });
  });

  it('stands in the list of its realm once, in order, however long the pages are', async () => {
    const ids = ['a', 'B', 'c.d', '0', 'z~1'];
    for (const id of ids) await add({ id });
    await add({ realm: 'other' });
    for (const limit of [1, 2, 5, 100]) {
      const listed = await readAll((page) => registries.registry.listPartners(REALM, page), limit);
      expect(listed.map(({ id }) => id)).toEqual(['0', 'B', 'a', 'c.d', 'z~1']);
    }
    expect(await registries.registry.listPartners('none', { limit: 5 })).toEqual({ items: [] });
  });
});

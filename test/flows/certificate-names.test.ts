import { beforeEach, describe, expect, it } from 'vitest';
import type { PartnerDefinition } from '../../functions/core/partner-definition.ts';
import { NOW, REALM } from '../support/builders.ts';
import { DAY, issue } from '../support/certificate-authority.ts';
import { type AdminWorld, adminWorld, mustBe, stored } from './admin-world.ts';
import { follow, JWKS_URL, refreshWorld } from './refresh-world.ts';

const VALID = { notBefore: NOW - DAY, notAfter: NOW + DAY };
const [shared, other] = [await issue({ name: 'exchange', ...VALID }), await issue({ name: 'lync', ...VALID })];
const WITH: PartnerDefinition = { credentials: [{ certificate: shared.base64 }], microsoft: {} };
const TAKEN = { ok: false, refusal: { reason: 'conflict', detail: 'partner exchange has this certificate' } };

let world: AdminWorld;
beforeEach(async () => {
  world = adminWorld();
  mustBe(await world.partners.add(REALM, { id: 'exchange', ...WITH }));
});

const addThief = (definition: PartnerDefinition) => world.partners.add(REALM, { id: 'thief', ...definition });

/** A certificate names one partner: with two, its tokens could be taken for either's. */
describe('a certificate that another partner of the Microsoft profile has', () => {
  it('keeps a new one from being made, and the refusal names who has it', async () => {
    expect(await addThief(WITH)).toEqual(TAKEN);
    expect(await world.partners.declare(REALM, 'thief', undefined, WITH)).toEqual(TAKEN);
    expect(world.registry.partners.has(`${REALM}/thief`)).toBe(false);
  });

  it('is not added to one that is there', async () => {
    mustBe(await addThief({ microsoft: {}, credentials: [{ certificate: other.base64 }] }));
    expect(await world.partners.addCredential(REALM, 'thief', { certificate: shared.base64 })).toEqual(TAKEN);
    expect(await world.partners.declare(REALM, 'thief', 1, WITH)).toEqual(TAKEN);
    expect((await stored(world, 'thief')).partner.credentials).toHaveLength(1);
  });

  it('keeps one that has it already from taking part', async () => {
    const { microsoft: _off, ...plain } = WITH;
    mustBe(await addThief(plain));
    expect(await world.partners.change(REALM, 'thief', 1, { microsoft: {} })).toEqual(TAKEN);
    mustBe(await world.partners.change(REALM, 'exchange', 1, { microsoft: null }));
    mustBe(await world.partners.change(REALM, 'thief', 1, { microsoft: {} }));
  });

  it('keeps a document out that has it, and is reported as that', async () => {
    const refreshed = refreshWorld();
    const { partners, web, refresh, registry } = refreshed;
    mustBe(await partners.add(REALM, { id: 'exchange', ...WITH }));
    await follow(refreshed, { jwksUri: JWKS_URL, microsoft: {} }, 'thief');
    const [credential] = (await registry.findPartner(REALM, 'exchange'))?.partner.credentials ?? [];
    web.set(JWKS_URL, { keys: [{ ...credential?.jwk, alg: credential?.algorithm, x5c: [shared.base64] }] });
    const { reports } = await refresh.due(5);
    expect(reports).toMatchObject([{ partner: 'thief', outcome: 'failed', failure: { code: 'certificate_taken' } }]);
    expect([...registry.partners.values()].map(({ credentials }) => credentials.length)).toEqual([1, 0]);
  });

  it('is free when its holder gives it up, or goes', async () => {
    const kid = (await stored(world, 'exchange')).partner.credentials[0]?.kid ?? '';
    mustBe(await world.partners.removeCredential(REALM, 'exchange', kid));
    mustBe(await addThief(WITH));
    mustBe(await world.partners.remove(REALM, 'thief'));
    mustBe(await world.partners.addCredential(REALM, 'exchange', { certificate: shared.base64 }));
  });

  it('is of no concern to another realm', async () => {
    mustBe(await world.partners.add('other', { id: 'thief', ...WITH }));
  });
});

import { decodeProtectedHeader } from 'jose';
import { describe, expect, it } from 'vitest';
import { CERTIFICATE_MAX_DAYS } from '../../functions/core/certificate-terms.ts';
import type { KeyRing } from '../../functions/core/key-ring.ts';
import { microsoftDocument } from '../../functions/core/microsoft-document.ts';
import { readPartnerDocument } from '../../functions/core/partner-document.ts';
import { manageKeys } from '../../functions/flows/manage-keys.ts';
import { rotateKeys } from '../../functions/flows/rotate-keys.ts';
import { selfSign } from '../../functions/flows/self-sign.ts';
import { signActorToken } from '../../functions/flows/sign-actor-token.ts';
import { ISSUER, NOW, REALM, rotationPolicy } from '../support/builders.ts';
import { memoryRings, testClock } from './in-memory.ts';
import { memoryVault } from './memory-vault.ts';

const PROFILE = { applicationId: '9d3cba71-5f0e-4b8c-9a1f-2f6de15b7c34', realms: ['contoso.example'] } as const;
const PRINCIPAL = `${PROFILE.applicationId}@contoso.example`;
const POLICY = rotationPolicy({ certificates: { commonName: PRINCIPAL, days: 365 } });
const [QUARTER, DAY] = [900, 86_400];
const ORDER = {
  ...{ issuer: PRINCIPAL, actor: PRINCIPAL, isTrustedForDelegation: false, seconds: 3_600 },
  audience: '00000002-0000-0ff1-ce00-000000000000/mail.contoso.example@contoso.example',
};

/** A realm two days old: one key signs, the next has been public for longer than the lead. */
const openRealm = async () => {
  const clock = testClock();
  const [rings, vault] = [memoryRings(), memoryVault('kms', clock)];
  let ids = 0;
  const ports = {
    ...{ rings, vault, signer: vault, clock },
    selfSign: selfSign({ signer: vault, clock, serials: { next: () => new Uint8Array(20) } }, CERTIFICATE_MAX_DAYS),
    published: { name: async () => true },
    ids: { next: () => `creation-${++ids}` },
  };
  const rotate = rotateKeys(ports, { realm: REALM, algorithms: ['RS256'], policy: POLICY });
  await rotate(12);
  clock.time += 2 * DAY;
  await rotate(12);
  const ring = (): KeyRing => {
    const stored = rings.stored.get('default/RS256');
    if (stored === undefined) throw new Error('there is no ring');
    return stored;
  };
  /** By which certificate a token of this moment is known. */
  const signedBy = async (): Promise<string | undefined> => {
    const { token } = await signActorToken(vault, ORDER, clock.now(), [ring()], async () => [ring()]);
    return decodeProtectedHeader(token).x5t;
  };
  /** Certificates that a server finds which fetches the document at this moment. */
  const known = async (): Promise<readonly (string | undefined)[]> => {
    const read = await readPartnerDocument(microsoftDocument(ISSUER, PROFILE, [ring()]), clock.now());
    return read.ok ? read.value.keys.map(({ x5t }) => x5t) : [];
  };
  const manage = manageKeys({ ...ports, rotate: async () => rotate, policyOf: async () => POLICY });
  return { clock, rotate, manage, ring, signedBy, known };
};

describe('a certificate roll with an effective date', () => {
  it('lets the next key sign from then on and not a second before, and servers know both before and after', async () => {
    const { clock, rotate, manage, signedBy, known } = await openRealm();
    const at = clock.now() + DAY + 100;
    expect(await manage.rotateAt(REALM, 'RS256', at)).toMatchObject({ ok: true });
    const [before, next] = await known();
    for (const time of [clock.now(), at - QUARTER, at - 1]) {
      clock.time = time;
      await rotate(1);
      expect([await signedBy(), await known()]).toEqual([before, [before, next]]);
    }
    clock.time = at;
    await rotate(1);
    expect(await signedBy()).toBe(next);
    clock.time = at + 1;
    await rotate(12);
    const [signs, standsBy, retires] = await known();
    expect([signs, retires]).toEqual([next, before]);
    expect([before, next]).not.toContain(standsBy);
  });

  it('drops the old certificate when the last token of its key has ended', async () => {
    const { clock, rotate, manage, ring, known } = await openRealm();
    const at = clock.now() + 100;
    await manage.rotateAt(REALM, 'RS256', at);
    const [before] = await known();
    clock.time = at;
    await rotate(12);
    const until = ring().keys.find(({ state }) => state === 'retiring')?.retireNotBefore ?? 0;
    expect(until).toBeGreaterThan(at + 3_600);
    for (const [time, isNamed] of [
      [until - 1, true],
      [until, false],
    ] as const) {
      clock.time = time;
      await rotate(12);
      expect((await known()).includes(before)).toBe(isNamed);
    }
  });

  it('can be put off and brought forward, as often as it has not happened yet', async () => {
    const { clock, rotate, manage, signedBy, known } = await openRealm();
    const [before, next] = await known();
    const now = clock.now();
    await manage.rotateAt(REALM, 'RS256', now + 100);
    await manage.rotateAt(REALM, 'RS256', now + 10 * DAY);
    clock.time = now + 5 * DAY;
    await rotate(12);
    expect(await signedBy()).toBe(before);
    await manage.rotateAt(REALM, 'RS256', clock.now());
    expect(await signedBy()).toBe(next);
  });

  it('is refused with the earliest time that would do, and nothing changes', async () => {
    const { clock, rotate, manage, ring } = await openRealm();
    await manage.rotateAt(REALM, 'RS256', clock.now());
    await rotate(12);
    const standby = ring().keys.find(({ state }) => state === 'standby');
    const until = standby?.activateNotBefore ?? 0;
    const version = ring().version;
    expect(await manage.rotateAt(REALM, 'RS256', until - 1)).toEqual({
      ok: false,
      refusal: { reason: 'conflict', detail: 'the standby key cannot take over that early', until },
    });
    expect([ring().version, (await manage.rotateAt(REALM, 'RS256', until)).ok]).toEqual([version, true]);
  });

  it('is refused a long time ahead, and for a ring that there is not', async () => {
    const { clock, manage } = await openRealm();
    const latest = clock.now() + POLICY.periodSeconds;
    expect(await manage.rotateAt(REALM, 'RS256', latest + 1)).toMatchObject({ refusal: { until: latest } });
    expect(await manage.rotateAt(REALM, 'ES256', NOW + 3 * DAY)).toMatchObject({ refusal: { reason: 'not_found' } });
  });

  it('does not stand in the way of an emergency', async () => {
    const { clock, manage, ring, signedBy, known } = await openRealm();
    const [before, next] = await known();
    await manage.rotateAt(REALM, 'RS256', clock.now() + 10 * DAY);
    const kid = ring().keys.find(({ state }) => state === 'active')?.kid ?? '';
    expect(await manage.revoke(REALM, kid, false)).toMatchObject({ ok: true, value: { unverifiableSeconds: 0 } });
    expect([await signedBy(), (await known()).includes(before)]).toEqual([next, false]);
  });
});

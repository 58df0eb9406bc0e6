import { createPublicKey, X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { CERTIFICATE_MAX_DAYS } from '../../functions/core/certificate-terms.ts';
import type { KeyRing } from '../../functions/core/key-ring.ts';
import { type RotationStep, standbyReadyAt } from '../../functions/core/rotation-plan.ts';
import { type RotateKeysSettings, type RotationReport, rotateKeys } from '../../functions/flows/rotate-keys.ts';
import { selfSign } from '../../functions/flows/self-sign.ts';
import type { StepPorts } from '../../functions/flows/take-rotation-step.ts';
import { Outage } from '../../functions/ports.ts';
import { NOW, REALM, rotationPolicy } from '../support/builders.ts';
import { memoryRings, testClock } from './in-memory.ts';
import { memoryVault } from './memory-vault.ts';

const SETTINGS: RotateKeysSettings = { realm: REALM, algorithms: ['ES256'], policy: rotationPolicy() };
const SETTLED: readonly RotationStep['kind'][] = [
  ...(['create', 'publish', 'schedule-activation', 'activate'] as const),
  ...(['create', 'publish', 'schedule-activation', 'sweep'] as const),
];

const world = () => {
  const clock = testClock();
  const [rings, vault] = [memoryRings(), memoryVault('kms', clock)];
  let ids = 0;
  const ports: StepPorts = {
    ...{ rings, vault, signer: vault, clock },
    selfSign: selfSign({ signer: vault, clock, serials: { next: () => new Uint8Array(20) } }, CERTIFICATE_MAX_DAYS),
    published: { name: async () => true },
    ids: { next: () => `creation-${++ids}` },
  };
  const ring = (): KeyRing => {
    const stored = rings.stored.get('default/ES256');
    if (stored === undefined) throw new Error('there is no ring');
    return stored;
  };
  return { ports, rings, vault, clock, ring };
};

const kindsOf = (...reports: readonly RotationReport[]): string[] =>
  reports.flatMap(({ steps }) => steps.map((step) => step.kind));
const statesOf = (ring: KeyRing | undefined): string[] => (ring?.keys ?? []).map((key) => key.state);

describe('a run', () => {
  it('brings a new ring to its end: one key signs, one stands by', async () => {
    const { ports, ring, vault } = world();
    const reports = await rotateKeys(ports, SETTINGS)(8);
    const [first, second] = vault.keys.map((key) => key.kid);
    expect(reports).toMatchObject([
      {
        algorithm: 'ES256',
        steps: [
          { kind: 'create' },
          { kind: 'publish', kid: first },
          { kind: 'schedule-activation', kid: first },
          { kind: 'activate', kid: first },
          { kind: 'create' },
          { kind: 'publish', kid: second },
          { kind: 'schedule-activation', kid: second },
          { kind: 'sweep' },
        ],
      },
    ]);
    expect(ring().keys.map(({ kid, state, activateNotBefore }) => [kid, state, activateNotBefore])).toEqual([
      [first, 'active', NOW],
      [second, 'standby', NOW + 86_400],
    ]);
  });

  it('changes nothing the second time', async () => {
    const { ports, rings, vault } = world();
    await rotateKeys(ports, SETTINGS)(8);
    const before = structuredClone(rings.stored);
    const again = await rotateKeys(ports, SETTINGS)(8);
    expect([rings.stored, vault.keys.length, kindsOf(...again)]).toEqual([before, 2, []]);
  });

  it('takes as many steps as it may, and the next one goes on', async () => {
    const { ports } = world();
    const kinds: string[][] = [];
    for (let run = 0; run < 10; run += 1) kinds.push(kindsOf(...(await rotateKeys(ports, SETTINGS)(1))));
    expect(kinds).toEqual([...SETTLED.map((kind) => [kind]), [], []]);
  });

  it('brings every ring to its end, and lets no ring wait for the lead that had a key before the realm signed', async () => {
    const { ports, rings } = world();
    await rotateKeys(ports, { ...SETTINGS, algorithms: ['ES256', 'ES384'] })(8);
    expect([...rings.stored.values()].map(statesOf)).toEqual([
      ['active', 'standby'],
      ['active', 'standby'],
    ]);
  });

  it('of which one ring fails goes on with the others, and fails in the end', async () => {
    const { ports, ring, vault } = world();
    const failing: StepPorts = {
      ...ports,
      vault: {
        ...vault,
        create: (realm, algorithm, id) =>
          algorithm === 'RS256'
            ? Promise.reject(new Outage('kms:CreateKey', new Error('down')))
            : vault.create(realm, algorithm, id),
      },
    };
    await expect(rotateKeys(failing, { ...SETTINGS, algorithms: ['RS256', 'ES256'] })(8)).rejects.toMatchObject({
      operation: 'kms:CreateKey',
    });
    expect(statesOf(ring())).toEqual(['active', 'standby']);
  });

  it('that loses the race for a new key makes none', async () => {
    const { ports, vault } = world();
    const losing: StepPorts = { ...ports, rings: { ...ports.rings, save: async () => 'conflict' } };
    const reports = await rotateKeys(losing, SETTINGS)(8);
    expect([kindsOf(...reports), vault.keys]).toEqual([[], []]);
  });
});

describe('a key', () => {
  it('that cannot sign does not become the one that has to, and does once it can', async () => {
    const { ports, ring } = world();
    const broken = { ...ports, signer: { sign: () => Promise.reject(new Outage('kms:Sign', new Error('down'))) } };
    await expect(rotateKeys(broken, SETTINGS)(8)).rejects.toMatchObject({ operation: 'kms:Sign' });
    expect(statesOf(ring())).toEqual(['standby']);
    await rotateKeys(ports, SETTINGS)(8);
    expect(statesOf(ring())).toEqual(['active', 'standby']);
  });

  it('that some public key set does not name waits, however overdue the rotation is', async () => {
    const { ports, ring, clock } = world();
    await rotateKeys(ports, SETTINGS)(8);
    clock.time += SETTINGS.policy.periodSeconds;
    await rotateKeys({ ...ports, published: { name: async () => false } }, SETTINGS)(8);
    expect(statesOf(ring())).toEqual(['active', 'standby']);
    await rotateKeys(ports, SETTINGS)(8);
    expect(statesOf(ring())).toEqual(['retiring', 'active', 'standby']);
  });

  it('goes through its whole life, and out of KMS', async () => {
    const { ports, ring, clock, vault } = world();
    const kinds = kindsOf(...(await rotateKeys(ports, SETTINGS)(8)));
    const [first] = vault.keys;
    for (let day = 0; day < 75; day += 1) {
      clock.time += 86_400;
      const took = kindsOf(...(await rotateKeys(ports, SETTINGS)(8)));
      kinds.push(...took.filter((kind) => kind !== 'sweep'));
    }
    expect(kinds.slice(SETTLED.length, SETTLED.length + 8)).toEqual([
      ...['activate', 'create', 'publish', 'schedule-activation', 'retire', 'disable', 'schedule-deletion', 'forget'],
    ]);
    expect([first?.state, ring().keys.some((key) => key.kid === first?.kid)]).toEqual(['pending-deletion', false]);
  });
});

/** A ring whose first key has just been taken out of use, and its KMS key is about to be deleted. */
const retiredWorld = async () => {
  const made = world();
  await rotateKeys(made.ports, SETTINGS)(8);
  for (const seconds of [SETTINGS.policy.periodSeconds, 86_400, SETTINGS.policy.graceSeconds]) {
    made.clock.time += seconds;
    if (seconds !== SETTINGS.policy.graceSeconds) await rotateKeys(made.ports, SETTINGS)(8);
  }
  const [key] = made.vault.keys;
  if (key === undefined) throw new Error('no key was made');
  return { ...made, key };
};

/** The operator holds or releases the first key, by a write of his own. */
const hold = async ({ ports, ring }: ReturnType<typeof world>, on: boolean): Promise<void> => {
  const { version, keys } = ring();
  const changed = keys.map(({ hold: _before, ...key }, index) =>
    index === 0 && on ? { ...key, hold: true as const } : key,
  );
  await ports.rings.save({ ...ring(), version: version + 1, keys: changed });
};

describe('a key on hold', () => {
  it('survives a deletion that had begun before the hold was written', async () => {
    const made = await retiredWorld();
    const begun: string[] = [];
    const overtaken: StepPorts = {
      ...made.ports,
      vault: {
        ...made.vault,
        scheduleDeletion: async (keyArn) => {
          const deletionAt = await made.vault.scheduleDeletion(keyArn);
          begun.push(made.key.state);
          await hold(made, true);
          return deletionAt;
        },
      },
    };
    await rotateKeys(overtaken, SETTINGS)(1);
    expect([begun, statesOf(made.ring())[0]]).toEqual([['pending-deletion'], 'retired']);
    made.clock.time += SETTINGS.policy.sweepSeconds;
    await rotateKeys(made.ports, SETTINGS)(8);
    expect([made.key.state, made.key.deletionAt]).toEqual(['disabled', undefined]);
  });

  it('comes back from its deletion, and goes again once it is released', async () => {
    const made = await retiredWorld();
    await rotateKeys(made.ports, SETTINGS)(8);
    await hold(made, true);
    await rotateKeys(made.ports, SETTINGS)(8);
    expect([made.key.state, statesOf(made.ring())[0]]).toEqual(['disabled', 'retired']);
    await hold(made, false);
    await rotateKeys(made.ports, SETTINGS)(8);
    expect([made.key.state, statesOf(made.ring())[0]]).toEqual(['pending-deletion', 'pending-deletion']);
  });

  it('that KMS has deleted already keeps nothing else from happening', async () => {
    const made = await retiredWorld();
    await rotateKeys(made.ports, SETTINGS)(8);
    made.clock.time = made.key.deletionAt ?? 0;
    await hold(made, true);
    await rotateKeys(made.ports, SETTINGS)(8);
    expect(made.ring().keys.some((key) => key.kid === made.key.kid)).toBe(false);
  });
});

describe('a key that KMS deleted while nobody ran', () => {
  it('is forgotten: the word of its deletion was lost', async () => {
    const made = await retiredWorld();
    made.clock.time = (await made.vault.scheduleDeletion(made.key.keyArn)) ?? 0;
    await rotateKeys(made.ports, SETTINGS)(8);
    expect(made.ring().keys.some((key) => key.kid === made.key.kid)).toBe(false);
  });
});

describe('a key that has signed after its time', () => {
  it('is not deleted, and the run says why', async () => {
    const made = await retiredWorld();
    made.key.lastUsedAt = made.clock.time;
    await expect(rotateKeys(made.ports, SETTINGS)(8)).rejects.toThrow(/signed after it was taken out of use/);
    expect([made.key.state, statesOf(made.ring())[0]]).toEqual(['disabled', 'retired']);
  });
});

describe('the birth of a realm with two rings', () => {
  it('lets a ring wait for the lead whose key was published while another began to sign', async () => {
    const { ports, rings } = world();
    const both: RotateKeysSettings = { ...SETTINGS, algorithms: ['ES256', 'ES384'] };
    await rotateKeys(ports, both)(1);
    // Another run brings the first ring into service between the reads and the write of this one.
    const overtaken: StepPorts = {
      ...ports,
      rings: {
        ...ports.rings,
        save: async (ring) => {
          const saved = await ports.rings.save(ring);
          if (ring.algorithm === 'ES384' && ring.version === 3) await rotateKeys(ports, SETTINGS)(4, 'ES256');
          return saved;
        },
      },
    };
    await rotateKeys(overtaken, both)(2, 'ES384');
    const [key] = rings.stored.get('default/ES384')?.keys ?? [];
    expect([statesOf(rings.stored.get('default/ES256'))[0], key?.state, key?.activateNotBefore]).toEqual([
      ...['active', 'standby', NOW + 86_400],
    ]);
  });
});

describe('in a realm of the Microsoft profile', () => {
  const certificates = { commonName: '9d3cba71-5f0e-4b8c-9a1f-2f6de15b7c34@contoso.example', days: 243 };
  const CERTIFIED = { ...SETTINGS, algorithms: ['RS256'] as const, policy: rotationPolicy({ certificates }) };
  const keysOf = ({ rings }: ReturnType<typeof world>) => rings.stored.get('default/RS256')?.keys ?? [];

  it('every key gets a certificate before it is published', async () => {
    const made = world();
    const reports = await rotateKeys(made.ports, CERTIFIED)(12);
    expect(kindsOf(...reports)).toEqual([
      ...['create', 'certify', 'publish', 'schedule-activation', 'activate'],
      ...['create', 'certify', 'publish', 'schedule-activation', 'sweep'],
    ]);
    for (const { jwk, certificates: [leaf = ''] = [], certifiedAt } of keysOf(made)) {
      const certificate = new X509Certificate(Buffer.from(leaf, 'base64'));
      const key = createPublicKey({ key: { ...jwk }, format: 'jwk' });
      expect([certificate.subject, certificate.issuer]).toEqual(Array(2).fill(`CN=${certificates.commonName}`));
      expect([certificate.verify(key), certificate.publicKey.equals(key), certifiedAt]).toEqual([
        true,
        true,
        undefined,
      ]);
      expect(certificate.validToDate.getTime() - certificate.validFromDate.getTime()).toBe(243 * 86_400_000);
    }
  });

  it('keys from before that get theirs at the next run, and the standby waits until it is known', async () => {
    const made = world();
    await rotateKeys(made.ports, { ...CERTIFIED, policy: rotationPolicy() })(12);
    made.clock.time += 80_000;
    const [active, standby] = keysOf(made);
    const reports = await rotateKeys(made.ports, CERTIFIED)(12);
    expect(reports.flatMap(({ steps }) => steps)).toEqual([
      { kind: 'certify', kid: standby?.kid },
      { kind: 'certify', kid: active?.kid },
    ]);
    expect(keysOf(made).map(({ certifiedAt }) => certifiedAt)).toEqual([undefined, NOW + 80_000]);
    const [, certified] = keysOf(made);
    expect(certified === undefined ? 0 : standbyReadyAt(certified, CERTIFIED.policy)).toBe(NOW + 80_000 + 86_400);
  });

  it('certificates that an operator has handed in stay', async () => {
    const made = world();
    await rotateKeys(made.ports, { ...CERTIFIED, policy: rotationPolicy() })(12);
    const stored = made.rings.stored.get('default/RS256');
    const imported = ['MIIBleaf', 'MIIBissuer'];
    if (stored !== undefined)
      made.rings.stored.set('default/RS256', {
        ...stored,
        keys: stored.keys.map((key) => ({ ...key, certificates: imported })),
      });
    expect(kindsOf(...(await rotateKeys(made.ports, CERTIFIED)(12, 'RS256')))).toEqual([]);
    expect(keysOf(made).map((key) => key.certificates)).toEqual([imported, imported]);
  });

  it('no key is published while KMS does not sign for it', async () => {
    const made = world();
    const down = () => Promise.reject(new Outage('kms:Sign', new Error('down')));
    await expect(rotateKeys({ ...made.ports, selfSign: down }, CERTIFIED)(12)).rejects.toThrow(Outage);
    expect(statesOf(made.rings.stored.get('default/RS256'))).toEqual(['created']);
    await rotateKeys(made.ports, CERTIFIED)(12);
    expect(statesOf(made.rings.stored.get('default/RS256'))).toEqual(['active', 'standby']);
  });
});

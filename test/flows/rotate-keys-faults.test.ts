import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CERTIFICATE_MAX_DAYS } from '../../functions/core/certificate-terms.ts';
import type { KeyRing } from '../../functions/core/key-ring.ts';
import type { RotationStep } from '../../functions/core/rotation-plan.ts';
import { type RotateKeysSettings, rotateKeys } from '../../functions/flows/rotate-keys.ts';
import { selfSign } from '../../functions/flows/self-sign.ts';
import type { StepPorts } from '../../functions/flows/take-rotation-step.ts';
import { NOW, REALM, rotationPolicy } from '../support/builders.ts';
import { memoryRings, testClock } from './in-memory.ts';
import { memoryVault } from './memory-vault.ts';

const SETTINGS: RotateKeysSettings = { realm: REALM, algorithms: ['ES256'], policy: rotationPolicy() };

const world = () => {
  const clock = testClock(NOW);
  const [rings, vault] = [memoryRings(), memoryVault('kms', clock)];
  let ids = 0;
  const ports: StepPorts = {
    ...{ rings, vault, signer: vault, clock },
    selfSign: selfSign({ signer: vault, clock, serials: { next: () => new Uint8Array(20) } }, CERTIFICATE_MAX_DAYS),
    published: { name: async () => true },
    ids: { next: () => `creation-${++ids}` },
  };
  return { ports, rings, vault, clock };
};

const statesOf = (ring: KeyRing | undefined): string[] => (ring?.keys ?? []).map((key) => key.state);

/** Every call to the world outside, seen by `around`. */
const wrapped = (
  { clock, ids, published, rings, selfSign: certify, signer, vault }: StepPorts,
  around: <Value>(name: string, call: () => Promise<Value>) => Promise<Value>,
): StepPorts => ({
  ...{ clock, ids },
  published: { name: (kid) => around('name', () => published.name(kid)) },
  selfSign: (algorithm, key, order) => around('selfSign', () => certify(algorithm, key, order)),
  signer: { sign: (key, algorithm, input) => around('sign', () => signer.sign(key, algorithm, input)) },
  vault: {
    create: (realm, algorithm, id) => around('create', () => vault.create(realm, algorithm, id)),
    listTagged: (realm, algorithm) => around('listTagged', () => vault.listTagged(realm, algorithm)),
    disable: (keyArn) => around('disable', () => vault.disable(keyArn)),
    lastUsedAt: (keyArn) => around('lastUsedAt', () => vault.lastUsedAt(keyArn)),
    scheduleDeletion: (keyArn) => around('scheduleDeletion', () => vault.scheduleDeletion(keyArn)),
    cancelDeletion: (keyArn) => around('cancelDeletion', () => vault.cancelDeletion(keyArn)),
  },
  rings: {
    load: (realm, algorithm) => around('load', () => rings.load(realm, algorithm)),
    list: (realm) => around('list', () => rings.list(realm)),
    save: (ring) => around('save', () => rings.save(ring)),
  },
});

describe('a run that crashes', () => {
  const CALLS = 27;

  it(`makes ${CALLS} calls when nothing happens`, async () => {
    const calls: string[] = [];
    const seen = wrapped(world().ports, (name, call) => {
      calls.push(name);
      return call();
    });
    await rotateKeys(seen, SETTINGS)(8);
    expect(calls).toHaveLength(CALLS);
  });

  it.each(
    Array.from({ length: CALLS }, (_, index) => index + 1).flatMap((call) => [
      [call, 'before'] as const,
      [call, 'after'] as const,
    ]),
  )('at call %i, %s it was done, is completed by the next ones', async (fatal, when) => {
    const { ports, rings, vault, clock } = world();
    let calls = 0;
    const crashing = wrapped(ports, async (_name, call) => {
      calls += 1;
      if (calls === fatal && when === 'before') throw new Error('crash');
      const value = await call();
      if (calls >= fatal) throw new Error('crash');
      return value;
    });
    await expect(rotateKeys(crashing, SETTINGS)(8)).rejects.toThrow('crash');
    await rotateKeys(ports, SETTINGS)(8);
    // A creation that has been given up is taken up again, and what it left in KMS is collected by the next sweep.
    clock.time += SETTINGS.policy.creationSeconds;
    await rotateKeys(ports, SETTINGS)(8);
    clock.time += SETTINGS.policy.sweepSeconds;
    await rotateKeys(ports, SETTINGS)(8);
    const ring = rings.stored.get('default/ES256');
    expect(statesOf(ring).slice(-2)).toEqual(['active', 'standby']);
    const known = ring?.keys.map((key) => key.keyArn);
    const enabled = vault.keys.filter((key) => key.state === 'enabled').map((key) => key.keyArn);
    expect(enabled).toEqual(known);
  });
});

describe('runs at the same time', () => {
  it('in any interleaving make one active key and no key too many, take each step once, and end settled', async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), fc.integer({ min: 2, max: 3 }), async (scheduler, count) => {
        const { ports, rings, vault, clock } = world();
        let mostActive = 0;
        const watched = wrapped(ports, async (name, call) => {
          await scheduler.schedule(Promise.resolve(), name);
          const value = await call();
          const active = statesOf(rings.stored.get('default/ES256')).filter((state) => state === 'active');
          mostActive = Math.max(mostActive, active.length);
          return value;
        });
        const runs = Array.from({ length: count }, () => rotateKeys(watched, SETTINGS)(8));
        const reports = (await scheduler.waitFor(Promise.all(runs))).flat();
        clock.time += SETTINGS.policy.creationSeconds;
        const more = await rotateKeys(ports, SETTINGS)(8);
        const steps: RotationStep[] = [...reports, ...more].flatMap((report) => report.steps);
        const keySteps = steps.filter((step) => 'kid' in step).map((step) => JSON.stringify(step));
        expect(new Set(keySteps).size).toBe(keySteps.length);
        expect([mostActive, vault.keys.length]).toEqual([1, 2]);
        expect(statesOf(rings.stored.get('default/ES256'))).toEqual(['active', 'standby']);
      }),
      { numRuns: 200 },
    );
  });
});

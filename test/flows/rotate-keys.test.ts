import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { KeyRing, RotationStep } from '../../functions/core/key-ring.ts';
import {
  type RotateKeysPorts,
  type RotateKeysSettings,
  type RotationReport,
  rotateKeys,
} from '../../functions/flows/rotate-keys.ts';
import { Outage } from '../../functions/ports.ts';
import { NOW, REALM } from '../support/builders.ts';
import { memoryKeys, memoryRings, testClock } from './in-memory.ts';

const SETTINGS: RotateKeysSettings = {
  realm: REALM,
  algorithms: ['ES256'],
  policy: { leadSeconds: 86_400, maxTokenSeconds: 3_600 },
};
const SETTLED = ['create', 'publish', 'activate', 'create', 'publish'];

const world = () => {
  const [rings, keys, clock] = [memoryRings(), memoryKeys('kms'), testClock()];
  const ports: RotateKeysPorts = { rings, keys, signer: keys, clock };
  return { ports, rings, keys, clock };
};

const kindsOf = (...reports: readonly RotationReport[]): string[] =>
  reports.flatMap(({ steps }) => steps.map((step) => step.kind));
const statesOf = (ring: KeyRing | undefined): string[] => (ring?.keys ?? []).map((key) => key.state);

describe('a run', () => {
  it('brings a new ring to its end: one key signs, one stands by', async () => {
    const { ports, rings, keys } = world();
    const reports = await rotateKeys(ports, SETTINGS)(8);
    const ring = rings.stored.get('default/ES256');
    const [first, second] = keys.pairs.map((pair) => pair.thumbprint);
    expect(reports).toEqual([
      {
        algorithm: 'ES256',
        version: 5,
        steps: [
          { kind: 'create' },
          { kind: 'publish', kid: first },
          { kind: 'activate', kid: first },
          { kind: 'create' },
          { kind: 'publish', kid: second },
        ],
      },
    ]);
    expect(ring?.keys.map(({ kid, state, activateNotBefore }) => [kid, state, activateNotBefore])).toEqual([
      [first, 'active', NOW],
      [second, 'standby', NOW + 86_400],
    ]);
  });

  it('changes nothing the second time, nor a year later', async () => {
    const { ports, rings, keys, clock } = world();
    await rotateKeys(ports, SETTINGS)(8);
    const before = structuredClone(rings.stored);
    const again = await rotateKeys(ports, SETTINGS)(8);
    clock.time = NOW + 31_536_000;
    const later = await rotateKeys(ports, SETTINGS)(8);
    expect([rings.stored, keys.pairs.length, kindsOf(...again, ...later)]).toEqual([before, 2, []]);
  });

  it('takes as many steps as it may, and the next one goes on', async () => {
    const { ports } = world();
    const kinds: string[][] = [];
    for (let run = 0; run < 7; run += 1) kinds.push(kindsOf(...(await rotateKeys(ports, SETTINGS)(1))));
    expect(kinds).toEqual([...SETTLED.map((kind) => [kind]), [], []]);
  });

  it('brings every ring to its end', async () => {
    const { ports, rings } = world();
    await rotateKeys(ports, { ...SETTINGS, algorithms: ['ES256', 'ES384'] })(8);
    expect([...rings.stored.values()].map(statesOf)).toEqual([
      ['active', 'standby'],
      ['active', 'standby'],
    ]);
  });

  it('of which one ring fails goes on with the others, and fails in the end', async () => {
    const { ports, rings, keys } = world();
    const failing: RotateKeysPorts = {
      ...ports,
      keys: {
        create: (realm, algorithm) =>
          algorithm === 'RS256'
            ? Promise.reject(new Outage('kms:CreateKey', new Error('down')))
            : keys.create(realm, algorithm),
      },
    };
    await expect(rotateKeys(failing, { ...SETTINGS, algorithms: ['RS256', 'ES256'] })(8)).rejects.toMatchObject({
      operation: 'kms:CreateKey',
    });
    expect(statesOf(rings.stored.get('default/ES256'))).toEqual(['active', 'standby']);
  });

  it('that loses every race leaves the rest to the others', async () => {
    const { ports, keys } = world();
    const reports = await rotateKeys(
      { ...ports, rings: { ...ports.rings, save: async () => 'conflict' } },
      SETTINGS,
    )(8);
    expect([reports, keys.pairs.length]).toEqual([[{ algorithm: 'ES256', version: 0, steps: [] }], 5]);
  });
});

describe('a key that cannot sign', () => {
  it('does not become the one that has to, and does once it can', async () => {
    const { ports, rings } = world();
    const broken = { ...ports, signer: { sign: () => Promise.reject(new Outage('kms:Sign', new Error('down'))) } };
    await expect(rotateKeys(broken, SETTINGS)(8)).rejects.toMatchObject({ operation: 'kms:Sign' });
    expect(statesOf(rings.stored.get('default/ES256'))).toEqual(['standby']);
    await rotateKeys(ports, SETTINGS)(8);
    expect(statesOf(rings.stored.get('default/ES256'))).toEqual(['active', 'standby']);
  });
});

/** Every call to the world outside, seen by `around`. */
const wrapped = (
  ports: RotateKeysPorts,
  around: <Value>(name: string, call: () => Promise<Value>) => Promise<Value>,
): RotateKeysPorts => ({
  clock: ports.clock,
  keys: { create: (realm, algorithm) => around('create', () => ports.keys.create(realm, algorithm)) },
  signer: { sign: (key, algorithm, input) => around('sign', () => ports.signer.sign(key, algorithm, input)) },
  rings: {
    load: (realm, algorithm) => around('load', () => ports.rings.load(realm, algorithm)),
    save: (ring) => around('save', () => ports.rings.save(ring)),
  },
});

describe('a run that crashes', () => {
  const CALLS = 14;

  it(`makes ${CALLS} calls when nothing happens`, async () => {
    let calls = 0;
    await rotateKeys(
      wrapped(world().ports, (_name, call) => {
        calls += 1;
        return call();
      }),
      SETTINGS,
    )(8);
    expect(calls).toBe(CALLS);
  });

  it.each(
    Array.from({ length: CALLS }, (_, index) => index + 1).flatMap((call) => [
      [call, 'before'] as const,
      [call, 'after'] as const,
    ]),
  )('at call %i, %s it was done, is completed by the next', async (fatal, when) => {
    const { ports, rings, keys } = world();
    let calls = 0;
    const crashing = wrapped(ports, async (_name, call) => {
      calls += 1;
      if (calls === fatal && when === 'before') throw new Error('crash');
      const value = await call();
      if (calls === fatal) throw new Error('crash');
      return value;
    });
    await expect(rotateKeys(crashing, SETTINGS)(8)).rejects.toThrow('crash');
    await rotateKeys(ports, SETTINGS)(8);
    expect(statesOf(rings.stored.get('default/ES256'))).toEqual(['active', 'standby']);
    // A key that KMS made and no ring knows is the one thing that a crash can leave behind.
    expect(keys.pairs.length).toBeLessThanOrEqual(3);
  });
});

describe('runs at the same time', () => {
  it('in any interleaving make one active key, take each step once, and end settled', async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), fc.integer({ min: 2, max: 3 }), async (scheduler, count) => {
        const { ports, rings } = world();
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
        const more = await rotateKeys(ports, SETTINGS)(8);
        const steps: RotationStep[] = [...reports, ...more].flatMap((report) => report.steps);
        expect(steps.map((step) => step.kind).sort()).toEqual([...SETTLED].sort());
        expect(new Set(steps.map((step) => JSON.stringify(step))).size).toBe(SETTLED.length - 1);
        expect([mostActive, statesOf(rings.stored.get('default/ES256'))]).toEqual([1, ['active', 'standby']]);
      }),
      { numRuns: 200 },
    );
  });
});

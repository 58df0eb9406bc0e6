/**
 * Brings each ring of a realm to where it should be: load, plan, do one step, save by version. Safe to run twice, late or at
 * the same time as another run: a step finds its work done, or the version refuses it and the ring is looked at again.
 * A crash between any two calls leaves a state from which the next run goes on.
 */

import type { JwsAlgorithm } from '../core/algorithms.ts';
import { type ExpiringCertificate, expiringCertificates } from '../core/certificate.ts';
import { emptyRing, type KeyRing, type RotationPolicy } from '../core/key-ring.ts';
import { planRotation, type RotationStep } from '../core/rotation-plan.ts';
import type { RingStore } from '../ports.ts';
import { type StepPorts, takeStep } from './take-rotation-step.ts';

export interface RotateKeysSettings {
  readonly realm: string;
  /** Rings that the realm has whether or not they exist yet. */
  readonly algorithms: readonly JwsAlgorithm[];
  readonly policy: RotationPolicy;
}

/** What a run did to a ring, for the audit. */
export interface RotationReport {
  readonly algorithm: JwsAlgorithm;
  readonly steps: readonly RotationStep[];
  /** Published keys whose certificates end soon, as the ring was before the run; none when the run is about one ring only. */
  readonly expiring: readonly ExpiringCertificate[];
}

/** @param only the ring to look after; absent: all. */
export type RotateKeys = (maxStepsPerRing: number, only?: JwsAlgorithm) => Promise<readonly RotationReport[]>;

/** A run that keeps losing to others leaves the rest to them. */
const MAX_CONFLICTS = 5;

/** @throws Outage when KMS or DynamoDB did not answer; what was done until then stays done and the next run goes on. */
export const rotateKeys =
  (ports: StepPorts, settings: RotateKeysSettings): RotateKeys =>
  async (maxStepsPerRing, only) => {
    const steps = new Map<JwsAlgorithm, RotationStep[]>();
    const failures: unknown[] = [];
    const stored = only === undefined ? await ports.rings.list(settings.realm) : [];
    let waiting = only === undefined ? algorithmsOf(stored, settings) : [only];
    // Ring by ring, a step at a time: a new realm publishes the keys of all its rings before the first of them signs.
    for (let round = 0; round < maxStepsPerRing && waiting.length > 0; round += 1) {
      const moved: JwsAlgorithm[] = [];
      for (const algorithm of waiting) {
        try {
          const step = await advance(ports, settings, algorithm);
          steps.set(algorithm, [...(steps.get(algorithm) ?? []), ...(step === undefined ? [] : [step])]);
          if (step !== undefined) moved.push(algorithm);
        } catch (error) {
          // A ring that cannot go on must not keep the others from it.
          failures.push(error);
        }
      }
      waiting = moved;
    }
    if (failures.length > 0) throw failures[0];
    const expiring = expiringCertificates(stored, ports.clock.now());
    return [...steps].map(([algorithm, taken]) => ({
      algorithm,
      steps: taken,
      expiring: expiring.filter((certificate) => certificate.algorithm === algorithm),
    }));
  };

/** Configured rings, and those that an operator has added. */
const algorithmsOf = (stored: readonly KeyRing[], { algorithms }: RotateKeysSettings): readonly JwsAlgorithm[] => [
  ...new Set([...algorithms, ...stored.map((ring) => ring.algorithm)]),
];

/** Does the one step that is due. @returns it, or `undefined` if there is nothing to do now. */
const advance = async (
  ports: StepPorts,
  { realm, policy }: RotateKeysSettings,
  algorithm: JwsAlgorithm,
): Promise<RotationStep | undefined> => {
  for (let conflicts = 0; conflicts < MAX_CONFLICTS; conflicts += 1) {
    const ring = (await ports.rings.load(realm, algorithm)) ?? emptyRing(realm, algorithm);
    const step = planRotation(ports.clock.now(), ring, policy);
    if (step === undefined) return undefined;
    const changed = await takeStep(ports, policy, ring, step, () => isLive(ports.rings, realm));
    if (changed === undefined) return undefined;
    if ((await ports.rings.save(changed)) === 'saved') return step;
  }
  return undefined;
};

/** Whether any ring of the realm has ever signed: if so, some verifier may have a key set without the newest key. */
const isLive = async (rings: RingStore, realm: string): Promise<boolean> => (await rings.list(realm)).some(hasSigned);

const hasSigned = (ring: KeyRing): boolean => ring.keys.some((key) => key.activatedAt !== undefined);

/**
 * Brings each ring of a realm to where it should be: load, plan, do one step, save by version. Safe to run twice, late or at
 * the same time as another run: a step finds its work done, or the version refuses it and the ring is looked at again.
 */

import type { JwsAlgorithm } from '../core/algorithms.ts';
import {
  emptyRing,
  type KeyRing,
  planRotation,
  type RotationPolicy,
  type RotationStep,
  withActiveKey,
  withCreatedKey,
  withPublishedKey,
} from '../core/key-ring.ts';
import type { Clock, KeyMaker, RingStore, Signer } from '../ports.ts';

export interface RotateKeysPorts {
  readonly rings: RingStore;
  readonly keys: KeyMaker;
  readonly signer: Signer;
  readonly clock: Clock;
}

export interface RotateKeysSettings {
  readonly realm: string;
  readonly algorithms: readonly JwsAlgorithm[];
  readonly policy: RotationPolicy;
}

/** What a run did to a ring, for the audit. */
export interface RotationReport {
  readonly algorithm: JwsAlgorithm;
  readonly version: number;
  readonly steps: readonly RotationStep[];
}

export type RotateKeys = (maxStepsPerRing: number) => Promise<readonly RotationReport[]>;

/** A run that keeps losing to others leaves the rest to them. */
const MAX_CONFLICTS = 5;

/** @throws Outage when KMS or DynamoDB did not answer; what was done until then stays done and the next run goes on. */
export const rotateKeys =
  (ports: RotateKeysPorts, settings: RotateKeysSettings): RotateKeys =>
  async (maxStepsPerRing) => {
    const reports: RotationReport[] = [];
    const failures: unknown[] = [];
    for (const algorithm of settings.algorithms) {
      try {
        reports.push(await rotateRing(ports, settings, algorithm, maxStepsPerRing));
      } catch (error) {
        // A ring that cannot go on must not keep the others from it.
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
    return reports;
  };

const rotateRing = async (
  ports: RotateKeysPorts,
  { realm, policy }: RotateKeysSettings,
  algorithm: JwsAlgorithm,
  maxSteps: number,
): Promise<RotationReport> => {
  const steps: RotationStep[] = [];
  let conflicts = 0;
  for (;;) {
    const ring = (await ports.rings.load(realm, algorithm)) ?? emptyRing(realm, algorithm, policy);
    const step = planRotation(ports.clock.now(), ring);
    if (step === undefined || steps.length >= maxSteps || conflicts >= MAX_CONFLICTS) {
      return { algorithm, version: ring.version, steps };
    }
    const changed = await takeStep(ports, policy, ring, step);
    if ((await ports.rings.save(changed)) === 'saved') steps.push(step);
    else conflicts += 1;
  }
};

const takeStep = async (
  { keys, signer, clock }: RotateKeysPorts,
  policy: RotationPolicy,
  ring: KeyRing,
  step: RotationStep,
): Promise<KeyRing> => {
  switch (step.kind) {
    case 'create': {
      const made = await keys.create(ring.realm, ring.algorithm);
      return withCreatedKey(ring, { ...made, createdAt: clock.now() });
    }
    case 'publish':
      return withPublishedKey(ring, step.kid, policy, clock.now());
    case 'activate': {
      const key = ring.keys.find((each) => each.kid === step.kid);
      // A key that cannot sign must not become the one that has to.
      if (key !== undefined) await signer.sign(key, ring.algorithm, 'countersign activation test');
      return withActiveKey(ring, step.kid, clock.now());
    }
  }
};

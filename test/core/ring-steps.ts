/** The steps of a rotation with nothing around them: what the plan says is done, and KMS does as it is told. */

import {
  type KeyRing,
  type RotationPolicy,
  withActivationTime,
  withActiveKey,
  withCertificates,
  withCreatedKey,
  withCreationBegun,
  withDeletion,
  withDeletionCancelled,
  withDisabledKey,
  withLongerTokens,
  withoutKey,
  withPublishedKey,
  withRetiredKey,
  withSweep,
} from '../../functions/core/key-ring.ts';
import { planRotation } from '../../functions/core/rotation-plan.ts';

const WAITING_SECONDS = 604_800;

/** Does what the plan says, with key number `number` where one is to be made. */
export const step = (ring: KeyRing, now: number, policy: RotationPolicy, number: number): KeyRing => {
  const planned = planRotation(now, ring, policy);
  if (planned === undefined) return ring;
  switch (planned.kind) {
    case 'create':
    case 'resume-creation':
      return withCreatedKey(withCreationBegun(ring, { id: `creation-${number}`, startedAt: now }), {
        ...{ kid: `key-${number}`, keyArn: `arn:${number}`, jwk: { kty: 'RSA' }, createdAt: now },
      });
    case 'sweep':
      return withSweep(ring, now);
    case 'certify':
      return withCertificates(ring, planned.kid, [`certificate of ${planned.kid}`], now);
    case 'publish':
      return withPublishedKey(ring, planned.kid, policy, now);
    case 'schedule-activation':
      return withActivationTime(
        ring,
        planned.kid,
        policy,
        ring.keys.some((key) => key.activatedAt !== undefined),
      );
    case 'activate':
      return withActiveKey(ring, planned.kid, policy, now);
    case 'lengthen':
      return withLongerTokens(ring, planned.kid, policy, now);
    case 'retire':
      return withRetiredKey(ring, planned.kid, policy, now);
    case 'disable':
      return withDisabledKey(ring, planned.kid, now);
    case 'schedule-deletion':
      return withDeletion(ring, planned.kid, now + WAITING_SECONDS);
    case 'cancel-deletion':
      return withDeletionCancelled(ring, planned.kid);
    case 'forget':
      return withoutKey(ring, planned.kid);
  }
};

/** Step after step at one time, until there is none. */
export const settle = (ring: KeyRing, now: number, policy: RotationPolicy): { ring: KeyRing; kinds: string[] } => {
  const kinds: string[] = [];
  let current = ring;
  for (
    let planned = planRotation(now, current, policy);
    planned !== undefined;
    planned = planRotation(now, current, policy)
  ) {
    kinds.push(planned.kind);
    if (kinds.length > 60) throw new Error('the plan has no end');
    current = step(current, now, policy, kinds.length);
  }
  return { ring: current, kinds };
};
